//! How well samples are answered.

use snn::gradient::{Loss, Objective, Outputs, Score, Sensitivity};

use crate::gradient::labels::confusion::Confusion;
use crate::gradient::labels::data::{Answers, Samples};
use crate::normalizer::{Normalizer, Statistics, Sums};

/// How a part of the data set was answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Assessment {
    /// Mean loss.
    pub loss: f64,
    /// Which class was taken for which; none if the answers are values.
    pub confusion: Option<Confusion>,
}

impl Assessment {
    /// Share of right answers; none if they are values.
    #[must_use]
    pub fn accuracy(&self) -> Option<f64> {
        self.confusion.as_ref().map(Confusion::accuracy)
    }
}

/// Means and deviations of the features of all frames.
pub(super) fn statistics(samples: &Samples) -> Statistics {
    let mut statistics = Statistics::new(samples.features);
    let identity = Normalizer::identity(samples.features, f32::MAX);
    let (mut x, mut row) = (Vec::new(), vec![0.0; samples.features]);
    for sample in 0..samples.len() {
        samples.batch(&[sample], &mut x);
        let mut sums = Sums::new(samples.features);
        for frame in x.chunks_exact(samples.features) {
            identity.apply(frame, &mut row, Some(&mut sums));
        }
        statistics.merge(&sums, &identity.mean);
    }
    statistics
}

/// The loss without a gradient, and a confusion matrix as its sums if the answers are labels.
pub(super) struct Judge<'a> {
    pub(super) loss: Loss<'a>,
    pub(super) answers: &'a Answers,
}

impl Objective for Judge<'_> {
    fn spikes(&self) -> bool {
        self.loss.spikes()
    }

    fn slopes(&self) -> bool {
        false
    }

    fn evaluate(&self, outputs: &Outputs, sensitivity: &mut Sensitivity) -> Score {
        let Score { loss, .. } = self.loss.evaluate(outputs, sensitivity);
        let Answers::Labels(labels) = self.answers else { return Score { loss, sums: Vec::new() } };
        let classes = outputs.outputs;
        let mut sums = vec![0.0; classes * classes];
        for (sample, at) in outputs.samples.clone().enumerate() {
            sums[labels[at] * classes + self.loss.answer(outputs, sample)] += 1.0;
        }
        Score { loss, sums }
    }
}
