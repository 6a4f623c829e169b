//! Environments that are stepped together.

use std::sync::Arc;
use std::time::Instant;

use envs::{Change, Descriptors, EnvError, Envs, Task};
use rand::Rng as _;
use serde::{Deserialize, Serialize};
use sim::StepOptions;
use snn::{Activity, Controller, Evaluator};
use strategies::random::Stream;

use super::action_noise::{ActionNoise, Jitter};
use super::queue::{More, Queue};
use crate::backend::Backend;
use crate::normalizer::{Normalizer, Sums};

/// What to run: `count` episodes, each with its own individual and start state.
pub struct Episodes<'a> {
    /// Number of episodes.
    pub count: usize,
    /// Further ones, for a number of control steps; `parameters` and `start` are asked for them, too.
    pub more: Option<More>,
    /// Writes the parameters of episode `index`'s individual.
    pub parameters: &'a (dyn Fn(usize, &mut [f32]) + Sync),
    /// The random stream that draws episode `index`'s start state.
    pub start: &'a (dyn Fn(usize) -> Stream + Sync),
    /// Noise on actions, if any.
    pub action_noise: Option<ActionNoise<'a>>,
    /// Observation transformation.
    pub normalizer: &'a Normalizer,
    /// Weights of the reward terms in [`Episode::fitness`], in the order of the task's terms.
    pub weights: &'a [f64],
    /// Whether to sum up observations for the running statistics.
    pub observe: bool,
    /// What to measure of each episode, if anything.
    pub descriptors: Option<&'a Descriptors>,
}

/// What one episode came to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
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
    /// Whether the physics blew up. The episode ends there, and its fitness is NaN, which strategies rank
    /// last: what it saved by ending early must not pay.
    pub blew_up: bool,
    /// Whether the controller failed: parameters or states that are not finite. The episode ends
    /// there, and its fitness is NaN, too.
    pub failed: bool,
    /// Whether it ended as the task's [aim](envs::Aim) asks for; false without one.
    pub success: bool,
    /// Spikes and synaptic operations.
    pub activity: Activity,
    /// Observation sums, if asked for.
    pub sums: Option<Sums>,
    /// Descriptors, if asked for; of no use if the physics blew up.
    pub descriptors: Vec<f64>,
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

/// Called at the start of an episode and after every control step by [`Rollout::run_observed`](super::Rollout::run_observed).
pub type Observer<'a> = dyn FnMut(&Moment<'_>) + 'a;

/// What a [`Rollout`](super::Rollout) is made of.
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

/// Where the workers' time went, for benchmarks; never part of a result.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Times {
    /// Seconds in environments: physics, resets, observations, rewards.
    pub envs_s: f64,
    /// Of these, seconds in physics, sensors included.
    pub physics_s: f64,
    /// Seconds in controllers: loading, normalisation, network.
    pub controller_s: f64,
    /// Of these, seconds in normalisation and the sums of observations.
    pub normalizer_s: f64,
    /// Seconds in noise on actions, and in their scaling.
    pub actions_s: f64,
    /// Seconds in sums of rewards, and in episodes that begin or end, without resets and loading.
    pub episodes_s: f64,
    /// Seconds in making members.
    pub strategy_s: f64,
}

impl std::iter::Sum for Times {
    fn sum<I: Iterator<Item = Self>>(times: I) -> Self {
        times.fold(Self::default(), |sum, times| Self {
            envs_s: sum.envs_s + times.envs_s,
            physics_s: sum.physics_s + times.physics_s,
            controller_s: sum.controller_s + times.controller_s,
            normalizer_s: sum.normalizer_s + times.normalizer_s,
            actions_s: sum.actions_s + times.actions_s,
            episodes_s: sum.episodes_s + times.episodes_s,
            strategy_s: sum.strategy_s + times.strategy_s,
        })
    }
}

/// Environments that are stepped together, and what their controllers read and write.
pub(super) struct Batch {
    task: Arc<dyn Task>,
    pub(super) envs: Envs,
    parameters: Vec<f32>,
    /// Episode in each slot.
    pub(super) running: Vec<Option<(usize, Episode)>>,
    /// Noise on the actions of each slot.
    jitter: Vec<Option<Jitter>>,
    pub(super) active: Vec<bool>,
    /// Reward of the last step.
    pub(super) rewards: Vec<f32>,
    // One row per slot from here on.
    /// Observations before the step, kept for an observer only.
    pub(super) raw: Vec<f32>,
    pub(super) inputs: Vec<f32>,
    pub(super) outputs: Vec<f32>,
    actions: Vec<f32>,
    times: Times,
}

