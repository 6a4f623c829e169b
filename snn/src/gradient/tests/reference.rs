//! Gradients of snnTorch and Spyx; see `tests/data/gradients/SOURCE.md`.

use std::fs;

use serde_json::Value;

use crate::config::{HiddenLayer, LayerConfig, Precision, SnnConfig};
use crate::decoder::{DecoderConfig, Membrane};
use crate::gradient::{
    ActivityConfig, Batch, Bptt, BpttConfig, Loss, LossConfig, Over, SurrogateConfig, Targets,
};
use crate::network::{Network, Projection, Source, Weights};
use crate::real::Real;
use crate::switches::{ResetAt, ResetBy, SpikeFrom, Switches};
use crate::weights::Unit;

fn read(name: &str) -> Value {
    let path = format!("{}/../tests/data/gradients/{name}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn flat(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(values) => values.iter().flat_map(flat).collect(),
        number => vec![number.as_f64().unwrap()],
    }
}

struct Problem {
    /// With a last input that is always 1.
    inputs: Vec<f32>,
    /// `[out][in]`.
    w1: Vec<f64>,
    b1: Vec<f64>,
    w2: Vec<f64>,
    b2: Vec<f64>,
    target: Vec<f32>,
}

const SAMPLES: usize = 4;

impl Problem {
    fn read() -> Self {
        let problem = read("problem.json");
        let rows = flat(&problem["x"]);
        let inputs = rows.chunks(5).flat_map(|row| row.iter().map(|&x| x as f32).chain([1.0])).collect();
        let target = flat(&problem["target"]).into_iter().map(|x| x as f32).collect();
        let of = |name: &str| flat(&problem[name]);
        Self { inputs, w1: of("W1"), b1: of("b1"), w2: of("W2"), b2: of("b2"), target }
    }

    /// 5 → 8 → 3; the second layer spikes, or is a leaky integrator.
    fn bptt(&self, switches: Switches, surrogate: SurrogateConfig, spiking: bool) -> Bptt {
        let layer = |neurons, decay: f64, skip: &[&str]| {
            HiddenLayer::Dense(LayerConfig {
                neurons,
                model: switches.model(),
                parameters: [("decay".to_owned(), decay)].into(),
                skip: skip.iter().map(|&skip| skip.to_owned()).collect(),
                ..LayerConfig::default()
            })
        };
        let integrator = "model integrator\nparam decay = 0.8\nstate r = 0\nr = decay*r + I\n";
        let config = SnnConfig {
            hidden: match spiking {
                true => vec![layer(8, 0.9, &[]), layer(3, 0.8, &["input"])],
                false => vec![layer(8, 0.9, &[])],
            },
            decoder: DecoderConfig::Membrane(Membrane { model: integrator.into(), ..Membrane::default() }),
            ticks: 1,
            precision: Precision::F32Free,
            ..SnnConfig::default()
        };
        let mut network = Network::new(&config, 6, 3).unwrap();
        if !spiking {
            // The bias of the readout's current: controllers have theirs after the readout.
            let target = network.populations.len() - 1;
            let block = network.layout.push("readout.skip.input".into(), (6, 3), 1.0, 0.0);
            network.populations[target].incoming.end += 1;
            network.projections.push(Projection {
                source: Source::Input,
                target,
                recurrent: false,
                plastic: None,
                rows: 6,
                cols: 3,
                weights: Weights::Evolved(block),
                bias: false,
                signs: Vec::new(),
                unit: Unit { scale: 1.0, step: 0.0 },
            });
        }
        let config = BpttConfig { surrogate, detach_reset: switches.detached, window: None };
        Bptt::of(network, &config).unwrap()
    }

    /// Where parameters W1, b1, W2, b2 are in θ, in their order, with the scale of the weight.
    fn places(&self, bptt: &Bptt) -> [Vec<(usize, f64)>; 4] {
        let names = match bptt.layout().block("hidden.1.input") {
            Some(_) => ["hidden.0.input", "hidden.1.input", "hidden.1.skip.input"],
            None => ["hidden.0.input", "readout.weight", "readout.skip.input"],
        };
        let [first, second, bias] = names.map(|name| bptt.layout().block(name).unwrap());
        let place =
            |block: &crate::Block, pre, post| (block.index(pre, post).unwrap(), f64::from(block.scale));
        [
            (0..40).map(|i| place(first, i % 5, i / 5)).collect(),
            (0..8).map(|post| place(first, 6, post)).collect(),
            (0..24).map(|i| place(second, i % 8, i / 8)).collect(),
            (0..3).map(|post| place(bias, 5, post)).collect(),
        ]
    }

    /// The largest difference from `expected`, relative to the largest entry of each tensor, and that
    /// of the loss.
    fn compare<T: Real>(&self, bptt: &Bptt, loss: &LossConfig, expected: &Value) -> f64 {
        let places = self.places(bptt);
        let mut theta = vec![T::ZERO; bptt.layout().len()];
        for (places, values) in places.iter().zip([&self.w1, &self.b1, &self.w2, &self.b2]) {
            for (&(at, scale), value) in places.iter().zip(values) {
                theta[at] = T::of(value / scale);
            }
        }
        let batch = Batch { samples: SAMPLES, inputs: &self.inputs, ..Batch::default() };
        let targets = match loss {
            LossConfig::SquareRate { .. } => Targets::Values(&self.target),
            _ => Targets::Labels(&[0, 1, 2, 0]),
        };
        let frames = self.inputs.len() / 6 / SAMPLES;
        let loss = Loss::new(loss, ActivityConfig::default(), targets, bptt, (SAMPLES, frames)).unwrap();
        let total = bptt.exact(&theta, &batch, &loss).unwrap();
        let known = expected["loss"].as_f64().unwrap();
        let mut worst = (total.loss - known).abs() / known;
        for (places, name) in places.iter().zip(["dW1", "db1", "dW2", "db2"]) {
            let expected = flat(&expected[name]);
            assert_eq!(expected.len(), places.len(), "{name}");
            let largest = expected.iter().fold(0.0_f64, |largest, g| largest.max(g.abs()));
            for (&(at, scale), expected) in places.iter().zip(expected) {
                worst = worst.max((total.gradient[at] / scale - expected).abs() / largest);
            }
        }
        worst
    }
}

