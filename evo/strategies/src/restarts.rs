//! Restarts of any strategy, with growing populations: IPOP, "A Restart CMA Evolution Strategy With Increasing Population
//! Size" (Auger and Hansen, CEC 2005), and BIPOP, "Benchmarking a BI-Population CMA-ES on the BBOB-2009 Function Testbed"
//! (Hansen, GECCO 2009).
//!
//! A run ends when its strategy has a reason to stop, or at what pycma 4.5 stops at, whatever the strategy (`stops.rs`).
//! With the population λ₀ and the step size σ₀ of the settings and U uniform in \[0, 1), the next run has
//!
//! - `Same`: λ₀ and σ₀;
//! - `Ipop`: λ₀ times `factor` for each restart, and σ₀;
//! - `Bipop`: as `Ipop`, a *large* run, or a *small* one while small runs have had fewer evaluations than large ones:
//!   λ₀ (λ_large/λ₀)^(U²) members, σ₀ 10^(−2U), and at the most half as many evaluations as all large runs.
//!
//! As in pycma, the first run counts as a small one. Each run has its own random numbers; the first has those of the strategy
//! alone.

use rand::RngExt as _;
use serde::{Deserialize, Serialize};

use super::random::{Purpose, Stream};
use super::stops::Stops;
use super::strategy::Precision;
use super::wrapper::{self, from_inner};
use super::{
    CmaEsConfig, FieldInfo, Memory, Ranked, Settings, State, StopReason, Strategy, StrategyConfig,
    StrategyError, StrategyInfo, check,
};

/// How a run differs from the one before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum RestartScheme {
    /// In nothing but its random numbers.
    Same,
    /// The population grows.
    Ipop,
    /// Runs with growing populations and runs with small ones take turns.
    #[default]
    Bipop,
}

/// Settings of restarts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RestartsConfig {
    /// The strategy that is started again, with its settings.
    pub of: Box<StrategyConfig>,
    /// How a run differs from the one before.
    pub scheme: RestartScheme,
    /// Factor on the population from one large run to the next; ≥ 1.
    pub factor: f64,
    /// Restarts after which the search says that it is done, not counting small runs; it goes on if it is asked.
    pub restarts: u64,
    /// A run after the first starts at a place drawn uniformly within ± this of the start in every parameter, parameter
    /// units; ≥ 0. With 0, all start at the same place.
    pub spread: f64,
    /// A run also ends after as many generations without a better member; ≥ 1. With `None`, it does not.
    pub patience: Option<u64>,
}

impl Default for RestartsConfig {
    fn default() -> Self {
        Self {
            of: Box::new(StrategyConfig::CmaEs(CmaEsConfig::default())),
            scheme: RestartScheme::Bipop,
            factor: 2.0,
            restarts: 9,
            spread: 0.0,
            patience: None,
        }
    }
}

pub(super) const INFO: StrategyInfo = StrategyInfo {
    name: "restarts",
    config: "Restarts",
    summary: "starts another strategy again when it gets stuck, with more members (IPOP, BIPOP)",
    reference: "Auger and Hansen 2005; Hansen 2009; stops of pycma 4.5",
    fields: &[
        FieldInfo::new("of", "", "CmaEs()", "any strategy but Restarts"),
        FieldInfo::new("scheme", "", "Bipop", "Same, Ipop or Bipop"),
        FieldInfo::new("factor", "1", "2.0", "≥ 1"),
        FieldInfo::new("restarts", "runs", "9", "≥ 0"),
        FieldInfo::new("spread", "parameter units", "0.0", "≥ 0"),
        FieldInfo::new("patience", "generations", "None", "≥ 1, or None"),
    ],
};

