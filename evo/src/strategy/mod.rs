//! Evolution strategies behind one ask/tell interface; fitness is maximised.
//!
//! A config builds a [`Search`], which does what all strategies share: counters, best so far, ranks, failed
//! members. One strategy is one file with a config that implements `Settings` and a state that implements
//! [`Strategy`]. To add one, write the file, name it among the modules below and give it a line in the registry;
//! the shared tests then run over it.
//!
//! State is `f64`, members are `f32`. Randomness comes from [`crate::random`] and depends on the seed, the
//! generation and the member only, so a search gives the same bits for any number of threads.

mod ars;
mod check;
mod cma_es;
mod cma_paths;
mod cma_rates;
mod diagonal;
mod ec;
mod linalg;
mod noise;
mod open_es;
mod optimizer;
mod pgpe;
mod search;
mod sep_cma_es;
mod shaping;
mod snes;
mod state;
mod trust_region;
mod xnes;

/// The strategy of `docs/tutorials/own-strategy.md`.
#[cfg(test)]
#[path = "../../../docs/tutorials/cem/cem.rs"]
mod cem;

use serde::{Deserialize, Serialize};

pub use ars::ArsConfig;
pub use cma_es::CmaEsConfig;
pub use ec::EcConfig;
pub use open_es::OpenEsConfig;
pub use optimizer::{OptimizerConfig, Schedule};
pub use pgpe::PgpeConfig;
pub use search::Search;
pub use sep_cma_es::SepCmaEsConfig;
pub use shaping::{Ranked, Shaping};
pub use snes::SnesConfig;
pub use state::{Data, State, Tensor};
pub use trust_region::TrustRegion;
pub use xnes::XnesConfig;

/// What is listed here exists: in configs, on the command line and in the shared tests.
macro_rules! registry {
    ($($(#[$doc:meta])* $module:ident: $variant:ident($config:ident),)*) => {
        /// A strategy and its settings, as written in a config.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        pub enum StrategyConfig { $($(#[$doc])* $variant($config),)* }

        impl StrategyConfig {
            /// Every strategy with its default settings.
            #[must_use]
            pub fn defaults() -> Vec<Self> {
                vec![$(Self::$variant($config::default())),*]
            }

            fn settings(&self) -> &dyn Settings {
                match self { $(Self::$variant(config) => config),* }
            }
        }

        /// Every strategy there is.
        #[must_use]
        pub fn strategies() -> &'static [StrategyInfo] {
            &[$($module::INFO),*]
        }
    };
}

registry! {
    /// OpenES: gradient of the expected fitness, O(n) memory.
    open_es: OpenEs(OpenEsConfig),
    /// CMA-ES: adapts a full covariance matrix, for up to some thousand parameters.
    cma_es: CmaEs(CmaEsConfig),
    /// Separable CMA-ES: adapts a step size per parameter, O(n) memory.
    sep_cma_es: SepCmaEs(SepCmaEsConfig),
    /// PGPE: gradients of mean and step sizes, with ClipUp, O(n) memory.
    pgpe: Pgpe(PgpeConfig),
    /// SNES: natural gradient of mean and step sizes, O(n) memory.
    snes: Snes(SnesConfig),
    /// xNES: natural gradient with a full shape matrix, for up to some hundred parameters.
    xnes: Xnes(XnesConfig),
    /// ARS: finite differences along the best random directions, O(n) memory.
    ars: Ars(ArsConfig),
    /// EC: searches the probabilities of binary parameters, O(n) memory.
    ec: Ec(EcConfig),
}

impl StrategyConfig {
    /// What there is to know about the strategy.
    #[must_use]
    pub fn info(&self) -> &'static StrategyInfo {
        self.settings().info()
    }

    /// The name on the command line and in files, as in [`StrategyInfo::name`].
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.info().name
    }

    /// The default settings of the strategy of a name.
    ///
    /// # Errors
    /// Unknown name; the message lists the known ones.
    pub fn from_name(name: &str) -> Result<Self, StrategyError> {
        Self::defaults().into_iter().find(|config| config.name() == name).ok_or_else(|| {
            let known: Vec<&str> = strategies().iter().map(|info| info.name).collect();
            StrategyError::Unknown { what: "strategy", name: name.to_owned(), known: known.join(", ") }
        })
    }

    /// Checks every field.
    ///
    /// # Errors
    /// Names the first field that is out of range, its value and what is expected.
    pub fn validate(&self) -> Result<(), StrategyError> {
        self.settings().validate()
    }

    /// Where a search without previous results starts, if a controller would start at `initial`.
    #[must_use]
    pub fn start(&self, initial: Vec<f64>) -> Vec<f64> {
        self.settings().start(initial)
    }

    /// Starts a search at the mean `x0`, whose length is the number of parameters.
    ///
    /// # Errors
    /// As [`StrategyConfig::validate`]; an empty or non-finite `x0`, or one that is outside of what the strategy
    /// searches; more parameters than the strategy can hold.
    pub fn build(&self, x0: &[f64], seed: u64) -> Result<Search, StrategyError> {
        self.validate()?;
        if x0.is_empty() {
            return Err(StrategyError::NoParameters);
        }
        // Members are f32: what overflows there is as useless as NaN.
        if let Some(index) = x0.iter().position(|&x| !(x as f32).is_finite()) {
            return Err(StrategyError::StartNotFinite { index, value: x0[index] });
        }
        Ok(Search::new(self.name(), self.settings().build(x0, seed)?))
    }
}

