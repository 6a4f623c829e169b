//! Integers and other values on a grid around any strategy that knows its standard deviations: "CMA-ES with Margin:
//! Lower- Bounding Marginal Probability for Mixed-Integer Black-Box Optimization" (Hamano, Saito, Nomura and
//! Shirakawa, GECCO 2022, arXiv 2205.13482).
//!
//! The strategy searches real numbers. A discrete coordinate of its x becomes the nearest value of the grid to
//! m + a (x − m), with the mean m and a factor a that starts at 1. When steps shrink, all members would soon round to
//! one value, and the search would be stuck there. So after each update, m and a are corrected until values above and
//! below are drawn often enough, with p₋ and p₊ the probabilities below and above the value that the mean rounds to:
//!
//! - at the edge of the grid (always, where it has two values), the other side has at least the probability α: m moves
//!   towards it;
//! - elsewhere, p₋ and p₊ are at least α/2 each: m and a follow from both.
//!
//! σ and covariance stay as they are. α is 1/(nλ) unless the settings say otherwise.
//!
//! A category without order is best coded as one coordinate with two values for each choice, of which the function
//! takes the first that is 1; the paper has no categories.

use serde::{Deserialize, Serialize};

use super::wrapper::from_inner;
use super::{
    CmaEsConfig, FieldInfo, Memory, Ranked, Settings, State, Strategy, StrategyConfig, StrategyError,
    StrategyInfo, check, normal,
};

/// Settings of discrete coordinates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DiscreteConfig {
    /// The strategy that searches, with its settings: one that knows the standard deviation of each coordinate.
    pub of: Box<StrategyConfig>,
    /// Distance of the values of a parameter, one for all or one for each, parameter units, > 0; `None` is a parameter
    /// without a grid.
    pub steps: Vec<Option<f64>>,
    /// Lowest value of each grid, likewise; the others are multiples of the step above it. `None` is a grid of
    /// multiples of the step, without an end. None for parameters without a grid: bounds around it are for them.
    pub lower: Vec<Option<f64>>,
    /// Highest value of each grid, likewise; at least a step above the lowest one.
    pub upper: Vec<Option<f64>>,
    /// α, in (0, 0.5); `None` is 1/(nλ).
    pub margin: Option<f64>,
}

impl Default for DiscreteConfig {
    fn default() -> Self {
        let of = Box::new(StrategyConfig::CmaEs(CmaEsConfig::default()));
        Self { of, steps: vec![Some(1.0)], lower: Vec::new(), upper: Vec::new(), margin: None }
    }
}

pub(super) const INFO: StrategyInfo = StrategyInfo {
    name: "discrete",
    config: "Discrete",
    summary: "integers and other grids around another strategy, with a margin that keeps other values in reach",
    reference: "Hamano et al. 2022, arXiv 2205.13482",
    fields: &[
        FieldInfo::new("of", "", "CmaEs()", "any strategy that knows its standard deviations"),
        FieldInfo::new("steps", "parameter units", "[1.0]", "one for all, or one for each; None is no grid"),
        FieldInfo::new("lower", "parameter units", "[]", "one for all, or one for each; None is no end"),
        FieldInfo::new("upper", "parameter units", "[]", "one for all, or one for each; None is no end"),
        FieldInfo::new("margin", "1", "None", "> 0, < 0.5; None is 1/(nλ)"),
    ],
};

/// That of a parameter.
fn of_parameter(values: &[Option<f64>], index: usize) -> Option<f64> {
    let told = if values.len() == 1 { values.first() } else { values.get(index) };
    told.copied().flatten()
}

impl DiscreteConfig {
    fn grid(&self, index: usize) -> Option<Grid> {
        let step = of_parameter(&self.steps, index)?;
        let (lower, upper) = (of_parameter(&self.lower, index), of_parameter(&self.upper, index));
        let origin = lower.or(upper).unwrap_or(0.0);
        // With a little more than the last step, since 0.3/0.1 is below 3.
        let count = |upper: f64| ((upper - origin) / step + 1e-9).floor();
        let low = lower.map_or(f64::NEG_INFINITY, |_| 0.0);
        Some(Grid { step, origin, low, high: upper.map_or(f64::INFINITY, count) })
    }

    fn fields(&self) -> [(&'static str, &[Option<f64>]); 3] {
        [("steps", &self.steps), ("lower", &self.lower), ("upper", &self.upper)]
    }

    /// The grids of `n` parameters, if there are as many.
    fn grids(&self, n: usize) -> Result<Vec<Option<Grid>>, StrategyError> {
        for (field, values) in self.fields() {
            if values.len() > 1 && values.len() != n {
                let value = format!("a list of {} for {n} parameters", values.len());
                let expected = "one value for all parameters, or one for each";
                return Err(check::error(INFO.name, field, &value, expected));
            }
        }
        Ok((0..n).map(|index| self.grid(index)).collect())
    }
}

impl Settings for DiscreteConfig {
    fn info(&self) -> &'static StrategyInfo {
        &INFO
    }