impl Settings for RestartsConfig {
    fn info(&self) -> &'static StrategyInfo {
        &INFO
    }

    fn validate(&self) -> Result<(), StrategyError> {
        let mut inner = Some(self.of.settings());
        while let Some(settings) = inner {
            if settings.info().name == INFO.name {
                let expected = "any other strategy: restarts of restarts are those of the inner one";
                return Err(check::error(INFO.name, "of", &INFO.config, expected));
            }
            inner = settings.of();
        }
        wrapper::fits(INFO.name, &self.of, "None within Restarts, which chooses the population")?;
        if !(self.factor >= 1.0 && self.factor.is_finite()) {
            return Err(check::error(INFO.name, "factor", &self.factor, "a finite number ≥ 1"));
        }
        check::at_least_zero(INFO.name, "spread", self.spread)?;
        check::at_least_one(INFO.name, "patience", self.patience.unwrap_or(1))?;
        self.of.validate()
    }

    fn of(&self) -> Option<&dyn Settings> {
        Some(self.of.settings())
    }

    fn action_sigma(&self) -> Option<f64> {
        self.of.action_sigma()
    }

    fn start(&self, initial: Vec<f64>) -> Vec<f64> {
        self.of.start(initial)
    }

    fn memory(&self, parameters: usize) -> Result<Memory, StrategyError> {
        let memory = self.of.memory(parameters)?;
        let growth = match self.scheme {
            RestartScheme::Same => 1.0,
            _ => libm::pow(self.factor, self.restarts as f64),
        };
        Ok(Memory { population: (memory.population as f64 * growth) as usize, ..memory })
    }

    fn build(&self, x0: &[f64], seed: u64) -> Result<Box<dyn Strategy>, StrategyError> {
        let inner = self.of.settings().build(x0, seed)?;
        let (population, sigma) = (inner.population(), inner.sigma());
        let stops = Stops::new(inner.mean(), population, None, self.patience);
        let run = Run { population, sigma, is_small: true, stops, inner };
        Ok(Box::new(Restarts {
            config: self.clone(),
            seed,
            start: x0.to_vec(),
            usual: (population, sigma),
            first: 0,
            counts: Counts::default(),
            done: false,
            run,
        }))
    }
}

/// A run of the strategy.
struct Run {
    population: usize,
    sigma: f64,
    /// Whether its evaluations count as those of a small one.
    is_small: bool,
    stops: Stops,
    inner: Box<dyn Strategy>,
}

/// Runs so far, and evaluations of those that ended.
#[derive(Clone, Copy, Default)]
struct Counts {
    restarts: u64,
    small_restarts: u64,
    small: u64,
    large: u64,
}

struct Restarts {
    config: RestartsConfig,
    seed: u64,
    start: Vec<f64>,
    /// Population and step size of the settings.
    usual: (usize, f64),
    /// Generation at which the run began.
    first: u64,
    counts: Counts,
    /// Whether all restarts are used up.
    done: bool,
    run: Run,
}

impl Restarts {
    /// Starts the strategy with a population and a step size of its own.
    fn begin(
        &self,
        (population, sigma): (usize, f64),
        x0: &[f64],
        seed: u64,
    ) -> Result<Box<dyn Strategy>, StrategyError> {
        if (population, sigma) == self.usual {
            return self.config.of.settings().build(x0, seed);
        }
        let changed = self.config.of.resized(population, sigma);
        let expected = "settings that can be changed for a run";
        let config =
            changed.map_err(|error| check::error(self.config.of.name(), "population", &error, expected))?;
        config.validate()?;
        config.settings().build(x0, seed)
    }

    /// The run after this one, or none if that was the last.
    fn next(&self) -> Option<(Counts, Run)> {
        let (config, (population, sigma), mut counts) = (&self.config, self.usual, self.counts);
        let evaluations = self.run.stops.generations() * self.run.population as u64;
        *(if self.run.is_small { &mut counts.small } else { &mut counts.large }) += evaluations;
        counts.restarts += 1;
        if counts.restarts - counts.small_restarts > config.restarts {
            return None;
        }
        let mut draws = Stream::new(self.seed, Purpose::Init, counts.restarts, 0, 1);
        let mut place = || config.spread * (2.0 * draws.random::<f64>() - 1.0);
        let x0: Vec<f64> = self.start.iter().map(|x| x + place()).collect();
        let x0 = config.of.start(x0);
        let is_small = config.scheme == RestartScheme::Bipop && counts.small < counts.large;
        counts.small_restarts += u64::from(is_small);
        let grown = (counts.restarts - counts.small_restarts) as f64;
        let growth = match config.scheme {
            RestartScheme::Same => 1.0,
            RestartScheme::Ipop | RestartScheme::Bipop => libm::pow(config.factor, grown),
        };
        let (mut members, mut width) = (population as f64 * growth, sigma);
        if is_small {
            width *= libm::pow(0.01, draws.random::<f64>());
            let u = draws.random::<f64>();
            members = population as f64 * libm::pow(growth, u * u);
        }
        let seed = draws.random::<u64>();
        let members = members as usize;
        // One more where members come in pairs.
        let attempts = [members, members + 1].into_iter();
        let started = attempts.map(|members| Some((members, self.begin((members, width), &x0, seed).ok()?)));
        let (population, inner) = started.flatten().next()?;
        let limit = is_small.then(|| counts.large / 2 / population as u64);
        let stops = Stops::new(inner.mean(), population, limit, config.patience);
        Some((counts, Run { population, sigma: width, is_small, stops, inner }))
    }

