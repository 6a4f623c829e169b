//! Runs a kernel operation by operation over blocks of neurons: for models read at run time.
//!
//! Gives the same bits as the compiled form, which computes the same operations in the same order.

use super::bits;
use super::grid::settle_within;
use super::kernel::{Kernel, Op};

/// Neurons per block.
const BLOCK: usize = 64;
/// Neurons per entry of the spikes.
const LANES: usize = 16;

/// Values of one operation: f32 bits, or all ones and zeros for truths.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Row([u32; BLOCK]);

/// The values of the operations of one kernel, kept between calls to save their allocation.
#[derive(Clone, Debug)]
pub struct Scratch {
    rows: Vec<Row>,
}

impl Scratch {
    /// Working memory for `kernel` and no other.
    pub fn new(kernel: &Kernel) -> Self {
        let row = |op: &Op| match *op {
            Op::Literal(bits) => Row([bits; BLOCK]),
            _ => Row([0; BLOCK]),
        };
        Self { rows: kernel.ops.iter().map(row).collect() }
    }

    /// The value of operation `op` for the neuron `lane` of the last block, if it is a number.
    /// After a call for up to 64 neurons that is neuron `lane`.
    pub fn value(&self, op: u32, lane: usize) -> f32 {
        f32::from_bits(self.rows[op as usize].0[lane])
    }
}

/// Values of [`Kernel::constants`].
#[derive(Clone, Copy, Debug)]
pub enum Constants<'a> {
    /// The same for all neurons: one value per constant.
    Shared(&'a [f32]),
    /// One value per neuron: constant `c` of neuron `i` of `n` at `c * n + i`.
    Own(&'a [f32]),
}

/// One tick of `n` neurons.
///
/// `n` is the length of `forward` and a multiple of 16; `recurrent` has the same length, or none if
/// the kernel does not read it. State `s` of neuron `i` is `states[s * n + i]`. Bit `i % 16` of
/// `spikes[i / 16]` says whether neuron `i` spiked; `spikes` has `n / 16` entries. `GRID` snaps the
/// state after the tick to the grid. Returns the neurons of which a state became infinite or not a
/// number (it is set to 0): bit `i % 64` stands for neuron `i`.
///
/// # Panics
///
/// If a length is wrong.
#[inline(always)]
pub fn interpret<const GRID: bool>(
    kernel: &Kernel,
    scratch: &mut Scratch,
    constants: Constants<'_>,
    forward: &[f32],
    recurrent: &[f32],
    states: &mut [f32],
    spikes: &mut [u16],
) -> u64 {
    let n = forward.len();
    assert!(n.is_multiple_of(LANES) && spikes.len() == n / LANES, "{n} neurons, {} spikes", spikes.len());
    assert!(states.len() == kernel.states.len() * n, "{} states for {n} neurons", states.len());
    assert!(scratch.rows.len() == kernel.ops.len(), "working memory of another kernel");
    match constants {
        Constants::Shared(values) => {
            assert_eq!(values.len(), kernel.constants, "constants");
            for (op, row) in kernel.ops.iter().zip(&mut scratch.rows) {
                if let Op::Constant(index) = *op {
                    row.0 = [values[index as usize].to_bits(); BLOCK];
                }
            }
        }
        Constants::Own(values) => assert_eq!(values.len(), kernel.constants * n, "constants"),
    }
    let mut call = Call { kernel, constants, forward, recurrent, states, spikes, faults: 0 };
    let mut base = 0;
    while base + BLOCK <= n {
        call.block::<GRID, BLOCK>(scratch, base);
        base += BLOCK;
    }
    while base < n {
        call.block::<GRID, LANES>(scratch, base);
        base += LANES;
    }
    call.faults
}

struct Call<'a> {
    kernel: &'a Kernel,
    constants: Constants<'a>,
    forward: &'a [f32],
    recurrent: &'a [f32],
    states: &'a mut [f32],
    spikes: &'a mut [u16],
    faults: u64,
}

