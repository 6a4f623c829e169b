//! What a config says about the episodes of a generation.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use strategies::{Schedule, StrategyConfig, strategies};

use crate::field::{InvalidField, require};

/// How a member of the population is scored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RolloutConfig {
    /// Episodes per member; its fitness is their mean return.
    pub episodes: usize,
    /// Factor on `episodes` over the run. The product is rounded, and is at least 1.
    pub episodes_schedule: Schedule,
    /// Fewest control steps in a generation. Members are added in pairs, in a fixed order, until the
    /// generation has this many or `strategy.max_population` is reached. With `None` it has
    /// `strategy.population` members.
    pub min_steps: Option<u64>,
    /// Which members of a generation have the same start states, so that their fitness differs only by their
    /// parameters.
    pub starts: Starts,
    /// Control steps after which an episode is truncated; `None` means the task's own horizon.
    pub horizon: Option<usize>,
    /// Whether observations are normalised by the running mean and deviation of all episodes so far.
    pub normalize: bool,
    /// Normalised observations are clipped to ± this many deviations.
    pub clip: f32,
    /// Standard deviation of normal noise on the actions of evolution's training episodes, 0 to 1; actions go
    /// from −1 to 1 and are clipped. Members with the same start states see the same noise.
    pub action_noise: f64,
    /// Factors on reward terms in training, by name; 1 for terms that are not named. Evaluations always use
    /// 1.
    pub weights: BTreeMap<String, f64>,
    /// Factors on those weights over a run of evolution, by name of the term. The meaning of fitness then
    /// changes from one generation to the next.
    pub weight_schedules: BTreeMap<String, Schedule>,
    /// Fitness lost in training per microjoule that the controller uses, by the estimate of
    /// `snn::Activity::energy_pj`; ≥ 0. Makes activity sparse.
    pub energy_cost: f64,
}

/// Which members of a generation have the same start states.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Starts {
    /// The two members of an antithetic pair. Every pair sees other starts, so a generation sees many.
    #[default]
    Pair,
    /// All members, so that no member ranks higher because of an easy start. Useful if starts differ much,
    /// for strategies without pairs and for those that choose members or directions by fitness. Use it with
    /// more `episodes`.
    Population,
}

impl Default for RolloutConfig {
    fn default() -> Self {
        Self {
            episodes: 1,
            episodes_schedule: Schedule::Constant,
            min_steps: None,
            starts: Starts::Pair,
            horizon: None,
            normalize: true,
            clip: 5.0,
            action_noise: 0.0,
            weights: BTreeMap::new(),
            weight_schedules: BTreeMap::new(),
            energy_cost: 0.0,
        }
    }
}

/// Most episodes of a member.
const MAX_EPISODES: usize = 1_000_000;

impl RolloutConfig {
    /// Episodes per member in a generation, counted from 0.
    #[must_use]
    pub fn episodes(&self, generation: u64) -> usize {
        whole(self.episodes, self.episodes_schedule.factor(generation))
    }

    /// The most episodes per member in any generation.
    #[must_use]
    pub fn most_episodes(&self) -> usize {
        whole(self.episodes, self.episodes_schedule.largest())
    }

    /// Factors on the reward terms of these names in a generation, counted from 0.
    #[must_use]
    pub fn weights(&self, terms: &[&str], generation: u64) -> Vec<f64> {
        let weight = |name: &&str| {
            let weight = self.weights.get(*name).copied().unwrap_or(1.0);
            self.weight_schedules.get(*name).map_or(weight, |schedule| weight * schedule.factor(generation))
        };
        terms.iter().map(weight).collect()
    }

    /// Checks every field.
    ///
    /// # Errors
    /// The first field that is out of range, with the range.
    pub fn validate(&self) -> Result<(), InvalidField> {
        let many = 1..=MAX_EPISODES;
        require(many.contains(&self.episodes), "rollout.episodes", self.episodes, "1 to 1000000")?;
        check_schedule("rollout.episodes_schedule", &self.episodes_schedule)?;
        if let Some(horizon) = self.horizon {
            require(
                (1..=1_000_000_000).contains(&horizon),
                "rollout.horizon",
                horizon,
                "1 to 1000000000, or None",
            )?;
        }
        let clip = self.clip;
        require(clip > 0.0 && clip.is_finite(), "rollout.clip", clip, "above 0 and finite")?;
        let noise = self.action_noise;
        require((0.0..=1.0).contains(&noise), "rollout.action_noise", noise, "0 to 1")?;
        let cost = self.energy_cost;
        require(cost >= 0.0 && cost.is_finite(), "rollout.energy_cost", cost, "finite and at least 0")?;
        for (term, weight) in &self.weights {
            require(weight.is_finite(), &format!("rollout.weights.{term}"), weight, "finite")?;
        }
        self.weight_schedules.iter().try_for_each(|(term, schedule)| {
            check_schedule(&format!("rollout.weight_schedules.{term}"), schedule)
        })
    }

