//! What training by gradient in a world has in common, whatever it is trained for.

use std::sync::Arc;

use snn::gradient::{Differentiable, Trainer};

use super::error::FinetuneError;
use crate::checkpoint::Checkpoint;
use crate::config::Config;
use crate::evaluate::{self, Evaluation, Policy};
use crate::normalizer::{Normalizer, Statistics};
use crate::rollout::{Episode, Rollout};
use crate::trainer::Setup;

/// A way to train. What it remembers between generations goes into the checkpoint.
pub(super) trait Method {
    /// Names of what it measures, after the reward terms.
    fn columns(&self) -> &'static [&'static str];

    /// What it is about to do, a label and a text per line.
    fn describe(&self) -> Vec<(&'static str, String)>;

    /// Trains for one generation.
    fn advance(&mut self, world: &mut World) -> Result<Round, FinetuneError>;

    /// Adds what [`restore`](Self::restore) needs to a checkpoint.
    fn save(&self, checkpoint: &mut Checkpoint);

    /// Goes on from a checkpoint.
    fn restore(&mut self, world: &World, checkpoint: &Checkpoint) -> Result<(), FinetuneError>;
}

/// What a generation came to.
#[derive(Default)]
pub(super) struct Round {
    /// Training episodes that ended.
    pub(super) episodes: Vec<Episode>,
    /// Control steps.
    pub(super) steps: u64,
    /// Spikes per neuron and tick; none without spikes.
    pub(super) spike_rate: Option<f64>,
    /// How far the actions are from the student's own.
    pub(super) sigma: f64,
    /// Values of the method's columns.
    pub(super) extras: Vec<f64>,
}

/// The best policy so far, by evaluation.
pub(super) struct Best {
    pub(super) score: f64,
    pub(super) parameters: Vec<f32>,
    pub(super) statistics: Statistics,
}

/// A network in its world, trained by gradient.
pub(super) struct World {
    pub(super) config: Config,
    pub(super) setup: Setup,
    pub(super) network: Box<dyn Differentiable>,
    pub(super) trainer: Trainer,
    pub(super) statistics: Statistics,
    pub(super) pool: Arc<rayon::ThreadPool>,
    /// Factors on the reward terms in training.
    pub(super) weights: Vec<f64>,
    pub(super) generation: u64,
    pub(super) env_steps: u64,
    pub(super) episodes: u64,
    pub(super) blow_ups: u64,
    /// Of the last generation in which an episode ended: best, mean and deviation, length.
    pub(super) last: [f64; 4],
    pub(super) best: Option<Best>,
    pub(super) evaluation: Rollout,
    pub(super) validation: Option<Rollout>,
}

impl World {
    /// Time limit of training episodes.
    pub(super) fn horizon(&self) -> usize {
        self.config.rollout.horizon.unwrap_or(self.setup.task.spec().horizon)
    }

    pub(super) fn normalizer(&self) -> Normalizer {
        let rollout = &self.config.rollout;
        if rollout.normalize {
            self.statistics.normalizer(rollout.clip)
        } else {
            Normalizer::identity(self.statistics.mean.len(), rollout.clip)
        }
    }

    /// Writes the actions, in [−1, 1], that belong to the network's `values`.
    pub(super) fn actions(&self, values: &[f32], actions: &mut [f32]) {
        let squash = self.network.squash();
        for (action, &value) in actions.iter_mut().zip(values) {
            *action = if squash { snn::tanh(value) } else { value };
        }
    }

    /// Scores the controller, without noise, on the run's fixed evaluation episodes.
    pub(super) fn score(
        &self,
        rollout: &Rollout,
        engine: sim::EngineKind,
    ) -> Result<Evaluation, FinetuneError> {
        let (spec, run) = (self.setup.task.spec(), &self.config.run);
        let policy = Policy { parameters: self.trainer.theta(), normalizer: self.normalizer() };
        let episodes = evaluate::run(rollout, &policy, run.eval_episodes, run.seed, spec.terms)?;
        Ok(Evaluation::new(spec.name, engine, spec.terms, &episodes, self.setup.controller.as_ref()))
    }
}

/// Adds a trainer's state to a checkpoint.
pub(super) fn put_trainer(checkpoint: &mut Checkpoint, name: &str, trainer: &Trainer) {
    let (theta, optimizer) = trainer.state();
    checkpoint.meta.insert(format!("{name}.steps"), optimizer.steps.into());
    for (part, values) in [("theta", theta), ("first", &optimizer.first), ("second", &optimizer.second)] {
        checkpoint.tensors.insert(format!("{name}.{part}"), values.to_vec().into());
    }
}

/// Takes it back.
pub(super) fn take_trainer(
    checkpoint: &Checkpoint,
    name: &str,
    trainer: &mut Trainer,
) -> Result<(), FinetuneError> {
    let (n, second) = (trainer.state().0.len(), trainer.state().1.second.len());
    let values = |part: &str, n: usize| checkpoint.f64(&format!("{name}.{part}"), &[n]);
    let steps = checkpoint.meta(&format!("{name}.steps"))?;
    trainer.restore(values("theta", n)?, values("first", n)?, values("second", second)?, steps)?;
    Ok(())
}
