//! Proximal policy optimisation: an actor acts for a while, then actor and critic learn from that.
//!
//! ```text
//! a = μ(o) + σ·ε                                            ε ~ N(0, 1), μ the controller's own action
//! δₜ = rₜ + γ·V(oₜ₊₁) − V(oₜ)      Aₜ = δₜ + γλ·Aₜ₊₁          V(oₜ₊₁) = 0 if the task ended the episode
//!                                                           (not if the physics blew up)
//! maximise  E[min(ρₜ·Aₜ, clip(ρₜ, 1−ε, 1+ε)·Aₜ)]             ρₜ = π(aₜ|oₜ) / π_old(aₜ|oₜ)
//! ```
//!
//! (Schulman et al. 2017, equations 7 and 11.) The actor may be recurrent: it learns from sequences
//! that begin in the state in which it was then. Worlds go on from one iteration to the next.

pub(super) mod critic;
pub(super) mod loss;
mod memory;
pub(super) mod network_states;
mod noise;
mod refine;
mod state;

use rand::Rng as _;
use records::checkpoint::Checkpoint;
use strategies::random::{Purpose, Stream, fill_normals, shuffled};

use crate::gradient::collect::{Actor, Worlds};
use crate::gradient::error::FinetuneError;
use crate::gradient::ppo::critic::Critic;
use crate::gradient::ppo::loss::Clipped;
use crate::gradient::ppo::memory::{Memory, Scale, advantages};
use crate::gradient::ppo::noise::Noise;
use crate::gradient::rows::row;
use crate::gradient::task_config::PpoConfig;
use crate::gradient::world::{Method, Round, World};
use crate::normalizer::Sums;

pub(crate) use refine::Refiner;

/// Columns of `metrics.csv` after the reward terms.
pub(in crate::gradient) const COLUMNS: [&str; 6] =
    ["policy_loss", "value_loss", "explained_variance", "kl_divergence", "clipped_share", "policy_steps"];

pub(in crate::gradient) struct Ppo {
    config: PpoConfig,
    pub(in crate::gradient) critic: Critic,
    pub(in crate::gradient) noise: Noise,
    pub(in crate::gradient) worlds: Worlds,
    pub(in crate::gradient) actor: Actor,
    pub(in crate::gradient) slots: Vec<Slot>,
    pub(in crate::gradient) scale: Scale,
}

/// What is known of a world between iterations.
#[derive(Clone, Default)]
pub(in crate::gradient) struct Slot {
    /// Episodes begun.
    pub(in crate::gradient) episodes: u64,
    /// Actions since its reset, from which a resumed run makes the world's state again.
    pub(in crate::gradient) actions: Vec<f32>,
    /// Discounted sum of its rewards.
    pub(in crate::gradient) discounted: f64,
}

impl Ppo {
    pub(in crate::gradient) fn new(config: &PpoConfig, world: &World) -> Result<Self, FinetuneError> {
        let outputs = world.setup.task.spec().actions.len();
        let mut new = Self {
            critic: Critic::new(config, world)?,
            noise: Noise::new(config.noise, outputs),
            worlds: Worlds::new(world, config.worlds)?,
            actor: Actor::new(config.worlds),
            slots: vec![Slot::default(); config.worlds],
            scale: Scale::default(),
            config: config.clone(),
        };
        for slot in 0..config.worlds {
            new.reset(world, slot);
        }
        Ok(new)
    }

    /// Begins the next episode of a world.
    pub(in crate::gradient) fn reset(&mut self, world: &World, slot: usize) {
        let own = &mut self.slots[slot];
        let mut stream = Stream::new(world.config.run.seed, Purpose::Reset, 0, slot as u64, own.episodes);
        *own = Slot { episodes: own.episodes + 1, ..Slot::default() };
        self.worlds.reset(slot, &mut stream);
        self.actor.fresh[slot] = true;
    }

