//! Few runs, honestly: the interquartile mean and bootstrap intervals over seeds, as recommended by
//! Agarwal et al., "Deep reinforcement learning at the edge of the statistical precipice", NeurIPS
//! 2021, and computed by their library rliable.

use std::fmt;

use rand::RngExt as _;
use serde::Serialize;
use strategies::random::{Purpose, Stream};

/// Resamples of an interval. More change the third digit at most.
pub const RESAMPLES: usize = 2000;

/// Probability of an interval.
pub const CONFIDENCE: f64 = 0.95;

/// What stands for several runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Center {
    /// [`interquartile_mean`].
    #[default]
    InterquartileMean,
    /// The mean.
    Mean,
    /// The median.
    Median,
}

impl Center {
    /// Of at least one value, sorted.
    #[must_use]
    fn of(self, sorted: &[f64]) -> f64 {
        match self {
            Self::InterquartileMean => interquartile_mean(sorted),
            Self::Mean => mean(sorted),
            Self::Median => quantile(sorted, 0.5),
        }
    }

    /// Name in captions.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::InterquartileMean => "interquartile mean",
            Self::Mean => "mean",
            Self::Median => "median",
        }
    }
}

/// The mean of the middle half of sorted values: a quarter of them, rounded down, is left out at each
/// end (`scipy.stats.trim_mean(x, 0.25)`). Of fewer than four values it is the mean.
#[must_use]
pub fn interquartile_mean(sorted: &[f64]) -> f64 {
    let cut = sorted.len() / 4;
    mean(&sorted[cut..sorted.len() - cut])
}

/// Not a number if there are none.
#[must_use]
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Quantile `q` in [0, 1] of at least one sorted value, linear in between (`numpy.quantile`).
#[must_use]
pub fn quantile(sorted: &[f64], q: f64) -> f64 {
    let at = q * (sorted.len() - 1) as f64;
    let (low, part) = (at as usize, at - at.floor());
    let high = (low + 1).min(sorted.len() - 1);
    // Not a difference times 0, which infinities would turn into NaN.
    if part == 0.0 { sorted[low] } else { sorted[low] + (sorted[high] - sorted[low]) * part }
}

/// A value with its bootstrap interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Estimate {
    /// Of the values as they are; `mean` in JSON, which has estimates of means only.
    #[serde(rename = "mean")]
    pub value: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
}

impl Estimate {
    /// With signs, for differences: `+12.4 [-3.1, +30.0]`.
    #[must_use]
    pub fn signed(self) -> String {
        format!("{:+.1} [{:+.1}, {:+.1}]", self.value, self.low, self.high)
    }
}

impl fmt::Display for Estimate {
    /// As `812.4 [790.1, 830.0]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} [{:.1}, {:.1}]", self.value, self.low, self.high)
    }
}

/// A stratified bootstrap with percentile intervals: in each resample, every stratum (the seeds of a
/// task) is drawn from with replacement by itself, then all values are taken together.
///
/// The same strata give the same interval: draws depend on the resample, the stratum and the place in
/// it only. One bootstrap serves all points of a curve.
#[derive(Clone, Debug)]
pub struct Bootstrap {
    /// Places drawn, `[resample][stratum][place]`.
    draws: Vec<Vec<Vec<usize>>>,
    sizes: Vec<usize>,
}

impl Bootstrap {
    /// For strata of these sizes, each at least 1; at least one stratum and one resample.
    #[must_use]
    pub fn new(sizes: &[usize], resamples: usize) -> Self {
        let draw = |resample: usize, stratum: usize| {
            let size = sizes[stratum];
            let mut random = Stream::new(0, Purpose::Bootstrap, resample as u64, stratum as u64, 0);
            (0..size).map(|_| random.random_range(0..size)).collect()
        };
        let draws = (0..resamples).map(|r| (0..sizes.len()).map(|s| draw(r, s)).collect()).collect();
        Self { draws, sizes: sizes.to_vec() }
    }

