//! Training of networks in continuous time, by their exact gradients.

use std::ops::Range;
use std::sync::{Arc, Mutex};

use rayon::prelude::*;

use super::batch::{Batch, Outputs, Sensitivity};
use super::bptt::{Gradient, Objective, Run, Score};
use super::differentiable::Differentiable;
use super::error::{GradientError, check_length, not_finite};
use super::product::SAMPLES;
use crate::error::SnnError;
use crate::events::plan::{Entry, Plan};
use crate::events::{
    Adjoint, Derivatives, EventReadout, EventsConfig, FirstSpikeReadout, Record, Simulator, Slopes,
};
use crate::layout::Layout;
use crate::state::NetworkState;

/// Most partial sums of a gradient. Fixed, so that the sums do not depend on the number of threads.
const GROUPS: usize = 32;

/// EventProp for one network in continuous time.
///
/// A frame is one control step of the network, `step` seconds. The gradient is exact where the order of events does not
/// change; it knows nothing of spikes that would appear or vanish. [`ActivityConfig`](super::ActivityConfig) takes each
/// neuron's spikes per frame; since their number has no slope, the penalty moves the charge that the neuron gets instead,
/// in units of what fills its membrane up to the threshold.
pub struct EventProp {
    plan: Arc<Plan>,
    pool: Mutex<Vec<Worker>>,
}

/// Memory to use again.
struct Worker {
    simulators: Vec<Simulator>,
    adjoint: Adjoint,
    entry: Entry,
}

/// What a group of chunks gave.
struct Part {
    weights: Vec<f64>,
    chunks: Vec<Chunk>,
}

struct Chunk {
    score: Score,
    outputs: Outputs,
    spikes: Vec<f64>,
    end: Vec<NetworkState>,
}

impl EventProp {
    /// For the network of `config` on a task with `inputs` observations and `outputs` actions (or classes).
    ///
    /// # Errors
    /// [`GradientError`] if the network cannot be built.
    pub fn new(config: &EventsConfig, inputs: usize, outputs: usize) -> Result<Self, GradientError> {
        SnnError::check_sizes(inputs, outputs)?;
        Ok(Self { plan: Arc::new(Plan::new(config, inputs, outputs)?), pool: Mutex::default() })
    }

    fn worker(&self) -> Worker {
        let pooled = self.pool.lock().expect("nobody panics while holding the lock").pop();
        pooled.unwrap_or_else(|| Worker {
            simulators: vec![self.plan.simulator(); SAMPLES],
            adjoint: Adjoint::new(&self.plan.network),
            entry: Entry::default(),
        })
    }

    fn give(&self, worker: Worker) {
        self.pool.lock().expect("nobody panics while holding the lock").push(worker);
    }

    /// All chunks of a batch in order; with an objective also the gradient with respect to weights.
    fn pass(
        &self,
        theta: &[f32],
        batch: &Batch<'_>,
        objective: Option<&dyn Objective>,
    ) -> Result<(Vec<f64>, Vec<Part>), GradientError> {
        let layout = &self.plan.layout;
        check_length("`theta`", theta.len(), layout.len(), || "the network has as many parameters".into())?;
        if let Some(at) = theta.iter().position(|x| !x.is_finite()) {
            return Err(not_finite(layout, "parameter", at));
        }
        let frames = batch.rows(self.plan.inputs, 1)?;
        self.check_states(batch.start)?;
        if !batch.resets.is_empty() {
            return Err(GradientError::EventsInWorld);
        }
        let mut weights = Vec::new();
        self.plan.weights(theta, &mut weights);
        let parts = self.parts(&weights, batch, frames, objective)?;
        Ok((weights, parts))
    }

