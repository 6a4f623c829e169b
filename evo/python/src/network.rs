//! Networks with weights and states of their own, in chunks that threads share.

use std::sync::Arc;

use pyo3::PyResult;
use rayon::prelude::*;
use snn::{BackendError, Controller, Evaluator, Probe};
use training::backend::BackendChoice;

use crate::call::{failed, invalid};
use crate::threads::shared;

/// Slots that one thread steps at least, if there are as many: fewer are not worth waking it.
const LEAST: usize = 16;

/// Slots that are stepped together.
struct Chunk {
    evaluator: Box<dyn Evaluator>,
    active: Vec<bool>,
}

impl Chunk {
    fn step(&mut self, rows: Rows<'_>) -> Result<(), BackendError> {
        self.evaluator.begin(&self.active, rows.inputs, rows.rewards);
        self.evaluator.finish(&self.active, rows.outputs)
    }
}

/// One chunk's part of what goes in and comes out.
struct Rows<'a> {
    inputs: &'a [f32],
    rewards: &'a [f32],
    outputs: &'a mut [f32],
}

/// `slots` individuals of one controller.
pub struct Network {
    controller: Arc<dyn Controller>,
    chunks: Vec<Chunk>,
    /// Slots per chunk; the last may have fewer.
    size: usize,
    slots: usize,
    /// Name of the backend.
    pub backend: &'static str,
}

impl Network {
    /// Slots without weights; their actions depend on neither `backend` nor the number of threads.
    pub fn new(controller: &Arc<dyn Controller>, slots: usize, backend: BackendChoice) -> PyResult<Self> {
        if slots == 0 {
            return Err(invalid("expected at least 1 individual"));
        }
        let threads = if slots > LEAST { shared()?.current_num_threads() } else { 1 };
        let (chosen, _) = backend.resolve(controller, slots, threads).map_err(invalid)?;
        let (size, backend) = match &chosen {
            training::backend::Backend::Cpu => (slots.div_ceil(threads).max(LEAST.min(slots)), chosen.name()),
            training::backend::Backend::Gpu(_) => (slots, chosen.name()),
        };
        let make = |first: usize| {
            let count = size.min(slots - first);
            let evaluator = match &chosen {
                training::backend::Backend::Cpu => controller.evaluator(count),
                training::backend::Backend::Gpu(gpu) => controller
                    .gpu_evaluator(gpu, count)
                    .ok_or_else(|| invalid("this controller has no kernel for a GPU"))?
                    .map_err(failed)?,
            };
            Ok(Chunk { evaluator, active: vec![true; count] })
        };
        let chunks = (0..slots).step_by(size).map(make).collect::<PyResult<_>>()?;
        Ok(Self { controller: Arc::clone(controller), chunks, size, slots, backend })
    }

    /// Number of individuals.
    pub fn slots(&self) -> usize {
        self.slots
    }

    fn at(&mut self, slot: usize) -> (&mut Chunk, usize) {
        (&mut self.chunks[slot / self.size], slot % self.size)
    }

    /// Gives one individual its parameters.
    pub fn load(&mut self, slot: usize, parameters: &[f32]) {
        let (chunk, slot) = self.at(slot);
        chunk.evaluator.load(slot, parameters);
    }

    /// Begins an episode of one individual.
    pub fn reset(&mut self, slot: usize, seed: u64) {
        let (chunk, slot) = self.at(slot);
        chunk.evaluator.reset(slot, seed);
    }

    /// One control step of all: `inputs` is `[slots × inputs]`, `outputs` `[slots × outputs]` in −1 to 1, NaN where an
    /// individual has failed.
    pub fn step(&mut self, inputs: &[f32], rewards: &[f32], outputs: &mut [f32]) -> PyResult<()> {
        let (width, acts, size) = (self.controller.inputs(), self.controller.outputs(), self.size);
        let rows = inputs.chunks(size * width).zip(rewards.chunks(size)).zip(outputs.chunks_mut(size * acts));
        let rows = rows.map(|((inputs, rewards), outputs)| Rows { inputs, rewards, outputs });
        match &mut self.chunks[..] {
            [chunk] => rows.into_iter().try_for_each(|rows| chunk.step(rows)),
            chunks => {
                let rows: Vec<_> = rows.collect();
                let step = || chunks.par_iter_mut().zip(rows).try_for_each(|(chunk, rows)| chunk.step(rows));
                shared()?.install(step)
            }
        }
        .map_err(failed)?;
        for slot in 0..self.slots {
            if self.fault(slot) {
                outputs[slot * acts..(slot + 1) * acts].fill(f32::NAN);
            }
        }
        Ok(())
    }

    /// Whether one individual has failed.
    pub fn fault(&self, slot: usize) -> bool {
        self.chunks[slot / self.size].evaluator.fault(slot % self.size)
    }

    /// Records the ticks of one individual from now on.
    pub fn watch(&mut self, slot: usize) -> PyResult<()> {
        let own = slot / self.size;
        for (index, chunk) in self.chunks.iter_mut().enumerate() {
            let slot = (index == own).then_some(slot % self.size);
            chunk.evaluator.watch(slot).map_err(failed)?;
        }
        Ok(())
    }

    /// The inner state of one individual.
    pub fn probe(&self, slot: usize, probe: &mut Probe) -> PyResult<()> {
        self.chunks[slot / self.size].evaluator.probe(slot % self.size, probe).map_err(failed)
    }

    /// Spikes, synaptic operations and energy of one individual since its reset.
    pub fn activity(&self, slot: usize) -> (f64, f64, f64) {
        let activity = self.chunks[slot / self.size].evaluator.activity(slot % self.size);
        let steps = activity.steps.max(1) as f64;
        (activity.spike_rate(), activity.synops_per_step(), self.controller.energy_pj(&activity) / steps)
    }
}
