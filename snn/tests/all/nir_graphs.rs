//! NIR graphs made by hand: every node type in a file, what each computes, and what is refused.

#![expect(clippy::unwrap_used, reason = "tests")]

use hdf5_pure::{FileBuilder, GroupBuilder};
use snn::nir::{
    self, Array, Conv, Data, Executor, Graph, Metadata, NirError, Node, NodeKind, Options, Padding, Pool,
    TYPES, Value,
};

fn vector(values: &[f32]) -> Array {
    values.to_vec().into()
}

fn array(shape: &[usize], values: &[f32]) -> Array {
    Array::new(shape, Data::F32(values.to_vec())).unwrap()
}

fn input(shape: &[usize]) -> NodeKind {
    NodeKind::Input { shape: shape.to_vec() }
}

fn output(shape: &[usize]) -> NodeKind {
    NodeKind::Output { shape: shape.to_vec() }
}

fn linear(rows: usize, weight: &[f32]) -> NodeKind {
    NodeKind::Linear { weight: Array::matrix(rows, weight.to_vec()) }
}

/// `input → middle nodes in order → output`.
fn chain(from: &[usize], nodes: &[NodeKind], to: &[usize]) -> Graph {
    let mut graph = Graph::default();
    graph.add("input", input(from));
    let mut last = "input".to_owned();
    for (index, kind) in nodes.iter().enumerate() {
        let name = format!("n{index}");
        graph.add(&name, kind.clone());
        graph.connect(&last, &name);
        last = name;
    }
    graph.add("output", output(to));
    graph.connect(&last, "output");
    graph
}

fn run_with(graph: &Graph, options: &Options, x: &[f32]) -> Vec<f32> {
    Executor::new(graph, options).unwrap().run(x).unwrap()
}

/// Runs with a time step of one second.
fn run(graph: &Graph, x: &[f32]) -> Vec<f32> {
    run_with(graph, &Options { dt: Some(1.0), ..Options::default() }, x)
}

fn refused(graph: &Graph) -> String {
    Executor::new(graph, &Options { dt: Some(1.0), ..Options::default() }).err().unwrap().to_string()
}

fn lif(tau: f32, n: usize) -> NodeKind {
    let all = |x: f32| vector(&vec![x; n]);
    NodeKind::Lif { tau: all(tau), r: all(1.0), v_leak: all(0.0), v_threshold: all(1.0), v_reset: all(0.0) }
}

fn every_type() -> Graph {
    let v = || vector(&[1.0, 2.5]);
    let mut graph = chain(
        &[2],
        &[
            NodeKind::Affine { weight: Array::matrix(2, vec![1.0, 2.0, 3.0, 4.0]), bias: v() },
            linear(2, &[1.0, 0.0, 0.0, 1.0]),
            NodeKind::Scale { scale: v() },
            NodeKind::Delay { delay: vec![0.0_f64, 2.0].into() },
            NodeKind::Threshold { threshold: v() },
            NodeKind::I { r: v() },
            NodeKind::If { r: v(), v_threshold: v(), v_reset: v() },
            NodeKind::Li { tau: v(), r: v(), v_leak: v() },
            lif(3.0, 2),
            NodeKind::CubaLi { tau_syn: v(), tau_mem: v(), r: v(), v_leak: v(), w_in: v() },
            NodeKind::CubaLif {
                tau_syn: v(),
                tau_mem: v(),
                r: v(),
                v_leak: v(),
                v_threshold: v(),
                v_reset: Array::new(&[2], Data::I64(vec![0, -1])).unwrap(),
                w_in: v(),
            },
            NodeKind::Graph(chain(&[2], &[NodeKind::Scale { scale: v() }], &[2])),
            NodeKind::Flatten { start_dim: 0, end_dim: -1, input_type: Some(vec![2]) },
        ],
        &[2],
    );
    let conv = |shape: &[usize]| (array(shape, &vec![0.5; shape.iter().product()]), vector(&[0.25; 4]));
    let (weight, bias) = conv(&[4, 1, 3]);
    let one = Conv {
        input_shape: Some([8]),
        weight,
        bias,
        stride: [2],
        padding: Padding::Valid,
        dilation: [1],
        groups: 2,
    };
    let (weight, bias) = conv(&[4, 2, 3, 2]);
    let two = Conv {
        input_shape: None,
        weight,
        bias,
        stride: [2, 1],
        padding: Padding::Zeros([1, 0]),
        dilation: [1, 2],
        groups: 1,
    };
    graph.add("conv1d", NodeKind::Conv1d(one));
    graph.add("conv2d", NodeKind::Conv2d(two));
    let pool = Pool { kernel_size: [2, 3], stride: [2, 1], padding: [0, 1] };
    graph.add("sum", NodeKind::SumPool2d(pool.clone()));
    graph.add("mean", NodeKind::AvgPool2d(pool));
    graph
}