    fn reason(&self) -> Option<StopReason> {
        self.run.inner.stop_reason(Precision::Double).or_else(|| self.run.stops.reason())
    }
}

impl Strategy for Restarts {
    // Those of the present run.
    from_inner!([run.inner]: population, members, mean, sigma);

    fn dimension(&self) -> usize {
        self.start.len()
    }

    fn ask(&mut self, generation: u64) {
        self.run.inner.ask(generation - self.first);
    }

    fn tell(&mut self, fitness: &[f64], ranked: &Ranked) {
        let run = &mut self.run;
        run.inner.tell(fitness, ranked);
        run.stops.take(fitness, ranked, run.inner.mean());
        let generation = self.first + run.stops.generations();
        if self.done || self.reason().is_none() {
            return;
        }
        match self.next() {
            Some((counts, run)) => (self.counts, self.run, self.first) = (counts, run, generation),
            None => self.done = true,
        }
    }

    fn stop_reason(&self, precision: Precision) -> Option<StopReason> {
        let last = || self.run.inner.stop_reason(precision).or_else(|| self.reason());
        self.done.then(|| last().unwrap_or(StopReason::Restarts))
    }

    fn state(&self) -> State {
        let Self { run, counts, .. } = self;
        let mut state = run.inner.state();
        run.stops.save(&mut state);
        state.set_real("run.sigma", run.sigma);
        state.set_integer("run.population", run.population as u64);
        state.set_integer("run.is_small", u64::from(run.is_small));
        state.set_integer("restarts.seed", self.seed);
        state.set_integer("restarts.first", self.first);
        state.set_integer("restarts.done", u64::from(self.done));
        state.set_integer("restarts.count", counts.restarts);
        state.set_integer("restarts.small_count", counts.small_restarts);
        state.set_integer("restarts.small", counts.small);
        state.set_integer("restarts.large", counts.large);
        state.set_f64("restarts.start", &[self.start.len()], &self.start);
        state
    }

    fn restore(&mut self, state: &State) -> Result<(), StrategyError> {
        let start = state.f64("restarts.start", &[self.start.len()])?.to_vec();
        let integer = |name: &str| state.integer(name);
        let (seed, first) = (integer("restarts.seed")?, integer("restarts.first")?);
        let done = integer("restarts.done")? != 0;
        let counts = Counts {
            restarts: integer("restarts.count")?,
            small_restarts: integer("restarts.small_count")?,
            small: integer("restarts.small")?,
            large: integer("restarts.large")?,
        };
        let population = integer("run.population")? as usize;
        let (sigma, is_small) = (state.real("run.sigma")?, integer("run.is_small")? != 0);
        let stops = Stops::saved(state, start.len(), population, self.config.patience)?;
        let mut inner = self.begin((population, sigma), &self.config.of.start(start.clone()), seed)?;
        // A run counts its own generations.
        let mut own = state.clone();
        own.set_integer("generation", stops.generations());
        inner.restore(&own)?;
        self.run = Run { population, sigma, is_small, stops, inner };
        (self.seed, self.first, self.start) = (seed, first, start);
        (self.counts, self.done) = (counts, done);
        Ok(())
    }
}
