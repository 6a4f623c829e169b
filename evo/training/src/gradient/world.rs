//! What training by gradient in a world has in common, whatever it is trained for.

use std::sync::Arc;

use records::checkpoint::Checkpoint;
use snn::gradient::{Differentiable, GradientError, Trainer, differentiable};
use strategies::random::{Purpose, Stream};

use crate::config::Config;
use crate::gradient::error::FinetuneError;
use crate::gradient::gradient_config::GradientConfig;
use crate::normalizer::{Normalizer, Statistics};
use crate::ranks::Team;
use crate::rollout::Episode;
use crate::setup::Setup;

/// A way to train. What it remembers between generations goes into the checkpoint.
pub(super) trait Method {
    /// Names of what it measures, after the reward terms.
    #[cfg_attr(target_arch = "wasm32", expect(dead_code, reason = "no learner of its own there"))]
    fn columns(&self) -> &'static [&'static str];

    /// What it is about to do, a label and a text per line.
    fn describe(&self) -> Vec<(&'static str, String)>;

    /// Trains for one generation. After an error it is not to go on.
    fn advance(&mut self, world: &mut World) -> Result<Round, FinetuneError>;

    /// Brings back what a generation that failed has changed, as far as a checkpoint has it.
    #[cfg_attr(target_arch = "wasm32", expect(dead_code, reason = "no learner of its own there"))]
    fn undo(&mut self);

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

impl Round {
    /// Episodes that ended because the physics blew up.
    pub(super) fn blow_ups(&self) -> u64 {
        self.episodes.iter().filter(|episode| episode.blew_up).count() as u64
    }
}

/// A network in its world, trained by gradient.
pub(super) struct World {
    pub(super) config: Config,
    pub(super) setup: Setup,
    pub(super) network: Box<dyn Differentiable>,
    pub(super) trainer: Trainer,
    pub(super) statistics: Statistics,
    pub(super) pool: Arc<rayon::ThreadPool>,
    /// The ranks that share its worlds.
    pub(super) team: Team,
    /// Factors on the reward terms in training.
    pub(super) weights: Vec<f64>,
    /// Completed generations of the method.
    pub(super) generation: u64,
}

impl World {
    /// At generation 0, with random parameters.
    pub(super) fn new(
        config: &Config,
        gradient: &GradientConfig,
        setup: Setup,
        pool: Arc<rayon::ThreadPool>,
    ) -> Result<Self, FinetuneError> {
        gradient.validate()?;
        let spec = setup.task.spec();
        let (inputs, outputs) = (spec.observations.len(), spec.actions.len());
        let network = differentiable(&config.controller, inputs, outputs, &gradient.bptt())?;
        // What happens across a reset within a sequence is only known in ticks.
        if !network.has_ticks() {
            return Err(GradientError::EventsInWorld.into());
        }
        let initial = setup.controller.initial(&mut Stream::new(config.run.seed, Purpose::Init, 0, 0, 0));
        Ok(Self {
            trainer: Trainer::new(gradient.trainer(), &initial)?,
            statistics: Statistics::new(inputs),
            weights: config.rollout.weights(spec.terms, 0),
            config: config.clone(),
            network,
            pool,
            team: Team::alone(),
            generation: 0,
            setup,
        })
    }

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
    #[cfg(not(target_arch = "wasm32"))]
    pub(super) fn actions(&self, values: &[f32], actions: &mut [f32]) {
        let squash = self.network.squash();
        for (action, &value) in actions.iter_mut().zip(values) {
            *action = if squash { snn::tanh(value) } else { value };
        }
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
