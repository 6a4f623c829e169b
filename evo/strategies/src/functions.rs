//! Test functions of black-box optimisation, to be minimised. All have the minimum 0.
//!
//! n is the dimension, i counts from 0. The definitions of the smooth functions are those of the reference medians in
//! the tests' `cma.json`. The binary ones see a coordinate as a 1 where it is above ½, else as a 0.

use super::StrategyError;

/// A test function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Function {
    /// Σ xᵢ².
    Sphere,
    /// Σ 10^(6i/(n−1)) xᵢ²: axis-parallel, condition number 1e6.
    Ellipsoid,
    /// The ellipsoid of R·x with a fixed random rotation R per dimension.
    RotatedEllipsoid,
    /// 1e6 x₀² + Σ_{i≥1} xᵢ².
    Discus,
    /// Σ |xᵢ|^(2 + 4i/(n−1)).
    DifferentPowers,
    /// Σ_{i<n−1} 100 (xᵢ₊₁ − xᵢ²)² + (1 − xᵢ)²; minimum at (1, …, 1); n ≥ 2.
    Rosenbrock,
    /// −20 exp(−0.2 √(Σ xᵢ²/n)) − exp(Σ cos(2π xᵢ)/n) + 20 + e.
    Ackley,
    /// 10 n + Σ xᵢ² − 10 cos(2π xᵢ).
    Rastrigin,
    /// Rastrigin's of R·x: 15 of the BBOB set.
    RotatedRastrigin,
    /// Round numbers of R·x: plateaus, 7 of the BBOB set.
    StepEllipsoid,
    /// 10 (Σᵢ Σₖ 2⁻ᵏ cos(2π 3ᵏ (zᵢ + ½))/n − f₀)³ with z = R·x and k to 11, rugged: 16 of the BBOB set.
    Weierstrass,
    /// (Σ √sᵢ (1 + sin²(50 sᵢ^0.2))/(n − 1))² with sᵢ² = zᵢ² + zᵢ₊₁² and zᵢ = 10^(i/(2(n−1))) (R·x)ᵢ: 17 of the BBOB set;
    /// n ≥ 2.
    SchaffersF7,
    /// 10 Σ (sᵢ/4000 − cos sᵢ)/(n − 1) + 10 with Rosenbrock's terms sᵢ of max(1, √n/8) R·x + 1: 19 of the BBOB set; n ≥ 2.
    GriewankRosenbrock,
    /// Binary: number of zeros.
    OneMax,
    /// Binary: n minus the number of ones before the first zero.
    LeadingOnes,
    /// Binary: Σ over blocks of five (the last may be shorter) of 0 if the block of length k has k ones, else 1 + its
    /// ones: apart from the minimum at all ones, zeros look better (deceptive traps, Deb and Goldberg 1993).
    Traps,
}

impl Function {
    /// Every function.
    pub const ALL: [Self; 16] = [
        Self::Sphere,
        Self::Ellipsoid,
        Self::RotatedEllipsoid,
        Self::Discus,
        Self::DifferentPowers,
        Self::Rosenbrock,
        Self::Ackley,
        Self::Rastrigin,
        Self::RotatedRastrigin,
        Self::StepEllipsoid,
        Self::Weierstrass,
        Self::SchaffersF7,
        Self::GriewankRosenbrock,
        Self::OneMax,
        Self::LeadingOnes,
        Self::Traps,
    ];

