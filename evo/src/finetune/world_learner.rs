//! Runs of training by gradient in a world.

use std::sync::Arc;
use std::time::Instant;

use serde_json::Value;
use snn::gradient::{Trainer, differentiable};

use super::config::{FinetuneConfig, Task};
use super::error::FinetuneError;
use super::imitate::Imitation;
use super::ppo::Ppo;
use super::world::{Best, Method, World, put_trainer, take_trainer};
use crate::backend::Backend;
use crate::checkpoint::{Checkpoint, Tensor};
use crate::config::{Config, InvalidField};
use crate::evaluate::{Evaluation, mean_std};
use crate::metrics::MetricsRow;
use crate::normalizer::Statistics;
use crate::random::{Purpose, Stream};
use crate::trainer::{Setup, Which, check_layout, layout, load_policy, pool, start_from, statistics};

/// A run of training by gradient in a world, in memory.
pub struct WorldLearner {
    world: World,
    method: Box<dyn Method>,
}

impl WorldLearner {
    /// Starts at generation 0 with random parameters.
    ///
    /// # Errors
    /// See [`FinetuneError`].
    pub fn new(config: &FinetuneConfig, threads: usize) -> Result<Self, FinetuneError> {
        let task = config.task()?.clone();
        let config = config.with_env()?;
        match &task {
            Task::Classify(_) | Task::Regress(_) => {
                let (field, value) = ("task".to_owned(), task.name().to_owned());
                return Err(InvalidField { field, value, expected: "Imitate or Ppo".to_owned() }.into());
            }
            Task::Imitate(task) => task.validate()?,
            Task::Ppo(task) => task.validate()?,
        }
        task.gradient().validate()?;
        let setup = Setup::new(&config)?;
        let spec = setup.task.spec();
        let (inputs, outputs) = (spec.observations.len(), spec.actions.len());
        let network = differentiable(&config.controller, inputs, outputs, &task.gradient().bptt())?;
        let initial = setup.controller.initial(&mut Stream::new(config.run.seed, Purpose::Init, 0, 0, 0));
        let pool = pool(threads)?;
        let weight = |name: &&str| config.rollout.weights.get(*name).copied().unwrap_or(1.0);
        let again =
            |options| setup.rollout_on(options, spec.horizon, &Backend::Cpu, 1, Some(Arc::clone(&pool)));
        let world = World {
            evaluation: setup.rollout(spec.horizon, Some(Arc::clone(&pool)))?,
            validation: setup.validation.map(again).transpose()?,
            trainer: Trainer::new(task.gradient().trainer(), &initial)?,
            statistics: Statistics::new(inputs),
            weights: spec.terms.iter().map(weight).collect(),
            network,
            config,
            pool,
            generation: 0,
            env_steps: 0,
            episodes: 0,
            blow_ups: 0,
            last: [0.0; 4],
            best: None,
            setup,
        };
        let method: Box<dyn Method> = match &task {
            Task::Imitate(task) => Box::new(Imitation::new(task, &world)?),
            Task::Ppo(task) => Box::new(Ppo::new(task, &world)?),
            Task::Classify(_) | Task::Regress(_) => unreachable!("refused above"),
        };
        Ok(Self { world, method })
    }

