//! Gradients of a whole batch, on all cores.

use std::ops::Range;
use std::sync::{Arc, Mutex};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::batch::{Batch, Outputs, Sensitivity, check_state};
use super::error::{GradientError, check, check_length, not_finite};
use super::loaded::{Loaded, neuron_parameters, stride};
use super::pass::Pass;
use super::product::SAMPLES;
use super::program::Program;
use super::surrogate::{Surrogate, SurrogateConfig};
use super::tape::{Fault, Setting, Sums, Workspace, evolved};
use crate::config::SnnConfig;
use crate::error::{MAX_SOURCES, SnnError};
use crate::layout::Layout;
use crate::network::{Network, Parameter, Weights};
use crate::real::Real;
use crate::state::NetworkState;

/// Most partial sums of a gradient. Fixed, so that the sums do not depend on the number of threads.
const GROUPS: usize = 32;

/// How gradients are computed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BpttConfig {
    /// Slope of a spike. Default fast sigmoid.
    pub surrogate: SurrogateConfig,
    /// Whether the choice between reset and no reset is taken for a constant. It is about the `reset`
    /// lines and `if(spike, a, b)` of a neuron model, not about `spike` as a number. Layers that are
    /// [`like`](crate::LayerConfig::like) a library's say it themselves. Default true.
    pub detach_reset: bool,
    /// Ticks through which a gradient flows: it is cut between tick k·window − 1 and k·window. What is
    /// remembered of the way forwards is that of so many ticks, too (rounded up to whole frames), and the
    /// network runs forwards twice. At least 1. Default `None`: all of them.
    pub window: Option<usize>,
}

impl Default for BpttConfig {
    fn default() -> Self {
        Self { surrogate: SurrogateConfig::default(), detach_reset: true, window: None }
    }
}

/// What a batch is trained for.
pub trait Objective: Sync {
    /// Whether [`Outputs::spikes`] is needed.
    fn spikes(&self) -> bool {
        false
    }

    /// Whether there is to be a gradient; else it is 0 and costs nothing.
    fn slopes(&self) -> bool {
        true
    }

    /// The share of some samples in the loss of the batch (usually their losses, divided by the
    /// samples of the batch), with its derivatives.
    fn evaluate(&self, outputs: &Outputs, sensitivity: &mut Sensitivity) -> Score;
}

/// What an [`Objective`] says of some samples.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Score {
    /// Their share in the loss.
    pub loss: f64,
    /// Further numbers, which are added up over the batch.
    pub sums: Vec<f64>,
}

/// A gradient, and what else became known on the way.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Gradient {
    /// Loss of the batch.
    pub loss: f64,
    /// Sums of [`Score::sums`]; of a [`Loss`](super::Loss) on labels, the number of correct answers.
    pub sums: Vec<f64>,
    /// Derivatives of the loss with respect to θ.
    pub gradient: Vec<f32>,
    /// Spikes per neuron and tick of each hidden layer, mean over the batch.
    pub rates: Vec<f64>,
    /// What each sample remembers after the last frame.
    pub end: Vec<NetworkState>,
}

/// What the network made of a batch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Run {
    /// Number of frames.
    pub frames: usize,
    /// The actions before tanh (for a decoder without tanh: the actions), `[frames][samples][outputs]`.
    pub values: Vec<f32>,
    /// Spikes of each neuron over all ticks, per hidden layer `[samples][neurons]`.
    pub counts: Vec<Vec<f32>>,
    /// What each sample remembers after the last frame.
    pub end: Vec<NetworkState>,
}

/// Backpropagation through time for one network.
///
/// The forward pass is that of the [evaluators](crate::Evaluator), spike for spike, in the network's
/// precision. Backwards, rounding to a grid (of weights, currents and states) counts as the identity,
/// as does clamping to its range: straight-through, as in quantisation-aware training.
pub struct Bptt {
    network: Arc<Network>,
    pub(super) setting: Setting,
    pool: Pool<f32>,
}

/// Memory to use again.
struct Pool<T> {
    loaded: Mutex<Vec<Loaded<T>>>,
    workspaces: Mutex<Vec<Workspace<T>>>,
    sums: Mutex<Vec<Sums<T>>>,
}

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self { loaded: Mutex::default(), workspaces: Mutex::default(), sums: Mutex::default() }
    }
}