    /// Name on the command line and in the reference data.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sphere => "sphere",
            Self::Ellipsoid => "ellipsoid",
            Self::RotatedEllipsoid => "rotated_ellipsoid",
            Self::Discus => "discus",
            Self::DifferentPowers => "different_powers",
            Self::Rosenbrock => "rosenbrock",
            Self::Ackley => "ackley",
            Self::Rastrigin => "rastrigin",
            Self::RotatedRastrigin => "rotated_rastrigin",
            Self::StepEllipsoid => "step_ellipsoid",
            Self::Weierstrass => "weierstrass",
            Self::SchaffersF7 => "schaffers_f7",
            Self::GriewankRosenbrock => "griewank_rosenbrock",
            Self::OneMax => "one_max",
            Self::LeadingOnes => "leading_ones",
            Self::Traps => "traps",
        }
    }

    /// The function of a name.
    ///
    /// # Errors
    /// Unknown name; the message lists the known ones.
    pub fn from_name(name: &str) -> Result<Self, StrategyError> {
        Self::ALL.into_iter().find(|function| function.name() == name).ok_or_else(|| {
            let known = Self::ALL.map(Self::name).join(", ");
            StrategyError::Unknown { what: "function", name: name.to_owned(), known }
        })
    }

    /// Every coordinate of the usual start point.
    #[must_use]
    pub fn start(self) -> f64 {
        match self {
            Self::Rosenbrock => 0.0,
            Self::OneMax | Self::LeadingOnes | Self::Traps => 0.5,
            _ => 2.0,
        }
    }

    /// The usual first step size of CMA-ES.
    #[must_use]
    pub fn sigma(self) -> f64 {
        let rugged = matches!(self, Self::Ackley | Self::Rastrigin) || self.is_bbob();
        if rugged { 2.0 } else { 0.5 }
    }

    /// Whether it is one of the BBOB set (Hansen, Finck, Ros and Auger, "Real-Parameter Black-Box Optimization
    /// Benchmarking 2009: Noiseless Functions Definitions", INRIA 6829), with one rotation R, the minimum at 0 and
    /// without the oscillation and asymmetry that it adds.
    fn is_bbob(self) -> bool {
        use Function::{GriewankRosenbrock, RotatedRastrigin, SchaffersF7, StepEllipsoid, Weierstrass};
        matches!(self, RotatedRastrigin | StepEllipsoid | Weierstrass | SchaffersF7 | GriewankRosenbrock)
    }
}

/// A test function in a given dimension.
#[derive(Clone, Debug)]
pub struct Problem {
    function: Function,
    /// n × n, row-major; empty where there is no rotation.
    rotation: Vec<f64>,
    dimension: usize,
}

impl Problem {
    /// # Errors
    /// When the dimension is too small for the function: 2 for those that couple neighbours, 1 for the others.
    pub fn new(function: Function, dimension: usize) -> Result<Self, StrategyError> {
        let pairs = [Function::Rosenbrock, Function::SchaffersF7, Function::GriewankRosenbrock];
        let least = if pairs.contains(&function) { 2 } else { 1 };
        if dimension < least {
            let function = function.name();
            return Err(StrategyError::Dimension { function, dimension, least });
        }
        let rotated = function == Function::RotatedEllipsoid || function.is_bbob();
        let rotation = if rotated { rotation(dimension) } else { Vec::new() };
        Ok(Self { function, rotation, dimension })
    }

    /// R·x.
    fn rotated(&self, x: &[f64]) -> Vec<f64> {
        let dot = |row: &[f64]| row.iter().zip(x).map(|(r, x)| r * x).sum();
        self.rotation.chunks(x.len()).map(dot).collect()
    }

