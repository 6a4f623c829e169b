//! NIR files of other libraries: what is read, and that they run as their traces say.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use safetensors::{Dtype, SafeTensors};
use snn::nir::{self, Executor, Graph, NodeKind, Options, ResetMode, Value};

/// Every file of the set.
const FILES: [&str; 15] = [
    "01_linear_lif",
    "02_lif_general",
    "03_affine_cubalif",
    "04_recurrent_lif_subgraph",
    "06_affine_if",
    "07_lif_li_readout",
    "08_li_threshold",
    "10_scale_delay",
    "11_conv1d_flatten",
    "12_conv2d_if_sumpool",
    "14_metadata_f64",
    "20_snntorch_leaky",
    "20_snntorch_rleaky",
    "21_norse_lifbox_li",
    "22_spyx_rif",
];

fn data(folder: &str, name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data").join(folder).join(name)
}

fn graph(name: &str) -> Graph {
    nir::read(&data("nir", &format!("{name}.nir"))).unwrap()
}

/// The arrays of a trace as f32, and its time step.
struct Trace {
    arrays: BTreeMap<String, Vec<f32>>,
    dt: f64,
}

impl Trace {
    fn load(name: &str) -> Self {
        let bytes = std::fs::read(data("traces", &format!("{name}.safetensors"))).unwrap();
        let mut trace = Self { arrays: BTreeMap::new(), dt: f64::NAN };
        for (key, view) in SafeTensors::deserialize(&bytes).unwrap().tensors() {
            let data = view.data();
            if view.dtype() == Dtype::F64 {
                trace.dt = f64::from_le_bytes(data.try_into().unwrap());
            } else {
                let values = data.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap()));
                trace.arrays.insert(key, values.collect());
            }
        }
        trace
    }

    fn get(&self, key: &str) -> &[f32] {
        &self.arrays[key]
    }
}

/// Largest difference between two rows of numbers, each as a share of the larger one or of 1.
fn difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs() / a.abs().max(b.abs()).max(1.0)).fold(0.0, f32::max)
}

/// Runs a file over the input of its trace and gathers what `keys` (`NODE:v`, `:i`, `:spk`) name.
fn record(graph: &Graph, x: &[f32], options: &Options, keys: &[&str]) -> (Vec<f32>, Vec<Vec<f32>>) {
    let mut executor = Executor::new(graph, options).unwrap();
    let width = executor.ends().unwrap().0.len();
    let (mut output, mut kept) = (Vec::new(), vec![Vec::new(); keys.len()]);
    for row in x.chunks_exact(width) {
        executor.tick(&[row]);
        output.extend_from_slice(executor.output(0));
        for (kept, key) in kept.iter_mut().zip(keys) {
            let (node, what) = key.split_once(':').unwrap();
            let values = if what == "spk" { executor.value(node) } else { executor.state(node, what) };
            kept.extend_from_slice(values.unwrap());
        }
    }
    (output, kept)
}

/// Spikes are the same, all else is to a few roundings.
fn assert_same(name: &str, key: &str, ours: &[f32], theirs: &[f32]) {
    let difference = difference(ours, theirs);
    let limit = if key.ends_with(":spk") { 0.0 } else { 2e-6 };
    assert!(difference <= limit, "{name} {key}: {difference:e}");
}

/// Compares all states, spikes and the output under a prefix of a trace.
fn compare(name: &str, prefix: &str, rename: impl Fn(&str) -> String) {
    let trace = Trace::load(name);
    let options = Options { dt: Some(trace.dt), ..Options::default() };
    let theirs: Vec<(&String, &Vec<f32>)> =
        trace.arrays.iter().filter(|(key, _)| key.starts_with(prefix) && !key.ends_with(":v_pre")).collect();
    let keys: Vec<String> = theirs
        .iter()
        .filter(|(key, _)| key.contains(':'))
        .map(|(key, _)| rename(&key[prefix.len()..]))
        .collect();
    let names: Vec<&str> = keys.iter().map(String::as_str).collect();
    let (output, kept) = record(&graph(name), trace.get("x"), &options, &names);
    let mut kept = kept.into_iter();
    let mut compared = 0;
    for (key, theirs) in theirs {
        let ours = if key.contains(':') { kept.next().unwrap() } else { output.clone() };
        assert_same(name, key, &ours, theirs);
        compared += 1;
    }
    assert!(compared > 0, "{name} has nothing under {prefix}");
}