    /// The config of the run, with everything that other commands need.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.world.config
    }

    /// Task, physics and controller.
    #[must_use]
    pub fn setup(&self) -> &Setup {
        &self.world.setup
    }

    /// Names of the columns after those of [`crate::metrics::COLUMNS`]: reward terms, then what the
    /// method measures.
    #[must_use]
    pub fn columns(&self) -> Vec<&'static str> {
        let terms = self.world.setup.task.spec().terms;
        terms.iter().chain(self.method.columns()).copied().collect()
    }

    /// What it is about to do, a label and a text per line.
    #[must_use]
    pub fn describe(&self) -> Vec<(&'static str, String)> {
        self.method.describe()
    }

    /// Completed generations.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.world.generation
    }

    /// Control steps of training so far.
    #[must_use]
    pub fn env_steps(&self) -> u64 {
        self.world.env_steps
    }

    /// Training episodes so far.
    #[must_use]
    pub fn episodes(&self) -> u64 {
        self.world.episodes
    }

    /// Episodes so far that ended because the physics blew up.
    #[must_use]
    pub fn blow_ups(&self) -> u64 {
        self.world.blow_ups
    }

    /// Best evaluation return so far.
    #[must_use]
    pub fn best_eval(&self) -> Option<f64> {
        self.world.best.as_ref().map(|best| best.score)
    }

    /// Number of worker threads.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.world.pool.current_num_threads()
    }

    /// Trains for one generation. `wall_s` of the result is this generation's time alone. After an error
    /// θ is as it was before the step that failed.
    ///
    /// # Errors
    /// [`FinetuneError::Gradient`] if something is not finite, with the step and the layer.
    pub fn advance(&mut self) -> Result<MetricsRow, FinetuneError> {
        let began = Instant::now();
        let Self { world, method } = self;
        let round = method.advance(world)?;
        world.generation += 1;
        world.env_steps += round.steps;
        world.episodes += round.episodes.len() as u64;
        world.blow_ups += round.episodes.iter().filter(|episode| episode.blew_up).count() as u64;
        let n = round.episodes.len();
        if n > 0 {
            let fitness: Vec<f64> = round.episodes.iter().map(|episode| episode.fitness).collect();
            let (mean, std) = mean_std(&fitness);
            let best = fitness.into_iter().fold(f64::NEG_INFINITY, f64::max);
            let length = round.episodes.iter().map(|e| e.length as f64).sum::<f64>() / n as f64;
            world.last = [best, mean, std, length];
        }
        let [fitness_best, fitness_mean, fitness_std, episode_length_mean] = world.last;
        let mean_of =
            |k: usize| round.episodes.iter().map(|episode| episode.terms[k]).sum::<f64>() / n.max(1) as f64;
        let wall_s = began.elapsed().as_secs_f64();
        Ok(MetricsRow {
            generation: world.generation,
            env_steps: world.env_steps,
            evaluations: world.episodes,
            wall_s,
            fitness_best,
            fitness_mean,
            fitness_std,
            episode_length_mean,
            spike_rate: round.spike_rate,
            sigma: round.sigma,
            env_steps_per_s: round.steps as f64 / wall_s,
            terms: (0..world.weights.len()).map(mean_of).chain(round.extras).collect(),
            // Known where there is an evaluation.
            energy_pj_per_step: f64::NAN,
            ..MetricsRow::default()
        })
    }

    /// Scores the controller, without noise, on the run's fixed evaluation episodes, fills in the row and
    /// tells whether it is better than ever before.
    ///
    /// # Errors
    /// Never on the CPU.
    pub fn evaluate(&mut self, row: &mut MetricsRow) -> Result<(Evaluation, bool), FinetuneError> {
        let world = &self.world;
        let result = world.score(&world.evaluation, world.setup.options.engine)?;
        if let Some((options, rollout)) = world.setup.validation.zip(world.validation.as_ref()) {
            let second = world.score(rollout, options.engine)?;
            row.validation_return_mean = Some(second.return_mean);
            row.validation_return_std = Some(second.return_std);
        }
        row.eval_return_mean = Some(result.return_mean);
        row.eval_return_std = Some(result.return_std);
        row.synops_per_step = Some(result.synops_per_step);
        row.energy_pj_per_step = result.energy_pj_per_step;
        let better = self.best_eval().is_none_or(|best| result.return_mean > best);
        if better {
            let (parameters, statistics) = (self.world.trainer.theta(), self.world.statistics.clone());
            self.world.best = Some(Best { score: result.return_mean, parameters, statistics });
        }
        Ok((result, better))
    }

    /// Everything that is needed to go on bit for bit, and to use the result, as every command does.
    #[must_use]
    pub fn checkpoint(&self) -> Checkpoint {
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
        meta("env_steps", world.env_steps.into());
        meta("episodes", world.episodes.into());
        meta("blow_ups", world.blow_ups.into());
        meta("last", world.last.map(f64::to_bits).to_vec().into());
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
        if let Some(best) = &world.best {
            observed("best.", &best.statistics);
            put("best", best.parameters.clone().into());
        }
        put("mean", theta.into());
        put_trainer(&mut checkpoint, "trainer", &world.trainer);
        self.method.save(&mut checkpoint);
        checkpoint
    }

    /// Goes on from a checkpoint of the same config.
    ///
    /// # Errors
    /// If it does not fit; the learner is then not to be used.
    pub fn restore(&mut self, checkpoint: &Checkpoint) -> Result<(), FinetuneError> {
        let world = &mut self.world;
        check_layout(checkpoint, &layout(world.setup.controller.as_ref()))?;
        take_trainer(checkpoint, "trainer", &mut world.trainer)?;
        let size = world.statistics.mean.len();
        world.statistics = statistics(checkpoint, "", size)?;
        world.generation = checkpoint.meta("generation")?;
        world.env_steps = checkpoint.meta("env_steps")?;
        world.episodes = checkpoint.meta("episodes")?;
        world.blow_ups = checkpoint.meta("blow_ups")?;
        world.last = checkpoint.meta::<[u64; 4]>("last")?.map(f64::from_bits);
        let score: Option<f64> = checkpoint.meta("best_eval")?;
        world.best = match score {
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
