//! One tick of many neurons, from the operations of a [`Kernel`]; its derivatives are in
//! [`adjoint`](super::adjoint). A truth is a number, 0 or 1.

use numerics::wide;

use crate::equations::{Kernel, Op};
use crate::real::Real;

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
    pub(super) values: Vec<Row<T>>,
    pub(super) adjoints: Vec<Row<T>>,
    /// Working memory of the surrogate.
    pub(super) surrogate: Vec<Row<T>>,
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
    /// Neurons from one sample to the next, and how many of those are no padding.
    pub(super) rows: (usize, usize),
    /// Slope of a logistic spike in place of the step, to check gradients by differences.
    pub(super) smooth: Option<f64>,
}

/// A kernel with what its derivatives need to know.
#[derive(Clone, Debug)]
pub(super) struct Program {
    pub(super) ops: Vec<Op>,
    pub(super) next: Vec<u32>,
    /// Truth of a spike, after the refractory period.
    pub(super) fired: Option<u32>,
    /// The comparison of the spike line, with its sides.
    pub(super) spike: Option<(u32, u32, u32)>,
    /// Whether a value is needed at all.
    needed: Vec<bool>,
    /// Truths that follow from the spike.
    pub(super) soft: Vec<bool>,
    /// Selections through which the spike's gradient flows.
    pub(super) open: Vec<bool>,
    /// Operations whose adjoint matters.
    pub(super) active: Vec<bool>,
    pub(super) recurrent: bool,
    /// Largest magnitude of a state variable on the grid.
    limit: f32,
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
        let Kernel { recurrent, limit, .. } = *kernel;
        Self { ops, next, fired, spike, needed, soft, open, active, recurrent, limit }
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
        run::<T, GRID>(self, scratch, tick, next, fired)
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
}

wide! {
    fn run[T: Real, const GRID: bool][T, GRID](
        program: &Program,
        scratch: &mut Scratch<T>,
        tick: &Tick<'_, T>,
        next: &mut [T],
        fired: &mut [T],
    ) -> Option<usize> {
        let n = tick.forward.len();
        let mut fault = None;
        if !tick.individual {
            program.share(&mut scratch.values, tick.constants);
        }
        for base in (0..n).step_by(BLOCK) {
            program.values(&mut scratch.values, tick, base);
            let mut faults = 0;
            for (state, &op) in program.next.iter().enumerate() {
                let out = block(&mut next[state * n + base..]);
                for (out, value) in out.iter_mut().zip(scratch.values[op as usize].0) {
                    *out = value.settle::<GRID>(program.limit, &mut faults);
                }
            }
            if faults != 0 && fault.is_none() {
                let (stride, neurons) = tick.rows;
                let bad = |lane: &usize| {
                    (base + lane) % stride < neurons
                        && program.next.iter().any(|&op| !scratch.values[op as usize].0[*lane].is_finite())
                };
                fault = (0..BLOCK).find(bad).map(|lane| base + lane);
            }
            if let Some(op) = program.fired
                && !fired.is_empty()
            {
                *block(&mut fired[base..]) = scratch.values[op as usize].0;
            }
        }
        fault
    }
}

#[inline(always)]
fn truth<T: Real>(holds: bool) -> T {
    if holds { T::ONE } else { T::ZERO }
}

#[inline(always)]
pub(super) fn one<T: Real>(out: &mut [T; BLOCK], a: &[T; BLOCK], f: impl Fn(T) -> T) {
    for lane in 0..BLOCK {
        out[lane] = f(a[lane]);
    }
}

#[inline(always)]
pub(super) fn two<T: Real>(out: &mut [T; BLOCK], a: &[T; BLOCK], b: &[T; BLOCK], f: impl Fn(T, T) -> T) {
    for lane in 0..BLOCK {
        out[lane] = f(a[lane], b[lane]);
    }
}

#[inline(always)]
pub(super) fn part<T>(values: &[T]) -> &[T; BLOCK] {
    values.first_chunk().expect("populations are padded to whole blocks")
}

#[inline(always)]
pub(super) fn block<T>(values: &mut [T]) -> &mut [T; BLOCK] {
    values.first_chunk_mut().expect("populations are padded to whole blocks")
}
