//! The loop: ask, run episodes, tell, normalise, evaluate, checkpoint.

use std::sync::Arc;
use std::time::Instant;

use records::checkpoint::Checkpoint;
use records::metrics::MetricsRow;
use sim::EngineKind;
use snn::{Activity, Block};
use strategies::random::{Purpose, Stream};
use strategies::{Search, StopReason, StrategyError};

use crate::archive;
use crate::backend::{Backend, BackendChoice};
use crate::config::Config;
use crate::evaluate::{self, Evaluation, Policy, mean_std};
use crate::front;
use crate::gradient::Refiner;
use crate::learner::Learner;
use crate::memory;
use crate::needs;
use crate::normalizer::{Normalizer, Statistics};
use crate::policy::{Which, start_from};
use crate::ranks::Team;
use crate::rollout::{ActionNoise, Episode, Episodes, More, Rollout, Times};
use crate::rollout_config::Starts;
use crate::setup::{Setup, TrainError, pool};
use crate::step_sizes::StepSizes;
use crate::wiring;

/// Column of runs whose generations grow: how many members the generation had.
const MEMBERS: &str = "members";

/// A training run in memory.
pub struct Trainer {
    pub(crate) config: Config,
    pub(crate) setup: Setup,
    pub(crate) search: Search<f32>,
    pub(crate) statistics: Statistics,
    training: Rollout,
    evaluation: Rollout,
    validation: Option<Rollout>,
    pool: Arc<rayon::ThreadPool>,
    pub(crate) env_steps: u64,
    pub(crate) blow_ups: u64,
    failures: u64,
    backend: Backend,
    backend_reason: String,
    pub(crate) best_eval: Option<f64>,
    /// Observation statistics under which the best member so far was scored.
    pub(crate) best_statistics: Statistics,
    rollout_s: f64,
    pub(crate) refiner: Option<Refiner>,
    /// None in runs that began without.
    pub(crate) step_sizes: Option<StepSizes>,
    /// Deviation of noise that is told in actions.
    pub(crate) calibrated: Option<f64>,
}

