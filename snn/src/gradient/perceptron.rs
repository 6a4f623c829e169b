//! Backpropagation through the network without spikes: the baseline, and the critic of a spiking actor.

use std::ops::Range;

use rayon::prelude::*;

use super::batch::{Batch, NetworkState, Outputs, Sensitivity};
use super::bptt::{Gradient, Objective, Run, Score};
use super::differentiable::Differentiable;
use super::error::{GradientError, check_length, not_finite};
use super::product::SAMPLES;
use crate::config::{Activation, MlpConfig};
use crate::controller::Controller as _;
use crate::error::SnnError;
use crate::lanes::tanh;
use crate::layout::{Block, Layout};
use crate::mlp::Mlp;

/// Most partial sums of a gradient. Fixed, so that the sums do not depend on the number of threads.
const GROUPS: usize = 16;

/// Gradients of a multilayer perceptron, forwards the same bits as its
/// [evaluator](crate::Evaluator)'s. It has no state: start states and resets of a [`Batch`] change
/// nothing, and every frame of every sample is a case of its own.
pub struct Perceptron {
    layout: Layout,
    /// Units of each layer from the observation to the outputs.
    sizes: Vec<usize>,
    activation: Activation,
}

/// Weights and biases of a layer, scaled.
struct Layer {
    /// `[sources][targets]`.
    weights: Vec<f32>,
    /// `[targets][sources]`; empty without a gradient.
    transposed: Vec<f32>,
    biases: Vec<f32>,
}

/// What some neighbouring samples gave.
struct Part {
    score: Score,
    gradient: Vec<f32>,
    values: Vec<f32>,
    samples: Range<usize>,
}

impl Perceptron {
    /// For a task with `inputs` observations and `outputs` actions (or classes).
    ///
    /// # Errors
    /// [`GradientError::Network`] if the network cannot be built.
    pub fn new(config: &MlpConfig, inputs: usize, outputs: usize) -> Result<Self, GradientError> {
        if inputs == 0 {
            return Err(SnnError::NoInputs.into());
        }
        if outputs == 0 {
            return Err(SnnError::NoOutputs.into());
        }
        let layout = Mlp::new(config, inputs, outputs)?.layout().clone();
        let sizes = [inputs].into_iter().chain(config.hidden.iter().copied()).chain([outputs]).collect();
        Ok(Self { layout, sizes, activation: config.activation })
    }

    fn layers(&self, theta: &[f32], gradient: bool) -> Vec<Layer> {
        let scaled =
            |block: &Block| -> Vec<f32> { theta[block.range()].iter().map(|x| block.scale * x).collect() };
        let layer = |(pair, targets): (&[Block], &usize)| {
            let weights = scaled(&pair[0]);
            let targets = if gradient { 0..*targets } else { 0..0 };
            let column = |target| weights.iter().skip(target).step_by(pair[1].len()).copied();
            let transposed = targets.flat_map(column).collect();
            Layer { transposed, weights, biases: scaled(&pair[1]) }
        };
        self.layout.blocks().chunks_exact(2).zip(&self.sizes[1..]).map(layer).collect()
    }

    /// Appends the activations of all layers for one observation, which comes first; the outputs before
    /// tanh.
    fn forward(&self, layers: &[Layer], x: &[f32], units: &mut Vec<f32>) {
        let mut from = units.len();
        units.extend_from_slice(x);
        for (index, layer) in layers.iter().enumerate() {
            let (sources, targets) = (self.sizes[index], self.sizes[index + 1]);
            let start = units.len();
            units.resize(start + targets, 0.0);
            let (before, out) = units.split_at_mut(start);
            for (&x, row) in before[from..from + sources].iter().zip(layer.weights.chunks_exact(targets)) {
                for (sum, weight) in out.iter_mut().zip(row) {
                    *sum += x * weight;
                }
            }
            let hidden = index + 1 < layers.len();
            for (sum, bias) in out.iter_mut().zip(&layer.biases) {
                *sum += bias;
                if hidden {
                    *sum = match self.activation {
                        Activation::Tanh => tanh(*sum),
                        Activation::Relu if *sum < 0.0 => 0.0,
                        Activation::Relu => *sum,
                    };
                }
            }
            from = start;
        }
    }