    /// Checks that `min_steps` and the strategy's `max_population` go together.
    ///
    /// # Errors
    /// One without the other, or a strategy whose weights are fixed by its population.
    pub fn validate_growth(&self, strategy: &StrategyConfig) -> Result<(), InvalidField> {
        let most = strategy.max_population();
        let Some(steps) = self.min_steps else {
            let valid = "None without rollout.min_steps, which adds the members";
            return require(most.is_none(), "strategy.max_population", most.unwrap_or(0), valid);
        };
        let field = "rollout.min_steps";
        let some = (1..=1_000_000_000_000).contains(&steps);
        require(some, field, steps, "1 to 1000000000000, or None")?;
        if most.is_some() {
            return Ok(());
        }
        let can: Vec<&str> =
            strategies().iter().filter(|info| info.has("max_population")).map(|info| info.config).collect();
        let name = strategy.info().config;
        let expected = match strategy.has("max_population") {
            true => {
                format!(
                    "None, unless strategy.max_population is set: the largest number of members up to which {name} may add some"
                )
            }
            false => format!(
                "None with {name}, whose weights are fixed by its population; strategies that can add members: {}",
                can.join(", ")
            ),
        };
        require(false, field, steps, expected)
    }

    /// Checks that `weights` and `weight_schedules` name reward terms of the task.
    ///
    /// # Errors
    /// The first name that is no term, with those that are.
    pub fn validate_weights(&self, terms: &[&str]) -> Result<(), InvalidField> {
        let known = |field: &str, name: &String, value: String| {
            require(
                terms.contains(&name.as_str()),
                &format!("rollout.{field}.{name}"),
                value,
                format!("the weight of a reward term ({})", terms.join(", ")),
            )
        };
        self.weights.iter().try_for_each(|(name, weight)| known("weights", name, weight.to_string()))?;
        self.weight_schedules
            .iter()
            .try_for_each(|(name, schedule)| known("weight_schedules", name, format!("{schedule:?}")))
    }
}

/// A number of episodes times a factor.
fn whole(episodes: usize, factor: f64) -> usize {
    // From floats that are out of range, `as` takes the nearest integer.
    ((episodes as f64 * factor).round() as usize).clamp(1, MAX_EPISODES)
}

fn check_schedule(field: &str, schedule: &Schedule) -> Result<(), InvalidField> {
    match schedule.problem() {
        Some((value, expected)) => require(false, field, value, expected),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn episodes_and_weights_follow_their_schedules() {
        let linear = |to| Schedule::Linear { to, generations: 10 };
        let rollout = RolloutConfig {
            episodes: 2,
            episodes_schedule: linear(4.0),
            weights: BTreeMap::from([("survive".to_owned(), 0.5)]),
            weight_schedules: BTreeMap::from([
                ("survive".to_owned(), linear(0.0)),
                ("control".to_owned(), linear(3.0)),
            ]),
            ..RolloutConfig::default()
        };
        rollout.validate().unwrap();
        assert_eq!([0, 1, 5, 10, 99].map(|generation| rollout.episodes(generation)), [2, 3, 5, 8, 8]);
        assert_eq!(rollout.most_episodes(), 8);
        let weights = |generation| rollout.weights(&["forward", "survive", "control"], generation);
        assert_eq!([0, 5, 20].map(weights), [[1.0, 0.5, 1.0], [1.0, 0.25, 2.0], [1.0, 0.0, 3.0]]);
        let shrinking = RolloutConfig { episodes_schedule: linear(0.0), ..rollout };
        assert_eq!((shrinking.episodes(10), shrinking.most_episodes()), (1, 2), "never none");
    }

    #[test]
    fn schedules_out_of_range_and_unknown_terms_are_refused() {
        let schedule = |to, generations| RolloutConfig {
            weight_schedules: BTreeMap::from([("flight".to_owned(), Schedule::Linear { to, generations })]),
            ..RolloutConfig::default()
        };
        let refused = |rollout: &RolloutConfig| rollout.validate().unwrap_err().to_string();
        let field = "rollout.weight_schedules.flight";
        assert_eq!(refused(&schedule(-1.0, 3)), format!("{field} = -1: must be a finite number ≥ 0"));
        assert_eq!(refused(&schedule(1.0, 0)), format!("{field} = 0: must be an integer ≥ 1"));
        let error = schedule(1.0, 3).validate_weights(&["forward"]).unwrap_err().to_string();
        assert!(error.starts_with(field) && error.ends_with("a reward term (forward)"), "{error}");
    }

    #[test]
    fn steps_to_reach_need_a_strategy_that_adds_members_and_a_bound() {
        let steps = |min_steps| RolloutConfig { min_steps, ..RolloutConfig::default() };
        let check = |min_steps, name: &str, most: Option<usize>| {
            let config = StrategyConfig::from_name(name).unwrap();
            let mut json = serde_json::to_value(&config).unwrap();
            if let Some(most) = most {
                json[config.info().config]["max_population"] = most.into();
            }
            let config = serde_json::from_value(json).unwrap();
            steps(min_steps).validate_growth(&config).map_err(|error| error.to_string())
        };
        for name in ["open_es", "pgpe", "ars", "ec"] {
            assert_eq!(check(Some(1000), name, Some(3200)), Ok(()), "{name}");
            assert_eq!(check(None, name, None), Ok(()), "{name}");
            let error = check(Some(1000), name, None).unwrap_err();
            assert!(
                error.starts_with("rollout.min_steps = 1000: must be None, unless strategy.max_p"),
                "{error}"
            );
            let error = check(None, name, Some(3200)).unwrap_err();
            assert!(error.starts_with("strategy.max_population = 3200: must be None without"), "{error}");
        }
        for name in ["cma_es", "sep_cma_es", "xnes"] {
            let error = check(Some(1000), name, None).unwrap_err();
            let can = "can add members: OpenEs, Pgpe, Snes, Ars, Ec";
            assert!(error.contains("weights are fixed by its population") && error.contains(can), "{error}");
        }
        assert!(check(Some(0), "ars", Some(3200)).unwrap_err().contains("1 to 1000000000000, or None"));
    }
}