#[test]
fn every_type_survives_a_round_trip() {
    fn names(graph: &Graph, found: &mut Vec<&'static str>) {
        for node in graph.nodes.values() {
            found.push(node.kind.name());
            if let NodeKind::Graph(graph) = &node.kind {
                names(graph, found);
            }
        }
    }
    let mut graph = every_type();
    let mut found = Vec::new();
    names(&graph, &mut found);
    assert!(TYPES.iter().all(|name| found.contains(name)), "{found:?}");

    let nested = Metadata::from([
        ("deep".to_owned(), Value::from(0.5)),
        ("none".to_owned(), Value::Group(Metadata::new())),
    ]);
    graph.metadata = Metadata::from([
        ("dt".to_owned(), 1e-3.into()),
        ("text".to_owned(), "größer".into()),
        ("empty".to_owned(), "".into()),
        ("count".to_owned(), (-3_i64).into()),
        ("flag".to_owned(), Value::Array(Array::scalar(Data::Bool(vec![true])))),
        (
            "words".to_owned(),
            Value::Array(Array::new(&[2, 1], Data::Text(vec!["a".into(), "b".into()])).unwrap()),
        ),
        ("nothing".to_owned(), Value::Array(vec![0.0_f32; 0].into())),
        ("more".to_owned(), Value::Group(nested)),
    ]);
    graph.nodes.get_mut("n3").unwrap().metadata.insert("note".to_owned(), "a delay".into());
    if let NodeKind::Graph(nested) = &mut graph.nodes.get_mut("n11").unwrap().kind {
        nested.metadata.insert("inner".to_owned(), 7_i64.into());
        nested.edges.clear();
    }
    let bytes = nir::to_bytes(&graph).unwrap();
    assert_eq!(nir::from_bytes(bytes).unwrap(), graph);

    let folder = std::env::temp_dir().join(format!("nir_graphs_{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("a.nir");
    nir::write(&path, &graph).unwrap();
    assert_eq!(nir::read(&path).unwrap(), graph);
    assert_eq!(nir::version(&path).unwrap().as_deref(), Some(nir::VERSION));
    let error = nir::write(&path.join("below"), &graph).unwrap_err();
    assert!(matches!(error, NirError::File { action: "write", .. }), "{error}");
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn integrators_by_hand() {
    let x = [1.0, 0.0, 2.0, 0.0];
    let v = |value: f32| vector(&[value]);
    assert_eq!(run(&chain(&[1], &[NodeKind::I { r: v(0.5) }], &[1]), &x), [0.5, 0.5, 1.5, 1.5]);
    // tau 4: v ← v + (v_leak − v + 2·x)/4.
    let li = NodeKind::Li { tau: v(4.0), r: v(2.0), v_leak: v(1.0) };
    assert_eq!(run(&chain(&[1], std::slice::from_ref(&li), &[1]), &x), [0.75, 0.8125, 1.859375, 1.644_531_3]);
    let rest = Options { dt: Some(1.0), start_at_leak: true, ..Options::default() };
    assert_eq!(run_with(&chain(&[1], &[li], &[1]), &rest, &x[..2]), [1.5, 1.375]);
    // i ← i + (3·x − i)/2, then v ← v + (2·i − v)/4.
    let cuba = NodeKind::CubaLi { tau_syn: v(2.0), tau_mem: v(4.0), r: v(2.0), v_leak: v(0.0), w_in: v(3.0) };
    let graph = chain(&[1], &[cuba], &[1]);
    assert_eq!(run(&graph, &x), [0.75, 0.9375, 2.390625, 2.636_718_8]);
    let mut executor = Executor::new(&graph, &Options { dt: Some(1.0), ..Options::default() }).unwrap();
    executor.run(&x[..2]).unwrap();
    assert_eq!(
        (executor.state("n0", "i"), executor.state("n0", "v")),
        (Some(&[0.75][..]), Some(&[0.9375][..]))
    );
    assert_eq!(executor.state("n0", "w"), None);
    executor.reset();
    assert_eq!(executor.run(&x).unwrap(), [0.75, 0.9375, 2.390625, 2.636_718_8]);
}

#[test]
fn spikes_are_strictly_above_the_threshold_and_reset_in_their_tick() {
    let fire = NodeKind::If { r: vector(&[1.0]), v_threshold: vector(&[1.0]), v_reset: vector(&[0.25]) };
    let graph = chain(&[1], &[fire], &[1]);
    let x = [1.0, 0.5, 0.75, 0.5];
    // v: 1 (no spike), 1.5 → 0.25, 1 (none), 1.5 → 0.25.
    assert_eq!(run(&graph, &x), [0.0, 1.0, 0.0, 1.0]);
    // With subtraction of 0.75: 1, 1.5 → 0.75, 1.5 → 0.75, 1.25.
    let options = Options { reset: Some(nir::ResetMode::Subtract), ..Options::default() };
    assert_eq!(run_with(&graph, &options, &x), [0.0, 1.0, 1.0, 1.0]);
    let mut noted = graph.clone();
    noted.metadata.insert("reset".to_owned(), "subtract".into());
    assert_eq!(run_with(&noted, &Options::default(), &x), [0.0, 1.0, 1.0, 1.0]);
    noted.metadata.insert("reset".to_owned(), "zero".into());
    let message = refused(&noted);
    assert!(message.contains("'reset'") && message.contains("to_v_reset"), "{message}");
    // dt·r·x on request: the time step counts.
    let options = Options { dt: Some(0.5), if_dt: true, ..Options::default() };
    assert_eq!(run_with(&graph, &options, &[1.0, 1.0, 1.0]), [0.0, 0.0, 1.0]);
    assert_eq!(
        run(&chain(&[1], &[NodeKind::Threshold { threshold: vector(&[0.5]) }], &[1]), &x),
        [1.0, 0.0, 1.0, 0.0]
    );
}

#[test]
fn signals_are_summed_delayed_and_scaled() {
    let mut graph = chain(&[2], &[NodeKind::Delay { delay: vector(&[0.0, 2.2]) }], &[2]);
    graph.add("twice", NodeKind::Scale { scale: vector(&[2.0, -2.0]) });
    graph.connect("input", "twice");
    graph.connect("twice", "output");
    // Output = delayed + scaled.
    assert_eq!(
        run(&graph, &[1.0, 1.0, 2.0, 3.0, 0.0, 0.0, 0.0, 0.0]),
        [3.0, -2.0, 6.0, -6.0, 0.0, 1.0, 0.0, 3.0]
    );
    let stacked =
        NodeKind::Affine { weight: array(&[2, 1, 2], &[1.0, 10.0, 100.0, 1000.0]), bias: vector(&[0.5]) };
    assert_eq!(run(&chain(&[2, 2], &[stacked], &[2, 1]), &[1.0, 2.0, 3.0, 4.0]), [21.5, 4300.5]);
}

#[test]
fn convolutions_follow_pytorch() {
    // [1, 2, 3, 4, 5] with taps two apart and a zero at either end, every second place.
    let conv = Conv {
        input_shape: None,
        weight: array(&[1, 1, 2], &[1.0, 10.0]),
        bias: vector(&[0.5]),
        stride: [2],
        padding: Padding::Zeros([1]),
        dilation: [2],
        groups: 1,
    };
    let x = [1.0, 2.0, 3.0, 4.0, 5.0];
    // Padded 0 1 2 3 4 5 0: taps (0,2), (2,4), (4,0).
    assert_eq!(run(&chain(&[1, 5], &[NodeKind::Conv1d(conv.clone())], &[1, 3]), &x), [20.5, 42.5, 4.5]);
    // 'same' with an even kernel puts the odd zero behind.
    let same = Conv { stride: [1], dilation: [1], padding: Padding::Same, ..conv.clone() };
    assert_eq!(run(&chain(&[1, 5], &[NodeKind::Conv1d(same)], &[1, 5]), &x), [21.5, 32.5, 43.5, 54.5, 5.5]);
    // Two groups: each output channel sees its own input channel.
    let weight = array(&[2, 1, 1, 2], &[1.0, 2.0, 3.0, 4.0]);
    let grouped = Conv {
        input_shape: Some([2, 2]),
        weight,
        bias: vector(&[0.0, 100.0]),
        stride: [1, 1],
        padding: Padding::Valid,
        dilation: [1, 1],
        groups: 2,
    };
    let x = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0];
    let graph = chain(&[2, 2, 2], &[NodeKind::Conv2d(grouped)], &[2, 2, 1]);
    assert_eq!(run(&graph, &x), [5.0, 11.0, 139.0, 153.0]);
    let pool = Pool { kernel_size: [2, 2], stride: [2, 2], padding: [1, 1] };
    let sum = chain(&[1, 2, 2], &[NodeKind::SumPool2d(pool.clone())], &[1, 2, 2]);
    assert_eq!(run(&sum, &x[..4]), [1.0, 2.0, 3.0, 4.0]);
    let mean = chain(&[1, 2, 2], &[NodeKind::AvgPool2d(pool)], &[1, 2, 2]);
    assert_eq!(run(&mean, &x[..4]), [0.25, 0.5, 0.75, 1.0]);
    let flat = |start_dim, end_dim| NodeKind::Flatten { start_dim, end_dim, input_type: None };
    for (start, end, shape) in [(0, -1, vec![8]), (1, -1, vec![2, 4]), (-3, 1, vec![4, 2])] {
        assert_eq!(run(&chain(&[2, 2, 2], &[flat(start, end)], &shape), &x), x);
    }
}

/// A recurrent layer as a nested graph, with the connection behind or before the neuron, and flat.
fn recurrent(nested: bool, bias: bool, through: bool) -> Graph {
    let weight = Array::matrix(2, vec![-0.5, 1.5, 0.75, -0.25]);
    let connection = match bias {
        true => NodeKind::Affine { weight, bias: vector(&[0.25, -0.125]) },
        false => NodeKind::Linear { weight },
    };
    let mut layer = Graph::default();
    let entry = if through { "w_rec" } else { "lif" };
    layer.add("lif", lif(4.0, 2));
    layer.add("w_rec", connection);
    layer.add("input", input(&[2]));
    layer.add("output", output(&[2]));
    for (from, to) in [("input", entry), ("w_rec", "lif"), ("lif", "w_rec"), ("lif", "output")] {
        layer.connect(from, to);
    }
    if nested { chain(&[2], &[NodeKind::Graph(layer)], &[2]) } else { layer }
}

#[test]
fn a_cycle_delivers_the_previous_tick() {
    // y ← x + y/2, from the outside and from itself.
    let mut graph = chain(&[1], &[NodeKind::Scale { scale: vector(&[1.0]) }], &[1]);
    graph.add("half", linear(1, &[0.5]));
    graph.connect("n0", "half");
    graph.connect("half", "n0");
    assert_eq!(run(&graph, &[1.0, 0.0, 0.0, 1.0]), [1.0, 0.5, 0.25, 1.125]);

    let x: Vec<f32> = (0..200).map(|i| (i * 37 % 23) as f32 / 8.0 - 0.5).collect();
    for bias in [false, true] {
        let flat = run(&recurrent(false, bias, false), &x);
        assert!(flat.contains(&1.0) && flat.contains(&0.0));
        assert_eq!(run(&recurrent(true, bias, false), &x), flat);
        // As Spyx writes it: the input belongs to the neuron all the same.
        assert_eq!(run(&recurrent(true, bias, true), &x), flat);
        // The same loop written out.
        let (mut v, mut z) = ([0.0_f32; 2], [0.0_f32; 2]);
        let mut expected = Vec::new();
        for x in x.chunks_exact(2) {
            let b = if bias { [0.25, -0.125] } else { [0.0; 2] };
            let i = [x[0] + (-0.5 * z[0] + 1.5 * z[1] + b[0]), x[1] + (0.75 * z[0] - 0.25 * z[1] + b[1])];
            for n in 0..2 {
                v[n] = 0.75 * v[n] + 0.25 * i[n];
                z[n] = f32::from(v[n] > 1.0);
                v[n] *= 1.0 - z[n];
            }
            expected.extend(z);
        }
        assert_eq!(flat, expected);
    }
}

#[test]
fn two_layers_in_a_loop_are_cut_where_the_signal_comes_back() {
    // a → b in the same tick, b → a in the next.
    let mut graph = Graph::default();
    let one = || NodeKind::Scale { scale: vector(&[1.0]) };
    for name in ["a", "b"] {
        graph.add(name, one());
    }
    graph.add("input", input(&[1]));
    graph.add("output", output(&[1]));
    for (from, to) in [("b", "a"), ("b", "output"), ("a", "b"), ("input", "a")] {
        graph.connect(from, to);
    }
    let mut executor = Executor::new(&graph, &Options::default()).unwrap();
    assert_eq!(executor.nodes().collect::<Vec<_>>(), ["input", "a", "b", "output"]);
    assert_eq!(executor.run(&[1.0, 0.0, 2.0]).unwrap(), [1.0, 1.0, 3.0]);
    assert_eq!(executor.value("a"), Some(&[3.0][..]));
}

#[test]
fn several_inputs_and_outputs() {
    let mut graph = Graph::default();
    for name in ["x", "y"] {
        graph.add(name, input(&[1]));
        graph.add(&format!("{name}_out"), output(&[1]));
    }
    graph.add("sum", NodeKind::Scale { scale: vector(&[2.0]) });
    for (from, to) in [("y", "sum"), ("x", "sum"), ("sum", "x_out"), ("y", "y_out")] {
        graph.connect(from, to);
    }
    let mut executor = Executor::new(&graph, &Options::default()).unwrap();
    executor.tick(&[&[1.0], &[10.0]]);
    assert_eq!((executor.output(0), executor.output(1)), (&[22.0][..], &[10.0][..]));
    let message = executor.run(&[1.0]).unwrap_err().to_string();
    assert_eq!(message, "the graph has inputs x, y and outputs x_out, y_out; expected one of each");
}

#[test]
fn graphs_that_cannot_run_are_refused_by_name() {
    let scale = |n: usize| NodeKind::Scale { scale: vector(&vec![1.0; n]) };
    let message = refused(&chain(&[3], &[scale(2)], &[2]));
    assert_eq!(message, "node 'n0' (Scale) expects input of shape [2] and gets [3]");
    let message = refused(&chain(&[2], &[linear(3, &[0.0; 6]), lif(2.0, 2)], &[2]));
    assert_eq!(message, "node 'n1' (LIF) expects input of shape [2] and gets [3]");

    let mut graph = chain(&[2], &[scale(2)], &[2]);
    graph.add("wide", linear(3, &[0.0; 6]));
    graph.connect("input", "wide");
    graph.connect("wide", "output");
    assert_eq!(refused(&graph), "edge 'wide' → 'output': Linear gives shape [3] and Output takes [2]");

    let mut graph = chain(&[2], &[scale(2)], &[2]);
    graph.add("a", scale(2));
    graph.add("b", scale(2));
    graph.connect("a", "b");
    graph.connect("b", "a");
    assert_eq!(refused(&graph), "no path leads from an Input node to: a, b");
    for name in ["input", "output"] {
        let mut graph = graph.clone();
        graph.nodes.remove(name);
        graph.edges.retain(|(from, to)| from != name && to != name);
        assert!(refused(&graph).starts_with("the graph has no "), "{}", refused(&graph));
    }
    let mut graph = chain(&[2], &[scale(2)], &[2]);
    graph.connect("n0", "input");
    assert!(refused(&graph).contains("'input' (Input) gets a signal from 'n0'"), "{}", refused(&graph));
    let mut graph = chain(&[2], &[scale(2)], &[2]);
    graph.connect("output", "n0");
    assert!(refused(&graph).contains("'output' (Output) leads to 'n0'"), "{}", refused(&graph));
    graph.edges.truncate(1);
    assert!(refused(&graph).contains("gets no signal"), "{}", refused(&graph));
    graph.connect("input", "n0");
    assert_eq!(refused(&graph), "edge 'input' → 'n0': is there twice");
    graph.edges[1].1 = "n9".to_owned();
    assert_eq!(refused(&graph), "edge 'input' → 'n9': there is no node 'n9'; nodes: input, n0, output");

    let mut inner = chain(&[2], &[scale(2)], &[2]);
    inner.nodes.remove("output");
    inner.edges.pop();
    let message = refused(&chain(&[2], &[NodeKind::Graph(inner)], &[2]));
    assert!(message.starts_with("node 'n0' (NIRGraph) has 0 nodes of type Output"), "{message}");

    assert!(refused(&chain(&[1 << 30], &[], &[1 << 30])).contains("'shape' is [1073741824]"));
    assert!(refused(&chain(&[0], &[], &[0])).contains("'shape' is [0]"));
    for delay in [-1.0, 1e9, f32::NAN] {
        let message = refused(&chain(&[1], &[NodeKind::Delay { delay: vector(&[delay]) }], &[1]));
        assert!(message.starts_with("node 'n0' (Delay): 'delay' holds "), "{message}");
    }
    let message = refused(&chain(&[1], &[linear(1, &[f32::INFINITY])], &[1]));
    assert_eq!(message, "node 'n0' (Linear): 'weight' holds inf, expected finite numbers");
    for dt in [0.0, -1.0, f64::NAN] {
        let options = Options { dt: Some(dt), ..Options::default() };
        let message = Executor::new(&chain(&[1], &[lif(1.0, 1)], &[1]), &options).err().unwrap().to_string();
        assert!(message.contains("expected a number above 0"), "{message}");
    }
}

#[test]
fn wrong_parameters_are_refused_by_name() {
    let refused = |kind: NodeKind| {
        let message = nir::to_bytes(&chain(&[2], &[kind], &[2])).unwrap_err().to_string();
        message.strip_prefix("node 'n0' ").unwrap_or(&message).to_owned()
    };
    let v = || vector(&[1.0, 2.0]);
    assert_eq!(
        refused(NodeKind::Li { tau: v(), r: vector(&[1.0; 3]), v_leak: v() }),
        "(LI): 'r' has shape [3], expected [2] as 'tau'"
    );
    assert_eq!(
        refused(NodeKind::Scale { scale: Array::scalar(Data::F32(vec![1.0])) }),
        "(Scale): 'scale' is a single number without axes, expected an array with one value per element"
    );
    assert_eq!(
        refused(NodeKind::Linear { weight: v() }),
        "(Linear): 'weight' has shape [2], expected [out, in]"
    );
    let bias = NodeKind::Affine { weight: Array::matrix(2, vec![0.0; 6]), bias: vector(&[0.0; 3]) };
    assert_eq!(refused(bias), "(Affine): 'bias' has shape [3], expected [2] as 'weight' has shape [2, 3]");
    let text = Array::new(&[1], Data::Text(vec!["a".into()])).unwrap();
    assert_eq!(refused(NodeKind::Delay { delay: text }), "(Delay): 'delay' holds text, expected numbers");
    assert_eq!(refused(NodeKind::I { r: vector(&[]) }), "(I): 'r' has shape [0], which holds nothing");
    let conv = Conv {
        input_shape: None,
        weight: array(&[4, 1, 3], &[0.0; 12]),
        bias: vector(&[0.0; 4]),
        stride: [2],
        padding: Padding::Same,
        dilation: [1],
        groups: 1,
    };
    let same = refused(NodeKind::Conv1d(conv.clone()));
    assert_eq!(same, "(Conv1d): 'padding' is 'same', for which 'stride' must be 1");
    let groups = refused(NodeKind::Conv1d(Conv { padding: Padding::Valid, groups: 3, ..conv.clone() }));
    assert_eq!(groups, "(Conv1d): 'groups' is 3, expected a divisor of the 4 out channels");
    let stride = refused(NodeKind::Conv1d(Conv { padding: Padding::Valid, stride: [0], ..conv }));
    assert_eq!(stride, "(Conv1d): 'stride' is [0], expected at least 1");

    let mut graph = chain(&[2], &[], &[2]);
    for name in ["", ".", "a/b", "a\0"] {
        graph.nodes.insert(name.to_owned(), NodeKind::I { r: v() }.into());
        assert!(nir::to_bytes(&graph).unwrap_err().to_string().contains("cannot be called so"), "{name}");
        graph.nodes.remove(name);
    }
    graph.metadata.insert("a/b".to_owned(), 1.0.into());
    assert!(nir::to_bytes(&graph).unwrap_err().to_string().starts_with("metadata 'a/b' cannot be called so"));
    let mut deep = chain(&[2], &[], &[2]);
    for _ in 0..20 {
        deep = chain(&[2], &[NodeKind::Graph(deep)], &[2]);
    }
    assert!(nir::to_bytes(&deep).unwrap_err().to_string().contains("nested more than 16 deep"));
    let mut graph = chain(&[2], &[NodeKind::Graph(chain(&[2], &[], &[2]))], &[2]);
    let Node { metadata, .. } = graph.nodes.get_mut("n0").unwrap();
    metadata.insert("note".to_owned(), 1.0.into());
    assert!(nir::to_bytes(&graph).unwrap_err().to_string().contains("beside a nested graph"));
}

/// The contents of a file whose `node` group `fill` makes, and what reading it says.
fn file(fill: impl FnOnce(&mut GroupBuilder)) -> Result<Graph, String> {
    let mut file = FileBuilder::new();
    let mut group = file.create_group("node");
    fill(&mut group);
    file.add_group(group.finish());
    nir::from_bytes(file.finish().unwrap()).map_err(|error| error.to_string())
}

fn text(group: &mut GroupBuilder, name: &str, value: &str) {
    group.create_dataset(name).with_vlen_strings(&[value]).with_shape(&[]);
}

/// A file with the node `n` that `fill` makes.
fn with_node(fill: impl FnOnce(&mut GroupBuilder)) -> Result<Graph, String> {
    file(|group| {
        text(group, "type", "NIRGraph");
        group.create_dataset("edges").with_f64_data(&[]).with_shape(&[0]);
        let mut nodes = group.create_group("nodes");
        let mut node = nodes.create_group("n");
        fill(&mut node);
        nodes.add_group(node.finish());
        group.add_group(nodes.finish());
    })
}

#[test]
fn files_of_the_first_versions_are_complemented() {
    // No version, no v_reset, fixed-length type, no w_in; or a single one.
    let cuba = |w_in: Option<f64>| {
        with_node(|node| {
            node.create_dataset("type").with_ascii_strings(&["CubaLIF"]).unwrap().with_shape(&[]);
            for name in ["tau_syn", "tau_mem", "r", "v_leak", "v_threshold"] {
                node.create_dataset(name).with_f64_data(&[0.5, 0.25]);
            }
            if let Some(w_in) = w_in {
                node.create_dataset("w_in").with_f64_data(&[w_in]).with_shape(&[]);
            }
        })
        .unwrap()
    };
    for (w_in, expected) in [(None, 1.0), (Some(3.0), 3.0)] {
        let graph = cuba(w_in);
        let NodeKind::CubaLif { v_reset, w_in, tau_syn, .. } = &graph.nodes["n"].kind else {
            panic!("CubaLIF")
        };
        assert_eq!(v_reset, &vec![0.0_f64; 2].into());
        assert_eq!(w_in, &vec![expected; 2].into());
        assert_eq!(tau_syn, &vec![0.5_f64, 0.25].into());
    }
    let graph = with_node(|node| {
        text(node, "type", "SumPool2d");
        for name in ["kernel_size", "stride", "padding"] {
            node.create_dataset(name).with_i32_data(&[if name == "padding" { 1 } else { 2 }]).with_shape(&[]);
        }
    });
    let NodeKind::SumPool2d(pool) = &graph.unwrap().nodes["n"].kind.clone() else { panic!("SumPool2d") };
    assert_eq!((pool.kernel_size, pool.padding), ([2, 2], [1, 1]));
}

#[test]
fn other_files_are_refused_by_name() {
    let bytes = |make: fn(&mut FileBuilder)| {
        let mut file = FileBuilder::new();
        make(&mut file);
        nir::from_bytes(file.finish().unwrap()).unwrap_err().to_string()
    };
    assert_eq!(bytes(|_| {}), "not a NIR file: it has no group 'node'; it has: nothing");
    assert_eq!(file(|_| {}).unwrap_err(), "node 'node' (of unknown type) has no 'type'; it has: nothing");
    assert_eq!(
        file(|group| text(group, "type", "NIRGraph")).unwrap_err(),
        "node 'node' (NIRGraph) has no 'edges'; it has: type"
    );
    let single = file(|group| {
        text(group, "type", "I");
        group.create_dataset("r").with_f32_data(&[1.0]);
    });
    assert_eq!(single.unwrap_err(), "not a NIR file: its 'node' has type 'I', expected 'NIRGraph'");

    let message = with_node(|node| text(node, "type", "ALIF")).unwrap_err();
    assert!(
        message.starts_with("node 'n' has type 'ALIF', which NIR does not define; valid: Input, "),
        "{message}"
    );
    assert_eq!(
        with_node(|node| text(node, "type", "Linear")).unwrap_err(),
        "node 'n' (Linear) has no 'weight'; it has: type"
    );
    let integrator = |fill: &dyn Fn(&mut GroupBuilder)| {
        with_node(|node| {
            text(node, "type", "I");
            fill(node);
        })
        .unwrap_err()
    };
    let more = integrator(&|node| {
        node.create_dataset("r").with_f32_data(&[1.0]);
        node.create_dataset("v0").with_f32_data(&[1.0]);
    });
    assert_eq!(more, "node 'n' (I) has an unknown 'v0'; valid: type, r, metadata");
    let words = integrator(&|node| text(node, "r", "1.0"));
    assert_eq!(words, "node 'n' (I): 'r' holds text, expected numbers");
    let scalar = integrator(&|node| {
        node.create_dataset("r").with_f32_data(&[1.0]).with_shape(&[]);
    });
    assert!(scalar.contains("'r' is a single number without axes"), "{scalar}");
    let shape = with_node(|node| {
        text(node, "type", "Input");
        node.create_dataset("shape").with_i64_data(&[-2]);
    });
    assert_eq!(shape.unwrap_err(), "node 'n' (Input): 'shape' is [-2], expected no negative number");

    let edges = file(|group| {
        text(group, "type", "NIRGraph");
        group.create_dataset("edges").with_vlen_strings(&["a", "b", "c"]);
        let nodes = group.create_group("nodes").finish();
        group.add_group(nodes);
    });
    assert_eq!(
        edges.unwrap_err(),
        "node 'node' (NIRGraph): 'edges' holds text of shape [3], expected text of shape [edges, 2]"
    );
}

#[test]
fn arrays_that_are_larger_than_the_file_are_refused() {
    let name = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data/nir/01_linear_lif.nir");
    let bytes = std::fs::read(name).unwrap();
    // The extents of the weight, 6 × 4, as they stand in the file; old headers have no checksum.
    let extents = |a: u64, b: u64| [a.to_le_bytes(), b.to_le_bytes()].concat();
    for large in [1_u64 << 20, 1 << 40, u64::MAX] {
        let mut bytes = bytes.clone();
        let mut found = 0;
        for at in 0..bytes.len() - 16 {
            if bytes[at..at + 16] == extents(6, 4)[..] {
                bytes[at..at + 16].copy_from_slice(&extents(large, large));
                found += 1;
            }
        }
        assert!(found > 0, "the extents are in the file");
        let message = nir::from_bytes(bytes).unwrap_err().to_string();
        assert!(message.starts_with("node 'fc' (Linear): 'weight' claims shape ["), "{message}");
    }
}
