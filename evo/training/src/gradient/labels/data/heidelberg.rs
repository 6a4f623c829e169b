//! Spike trains in the HDF5 layout of the Heidelberg data sets.

use std::path::Path;

use hdf5_pure::{DType, Dataset, Datatype, DatatypeByteOrder, File, Group};
use records::input;

use crate::gradient::labels::data::error::DataError;
use crate::gradient::labels::data::samples::{Answers, Samples, Values};
use crate::gradient::labels::data::set::{DataSet, labels};
use crate::gradient::labels::data_config::HeidelbergConfig;

/// Deflate shrinks a file by a factor of 1032 at most.
const MAX_RATIO: usize = 1100;

pub(super) fn read(config: &HeidelbergConfig) -> Result<DataSet, DataError> {
    let all = file(config, &config.train)?;
    let own = |name: &Option<String>| name.as_ref().map(|name| file(config, name)).transpose();
    let (validation, test) = (own(&config.valid)?, own(&config.test)?);
    let test = Some(test.unwrap_or_else(|| all.select(&[])));
    DataSet::divide(all, config.classes, (config.validation, 0.0), (validation, test), config.seed)
}

fn file(config: &HeidelbergConfig, name: &str) -> Result<Samples, DataError> {
    let failed = |reason: String| DataError::File { path: name.into(), reason };
    let bytes = input::bytes(Path::new(name), input::DATA)
        .map_err(|error| failed(format!("cannot read it: {error}")))?;
    // The library takes the file for itself; lists are read from its copy, sample by sample.
    let file = File::from_bytes(bytes).map_err(|error| failed(format!("not an HDF5 file: {error}")))?;
    let Trains { times, units, labels: classes } = trains(&file).map_err(failed)?;
    let bytes = file.as_bytes();
    let labels = labels(name, &classes, config.classes)?;
    for (what, count) in [("spikes/times", times.len()), ("spikes/units", units.len())] {
        if count != labels.len() {
            return Err(failed(format!("{what} has {count} samples, but labels has {}", labels.len())));
        }
    }
    let (mut starts, mut events) = (vec![0], Vec::new());
    // No two lists are the same bytes of the file, else a small file could fill the memory.
    let mut left = bytes.len();
    for sample in 0..labels.len() {
        let lists = (times.of(bytes, sample).map_err(failed)?, units.of(bytes, sample).map_err(failed)?);
        let taken = left.checked_sub(lists.0.len() * times.size + lists.1.len() * units.size);
        left = taken
            .ok_or_else(|| failed(format!("the lists up to sample {sample} are longer than the file")))?;
        let (times, units) = lists;
        if times.len() != units.len() {
            let (times, units) = (times.len(), units.len());
            return Err(failed(format!("sample {sample} has {times} times, but {units} units")));
        }
        for (time, unit) in times.zip(units) {
            if !(0.0..config.units as f64).contains(&unit) {
                let last = config.units - 1;
                return Err(failed(format!(
                    "unit {unit} of sample {sample} is out of range; valid: 0 to {last} (task.data.units)"
                )));
            }
            if time.is_nan() || time < 0.0 {
                return Err(failed(format!("time {time} of sample {sample} is not a time in seconds")));
            }
            let frame = (time / config.dt).floor();
            if frame < config.frames as f64 {
                events.push((frame as u16, (unit as usize / config.pool) as u16));
            }
        }
        starts.push(events.len());
    }
    let features = config.units.div_ceil(config.pool);
    let (answers, values) = (Answers::Labels(labels), Values::Events { starts, events });
    Ok(Samples { frames: config.frames, features, answers, values })
}

struct Trains {
    times: Ragged,
    units: Ragged,
    labels: Vec<f64>,
}

fn trains(file: &File) -> Result<Trains, String> {
    let root = file.root();
    let missing = |group: &Group, name: &str| {
        let have =
            group.datasets().ok().into_iter().flatten().chain(group.groups().ok().into_iter().flatten());
        let have: Vec<String> = have.collect();
        format!("it has no '{name}'; valid: {}", have.join(", "))
    };
    let spikes = root.group("spikes").map_err(|_| missing(&root, "spikes"))?;
    let list = |name: &'static str| {
        let dataset = spikes.dataset(name).map_err(|_| missing(&spikes, name))?;
        check_size(&dataset, file).map_err(|problem| format!("spikes/{name} {problem}"))?;
        Ragged::new(&dataset, name).map_err(|problem| format!("spikes/{name} {problem}"))
    };
    let labels = root.dataset("labels").map_err(|_| missing(&root, "labels"))?;
    check_size(&labels, file).map_err(|problem| format!("labels {problem}"))?;
    let labels = match labels.dtype() {
        Ok(DType::I8 | DType::I16 | DType::I32 | DType::I64 | DType::U8 | DType::U16 | DType::U32) => {
            let values = labels.read_i64().map_err(|error| format!("labels cannot be read: {error}"))?;
            values.into_iter().map(|label| label as f64).collect()
        }
        _ => return Err("labels are not whole numbers".to_owned()),
    };
    Ok(Trains { times: list("times")?, units: list("units")?, labels })
}