    /// The estimate for values of those sizes, with the interval that holds `confidence` of the
    /// resamples. The order within a stratum does not matter.
    ///
    /// # Panics
    /// If the sizes are not those of [`Bootstrap::new`].
    #[must_use]
    pub fn estimate(&self, strata: &[Vec<f64>], center: Center, confidence: f64) -> Estimate {
        let sizes: Vec<usize> = strata.iter().map(Vec::len).collect();
        assert_eq!(sizes, self.sizes, "the bootstrap was made for other strata");
        let sorted = |mut values: Vec<f64>| {
            values.sort_by(f64::total_cmp);
            values
        };
        let strata: Vec<Vec<f64>> = strata.iter().cloned().map(sorted).collect();
        let resample = |draws: &Vec<Vec<usize>>| {
            let picked = draws.iter().zip(&strata).flat_map(|(draws, s)| draws.iter().map(|&i| s[i]));
            center.of(&sorted(picked.collect()))
        };
        let resamples = sorted(self.draws.iter().map(resample).collect());
        let tail = (1.0 - confidence) / 2.0;
        Estimate {
            value: center.of(&sorted(strata.concat())),
            low: quantile(&resamples, tail),
            high: quantile(&resamples, 1.0 - tail),
        }
    }
}

/// The estimate for the runs of one task, with an interval of [`CONFIDENCE`] from [`RESAMPLES`]
/// resamples; none without values.
#[must_use]
pub fn estimate(values: &[f64], center: Center) -> Option<Estimate> {
    match values {
        [] => None,
        &[value] => Some(Estimate { value, low: value, high: value }),
        _ => {
            let bootstrap = Bootstrap::new(&[values.len()], RESAMPLES);
            Some(bootstrap.estimate(&[values.to_vec()], center, CONFIDENCE))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IQM: Center = Center::InterquartileMean;

    fn interval(strata: &[Vec<f64>], center: Center, confidence: f64) -> (f64, f64) {
        let sizes: Vec<usize> = strata.iter().map(Vec::len).collect();
        let estimate = Bootstrap::new(&sizes, 20_000).estimate(strata, center, confidence);
        (estimate.low, estimate.high)
    }

    #[test]
    fn a_quarter_is_left_out_at_each_end() {
        // scipy.stats.trim_mean(x, 0.25).
        for (values, iqm) in [
            (&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 800.0][..], 4.5),
            (&[-100.0, 2.0, 3.0, 100.0], 2.5),
            (&[0.0, 0.0, 9.0], 3.0),
            (&[0.0, 1.0, 2.0, 6.0, 50.0], 3.0),
            (&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 700.0], 3.0),
            (&[4.0], 4.0),
        ] {
            assert_eq!(interquartile_mean(values), iqm, "{values:?}");
        }
    }

    #[test]
    fn quantiles_are_those_of_numpy() {
        let values = [1.0, 2.0, 4.0, 8.0];
        for (q, expected) in [(0.0, 1.0), (0.25, 1.75), (0.5, 3.0), (0.75, 5.0), (1.0, 8.0)] {
            assert_eq!(quantile(&values, q), expected);
        }
        assert_eq!(quantile(&[f64::NEG_INFINITY, 1.0], 1.0), 1.0);
    }

    /// All resamples of two or three values can be counted.
    #[test]
    fn intervals_are_those_of_the_counted_resamples() {
        // {0, 1}: the mean is 0, 1/2, 1 with probability 1/4, 1/2, 1/4.
        let two = [vec![1.0, 0.0]];
        assert_eq!(interval(&two, Center::Mean, 0.95), (0.0, 1.0));
        assert_eq!(interval(&two, Center::Mean, 0.4), (0.5, 0.5));
        // {0, 0, 3}: it is 0, 1, 2, 3 with 8/27, 12/27, 6/27, 1/27; the last is 3.7 %.
        let three = [vec![0.0, 3.0, 0.0]];
        assert_eq!(interval(&three, Center::Mean, 0.95), (0.0, 3.0));
        assert_eq!(interval(&three, Center::Mean, 0.90), (0.0, 2.0));
        assert_eq!(interval(&three, Center::Mean, 0.30), (1.0, 1.0));
        // The median is 3 if at least two of the three are: 7/27 = 26 %.
        assert_eq!(interval(&three, Center::Median, 0.6), (0.0, 3.0));
        assert_eq!(interval(&three, Center::Median, 0.4), (0.0, 0.0));
        // {0, 0, 0, 8}: the interquartile mean of a resample with k eights is 0, 0, 4, 8, 8; k > 1 has
        // 1 - (81 + 108)/256 = 26 %, k > 2 has 13/256 = 5.1 %.
        let four = [vec![0.0, 8.0, 0.0, 0.0]];
        assert_eq!(interval(&four, IQM, 0.92), (0.0, 8.0));
        assert_eq!(interval(&four, IQM, 0.80), (0.0, 4.0));
        assert_eq!(interval(&four, IQM, 0.40), (0.0, 0.0));
    }

    #[test]
    fn strata_keep_their_share() {
        // Tasks of other scales: what differs between them is no spread over seeds.
        let strata = [vec![0.0, 0.0], vec![10.0, 10.0]];
        assert_eq!(interval(&strata, Center::Mean, 0.95), (5.0, 5.0));
        let (low, high) = interval(&[strata.concat()], Center::Mean, 0.95);
        assert!(low < 2.0 && high > 8.0, "{low} {high}");
        // The interquartile mean is over all tasks together, as in rliable.
        let strata = [vec![0.0, 1.0], vec![2.0, 99.0]];
        let bootstrap = Bootstrap::new(&[2, 2], 10);
        assert_eq!(bootstrap.estimate(&strata, IQM, 0.95).value, 1.5);
    }

    #[test]
    fn estimates_ignore_the_order_and_follow_shifts() {
        let values = [5.0, 1.0, 4.0, 2.0, 9.0, 7.0];
        let mut other = values;
        other.reverse();
        let first = estimate(&values, IQM);
        assert_eq!(first, estimate(&other, IQM));
        let shifted = estimate(&values.map(|x| 2.0 * x + 64.0), IQM);
        let expected = first.map(|e| [e.value, e.low, e.high].map(|x| 2.0 * x + 64.0));
        assert_eq!(shifted.map(|e| [e.value, e.low, e.high]), expected);
        assert_eq!(estimate(&[], IQM), None);
        assert_eq!(estimate(&[3.0], IQM), Some(Estimate { value: 3.0, low: 3.0, high: 3.0 }));
        assert_eq!(Estimate { value: 1.0, low: -0.04, high: 2.25 }.to_string(), "1.0 [-0.0, 2.2]");
    }

    #[test]
    fn intervals_of_ten_seeds_cover_the_truth_about_as_often_as_they_say() {
        let (mut inside, trials) = (0, 400);
        let bootstrap = Bootstrap::new(&[10], 500);
        for trial in 0..trials {
            let mut random = Stream::new(7, Purpose::Bench, trial, 0, 0);
            // A sum of twelve uniform numbers is close to a normal one.
            let mut draw = || (0..12).map(|_| random.random::<f64>() - 0.5).sum::<f64>();
            let values: Vec<f64> = (0..10).map(|_| draw()).collect();
            let Estimate { low, high, .. } = bootstrap.estimate(&[values], Center::Mean, 0.95);
            inside += u32::from(low <= 0.0 && 0.0 <= high);
        }
        let share = f64::from(inside) / trials as f64;
        // The percentile interval of ten values is known to be a little narrow: about 90 %.
        assert!((0.86..0.95).contains(&share), "{share}");
    }
}