    /// The same for weights, with 64 bits.
    fn parts(
        &self,
        weights: &[f64],
        batch: &Batch<'_>,
        frames: usize,
        objective: Option<&dyn Objective>,
    ) -> Result<Vec<Part>, GradientError> {
        let chunks: Vec<Range<usize>> =
            (0..batch.samples).step_by(SAMPLES).map(|s| s..(s + SAMPLES).min(batch.samples)).collect();
        let size = chunks.len().div_ceil(GROUPS).max(1);
        let groups: Vec<&[Range<usize>]> = chunks.chunks(size).collect();
        let parts: Vec<Result<Part, GradientError>> = groups
            .into_par_iter()
            .map(|group| {
                let mut worker = self.worker();
                let mut out = Derivatives { weights: vec![0.0; weights.len()], ..Derivatives::default() };
                let done = group
                    .iter()
                    .map(|samples| {
                        self.chunk(weights, batch, frames, samples, objective, &mut worker, &mut out)
                    })
                    .collect::<Result<Vec<Chunk>, GradientError>>();
                self.give(worker);
                Ok(Part { weights: out.weights, chunks: done? })
            })
            .collect();
        parts.into_iter().collect()
    }

    /// Loss of weights with 64 bits, its slopes, and the spikes of each neuron; for tests, which need every digit.
    #[cfg(test)]
    pub(super) fn exact(
        &self,
        weights: &[f64],
        batch: &Batch<'_>,
        objective: &dyn Objective,
    ) -> (f64, Vec<f64>, Vec<f64>) {
        let frames = batch.rows(self.plan.inputs, 1).expect("the batch fits");
        let parts = self.parts(weights, batch, frames, Some(objective)).expect("the activity is bounded");
        let (mut loss, mut slopes, mut counts) = (0.0, vec![0.0; weights.len()], Vec::new());
        for part in parts {
            slopes.iter_mut().zip(part.weights).for_each(|(to, from)| *to += from);
            for chunk in part.chunks {
                loss += chunk.score.loss;
                counts.extend(chunk.outputs.counts.into_iter().flatten());
            }
        }
        (loss, slopes, counts)
    }

    #[expect(clippy::too_many_arguments, reason = "what a chunk is made of and what it goes into")]
    fn chunk(
        &self,
        weights: &[f64],
        batch: &Batch<'_>,
        frames: usize,
        samples: &Range<usize>,
        objective: Option<&dyn Objective>,
        worker: &mut Worker,
        out: &mut Derivatives,
    ) -> Result<Chunk, GradientError> {
        let plan = &*self.plan;
        let Worker { simulators, adjoint, entry, .. } = worker;
        let mut values = vec![0.0; frames * SAMPLES * plan.outputs];
        let mut counts: Vec<Vec<f64>> = plan.hidden.iter().map(|n| vec![0.0; SAMPLES * n]).collect();
        let mut end = Vec::new();
        for (sample, simulator) in samples.clone().zip(simulators.iter_mut()) {
            let place = sample - samples.start;
            simulator.reset();
            if let Some(state) = batch.start.get(sample) {
                simulator.restore(&state.spikes);
            }
            for frame in 0..frames {
                plan.encode(weights, self.observation(batch, frame, sample), entry);
                let done = simulator.run(weights, &plan.interval(entry));
                done.map_err(|error| GradientError::Events { sample, frame, error })?;
            }
            let record = simulator.record();
            for frame in 0..frames {
                let row = &mut values[(frame * SAMPLES + place) * plan.outputs..][..plan.outputs];
                plan.values(weights, record, frame, row);
            }
            for spike in record.spikes() {
                if let Some(counts) = counts.get_mut(spike.population) {
                    counts[place * plan.hidden[spike.population] + spike.neuron] += 1.0;
                }
            }
            let steps = frames as u64 + batch.start.get(sample).map_or(0, |state| state.steps);
            end.push(NetworkState { spikes: simulator.words(), steps, ..NetworkState::default() });
        }
        let outputs = Outputs {
            samples: samples.clone(),
            batch: batch.samples,
            frames,
            ticks: frames,
            outputs: plan.outputs,
            neurons: plan.hidden.clone(),
            values,
            counts,
            spikes: Vec::new(),
        };
        let mut score = Score::default();
        if let Some(objective) = objective {
            let mut sensitivity = Sensitivity::new(&outputs);
            score = objective.evaluate(&outputs, &mut sensitivity);
            if objective.slopes() {
                for (sample, simulator) in samples.clone().zip(simulators.iter()) {
                    let record = simulator.record();
                    let slopes = self.slopes(record, &mut sensitivity, sample - samples.start, out);
                    adjoint.run(weights, record, &slopes, out);
                    self.currents(batch, frames, sample, out);
                }
            }
        }
        let spikes = outputs.counts.iter().map(|counts| counts.iter().sum()).collect();
        Ok(Chunk { score, outputs, spikes, end })
    }