#[test]
fn euler_traces() {
    for name in FILES.iter().filter(|&&name| name < "20") {
        compare(name, "euler32/", str::to_owned);
    }
}

#[test]
fn other_libraries_agree_where_their_rules_do() {
    for (name, library) in [
        ("03_affine_cubalif", "norse"),
        ("03_affine_cubalif", "snntorch"),
        ("06_affine_if", "norse"),
        ("14_metadata_f64", "norse"),
        ("08_li_threshold", "spyx"),
    ] {
        let trace = Trace::load(name);
        let options = Options { dt: Some(trace.dt), ..Options::default() };
        let (output, _) = record(&graph(name), trace.get("x"), &options, &[]);
        assert_eq!(output, trace.get(&format!("{library}/output")), "{name} {library}");
    }
    // Norse starts at v_leak.
    let trace = Trace::load("01_linear_lif");
    let options = Options { dt: Some(trace.dt), start_at_leak: true, ..Options::default() };
    let (output, _) = record(&graph("01_linear_lif"), trace.get("x"), &options, &[]);
    assert_eq!(output, trace.get("norse/output"));
    let (output, _) =
        record(&graph("01_linear_lif"), trace.get("x"), &Options { start_at_leak: false, ..options }, &[]);
    assert_ne!(output, trace.get("norse/output"));
}

#[test]
fn snntorch_networks_run_as_they_did() {
    compare("20_snntorch_leaky", "zero_nodelay/", |key| key.replace(":mem", ":v"));
    compare("20_snntorch_rleaky", "zero_nodelay/", |key| key.replace(':', ".lif:").replace(":mem", ":v"));
    for name in ["20_snntorch_leaky", "20_snntorch_rleaky"] {
        assert_eq!(nir::guess_dt(&graph(name)), Some(1e-4), "{name}");
    }
}

#[test]
fn a_norse_network_runs_as_it_did() {
    let trace = Trace::load("21_norse_lifbox_li");
    // The file's time constants are 1000 times too small.
    let options = Options { dt: Some(trace.dt / 1000.0), ..Options::default() };
    let (output, states) = record(&graph("21_norse_lifbox_li"), trace.get("x"), &options, &["1:v", "3:v"]);
    assert_same("norse", "output", &output, trace.get("output"));
    assert_same("norse", "1:v", &states[0], trace.get("1:v"));
    assert_same("norse", "3:v", &states[1], trace.get("3:v"));
    let error = Executor::new(&graph("21_norse_lifbox_li"), &Options { dt: Some(trace.dt), ..options });
    let message = error.err().unwrap().to_string();
    assert!(message.contains("node '1' (LIF): 'tau'") && message.contains("time step 0.001"), "{message}");
}

#[test]
fn a_spyx_network_is_read_whole() {
    let trace = Trace::load("22_spyx_rif");
    let graph = graph("22_spyx_rif");
    let NodeKind::Affine { weight, bias } = &graph.nodes["layer_0"].kind else { panic!("layer_0") };
    assert_eq!(weight.to_f32().unwrap(), trace.get("W1"));
    assert_eq!(bias.to_f32().unwrap(), trace.get("b1"));
    let NodeKind::Graph(layer) = &graph.nodes["layer_1"].kind else { panic!("layer_1") };
    let NodeKind::Linear { weight } = &layer.nodes["layer_1.w_rec"].kind else { panic!("w_rec") };
    assert_eq!(weight.shape(), [6, 6]);
    let weight = weight.to_f32().unwrap();
    let transposed: Vec<f32> = (0..36).map(|i| weight[i % 6 * 6 + i / 6]).collect();
    assert_eq!(transposed, trace.get("W_rec_in_out"));
    let NodeKind::If { v_threshold, .. } = &layer.nodes["layer_1.lif"].kind else { panic!("lif") };
    assert_eq!((v_threshold.data().name(), v_threshold.to_f32().unwrap()), ("int64", vec![1.0; 6]));

    // Its edges lead the input through the recurrent weights; what is meant is the neuron.
    let mut plain = graph.clone();
    let Some(NodeKind::Graph(layer)) = plain.nodes.get_mut("layer_1").map(|node| &mut node.kind) else {
        panic!("layer_1")
    };
    assert_eq!(layer.edges[0], ("layer_1.input".to_owned(), "layer_1.w_rec".to_owned()));
    layer.edges[0].1 = "layer_1.lif".to_owned();
    let keys = ["layer_1.layer_1.lif:spk"];
    let (output, spikes) = record(&graph, trace.get("x"), &Options::default(), &keys);
    assert_eq!((&output, &spikes), (&record(&plain, trace.get("x"), &Options::default(), &keys).0, &spikes));
    assert!(spikes[0].contains(&1.0), "nothing happens");
}

