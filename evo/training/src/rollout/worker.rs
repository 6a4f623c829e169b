//! Episodes on the CPU.

use std::time::Instant;

use envs::EnvError;
use snn::{BackendError, Evaluator};

use super::batch::{Batch, Episode, Episodes, Observer, Parts};
use super::queue::Queue;

/// One thread's batch with controllers of its own.
pub(super) struct Worker {
    pub(super) batch: Batch,
    pub(super) evaluator: Box<dyn Evaluator>,
}

impl Worker {
    pub(super) fn new(parts: &Parts<'_>, slots: usize) -> Result<Self, EnvError> {
        Ok(Self { batch: Batch::new(parts, slots)?, evaluator: parts.controller.evaluator(slots) })
    }

    /// Runs episodes from the queue, at most `limit` at the same time, until it is empty.
    pub(super) fn run(
        &mut self,
        episodes: &Episodes<'_>,
        queue: &Queue,
        limit: usize,
        mut observer: Option<&mut Observer<'_>>,
    ) -> Result<Vec<(usize, Episode)>, BackendError> {
        let Self { batch, evaluator } = self;
        let evaluator = evaluator.as_mut();
        let slots = batch.running.len().min(limit);
        let mut finished = Vec::new();
        let mut free = true;
        loop {
            if free {
                batch.fill(evaluator, 0, slots, episodes, queue, &mut observer);
                if !batch.busy() {
                    return Ok(finished);
                }
            }
            if observer.is_some() {
                batch.raw.copy_from_slice(batch.envs.observations());
            }
            batch.observe(episodes.normalizer);
            let began = Instant::now();
            evaluator.begin(&batch.active, &batch.inputs, &batch.rewards);
            evaluator.finish(&batch.active, &mut batch.outputs)?;
            batch.controlled(began);
            batch.act();
            free = batch.collect(evaluator, 0, (episodes, queue), &mut finished, &mut observer);
        }
    }
}
