//! Spike times on random manifolds.

use std::f64::consts::TAU;

use rand::RngExt as _;
use strategies::random::{Purpose, Stream};

use crate::gradient::labels::data::samples::{Answers, Samples, Values};
use crate::gradient::labels::data::set::DataSet;
use crate::gradient::labels::data_config::RandmanConfig;

/// Frequencies of a manifold; those beyond have an amplitude below a thousandth at smoothness 1 or more.
const FREQUENCIES: usize = 32;
/// Points by which the range of a unit's times is found.
const PROBES: usize = 1000;

/// One wave of a unit along a coordinate: amplitude, frequency in cycles, phase in cycles.
type Wave = (f64, f64, f64);

/// The functions of all classes and units: `[class][unit][dimension][frequency]`.
struct Manifolds<'a> {
    config: &'a RandmanConfig,
    waves: Vec<Wave>,
    /// Least and largest value of each class and unit over the probes.
    ranges: Vec<(f64, f64)>,
}

impl<'a> Manifolds<'a> {
    fn new(config: &'a RandmanConfig) -> Self {
        let mut stream = Stream::new(config.seed, Purpose::Finetune, 0, 3, 0);
        let count = config.classes * config.units;
        let mut waves = Vec::with_capacity(count * config.dimensions * FREQUENCIES);
        for index in 0..count * config.dimensions * FREQUENCIES {
            let k = (index % FREQUENCIES + 1) as f64;
            let amplitude = libm::pow(k, -config.smoothness) * stream.random::<f64>();
            waves.push((amplitude, k * stream.random::<f64>(), stream.random::<f64>()));
        }
        let mut new = Self { config, waves, ranges: Vec::new() };
        let probes: Vec<f64> = (0..PROBES * config.dimensions).map(|_| stream.random()).collect();
        for function in 0..count {
            let mut range = (f64::INFINITY, f64::NEG_INFINITY);
            for point in probes.chunks_exact(config.dimensions) {
                let value = new.value(function, point);
                range = (range.0.min(value), range.1.max(value));
            }
            new.ranges.push(range);
        }
        new
    }

    /// The value of function `class · units + unit` at a point.
    fn value(&self, function: usize, point: &[f64]) -> f64 {
        let along = |(dimension, x): (usize, &f64)| -> f64 {
            let first = (function * self.config.dimensions + dimension) * FREQUENCIES;
            let waves = &self.waves[first..first + FREQUENCIES];
            waves
                .iter()
                .map(|(amplitude, cycles, phase)| amplitude * libm::sin(TAU * (cycles * x + phase)))
                .sum()
        };
        point.iter().enumerate().map(along).product()
    }

    /// The frame in which a unit spikes.
    fn frame(&self, function: usize, point: &[f64]) -> u16 {
        let ((low, high), frames) = (self.ranges[function], self.config.frames);
        let time = (self.value(function, point) - low) / (high - low).max(f64::MIN_POSITIVE);
        ((time * frames as f64).max(0.0) as usize).min(frames - 1) as u16
    }
}

/// Draws the three parts from streams of their own, on the same manifolds; classes take turns.
pub(super) fn generate(config: &RandmanConfig) -> DataSet {
    let manifolds = Manifolds::new(config);
    let part = |count: usize, part: u64| {
        let mut stream = Stream::new(config.seed, Purpose::Finetune, 0, 4, part);
        let (mut starts, mut events) = (vec![0], Vec::with_capacity(count * config.units));
        let mut point = vec![0.0; config.dimensions];
        for sample in 0..count {
            point.fill_with(|| stream.random());
            let first = sample % config.classes * config.units;
            events.extend((0..config.units).map(|unit| (manifolds.frame(first + unit, &point), unit as u16)));
            starts.push(events.len());
        }
        let answers = Answers::Labels((0..count).map(|sample| sample % config.classes).collect());
        let values = Values::Events { starts, events };
        Samples { frames: config.frames, features: config.units, answers, values }
    };
    DataSet {
        classes: (0..config.classes).map(|class| class.to_string()).collect(),
        train: part(config.train, 0),
        validation: part(config.validation, 1),
        test: part(config.test, 2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_spikes_once_and_only_when_tells_the_class() {
        let config = RandmanConfig { train: 400, classes: 4, units: 12, ..RandmanConfig::default() };
        let data = generate(&config);
        assert_eq!(data, generate(&config));
        assert_ne!(data.train, generate(&RandmanConfig { seed: 1, ..config }).train);
        assert_eq!((data.train.len(), data.train.frames, data.train.features), (400, 50, 12));
        // Mean frame of each class and unit.
        let (mut batch, mut means) = (Vec::new(), vec![0.0; 4 * 12]);
        for sample in 0..400 {
            data.train.batch(&[sample], &mut batch);
            for unit in 0..12 {
                let column: Vec<f32> = batch[unit..].iter().step_by(12).copied().collect();
                assert_eq!(column.iter().sum::<f32>(), 1.0, "unit {unit} of sample {sample}");
                let frame = column.iter().position(|&x| x == 1.0).unwrap_or(0);
                means[data.train.labels()[sample] * 12 + unit] += frame as f64 / 100.0;
            }
        }
        let spread = |unit: usize| {
            let of: Vec<f64> = (0..4).map(|class| means[class * 12 + unit]).collect();
            of.iter().copied().fold(f64::MIN, f64::max) - of.iter().copied().fold(f64::MAX, f64::min)
        };
        assert!((0..12).map(spread).sum::<f64>() / 12.0 > 5.0, "{means:?}");
    }

    #[test]
    fn manifolds_are_smooth() {
        let config = RandmanConfig { smoothness: 2.0, ..RandmanConfig::default() };
        let manifolds = Manifolds::new(&config);
        for function in 0..20 {
            let frame = |x: f64| i32::from(manifolds.frame(function, &[x]));
            let largest =
                (0..1000).map(|i| (frame(f64::from(i + 1) * 1e-3) - frame(f64::from(i) * 1e-3)).abs());
            assert!(largest.max().unwrap_or(99) <= 3, "function {function}");
        }
    }
}
