//! What a strategy is to whoever runs a search.

use serde::Serialize;

use super::{Archive, Evidence, Front, Ranked, State, StrategyError, Topology};

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
    /// The step size grew by more than 1e20 relative to the longest axis of the covariance matrix: a rugged or flat
    /// fitness drives them apart, and the search only creeps.
    TolUpSigma,
    /// The covariance matrix has a condition number of more than 1e14.
    Condition,
    /// A step of 0.1 standard deviations along an axis does not change any member.
    NoEffectAxis,
    /// A step of 0.2 standard deviations in some coordinate does not change that coordinate.
    NoEffectCoord,
    /// The best fitness of recent generations differs by less than 1e-12.
    TolFunHist,
    /// Three quarters of the members had the same fitness, for more than three generations.
    FlatFitness,
    /// Neither the best nor the median members became better for a long time.
    Stagnation,
    /// The mean hardly moved for a long time.
    MeanStagnation,
    /// A run had all the generations that it may have.
    Generations,
    /// No better member for as many generations as the settings say.
    NoImprovement,
    /// All restarts are used up.
    Restarts,
}

/// How precise members are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// f32, for controllers.
    Single,
    /// f64, for functions of one's own.
    Double,
}

impl Precision {
    /// Name of the type, as in Rust.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Single => "f32",
            Self::Double => "f64",
        }
    }

    /// The nearest such number.
    #[must_use]
    pub fn round(self, value: f64) -> f64 {
        match self {
            Self::Single => f64::from(value as f32),
            Self::Double => value,
        }
    }
}

/// What one strategy implements. Used through [`super::Search`], which guards the order of the calls.
pub trait Strategy: Send + Sync {
    /// Members per generation.
    fn population(&self) -> usize;

    /// Most members that a generation may have. Where that is more than the population, [`Strategy::members`] makes
    /// those beyond it, and [`Strategy::tell`] takes the fitness of any even number of members between the two.
    fn max_population(&self) -> usize {
        self.population()
    }

    /// Parameters per member.
    fn dimension(&self) -> usize;

    /// Prepares a generation. Repeating it with the same generation must give the same members.
    fn ask(&mut self, generation: u64);

    /// Writes consecutive members, from `first` on, one after another into `out` (a whole number of members, not
    /// beyond the largest population). A member has the same bits in whatever company it is written. Called from many
    /// threads.
    fn members(&self, first: usize, out: &mut [f64]);

    /// Writes the same members in single precision, for controllers: rounded, unless the strategy can do it faster.
    fn members_f32(&self, first: usize, out: &mut [f32]) {
        let mut member = vec![0.0; self.dimension()];
        for (index, row) in (first..).zip(out.chunks_mut(member.len())) {
            self.members(index, &mut member);
            row.iter_mut().zip(&member).for_each(|(x, &exact)| *x = exact as f32);
        }
    }

    /// Updates the distribution from sanitised (finite) fitness and the order of the members.
    fn tell(&mut self, fitness: &[f64], ranked: &Ranked);

    /// Descriptors of each member that [`Strategy::tell_with`] needs, or objectives, or constraints; 0 where only
    /// fitness counts.
    fn descriptors(&self) -> usize {
        0
    }

    /// As [`Strategy::tell`], with the descriptors of each member one after another: finite, but for failed members,
    /// which are the last ones of `ranked`.
    fn tell_with(&mut self, fitness: &[f64], ranked: &Ranked, _descriptors: &[f64]) {
        self.tell(fitness, ranked);
    }

    /// The archive, of a strategy that keeps one.
    fn archive(&self) -> Option<&Archive> {
        None
    }

    /// The members that no other one dominates, of a strategy with several objectives.
    fn front(&self) -> Option<Front> {
        None
    }

    /// How far it has come, of a strategy that evolves the wiring of a network.
    fn topology(&self) -> Option<Topology> {
        None
    }

    /// The mean of the distribution (`dimension` elements); the best member so far where there is an archive, and
    /// that with the best first objective where there are several.
    fn mean(&self) -> &[f64];

    /// Moves the mean of the distribution by `by` (`dimension` elements), as far as the strategy searches
    /// there; nothing else changes.
    fn shift(&mut self, by: &[f64]);

    /// Whether one update can lead from finite members out of the finite numbers, as an optimizer's step can. False
    /// where the mean stays between the members.
    fn can_diverge(&self) -> bool {
        true
    }

    /// Overall step size, parameter units.
    fn sigma(&self) -> f64;

    /// Standard deviation of each coordinate (`dimension` elements), where they are independent normals.
    fn deviations(&self) -> Option<&[f64]> {
        None
    }

    /// Standard deviation of each coordinate of the members (`dimension` elements), where the strategy knows,
    /// independent or not.
    fn marginals(&self) -> Option<Vec<f64>> {
        self.deviations().map(<[f64]>::to_vec)
    }

    /// Whether [`Strategy::evidence`] will be asked for.
    fn measure(&mut self, _whether: bool) {}

    /// What the last `tell` says about the gradient and the step, where the strategy knows; no part of the state.
    fn evidence(&self) -> Option<Evidence> {
        None
    }

    /// Why going on is unlikely to help, with members of a precision. A pure function of the saved state.
    fn stop_reason(&self, _precision: Precision) -> Option<StopReason> {
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
