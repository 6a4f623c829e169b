//! The loop: ask, run episodes, tell, normalise, evaluate, checkpoint.

use std::sync::Arc;
use std::time::Instant;

use envs::{Change, EnvError, Task};
use sim::{EngineKind, Model, StepOptions};
use snn::{Activity, BackendError, Controller, SnnError};

use crate::backend::{Backend, BackendChoice};
use crate::checkpoint::{Checkpoint, CheckpointError, Tensor, TensorData};
use crate::config::{Config, InvalidField, Starts};
use crate::evaluate::{self, Evaluation, Policy, mean_std};
use crate::finetune::{FinetuneError, Refiner};
use crate::metrics::MetricsRow;
use crate::normalizer::{Normalizer, Statistics};
use crate::rollout::{Episode, Episodes, Parts, Rollout, RolloutError, Times};
use strategies::random::{Purpose, Stream};
use strategies::{Data, Search, State, StrategyError};

/// Why a trainer cannot be made or go on.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// A config value is out of range.
    #[error(transparent)]
    Config(#[from] InvalidField),
    /// The task or its physics cannot be set up.
    #[error(transparent)]
    Env(#[from] EnvError),
    /// The controller cannot be built.
    #[error(transparent)]
    Controller(#[from] SnnError),
    /// The strategy refuses its settings, or no member had a finite fitness.
    #[error(transparent)]
    Strategy(#[from] StrategyError),
    /// A checkpoint does not fit.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A checkpoint is of another config.
    #[error("{path} is of another {what}: it has {found}, the config says {expected}")]
    Mismatch {
        /// The checkpoint.
        path: String,
        /// What differs.
        what: &'static str,
        /// In the checkpoint.
        found: String,
        /// In the config.
        expected: String,
    },
    /// Episodes cannot be run.
    #[error(transparent)]
    Rollout(#[from] RolloutError),
    /// The graphics adapter was lost.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// The refinement of a generation cannot begin or go on.
    #[error("refine: {0}")]
    Refine(Box<FinetuneError>),
    /// Threads could not be started.
    #[error("cannot start threads: {0}")]
    Threads(#[from] rayon::ThreadPoolBuildError),
}

impl From<FinetuneError> for TrainError {
    fn from(error: FinetuneError) -> Self {
        match error {
            FinetuneError::Config(error) => Self::Config(error),
            other => Self::Refine(Box::new(other)),
        }
    }
}

/// What a config describes, built: task, physics, controller.
#[derive(Clone)]
pub struct Setup {
    /// The task.
    pub task: Arc<dyn Task>,
    /// What is different from the task.
    pub changes: Vec<Change>,
    /// Physics settings in training.
    pub options: StepOptions,
    /// Physics settings of the second evaluation, if there is one.
    pub validation: Option<StepOptions>,
    /// The network.
    pub controller: Arc<dyn Controller>,
}

impl Setup {
    /// Checks the config and builds its parts.
    ///
    /// # Errors
    /// Whatever is out of range or cannot be built.
    pub fn new(config: &Config) -> Result<Self, TrainError> {
        config.validate()?;
        let task = config.env.build()?;
        config.validate_weights(task.spec().terms)?;
        let options = config.physics.training(task.as_ref());
        let validation = config.physics.validation(task.as_ref());
        let (inputs, outputs) = (task.spec().observations.len(), task.spec().actions.len());
        let controller = config.controller.build(inputs, outputs)?;
        let changes = config.changes.clone();
        for list in config.change_lists.values() {
            envs::changed_model(task.as_ref(), list)?;
        }
        Ok(Self { task, changes, options, validation, controller })
    }

    /// The robot and its surroundings: the task's, unless a change has put another ground there.
    ///
    /// # Errors
    /// If a change does not fit the task.
    pub fn model(&self) -> Result<Arc<Model>, EnvError> {
        envs::changed_model(self.task.as_ref(), &self.changes)
    }

    /// Workers for episodes of `horizon` control steps on `threads` threads.
    ///
    /// # Errors
    /// If the worlds cannot be made or the threads not be started.
    pub fn rollout(
        &self,
        horizon: usize,
        pool: Option<Arc<rayon::ThreadPool>>,
    ) -> Result<Rollout, TrainError> {
        Ok(self.rollout_on(self.options, horizon, &Backend::Cpu, 1, pool)?)
    }

    pub(crate) fn rollout_on(
        &self,
        options: StepOptions,
        horizon: usize,
        backend: &Backend,
        episodes: usize,
        pool: Option<Arc<rayon::ThreadPool>>,
    ) -> Result<Rollout, RolloutError> {
        let Self { task, controller, changes, .. } = self;
        Rollout::new(&Parts { task, changes, controller, options, horizon, backend, episodes }, pool)
    }
}

/// A pool of `threads` threads; 0 means one per core.
///
/// # Errors
/// If the threads cannot be started.
pub fn pool(threads: usize) -> Result<Arc<rayon::ThreadPool>, TrainError> {
    Ok(Arc::new(rayon::ThreadPoolBuilder::new().num_threads(threads).build()?))
}

/// A training run in memory.
pub struct Trainer {
    config: Config,
    setup: Setup,
    search: Search<f32>,
    statistics: Statistics,
    training: Rollout,
    evaluation: Rollout,
    validation: Option<Rollout>,
    pool: Arc<rayon::ThreadPool>,
    weights: Vec<f64>,
    env_steps: u64,
    blow_ups: u64,
    failures: u64,
    backend: Backend,
    backend_reason: String,
    best_eval: Option<f64>,
    /// Observation statistics under which the best member so far was scored.
    best_statistics: Statistics,
    rollout_s: f64,
    refiner: Option<Refiner>,
}

impl Trainer {
    /// Sets up a run at generation 0.
    ///
    /// # Errors
    /// See [`TrainError`].
    pub fn new(config: &Config, threads: usize, backend: BackendChoice) -> Result<Self, TrainError> {
        let setup = Setup::new(config)?;
        let seed = config.run.seed;
        let initial = setup.controller.initial(&mut Stream::new(seed, Purpose::Init, 0, 0, 0));
        let x0: Vec<f64> = initial.iter().map(|&x| f64::from(x)).collect();
        let search = config.strategy.build(&config.strategy.start(x0), seed)?;
        let pool = pool(threads)?;
        let spec = setup.task.spec();
        let horizon = config.rollout.horizon.unwrap_or(spec.horizon);
        let share = |horizon| setup.rollout(horizon, Some(Arc::clone(&pool)));
        let validation = setup.validation.map(|options| {
            setup.rollout_on(options, spec.horizon, &Backend::Cpu, 1, Some(Arc::clone(&pool)))
        });
        let episodes = search.population() * config.rollout.episodes;
        let threads = pool.current_num_threads();
        let (backend, backend_reason) = backend.resolve(&setup.controller, episodes, threads)?;
        let training =
            setup.rollout_on(setup.options, horizon, &backend, episodes, Some(Arc::clone(&pool)))?;
        let weight = |name: &&str| config.rollout.weights.get(*name).copied().unwrap_or(1.0);
        let refiner = config.refine.as_ref().map(|refine| Refiner::new(refine, config, &setup, &pool));
        Ok(Self {
            refiner: refiner.transpose()?,
            search,
            statistics: Statistics::new(spec.observations.len()),
            best_statistics: Statistics::new(spec.observations.len()),
            training,
            evaluation: share(spec.horizon)?,
            validation: validation.transpose()?,
            weights: spec.terms.iter().map(weight).collect(),
            pool,
            config: config.clone(),
            setup,
            env_steps: 0,
            blow_ups: 0,
            failures: 0,
            backend,
            backend_reason,
            best_eval: None,
            rollout_s: 0.0,
        })
    }

    /// The config of the run.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Task, physics and controller.
    #[must_use]
    pub fn setup(&self) -> &Setup {
        &self.setup
    }

    /// The search.
    #[must_use]
    pub fn search(&self) -> &Search<f32> {
        &self.search
    }

    /// Names of the columns after those of [`crate::metrics::COLUMNS`]: reward terms, then what the
    /// refinement measures.
    #[must_use]
    pub fn columns(&self) -> Vec<&'static str> {
        let refined = self.refiner.as_ref().map_or(&[][..], |_| Refiner::columns());
        self.setup.task.spec().terms.iter().chain(refined).copied().collect()
    }

    /// What the refinement of each generation is, a label and a text per line.
    #[must_use]
    pub fn refinement(&self) -> Vec<(&'static str, String)> {
        self.refiner.as_ref().map_or_else(Vec::new, Refiner::describe)
    }

    /// Completed generations.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.search.generation()
    }

    /// Control steps of training episodes so far.
    #[must_use]
    pub fn env_steps(&self) -> u64 {
        self.env_steps
    }

    /// Episodes so far that ended because the physics blew up.
    #[must_use]
    pub fn blow_ups(&self) -> u64 {
        self.blow_ups
    }

    /// Training episodes since this trainer was made that ended because the controller failed.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.failures
    }

    /// Where controllers run in training, and why.
    #[must_use]
    pub fn backend(&self) -> (&Backend, &str) {
        (&self.backend, &self.backend_reason)
    }

    /// Where the training workers' time went.
    #[must_use]
    pub fn times(&self) -> Times {
        self.training.times()
    }

    /// Seconds spent in training rollouts so far, by the clock.
    #[must_use]
    pub fn rollout_s(&self) -> f64 {
        self.rollout_s
    }

    /// Number of worker threads.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.pool.current_num_threads()
    }

    /// Best evaluation return so far.
    #[must_use]
    pub fn best_eval(&self) -> Option<f64> {
        self.best_eval
    }

    fn normalizer(&self) -> Normalizer {
        let rollout = &self.config.rollout;
        if rollout.normalize {
            self.statistics.normalizer(rollout.clip)
        } else {
            Normalizer::identity(self.statistics.mean.len(), rollout.clip)
        }
    }

    /// Trains for one generation. `wall_s` of the result is this generation's time alone.
    ///
    /// # Errors
    /// If no member had a finite fitness; the trainer is then what it was. If the refinement failed; the
    /// trainer is then not to be used.
    pub fn advance(&mut self) -> Result<MetricsRow, TrainError> {
        let began = Instant::now();
        let pool = Arc::clone(&self.pool);
        pool.install(|| self.search.ask());
        let rollout = &self.config.rollout;
        let (seed, generation, per) = (self.config.run.seed, self.generation(), rollout.episodes);
        let normalizer = self.normalizer();
        let search = &self.search;
        let rolling = Instant::now();
        let episodes = self.training.run(&Episodes {
            count: search.population() * per,
            parameters: &|index, out| search.member(index / per, out),
            start: &|index| {
                let alike = match rollout.starts {
                    Starts::Pair => index / per / 2,
                    Starts::Population => 0,
                };
                Stream::new(seed, Purpose::Reset, generation, alike as u64, (index % per) as u64)
            },
            normalizer: &normalizer,
            weights: &self.weights,
            observe: rollout.normalize,
        })?;
        self.rollout_s += rolling.elapsed().as_secs_f64();
        let (controller, cost) = (&self.setup.controller, self.config.rollout.energy_cost);
        let worth =
            |episode: &Episode| episode.fitness - cost * 1e-6 * controller.energy_pj(&episode.activity);
        let fitness: Vec<f64> =
            episodes.chunks(per).map(|e| e.iter().map(worth).sum::<f64>() / per as f64).collect();
        let best = self.search.best().map(|(fitness, _)| fitness);
        pool.install(|| self.search.tell(&fitness))?;
        if self.search.best().map(|(fitness, _)| fitness) != best {
            self.best_statistics = self.statistics.clone();
        }
        let mut activity = Activity::default();
        let mut steps = 0;
        for episode in &episodes {
            if let Some(sums) = &episode.sums {
                self.statistics.merge(sums, &normalizer.mean);
            }
            activity.merge(&episode.activity);
            steps += episode.length as u64;
            self.blow_ups += u64::from(episode.blew_up);
            self.failures += u64::from(episode.failed);
        }
        let mut extras = Vec::new();
        let trained = steps + self.refine(&mut extras)?;
        self.env_steps += trained;
        // Failed members have none.
        let finite: Vec<f64> = fitness.iter().copied().filter(|fitness| fitness.is_finite()).collect();
        let (fitness_mean, fitness_std) = mean_std(&finite);
        let n = episodes.len() as f64;
        let spiking = activity.neuron_ticks > 0;
        let wall_s = began.elapsed().as_secs_f64();
        Ok(MetricsRow {
            generation: self.generation(),
            env_steps: self.env_steps,
            evaluations: self.search.evaluations(),
            wall_s,
            fitness_best: finite.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            fitness_mean,
            fitness_std,
            eval_return_mean: None,
            eval_return_std: None,
            validation_return_mean: None,
            validation_return_std: None,
            episode_length_mean: steps as f64 / n,
            spike_rate: spiking.then(|| activity.spike_rate()),
            synops_per_step: Some(activity.synops_per_step()),
            sigma: self.search.sigma(),
            env_steps_per_s: trained as f64 / wall_s,
            terms: (0..self.weights.len())
                .map(|k| episodes.iter().map(|e| e.terms[k]).sum::<f64>() / n)
                .chain(extras)
                .collect(),
            energy_pj_per_step: self.setup.controller.energy_pj(&activity) / activity.steps.max(1) as f64,
        })
    }

    /// Refines the mean of the distribution, if that is asked for; returns the control steps it took.
    fn refine(&mut self, extras: &mut Vec<f64>) -> Result<u64, TrainError> {
        let mean = self.policy().parameters;
        let Some(refiner) = &mut self.refiner else { return Ok(0) };
        let refined = refiner.refine(&mean, &self.statistics)?;
        self.search.shift(&refined.shift)?;
        self.statistics = refined.statistics;
        self.blow_ups += refined.blow_ups;
        *extras = refined.extras;
        Ok(refined.steps)
    }

    /// The mean of the search distribution, with the current observation statistics.
    #[must_use]
    pub fn policy(&self) -> Policy {
        let mut parameters = vec![0.0; self.search.dimension()];
        self.search.mean(&mut parameters);
        Policy { parameters, normalizer: self.normalizer() }
    }

    /// Scores the mean of the distribution on the run's fixed evaluation episodes.
    ///
    /// # Errors
    /// If the graphics adapter was lost.
    pub fn evaluate(&mut self) -> Result<Evaluation, TrainError> {
        let evaluation = self.score(&self.evaluation, self.setup.options.engine)?;
        if self.best_eval.is_none_or(|best| evaluation.return_mean > best) {
            self.best_eval = Some(evaluation.return_mean);
        }
        Ok(evaluation)
    }

    /// Scores the same on the same episodes in the engine that validates, if there is one. It has no
    /// influence on the run: the best evaluation is the training engine's.
    ///
    /// # Errors
    /// If the graphics adapter was lost.
    pub fn validate(&self) -> Result<Option<Evaluation>, TrainError> {
        let both = self.setup.validation.zip(self.validation.as_ref());
        both.map(|(options, rollout)| self.score(rollout, options.engine)).transpose()
    }

    fn score(&self, rollout: &Rollout, engine: EngineKind) -> Result<Evaluation, TrainError> {
        let spec = self.setup.task.spec();
        let run = &self.config.run;
        let episodes = evaluate::run(rollout, &self.policy(), run.eval_episodes, run.seed, spec.terms)?;
        Ok(Evaluation::new(spec.name, engine, spec.terms, &episodes, self.setup.controller.as_ref()))
    }

    /// Everything that is needed to go on bit for bit, and to use the result.
    #[must_use]
    pub fn checkpoint(&self) -> Checkpoint {
        let mut checkpoint = Checkpoint::new();
        let state = self.search.state();
        let mut meta = |name: &str, value: serde_json::Value| {
            checkpoint.meta.insert(name.to_owned(), value);
        };
        meta("config", to_json(&self.config));
        meta("engine", self.setup.options.engine.name().into());
        meta("layout", self.layout().into());
        meta("generation", self.generation().into());
        meta("env_steps", self.env_steps.into());
        meta("blow_ups", self.blow_ups.into());
        meta("best_eval", self.best_eval.into());
        meta("strategy", state.strategy.clone().into());
        meta("integers", to_json(&state.integers));
        // Bits, since JSON has no infinities.
        let reals = state.reals.iter().map(|(k, v)| (k.clone(), serde_json::Value::from(v.to_bits())));
        meta("reals", serde_json::Value::Object(reals.collect()));
        let policy = self.policy();
        let mut put = |name: &str, tensor: Tensor| {
            checkpoint.tensors.insert(name.to_owned(), tensor);
        };
        put("mean", policy.parameters.into());
        if let Some((_, best)) = self.search.best() {
            put("best", best.to_vec().into());
        }
        for (prefix, statistics) in [("", &self.statistics), ("best.", &self.best_statistics)] {
            put(&format!("{prefix}observation.mean"), statistics.mean.clone().into());
            put(&format!("{prefix}observation.m2"), statistics.m2.clone().into());
            put(&format!("{prefix}observation.count"), vec![statistics.count].into());
        }
        for (name, tensor) in &state.tensors {
            let data = match &tensor.data {
                Data::F64(values) => TensorData::F64(values.clone()),
                Data::F32(values) => TensorData::F32(values.clone()),
            };
            put(&format!("strategy.{name}"), Tensor::new(&tensor.shape, data));
        }
        if let Some(refiner) = &self.refiner {
            refiner.save(&mut checkpoint);
        }
        checkpoint
    }

    fn layout(&self) -> String {
        layout(self.setup.controller.as_ref())
    }

    /// Goes on from a checkpoint of the same config.
    ///
    /// # Errors
    /// If the checkpoint does not fit the config; the trainer is then not to be used.
    pub fn restore(&mut self, checkpoint: &Checkpoint) -> Result<(), TrainError> {
        check_layout(checkpoint, &self.layout())?;
        self.check_engine(checkpoint)?;
        let mut state = State {
            strategy: checkpoint.meta("strategy")?,
            integers: checkpoint.meta("integers")?,
            ..State::default()
        };
        let reals: std::collections::BTreeMap<String, u64> = checkpoint.meta("reals")?;
        state.reals = reals.into_iter().map(|(k, bits)| (k, f64::from_bits(bits))).collect();
        for (name, tensor) in &checkpoint.tensors {
            let Some(name) = name.strip_prefix("strategy.") else { continue };
            let data = match tensor.data() {
                TensorData::F64(values) => Data::F64(values.clone()),
                TensorData::F32(values) => Data::F32(values.clone()),
                TensorData::U8(_) => continue,
            };
            let tensor = strategies::Tensor { shape: tensor.shape().to_vec(), data };
            state.tensors.insert(name.to_owned(), tensor);
        }
        self.search.restore(&state)?;
        self.statistics = statistics(checkpoint, "", self.statistics.mean.len())?;
        self.best_statistics = statistics(checkpoint, "best.", self.statistics.mean.len())?;
        self.env_steps = checkpoint.meta("env_steps")?;
        self.blow_ups = checkpoint.meta("blow_ups")?;
        self.best_eval = checkpoint.meta("best_eval")?;
        if let Some(refiner) = &mut self.refiner {
            refiner.restore(checkpoint)?;
        }
        Ok(())
    }

    /// A run that chose its engine with `Auto` must not change it because a newer program knows more.
    fn check_engine(&self, checkpoint: &Checkpoint) -> Result<(), TrainError> {
        // Checkpoints from before there was a choice do not say.
        let found = checkpoint.meta.get("engine").and_then(serde_json::Value::as_str).unwrap_or("rapier");
        let expected = self.setup.options.engine.name();
        if found == expected {
            return Ok(());
        }
        Err(mismatch(checkpoint, "engine", found.to_owned(), expected.to_owned()))
    }

    /// Starts the search (at generation 0) from another run's policy.
    ///
    /// # Errors
    /// If its controller differs from the config's.
    pub fn warm_start(&mut self, checkpoint: &Checkpoint) -> Result<(), TrainError> {
        let (policy, statistics) = start_from(checkpoint, &self.setup, Which::Mean, &self.config)?;
        let x0: Vec<f64> = policy.parameters.iter().map(|&x| f64::from(x)).collect();
        self.search = self.config.strategy.build(&x0, self.config.run.seed)?;
        self.statistics = statistics;
        Ok(())
    }
}

/// The policy of another run, evolved or trained by gradient, to go on from under `config`.
///
/// # Errors
/// If its task, controller or observation normalisation differs from the config's.
pub(crate) fn start_from(
    checkpoint: &Checkpoint,
    setup: &Setup,
    which: Which,
    config: &Config,
) -> Result<(Policy, Statistics), TrainError> {
    checkpoint.of_a_world()?;
    let from: Config = checkpoint.meta("config")?;
    let of = |config: &Config| {
        let rollout = &config.rollout;
        [
            ("task", config.env.name().to_owned()),
            ("controller", crate::ron_io::to_text(&config.controller).unwrap_or_default()),
            ("observation normalisation", format!("{} (clip {})", rollout.normalize, rollout.clip)),
        ]
    };
    check_layout(checkpoint, &layout(setup.controller.as_ref()))?;
    for ((what, found), (_, expected)) in of(&from).into_iter().zip(of(config)) {
        if found != expected {
            return Err(mismatch(checkpoint, what, found, expected));
        }
    }
    let policy = load_policy(checkpoint, setup, which, config)?;
    let prefix = if which == Which::Best { "best." } else { "" };
    let statistics = statistics(checkpoint, prefix, setup.task.spec().observations.len())?;
    Ok((policy, statistics))
}

/// Which parameters of a checkpoint to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The mean of the search distribution.
    Mean,
    /// The member with the best training fitness.
    Best,
}

