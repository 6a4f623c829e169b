//! Division, root, exponential and the like from operations that every machine rounds alike.
//!
//! WGSL leaves the accuracy of `/`, `sqrt`, `exp`, `log` and `tanh` to the device. Here they are
//! sums and products of f32, so the same bits come out everywhere: within 3 units in the last place
//! of the true value, 7 for `tanh`. Coefficients of `exp` and `ln`: Moshier's Cephes library (`expf`, `logf`);
//! of `tanh`: the rational approximation of the Eigen library.

#![expect(clippy::excessive_precision, reason = "coefficients as published")]

use super::kernel::{Builder, Op};

/// 2^k.
const fn two(k: i32) -> f32 {
    f32::from_bits(((k + 127) as u32) << 23)
}

impl Builder {
    fn add(&mut self, a: u32, b: u32) -> u32 {
        self.push(Op::Add(a, b))
    }

    fn sub(&mut self, a: u32, b: u32) -> u32 {
        self.push(Op::Sub(a, b))
    }

    fn mul(&mut self, a: u32, b: u32) -> u32 {
        self.push(Op::Mul(a, b))
    }

    fn times(&mut self, a: u32, b: f32) -> u32 {
        let b = self.literal(b);
        self.mul(a, b)
    }

    fn plus(&mut self, a: u32, b: f32) -> u32 {
        let b = self.literal(b);
        self.add(a, b)
    }

    /// The smaller; a if they are equal.
    pub(super) fn min(&mut self, a: u32, b: u32) -> u32 {
        let less = self.push(Op::Less(b, a));
        self.push(Op::Select(less, b, a))
    }

    /// The larger; a if they are equal.
    pub(super) fn max(&mut self, a: u32, b: u32) -> u32 {
        let less = self.push(Op::Less(a, b));
        self.push(Op::Select(less, b, a))
    }

    fn limit(&mut self, x: u32, low: f32, high: f32) -> u32 {
        let low = self.literal(low);
        let x = self.max(x, low);
        let high = self.literal(high);
        self.min(x, high)
    }

    /// Horner's scheme, highest power first.
    fn polynomial(&mut self, x: u32, coefficients: &[f32]) -> u32 {
        let mut sum = self.literal(coefficients[0]);
        for &coefficient in &coefficients[1..] {
            sum = self.mul(sum, x);
            sum = self.plus(sum, coefficient);
        }
        sum
    }

    /// a/b for 2^-125 ≤ |b| ≤ 2^64.
    fn quotient(&mut self, a: u32, b: u32) -> u32 {
        let mut r = self.push(Op::ReciprocalSeed(b));
        let two = self.literal(2.0);
        for _ in 0..3 {
            // Newton: r ← r·(2 − b·r).
            let product = self.mul(b, r);
            let rest = self.sub(two, product);
            r = self.mul(r, rest);
        }
        let q = self.mul(a, r);
        let product = self.mul(b, q);
        let rest = self.sub(a, product);
        let correction = self.mul(r, rest);
        self.add(q, correction)
    }

    /// a/b; not finite where |b| < 2^-125, zero included.
    pub(super) fn divide(&mut self, a: u32, b: u32) -> u32 {
        let size = self.push(Op::Abs(b));
        let (limit, shrink, one) = (self.literal(two(64)), self.literal(two(-64)), self.literal(1.0));
        let large = self.push(Op::Less(limit, size));
        let scale = self.push(Op::Select(large, shrink, one));
        let (scaled_a, scaled_b) = (self.mul(a, scale), self.mul(b, scale));
        let q = self.quotient(scaled_a, scaled_b);
        let smallest = self.literal(two(-125));
        let zero = self.push(Op::Less(size, smallest));
        let infinite = self.times(a, f32::INFINITY);
        self.push(Op::Select(zero, infinite, q))
    }

