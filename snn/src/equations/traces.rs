//! Networks of other libraries, run step by step: the same spikes in every tick.
//!
//! Each library has its own order of leak, input, spike and reset. Where a built-in model has the
//! same order it is used; where not, the library's neuron is written as a text.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;

use safetensors::SafeTensors;

use super::{Constants, Kernel, Model, Scratch, interpret};
use crate::switches::{ResetAt, ResetBy, Switches};

/// Arrays of a file of `tests/data/traces`: rows and columns (1 for a vector).
struct Arrays(BTreeMap<String, (usize, Vec<f32>)>);

impl Arrays {
    fn read(name: &str) -> Self {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data/traces");
        let bytes = std::fs::read(format!("{folder}/{name}.safetensors")).unwrap();
        let tensors = SafeTensors::deserialize(&bytes).unwrap();
        let read = |(name, tensor): (String, safetensors::tensor::TensorView<'_>)| {
            let data = tensor.data().chunks(4).map(|b| f32::from_le_bytes(b.try_into().unwrap()));
            (name, (tensor.shape().get(1).copied().unwrap_or(1), data.collect()))
        };
        Self(tensors.tensors().into_iter().map(read).collect())
    }

    fn get(&self, name: &str) -> (usize, &[f32]) {
        let (columns, data) = self.0.get(name).unwrap_or_else(|| panic!("no array {name}"));
        (*columns, data)
    }

    fn rows(&self, name: &str) -> Vec<&[f32]> {
        let (columns, data) = self.get(name);
        data.chunks(columns).collect()
    }

    /// `weight·x + bias`; zero without such arrays.
    fn affine(&self, weight: &str, bias: &str, x: &[f32], count: usize) -> Vec<f32> {
        let bias = self.0.get(bias).map_or(vec![0.0; count], |(_, bias)| bias.clone());
        if !self.0.contains_key(weight) {
            return bias;
        }
        let dot = |row: &&[f32]| row.iter().zip(x).map(|(w, x)| w * x).sum::<f32>();
        self.rows(weight).iter().map(dot).zip(bias).map(|(sum, bias)| sum + bias).collect()
    }
}

/// A layer of up to 16 neurons.
struct Layer {
    kernel: Kernel,
    constants: Vec<f32>,
    scratch: Scratch,
    states: Vec<f32>,
    neurons: usize,
    spikes: Vec<f32>,
}