    fn validate(&self) -> Result<(), StrategyError> {
        self.of.validate()?;
        if let Some(most) = self.of.max_population() {
            let expected = "None within Discrete: generations have one size";
            return Err(check::error(self.of.name(), "max_population", &most, expected));
        }
        // A search of one parameter says whether the strategy knows its deviations.
        let probe = self.of.settings().build(&self.of.start(vec![0.0]), 0)?;
        if self.of.name() == "ec" || !self.of.settings().needs_fitness_only() || probe.marginals().is_none() {
            let expected =
                "a strategy that knows the standard deviation of each parameter, as CmaEs or SepCmaEs";
            return Err(check::error(INFO.name, "of", &self.of.info().config, expected));
        }
        for (field, values) in self.fields() {
            if let Some(value) = values.iter().flatten().find(|value| !value.is_finite()) {
                return Err(check::error(INFO.name, field, value, "finite numbers, or None"));
            }
        }
        if let Some(step) = self.steps.iter().flatten().find(|&&step| step <= 0.0) {
            return Err(check::error(INFO.name, "steps", step, "numbers > 0, or None"));
        }
        for index in 0..self.fields().map(|(_, values)| values.len()).into_iter().fold(0, usize::max) {
            let bound = of_parameter(&self.upper, index).map(|bound| ("upper", bound));
            let bound = bound.or(of_parameter(&self.lower, index).map(|bound| ("lower", bound)));
            match (self.grid(index), bound) {
                (None, Some((field, bound))) => {
                    let expected = "None for a parameter without a step: Bounded has bounds for those";
                    return Err(check::error(INFO.name, field, &bound, expected));
                }
                (Some(grid), Some((_, bound))) if grid.high - grid.low < 1.0 => {
                    let expected = "a step above the lowest value, or more";
                    return Err(check::error(INFO.name, "upper", &bound, expected));
                }
                _ => {}
            }
        }
        match self.margin {
            Some(margin) if !(margin > 0.0 && margin < 0.5) => {
                Err(check::error(INFO.name, "margin", &margin, "None, or a number > 0, < 0.5"))
            }
            _ => Ok(()),
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
        let grids = self.grids(x0.len())?;
        let inner = self.of.settings().build(x0, seed)?;
        let margin = self.margin.unwrap_or(1.0 / (x0.len() as f64 * inner.population() as f64));
        let factors = vec![1.0; x0.len()];
        let mut discrete = Discrete { grids, margin, factors, mean: Vec::new(), inner };
        discrete.note_mean();
        Ok(Box::new(discrete))
    }
}

/// Values origin + k step, for whole numbers k between two that may be infinite.
#[derive(Clone, Copy)]
struct Grid {
    step: f64,
    origin: f64,
    low: f64,
    high: f64,
}

impl Grid {
    /// k of the value nearest to `x`, the lower one of two.
    fn nearest(self, x: f64) -> f64 {
        ((x - self.origin) / self.step - 0.5).ceil().max(self.low).min(self.high)
    }

    fn value(self, k: f64) -> f64 {
        self.origin + k * self.step
    }

    /// Between what is rounded to `k` and what is rounded to the value after it.
    fn limit(self, k: f64) -> f64 {
        let k = k.max(self.low).min(self.high - 1.0);
        0.5 * (self.value(k) + self.value(k + 1.0))
    }

