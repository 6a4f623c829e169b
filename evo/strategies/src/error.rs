//! What can go wrong with a search.

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
    /// A strategy of another crate cannot be known by name.
    #[error("strategy {strategy} cannot be registered: {problem}")]
    Registration {
        /// Name of the strategy.
        strategy: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// The start point has no elements.
    #[error("there are no parameters to search over: the start point is empty")]
    NoParameters,
    /// The start point is not usable.
    #[error("the start point is not finite in {precision}: parameter {index} is {value}")]
    StartNotFinite {
        /// Precision of the members, `f32` or `f64`.
        precision: &'static str,
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
    /// The start point is not between the bounds.
    #[error("the start point is out of bounds: parameter {index} is {value}, expected {lower} to {upper}")]
    OutOfBounds {
        /// First such parameter.
        index: usize,
        /// Its value.
        value: f64,
        /// Lower bound, infinite where there is none.
        lower: f64,
        /// Upper bound, likewise.
        upper: f64,
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
    /// `tell` got a number of values that a generation cannot have.
    #[error("got {found} fitness values, expected an even number from {least} to {most}")]
    FitnessCount {
        /// Population.
        least: usize,
        /// Largest population.
        most: usize,
        /// Number of values.
        found: usize,
    },
    /// `tell` got another number of descriptors than the strategy needs.
    #[error("strategy {strategy} needs {each} descriptors for each of {members} members: got {found} values")]
    Descriptors {
        /// Name of the strategy.
        strategy: &'static str,
        /// Descriptors per member.
        each: usize,
        /// Members of the generation.
        members: usize,
        /// Number of values.
        found: usize,
    },
    /// `tell` got descriptors for a strategy without an archive.
    #[error("strategy {strategy} takes no descriptors")]
    NoDescriptors {
        /// Name of the strategy.
        strategy: &'static str,
    },
    /// Every member failed, so there is nothing to learn from.
    #[error("generation {generation}: no member has a finite fitness")]
    NoFiniteFitness {
        /// Which generation, counted from 0.
        generation: u64,
    },
    /// The update left the finite numbers.
    #[error(
        "generation {generation}: the mean or sigma of the search is no longer finite; use a smaller sigma or \
         learning rate"
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
