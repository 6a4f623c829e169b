//! Episodes of many individuals: worlds, controllers and reward sums, in parallel.
//!
//! Each worker owns as many environments and controller slots as its engine steps at the lowest cost
//! (see [`sim::EngineKind::batch`]). It draws the next episode from a shared queue as soon as one of
//! its own has ended, so uneven episodes leave no core and no slot idle. An episode depends on nothing
//! but its own number: results are the same for any number of workers and slots.
//!
//! With a graphics adapter, two halves of all slots take turns: while the kernel computes the actions
//! of one, all threads step the worlds of the other.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use envs::{Change, EnvError, Envs, Task};
use rand::Rng as _;
use rayon::prelude::*;
use sim::StepOptions;
use snn::{Activity, BackendError, Controller, Evaluator};
use strategies::random::Stream;

use crate::backend::Backend;
use crate::normalizer::{Normalizer, Sums};

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
    /// Whether the controller failed: parameters or states that are not finite. The episode ends
    /// there, and its fitness is NaN, which strategies rank last.
    pub failed: bool,
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
    crew: Crew,
    pool: Option<Arc<rayon::ThreadPool>>,
}

enum Crew {
    /// One per thread, each with controllers of its own.
    Workers(Vec<Mutex<Worker>>),
    /// Two halves of all slots, each with one evaluator on a graphics adapter.
    Halves(Box<Mutex<[Half; 2]>>),
}

/// What a [`Rollout`] is made of.
pub struct Parts<'a> {
    /// The task.
    pub task: &'a Arc<dyn Task>,
    /// What is different from the task.
    pub changes: &'a [Change],
    /// The network.
    pub controller: &'a Arc<dyn Controller>,
    /// Physics settings.
    pub options: StepOptions,
    /// Time limit in control steps.
    pub horizon: usize,
    /// Where controllers run.
    pub backend: &'a Backend,
    /// Most episodes that will be asked for at once; decides the number of slots on an adapter.
    pub episodes: usize,
}

/// Most slots on an adapter: more would not make the kernel more efficient.
const MAX_SLOTS: usize = 8192;

impl Rollout {
    /// Creates one worker per thread of `pool` (or one that runs on the calling thread), each with
    /// as many slots as suit the engine.
    ///
    /// # Errors
    /// See [`Envs::new`]; or if the population does not fit onto the adapter.
    pub fn new(parts: &Parts<'_>, pool: Option<Arc<rayon::ThreadPool>>) -> Result<Self, RolloutError> {
        match parts.backend {
            Backend::Cpu => Self::with_slots(parts, pool, parts.options.engine.batch()),
            Backend::Gpu(gpu) => {
                let half = parts.episodes.clamp(1, MAX_SLOTS).div_ceil(2);
                let make = || {
                    let evaluator = parts.controller.gpu_evaluator(gpu, half);
                    let evaluator = evaluator.ok_or(RolloutError::NoKernel)??;
                    Half::new(parts, evaluator)
                };
                Ok(Self { crew: Crew::Halves(Box::new(Mutex::new([make()?, make()?]))), pool })
            }
        }
    }

    /// On the CPU, with another number of slots (at least 1) per worker. Results do not depend on it.
    ///
    /// # Errors
    /// See [`Envs::new`].
    pub fn with_slots(
        parts: &Parts<'_>,
        pool: Option<Arc<rayon::ThreadPool>>,
        slots: usize,
    ) -> Result<Self, RolloutError> {
        let count = pool.as_ref().map_or(1, |p| p.current_num_threads());
        let workers =
            (0..count).map(|_| Worker::new(parts, slots.max(1)).map(Mutex::new)).collect::<Result<_, _>>()?;
        Ok(Self { crew: Crew::Workers(workers), pool })
    }