    /// The value at `x`; lower is better.
    ///
    /// # Panics
    /// When `x` does not have the problem's dimension.
    #[must_use]
    pub fn value(&self, x: &[f64]) -> f64 {
        assert_eq!(x.len(), self.dimension, "dimension of the problem");
        let n = x.len() as f64;
        let part = |i: usize| i as f64 / (n - 1.0).max(1.0);
        let turn = |x: f64| libm::cos(std::f64::consts::TAU * x);
        let squares = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>();
        let rastrigin = |x: &[f64]| x.iter().map(|&x| 10.0 + x * x - 10.0 * turn(x)).sum::<f64>();
        let ellipsoid = |x: &[f64]| {
            let term = |(i, x): (usize, &f64)| libm::pow(10.0, 6.0 * part(i)) * x * x;
            x.iter().enumerate().map(term).sum::<f64>()
        };
        match self.function {
            Function::Sphere => squares(x),
            Function::Ellipsoid => ellipsoid(x),
            Function::RotatedEllipsoid => ellipsoid(&self.rotated(x)),
            Function::Discus => 1e6 * x[0] * x[0] + squares(&x[1..]),
            Function::DifferentPowers => {
                let term = |(i, x): (usize, &f64)| libm::pow(x.abs(), 2.0 + 4.0 * part(i));
                x.iter().enumerate().map(term).sum()
            }
            Function::Rosenbrock => x.windows(2).map(valley).sum(),
            Function::Ackley => {
                let cosines = x.iter().map(|&x| turn(x)).sum::<f64>() / n;
                let distance = (squares(x) / n).sqrt();
                20.0 - 20.0 * libm::exp(-0.2 * distance) + std::f64::consts::E - libm::exp(cosines)
            }
            Function::Rastrigin => rastrigin(x),
            Function::RotatedRastrigin => rastrigin(&self.rotated(x)),
            Function::StepEllipsoid => {
                let scale = |(i, z): (usize, f64)| libm::pow(10.0, 0.5 * part(i)) * z;
                let z: Vec<f64> = self.rotated(x).into_iter().enumerate().map(scale).collect();
                let round = |z: f64| match z.abs() > 0.5 {
                    true => (0.5 + z).floor(),
                    false => (0.5 + 10.0 * z).floor() / 10.0,
                };
                let term = |(i, &z): (usize, &f64)| libm::pow(10.0, 2.0 * part(i)) * round(z) * round(z);
                0.1 * z.iter().enumerate().map(term).sum::<f64>().max(z[0].abs() / 1e4)
            }
            Function::Weierstrass => {
                let waves = |z: f64| {
                    let wave = |k: i32| {
                        let at = f64::from(3_i32.pow(k as u32)) * (z + 0.5);
                        turn(at - at.floor()) / f64::from(1 << k)
                    };
                    (0..12).map(wave).sum::<f64>()
                };
                let mean = self.rotated(x).into_iter().map(waves).sum::<f64>() / n;
                let above = mean - waves(0.0);
                10.0 * above * above * above
            }
            Function::SchaffersF7 => {
                let scale = |(i, z): (usize, f64)| libm::pow(10.0, 0.5 * part(i)) * z;
                let z: Vec<f64> = self.rotated(x).into_iter().enumerate().map(scale).collect();
                let term = |w: &[f64]| {
                    let s = (w[0] * w[0] + w[1] * w[1]).sqrt();
                    let wave = libm::sin(50.0 * libm::pow(s, 0.2));
                    s.sqrt() * (1.0 + wave * wave)
                };
                let mean = z.windows(2).map(term).sum::<f64>() / (n - 1.0);
                mean * mean
            }
            Function::GriewankRosenbrock => {
                let scale = (n.sqrt() / 8.0).max(1.0);
                let z: Vec<f64> = self.rotated(x).into_iter().map(|z| scale * z + 1.0).collect();
                let term = |w: &[f64]| valley(w) / 4000.0 - libm::cos(valley(w));
                10.0 * z.windows(2).map(term).sum::<f64>() / (n - 1.0) + 10.0
            }
            Function::OneMax => n - ones(x) as f64,
            Function::LeadingOnes => n - x.iter().take_while(|&&x| x > 0.5).count() as f64,
            Function::Traps => {
                let trap = |block: &[f64]| match ones(block) {
                    all if all == block.len() => 0.0,
                    some => 1.0 + some as f64,
                };
                x.chunks(5).map(trap).sum()
            }
        }
    }
}

/// A term of Rosenbrock's function, of two neighbours.
fn valley(w: &[f64]) -> f64 {
    let (aside, along) = (w[1] - w[0] * w[0], 1.0 - w[0]);
    100.0 * aside * aside + along * along
}

/// Number of coordinates that a binary function sees as ones.
fn ones(x: &[f64]) -> usize {
    x.iter().filter(|&&x| x > 0.5).count()
}

