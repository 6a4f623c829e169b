//! Every strategy there is, and a config that names one.

use std::fmt::{self, Formatter};
use std::sync::{LazyLock, PoisonError, RwLock};

use serde::de::{DeserializeSeed, EnumAccess, VariantAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use super::registered::Entry;
use super::{
    ArchiveShape, ArsConfig, CmaMaeConfig, CmaMeConfig, LowRankEsConfig, MapElitesConfig, Memory, NeatConfig,
    Objectives, OpenEsConfig, OwnSettings, PgpeConfig, Real, Registered, Search, Settings, SnesConfig,
    StrategyError, StrategyInfo, WeightBlock,
};

/// What is listed here exists: in configs, on the command line and in the shared tests.
macro_rules! registry {
    ($($(#[$doc:meta])* $module:ident: $variant:ident($config:ident),)*) => {
        /// A strategy and its settings, as written in a config.
        #[derive(Clone, Debug, PartialEq)]
        pub enum StrategyConfig {
            $($(#[$doc])* $variant(crate::$config),)*
            /// A strategy of another crate, see [`register`]. In a config it has the name of its own.
            Registered(Registered),
        }

        /// The strategies of this crate.
        const BUILT_IN: &[StrategyInfo] = &[$(crate::$module::INFO),*];

        impl StrategyConfig {
            /// Every strategy with its default settings.
            #[must_use]
            pub fn defaults() -> Vec<Self> {
                let own = known().own.iter().map(|entry| Self::Registered((entry.default)()));
                [$(Self::$variant(crate::$config::default())),*].into_iter().chain(own).collect()
            }

            pub(super) fn settings(&self) -> &dyn Settings {
                match self {
                    $(Self::$variant(config) => config,)*
                    Self::Registered(config) => config.settings(),
                }
            }

            /// The strategy at this place among the known ones.
            fn read<'de, A: VariantAccess<'de>>(place: usize, content: A) -> Result<Self, A::Error> {
                let known = known();
                match known.names[place] {
                    $(stringify!($variant) => content.newtype_variant().map(Self::$variant),)*
                    _ => {
                        let entry = known.own[place - BUILT_IN.len()];
                        content.newtype_variant_seed(entry).map(Self::Registered)
                    }
                }
            }
        }

        impl Serialize for StrategyConfig {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let name = self.info().config;
                let place = known().names.iter().position(|known| *known == name).unwrap_or(BUILT_IN.len());
                match self {
                    $(Self::$variant(config) => {
                        serializer.serialize_newtype_variant(ENUM, place as u32, name, config)
                    })*
                    Self::Registered(config) => {
                        serializer.serialize_newtype_variant(ENUM, place as u32, name, config)
                    }
                }
            }
        }
    };
}

registry! {
    /// OpenES: gradient of the expected fitness, O(n) memory.
    open_es: OpenEs(OpenEsConfig),
    /// CMA-ES: adapts a full covariance matrix, for up to a few thousand parameters.
    cma_es: CmaEs(CmaEsConfig),
    /// Separable CMA-ES: adapts a step size per parameter, O(n) memory.
    sep_cma_es: SepCmaEs(SepCmaEsConfig),
    /// PGPE: gradients of mean and step sizes, with ClipUp, O(n) memory.
    pgpe: Pgpe(PgpeConfig),
    /// SNES: natural gradient of mean and step sizes, O(n) memory.
    snes: Snes(SnesConfig),
    /// xNES: natural gradient with a full shape matrix, for up to a few hundred parameters.
    xnes: Xnes(XnesConfig),
    /// ARS: finite differences along the best random directions, O(n) memory.
    ars: Ars(ArsConfig),
    /// EC: searches the probabilities of binary parameters, O(n) memory.
    ec: Ec(EcConfig),
    /// LM-MA-ES: adapts a few directions, O(n log n) memory.
    lm_ma_es: LmMaEs(LmMaEsConfig),
    /// CR-FM-NES: adapts a step size per parameter and one direction, O(n) memory.
    cr_fm_nes: CrFmNes(CrFmNesConfig),
    /// EGGROLL: OpenES with noise of low rank, O(n) memory.
    low_rank_es: LowRankEs(LowRankEsConfig),
    /// A genetic algorithm: truncation selection, uniform crossover and Gaussian mutation.
    ga: Ga(GaConfig),
    /// DE: differential evolution, best/1/bin and rand/1/bin.
    de: De(DeConfig),
    /// PSO: particle swarm optimisation.
    pso: Pso(PsoConfig),
    /// Random search, to compare with.
    random_search: RandomSearch(RandomSearchConfig),
    /// Restarts of another strategy, with growing populations (IPOP, BIPOP).
    restarts: Restarts(RestartsConfig),
    /// Box bounds around another strategy.
    bounded: Bounded(BoundedConfig),
    /// Integers and other grids around another strategy.
    discrete: Discrete(DiscreteConfig),
    /// Repeated evaluations of another strategy's members, for noisy fitness.
    reevaluated: Reevaluated(ReevaluatedConfig),
    /// Constraints around another strategy.
    constrained: Constrained(ConstrainedConfig),
    /// MAP-Elites: an archive of elites, varied along lines between them.
    map_elites: MapElites(MapElitesConfig),
    /// CMA-ME: CMA-ES that climb toward what improves an archive.
    cma_me: CmaMe(CmaMeConfig),
    /// CMA-MAE: the same with thresholds that follow the fitness slowly.
    cma_mae: CmaMae(CmaMaeConfig),
    /// NSGA-II: a front of members for several objectives.
    nsga2: Nsga2(Nsga2Config),
    /// MO-CMA-ES: the same by a CMA-ES for each member.
    mo_cma_es: MoCmaEs(MoCmaEsConfig),
    /// NEAT: evolves which connections and neurons a network has.
    neat: Neat(NeatConfig),
}

/// Name of the enum for serde.
const ENUM: &str = "StrategyConfig";

/// All strategies: those of this crate, then those registered.
struct Known {
    own: Vec<Entry>,
    infos: Vec<StrategyInfo>,
    /// Names in configs.
    names: Vec<&'static str>,
}

impl Known {
    /// Lives as long as the program, since serde wants names that do: one for each registration.
    fn leaked(own: Vec<Entry>) -> &'static Self {
        let infos: Vec<StrategyInfo> =
            BUILT_IN.iter().copied().chain(own.iter().map(|entry| *entry.info)).collect();
        let names = infos.iter().map(|info| info.config).collect();
        Box::leak(Box::new(Self { own, infos, names }))
    }
}

static KNOWN: LazyLock<RwLock<&'static Known>> = LazyLock::new(|| RwLock::new(Known::leaked(Vec::new())));

fn known() -> &'static Known {
    *KNOWN.read().unwrap_or_else(PoisonError::into_inner)
}

/// Every strategy there is.
#[must_use]
pub fn strategies() -> &'static [StrategyInfo] {
    &known().infos
}

/// Makes a strategy of another crate known by its name, for the whole program: call it before anything is read. From
/// then on, configs, `--set`, sweeps and the listings know it like one of this crate.
///
/// # Errors
/// A name that is taken or no word, fields that differ from those that [`Settings::info`] lists, and settings that
/// lack defaults or take unknown fields.
pub fn register<C: OwnSettings>() -> Result<(), StrategyError> {
    let entry = Entry::of::<C>()?;
    let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    let info = entry.info;
    let taken = |other: &&StrategyInfo| other.name == info.name || other.config == info.config;
    if let Some(other) = known.infos.iter().find(taken) {
        let problem = format!("`{}` (`{}` in configs) already exists", other.name, other.config);
        return Err(StrategyError::Registration { strategy: info.name, problem });
    }
    let own = known.own.iter().copied().chain([entry]).collect();
    *known = Known::leaked(own);
    Ok(())
}

impl<'de> Deserialize<'de> for StrategyConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_enum(ENUM, &known().names, Variants)
    }
}

