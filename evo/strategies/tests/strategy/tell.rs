//! Whatever is told, a search is sound afterwards, or says that it diverged.

use proptest::prelude::*;
use strategies::{Search, StrategyError};

use super::suite::all;

/// Ordinary, extreme, equal and failed values.
fn fitness() -> impl Strategy<Value = f64> {
    prop_oneof![
        6 => -10.0..10.0_f64,
        2 => Just(1.0),
        1 => prop::num::f64::ANY,
        1 => prop_oneof![Just(f64::NAN), Just(f64::INFINITY), Just(f64::MAX), Just(f64::MIN), Just(5e-324)],
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_told_leaves_a_search_that_can_be_saved(
        values in prop::collection::vec(fitness(), 40 * 30),
        seed in any::<u64>(),
    ) {
        for config in all() {
            let mut search: Search = config.build(&config.start(vec![0.3; 4]), seed).unwrap();
            for row in values.chunks(40) {
                search.ask();
                let told: Vec<f64> = row.iter().copied().cycle().take(search.population()).collect();
                let before = search.state();
                match search.tell(&told) {
                    Ok(()) => {}
                    Err(StrategyError::NoFiniteFitness { .. }) => {
                        prop_assert!(told.iter().all(|value| !value.is_finite()));
                        prop_assert_eq!(search.state(), before);
                        continue;
                    }
                    // Fitness that is not ranked may be of any size.
                    Err(StrategyError::Diverged { .. }) => {
                        prop_assert!(search.can_diverge(), "{:?}", config);
                        break;
                    }
                    Err(error) => panic!("{config:?}: {error}"),
                }
                prop_assert_eq!(search.state().check_finite(), Ok(()), "{:?}", config);
                prop_assert!(search.sigma() > 0.0, "{:?}", config);
                let best = search.best().unwrap().0;
                prop_assert!(told.iter().all(|&value| !value.is_finite() || value <= best));
                let _ = search.stop_reason();
            }
        }
    }
}
