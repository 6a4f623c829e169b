//! Runs of training by gradient in a world.

use std::sync::Arc;
use std::time::Instant;

use records::checkpoint::{Checkpoint, Tensor};
use records::metrics::MetricsRow;
use serde_json::Value;
use snn::gradient::Trainer;
use strategies::StopReason;

use crate::backend::Backend;
use crate::config::Config;
use crate::evaluate::{self, Evaluation, Policy, mean_std};
use crate::gradient::check::of_a_world;
use crate::gradient::config::needed;
use crate::gradient::error::FinetuneError;
use crate::gradient::imitate::Imitation;
use crate::gradient::imitate::teacher::Teachers;
use crate::gradient::ppo::{self, Ppo};
use crate::gradient::task::Task;
use crate::gradient::world::{Method, World, put_trainer, take_trainer};
use crate::learner::Learner;
use crate::memory;
use crate::needs;
use crate::normalizer::Statistics;
use crate::policy::{Which, check_finite, check_layout, layout, load_policy, start_from, statistics};
use crate::ranks::Team;
use crate::rollout::Rollout;
use crate::setup::{Setup, TrainError, pool};

/// A run of training by gradient in a world, in memory.
pub struct WorldLearner {
    world: World,
    method: Box<dyn Method>,
    evaluation: Rollout,
    validation: Option<Rollout>,
    env_steps: u64,
    episodes: u64,
    blow_ups: u64,
    /// Of the last generation in which an episode ended: best, mean and deviation, length.
    last: [f64; 4],
    best: Option<Best>,
}

/// The best policy so far, by evaluation.
struct Best {
    score: f64,
    parameters: Vec<f32>,
    statistics: Statistics,
}

impl WorldLearner {
    /// Starts at generation 0 with random parameters; a teacher is one of `teachers`, or read.
    ///
    /// # Errors
    /// See [`FinetuneError`].
    pub fn new(config: &Config, threads: usize, teachers: &mut Teachers) -> Result<Self, FinetuneError> {
        let task = needed(config.task.as_ref())?.clone();
        of_a_world(&task)?;
        let setup = Setup::new(config)?;
        let horizon = setup.task.spec().horizon;
        let pool = pool(threads)?;
        let parts = needs::of_gradient(&task, config, &setup, pool.current_num_threads());
        memory::check(parts).map_err(TrainError::from)?;
        let again = |options| setup.rollout_on(options, horizon, &Backend::Cpu, 1, Some(Arc::clone(&pool)));
        let (evaluation, validation) = (again(setup.options)?, setup.validation.map(again).transpose()?);
        let world = World::new(config, task.gradient(), setup, pool)?;
        let method: Box<dyn Method> = match &task {
            Task::Imitate(task) => Box::new(Imitation::new(task, &world, teachers)?),
            Task::Ppo(task) => Box::new(Ppo::new(task, &world)?),
            Task::Classify(_) | Task::Regress(_) => unreachable!("refused above"),
        };
        Ok(Self {
            world,
            method,
            evaluation,
            validation,
            env_steps: 0,
            episodes: 0,
            blow_ups: 0,
            last: [0.0; 4],
            best: None,
        })
    }

    /// Shares episodes and worlds with the other ranks of `team` from here on; what is learned from them, every rank
    /// learns by itself.
    pub fn share(&mut self, team: &Team) {
        let rollouts = [&mut self.evaluation].into_iter().chain(&mut self.validation);
        rollouts.for_each(|rollout| rollout.share(team));
        self.world.team = team.clone();
    }