struct Variants;

impl<'de> Visitor<'de> for Variants {
    type Value = StrategyConfig;

    fn expecting(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        write!(formatter, "enum {ENUM}")
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<StrategyConfig, A::Error> {
        let (place, content) = data.variant_seed(Name)?;
        StrategyConfig::read(place, content)
    }
}

/// Reads a name and gives its place among the known ones.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = usize;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<usize, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for Name {
    type Value = usize;

    fn expecting(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str("variant identifier")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<usize, E> {
        let names = &known().names;
        names.iter().position(|known| *known == name).ok_or_else(|| E::unknown_variant(name, names))
    }
}

/// The fields of a config in JSON, of the strategy that is wrapped where one is.
fn innermost(config: &mut Value) -> Option<&mut Map<String, Value>> {
    let fields = config.as_object_mut()?.values_mut().next()?.as_object_mut()?;
    match fields.contains_key("of") {
        true => innermost(fields.get_mut("of")?),
        false => Some(fields),
    }
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

    /// Most members that a generation may have, if the settings let its size differ from one to the next.
    #[must_use]
    pub fn max_population(&self) -> Option<usize> {
        self.settings().max_population()
    }

    /// How far the noise is to move the actions of a controller at the start (root mean square; they go from −1 to 1), if
    /// that is how its width is told: [`with_sigma`](Self::with_sigma) then tells it in parameters.
    #[must_use]
    pub fn action_sigma(&self) -> Option<f64> {
        self.settings().action_sigma()
    }

    /// The same with noise of this deviation per parameter, where the width can be told in actions.
    #[must_use]
    pub fn with_sigma(&self, sigma: f64) -> Self {
        let mut config = self.clone();
        match &mut config {
            Self::OpenEs(OpenEsConfig { sigma: told, radius, action_sigma, .. })
            | Self::Pgpe(PgpeConfig { sigma: told, radius, action_sigma, .. })
            | Self::Ars(ArsConfig { sigma: told, radius, action_sigma, .. })
            | Self::Snes(SnesConfig { sigma: told, radius, action_sigma, .. }) => {
                (*told, *radius, *action_sigma) = (Some(sigma), None, None);
            }
            // The width of the others cannot be told in actions.
            other => {
                if let Some(of) = other.wrapped() {
                    *of = of.with_sigma(sigma);
                }
            }
        }
        config
    }

    /// The strategy that is wrapped, where one is.
    fn wrapped(&mut self) -> Option<&mut Self> {
        match self {
            Self::Restarts(config) => Some(&mut config.of),
            Self::Bounded(config) => Some(&mut config.of),
            Self::Discrete(config) => Some(&mut config.of),
            Self::Reevaluated(config) => Some(&mut config.of),
            Self::Constrained(config) => Some(&mut config.of),
            _ => None,
        }
    }

    /// The same with some fields changed, of the strategy that is wrapped where one is.
    pub(super) fn with(&self, change: impl FnOnce(&mut Map<String, Value>)) -> serde_json::Result<Self> {
        let mut json = serde_json::to_value(self)?;
        if let Some(fields) = innermost(&mut json) {
            change(fields);
        }
        serde_json::from_value(json)
    }

    /// The same with another population and step size, where it has them.
    pub(super) fn resized(&self, population: usize, sigma: f64) -> serde_json::Result<Self> {
        self.with(|fields| {
            for (name, value) in fields {
                match name.as_str() {
                    "population" => *value = population.into(),
                    "sigma" => *value = sigma.into(),
                    "radius" | "action_sigma" => *value = Value::Null,
                    _ => {}
                }
            }
        })
    }

    /// The archive, of a strategy that keeps one.
    #[must_use]
    pub fn archive(&self) -> Option<ArchiveShape<'_>> {
        self.settings().archive()
    }

