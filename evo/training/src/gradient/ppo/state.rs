//! What a checkpoint has of PPO.

use records::checkpoint::{Checkpoint, Tensor, TensorData};

use crate::gradient::error::FinetuneError;
use crate::gradient::ppo::Ppo;
use crate::gradient::ppo::before::Before;
use crate::gradient::ppo::memory::Scale;
use crate::gradient::ppo::network_states;
use crate::gradient::ppo::noise::Noise;
use crate::gradient::ppo::slot::Slot;
use crate::gradient::rows::row;
use crate::gradient::world::{World, put_trainer, take_trainer};

impl Ppo {
    /// Adds what [`take`](Self::take) needs to a checkpoint.
    pub(in crate::gradient) fn put(&self, checkpoint: &mut Checkpoint) {
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
        // The header of the file, where metadata are, must not grow with networks.
        network_states::put(checkpoint, "world.states", &self.states);
        network_states::put(checkpoint, "world.critic_states", &self.critic.states);
        let width = self.noise.log.len();
        for (index, slot) in self.slots.iter().enumerate() {
            let shape = [slot.actions.len() / width, width];
            let tensor = Tensor::new(&shape, TensorData::F32(slot.actions.clone()));
            checkpoint.tensors.insert(format!("world.{index}.actions"), tensor);
        }
    }

    /// Goes on from a checkpoint.
    pub(in crate::gradient) fn take(
        &mut self,
        world: &World,
        checkpoint: &Checkpoint,
    ) -> Result<(), FinetuneError> {
        take_trainer(checkpoint, "critic", &mut self.critic.trainer)?;
        let width = self.noise.log.len();
        let noise = |name: &str| checkpoint.f64(&format!("noise.{name}"), &[width]).map(<[f64]>::to_vec);
        let steps = checkpoint.meta("noise.steps")?;
        self.noise = Noise { log: noise("log")?, mean: noise("first")?, square: noise("second")?, steps };
        self.scale = Scale::of(checkpoint.f64("reward_scale", &[3])?);
        let discounted = checkpoint.f64("world.discounted", &[self.slots.len()])?.to_vec();
        let episodes: Vec<u64> = checkpoint.meta("world.episodes")?;
        self.states = network_states::take(checkpoint, "world.states")?;
        world.network.check_states(&self.states)?;
        self.critic.states = network_states::take(checkpoint, "world.critic_states")?;
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
            self.slots[slot].fresh = actions.is_empty();
            self.slots[slot].actions = actions;
            self.slots[slot].discounted = discounted[slot];
        }
        Ok(())
    }

    /// Keeps what the iteration that begins will change.
    pub(in crate::gradient) fn keep(&mut self) {
        self.before = Some(Before {
            critic: self.critic.trainer.clone(),
            critic_states: self.critic.states.clone(),
            states: self.states.clone(),
            noise: self.noise.clone(),
            scale: self.scale,
            slots: self.slots.iter_mut().map(Slot::keep).collect(),
        });
    }

    /// Brings it back, for a checkpoint: the worlds themselves stay where they are.
    pub(in crate::gradient) fn bring_back(&mut self) {
        let Some(before) = self.before.take() else { return };
        self.critic.trainer = before.critic;
        self.critic.states = before.critic_states;
        self.states = before.states;
        (self.noise, self.scale) = (before.noise, before.scale);
        self.slots.iter_mut().zip(&before.slots).for_each(|(slot, kept)| slot.bring_back(kept));
    }
}
