//! Strategies of other crates by their names.

use std::sync::Once;

use serde::{Deserialize, Serialize};
use strategies::{
    FieldInfo, OnDemand, Registered, Settings, Strategy, StrategyConfig, StrategyError, StrategyInfo,
    register, strategies,
};

use super::cem::CemConfig;

/// Once for all tests of this program.
pub fn register_cem() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| register::<CemConfig>().unwrap());
}

#[test]
fn a_registered_strategy_is_read_written_and_listed_like_the_others() {
    register_cem();
    assert_eq!(strategies().iter().filter(|info| info.name == "cem").count(), 1);
    let expected = CemConfig { population: 64, ..CemConfig::default() };
    let expected = StrategyConfig::Registered(Registered::new(expected));
    let read: StrategyConfig = ron::from_str("Cem((population: 64))").unwrap();
    assert_eq!(read, expected);
    assert_eq!(read.clone(), read);
    let other = StrategyConfig::Registered(Registered::new(CemConfig::default()));
    assert!(other != expected && other != StrategyConfig::from_name("ec").unwrap());
    assert_eq!(StrategyConfig::from_name("cem").unwrap(), other);
    assert_eq!(ron::from_str::<StrategyConfig>(&ron::to_string(&expected).unwrap()).unwrap(), expected);
    assert_eq!(serde_json::to_value(&expected).unwrap()["Cem"]["population"], 64);
    let error = serde_json::from_str::<StrategyConfig>(r#"{"Cem": {"size": 3}}"#).unwrap_err().to_string();
    let fields = "`population`, `sigma`, `elite_ratio`, `noise`";
    assert!(error.starts_with(&format!("unknown field `size`, expected one of {fields}")), "{error}");
    let error = serde_json::from_str::<StrategyConfig>(r#"{"Came": {}}"#).unwrap_err().to_string();
    assert!(error.contains("unknown variant `Came`") && error.contains("`Neat`, `Cem`"), "{error}");
}

/// Settings with mistakes: `FIELDS` are those listed, `NAMES` on the command line and in configs.
macro_rules! settings {
    ($config:ident, $names:expr, $fields:expr, $(#[$meta:meta])*) => {
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
        $(#[$meta])*
        struct $config {
            population: usize,
        }

        impl Settings for $config {
            fn info(&self) -> &'static StrategyInfo {
                const NAMES: [&str; 2] = $names;
                const INFO: StrategyInfo = StrategyInfo {
                    name: NAMES[0],
                    config: NAMES[1],
                    summary: "",
                    reference: "",
                    fields: &[FieldInfo::new($fields, "", "", "")],
                };
                &INFO
            }

            fn validate(&self) -> Result<(), StrategyError> {
                Ok(())
            }

            fn build(&self, x0: &[f64], seed: u64) -> Result<Box<dyn Strategy>, StrategyError> {
                Ok(OnDemand::boxed(self.population, false, (x0, 1.0), seed, Nothing))
            }
        }
    };
}

/// Learns nothing.
struct Nothing;

impl strategies::Update for Nothing {
    const ADAPTS: bool = false;

    fn tell(&mut self, _: &mut strategies::Diagonal, _: &[f64], _: &strategies::Ranked) {}
}

settings!(Taken, ["open_es", "Mine"], "population", #[serde(deny_unknown_fields, default)]);
settings!(TakenInConfigs, ["mine", "OpenEs"], "population", #[serde(deny_unknown_fields, default)]);
settings!(Small, ["mine", "mine"], "population", #[serde(deny_unknown_fields, default)]);
settings!(Spaced, ["my own", "Mine"], "population", #[serde(deny_unknown_fields, default)]);
settings!(Unlisted, ["mine", "Mine"], "size", #[serde(deny_unknown_fields, default)]);
settings!(Required, ["mine", "Mine"], "population", #[serde(deny_unknown_fields)]);
settings!(Lenient, ["mine", "Mine"], "population", #[serde(default)]);

#[test]
fn what_would_go_wrong_later_is_refused() {
    register_cem();
    let cases = [
        (register::<CemConfig>(), "`cem` (`Cem` in configs) already exists"),
        (register::<Taken>(), "`open_es` (`OpenEs` in configs) already exists"),
        (register::<TakenInConfigs>(), "`open_es` (`OpenEs` in configs) already exists"),
        (register::<Small>(), "must be a word that starts with a capital"),
        (register::<Spaced>(), "must be a word"),
        (register::<Unlisted>(), "are not those of its settings"),
        (register::<Required>(), "`#[serde(default)]`"),
        (register::<Lenient>(), "`#[serde(deny_unknown_fields)]`"),
    ];
    for (result, message) in cases {
        let error = result.unwrap_err().to_string();
        assert!(error.starts_with("strategy ") && error.contains(message), "{message}: {error}");
    }
    assert!(!strategies().iter().any(|info| info.name == "mine" || info.config == "Mine"));
}
