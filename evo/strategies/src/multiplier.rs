//! The coefficients of one constraint in an augmented Lagrangian, updated as by pycma 4.5 (`AugmentedLagrangian`, its
//! default algorithm); constants are those there.

/// What a multiplier remembers.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Seen {
    /// γ, the Lagrange multiplier; ≥ 0.
    pub gamma: f64,
    /// μ, the weight of the square.
    pub mu: f64,
    /// Whether they are no longer set anew from a generation.
    pub is_set: bool,
    /// Changes of μ in a row with one sign, and that sign.
    pub changes: f64,
    /// g of the last updates, oldest first.
    pub recent: Vec<f64>,
}

pub(super) struct Multiplier {
    /// Parameters of the search.
    n: f64,
    seen: Seen,
}

/// Difference between the quartiles, with linear interpolation.
fn quartiles(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let at = |part: f64| {
        let place = part * (values.len() - 1) as f64;
        let low = place as usize;
        let high = (low + 1).min(values.len() - 1);
        values[low] + (place - low as f64) * (values[high] - values[low])
    };
    at(0.75) - at(0.25)
}

impl Multiplier {
    pub fn new(n: usize) -> Self {
        let seen = Seen { gamma: 0.0, mu: 0.0, is_set: false, changes: 0.0, recent: Vec::new() };
        Self { n: n as f64, seen }
    }

    pub fn saved(n: usize, seen: Seen) -> Self {
        Self { n: n as f64, seen }
    }

    pub fn seen(&self) -> Seen {
        self.seen.clone()
    }

    /// γ g + ½ μ g², with g at least −γ/μ.
    pub fn penalty(&self, g: f64) -> f64 {
        let Seen { gamma, mu, .. } = self.seen;
        let g = if mu * g < -gamma { -gamma / mu } else { g };
        gamma * g + 0.5 * mu * g * g
    }

    /// Whether a value is where the penalty changes with it.
    pub fn is_near(&self, g: f64) -> bool {
        self.seen.mu * g > -self.seen.gamma
    }

    /// Sets the coefficients from the members of a generation that did not fail, as long as they are to be set.
    pub fn begin(&mut self, fitness: &[f64], values: &[f64], updates: u64) {
        let n = self.n;
        // From −1, where no member breaks the constraint, to 1.
        let broken = 2.0 * values.iter().filter(|&&g| g > 0.0).count() as f64 / values.len() as f64 - 1.0;
        if (self.seen.is_set && self.seen.mu > 0.0) || broken <= -0.8 {
            return;
        }
        let f = quartiles(fitness.to_vec());
        let g = quartiles(values.to_vec());
        let squares = quartiles(values.iter().map(|g| g * g).collect());
        let tiny = 1e-11 * (f + 1.0);
        let proposed = 0.4 * f / n / (g + 1e-6 * squares + tiny);
        let Seen { gamma, mu, is_set, .. } = &mut self.seen;
        *gamma = f / (n * g + tiny);
        let is_balanced = broken.abs() <= 0.2;
        let lower = (is_balanced || broken <= 0.2) && (*mu == 0.0 || *mu > proposed);
        let higher = !is_balanced && broken > 0.2 && *mu < proposed;
        if lower && *mu > 0.0 {
            *gamma *= proposed / *mu;
        }
        if lower || higher || *mu == 0.0 {
            *mu = proposed;
        }
        let largest = values.iter().fold(0.0_f64, |largest, g| largest.max(g.abs()));
        *mu = (20.0 * *mu).min(mu.max(*gamma / (1e-22 + largest)));
        *is_set = updates as f64 > 2.0 + n || broken.abs() < 0.8;
    }

    /// Follows the best member of a generation; `near` says whether the penalty changed with the value of any.
    pub fn update(&mut self, g: f64, near: bool) {
        let n = self.n;
        let Seen { gamma, mu, changes, recent, .. } = &mut self.seen;
        recent.push(g);
        if recent.len() as f64 > n + 5.0 {
            recent.remove(0);
        }
        if *mu == 0.0 {
            return;
        }
        if near || g * *mu > -*gamma {
            *gamma += *mu * g / 5.0;
        }
        if *gamma < 0.0 {
            *gamma = 0.0;
            return;
        }
        if g * *mu < -*gamma {
            return;
        }
        let below = |&g: &f64| if g < 0.0 { 1.0 } else { 0.5 * f64::from(u8::from(g == 0.0)) };
        let feasible = recent.iter().map(below).sum::<f64>() / recent.len() as f64;
        let sign = if g > 0.0 || (g * *mu > -*gamma && feasible > 0.95) {
            1.0
        } else if feasible < 0.9 && g < 0.0 {
            -1.0
        } else {
            return;
        };
        *changes = if *changes * sign < 0.0 { sign } else { *changes + sign };
        let wait = 2.0 + n;
        let longer = 4.0 / wait * (changes.abs() - wait).clamp(0.0, wait);
        *mu *= libm::exp2(sign * 0.25 * (1.0 + longer) / (5.0 * n));
        *mu = mu.clamp(1e-100, 1e100);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coefficients_begin_when_a_tenth_breaks_the_constraint() {
        let fitness: Vec<f64> = (0..20).map(f64::from).collect();
        let values = |broken: i32| (0..20).map(|i| f64::from(broken - i) - 0.5).collect::<Vec<f64>>();
        let mut multiplier = Multiplier::new(4);
        multiplier.begin(&fitness, &values(2), 0);
        assert_eq!((multiplier.seen.mu, multiplier.penalty(3.0)), (0.0, 0.0));
        multiplier.begin(&fitness, &values(10), 0);
        // iqr 9.5 of both: γ = 1/4, μ = max(0.1, γ/9.5).
        let Seen { gamma, mu, is_set, .. } = multiplier.seen();
        assert!(is_set && (gamma - 0.25).abs() < 1e-9 && (mu - 0.1).abs() < 1e-6, "{gamma} {mu}");
        // Flat beyond −γ/μ, and smooth there.
        assert_eq!(multiplier.penalty(-100.0), multiplier.penalty(-gamma / mu));
        assert!(multiplier.penalty(1.0) > gamma);
    }

    #[test]
    fn a_constraint_that_is_broken_gets_a_larger_multiplier_and_an_idle_one_loses_it() {
        let seen = Seen { gamma: 1.0, mu: 1.0, is_set: true, changes: 0.0, recent: Vec::new() };
        let mut multiplier = Multiplier::saved(2, seen);
        (0..5).for_each(|_| multiplier.update(0.5, true));
        assert!(multiplier.seen.gamma > 1.4 && multiplier.seen.mu > 1.0, "{:?}", multiplier.seen);
        (0..50).for_each(|_| multiplier.update(-3.0, true));
        assert_eq!(multiplier.seen.gamma, 0.0);
    }
}