    /// √x; not a number for x < 0. What is no normal number counts as 0.
    pub(super) fn sqrt(&mut self, x: u32) -> u32 {
        let (limit, one) = (self.literal(two(-60)), self.literal(1.0));
        let small = self.push(Op::Less(x, limit));
        let (grow, shrink) = (self.literal(two(64)), self.literal(two(-32)));
        let grow = self.push(Op::Select(small, grow, one));
        let shrink = self.push(Op::Select(small, shrink, one));
        let scaled = self.mul(x, grow);

        let mut r = self.push(Op::RootSeed(scaled));
        let three_halves = self.literal(1.5);
        for _ in 0..3 {
            // Newton for 1/√x: r ← r·(1.5 − x·r·r/2).
            let product = self.mul(scaled, r);
            let product = self.mul(product, r);
            let half = self.times(product, 0.5);
            let rest = self.sub(three_halves, half);
            r = self.mul(r, rest);
        }
        let s = self.mul(scaled, r);
        let square = self.mul(s, s);
        let rest = self.sub(scaled, square);
        let half = self.times(r, 0.5);
        let correction = self.mul(half, rest);
        let s = self.add(s, correction);
        let root = self.mul(s, shrink);

        let (smallest, zero, nan) =
            (self.literal(f32::MIN_POSITIVE), self.literal(0.0), self.literal(f32::NAN));
        let tiny = self.push(Op::Less(x, smallest));
        let root = self.push(Op::Select(tiny, zero, root));
        let below = self.literal(-f32::MIN_POSITIVE);
        let negative = self.push(Op::LessEqual(x, below));
        self.push(Op::Select(negative, nan, root))
    }

    /// e^x; constant outside [−87, 88].
    pub(super) fn exp(&mut self, x: u32) -> u32 {
        let x = self.limit(x, -87.0, 88.0);
        let k = self.times(x, std::f32::consts::LOG2_E);
        let k = self.plus(k, 0.5);
        let k = self.push(Op::Floor(k));
        // x − k·ln 2, where the first part of ln 2 is short enough for an exact product.
        let high = self.times(k, 0.693_359_375);
        let low = self.times(k, -2.121_944_400_5e-4);
        let r = self.sub(x, high);
        let r = self.sub(r, low);
        let square = self.mul(r, r);
        let series = self.polynomial(
            r,
            &[
                1.987_569_150_0e-4,
                1.398_199_950_7e-3,
                8.333_451_907_3e-3,
                4.166_579_589_4e-2,
                1.666_666_545_9e-1,
                5.000_000_120_1e-1,
            ],
        );
        let sum = self.mul(series, square);
        let sum = self.add(sum, r);
        let sum = self.plus(sum, 1.0);
        let scale = self.push(Op::PowerOfTwo(k));
        self.mul(sum, scale)
    }

    /// Natural logarithm; not a number for x ≤ 0 and for what is no normal number.
    pub(super) fn ln(&mut self, x: u32) -> u32 {
        let k = self.push(Op::Exponent(x));
        let m = self.push(Op::Mantissa(x));
        let one = self.literal(1.0);
        let f = self.sub(m, one);
        let square = self.mul(f, f);
        let series = self.polynomial(
            f,
            &[
                7.037_683_629_2e-2,
                -1.151_461_031_0e-1,
                1.167_699_874_0e-1,
                -1.242_014_084_6e-1,
                1.424_932_278_7e-1,
                -1.666_805_766_5e-1,
                2.000_071_476_5e-1,
                -2.499_999_399_3e-1,
                3.333_333_117_4e-1,
            ],
        );
        let cube = self.mul(f, square);
        let sum = self.mul(series, cube);
        let low = self.times(k, -2.121_944_400_5e-4);
        let sum = self.add(sum, low);
        let half = self.times(square, 0.5);
        let sum = self.sub(sum, half);
        let sum = self.add(f, sum);
        let high = self.times(k, 0.693_359_375);
        let sum = self.add(sum, high);
        let (smallest, nan) = (self.literal(f32::MIN_POSITIVE), self.literal(f32::NAN));
        let valid = self.push(Op::LessEqual(smallest, x));
        self.push(Op::Select(valid, sum, nan))
    }

