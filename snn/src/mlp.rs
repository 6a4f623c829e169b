//! Multilayer perceptron: the baseline without spikes.
//!
//! ```text
//! yˡ = activation(yˡ⁻¹·Wˡ + bˡ)      y⁻¹ = observation
//! action = tanh(yᴸ·V + c)            in [−1, 1]
//! ```
//!
//! Blocks: `hidden.N.weight` (scale `hidden_gain / √sources`), `hidden.N.bias` (1),
//! `readout.weight` (`output_gain / √sources`), `readout.bias` (1). It has no state: each action
//! depends on the present observation only.

use std::sync::Arc;

use numerics::wide;

use crate::activity::Activity;
use crate::config::{Activation, MlpConfig};
use crate::controller::{Controller, Evaluator, Resumable, check_step};
use crate::error::{SnnError, check, check_neurons, check_weights};
use crate::gpu::BackendError;
use crate::host::Episode;
use crate::lanes::{Lanes, WIDTH, dense, tanh, values};
use crate::layout::Layout;
use crate::nir::perceptron::{self, Nonlinearity, Perceptron};
use crate::nir::{Exported, Metadata, NirError};
use crate::onnx::error::OnnxError;
use crate::onnx::functions;
use crate::onnx::graph::{Graph, Value};
use crate::output::copy_active;
use crate::padded::Padded;
use crate::probe::{Probe, fill};
use crate::state::NetworkState;
use crate::weights::gain;

/// A multilayer perceptron.
pub(crate) struct Mlp {
    shape: Arc<Shape>,
}

struct Shape {
    /// Units of each layer from the observation to the outputs.
    sizes: Vec<usize>,
    activation: Activation,
    /// Weight and bias of each layer in turn, so that the two are one matrix to [`dense`].
    blocks: Padded,
    /// Dense products per control step.
    products: u64,
    /// Lanes of the activations of all layers but the observation.
    lanes: usize,
}

impl Mlp {
    pub(crate) fn new(config: &MlpConfig, inputs: usize, outputs: usize) -> Result<Self, SnnError> {
        for (name, gain) in [("hidden_gain", config.hidden_gain), ("output_gain", config.output_gain)] {
            check(|| name.into(), gain, gain >= 0.0, "finite and at least 0")?;
        }
        for (index, &units) in config.hidden.iter().enumerate() {
            check_neurons(|| format!("hidden[{index}]"), units)?;
        }
        let names = (0..config.hidden.len()).map(|index| format!("hidden[{index}]"));
        let targets = config.hidden.iter().copied().chain([outputs]);
        let sources = [inputs]
            .into_iter()
            .chain(config.hidden.iter().copied())
            .map(|sources| sources.saturating_add(1));
        check_weights(names.chain(["the outputs".to_owned()]).zip(sources.zip(targets)))?;
        let mut layout = Layout::default();
        let mut sizes = vec![inputs];
        for (index, &units) in config.hidden.iter().enumerate() {
            let (name, sources) = (format!("hidden.{index}"), sizes[index]);
            let scale = gain(config.hidden_gain, sources);
            layout.push(format!("{name}.weight"), (sources, units), scale, 1.0);
            layout.push(format!("{name}.bias"), (1, units), 1.0, 0.0);
            sizes.push(units);
        }
        let sources = sizes[config.hidden.len()];
        let scale = gain(config.output_gain, sources);
        layout.push("readout.weight".into(), (sources, outputs), scale, 0.0);
        layout.push("readout.bias".into(), (1, outputs), 1.0, 0.0);
        sizes.push(outputs);
        let shape = Shape {
            activation: config.activation,
            blocks: Padded::new(layout),
            products: sizes.windows(2).map(|pair| (pair[0] * pair[1]) as u64).sum(),
            lanes: sizes[1..].iter().map(|size| size.div_ceil(WIDTH)).sum(),
            sizes,
        };
        Ok(Self { shape: Arc::new(shape) })
    }
}

impl Controller for Mlp {
    fn inputs(&self) -> usize {
        self.shape.sizes[0]
    }

    fn outputs(&self) -> usize {
        self.shape.sizes[self.shape.sizes.len() - 1]
    }

