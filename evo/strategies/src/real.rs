//! The precision of members: f64 for a function of one's own, f32 for a controller.

use super::strategy::Precision;
use super::{State, Strategy, StrategyError};

/// A number of members: `f64` or `f32`.
///
/// A search of either precision makes the same draws; members of `f32` are what a controller's weights can hold.
pub trait Real: sealed::Methods {}

impl Real for f64 {}
impl Real for f32 {}

pub(super) mod sealed {
    use super::{Precision, State, Strategy, StrategyError};

    /// Not to be implemented for other numbers.
    pub trait Methods: Copy + Default + Send + Sync + 'static {
        const PRECISION: Precision;

        fn rounded(value: f64) -> Self;

        fn members(strategy: &dyn Strategy, first: usize, out: &mut [Self]);

        fn save(state: &mut State, name: &str, values: &[Self]);

        fn saved(state: &State, name: &str, length: usize) -> Result<Vec<Self>, StrategyError>;
    }
}

impl sealed::Methods for f64 {
    const PRECISION: Precision = Precision::Double;

    fn rounded(value: f64) -> Self {
        value
    }

    fn members(strategy: &dyn Strategy, first: usize, out: &mut [Self]) {
        strategy.members(first, out);
    }

    fn save(state: &mut State, name: &str, values: &[Self]) {
        state.set_f64(name, &[values.len()], values);
    }

    fn saved(state: &State, name: &str, length: usize) -> Result<Vec<Self>, StrategyError> {
        Ok(state.f64(name, &[length])?.to_vec())
    }
}

impl sealed::Methods for f32 {
    const PRECISION: Precision = Precision::Single;

    fn rounded(value: f64) -> Self {
        value as f32
    }

    fn members(strategy: &dyn Strategy, first: usize, out: &mut [Self]) {
        strategy.members_f32(first, out);
    }

    fn save(state: &mut State, name: &str, values: &[Self]) {
        state.set_f32(name, &[values.len()], values);
    }

    fn saved(state: &State, name: &str, length: usize) -> Result<Vec<Self>, StrategyError> {
        Ok(state.f32(name, &[length])?.to_vec())
    }
}
