//! Backpropagation through the network without spikes: the baseline, and the critic of a spiking actor.
//!
//! All rows of some samples go through a layer at once, as products of matrices.

use std::ops::Range;

use numerics::wide;
use rayon::prelude::*;

use super::batch::{Batch, Outputs, Sensitivity};
use super::bptt::{Gradient, Objective, Run, Score};
use super::dense::{add_outer, multiply, padded};
use super::differentiable::Differentiable;
use super::error::{GradientError, check_length, not_finite};
use super::product::SAMPLES;
use crate::config::{Activation, MlpConfig};
use crate::controller::Controller as _;
use crate::error::SnnError;
use crate::lanes::tanh;
use crate::layout::{Block, Layout};
use crate::mlp::Mlp;
use crate::state::NetworkState;

/// Most partial sums of a gradient. Fixed, so that the sums do not depend on the number of threads.
const GROUPS: usize = 16;
/// Rows that run forwards together where there is no gradient.
const ROWS: usize = 128;

/// Gradients of a multilayer perceptron, forwards the same bits as its
/// [evaluator](crate::Evaluator)'s. It has no state: start states and resets of a [`Batch`] change
/// nothing, and every frame of every sample is a case of its own.
pub struct Perceptron {
    layout: Layout,
    /// Units of each layer from the observation to the outputs.
    sizes: Vec<usize>,
    activation: Activation,
}

/// Weights and biases of a layer, scaled; rows padded.
struct Layer {
    /// `[sources][targets]`.
    weights: Vec<f32>,
    /// `[targets][sources]`; empty without a gradient.
    transposed: Vec<f32>,
    biases: Vec<f32>,
}

/// Sums over the rows of a group, per layer: `[sources][targets]` and `[targets]`, padded.
struct Sums {
    weights: Vec<Vec<f32>>,
    biases: Vec<Vec<f32>>,
}

/// Working memory of a group.
#[derive(Default)]
struct Work {
    /// Rows of the observation, and of each layer's activations.
    units: Vec<Vec<f32>>,
    scaled: Vec<f32>,
    slopes: Vec<f32>,
    before: Vec<f32>,
}

impl Perceptron {
    /// For a task with `inputs` observations and `outputs` actions (or classes).
    ///
    /// # Errors
    /// [`GradientError::Network`] if the network cannot be built.
    pub fn new(config: &MlpConfig, inputs: usize, outputs: usize) -> Result<Self, GradientError> {
        SnnError::check_sizes(inputs, outputs)?;
        let layout = Mlp::new(config, inputs, outputs)?.layout().clone();
        let sizes = [inputs].into_iter().chain(config.hidden.iter().copied()).chain([outputs]).collect();
        Ok(Self { layout, sizes, activation: config.activation })
    }

    /// Weight and bias of a layer.
    fn blocks(&self, layer: usize) -> (&Block, &Block) {
        let blocks = self.layout.blocks();
        (&blocks[2 * layer], &blocks[2 * layer + 1])
    }

    fn layers(&self, theta: &[f32], gradient: bool) -> Vec<Layer> {
        let layer = |index: usize| {
            let (sources, targets) = (self.sizes[index], self.sizes[index + 1]);
            let (weight, bias) = self.blocks(index);
            let mut layer = Layer {
                weights: vec![0.0; sources * padded(targets)],
                transposed: vec![0.0; if gradient { targets * padded(sources) } else { 0 }],
                biases: theta[bias.range()].iter().map(|x| bias.scale * x).collect(),
            };
            layer.biases.resize(padded(targets), 0.0);
            for (source, row) in theta[weight.range()].chunks_exact(targets).enumerate() {
                for (target, x) in row.iter().enumerate() {
                    let value = weight.scale * x;
                    layer.weights[source * padded(targets) + target] = value;
                    if gradient {
                        layer.transposed[target * padded(sources) + source] = value;
                    }
                }
            }
            layer
        };
        (0..self.sizes.len() - 1).map(layer).collect()
    }

    /// The activations of all layers for the observations in `units[0]`, row by row; the outputs before
    /// tanh.
    fn forward(&self, layers: &[Layer], units: &mut [Vec<f32>]) {
        let rows = units[0].len() / self.sizes[0];
        for (index, layer) in layers.iter().enumerate() {
            let (before, out) = units.split_at_mut(index + 1);
            let (x, out) = (&before[index], &mut out[0]);
            let columns = layer.biases.len();
            out.clear();
            out.resize(rows * columns, 0.0);
            multiply(x, x.len() / rows, self.sizes[index], &layer.weights, columns, out);
            let activation = (index + 1 < layers.len()).then_some(self.activation);
            activate(out, &layer.biases, activation);
        }
    }

