//! The critic of PPO: what return a world's future promises.

use rayon::ThreadPool;
use snn::NetworkState;
use snn::gradient::{
    Batch, Clip, Differentiable, GradientError, OptimizerConfig, Run, Trainer, TrainerConfig, differentiable,
};
use strategies::random::{Purpose, Stream};

use crate::gradient::error::FinetuneError;
use crate::gradient::ppo::loss::Squares;
use crate::gradient::ppo::memory::{Cut, Memory};
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

    /// The values of all steps, in the order of the memory, and of the observations after [`Memory::cut`].
    pub(in crate::gradient) fn judge(
        &mut self,
        pool: &ThreadPool,
        memory: &mut Memory,
    ) -> Result<(Vec<f64>, Vec<f64>), FinetuneError> {
        if self.network.remembers() {
            return self.judge_in_turn(pool, memory);
        }
        let run = |inputs: &[f32]| -> Result<Vec<f64>, FinetuneError> {
            if inputs.is_empty() {
                return Ok(Vec::new());
            }
            let batch = Batch { samples: 1, inputs, ..Batch::default() };
            let run = self.run(pool, &batch)?;
            Ok(run.values.into_iter().map(f64::from).collect())
        };
        let next: Vec<f32> = memory.cut.iter().flat_map(|cut| &cut.next).copied().collect();
        let values = (run(&memory.inputs)?, run(&next)?);
        self.states.resize(memory.seeds.len(), NetworkState::default());
        Ok(values)
    }

    /// Goes through the memory as the actor went through its worlds, and leaves in it the state in which each
    /// sequence began.
    fn judge_in_turn(
        &mut self,
        pool: &ThreadPool,
        memory: &mut Memory,
    ) -> Result<(Vec<f64>, Vec<f64>), FinetuneError> {
        let mut values = vec![0.0; memory.rewards.len()];
        let (mut after, mut states) = (Vec::new(), self.states.clone());
        let worlds = memory.seeds.len();
        let mut starts = Vec::new();
        let mut moments = memory.moments().into_iter().peekable();
        for index in 0..memory.sequences_per_world() {
            let all = self.run(pool, &memory.stretch(index).batch(&states))?;
            for (row, value) in all.values.into_iter().enumerate() {
                values[memory.at(index * worlds + row % worlds, row / worlds)] = f64::from(value);
            }
            // What comes after a cut is seen in the state of that moment.
            while let Some(moment) = moments.next_if(|moment| moment.sequence == index) {
                let own = |cut: &Cut| states.get(cut.world).cloned();
                let start: Vec<NetworkState> = moment.cuts.iter().filter_map(own).collect();
                let seen = self.run(pool, &memory.after(&moment).batch(&start))?.values;
                after.extend(seen[seen.len() - moment.cuts.len()..].iter().copied().map(f64::from));
            }
            starts.push(std::mem::replace(&mut states, all.end));
        }
        drop(moments);
        memory.critic_starts = starts;
        self.states = states;
        Ok((values, after))
    }

    fn run(&self, pool: &ThreadPool, batch: &Batch<'_>) -> Result<Run, FinetuneError> {
        let run = pool.install(|| self.network.run(&self.trainer.theta(), batch));
        run.map_err(|error| of_critic(self.trainer.located(error)))
    }

    /// One step towards what `objective` wants; returns the loss.
    pub(in crate::gradient) fn learn(
        &mut self,
        pool: &ThreadPool,
        batch: &Batch<'_>,
        objective: &Squares,
    ) -> Result<f64, FinetuneError> {
        let Self { network, trainer, .. } = self;
        let step = pool.install(|| trainer.step(network.as_ref(), batch, objective));
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
