//! Derivatives of one tick of many neurons.
//!
//! The tick is run again on the way back, which costs less than to keep what lies between. Then
//! each operation hands its adjoint, the derivative of the loss with respect to its value, on to its
//! operands. One comparison is differentiable, that of the `spike` line: its slope is the surrogate.

use numerics::wide;

use super::program::{BLOCK, Program, Row, Scratch, Tick, block, one, part, two};
use super::surrogate::Surrogate;
use crate::equations::Op;
use crate::real::Real;

/// Adjoints of what a tick writes and reads.
pub(super) struct Adjoints<'a, T> {
    /// Of the states after the tick; replaced by those of the states before it.
    pub(super) states: &'a mut [T],
    /// Of the spikes; empty if the model does not spike.
    pub(super) spikes: &'a [T],
    /// Receives those of the currents.
    pub(super) forward: &'a mut [T],
    pub(super) recurrent: &'a mut [T],
    /// Those of constant `c` of neuron `i` are added at `c * n + i`; empty: not wanted.
    pub(super) constants: &'a mut [T],
}

impl Program {
    /// Memory for [`tick`](Self::tick) and [`pull`](Self::pull).
    pub(super) fn scratch<T: Real>(&self, surrogate: &Surrogate) -> Scratch<T> {
        let mut values = vec![Row::ZERO; self.ops.len()];
        self.literals(&mut values);
        let adjoints = vec![Row::ZERO; self.ops.len()];
        Scratch { values, adjoints, surrogate: surrogate.scratch() }
    }

    /// The derivatives of one tick, which is computed again.
    pub(super) fn pull<T: Real>(
        &self,
        scratch: &mut Scratch<T>,
        tick: &Tick<'_, T>,
        adjoints: &mut Adjoints<'_, T>,
        surrogate: &Surrogate,
    ) {
        pull(self, scratch, tick, adjoints, surrogate);
    }

