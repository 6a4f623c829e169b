//! Samples, and what is right for each.

use snn::gradient::Targets;

/// Samples of equal length, and what the network is to answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Samples {
    /// Frames per sample.
    pub frames: usize,
    /// Features per frame.
    pub features: usize,
    /// What is right.
    pub answers: Answers,
    pub(super) values: Values,
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

/// What the samples hold.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Values {
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
    pub(super) fn select(&self, samples: &[usize]) -> Self {
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
