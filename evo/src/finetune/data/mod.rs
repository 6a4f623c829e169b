//! Data sets with labels: generated, from arrays, from spike trains.

mod arrays;
mod heidelberg;
mod yin_yang;
mod zip;

use std::path::PathBuf;

use super::data_config::DataConfig;
use crate::config::InvalidField;
use crate::npy::NpyError;
use crate::random::{Purpose, Stream};

pub(super) use crate::random::shuffled;

/// What is wrong with a data set.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// A field of the config is out of range.
    #[error(transparent)]
    Config(#[from] InvalidField),
    /// An array cannot be read.
    #[error(transparent)]
    Array(#[from] NpyError),
    /// A file cannot be read or is something else.
    #[error("{path}: {reason}")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Two arrays that do not go together.
    #[error("{first} has {found}, but {second} has {expected}")]
    Mismatch {
        /// One.
        first: String,
        /// What it has.
        found: String,
        /// The other.
        second: String,
        /// What it has.
        expected: String,
    },
    /// A label that is no class.
    #[error("{path}: label {label} of sample {sample} is out of range; valid: 0 to {last}")]
    Label {
        /// The file.
        path: String,
        /// Label.
        label: f64,
        /// Number of the sample, from 0.
        sample: usize,
        /// Largest valid label.
        last: usize,
    },
    /// Nothing is left to train with.
    #[error("the data set has {0} samples, of which none is left to train with")]
    Empty(usize),
}

/// Samples of equal length with labels.
#[derive(Clone, Debug, PartialEq)]
pub struct Samples {
    /// Frames per sample.
    pub frames: usize,
    /// Features per frame.
    pub features: usize,
    /// Class of each sample.
    pub labels: Vec<usize>,
    values: Values,
}

#[derive(Clone, Debug, PartialEq)]
enum Values {
    /// `[samples][frames][features]`.
    Dense(Vec<f32>),
    /// Counts: where each sample begins (and the last ends), then frame and feature of each.
    Events { starts: Vec<usize>, events: Vec<(u16, u16)> },
}

impl Samples {
    /// Number of samples.
    #[must_use]
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Writes some samples to `out` as `[frames][samples][features]`.
    ///
    /// # Panics
    /// If a sample does not exist.
    pub fn batch(&self, samples: &[usize], out: &mut Vec<f32>) {
        out.clear();
        out.resize(self.frames * samples.len() * self.features, 0.0);
        for (column, &sample) in samples.iter().enumerate() {
            match &self.values {
                Values::Dense(values) => {
                    let size = self.frames * self.features;
                    let rows = values[sample * size..(sample + 1) * size].chunks_exact(self.features);
                    for (frame, row) in rows.enumerate() {
                        let to = (frame * samples.len() + column) * self.features;
                        out[to..to + self.features].copy_from_slice(row);
                    }
                }
                Values::Events { starts, events } => {
                    for &(frame, feature) in &events[starts[sample]..starts[sample + 1]] {
                        let row = usize::from(frame) * samples.len() + column;
                        out[row * self.features + usize::from(feature)] += 1.0;
                    }
                }
            }
        }
    }

    /// Some of the samples, in the order given.
    fn select(&self, samples: &[usize]) -> Self {
        let values = match &self.values {
            Values::Dense(values) => {
                let size = self.frames * self.features;
                Values::Dense(
                    samples.iter().flat_map(|&s| &values[s * size..(s + 1) * size]).copied().collect(),
                )
            }
            Values::Events { starts, events } => {
                let (mut own_starts, mut own) = (vec![0], Vec::new());
                for &sample in samples {
                    own.extend_from_slice(&events[starts[sample]..starts[sample + 1]]);
                    own_starts.push(own.len());
                }
                Values::Events { starts: own_starts, events: own }
            }
        };
        let labels = samples.iter().map(|&sample| self.labels[sample]).collect();
        Self { frames: self.frames, features: self.features, labels, values }
    }
}

/// A data set in its three parts; validation and test may be empty.
#[derive(Clone, Debug, PartialEq)]
pub struct DataSet {
    /// Names of the classes.
    pub classes: Vec<String>,
    /// What is trained with.
    pub train: Samples,
    /// What decides which parameters are the best.
    pub validation: Samples,
    /// What is looked at once, at the end.
    pub test: Samples,
}

impl DataSet {
    /// Generates or reads a data set.
    ///
    /// # Errors
    /// See [`DataError`].
    pub fn load(config: &DataConfig) -> Result<Self, DataError> {
        config.validate()?;
        match config {
            DataConfig::YinYang(config) => Ok(yin_yang::generate(config)),
            DataConfig::Arrays(config) => arrays::read(config),
            DataConfig::Heidelberg(config) => heidelberg::read(config),
        }
    }

    /// Sets shares of `all` aside, drawn from `seed`.
    fn divide(
        all: &Samples,
        classes: Option<usize>,
        (validation, test): (f64, f64),
        own_test: Option<Samples>,
        seed: u64,
    ) -> Result<Self, DataError> {
        let order = shuffled(all.len(), &mut Stream::new(seed, Purpose::Finetune, 0, 1, 0));
        let count = |share: f64| (share * all.len() as f64).round() as usize;
        let validation = count(validation).min(all.len());
        let test = if own_test.is_some() { 0 } else { count(test).min(all.len() - validation) };
        if validation + test >= all.len() {
            return Err(DataError::Empty(all.len()));
        }
        let (aside, train) = order.split_at(validation + test);
        let mut train = train.to_vec();
        // What is trained with keeps its order: each epoch has one of its own anyway.
        train.sort_unstable();
        let largest = |samples: &Samples| samples.labels.iter().copied().max().map_or(0, |label| label + 1);
        let found = largest(all).max(own_test.as_ref().map_or(0, largest)).max(2);
        Ok(Self {
            classes: (0..classes.unwrap_or(found)).map(|class| class.to_string()).collect(),
            validation: all.select(&aside[..validation]),
            test: own_test.unwrap_or_else(|| all.select(&aside[validation..])),
            train: all.select(&train),
        })
    }
}

/// Whole numbers from 0, below `classes` if that is known.
fn labels(path: &str, values: &[f64], classes: Option<usize>) -> Result<Vec<usize>, DataError> {
    let last = classes.map_or(4095, |classes| classes - 1);
    let label = |(sample, &label): (usize, &f64)| {
        let valid = label >= 0.0 && label <= last as f64 && label.fract() == 0.0;
        if valid {
            Ok(label as usize)
        } else {
            Err(DataError::Label { path: path.to_owned(), label, sample, last })
        }
    };
    values.iter().enumerate().map(label).collect()
}