#[test]
fn files_survive_a_round_trip() {
    for name in FILES {
        let graph = graph(name);
        let bytes = nir::to_bytes(&graph).unwrap();
        assert_eq!(bytes, nir::to_bytes(&graph).unwrap());
        assert_eq!(nir::from_bytes(bytes).unwrap(), graph, "{name}");
    }
    let path = data("nir", "14_metadata_f64.nir");
    assert_eq!(nir::version(&path).unwrap().as_deref(), Some("1.0.8"));
    let graph = nir::read(&path).unwrap();
    assert_eq!(graph.dt(), Some(0.001));
    let Value::Array(made_by) = &graph.metadata["made_by"] else { panic!("made_by") };
    assert_eq!(made_by.text(), Some("lab"));
    let Value::Array(k) = &graph.nodes["fc"].metadata["k"] else { panic!("k") };
    assert_eq!(k.number(), Some(3.0));
}

#[test]
fn a_step_is_needed_only_by_what_has_times() {
    assert!(Executor::new(&graph("06_affine_if"), &Options::default()).is_ok());
    assert!(Executor::new(&graph("11_conv1d_flatten"), &Options::default()).is_ok());
    assert!(Executor::new(&graph("14_metadata_f64"), &Options::default()).is_ok(), "dt is in the metadata");
    let message = |name: &str| Executor::new(&graph(name), &Options::default()).err().unwrap().to_string();
    assert_eq!(
        message("03_affine_cubalif"),
        "the time step is neither given nor in the metadata as 'dt'; \
         r = tau/dt in all its neurons for 0.0001 s, which is then likely right"
    );
    for name in ["01_linear_lif", "10_scale_delay"] {
        assert!(message(name).ends_with("; give the seconds per tick"), "{}", message(name));
    }
}

#[test]
fn damaged_files_are_refused() {
    for name in ["01_linear_lif", "14_metadata_f64"] {
        let whole = std::fs::read(data("nir", &format!("{name}.nir"))).unwrap();
        let graph = nir::from_bytes(whole.clone()).unwrap();
        for length in (0..whole.len()).step_by(97) {
            // The last bytes of a file may be unused.
            match nir::from_bytes(whole[..length].to_vec()) {
                Ok(read) => assert_eq!(read, graph, "{name} cut to {length} bytes is read as something else"),
                Err(error) => assert!(!error.to_string().is_empty()),
            }
        }
        // A flipped bit may well go unnoticed in a weight, but must not end in a panic.
        for (place, bit) in (0..whole.len()).step_by(13).zip((0..8).cycle()) {
            let mut bytes = whole.clone();
            bytes[place] ^= 1 << bit;
            drop(nir::from_bytes(bytes));
        }
    }
    for bytes in [&b""[..], b"text", b"\x89HDF\r\n\x1a\n"] {
        let message = nir::from_bytes(bytes.to_vec()).unwrap_err().to_string();
        assert!(message.starts_with("not an HDF5 file, or a damaged one: "), "{message}");
    }
    let message = nir::read(Path::new("/nonexistent.nir")).unwrap_err().to_string();
    assert!(message.starts_with("cannot read /nonexistent.nir: "), "{message}");
}

