//! Episodes of many individuals: worlds, controllers and reward sums, in parallel.
//!
//! Each worker owns a few environments and as many controller slots. It draws the next episode from
//! a shared queue as soon as one of its own has ended, so uneven episodes leave no core idle. An
//! episode depends on nothing but its own number: results are the same for any number of workers.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use envs::{EnvError, Envs, Task};
use sim::StepOptions;
use snn::{Activity, Controller, Evaluator};

use crate::normalizer::{Normalizer, Sums};
use crate::random::Stream;

/// What to run: `count` episodes, each with its own individual and start state.
pub struct Episodes<'a> {
    /// Number of episodes.
    pub count: usize,
    /// Writes the parameters of episode `index`'s individual.
    pub parameters: &'a (dyn Fn(usize, &mut [f32]) + Sync),
    /// The random stream that draws episode `index`'s start state.
    pub start: &'a (dyn Fn(usize) -> Stream + Sync),
    /// Observation transformation.
    pub normalizer: &'a Normalizer,
    /// Weights of the reward terms in [`Episode::fitness`], in the order of the task's terms.
    pub weights: &'a [f64],
    /// Whether to sum up observations for the running statistics.
    pub observe: bool,
}

/// What one episode came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Episode {
    /// Undiscounted sum of rewards as the task defines them.
    pub total: f64,
    /// The same sum with each term multiplied by its training weight.
    pub fitness: f64,
    /// Sum of each reward term.
    pub terms: Vec<f64>,
    /// Control steps.
    pub length: usize,
    /// Whether the task (not the time limit) ended it.
    pub terminated: bool,
    /// Whether the physics blew up.
    pub blew_up: bool,
    /// Spikes and synaptic operations.
    pub activity: Activity,
    /// Observation sums, if asked for.
    pub sums: Option<Sums>,
}

/// What an observer sees after every control step.
pub struct Moment<'a> {
    /// Episode number.
    pub episode: usize,
    /// All environments of the worker.
    pub envs: &'a Envs,
    /// The environment and controller slot in question.
    pub slot: usize,
    /// Controllers of the worker.
    pub evaluator: &'a dyn Evaluator,
    /// Observation on which the action was based, before normalisation.
    pub observation: &'a [f32],
    /// Action in the task's units; none at the start of the episode.
    pub action: Option<&'a [f32]>,
}

/// Called at the start of an episode and after every control step by [`Rollout::run_observed`].
pub type Observer<'a> = dyn FnMut(&Moment<'_>) + 'a;

/// Workers that persist from one generation to the next.
pub struct Rollout {
    workers: Vec<Mutex<Worker>>,
    pool: Option<Arc<rayon::ThreadPool>>,
}

/// Environments per worker. One rapier world fits the caches; more would evict each other.
const SLOTS: usize = 1;

impl Rollout {
    /// Creates one worker per thread of `pool` (or one that runs on the calling thread).
    ///
    /// # Errors
    /// See [`Envs::new`].
    pub fn new(
        task: &Arc<dyn Task>,
        controller: &Arc<dyn Controller>,
        options: StepOptions,
        horizon: usize,
        pool: Option<Arc<rayon::ThreadPool>>,
    ) -> Result<Self, EnvError> {
        let count = pool.as_ref().map_or(1, |p| p.current_num_threads());
        let workers = (0..count)
            .map(|_| Worker::new(task, controller, options, horizon).map(Mutex::new))
            .collect::<Result<_, _>>()?;
        Ok(Self { workers, pool })
    }

    /// Runs all episodes; the result is in the order of their numbers.
    ///
    /// # Panics
    /// If a worker panicked.
    #[must_use]
    pub fn run(&self, episodes: &Episodes<'_>) -> Vec<Episode> {
        let next = AtomicUsize::new(0);
        let mut results: Vec<(usize, Episode)> = match &self.pool {
            Some(pool) => {
                let parts: Vec<_> = pool.broadcast(|context| {
                    let worker = &self.workers[context.index()];
                    worker.lock().expect("no worker has panicked").run(episodes, &next, None)
                });
                parts.into_iter().flatten().collect()
            }
            None => self.workers[0].lock().expect("no worker has panicked").run(episodes, &next, None),
        };
        results.sort_unstable_by_key(|(index, _)| *index);
        results.into_iter().map(|(_, episode)| episode).collect()
    }

    /// Time spent so far, summed over workers.
    ///
    /// # Panics
    /// If a worker panicked.
    #[must_use]
    pub fn times(&self) -> Times {
        let mut sum = Times::default();
        for worker in &self.workers {
            let times = worker.lock().expect("no worker has panicked").times;
            sum.envs_s += times.envs_s;
            sum.controller_s += times.controller_s;
            sum.strategy_s += times.strategy_s;
        }
        sum
    }

    /// Runs all episodes on the calling thread, one after the other, showing each step to `observer`.
    ///
    /// # Panics
    /// If the worker panicked before.
    pub fn run_observed(&self, episodes: &Episodes<'_>, observer: &mut Observer<'_>) -> Vec<Episode> {
        let next = AtomicUsize::new(0);
        let mut worker = self.workers[0].lock().expect("no worker has panicked");
        let mut results = worker.run(episodes, &next, Some(observer));
        results.sort_unstable_by_key(|(index, _)| *index);
        results.into_iter().map(|(_, episode)| episode).collect()
    }
}

/// Where the workers' time went, for benchmarks; never part of a result.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Times {
    /// Seconds in environments: physics, resets, observations, rewards.
    pub envs_s: f64,
    /// Seconds in controllers: loading, normalisation, network, scaling of actions.
    pub controller_s: f64,
    /// Seconds in making members.
    pub strategy_s: f64,
}

