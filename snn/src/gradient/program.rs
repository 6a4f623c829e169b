//! One tick of many neurons forwards, and its derivatives backwards, from the operations of a
//! [`Kernel`].
//!
//! The tick is run again on the way back, which costs less than to keep what lies between. Then
//! each operation hands its adjoint, the derivative of the loss with respect to its value, on to its
//! operands. A truth is a number, 0 or 1. One comparison is differentiable, that of the `spike` line:
//! its slope is the surrogate.

use super::real::Real;
use super::surrogate::Surrogate;
use crate::equations::{Kernel, Op};

/// Neurons per block.
pub(super) const BLOCK: usize = 64;

/// One number per neuron of a block.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(super) struct Row<T>(pub(super) [T; BLOCK]);

impl<T: Real> Row<T> {
    pub(super) const ZERO: Self = Self([T::ZERO; BLOCK]);
}

/// Values and adjoints of the operations of one block.
#[derive(Debug, Default)]
pub(super) struct Scratch<T> {
    values: Vec<Row<T>>,
    adjoints: Vec<Row<T>>,
    /// Working memory of the surrogate.
    surrogate: Vec<Row<T>>,
}

/// What a tick reads: `n` neurons, a multiple of [`BLOCK`].
pub(super) struct Tick<'a, T> {
    /// One value per constant, or `n` if `individual`.
    pub(super) constants: &'a [T],
    pub(super) individual: bool,
    pub(super) forward: &'a [T],
    /// Empty if the kernel does not read it.
    pub(super) recurrent: &'a [T],
    /// State `s` of neuron `i` at `s * n + i`.
    pub(super) states: &'a [T],
    /// Slope of a logistic spike in place of the step, to check gradients by differences.
    pub(super) smooth: Option<f64>,
}

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

/// A kernel with what its derivatives need to know.
#[derive(Clone, Debug)]
pub(super) struct Program {
    ops: Vec<Op>,
    next: Vec<u32>,
    /// Truth of a spike, after the refractory period.
    fired: Option<u32>,
    /// The comparison of the spike line, with its sides.
    spike: Option<(u32, u32, u32)>,
    /// Whether a value is needed at all.
    needed: Vec<bool>,
    /// Truths that follow from the spike.
    soft: Vec<bool>,
    /// Selections through which the spike's gradient flows.
    open: Vec<bool>,
    /// Operations whose adjoint matters.
    active: Vec<bool>,
    recurrent: bool,
}

impl Program {
    /// `detach`: no gradient flows through the choice between reset and no reset. `evolved`: the
    /// adjoints of constants are wanted.
    pub(super) fn new(kernel: &Kernel, detach: bool, evolved: bool) -> Self {
        let ops = kernel.ops.clone();
        let spike = kernel.spike.and_then(|spike| {
            let (left, right) = (spike.left, spike.right);
            let is = |op: &Op| *op == Op::Less(right, left) || *op == Op::LessEqual(right, left);
            ops.iter().position(is).map(|index| (index as u32, left, right))
        });
        let fired = kernel.spike.map(|spike| spike.fired);
        let mut needed = vec![false; ops.len()];
        for root in kernel.next.iter().copied().chain(fired) {
            needed[root as usize] = true;
        }
        for index in (0..ops.len()).rev() {
            if needed[index] {
                let (operands, count) = ops[index].operands();
                operands[..count].iter().for_each(|&operand| needed[operand as usize] = true);
            }
        }
        let one_or_none = |a: u32, b: u32| {
            ops[a as usize] == Op::Literal(1.0_f32.to_bits()) && ops[b as usize] == Op::Literal(0)
        };
        let (mut soft, mut open, mut active) =
            (vec![false; ops.len()], vec![false; ops.len()], vec![false; ops.len()]);
        for (index, op) in ops.iter().enumerate() {
            let of = |flags: &[bool]| {
                let (operands, count) = op.operands();
                operands[..count].iter().any(|&operand| flags[operand as usize])
            };
            let is_spike = spike.is_some_and(|(spike, ..)| spike as usize == index);
            soft[index] = match *op {
                _ if is_spike => true,
                Op::And(..) | Op::Or(..) | Op::Not(_) => of(&soft),
                _ => false,
            };
            if let Op::Select(c, a, b) = *op {
                open[index] = soft[c as usize] && (!detach || one_or_none(a, b));
            }
            active[index] = needed[index]
                && match *op {
                    Op::Literal(_) | Op::Floor(_) | Op::PowerOfTwo(_) | Op::Exponent(_) => false,
                    Op::Constant(_) => evolved,
                    Op::Forward | Op::Recurrent | Op::State(_) => true,
                    Op::Less(..) | Op::LessEqual(..) | Op::Equal(..) => is_spike,
                    Op::And(..) | Op::Or(..) | Op::Not(_) => soft[index],
                    Op::Select(_, a, b) => open[index] || active[a as usize] || active[b as usize],
                    _ => of(&active),
                };
        }
        let next = kernel.next.clone();
        Self { ops, next, fired, spike, needed, soft, open, active, recurrent: kernel.recurrent }
    }

