//! The constants of CMA-ES, full and separable, which follow from dimension and population.

use super::FieldInfo;

/// The settings that all strategies of the kind share.
pub(super) const POPULATION: FieldInfo =
    FieldInfo::new("population", "members", "None", "≥ 2; None is 4 + floor(3 ln n)");
pub(super) const SIGMA: FieldInfo = FieldInfo::new("sigma", "parameter units", "0.5", "> 0");

/// The tutorial's default population, 4 + ⌊3 ln n⌋.
pub(super) fn default_population(n: usize) -> usize {
    4 + (3.0 * libm::log(n as f64)) as usize
}

/// The tutorial's constants (its table 1, names as there).
pub(super) struct Rates {
    dimension: usize,
    /// Whether for a diagonal matrix.
    is_diagonal: bool,
    /// w₁ … w_λ; the first ⌊λ/2⌋ sum to 1, those after are ≤ 0.
    pub weights: Vec<f64>,
    pub mu_eff: f64,
    pub c_sigma: f64,
    pub d_sigma: f64,
    pub c_c: f64,
    pub c_1: f64,
    pub c_mu: f64,
    /// Expected norm of a standard normal vector.
    pub chi: f64,
    /// Generations between factorisations.
    pub gap: f64,
    /// Generations whose best fitness TolFun looks at.
    pub history: usize,
}

impl Rates {
    /// For a full covariance matrix.
    pub fn full(dimension: usize, population: usize, active: bool) -> Self {
        let (n, lambda) = (dimension as f64, population as f64);
        let mu = population / 2;
        let raw: Vec<f64> =
            (1..=population).map(|i| libm::log((lambda + 1.0) / 2.0) - libm::log(i as f64)).collect();
        let sum = |w: &[f64]| w.iter().sum::<f64>();
        let effective = |w: &[f64]| sum(w) * sum(w) / w.iter().map(|w| w * w).sum::<f64>();
        let (mu_eff, mu_eff_minus) = (effective(&raw[..mu]), effective(&raw[mu..]));
        let c_1 = 2.0 / ((n + 1.3) * (n + 1.3) + mu_eff);
        let c_mu =
            (2.0 * (0.25 + mu_eff + 1.0 / mu_eff - 2.0) / ((n + 2.0) * (n + 2.0) + mu_eff)).min(1.0 - c_1);
        let c_sigma = (mu_eff + 2.0) / (n + mu_eff + 3.0);
        let large = (((mu_eff - 1.0) / (n + 1.0)).sqrt() - 1.0).max(0.0);
        let alpha = (1.0 + c_1 / c_mu)
            .min(1.0 + 2.0 * mu_eff_minus / (mu_eff + 2.0))
            .min((1.0 - c_1 - c_mu) / (n * c_mu));
        let (positive, negative) = (sum(&raw[..mu]), -sum(&raw[mu..]));
        let scale = |(i, w): (usize, &f64)| match i < mu {
            true => w / positive,
            false if active => alpha * w / negative,
            false => 0.0,
        };
        Self {
            dimension,
            is_diagonal: false,
            weights: raw.iter().enumerate().map(scale).collect(),
            mu_eff,
            c_sigma,
            d_sigma: 1.0 + 2.0 * large + c_sigma,
            c_c: (4.0 + mu_eff / n) / (n + 4.0 + 2.0 * mu_eff / n),
            c_1,
            c_mu,
            chi: n.sqrt() * (1.0 - 1.0 / (4.0 * n) + 1.0 / (21.0 * n * n)),
            gap: 1.0 / (10.0 * n * (c_1 + c_mu)),
            history: 10 + (30.0 * n / lambda).ceil() as usize,
        }
    }

    /// For a diagonal covariance matrix: the learning rates of C as pycma 4 has them with `CMA_diagonal`.
    pub fn separable(dimension: usize, population: usize, active: bool) -> Self {
        let full = Self::full(dimension, population, active);
        let (n, mu_eff) = (dimension as f64, full.mu_eff);
        let root = n.sqrt();
        let c_1 = 1.0 / (n + 2.0 * root + mu_eff / n);
        let c_mu = (0.25 + mu_eff + 1.0 / mu_eff - 2.0) / (n + 4.0 * root + mu_eff / 2.0);
        Self {
            is_diagonal: true,
            c_c: (1.0 + 1.0 / n + mu_eff / n) / (root + 1.0 / n + 2.0 * mu_eff / n),
            c_1,
            c_mu: c_mu.min(1.0 - c_1),
            ..full
        }
    }

    /// Whether they are those of a diagonal covariance matrix.
    pub fn is_diagonal(&self) -> bool {
        self.is_diagonal
    }

    /// The same with so many parents, and no weight for the other members.
    pub fn with_parents(&self, parents: usize) -> Self {
        let rates = if self.is_diagonal { Self::separable } else { Self::full };
        Self { history: self.history, ..rates(self.dimension, 2 * parents, false) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_of_the_default_population_in_ten_dimensions() {
        // Computed by hand from the tutorial's table 1.
        assert_eq!(default_population(10), 10);
        assert_eq!(default_population(1), 4);
        let r = Rates::full(10, 10, true);
        assert!((r.mu_eff - 3.167_299_4).abs() < 1e-6, "{}", r.mu_eff);
        assert!((r.c_sigma - 5.167_299_4 / 16.167_299_4).abs() < 1e-6);
        assert!((r.d_sigma - 1.0 - r.c_sigma).abs() < 1e-12);
        assert!((r.c_1 - 2.0 / (11.3 * 11.3 + 3.167_299_4)).abs() < 1e-8);
        assert!((r.c_mu - 2.0 * (1.733_028_1) / 147.167_299_4).abs() < 1e-6, "{}", r.c_mu);
        assert!((r.weights[..5].iter().sum::<f64>() - 1.0).abs() < 1e-12);
        assert!(r.weights.is_sorted_by(|a, b| a >= b) && r.weights[5] < 0.0);
        assert!(Rates::full(10, 10, false).weights[5..].iter().all(|&w| w == 0.0));
    }
}
