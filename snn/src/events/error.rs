//! What can go wrong with networks in continuous time.

use thiserror::Error;

/// A network in continuous time that cannot be built, or cannot go on.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum EventsError {
    /// A number outside its range, or not finite.
    #[error("`{field}` is {value}; valid: {range}")]
    OutOfRange {
        /// What it is, with its place.
        field: String,
        /// Value given.
        value: f64,
        /// The valid range in words.
        range: &'static str,
    },
    /// Two things whose sizes do not fit.
    #[error("{what}: {found}, but {expected} are needed")]
    Shape {
        /// What has the wrong size.
        what: String,
        /// Its size.
        found: usize,
        /// The size that fits.
        expected: usize,
    },
    /// A projection from or to a population that is not there.
    #[error("projection {projection} names population {population}; valid: 0 to {last}")]
    Population {
        /// Number of the projection.
        projection: usize,
        /// The population named.
        population: usize,
        /// Largest valid number.
        last: usize,
    },
    /// A projection from neurons that never spike.
    #[error("projection {projection} begins at population {population}, which does not spike")]
    Silent {
        /// Number of the projection.
        projection: usize,
        /// The population named.
        population: usize,
    },
    /// More events than the limit: the activity has run away.
    #[error(
        "more than {limit} events between 0 and {time} s of an interval of {duration} s: the activity \
         runs away, or `max_events` is too small"
    )]
    TooManyEvents {
        /// The limit.
        limit: usize,
        /// When it was reached, in seconds from the beginning of the interval.
        time: f64,
        /// Length of the interval.
        duration: f64,
    },
    /// A state became infinite or no number.
    #[error("the state of neuron {neuron} of population {population} is not finite at {time} s")]
    NotFinite {
        /// Its population.
        population: usize,
        /// Its number there.
        neuron: usize,
        /// When, in seconds from the beginning of the interval.
        time: f64,
    },
}

/// Refuses `value` of `field` unless `valid` holds and it is finite.
pub(crate) fn check(
    field: impl FnOnce() -> String,
    value: f64,
    valid: bool,
    range: &'static str,
) -> Result<(), EventsError> {
    if valid && value.is_finite() {
        Ok(())
    } else {
        Err(EventsError::OutOfRange { field: field(), value, range })
    }
}

/// Refuses a length that does not fit.
pub(crate) fn check_length(what: &str, found: usize, expected: usize) -> Result<(), EventsError> {
    if found == expected {
        Ok(())
    } else {
        Err(EventsError::Shape { what: what.to_owned(), found, expected })
    }
}