    /// Runs all episodes; the result is in the order of their numbers.
    ///
    /// # Errors
    /// If the graphics adapter was lost.
    ///
    /// # Panics
    /// If a worker panicked.
    pub fn run(&self, episodes: &Episodes<'_>) -> Result<Vec<Episode>, BackendError> {
        let next = AtomicUsize::new(0);
        let results = match (&self.crew, &self.pool) {
            (Crew::Workers(workers), Some(pool)) => {
                // The last episodes are shared out: a full worker beside an idle one would take longer.
                let share = episodes.count.div_ceil(workers.len());
                let run = |context: rayon::BroadcastContext<'_>| {
                    lock(&workers[context.index()]).run(episodes, &next, share, None)
                };
                let parts: Result<Vec<_>, _> = pool.broadcast(run).into_iter().collect();
                parts?.into_iter().flatten().collect()
            }
            (Crew::Workers(workers), None) => lock(&workers[0]).run(episodes, &next, usize::MAX, None)?,
            (Crew::Halves(halves), Some(pool)) => {
                pool.install(|| take_turns(&mut lock(halves), episodes, &next))?
            }
            (Crew::Halves(halves), None) => take_turns(&mut lock(halves), episodes, &next)?,
        };
        Ok(in_order(results))
    }

    /// Time spent so far, summed over workers.
    ///
    /// # Panics
    /// If a worker panicked.
    #[must_use]
    pub fn times(&self) -> Times {
        match &self.crew {
            Crew::Workers(workers) => workers.iter().map(|worker| lock(worker).batch.times).sum(),
            Crew::Halves(halves) => {
                let halves = lock(halves);
                let batches = halves.iter().flat_map(|half| &half.batches).map(|batch| batch.times);
                batches.chain(halves.iter().map(|half| half.times)).sum()
            }
        }
    }

    /// Runs all episodes on the calling thread, one after the other whatever the number of slots,
    /// showing each step to `observer`, with what happened in each tick of the controller.
    ///
    /// # Errors
    /// If this was made for a graphics adapter.
    ///
    /// # Panics
    /// If the worker panicked before.
    pub fn run_observed(
        &self,
        episodes: &Episodes<'_>,
        observer: &mut Observer<'_>,
    ) -> Result<Vec<Episode>, RolloutError> {
        let Crew::Workers(workers) = &self.crew else { return Err(RolloutError::NotObservable) };
        let next = AtomicUsize::new(0);
        let mut worker = lock(&workers[0]);
        // One at a time is always the first slot.
        worker.evaluator.watch(Some(0))?;
        let results = worker.run(episodes, &next, 1, Some(observer));
        worker.evaluator.watch(None)?;
        Ok(in_order(results?))
    }
}

/// Why episodes cannot be run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RolloutError {
    /// The worlds cannot be made.
    #[error(transparent)]
    Env(#[from] EnvError),
    /// The graphics adapter refuses, or was lost.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// Only spiking networks have a kernel.
    #[error("this controller has no GPU kernel; valid: --backend cpu, or a controller Snn(…)")]
    NoKernel,
    /// Observers need controllers on the CPU.
    #[error("episodes can be observed on the CPU only")]
    NotObservable,
}

/// The lock of something that a panic cannot have left half done, because panics end the program.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn in_order(mut results: Vec<(usize, Episode)>) -> Vec<Episode> {
    results.sort_unstable_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, episode)| episode).collect()
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

impl std::iter::Sum for Times {
    fn sum<I: Iterator<Item = Self>>(times: I) -> Self {
        times.fold(Self::default(), |sum, times| Self {
            envs_s: sum.envs_s + times.envs_s,
            controller_s: sum.controller_s + times.controller_s,
            strategy_s: sum.strategy_s + times.strategy_s,
        })
    }
}

/// Environments that are stepped together, and what their controllers read and write.
struct Batch {
    task: Arc<dyn Task>,
    envs: Envs,
    parameters: Vec<f32>,
    /// Episode in each slot.
    running: Vec<Option<(usize, Episode)>>,
    active: Vec<bool>,
    /// Reward of the last step.
    rewards: Vec<f32>,
    // One row per slot from here on.
    /// Observations before the step, kept for an observer only.
    raw: Vec<f32>,
    inputs: Vec<f32>,
    outputs: Vec<f32>,
    actions: Vec<f32>,
    times: Times,
}

