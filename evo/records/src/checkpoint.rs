//! The container of checkpoints and recordings: a safetensors file, so that Python reads it in one
//! line, with one JSON object under the metadata key `spindle`.
//!
//! Equal contents give equal bytes. This module knows nothing of what is inside.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use safetensors::tensor::{Dtype, SafeTensorError, SafeTensors, View};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::disk::{self, write_atomic};
use crate::words::to_stderr;

/// Version of the container, stored as `format` in the metadata. Files of version 1 have no hash.
pub const FORMAT: u64 = 2;

/// Key of the metadata string. A single key, because several would be written in random order.
const KEY: &str = "spindle";

/// How the metadata of a hashed file begins in the safetensors header; the hash's 64 digits follow.
const BEFORE_HASH: &str = r#""spindle":"{\"blake3\":\""#;

/// Digits of a hash, before it is known.
const NO_HASH: [u8; 64] = [b'0'; 64];

/// Values of a tensor.
#[derive(Clone, Debug, PartialEq)]
pub enum TensorData {
    /// 32-bit floats.
    F32(Vec<f32>),
    /// 64-bit floats.
    F64(Vec<f64>),
    /// Bytes.
    U8(Vec<u8>),
}

impl TensorData {
    fn len(&self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::F64(values) => values.len(),
            Self::U8(values) => values.len(),
        }
    }

    fn dtype(&self) -> Dtype {
        match self {
            Self::F32(_) => Dtype::F32,
            Self::F64(_) => Dtype::F64,
            Self::U8(_) => Dtype::U8,
        }
    }
}

/// An array with a shape.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    shape: Vec<usize>,
    data: TensorData,
}

impl Tensor {
    /// An array; `shape` is outermost first.
    ///
    /// # Panics
    /// If the number of values does not fit the shape.
    #[must_use]
    pub fn new(shape: &[usize], data: TensorData) -> Self {
        let expected: usize = shape.iter().product();
        assert_eq!(data.len(), expected, "a tensor of shape {shape:?} needs {expected} values");
        Self { shape: shape.to_vec(), data }
    }

    /// Extent of each axis, outermost first.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The values, last axis fastest.
    #[must_use]
    pub fn data(&self) -> &TensorData {
        &self.data
    }
}

impl From<Vec<f32>> for Tensor {
    fn from(values: Vec<f32>) -> Self {
        Self { shape: vec![values.len()], data: TensorData::F32(values) }
    }
}

impl From<Vec<f64>> for Tensor {
    fn from(values: Vec<f64>) -> Self {
        Self { shape: vec![values.len()], data: TensorData::F64(values) }
    }
}

impl From<Vec<u8>> for Tensor {
    fn from(values: Vec<u8>) -> Self {
        Self { shape: vec![values.len()], data: TensorData::U8(values) }
    }
}

impl View for &Tensor {
    fn dtype(&self) -> Dtype {
        self.data.dtype()
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        match &self.data {
            TensorData::F32(values) => values.iter().flat_map(|x| x.to_le_bytes()).collect(),
            TensorData::F64(values) => values.iter().flat_map(|x| x.to_le_bytes()).collect(),
            TensorData::U8(values) => Cow::Borrowed(values),
        }
    }

    fn data_len(&self) -> usize {
        self.data.len() * self.data.dtype().bitsize() / 8
    }
}

/// What is wrong with a checkpoint. Every message names the file.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The file cannot be opened or written.
    #[error("cannot {action} {path}: {source}")]
    File {
        /// `read` or `write`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file ends early.
    #[error("checkpoint {path} is truncated: {reason}")]
    Truncated {
        /// The file.
        path: PathBuf,
        /// What is missing.
        reason: String,
    },
    /// The file is something else.
    #[error("{path} is not a Spindle checkpoint: {reason}")]
    Foreign {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The file was written by a newer version.
    #[error("checkpoint {path} has format {found}; this version reads up to format {FORMAT}")]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u64,
    },
    /// A tensor that is needed is not there.
    #[error("checkpoint {path} has no tensor '{name}' (has: {})", .have.join(", "))]
    MissingTensor {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// Tensors that are there.
        have: Vec<String>,
    },
    /// A tensor has another shape or type.
    #[error("checkpoint {path}: tensor '{name}' is {found}, expected {expected}")]
    WrongTensor {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// Its type and shape.
        found: String,
        /// What was expected.
        expected: String,
    },
    /// Its contents are not those that were written.
    #[error("checkpoint {path} is damaged: its contents do not match its own hash")]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// NaN or infinity where a controller or statistic should be.
    #[error("checkpoint {path}: tensor '{name}' holds numbers that are not finite")]
    NotFinite {
        /// The file.
        path: PathBuf,
        /// Name of the tensor.
        name: String,
    },
    /// It is of supervised training, where a controller of a world is needed.
    #[error("{path} was trained with labels, without a world; valid here: a run in a world")]
    NoWorld {
        /// The file.
        path: PathBuf,
    },
    /// A metadata field is missing or malformed.
    #[error("checkpoint {path}: metadata field '{field}' {reason}")]
    Meta {
        /// The file.
        path: PathBuf,
        /// The field.
        field: String,
        /// What is wrong.
        reason: String,
    },
}