/// The rotation of the reference data: uniform numbers from splitmix64 seeded with n, orthonormalised by rows
/// (modified Gram-Schmidt).
#[must_use]
pub fn rotation(n: usize) -> Vec<f64> {
    let mut state = n as u64;
    let mut uniform = || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        (z >> 11) as f64 / 9_007_199_254_740_992.0 - 0.5
    };
    let mut r: Vec<f64> = (0..n * n).map(|_| uniform()).collect();
    for i in 0..n {
        let (done, rest) = r.split_at_mut(i * n);
        let row = &mut rest[..n];
        for other in done.chunks(n) {
            let dot: f64 = row.iter().zip(other).map(|(a, b)| a * b).sum();
            for (a, b) in row.iter_mut().zip(other) {
                *a -= dot * b;
            }
        }
        let norm = row.iter().map(|a| a * a).sum::<f64>().sqrt();
        for a in row {
            *a /= norm;
        }
    }
    r
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn every_function_is_zero_at_its_minimum_and_positive_elsewhere() {
        for function in Function::ALL {
            let binary = [Function::OneMax, Function::LeadingOnes, Function::Traps].contains(&function);
            let at = if binary || function == Function::Rosenbrock { 1.0 } else { 0.0 };
            let aside = if binary { -0.6 } else { 0.3 };
            for n in [2, 5, 20] {
                let problem = Problem::new(function, n).unwrap();
                assert!(problem.value(&vec![at; n]).abs() < 1e-13, "{}", function.name());
                assert!(problem.value(&vec![at + aside; n]) > 0.05, "{}", function.name());
            }
            assert_eq!(Function::from_name(function.name()).unwrap(), function);
        }
    }

    #[test]
    fn values_by_hand() {
        let value = |function, x: &[f64]| Problem::new(function, x.len()).unwrap().value(x);
        assert_eq!(value(Function::Sphere, &[1.0, -2.0]), 5.0);
        assert_eq!(value(Function::Sphere, &[3.0]), 9.0);
        assert_eq!(value(Function::Ellipsoid, &[1.0, 2.0, 3.0]), 1.0 + 4e3 + 9e6);
        assert_eq!(value(Function::Discus, &[2.0, 1.0, 3.0]), 4e6 + 10.0);
        assert_eq!(value(Function::DifferentPowers, &[-2.0, 2.0, -2.0]), 4.0 + 16.0 + 64.0);
        assert_eq!(value(Function::Rosenbrock, &[2.0, 3.0, 5.0]), 101.0 + 1600.0 + 4.0);
        assert!((value(Function::Rastrigin, &[1.0, 0.5]) - 21.25).abs() < 1e-12);
        assert_eq!(value(Function::OneMax, &[1.0, 0.0, 0.5, 0.6]), 2.0);
        assert_eq!(value(Function::LeadingOnes, &[1.0, 1.0, 0.0, 1.0]), 2.0);
        // Without rotation, in one or two dimensions, R is 1 or −1, or turns.
        let weierstrass = value(Function::Weierstrass, &[0.5]);
        // At ½ all cosines are 1, at 0 all are −1.
        let both: f64 = (0..12).map(|k| 2.0 / f64::from(1 << k)).sum();
        assert!((weierstrass - 10.0 * both.powi(3)).abs() < 1e-9, "{weierstrass}");
        assert_eq!(value(Function::StepEllipsoid, &[0.3]), 0.1 * 0.3 * 0.3);
        let two_blocks = |first, second| [[first; 5].as_slice(), &[second; 2]].concat();
        assert_eq!(value(Function::Traps, &two_blocks(1.0, 0.0)), 1.0);
        assert_eq!(value(Function::Traps, &[1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0]), 5.0);
        let ackley = 20.0 - 20.0 * (-0.2_f64).exp();
        assert!((value(Function::Ackley, &[1.0, -1.0]) - ackley).abs() < 1e-12);
    }

    #[test]
    fn too_small_dimensions_and_unknown_names_are_refused() {
        assert!(Problem::new(Function::SchaffersF7, 1).is_err());
        let error = Problem::new(Function::Rosenbrock, 1).unwrap_err();
        assert_eq!(error.to_string(), "function rosenbrock needs at least 2 parameters, got 1");
        assert!(Problem::new(Function::Sphere, 0).is_err());
        let error = Function::from_name("sphree").unwrap_err().to_string();
        assert!(error.contains("\"sphree\"") && error.contains("rastrigin"), "{error}");
    }

    #[test]
    fn rotations_are_those_of_the_reference_data() {
        let text = include_str!("../../../tests/data/es/cma.json");
        let data: serde_json::Value = serde_json::from_str(text).unwrap();
        for (n, values) in data["rotation_check_values"].as_object().unwrap() {
            let n: usize = n.parse().unwrap();
            let r = rotation(n);
            for (index, entry) in [0, 1, 2, n * n - 1].into_iter().enumerate() {
                assert!((r[entry] - values[index].as_f64().unwrap()).abs() < 1e-13);
            }
        }
    }
}
