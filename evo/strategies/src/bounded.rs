//! Box bounds around any strategy, by the transformation of pycma 4.5 (`BoundTransform` over
//! `BoxConstraintsLinQuadTransformation`), coordinate by coordinate.
//!
//! The strategy searches without bounds. Its x becomes the member t(x) between the bounds l and u: x itself, but near a
//! bound, where t is quadratic and meets the bound with slope 0. With a = min((u − l)/2, max(1, |l|)/20) for the lower
//! bound, t(x) = l + (x − (l − a))²/(4a) for x between l − a and l + a, and likewise at the upper one. Beyond l − a and
//! u + a, x is mirrored, and with two bounds t is periodic. So t is smooth, all members are valid, none is drawn twice, and
//! nothing that the strategy learns of shape and step sizes is lost where no bound is near; clipping would pile members
//! up at a bound, and plain reflection has a kink there.

use serde::{Deserialize, Serialize};

use super::wrapper::{self, from_inner};
use super::{
    CmaEsConfig, FieldInfo, Memory, Ranked, Settings, State, Strategy, StrategyConfig, StrategyError,
    StrategyInfo, check,
};

/// Settings of bounds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BoundedConfig {
    /// The strategy that searches, with its settings.
    pub of: Box<StrategyConfig>,
    /// Lower bounds: one for all parameters or one for each, parameter units; `None` where there is none. An empty list is
    /// no bound at all.
    pub lower: Vec<Option<f64>>,
    /// Upper bounds, likewise; each above the lower one.
    pub upper: Vec<Option<f64>>,
}

impl Default for BoundedConfig {
    fn default() -> Self {
        let of = Box::new(StrategyConfig::CmaEs(CmaEsConfig::default()));
        Self { of, lower: Vec::new(), upper: Vec::new() }
    }
}

/// What bounds may be, for listings.
const RANGE: &str = "one for all, or one for each parameter; None is no bound";

pub(super) const INFO: StrategyInfo = StrategyInfo {
    name: "bounded",
    config: "Bounded",
    summary: "keeps the members of another strategy between bounds, by a smooth transformation",
    reference: "BoundTransform of pycma 4.5",
    fields: &[
        FieldInfo::new("of", "", "CmaEs()", "any strategy but Ec"),
        FieldInfo::new("lower", "parameter units", "[]", RANGE),
        FieldInfo::new("upper", "parameter units", "[]", RANGE),
    ],
};

/// The bound of a parameter, infinite where there is none.
fn bound(bounds: &[Option<f64>], index: usize, none: f64) -> f64 {
    let told = if bounds.len() == 1 { bounds.first() } else { bounds.get(index) };
    told.copied().flatten().unwrap_or(none)
}

impl BoundedConfig {
    fn limits(&self, index: usize) -> Limits {
        let lower = bound(&self.lower, index, f64::NEG_INFINITY);
        Limits::new(lower, bound(&self.upper, index, f64::INFINITY))
    }

    /// The bounds of each of `n` parameters, if there are as many.
    fn all(&self, n: usize) -> Result<Vec<Limits>, StrategyError> {
        for (field, bounds) in [("lower", &self.lower), ("upper", &self.upper)] {
            if bounds.len() > 1 && bounds.len() != n {
                let expected = "one bound for all parameters, or one for each";
                let value = format!("a list of {} for {n} parameters", bounds.len());
                return Err(check::error(INFO.name, field, &value, expected));
            }
        }
        Ok((0..n).map(|index| self.limits(index)).collect())
    }
}

impl Settings for BoundedConfig {
    fn info(&self) -> &'static StrategyInfo {
        &INFO
    }

    fn validate(&self) -> Result<(), StrategyError> {
        if self.of.name() == "ec" {
            let expected = "a strategy whose members are not zeros and ones";
            return Err(check::error(INFO.name, "of", &"Ec", expected));
        }
        wrapper::fits(INFO.name, &self.of, "None within Bounded: generations have one size")?;
        for (field, bounds) in [("lower", &self.lower), ("upper", &self.upper)] {
            if let Some(bound) = bounds.iter().flatten().find(|bound| !bound.is_finite()) {
                return Err(check::error(INFO.name, field, bound, "finite numbers, or None for no bound"));
            }
        }
        for index in 0..self.lower.len().max(self.upper.len()) {
            let limits = self.limits(index);
            if limits.lower >= limits.upper {
                return Err(check::error(INFO.name, "upper", &limits.upper, "bounds above the lower ones"));
            }
        }
        self.of.validate()
    }

    fn of(&self) -> Option<&dyn Settings> {
        Some(self.of.settings())
    }

    fn action_sigma(&self) -> Option<f64> {
        self.of.action_sigma()
    }

    /// Between the bounds.
    fn start(&self, initial: Vec<f64>) -> Vec<f64> {
        let start = self.of.start(initial).into_iter().enumerate();
        start.map(|(index, x)| self.limits(index).clamped(x)).collect()
    }

    fn memory(&self, parameters: usize) -> Result<Memory, StrategyError> {
        self.of.memory(parameters)
    }

    fn build(&self, x0: &[f64], seed: u64) -> Result<Box<dyn Strategy>, StrategyError> {
        let limits = self.all(x0.len())?;
        let outside = |place: &(usize, (&Limits, &f64))| place.1.0.clamped(*place.1.1) != *place.1.1;
        if let Some((index, (limits, &value))) = limits.iter().zip(x0).enumerate().find(outside) {
            let Limits { lower, upper, .. } = *limits;
            return Err(StrategyError::OutOfBounds { index, value, lower, upper });
        }
        let free: Vec<f64> = limits.iter().zip(x0).map(|(limits, &x)| limits.inverse(x)).collect();
        let inner = self.of.settings().build(&free, seed)?;
        let mut bounded = Bounded { limits, mean: Vec::new(), inner };
        bounded.note_mean();
        Ok(Box::new(bounded))
    }
}

