//! What goes on in networks, as arrays.

use numpy::{PyArray1, PyArrayMethods as _};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use snn::Probe;

use crate::network::Network;

/// A layer's name and its spikes `[slots, ticks, neurons]`, or of each state variable `[slots, neurons]`.
type Layers<'py> = Bound<'py, PyDict>;

fn probes(network: &Network) -> PyResult<Vec<Probe>> {
    let mut probes = vec![Probe::default(); network.slots()];
    for (slot, probe) in probes.iter_mut().enumerate() {
        network.probe(slot, probe)?;
    }
    Ok(probes)
}

/// Spikes of the last control step by layer, `[slots, ticks, neurons]`; only layers that spike.
pub fn spikes<'py>(py: Python<'py>, network: &Network) -> PyResult<Layers<'py>> {
    let (probes, layers) = (probes(network)?, PyDict::new(py));
    for (index, layer) in probes[0].layers.iter().enumerate().filter(|(_, layer)| layer.ticks > 0) {
        let mut spiked = Vec::with_capacity(probes.len() * layer.ticks * layer.neurons);
        for own in probes.iter().map(|probe| &probe.layers[index]) {
            let ticks = (0..own.ticks).flat_map(|tick| (0..own.neurons).map(move |neuron| (tick, neuron)));
            spiked.extend(ticks.map(|(tick, neuron)| own.spiked(tick, neuron)));
        }
        let array = PyArray1::from_vec(py, spiked).reshape([probes.len(), layer.ticks, layer.neurons])?;
        layers.set_item(&layer.name, array)?;
    }
    Ok(layers)
}

/// State variables after the last control step by layer and name, `[slots, neurons]`.
pub fn states<'py>(py: Python<'py>, network: &Network) -> PyResult<Layers<'py>> {
    let (probes, layers) = (probes(network)?, PyDict::new(py));
    for (index, layer) in probes[0].layers.iter().enumerate() {
        let own = PyDict::new(py);
        for (state, named) in layer.states.iter().enumerate() {
            let values = probes.iter().flat_map(|probe| probe.layers[index].states[state].values.iter());
            let values: Vec<f32> = values.copied().collect();
            let array = PyArray1::from_vec(py, values).reshape([probes.len(), layer.neurons])?;
            own.set_item(&named.name, array)?;
        }
        layers.set_item(&layer.name, own)?;
    }
    Ok(layers)
}

/// What was recorded of one watched individual in the last control step, by layer and name, `[ticks, neurons]`.
pub fn traces<'py>(py: Python<'py>, network: &Network, slot: usize) -> PyResult<Layers<'py>> {
    let (mut probe, layers) = (Probe::default(), PyDict::new(py));
    network.probe(slot, &mut probe)?;
    for layer in &probe.layers {
        let own = PyDict::new(py);
        for trace in layer.traces.iter().filter(|trace| !trace.values.is_empty()) {
            let ticks = trace.values.len() / layer.neurons;
            let array = PyArray1::from_slice(py, &trace.values).reshape([ticks, layer.neurons])?;
            own.set_item(&trace.name, array)?;
        }
        layers.set_item(&layer.name, own)?;
    }
    Ok(layers)
}