    /// Adds to `gradient` what `slopes`, the derivatives of the loss with respect to the outputs, make
    /// of it. They are used up; `sums` is working memory.
    fn backward(
        &self,
        layers: &[Layer],
        units: &[f32],
        (slopes, sums): (&mut Vec<f32>, &mut Vec<f32>),
        gradient: &mut [f32],
    ) {
        let mut end = units.len() - self.outputs();
        for (index, layer) in layers.iter().enumerate().rev() {
            let (sources, targets) = (self.sizes[index], self.sizes[index + 1]);
            let before = &units[end - sources..end];
            end -= sources;
            let (weight, bias) = (&self.layout.blocks()[2 * index], &self.layout.blocks()[2 * index + 1]);
            for (sum, slope) in gradient[bias.range()].iter_mut().zip(&*slopes) {
                *sum += bias.scale * slope;
            }
            for (x, row) in before.iter().zip(gradient[weight.range()].chunks_exact_mut(targets)) {
                let x = weight.scale * x;
                for (sum, slope) in row.iter_mut().zip(&*slopes) {
                    *sum += x * slope;
                }
            }
            if index > 0 {
                sums.clear();
                sums.resize(sources, -0.0);
                // All sources at once, each in the order of targets.
                for (slope, column) in slopes.iter().zip(layer.transposed.chunks_exact(sources)) {
                    for (sum, weight) in sums.iter_mut().zip(column) {
                        *sum += weight * slope;
                    }
                }
                for (sum, &y) in sums.iter_mut().zip(before) {
                    *sum *= match self.activation {
                        // Of tanh itself, which the rational function follows within 1e-4.
                        Activation::Tanh => 1.0 - y * y,
                        Activation::Relu => f32::from(u8::from(y > 0.0)),
                    };
                }
                std::mem::swap(slopes, sums);
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

    /// All samples in groups of [`SAMPLES`], in order.
    fn parts(
        &self,
        theta: &[f32],
        batch: &Batch<'_>,
        frames: usize,
        objective: Option<&dyn Objective>,
    ) -> Vec<Part> {
        let layers = self.layers(theta, objective.is_some());
        let chunks = batch.samples.div_ceil(SAMPLES);
        let groups = chunks.min(GROUPS);
        let group = |group: usize| {
            // The chunks of a group share their sum.
            let mut gradient = vec![0.0; if objective.is_some() { theta.len() } else { 0 }];
            let chunks = (group * chunks / groups)..((group + 1) * chunks / groups);
            let mut parts: Vec<Part> = chunks
                .map(|chunk| {
                    let samples = chunk * SAMPLES..((chunk + 1) * SAMPLES).min(batch.samples);
                    self.part(&layers, batch, frames, samples, objective, &mut gradient)
                })
                .collect();
            if let Some(first) = parts.first_mut() {
                first.gradient = gradient;
            }
            parts
        };
        (0..groups).into_par_iter().flat_map_iter(group).collect()
    }

    fn part(
        &self,
        layers: &[Layer],
        batch: &Batch<'_>,
        frames: usize,
        samples: Range<usize>,
        objective: Option<&dyn Objective>,
        gradient: &mut [f32],
    ) -> Part {
        let (inputs, outputs) = (self.inputs(), self.outputs());
        let mut units = Vec::new();
        let mut result = Outputs {
            samples: samples.clone(),
            batch: batch.samples,
            frames,
            ticks: frames,
            outputs,
            neurons: Vec::new(),
            values: vec![0.0; frames * SAMPLES * outputs],
            counts: Vec::new(),
            spikes: Vec::new(),
        };
        let row = |frame: usize, sample: usize| {
            &batch.inputs[(frame * batch.samples + samples.start + sample) * inputs..][..inputs]
        };
        let mut values = Vec::with_capacity(frames * samples.len() * outputs);
        for frame in 0..frames {
            for sample in 0..samples.len() {
                if objective.is_none() {
                    units.clear();
                }
                self.forward(layers, row(frame, sample), &mut units);
                let out = &units[units.len() - outputs..];
                values.extend_from_slice(out);
                let to = &mut result.values[(frame * SAMPLES + sample) * outputs..];
                to.iter_mut().zip(out).for_each(|(to, &value)| *to = f64::from(value));
            }
        }
        let Some(objective) = objective else {
            return Part { score: Score::default(), gradient: Vec::new(), values, samples };
        };
        let mut sensitivity = Sensitivity::new(&result);
        let score = objective.evaluate(&result, &mut sensitivity);
        if score.loss.is_finite() && objective.slopes() {
            let (mut slopes, mut sums) = (Vec::new(), Vec::new());
            let width: usize = self.sizes.iter().sum();
            for frame in 0..frames {
                for sample in 0..samples.len() {
                    slopes.clear();
                    slopes.extend(sensitivity.value(frame, sample).iter().map(|&slope| slope as f32));
                    if slopes.iter().any(|&slope| slope != 0.0) {
                        let at = (frame * samples.len() + sample) * width;
                        let units = &units[at..at + width];
                        self.backward(layers, units, (&mut slopes, &mut sums), gradient);
                    }
                }
            }
        }
        Part { score, gradient: Vec::new(), values, samples }
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

    fn gradient(
        &self,
        theta: &[f32],
        batch: &Batch<'_>,
        objective: &dyn Objective,
    ) -> Result<Gradient, GradientError> {
        let frames = self.frames(theta, batch)?;
        let mut gradient = vec![0.0_f64; theta.len()];
        let (mut loss, mut sums) = (0.0, Vec::new());
        for part in self.parts(theta, batch, frames, Some(objective)) {
            loss += part.score.loss;
            sums.resize(part.score.sums.len().max(sums.len()), 0.0);
            sums.iter_mut().zip(part.score.sums).for_each(|(to, from)| *to += from);
            gradient.iter_mut().zip(part.gradient).for_each(|(to, from)| *to += f64::from(from));
        }
        if !loss.is_finite() {
            let layer = "outputs".into();
            return Err(GradientError::NotFinite { what: "loss", layer, tick: None, step: None });
        }
        let gradient: Vec<f32> = gradient.into_iter().map(|g| g as f32).collect();
        if let Some(at) = gradient.iter().position(|g| !g.is_finite()) {
            return Err(not_finite(&self.layout, "gradient", at));
        }
        let end = vec![NetworkState::default(); batch.samples];
        Ok(Gradient { loss, sums, gradient, rates: Vec::new(), end })
    }

    fn run(&self, theta: &[f32], batch: &Batch<'_>) -> Result<Run, GradientError> {
        let frames = self.frames(theta, batch)?;
        let outputs = self.outputs();
        let mut values = vec![0.0; frames * batch.samples * outputs];
        for part in self.parts(theta, batch, frames, None) {
            let (row, first) = (part.samples.len() * outputs, part.samples.start * outputs);
            for (frame, from) in part.values.chunks_exact(row).enumerate() {
                values[frame * batch.samples * outputs + first..][..row].copy_from_slice(from);
            }
        }
        Ok(Run { frames, values, counts: Vec::new(), end: vec![NetworkState::default(); batch.samples] })
    }
}