/// Refuses an array that its file cannot hold, before there is memory for it.
fn check_size(dataset: &Dataset, file: &File) -> Result<(), String> {
    let broken = |error: hdf5_pure::Error| format!("cannot be read: {error}");
    let (shape, size) = (dataset.shape().map_err(broken)?, dataset.element_size().map_err(broken)?);
    let sizes = shape.iter().map(|&extent| usize::try_from(extent).ok());
    let bytes = sizes.fold(usize::try_from(size).ok(), |product, extent| product?.checked_mul(extent?));
    let most = file.as_bytes().len().saturating_mul(MAX_RATIO);
    match bytes {
        Some(bytes) if bytes <= most => Ok(()),
        _ => Err(format!("claims shape {shape:?}, which is more than such a file can hold")),
    }
}

/// A list of numbers per sample, which stays in the file.
struct Ragged {
    name: &'static str,
    /// Per sample length, address of the collection, index in it: 16 bytes, with addresses of 8 bytes, as
    /// all libraries write.
    references: Vec<u8>,
    number: Decoder,
    size: usize,
}

impl Ragged {
    fn new(dataset: &Dataset, name: &'static str) -> Result<Self, String> {
        let broken = |error: hdf5_pure::Error| format!("cannot be read: {error}");
        let base = match dataset.datatype().map_err(broken)? {
            Datatype::VariableLength { base_type, .. } => *base_type,
            _ => return Err("is not a list of numbers per sample".to_owned()),
        };
        let (number, size) = decoder(&base)?;
        Ok(Self { name, references: dataset.read_raw().map_err(broken)?, number, size })
    }

    fn len(&self) -> usize {
        self.references.len() / 16
    }

    /// The numbers of a sample.
    fn of<'a>(
        &'a self,
        file: &'a [u8],
        sample: usize,
    ) -> Result<impl ExactSizeIterator<Item = f64> + 'a, String> {
        let reference = &self.references[sample * 16..(sample + 1) * 16];
        let field = |range: std::ops::Range<usize>| {
            reference[range].iter().rev().fold(0_u64, |sum, &byte| sum << 8 | u64::from(byte)) as usize
        };
        let (length, address, index) = (field(0..4), field(4..12), field(12..16));
        let bytes = match length {
            0 => Some(&file[..0]),
            _ => object(file, address, index).and_then(|object| object.get(..length.checked_mul(self.size)?)),
        };
        let bytes =
            bytes.ok_or_else(|| format!("spikes/{} ends early: the file is not complete", self.name))?;
        Ok(bytes.chunks_exact(self.size).map(&self.number))
    }
}

/// An object of a global heap collection ("GCOL", version 1).
fn object(file: &[u8], address: usize, index: usize) -> Option<&[u8]> {
    let number = |at: usize, size: usize| -> Option<usize> {
        let bytes = file.get(at..at.checked_add(size)?)?;
        usize::try_from(bytes.iter().rev().fold(0_u64, |sum, &byte| sum << 8 | u64::from(byte))).ok()
    };
    if file.get(address..address.checked_add(5)?)? != b"GCOL\x01" {
        return None;
    }
    let end = address.checked_add(number(address + 8, 8)?)?;
    let mut at = address + 16;
    while at < end {
        let (own, size) = (number(at, 2)?, number(at + 8, 8)?);
        if own == index {
            return file.get(at + 16..(at + 16).checked_add(size)?);
        }
        // Object 0 is the free space at the end.
        if own == 0 {
            return None;
        }
        at = at.checked_add(16)?.checked_add(size.checked_next_multiple_of(8)?)?;
    }
    None
}

type Decoder = Box<dyn Fn(&[u8]) -> f64>;

/// What turns bytes into a number, and how many it takes.
fn decoder(kind: &Datatype) -> Result<(Decoder, usize), String> {
    let unknown = || format!("holds {kind:?}, expected floats or whole numbers");
    let little = |order: &DatatypeByteOrder| *order == DatatypeByteOrder::LittleEndian;
    let (size, integer, signed) = match kind {
        Datatype::FloatingPoint { size, byte_order, .. } if little(byte_order) => (*size, false, true),
        Datatype::FixedPoint { size, byte_order, layout } if little(byte_order) => {
            (*size, true, layout.signed)
        }
        _ => return Err(unknown()),
    };
    let word = |bytes: &[u8]| bytes.iter().rev().fold(0_u64, |sum, &byte| sum << 8 | u64::from(byte));
    let size = size as usize;
    let decoder: Decoder = match (integer, size) {
        (true, 1..=8) if signed => {
            let shift = 64 - 8 * size as u32;
            Box::new(move |bytes| ((word(bytes) << shift) as i64 >> shift) as f64)
        }
        (true, 1..=8) => Box::new(move |bytes| word(bytes) as f64),
        (false, 2) => Box::new(move |bytes| f64::from(snn::nir::half(word(bytes) as u16))),
        (false, 4) => Box::new(move |bytes| f64::from(f32::from_bits(word(bytes) as u32))),
        (false, 8) => Box::new(move |bytes| f64::from_bits(word(bytes))),
        _ => return Err(unknown()),
    };
    Ok((decoder, size))
}