impl Batch {
    fn new(parts: &Parts<'_>, slots: usize) -> Result<Self, EnvError> {
        let spec = parts.task.spec();
        let (inputs, outputs) = (spec.observations.len(), spec.actions.len());
        Ok(Self {
            task: Arc::clone(parts.task),
            envs: Envs::with_changes(
                Arc::clone(parts.task),
                slots,
                parts.options,
                parts.horizon,
                parts.changes,
            )?,
            parameters: vec![0.0; parts.controller.layout().len()],
            running: vec![None; slots],
            active: vec![false; slots],
            rewards: vec![0.0; slots],
            raw: vec![0.0; slots * inputs],
            inputs: vec![0.0; slots * inputs],
            outputs: vec![0.0; slots * outputs],
            actions: vec![0.0; slots * outputs],
            times: Times::default(),
        })
    }

    /// Begins episodes from the queue in the first `slots` slots that are free; slot 0 is slot `first`
    /// of the evaluator.
    fn fill(
        &mut self,
        evaluator: &mut dyn Evaluator,
        first: usize,
        slots: usize,
        episodes: &Episodes<'_>,
        next: &AtomicUsize,
        observer: &mut Option<&mut Observer<'_>>,
    ) {
        for slot in 0..slots {
            if self.running[slot].is_some() {
                continue;
            }
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= episodes.count {
                break;
            }
            self.begin(evaluator, first, slot, index, episodes);
            if let Some(observer) = observer {
                observer(&self.moment(evaluator, slot, index, false));
            }
        }
    }

    fn begin(
        &mut self,
        evaluator: &mut dyn Evaluator,
        first: usize,
        slot: usize,
        index: usize,
        episodes: &Episodes<'_>,
    ) {
        let began = Instant::now();
        (episodes.parameters)(index, &mut self.parameters);
        let made = Instant::now();
        evaluator.load(first + slot, &self.parameters);
        let loaded = Instant::now();
        let mut stream = (episodes.start)(index);
        self.envs.reset(slot, &mut stream);
        let reset = Instant::now();
        evaluator.reset(first + slot, stream.next_u64());
        self.times.strategy_s += (made - began).as_secs_f64();
        self.times.controller_s += (loaded - made).as_secs_f64() + reset.elapsed().as_secs_f64();
        self.times.envs_s += (reset - loaded).as_secs_f64();
        let spec = self.task.spec();
        let episode = Episode {
            terms: vec![0.0; spec.terms.len()],
            sums: episodes.observe.then(|| Sums::new(spec.observations.len())),
            ..Episode::default()
        };
        self.running[slot] = Some((index, episode));
        self.active[slot] = true;
        self.rewards[slot] = 0.0;
    }

    /// Normalised observations of all running episodes.
    fn observe(&mut self, normalizer: &Normalizer) {
        let size = self.task.spec().observations.len();
        let observations = self.envs.observations().chunks_exact(size);
        let inputs = self.inputs.chunks_exact_mut(size);
        for ((running, raw), input) in self.running.iter_mut().zip(observations).zip(inputs) {
            if let Some((_, episode)) = running {
                normalizer.apply(raw, input, episode.sums.as_mut());
            }
        }
    }

    /// Steps the worlds with what the controllers have put out.
    fn act(&mut self) {
        let spec = self.task.spec();
        let size = spec.actions.len();
        let rows = self.outputs.chunks_exact(size).zip(self.actions.chunks_exact_mut(size));
        for (&active, (output, action)) in self.active.iter().zip(rows) {
            if active {
                spec.scale_action(output, action);
            }
        }
        let began = Instant::now();
        self.envs.step(&self.active, &self.actions);
        self.times.envs_s += began.elapsed().as_secs_f64();
    }