#[test]
fn subtraction_keeps_what_exceeds_the_threshold() {
    let trace = Trace::load("01_linear_lif");
    let options = Options { dt: Some(trace.dt), reset: Some(ResetMode::Subtract), ..Options::default() };
    let (output, states) = record(&graph("01_linear_lif"), trace.get("x"), &options, &["lif:v"]);
    let (to_reset, _) =
        record(&graph("01_linear_lif"), trace.get("x"), &Options { reset: None, ..options }, &[]);
    assert_ne!(output, to_reset);
    // After a spike v is what it was above the threshold, not 0.
    let after: Vec<f32> =
        output.iter().zip(&states[0]).filter(|(spike, _)| **spike == 1.0).map(|(_, v)| *v).collect();
    assert!(!after.is_empty() && after.iter().all(|v| *v > 0.0), "{after:?}");
}

/// What `snntorch.Synaptic` 1.0.0 with `reset_delay=False` does in one tick, for one neuron with decays
/// 0.9 and 0.8 and threshold 1. `current` and `membrane` are its states. Whether it spikes is decided
/// after the reset that a potential left above the threshold brings with it.
fn synaptic([current, membrane]: &mut [f32; 2], input: f32, zero: bool) -> bool {
    let reset = *membrane > 1.0;
    *current = 0.9 * *current + input;
    *membrane = 0.8 * *membrane + *current;
    match reset {
        true if zero => *membrane = 0.0,
        true => *membrane -= 1.0,
        false => {}
    }
    let spike = *membrane > 1.0;
    let change = f32::from(u8::from(spike)) - f32::from(u8::from(reset));
    *membrane -= change * if zero { *membrane } else { 1.0 };
    spike
}

/// `docs/nir.md`: the same spikes with reset to zero; by subtraction until a potential is left above the
/// threshold, after which snnTorch takes it away once more before it decides.
#[test]
fn snntorch_subtracts_once_more_from_what_is_left_above_the_threshold() {
    let (neurons, ticks) = (8, 60);
    // tau = dt/(1 − decay) and r, w_in = tau/dt, as snnTorch writes it.
    let all = |x: f64| nir::Array::from(vec![x; neurons]);
    let mut graph = Graph::default();
    graph.add("input", NodeKind::Input { shape: vec![neurons] });
    graph.add(
        "lif",
        NodeKind::CubaLif {
            tau_syn: all(1e-3),
            tau_mem: all(5e-4),
            r: all(5.0),
            v_leak: all(0.0),
            v_threshold: all(1.0),
            v_reset: all(0.0),
            w_in: all(10.0),
        },
    );
    graph.add("output", NodeKind::Output { shape: vec![neurons] });
    graph.connect("input", "lif");
    graph.connect("lif", "output");
    for (reset, zero) in [(ResetMode::ToVReset, true), (ResetMode::Subtract, false)] {
        let options = Options { dt: Some(1e-4), reset: Some(reset), ..Options::default() };
        let mut executor = Executor::new(&graph, &options).unwrap();
        let mut theirs = vec![[0.0; 2]; neurons];
        let mut left_above = vec![false; neurons];
        let (mut spikes, mut differing) = (0, 0);
        for tick in 0..ticks {
            let input: Vec<f32> =
                (0..neurons).map(|n| ((7 * tick + 3 * n) % 11) as f32 / 4.0 - 1.0).collect();
            executor.tick(&[&input]);
            for neuron in 0..neurons {
                let spike = synaptic(&mut theirs[neuron], input[neuron], zero);
                let same = (executor.output(0)[neuron] > 0.0) == spike;
                assert!(same || left_above[neuron], "{reset:?}: neuron {neuron}, tick {tick}");
                left_above[neuron] |= executor.state("lif", "v").unwrap()[neuron] > 1.0;
                spikes += usize::from(spike);
                differing += usize::from(!same);
            }
        }
        assert!(spikes > 50, "{spikes}");
        assert_eq!((differing > 0, left_above.contains(&true)), (!zero, !zero), "{reset:?}: {differing}");
    }
}
