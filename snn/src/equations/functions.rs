//! Division, root, exponential and the like from operations that every machine rounds alike.
//!
//! WGSL leaves the accuracy of `/`, `sqrt`, `exp`, `log` and `tanh` to the device. Here they are
//! sums and products of f32, so the same bits come out everywhere, a few units in the last place
//! from the true value. Coefficients of `exp` and `ln`: Moshier's Cephes library (`expf`, `logf`);
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
