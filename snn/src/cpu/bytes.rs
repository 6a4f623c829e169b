//! 8-bit weights: a spike adds a row of small integers.
//!
//! No sum can overflow, for the reasons given below; the wrapping operations only spare the checks,
//! which keep the compiler from using vector registers.

use numerics::wide;

use super::synapses::{Spikes, Synapses};
use crate::lanes::{Lanes, WIDTH, part, part_mut};
use crate::network::{Network, Projection};
use crate::weights::{I8_STEPS, steps_of};

pub(crate) struct Bytes {
    /// Per slot: rows of each projection, padded with zeros to whole lanes.
    weights: Vec<i8>,
    /// First entry of each projection, and one past the last.
    starts: Vec<usize>,
    /// The observation in steps.
    x: Vec<i16>,
}

impl Synapses for Bytes {
    fn new(network: &Network, slots: usize) -> Self {
        let mut starts = vec![0];
        for projection in &network.projections {
            let rows = projection.rows + usize::from(projection.bias);
            starts.push(starts[starts.len() - 1] + rows * projection.cols.next_multiple_of(WIDTH));
        }
        let size = starts[starts.len() - 1];
        Self { weights: vec![0; slots * size], starts, x: Vec::new() }
    }

    fn load(&mut self, network: &Network, slot: usize, parameters: &[f32]) {
        let size = self.starts[self.starts.len() - 1];
        let weights = part_mut(&mut self.weights, size, slot);
        for (index, projection) in network.projections.iter().enumerate() {
            let stride = projection.cols.next_multiple_of(WIDTH);
            let weights = &mut weights[self.starts[index]..self.starts[index + 1]];
            network.visit_weights(projection, parameters, |pre, post, weight| {
                weights[pre * stride + post] = projection.unit.steps(weight);
            });
        }
    }

    fn currents(&mut self, projection: &Projection, slot: usize, index: usize, x: &[f32], out: &mut [Lanes]) {
        self.x.clear();
        self.x.extend(x.iter().map(|&x| i16::from(steps_of(x))));
        if projection.bias {
            self.x.push(I8_STEPS as i16);
        }
        let weights = part(&self.weights, self.starts[self.starts.len() - 1], slot);
        let rows = &weights[self.starts[index]..self.starts[index + 1]];
        let unit = projection.unit.step / I8_STEPS;
        currents(&self.x, rows, unit, out);
    }

    fn add(&self, projection: &Projection, slot: usize, index: usize, spikes: Spikes<'_>, out: &mut [Lanes]) {
        let weights = part(&self.weights, self.starts[self.starts.len() - 1], slot);
        let rows = &weights[self.starts[index]..self.starts[index + 1]];
        let unit = projection.unit.step;
        add(spikes.indices, rows, unit, out);
    }
}

wide! {
    /// The products of the observation `x`, in steps, with `rows` of weights.
    fn currents(x: &[i16], rows: &[i8], unit: f32, out: &mut [Lanes]) {
        let stride = out.len() * WIDTH;
        for (column, out) in (0..stride).step_by(WIDTH).zip(out) {
            let mut sum = [0_i32; WIDTH];
            let mut pairs = x.chunks_exact(2);
            let mut row = column;
            for pair in &mut pairs {
                // Two products of 8-bit numbers fit into 16 bits.
                let (a, b) = (block::<WIDTH>(rows, row), block::<WIDTH>(rows, row + stride));
                for lane in 0..WIDTH {
                    let product = i16::from(a[lane]).wrapping_mul(pair[0]);
                    let other = i16::from(b[lane]).wrapping_mul(pair[1]);
                    sum[lane] = sum[lane].wrapping_add(i32::from(product.wrapping_add(other)));
                }
                row += 2 * stride;
            }
            if let [x] = pairs.remainder() {
                let a = block::<WIDTH>(rows, row);
                for lane in 0..WIDTH {
                    sum[lane] = sum[lane].wrapping_add(i32::from(i16::from(a[lane]).wrapping_mul(*x)));
                }
            }
            for (out, sum) in out.0.iter_mut().zip(sum) {
                *out = sum as f32 * unit;
            }
        }
    }
}

wide! {
    /// Adds the rows of `spikes`.
    fn add(spikes: &[u16], rows: &[i8], unit: f32, out: &mut [Lanes]) {
        let stride = out.len() * WIDTH;
        let mut column = 0;
        let mut fours = out.chunks_exact_mut(4);
        for four in &mut fours {
            add_rows::<{ 4 * WIDTH }>(spikes, rows, stride, column, unit, four);
            column += 4 * WIDTH;
        }
        for one in fours.into_remainder().chunks_mut(1) {
            add_rows::<WIDTH>(spikes, rows, stride, column, unit, one);
            column += WIDTH;
        }
    }
}

/// `N` weights from `start` on.
#[inline(always)]
fn block<const N: usize>(rows: &[i8], start: usize) -> &[i8; N] {
    rows[start..].first_chunk().expect("rows are padded to whole lanes")
}

/// Adds `N` neighbouring entries, from `column` on, of the rows of `spikes`.
#[inline(always)]
fn add_rows<const N: usize>(
    spikes: &[u16],
    rows: &[i8],
    stride: usize,
    column: usize,
    unit: f32,
    out: &mut [Lanes],
) {
    let mut sums = [0_i32; N];
    // 258 rows of 8-bit numbers fit into 16 bits.
    for spikes in spikes.chunks(256) {
        let mut short = [0_i16; N];
        for &source in spikes {
            let row = block::<N>(rows, usize::from(source) * stride + column);
            for lane in 0..N {
                short[lane] = short[lane].wrapping_add(i16::from(row[lane]));
            }
        }
        for lane in 0..N {
            sums[lane] = sums[lane].wrapping_add(i32::from(short[lane]));
        }
    }
    for (out, sums) in out.iter_mut().zip(sums.chunks_exact(WIDTH)) {
        for (out, sum) in out.0.iter_mut().zip(sums) {
            *out += *sum as f32 * unit;
        }
    }
}