    /// Adds up the step and takes out the episodes that have ended.
    fn collect(
        &mut self,
        evaluator: &dyn Evaluator,
        first: usize,
        episodes: &Episodes<'_>,
        finished: &mut Vec<(usize, Episode)>,
        observer: &mut Option<&mut Observer<'_>>,
    ) -> bool {
        let mut any = false;
        for slot in 0..self.running.len() {
            let Some((index, episode)) = &mut self.running[slot] else { continue };
            let outcome = self.envs.outcome(slot);
            let failed = evaluator.fault(first + slot);
            self.rewards[slot] = outcome.reward as f32;
            episode.total += outcome.reward;
            episode.length += 1;
            let terms = self.envs.terms(slot).iter().zip(episodes.weights);
            for ((&term, weight), sum) in terms.zip(&mut episode.terms) {
                *sum += f64::from(term);
                episode.fitness += weight * f64::from(term);
            }
            if let Some(observer) = observer {
                let index = *index;
                observer(&self.moment(evaluator, slot, index, true));
            }
            if !(outcome.over() || failed) {
                continue;
            }
            let Some((index, mut episode)) = self.running[slot].take() else { continue };
            episode.terminated = outcome.terminated || failed;
            episode.blew_up = self.envs.blew_up(slot);
            episode.failed = failed;
            if failed {
                episode.fitness = f64::NAN;
            }
            episode.activity = evaluator.activity(first + slot);
            finished.push((index, episode));
            self.active[slot] = false;
            any = true;
        }
        any
    }

    fn busy(&self) -> bool {
        self.active.contains(&true)
    }

    /// What an observer sees of a slot, at the start of its episode or after a step.
    fn moment<'a>(
        &'a self,
        evaluator: &'a dyn Evaluator,
        slot: usize,
        episode: usize,
        stepped: bool,
    ) -> Moment<'a> {
        let spec = self.task.spec();
        let observations = if stepped { &self.raw } else { self.envs.observations() };
        Moment {
            episode,
            envs: &self.envs,
            slot,
            evaluator,
            observation: row(observations, spec.observations.len(), slot),
            action: stepped.then(|| row(&self.actions, spec.actions.len(), slot)),
        }
    }
}

/// One thread's batch with controllers of its own.
struct Worker {
    batch: Batch,
    evaluator: Box<dyn Evaluator>,
}

impl Worker {
    fn new(parts: &Parts<'_>, slots: usize) -> Result<Self, EnvError> {
        Ok(Self { batch: Batch::new(parts, slots)?, evaluator: parts.controller.evaluator(slots) })
    }

    /// Runs episodes from the queue, at most `limit` at the same time, until it is empty.
    fn run(
        &mut self,
        episodes: &Episodes<'_>,
        next: &AtomicUsize,
        limit: usize,
        mut observer: Option<&mut Observer<'_>>,
    ) -> Result<Vec<(usize, Episode)>, BackendError> {
        let Self { batch, evaluator } = self;
        let evaluator = evaluator.as_mut();
        let slots = batch.running.len().min(limit);
        let mut finished = Vec::new();
        let mut free = true;
        loop {
            if free {
                batch.fill(evaluator, 0, slots, episodes, next, &mut observer);
                if !batch.busy() {
                    return Ok(finished);
                }
            }
            let began = Instant::now();
            if observer.is_some() {
                batch.raw.copy_from_slice(batch.envs.observations());
            }
            batch.observe(episodes.normalizer);
            evaluator.begin(&batch.active, &batch.inputs, &batch.rewards);
            evaluator.finish(&batch.active, &mut batch.outputs)?;
            batch.times.controller_s += began.elapsed().as_secs_f64();
            batch.act();
            free = batch.collect(evaluator, 0, episodes, &mut finished, &mut observer);
        }
    }
}

/// Half of the slots on a graphics adapter.
struct Half {
    batches: Vec<Batch>,
    /// Slots per batch.
    size: usize,
    evaluator: Box<dyn Evaluator>,
    active: Vec<bool>,
    inputs: Vec<f32>,
    rewards: Vec<f32>,
    outputs: Vec<f32>,
    times: Times,
}