    /// Adds to `sums` what `work.slopes`, the derivatives of the loss with respect to the outputs, make
    /// of it. They are used up.
    fn backward(&self, layers: &[Layer], work: &mut Work, sums: &mut Sums) {
        let Work { units, scaled, slopes, before } = work;
        let rows = units[0].len() / self.sizes[0];
        for (index, layer) in layers.iter().enumerate().rev() {
            let (weight, bias) = self.blocks(index);
            let columns = layer.biases.len();
            add_columns(slopes, bias.scale, &mut sums.biases[index]);
            let x = &units[index];
            scaled.clear();
            scaled.extend(x.iter().map(|x| weight.scale * x));
            add_outer(scaled, x.len() / rows, slopes, columns, &mut sums.weights[index]);
            if index > 0 {
                before.clear();
                before.resize(x.len(), 0.0);
                let width = x.len() / rows;
                multiply(slopes, columns, self.sizes[index + 1], &layer.transposed, width, before);
                derive(before, x, self.activation);
                std::mem::swap(slopes, before);
            }
        }
    }

    fn frames(&self, theta: &[f32], batch: &Batch<'_>) -> Result<usize, GradientError> {
        let expected = self.layout.len();
        check_length("`theta`", theta.len(), expected, || "the layout has as many parameters".into())?;
        if let Some(at) = theta.iter().position(|theta| !theta.is_finite()) {
            return Err(not_finite(&self.layout, "parameter", at));
        }
        batch.rows(self.inputs(), 1)
    }

    /// The gradient of some neighbouring samples, added to `sums`.
    fn part(
        &self,
        layers: &[Layer],
        (batch, frames): (&Batch<'_>, usize),
        samples: Range<usize>,
        objective: &dyn Objective,
        (work, sums): (&mut Work, &mut Sums),
    ) -> Score {
        let (inputs, outputs, count) = (self.inputs(), self.outputs(), samples.len());
        work.units.resize_with(self.sizes.len(), Vec::new);
        work.units[0].clear();
        for frame in 0..frames {
            let first = (frame * batch.samples + samples.start) * inputs;
            work.units[0].extend_from_slice(&batch.inputs[first..first + count * inputs]);
        }
        self.forward(layers, &mut work.units);
        let mut result = Outputs {
            samples,
            batch: batch.samples,
            frames,
            ticks: frames,
            outputs,
            neurons: Vec::new(),
            values: vec![0.0; frames * SAMPLES * outputs],
            counts: Vec::new(),
            spikes: Vec::new(),
        };
        let last = &work.units[self.sizes.len() - 1];
        let columns = padded(outputs);
        for (row, values) in last.chunks_exact(columns).enumerate() {
            let to = &mut result.values[(row / count * SAMPLES + row % count) * outputs..][..outputs];
            to.iter_mut().zip(values).for_each(|(to, &value)| *to = f64::from(value));
        }
        let mut sensitivity = Sensitivity::new(&result);
        let score = objective.evaluate(&result, &mut sensitivity);
        if score.loss.is_finite() && objective.slopes() {
            work.slopes.clear();
            work.slopes.resize(last.len(), 0.0);
            for (row, to) in work.slopes.chunks_exact_mut(columns).enumerate() {
                let slopes = sensitivity.value(row / count, row % count);
                to.iter_mut().zip(slopes).for_each(|(to, slope)| *to = *slope as f32);
            }
            self.backward(layers, work, sums);
        }
        score
    }
}

wide! {
    /// Adds the biases to each row and applies the activation of a hidden layer, if it is one.
    fn activate(rows: &mut [f32], biases: &[f32], activation: Option<Activation>) {
        for row in rows.chunks_exact_mut(biases.len()) {
            for (sum, bias) in row.iter_mut().zip(biases) {
                *sum += bias;
            }
            match activation {
                None => {}
                Some(Activation::Tanh) => {
                    for x in row {
                        *x = tanh(*x);
                    }
                }
                Some(Activation::Relu) => {
                    for x in row {
                        // Not `max`, which would hide NaN.
                        *x = if *x < 0.0 { 0.0 } else { *x };
                    }
                }
            }
        }
    }
}

wide! {
    /// Multiplies slopes with the derivative of the activation that gave `y`.
    fn derive(slopes: &mut [f32], y: &[f32], activation: Activation) {
        match activation {
            // Of tanh itself, which the rational function follows within 1e-4.
            Activation::Tanh => {
                for (slope, y) in slopes.iter_mut().zip(y) {
                    *slope *= 1.0 - y * y;
                }
            }
            Activation::Relu => {
                for (slope, &y) in slopes.iter_mut().zip(y) {
                    *slope *= if y > 0.0 { 1.0 } else { 0.0 };
                }
            }
        }
    }
}

wide! {
    /// Adds the sum of each column.
    fn add_columns(rows: &[f32], scale: f32, sums: &mut [f32]) {
        for row in rows.chunks_exact(sums.len()) {
            for (sum, x) in sums.iter_mut().zip(row) {
                *sum += scale * x;
            }
        }
    }
}

impl Differentiable for Perceptron {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn inputs(&self) -> usize {
        self.sizes[0]
    }

