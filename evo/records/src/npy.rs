//! Arrays as NumPy `.npy` files.

use std::path::{Path, PathBuf};

use npyz::{AutoSerialize, DType, NpyFile, NpyHeader, Order, TypeChar, WriterBuilder as _};

use crate::disk::write_atomic;
use crate::{input, memory};

/// Numbers in rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    /// Number of rows.
    pub rows: usize,
    /// Number of columns.
    pub columns: usize,
    /// Values, row after row.
    pub values: Vec<f64>,
}

impl Matrix {
    /// A matrix from values, row after row. `None` if their number is not `rows × columns`.
    #[must_use]
    pub fn new(rows: usize, columns: usize, values: Vec<f64>) -> Option<Self> {
        (rows.checked_mul(columns) == Some(values.len())).then_some(Self { rows, columns, values })
    }

    /// One row.
    ///
    /// # Panics
    /// If there is no such row.
    #[must_use]
    pub fn row(&self, row: usize) -> &[f64] {
        &self.values[row * self.columns..][..self.columns]
    }
}

/// What is wrong with an array file.
#[derive(Debug, thiserror::Error)]
pub enum NpyError {
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
    /// The file is not a complete `.npy` file.
    #[error("{path} is not a complete .npy file: {reason}")]
    Format {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The numbers are of another kind.
    #[error("{path} holds {found}, expected {expected}")]
    Type {
        /// The file.
        path: PathBuf,
        /// NumPy's name of the kind.
        found: String,
        /// What was expected.
        expected: &'static str,
    },
    /// The array has another shape.
    #[error("{path} has shape {}, expected {expected}", show(.found))]
    Shape {
        /// The file.
        path: PathBuf,
        /// Its shape.
        found: Vec<u64>,
        /// What was expected, e.g. `[T, 8]`.
        expected: String,
    },
    /// The array does not fit into memory.
    #[error(
        "{path} has shape {}, which takes {} of memory; there are {}",
        show(.found), memory::in_words(*.bytes), memory::in_words(*.most)
    )]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its shape.
        found: Vec<u64>,
        /// Bytes that it would take.
        bytes: u64,
        /// Bytes that there are.
        most: u64,
    },
    /// A number is NaN or infinite.
    #[error("{path}: the value at row {row}, column {column} is not finite")]
    NotFinite {
        /// The file.
        path: PathBuf,
        /// Row, from 0.
        row: usize,
        /// Column, from 0.
        column: usize,
    },
}

fn show(shape: &[u64]) -> String {
    let numbers: Vec<String> = shape.iter().map(u64::to_string).collect();
    format!("[{}]", numbers.join(", "))
}

/// Numbers with any number of axes.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// Extent of each axis.
    pub shape: Vec<usize>,
    /// Values, last axis fastest.
    pub values: Vec<f64>,
}

/// Reads a matrix of finite float32 or float64 values in either memory order; a vector is one row.
///
/// `columns` is the number that is expected, if any.
///
/// # Errors
/// See [`NpyError`].
pub fn read(path: &Path, columns: Option<usize>) -> Result<Matrix, NpyError> {
    let Array { shape, values } = read_shaped(path, |shape| {
        let fits =
            matches!(shape, [_] | [_, _]) && columns.is_none_or(|columns| shape.last() == Some(&columns));
        let width = columns.map_or_else(|| "columns".to_owned(), |columns| columns.to_string());
        if fits { Ok(()) } else { Err(format!("[rows, {width}]")) }
    })?;
    let columns = shape.last().copied().unwrap_or(1);
    Ok(Matrix { rows: if shape.len() == 1 { 1 } else { shape[0] }, columns, values })
}

/// Reads an array of finite float32 or float64 values in either memory order: rows of shape `row`.
///
/// # Errors
/// See [`NpyError`].
pub fn read_rows(path: &Path, row: &[usize]) -> Result<Array, NpyError> {
    read_shaped(path, |shape| {
        let extents: String = row.iter().map(|extent| format!(", {extent}")).collect();
        if shape.get(1..) == Some(row) { Ok(()) } else { Err(format!("[rows{extents}]")) }
    })
}

/// Reads an array of finite numbers of any kind and shape (floats, whole numbers, truth values).
///
/// # Errors
/// See [`NpyError`].
pub fn read_any(path: &Path) -> Result<Array, NpyError> {
    any_from_bytes(path, &load(path)?)
}

/// [`read_any`] of a file's bytes; `path` names it in messages.
///
/// # Errors
/// See [`NpyError`].
pub fn any_from_bytes(path: &Path, bytes: &[u8]) -> Result<Array, NpyError> {
    from_bytes(path, bytes, false, |_| Ok(()))
}

