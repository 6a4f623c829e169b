//! Episodes on a graphics adapter: two halves that take turns.

use std::time::Instant;

use rayon::prelude::*;
use snn::{BackendError, Evaluator};

use super::batch::{Batch, Episode, Episodes, Parts, Times};
use super::error::RolloutError;
use super::queue::Queue;

/// Half of the slots on a graphics adapter.
pub(super) struct Half {
    pub(super) batches: Vec<Batch>,
    /// Slots per batch.
    size: usize,
    evaluator: Box<dyn Evaluator>,
    active: Vec<bool>,
    inputs: Vec<f32>,
    rewards: Vec<f32>,
    outputs: Vec<f32>,
    pub(super) times: Times,
}

impl Half {
    pub(super) fn new(parts: &Parts<'_>, evaluator: Box<dyn Evaluator>) -> Result<Self, RolloutError> {
        let (slots, size) = (evaluator.slots(), parts.options.engine.batch());
        let batches = (0..slots)
            .step_by(size)
            .map(|first| Batch::new(parts, size.min(slots - first)))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            batches,
            size,
            active: vec![false; slots],
            inputs: vec![0.0; slots * parts.controller.inputs()],
            rewards: vec![0.0; slots],
            outputs: vec![0.0; slots * parts.controller.outputs()],
            evaluator,
            times: Times::default(),
        })
    }

    /// Begins new episodes, and the next control step of all that run.
    fn begin(&mut self, episodes: &Episodes<'_>, queue: &Queue) {
        for (index, batch) in self.batches.iter_mut().enumerate() {
            let slots = batch.running.len();
            batch.fill(self.evaluator.as_mut(), index * self.size, slots, episodes, queue, &mut None);
        }
        self.batches.par_iter_mut().for_each(|batch| batch.observe(episodes.normalizer));
        let began = Instant::now();
        let (mut inputs, mut slot) = (&mut self.inputs[..], 0);
        for batch in &self.batches {
            let (own, rest) = inputs.split_at_mut(batch.inputs.len());
            own.copy_from_slice(&batch.inputs);
            inputs = rest;
            let slots = slot..slot + batch.active.len();
            self.active[slots.clone()].copy_from_slice(&batch.active);
            self.rewards[slots.clone()].copy_from_slice(&batch.rewards);
            slot = slots.end;
        }
        self.evaluator.begin(&self.active, &self.inputs, &self.rewards);
        self.times.controller_s += began.elapsed().as_secs_f64();
    }

    /// Waits for the actions, then steps the worlds on all threads.
    fn step(
        &mut self,
        from: (&Episodes<'_>, &Queue),
        finished: &mut Vec<(usize, Episode)>,
    ) -> Result<(), BackendError> {
        let began = Instant::now();
        self.evaluator.finish(&self.active, &mut self.outputs)?;
        let mut outputs = &self.outputs[..];
        for batch in &mut self.batches {
            let (own, rest) = outputs.split_at(batch.outputs.len());
            batch.outputs.copy_from_slice(own);
            outputs = rest;
        }
        self.times.controller_s += began.elapsed().as_secs_f64();
        self.batches.par_iter_mut().filter(|batch| batch.busy()).for_each(Batch::act);
        for (index, batch) in self.batches.iter_mut().enumerate() {
            batch.collect(self.evaluator.as_ref(), index * self.size, from, finished, &mut None);
        }
        Ok(())
    }

    fn busy(&self) -> bool {
        self.batches.iter().any(Batch::busy)
    }
}

/// Steps the worlds of one half while the kernel computes the other's actions.
pub(super) fn take_turns(
    halves: &mut [Half; 2],
    episodes: &Episodes<'_>,
    queue: &Queue,
) -> Result<Vec<(usize, Episode)>, BackendError> {
    let mut finished = Vec::new();
    for half in halves.iter_mut() {
        half.begin(episodes, queue);
    }
    while halves.iter().any(Half::busy) {
        for half in halves.iter_mut().filter(|half| half.busy()) {
            half.step((episodes, queue), &mut finished)?;
            half.begin(episodes, queue);
        }
    }
    Ok(finished)
}