    fn observation<'a>(&self, batch: &Batch<'a>, frame: usize, sample: usize) -> &'a [f32] {
        &batch.inputs[(frame * batch.samples + sample) * self.plan.inputs..][..self.plan.inputs]
    }

    /// From slopes of the values to those of what the record holds; those of the biases are added to `out`.
    fn slopes(
        &self,
        record: &Record,
        sensitivity: &mut Sensitivity,
        place: usize,
        out: &mut Derivatives,
    ) -> Slopes {
        let plan = &*self.plan;
        let step = plan.config.step;
        let mut slopes = Slopes::default();
        for (layer, &neurons) in plan.hidden.iter().enumerate() {
            if sensitivity.counts[layer].is_empty() {
                continue;
            }
            slopes.charges.resize(plan.network.neurons(), 0.0);
            let lif = plan.network.populations()[layer].lif;
            let full = (lif.threshold - lif.reset.max(lif.leak)).abs().max(f64::MIN_POSITIVE) * lif.tau_mem;
            let counts = &sensitivity.counts(layer, place)[..neurons];
            for (charge, count) in slopes.charges[plan.network.range(layer)].iter_mut().zip(counts) {
                *charge = count / full;
            }
        }
        for frame in 0..record.intervals() {
            let values = &*sensitivity.value(frame, place);
            for (bias, value) in out.weights[plan.bias..].iter_mut().zip(values) {
                *bias += value;
            }
            match &plan.config.readout {
                EventReadout::Peak(_) => slopes.peaks.extend_from_slice(values),
                EventReadout::Integral(_) => slopes.integrals.extend(values.iter().map(|value| value / step)),
                EventReadout::Last(_) => slopes.lasts.extend_from_slice(values),
                EventReadout::FirstSpike(FirstSpikeReadout { unit, silent, threshold, tau_mem, .. }) => {
                    slopes.times.resize(record.spikes().len(), 0.0);
                    let first = plan.first_spikes(record, frame);
                    let start = plan.network.range(plan.hidden.len()).start;
                    for (output, (first, &value)) in first.into_iter().zip(values).enumerate() {
                        match first {
                            Some(number) => slopes.times[number] = -value / unit,
                            None if value < 0.0 && *silent > 0.0 => {
                                slopes.charges.resize(plan.network.neurons(), 0.0);
                                slopes.charges[start + output] += silent * value / (threshold * tau_mem);
                            }
                            None => {}
                        }
                    }
                }
            }
        }
        slopes
    }

    /// From slopes of the currents to those of the weights that make them.
    fn currents(&self, batch: &Batch<'_>, frames: usize, sample: usize, out: &mut Derivatives) {
        let plan = &*self.plan;
        if !plan.enters_as_currents() {
            return;
        }
        let (neurons, first) = (plan.network.neurons(), plan.hidden[0]);
        for frame in 0..frames {
            let slopes = &out.currents[frame * neurons..][..first];
            let one = [1.0_f32];
            let observation = self.observation(batch, frame, sample).iter().chain(&one);
            for (&x, row) in observation.zip(out.weights.chunks_exact_mut(first)) {
                for (to, slope) in row.iter_mut().zip(slopes) {
                    *to += f64::from(x) * slope;
                }
            }
        }
    }
}