    fn layout(&self) -> &Layout {
        self.shape.blocks.layout()
    }

    fn resumable(&self, slots: usize) -> Box<dyn Resumable> {
        Box::new(MlpEvaluator {
            weights: Vec::new(),
            outputs: vec![Lanes::ZERO; slots * self.shape.lanes],
            actions: vec![0.0; slots * self.outputs()],
            episodes: vec![Episode::default(); slots],
            input: Vec::new(),
            shape: Arc::clone(&self.shape),
        })
    }

    fn nir(&self, parameters: &[f32], dt: f64) -> Result<Exported, NirError> {
        let (sizes, last) = (&self.shape.sizes, self.shape.sizes.len() - 2);
        let hidden = match self.shape.activation {
            Activation::Tanh => Nonlinearity::Tanh,
            Activation::Relu => Nonlinearity::Relu,
        };
        let layers = self.layout().blocks().chunks_exact(2).enumerate().map(|(layer, pair)| {
            let (rows, cols) = (sizes[layer], sizes[layer + 1]);
            let mut weight = vec![0.0; rows * cols];
            for (place, theta) in parameters[pair[0].range()].iter().enumerate() {
                weight[place % cols * rows + place / cols] = pair[0].scale * theta;
            }
            perceptron::Affine {
                name: if layer == last { "readout".to_owned() } else { format!("hidden_{layer}") },
                weight,
                bias: parameters[pair[1].range()].iter().map(|theta| pair[1].scale * theta).collect(),
                activation: (layer < last).then_some(hidden),
            }
        });
        Ok(Exported::Perceptron(Perceptron {
            inputs: sizes[0],
            dt,
            layers: layers.collect(),
            metadata: Metadata::from([
                ("ticks".to_owned(), 1_i64.into()),
                ("decoder".to_owned(), "tanh".into()),
            ]),
        }))
    }

    fn onnx(&self, parameters: &[f32], graph: &mut Graph, x: &Value, _: f32) -> Result<Value, OnnxError> {
        let (blocks, last) = (self.layout().blocks(), self.shape.sizes.len() - 2);
        let mut x = x.clone();
        for (layer, pair) in blocks.chunks_exact(2).enumerate() {
            let [weights, bias] = [&pair[0], &pair[1]]
                .map(|block| parameters[block.range()].iter().map(|x| block.scale * x).collect::<Vec<f32>>());
            let weights = graph.matrix(&pair[0].name, self.shape.sizes[layer], &weights);
            let bias = graph.numbers(&bias);
            let sum = graph.op("MatMul", &[&x, &weights]);
            let sum = graph.op("Add", &[&sum, &bias]);
            x = match self.shape.activation {
                Activation::Relu if layer < last => graph.op("Relu", &[&sum]),
                _ => functions::tanh(graph, &sum),
            };
        }
        Ok(x)
    }

    fn describe(&self) -> String {
        let sizes: Vec<String> = self.shape.sizes.iter().map(usize::to_string).collect();
        let activation = match self.shape.activation {
            _ if sizes.len() == 2 => "linear",
            Activation::Tanh => "tanh",
            Activation::Relu => "relu",
        };
        let (sizes, parameters) = (sizes.join("-"), self.layout().len());
        format!("mlp {sizes}, {activation}, {parameters} parameters")
    }
}

struct MlpEvaluator {
    shape: Arc<Shape>,
    /// Per slot: padded blocks of weights; empty until there is need.
    weights: Vec<Lanes>,
    /// Per slot: activations of the last control step, hidden layers and outputs; kept for probes.
    outputs: Vec<Lanes>,
    actions: Vec<f32>,
    episodes: Vec<Episode>,
    /// Input of the layer at hand.
    input: Vec<f32>,
}

impl MlpEvaluator {
    /// Takes the memory of the weights, unless it has.
    fn claim(&mut self) {
        if self.weights.is_empty() {
            self.weights = vec![Lanes::ZERO; self.slots() * self.shape.blocks.lanes()];
        }
    }