fn load(path: &Path) -> Result<Vec<u8>, NpyError> {
    input::bytes(path, input::DATA).map_err(|source| NpyError::File {
        action: "read",
        path: path.to_owned(),
        source,
    })
}

/// Reads an array whose shape `check` accepts; otherwise it says what was expected.
fn read_shaped(path: &Path, check: impl Fn(&[usize]) -> Result<(), String>) -> Result<Array, NpyError> {
    from_bytes(path, &load(path)?, true, check)
}

fn from_bytes(
    path: &Path,
    bytes: &[u8],
    floats: bool,
    check: impl Fn(&[usize]) -> Result<(), String>,
) -> Result<Array, NpyError> {
    let owned = || path.to_owned();
    let format = |error: std::io::Error| NpyError::Format { path: owned(), reason: error.to_string() };
    let early = || ends_early(path);
    let mut data = bytes;
    let header = header(path, &mut data, bytes.len() as u64)?;
    let found = header.shape().to_vec();
    let shape: Option<Vec<usize>> = found.iter().map(|&extent| usize::try_from(extent).ok()).collect();
    let shape = shape.ok_or_else(early)?;
    check(&shape).map_err(|expected| NpyError::Shape { path: owned(), found, expected })?;
    let count = shape.iter().try_fold(1_usize, |product, &extent| product.checked_mul(extent));
    fits(path, &header, memory::most())?;
    let order = header.order();
    let dtype = header.dtype();
    let (letter, size) = match &dtype {
        DType::Plain(kind) => match kind.type_char() {
            TypeChar::Float => ('f', kind.size_field()),
            TypeChar::Int if !floats => ('i', kind.size_field()),
            TypeChar::Uint if !floats => ('u', kind.size_field()),
            TypeChar::Bool if !floats => ('b', kind.size_field()),
            _ => (' ', 0),
        },
        _ => (' ', 0),
    };
    let needed = count.and_then(|n| n.checked_mul(usize::try_from(size).ok()?));
    if needed.is_none_or(|needed| needed > data.len()) {
        return Err(early());
    }
    let file = NpyFile::with_header(header, data);
    macro_rules! values {
        ($kind:ty) => {
            file.into_vec::<$kind>().map_err(format)?.into_iter().map(f64::from).collect()
        };
    }
    let values: Vec<f64> = match (letter, size) {
        ('f', 4) => values!(f32),
        ('f', 8) => file.into_vec().map_err(format)?,
        ('i', 1) => values!(i8),
        ('i', 2) => values!(i16),
        ('i', 4) => values!(i32),
        ('i', 8) => file.into_vec::<i64>().map_err(format)?.into_iter().map(|x| x as f64).collect(),
        ('u', 1) => values!(u8),
        ('u', 2) => values!(u16),
        ('u', 4) => values!(u32),
        ('u', 8) => file.into_vec::<u64>().map_err(format)?.into_iter().map(|x| x as f64).collect(),
        ('b', 1) => values!(bool),
        _ => {
            let expected =
                if floats { "float32 or float64" } else { "floats, whole numbers or truth values" };
            return Err(NpyError::Type { path: owned(), found: dtype.descr(), expected });
        }
    };
    let values = match order {
        Order::C => values,
        Order::Fortran => (0..values.len()).map(|place| values[fortran(&shape, place)]).collect(),
    };
    match values.iter().position(|value| !value.is_finite()) {
        Some(at) => {
            // A vector is one row, and so is a single number.
            let row: usize = shape[usize::from(shape.len() > 1)..].iter().product();
            Err(NpyError::NotFinite { path: owned(), row: at / row, column: at % row })
        }
        None => Ok(Array { shape, values }),
    }
}

/// Longest header, with what comes before it: that of version 1 and 2 of the format.
pub const HEADER: u64 = 65_536 + 12;

/// Length of an array file in bytes, as its first [`HEADER`] bytes have it, before there is memory for the rest of it.
/// `size` is what the file is said to have, `most` the memory that the array may take.
///
/// # Errors
/// A header that is none, or that promises more than `size`, or more than fits into `most`.
pub fn length(path: &Path, start: &[u8], size: u64, most: u64) -> Result<u64, NpyError> {
    let mut rest = start;
    let header = header(path, &mut rest, size)?;
    fits(path, &header, most)?;
    // Objects have no size, and are refused by whoever reads the file.
    let data = header.len().checked_mul(header.dtype().num_bytes().unwrap_or(0) as u64);
    let length = data.and_then(|data| data.checked_add((start.len() - rest.len()) as u64));
    length.filter(|length| *length <= size).ok_or_else(|| ends_early(path))
}