impl Differentiable for EventProp {
    fn layout(&self) -> &Layout {
        &self.plan.layout
    }

    fn inputs(&self) -> usize {
        self.plan.inputs
    }

    fn outputs(&self) -> usize {
        self.plan.outputs
    }

    fn ticks(&self) -> usize {
        1
    }

    fn neurons(&self) -> Vec<usize> {
        self.plan.hidden.clone()
    }

    fn squash(&self) -> bool {
        true
    }

    fn remembers(&self) -> bool {
        true
    }

    fn has_ticks(&self) -> bool {
        false
    }

    fn check_states(&self, states: &[NetworkState]) -> Result<(), GradientError> {
        let least = 3 * self.plan.network.neurons();
        for (sample, state) in states.iter().enumerate() {
            let found = state.spikes.len();
            // Two words more for each spike on its way.
            if found < least || !(found - least).is_multiple_of(2) {
                let reason = || "it is a state of another network".to_owned();
                check_length(&format!("`start[{sample}]`"), found, least, reason)?;
            }
        }
        Ok(())
    }

    fn gradient(
        &self,
        theta: &[f32],
        batch: &Batch<'_>,
        objective: &dyn Objective,
    ) -> Result<Gradient, GradientError> {
        let (_, parts) = self.pass(theta, batch, Some(objective))?;
        let (layout, mut total) = (&self.plan.layout, Gradient::default());
        let mut slopes = vec![0.0; layout.len()];
        total.rates = vec![0.0; self.plan.hidden.len()];
        for part in parts {
            slopes.iter_mut().zip(part.weights).for_each(|(to, from)| *to += from);
            for chunk in part.chunks {
                total.loss += chunk.score.loss;
                total.sums.resize(chunk.score.sums.len().max(total.sums.len()), 0.0);
                total.sums.iter_mut().zip(chunk.score.sums).for_each(|(to, from)| *to += from);
                let of = (chunk.outputs.frames * batch.samples) as f64;
                for ((rate, spikes), neurons) in
                    total.rates.iter_mut().zip(chunk.spikes).zip(&self.plan.hidden)
                {
                    *rate += spikes / (of * *neurons as f64);
                }
                total.end.extend(chunk.end);
            }
        }
        if !total.loss.is_finite() {
            let layer = "outputs".to_owned();
            return Err(GradientError::NotFinite { what: "loss", layer, tick: None, step: None });
        }
        for block in layout.blocks() {
            let scale = f64::from(block.scale);
            total.gradient.extend(slopes[block.range()].iter().map(|slope| (scale * slope) as f32));
        }
        if let Some(at) = total.gradient.iter().position(|g| !g.is_finite()) {
            return Err(not_finite(layout, "gradient", at));
        }
        Ok(total)
    }

    fn run(&self, theta: &[f32], batch: &Batch<'_>) -> Result<Run, GradientError> {
        let (_, parts) = self.pass(theta, batch, None)?;
        let (plan, mut total) = (&*self.plan, Run::default());
        total.counts = vec![Vec::new(); plan.hidden.len()];
        let chunks: Vec<Chunk> = parts.into_iter().flat_map(|part| part.chunks).collect();
        total.frames = chunks.first().map_or(0, |chunk| chunk.outputs.frames);
        for frame in 0..total.frames {
            for chunk in &chunks {
                for sample in 0..chunk.outputs.samples.len() {
                    total.values.extend(chunk.outputs.value(frame, sample).iter().map(|&value| value as f32));
                }
            }
        }
        for chunk in chunks {
            for (layer, counts) in total.counts.iter_mut().enumerate() {
                for sample in 0..chunk.outputs.samples.len() {
                    counts.extend(chunk.outputs.counts(layer, sample).iter().map(|&count| count as f32));
                }
            }
            total.end.extend(chunk.end);
        }
        Ok(total)
    }
}
