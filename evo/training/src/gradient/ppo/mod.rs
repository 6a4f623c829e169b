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

mod act;
mod before;
pub(super) mod critic;
pub(super) mod loss;
mod memory;
pub(super) mod network_states;
mod noise;
mod refine;
mod shared;
mod slot;
mod state;

use rayon::prelude::*;
use records::checkpoint::Checkpoint;
use snn::gradient::GradientError;
use snn::{Activity, NetworkState};
use strategies::random::{Purpose, Stream, shuffled};

use crate::evaluate::mean_std;
use crate::gradient::collect::Worlds;
use crate::gradient::error::FinetuneError;
use crate::gradient::ppo::act::{Acted, Acting, Crew, Networks};
use crate::gradient::ppo::before::Before;
use crate::gradient::ppo::critic::Critic;
use crate::gradient::ppo::loss::{Clipped, Squares};
use crate::gradient::ppo::memory::{Memory, Scale, advantages};
use crate::gradient::ppo::noise::Noise;
use crate::gradient::ppo::slot::Slot;
use crate::gradient::task_config::PpoConfig;
use crate::gradient::world::{Method, Round, World};

pub(crate) use refine::Refiner;

/// Columns of `metrics.csv` after the reward terms.
pub(in crate::gradient) const COLUMNS: [&str; 6] =
    ["policy_loss", "value_loss", "explained_variance", "kl_divergence", "clipped_share", "policy_steps"];

pub(in crate::gradient) struct Ppo {
    config: PpoConfig,
    pub(in crate::gradient) critic: Critic,
    pub(in crate::gradient) noise: Noise,
    pub(in crate::gradient) worlds: Worlds,
    pub(in crate::gradient) slots: Vec<Slot>,
    /// What each actor remembers; empty before the first step.
    pub(in crate::gradient) states: Vec<NetworkState>,
    pub(in crate::gradient) scale: Scale,
    networks: Networks,
    pub(in crate::gradient) before: Option<Before>,
}

impl Ppo {
    pub(in crate::gradient) fn new(config: &PpoConfig, world: &World) -> Result<Self, FinetuneError> {
        let outputs = world.setup.task.spec().actions.len();
        let worlds = Worlds::new(world, config.worlds)?;
        let mut new = Self {
            critic: Critic::new(config, world)?,
            noise: Noise::new(config.noise, outputs),
            slots: vec![Slot::default(); config.worlds],
            states: Vec::new(),
            scale: Scale::default(),
            networks: Networks::new(&world.setup.controller, worlds.size),
            worlds,
            before: None,
            config: config.clone(),
        };
        for slot in 0..config.worlds {
            new.reset(world, slot);
        }
        Ok(new)
    }

    /// Begins the next episode of a world.
    pub(in crate::gradient) fn reset(&mut self, world: &World, slot: usize) {
        let size = self.worlds.size;
        let group = &mut self.worlds.groups[slot / size];
        self.slots[slot].begin(group, slot % size, world.config.run.seed, slot);
    }

    /// Lets the actor act.
    pub(in crate::gradient) fn collect(
        &mut self,
        world: &mut World,
    ) -> Result<(Memory, Round), FinetuneError> {
        let (count, steps, sequence) = (self.config.worlds, self.config.steps, self.config.sequence);
        let sizes = (world.network.inputs(), world.network.outputs());
        let normalizer = world.normalizer();
        let theta = world.trainer.theta();
        self.networks.load(&theta);
        let deviations: Vec<f64> = self.noise.log.iter().map(|&log| libm::exp(log)).collect();
        let acting = Acting {
            networks: &self.networks,
            theta: &theta,
            normalizer: &normalizer,
            deviations: &deviations,
            discount: self.config.discount,
            seed: world.config.run.seed,
            generation: world.generation,
            steps: (steps, sequence),
            sizes,
        };
        let mut memory = Memory::new(count, steps, sequence, sizes);
        let size = self.worlds.size;
        let groups = self.worlds.groups.iter_mut().zip(self.slots.chunks_mut(size)).zip(memory.parts(size));
        let mut crews: Vec<Crew<'_>> = groups
            .enumerate()
            .map(|(index, ((group, slots), memory))| {
                let first = index * size;
                let states = self.states.get(first..first + slots.len()).unwrap_or(&[]);
                Crew { first, group, slots, states, memory }
            })
            .collect();
        let team = &world.team;
        let own = world.pool.install(|| {
            let own = crews.par_iter_mut().enumerate().filter(|(index, _)| team.owns(*index));
            own.map(|(_, crew)| crew.act(&acting)).collect::<Result<Vec<_>, _>>()
        });
        let all = shared::all(team, own, &mut crews)?;
        let faults = all.iter().enumerate().filter_map(|(index, acted)| Some((acted.fault?, index)));
        if let Some(((step, failed), index)) = faults.min() {
            return Err(failure(world, &memory, &all[index], (step, failed), (size, sequence)));
        }
        let mut round = Round { steps: (count * steps) as u64, ..Round::default() };
        let (mut episodes, mut activity) = (Vec::new(), Activity::default());
        self.states.clear();
        for acted in all {
            episodes.extend(acted.episodes);
            memory.cut.extend(acted.cut);
            memory.seeds.extend(acted.seeds);
            if world.network.remembers() {
                memory.starts.iter_mut().zip(acted.starts).for_each(|(all, own)| all.extend(own));
            }
            self.states.extend(acted.ends);
            activity.merge(&acted.activity);
            if world.config.rollout.normalize {
                acted.sums.iter().for_each(|sums| world.statistics.merge(sums, &normalizer.mean));
            }
        }
        // In the order of time, whatever the groups; worlds are in order.
        episodes.sort_by_key(|(step, _)| *step);
        memory.cut.sort_by_key(|cut| cut.step);
        memory.by_step(&memory.discounted).into_iter().for_each(|discounted| self.scale.add(discounted));
        round.episodes = episodes.into_iter().map(|(_, episode)| episode).collect();
        round.spike_rate = (activity.neuron_ticks > 0).then(|| activity.spike_rate());
        round.sigma = deviations.iter().sum::<f64>() / deviations.len() as f64;
        Ok((memory, round))
    }

