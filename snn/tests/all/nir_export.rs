//! Discrete networks as NIR graphs: they run as the network does.

#![expect(clippy::unwrap_used, reason = "tests")]

use rand::{Rng, SeedableRng as _};
use snn::nir::export::{
    Filter, Gain, Network, Neuron, Population, Projection, Source, Spike, export, refusal,
};
use snn::nir::{self, Data, Executor, Field, Graph, Metadata, NodeKind, Options, ResetMode};

/// Weights that are multiples of 1/64, so that sums are exact in any order.
fn weights(rng: &mut impl Rng, n: usize) -> Vec<f32> {
    (0..n).map(|_| f32::from((rng.next_u32() % 129) as u8) / 64.0 - 0.9375).collect()
}

fn spike() -> Spike {
    Spike { threshold: vec![0.5], v_reset: vec![0.0] }
}

fn lif(decay: &[f32], gain: Gain) -> Neuron {
    let membrane = Filter { decay: decay.to_vec(), gain };
    Neuron::Lif { membrane, v_leak: vec![0.0], spike: spike() }
}

fn population(name: &str, neurons: usize, neuron: Neuron) -> Population {
    Population { name: name.to_owned(), neurons, neuron, delays: Vec::new() }
}

struct Builder(Network, rand::rngs::ChaCha8Rng);

impl Builder {
    fn new(populations: Vec<Population>) -> Self {
        let network = Network {
            inputs: 3,
            dt: 0.0125,
            reset: ResetMode::ToVReset,
            populations,
            projections: Vec::new(),
            output_bias: Vec::new(),
            metadata: Metadata::new(),
        };
        Self(network, rand::rngs::ChaCha8Rng::seed_from_u64(7))
    }

    fn connect(mut self, source: Source, target: usize, bias: bool) -> Self {
        let rows = self.0.populations[target].neurons;
        let columns = match source {
            Source::Input => self.0.inputs,
            Source::Population(index) => self.0.populations[index].neurons,
        };
        let weight = weights(&mut self.1, rows * columns);
        let bias = if bias { weights(&mut self.1, rows) } else { Vec::new() };
        self.0.projections.push(Projection { source, target, weight, bias });
        self
    }
}

/// Runs the network as its description says; returns the output of every population, tick by tick.
fn simulate(network: &Network, inputs: &[Vec<f32>]) -> Vec<Vec<Vec<f32>>> {
    let sizes: Vec<usize> = network.populations.iter().map(|p| p.neurons).collect();
    let zeros = || sizes.iter().map(|&n| vec![0.0_f32; n]).collect::<Vec<_>>();
    let (mut v, mut i) = (zeros(), zeros());
    let mut history: Vec<Vec<Vec<f32>>> = Vec::new();
    for x in inputs {
        let now = history.len();
        history.push(zeros());
        for (target, population) in network.populations.iter().enumerate() {
            let mut sum = vec![0.0_f32; population.neurons];
            for projection in network.projections.iter().filter(|p| p.target == target) {
                let columns = projection.weight.len() / population.neurons;
                for (row, sum) in sum.iter_mut().enumerate() {
                    let mut part = 0.0;
                    for column in 0..columns {
                        let value = match projection.source {
                            Source::Input => x[column],
                            Source::Population(index) => {
                                let back = usize::from(index >= target)
                                    + network.populations[index].delays.get(column).copied().unwrap_or(0);
                                now.checked_sub(back).map_or(0.0, |tick| history[tick][index][column])
                            }
                        };
                        part += projection.weight[row * columns + column] * value;
                    }
                    *sum += part + projection.bias.get(row).copied().unwrap_or(0.0);
                }
            }
            for (n, &x) in sum.iter().enumerate() {
                let at = |values: &[f32]| values[n.min(values.len() - 1)];
                let filter = |f: &Filter, state: &mut f32, x: f32| {
                    let d = at(&f.decay);
                    *state = d * *state + if f.gain == Gain::One { x } else { (1.0 - d) * x };
                };
                let v = &mut v[target][n];
                let fire = |v: &mut f32, spike: &Spike| {
                    let fires = *v > at(&spike.threshold);
                    if fires {
                        *v = match network.reset {
                            ResetMode::ToVReset => at(&spike.v_reset),
                            ResetMode::Subtract => *v - at(&spike.threshold),
                        };
                    }
                    f32::from(fires)
                };
                history[now][target][n] = match &population.neuron {
                    Neuron::Integrator => {
                        *v += x;
                        *v
                    }
                    Neuron::If(spike) => {
                        *v += x;
                        fire(v, spike)
                    }
                    Neuron::Li(membrane) => {
                        filter(membrane, v, x);
                        *v
                    }
                    Neuron::Lif { membrane, spike, .. } => {
                        filter(membrane, v, x);
                        fire(v, spike)
                    }
                    Neuron::CubaLif { synapse, membrane, spike } => {
                        filter(synapse, &mut i[target][n], x);
                        filter(membrane, v, i[target][n]);
                        fire(v, spike)
                    }
                    Neuron::Threshold(threshold) => f32::from(x > at(threshold)),
                    other => panic!("{other:?}"),
                };
            }
        }
    }
    history
}