impl Half {
    fn new(parts: &Parts<'_>, evaluator: Box<dyn Evaluator>) -> Result<Self, RolloutError> {
        let (slots, size) = (evaluator.slots(), parts.options.engine.batch());
        let batches = (0..slots)
            .step_by(size)
            .map(|first| Batch::new(parts, size.min(slots - first)))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            batches,
            size,
            active: vec![false; slots],
            inputs: vec![0.0; slots * parts.controller.inputs()],
            rewards: vec![0.0; slots],
            outputs: vec![0.0; slots * parts.controller.outputs()],
            evaluator,
            times: Times::default(),
        })
    }

    /// Begins new episodes, and the next control step of all that run.
    fn begin(&mut self, episodes: &Episodes<'_>, next: &AtomicUsize) {
        for (index, batch) in self.batches.iter_mut().enumerate() {
            let slots = batch.running.len();
            batch.fill(self.evaluator.as_mut(), index * self.size, slots, episodes, next, &mut None);
        }
        let began = Instant::now();
        self.batches.par_iter_mut().for_each(|batch| batch.observe(episodes.normalizer));
        let (mut inputs, mut slot) = (&mut self.inputs[..], 0);
        for batch in &self.batches {
            let (own, rest) = inputs.split_at_mut(batch.inputs.len());
            own.copy_from_slice(&batch.inputs);
            inputs = rest;
            let slots = slot..slot + batch.active.len();
            self.active[slots.clone()].copy_from_slice(&batch.active);
            self.rewards[slots.clone()].copy_from_slice(&batch.rewards);
            slot = slots.end;
        }
        self.evaluator.begin(&self.active, &self.inputs, &self.rewards);
        self.times.controller_s += began.elapsed().as_secs_f64();
    }

    /// Waits for the actions, then steps the worlds on all threads.
    fn step(
        &mut self,
        episodes: &Episodes<'_>,
        finished: &mut Vec<(usize, Episode)>,
    ) -> Result<(), BackendError> {
        let began = Instant::now();
        self.evaluator.finish(&self.active, &mut self.outputs)?;
        let mut outputs = &self.outputs[..];
        for batch in &mut self.batches {
            let (own, rest) = outputs.split_at(batch.outputs.len());
            batch.outputs.copy_from_slice(own);
            outputs = rest;
        }
        self.times.controller_s += began.elapsed().as_secs_f64();
        self.batches.par_iter_mut().filter(|batch| batch.busy()).for_each(Batch::act);
        for (index, batch) in self.batches.iter_mut().enumerate() {
            batch.collect(self.evaluator.as_ref(), index * self.size, episodes, finished, &mut None);
        }
        Ok(())
    }

    fn busy(&self) -> bool {
        self.batches.iter().any(Batch::busy)
    }
}

/// Steps the worlds of one half while the kernel computes the other's actions.
fn take_turns(
    halves: &mut [Half; 2],
    episodes: &Episodes<'_>,
    next: &AtomicUsize,
) -> Result<Vec<(usize, Episode)>, BackendError> {
    let mut finished = Vec::new();
    for half in halves.iter_mut() {
        half.begin(episodes, next);
    }
    while halves.iter().any(Half::busy) {
        for half in halves.iter_mut().filter(|half| half.busy()) {
            half.step(episodes, &mut finished)?;
            half.begin(episodes, next);
        }
    }
    Ok(finished)
}

