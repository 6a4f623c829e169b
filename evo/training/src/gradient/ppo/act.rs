//! How the actor acts: each group of worlds goes through all steps of an iteration by itself, with networks of
//! its own.

use std::sync::{Arc, Mutex};

use rand::Rng as _;
use serde::{Deserialize, Serialize};
use snn::{Activity, Controller, NetworkState, Resumable};
use strategies::random::{Purpose, Stream, fill_normals};

use crate::gradient::collect::Group;
use crate::gradient::error::FinetuneError;
use crate::gradient::ppo::memory::{Cut, Part};
use crate::gradient::ppo::slot::Slot;
use crate::gradient::rows::row;
use crate::normalizer::{Normalizer, Sums};
use crate::rollout::Episode;

/// Networks for the worlds of a group, as many as threads need at once.
pub(in crate::gradient) struct Networks {
    controller: Arc<dyn Controller>,
    slots: usize,
    free: Mutex<Vec<Box<dyn Resumable>>>,
}

impl Networks {
    /// For groups of `slots` worlds.
    pub(in crate::gradient) fn new(controller: &Arc<dyn Controller>, slots: usize) -> Self {
        Self { controller: Arc::clone(controller), slots, free: Mutex::default() }
    }

    /// Takes over the parameters of an iteration.
    pub(in crate::gradient) fn load(&mut self, theta: &[f32]) {
        let free = self.free.get_mut().expect("nobody panics while holding the lock");
        free.iter_mut().for_each(|networks| load(networks.as_mut(), theta));
    }

    fn take(&self, theta: &[f32]) -> Box<dyn Resumable> {
        let free = self.free.lock().expect("nobody panics while holding the lock").pop();
        free.unwrap_or_else(|| {
            let mut networks = self.controller.resumable(self.slots);
            load(networks.as_mut(), theta);
            networks
        })
    }

    fn give(&self, networks: Box<dyn Resumable>) {
        self.free.lock().expect("nobody panics while holding the lock").push(networks);
    }
}

fn load(networks: &mut dyn Resumable, theta: &[f32]) {
    (0..networks.slots()).for_each(|slot| networks.load(slot, theta));
}

/// What is the same for all groups of an iteration.
pub(in crate::gradient) struct Acting<'a> {
    pub(in crate::gradient) networks: &'a Networks,
    pub(in crate::gradient) theta: &'a [f32],
    pub(in crate::gradient) normalizer: &'a Normalizer,
    /// Deviation of the noise, per action.
    pub(in crate::gradient) deviations: &'a [f64],
    pub(in crate::gradient) discount: f64,
    pub(in crate::gradient) seed: u64,
    pub(in crate::gradient) generation: u64,
    /// Control steps of each world, and of each sequence.
    pub(in crate::gradient) steps: (usize, usize),
    /// Values per observation and per action.
    pub(in crate::gradient) sizes: (usize, usize),
}

/// What a group has done, besides its part of the memory.
#[derive(Serialize, Deserialize)]
pub(in crate::gradient) struct Acted {
    /// Episodes that ended, with their last step; by step and then by world.
    pub(in crate::gradient) episodes: Vec<(usize, Episode)>,
    /// By world.
    pub(in crate::gradient) sums: Vec<Sums>,
    pub(in crate::gradient) cut: Vec<Cut>,
    /// As [`Memory::starts`](super::memory::Memory::starts).
    pub(in crate::gradient) starts: Vec<Vec<NetworkState>>,
    pub(in crate::gradient) ends: Vec<NetworkState>,
    pub(in crate::gradient) seeds: Vec<u64>,
    pub(in crate::gradient) activity: Activity,
    /// The first step in which a network failed, and whose.
    pub(in crate::gradient) fault: Option<(usize, usize)>,
}

/// The worlds of a group with what is known of them.
pub(in crate::gradient) struct Crew<'a> {
    /// Number of its first world.
    pub(in crate::gradient) first: usize,
    pub(in crate::gradient) group: &'a mut Group,
    pub(in crate::gradient) slots: &'a mut [Slot],
    /// What each network remembers; none before its first step.
    pub(in crate::gradient) states: &'a [NetworkState],
    pub(in crate::gradient) memory: Part<'a>,
}