    fn outputs(&self) -> usize {
        self.sizes[self.sizes.len() - 1]
    }

    fn ticks(&self) -> usize {
        1
    }

    fn neurons(&self) -> Vec<usize> {
        Vec::new()
    }

    fn squash(&self) -> bool {
        true
    }

    fn remembers(&self) -> bool {
        false
    }

    fn check_states(&self, _states: &[NetworkState]) -> Result<(), GradientError> {
        Ok(())
    }

    fn gradient(
        &self,
        theta: &[f32],
        batch: &Batch<'_>,
        objective: &dyn Objective,
    ) -> Result<Gradient, GradientError> {
        let frames = self.frames(theta, batch)?;
        let layers = self.layers(theta, true);
        let chunks = batch.samples.div_ceil(SAMPLES);
        let groups = chunks.min(GROUPS);
        let group = |group: usize| {
            // The chunks of a group share their sum.
            let zeros = |values: fn(&Layer) -> &Vec<f32>| -> Vec<Vec<f32>> {
                layers.iter().map(|layer| vec![0.0; values(layer).len()]).collect()
            };
            let mut sums =
                Sums { weights: zeros(|layer| &layer.weights), biases: zeros(|layer| &layer.biases) };
            let mut work = Work::default();
            let chunks = (group * chunks / groups)..((group + 1) * chunks / groups);
            let score = |chunk: usize| {
                let samples = chunk * SAMPLES..((chunk + 1) * SAMPLES).min(batch.samples);
                self.part(&layers, (batch, frames), samples, objective, (&mut work, &mut sums))
            };
            let scores: Vec<Score> = chunks.map(score).collect();
            (scores, sums)
        };
        let parts: Vec<(Vec<Score>, Sums)> = (0..groups).into_par_iter().map(group).collect();
        let mut total = vec![0.0_f64; theta.len()];
        let (mut loss, mut sums) = (0.0, Vec::new());
        for (scores, own) in parts {
            for score in scores {
                loss += score.loss;
                sums.resize(score.sums.len().max(sums.len()), 0.0);
                sums.iter_mut().zip(score.sums).for_each(|(to, from)| *to += from);
            }
            for (index, (weights, biases)) in own.weights.iter().zip(&own.biases).enumerate() {
                let (weight, bias) = self.blocks(index);
                let targets = self.sizes[index + 1];
                let rows = total[weight.range()]
                    .chunks_exact_mut(targets)
                    .zip(weights.chunks_exact(padded(targets)));
                for (to, from) in rows {
                    to.iter_mut().zip(from).for_each(|(to, &from)| *to += f64::from(from));
                }
                let to = &mut total[bias.range()];
                to.iter_mut().zip(biases).for_each(|(to, &from)| *to += f64::from(from));
            }
        }
        if !loss.is_finite() {
            let layer = "outputs".into();
            return Err(GradientError::NotFinite { what: "loss", layer, tick: None, step: None });
        }
        let gradient: Vec<f32> = total.into_iter().map(|g| g as f32).collect();
        if let Some(at) = gradient.iter().position(|g| !g.is_finite()) {
            return Err(not_finite(&self.layout, "gradient", at));
        }
        let end = vec![NetworkState::default(); batch.samples];
        Ok(Gradient { loss, sums, gradient, rates: Vec::new(), end })
    }

    fn run(&self, theta: &[f32], batch: &Batch<'_>) -> Result<Run, GradientError> {
        let frames = self.frames(theta, batch)?;
        let (inputs, outputs) = (self.inputs(), self.outputs());
        let layers = self.layers(theta, false);
        let mut values = vec![0.0; frames * batch.samples * outputs];
        let rows = batch.inputs.par_chunks(ROWS * inputs).zip(values.par_chunks_mut(ROWS * outputs));
        rows.for_each_init(Vec::new, |units: &mut Vec<Vec<f32>>, (x, out)| {
            units.resize_with(self.sizes.len(), Vec::new);
            units[0].clear();
            units[0].extend_from_slice(x);
            self.forward(&layers, units);
            let last = units[self.sizes.len() - 1].chunks_exact(padded(outputs));
            for (out, values) in out.chunks_exact_mut(outputs).zip(last) {
                out.copy_from_slice(&values[..outputs]);
            }
        });
        Ok(Run { frames, values, counts: Vec::new(), end: vec![NetworkState::default(); batch.samples] })
    }
}
