//! The noise on actions, and what a checkpoint has of PPO.

use numerics::Adam;
use records::checkpoint::{Checkpoint, Tensor, TensorData};

use super::collect::row;
use super::error::FinetuneError;
use super::ppo::Ppo;
use super::ppo_memory::Scale;
use super::task_config::PpoConfig;
use super::world::{World, put_trainer, take_trainer};

/// Bounds of the noise's deviation.
const NOISE: (f64, f64) = (0.01, 2.0);

/// Logarithm of the deviation per action, with Adam's memory.
pub(super) struct Noise {
    pub(super) log: Vec<f64>,
    mean: Vec<f64>,
    square: Vec<f64>,
    steps: u64,
}

impl Noise {
    /// Of the same deviation for all actions.
    pub(super) fn new(deviation: f64, actions: usize) -> Self {
        let zeros = vec![0.0; actions];
        let log = libm::log(deviation.clamp(NOISE.0, NOISE.1));
        Self { log: vec![log; actions], mean: zeros.clone(), square: zeros, steps: 0 }
    }

    /// One step of Adam down the slopes of the loss.
    pub(super) fn step(&mut self, slopes: &[f64], config: &PpoConfig) {
        if config.noise_rate == 0.0 {
            return;
        }
        self.steps += 1;
        let (rate, steps) = (config.noise_rate, self.steps);
        let adam = Adam { rate, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, keep: 1.0, steps };
        // The entropy of the noise is the sum of the logarithms, and a constant.
        let slopes = slopes.iter().map(|slope| slope - config.entropy);
        adam.step(&mut self.log, slopes, &mut self.mean, &mut self.square);
        let (low, high) = (libm::log(NOISE.0), libm::log(NOISE.1));
        self.log.iter_mut().for_each(|log| *log = log.clamp(low, high));
    }
}

impl Ppo {
    /// Adds what [`take`](Self::take) needs to a checkpoint.
    pub(super) fn put(&self, checkpoint: &mut Checkpoint) {
        put_trainer(checkpoint, "critic", &self.critic.trainer);
        let noise = &self.noise;
        for (name, values) in [("log", &noise.log), ("first", &noise.mean), ("second", &noise.square)] {
            checkpoint.tensors.insert(format!("noise.{name}"), values.clone().into());
        }
        checkpoint.meta.insert("noise.steps".to_owned(), noise.steps.into());
        checkpoint.tensors.insert("reward_scale".to_owned(), self.scale.values().to_vec().into());
        let discounted: Vec<f64> = self.slots.iter().map(|slot| slot.discounted).collect();
        checkpoint.tensors.insert("world.discounted".to_owned(), discounted.into());
        let begun: Vec<u64> = self.slots.iter().map(|slot| slot.episodes).collect();
        checkpoint.meta.insert("world.episodes".to_owned(), begun.into());
        for (name, states) in [("states", &self.actor.states), ("critic_states", &self.critic.states)] {
            let states = serde_json::to_value(states).expect("states are finite numbers");
            checkpoint.meta.insert(format!("world.{name}"), states);
        }
        let width = self.noise.log.len();
        for (index, slot) in self.slots.iter().enumerate() {
            let shape = [slot.actions.len() / width, width];
            let tensor = Tensor::new(&shape, TensorData::F32(slot.actions.clone()));
            checkpoint.tensors.insert(format!("world.{index}.actions"), tensor);
        }
    }

    /// Goes on from a checkpoint.
    pub(super) fn take(&mut self, world: &World, checkpoint: &Checkpoint) -> Result<(), FinetuneError> {
        take_trainer(checkpoint, "critic", &mut self.critic.trainer)?;
        let width = self.noise.log.len();
        let noise = |name: &str| checkpoint.f64(&format!("noise.{name}"), &[width]).map(<[f64]>::to_vec);
        let steps = checkpoint.meta("noise.steps")?;
        self.noise = Noise { log: noise("log")?, mean: noise("first")?, square: noise("second")?, steps };
        self.scale = Scale::of(checkpoint.f64("reward_scale", &[3])?);
        let discounted = checkpoint.f64("world.discounted", &[self.slots.len()])?.to_vec();
        let episodes: Vec<u64> = checkpoint.meta("world.episodes")?;
        self.actor.states = checkpoint.meta("world.states")?;
        self.critic.states = checkpoint.meta("world.critic_states")?;
        let mut histories = Vec::new();
        for index in 0..self.slots.len() {
            let name = format!("world.{index}.actions");
            let steps = checkpoint.tensor(&name)?.shape().first().copied().unwrap_or(0);
            histories.push(checkpoint.f32(&name, &[steps, width])?.to_vec());
        }
        for (slot, &begun) in episodes.iter().enumerate().take(self.slots.len()) {
            self.slots[slot].episodes = begun.saturating_sub(1);
            self.reset(world, slot);
        }
        // The worlds are where they were once they have done all that they did since their resets.
        let longest = histories.iter().map(|actions| actions.len() / width).max().unwrap_or(0);
        let mut actions = vec![0.0; self.slots.len() * width];
        for step in 0..longest {
            let active: Vec<bool> = histories.iter().map(|own| own.len() / width > step).collect();
            for (slot, own) in histories.iter().enumerate().filter(|(slot, _)| active[*slot]) {
                actions[row(width, slot)].copy_from_slice(&own[row(width, step)]);
            }
            self.worlds.step(&world.pool, &active, &actions);
        }
        for (slot, actions) in histories.into_iter().enumerate() {
            self.actor.fresh[slot] = actions.is_empty();
            self.slots[slot].actions = actions;
            self.slots[slot].discounted = discounted[slot];
        }
        Ok(())
    }
}
