//! CEM, the cross-entropy method, with noise: "Learning Tetris using the noisy cross-entropy method" (Szita and
//! Lőrincz, Neural Computation 18, 2006); the method is Rubinstein's (1999).
//!
//! Members are μ + σ ⊙ ε with standard normal ε. The mean and the deviation of the best k members are the next μ and
//! σ, and `noise` keeps σ from shrinking too early: with the elite's moments m₁ = Σ ε / k and m₂ = Σ ε² / k,
//!
//! μ ← μ + σ ⊙ m₁,  σ² ← σ² ⊙ (m₂ − m₁²) + noise².
//!
//! Noise is made again wherever it is needed, so memory is O(n) for any population.

use serde::{Deserialize, Serialize};

use strategies::{
    Diagonal, FieldInfo, OnDemand, Ranked, Settings, Strategy, StrategyError, StrategyInfo, Update, check,
};

/// Settings of the cross-entropy method.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CemConfig {
    /// Members per generation; ≥ 1.
    pub population: usize,
    /// First standard deviation of every parameter, parameter units; > 0.
    pub sigma: f64,
    /// Share of the members that counts, in (0, 1]; at least one does.
    pub elite_ratio: f64,
    /// Deviation that is added in every generation, parameter units; ≥ 0.
    pub noise: f64,
}

impl Default for CemConfig {
    fn default() -> Self {
        Self { population: 100, sigma: 0.5, elite_ratio: 0.1, noise: 0.01 }
    }
}

const INFO: StrategyInfo = StrategyInfo {
    name: "cem",
    config: "Cem",
    summary: "mean and deviation of the best members; O(n) memory",
    reference: "Rubinstein 1999; Szita and Lőrincz 2006",
    fields: &[
        FieldInfo::new("population", "members", "100", "≥ 1"),
        FieldInfo::new("sigma", "parameter units", "0.5", "> 0"),
        FieldInfo::new("elite_ratio", "1", "0.1", "in (0, 1]"),
        FieldInfo::new("noise", "parameter units", "0.01", "≥ 0"),
    ],
};

impl Settings for CemConfig {
    fn info(&self) -> &'static StrategyInfo {
        &INFO
    }

    fn validate(&self) -> Result<(), StrategyError> {
        check::population(INFO.name, self.population)?;
        check::positive(INFO.name, "sigma", self.sigma)?;
        check::at_least_zero(INFO.name, "noise", self.noise)?;
        if self.elite_ratio > 0.0 && self.elite_ratio <= 1.0 {
            return Ok(());
        }
        Err(check::error(INFO.name, "elite_ratio", &self.elite_ratio, "a number in (0, 1]"))
    }

    fn build(&self, x0: &[f64], seed: u64) -> Result<Box<dyn Strategy>, StrategyError> {
        let elite = ((self.elite_ratio * self.population as f64) as usize).max(1);
        let update = Cem { elite, noise: self.noise };
        Ok(OnDemand::boxed(self.population, false, (x0, self.sigma), seed, update))
    }
}

struct Cem {
    elite: usize,
    noise: f64,
}

impl Update for Cem {
    const ADAPTS: bool = true;

    fn tell(&mut self, samples: &mut Diagonal, fitness: &[f64], ranked: &Ranked) {
        // Failed members are last in the order, and never count.
        let elite = self.elite.min(ranked.valid());
        let mut weights = vec![[0.0; 2]; fitness.len()];
        for &member in &ranked.order()[..elite] {
            weights[member] = [1.0 / elite as f32; 2];
        }
        let (first, second) = samples.noise.weighted_moments(&weights, samples.mean.len());
        let coordinates = samples.mean.iter_mut().zip(&mut samples.deviation);
        for ((mean, sigma), (first, second)) in coordinates.zip(first.into_iter().zip(second)) {
            let (first, second) = (f64::from(first), f64::from(second));
            *mean += *sigma * first;
            let variance = *sigma * *sigma * (second - first * first).max(0.0) + self.noise * self.noise;
            *sigma = variance.sqrt();
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use strategies::Search;

    use super::*;

    #[test]
    fn it_finds_the_middle_of_a_sphere() {
        let mut search: Search = Search::new(&CemConfig::default(), &[2.0; 5], 1).unwrap();
        let mut x = [0.0; 5];
        let square = |x: &[f64]| x.iter().map(|v| v * v).sum::<f64>();
        for _ in 0..100 {
            search.ask();
            let fitness: Vec<f64> = (0..search.population())
                .map(|member| {
                    search.member(member, &mut x);
                    -square(&x)
                })
                .collect();
            search.tell(&fitness).unwrap();
        }
        search.mean(&mut x);
        assert!(square(&x) < 1e-3, "{x:?}");
    }

    #[test]
    fn a_share_out_of_range_is_refused() {
        let error = CemConfig { elite_ratio: 0.0, ..CemConfig::default() }.validate().unwrap_err();
        assert!(error.to_string().contains("elite_ratio"), "{error}");
    }
}