    /// Names of what training for `task` measures.
    pub(crate) fn extra_columns(task: &Task) -> &'static [&'static str] {
        match task {
            Task::Imitate(_) => Imitation::COLUMNS,
            Task::Ppo(_) => &ppo::COLUMNS,
            Task::Classify(_) | Task::Regress(_) => &[],
        }
    }

    /// Sees the world as another run does, if both normalise observations alike.
    pub(crate) fn observe_as(&mut self, checkpoint: &Checkpoint) -> Result<(), FinetuneError> {
        let from: Config = checkpoint.meta("config")?;
        let of = |config: &Config| (config.rollout.normalize, config.rollout.clip);
        if of(&from) == of(&self.world.config) {
            self.world.statistics = statistics(checkpoint, "", self.world.statistics.mean.len())?;
        }
        Ok(())
    }

    /// What it is about to do, a label and a text per line.
    #[must_use]
    pub fn describe(&self) -> Vec<(&'static str, String)> {
        self.method.describe()
    }

    /// Number of worker threads.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.world.pool.current_num_threads()
    }

    /// Parameters and observation statistics.
    pub(crate) fn state(&self) -> (Vec<f32>, &Statistics) {
        (self.world.trainer.theta(), &self.world.statistics)
    }

    fn score(&self, rollout: &Rollout, engine: sim::EngineKind) -> Result<Evaluation, FinetuneError> {
        let world = &self.world;
        let (spec, run) = (world.setup.task.spec(), &world.config.run);
        let policy = Policy { parameters: world.trainer.theta(), normalizer: world.normalizer() };
        let episodes = evaluate::run(rollout, &policy, run.eval_episodes, run.eval_seed(), spec.terms)?;
        Ok(Evaluation::new(world.setup.task.as_ref(), engine, &episodes, world.setup.controller.as_ref()))
    }

    /// Goes on from a checkpoint of the same config.
    ///
    /// # Errors
    /// If it does not fit or holds numbers that are not finite; the learner is then not to be used.
    pub fn restore(&mut self, checkpoint: &Checkpoint) -> Result<(), FinetuneError> {
        let world = &mut self.world;
        check_layout(checkpoint, &layout(world.setup.controller.as_ref()))?;
        check_finite(checkpoint)?;
        take_trainer(checkpoint, "trainer", &mut world.trainer)?;
        let size = world.statistics.mean.len();
        world.statistics = statistics(checkpoint, "", size)?;
        world.generation = checkpoint.meta("generation")?;
        self.env_steps = checkpoint.meta("env_steps")?;
        self.episodes = checkpoint.meta("episodes")?;
        self.blow_ups = checkpoint.meta("blow_ups")?;
        self.last = checkpoint.meta::<[u64; 4]>("last")?.map(f64::from_bits);
        let score: Option<f64> = checkpoint.meta("best_eval")?;
        self.best = match score {
            None => None,
            Some(score) => {
                let policy = load_policy(checkpoint, &world.setup, Which::Best, &world.config)?;
                let statistics = statistics(checkpoint, "best.", size)?;
                Some(Best { score, parameters: policy.parameters, statistics })
            }
        };
        self.method.restore(&self.world, checkpoint)
    }

    /// Starts (at generation 0) from another run's policy, evolved or trained.
    ///
    /// # Errors
    /// If its task, controller or observation normalisation differs from the config's.
    pub fn warm_start(&mut self, checkpoint: &Checkpoint) -> Result<(), FinetuneError> {
        let world = &mut self.world;
        let (policy, statistics) = start_from(checkpoint, &world.setup, Which::Mean, &world.config)?;
        let gradient = world.config.task.as_ref().map(Task::gradient).cloned().unwrap_or_default();
        world.trainer = Trainer::new(gradient.trainer(), &policy.parameters)?;
        world.statistics = statistics;
        Ok(())
    }
}

impl Learner for WorldLearner {
    type Error = FinetuneError;

    fn config(&self) -> &Config {
        &self.world.config
    }

    fn setup(&self) -> &Setup {
        &self.world.setup
    }

