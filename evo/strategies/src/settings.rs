//! The settings of a strategy, and how they are described.

use serde::Serialize;

use super::{ArchiveShape, Objectives, Strategy, StrategyError, WeightBlock};

/// What the settings of one strategy implement.
pub trait Settings: Send + Sync {
    /// What there is to know about the strategy.
    fn info(&self) -> &'static StrategyInfo;

    /// Checks every field.
    ///
    /// # Errors
    /// Names the first field that is out of range; [`super::check`] has the messages.
    fn validate(&self) -> Result<(), StrategyError>;

    /// The settings of the strategy that this one wraps, if it does. They are its field `of`.
    fn of(&self) -> Option<&dyn Settings> {
        None
    }

    /// How far the noise is to move the actions of a controller at the start, if that is how its width is told.
    fn action_sigma(&self) -> Option<f64> {
        None
    }

    /// Most members that a generation may have, where its size may differ from one generation to the next.
    fn max_population(&self) -> Option<usize> {
        None
    }

    /// The archive, of a strategy that keeps one. Such a strategy must be told descriptors.
    fn archive(&self) -> Option<ArchiveShape<'_>> {
        None
    }

    /// Number of constraints, whose values the strategy must be told as those of descriptors.
    fn constraints(&self) -> usize {
        0
    }

    /// The objectives, of a strategy with several. It must be told their values as those of descriptors.
    fn objectives(&self) -> Option<Objectives<'_>> {
        None
    }

    /// The blocks of weights of a strategy that evolves the wiring of a network; empty where it is not told them yet.
    fn blocks(&self) -> Option<&[WeightBlock]> {
        None
    }

    /// Whether the strategy is told nothing but fitness.
    fn needs_fitness_only(&self) -> bool {
        self.archive().is_none() && self.constraints() == 0 && self.objectives().is_none()
    }

    /// Where a search without previous results starts, if a controller would start at `initial`.
    fn start(&self, initial: Vec<f64>) -> Vec<f64> {
        initial
    }

    /// What a search of so many parameters takes of memory, with settings that were checked. The default is that of
    /// some vectors, as strategies take that make their members when they are asked for.
    ///
    /// # Errors
    /// More parameters than it can hold.
    fn memory(&self, parameters: usize) -> Result<Memory, StrategyError> {
        Ok(Memory::linear(parameters))
    }

    /// The strategy at its start point, with settings that were checked.
    ///
    /// # Errors
    /// A start point outside of what the strategy searches, or more parameters than it can hold.
    fn build(&self, x0: &[f64], seed: u64) -> Result<Box<dyn Strategy>, StrategyError>;
}

/// What a search takes of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// The distribution, what updates it, and copies for a checkpoint, bytes.
    pub distribution: u64,
    /// Whether that grows with the square of the number of parameters.
    pub is_square: bool,
    /// Members of a generation that are held all at once; 0 where they are made when they are asked for.
    pub population: usize,
    /// Each of those, bytes.
    pub member: u64,
}

impl Memory {
    /// Some vectors of doubles: mean, deviations, an optimizer's, a gradient, and copies of them.
    #[must_use]
    pub fn linear(parameters: usize) -> Self {
        let distribution = (parameters as u64).saturating_mul(120);
        Self { distribution, is_square: false, population: 0, member: 0 }
    }

    /// So many full matrices of doubles, and `population` members, each with so many vectors of doubles.
    pub(crate) fn square(parameters: usize, matrices: u64, population: usize, vectors: u64) -> Self {
        let n = parameters as u64;
        let distribution = n.saturating_mul(n).saturating_mul(8 * matrices);
        Self { distribution, is_square: true, population, member: n.saturating_mul(8 * vectors) }
    }
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
    /// A setting.
    #[must_use]
    pub const fn new(
        name: &'static str,
        unit: &'static str,
        default: &'static str,
        range: &'static str,
    ) -> Self {
        Self { name, unit, default, range }
    }
}

/// The setting of strategies whose generations may differ in size.
pub(super) const MAX_POPULATION: FieldInfo =
    FieldInfo::new("max_population", "members", "None", "None, or even and ≥ population");

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

impl StrategyInfo {
    /// Whether there is a setting of this name.
    #[must_use]
    pub fn has(&self, field: &str) -> bool {
        self.fields.iter().any(|info| info.name == field)
    }
}