/// Exports, writes, reads and runs a network: every population must give the same bits as in the
/// simulation. Returns the graph.
fn assert_same(network: &Network) -> Graph {
    let mut rng = rand::rngs::ChaCha8Rng::seed_from_u64(11);
    let row = |_| weights(&mut rng, network.inputs).iter().map(|x| 4.0 * x + 0.5).collect();
    let inputs: Vec<Vec<f32>> = (0..300).map(row).collect();
    let expected = simulate(network, &inputs);
    let graph = nir::from_bytes(nir::to_bytes(&export(network).unwrap()).unwrap()).unwrap();
    let mut executor = Executor::new(&graph, &Options::default()).unwrap();
    let mut active = vec![false; network.populations.len()];
    for (tick, (x, expected)) in inputs.iter().zip(&expected).enumerate() {
        executor.tick(&[x]);
        for (index, population) in network.populations.iter().enumerate() {
            let name = population.name.replace('.', "_");
            let inner = format!("{name}.lif");
            let found = executor.value(&inner).or_else(|| executor.value(&name)).unwrap();
            assert_eq!(found, expected[index], "tick {tick}, {name}");
            active[index] |= found.iter().any(|x| *x != 0.0);
        }
        let mut last = expected.last().unwrap().clone();
        for (y, bias) in last.iter_mut().zip(&network.output_bias) {
            *y += bias;
        }
        assert_eq!(executor.output(0), last, "tick {tick}");
    }
    assert!(active.iter().all(|x| *x), "a population keeps silent, which tests nothing");
    graph
}

#[test]
fn the_usual_controller() {
    let readout = Neuron::Li(Filter { decay: vec![0.7], gain: Gain::Complement });
    let mut network = Builder::new(vec![
        population("hidden.0", 6, lif(&[0.7], Gain::Complement)),
        population("hidden.1", 5, lif(&[0.9, 0.8, 0.55, 0.75, 0.5], Gain::One)),
        population("readout", 2, readout),
    ])
    .connect(Source::Input, 0, true)
    .connect(Source::Population(0), 0, false)
    .connect(Source::Population(0), 1, false)
    .connect(Source::Population(1), 2, false)
    .0;
    network.output_bias = vec![0.25, -0.5];
    network.metadata.insert("ticks".to_owned(), 4_i64.into());
    let graph = assert_same(&network);
    let names: Vec<&str> = graph.nodes.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "hidden_0",
            "hidden_0_to_hidden_1",
            "hidden_1",
            "hidden_1_to_readout",
            "input",
            "input_to_hidden_0",
            "output",
            "readout",
            "readout_bias"
        ]
    );
    let NodeKind::Graph(layer) = &graph.nodes["hidden_0"].kind else { panic!("a nested graph") };
    assert_eq!(layer.nodes.keys().collect::<Vec<_>>(), ["input", "lif", "output", "w_rec"]);
    assert_eq!(layer.edges.len(), 4);
    for key in ["dt", "reset", "producer", "ticks"] {
        assert!(graph.metadata.contains_key(key), "{key}");
    }
    assert_eq!(graph.dt(), Some(0.0125));
    // What torch works with, and never without axes.
    for node in graph.nodes.values().chain(layer.nodes.values()) {
        for (name, field) in node.kind.fields() {
            if let Field::Array(array) = field {
                assert!(matches!(array.data(), Data::F32(_)) && !array.shape().is_empty(), "{name}");
            }
        }
    }
    network.reset = ResetMode::Subtract;
    assert_same(&network);
}

