//! What goes into a network in training, what comes out, and what the loss says of it.

use std::ops::Range;

use super::error::{GradientError, check_length};
use super::product::SAMPLES;
use crate::network::{Network, Population};
use crate::state::NetworkState;

/// Sequences of the same length, time-major. One frame is one control step: the observation is
/// encoded once and the network runs its `ticks`. For data that come tick by tick, set `ticks: 1`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Batch<'a> {
    /// Number of sequences.
    pub samples: usize,
    /// Observations, `[frames][samples][inputs]`.
    pub inputs: &'a [f32],
    /// Seed of what an encoder draws, per sample; empty: the number of the sample.
    pub seeds: &'a [u64],
    /// Where each sample begins; empty: in the reset state.
    pub start: &'a [NetworkState],
    /// Whether a sample is reset before a frame, `[frames][samples]`; empty: never. No gradient
    /// crosses a reset.
    pub resets: &'a [bool],
}

impl Batch<'_> {
    /// Number of frames; checks all lengths against `network`.
    pub(super) fn frames(&self, network: &Network) -> Result<usize, GradientError> {
        let frames = self.rows(network.inputs, network.ticks)?;
        for (sample, state) in self.start.iter().enumerate() {
            check_state(state, network, sample)?;
        }
        Ok(frames)
    }

    /// Number of frames; checks all lengths for a network with `inputs` observations.
    pub(super) fn rows(&self, inputs: usize, ticks: usize) -> Result<usize, GradientError> {
        let row = self.samples * inputs;
        if row == 0 || self.inputs.is_empty() || !self.inputs.len().is_multiple_of(row) {
            return Err(GradientError::Shape {
                what: "`inputs`".into(),
                found: self.inputs.len(),
                unit: "values",
                expected: row.max(1) * self.inputs.len().div_ceil(row.max(1)).max(1),
                reason: format!("frames × {} samples × {inputs} inputs, at least 1 of each", self.samples),
            });
        }
        let (frames, samples) = (self.inputs.len() / row, self.samples);
        let one_each = || format!("one for each of {samples} samples");
        for (what, found) in [("`seeds`", self.seeds.len()), ("`start`", self.start.len())] {
            if found > 0 {
                check_length(what, found, samples, one_each)?;
            }
        }
        if !self.resets.is_empty() {
            let reason = || format!("{frames} frames × {samples} samples");
            check_length("`resets`", self.resets.len(), frames * samples, reason)?;
        }
        match self.inputs.iter().position(|x| !x.is_finite()) {
            None => Ok(frames),
            Some(at) => Err(GradientError::NotFinite {
                what: "input",
                layer: format!("sample {}", at / inputs % samples),
                tick: Some(at / row * ticks),
                step: None,
            }),
        }
    }

    pub(super) fn seed(&self, sample: usize) -> u64 {
        self.seeds.get(sample).copied().unwrap_or(sample as u64)
    }

    pub(super) fn resets(&self, frame: usize, sample: usize) -> bool {
        self.resets.get(frame * self.samples + sample).copied().unwrap_or(false)
    }
}

/// Checks the lengths of a state of sample `sample`.
pub(super) fn check_state(
    state: &NetworkState,
    network: &Network,
    sample: usize,
) -> Result<(), GradientError> {
    let states = |p: &Population| p.neuron.kernel().states.len() * p.neurons;
    let expected: usize = network.populations.iter().map(states).sum();
    let reason = || "it is a state of another network".to_owned();
    let what = format!("`start[{sample}]`");
    check_length(&what, state.states.len(), expected, reason)?;
    let spikes = network.hidden().iter().map(|p| p.words * network.history).sum();
    check_length(&what, state.spikes.len(), spikes, reason)?;
    check_length(&what, state.encoder.len(), network.encoder.encoder().memory(network.inputs), reason)?;
    check_length(&what, state.decoder.len(), network.outputs, reason)
}