/// The bounds of a parameter and the widths of the quadratic parts.
#[derive(Clone, Copy)]
struct Limits {
    lower: f64,
    upper: f64,
    at_lower: f64,
    at_upper: f64,
}

impl Limits {
    fn new(lower: f64, upper: f64) -> Self {
        let width = |bound: f64| match bound.is_finite() {
            true => (0.5 * (upper - lower)).min(bound.abs().max(1.0) / 20.0),
            false => 1.0,
        };
        Self { lower, upper, at_lower: width(lower), at_upper: width(upper) }
    }

    fn clamped(self, x: f64) -> f64 {
        x.max(self.lower).min(self.upper)
    }

    /// t.
    fn transform(self, mut x: f64) -> f64 {
        let Self { lower, upper, at_lower, at_upper } = self;
        let (low, high) = (lower - at_lower, upper + at_upper);
        let period = 2.0 * (high - low);
        if period.is_finite() && (x < low || x > high) {
            x -= period * ((x - low) / period).floor();
        }
        if x > high {
            x = 2.0 * high - x;
        }
        if x < low {
            x = 2.0 * low - x;
        }
        let square = |x: f64| x * x;
        let inside = if x < lower + at_lower {
            lower + square(x - low) / (4.0 * at_lower)
        } else if x > upper - at_upper {
            upper - square(x - high) / (4.0 * at_upper)
        } else {
            x
        };
        self.clamped(inside)
    }

    /// The x nearest to the bounds' middle with t(x) = `inside`.
    fn inverse(self, inside: f64) -> f64 {
        let Self { lower, upper, at_lower, at_upper } = self;
        if inside < lower + at_lower {
            lower - at_lower + 2.0 * (at_lower * (inside - lower)).sqrt()
        } else if inside > upper - at_upper {
            upper + at_upper - 2.0 * (at_upper * (upper - inside)).sqrt()
        } else {
            inside
        }
    }

    /// Rounded, and still between the bounds.
    fn rounded(self, x: f64) -> f32 {
        let single = x as f32;
        if f64::from(single) > self.upper {
            single.next_down()
        } else if f64::from(single) < self.lower {
            single.next_up()
        } else {
            single
        }
    }
}

struct Bounded {
    limits: Vec<Limits>,
    /// That of the strategy, between the bounds.
    mean: Vec<f64>,
    inner: Box<dyn Strategy>,
}

impl Bounded {
    fn note_mean(&mut self) {
        let coordinates = self.limits.iter().zip(self.inner.mean());
        self.mean = coordinates.map(|(limits, &x)| limits.transform(x)).collect();
    }
}

impl Strategy for Bounded {
    from_inner!([inner]: population, ask, sigma, stop_reason);

    fn dimension(&self) -> usize {
        self.limits.len()
    }

    fn members(&self, first: usize, out: &mut [f64]) {
        self.inner.members(first, out);
        for row in out.chunks_mut(self.limits.len()) {
            row.iter_mut().zip(&self.limits).for_each(|(x, limits)| *x = limits.transform(*x));
        }
    }

    fn members_f32(&self, first: usize, out: &mut [f32]) {
        let mut member = vec![0.0; self.limits.len()];
        for (index, row) in (first..).zip(out.chunks_mut(member.len())) {
            self.members(index, &mut member);
            for ((x, &exact), limits) in row.iter_mut().zip(&member).zip(&self.limits) {
                *x = limits.rounded(exact);
            }
        }
    }

    fn tell(&mut self, fitness: &[f64], ranked: &Ranked) {
        self.inner.tell(fitness, ranked);
        self.note_mean();
    }

    fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// Not beyond the bounds.
    fn shift(&mut self, by: &[f64]) {
        let places = self.limits.iter().zip(self.inner.mean()).zip(self.mean.iter().zip(by));
        let free = places.map(|((limits, x), (mean, by))| limits.inverse(limits.clamped(mean + by)) - x);
        let free: Vec<f64> = free.collect();
        self.inner.shift(&free);
        self.note_mean();
    }

    fn state(&self) -> State {
        self.inner.state()
    }

    fn restore(&mut self, state: &State) -> Result<(), StrategyError> {
        self.inner.restore(state)?;
        self.note_mean();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values of the examples in pycma 4.5, `BoxConstraintsLinQuadTransformation`.
    #[test]
    fn the_transformation_is_that_of_pycma() {
        let (narrow, wide) = (Limits::new(1.0, 2.0), Limits::new(1.0, 11.0));
        assert_eq!(narrow.transform(1.52), 1.52);
        for (x, expected) in [(-12.2, 9.0), (-2.2, 4.1), (-0.2, 2.1), (2.0, 2.0), (10.4, 10.4)] {
            assert!((wide.transform(x) - expected).abs() < 1e-12, "{x}: {}", wide.transform(x));
        }
        for limits in [narrow, wide, Limits::new(-3.0, f64::INFINITY), Limits::new(f64::NEG_INFINITY, 0.5)] {
            for step in -200..200 {
                let inside = limits.transform(0.1 * f64::from(step));
                assert!(inside >= limits.lower && inside <= limits.upper);
                assert!((limits.transform(limits.inverse(inside)) - inside).abs() < 1e-12);
            }
        }
    }
}
