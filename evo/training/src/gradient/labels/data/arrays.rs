//! Data sets in NumPy's files.

use std::path::Path;

use records::npy::{self, Array, NpyError};
use records::{input, memory};

use crate::gradient::labels::data::error::DataError;
use crate::gradient::labels::data::samples::{Answers, Samples, Values};
use crate::gradient::labels::data::set::{DataSet, labels};
use crate::gradient::labels::data::zip;
use crate::gradient::labels::data_config::{ArraysConfig, array_name};

pub(super) fn read(config: &ArraysConfig, labels: bool) -> Result<DataSet, DataError> {
    let classes = if labels { Wanted::Labels(config.classes) } else { Wanted::Values };
    let all = samples(&config.x, &config.y, classes)?;
    let own = |x: &Option<String>, y: &Option<String>| {
        let (Some(x), Some(y)) = (x, y) else { return Ok(None) };
        let own = samples(x, y, classes)?;
        let shape = |s: &Samples| format!("{} frames × {} features", s.frames, s.features);
        let answer = |s: &Samples| match s.answers {
            Answers::Labels(_) => "labels".to_owned(),
            Answers::Values { rows, columns, .. } => format!("{rows} × {columns} values"),
        };
        for (file, other, of) in
            [(x, &config.x, &shape as &dyn Fn(&Samples) -> String), (y, &config.y, &answer)]
        {
            if of(&own) != of(&all) {
                let (first, second) = (file.clone(), other.clone());
                return Err(DataError::Mismatch { first, found: of(&own), second, expected: of(&all) });
            }
        }
        Ok(Some(own))
    };
    let parts = (own(&config.x_validation, &config.y_validation)?, own(&config.x_test, &config.y_test)?);
    DataSet::divide(all, config.classes, (config.validation, config.test), parts, config.seed)
}

/// What `y` is to hold.
#[derive(Clone, Copy)]
enum Wanted {
    /// Labels below a number, if that is known.
    Labels(Option<usize>),
    /// Values.
    Values,
}

fn samples(x: &str, y: &str, wanted: Wanted) -> Result<Samples, DataError> {
    let (Array { shape, values }, right) = (array(x)?, array(y)?);
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
    let (rows, columns) = match (wanted, &right.shape[..]) {
        (Wanted::Labels(_), &[_]) => (1, 1),
        (Wanted::Labels(_), _) => return Err(wrong(y, &right.shape, "[samples]").into()),
        (Wanted::Values, &[_, columns]) if columns > 0 => (1, columns),
        (Wanted::Values, &[_, rows, columns]) if rows * columns > 0 => (rows, columns),
        (Wanted::Values, _) => {
            let expected = "[samples, outputs], [samples, frames, outputs] or [samples, ticks, neurons]";
            return Err(wrong(y, &right.shape, expected).into());
        }
    };
    if right.shape[0] != count {
        let what = if matches!(wanted, Wanted::Values) { "samples" } else { "labels" };
        return Err(DataError::Mismatch {
            first: y.to_owned(),
            found: format!("{} {what}", right.shape[0]),
            second: x.to_owned(),
            expected: format!("{count} samples"),
        });
    }
    let answers = match wanted {
        Wanted::Labels(classes) => Answers::Labels(labels(y, &right.values, classes)?),
        Wanted::Values => {
            let values: Vec<f32> = right.values.iter().map(|&value| value as f32).collect();
            if let Some(at) = values.iter().position(|value| !value.is_finite()) {
                let reason =
                    format!("value {} of sample {} is not finite", right.values[at], at / (rows * columns));
                return Err(DataError::File { path: y.into(), reason });
            }
            Answers::Values { rows, columns, values }
        }
    };
    let values = Values::Dense(values.into_iter().map(|x| x as f32).collect());
    Ok(Samples { frames, features, answers, values })
}

/// An array of a `.npy` file, or of a `.npz` file as `FILE.npz:NAME`.
fn array(file: &str) -> Result<Array, DataError> {
    let (path, name) = array_name(file);
    let failed = |reason: String| DataError::File { path: path.into(), reason };
    match name {
        Some(name) => {
            let bytes = input::bytes(Path::new(path), input::DATA)
                .map_err(|error| failed(format!("cannot read it: {error}")))?;
            named(&bytes, (file, path), name)
        }
        None if path.ends_with(".npz") => {
            Err(failed(format!("say which array: \"{path}:NAME\", as numpy.savez named it")))
        }
        None => Ok(npy::read_any(Path::new(path))?),
    }
}

/// The array called `name` of the archive `path`; `file` names both in messages.
fn named(archive: &[u8], (file, path): (&str, &str), name: &str) -> Result<Array, DataError> {
    let failed = |reason: String| DataError::File { path: path.into(), reason };
    let file = Path::new(file);
    let entry = zip::entry(archive, &format!("{name}.npy")).map_err(failed)?;
    let start = entry.unpack(entry.size.min(npy::HEADER)).map_err(failed)?;
    let length = npy::length(file, &start, entry.size, memory::most())?;
    Ok(npy::any_from_bytes(file, &entry.unpack(length).map_err(failed)?)?)
}

/// All arrays of a `.npz` file by name, in the order in which they were saved.
///
/// # Errors
/// If the file cannot be read, or an array of it.
pub(in crate::gradient::labels) fn all(path: &Path) -> Result<Vec<(String, Array)>, DataError> {
    let failed = |reason: String| DataError::File { path: path.to_owned(), reason };
    let bytes =
        input::bytes(path, input::DATA).map_err(|error| failed(format!("cannot read it: {error}")))?;
    let shown = path.display().to_string();
    let one = |name: String| {
        let array = named(&bytes, (&format!("{shown}:{name}"), &shown), &name)?;
        Ok((name, array))
    };
    zip::names(&bytes).map_err(failed)?.into_iter().map(one).collect()
}