impl Call<'_> {
    /// One tick of the `WIDTH` neurons from `base` on.
    #[inline(always)]
    fn block<const GRID: bool, const WIDTH: usize>(&mut self, scratch: &mut Scratch, base: usize) {
        let n = self.forward.len();
        for (index, op) in self.kernel.ops.iter().enumerate() {
            let (done, rest) = scratch.rows.split_at_mut(index);
            let out = &mut rest[0].0;
            let row = |operand: u32| &done[operand as usize].0;
            match *op {
                Op::Literal(_) => {}
                Op::Constant(constant) => {
                    if let Constants::Own(values) = self.constants {
                        load::<WIDTH>(out, &values[constant as usize * n + base..]);
                    }
                }
                Op::Forward => load::<WIDTH>(out, &self.forward[base..]),
                Op::Recurrent => load::<WIDTH>(out, &self.recurrent[base..]),
                Op::State(state) => load::<WIDTH>(out, &self.states[state as usize * n + base..]),
                Op::Add(a, b) => numbers::<WIDTH>(out, row(a), row(b), |a, b| a + b),
                Op::Sub(a, b) => numbers::<WIDTH>(out, row(a), row(b), |a, b| a - b),
                Op::Mul(a, b) => numbers::<WIDTH>(out, row(a), row(b), |a, b| a * b),
                Op::Neg(a) => number::<WIDTH>(out, row(a), |a| -a),
                Op::Abs(a) => number::<WIDTH>(out, row(a), f32::abs),
                Op::Floor(a) => number::<WIDTH>(out, row(a), f32::floor),
                Op::Less(a, b) => compare::<WIDTH>(out, row(a), row(b), |a, b| a < b),
                Op::LessEqual(a, b) => compare::<WIDTH>(out, row(a), row(b), |a, b| a <= b),
                Op::Equal(a, b) => compare::<WIDTH>(out, row(a), row(b), |a, b| a == b),
                Op::And(a, b) => words::<WIDTH>(out, row(a), row(b), |a, b| a & b),
                Op::Or(a, b) => words::<WIDTH>(out, row(a), row(b), |a, b| a | b),
                Op::Not(a) => words::<WIDTH>(out, row(a), row(a), |a, _| !a),
                Op::Select(c, a, b) => {
                    let (c, a, b) = (row(c), row(a), row(b));
                    for lane in 0..WIDTH {
                        out[lane] = (c[lane] & a[lane]) | (!c[lane] & b[lane]);
                    }
                }
                Op::PowerOfTwo(a) => number::<WIDTH>(out, row(a), bits::power_of_two),
                Op::Exponent(a) => number::<WIDTH>(out, row(a), bits::exponent),
                Op::Mantissa(a) => number::<WIDTH>(out, row(a), bits::mantissa),
                Op::ReciprocalSeed(a) => number::<WIDTH>(out, row(a), bits::reciprocal_seed),
                Op::RootSeed(a) => number::<WIDTH>(out, row(a), bits::root_seed),
            }
        }
        let (mut faults, limit) = ([0; WIDTH], self.kernel.limit);
        for (state, &next) in self.kernel.next.iter().enumerate() {
            let values = &scratch.rows[next as usize].0;
            let states = &mut self.states[state * n + base..][..WIDTH];
            for lane in 0..WIDTH {
                states[lane] = settle_within::<GRID>(f32::from_bits(values[lane]), limit, &mut faults[lane]);
            }
        }
        if faults.iter().fold(0, |any, fault| any | fault) != 0 {
            let bits =
                faults.iter().enumerate().map(|(lane, fault)| u64::from(fault & 1) << ((base + lane) % 64));
            self.faults |= bits.fold(0, |all, bit| all | bit);
        }
        let spikes = &mut self.spikes[base / LANES..][..WIDTH / LANES];
        match self.kernel.spike {
            Some(spike) => {
                let fired = scratch.rows[spike.fired as usize].0.chunks_exact(LANES);
                for (spikes, fired) in spikes.iter_mut().zip(fired) {
                    let bits =
                        fired.iter().enumerate().fold(0, |bits, (lane, fired)| bits | (fired & 1) << lane);
                    *spikes = bits as u16;
                }
            }
            None => spikes.fill(0),
        }
    }
}

#[inline(always)]
fn load<const WIDTH: usize>(out: &mut [u32; BLOCK], values: &[f32]) {
    for (out, value) in out[..WIDTH].iter_mut().zip(&values[..WIDTH]) {
        *out = value.to_bits();
    }
}

#[inline(always)]
fn words<const WIDTH: usize>(
    out: &mut [u32; BLOCK],
    a: &[u32; BLOCK],
    b: &[u32; BLOCK],
    f: impl Fn(u32, u32) -> u32,
) {
    for lane in 0..WIDTH {
        out[lane] = f(a[lane], b[lane]);
    }
}

#[inline(always)]
fn number<const WIDTH: usize>(out: &mut [u32; BLOCK], a: &[u32; BLOCK], f: impl Fn(f32) -> f32) {
    words::<WIDTH>(out, a, a, |a, _| f(f32::from_bits(a)).to_bits());
}

#[inline(always)]
fn numbers<const WIDTH: usize>(
    out: &mut [u32; BLOCK],
    a: &[u32; BLOCK],
    b: &[u32; BLOCK],
    f: impl Fn(f32, f32) -> f32,
) {
    words::<WIDTH>(out, a, b, |a, b| f(f32::from_bits(a), f32::from_bits(b)).to_bits());
}

#[inline(always)]
fn compare<const WIDTH: usize>(
    out: &mut [u32; BLOCK],
    a: &[u32; BLOCK],
    b: &[u32; BLOCK],
    f: impl Fn(f32, f32) -> bool,
) {
    words::<WIDTH>(out, a, b, |a, b| if f(f32::from_bits(a), f32::from_bits(b)) { !0 } else { 0 });
}
