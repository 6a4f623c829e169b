//! Evaluations of a member again and again, as often as noisy fitness needs it: the measurement of UH-CMA-ES, "A
//! Method for Handling Uncertainty in Evolutionary Optimization with an Application to Feedback Control of
//! Combustion" (Hansen, Niederberger, Guzzella and Koumoutsakos, IEEE Transactions on Evolutionary Computation 13,
//! 2009), around any strategy.
//!
//! In each generation, every member of the strategy is evaluated k times, and its fitness is the mean. The first r =
//! 2 + λ/20 of them are evaluated k more times. Both fitness values of these members are ranked among all 2λ values
//! (those of the others counted twice), R₁ and R₂, and with P the 25th percentile,
//!
//! s = mean over the r of |R₁ − R₂| − 1 − ½ Σᵢ P over j of |j − Rᵢ|,  u ← 0.7 u + 0.3 s.
//!
//! If u > 0, noise changes ranks by more than it may: k grows by the factor 1 + 2/(n + 10), else it shrinks by the
//! fourth root of that, between 1 and `most`; evaluations are its whole part.
//!
//! Constants are those of pycma's `NoiseHandler`. Differences: σ stays as the strategy has it; means instead of
//! medians; the members that are evaluated again are not the best ones; equal values share their rank, so that a
//! plateau is no noise.

use serde::{Deserialize, Serialize};

use super::wrapper::{self, from_inner};
use super::{
    CmaEsConfig, FieldInfo, Memory, Ranked, Settings, State, Strategy, StrategyConfig, StrategyError,
    StrategyInfo, check,
};

/// Settings of repeated evaluations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReevaluatedConfig {
    /// The strategy that searches, with its settings.
    pub of: Box<StrategyConfig>,
    /// Most evaluations that one fitness is the mean of; ≥ 1. With 1, nothing but the measurement is added.
    pub most: u64,
}

impl Default for ReevaluatedConfig {
    fn default() -> Self {
        Self { of: Box::new(StrategyConfig::CmaEs(CmaEsConfig::default())), most: 30 }
    }
}

pub(super) const INFO: StrategyInfo = StrategyInfo {
    name: "reevaluated",
    config: "Reevaluated",
    summary: "evaluates the members of another strategy more often while noise decides their order",
    reference: "Hansen et al. 2009 (UH-CMA-ES); constants of pycma 4.5",
    fields: &[
        FieldInfo::new("of", "", "CmaEs()", "any strategy that is told of fitness alone"),
        FieldInfo::new("most", "evaluations", "30", "1 to 1000"),
    ],
};

impl Settings for ReevaluatedConfig {
    fn info(&self) -> &'static StrategyInfo {
        &INFO
    }

    fn validate(&self) -> Result<(), StrategyError> {
        self.of.validate()?;
        wrapper::fits(
            INFO.name,
            &self.of,
            "None within Reevaluated, which chooses the evaluations of a generation",
        )?;
        match self.most {
            1..=1000 => Ok(()),
            most => Err(check::error(INFO.name, "most", &most, "an integer from 1 to 1000")),
        }
    }

    fn of(&self) -> Option<&dyn Settings> {
        Some(self.of.settings())
    }

    fn action_sigma(&self) -> Option<f64> {
        self.of.action_sigma()
    }

    fn start(&self, initial: Vec<f64>) -> Vec<f64> {
        self.of.start(initial)
    }

    fn memory(&self, parameters: usize) -> Result<Memory, StrategyError> {
        self.of.memory(parameters)
    }

    fn build(&self, x0: &[f64], seed: u64) -> Result<Box<dyn Strategy>, StrategyError> {
        let inner = self.of.settings().build(x0, seed)?;
        Ok(Box::new(Reevaluated { most: self.most as f64, evaluations: 1.0, noise: 0.0, inner }))
    }
}

struct Reevaluated {
    most: f64,
    /// k, before it is rounded down.
    evaluations: f64,
    /// u.
    noise: f64,
    inner: Box<dyn Strategy>,
}

impl Reevaluated {
    /// k.
    fn each(&self) -> usize {
        self.evaluations as usize
    }

    /// r.
    fn again(&self) -> usize {
        let count = self.inner.population();
        count.min(2 + count / 20)
    }