/// The surrogate that the files call `name`.
fn surrogate(name: &str) -> SurrogateConfig {
    let named = SurrogateConfig::named;
    match name {
        "fast_sigmoid_25" | "superspike_25" => named("fast_sigmoid").with("slope", 25.0),
        "triangular_1_snntorch_quirk" => named("if(u < 0, 1, -1)"),
        "straight_through" | "ste" => named("straight_through"),
        "spike_rate_escape_1_25" => named("slope*exp(-abs(u - 1))").with("slope", 25.0),
        "heaviside" => named("if(u > 0, 1, 0)"),
        "triangular_k2_max(0,1-2|x|)" | "triangular_2" => named("triangular"),
        "triangular_1" => named("triangular").with("slope", 1.0),
        "superspike_k100" => named("super_spike"),
        "boxcar_w2_h0.5" | "boxcar_2_0.5" => named("boxcar"),
        "tanh_1" => named("1 - tanh(u)^2"),
        "atan_2" => named("arctan"),
        other => panic!("no surrogate for {other}"),
    }
}

const RATE: LossConfig = LossConfig::SquareRate { correct: 1.0, incorrect: 0.0 };

/// Surrogate (whose name may hold a bar), and what follows it.
fn parts(key: &str) -> Vec<&str> {
    let last = key.rsplit('|').take_while(|part| part.chars().all(char::is_alphabetic)).count();
    let mut parts: Vec<&str> = key.rsplitn(last + 1, '|').collect();
    parts.reverse();
    parts
}

/// Gradients of which nothing is left but rounding errors.
fn explodes(key: &str) -> bool {
    match parts(key)[..] {
        ["custom_default_as_coded", ..] | ["spike_rate_escape_1_25", _, "nodelay"] => true,
        ["straight_through" | "triangular_1_snntorch_quirk", reset, at] => (reset, at) == ("zero", "nodelay"),
        _ => false,
    }
}

/// Checks every case of a file that does not explode, in both kinds of number; `limits` are for f64 and f32.
fn check(
    file: &str,
    limits: (f64, f64),
    mut case: impl FnMut(&Problem, &[&str]) -> (Bptt, LossConfig),
) -> usize {
    let (problem, file) = (Problem::read(), read(file));
    let mut count = 0;
    let mut failed = String::new();
    for (key, expected) in file["results"].as_object().unwrap() {
        if explodes(key) {
            continue;
        }
        let (bptt, loss) = case(&problem, &parts(key));
        let double = problem.compare::<f64>(&bptt, &loss, expected);
        let single = problem.compare::<f32>(&bptt, &loss, expected);
        // Twice as steep as others' in u = 0: f32 has u to 1e-7 only.
        let steep = if key.starts_with("superspike_k100") { 4.0 } else { 1.0 };
        if double > limits.0 || single > steep * limits.1 {
            failed += &format!("{key}: {double:e} in f64, {single:e} in f32\n");
        }
        count += 1;
    }
    assert!(failed.is_empty(), "\n{failed}");
    count
}

fn snntorch(problem: &Problem, key: &[&str]) -> (Bptt, LossConfig) {
    let reset = match key[1] {
        "subtract" => ResetBy::Subtract,
        "zero" => ResetBy::Zero,
        _ => ResetBy::Never,
    };
    let at = if key[2] == "delay" { ResetAt::Delayed } else { ResetAt::Corrected };
    let switches = Switches { reset, at, ..Switches::SNNTORCH };
    (problem.bptt(switches, surrogate(key[0]), true), RATE)
}

#[test]
fn snntorch_gradients() {
    assert_eq!(check("snntorch.json", (1e-5, 1e-5), snntorch), 21);
}

#[test]
fn snntorch_gradients_in_f64() {
    assert_eq!(check("snntorch_semantics_f64.json", (1e-6, 1e-5), snntorch), 33);
}

#[test]
fn spyx_gradients() {
    let count = check("spyx.json", (1e-6, 1e-5), |problem, key| {
        let bptt = problem.bptt(Switches::SPYX, surrogate(key[0]), key[1] == "lif");
        match key[1] {
            "lif" => (bptt, RATE),
            _ => (bptt, LossConfig::CrossEntropyMembrane { over: Over::Sum, smoothing: 0.0 }),
        }
    });
    assert_eq!(count, 12);
}

#[test]
fn presets_name_their_libraries() {
    assert_eq!(Switches::named("snntorch"), Some(Switches::SNNTORCH));
    assert_eq!(Switches::named("spyx").unwrap().spike, SpikeFrom::Old);
    assert!(Switches::named("norse").unwrap().scaled);
    assert_eq!(Switches::named("nengo"), None);
}