impl Batch {
    pub(super) fn new(parts: &Parts<'_>, slots: usize) -> Result<Self, EnvError> {
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
            jitter: (0..slots).map(|_| None).collect(),
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
    pub(super) fn fill(
        &mut self,
        evaluator: &mut dyn Evaluator,
        first: usize,
        slots: usize,
        episodes: &Episodes<'_>,
        queue: &Queue,
        observer: &mut Option<&mut Observer<'_>>,
    ) {
        for slot in 0..slots {
            if self.running[slot].is_some() {
                continue;
            }
            let Some(index) = queue.draw() else { break };
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
        let ready = Instant::now();
        self.times.strategy_s += (made - began).as_secs_f64();
        self.times.controller_s += (loaded - made).as_secs_f64() + (ready - reset).as_secs_f64();
        self.times.envs_s += (reset - loaded).as_secs_f64();
        let spec = self.task.spec();
        let episode = Episode {
            terms: vec![0.0; spec.terms.len()],
            sums: episodes.observe.then(|| Sums::new(spec.observations.len())),
            descriptors: episodes.descriptors.map_or_else(Vec::new, |d| d.begin(&self.envs, slot)),
            ..Episode::default()
        };
        self.running[slot] = Some((index, episode));
        self.jitter[slot] = episodes.action_noise.as_ref().map(|noise| Jitter::new(noise, index));
        self.active[slot] = true;
        self.rewards[slot] = 0.0;
        self.times.episodes_s += ready.elapsed().as_secs_f64();
    }

    /// Normalised observations of all running episodes.
    pub(super) fn observe(&mut self, normalizer: &Normalizer) {
        let began = Instant::now();
        let size = self.task.spec().observations.len();
        let observations = self.envs.observations().chunks_exact(size);
        let inputs = self.inputs.chunks_exact_mut(size);
        for ((running, raw), input) in self.running.iter_mut().zip(observations).zip(inputs) {
            if let Some((_, episode)) = running {
                normalizer.apply(raw, input, episode.sums.as_mut());
            }
        }
        self.times.normalizer_s += began.elapsed().as_secs_f64();
    }

    /// Where the time went so far, but for the controllers' part.
    pub(super) fn times(&self) -> Times {
        let Times { controller_s, normalizer_s, .. } = self.times;
        let physics_s = self.envs.physics_time().as_secs_f64();
        Times { physics_s, controller_s: controller_s + normalizer_s, ..self.times }
    }

    /// Steps the worlds with what the controllers have put out.
    pub(super) fn act(&mut self) {
        let began = Instant::now();
        let spec = self.task.spec();
        let size = spec.actions.len();
        let rows = self.outputs.chunks_exact_mut(size).zip(self.actions.chunks_exact_mut(size));
        let slots = self.active.iter().zip(&mut self.jitter);
        for ((&active, jitter), (output, action)) in slots.zip(rows) {
            if active {
                if let Some(jitter) = jitter {
                    jitter.add(output);
                }
                spec.scale_action(output, action);
            }
        }
        let scaled = Instant::now();
        self.envs.step(&self.active, &self.actions);
        self.times.actions_s += (scaled - began).as_secs_f64();
        self.times.envs_s += scaled.elapsed().as_secs_f64();
    }

    /// Adds up the step and takes out the episodes that have ended.
    pub(super) fn collect(
        &mut self,
        evaluator: &dyn Evaluator,
        first: usize,
        (episodes, queue): (&Episodes<'_>, &Queue),
        finished: &mut Vec<(usize, Episode)>,
        observer: &mut Option<&mut Observer<'_>>,
    ) -> bool {
        let began = Instant::now();
        let (mut any, mut steps) = (false, 0);
        for slot in 0..self.running.len() {
            let Some((index, episode)) = &mut self.running[slot] else { continue };
            let outcome = self.envs.outcome(slot);
            let failed = evaluator.fault(first + slot);
            self.rewards[slot] = outcome.reward as f32;
            episode.total += outcome.reward;
            episode.length += 1;
            steps += 1;
            let terms = self.envs.terms(slot).iter().zip(episodes.weights);
            for ((&term, weight), sum) in terms.zip(&mut episode.terms) {
                *sum += f64::from(term);
                episode.fitness += weight * f64::from(term);
            }
            if let Some(descriptors) = episodes.descriptors {
                descriptors.add(&self.envs, slot, &mut episode.descriptors);
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
            episode.success = outcome.success && !failed;
            if failed || episode.blew_up {
                episode.fitness = f64::NAN;
            }
            episode.activity = evaluator.activity(first + slot);
            if let Some(descriptors) = episodes.descriptors {
                episode.descriptors =
                    descriptors.finish(&self.envs, slot, &episode.descriptors, episode.length);
            }
            finished.push((index, episode));
            self.active[slot] = false;
            any = true;
        }
        queue.count(steps);
        self.times.episodes_s += began.elapsed().as_secs_f64();
        any
    }

    /// Adds to the time that controllers took.
    pub(super) fn controlled(&mut self, since: Instant) {
        self.times.controller_s += since.elapsed().as_secs_f64();
    }

    pub(super) fn busy(&self) -> bool {
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

/// The values of a slot.
pub(super) fn row(values: &[f32], length: usize, slot: usize) -> &[f32] {
    &values[slot * length..(slot + 1) * length]
}
