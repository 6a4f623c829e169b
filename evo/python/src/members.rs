//! The archive or the front of a run.

use std::path::PathBuf;

use numpy::PyArray1;
use pyo3::prelude::*;
use records::checkpoint::Checkpoint;
use records::folder::RunFolder;
use training::members::{Kept, Members};

use crate::call::{detached, invalid};

/// Numbers, as NumPy has them.
type Array<'py> = Bound<'py, PyArray1<f64>>;

/// What a run keeps: names of what spans it; number, fitness (none in a front), values and parameters of each member, one
/// after another; and the number of cells of an archive, which a front has not.
type Found<'py> = (Vec<String>, Bound<'py, PyArray1<u64>>, Array<'py>, Array<'py>, Array<'py>, Option<usize>);

/// The members that the last checkpoint of a run folder has, if its search keeps any.
#[pyfunction]
pub fn members(py: Python<'_>, run: PathBuf) -> PyResult<Option<Found<'_>>> {
    let found = detached(py, || {
        let checkpoint =
            Checkpoint::load(&RunFolder::open(&run).map_err(invalid)?.last()).map_err(invalid)?;
        Members::of(&checkpoint.told()).map_err(invalid)
    })?;
    let Some(found) = found else { return Ok(None) };
    let count = match &found.kept {
        Kept::Archive(archive) => Some(archive.cells()),
        Kept::Front(..) => None,
    };
    let all = found.all();
    let cells = all.iter().map(|member| member.cell as u64).collect();
    let fitness = all.iter().filter_map(|member| member.fitness).collect();
    let values = all.iter().flat_map(|member| member.values.iter().copied()).collect();
    let parameters = all.iter().flat_map(|member| member.parameters.iter().copied()).collect();
    let names = found.axes.iter().map(|axis| axis.name.clone()).collect();
    let array = |values| PyArray1::from_vec(py, values);
    let cells = PyArray1::from_vec(py, cells);
    Ok(Some((names, cells, array(fitness), array(values), array(parameters), count)))
}