/// Named tensors and metadata.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Checkpoint {
    /// Metadata. The field `format` belongs to the container.
    pub meta: Map<String, Value>,
    /// Tensors by name.
    pub tensors: BTreeMap<String, Tensor>,
    /// File that it was loaded from; names the file in errors.
    path: PathBuf,
    /// Whether the file could not be checked.
    unchecked: bool,
}

impl Checkpoint {
    /// An empty one, to be filled and saved.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The file's bytes, with their hash: the same for equal contents.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut meta = self.meta.clone();
        meta.insert("format".to_owned(), FORMAT.into());
        // The hash comes first, whatever the order of the rest.
        let zeros = String::from_utf8_lossy(&NO_HASH);
        let rest = Value::Object(meta).to_string();
        let text = format!("{{\"blake3\":\"{zeros}\",{}", &rest[1..]);
        // With one key it has one order.
        let mut bytes = safetensors::serialize(&self.tensors, Some([(KEY.to_owned(), text)].into()))
            .expect("the shape of a tensor fits its values by construction");
        let place = hash_place(&bytes).expect("it was just written");
        let hash = blake3::hash(&bytes).to_hex();
        bytes[place..place + NO_HASH.len()].copy_from_slice(hash.as_bytes());
        bytes
    }

    /// Writes the file atomically: it is either the old one or complete.
    ///
    /// # Errors
    /// [`CheckpointError::File`].
    pub fn save(&self, path: &Path) -> Result<(), CheckpointError> {
        write_atomic(path, &self.to_bytes()).map_err(|source| CheckpointError::File {
            action: "write",
            path: path.to_owned(),
            source,
        })
    }

    /// Reads a file.
    ///
    /// # Errors
    /// Unreadable, truncated or damaged files, other files, and files of a newer format.
    pub fn load(path: &Path) -> Result<Self, CheckpointError> {
        let bytes = disk::read(path).map_err(|source| CheckpointError::File {
            action: "read",
            path: path.to_owned(),
            source,
        })?;
        Self::from_bytes(path, &bytes)
    }

    /// Reads a file's bytes; `path` names it in messages.
    ///
    /// # Errors
    /// As [`Checkpoint::load`].
    pub fn from_bytes(path: &Path, bytes: &[u8]) -> Result<Self, CheckpointError> {
        let owned = || path.to_owned();
        let foreign = |reason: &str| CheckpointError::Foreign { path: owned(), reason: reason.to_owned() };
        check_length(path, bytes)?;
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(|error| reason(path, &error))?;
        let text = header.metadata().as_ref().and_then(|metadata| metadata.get(KEY));
        let text = text.ok_or_else(|| foreign("a safetensors file without Spindle's metadata"))?;
        let Ok(Value::Object(mut meta)) = serde_json::from_str(text) else {
            return Err(foreign("its metadata is not a JSON object"));
        };
        let format = meta.remove("format").and_then(|format| format.as_u64());
        match format {
            Some(found) if found > FORMAT => {
                return Err(CheckpointError::Newer { path: owned(), found });
            }
            Some(1) if !meta.contains_key("blake3") => {}
            Some(_) if has_its_hash(bytes) => {}
            Some(_) => return Err(CheckpointError::Damaged { path: owned() }),
            None => return Err(foreign("its metadata has no format number")),
        }
        meta.remove("blake3");
        let file = SafeTensors::deserialize(bytes).map_err(|error| reason(path, &error))?;
        let mut tensors = BTreeMap::new();
        for (name, view) in file.iter() {
            let bytes = view.data();
            let data = match view.dtype() {
                Dtype::F32 => TensorData::F32(
                    bytes.as_chunks().0.iter().map(|&chunk| f32::from_le_bytes(chunk)).collect(),
                ),
                Dtype::F64 => TensorData::F64(
                    bytes.as_chunks().0.iter().map(|&chunk| f64::from_le_bytes(chunk)).collect(),
                ),
                Dtype::U8 => TensorData::U8(bytes.to_vec()),
                other => {
                    return Err(CheckpointError::WrongTensor {
                        path: owned(),
                        name: name.to_owned(),
                        found: format!("{other:?}"),
                        expected: "F32, F64 or U8".to_owned(),
                    });
                }
            };
            tensors.insert(name.to_owned(), Tensor { shape: view.shape().to_vec(), data });
        }
        Ok(Self { meta, tensors, path: path.to_owned(), unchecked: format == Some(1) })
    }

    /// File that this was loaded from; empty if it was made in memory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What to tell if the file is of an earlier version, without a hash.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        let path = self.path.display();
        self.unchecked.then(|| {
            format!(
                "warning: checkpoint {path} is from an earlier version and has no hash, so damage cannot be detected"
            )
        })
    }

    /// The same, after [`warning`](Self::warning) was printed.
    #[must_use]
    pub fn told(self) -> Self {
        self.warning().iter().for_each(|warning| to_stderr(warning));
        self
    }

    /// A metadata field.
    ///
    /// # Errors
    /// If it is missing or of another type.
    pub fn meta<T: DeserializeOwned>(&self, field: &str) -> Result<T, CheckpointError> {
        let failed = |reason: String| CheckpointError::Meta {
            path: self.path.clone(),
            field: field.to_owned(),
            reason,
        };
        let value = self.meta.get(field).ok_or_else(|| failed("is missing".to_owned()))?;
        serde_json::from_value(value.clone()).map_err(|error| failed(format!("is malformed: {error}")))
    }

    /// Whether it is of supervised training: a controller without a world.
    #[must_use]
    pub fn is_classifier(&self) -> bool {
        self.meta.get("task").is_some_and(|task| task == "Classify" || task == "Regress")
    }

    /// Refuses one of supervised training.
    ///
    /// # Errors
    /// If [`Self::is_classifier`].
    pub fn of_a_world(&self) -> Result<(), CheckpointError> {
        if self.is_classifier() { Err(CheckpointError::NoWorld { path: self.path.clone() }) } else { Ok(()) }
    }

    /// A tensor of any type and shape.
    ///
    /// # Errors
    /// If there is none of this name.
    pub fn tensor(&self, name: &str) -> Result<&Tensor, CheckpointError> {
        self.tensors.get(name).ok_or_else(|| CheckpointError::MissingTensor {
            path: self.path.clone(),
            name: name.to_owned(),
            have: self.tensors.keys().cloned().collect(),
        })
    }

    /// Values of an f32 tensor of this shape.
    ///
    /// # Errors
    /// If it is missing, or of another type or shape.
    pub fn f32(&self, name: &str, shape: &[usize]) -> Result<&[f32], CheckpointError> {
        match self.tensor(name)? {
            Tensor { shape: found, data: TensorData::F32(values) } if found == shape => Ok(values),
            other => Err(self.wrong(name, other, Dtype::F32, shape)),
        }
    }

    /// Values of an f64 tensor of this shape.
    ///
    /// # Errors
    /// If it is missing, or of another type or shape.
    pub fn f64(&self, name: &str, shape: &[usize]) -> Result<&[f64], CheckpointError> {
        match self.tensor(name)? {
            Tensor { shape: found, data: TensorData::F64(values) } if found == shape => Ok(values),
            other => Err(self.wrong(name, other, Dtype::F64, shape)),
        }
    }

    /// Values of a u8 tensor of this shape.
    ///
    /// # Errors
    /// If it is missing, or of another type or shape.
    pub fn u8(&self, name: &str, shape: &[usize]) -> Result<&[u8], CheckpointError> {
        match self.tensor(name)? {
            Tensor { shape: found, data: TensorData::U8(values) } if found == shape => Ok(values),
            other => Err(self.wrong(name, other, Dtype::U8, shape)),
        }
    }

    fn wrong(&self, name: &str, found: &Tensor, dtype: Dtype, shape: &[usize]) -> CheckpointError {
        CheckpointError::WrongTensor {
            path: self.path.clone(),
            name: name.to_owned(),
            found: format!("{:?} of shape {:?}", found.data.dtype(), found.shape),
            expected: format!("{dtype:?} of shape {shape:?}"),
        }
    }
}

