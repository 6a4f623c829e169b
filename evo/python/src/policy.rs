//! Trained controllers with all that stands between them and their robot.

use std::path::PathBuf;
use std::sync::Mutex;

use anyhow::Context as _;
use evo::commands::{Trained, load, nir, onnx};
use numpy::{PyArray1, PyReadonlyArray1, PyReadonlyArray2, PyReadwriteArray2};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use records::disk::write_atomic;
use records::failure::Blame as _;
use training::backend::BackendChoice;
use training::engine_choice::EngineChoice;
use training::policy::Which;

use crate::call::{detached, failed, invalid, locked, of_failure, with};
use crate::network::Network;
use crate::probe::{spikes, states, traces};

/// Copies of one policy, with what they read and write.
struct Copies {
    network: Network,
    inputs: Vec<f32>,
    unit: Vec<f32>,
    watched: usize,
}

/// The policy of a run.
#[pyclass(module = "spindle._native", frozen)]
pub struct Policy {
    trained: Trained,
    path: PathBuf,
    which: Which,
    copies: Mutex<Copies>,
}

impl Copies {
    /// Refuses a copy that there is not.
    fn check(&self, slot: usize) -> PyResult<()> {
        let slots = self.network.slots();
        if slot < slots { Ok(()) } else { Err(invalid(format!("no copy {slot}; valid: 0 to {}", slots - 1))) }
    }
}

fn copies(trained: &Trained, slots: usize) -> PyResult<Copies> {
    let mut network = Network::new(&trained.setup.controller, slots, BackendChoice::Cpu)?;
    (0..slots).for_each(|slot| network.load(slot, &trained.policy.parameters));
    let spec = trained.setup.task.spec();
    let (inputs, unit) = (vec![0.0; slots * spec.observations.len()], vec![0.0; slots * spec.actions.len()]);
    Ok(Copies { network, inputs, unit, watched: 0 })
}

#[pymethods]
impl Policy {
    /// Loads a run folder or a checkpoint, as `evo eval` does.
    #[new]
    fn new(
        py: Python<'_>,
        path: PathBuf,
        best: bool,
        cell: Option<usize>,
        stage: Option<String>,
        engine: Option<String>,
        sets: Vec<String>,
    ) -> PyResult<Self> {
        detached(py, || {
            let path = evo::runs::find(&path).map_err(invalid)?;
            let engine = engine.map(|engine| records::text::parse::<EngineChoice>("engine", &engine));
            let engine = engine.transpose().map_err(invalid)?;
            let which = match (best, cell) {
                (true, Some(_)) => return Err(invalid("best and cell are two members: take one of them")),
                (true, None) => Which::Best,
                (false, Some(cell)) => Which::Cell(cell),
                (false, None) => Which::Mean,
            };
            let trained =
                load((&path, stage.as_deref()), which, engine, &sets).map_err(|error| of_failure(&error))?;
            let copies = Mutex::new(copies(&trained, 1)?);
            Ok(Self { trained, path, which, copies })
        })
    }

