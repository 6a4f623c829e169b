//! Controllers from checkpoints.

use records::checkpoint::{Checkpoint, CheckpointError, Tensor, TensorData};
use snn::Controller;

use crate::config::Config;
use crate::evaluate::Policy;
use crate::normalizer::{Normalizer, Statistics};
use crate::setup::{Setup, TrainError};

/// The policy of another run, evolved or trained by gradient, to go on from under `config`.
///
/// # Errors
/// If its task, controller or observation normalisation differs from the config's.
pub fn start_from(
    checkpoint: &Checkpoint,
    setup: &Setup,
    which: Which,
    config: &Config,
) -> Result<(Policy, Statistics), TrainError> {
    checkpoint.of_a_world()?;
    let from: Config = checkpoint.meta("config")?;
    let of = |config: &Config| {
        let rollout = &config.rollout;
        [
            ("task", config.env.name().to_owned()),
            ("controller", records::text::to_text(&config.controller).unwrap_or_default()),
            ("observation normalisation", format!("{} (clip {})", rollout.normalize, rollout.clip)),
        ]
    };
    check_layout(checkpoint, &layout(setup.controller.as_ref()))?;
    for ((what, found), (_, expected)) in of(&from).into_iter().zip(of(config)) {
        if found != expected {
            return Err(mismatch(checkpoint, what, found, expected));
        }
    }
    let policy = load_policy(checkpoint, setup, which, config)?;
    let prefix = if which == Which::Best { "best." } else { "" };
    let statistics = statistics(checkpoint, prefix, setup.task.spec().observations.len())?;
    Ok((policy, statistics))
}

/// Which parameters of a checkpoint to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The mean of the search distribution.
    Mean,
    /// The member with the best training fitness.
    Best,
    /// The elite of this cell of an archive, or the member of this number of a front.
    Cell(usize),
}

/// Reads a policy that fits `setup`.
///
/// # Errors
/// If the checkpoint's controller differs, or an array is missing or has another shape.
pub fn load_policy(
    checkpoint: &Checkpoint,
    setup: &Setup,
    which: Which,
    config: &Config,
) -> Result<Policy, TrainError> {
    check_layout(checkpoint, &layout(setup.controller.as_ref()))?;
    let n = setup.controller.layout().len();
    let (name, prefix) = match which {
        Which::Mean => ("mean", ""),
        Which::Best => ("best", "best."),
        Which::Cell(_) => ("strategy.archive.parameters", ""),
    };
    let parameters = match which {
        Which::Cell(cell) => elite(checkpoint, cell, n)?,
        _ => checkpoint.f32(name, &[n])?.to_vec(),
    };
    if parameters.iter().any(|x| !x.is_finite()) {
        return Err(
            CheckpointError::NotFinite { path: checkpoint.path().to_owned(), name: name.to_owned() }.into()
        );
    }
    let size = setup.task.spec().observations.len();
    let normalizer = if config.rollout.normalize {
        statistics(checkpoint, prefix, size)?.normalizer(config.rollout.clip)
    } else {
        Normalizer::identity(size, config.rollout.clip)
    };
    Ok(Policy { parameters, normalizer })
}

/// The parameters of an elite, or of a member of a front, `n` of them.
fn elite(checkpoint: &Checkpoint, cell: usize, n: usize) -> Result<Vec<f32>, TrainError> {
    let path = || checkpoint.path().display().to_string();
    if let Some(front) = checkpoint.tensors.get("strategy.front.parameters") {
        let count = front.shape()[0];
        let all = checkpoint.f64("strategy.front.parameters", &[count, n])?;
        let row = all.chunks(n).nth(cell).ok_or(TrainError::NoMember { path: path(), cell, count })?;
        return Ok(row.iter().map(|&x| x as f32).collect());
    }
    let Some(cells) = checkpoint.tensors.get("strategy.archive.cells") else {
        return Err(TrainError::NoArchive { path: path() });
    };
    let count = cells.shape()[0];
    let filled = checkpoint.f64("strategy.archive.cells", &[count])?;
    let Some(index) = filled.iter().position(|&filled| filled == cell as f64) else {
        let near = |&&filled: &&f64| (filled - cell as f64).abs();
        let nearest = filled.iter().min_by(|a, b| near(a).total_cmp(&near(b))).copied().unwrap_or(0.0);
        return Err(TrainError::EmptyCell { path: path(), cell, count, nearest: nearest as usize });
    };
    let all = checkpoint.f64("strategy.archive.parameters", &[count, n])?;
    Ok(all[index * n..][..n].iter().map(|&x| x as f32).collect())
}

/// Name of the first tensor of a checkpoint with numbers that are not finite: no training can go on from them.
#[must_use]
pub fn not_finite(checkpoint: &Checkpoint) -> Option<&str> {
    let is_finite = |tensor: &Tensor| match tensor.data() {
        TensorData::F32(values) => values.iter().all(|x| x.is_finite()),
        TensorData::F64(values) => values.iter().all(|x| x.is_finite()),
        TensorData::U8(_) => true,
    };
    checkpoint.tensors.iter().find(|(_, tensor)| !is_finite(tensor)).map(|(name, _)| name.as_str())
}

/// Refuses a checkpoint with numbers that are not finite.
pub(crate) fn check_finite(checkpoint: &Checkpoint) -> Result<(), CheckpointError> {
    match not_finite(checkpoint) {
        Some(name) => {
            Err(CheckpointError::NotFinite { path: checkpoint.path().to_owned(), name: name.to_owned() })
        }
        None => Ok(()),
    }
}

/// Statistics of observations; `prefix` tells which of the two.
pub(crate) fn statistics(
    checkpoint: &Checkpoint,
    prefix: &str,
    size: usize,
) -> Result<Statistics, TrainError> {
    let get = |name: &str, size: usize| -> Result<Vec<f64>, TrainError> {
        let name = format!("{prefix}observation.{name}");
        let values = checkpoint.f64(&name, &[size])?.to_vec();
        if values.iter().all(|x| x.is_finite()) {
            return Ok(values);
        }
        Err(CheckpointError::NotFinite { path: checkpoint.path().to_owned(), name }.into())
    };
    Ok(Statistics { count: get("count", 1)?[0], mean: get("mean", size)?, m2: get("m2", size)? })
}

/// The controller in words and its blocks; equal if the parameter vectors have the same shape.
pub(crate) fn layout(controller: &dyn Controller) -> String {
    let blocks: Vec<String> =
        controller.layout().blocks().iter().map(|b| format!("{}[{}×{}]", b.name, b.rows, b.cols)).collect();
    format!("{}: {}", controller.describe(), blocks.join(", "))
}

/// Refuses a checkpoint of another controller.
pub(crate) fn check_layout(checkpoint: &Checkpoint, expected: &str) -> Result<(), TrainError> {
    let found: String = checkpoint.meta("layout")?;
    if found == expected {
        return Ok(());
    }
    Err(mismatch(checkpoint, "controller", found, expected.to_owned()))
}

/// What is said of a checkpoint that does not fit.
pub(crate) fn mismatch(
    checkpoint: &Checkpoint,
    what: &'static str,
    found: String,
    expected: String,
) -> TrainError {
    TrainError::Mismatch { path: checkpoint.path().display().to_string(), what, found, expected }
}