/// Tells a cut-off file from one of another kind: a safetensors file starts with its header's length
/// and then a JSON object.
fn check_length(path: &Path, bytes: &[u8]) -> Result<(), CheckpointError> {
    let truncated = |reason: String| CheckpointError::Truncated { path: path.to_owned(), reason };
    let Some((length, rest)) = bytes.split_first_chunk() else {
        return Err(truncated(format!("it has {} bytes", bytes.len())));
    };
    let length = u64::from_le_bytes(*length);
    if length <= 100_000_000 && (rest.is_empty() || rest[0] == b'{') && length > rest.len() as u64 {
        return Err(truncated(format!("its header of {length} bytes ends after {}", rest.len())));
    }
    Ok(())
}

/// Where the digits of the file's hash begin.
fn hash_place(bytes: &[u8]) -> Option<usize> {
    let header = u64::from_le_bytes(*bytes.first_chunk()?);
    let end = usize::try_from(header).ok()?.checked_add(8)?.min(bytes.len());
    let place =
        bytes[..end].windows(BEFORE_HASH.len()).position(|window| window == BEFORE_HASH.as_bytes())?;
    Some(place + BEFORE_HASH.len()).filter(|place| place + NO_HASH.len() <= end)
}

/// Whether a file carries the hash of itself, its digits taken as zeros.
fn has_its_hash(bytes: &[u8]) -> bool {
    let Some(place) = hash_place(bytes) else { return false };
    let (before, rest) = bytes.split_at(place);
    let (digits, after) = rest.split_at(NO_HASH.len());
    let hash = blake3::Hasher::new().update(before).update(&NO_HASH).update(after).finalize();
    hash.to_hex().as_bytes() == digits
}