/// The header of a file of `size` bytes, of which `bytes` are the first; what follows it is left there.
fn header(path: &Path, bytes: &mut &[u8], size: u64) -> Result<NpyHeader, NpyError> {
    if promised(bytes).is_some_and(|values| values.is_none_or(|values| values as u64 > size)) {
        return Err(ends_early(path));
    }
    let format =
        |error: std::io::Error| NpyError::Format { path: path.to_owned(), reason: error.to_string() };
    NpyHeader::from_reader(bytes).map_err(format)
}

/// Refuses what takes more memory than `most`: its bytes, and its numbers as f64 and as f32.
fn fits(path: &Path, header: &NpyHeader, most: u64) -> Result<(), NpyError> {
    let each = header.dtype().num_bytes().unwrap_or(0) as u64 + 12;
    let bytes = header.len().saturating_mul(each);
    if bytes <= most {
        return Ok(());
    }
    Err(NpyError::TooLarge { path: path.to_owned(), found: header.shape().to_vec(), bytes, most })
}

fn ends_early(path: &Path) -> NpyError {
    NpyError::Format { path: path.to_owned(), reason: "the data ends early".to_owned() }
}

/// Where the value at `place`, counted with the last axis fastest, lies with the first axis fastest.
fn fortran(shape: &[usize], mut place: usize) -> usize {
    let mut found = 0;
    for (axis, &extent) in shape.iter().enumerate().rev() {
        found += place % extent * shape[..axis].iter().product::<usize>();
        place /= extent;
    }
    found
}

/// Number of values that the header's shape promises (inner `None`: too many to count). A damaged
/// header may promise anything, and npyz multiplies and reserves memory without looking.
fn promised(bytes: &[u8]) -> Option<Option<usize>> {
    let header = bytes.get(..bytes.len().min(1024))?;
    let header = String::from_utf8_lossy(header);
    let (_, shape) = header.split_once("'shape':")?;
    let (shape, _) = shape.split_once('(')?.1.split_once(')')?;
    let mut sizes = shape.split(',').map(str::trim).filter(|size| !size.is_empty());
    Some(sizes.try_fold(1usize, |product, size| product.checked_mul(size.parse().ok()?)))
}

/// Writes a matrix as float64, atomically.
///
/// # Errors
/// [`NpyError::File`].
pub fn write(path: &Path, matrix: &Matrix) -> Result<(), NpyError> {
    save(path, &[matrix.rows as u64, matrix.columns as u64], &matrix.values)
}

/// Writes values of shape `shape`, last axis fastest, as float32, atomically.
///
/// # Errors
/// [`NpyError::File`].
pub fn write_f32(path: &Path, shape: &[usize], values: &[f32]) -> Result<(), NpyError> {
    let shape: Vec<u64> = shape.iter().map(|&extent| extent as u64).collect();
    save(path, &shape, values)
}