/// What some neighbouring samples of a batch gave.
#[derive(Debug)]
pub struct Outputs {
    /// Which samples of the batch.
    pub samples: Range<usize>,
    /// Samples of the whole batch.
    pub batch: usize,
    /// Frames.
    pub frames: usize,
    /// Ticks of all frames together.
    pub ticks: usize,
    /// Values per frame: the actions before tanh.
    pub outputs: usize,
    /// Neurons of each hidden layer.
    pub neurons: Vec<usize>,
    /// `[frames][SAMPLES][outputs]`.
    pub(super) values: Vec<f64>,
    /// Per hidden layer `[SAMPLES][neurons]`.
    pub(super) counts: Vec<Vec<f64>>,
    /// Of the last hidden layer, `[ticks][SAMPLES][neurons]`; empty unless asked for.
    pub(super) spikes: Vec<f64>,
}

impl Outputs {
    /// Appends those of the frames that follow.
    pub(super) fn append(&mut self, later: &Self) {
        self.frames += later.frames;
        self.ticks += later.ticks;
        self.values.extend_from_slice(&later.values);
        self.spikes.extend_from_slice(&later.spikes);
        for (to, from) in self.counts.iter_mut().zip(&later.counts) {
            to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
        }
    }

    /// The actions of a frame before tanh, `outputs` values; `sample` counts from the first of
    /// `samples`. For a decoder without tanh, the actions.
    ///
    /// # Panics
    /// If frame or sample do not exist.
    #[must_use]
    pub fn value(&self, frame: usize, sample: usize) -> &[f64] {
        &self.values[(frame * SAMPLES + sample) * self.outputs..][..self.outputs]
    }

    /// Spikes of each neuron of hidden layer `layer` over all ticks.
    ///
    /// # Panics
    /// If layer or sample do not exist.
    #[must_use]
    pub fn counts(&self, layer: usize, sample: usize) -> &[f64] {
        &self.counts[layer][sample * self.neurons[layer]..][..self.neurons[layer]]
    }

    /// Spikes of the last hidden layer in a tick, 0 or 1 each.
    ///
    /// # Panics
    /// If tick or sample do not exist, or if the objective did not [ask](super::Objective::spikes).
    #[must_use]
    pub fn spikes(&self, tick: usize, sample: usize) -> &[f64] {
        let neurons = self.neurons[self.neurons.len() - 1];
        &self.spikes[(tick * SAMPLES + sample) * neurons..][..neurons]
    }
}

/// Derivatives of the loss with respect to [`Outputs`], all 0 at first.
#[derive(Debug, Default)]
pub struct Sensitivity {
    outputs: usize,
    ticks: usize,
    neurons: Vec<usize>,
    pub(super) values: Vec<f64>,
    /// Empty: all 0.
    pub(super) counts: Vec<Vec<f64>>,
    /// Empty: all 0.
    pub(super) spikes: Vec<f64>,
}

impl Sensitivity {
    pub(super) fn new(outputs: &Outputs) -> Self {
        Self {
            outputs: outputs.outputs,
            ticks: outputs.ticks,
            neurons: outputs.neurons.clone(),
            values: vec![0.0; outputs.values.len()],
            counts: vec![Vec::new(); outputs.neurons.len()],
            spikes: Vec::new(),
        }
    }

    /// With respect to [`Outputs::value`].
    pub fn value(&mut self, frame: usize, sample: usize) -> &mut [f64] {
        &mut self.values[(frame * SAMPLES + sample) * self.outputs..][..self.outputs]
    }

    /// With respect to [`Outputs::counts`].
    pub fn counts(&mut self, layer: usize, sample: usize) -> &mut [f64] {
        let neurons = self.neurons[layer];
        self.counts[layer].resize(SAMPLES * neurons, 0.0);
        &mut self.counts[layer][sample * neurons..][..neurons]
    }

    /// With respect to [`Outputs::spikes`].
    pub fn spikes(&mut self, tick: usize, sample: usize) -> &mut [f64] {
        let neurons = self.neurons[self.neurons.len() - 1];
        self.spikes.resize(self.ticks * SAMPLES * neurons, 0.0);
        &mut self.spikes[(tick * SAMPLES + sample) * neurons..][..neurons]
    }
}