    /// Hyperbolic tangent.
    pub(super) fn tanh(&mut self, x: u32) -> u32 {
        let x = self.limit(x, -7.905_311_107_635_5, 7.905_311_107_635_5);
        let z = self.mul(x, x);
        let odd = self.polynomial(
            z,
            &[
                -2.760_768_477_423_55e-16,
                2.000_187_904_824_77e-13,
                -8.604_671_522_137_35e-11,
                5.122_297_090_371_14e-8,
                1.485_722_357_179_79e-5,
                6.372_619_288_754_36e-4,
                4.893_524_558_917_86e-3,
            ],
        );
        let even = self.polynomial(
            z,
            &[
                1.198_258_394_667_02e-6,
                1.185_347_056_866_54e-4,
                2.268_434_632_439_00e-3,
                4.893_525_185_543_85e-3,
            ],
        );
        let numerator = self.mul(x, odd);
        let q = self.quotient(numerator, even);
        self.limit(q, -1.0, 1.0)
    }

    /// 1/(1 + e^−x); constant below −80.
    pub(super) fn sigmoid(&mut self, x: u32) -> u32 {
        let low = self.literal(-80.0);
        let x = self.max(x, low);
        let negative = self.push(Op::Neg(x));
        let e = self.exp(negative);
        let denominator = self.plus(e, 1.0);
        let one = self.literal(1.0);
        self.quotient(one, denominator)
    }