    fn step_slot(&mut self, slot: usize, observation: &[f32]) {
        let (shape, input) = (&*self.shape, &mut self.input);
        let weights = &self.weights[slot * shape.blocks.lanes()..];
        let mut rest = &mut self.outputs[slot * shape.lanes..];
        input.clear();
        input.extend_from_slice(observation);
        let last = shape.sizes.len() - 2;
        for (layer, &size) in shape.sizes[1..].iter().enumerate() {
            let (out, later) = rest.split_at_mut(size.div_ceil(WIDTH));
            rest = later;
            let (weight, bias) = (2 * layer, 2 * layer + 1);
            let rows = shape.blocks.range(weight).start..shape.blocks.range(bias).end;
            let relu = shape.activation == Activation::Relu && layer < last;
            self::layer(input, &weights[rows], relu, out);
            input.clear();
            input.extend(values(out, size));
        }
        let outputs = input.len();
        self.actions[slot * outputs..(slot + 1) * outputs].copy_from_slice(input);
        let episode = &mut self.episodes[slot];
        // No observation may be infinite or no number.
        episode.fault |= episode.unusable || !observation.iter().all(|x| x.is_finite());
        episode.activity.steps += 1;
        episode.activity.dense(shape.products);
    }
}

wide! {
    /// One layer: the dense product, then its activation, tanh unless `relu`.
    fn layer(input: &[f32], weights: &[Lanes], relu: bool, out: &mut [Lanes]) {
        dense(input, weights, out);
        for value in out.iter_mut().flat_map(|lanes| &mut lanes.0) {
            *value = match relu {
                // Not `max`, which would hide NaN.
                true if *value < 0.0 => 0.0,
                true => *value,
                false => tanh(*value),
            };
        }
    }
}

impl Evaluator for MlpEvaluator {
    fn slots(&self) -> usize {
        self.episodes.len()
    }

    fn load(&mut self, slot: usize, parameters: &[f32]) {
        self.claim();
        let blocks = &self.shape.blocks;
        let lanes = blocks.lanes();
        blocks.load(&mut self.weights[slot * lanes..(slot + 1) * lanes], parameters);
        self.episodes[slot].load(parameters);
    }

    fn reset(&mut self, slot: usize, seed: u64) {
        let lanes = self.shape.lanes;
        self.outputs[slot * lanes..(slot + 1) * lanes].fill(Lanes::ZERO);
        self.episodes[slot].reset(seed);
    }

    fn begin(&mut self, active: &[bool], observations: &[f32], _rewards: &[f32]) {
        self.claim();
        let inputs = self.shape.sizes[0];
        check_step(self.slots(), inputs, active, observations);
        for (slot, observation) in observations.chunks_exact(inputs).enumerate() {
            if active[slot] {
                self.step_slot(slot, observation);
            }
        }
    }

    fn finish(&mut self, active: &[bool], actions: &mut [f32]) -> Result<(), BackendError> {
        copy_active(active, &self.actions, actions);
        Ok(())
    }

    fn activity(&self, slot: usize) -> Activity {
        self.episodes[slot].activity
    }

    fn fault(&self, slot: usize) -> bool {
        self.episodes[slot].fault
    }

    fn watch(&mut self, _slot: Option<usize>) -> Result<(), BackendError> {
        Ok(())
    }

    fn probe(&self, slot: usize, probe: &mut Probe) -> Result<(), BackendError> {
        let mut outputs = &self.outputs[slot * self.shape.lanes..];
        let sizes = &self.shape.sizes[1..];
        for (index, &size) in sizes.iter().enumerate() {
            let (lanes, later) = outputs.split_at(size.div_ceil(WIDTH));
            outputs = later;
            let name = if index + 1 < sizes.len() { format!("hidden.{index}") } else { "readout".into() };
            let layer = probe.entry(sizes.len(), index);
            layer.fill(&name, size, (0, &[]));
            fill(&mut layer.states, std::iter::once(("y", values(lanes, size))));
        }
        Ok(())
    }
}

/// It remembers nothing.
impl Resumable for MlpEvaluator {
    fn state(&self, _slot: usize) -> NetworkState {
        NetworkState::default()
    }

    fn resume(&mut self, slot: usize, _state: &NetworkState, seed: u64) {
        self.reset(slot, seed);
    }
}