    pub(super) fn scratch<T: Real>(&self, surrogate: &Surrogate) -> Scratch<T> {
        let mut values = vec![Row::ZERO; self.ops.len()];
        self.literals(&mut values);
        let adjoints = vec![Row::ZERO; self.ops.len()];
        Scratch { values, adjoints, surrogate: surrogate.scratch() }
    }

    /// Values of the operations of a program without adjoints.
    pub(super) fn literals<T: Real>(&self, values: &mut Vec<Row<T>>) {
        values.resize(self.ops.len(), Row::ZERO);
        for (op, row) in self.ops.iter().zip(values) {
            if let Op::Literal(bits) = *op {
                row.0 = [T::of(f64::from(f32::from_bits(bits))); BLOCK];
            }
        }
    }

    /// Sets the constants that all neurons share.
    pub(super) fn share<T: Real>(&self, values: &mut [Row<T>], constants: &[T]) {
        for (op, row) in self.ops.iter().zip(values) {
            if let Op::Constant(index) = *op {
                row.0 = [constants[index as usize]; BLOCK];
            }
        }
    }

    /// One tick: writes the states after it to `next` and 1 or 0 to `fired` (empty if the model does
    /// not spike). Returns the first neuron whose state became infinite or no number.
    pub(super) fn tick<T: Real, const GRID: bool>(
        &self,
        scratch: &mut Scratch<T>,
        tick: &Tick<'_, T>,
        next: &mut [T],
        fired: &mut [T],
    ) -> Option<usize> {
        let n = tick.forward.len();
        let mut fault = None;
        if !tick.individual {
            self.share(&mut scratch.values, tick.constants);
        }
        for base in (0..n).step_by(BLOCK) {
            self.values(&mut scratch.values, tick, base);
            let mut faults = 0;
            for (state, &op) in self.next.iter().enumerate() {
                let out = block(&mut next[state * n + base..]);
                for (out, value) in out.iter_mut().zip(scratch.values[op as usize].0) {
                    *out = value.settle::<GRID>(&mut faults);
                }
            }
            if faults != 0 && fault.is_none() {
                let bad = |lane: &usize| {
                    self.next.iter().any(|&op| !scratch.values[op as usize].0[*lane].is_finite())
                };
                fault = (0..BLOCK).find(bad).map(|lane| base + lane);
            }
            if let Some(op) = self.fired
                && !fired.is_empty()
            {
                *block(&mut fired[base..]) = scratch.values[op as usize].0;
            }
        }
        fault
    }

    /// The derivatives of one tick, which is computed again.
    pub(super) fn pull<T: Real>(
        &self,
        scratch: &mut Scratch<T>,
        tick: &Tick<'_, T>,
        adjoints: &mut Adjoints<'_, T>,
        surrogate: &Surrogate,
    ) {
        let n = tick.forward.len();
        if !tick.individual {
            self.share(&mut scratch.values, tick.constants);
        }
        for base in (0..n).step_by(BLOCK) {
            self.values(&mut scratch.values, tick, base);
            self.sweep(scratch, adjoints, (n, base), surrogate, tick.smooth);
        }
    }