    /// x^n by squaring.
    pub(super) fn power(&mut self, x: u32, n: u32) -> u32 {
        match n {
            0 => self.literal(1.0),
            1 => x,
            _ => {
                let half = self.power(x, n / 2);
                let square = self.mul(half, half);
                if n % 2 == 1 { self.mul(square, x) } else { square }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::super::{Constants, Model, Scratch, interpret};

    /// `expression` of the input `x` for many x, off the grid, by the interpreter.
    fn values(expression: &str, x: &[f32]) -> Vec<f32> {
        let text =
            format!("model test\nstate y = 0\nstate keep = 0\nlet x = I_in\nlet z = I_rec\ny = {expression}");
        let kernel = Model::parse(&text).unwrap().kernel(None, false).unwrap();
        let y = kernel.named.iter().find(|(name, _)| name == "y").unwrap().1;
        let mut scratch = Scratch::new(&kernel);
        let mut result = Vec::new();
        for x in x.chunks(32) {
            let (mut forward, mut recurrent) = ([1.0; 16], [1.0; 16]);
            for (i, pair) in x.chunks(2).enumerate() {
                (forward[i], recurrent[i]) = (pair[0], pair.get(1).copied().unwrap_or(1.0));
            }
            let none = Constants::Shared(&[]);
            interpret::<false>(&kernel, &mut scratch, none, &forward, &recurrent, &mut [0.0; 32], &mut [0]);
            result.extend((0..x.len().div_ceil(2)).map(|lane| scratch.value(y, lane)));
        }
        result
    }

    /// Error in units in the last place of the true value.
    fn ulps(value: f32, truth: f64) -> f64 {
        let nearest = (truth as f32).abs().max(f32::MIN_POSITIVE);
        let unit = f64::from(f32::from_bits(nearest.to_bits() + 1)) - f64::from(nearest);
        (f64::from(value) - truth).abs() / unit
    }

    /// The largest error of a function of one value over `x`.
    fn worst(expression: &str, x: impl Iterator<Item = f32>, truth: impl Fn(f64) -> f64) -> f64 {
        let x: Vec<f32> = x.collect();
        let pairs: Vec<f32> = x.iter().flat_map(|&x| [x, 1.0]).collect();
        let values = values(expression, &pairs);
        let errors = x.iter().zip(&values).map(|(&x, &value)| (ulps(value, truth(f64::from(x))), x, value));
        let (error, x, value) = errors.max_by(|a, b| a.0.total_cmp(&b.0)).unwrap();
        assert!(error < 1e3, "{expression} at {x}: {value}");
        error
    }

    fn range(low: f32, high: f32) -> impl Iterator<Item = f32> {
        (0..=200_000).map(move |i| low + (high - low) * (i as f32 / 200_000.0))
    }

    /// Positive normal numbers, from the smallest to the largest.
    fn normal() -> impl Iterator<Item = f32> {
        (0x0080_0000..0x7f80_0000).step_by(10_007).map(f32::from_bits)
    }

    #[test]
    fn a_few_units_in_the_last_place() {
        let sigmoid = |x: f64| 1.0 / (1.0 + libm::exp(-x));
        let cases = [
            ("exp", worst("exp(x)", range(-87.0, 88.0), libm::exp), 1.5),
            ("ln", worst("ln(x)", normal().chain(range(0.5, 2.0)), libm::log), 1.5),
            ("sqrt", worst("sqrt(x)", normal().chain(range(0.0, 200.0)), libm::sqrt), 1.5),
            ("tanh", worst("tanh(x)", range(-10.0, 10.0).chain(range(-1e-3, 1e-3)), libm::tanh), 7.0),
            ("sigmoid", worst("sigmoid(x)", range(-80.0, 90.0), sigmoid), 3.0),
            ("1/x", worst("1/x", normal().filter(|x| (2.4e-38..8e37).contains(x)), |x| 1.0 / x), 1.5),
            ("x^3", worst("x^3", range(-100.0, 100.0), |x| x * x * x), 1.5),
            ("x^-2", worst("x^-2", range(0.01, 100.0), |x| 1.0 / (x * x)), 2.5),
        ];
        for (name, error, limit) in cases {
            assert!(error <= limit, "{name}: {error} units in the last place");
        }
    }

    #[test]
    fn quotients_of_any_two_numbers() {
        // Signs, exponents and mantissas from a simple generator.
        let mut seed = 1_u64;
        let mut next = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            f32::from_bits((seed >> 32) as u32)
        };
        let mut pairs = Vec::new();
        while pairs.len() < 400_000 {
            let (a, b) = (next(), next());
            let quotient = (f64::from(a) / f64::from(b)).abs();
            if b.abs() > 2.4e-38 && a.abs() > 1e-30 && quotient > 1e-30 && quotient < 1e38 {
                pairs.extend([a, b]);
            }
        }
        for (pair, value) in pairs.chunks(2).zip(values("x/z", &pairs)) {
            let truth = f64::from(pair[0]) / f64::from(pair[1]);
            let error = ulps(value, truth);
            assert!(error <= 1.5, "{} / {} = {value}: {error} units", pair[0], pair[1]);
        }
    }

    #[test]
    fn no_number_stays_no_number() {
        let (inf, nan) = (f32::INFINITY, f32::NAN);
        for (expression, x) in [
            ("x/z", [1.0, 0.0]),
            ("x/z", [0.0, 0.0]),
            ("x/z", [-2.0, -0.0]),
            ("x/z", [1.0, 1e-40]),
            ("x/z", [nan, 1.0]),
            ("x/z", [1.0, nan]),
            ("x/z", [inf, 2.0]),
            ("ln(x)", [0.0, 1.0]),
            ("ln(x)", [-1.0, 1.0]),
            ("ln(x)", [nan, 1.0]),
            ("sqrt(x)", [-1.0, 1.0]),
            ("sqrt(x)", [nan, 1.0]),
            ("sqrt(x)", [inf, 1.0]),
            ("exp(x)", [nan, 1.0]),
            ("tanh(x)", [nan, 1.0]),
            ("sigmoid(x)", [nan, 1.0]),
        ] {
            let value = values(expression, &x)[0];
            assert!(!value.is_finite(), "{expression} at {x:?}: {value}");
        }
        for (expression, x, expected) in [
            ("exp(x)", -1000.0, (-87.0_f64).exp()),
            ("exp(x)", 1000.0, 88.0_f64.exp()),
            ("sqrt(x)", 0.0, 0.0),
            ("sqrt(x)", 1e-40, 0.0),
            ("tanh(x)", 1000.0, 1.0),
            ("sigmoid(x)", 1000.0, 1.0),
            ("min(x, z)", -3.0, -3.0),
            ("max(x, z)", -3.0, 1.0),
            ("clamp(x, -2, z)", -3.0, -2.0),
            ("floor(x)", -2.5, -3.0),
            ("abs(x)", -2.5, 2.5),
        ] {
            let value = values(expression, &[x, 1.0])[0];
            assert!(
                (f64::from(value) - expected).abs() <= 1e-6 * expected.abs(),
                "{expression} at {x}: {value}"
            );
        }
    }
}