    /// Lets the actor act.
    pub(in crate::gradient) fn collect(
        &mut self,
        world: &mut World,
    ) -> Result<(Memory, Round), FinetuneError> {
        let (count, steps) = (self.config.worlds, self.config.steps);
        let (inputs, outputs) = (world.network.inputs(), world.network.outputs());
        let (seed, generation) = (world.config.run.seed, world.generation);
        let normalizer = world.normalizer();
        let theta = world.trainer.theta();
        let mut memory = Memory::new(count, steps, self.config.sequence, (inputs, outputs));
        let mut round = Round { steps: (count * steps) as u64, ..Round::default() };
        let mut sums: Vec<Sums> = (0..count).map(|_| Sums::new(inputs)).collect();
        let mut normals = vec![0.0; count * steps * outputs];
        for (slot, own) in normals.chunks_exact_mut(steps * outputs).enumerate() {
            fill_normals(seed, Purpose::Action, generation, slot as u64, own);
            let mut stream = Stream::new(seed, Purpose::Encode, generation, slot as u64, 0);
            self.actor.seeds[slot] = stream.next_u64();
        }
        memory.seeds.clone_from(&self.actor.seeds);
        let deviations: Vec<f64> = self.noise.log.iter().map(|&log| libm::exp(log)).collect();
        let active = vec![true; count];
        let mut actions = vec![0.0; count * outputs];
        let mut raw_next = vec![0.0; inputs];
        for step in 0..steps {
            if step.is_multiple_of(self.config.sequence) {
                memory.starts.push(self.actor.states.clone());
            }
            let x = &mut memory.inputs[row(count * inputs, step)];
            for slot in 0..count {
                let raw = self.worlds.observation(slot);
                normalizer.apply(raw, &mut x[row(inputs, slot)], Some(&mut sums[slot]));
            }
            memory.fresh[row(count, step)].copy_from_slice(&self.actor.fresh);
            self.actor.step(world, &theta, x, &mut actions)?;
            for slot in 0..count {
                let at = step * count + slot;
                for action in 0..outputs {
                    let noise = f64::from(normals[(slot * steps + step) * outputs + action]);
                    let chosen = &mut actions[slot * outputs + action];
                    memory.means[at * outputs + action] = *chosen;
                    *chosen = (f64::from(*chosen) + deviations[action] * noise) as f32;
                }
                memory.actions[row(outputs, at)].copy_from_slice(&actions[row(outputs, slot)]);
                self.slots[slot].actions.extend_from_slice(&actions[row(outputs, slot)]);
            }
            self.worlds.step(&world.pool, &active, &actions);
            for slot in 0..count {
                let at = step * count + slot;
                let (reward, outcome) = (self.worlds.reward(slot), self.worlds.outcome(slot));
                memory.rewards[at] = reward;
                let own = &mut self.slots[slot];
                own.discounted = self.config.discount * own.discounted + reward;
                self.scale.add(own.discounted);
                if outcome.over() {
                    memory.over[at] = true;
                    // A blow-up is no end that saves what would have followed: the observation before it stands in.
                    if !outcome.terminated || self.worlds.blew_up(slot) {
                        normalizer.apply(self.worlds.observation(slot), &mut raw_next, None);
                        memory.cut.push((at, raw_next.clone()));
                    }
                    round.episodes.push(self.worlds.episode(slot));
                    // A start state that is not finite ends its episode at once.
                    self.reset(world, slot);
                    while self.worlds.outcome(slot).over() {
                        self.reset(world, slot);
                    }
                }
            }
        }
        for slot in 0..count {
            let at = (steps - 1) * count + slot;
            if !memory.over[at] {
                normalizer.apply(self.worlds.observation(slot), &mut raw_next, None);
                memory.cut.push((at, raw_next.clone()));
            }
        }
        if world.config.rollout.normalize {
            for sums in &sums {
                world.statistics.merge(sums, &normalizer.mean);
            }
        }
        round.spike_rate = self.actor.spike_rate();
        round.sigma = deviations.iter().sum::<f64>() / outputs as f64;
        Ok((memory, round))
    }