    /// Mean and factor corrected, from the strategy's mean and standard deviation (without the factor).
    fn corrected(self, mean: f64, deviation: f64, factor: f64, margin: f64) -> (f64, f64) {
        let k = self.nearest(mean);
        let (lower, upper) = (self.limit(k - 1.0), self.limit(k));
        let scale = deviation * factor;
        let below = normal::above((mean - lower) / scale);
        let above = normal::above((upper - mean) / scale);
        if below.max(above) > 0.5 {
            // One limit: this side and that.
            let distance = scale * normal::exceeded(margin);
            let side = if mean > upper { distance } else { -distance };
            return (if below.min(above) < margin { upper + side } else { mean }, factor);
        }
        let least = 0.5 * margin;
        if below.min(above) >= least {
            return (mean, factor);
        }
        let between = 1.0 - (below + above);
        let (below, above) = (below.max(least), above.max(least));
        let total = below + between + above;
        let part = |p: f64| p + (1.0 - total) * (p - least) / (total - 3.0 * least);
        let distance = |p: f64| normal::exceeded(part(p).clamp(1e-10, 0.5 - 1e-10));
        let (to_lower, to_upper) = (distance(below), distance(above));
        let both = to_lower + to_upper;
        ((lower * to_upper + upper * to_lower) / both, (upper - lower) / (both * deviation))
    }
}

struct Discrete {
    grids: Vec<Option<Grid>>,
    margin: f64,
    /// a of each coordinate.
    factors: Vec<f64>,
    /// That of the strategy, on the grids.
    mean: Vec<f64>,
    inner: Box<dyn Strategy>,
}

impl Discrete {
    fn note_mean(&mut self) {
        // What is infinite has left the grid, too.
        let on_grid = |(grid, &x): (&Option<Grid>, &f64)| match grid {
            Some(grid) if x.is_finite() => grid.value(grid.nearest(x)),
            _ => x,
        };
        self.mean = self.grids.iter().zip(self.inner.mean()).map(on_grid).collect();
    }
}

impl Strategy for Discrete {
    from_inner!([inner]: population, ask, sigma, stop_reason);

    fn dimension(&self) -> usize {
        self.grids.len()
    }

    fn members(&self, first: usize, out: &mut [f64]) {
        self.inner.members(first, out);
        for row in out.chunks_mut(self.grids.len()) {
            let coordinates = self.grids.iter().zip(&self.factors).zip(self.inner.mean());
            for (x, ((grid, factor), mean)) in row.iter_mut().zip(coordinates) {
                if let Some(grid) = grid {
                    *x = grid.value(grid.nearest(mean + factor * (*x - mean)));
                }
            }
        }
    }

    fn tell(&mut self, fitness: &[f64], ranked: &Ranked) {
        self.inner.tell(fitness, ranked);
        if let Some(deviations) = self.inner.marginals() {
            let mut by = vec![0.0; self.grids.len()];
            let means = self.inner.mean().iter().zip(deviations);
            let coordinates = self.grids.iter().zip(&mut self.factors).zip(means).zip(&mut by);
            for (((grid, factor), (&mean, deviation)), by) in coordinates {
                let Some(grid) = grid else { continue };
                let (moved, changed) = grid.corrected(mean, deviation, *factor, self.margin);
                if moved.is_finite() && changed.is_finite() && changed > 0.0 {
                    (*by, *factor) = (moved - mean, changed);
                }
            }
            self.inner.shift(&by);
        }
        self.note_mean();
    }

    /// On the grids.
    fn mean(&self) -> &[f64] {
        &self.mean
    }

    fn shift(&mut self, by: &[f64]) {
        self.inner.shift(by);
        self.note_mean();
    }

    fn state(&self) -> State {
        let mut state = self.inner.state();
        state.set_f64("discrete.factors", &[self.factors.len()], &self.factors);
        state
    }

    fn restore(&mut self, state: &State) -> Result<(), StrategyError> {
        let factors = state.f64("discrete.factors", &[self.factors.len()])?.to_vec();
        self.inner.restore(state)?;
        self.factors = factors;
        self.note_mean();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_keep_their_probability() {
        let grid = Grid { step: 1.0, origin: 0.0, low: 0.0, high: 5.0 };
        let margin = 0.02;
        let shares = |(mean, factor): (f64, f64), deviation: f64, k: f64| {
            let scale = factor * deviation;
            let lower = normal::above((mean - grid.limit(k - 1.0)) / scale);
            (lower, normal::above((grid.limit(k) - mean) / scale))
        };
        // In the middle, narrow: both are raised to a half of the margin; near a limit: the other one is.
        for mean in [2.0, 2.45, 1.6] {
            let (below, above) = shares(grid.corrected(mean, 0.01, 1.0, margin), 0.01, 2.0);
            assert!((below.min(above) - 0.01).abs() < 1e-3, "{mean}: {below} {above}");
        }
        // At the edge, the mean moves and the factor stays.
        for mean in [-3.0, 0.2, 5.2] {
            let (moved, factor) = grid.corrected(mean, 0.01, 1.0, margin);
            let k = grid.nearest(mean);
            let (below, above) = shares((moved, factor), 0.01, k);
            assert_eq!((factor, grid.nearest(moved)), (1.0, k));
            assert!((below.min(above) - margin).abs() < 1e-9, "{mean}: {below} {above}");
        }
        // Wide enough: nothing changes, however wide.
        for deviation in [1.0, 1e12] {
            assert_eq!(grid.corrected(2.2, deviation, 0.5, margin), (2.2, 0.5));
        }
    }
}
