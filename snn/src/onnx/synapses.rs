//! Weights of a projection, and the sums of what arrives through them.

use super::error::OnnxError;
use super::functions::snap;
use super::graph::{Graph, Value};
use crate::config::Precision;
use crate::network::{Network, Projection, Source, Weights};

/// Sums of multiples of 2⁻¹² below this are exact in 32-bit floats in any order.
const EXACT: f32 = 4000.0;

/// A projection's weights in the graph.
pub(super) struct Synapses {
    /// `[sources, targets]`: weights, or (`unit`) whole numbers.
    matrix: Value,
    /// What makes weights of whole numbers.
    unit: Option<f32>,
    /// A further source that is always 1: weights, one per target.
    bias: Option<Vec<f32>>,
    precision: Precision,
    /// Largest sum of the magnitudes of a target's weights.
    pub(super) largest: f32,
}

impl Synapses {
    /// Adds the weights of a projection to the graph.
    pub(super) fn new(
        graph: &mut Graph,
        network: &Network,
        projection: &Projection,
        parameters: &[f32],
    ) -> Result<Self, OnnxError> {
        let (rows, cols) = (projection.rows, projection.cols);
        let name = match projection.weights {
            Weights::Evolved(block) => network.layout.blocks()[block].name.clone(),
            Weights::Fixed(_) if projection.source == Source::Input => "hidden.0.code".to_owned(),
            Weights::Fixed(_) => "readout.votes".to_owned(),
        };
        let unit = match network.precision {
            Precision::I8 => Some(projection.unit.step),
            Precision::Binary => Some(projection.unit.scale),
            Precision::F32 | Precision::F32Free => None,
        };
        let mut weights = vec![0.0; (rows + usize::from(projection.bias)) * cols];
        network.visit_weights(projection, parameters, |pre, post, weight| {
            weights[pre * cols + post] = match unit {
                None => weight,
                Some(unit) if unit > 0.0 => (weight / unit).trunc(),
                Some(_) => 0.0,
            };
        });
        if weights.iter().any(|weight| !weight.is_finite()) {
            return Err(OnnxError::new(format!("weights '{name}'"), "some of them are not finite"));
        }
        let bias = projection.bias.then(|| weights.split_off(rows * cols));
        let mut sums = vec![0.0_f32; cols];
        for row in weights.chunks_exact(cols) {
            sums.iter_mut().zip(row).for_each(|(sum, weight)| *sum += weight.abs());
        }
        let wide = network.precision == Precision::I8 && network.is_dense(projection);
        let matrix = match wide {
            true => graph.wide_matrix(&name, rows, &weights),
            false => graph.matrix(&name, rows, &weights),
        };
        let largest = sums.into_iter().fold(0.0, f32::max);
        Ok(Self { matrix, unit, bias, precision: network.precision, largest })
    }

    /// The sum of an encoder's currents x, one per control step.
    pub(super) fn currents(&self, graph: &mut Graph, x: &Value) -> Value {
        if let (Precision::I8, Some(unit)) = (self.precision, self.unit) {
            // Currents in steps of 1/32, then whole numbers, which 64 bits hold exactly.
            let steps = graph.number(32.0);
            let x = graph.op("Mul", &[x, &steps]);
            let x = graph.op("Round", &[&x]);
            let x = graph.clip(&x, -127.0, 127.0);
            let x = graph.cast(&x, true);
            let total = graph.op("MatMul", &[&x, &self.matrix]);
            let mut total = graph.cast(&total, false);
            if let Some(bias) = &self.bias {
                let bias: Vec<f32> = bias.iter().map(|steps| 32.0 * steps).collect();
                let bias = graph.numbers(&bias);
                total = graph.op("Add", &[&total, &bias]);
            }
            let unit = graph.number(unit / 32.0);
            return graph.op("Mul", &[&total, &unit]);
        }
        let mut total = in_order(graph, None, x, &self.matrix);
        if let Some(unit) = self.unit {
            let unit = graph.number(unit);
            total = graph.op("Mul", &[&total, &unit]);
        }
        if let Some(bias) = &self.bias {
            let bias = graph.numbers(bias);
            total = graph.op("Add", &[&total, &bias]);
        }
        if self.precision == Precision::F32Free { total } else { snap(graph, &total, 4096.0) }
    }

    /// `total` and the weights of the sources that spike; `exact`: all sums are, in any order.
    pub(super) fn add(&self, graph: &mut Graph, total: Option<&Value>, spikes: &Value, exact: bool) -> Value {
        if self.unit.is_none() && !exact {
            return in_order(graph, total, spikes, &self.matrix);
        }
        let mut sum = graph.op("MatMul", &[spikes, &self.matrix]);
        if let Some(unit) = self.unit {
            let unit = graph.number(unit);
            sum = graph.op("Mul", &[&sum, &unit]);
        }
        match total {
            Some(total) => graph.op("Add", &[total, &sum]),
            None => sum,
        }
    }
}

/// Whether the sums into a population are exact in any order, with currents of up to `clip`.
pub(super) fn exact(network: &Network, incoming: &[(&Projection, &Synapses)], clip: f32) -> bool {
    let most = |(projection, synapses): &(&Projection, &Synapses)| {
        let bias = synapses.bias.iter().flatten().fold(0.0_f32, |most, bias| most.max(bias.abs()));
        synapses.largest * if network.is_dense(projection) { clip } else { 1.0 } + bias
    };
    network.precision == Precision::F32 && incoming.iter().map(most).sum::<f32>() < EXACT
}

/// `total + Σ x[i]·w[i]` for ascending i; every product and every sum is rounded by itself. A product of matrices may
/// add in any order, and its last bits decide on which side of a threshold a neuron is.
fn in_order(graph: &mut Graph, total: Option<&Value>, x: &Value, matrix: &Value) -> Value {
    let x = graph.unsqueeze(x, 2);
    let mut terms = graph.op("Mul", &[&x, matrix]);
    if let Some(total) = total {
        let total = graph.unsqueeze(total, 1);
        terms = graph.concat(&[&total, &terms], 1);
    }
    let axis = graph.index(1);
    let sums = graph.op("CumSum", &[&terms, &axis]);
    graph.take(&sums, -1)
}