struct Worker {
    task: Arc<dyn Task>,
    envs: Envs,
    evaluator: Box<dyn Evaluator>,
    parameters: Vec<f32>,
    /// Episode in each slot.
    running: Vec<Option<(usize, Episode)>>,
    active: Vec<bool>,
    // One row per slot from here on.
    raw: Vec<f32>,
    inputs: Vec<f32>,
    outputs: Vec<f32>,
    actions: Vec<f32>,
    times: Times,
}

impl Worker {
    fn new(
        task: &Arc<dyn Task>,
        controller: &Arc<dyn Controller>,
        options: StepOptions,
        horizon: usize,
    ) -> Result<Self, EnvError> {
        let (inputs, outputs) = (task.spec().observations.len(), task.spec().actions.len());
        Ok(Self {
            task: Arc::clone(task),
            envs: Envs::new(Arc::clone(task), SLOTS, options, horizon)?,
            evaluator: controller.evaluator(SLOTS),
            parameters: vec![0.0; controller.layout().len()],
            running: vec![None; SLOTS],
            active: vec![false; SLOTS],
            raw: vec![0.0; SLOTS * inputs],
            inputs: vec![0.0; SLOTS * inputs],
            outputs: vec![0.0; SLOTS * outputs],
            actions: vec![0.0; SLOTS * outputs],
            times: Times::default(),
        })
    }

    fn run(
        &mut self,
        episodes: &Episodes<'_>,
        next: &AtomicUsize,
        mut observer: Option<&mut Observer<'_>>,
    ) -> Vec<(usize, Episode)> {
        let mut finished = Vec::new();
        loop {
            for slot in 0..SLOTS {
                if self.running[slot].is_none() {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index < episodes.count {
                        self.begin(slot, index, episodes);
                        if let Some(observer) = observer.as_deref_mut() {
                            observer(&self.start(slot, index));
                        }
                    }
                }
                self.active[slot] = self.running[slot].is_some();
            }
            if !self.active.contains(&true) {
                return finished;
            }
            let began = Instant::now();
            self.act(episodes);
            let acted = Instant::now();
            let blow_ups = self.envs.blow_ups();
            self.envs.step(&self.active, &self.actions);
            self.times.controller_s += (acted - began).as_secs_f64();
            self.times.envs_s += acted.elapsed().as_secs_f64();
            for slot in 0..SLOTS {
                let Some((index, episode)) = &mut self.running[slot] else { continue };
                let outcome = self.envs.outcome(slot);
                episode.total += outcome.reward;
                episode.length += 1;
                for (k, &term) in self.envs.terms(slot).iter().enumerate() {
                    episode.terms[k] += f64::from(term);
                    episode.fitness += episodes.weights[k] * f64::from(term);
                }
                if let Some(observer) = observer.as_deref_mut() {
                    observer(&Moment {
                        episode: *index,
                        envs: &self.envs,
                        slot,
                        evaluator: self.evaluator.as_ref(),
                        observation: row(&self.raw, slot),
                        action: Some(row(&self.actions, slot)),
                    });
                }
                if outcome.terminated || outcome.truncated {
                    episode.terminated = outcome.terminated;
                    // With one slot the difference belongs to this episode.
                    episode.blew_up |= self.envs.blow_ups() > blow_ups;
                    episode.activity = self.evaluator.activity(slot);
                    finished.extend(self.running[slot].take());
                }
            }
        }
    }

    fn begin(&mut self, slot: usize, index: usize, episodes: &Episodes<'_>) {
        let began = Instant::now();
        (episodes.parameters)(index, &mut self.parameters);
        let made = Instant::now();
        self.evaluator.load(slot, &self.parameters);
        self.evaluator.reset(slot);
        let loaded = Instant::now();
        let blow_ups = self.envs.blow_ups();
        self.envs.reset(slot, &mut (episodes.start)(index));
        self.times.strategy_s += (made - began).as_secs_f64();
        self.times.controller_s += (loaded - made).as_secs_f64();
        self.times.envs_s += loaded.elapsed().as_secs_f64();
        let spec = self.task.spec();
        let episode = Episode {
            terms: vec![0.0; spec.terms.len()],
            sums: episodes.observe.then(|| Sums::new(spec.observations.len())),
            blew_up: self.envs.blow_ups() > blow_ups,
            ..Episode::default()
        };
        self.running[slot] = Some((index, episode));
    }

    fn start(&self, slot: usize, episode: usize) -> Moment<'_> {
        let observation = row(self.envs.observations(), slot);
        Moment {
            episode,
            envs: &self.envs,
            slot,
            evaluator: self.evaluator.as_ref(),
            observation,
            action: None,
        }
    }

    /// Observations to actions for all running episodes.
    fn act(&mut self, episodes: &Episodes<'_>) {
        self.raw.copy_from_slice(self.envs.observations());
        for slot in 0..SLOTS {
            if let Some((_, episode)) = &mut self.running[slot] {
                let (raw, out) = (row(&self.raw, slot), row_mut(&mut self.inputs, slot));
                episodes.normalizer.apply(raw, out, episode.sums.as_mut());
            }
        }
        self.evaluator.step(&self.active, &self.inputs, &mut self.outputs);
        for slot in 0..SLOTS {
            self.task.spec().scale_action(row(&self.outputs, slot), row_mut(&mut self.actions, slot));
        }
    }
}

fn row(values: &[f32], slot: usize) -> &[f32] {
    let width = values.len() / SLOTS;
    &values[slot * width..(slot + 1) * width]
}

fn row_mut(values: &mut [f32], slot: usize) -> &mut [f32] {
    let width = values.len() / SLOTS;
    &mut values[slot * width..(slot + 1) * width]
}
