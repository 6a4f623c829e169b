//! Populations of networks, for anybody's simulator.

use std::path::Path;
use std::sync::{Arc, Mutex};

use numpy::{PyArray1, PyReadonlyArray1, PyReadonlyArray2, PyReadwriteArray2};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use records::text;
use snn::ControllerConfig;
use training::backend::BackendChoice;
use training::named_files;
use training::random::{Purpose, Stream};

use crate::call::{detached, invalid, locked, with};
use crate::network::Network;
use crate::probe::{spikes, states};
use crate::program::world;

/// The description of a network.
#[pyclass(module = "spindle._native", frozen)]
pub struct Controller {
    controller: Arc<dyn snn::Controller>,
    config: ControllerConfig,
}

#[pymethods]
impl Controller {
    /// A network in RON, or that of a config's file (`….ron`), whose task then gives the sizes that are not told.
    #[new]
    fn new(
        py: Python<'_>,
        config: &str,
        inputs: Option<usize>,
        outputs: Option<usize>,
        sets: Vec<String>,
    ) -> PyResult<Self> {
        detached(py, || {
            let (config, sizes) = if config.ends_with(".ron") && !config.contains('(') {
                let config = world(config, &sets)?;
                let task = config.env.build().map_err(invalid)?;
                let spec = task.spec();
                (config.controller, Some((spec.observations.len(), spec.actions.len())))
            } else {
                let read = text::parse::<ControllerConfig>("controller", config).map_err(invalid)?;
                let mut read = text::patch::apply(read, &sets).map_err(invalid)?;
                read.inline_models(|name| named_files::model(Path::new(""), name)).map_err(invalid)?;
                (read, None)
            };
            let missing = || invalid("a network of its own needs `inputs` and `outputs`");
            let inputs = inputs.or(sizes.map(|sizes| sizes.0)).ok_or_else(missing)?;
            let outputs = outputs.or(sizes.map(|sizes| sizes.1)).ok_or_else(missing)?;
            let controller = config.build(inputs, outputs).map_err(invalid)?;
            Ok(Self { controller, config })
        })
    }

    /// Number of observations.
    #[getter]
    fn n_inputs(&self) -> usize {
        self.controller.inputs()
    }

    /// Number of actions.
    #[getter]
    fn n_outputs(&self) -> usize {
        self.controller.outputs()
    }

    /// Number of parameters.
    #[getter]
    fn n_parameters(&self) -> usize {
        self.controller.layout().len()
    }

    /// One line with shape, model and size.
    #[getter]
    fn description(&self) -> String {
        self.controller.describe()
    }

    /// Its config in RON.
    #[getter]
    fn config(&self) -> PyResult<String> {
        text::to_text(&self.config).map_err(invalid)
    }

    /// Name, offset, rows, columns, number of parameters and scale of each block.
    #[getter]
    fn layout(&self) -> Vec<(String, usize, usize, usize, usize, f32)> {
        let blocks = self.controller.layout().blocks().iter();
        blocks.map(|b| (b.name.clone(), b.offset, b.rows, b.cols, b.len(), b.scale)).collect()
    }

    /// A start of a search, as a run with this seed has it.
    fn initial<'py>(&self, py: Python<'py>, seed: u64) -> PyResult<Bound<'py, PyArray1<f32>>> {
        let drawn =
            detached(py, || Ok(self.controller.initial(&mut Stream::new(seed, Purpose::Init, 0, 0, 0))))?;
        Ok(PyArray1::from_vec(py, drawn))
    }

    /// Individuals with these parameters, a row each.
    fn population(
        &self,
        py: Python<'_>,
        theta: PyReadonlyArray2<'_, f32>,
        backend: &str,
    ) -> PyResult<Population> {
        let backend = match backend {
            "auto" => BackendChoice::Auto,
            "cpu" => BackendChoice::Cpu,
            "gpu" => BackendChoice::Gpu,
            other => return Err(invalid(format!("backend '{other}'; valid: auto, cpu, gpu"))),
        };
        let (theta, length) = (theta.as_slice()?, self.controller.layout().len());
        detached(py, || {
            let mut network = Network::new(&self.controller, theta.len() / length, backend)?;
            for (slot, parameters) in theta.chunks_exact(length).enumerate() {
                network.load(slot, parameters);
                network.reset(slot, 0);
            }
            Ok(Population { network: Mutex::new(network) })
        })
    }
}

/// Individuals of one network, each with weights and states of its own.
#[pyclass(module = "spindle._native", frozen)]
pub struct Population {
    network: Mutex<Network>,
}

#[pymethods]
impl Population {
    /// Number of individuals.
    #[getter]
    fn slots(&self) -> usize {
        locked(&self.network).slots()
    }

    /// Where it runs.
    #[getter]
    fn backend(&self) -> &'static str {
        locked(&self.network).backend
    }

    /// Gives all individuals other parameters, a row each.
    fn load(&self, py: Python<'_>, theta: PyReadonlyArray2<'_, f32>) -> PyResult<()> {
        let theta = theta.as_slice()?;
        with(py, &self.network, |network| {
            let length = theta.len() / network.slots();
            theta.chunks_exact(length).enumerate().for_each(|(slot, own)| network.load(slot, own));
            Ok(())
        })
    }

    /// Begins an episode of every individual, or where `mask` is true.
    fn reset(
        &self,
        py: Python<'_>,
        seeds: PyReadonlyArray1<'_, u64>,
        mask: PyReadonlyArray1<'_, bool>,
    ) -> PyResult<()> {
        let (seeds, mask) = (seeds.as_slice()?, mask.as_slice()?);
        with(py, &self.network, |network| {
            if [seeds.len(), mask.len()] != [network.slots(); 2] {
                return Err(invalid("as many seeds and entries of the mask as individuals"));
            }
            let begun = seeds.iter().zip(mask).enumerate().filter(|(_, (_, begins))| **begins);
            begun.for_each(|(slot, (&seed, _))| network.reset(slot, seed));
            Ok(())
        })
    }

    /// One control step of every individual.
    fn step(
        &self,
        py: Python<'_>,
        observations: PyReadonlyArray2<'_, f32>,
        rewards: PyReadonlyArray1<'_, f32>,
        mut actions: PyReadwriteArray2<'_, f32>,
    ) -> PyResult<()> {
        let (observations, rewards) = (observations.as_slice()?, rewards.as_slice()?);
        let actions = actions.as_slice_mut()?;
        with(py, &self.network, |network| network.step(observations, rewards, actions))
    }

    /// Which individuals have failed.
    fn faults(&self) -> Vec<bool> {
        let network = locked(&self.network);
        (0..network.slots()).map(|slot| network.fault(slot)).collect()
    }

    /// Spikes of the last step.
    fn spikes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        spikes(py, &locked(&self.network))
    }

    /// States after the last step.
    fn states<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        states(py, &locked(&self.network))
    }
}