impl Trainer {
    /// Sets up a run at generation 0.
    ///
    /// # Errors
    /// See [`TrainError`].
    pub fn new(config: &Config, threads: usize, backend: BackendChoice) -> Result<Self, TrainError> {
        let setup = Setup::new(config)?;
        // Before anything large is made, and with all of it once the search tells its population.
        memory::check(needs::of_search(config, &setup)?)?;
        let seed = config.run.seed;
        let initial = setup.controller.initial(&mut Stream::new(seed, Purpose::Init, 0, 0, 0));
        let x0: Vec<f64> = initial.iter().map(|&x| f64::from(x)).collect();
        let spec = setup.task.spec();
        let (mut step_sizes, statistics) =
            (StepSizes::new(&setup)?, Statistics::new(spec.observations.len()));
        let x0 = config.search().start(x0);
        let calibrated = step_sizes.calibrated(&setup, config, &x0, &statistics)?;
        let search = search(config, &setup, calibrated, &x0)?;
        let step_sizes = setup.measures_steps().then_some(step_sizes);
        let pool = pool(threads)?;
        let horizon = config.rollout.horizon.unwrap_or(spec.horizon);
        let share = |horizon| setup.rollout(horizon, Some(Arc::clone(&pool)));
        let validation = setup.validation.map(|options| {
            setup.rollout_on(options, spec.horizon, &Backend::Cpu, 1, Some(Arc::clone(&pool)))
        });
        let episodes = search.max_population() * config.rollout.most_episodes();
        let threads = pool.current_num_threads();
        memory::check(needs::of_evolution(config, &setup, search.max_population(), threads)?)?;
        let (backend, backend_reason) = backend.resolve(&setup.controller, episodes, threads)?;
        let training =
            setup.rollout_on(setup.options, horizon, &backend, episodes, Some(Arc::clone(&pool)))?;
        let refiner = config.refine.as_ref().map(|refine| Refiner::new(refine, config, &setup, &pool));
        Ok(Self {
            refiner: refiner.transpose()?,
            search,
            best_statistics: statistics.clone(),
            statistics,
            step_sizes,
            calibrated,
            training,
            evaluation: share(spec.horizon)?,
            validation: validation.transpose()?,
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

    /// Names of what a run measures beside reward terms.
    pub(crate) fn extra_columns(config: &Config) -> Vec<&'static str> {
        let refined = config.refine.as_ref().map_or(&[][..], |_| Refiner::columns());
        let grown = config.rollout.min_steps.map_or(&[][..], |_| &[MEMBERS]);
        let strategy = config.search();
        let measured = match (strategy.archive(), strategy.objectives()) {
            (Some(_), _) => &archive::COLUMNS[..],
            (None, Some(_)) => &front::COLUMNS,
            (None, None) if config.strategy.blocks().is_some() => &wiring::COLUMNS,
            (None, None) => &StepSizes::COLUMNS,
        };
        refined.iter().chain(grown).chain(measured).copied().collect()
    }

    /// Shares episodes with the other ranks of `team` from here on.
    pub fn share(&mut self, team: &Team) {
        let rollouts = [&mut self.training, &mut self.evaluation].into_iter().chain(&mut self.validation);
        rollouts.for_each(|rollout| rollout.share(team));
        if let Some(refiner) = &mut self.refiner {
            refiner.share(team);
        }
    }

    /// The search.
    #[must_use]
    pub fn search(&self) -> &Search<f32> {
        &self.search
    }

    /// What the refinement of each generation is, a label and a text per line.
    #[must_use]
    pub fn refinement(&self) -> Vec<(&'static str, String)> {
        self.refiner.as_ref().map_or_else(Vec::new, Refiner::describe)
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

    fn normalizer(&self) -> Normalizer {
        let rollout = &self.config.rollout;
        if rollout.normalize {
            self.statistics.normalizer(rollout.clip)
        } else {
            Normalizer::identity(self.statistics.mean.len(), rollout.clip)
        }
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

    /// Parameters and observation statistics.
    pub(crate) fn state(&self) -> (Vec<f32>, &Statistics) {
        (self.policy().parameters, &self.statistics)
    }

    fn score(&self, rollout: &Rollout, engine: EngineKind) -> Result<Evaluation, TrainError> {
        let spec = self.setup.task.spec();
        let run = &self.config.run;
        let episodes =
            evaluate::run(rollout, &self.policy(), run.eval_episodes, run.eval_seed(), spec.terms)?;
        Ok(Evaluation::new(self.setup.task.as_ref(), engine, &episodes, self.setup.controller.as_ref()))
    }

    /// How far the noise in the parameters moves the actions now, root mean square; they go from −1 to 1. None if that
    /// is not measured, or a controller fails.
    ///
    /// # Errors
    /// If the controllers cannot be run.
    pub fn noise_in_actions(&mut self) -> Result<Option<f64>, TrainError> {
        self.search.ask();
        let Some(sizes) = &mut self.step_sizes else { return Ok(None) };
        sizes.noise(&self.setup, &self.config, &self.search, &self.statistics)
    }

    /// Starts the search (at generation 0) from another run's policy.
    ///
    /// # Errors
    /// If its controller differs from the config's.
    pub fn warm_start(&mut self, checkpoint: &Checkpoint) -> Result<(), TrainError> {
        let (policy, statistics) = start_from(checkpoint, &self.setup, Which::Mean, &self.config)?;
        let x0: Vec<f64> = policy.parameters.iter().map(|&x| f64::from(x)).collect();
        if let Some(step_sizes) = &mut self.step_sizes {
            self.calibrated = step_sizes.calibrated(&self.setup, &self.config, &x0, &statistics)?;
        }
        self.search = search(&self.config, &self.setup, self.calibrated, &x0)?;
        self.statistics = statistics;
        Ok(())
    }
}

/// A search that measures its steps, with noise of deviation `sigma` if that is told in actions; or one with an archive,
/// or of wirings, which makes no steps.
pub(crate) fn search(
    config: &Config,
    setup: &Setup,
    sigma: Option<f64>,
    x0: &[f64],
) -> Result<Search<f32>, TrainError> {
    let strategy = match sigma {
        Some(sigma) => config.search().with_sigma(sigma),
        None => archive::strategy(config, setup),
    };
    let blocks = setup.controller.layout().blocks();
    // What is sparse or shared is no matrix.
    let shape = |block: &Block| match block.len() == block.rows * block.cols {
        true => (block.rows, block.cols),
        false => (1, block.len()),
    };
    let strategy = strategy.with_matrices(&blocks.iter().map(shape).collect::<Vec<_>>());
    let strategy = wiring::strategy(&strategy, blocks)?;
    let mut search = strategy.build(x0, config.run.seed)?;
    search.measure(setup.measures_steps());
    Ok(search)
}

fn no_fitness(generation: u64, episodes: &[Episode]) -> TrainError {
    let count = |of: fn(&Episode) -> bool| episodes.iter().filter(|episode| of(episode)).count();
    let (blow_ups, failures) = (count(|episode| episode.blew_up), count(|episode| episode.failed));
    TrainError::NoFitness { generation, episodes: episodes.len(), blow_ups, failures }
}

impl Learner for Trainer {
    type Error = TrainError;

    fn config(&self) -> &Config {
        &self.config
    }

    fn setup(&self) -> &Setup {
        &self.setup
    }

    fn columns(&self) -> Vec<&'static str> {
        let mut extra = Self::extra_columns(&self.config);
        if self.step_sizes.is_none() {
            // Those of an archive or a front stay.
            extra.retain(|column| !StepSizes::COLUMNS.contains(column));
        }
        self.setup.task.spec().terms.iter().copied().chain(extra).collect()
    }

    fn generation(&self) -> u64 {
        self.search.generation()
    }

    fn env_steps(&self) -> u64 {
        self.env_steps
    }

    fn evaluations(&self) -> u64 {
        self.search.evaluations()
    }

    fn blow_ups(&self) -> u64 {
        self.blow_ups
    }

    fn failures(&self) -> u64 {
        self.failures
    }

    fn best_eval(&self) -> Option<f64> {
        self.best_eval
    }

    fn notes(&mut self) -> Vec<String> {
        self.step_sizes.as_mut().map(StepSizes::notes).unwrap_or_default()
    }

    /// A fresh search has not ended, however it looks.
    fn stop_reason(&self) -> Option<StopReason> {
        self.search.stop_reason().filter(|_| self.generation() > 0)
    }

    /// Only what is told is changed, but a refinement follows it.
    fn is_fragile(&self) -> bool {
        self.config.refine.is_some()
    }

    /// If no member had a finite fitness, or an optimizer's step left the finite numbers, the trainer is what it was;
    /// if the refinement failed, it is not to be used.
    fn advance(&mut self) -> Result<MetricsRow, TrainError> {
        let began = Instant::now();
        let pool = Arc::clone(&self.pool);
        pool.install(|| self.search.ask());
        let noise_in_actions = match &mut self.step_sizes {
            Some(sizes) if StepSizes::is_due(self.search.generation()) => {
                sizes.noise(&self.setup, &self.config, &self.search, &self.statistics)?
            }
            _ => None,
        };
        let rollout = &self.config.rollout;
        let (seed, generation) = (self.config.run.seed, self.generation());
        let per = rollout.episodes(generation);
        let weights = rollout.weights(self.setup.task.spec().terms, generation);
        let normalizer = self.normalizer();
        let search = &self.search;
        let stream = |purpose, index: usize| {
            let alike = match rollout.starts {
                Starts::Pair => index / per / 2,
                Starts::Population => 0,
            };
            Stream::new(seed, purpose, generation, alike as u64, (index % per) as u64)
        };
        let noise = |index| stream(Purpose::Action, index);
        let rolling = Instant::now();
        let episodes = self.training.run(&Episodes {
            count: search.population() * per,
            parameters: &|index, out| search.member(index / per, out),
            more: rollout.min_steps.map(|min_steps| More {
                min_steps,
                most: search.max_population() * per,
                unit: 2 * per,
            }),
            start: &|index| stream(Purpose::Reset, index),
            action_noise: Some(rollout.action_noise)
                .filter(|&deviation| deviation > 0.0)
                .map(|deviation| ActionNoise { deviation, stream: &noise }),
            normalizer: &normalizer,
            weights: &weights,
            observe: rollout.normalize,
            descriptors: self.setup.descriptors.as_ref(),
        })?;
        self.rollout_s += rolling.elapsed().as_secs_f64();
        let (controller, cost) = (&self.setup.controller, self.config.rollout.energy_cost);
        let worth =
            |episode: &Episode| episode.fitness - cost * 1e-6 * controller.energy_pj(&episode.activity);
        let fitness: Vec<f64> =
            episodes.chunks(per).map(|e| e.iter().map(worth).sum::<f64>() / per as f64).collect();
        let best = self.search.best().map(|(fitness, _)| fitness);
        let before = self.search.can_diverge().then(|| self.search.state());
        let descriptors = match &self.setup.objectives {
            Some(objectives) => objectives.of(self.setup.descriptors.as_ref(), (&episodes, per), worth),
            None => archive::descriptors(&episodes, per, self.search.descriptors()),
        };
        let told = pool.install(|| self.search.tell_with(&fitness, &descriptors));
        if let Err(error) = told {
            before.map(|before| self.search.restore(&before)).transpose()?;
            return Err(match error {
                StrategyError::NoFiniteFitness { generation } => no_fitness(generation, &episodes),
                error => error.into(),
            });
        }
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
        let members = rollout.min_steps.map(|_| fitness.len() as f64);
        let measured = self
            .step_sizes
            .as_mut()
            .map(|sizes| sizes.cells(&self.config.search(), &self.search, noise_in_actions));
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
            terms: (0..weights.len())
                .map(|k| episodes.iter().map(|e| e.terms[k]).sum::<f64>() / n)
                .chain(extras)
                .chain(members)
                .chain(measured.into_iter().flatten())
                .chain(self.search.archive().map(archive::cells).into_iter().flatten())
                .chain(self.search.front().map(|found| front::cells(&found)).into_iter().flatten())
                .chain(self.search.topology().map(wiring::cells).into_iter().flatten())
                .collect(),
            energy_pj_per_step: self.setup.controller.energy_pj(&activity) / activity.steps.max(1) as f64,
            stage: None,
        })
    }

    fn evaluate(&mut self, row: &mut MetricsRow) -> Result<(Evaluation, bool), TrainError> {
        let result = self.score(&self.evaluation, self.setup.options.engine)?;
        let improved = result.is_better_than(self.best_eval);
        if improved && result.is_sound() {
            self.best_eval = Some(result.return_mean);
        }
        row.eval_return_mean = Some(result.return_mean);
        row.eval_return_std = Some(result.return_std);
        let both = self.setup.validation.zip(self.validation.as_ref());
        let validation = both.map(|(options, rollout)| self.score(rollout, options.engine)).transpose()?;
        row.validation_return_mean = validation.as_ref().map(|result| result.return_mean);
        row.validation_return_std = validation.as_ref().map(|result| result.return_std);
        Ok((result, improved))
    }

    fn checkpoint(&self) -> Checkpoint {
        self.saved()
    }
}
