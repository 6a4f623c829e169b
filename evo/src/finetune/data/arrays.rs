//! Data sets in NumPy's files.

use std::path::Path;

use super::{DataError, DataSet, Samples, Values, labels, zip};
use crate::finetune::data_config::{ArraysConfig, array_name};
use crate::npy::{self, Array, NpyError};

pub(super) fn read(config: &ArraysConfig) -> Result<DataSet, DataError> {
    let all = samples(&config.x, &config.y, config.classes)?;
    let test = match (&config.x_test, &config.y_test) {
        (Some(x), Some(y)) => {
            let test = samples(x, y, config.classes)?;
            let shape = |s: &Samples| format!("{} frames × {} features", s.frames, s.features);
            if shape(&test) != shape(&all) {
                return Err(DataError::Mismatch {
                    first: x.clone(),
                    found: shape(&test),
                    second: config.x.clone(),
                    expected: shape(&all),
                });
            }
            Some(test)
        }
        _ => None,
    };
    DataSet::divide(&all, config.classes, (config.validation, config.test), test, config.seed)
}

fn samples(x: &str, y: &str, classes: Option<usize>) -> Result<Samples, DataError> {
    let (Array { shape, values }, of_labels) = (array(x)?, array(y)?);
    let wrong = |name: &str, found: &[usize], expected: &str| NpyError::Shape {
        path: name.into(),
        found: found.iter().map(|&extent| extent as u64).collect(),
        expected: expected.to_owned(),
    };
    let (count, frames, features) = match shape[..] {
        [count, features] if features > 0 => (count, 1, features),
        [count, frames, features] if frames * features > 0 => (count, frames, features),
        _ => {
            return Err(wrong(x, &shape, "[samples, features] or [samples, frames, features]").into());
        }
    };
    if of_labels.shape.len() != 1 {
        return Err(wrong(y, &of_labels.shape, "[samples]").into());
    }
    if of_labels.values.len() != count {
        return Err(DataError::Mismatch {
            first: y.to_owned(),
            found: format!("{} labels", of_labels.values.len()),
            second: x.to_owned(),
            expected: format!("{count} samples"),
        });
    }
    let labels = labels(y, &of_labels.values, classes)?;
    let values = Values::Dense(values.into_iter().map(|x| x as f32).collect());
    Ok(Samples { frames, features, labels, values })
}

/// An array of a `.npy` file, or of a `.npz` file as `FILE.npz:NAME`.
fn array(file: &str) -> Result<Array, DataError> {
    let (path, name) = array_name(file);
    let failed = |reason: String| DataError::File { path: path.into(), reason };
    match name {
        Some(name) => {
            let bytes = std::fs::read(path).map_err(|error| failed(format!("cannot read it: {error}")))?;
            let entry = zip::entry(&bytes, &format!("{name}.npy")).map_err(failed)?;
            Ok(npy::any_from_bytes(Path::new(file), &entry)?)
        }
        None if path.ends_with(".npz") => {
            Err(failed(format!("say which array: \"{path}:NAME\", as numpy.savez named it")))
        }
        None => Ok(npy::read_any(Path::new(path))?),
    }
}