fn take<V>(pool: &Mutex<Vec<V>>) -> Option<V> {
    pool.lock().expect("nobody panics while holding the lock").pop()
}

fn give<V>(pool: &Mutex<Vec<V>>, value: V) {
    pool.lock().expect("nobody panics while holding the lock").push(value);
}

/// What a group of chunks gave.
struct Part<T> {
    sums: Option<Sums<T>>,
    chunks: Vec<(usize, Result<Chunk, GradientError>)>,
}

struct Chunk {
    score: Score,
    outputs: Option<Outputs>,
    /// Spikes of each hidden layer.
    spikes: Vec<f64>,
    end: Vec<NetworkState>,
}

/// As [`Gradient`], in f64.
pub(super) struct Total {
    pub(super) loss: f64,
    pub(super) sums: Vec<f64>,
    pub(super) gradient: Vec<f64>,
    pub(super) rates: Vec<f64>,
    pub(super) end: Vec<NetworkState>,
}

impl Bptt {
    /// For the network of `config` on a task with `inputs` observations and `outputs` actions (or
    /// classes).
    ///
    /// # Errors
    /// [`GradientError`] if the network cannot be built or has no gradient, or a setting is wrong.
    pub fn new(
        config: &SnnConfig,
        inputs: usize,
        outputs: usize,
        bptt: &BpttConfig,
    ) -> Result<Self, GradientError> {
        SnnError::check_sizes(inputs, outputs)?;
        Self::of(Network::new(config, inputs, outputs)?, bptt)
    }

    pub(super) fn of(network: Network, config: &BpttConfig) -> Result<Self, GradientError> {
        if network.format.is_binary() {
            return Err(GradientError::Binary);
        }
        // To hold the rules still would train another network than the one that runs.
        if !network.plastic.is_empty() {
            return Err(GradientError::Plastic);
        }
        if network.width > MAX_SOURCES {
            let (sources, inputs) = (network.width, network.inputs);
            return Err(SnnError::Sources { sources, inputs, why: "in training by gradients" }.into());
        }
        let window = config.window.unwrap_or(1);
        check("window", window as f64, window >= 1, "at least 1 tick")?;
        let program = |population: &crate::network::Population| {
            let detach = population.neuron.switches().map_or(config.detach_reset, |own| own.detached);
            Program::new(population.neuron.kernel(), detach, evolved(population))
        };
        let setting = Setting {
            surrogate: Surrogate::new(&config.surrogate)?,
            programs: network.populations.iter().map(program).collect(),
            window: config.window,
            smooth: None,
        };
        Ok(Self { network: Arc::new(network), setting, pool: Pool::default() })
    }