/// What the settings of one strategy implement.
pub(crate) trait Settings {
    /// What there is to know about the strategy.
    fn info(&self) -> &'static StrategyInfo;

    /// Checks every field, and names the first that is out of range.
    fn validate(&self) -> Result<(), StrategyError>;

    /// As [`StrategyConfig::start`].
    fn start(&self, initial: Vec<f64>) -> Vec<f64> {
        initial
    }

    /// The strategy at its start point, with settings that were checked.
    fn build(&self, x0: &[f64], seed: u64) -> Result<Box<dyn Strategy>, StrategyError>;
}

/// A setting of a strategy, for listings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct FieldInfo {
    /// Name in the config.
    pub name: &'static str,
    /// Unit; empty where there is none.
    pub unit: &'static str,
    /// Default, as written in a config.
    pub default: &'static str,
    /// Allowed values.
    pub range: &'static str,
}

impl FieldInfo {
    const fn new(name: &'static str, unit: &'static str, default: &'static str, range: &'static str) -> Self {
        Self { name, unit, default, range }
    }
}

/// What there is to know about a strategy before using it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct StrategyInfo {
    /// Name on the command line and in files.
    pub name: &'static str,
    /// Name in a config.
    pub config: &'static str,
    /// One line.
    pub summary: &'static str,
    /// Where the algorithm is defined.
    pub reference: &'static str,
    /// Its settings.
    pub fields: &'static [FieldInfo],
}

/// Why going on with a search is unlikely to help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// The distribution is smaller than 1e-12 of its first size in every coordinate.
    TolX,
    /// The best fitness of recent generations and all fitness of the last one differ by less than 1e-12.
    TolFun,
    /// The distribution grew by more than 1e4: the first sigma was far too small, or the fitness is unbounded.
    TolXUp,
    /// The covariance matrix has a condition number of more than 1e14.
    Condition,
    /// A step of 0.1 standard deviations along an axis does not change any member.
    NoEffectAxis,
    /// A step of 0.2 standard deviations in some coordinate does not change that coordinate.
    NoEffectCoord,
}

/// What one strategy implements. Used through [`Search`], which guards the order of the calls.
pub trait Strategy: Send + Sync {
    /// Members per generation.
    fn population(&self) -> usize;

    /// Parameters per member.
    fn dimension(&self) -> usize;

    /// Prepares a generation. Repeating it with the same generation must give the same members.
    fn ask(&mut self, generation: u64);

    /// Writes consecutive members, from `first` on, one after another into `out` (a whole number of members, not
    /// beyond the population). A member has the same bits in whatever company it is written. Called from many
    /// threads.
    fn members(&self, first: usize, out: &mut [f32]);

