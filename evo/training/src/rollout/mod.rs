//! Episodes of many individuals: worlds, controllers and reward sums, in parallel.
//!
//! Each worker owns as many environments and controller slots as its engine steps at the lowest cost
//! (see [`sim::EngineKind::batch`]). It draws the next episode from a shared queue as soon as one of
//! its own has ended, so uneven episodes leave no core and no slot idle. An episode depends on nothing
//! but its own number: results are the same for any number of workers and slots.
//!
//! With a graphics adapter, two halves of all slots take turns: while the kernel computes the actions
//! of one, all threads step the worlds of the other.

mod action_noise;
mod batch;
pub(crate) mod error;
mod halves;
mod queue;
mod rows;
mod worker;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use snn::BackendError;

use batch::Batch;
use halves::{Half, take_turns};
use queue::Queue;
use rows::Shape;
use worker::Worker;

use crate::backend::Backend;
use crate::ranks::{RanksError, Team};

pub use action_noise::ActionNoise;
pub use batch::{Episode, Episodes, Moment, Observer, Parts, Times};
pub use error::RolloutError;
pub use queue::More;
pub(crate) use rows::encode;

/// Workers that persist from one generation to the next.
pub struct Rollout {
    crew: Crew,
    pool: Option<Arc<rayon::ThreadPool>>,
    team: Team,
    /// Reward terms and observations of the task.
    sizes: (usize, usize),
}

enum Crew {
    /// One per thread, each with controllers of its own.
    Workers(Vec<Mutex<Worker>>),
    /// Two halves of all slots, each with one evaluator on a graphics adapter.
    Halves(Box<Mutex<[Half; 2]>>),
}

/// Most slots on an adapter: more would not make the kernel more efficient.
const MAX_SLOTS: usize = 8192;

