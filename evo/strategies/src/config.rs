//! Every strategy there is, and a config that names one.

use serde::{Deserialize, Serialize};

use super::{
    ArsConfig, CmaEsConfig, EcConfig, OpenEsConfig, PgpeConfig, Real, Search, SepCmaEsConfig, Settings,
    SnesConfig, StrategyError, StrategyInfo, XnesConfig, ars, cma_es, ec, open_es, pgpe, sep_cma_es, snes,
    xnes,
};

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

    /// Starts a search, see [`Search::new`].
    ///
    /// # Errors
    /// As [`Search::new`].
    pub fn build<R: Real>(&self, x0: &[f64], seed: u64) -> Result<Search<R>, StrategyError> {
        Search::new(self.settings(), x0, seed)
    }
}
