//! The spiking network as a controller.

use std::sync::Arc;

use crate::activity::Activity;
use crate::config::SnnConfig;
use crate::controller::{Controller, Evaluator, Resumable};
use crate::error::SnnError;
use crate::gpu::{BackendError, Gpu, GpuEvaluator};
use crate::layout::Layout;
use crate::network::Network;
use crate::nir::controller;
use crate::nir::{Exported, NirError};
use crate::onnx::error::OnnxError;
use crate::onnx::graph::{Graph, Value};
use crate::onnx::spiking;

/// A spiking network; the equations are in the crate documentation.
pub(crate) struct Snn {
    network: Arc<Network>,
}

impl Snn {
    pub(crate) fn new(config: &SnnConfig, inputs: usize, outputs: usize) -> Result<Self, SnnError> {
        Network::new(config, inputs, outputs).map(|network| Self { network: Arc::new(network) })
    }
}

impl Controller for Snn {
    fn inputs(&self) -> usize {
        self.network.inputs
    }

    fn outputs(&self) -> usize {
        self.network.outputs
    }

    fn layout(&self) -> &Layout {
        &self.network.layout
    }

    fn resumable(&self, slots: usize) -> Box<dyn Resumable> {
        self.network.precision.storage().evaluator(&self.network, slots)
    }

    fn gpu_evaluator(&self, gpu: &Gpu, slots: usize) -> Option<Result<Box<dyn Evaluator>, BackendError>> {
        let evaluator = GpuEvaluator::new(gpu, &self.network, slots);
        Some(evaluator.map(|evaluator| Box::new(evaluator) as Box<dyn Evaluator>))
    }

    fn same_on_gpu(&self) -> bool {
        self.network.format.grid()
    }

    fn nir(&self, parameters: &[f32], dt: f64) -> Result<Exported, NirError> {
        controller::network(&self.network, parameters, dt).map(Exported::Spiking)
    }

    fn onnx(&self, parameters: &[f32], graph: &mut Graph, x: &Value, clip: f32) -> Result<Value, OnnxError> {
        spiking::add(graph, &self.network, parameters, x, clip)
    }

    fn energy_pj(&self, activity: &Activity) -> f64 {
        activity.energy_pj(self.network.precision)
    }

    fn describe(&self) -> String {
        let network = &self.network;
        let hidden: String = network
            .hidden()
            .iter()
            .map(|layer| {
                let recurrent = if layer.recurrent { "r" } else { "" };
                format!("{}{recurrent}({})-", layer.neurons, layer.neuron.name())
            })
            .collect();
        let plural = if network.ticks == 1 { "" } else { "s" };
        let plastic = if network.plastic.is_empty() { "" } else { ", plastic" };
        format!(
            "snn {}-{hidden}{}, {} tick{plural}, {}{plastic}, {} parameters",
            network.inputs,
            network.outputs,
            network.ticks,
            network.format.name(),
            self.layout().len()
        )
    }
}