/// Reads a policy that fits `setup`.
///
/// # Errors
/// If the checkpoint's controller differs, or an array is missing or has another shape.
pub fn load_policy(
    checkpoint: &Checkpoint,
    setup: &Setup,
    which: Which,
    config: &Config,
) -> Result<Policy, TrainError> {
    check_layout(checkpoint, &layout(setup.controller.as_ref()))?;
    let (name, prefix) = match which {
        Which::Mean => ("mean", ""),
        Which::Best => ("best", "best."),
    };
    let parameters = checkpoint.f32(name, &[setup.controller.layout().len()])?.to_vec();
    if parameters.iter().any(|x| !x.is_finite()) {
        return Err(
            CheckpointError::NotFinite { path: checkpoint.path().to_owned(), name: name.to_owned() }.into()
        );
    }
    let size = setup.task.spec().observations.len();
    let normalizer = if config.rollout.normalize {
        statistics(checkpoint, prefix, size)?.normalizer(config.rollout.clip)
    } else {
        Normalizer::identity(size, config.rollout.clip)
    };
    Ok(Policy { parameters, normalizer })
}

pub(crate) fn statistics(
    checkpoint: &Checkpoint,
    prefix: &str,
    size: usize,
) -> Result<Statistics, TrainError> {
    let get = |name: &str, size: usize| -> Result<Vec<f64>, TrainError> {
        let name = format!("{prefix}observation.{name}");
        let values = checkpoint.f64(&name, &[size])?.to_vec();
        if values.iter().all(|x| x.is_finite()) {
            return Ok(values);
        }
        Err(CheckpointError::NotFinite { path: checkpoint.path().to_owned(), name }.into())
    };
    Ok(Statistics { count: get("count", 1)?[0], mean: get("mean", size)?, m2: get("m2", size)? })
}

/// The controller in words and its blocks; equal if the parameter vectors have the same shape.
pub(crate) fn layout(controller: &dyn Controller) -> String {
    let blocks: Vec<String> =
        controller.layout().blocks().iter().map(|b| format!("{}[{}×{}]", b.name, b.rows, b.cols)).collect();
    format!("{}: {}", controller.describe(), blocks.join(", "))
}

pub(crate) fn check_layout(checkpoint: &Checkpoint, expected: &str) -> Result<(), TrainError> {
    let found: String = checkpoint.meta("layout")?;
    if found == expected {
        return Ok(());
    }
    Err(mismatch(checkpoint, "controller", found, expected.to_owned()))
}

fn mismatch(checkpoint: &Checkpoint, what: &'static str, found: String, expected: String) -> TrainError {
    TrainError::Mismatch { path: checkpoint.path().display().to_string(), what, found, expected }
}

fn to_json(value: &impl serde::Serialize) -> serde_json::Value {
    serde_json::to_value(value).expect("configs and counters have string keys and finite numbers")
}
