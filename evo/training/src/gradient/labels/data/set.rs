//! A data set in its parts.

use strategies::random::{Purpose, Stream, shuffled};

use crate::gradient::labels::data::error::DataError;
use crate::gradient::labels::data::samples::{Answers, Samples};
use crate::gradient::labels::data_config::MAX_CLASSES;

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
    /// Outputs of a network for it.
    #[must_use]
    pub fn outputs(&self) -> usize {
        match &self.train.answers {
            Answers::Labels(_) => self.classes.len(),
            Answers::Values { columns, .. } => *columns,
        }
    }

    /// Parts of their own, and shares of `all` set aside, drawn from `seed`, for those that are missing.
    pub(super) fn divide(
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
pub(super) fn labels(path: &str, values: &[f64], classes: Option<usize>) -> Result<Vec<usize>, DataError> {
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