fn save<T: AutoSerialize>(path: &Path, shape: &[u64], values: &[T]) -> Result<(), NpyError> {
    let encode = || {
        let mut bytes = Vec::new();
        let mut writer =
            npyz::WriteOptions::new().default_dtype().shape(shape).writer(&mut bytes).begin_nd()?;
        writer.extend(values)?;
        writer.finish()?;
        write_atomic(path, &bytes)
    };
    encode().map_err(|source| NpyError::File { action: "write", path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    /// A version 1.0 file, byte by byte as NumPy's format description has it.
    fn file(folder: &Path, descr: &str, fortran: bool, shape: &str, data: &[u8]) -> PathBuf {
        let order = if fortran { "True" } else { "False" };
        let mut header = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}");
        while !(10 + header.len() + 1).is_multiple_of(64) {
            header.push(' ');
        }
        header.push('\n');
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend(u16::try_from(header.len()).unwrap().to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(data);
        let path = folder.join("a.npy");
        std::fs::write(&path, bytes).unwrap();
        path
    }

    #[test]
    fn written_matrices_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.npy");
        let matrix = Matrix::new(2, 3, vec![0.1, -2.0, 1e300, f64::MIN_POSITIVE, 0.0, 5.0]).unwrap();
        write(&path, &matrix).unwrap();
        assert_eq!(read(&path, Some(3)).unwrap(), matrix);
        assert_eq!(matrix.row(1), [f64::MIN_POSITIVE, 0.0, 5.0]);
        assert_eq!(Matrix::new(2, 2, vec![0.0]), None);
    }

    #[test]
    fn types_orders_and_vectors() {
        let folder = tempfile::tempdir().unwrap();
        let le: Vec<u8> = (1..=6).flat_map(|x| (x as f32).to_le_bytes()).collect();
        let be: Vec<u8> = (1..=6).flat_map(|x| f64::from(x).to_be_bytes()).collect();
        let rows = read(&file(folder.path(), "<f4", false, "(2, 3)", &le), None).unwrap();
        assert_eq!(rows.values, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let columns = read(&file(folder.path(), ">f8", true, "(2, 3)", &be), None).unwrap();
        assert_eq!(columns.values, [1.0, 3.0, 5.0, 2.0, 4.0, 6.0]);
        let vector = read(&file(folder.path(), "<f4", false, "(6,)", &le), Some(6)).unwrap();
        assert_eq!((vector.rows, vector.columns), (1, 6));
        let cube = read_rows(&file(folder.path(), ">f8", true, "(1, 2, 3)", &be), &[2, 3]).unwrap();
        assert_eq!((cube.shape, cube.values), (vec![1, 2, 3], columns.values));
        let empty = read_rows(&file(folder.path(), "<f4", false, "(0, 2)", &[]), &[2]).unwrap();
        assert_eq!((empty.shape, empty.values), (vec![0, 2], vec![]));
        let path = folder.path().join("a.npy");
        write_f32(&path, &[1, 3, 2], &[0.5, -1.0, 2.0, f32::MAX, 0.0, 1e-3]).unwrap();
        assert_eq!(read_rows(&path, &[3, 2]).unwrap().values[3], f64::from(f32::MAX));
    }

    #[test]
    fn a_header_says_how_long_the_file_is_and_what_it_takes() {
        let folder = tempfile::tempdir().unwrap();
        let of = |descr: &str, shape: &str, size: u64, most: u64| {
            let start = std::fs::read(file(folder.path(), descr, false, shape, &[])).unwrap();
            length(Path::new("a.npy"), &start, size, most).map_err(|error| error.to_string())
        };
        assert_eq!(of("<f4", "(10, 3)", 1000, 1000), Ok(128 + 120));
        assert_eq!(of("|u1", "(10, 3)", 1000, 390), Ok(128 + 30));
        let early = "a.npy is not a complete .npy file: the data ends early";
        assert_eq!(of("<f4", "(10, 3)", 247, 1000).unwrap_err(), early);
        assert_eq!(of("<f4", "(5000, 5000)", 1000, u64::MAX).unwrap_err(), early);
        assert_eq!(
            of("|u1", "(500000000,)", 500_000_128, 2_000_000_000).unwrap_err(),
            "a.npy has shape [500000000], which takes 6.5 GB of memory; there are 2.0 GB"
        );
        assert!(length(Path::new("a.npy"), b"text", 1000, 1000).is_err());
    }

    #[test]
    fn errors_name_the_file_and_the_shape() {
        let folder = tempfile::tempdir().unwrap();
        let shown = format!("{}/", folder.path().display());
        let refused = |path: PathBuf, columns: Option<usize>| {
            read(&path, columns).unwrap_err().to_string().replace(&shown, "")
        };
        let data = [0u8; 48];
        let make = |descr: &str, shape: &str, data: &[u8]| file(folder.path(), descr, false, shape, data);
        assert_eq!(
            refused(make("<f8", "(2, 3)", &data), Some(8)),
            "a.npy has shape [2, 3], expected [rows, 8]"
        );
        assert_eq!(
            refused(make("<f8", "(1, 2, 3)", &data), None),
            "a.npy has shape [1, 2, 3], expected [rows, columns]"
        );
        assert_eq!(
            refused(make("<i8", "(2, 3)", &data), None),
            "a.npy holds '<i8', expected float32 or float64"
        );
        assert_eq!(
            refused(make("<f8", "(4, 3)", &data), None),
            "a.npy is not a complete .npy file: the data ends early"
        );
        assert_eq!(
            refused(make("<f8", "(99999999999, 99999999999)", &data), None),
            "a.npy is not a complete .npy file: the data ends early"
        );
        let cube = make("<f8", "(1, 2, 3)", &data);
        assert_eq!(
            read_rows(&cube, &[3, 2]).unwrap_err().to_string().replace(&shown, ""),
            "a.npy has shape [1, 2, 3], expected [rows, 3, 2]"
        );
        let nan: Vec<u8> = [0.0, 1.0, 2.0, f64::NAN].iter().flat_map(|x| x.to_le_bytes()).collect();
        assert_eq!(
            refused(make("<f8", "(2, 2)", &nan), None),
            "a.npy: the value at row 1, column 1 is not finite"
        );
        let scalar = make("<f8", "()", &f64::NAN.to_le_bytes());
        assert_eq!(
            read_any(&scalar).unwrap_err().to_string().replace(&shown, ""),
            "a.npy: the value at row 0, column 0 is not finite"
        );
        std::fs::write(folder.path().join("b.npy"), "text").unwrap();
        assert!(refused(folder.path().join("b.npy"), None).starts_with("b.npy is not a complete .npy file"));
        assert!(refused(folder.path().join("none.npy"), None).starts_with("cannot read none.npy: "));
    }
}
