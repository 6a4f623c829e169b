//! Data sets with labels or with values for them: generated, from arrays, from spike trains.

mod arrays;
mod heidelberg;
mod randman;
mod yin_yang;
mod zip;

use std::path::PathBuf;

use snn::gradient::Targets;

use super::data_config::{DataConfig, MAX_CLASSES};
use crate::config::InvalidField;

use records::npy::NpyError;
pub(super) use strategies::random::shuffled;
use strategies::random::{Purpose, Stream};

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
    /// A data set of the other kind than the task's.
    #[error("{0}")]
    Kind(String),
    /// Nothing is left to train with.
    #[error("the data set has {0} samples, of which none is left to train with")]
    Empty(usize),
}

/// Samples of equal length, and what the network is to answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Samples {
    /// Frames per sample.
    pub frames: usize,
    /// Features per frame.
    pub features: usize,
    /// What is right.
    pub answers: Answers,
    values: Values,
}

/// What is right for each sample.
#[derive(Clone, Debug, PartialEq)]
pub enum Answers {
    /// Its class.
    Labels(Vec<usize>),
    /// Values `[samples][rows][columns]`.
    Values {
        /// Rows: 1, or one per frame or tick.
        rows: usize,
        /// Columns: one per output or neuron.
        columns: usize,
        /// The values.
        values: Vec<f32>,
    },
}

impl Answers {
    fn len(&self) -> usize {
        match self {
            Self::Labels(labels) => labels.len(),
            Self::Values { rows, columns, values } => values.len() / (rows * columns).max(1),
        }
    }

    /// Those of some samples, in the order given.
    fn select(&self, samples: &[usize]) -> Self {
        match self {
            Self::Labels(labels) => Self::Labels(samples.iter().map(|&sample| labels[sample]).collect()),
            Self::Values { rows, columns, values } => {
                let of = |&sample: &usize| &values[sample * rows * columns..][..rows * columns];
                let values = samples.iter().flat_map(of).copied().collect();
                Self::Values { rows: *rows, columns: *columns, values }
            }
        }
    }

    /// Those of some samples in the order of a loss: values are `[rows][samples][columns]`.
    ///
    /// # Panics
    /// If a sample does not exist.
    #[must_use]
    pub fn batch(&self, samples: &[usize]) -> Self {
        let mut batch = self.select(samples);
        if let Self::Values { rows, columns, values } = &mut batch
            && *rows > 1
        {
            let by_sample = std::mem::take(values);
            for row in 0..*rows {
                for sample in 0..samples.len() {
                    values.extend_from_slice(&by_sample[(sample * *rows + row) * *columns..][..*columns]);
                }
            }
        }
        batch
    }

    /// The same for a loss.
    #[must_use]
    pub fn targets(&self) -> Targets<'_> {
        match self {
            Self::Labels(labels) => Targets::Labels(labels),
            Self::Values { values, .. } => Targets::Values(values),
        }
    }
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
        self.answers.len()
    }

    /// Classes; none if the answers are values.
    #[must_use]
    pub fn labels(&self) -> &[usize] {
        match &self.answers {
            Answers::Labels(labels) => labels,
            Answers::Values { .. } => &[],
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
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
        let answers = self.answers.select(samples);
        Self { frames: self.frames, features: self.features, answers, values }
    }
}

/// A data set in its three parts; validation and test may be empty.
#[derive(Clone, Debug, PartialEq)]
pub struct DataSet {
    /// Names of the classes; none if the answers are values.
    pub classes: Vec<String>,
    /// What is trained with.
    pub train: Samples,
    /// What decides which parameters are the best.
    pub validation: Samples,
    /// What is looked at once, at the end.
    pub test: Samples,
}

impl DataSet {
    /// Generates or reads a data set; with `labels`, or else with values.
    ///
    /// # Errors
    /// See [`DataError`].
    pub fn load(config: &DataConfig, labels: bool) -> Result<Self, DataError> {
        config.validate()?;
        match config {
            DataConfig::Arrays(config) => arrays::read(config, labels),
            other if !labels => {
                let text = "Regress needs values to come close to: Arrays(x: …, y: …), where y is";
                Err(DataError::Kind(format!("{} has labels; {text} [samples, outputs]", other.name())))
            }
            DataConfig::YinYang(config) => Ok(yin_yang::generate(config)),
            DataConfig::Randman(config) => Ok(randman::generate(config)),
            DataConfig::Heidelberg(config) => heidelberg::read(config),
        }
    }

    /// Outputs of a network for it.
    #[must_use]
    pub fn outputs(&self) -> usize {
        match &self.train.answers {
            Answers::Labels(_) => self.classes.len(),
            Answers::Values { columns, .. } => *columns,
        }
    }

    /// Parts of their own, and shares of `all` set aside, drawn from `seed`, for those that are missing.
    fn divide(
        all: Samples,
        classes: Option<usize>,
        shares: (f64, f64),
        own: (Option<Samples>, Option<Samples>),
        seed: u64,
    ) -> Result<Self, DataError> {
        let count = |share: f64, own: &Option<Samples>| match own {
            Some(_) => 0,
            None => (share * all.len() as f64).round() as usize,
        };
        let validation = count(shares.0, &own.0).min(all.len());
        let test = count(shares.1, &own.1).min(all.len() - validation);
        if validation + test >= all.len() {
            return Err(DataError::Empty(all.len()));
        }
        let largest = |samples: &Samples| samples.labels().iter().copied().max().map_or(0, |label| label + 1);
        let found = [Some(&all), own.0.as_ref(), own.1.as_ref()].into_iter().flatten().map(largest).max();
        let found = match &all.answers {
            Answers::Labels(_) => classes.unwrap_or(found.unwrap_or(0).max(2)),
            Answers::Values { .. } => 0,
        };
        let order = shuffled(all.len(), &mut Stream::new(seed, Purpose::Finetune, 0, 1, 0));
        let (aside, train) = order.split_at(validation + test);
        let (own_validation, own_test) = own;
        let validation_part = own_validation.unwrap_or_else(|| all.select(&aside[..validation]));
        let test_part = own_test.unwrap_or_else(|| all.select(&aside[validation..]));
        let train = if aside.is_empty() {
            all
        } else {
            // What is trained with keeps its order: each epoch has one of its own anyway.
            let mut train = train.to_vec();
            train.sort_unstable();
            all.select(&train)
        };
        let classes = (0..found).map(|class| class.to_string()).collect();
        Ok(Self { classes, train, validation: validation_part, test: test_part })
    }
}

/// Whole numbers from 0, below `classes` if that is known.
fn labels(path: &str, values: &[f64], classes: Option<usize>) -> Result<Vec<usize>, DataError> {
    let last = classes.unwrap_or(MAX_CLASSES) - 1;
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