    /// Adjoints of one block, last operation first.
    #[inline(always)]
    fn sweep<T: Real>(
        &self,
        scratch: &mut Scratch<T>,
        wanted: &mut Adjoints<'_, T>,
        (n, base): (usize, usize),
        surrogate: &Surrogate,
        smooth: Option<f64>,
    ) {
        let Scratch { values, adjoints, surrogate: working } = scratch;
        for (adjoint, &active) in adjoints.iter_mut().zip(&self.active) {
            if active {
                *adjoint = Row::ZERO;
            }
        }
        for (state, &op) in self.next.iter().enumerate() {
            if self.active[op as usize] {
                add(&mut adjoints[op as usize].0, part(&wanted.states[state * n + base..]));
            }
        }
        if let Some(op) = self.fired
            && self.active[op as usize]
            && !wanted.spikes.is_empty()
        {
            add(&mut adjoints[op as usize].0, part(&wanted.spikes[base..]));
        }
        // What the tick does not read has no influence.
        for state in 0..self.next.len() {
            *block(&mut wanted.states[state * n + base..]) = [T::ZERO; BLOCK];
        }
        *block(&mut wanted.forward[base..]) = [T::ZERO; BLOCK];
        if self.recurrent {
            *block(&mut wanted.recurrent[base..]) = [T::ZERO; BLOCK];
        }
        for (index, op) in self.ops.iter().enumerate().rev() {
            if !self.active[index] {
                continue;
            }
            let (before, rest) = adjoints.split_at_mut(index);
            let (y, value) = (&rest[0].0, &values[index].0);
            let row = |operand: u32| &values[operand as usize].0;
            let active = |operand: u32| self.active[operand as usize];
            // Adds f(adjoint, lane) to the adjoint of an operand that matters.
            let mut give = |operand: u32, f: &dyn Fn(&mut [T; BLOCK])| {
                if active(operand) {
                    f(&mut before[operand as usize].0);
                }
            };
            match *op {
                Op::Forward => *block(&mut wanted.forward[base..]) = *y,
                Op::Recurrent => *block(&mut wanted.recurrent[base..]) = *y,
                Op::State(state) => *block(&mut wanted.states[state as usize * n + base..]) = *y,
                Op::Constant(constant) => {
                    if !wanted.constants.is_empty() {
                        add(block(&mut wanted.constants[constant as usize * n + base..]), y);
                    }
                }
                Op::Add(a, b) => {
                    give(a, &|to| add(to, y));
                    give(b, &|to| add(to, y));
                }
                Op::Sub(a, b) => {
                    give(a, &|to| add(to, y));
                    give(b, &|to| gather(to, |lane| -y[lane]));
                }
                Op::Mul(a, b) | Op::And(a, b) => {
                    let (first, second) = (row(a), row(b));
                    give(a, &|to| gather(to, |lane| product(y[lane], second[lane])));
                    give(b, &|to| gather(to, |lane| product(y[lane], first[lane])));
                }
                Op::Or(a, b) => {
                    let (first, second) = (row(a), row(b));
                    give(a, &|to| gather(to, |lane| y[lane] * (T::ONE - second[lane])));
                    give(b, &|to| gather(to, |lane| y[lane] * (T::ONE - first[lane])));
                }
                Op::Neg(a) | Op::Not(a) => give(a, &|to| gather(to, |lane| -y[lane])),
                Op::Abs(a) => {
                    let a_row = row(a);
                    give(a, &|to| {
                        gather(to, |lane| if a_row[lane] < T::ZERO { -y[lane] } else { y[lane] });
                    });
                }
                Op::Less(..) | Op::LessEqual(..) => {
                    let Some((_, left, right)) = self.spike else { continue };
                    let (l, r) = (row(left), row(right));
                    let mut slope = Row::ZERO;
                    match smooth {
                        None => {
                            let mut u = Row::ZERO;
                            two(&mut u.0, l, r, |l, r| l - r);
                            surrogate.slopes(working, &u, &mut slope);
                        }
                        Some(k) => one(&mut slope.0, value, |s| T::of(k) * s * (T::ONE - s)),
                    }
                    give(left, &|to| gather(to, |lane| product(y[lane], slope.0[lane])));
                    give(right, &|to| gather(to, |lane| product(-y[lane], slope.0[lane])));
                }
                Op::Select(c, a, b) => {
                    let (choice, first, second) = (row(c), row(a), row(b));
                    if smooth.is_some() && self.soft[c as usize] {
                        give(a, &|to| gather(to, |lane| y[lane] * choice[lane]));
                        give(b, &|to| gather(to, |lane| y[lane] * (T::ONE - choice[lane])));
                    } else {
                        let chosen = |lane: usize| choice[lane] > T::ZERO;
                        give(a, &|to| gather(to, |lane| if chosen(lane) { y[lane] } else { T::ZERO }));
                        give(b, &|to| gather(to, |lane| if chosen(lane) { T::ZERO } else { y[lane] }));
                    }
                    if self.open[index] {
                        give(c, &|to| gather(to, |lane| product(y[lane], first[lane] - second[lane])));
                    }
                }
                Op::Mantissa(a) => {
                    let x = row(a);
                    give(a, &|to| gather(to, |lane| product(y[lane], value[lane] / x[lane])));
                }
                Op::ReciprocalSeed(a) => {
                    give(a, &|to| gather(to, |lane| product(-y[lane], value[lane] * value[lane])));
                }
                Op::RootSeed(a) => {
                    let half = T::of(-0.5);
                    give(a, &|to| {
                        gather(to, |lane| product(half * y[lane], value[lane] * value[lane] * value[lane]));
                    });
                }
                Op::Literal(_) | Op::Floor(_) | Op::Equal(..) | Op::PowerOfTwo(_) | Op::Exponent(_) => {}
            }
        }
    }
}

wide! {
    fn pull[T: Real][T](
        program: &Program,
        scratch: &mut Scratch<T>,
        tick: &Tick<'_, T>,
        adjoints: &mut Adjoints<'_, T>,
        surrogate: &Surrogate,
    ) {
        let n = tick.forward.len();
        if !tick.individual {
            program.share(&mut scratch.values, tick.constants);
        }
        for base in (0..n).step_by(BLOCK) {
            program.values(&mut scratch.values, tick, base);
            program.sweep(scratch, adjoints, (n, base), surrogate, tick.smooth);
        }
    }
}

/// `adjoint · slope`, and 0 where the adjoint is: what is not chosen may be infinite.
#[inline(always)]
fn product<T: Real>(adjoint: T, slope: T) -> T {
    if adjoint == T::ZERO { T::ZERO } else { adjoint * slope }
}

#[inline(always)]
fn gather<T: Real>(to: &mut [T; BLOCK], f: impl Fn(usize) -> T) {
    for (lane, to) in to.iter_mut().enumerate() {
        *to += f(lane);
    }
}

#[inline(always)]
fn add<T: Real>(to: &mut [T; BLOCK], values: &[T; BLOCK]) {
    gather(to, |lane| values[lane]);
}