    /// The objectives, of a strategy with several.
    #[must_use]
    pub fn objectives(&self) -> Option<Objectives<'_>> {
        self.settings().objectives()
    }

    /// Number of constraints whose values the strategy must be told.
    #[must_use]
    pub fn constraints(&self) -> usize {
        self.settings().constraints()
    }

    /// The same with these ranges of descriptors, where there is an archive.
    #[must_use]
    pub fn with_ranges(&self, of: &[(f64, f64)]) -> Self {
        let mut config = self.clone();
        if let Self::MapElites(MapElitesConfig { ranges, .. })
        | Self::CmaMe(CmaMeConfig { ranges, .. })
        | Self::CmaMae(CmaMaeConfig { ranges, .. }) = &mut config
        {
            *ranges = of.to_vec();
        }
        config
    }

    /// The same for parameters that are these matrices, (rows, columns) each, where the strategy wants to know them
    /// and is not told otherwise.
    #[must_use]
    pub fn with_matrices(&self, of: &[(usize, usize)]) -> Self {
        let mut config = self.clone();
        match &mut config {
            Self::LowRankEs(LowRankEsConfig { matrices, .. }) if matrices.is_empty() => {
                *matrices = of.to_vec();
            }
            other => {
                if let Some(inner) = other.wrapped() {
                    *inner = inner.with_matrices(of);
                }
            }
        }
        config
    }

    /// The blocks of weights of a strategy that evolves the wiring of a network; empty where it is not told them yet.
    #[must_use]
    pub fn blocks(&self) -> Option<&[WeightBlock]> {
        self.settings().blocks()
    }

    /// The same for parameters that are these blocks of weights, where the strategy evolves wirings and is not told
    /// otherwise.
    #[must_use]
    pub fn with_blocks(&self, of: &[WeightBlock]) -> Self {
        match self {
            Self::Neat(config) if config.blocks.is_empty() => {
                Self::Neat(NeatConfig { blocks: of.to_vec(), ..config.clone() })
            }
            other => other.clone(),
        }
    }

    /// Whether there is a setting of this name.
    #[must_use]
    pub fn has(&self, field: &str) -> bool {
        self.info().has(field)
    }

    /// Where a search without previous results starts, if a controller would start at `initial`.
    #[must_use]
    pub fn start(&self, initial: Vec<f64>) -> Vec<f64> {
        self.settings().start(initial)
    }

    /// What a search of so many parameters takes of memory.
    ///
    /// # Errors
    /// More parameters than the strategy can hold.
    pub fn memory(&self, parameters: usize) -> Result<Memory, StrategyError> {
        self.settings().memory(parameters)
    }

    /// Starts a search, see [`Search::new`].
    ///
    /// # Errors
    /// As [`Search::new`].
    pub fn build<R: Real>(&self, x0: &[f64], seed: u64) -> Result<Search<R>, StrategyError> {
        Search::new(self.settings(), x0, seed)
    }
}