    /// Updates the distribution from sanitised (finite) fitness and the order of the members.
    fn tell(&mut self, fitness: &[f64], ranked: &Ranked);

    /// Writes the mean of the distribution into `out` (`dimension` elements).
    fn mean(&self, out: &mut [f32]);

    /// Moves the mean of the distribution by `by` (`dimension` elements), as far as the strategy searches
    /// there; nothing else changes.
    fn shift(&mut self, by: &[f64]);

    /// Overall step size, parameter units.
    fn sigma(&self) -> f64;

    /// Why going on is unlikely to help. A pure function of the saved state.
    fn stop_reason(&self) -> Option<StopReason> {
        None
    }

    /// Everything needed to go on bit for bit from the next `ask`.
    fn state(&self) -> State;

    /// Takes over a saved state, or leaves everything as it is.
    ///
    /// # Errors
    /// When an entry is missing or does not fit.
    fn restore(&mut self, state: &State) -> Result<(), StrategyError>;
}

/// What can go wrong with a search.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum StrategyError {
    /// A setting is out of range.
    #[error("strategy {strategy}: `{field}` is {value}, expected {expected}")]
    Field {
        /// Name of the strategy.
        strategy: &'static str,
        /// Name of the setting.
        field: &'static str,
        /// What it is.
        value: String,
        /// What it should be.
        expected: &'static str,
    },
    /// The start point has no elements.
    #[error("there are no parameters to search over: the start point is empty")]
    NoParameters,
    /// The start point is not usable.
    #[error("the start point is not finite in f32: parameter {index} is {value}")]
    StartNotFinite {
        /// First such parameter.
        index: usize,
        /// Its value.
        value: f64,
    },
    /// The start point is outside of what the strategy searches.
    #[error(
        "strategy {strategy}: the start point is not a {expected}: parameter {index} is {value}; a search from \
         results of another kind of strategy is not possible"
    )]
    Start {
        /// Name of the strategy.
        strategy: &'static str,
        /// First such parameter.
        index: usize,
        /// Its value.
        value: f64,
        /// What a parameter should be.
        expected: &'static str,
    },
    /// A full covariance matrix would be too large.
    #[error(
        "strategy {strategy}: {dimension} parameters need {megabytes} MB for full matrices, and updates whose time \
         grows with n³; the limit is {limit} parameters. Use `OpenEs` or `SepCmaEs`, whose memory grows with n, or \
         fewer parameters; `max_dimension` raises the limit"
    )]
    TooManyParameters {
        /// Name of the strategy.
        strategy: &'static str,
        /// Number of parameters.
        dimension: usize,
        /// Largest number allowed.
        limit: usize,
        /// Memory needed.
        megabytes: u64,
    },
    /// `tell` got the wrong number of values.
    #[error("got {found} fitness values for a population of {expected}")]
    FitnessLength {
        /// Population.
        expected: usize,
        /// Number of values.
        found: usize,
    },
    /// Every member failed, so there is nothing to learn from.
    #[error("generation {generation}: no member has a finite fitness")]
    NoFiniteFitness {
        /// Which generation, counted from 0.
        generation: u64,
    },
    /// The update left the finite numbers.
    #[error(
        "generation {generation}: the mean of the search is no longer finite; use a smaller sigma or learning rate"
    )]
    Diverged {
        /// The generation after which it happened.
        generation: u64,
    },
    /// `tell` without members to tell about.
    #[error("tell() without an ask() before it")]
    TellBeforeAsk,
    /// A saved state does not fit.
    #[error("saved search state: `{name}` {problem}")]
    State {
        /// Entry of the state.
        name: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A test function needs more parameters.
    #[error("function {function} needs at least {least} parameters, got {dimension}")]
    Dimension {
        /// Name of the function.
        function: &'static str,
        /// Number of parameters.
        dimension: usize,
        /// Smallest number allowed.
        least: usize,
    },
    /// No strategy or function of that name.
    #[error("unknown {what} {name:?}; known: {known}")]
    Unknown {
        /// Kind of thing.
        what: &'static str,
        /// Its name.
        name: String,
        /// Valid names.
        known: String,
    },
}