impl Crew<'_> {
    /// Goes through all steps.
    pub(in crate::gradient) fn act(&mut self, acting: &Acting<'_>) -> Result<Acted, FinetuneError> {
        let mut networks = acting.networks.take(acting.theta);
        let acted = self.steps(acting, networks.as_mut());
        acting.networks.give(networks);
        acted
    }

    fn steps(&mut self, acting: &Acting<'_>, networks: &mut dyn Resumable) -> Result<Acted, FinetuneError> {
        let (count, all) = (self.group.len(), networks.slots());
        let ((steps, sequence), (inputs, outputs)) = (acting.steps, acting.sizes);
        let mut acted = Acted {
            episodes: Vec::new(),
            sums: vec![Sums::new(inputs); count],
            cut: Vec::new(),
            starts: Vec::new(),
            ends: Vec::new(),
            seeds: Vec::new(),
            activity: Activity::default(),
            fault: None,
        };
        let mut normals = vec![0.0; count * steps * outputs];
        for (world, own) in normals.chunks_exact_mut(steps * outputs).enumerate() {
            let member = (self.first + world) as u64;
            fill_normals(acting.seed, Purpose::Action, acting.generation, member, own);
            let mut stream = Stream::new(acting.seed, Purpose::Encode, acting.generation, member, 0);
            let seed = stream.next_u64();
            acted.seeds.push(seed);
            match self.states.get(world) {
                Some(state) => networks.resume(world, state, seed),
                None => networks.reset(world, seed),
            }
        }
        let active: Vec<bool> = (0..all).map(|world| world < count).collect();
        let (mut x, mut actions) = (vec![0.0; all * inputs], vec![0.0; all * outputs]);
        let rewards = vec![0.0; all];
        for step in 0..steps {
            if step.is_multiple_of(sequence) {
                acted.starts.push((0..count).map(|world| networks.state(world)).collect());
            }
            for world in 0..count {
                let (at, x) = (world * steps + step, &mut x[row(inputs, world)]);
                acting.normalizer.apply(self.group.observation(world), x, Some(&mut acted.sums[world]));
                self.memory.inputs[row(inputs, at)].copy_from_slice(x);
                let fresh = std::mem::take(&mut self.slots[world].fresh);
                self.memory.fresh[at] = fresh;
                if fresh {
                    acted.activity.merge(&networks.activity(world));
                    networks.reset(world, acted.seeds[world]);
                }
            }
            networks.begin(&active, &x, &rewards);
            networks.finish(&active, &mut actions)?;
            if let Some(world) = (0..count).find(|&world| networks.fault(world)) {
                acted.fault = Some((step, self.first + world));
                return Ok(acted);
            }
            for world in 0..count {
                let (at, own) = (world * steps + step, row(outputs, world));
                self.memory.means[row(outputs, at)].copy_from_slice(&actions[own.clone()]);
                let noise = normals[row(outputs, at)].iter().zip(acting.deviations);
                for (action, (&normal, deviation)) in actions[own.clone()].iter_mut().zip(noise) {
                    *action = (f64::from(*action) + deviation * f64::from(normal)) as f32;
                }
                self.memory.actions[row(outputs, at)].copy_from_slice(&actions[own.clone()]);
                self.slots[world].actions.extend_from_slice(&actions[own]);
            }
            self.group.step(&active[..count], &actions[..count * outputs]);
            (0..count).for_each(|world| self.score(acting, world, step, &mut acted));
        }
        for world in 0..count {
            acted.activity.merge(&networks.activity(world));
            acted.ends.push(networks.state(world));
            if !self.memory.over[world * steps + steps - 1] {
                self.cut(acting, world, steps - 1, &mut acted);
            }
        }
        Ok(acted)
    }

    /// What a step of a world came to; begins the next episode if it ended this one.
    fn score(&mut self, acting: &Acting<'_>, world: usize, step: usize, acted: &mut Acted) {
        let at = world * acting.steps.0 + step;
        let (reward, outcome) = (self.group.reward(world), self.group.outcome(world));
        self.memory.rewards[at] = reward;
        let slot = &mut self.slots[world];
        slot.discounted = acting.discount * slot.discounted + reward;
        self.memory.discounted[at] = slot.discounted;
        if !outcome.over() {
            return;
        }
        self.memory.over[at] = true;
        // A blow-up is no end that saves what would have followed: the observation before it stands in.
        if !outcome.terminated || self.group.blew_up(world) {
            self.cut(acting, world, step, acted);
        }
        acted.episodes.push((step, self.group.episode(world)));
        self.slots[world].begin(self.group, world, acting.seed, self.first + world);
    }

    /// Remembers the present observation of a world, whose future is not seen.
    fn cut(&self, acting: &Acting<'_>, world: usize, step: usize, acted: &mut Acted) {
        let mut next = vec![0.0; acting.sizes.0];
        acting.normalizer.apply(self.group.observation(world), &mut next, None);
        acted.cut.push(Cut { step, world: self.first + world, next });
    }
}
