//! What strategies around another one have in common.

use super::{StrategyConfig, StrategyError, check};

/// Refuses a strategy that `name` cannot be around: one that is told of more than fitness, or whose generations may grow;
/// `sized` says why not.
pub(super) fn fits(
    name: &'static str,
    of: &StrategyConfig,
    sized: &'static str,
) -> Result<(), StrategyError> {
    if !of.settings().needs_fitness_only() {
        let expected = "a strategy that is told of fitness alone";
        return Err(check::error(name, "of", &of.info().config, expected));
    }
    if of.blocks().is_some() {
        let expected =
            "a strategy for fixed networks: what is around it would change weights that are to stay 0";
        return Err(check::error(name, "of", &of.info().config, expected));
    }
    match of.max_population() {
        Some(most) => Err(check::error(of.name(), "max_population", &most, sized)),
        None => Ok(()),
    }
}

/// Methods of [`Strategy`](super::Strategy) that do what those of the strategy inside do:
/// `from_inner!([inner]: ask, mean)`, where it is `self.inner`.
macro_rules! from_inner {
    ($inner:tt: $($method:ident),+ $(,)?) => {
        $($crate::wrapper::from_inner!(@ $method $inner);)+
    };
    (@ population [$($field:ident).+]) => {
        fn population(&self) -> usize {
            self.$($field).+.population()
        }
    };
    (@ dimension [$($field:ident).+]) => {
        fn dimension(&self) -> usize {
            self.$($field).+.dimension()
        }
    };
    (@ ask [$($field:ident).+]) => {
        fn ask(&mut self, generation: u64) {
            self.$($field).+.ask(generation);
        }
    };
    (@ members [$($field:ident).+]) => {
        fn members(&self, first: usize, out: &mut [f64]) {
            self.$($field).+.members(first, out);
        }
        fn members_f32(&self, first: usize, out: &mut [f32]) {
            self.$($field).+.members_f32(first, out);
        }
    };
    (@ mean [$($field:ident).+]) => {
        fn mean(&self) -> &[f64] {
            self.$($field).+.mean()
        }
        fn shift(&mut self, by: &[f64]) {
            self.$($field).+.shift(by);
        }
    };
    (@ sigma [$($field:ident).+]) => {
        fn sigma(&self) -> f64 {
            self.$($field).+.sigma()
        }
        fn can_diverge(&self) -> bool {
            self.$($field).+.can_diverge()
        }
    };
    (@ deviations [$($field:ident).+]) => {
        fn deviations(&self) -> Option<&[f64]> {
            self.$($field).+.deviations()
        }
        fn marginals(&self) -> Option<Vec<f64>> {
            self.$($field).+.marginals()
        }
    };
    (@ stop_reason [$($field:ident).+]) => {
        fn stop_reason(&self, precision: $crate::strategy::Precision) -> Option<$crate::StopReason> {
            self.$($field).+.stop_reason(precision)
        }
    };
}
pub(super) use from_inner;