#[test]
fn every_neuron() {
    let cuba = Neuron::CubaLif {
        synapse: Filter { decay: vec![0.5], gain: Gain::One },
        membrane: Filter { decay: vec![0.75], gain: Gain::Complement },
        spike: spike(),
    };
    let neurons = [
        Neuron::If(spike()),
        lif(&[0.0], Gain::Complement),
        lif(&[0.0], Gain::One),
        lif(&[0.875], Gain::One),
        cuba,
        Neuron::Threshold(vec![0.25]),
    ];
    for neuron in neurons {
        for recurrent in [false, true] {
            let builder = Builder::new(vec![
                population("a", 4, neuron.clone()),
                population("sum", 2, Neuron::Integrator),
            ])
            .connect(Source::Input, 0, true)
            .connect(Source::Population(0), 1, false);
            let builder = if recurrent { builder.connect(Source::Population(0), 0, true) } else { builder };
            // Against the description: before the first tick nothing spikes, and biases count.
            assert_same(&builder.0);
        }
    }
    // The whole range of decays; small ones need 64 bits.
    for k in 0..=100 {
        let decay = k as f32 / 100.0;
        let membrane = Filter { decay: vec![decay], gain: Gain::Complement };
        let network =
            Builder::new(vec![population("a", 2, Neuron::Li(membrane))]).connect(Source::Input, 0, false).0;
        let graph = export(&network).unwrap();
        let mut executor = Executor::new(&graph, &Options::default()).unwrap();
        let mut v = 0.0_f32;
        for x in [1.0_f32, -0.5, 3.0] {
            let input: f32 = network.projections[0].weight[..3].iter().map(|w| w * x).sum();
            v = decay * v + (1.0 - decay) * input;
            executor.tick(&[&[x; 3]]);
            assert_eq!(executor.output(0)[0], v, "decay {decay}");
        }
    }
}

#[test]
fn skips_feedback_and_delays() {
    let hidden = || lif(&[0.75], Gain::One);
    let three =
        || vec![population("a", 4, hidden()), population("b", 3, hidden()), population("c", 2, hidden())];
    // Feedback that closes a cycle, and skips.
    let network = Builder::new(three())
        .connect(Source::Input, 0, true)
        .connect(Source::Population(1), 0, false)
        .connect(Source::Population(0), 1, false)
        .connect(Source::Input, 1, false)
        .connect(Source::Population(1), 2, true)
        .connect(Source::Population(0), 2, true)
        .0;
    assert!(!assert_same(&network).nodes.values().any(|node| node.kind.name() == "Delay"));
    // Feedback that closes none: it needs a delay of its own.
    let network = Builder::new(three())
        .connect(Source::Input, 0, true)
        .connect(Source::Input, 1, true)
        .connect(Source::Population(1), 0, false)
        .connect(Source::Population(0), 2, true)
        .0;
    assert!(assert_same(&network).nodes.contains_key("b_to_a_late"));
    // Axonal delays, also around a loop.
    let mut network = Builder::new(three())
        .connect(Source::Input, 0, true)
        .connect(Source::Population(0), 0, false)
        .connect(Source::Population(0), 1, false)
        .connect(Source::Population(1), 2, true)
        .0;
    network.populations[0].delays = vec![0, 1, 2, 5];
    assert!(assert_same(&network).nodes.contains_key("a_axon"));
    // Entered at its second population, the cycle would be cut in the wrong place.
    let network = Builder::new(three())
        .connect(Source::Input, 1, true)
        .connect(Source::Population(1), 0, false)
        .connect(Source::Population(0), 1, false)
        .connect(Source::Population(1), 2, true)
        .0;
    let message = export(&network).unwrap_err().to_string();
    assert!(message.contains("'a_to_b'") && message.contains("entered from the input"), "{message}");
}

#[test]
fn what_does_not_fit_is_refused() {
    let network =
        Builder::new(vec![population("a", 2, lif(&[0.5], Gain::One))]).connect(Source::Input, 0, true).0;
    let refused = |change: &dyn Fn(&mut Network)| {
        let mut network = network.clone();
        change(&mut network);
        export(&network).unwrap_err().to_string()
    };
    assert_eq!(
        refused(&|n| n.populations[0].neuron = lif(&[1.0], Gain::One)),
        "NIR cannot carry population 'a': its decay is 1, expected 0 to 1; \
         with input that counts fully below 1, and 1 is an integrator"
    );
    assert!(
        refused(&|n| n.populations[0].neuron = lif(&[0.5; 3], Gain::One)).contains("3 values for 2 neurons")
    );
    assert!(refused(&|n| n.projections[0].weight.truncate(5)).contains("5 weights and 2 biases for 2 × 3"));
    assert!(refused(&|n| n.populations[0].name = "input".to_owned()).contains("its name is taken"));
    assert!(refused(&|n| n.projections.push(n.projections[0].clone())).contains("two between the same"));
    assert!(refused(&|n| n.dt = 0.0).contains("the time step"));
    assert!(refused(&|n| n.output_bias = vec![0.0]).contains("1 values for 2 neurons"));
    let message = refusal("hidden.0", "alif").to_string();
    assert_eq!(
        message,
        "NIR cannot carry population 'hidden.0' of model 'alif': its threshold adapts, and no node of NIR does; \
         'lif' is the nearest; models that can be carried: if, lif, plif, cuba_lif, li, threshold"
    );
}
