//! The critic of PPO: what return a world's future promises.

use rayon::ThreadPool;
use snn::gradient::{
    Batch, Clip, Differentiable, GradientError, NetworkState, OptimizerConfig, Trainer, TrainerConfig,
    differentiable,
};
use strategies::random::{Purpose, Stream};

use crate::gradient::error::FinetuneError;
use crate::gradient::ppo::loss::Squares;
use crate::gradient::ppo::memory::{Memory, Slice};
use crate::gradient::task_config::PpoConfig;
use crate::gradient::world::World;

/// A network with one output, the value in units of scaled reward, and one individual of it per world.
pub(in crate::gradient) struct Critic {
    network: Box<dyn Differentiable>,
    pub(in crate::gradient) trainer: Trainer,
    /// What each individual remembers; empty before the first step.
    pub(in crate::gradient) states: Vec<NetworkState>,
}

impl Critic {
    pub(in crate::gradient) fn new(config: &PpoConfig, world: &World) -> Result<Self, FinetuneError> {
        let inputs = world.setup.task.spec().observations.len();
        let network =
            differentiable(&config.critic, inputs, 1, &config.gradient.bptt()).map_err(of_critic)?;
        let mut stream = Stream::new(world.config.run.seed, Purpose::Init, 0, 1, 0);
        let start = config.critic.build(inputs, 1)?.initial(&mut stream);
        let OptimizerConfig::Adam { beta1, beta2, epsilon, .. } = OptimizerConfig::default() else {
            unreachable!("Adam is the default")
        };
        let optimizer = OptimizerConfig::Adam { learning_rate: config.critic_rate, beta1, beta2, epsilon };
        let trainer = TrainerConfig { optimizer, clip: Some(Clip::Norm(1.0)), ..TrainerConfig::default() };
        let trainer = Trainer::new(trainer, &start).map_err(of_critic)?;
        Ok(Self { network, trainer, states: Vec::new() })
    }

    /// The values of all steps, `[steps][worlds]`, and of the observations after [`Memory::cut`]. Goes
    /// through the memory as the actor went through its worlds, and leaves in it the state in which each
    /// sequence began.
    pub(in crate::gradient) fn judge(
        &mut self,
        pool: &ThreadPool,
        memory: &mut Memory,
    ) -> Result<(Vec<f64>, Vec<f64>), FinetuneError> {
        let theta = self.trainer.theta();
        let run = |batch: &Batch<'_>| {
            let run = pool.install(|| self.network.run(&theta, batch));
            run.map_err(|error| of_critic(self.trainer.located(error)))
        };
        let (mut values, mut after, mut states) = (Vec::new(), Vec::new(), self.states.clone());
        let mut cuts = memory.cuts().into_iter().peekable();
        for index in 0..memory.sequences_per_world() {
            let all = run(&memory.stretch(index, &states).batch())?;
            values.extend(all.values.into_iter().map(f64::from));
            // What comes after a cut is seen in the state of that moment.
            while let Some(cut) = cuts.next_if(|cut| cut.sequence == index) {
                let slice = memory.until(&cut, &states);
                let seen = run(&slice.batch())?.values;
                after.extend(seen[seen.len() - cut.worlds.len()..].iter().copied().map(f64::from));
            }
            memory.critic_starts.push(std::mem::replace(&mut states, all.end));
        }
        self.states = states;
        Ok((values, after))
    }

    /// One step towards `targets`, `[frames][sequences]` of `slice`; returns the loss.
    pub(in crate::gradient) fn learn(
        &mut self,
        pool: &ThreadPool,
        slice: &Slice,
        targets: Vec<f64>,
    ) -> Result<f64, FinetuneError> {
        let Self { network, trainer, .. } = self;
        let squares = Squares { targets };
        let step = pool.install(|| trainer.step(network.as_ref(), &slice.batch(), &squares));
        Ok(step.map_err(of_critic)?.loss)
    }
}

/// The error with the critic in it: its layers have the same names as the actor's.
fn of_critic(error: GradientError) -> FinetuneError {
    match error {
        GradientError::NotFinite { what, layer, tick, step } => {
            GradientError::NotFinite { what, layer: format!("critic.{layer}"), tick, step }.into()
        }
        other => FinetuneError::Critic(other),
    }
}
