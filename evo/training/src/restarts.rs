//! Restarts as a field of a config.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use strategies::{RestartScheme, RestartsConfig, StrategyConfig};

use crate::field::{InvalidField, require};

/// How the strategy is started again when it gets stuck. `restarts: Ipop(…)` beside `strategy: S` means
/// `strategy: Restarts(of: S, scheme: Ipop, …)`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Restarts {
    /// A run differs from the one before in nothing but its random numbers.
    Same(RestartSettings),
    /// The population grows (Auger and Hansen, A restart CMA evolution strategy with increasing population size, CEC
    /// 2005).
    Ipop(RestartSettings),
    /// Runs with growing populations and runs with small ones take turns (Hansen, Benchmarking a BI-population CMA-ES
    /// on the BBOB-2009 function testbed, GECCO 2009).
    Bipop(RestartSettings),
}

/// Settings of restarts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RestartSettings {
    /// Factor on the population from one large run to the next; ≥ 1. Default 2.
    pub factor: f64,
    /// Restarts after which training ends, not counting small runs, ≥ 0. Default 9.
    pub restarts: u64,
    /// A run after the first starts at a place drawn uniformly within ± this of the start in every parameter, ≥ 0.
    /// Default 0: all start at the same place.
    pub spread: f64,
    /// A run also ends after as many generations without a better member, ≥ 1. Default `None`: it does not.
    pub patience: Option<u64>,
}

impl Default for RestartSettings {
    fn default() -> Self {
        let RestartsConfig { factor, restarts, spread, patience, .. } = RestartsConfig::default();
        Self { factor, restarts, spread, patience }
    }
}

impl Restarts {
    fn scheme(&self) -> (RestartScheme, &'static str, &RestartSettings) {
        match self {
            Self::Same(settings) => (RestartScheme::Same, "Same", settings),
            Self::Ipop(settings) => (RestartScheme::Ipop, "Ipop", settings),
            Self::Bipop(settings) => (RestartScheme::Bipop, "Bipop", settings),
        }
    }
}

/// The strategy that searches: `strategy`, with restarts around it if there are any.
pub(crate) fn around<'a>(
    restarts: Option<&Restarts>,
    strategy: &'a StrategyConfig,
) -> Cow<'a, StrategyConfig> {
    let Some(restarts) = restarts else { return Cow::Borrowed(strategy) };
    let (scheme, _, &RestartSettings { factor, restarts, spread, patience }) = restarts.scheme();
    let of = Box::new(strategy.clone());
    Cow::Owned(StrategyConfig::Restarts(RestartsConfig { of, scheme, factor, restarts, spread, patience }))
}

/// Refuses restarts twice, and of nothing: `strategy` is none where only gradients train.
pub(crate) fn check(
    restarts: Option<&Restarts>,
    strategy: Option<&StrategyConfig>,
) -> Result<(), InvalidField> {
    let Some(restarts) = restarts else { return Ok(()) };
    let (_, kind, _) = restarts.scheme();
    let expected = "left out without `strategy`: there is nothing that could be started again";
    let Some(strategy) = strategy else { return require(false, "restarts", kind, expected) };
    let wrapped = serde_json::to_value(strategy).is_ok_and(|strategy| is_restarted(&strategy));
    let expected = "left out: `strategy` has Restarts(of: …), which is the same; keep one of the two";
    require(!wrapped, "restarts", kind, expected)
}

/// Whether a strategy as data is `Restarts`, or one around it.
fn is_restarted(strategy: &Value) -> bool {
    let variant = strategy.as_object().and_then(|variant| variant.iter().next());
    variant.is_some_and(|(name, fields)| name == "Restarts" || is_restarted(&fields["of"]))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use records::text;

    use crate::config::Config;

    fn config(fields: &str) -> Config {
        text::parse("a.ron", &format!("(env: InvertedPendulum(), {fields})")).unwrap()
    }

    #[test]
    fn the_field_means_the_wrapper_with_the_same_settings() {
        for (field, settings) in [
            ("Ipop", "scheme: Ipop"),
            ("Bipop()", "scheme: Bipop"),
            ("Same(patience: Some(3))", "scheme: Same, patience: Some(3)"),
            (
                "Ipop(factor: 1.5, restarts: 4, spread: 0.5, patience: 7)",
                "scheme: Ipop, factor: 1.5, restarts: 4, spread: 0.5, patience: 7",
            ),
        ] {
            let field = config(&format!("strategy: CmaEs(sigma: 0.2), restarts: {field}"));
            let wrapper = config(&format!("strategy: Restarts(of: CmaEs(sigma: 0.2), {settings})"));
            assert_eq!(*field.search(), wrapper.strategy);
            assert_eq!(*wrapper.search(), wrapper.strategy);
            field.validate().unwrap();
            let text = text::to_text(&field).unwrap();
            assert_eq!(text::parse::<Config>("a.ron", &text).unwrap(), field);
        }
        assert!(!text::to_text(&config("strategy: CmaEs()")).unwrap().contains("restarts"));
    }

    #[test]
    fn restarts_twice_are_refused() {
        for strategy in ["Restarts()", "Bounded(of: Restarts(of: OpenEs()))"] {
            let config = config(&format!("strategy: {strategy}, restarts: Bipop(spread: 1.0)"));
            assert_eq!(
                config.validate().unwrap_err().to_string(),
                "restarts = Bipop: must be left out: `strategy` has Restarts(of: …), which is the same; keep one of the \
                 two"
            );
        }
        config("strategy: Bounded(of: OpenEs()), restarts: Bipop").validate().unwrap();
    }
}