    fn columns(&self) -> Vec<&'static str> {
        let terms = self.world.setup.task.spec().terms;
        terms.iter().chain(self.method.columns()).copied().collect()
    }

    fn generation(&self) -> u64 {
        self.world.generation
    }

    fn env_steps(&self) -> u64 {
        self.env_steps
    }

    fn evaluations(&self) -> u64 {
        self.episodes
    }

    fn blow_ups(&self) -> u64 {
        self.blow_ups
    }

    /// One that fails stops the training.
    fn failures(&self) -> u64 {
        0
    }

    fn best_eval(&self) -> Option<f64> {
        self.best.as_ref().map(|best| best.score)
    }

    fn stop_reason(&self) -> Option<StopReason> {
        None
    }

    fn is_fragile(&self) -> bool {
        false
    }

    /// After an error its checkpoint is that of before, but it is not to go on.
    fn advance(&mut self) -> Result<MetricsRow, FinetuneError> {
        let began = Instant::now();
        let before = (self.world.trainer.clone(), self.world.statistics.clone());
        let round = self.method.advance(&mut self.world).inspect_err(|_| {
            (self.world.trainer, self.world.statistics) = before;
            self.method.undo();
        })?;
        self.world.generation += 1;
        self.env_steps += round.steps;
        self.episodes += round.episodes.len() as u64;
        self.blow_ups += round.blow_ups();
        let n = round.episodes.len();
        if n > 0 {
            let fitness: Vec<f64> = round.episodes.iter().map(|episode| episode.fitness).collect();
            let (mean, std) = mean_std(&fitness);
            let best = fitness.into_iter().fold(f64::NEG_INFINITY, f64::max);
            let length = round.episodes.iter().map(|e| e.length as f64).sum::<f64>() / n as f64;
            self.last = [best, mean, std, length];
        }
        let [fitness_best, fitness_mean, fitness_std, episode_length_mean] = self.last;
        let mean_of =
            |k: usize| round.episodes.iter().map(|episode| episode.terms[k]).sum::<f64>() / n.max(1) as f64;
        let wall_s = began.elapsed().as_secs_f64();
        Ok(MetricsRow {
            generation: self.generation(),
            env_steps: self.env_steps,
            evaluations: self.episodes,
            wall_s,
            fitness_best,
            fitness_mean,
            fitness_std,
            episode_length_mean,
            spike_rate: round.spike_rate,
            sigma: round.sigma,
            env_steps_per_s: round.steps as f64 / wall_s,
            terms: (0..self.world.weights.len()).map(mean_of).chain(round.extras).collect(),
            // Known where there is an evaluation.
            energy_pj_per_step: f64::NAN,
            ..MetricsRow::default()
        })
    }

    fn evaluate(&mut self, row: &mut MetricsRow) -> Result<(Evaluation, bool), FinetuneError> {
        let setup = &self.world.setup;
        let result = self.score(&self.evaluation, setup.options.engine)?;
        if let Some((options, rollout)) = setup.validation.zip(self.validation.as_ref()) {
            let second = self.score(rollout, options.engine)?;
            row.validation_return_mean = Some(second.return_mean);
            row.validation_return_std = Some(second.return_std);
        }
        row.eval_return_mean = Some(result.return_mean);
        row.eval_return_std = Some(result.return_std);
        row.synops_per_step = Some(result.synops_per_step);
        row.energy_pj_per_step = result.energy_pj_per_step;
        let better = result.is_better_than(self.best_eval());
        if better && result.is_sound() {
            let (parameters, statistics) = (self.world.trainer.theta(), self.world.statistics.clone());
            self.best = Some(Best { score: result.return_mean, parameters, statistics });
        }
        Ok((result, better))
    }

    fn checkpoint(&self) -> Checkpoint {
        let world = &self.world;
        let mut checkpoint = Checkpoint::new();
        let mut meta = |name: &str, value: Value| {
            checkpoint.meta.insert(name.to_owned(), value);
        };
        let json = |config: &Config| serde_json::to_value(config).expect("configs have string keys");
        meta("config", json(&world.config));
        let task = world.config.task.as_ref();
        meta("task", task.map_or("", Task::name).into());
        meta("engine", world.setup.options.engine.name().into());
        meta("layout", layout(world.setup.controller.as_ref()).into());
        meta("generation", world.generation.into());
        meta("env_steps", self.env_steps.into());
        meta("episodes", self.episodes.into());
        meta("blow_ups", self.blow_ups.into());
        meta("last", self.last.map(f64::to_bits).to_vec().into());
        meta("best_eval", self.best_eval().into());
        let theta = world.trainer.theta();
        let mut put = |name: &str, tensor: Tensor| {
            checkpoint.tensors.insert(name.to_owned(), tensor);
        };
        let mut observed = |prefix: &str, statistics: &Statistics| {
            put(&format!("{prefix}observation.mean"), statistics.mean.clone().into());
            put(&format!("{prefix}observation.m2"), statistics.m2.clone().into());
            put(&format!("{prefix}observation.count"), vec![statistics.count].into());
        };
        observed("", &world.statistics);
        if let Some(best) = &self.best {
            observed("best.", &best.statistics);
            put("best", best.parameters.clone().into());
        }
        put("mean", theta.into());
        put_trainer(&mut checkpoint, "trainer", &world.trainer);
        self.method.save(&mut checkpoint);
        checkpoint
    }
}