    fn learn(&mut self, world: &mut World, memory: &mut Memory) -> Result<Vec<f64>, FinetuneError> {
        let scale = self.config.reward_scale.unwrap_or_else(|| self.scale.factor());
        let (values, next) = self.critic.judge(&world.pool, memory)?;
        let (mut advantages, targets) =
            advantages(memory, &values, &next, scale, (self.config.discount, self.config.lambda));
        let explained = explained_variance(&memory.by_step(&values), &memory.by_step(&targets));
        let (mean, std) = mean_std(&memory.by_step(&advantages));
        advantages.iter_mut().for_each(|advantage| *advantage = (*advantage - mean) / (std + 1e-8));
        let sequences = memory.sequences();
        let (mut sums, mut policy_steps, mut value_steps) = ([0.0; 4], 0.0, 0.0);
        let mut stop = world.generation < self.config.critic_first;
        let factor = self.config.schedule.factor(world.generation);
        world.trainer.set_factor(factor);
        self.critic.trainer.set_factor(factor);
        for epoch in 0..self.config.epochs {
            let (seed, generation) = (world.config.run.seed, world.generation);
            let mut stream = Stream::new(seed, Purpose::Finetune, generation, epoch as u64, 1);
            let order = shuffled(sequences, &mut stream);
            for part in 0..self.config.minibatches {
                let bounds = [part, part + 1].map(|part| part * sequences / self.config.minibatches);
                let chosen = &order[bounds[0]..bounds[1]];
                let slice = memory.slice(chosen);
                if !stop {
                    let start = memory.states(chosen, &memory.starts);
                    let objective = Clipped {
                        actions: memory.gather_rows(chosen, &memory.actions),
                        means: memory.gather_rows(chosen, &memory.means),
                        advantages: memory.gather(chosen, &advantages),
                        old_log: &memory.log,
                        log: &self.noise.log,
                        clip: self.config.clip,
                        squash: world.network.squash(),
                    };
                    let World { network, trainer, pool, .. } = &mut *world;
                    let batch = slice.batch(&start);
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
                        self.noise.step(&gradient.sums[2..], &self.config, factor);
                        policy_steps += 1.0;
                    }
                    sums[0] += gradient.loss;
                    sums[1] += kl;
                    sums[2] += clipped;
                    sums[3] += 1.0;
                }
                let start = memory.states(chosen, &memory.critic_starts);
                let objective = Squares {
                    targets: memory.gather(chosen, &targets),
                    near: self.config.value_clip.map(|limit| (memory.gather(chosen, &values), limit)),
                };
                value_steps += self.critic.learn(&world.pool, &slice.batch(&start), &objective)?;
            }
        }
        let n = f64::max(sums[3], 1.0);
        let all = (self.config.epochs * self.config.minibatches) as f64;
        Ok(vec![sums[0] / n, value_steps / all, explained, sums[1] / n, sums[2] / n, policy_steps])
    }
}

/// Why the network of a world failed in a step: gradients run the same way, and know where.
fn failure(
    world: &World,
    memory: &Memory,
    acted: &Acted,
    (step, failed): (usize, usize),
    (size, sequence): (usize, usize),
) -> FinetuneError {
    let index = step / sequence;
    let slice = memory.until(index, failed, step % sequence, acted.seeds[failed % size]);
    let start = match world.network.remembers() {
        true => acted.starts[index][failed % size..][..1].to_vec(),
        false => Vec::new(),
    };
    let run = world.pool.install(|| world.network.run(&world.trainer.theta(), &slice.batch(&start)));
    let unknown =
        || GradientError::NotFinite { what: "state", layer: "controller".into(), tick: None, step: None };
    world.trainer.located(run.err().unwrap_or_else(unknown)).into()
}

/// Share of the targets' variance that the values explain; 1 is all, 0 none.
fn explained_variance(values: &[f64], targets: &[f64]) -> f64 {
    let errors: Vec<f64> = targets.iter().zip(values).map(|(target, value)| target - value).collect();
    let (of_errors, of_targets) = (mean_std(&errors).1, mean_std(targets).1);
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
        self.keep();
        let (mut memory, mut round) = self.collect(world)?;
        memory.log.clone_from(&self.noise.log);
        round.extras = self.learn(world, &mut memory)?;
        Ok(round)
    }

    fn undo(&mut self) {
        self.bring_back();
    }

    fn save(&self, checkpoint: &mut Checkpoint) {
        self.put(checkpoint);
    }

    fn restore(&mut self, world: &World, checkpoint: &Checkpoint) -> Result<(), FinetuneError> {
        self.take(world, checkpoint)
    }
}