    fn learn(&mut self, world: &mut World, memory: &mut Memory) -> Result<Vec<f64>, FinetuneError> {
        let scale = self.scale.factor();
        let (values, next) = self.critic.judge(&world.pool, memory)?;
        let (mut advantages, targets) =
            advantages(memory, &values, &next, scale, (self.config.discount, self.config.lambda));
        let explained = explained_variance(&values, &targets);
        normalise(&mut advantages);
        let sequences = memory.sequences();
        let (mut sums, mut policy_steps, mut value_steps) = ([0.0; 4], 0.0, 0.0);
        let mut stop = world.generation < self.config.critic_first;
        for epoch in 0..self.config.epochs {
            let (seed, generation) = (world.config.run.seed, world.generation);
            let mut stream = Stream::new(seed, Purpose::Finetune, generation, epoch as u64, 1);
            let order = shuffled(sequences, &mut stream);
            for part in 0..self.config.minibatches {
                let bounds = [part, part + 1].map(|part| part * sequences / self.config.minibatches);
                let chosen = &order[bounds[0]..bounds[1]];
                if !stop {
                    let slice = memory.slice(chosen, &memory.starts);
                    let gathered = memory.gather(chosen, &advantages);
                    let objective = Clipped {
                        actions: memory.gather_rows(chosen, &memory.actions),
                        means: memory.gather_rows(chosen, &memory.means),
                        advantages: gathered,
                        old_log: &memory.log,
                        log: &self.noise.log,
                        clip: self.config.clip,
                        squash: world.network.squash(),
                    };
                    let World { network, trainer, pool, .. } = &mut *world;
                    let batch = slice.batch();
                    let gradient = {
                        let theta = trainer.theta();
                        pool.install(|| network.gradient(&theta, &batch, &objective))
                    };
                    let gradient = gradient.map_err(|error| trainer.located(error))?;
                    let (kl, clipped) = (gradient.sums[0], gradient.sums[1]);
                    if self.config.target_kl.is_some_and(|target| kl > target) {
                        stop = true;
                    } else {
                        trainer.apply(network.as_ref(), &gradient.gradient)?;
                        self.noise.step(&gradient.sums[2..], &self.config);
                        policy_steps += 1.0;
                    }
                    sums[0] += gradient.loss;
                    sums[1] += kl;
                    sums[2] += clipped;
                    sums[3] += 1.0;
                }
                let slice = memory.slice(chosen, &memory.critic_starts);
                value_steps += self.critic.learn(&world.pool, &slice, memory.gather(chosen, &targets))?;
            }
        }
        let n = f64::max(sums[3], 1.0);
        let all = (self.config.epochs * self.config.minibatches) as f64;
        Ok(vec![sums[0] / n, value_steps / all, explained, sums[1] / n, sums[2] / n, policy_steps])
    }
}

/// To mean 0 and deviation 1.
fn normalise(values: &mut [f64]) {
    let (mean, std) = crate::evaluate::mean_std(values);
    values.iter_mut().for_each(|value| *value = (*value - mean) / (std + 1e-8));
}

/// Share of the targets' variance that the values explain; 1 is all, 0 none.
fn explained_variance(values: &[f64], targets: &[f64]) -> f64 {
    let errors: Vec<f64> = targets.iter().zip(values).map(|(target, value)| target - value).collect();
    let (of_errors, of_targets) =
        (crate::evaluate::mean_std(&errors).1, crate::evaluate::mean_std(targets).1);
    if of_targets > 0.0 { 1.0 - (of_errors / of_targets) * (of_errors / of_targets) } else { 0.0 }
}

impl Method for Ppo {
    fn columns(&self) -> &'static [&'static str] {
        &COLUMNS
    }

    fn describe(&self) -> Vec<(&'static str, String)> {
        let PpoConfig { worlds, steps, sequence, epochs, minibatches, .. } = &self.config;
        vec![
            ("task", format!("ppo, {worlds} worlds × {steps} steps an iteration")),
            (
                "learning",
                format!("{epochs} epochs of {minibatches} minibatches, sequences of {sequence} steps"),
            ),
        ]
    }

    fn advance(&mut self, world: &mut World) -> Result<Round, FinetuneError> {
        let (mut memory, mut round) = self.collect(world)?;
        memory.log.clone_from(&self.noise.log);
        round.extras = self.learn(world, &mut memory)?;
        Ok(round)
    }

    fn save(&self, checkpoint: &mut Checkpoint) {
        self.put(checkpoint);
    }

    fn restore(&mut self, world: &World, checkpoint: &Checkpoint) -> Result<(), FinetuneError> {
        self.take(world, checkpoint)
    }
}