impl Layer {
    fn new(text: &str, reset: Option<&str>, parameters: &[(&str, f64)], neurons: usize) -> Self {
        let model = Model::parse(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let kernel = model.kernel(reset, false).unwrap();
        let mut values: Vec<f64> = model.parameters.iter().map(|p| p.default).collect();
        for (name, value) in parameters {
            values[model.parameter(name).unwrap()] = *value;
        }
        let states = kernel.initial(&values).iter().flat_map(|&s| [s; 16]).collect();
        let (constants, scratch) = (kernel.constants(&values), Scratch::new(&kernel));
        Self { kernel, constants, scratch, states, neurons, spikes: vec![0.0; neurons] }
    }

    fn tick<const GRID: bool>(&mut self, forward: &[f32], recurrent: &[f32]) {
        let pad =
            |values: &[f32]| -> Vec<f32> { (0..16).map(|i| values.get(i).copied().unwrap_or(0.0)).collect() };
        let (forward, recurrent) = match self.kernel.recurrent {
            true => (pad(forward), pad(recurrent)),
            false => (pad(&forward.iter().zip(recurrent).map(|(a, b)| a + b).collect::<Vec<_>>()), vec![]),
        };
        let shared = Constants::Shared(&self.constants);
        let mut spikes = [0];
        let fault = interpret::<GRID>(
            &self.kernel,
            &mut self.scratch,
            shared,
            &forward,
            &recurrent,
            &mut self.states,
            &mut spikes,
        );
        assert_eq!(fault, 0);
        self.spikes = (0..self.neurons).map(|i| f32::from(spikes[0] >> i & 1)).collect();
    }

    fn state(&self, name: &str) -> &[f32] {
        let index = self.kernel.states.iter().position(|state| state == name).unwrap();
        &self.states[index * 16..][..self.neurons]
    }
}

/// The largest difference between two arrays, tick by tick.
#[derive(Default)]
struct Difference {
    largest: f32,
}

impl Difference {
    fn add(&mut self, ours: &[f32], theirs: &[f32]) {
        assert_eq!(ours.len(), theirs.len());
        for (a, b) in ours.iter().zip(theirs) {
            self.largest = self.largest.max((a - b).abs());
        }
    }
}

/// What snnTorch calls `reset_mechanism` and `reset_delay`, in our language. `V` is the update
/// without reset.
fn snntorch(update: &str, reset: &str, delay: bool, whole: bool) -> String {
    let states = if update.contains("i = ") { "state i = 0\nstate v = 0" } else { "state v = 0" };
    let head =
        format!("model snntorch\nparam alpha = 0.7\nparam beta = 0.9\nparam threshold = 1\n{states}\n");
    // The spike of the last tick resets in this one.
    let late = "let late = if(v > threshold, 1, 0)\n";
    let update = match (reset, whole) {
        ("subtract", _) => format!("{update} - late*threshold"),
        // Leaky clears the membrane potential before the input, the others after.
        (_, false) => update.replace("beta*v", "beta*((1 - late)*v)"),
        (_, true) => format!("{update}\nv = (1 - late)*v"),
    };
    let spike = "spike v > threshold\n";
    let after = match (delay, reset) {
        (true, _) => "",
        (false, "subtract") => "v = v - (spike - late)*threshold",
        (false, _) => "v = v - (spike - late)*v",
    };
    format!("{head}{late}{update}\n{spike}{after}")
}

/// Runs a two-layer snnTorch network; returns the difference of the membrane potentials.
fn snntorch_network(
    file: &str,
    variant: &str,
    texts: &dyn Fn() -> Layer,
    second: &dyn Fn() -> Layer,
    gain: f32,
) -> Difference {
    let arrays = Arrays::read(file);
    let mut layers = [texts(), second()];
    let mut difference = Difference::default();
    for (t, x) in arrays.rows("x").into_iter().enumerate() {
        let mut input = x.to_vec();
        for (index, layer) in layers.iter_mut().enumerate() {
            let l = index + 1;
            let scaled = |values: Vec<f32>| values.iter().map(|v| v * gain).collect::<Vec<f32>>();
            let current = arrays.affine(&format!("weight{l}"), &format!("bias{l}"), &input, layer.neurons);
            let (weight, bias) = (format!("recurrent_weight{l}"), format!("recurrent_bias{l}"));
            let recurrent = arrays.affine(&weight, &bias, &layer.spikes, layer.neurons);
            layer.tick::<false>(&scaled(current), &scaled(recurrent));
            let theirs = arrays.rows(&format!("{variant}.spk{l}"));
            assert_eq!(layer.spikes, theirs[t], "{file} {variant} layer {l} tick {t}");
            difference.add(layer.state("v"), arrays.rows(&format!("{variant}.mem{l}"))[t]);
            let current = format!("{variant}.syn{l}");
            if arrays.0.contains_key(&current) {
                difference.add(layer.state("i"), arrays.rows(&current)[t]);
            }
            input.clone_from(&layer.spikes);
        }
    }
    difference
}

#[test]
fn snntorch_networks() {
    let leaky = "v = beta*v + I_in + I_rec";
    let synaptic = "i = alpha*i + I_in + I_rec\nv = beta*v + i";
    for (file, update, whole) in
        [("leaky", "v = beta*v + I", false), ("rleaky", leaky, true), ("rsynaptic", synaptic, true)]
    {
        for (reset, delay) in [("subtract", true), ("subtract", false), ("zero", true), ("zero", false)] {
            if file == "rsynaptic" && !delay {
                // Not recorded: snnTorch reads stale values there.
                continue;
            }
            let text = snntorch(update, reset, delay, whole);
            let variant = format!("{reset}_{}", if delay { "delay" } else { "nodelay" });
            let layer = |neurons| Layer::new(&text, None, &[], neurons);
            let file = format!("snntorch_{file}");
            let d = snntorch_network(&file, &variant, &|| layer(6), &|| layer(3), 1.0);
            // There several recurrent spikes meet, which torch adds in another order.
            let limit = if whole && update == synaptic && reset == "subtract" { 1e-6 } else { 0.0 };
            assert!(d.largest <= limit, "{file} {variant}: {}", d.largest);
        }
    }
}

/// snnTorch without delay resets as we do. Its input is not scaled by 1 − decay; ours is.
#[test]
fn snntorch_by_the_built_in_lif() {
    let lif = include_str!("../../neurons/lif.neuron");
    for file in ["snntorch_leaky", "snntorch_rleaky"] {
        let layer = |neurons| Layer::new(lif, Some("zero"), &[("decay", 0.9)], neurons);
        let d = snntorch_network(file, "zero_nodelay", &|| layer(6), &|| layer(3), 10.0);
        assert!(d.largest < 3e-6, "{file}: {}", d.largest);
    }
}

#[test]
fn norse_networks() {
    // LIFBox and LIBox are the built-in models: decay is 1 − dt/τ.
    let (lif, li) = (include_str!("../../neurons/lif.neuron"), include_str!("../../neurons/li.neuron"));
    let arrays = Arrays::read("norse_lifbox_li");
    let mut hidden = Layer::new(lif, Some("zero"), &[("decay", 0.9)], 6);
    let mut readout = Layer::new(li, None, &[("decay", 0.95)], 2);
    let (mut v, mut output) = (Difference::default(), Difference::default());
    let mut count = 0.0;
    for (t, x) in arrays.rows("x").into_iter().enumerate() {
        hidden.tick::<false>(&arrays.affine("weight1", "bias1", x, 6), &[0.0; 6]);
        count += hidden.spikes.iter().sum::<f32>();
        v.add(hidden.state("v"), arrays.rows("v1")[t]);
        readout.tick::<false>(&arrays.affine("weight2", "bias2", &hidden.spikes, 2), &[0.0; 2]);
        output.add(readout.state("r"), arrays.rows("output")[t]);
    }
    assert!(count > 10.0 && v.largest < 3e-6 && output.largest < 3e-6);

    // LIFCell: the current decays after the membrane potential took it up.
    let text = "model lif_cell\nparam mem = 0.1\nparam syn = 0.2\nstate v = 0\nstate i = 0\n\
                i = i + I\nv = v + mem*(i - v)\ni = i - syn*i\nspike v > 1\nv = (1 - spike)*v";
    let arrays = Arrays::read("norse_lif_cuba");
    let mut hidden = Layer::new(text, None, &[], 6);
    let (mut states, mut output) = (Difference::default(), Difference::default());
    let mut count = 0.0;
    for (t, x) in arrays.rows("x").into_iter().enumerate() {
        hidden.tick::<false>(&arrays.affine("weight1", "bias1", x, 6), &[0.0; 6]);
        count += hidden.spikes.iter().sum::<f32>();
        states.add(hidden.state("v"), arrays.rows("v1")[t]);
        states.add(hidden.state("i"), arrays.rows("i1")[t]);
        // The linear output tells the spikes.
        output.add(&arrays.affine("weight2", "bias2", &hidden.spikes, 2), arrays.rows("output")[t]);
    }
    assert!(count > 10.0 && states.largest == 0.0 && output.largest == 0.0);
}

#[test]
fn spyx_networks() {
    let head = "model spyx\nparam alpha = 0.7\nparam beta = 0.9\nparam gamma = 0.95\nparam threshold = 1\nstate v = 0\n";
    // Spyx spikes from the membrane potential before the update.
    let early = "spike v > threshold\n";
    let cases = [
        ("if", format!("{early}v = v + I - spike*threshold")),
        ("lif", format!("{early}v = beta*v + I - spike*threshold")),
        (
            "alif",
            "state a = 0\nlet limit = threshold + a\nspike v > limit\nv = beta*v + I - spike*limit\n\
             a = gamma*a + (1 - gamma)*spike"
                .to_owned(),
        ),
        ("cubalif", format!("state i = 0\n{early}i = alpha*i + I\nv = beta*(v - spike*threshold) + i")),
        ("psulif", "v = beta*v + I\nspike v > threshold".to_owned()),
        // Its recurrent input is of this tick's spike, which is the old potential's: so one tick
        // later than ours.
        ("rif", "let late = if(v > threshold, 1, 0)\nv = v + I_in + I_rec - late*threshold\nspike v > threshold".to_owned()),
        ("rlif", "let late = if(v > threshold, 1, 0)\nv = beta*v + I_in + I_rec - late*threshold\nspike v > threshold".to_owned()),
    ];
    let li = "model li\nparam beta = 0.8\nstate v = 0\nv = beta*v + I";
    for (name, body) in cases {
        let arrays = Arrays::read(&format!("spyx_{name}"));
        let mut hidden = Layer::new(&format!("{head}{body}"), None, &[], 6);
        let mut readout = Layer::new(li, None, &[], 2);
        let (mut states, mut output) = (Difference::default(), Difference::default());
        let mut count = 0.0;
        for (t, x) in arrays.rows("x").into_iter().enumerate() {
            let recurrent = arrays.affine("recurrent_weight1", "none", &hidden.spikes, 6);
            let before = hidden.spikes.clone();
            hidden.tick::<false>(&arrays.affine("weight1", "bias1", x, 6), &recurrent);
            let spikes = if name.starts_with('r') { &before } else { &hidden.spikes };
            assert_eq!(spikes, arrays.rows("spk1")[t], "{name} tick {t}");
            count += spikes.iter().sum::<f32>();
            readout.tick::<false>(&arrays.affine("weight2", "bias2", spikes, 2), &[0.0; 2]);
            output.add(readout.state("v"), arrays.rows("output")[t]);
            states.add(hidden.state("v"), arrays.rows("state1")[t]);
            if let Some((_, second)) = arrays.0.get("second1") {
                let other = if name == "alif" { "a" } else { "i" };
                states.add(hidden.state(other), &second[t * 6..][..6]);
            }
        }
        // Its compiler fuses the product of the leak with the sum behind it.
        let limit = if name.ends_with("if") && !name.contains('l') { 0.0 } else { 2e-6 };
        assert!(count > 10.0 && states.largest <= limit && output.largest < 1e-6, "{name}");
    }
}

/// The presets of [`Switches`] are the neurons of their libraries.
#[test]
fn presets_are_their_libraries() {
    for (reset, at, variant) in [
        (ResetBy::Subtract, ResetAt::Delayed, "subtract_delay"),
        (ResetBy::Subtract, ResetAt::Corrected, "subtract_nodelay"),
        (ResetBy::Zero, ResetAt::Delayed, "zero_delay"),
        (ResetBy::Zero, ResetAt::Corrected, "zero_nodelay"),
    ] {
        for detached in [true, false] {
            let text = Switches { reset, at, detached, ..Switches::SNNTORCH }.model();
            let layer = |neurons| Layer::new(&text, None, &[], neurons);
            let d = snntorch_network("snntorch_leaky", variant, &|| layer(6), &|| layer(3), 1.0);
            assert!(d.largest == 0.0, "{variant}: {}", d.largest);
        }
    }
    let li = "model li\nparam beta = 0.8\nparam gain = 1\nstate r = 0\nr = beta*r + gain*I";
    for (file, switches, readout, potential) in [
        ("norse_lifbox_li", Switches::NORSE, (0.95, 0.05), "v1"),
        ("spyx_lif", Switches::SPYX, (0.8, 1.0), "state1"),
    ] {
        let arrays = Arrays::read(file);
        let mut hidden = Layer::new(&switches.model(), None, &[], 6);
        let mut readout = Layer::new(li, None, &[("beta", readout.0), ("gain", readout.1)], 2);
        let (mut v, mut output, mut count) = (Difference::default(), Difference::default(), 0.0);
        for (t, x) in arrays.rows("x").into_iter().enumerate() {
            hidden.tick::<false>(&arrays.affine("weight1", "bias1", x, 6), &[0.0; 6]);
            count += hidden.spikes.iter().sum::<f32>();
            v.add(hidden.state("v"), arrays.rows(potential)[t]);
            // The output tells the spikes.
            readout.tick::<false>(&arrays.affine("weight2", "bias2", &hidden.spikes, 2), &[0.0; 2]);
            output.add(readout.state("r"), arrays.rows("output")[t]);
        }
        assert!(count > 10.0, "{file}");
        assert!(v.largest < 3e-6 && output.largest < 3e-6, "{file}: {}, {}", v.largest, output.largest);
    }
}