fn reason(path: &Path, error: &SafeTensorError) -> CheckpointError {
    let path = path.to_owned();
    match error {
        SafeTensorError::MetadataIncompleteBuffer => CheckpointError::Truncated {
            path,
            reason: "its data does not have the length given in its header".to_owned(),
        },
        error => CheckpointError::Foreign { path, reason: error.to_string() },
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::*;

    fn example() -> Checkpoint {
        let mut checkpoint = Checkpoint::new();
        checkpoint.meta.insert("generation".to_owned(), json!(7));
        checkpoint.meta.insert("config".to_owned(), json!("(seed: 1)\n"));
        let mean = TensorData::F64(vec![0.1, -0.0, f64::INFINITY, 4.0, 5.0, 6.0]);
        checkpoint.tensors.insert("mean".to_owned(), Tensor::new(&[2, 3], mean));
        checkpoint.tensors.insert("best".to_owned(), vec![1.5f32, f32::MIN_POSITIVE].into());
        checkpoint.tensors.insert("spikes".to_owned(), vec![0u8, 255].into());
        checkpoint.tensors.insert("empty".to_owned(), Vec::<f32>::new().into());
        checkpoint
    }

    /// The message of loading these bytes, with the file called `c`.
    fn refused(bytes: &[u8]) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c");
        std::fs::write(&path, bytes).unwrap();
        Checkpoint::load(&path).unwrap_err().to_string().replace(&path.display().to_string(), "c")
    }

    #[test]
    fn every_flipped_bit_is_refused() {
        let bytes = example().to_bytes();
        for bit in 0..8 * bytes.len() {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let text = refused(&flipped);
            assert!(
                text.starts_with("checkpoint c ") || text.starts_with("c is not a Spindle"),
                "{bit}: {text}"
            );
        }
    }

    #[test]
    fn files_without_a_hash_are_read_and_told_of() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c");
        std::fs::write(&path, with_meta("{\"format\": 1, \"generation\": 7}")).unwrap();
        let old = Checkpoint::load(&path).unwrap();
        assert_eq!((old.meta::<u64>("generation").unwrap(), &old.tensors), (7, &example().tensors));
        assert!(old.warning().unwrap().ends_with("has no hash, so damage cannot be detected"));
        // No way to say that a new file has none.
        assert_eq!(
            refused(&with_meta("{\"format\": 2}")),
            "checkpoint c is damaged: its contents do not match its own hash"
        );
        example().save(&path).unwrap();
        assert_eq!(Checkpoint::load(&path).unwrap().warning(), None);
    }

    fn with_meta(meta: &str) -> Vec<u8> {
        let meta = [(KEY.to_owned(), meta.to_owned())];
        safetensors::serialize(&example().tensors, Some(meta.into())).unwrap()
    }

    #[test]
    fn what_was_saved_is_loaded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.safetensors");
        example().save(&path).unwrap();
        let loaded = Checkpoint::load(&path).unwrap();
        assert_eq!((&loaded.meta, &loaded.tensors), (&example().meta, &example().tensors));
        assert_eq!(loaded.path(), path);
        assert_eq!(loaded.meta::<u64>("generation").unwrap(), 7);
        assert_eq!(loaded.f64("mean", &[2, 3]).unwrap()[3], 4.0);
        assert_eq!(loaded.f32("best", &[2]).unwrap()[0], 1.5);
        assert_eq!(loaded.u8("spikes", &[2]).unwrap(), [0, 255]);
        assert_eq!(loaded.tensor("mean").unwrap().shape(), [2, 3]);
    }

    #[test]
    fn equal_contents_give_equal_bytes() {
        let mut other = Checkpoint::new();
        for (name, tensor) in example().tensors.into_iter().rev() {
            other.tensors.insert(name, tensor);
        }
        for (name, value) in example().meta.into_iter().rev() {
            other.meta.insert(name, value);
        }
        assert_eq!(other.to_bytes(), example().to_bytes());
        assert!(!example().to_bytes().is_empty());
    }

    #[test]
    fn every_truncation_is_refused() {
        let bytes = example().to_bytes();
        for length in 0..bytes.len() {
            let text = refused(&bytes[..length]);
            assert!(text.starts_with("checkpoint c is truncated: "), "{length}: {text}");
        }
    }

    #[test]
    fn other_files_are_refused() {
        for bytes in [b"just some text, longer than eight bytes".as_slice(), &[0xff; 64]] {
            let text = refused(bytes);
            assert!(text.starts_with("c is not a Spindle checkpoint: "), "{text}");
        }
        let bare = safetensors::serialize(&example().tensors, None).unwrap();
        assert_eq!(
            refused(&bare),
            "c is not a Spindle checkpoint: a safetensors file without Spindle's metadata"
        );
        assert_eq!(
            refused(&with_meta("[]")),
            "c is not a Spindle checkpoint: its metadata is not a JSON object"
        );
        assert_eq!(
            refused(&with_meta("{}")),
            "c is not a Spindle checkpoint: its metadata has no format number"
        );
        assert_eq!(
            refused(&with_meta("{\"format\": 3}")),
            "checkpoint c has format 3; this version reads up to format 2"
        );
        let error = Checkpoint::load(Path::new("/nonexistent")).unwrap_err().to_string();
        assert!(error.starts_with("cannot read /nonexistent: "), "{error}");
    }

    #[test]
    fn missing_and_wrong_contents_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c");
        example().save(&path).unwrap();
        let loaded = Checkpoint::load(&path).unwrap();
        let message = |error: CheckpointError| error.to_string().replace(&path.display().to_string(), "c");
        assert_eq!(
            message(loaded.f64("sigma", &[1]).unwrap_err()),
            "checkpoint c has no tensor 'sigma' (has: best, empty, mean, spikes)"
        );
        assert_eq!(
            message(loaded.f64("mean", &[6]).unwrap_err()),
            "checkpoint c: tensor 'mean' is F64 of shape [2, 3], expected F64 of shape [6]"
        );
        assert_eq!(
            message(loaded.f32("mean", &[2, 3]).unwrap_err()),
            "checkpoint c: tensor 'mean' is F64 of shape [2, 3], expected F32 of shape [2, 3]"
        );
        assert_eq!(
            message(loaded.meta::<u64>("seed").unwrap_err()),
            "checkpoint c: metadata field 'seed' is missing"
        );
        assert!(
            message(loaded.meta::<u64>("config").unwrap_err())
                .starts_with("checkpoint c: metadata field 'config' is malformed: invalid type: string")
        );
    }
}
