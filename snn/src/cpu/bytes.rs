//! 8-bit weights: a spike adds a row of small integers.

use super::synapses::{Spikes, Synapses, part, part_mut};
use crate::lanes::{Lanes, WIDTH};
use crate::network::{Network, Projection};
use crate::weights::{I8_STEPS, steps_of};

/// As many weights as there are values in [`Lanes`].
#[derive(Clone, Copy)]
#[repr(C, align(16))]
struct Row([i8; WIDTH]);

pub(crate) struct Bytes {
    /// Per slot: rows of each projection, padded with zeros.
    weights: Vec<Row>,
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
            starts.push(starts[starts.len() - 1] + rows * projection.cols.div_ceil(WIDTH));
        }
        let size = starts[starts.len() - 1];
        Self { weights: vec![Row([0; WIDTH]); slots * size], starts, x: Vec::new() }
    }

    fn load(&mut self, network: &Network, slot: usize, parameters: &[f32]) {
        let size = self.starts[self.starts.len() - 1];
        let weights = part_mut(&mut self.weights, size, slot);
        for (index, projection) in network.projections.iter().enumerate() {
            let stride = projection.cols.div_ceil(WIDTH);
            let weights = &mut weights[self.starts[index]..self.starts[index + 1]];
            network.visit_weights(projection, parameters, |pre, post, weight| {
                let steps = projection.unit.steps(weight);
                weights[pre * stride + post / WIDTH].0[post % WIDTH] = steps;
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
        let (stride, unit) = (out.len(), projection.unit.step / I8_STEPS);
        for (column, out) in out.iter_mut().enumerate() {
            let mut sum = [0_i32; WIDTH];
            let mut rows = rows[column..].chunks(stride);
            let mut pairs = self.x.chunks_exact(2);
            for pair in &mut pairs {
                let (Some(a), Some(b)) = (rows.next(), rows.next()) else { break };
                // Two products of 8-bit numbers fit into 16 bits.
                for ((sum, a), b) in sum.iter_mut().zip(a[0].0).zip(b[0].0) {
                    *sum += i32::from(i16::from(a) * pair[0] + i16::from(b) * pair[1]);
                }
            }
            if let ([x], Some(row)) = (pairs.remainder(), rows.next()) {
                for (sum, weight) in sum.iter_mut().zip(row[0].0) {
                    *sum += i32::from(i16::from(weight) * x);
                }
            }
            for (out, sum) in out.0.iter_mut().zip(sum) {
                *out = sum as f32 * unit;
            }
        }
    }

    fn add(&self, projection: &Projection, slot: usize, index: usize, spikes: Spikes<'_>, out: &mut [Lanes]) {
        let weights = part(&self.weights, self.starts[self.starts.len() - 1], slot);
        let rows = &weights[self.starts[index]..self.starts[index + 1]];
        let (stride, unit) = (out.len(), projection.unit.step);
        let mut columns = out.chunks_exact_mut(4);
        let mut column = 0;
        for four in &mut columns {
            add_rows::<4>(spikes.indices, &rows[column..], stride, unit, four);
            column += 4;
        }
        for one in columns.into_remainder().chunks_mut(1) {
            add_rows::<1>(spikes.indices, &rows[column..], stride, unit, one);
            column += 1;
        }
    }
}

/// Adds `N` neighbouring entries of the rows of `spikes`.
#[inline(always)]
fn add_rows<const N: usize>(spikes: &[u16], rows: &[Row], stride: usize, unit: f32, out: &mut [Lanes]) {
    let mut sums = [[0_i32; WIDTH]; N];
    // 258 rows of 8-bit numbers fit into 16 bits.
    for spikes in spikes.chunks(256) {
        let mut short = [[0_i16; WIDTH]; N];
        for &source in spikes {
            let row = &rows[usize::from(source) * stride..][..N];
            for (sum, row) in short.iter_mut().zip(row) {
                for (sum, weight) in sum.iter_mut().zip(row.0) {
                    *sum += i16::from(weight);
                }
            }
        }
        for (sum, short) in sums.iter_mut().flatten().zip(short.into_iter().flatten()) {
            *sum += i32::from(short);
        }
    }
    for (out, sum) in out.iter_mut().zip(sums) {
        for (out, sum) in out.0.iter_mut().zip(sum) {
            *out += sum as f32 * unit;
        }
    }
}