fn row(values: &[f32], length: usize, slot: usize) -> &[f32] {
    &values[slot * length..(slot + 1) * length]
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use envs::{EnvConfig, Fidelity};
    use rand::Rng as _;
    use sim::EngineKind;
    use strategies::random::Purpose;

    use super::*;

    const COUNT: usize = 11;
    const HORIZON: usize = 40;

    /// Ants with random networks, some of which fall before the horizon.
    fn rollout(slots: usize, threads: usize) -> Rollout {
        let task = EnvConfig::from_name("ant").unwrap().build().unwrap();
        let spec = task.spec();
        let text = "Snn(hidden: [Recurrent(neurons: 8, model: \"lif\")])";
        let config: snn::ControllerConfig = records::text::parse("controller.ron", text).unwrap();
        let controller = config.build(spec.observations.len(), spec.actions.len()).unwrap();
        let options = task.physics(EngineKind::Rapier, Fidelity::Default);
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .map(Arc::new)
            .ok()
            .filter(|_| threads > 1);
        let parts = Parts {
            task: &task,
            changes: &[],
            controller: &controller,
            options,
            horizon: HORIZON,
            backend: &Backend::Cpu,
            episodes: COUNT,
        };
        Rollout::with_slots(&parts, pool, slots).unwrap()
    }

    /// What `run` makes of the same episodes every time.
    fn with_episodes<T>(run: impl FnOnce(&Episodes<'_>) -> T) -> T {
        let mut normalizer = Normalizer::identity(27, 5.0);
        normalizer.mean[0] = 0.5;
        run(&Episodes {
            count: COUNT,
            parameters: &|index, out| {
                let mut stream = Stream::new(1, Purpose::Bench, 0, index as u64, 0);
                out.iter_mut().for_each(|x| *x = stream.next_u32() as f32 / (1_u32 << 30) as f32 - 2.0);
            },
            start: &|index| Stream::new(1, Purpose::Reset, 0, index as u64, 0),
            normalizer: &normalizer,
            weights: &[2.0, 0.5, 1.0],
            observe: true,
        })
    }

    #[test]
    fn results_depend_neither_on_slots_nor_on_threads() {
        let reference = with_episodes(|episodes| rollout(1, 1).run(episodes).unwrap());
        assert_eq!(reference.len(), COUNT);
        let lengths: Vec<usize> = reference.iter().map(|episode| episode.length).collect();
        assert!(lengths.iter().any(|&n| n < HORIZON), "uneven episodes test more: {lengths:?}");
        for episode in &reference {
            let sums = episode.sums.as_ref().unwrap();
            assert_eq!(sums.count, episode.length as f64);
            assert_eq!(episode.activity.steps, episode.length as u64);
            assert_eq!(episode.terminated, episode.length < HORIZON);
            let [forward, survive, control] = episode.terms[..] else { panic!("three terms") };
            assert!((episode.total - (forward + survive + control)).abs() < 1e-4);
            assert!((episode.fitness - (2.0 * forward + 0.5 * survive + control)).abs() < 1e-4);
        }
        for (slots, threads) in [(3, 1), (1, 2), (3, 2), (16, 2)] {
            let rollout = rollout(slots, threads);
            // Twice: a worker that has run before starts like a new one.
            for _ in 0..2 {
                let episodes = with_episodes(|episodes| rollout.run(episodes).unwrap());
                assert_eq!(episodes, reference, "{slots} slots, {threads} threads");
            }
        }
    }

    #[test]
    fn an_observer_sees_one_episode_after_another_whatever_the_slots() {
        let reference = with_episodes(|episodes| rollout(1, 1).run(episodes).unwrap());
        let mut seen: Vec<(usize, bool)> = Vec::new();
        let mut previous = Vec::new();
        let episodes = with_episodes(|episodes| {
            rollout(4, 1)
                .run_observed(episodes, &mut |moment| {
                    let size = moment.envs.task().spec().observations.len();
                    let now = row(moment.envs.observations(), size, moment.slot);
                    match moment.action {
                        None => assert_eq!(moment.observation, now),
                        Some(action) => {
                            assert_eq!(moment.observation, previous, "what the action was based on");
                            assert_eq!(
                                action,
                                moment.envs.action(moment.slot),
                                "within range, so not clipped"
                            );
                        }
                    }
                    previous = now.to_vec();
                    seen.push((moment.episode, moment.action.is_some()));
                })
                .unwrap()
        });
        assert_eq!(episodes, reference);
        let expected: Vec<(usize, bool)> = reference
            .iter()
            .enumerate()
            .flat_map(|(index, episode)| (0..=episode.length).map(move |step| (index, step > 0)))
            .collect();
        assert_eq!(seen, expected);
    }

    #[test]
    fn a_worker_holds_no_more_than_its_share() {
        let reference = with_episodes(|episodes| rollout(1, 1).run(episodes).unwrap());
        let rollout = rollout(16, 1);
        let Crew::Workers(workers) = &rollout.crew else { panic!("on the CPU") };
        let mut worker = lock(&workers[0]);
        let (mut running, mut most) = (std::collections::BTreeSet::new(), 0);
        let episodes = with_episodes(|episodes| {
            let mut observer = |moment: &Moment<'_>| {
                running.insert(moment.episode);
                most = most.max(running.len());
                if moment.action.is_some() && moment.envs.outcome(moment.slot).over() {
                    running.remove(&moment.episode);
                }
            };
            in_order(worker.run(episodes, &AtomicUsize::new(0), 4, Some(&mut observer)).unwrap())
        });
        assert_eq!((most, running.len()), (4, 0));
        assert_eq!(episodes, reference, "interleaved episodes are the same episodes");
    }
}