    /// Name of its task.
    #[getter]
    fn env(&self) -> &'static str {
        self.trained.setup.task.spec().name
    }

    /// The config of its run, in RON.
    #[getter]
    fn config(&self) -> PyResult<String> {
        records::text::to_text(&self.trained.config).map_err(invalid)
    }

    /// One line with shape, model and size of its network.
    #[getter]
    fn description(&self) -> String {
        self.trained.setup.controller.describe()
    }

    /// Number of observations and of actions.
    #[getter]
    fn shape(&self) -> (usize, usize) {
        let spec = self.trained.setup.task.spec();
        (spec.observations.len(), spec.actions.len())
    }

    /// Names of the observations and of the actions.
    #[getter]
    fn channels(&self) -> (Vec<String>, Vec<String>) {
        let spec = self.trained.setup.task.spec();
        let names = |channels: &[envs::Channel]| channels.iter().map(|c| c.name.clone()).collect();
        (names(&spec.observations), names(&spec.actions))
    }

    /// Its parameters.
    #[getter]
    fn parameters<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f32>> {
        PyArray1::from_slice(py, &self.trained.policy.parameters)
    }

    /// Number of copies.
    #[getter]
    fn slots(&self) -> usize {
        locked(&self.copies).network.slots()
    }

    /// Begins an episode of every copy, of as many as there are `seeds`; or of some, where `mask` is true.
    fn reset(
        &self,
        py: Python<'_>,
        seeds: PyReadonlyArray1<'_, u64>,
        mask: Option<PyReadonlyArray1<'_, bool>>,
    ) -> PyResult<()> {
        let seeds = seeds.as_slice()?;
        let mask = mask.as_ref().map(|mask| mask.as_slice()).transpose()?;
        with(py, &self.copies, |own| {
            if mask.is_none() && seeds.len() != own.network.slots() {
                *own = copies(&self.trained, seeds.len())?;
            }
            if seeds.len() != own.network.slots() || mask.is_some_and(|mask| mask.len() != seeds.len()) {
                return Err(invalid("as many seeds and entries of the mask as copies"));
            }
            for (slot, &seed) in seeds.iter().enumerate() {
                if mask.is_none_or(|mask| mask[slot]) {
                    own.network.reset(slot, seed);
                }
            }
            Ok(())
        })
    }

    /// One control step of every copy: from observations to actions, both in the task's units.
    fn step(
        &self,
        py: Python<'_>,
        observations: PyReadonlyArray2<'_, f32>,
        rewards: PyReadonlyArray1<'_, f32>,
        mut actions: PyReadwriteArray2<'_, f32>,
    ) -> PyResult<()> {
        let (observations, rewards) = (observations.as_slice()?, rewards.as_slice()?);
        let actions = actions.as_slice_mut()?;
        let spec = self.trained.setup.task.spec();
        with(py, &self.copies, |own| {
            let Copies { network, inputs, unit, .. } = own;
            let lengths = [observations.len(), rewards.len(), actions.len()];
            if lengths != [inputs.len(), network.slots(), unit.len()] {
                return Err(invalid("arrays of another shape than the copies"));
            }
            let rows = observations.chunks(spec.observations.len());
            for (raw, input) in rows.zip(inputs.chunks_mut(spec.observations.len())) {
                self.trained.policy.normalizer.apply(raw, input, None);
            }
            network.step(inputs, rewards, unit)?;
            for (unit, action) in unit.chunks(spec.actions.len()).zip(actions.chunks_mut(spec.actions.len()))
            {
                spec.scale_action(unit, action);
            }
            match (0..network.slots()).find(|&slot| network.fault(slot)) {
                Some(slot) => {
                    Err(failed(format!("the controller failed: a state of copy {slot} is no longer finite")))
                }
                None => Ok(()),
            }
        })
    }

    /// Records the ticks of one copy from now on.
    fn watch(&self, py: Python<'_>, slot: usize) -> PyResult<()> {
        with(py, &self.copies, |own| {
            own.check(slot)?;
            own.watched = slot;
            own.network.watch(slot)
        })
    }

    /// Spikes of the last step.
    fn spikes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        spikes(py, &locked(&self.copies).network)
    }

    /// States after the last step.
    fn states<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        states(py, &locked(&self.copies).network)
    }

    /// What was recorded of the watched copy in the last step.
    fn traces<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let own = locked(&self.copies);
        traces(py, &own.network, own.watched)
    }

    /// Spike rate, synaptic operations and energy per step (pJ) of one copy since its reset.
    fn activity(&self, slot: usize) -> PyResult<(f64, f64, f64)> {
        let own = locked(&self.copies);
        own.check(slot)?;
        Ok(own.network.activity(slot))
    }

    /// Writes its network as a NIR file; what the format cannot say comes back.
    fn to_nir(&self, py: Python<'_>, path: PathBuf) -> PyResult<Vec<String>> {
        detached(py, || {
            let (bytes, warnings) = nir(&self.trained, &self.path).map_err(|error| of_failure(&error))?;
            write(&path, &bytes)?;
            Ok(warnings)
        })
    }

    /// Writes it as an ONNX file.
    fn to_onnx(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        detached(py, || {
            let bytes = onnx(&self.trained, self.which, &self.path).map_err(|error| of_failure(&error))?;
            write(&path, &bytes)
        })
    }
}

fn write(path: &std::path::Path, bytes: &[u8]) -> PyResult<()> {
    let written = write_atomic(path, bytes).with_context(|| format!("cannot write {}", path.display()));
    written.written().map_err(|error| of_failure(&error))
}
