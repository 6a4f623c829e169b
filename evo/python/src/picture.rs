//! Pictures of environments.

use std::sync::Mutex;

use numpy::{PyArray1, PyArray3, PyArrayMethods as _};
use pyo3::prelude::*;
use viewer::portrait::Portrait;

use crate::batch::Batch;
use crate::call::{detached, failed, invalid, with};

/// Draws the environments of a batch.
#[pyclass(module = "spindle._native", frozen)]
pub struct Painter {
    size: [u32; 2],
    portrait: Mutex<Portrait>,
}

#[pymethods]
impl Painter {
    /// Pictures of `width` × `height` pixels, from a direction or through a camera of the robot's file.
    #[new]
    fn new(py: Python<'_>, batch: &Batch, width: u32, height: u32, camera: &str) -> PyResult<Self> {
        let model = batch.model();
        let views = Portrait::views(&model);
        let Some(view) = views.iter().position(|view| view == camera) else {
            return Err(invalid(format!("camera is '{camera}', expected one of {}", views.join(", "))));
        };
        let size = [width, height];
        let portrait = detached(py, || Portrait::new(&model, view, size).map_err(failed))?;
        Ok(Self { size, portrait: Mutex::new(portrait) })
    }

    /// Red, green and blue, `[height, width, 3]`, of environment `env` as it is now.
    fn picture<'py>(&self, py: Python<'py>, batch: &Batch, env: usize) -> PyResult<Bound<'py, PyArray3<u8>>> {
        let qpos = batch.qpos(py, env)?;
        let picture = with(py, &self.portrait, |portrait| portrait.picture(&qpos).map_err(failed))?;
        let rgb: Vec<u8> =
            picture.rgba.as_chunks::<4>().0.iter().flat_map(|&[r, g, b, _]| [r, g, b]).collect();
        let [width, height] = self.size.map(|side| side as usize);
        PyArray1::from_vec(py, rgb).reshape([height, width, 3])
    }
}
