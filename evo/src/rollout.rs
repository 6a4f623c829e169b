//! Episodes of many individuals: worlds, controllers and reward sums, in parallel.
//!
//! Each worker owns as many environments and controller slots as its engine steps at the lowest cost
//! (see [`sim::EngineKind::batch`]). It draws the next episode from a shared queue as soon as one of
//! its own has ended, so uneven episodes leave no core and no slot idle. An episode depends on nothing
//! but its own number: results are the same for any number of workers and slots.

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

impl Rollout {
    /// Creates one worker per thread of `pool` (or one that runs on the calling thread), each with
    /// as many slots as suit the engine.
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
        Self::with_slots(task, controller, options, horizon, pool, options.engine.batch())
    }

    /// As [`Rollout::new`], with another number of slots (at least 1). Results do not depend on it.
    ///
    /// # Errors
    /// See [`Envs::new`].
    pub fn with_slots(
        task: &Arc<dyn Task>,
        controller: &Arc<dyn Controller>,
        options: StepOptions,
        horizon: usize,
        pool: Option<Arc<rayon::ThreadPool>>,
        slots: usize,
    ) -> Result<Self, EnvError> {
        let count = pool.as_ref().map_or(1, |p| p.current_num_threads());
        let workers = (0..count)
            .map(|_| Worker::new(task, controller, options, horizon, slots.max(1)).map(Mutex::new))
            .collect::<Result<_, _>>()?;
        Ok(Self { workers, pool })
    }

    /// Runs all episodes; the result is in the order of their numbers.
    ///
    /// # Panics
    /// If a worker panicked.
    #[must_use]
    pub fn run(&self, episodes: &Episodes<'_>) -> Vec<Episode> {
        // The last episodes are shared out: a full worker beside an idle one would take longer.
        let share = episodes.count.div_ceil(self.workers.len());
        let next = AtomicUsize::new(0);
        let results = match &self.pool {
            Some(pool) => {
                let parts: Vec<_> = pool.broadcast(|context| {
                    let worker = &self.workers[context.index()];
                    worker.lock().expect("no worker has panicked").run(episodes, &next, share, None)
                });
                parts.into_iter().flatten().collect()
            }
            None => self.workers[0].lock().expect("no worker has panicked").run(episodes, &next, share, None),
        };
        in_order(results)
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

    /// Runs all episodes on the calling thread, one after the other whatever the number of slots,
    /// showing each step to `observer`.
    ///
    /// # Panics
    /// If the worker panicked before.
    pub fn run_observed(&self, episodes: &Episodes<'_>, observer: &mut Observer<'_>) -> Vec<Episode> {
        let next = AtomicUsize::new(0);
        let mut worker = self.workers[0].lock().expect("no worker has panicked");
        in_order(worker.run(episodes, &next, 1, Some(observer)))
    }
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

struct Worker {
    task: Arc<dyn Task>,
    envs: Envs,
    evaluator: Box<dyn Evaluator>,
    parameters: Vec<f32>,
    /// Episode in each slot.
    running: Vec<Option<(usize, Episode)>>,
    active: Vec<bool>,
    // One row per slot from here on.
    /// Observations before the step, kept for an observer only.
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
        slots: usize,
    ) -> Result<Self, EnvError> {
        let (inputs, outputs) = (task.spec().observations.len(), task.spec().actions.len());
        Ok(Self {
            task: Arc::clone(task),
            envs: Envs::new(Arc::clone(task), slots, options, horizon)?,
            evaluator: controller.evaluator(slots),
            parameters: vec![0.0; controller.layout().len()],
            running: vec![None; slots],
            active: vec![false; slots],
            raw: vec![0.0; slots * inputs],
            inputs: vec![0.0; slots * inputs],
            outputs: vec![0.0; slots * outputs],
            actions: vec![0.0; slots * outputs],
            times: Times::default(),
        })
    }

    /// Runs episodes from the queue, at most `limit` at the same time, until it is empty.
    fn run(
        &mut self,
        episodes: &Episodes<'_>,
        next: &AtomicUsize,
        limit: usize,
        mut observer: Option<&mut Observer<'_>>,
    ) -> Vec<(usize, Episode)> {
        let slots = self.running.len().min(limit);
        let mut finished = Vec::new();
        // Which slots are to be filled: all of them at first, then those whose episode has ended.
        let (mut free, mut count) = (true, 0);
        loop {
            if free {
                free = false;
                for slot in 0..slots {
                    if self.running[slot].is_some() {
                        continue;
                    }
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= episodes.count {
                        break;
                    }
                    self.begin(slot, index, episodes);
                    self.active[slot] = true;
                    count += 1;
                    if let Some(observer) = observer.as_deref_mut() {
                        observer(&self.moment(slot, index, false));
                    }
                }
                if count == 0 {
                    return finished;
                }
            }
            let began = Instant::now();
            if observer.is_some() {
                self.raw.copy_from_slice(self.envs.observations());
            }
            self.act(episodes.normalizer);
            let acted = Instant::now();
            self.envs.step(&self.active, &self.actions);
            self.times.controller_s += (acted - began).as_secs_f64();
            self.times.envs_s += acted.elapsed().as_secs_f64();
            for slot in 0..slots {
                let Some((index, episode)) = &mut self.running[slot] else { continue };
                let outcome = self.envs.outcome(slot);
                episode.total += outcome.reward;
                episode.length += 1;
                let terms = self.envs.terms(slot).iter().zip(episodes.weights);
                for ((&term, weight), sum) in terms.zip(&mut episode.terms) {
                    *sum += f64::from(term);
                    episode.fitness += weight * f64::from(term);
                }
                if let Some(observer) = observer.as_deref_mut() {
                    let index = *index;
                    observer(&self.moment(slot, index, true));
                }
                if outcome.over() {
                    self.active[slot] = false;
                    finished.extend(self.end(slot));
                    (free, count) = (true, count - 1);
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
        self.envs.reset(slot, &mut (episodes.start)(index));
        self.times.strategy_s += (made - began).as_secs_f64();
        self.times.controller_s += (loaded - made).as_secs_f64();
        self.times.envs_s += loaded.elapsed().as_secs_f64();
        let spec = self.task.spec();
        let episode = Episode {
            terms: vec![0.0; spec.terms.len()],
            sums: episodes.observe.then(|| Sums::new(spec.observations.len())),
            ..Episode::default()
        };
        self.running[slot] = Some((index, episode));
    }

    /// Takes the finished episode out of its slot.
    fn end(&mut self, slot: usize) -> Option<(usize, Episode)> {
        let (index, mut episode) = self.running[slot].take()?;
        episode.terminated = self.envs.outcome(slot).terminated;
        episode.blew_up = self.envs.blew_up(slot);
        episode.activity = self.evaluator.activity(slot);
        Some((index, episode))
    }

    /// What an observer sees of a slot, at the start of its episode or after a step.
    fn moment(&self, slot: usize, episode: usize, stepped: bool) -> Moment<'_> {
        let spec = self.task.spec();
        let observations = if stepped { &self.raw } else { self.envs.observations() };
        Moment {
            episode,
            envs: &self.envs,
            slot,
            evaluator: self.evaluator.as_ref(),
            observation: row(observations, spec.observations.len(), slot),
            action: stepped.then(|| row(&self.actions, spec.actions.len(), slot)),
        }
    }

    /// Observations to actions for all running episodes.
    fn act(&mut self, normalizer: &Normalizer) {
        let spec = self.task.spec();
        let size = spec.observations.len();
        let observations = self.envs.observations().chunks_exact(size);
        let inputs = self.inputs.chunks_exact_mut(size);
        for ((running, raw), input) in self.running.iter_mut().zip(observations).zip(inputs) {
            if let Some((_, episode)) = running {
                normalizer.apply(raw, input, episode.sums.as_mut());
            }
        }
        self.evaluator.step(&self.active, &self.inputs, &mut self.outputs);
        let size = spec.actions.len();
        let rows = self.outputs.chunks_exact(size).zip(self.actions.chunks_exact_mut(size));
        for (&active, (output, action)) in self.active.iter().zip(rows) {
            if active {
                spec.scale_action(output, action);
            }
        }
    }
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

    use super::*;
    use crate::random::Purpose;

    const COUNT: usize = 11;
    const HORIZON: usize = 40;

    /// Ants with random networks, some of which fall before the horizon.
    fn rollout(slots: usize, threads: usize) -> Rollout {
        let task = EnvConfig::from_name("ant").unwrap().build().unwrap();
        let spec = task.spec();
        let text = "Snn(hidden: [Recurrent(neurons: 8, model: \"lif\")])";
        let config: snn::ControllerConfig = crate::ron_io::parse("controller.ron", text).unwrap();
        let controller = config.build(spec.observations.len(), spec.actions.len()).unwrap();
        let options = task.physics(EngineKind::Rapier, Fidelity::Default);
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .map(Arc::new)
            .ok()
            .filter(|_| threads > 1);
        Rollout::with_slots(&task, &controller, options, HORIZON, pool, slots).unwrap()
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
        let reference = with_episodes(|episodes| rollout(1, 1).run(episodes));
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
                let episodes = with_episodes(|episodes| rollout.run(episodes));
                assert_eq!(episodes, reference, "{slots} slots, {threads} threads");
            }
        }
    }

    #[test]
    fn an_observer_sees_one_episode_after_another_whatever_the_slots() {
        let reference = with_episodes(|episodes| rollout(1, 1).run(episodes));
        let mut seen: Vec<(usize, bool)> = Vec::new();
        let mut previous = Vec::new();
        let episodes = with_episodes(|episodes| {
            rollout(4, 1).run_observed(episodes, &mut |moment| {
                let size = moment.envs.task().spec().observations.len();
                let now = row(moment.envs.observations(), size, moment.slot);
                match moment.action {
                    None => assert_eq!(moment.observation, now),
                    Some(action) => {
                        assert_eq!(moment.observation, previous, "what the action was based on");
                        assert_eq!(action, moment.envs.action(moment.slot), "within range, so not clipped");
                    }
                }
                previous = now.to_vec();
                seen.push((moment.episode, moment.action.is_some()));
            })
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
        let reference = with_episodes(|episodes| rollout(1, 1).run(episodes));
        let rollout = rollout(16, 1);
        let mut worker = rollout.workers[0].lock().unwrap();
        let (mut running, mut most) = (std::collections::BTreeSet::new(), 0);
        let episodes = with_episodes(|episodes| {
            let mut observer = |moment: &Moment<'_>| {
                running.insert(moment.episode);
                most = most.max(running.len());
                if moment.action.is_some() && moment.envs.outcome(moment.slot).over() {
                    running.remove(&moment.episode);
                }
            };
            in_order(worker.run(episodes, &AtomicUsize::new(0), 4, Some(&mut observer)))
        });
        assert_eq!((most, running.len()), (4, 0));
        assert_eq!(episodes, reference, "interleaved episodes are the same episodes");
    }
}