    /// Takes note of the fitness of all members and of the second one of the first members.
    fn measure(&mut self, fitness: &[f64], again: &[f64]) {
        let (count, last) = (fitness.len(), 2 * fitness.len() - 1);
        let second = |i: usize| again.get(i).copied().unwrap_or(fitness[i]);
        let mut all: Vec<f64> = (0..count).flat_map(|i| [fitness[i], second(i)]).collect();
        all.sort_by(f64::total_cmp);
        // Counted from 0; equal values have the mean of their places.
        let rank = |value: f64| {
            let below = all.partition_point(|&x| x < value);
            let up_to = all.partition_point(|&x| x <= value);
            0.5 * (below + up_to - 1) as f64
        };
        let surprise = |(i, &again): (usize, &f64)| {
            let (one, other) = (rank(fitness[i]), rank(again));
            let lower = |a: f64, b: f64| if a > b { a } else { a + 1.0 };
            let limit = |r: f64| percentile((1..=last).map(|j| (j as f64 - r).abs()).collect());
            let change = ((one - other).abs() - 1.0).max(0.0);
            change - 0.5 * (limit(lower(one, other)) + limit(lower(other, one)))
        };
        let mean = again.iter().enumerate().map(surprise).sum::<f64>() / again.len() as f64;
        self.noise += 0.3 * (mean - self.noise);
        let growth = 1.0 + 2.0 / (self.inner.dimension() as f64 + 10.0);
        let factor = if self.noise > 0.0 { growth } else { 1.0 / growth.sqrt().sqrt() };
        self.evaluations = (self.evaluations * factor).clamp(1.0, self.most);
    }
}

/// The 25th, as pycma's `prctile` has it.
fn percentile(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let at = 0.25 * values.len() as f64 - 0.5;
    let low = at.max(0.0) as usize;
    let high = (low + 1).min(values.len() - 1);
    values[low] + (at.max(0.0) - low as f64) * (values[high] - values[low])
}

impl Strategy for Reevaluated {
    from_inner!([inner]: dimension, ask, mean, sigma, deviations, stop_reason);

    fn population(&self) -> usize {
        (self.inner.population() + self.again()) * self.each()
    }

    fn members(&self, first: usize, out: &mut [f64]) {
        for (index, row) in (first..).zip(out.chunks_mut(self.dimension())) {
            self.inner.members(index / self.each() % self.inner.population(), row);
        }
    }

    fn members_f32(&self, first: usize, out: &mut [f32]) {
        for (index, row) in (first..).zip(out.chunks_mut(self.dimension())) {
            self.inner.members_f32(index / self.each() % self.inner.population(), row);
        }
    }

    fn tell(&mut self, fitness: &[f64], ranked: &Ranked) {
        let count = self.inner.population();
        let means: Vec<f64> = fitness
            .chunks(self.each())
            .map(|all| all.iter().map(|f| f / all.len() as f64).sum::<f64>())
            .collect();
        let (means, again) = means.split_at(count);
        let mut told = means.to_vec();
        // One evaluation that failed is one too many.
        for &failed in &ranked.order()[ranked.valid()..] {
            if let Some(fitness) = told.get_mut(failed / self.each()) {
                *fitness = f64::NAN;
            }
        }
        let order = match Ranked::new(&mut told) {
            Some(order) => Some(order),
            // All did so: those that failed less have the better mean.
            None => {
                told = means.to_vec();
                Ranked::new(&mut told)
            }
        };
        if let Some(order) = order {
            self.inner.tell(&told, &order);
        }
        self.measure(means, again);
    }

    fn state(&self) -> State {
        let mut state = self.inner.state();
        state.set_real("reevaluated.evaluations", self.evaluations);
        state.set_real("reevaluated.noise", self.noise);
        state
    }

    fn restore(&mut self, state: &State) -> Result<(), StrategyError> {
        let evaluations = state.real("reevaluated.evaluations")?;
        let noise = state.real("reevaluated.noise")?;
        if !(1.0..=self.most).contains(&evaluations) {
            let problem = format!("is {evaluations}, expected 1 to {}", self.most);
            return Err(StrategyError::State { name: "reevaluated.evaluations".to_owned(), problem });
        }
        self.inner.restore(state)?;
        (self.evaluations, self.noise) = (evaluations, noise);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn evaluations(noise: impl Fn(usize) -> f64) -> f64 {
        let settings = ReevaluatedConfig { most: 8, ..ReevaluatedConfig::default() };
        let mut strategy = settings.build(&[1.0; 4], 1).unwrap();
        let mut count = 0;
        for generation in 0..60 {
            strategy.ask(generation);
            let mut fitness: Vec<f64> = (0..strategy.population())
                .map(|index| {
                    let mut x = [0.0; 4];
                    strategy.members(index, &mut x);
                    count += 1;
                    noise(count) - x.iter().map(|x| x * x).sum::<f64>()
                })
                .collect();
            let ranked = Ranked::new(&mut fitness).unwrap();
            strategy.tell(&fitness, &ranked);
        }
        strategy.state().reals["reevaluated.evaluations"]
    }

    #[test]
    fn noise_brings_more_evaluations_and_its_absence_none() {
        assert_eq!(evaluations(|_| 0.0), 1.0);
        assert_eq!(evaluations(|count| 100.0 * libm::sin((count * count) as f64)), 8.0);
    }

    #[test]
    fn percentiles_are_those_of_pycma() {
        assert_eq!(percentile(vec![3.0, 1.0, 2.0, 4.0]), 1.5);
        assert_eq!(percentile(vec![7.0]), 7.0);
        assert_eq!(percentile((0..9).map(f64::from).collect()), 1.75);
    }
}
