//! The yin-yang data set, as its authors' program draws it.

use rand::RngExt as _;
use strategies::random::{Purpose, Stream};

use crate::gradient::labels::data::samples::{Answers, Samples, Values};
use crate::gradient::labels::data::set::DataSet;
use crate::gradient::labels::data_config::YinYangConfig;

/// Draws the three parts. A class is chosen first, then points until one is in it, so that classes
/// are of equal size on average (Kriener et al. 2022, section 2).
pub(super) fn generate(config: &YinYangConfig) -> DataSet {
    let part = |count: usize, part: u64| {
        let mut stream = Stream::new(config.seed, Purpose::Finetune, 0, 2, part);
        let (mut labels, mut values) = (Vec::with_capacity(count), Vec::with_capacity(4 * count));
        for _ in 0..count {
            let goal = stream.random_range(0..3_usize);
            let (x, y) = loop {
                let (x, y) = (stream.random::<f64>(), stream.random::<f64>());
                let (x, y) = (2.0 * config.r_big * x, 2.0 * config.r_big * y);
                let (dx, dy) = (x - config.r_big, y - config.r_big);
                if dx * dx + dy * dy <= config.r_big * config.r_big && class(config, x, y) == goal {
                    break (x, y);
                }
            };
            labels.push(goal);
            values.extend([x, y, 1.0 - x, 1.0 - y].map(|x| x as f32));
        }
        let answers = Answers::Labels(labels);
        Samples { frames: 1, features: 4, answers, values: Values::Dense(values) }
    };
    DataSet {
        classes: ["yin", "yang", "dot"].map(str::to_owned).into(),
        train: part(config.train, 0),
        validation: part(config.validation, 1),
        test: part(config.test, 2),
    }
}

/// Which of yin (0), yang (1) and dot (2) a point is in, by the authors' criteria; their program numbers
/// the first two the other way round.
fn class(config: &YinYangConfig, x: f64, y: f64) -> usize {
    let (small, big) = (config.r_small, config.r_big);
    let distance = |cx: f64| ((x - cx) * (x - cx) + (y - big) * (y - big)).sqrt();
    let (right, left) = (distance(1.5 * big), distance(0.5 * big));
    let yin = right <= small || (left > small && left <= 0.5 * big) || (y > big && right > 0.5 * big);
    match () {
        () if right < small || left < small => 2,
        () if yin => 0,
        () => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_lie_where_the_symbol_has_them() {
        let config = YinYangConfig::default();
        for (x, y, expected) in [
            (0.25, 0.5, 2),
            (0.75, 0.5, 2),
            (0.75, 0.58, 2),
            // Around the left dot yin reaches down, around the right one yang reaches up.
            (0.25, 0.3, 0),
            (0.75, 0.7, 1),
            (0.5, 0.9, 0),
            (0.5, 0.1, 1),
        ] {
            assert_eq!(class(&config, x, y), expected, "({x}, {y})");
        }
    }

    #[test]
    fn parts_are_balanced_different_and_the_same_every_time() {
        let config = YinYangConfig { train: 3000, ..YinYangConfig::default() };
        let data = generate(&config);
        assert_eq!(data, generate(&config));
        assert_eq!((data.train.len(), data.validation.len(), data.test.len()), (3000, 1000, 1000));
        for class in 0..3 {
            let count = data.train.labels().iter().filter(|&&label| label == class).count();
            // Five standard deviations of a binomial.
            assert!(count.abs_diff(1000) < 130, "{class}: {count}");
        }
        let mut batch = Vec::new();
        data.train.batch(&[0, 1, 2], &mut batch);
        for row in batch.chunks(4) {
            assert!(row.iter().all(|x| (0.0..=1.0).contains(x)));
            assert!((row[0] + row[2] - 1.0).abs() < 1e-6 && (row[1] + row[3] - 1.0).abs() < 1e-6);
        }
        let first = |samples: &Samples| {
            let mut batch = Vec::new();
            samples.batch(&[0], &mut batch);
            batch
        };
        assert_ne!(first(&data.train), first(&data.validation));
        assert_ne!(first(&data.test), first(&data.validation));
    }
}