impl Rollout {
    /// Creates one worker per thread of `pool` (or one that runs on the calling thread), each with
    /// as many slots as suit the engine.
    ///
    /// # Errors
    /// See [`envs::Envs::new`]; or if the population does not fit onto the adapter.
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
                Ok(Self::of(Crew::Halves(Box::new(Mutex::new([make()?, make()?]))), pool, parts))
            }
        }
    }

    /// On the CPU, with another number of slots (at least 1) per worker. Results do not depend on it.
    ///
    /// # Errors
    /// See [`envs::Envs::new`].
    pub fn with_slots(
        parts: &Parts<'_>,
        pool: Option<Arc<rayon::ThreadPool>>,
        slots: usize,
    ) -> Result<Self, RolloutError> {
        let count = pool.as_ref().map_or(1, |p| p.current_num_threads());
        let workers =
            (0..count).map(|_| Worker::new(parts, slots.max(1)).map(Mutex::new)).collect::<Result<_, _>>()?;
        Ok(Self::of(Crew::Workers(workers), pool, parts))
    }

    fn of(crew: Crew, pool: Option<Arc<rayon::ThreadPool>>, parts: &Parts<'_>) -> Self {
        let spec = parts.task.spec();
        Self { crew, pool, team: Team::alone(), sizes: (spec.terms.len(), spec.observations.len()) }
    }

    /// Shares the episodes of [`run`](Self::run) with the other ranks of `team` from here on.
    pub fn share(&mut self, team: &Team) {
        self.team = team.clone();
    }

    /// Runs all episodes; the result is in the order of their numbers, and ends with the last one that counts. With
    /// several ranks, each runs its share of them and all get the result.
    ///
    /// # Errors
    /// If the graphics adapter was lost, or a rank.
    ///
    /// # Panics
    /// If a worker panicked.
    pub fn run(&self, episodes: &Episodes<'_>) -> Result<Vec<Episode>, RolloutError> {
        if !self.team.is_alone() {
            return self.run_shared(episodes);
        }
        let queue = Queue::new(episodes.count, episodes.more);
        Ok(queue.told(in_order(self.play(episodes, &queue)?), |episode| episode.length))
    }

    /// Where a number of control steps is to be reached, in rounds: until all have told how many theirs were, no rank
    /// knows how many further episodes that takes.
    fn run_shared(&self, episodes: &Episodes<'_>) -> Result<Vec<Episode>, RolloutError> {
        let shape = Shape {
            terms: self.sizes.0,
            observations: Some(self.sizes.1).filter(|_| episodes.observe),
            descriptors: episodes.descriptors.map_or(0, |descriptors| descriptors.chosen().len()),
        };
        let width = shape.width();
        let (mut all, mut count) = (Vec::new(), episodes.count);
        loop {
            let first = all.len();
            let queue = Queue::of((first..count).filter(|&index| self.team.owns(index)).collect());
            let own = self.play(episodes, &queue).map(|own| {
                let mut rows = Vec::new();
                in_order(own).iter().for_each(|episode| encode(episode, &mut rows));
                rows
            });
            let rows = self.team.exchange(own.map_err(|error| error.to_string()), width)?;
            let mut rows: Vec<_> = rows.iter().map(|rows| rows.chunks_exact(width)).collect();
            for index in first..count {
                let rank = self.team.owner(index);
                let row = rows[rank].next().ok_or_else(|| RanksError::Failed {
                    rank,
                    reason: format!("episode {index} is missing"),
                })?;
                all.push(rows::decode(row, shape));
            }
            let steps = all.iter().map(|episode| episode.length as u64).sum();
            match episodes.more.map(|more| (more, more.next(count, steps))) {
                Some((_, Some(next))) => count = next,
                Some((more, None)) => {
                    more.cut(episodes.count, &mut all, |episode| episode.length);
                    return Ok(all);
                }
                None => return Ok(all),
            }
        }
    }

    /// Runs the episodes of a queue.
    fn play(&self, episodes: &Episodes<'_>, queue: &Queue) -> Result<Vec<(usize, Episode)>, BackendError> {
        match (&self.crew, &self.pool) {
            (Crew::Workers(workers), Some(pool)) => {
                // The last episodes are shared out: a full worker beside an idle one would take longer.
                let share = queue.most().div_ceil(workers.len());
                let run = |context: rayon::BroadcastContext<'_>| {
                    lock(&workers[context.index()]).run(episodes, queue, share, None)
                };
                let parts: Result<Vec<_>, _> = pool.broadcast(run).into_iter().collect();
                Ok(parts?.into_iter().flatten().collect())
            }
            (Crew::Workers(workers), None) => lock(&workers[0]).run(episodes, queue, usize::MAX, None),
            (Crew::Halves(halves), Some(pool)) => {
                pool.install(|| take_turns(&mut lock(halves), episodes, queue))
            }
            (Crew::Halves(halves), None) => take_turns(&mut lock(halves), episodes, queue),
        }
    }

    /// Time spent so far, summed over workers.
    ///
    /// # Panics
    /// If a worker panicked.
    #[must_use]
    pub fn times(&self) -> Times {
        match &self.crew {
            Crew::Workers(workers) => workers.iter().map(|worker| lock(worker).batch.times()).sum(),
            Crew::Halves(halves) => {
                let halves = lock(halves);
                let batches = halves.iter().flat_map(|half| &half.batches).map(Batch::times);
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
        let queue = Queue::new(episodes.count, episodes.more);
        let mut worker = lock(&workers[0]);
        // One at a time is always the first slot.
        worker.evaluator.watch(Some(0))?;
        let results = worker.run(episodes, &queue, 1, Some(observer));
        worker.evaluator.watch(None)?;
        Ok(queue.told(in_order(results?), |episode| episode.length))
    }
}

/// The lock of something that a panic cannot have left half done, because panics end the program.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn in_order(mut results: Vec<(usize, Episode)>) -> Vec<Episode> {
    results.sort_unstable_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, episode)| episode).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use envs::{EnvConfig, Fidelity};
    use rand::Rng as _;
    use sim::EngineKind;
    use strategies::random::{Purpose, Stream};

    use super::batch::row;
    use super::*;
    use crate::normalizer::Normalizer;
    use crate::ranks::threads::together;

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
        with_more(None, 0.0, run)
    }

    /// Likewise, with `more` of them, and noise on actions of the given deviation.
    fn with_more<T>(more: Option<More>, deviation: f64, run: impl FnOnce(&Episodes<'_>) -> T) -> T {
        let mut normalizer = Normalizer::identity(27, 5.0);
        normalizer.mean[0] = 0.5;
        run(&Episodes {
            count: COUNT,
            more,
            action_noise: Some(deviation).filter(|&d| d > 0.0).map(|deviation| ActionNoise {
                deviation,
                stream: &|index| Stream::new(1, Purpose::Action, 0, index as u64, 0),
            }),
            parameters: &|index, out| {
                let mut stream = Stream::new(1, Purpose::Bench, 0, index as u64, 0);
                out.iter_mut().for_each(|x| *x = stream.next_u32() as f32 / (1_u32 << 30) as f32 - 2.0);
            },
            start: &|index| Stream::new(1, Purpose::Reset, 0, index as u64, 0),
            normalizer: &normalizer,
            weights: &[2.0, 0.5, 1.0],
            observe: true,
            descriptors: None,
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
    fn a_number_of_steps_is_reached_by_the_same_episodes_for_any_slots_and_threads() {
        let all = More { min_steps: u64::MAX, most: 44, unit: 11 };
        let all = with_more(Some(all), 0.0, |episodes| rollout(1, 1).run(episodes).unwrap());
        assert_eq!(all.len(), 44, "not more than the most");
        let steps = |count: usize| all[..count].iter().map(|episode| episode.length as u64).sum::<u64>();
        // Reached at once, in the middle of the third unit, and with its last step.
        for (min_steps, count) in [(1, 11), (steps(25), 33), (steps(33), 33), (steps(33) + 1, 44)] {
            let more = Some(More { min_steps, most: 44, unit: 11 });
            for (slots, threads) in [(1, 1), (3, 1), (1, 2), (16, 2)] {
                let told = with_more(more, 0.0, |episodes| rollout(slots, threads).run(episodes).unwrap());
                assert_eq!(told, all[..count], "{min_steps} steps, {slots} slots, {threads} threads");
            }
        }
    }

    #[test]
    fn ranks_have_the_same_episodes_as_one_alone() {
        let all = More { min_steps: u64::MAX, most: 44, unit: 11 };
        let all = with_more(Some(all), 0.3, |episodes| rollout(1, 1).run(episodes).unwrap());
        let half = all.iter().map(|episode| episode.length as u64).sum::<u64>() / 2;
        let mores = [None, Some(1), Some(half), Some(u64::MAX)];
        for more in mores.map(|min_steps| min_steps.map(|min_steps| More { min_steps, most: 44, unit: 11 })) {
            let alone = with_more(more, 0.3, |episodes| rollout(1, 1).run(episodes).unwrap());
            for size in [2, 3] {
                let results = together(size, |team| {
                    let mut rollout = rollout(3, 1 + team.rank() % 2);
                    rollout.share(&team.by_threads(1 + rollout_threads(&rollout)).unwrap());
                    with_more(more, 0.3, |episodes| rollout.run(episodes).unwrap())
                });
                assert!(results.iter().all(|result| *result == alone), "{size} ranks, {more:?}");
            }
        }
    }

    fn rollout_threads(rollout: &Rollout) -> usize {
        rollout.pool.as_ref().map_or(1, |pool| pool.current_num_threads())
    }

    #[test]
    fn noise_on_actions_does_not_depend_on_slots_or_threads() {
        let quiet = with_episodes(|episodes| rollout(1, 1).run(episodes).unwrap());
        let noisy =
            |slots, threads| with_more(None, 0.3, |episodes| rollout(slots, threads).run(episodes).unwrap());
        assert_ne!(noisy(1, 1), quiet);
        assert_eq!(noisy(1, 1), noisy(3, 2));
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
            in_order(worker.run(episodes, &Queue::new(COUNT, None), 4, Some(&mut observer)).unwrap())
        });
        assert_eq!((most, running.len()), (4, 0));
        assert_eq!(episodes, reference, "interleaved episodes are the same episodes");
    }
}