    /// Named parameter blocks of θ, the same as those of the
    /// [controller](crate::Controller::layout) of this config.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.network.layout
    }

    /// Number of observations.
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.network.inputs
    }

    /// Number of actions or classes.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.network.outputs
    }

    /// Ticks per frame.
    #[must_use]
    pub fn ticks(&self) -> usize {
        self.network.ticks
    }

    /// Whether the action is tanh of the [value](Outputs::value); else it is the value.
    #[must_use]
    pub fn squash(&self) -> bool {
        self.network.decoder.squash()
    }

    /// Neurons of the hidden layers.
    #[must_use]
    pub fn neurons(&self) -> Vec<usize> {
        self.network.hidden().iter().map(|layer| layer.neurons).collect()
    }

    /// Checks that these are states of this network.
    ///
    /// # Errors
    /// [`GradientError::Shape`] for lengths that do not fit.
    pub fn check_states(&self, states: &[NetworkState]) -> Result<(), GradientError> {
        states.iter().enumerate().try_for_each(|(at, state)| check_state(state, &self.network, at))
    }

    /// The gradient of `objective` at `theta`. The same bits for any number of threads.
    ///
    /// # Errors
    /// [`GradientError::Shape`] for lengths that do not fit; [`GradientError::NotFinite`] if a
    /// parameter, an input, a state, the loss or the gradient is not finite.
    pub fn gradient(
        &self,
        theta: &[f32],
        batch: &Batch<'_>,
        objective: &dyn Objective,
    ) -> Result<Gradient, GradientError> {
        let total = self.total(&self.pool, theta, batch, objective)?;
        let gradient: Vec<f32> = total.gradient.iter().map(|&g| g as f32).collect();
        if let Some(at) = gradient.iter().position(|g| !g.is_finite()) {
            return Err(self.not_finite("gradient", at));
        }
        let Total { loss, sums, rates, end, .. } = total;
        Ok(Gradient { loss, sums, gradient, rates, end })
    }

    /// Runs the network without gradients.
    ///
    /// # Errors
    /// As [`gradient`](Self::gradient).
    pub fn run(&self, theta: &[f32], batch: &Batch<'_>) -> Result<Run, GradientError> {
        let (frames, loaded) = self.load(&self.pool, theta, batch)?;
        let samples = batch.samples;
        let mut run = Run {
            frames,
            values: vec![0.0; frames * samples * self.network.outputs],
            counts: self.neurons().into_iter().map(|n| vec![0.0; samples * n]).collect(),
            end: Vec::new(),
        };
        let parts = self.groups(&self.pool, &loaded, batch, frames, None);
        give(&self.pool.loaded, loaded);
        for (_, chunk) in in_order(parts).1 {
            let chunk = chunk?;
            run.end.extend(chunk.end);
            let Some(outputs) = chunk.outputs else { continue };
            for (sample, at) in outputs.samples.clone().enumerate() {
                for frame in 0..frames {
                    let to = &mut run.values[(frame * samples + at) * outputs.outputs..];
                    for (to, &value) in to.iter_mut().zip(outputs.value(frame, sample)) {
                        *to = value as f32;
                    }
                }
                for (layer, counts) in run.counts.iter_mut().enumerate() {
                    let from = outputs.counts(layer, sample);
                    for (to, &count) in counts[at * from.len()..].iter_mut().zip(from) {
                        *to = count as f32;
                    }
                }
            }
        }
        Ok(run)
    }

    /// As [`gradient`](Self::gradient), in either kind of number.
    #[cfg(test)]
    pub(super) fn exact<T: Real>(
        &self,
        theta: &[T],
        batch: &Batch<'_>,
        objective: &dyn Objective,
    ) -> Result<Total, GradientError> {
        self.total(&Pool::default(), theta, batch, objective)
    }

    fn load<T: Real>(
        &self,
        pool: &Pool<T>,
        theta: &[T],
        batch: &Batch<'_>,
    ) -> Result<(usize, Loaded<T>), GradientError> {
        let layout = &self.network.layout;
        check_length("`theta`", theta.len(), layout.len(), || "the layout has as many parameters".into())?;
        if let Some(at) = theta.iter().position(|theta| !theta.is_finite()) {
            return Err(self.not_finite("parameter", at));
        }
        let frames = batch.frames(&self.network)?;
        let mut loaded = take(&pool.loaded).unwrap_or_default();
        loaded.load(&self.network, theta);
        Ok((frames, loaded))
    }

    fn total<T: Real>(
        &self,
        pool: &Pool<T>,
        theta: &[T],
        batch: &Batch<'_>,
        objective: &dyn Objective,
    ) -> Result<Total, GradientError> {
        let (frames, loaded) = self.load(pool, theta, batch)?;
        let parts = self.groups(pool, &loaded, batch, frames, Some(objective));
        give(&pool.loaded, loaded);
        let (sums, chunks) = in_order(parts);
        let mut total = Total {
            loss: 0.0,
            sums: Vec::new(),
            gradient: Vec::new(),
            rates: vec![0.0; self.network.hidden().len()],
            end: Vec::new(),
        };
        let mut failed = None;
        for (_, chunk) in chunks {
            match chunk {
                Ok(chunk) => {
                    total.loss += chunk.score.loss;
                    total.sums.resize(total.sums.len().max(chunk.score.sums.len()), 0.0);
                    total.sums.iter_mut().zip(chunk.score.sums).for_each(|(to, from)| *to += from);
                    total.rates.iter_mut().zip(chunk.spikes).for_each(|(to, from)| *to += from);
                    total.end.extend(chunk.end);
                }
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        let ticks = (batch.samples * frames * self.network.ticks) as f64;
        for (rate, population) in total.rates.iter_mut().zip(self.network.hidden()) {
            *rate /= ticks * population.neurons as f64;
        }
        if failed.is_none() && !total.loss.is_finite() {
            let layer = "outputs".into();
            failed = Some(GradientError::NotFinite { what: "loss", layer, tick: None, step: None });
        }
        if failed.is_none() {
            total.gradient = self.collect(theta, &sums);
        }
        sums.into_iter().for_each(|sums| give(&pool.sums, sums));
        failed.map_or(Ok(total), Err)
    }

    /// All chunks of the batch, dealt out to a fixed number of groups.
    fn groups<T: Real>(
        &self,
        pool: &Pool<T>,
        loaded: &Loaded<T>,
        batch: &Batch<'_>,
        frames: usize,
        objective: Option<&dyn Objective>,
    ) -> Vec<Part<T>> {
        let chunks = batch.samples.div_ceil(SAMPLES);
        let groups = chunks.min(GROUPS);
        let group = |group: usize| {
            let mut work = take(&pool.workspaces).unwrap_or_default();
            let mut sums = objective.map(|_| {
                let mut sums = take(&pool.sums).unwrap_or_else(|| Sums::new(&self.network));
                sums.clear();
                sums
            });
            let mut results = Vec::new();
            for chunk in (group..chunks).step_by(groups) {
                let samples = chunk * SAMPLES..((chunk + 1) * SAMPLES).min(batch.samples);
                let (network, setting) = (&*self.network, &self.setting);
                let start = batch.start.get(samples.clone()).unwrap_or(&[]);
                let pass = Pass { network, setting, loaded, batch, first: 0, frames, samples, start };
                results.push((chunk, self.chunk(&pass, &mut work, objective, sums.as_mut())));
            }
            give(&pool.workspaces, work);
            Part { sums, chunks: results }
        };
        (0..groups).into_par_iter().map(group).collect()
    }

    fn chunk<T: Real>(
        &self,
        pass: &Pass<'_, T>,
        work: &mut Workspace<T>,
        objective: Option<&dyn Objective>,
        sums: Option<&mut Sums<T>>,
    ) -> Result<Chunk, GradientError> {
        let spikes = objective.is_some_and(Objective::spikes);
        // Where a gradient may be cut, in frames.
        let piece = self.setting.window.map_or(pass.frames, |window| {
            let whole = (1..=self.network.ticks).find(|n| (n * window).is_multiple_of(self.network.ticks));
            window * whole.unwrap_or(1) / self.network.ticks
        });
        let pieces: Vec<Range<usize>> =
            (0..pass.frames).step_by(piece).map(|from| from..(from + piece).min(pass.frames)).collect();
        // Where each piece but the first begins, and in the end where the last one ends.
        let mut states: Vec<Vec<NetworkState>> = Vec::new();
        let mut outputs: Option<Outputs> = None;
        for piece in &pieces {
            let start = states.last().map_or(pass.start, Vec::as_slice);
            let part = Pass { first: piece.start, frames: piece.len(), start, ..pass.clone() };
            part.forward(work).map_err(|fault| self.fault(&part, fault))?;
            let own = part.outputs(work, spikes);
            match &mut outputs {
                None => outputs = Some(own),
                Some(outputs) => outputs.append(&own),
            }
            let end = (0..pass.samples.len()).map(|sample| part.state(work, sample)).collect();
            states.push(end);
        }
        let outputs = outputs.expect("a batch has a frame");
        let spikes = outputs.counts.iter().map(|counts| counts.iter().sum()).collect();
        let mut score = Score::default();
        if let (Some(objective), Some(sums)) = (objective, sums) {
            let mut sensitivity = Sensitivity::new(&outputs);
            score = objective.evaluate(&outputs, &mut sensitivity);
            if score.loss.is_finite() && objective.slopes() {
                for (index, piece) in pieces.iter().enumerate() {
                    let start = index.checked_sub(1).map_or(pass.start, |before| &states[before]);
                    let part = Pass { first: piece.start, frames: piece.len(), start, ..pass.clone() };
                    // The only piece is still on the tape.
                    if pieces.len() > 1 {
                        part.forward(work).map_err(|fault| self.fault(&part, fault))?;
                    }
                    part.backward(work, &sensitivity, sums);
                }
            }
        }
        let outputs = objective.is_none().then_some(outputs);
        Ok(Chunk { score, outputs, spikes, end: states.pop().unwrap_or_default() })
    }

    fn fault<T: Real>(&self, pass: &Pass<'_, T>, Fault { tick, population }: Fault) -> GradientError {
        GradientError::NotFinite {
            what: "state",
            layer: self.network.populations[population].name.clone(),
            tick: Some(pass.first * self.network.ticks + tick),
            step: None,
        }
    }

    /// From sums over weights and constants to the gradient with respect to θ.
    fn collect<T: Real>(&self, theta: &[T], sums: &[Sums<T>]) -> Vec<f64> {
        let network = &*self.network;
        let mut gradient = vec![0.0; network.layout.len()];
        let blocks = network.layout.blocks();
        let weights: Vec<(usize, Vec<f64>)> = (0..network.projections.len())
            .into_par_iter()
            .filter_map(|index| {
                let projection = &network.projections[index];
                let Weights::Evolved(block) = projection.weights else { return None };
                let first = sums.first()?.weights[index].as_ref()?;
                let mut all: Vec<f64> = first.sums().iter().map(|sum| sum.to_f64()).collect();
                for part in &sums[1..] {
                    let part = part.weights[index].as_ref()?;
                    all.iter_mut().zip(part.sums()).for_each(|(all, sum)| *all += sum.to_f64());
                }
                let block = &blocks[block];
                let scale = f64::from(projection.unit.scale);
                let mut gradient = vec![0.0; block.len()];
                block.visit_indices(|pre, post, index, negative| {
                    let slope = match projection.signs.get(pre).copied().unwrap_or(0) {
                        0 => scale,
                        // The weight is sign · |scale · θ|.
                        sign if theta[index] < T::ZERO => -scale * f64::from(sign),
                        sign => scale * f64::from(sign),
                    };
                    let slope = if negative { -slope } else { slope };
                    gradient[index - block.offset] += slope * all[first.index(pre, post)];
                });
                Some((block.offset, gradient))
            })
            .collect();
        for (offset, values) in weights {
            gradient[offset..offset + values.len()].copy_from_slice(&values);
        }
        if let Some(block) = network.bias {
            let block = &blocks[block];
            for (output, gradient) in gradient[block.range()].iter_mut().enumerate() {
                let sum: f64 = sums.iter().map(|part| part.biases[output].to_f64()).sum();
                *gradient = f64::from(block.scale) * sum;
            }
        }
        for (index, population) in network.populations.iter().enumerate().filter(|(_, p)| evolved(p)) {
            let stride = stride(population);
            let add = |rows: &dyn Fn(&Sums<T>) -> &Vec<T>| {
                let mut all = vec![0.0; sums.first().map_or(0, |first| rows(first).len())];
                for part in sums {
                    all.iter_mut().zip(rows(part)).for_each(|(all, value)| *all += value.to_f64());
                }
                all
            };
            let constants = add(&|sums| &sums.constants[index]);
            let initial = add(&|sums| &sums.initial[index]);
            let count = if population.individual { population.neurons } else { 1 };
            let mut parameters = Vec::new();
            for neuron in 0..count {
                // Neurons that are alike share their constants.
                let own = if population.individual { neuron..neuron + 1 } else { 0..population.neurons };
                let column = |rows: &[f64]| -> Vec<f64> {
                    rows.chunks_exact(stride).map(|row| row[own.clone()].iter().sum()).collect()
                };
                neuron_parameters(network, population, theta, neuron, &mut parameters);
                let kernel = population.neuron.kernel();
                let slopes = kernel.pull_parameters(&parameters, &column(&constants), &column(&initial));
                for (parameter, slope) in population.parameters.iter().zip(slopes) {
                    if let Parameter::Evolved { block, start, growth } = *parameter {
                        let block = &blocks[block];
                        let at = block.offset + neuron % block.cols;
                        gradient[at] += slope * growth.slope(start, theta[at].to_f64());
                    }
                }
            }
        }
        gradient
    }

    /// The error that parameter `at` of θ, or its gradient, is not finite.
    fn not_finite(&self, what: &'static str, at: usize) -> GradientError {
        not_finite(&self.network.layout, what, at)
    }
}

/// Sums in the order of groups, results in the order of chunks.
type InOrder<T> = (Vec<Sums<T>>, Vec<(usize, Result<Chunk, GradientError>)>);

fn in_order<T>(parts: Vec<Part<T>>) -> InOrder<T> {
    let (mut sums, mut chunks) = (Vec::new(), Vec::new());
    for part in parts {
        sums.extend(part.sums);
        chunks.extend(part.chunks);
    }
    chunks.sort_by_key(|(chunk, _)| *chunk);
    (sums, chunks)
}
