//! Strategies by ask and tell.

use std::collections::BTreeMap;
use std::sync::Mutex;

use numpy::{PyArray1, PyReadonlyArray1, PyReadwriteArray2};
use pyo3::prelude::*;
use records::text::patch;
use strategies::{Data, State, StrategyConfig, StrategyError, Tensor};

use crate::call::{detached, invalid, locked, with};
use crate::threads::shared;

/// Name of each strategy, its name in configs, what it is, where it is defined, and its settings: name, unit, default
/// and range of each.
type Described = (&'static str, &'static str, &'static str, &'static str, Vec<[&'static str; 4]>);

/// All of them.
#[pyfunction]
#[pyo3(name = "strategies")]
pub fn all_strategies() -> Vec<Described> {
    let fields = |info: &strategies::StrategyInfo| {
        info.fields.iter().map(|field| [field.name, field.unit, field.default, field.range]).collect()
    };
    let all = strategies::strategies().iter();
    all.map(|info| (info.name, info.config, info.summary, info.reference, fields(info))).collect()
}

/// A running search.
#[pyclass(module = "spindle._native", frozen)]
pub struct Search {
    config: StrategyConfig,
    search: Mutex<Asked>,
}

struct Asked {
    search: strategies::Search<f64>,
    asked: bool,
}

/// Arrays with their shapes, whole numbers and bits of real ones, by name.
type Saved = (BTreeMap<String, (Vec<usize>, Vec<f64>)>, BTreeMap<String, u64>, BTreeMap<String, u64>, bool);

/// Elites as arrays, and the number of cells.
type Elites<'py> = (
    Bound<'py, PyArray1<u64>>,
    Bound<'py, PyArray1<f64>>,
    Bound<'py, PyArray1<f64>>,
    Bound<'py, PyArray1<f64>>,
    usize,
);

fn start(config: &StrategyConfig, x0: &[f64], seed: u64) -> Result<strategies::Search<f64>, StrategyError> {
    config.build(x0, seed)
}

#[pymethods]
impl Search {
    /// Starts the strategy called `name` at `x0`, with `sets` of its fields as `--set` takes them.
    #[new]
    fn new(
        py: Python<'_>,
        name: &str,
        x0: PyReadonlyArray1<'_, f64>,
        seed: u64,
        sets: Vec<String>,
    ) -> PyResult<Self> {
        let x0 = x0.as_slice()?;
        detached(py, || {
            let config = StrategyConfig::from_name(name).map_err(invalid)?;
            let config = patch::apply(config, &sets).map_err(invalid)?;
            let search = shared()?.install(|| start(&config, x0, seed)).map_err(invalid)?;
            Ok(Self { config, search: Mutex::new(Asked { search, asked: false }) })
        })
    }

    /// A search with the settings of `config`, in JSON, that goes on from what `saved` has given.
    #[staticmethod]
    fn restored(py: Python<'_>, config: &str, dimension: usize, saved: Saved) -> PyResult<Self> {
        detached(py, || {
            let config: StrategyConfig = serde_json::from_str(config).map_err(invalid)?;
            let mut search = start(&config, &config.start(vec![0.0; dimension]), 0).map_err(invalid)?;
            let (tensors, integers, reals, asked) = saved;
            let tensor = |(shape, values)| Tensor { shape, data: Data::F64(values) };
            let state = State {
                strategy: config.name().to_owned(),
                tensors: tensors.into_iter().map(|(name, values)| (name, tensor(values))).collect(),
                integers,
                reals: reals.into_iter().map(|(name, bits)| (name, f64::from_bits(bits))).collect(),
            };
            search.restore(&state).map_err(invalid)?;
            if asked {
                shared()?.install(|| search.ask());
            }
            Ok(Self { config, search: Mutex::new(Asked { search, asked }) })
        })
    }

    /// Everything to go on from, see [`Search::restored`].
    fn saved(&self, py: Python<'_>) -> PyResult<(String, usize, Saved)> {
        let config = serde_json::to_string(&self.config).map_err(invalid)?;
        with(py, &self.search, |own| {
            let State { tensors, integers, reals, .. } = own.search.state();
            let values = |tensor: Tensor| match tensor.data {
                Data::F64(values) => (tensor.shape, values),
                // A search in double precision has none; they would come back as what they are.
                Data::F32(values) => (tensor.shape, values.into_iter().map(f64::from).collect()),
            };
            let tensors = tensors.into_iter().map(|(name, tensor)| (name, values(tensor))).collect();
            let reals = reals.into_iter().map(|(name, value)| (name, value.to_bits())).collect();
            Ok((config, own.search.dimension(), (tensors, integers, reals, own.asked)))
        })
    }

    /// Its settings in RON.
    #[getter]
    fn config(&self) -> PyResult<String> {
        records::text::to_line(&self.config).map_err(invalid)
    }

    /// Members per generation, and parameters per member.
    #[getter]
    fn shape(&self) -> (usize, usize) {
        let own = locked(&self.search);
        (own.search.population(), own.search.dimension())
    }

    /// Writes the members of the next generation, a row each.
    fn ask(&self, py: Python<'_>, mut members: PyReadwriteArray2<'_, f64>) -> PyResult<()> {
        let members = members.as_slice_mut()?;
        with(py, &self.search, |own| {
            if members.len() != own.search.population() * own.search.dimension() {
                return Err(invalid("an array of another shape than the population"));
            }
            shared()?.install(|| {
                own.search.ask();
                own.search.members(0, members);
            });
            own.asked = true;
            Ok(())
        })
    }

    /// Takes the fitness of each member, higher is better, and the descriptors of all, one member after another; none where
    /// the strategy takes none.
    fn tell(
        &self,
        py: Python<'_>,
        fitness: PyReadonlyArray1<'_, f64>,
        descriptors: PyReadonlyArray1<'_, f64>,
    ) -> PyResult<()> {
        let (fitness, descriptors) = (fitness.as_slice()?, descriptors.as_slice()?);
        with(py, &self.search, |own| {
            shared()?.install(|| own.search.tell_with(fitness, descriptors)).map_err(invalid)?;
            own.asked = false;
            Ok(())
        })
    }

    /// Descriptors per member; 0 for strategies without an archive.
    #[getter]
    fn descriptors(&self) -> usize {
        locked(&self.search).search.descriptors()
    }

    /// Of an archive: cell, fitness, descriptors and parameters of all elites, one after another, and the number of cells.
    #[getter]
    fn archive<'py>(&self, py: Python<'py>) -> Option<Elites<'py>> {
        let own = locked(&self.search);
        let archive = own.search.archive()?;
        let cells = archive.elites().map(|(cell, _)| cell as u64).collect();
        let fitness = archive.elites().map(|(_, elite)| elite.fitness).collect();
        let descriptors = archive.elites().flat_map(|(_, elite)| elite.descriptors.clone()).collect();
        let parameters = archive.elites().flat_map(|(_, elite)| elite.parameters.clone()).collect();
        let array = |values| PyArray1::from_vec(py, values);
        let cells = PyArray1::from_vec(py, cells);
        Some((cells, array(fitness), array(descriptors), array(parameters), archive.cells()))
    }

    /// The mean of the distribution.
    #[getter]
    fn mean<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        let own = locked(&self.search);
        let mut mean = vec![0.0; own.search.dimension()];
        own.search.mean(&mut mean);
        PyArray1::from_vec(py, mean)
    }

    /// The best fitness that was told, and its member.
    #[getter]
    fn best<'py>(&self, py: Python<'py>) -> Option<(f64, Bound<'py, PyArray1<f64>>)> {
        let own = locked(&self.search);
        own.search.best().map(|(fitness, member)| (fitness, PyArray1::from_slice(py, member)))
    }

    /// Overall step size.
    #[getter]
    fn sigma(&self) -> f64 {
        locked(&self.search).search.sigma()
    }

    /// Why going on is unlikely to help.
    #[getter]
    fn stop(&self) -> Option<String> {
        let own = locked(&self.search);
        own.search.stop_reason().map(|reason| format!("{reason:?}"))
    }

    /// Generations and members told so far.
    #[getter]
    fn counts(&self) -> (u64, u64) {
        let own = locked(&self.search);
        (own.search.generation(), own.search.evaluations())
    }
}
