//! Checkpoints and recordings.

use std::path::PathBuf;

use numpy::{Element, PyArray1, PyArrayMethods as _};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use records::checkpoint::{Checkpoint, TensorData};

use crate::call::{detached, invalid};

/// What a checkpoint or recording says of itself, in JSON, and its arrays by name.
#[pyfunction]
pub fn tensors(py: Python<'_>, path: PathBuf) -> PyResult<(String, Bound<'_, PyDict>)> {
    let file = detached(py, || Checkpoint::load(&path).map_err(invalid))?;
    let arrays = PyDict::new(py);
    for (name, tensor) in &file.tensors {
        let shape = tensor.shape();
        let array = match tensor.data() {
            TensorData::F32(values) => shaped(py, values, shape)?,
            TensorData::F64(values) => shaped(py, values, shape)?,
            TensorData::U8(values) => shaped(py, values, shape)?,
        };
        arrays.set_item(name, array)?;
    }
    Ok((serde_json::Value::Object(file.meta).to_string(), arrays))
}

fn shaped<'py, T: Element + Copy>(
    py: Python<'py>,
    values: &[T],
    shape: &[usize],
) -> PyResult<Bound<'py, PyAny>> {
    Ok(PyArray1::from_slice(py, values).reshape(shape)?.into_any())
}