    /// The values of all operations for the block at `base`.
    #[inline(always)]
    pub(super) fn values<T: Real>(&self, values: &mut [Row<T>], tick: &Tick<'_, T>, base: usize) {
        let n = tick.forward.len();
        for (index, op) in self.ops.iter().enumerate() {
            if !self.needed[index] {
                continue;
            }
            let (done, rest) = values.split_at_mut(index);
            let out = &mut rest[0].0;
            let row = |operand: u32| &done[operand as usize].0;
            match *op {
                Op::Literal(_) => {}
                Op::Constant(constant) => {
                    if tick.individual {
                        *out = *part(&tick.constants[constant as usize * n + base..]);
                    }
                }
                Op::Forward => *out = *part(&tick.forward[base..]),
                Op::Recurrent => *out = *part(&tick.recurrent[base..]),
                Op::State(state) => *out = *part(&tick.states[state as usize * n + base..]),
                Op::Add(a, b) => two(out, row(a), row(b), |a, b| a + b),
                Op::Sub(a, b) => two(out, row(a), row(b), |a, b| a - b),
                Op::Mul(a, b) => two(out, row(a), row(b), |a, b| a * b),
                Op::Neg(a) => one(out, row(a), |a| -a),
                Op::Abs(a) => one(out, row(a), T::abs),
                Op::Floor(a) => one(out, row(a), T::floor),
                Op::Less(a, b) => {
                    two(out, row(a), row(b), |a, b| truth(a < b));
                }
                Op::LessEqual(a, b) => two(out, row(a), row(b), |a, b| truth(a <= b)),
                Op::Equal(a, b) => two(out, row(a), row(b), |a, b| truth(a == b)),
                Op::And(a, b) => two(out, row(a), row(b), |a, b| a * b),
                Op::Or(a, b) => two(out, row(a), row(b), |a, b| a + b - a * b),
                Op::Not(a) => one(out, row(a), |a| T::ONE - a),
                Op::Select(c, a, b) => {
                    let blend = tick.smooth.is_some() && self.soft[c as usize];
                    let (c, a, b) = (row(c), row(a), row(b));
                    for lane in 0..BLOCK {
                        out[lane] = if blend {
                            b[lane] + c[lane] * (a[lane] - b[lane])
                        } else if c[lane] > T::ZERO {
                            a[lane]
                        } else {
                            b[lane]
                        };
                    }
                }
                Op::PowerOfTwo(a) => one(out, row(a), T::power_of_two),
                Op::Exponent(a) => one(out, row(a), T::exponent),
                Op::Mantissa(a) => one(out, row(a), T::mantissa),
                Op::ReciprocalSeed(a) => one(out, row(a), T::reciprocal_seed),
                Op::RootSeed(a) => one(out, row(a), T::root_seed),
            }
            if let (Some(slope), Some((spike, left, right))) = (tick.smooth, self.spike)
                && spike as usize == index
            {
                two(out, row(left), row(right), |left, right| {
                    T::of(1.0 / (1.0 + libm::exp(-slope * (left - right).to_f64())))
                });
            }
        }
    }

    /// The value of the first state after a block, for programs of one expression.
    pub(super) fn result<'a, T>(&self, values: &'a [Row<T>]) -> &'a [T; BLOCK] {
        &values[self.next[0] as usize].0
    }

    /// Adjoints of one block, last operation first.
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

/// `adjoint · slope`, and 0 where the adjoint is: what is not chosen may be infinite.
#[inline(always)]
fn product<T: Real>(adjoint: T, slope: T) -> T {
    if adjoint == T::ZERO { T::ZERO } else { adjoint * slope }
}

#[inline(always)]
fn truth<T: Real>(holds: bool) -> T {
    if holds { T::ONE } else { T::ZERO }
}

#[inline(always)]
fn one<T: Real>(out: &mut [T; BLOCK], a: &[T; BLOCK], f: impl Fn(T) -> T) {
    for lane in 0..BLOCK {
        out[lane] = f(a[lane]);
    }
}

#[inline(always)]
fn two<T: Real>(out: &mut [T; BLOCK], a: &[T; BLOCK], b: &[T; BLOCK], f: impl Fn(T, T) -> T) {
    for lane in 0..BLOCK {
        out[lane] = f(a[lane], b[lane]);
    }
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

#[inline(always)]
fn part<T>(values: &[T]) -> &[T; BLOCK] {
    values.first_chunk().expect("populations are padded to whole blocks")
}

#[inline(always)]
fn block<T>(values: &mut [T]) -> &mut [T; BLOCK] {
    values.first_chunk_mut().expect("populations are padded to whole blocks")
}
