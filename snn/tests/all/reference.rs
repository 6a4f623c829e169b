//! The evaluators against plain dense loops written from the equations, bit for bit.

#![expect(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;
use rand::SeedableRng as _;
use rand::rngs::ChaCha8Rng;
use snn::{
    Activation, Activity, Code, Controller, ControllerConfig, DecoderConfig, FilteredRate, HiddenLayer,
    LayerConfig, Layout, Membrane, MlpConfig, PopulationCode, Precision, Probe, SnnConfig, tanh,
};

use crate::normals;

/// One layer of the naive network.
struct Naive {
    neurons: usize,
    decay: f64,
    threshold: f32,
    subtract: bool,
    recurrent: bool,
    v: Vec<f32>,
    spikes: Vec<bool>,
}

/// A whole network, evaluated densely and one scalar at a time.
struct NaiveNetwork<'a> {
    config: &'a SnnConfig,
    /// Of the readout.
    decay: f64,
    layout: &'a Layout,
    theta: &'a [f32],
    layers: Vec<Naive>,
    readout: Vec<f32>,
    activity: Activity,
    /// Spikes of each tick of the last step, per layer.
    history: Vec<Vec<Vec<bool>>>,
}

impl<'a> NaiveNetwork<'a> {
    fn new(config: &'a SnnConfig, controller: &'a dyn Controller, theta: &'a [f32]) -> Self {
        let layers = config.hidden.iter().map(|hidden| {
            let layer = hidden.config();
            Naive {
                neurons: layer.neurons,
                decay: layer.parameters["decay"],
                threshold: layer.parameters["threshold"] as f32,
                subtract: layer.reset.as_deref() == Some("subtract"),
                recurrent: matches!(hidden, HiddenLayer::Recurrent(_)),
                v: vec![0.0; layer.neurons],
                spikes: vec![false; layer.neurons],
            }
        });
        let DecoderConfig::Membrane(membrane) = &config.decoder else { panic!("a membrane readout") };
        let decay = membrane.parameters["decay"];
        Self {
            config,
            decay,
            layout: controller.layout(),
            theta,
            layers: layers.collect(),
            readout: vec![0.0; controller.outputs()],
            activity: Activity::default(),
            history: Vec::new(),
        }
    }

    fn grid(&self, x: f32, steps: f32) -> f32 {
        if self.config.precision == Precision::F32Free { x } else { (x * steps).round_ties_even() / steps }
    }

    /// A state after the tick: neither −0 nor subnormal numbers are kept.
    fn kept(&self, x: f32) -> f32 {
        let x = self.grid(x, 65536.0);
        if x.abs() < f32::MIN_POSITIVE { 0.0 } else { x }
    }

    /// The weight from `pre` to `post`, on the grid of a layer with up to 128 sources in `F32`; in `I8`
    /// a multiple of 1/32 of the scale, which has six binary digits.
    fn weight(&self, block: &str, pre: usize, post: usize) -> f32 {
        let negative = self.is_negative(block, pre, post);
        let block = self.layout.block(block).unwrap();
        let theta = self.theta[block.index(pre, post).unwrap()];
        let theta = if negative { -theta } else { theta };
        if block.name == "readout.bias" {
            return block.scale * theta;
        }
        match self.config.precision {
            Precision::F32Free => block.scale * theta,
            Precision::F32 => (block.scale * theta * 4096.0).round_ties_even() / 4096.0,
            _ => (theta * 32.0).round_ties_even().clamp(-127.0, 127.0) / 32.0 * block.scale,
        }
    }

    /// Whether push-pull pairs make a weight the negative of its parameter's.
    fn is_negative(&self, block: &str, pre: usize, post: usize) -> bool {
        let pulls = |layer: Option<usize>, neuron: usize| {
            layer.is_some_and(|layer| self.config.hidden[layer].config().push_pull) && neuron % 2 == 1
        };
        let last = self.layers.len() - 1;
        let layer =
            |prefix: &str| block.strip_prefix(prefix).and_then(|rest| rest.split('.').next()?.parse().ok());
        let (source, target): (Option<usize>, Option<usize>) = match layer("hidden.") {
            None if block == "readout.weight" => (Some(last), None),
            None => (None, None),
            Some(to) if block.ends_with("recurrent") => (Some(to), Some(to)),
            // The bias is the same for both.
            Some(0) if pre + 1 == self.layout.block(block).unwrap().rows => (None, None),
            Some(to) => (to.checked_sub(1), Some(to)),
        };
        pulls(source, pre) != pulls(target, post)
    }

    fn step(&mut self, x: &[f32]) -> Vec<f32> {
        self.history = self.layers.iter().map(|_| Vec::new()).collect();
        self.activity.steps += 1;
        let dense = (x.len() * self.layers[0].neurons) as u64;
        self.activity.synaptic_operations += dense;
        self.activity.dense_operations += dense;
        let whole = |x: &f32| (x * 32.0).round_ties_even().clamp(-127.0, 127.0) / 32.0;
        let x: Vec<f32> = match self.config.precision {
            Precision::I8 => x.iter().map(whole).collect(),
            _ => x.to_vec(),
        };
        for _ in 0..self.config.ticks {
            for l in 0..self.layers.len() {
                let before = self.layers[l].spikes.clone();
                for j in 0..self.layers[l].neurons {
                    let mut current = 0.0;
                    let input = format!("hidden.{l}.input");
                    if l == 0 {
                        for (i, x) in x.iter().chain([&1.0]).enumerate() {
                            current += x * self.weight(&input, i, j);
                        }
                        if self.config.precision == Precision::F32 {
                            current = self.grid(current, 4096.0);
                        }
                    } else {
                        for i in 0..self.layers[l - 1].neurons {
                            let s = f32::from(u8::from(self.layers[l - 1].spikes[i]));
                            current += s * self.weight(&input, i, j);
                        }
                    }
                    if self.layers[l].recurrent {
                        for (i, &s) in before.iter().enumerate() {
                            let s = f32::from(u8::from(s));
                            current += s * self.weight(&format!("hidden.{l}.recurrent"), i, j);
                        }
                    }
                    let layer = &self.layers[l];
                    let (keep, take) = (layer.decay as f32, (1.0 - layer.decay) as f32);
                    let v = keep * layer.v[j] + take * current;
                    let spike = v > layer.threshold;
                    let after = match (spike, layer.subtract) {
                        (false, _) => v,
                        (true, false) => 0.0,
                        (true, true) => v - layer.threshold,
                    };
                    let after = self.kept(after);
                    let layer = &mut self.layers[l];
                    layer.spikes[j] = spike;
                    layer.v[j] = after;
                    self.count(l, spike);
                }
                self.history[l].push(self.layers[l].spikes.clone());
            }
            let last = self.layers.last().unwrap();
            for k in 0..self.readout.len() {
                let mut sum = 0.0;
                for (i, &s) in last.spikes.iter().enumerate() {
                    sum += f32::from(u8::from(s)) * self.weight("readout.weight", i, k);
                }
                let a = self.decay;
                let r = a as f32 * self.readout[k] + (1.0 - a) as f32 * sum;
                self.readout[k] = self.kept(r);
            }
        }
        let action = |(k, r): (usize, &f32)| tanh(r + self.weight("readout.bias", 0, k));
        self.readout.iter().enumerate().map(action).collect()
    }

    /// Counts every synapse that a spike crosses, one by one.
    fn count(&mut self, layer: usize, spike: bool) {
        self.activity.neuron_ticks += 1;
        if spike {
            self.activity.spikes += 1;
            let next = self.layers.get(layer + 1).map(|next| next.neurons);
            self.activity.synaptic_operations += next.unwrap_or(self.readout.len()) as u64;
            if self.layers[layer].recurrent {
                self.activity.synaptic_operations += self.layers[layer].neurons as u64;
            }
        }
    }
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

fn hidden_layer() -> impl Strategy<Value = HiddenLayer> {
    let sizes = prop_oneof![1..20_usize, 40..64_usize];
    (sizes, any::<[bool; 3]>(), 0.0..1.0_f64, 0.2..1.5_f64).prop_map(
        |(neurons, [recurrent, subtract, push_pull], decay, threshold)| {
            let config = LayerConfig {
                neurons: if push_pull { neurons + neurons % 2 } else { neurons },
                push_pull,
                parameters: [("decay".into(), decay), ("threshold".into(), threshold)].into(),
                reset: subtract.then(|| "subtract".into()),
                ..LayerConfig::default()
            };
            if recurrent { HiddenLayer::Recurrent(config) } else { HiddenLayer::Dense(config) }
        },
    )
}

fn snn_config() -> impl Strategy<Value = SnnConfig> {
    let hidden = proptest::collection::vec(hidden_layer(), 1..4);
    let precision = prop_oneof![Just(Precision::F32), Just(Precision::F32Free), Just(Precision::I8)];
    (hidden, 1..6_usize, 0.0..1.0_f64, precision).prop_map(|(hidden, ticks, decay, precision)| SnnConfig {
        hidden,
        ticks,
        decoder: DecoderConfig::Membrane(Membrane {
            parameters: [("decay".into(), decay)].into(),
            ..Membrane::default()
        }),
        input_gain: 3.0,
        precision,
        ..SnnConfig::default()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn event_driven_equals_dense(
        config in snn_config(),
        inputs in 1..40_usize,
        outputs in 1..35_usize,
        seed: u64,
    ) {
        let controller = ControllerConfig::Snn(config.clone()).build(inputs, outputs).unwrap();
        let theta = normals(seed, controller.layout().len());
        let mut naive = NaiveNetwork::new(&config, &*controller, &theta);
        let mut evaluator = controller.evaluator(1);
        evaluator.load(0, &theta);
        let (mut action, mut probe) = (vec![0.0; outputs], Probe::default());
        for step in 0..6 {
            let x = normals(seed ^ (step + 1), inputs);
            evaluator.step(&[true], &x, &mut action).unwrap();
            prop_assert_eq!(bits(&action), bits(&naive.step(&x)));
            evaluator.probe(0, &mut probe).unwrap();
            for (l, layer) in naive.layers.iter().enumerate() {
                let probed = probe.layer(&format!("hidden.{l}")).unwrap();
                prop_assert_eq!(bits(probed.state("v").unwrap()), bits(&layer.v));
                prop_assert_eq!((probed.neurons, probed.ticks), (layer.neurons, config.ticks));
                for (tick, spikes) in naive.history[l].iter().enumerate() {
                    for (neuron, &spike) in spikes.iter().enumerate() {
                        prop_assert_eq!(probed.spiked(tick, neuron), spike);
                    }
                }
            }
            let readout = probe.layer("readout").unwrap();
            prop_assert_eq!(bits(readout.state("r").unwrap()), bits(&naive.readout));
        }
        prop_assert_eq!(evaluator.activity(0), naive.activity);
    }

    #[test]
    fn mlp_equals_naive_product(
        hidden in proptest::collection::vec(1..40_usize, 0..3),
        relu: bool,
        inputs in 1..40_usize,
        outputs in 1..20_usize,
        seed: u64,
    ) {
        let activation = if relu { Activation::Relu } else { Activation::Tanh };
        let config = MlpConfig { hidden, activation, ..MlpConfig::default() };
        let controller = ControllerConfig::Mlp(config.clone()).build(inputs, outputs).unwrap();
        let layout = controller.layout();
        let theta = normals(seed, layout.len());
        let x = normals(seed ^ 1, inputs);

        let mut y = x.clone();
        let mut products = 0;
        for (l, blocks) in layout.blocks().chunks(2).enumerate() {
            products += blocks[0].len() as u64;
            let unit = |j: usize| {
                let mut sum = 0.0_f32;
                for (i, y) in y.iter().enumerate() {
                    sum += y * (blocks[0].scale * theta[blocks[0].index(i, j).unwrap()]);
                }
                sum += blocks[1].scale * theta[blocks[1].index(0, j).unwrap()];
                let is_hidden = l < config.hidden.len();
                if relu && is_hidden { sum.max(0.0) } else { tanh(sum) }
            };
            y = (0..blocks[0].cols).map(unit).collect();
        }

        let mut evaluator = controller.evaluator(1);
        evaluator.load(0, &theta);
        let mut action = vec![0.0; outputs];
        evaluator.step(&[true], &x, &mut action).unwrap();
        prop_assert_eq!(bits(&action), bits(&y));
        let expected = Activity {
            steps: 1,
            synaptic_operations: products,
            dense_operations: products,
            ..Activity::default()
        };
        prop_assert_eq!(evaluator.activity(0), expected);
        let mut probe = Probe::default();
        evaluator.probe(0, &mut probe).unwrap();
        prop_assert_eq!(probe.layers.len(), config.hidden.len() + 1);
        prop_assert_eq!(bits(probe.layer("readout").unwrap().state("y").unwrap()), bits(&action));
    }

    #[test]
    fn blocks_tile_the_vector(config in snn_config(), inputs in 1..40_usize, outputs in 1..9_usize) {
        let pairs = config.hidden.iter().any(|layer| layer.config().push_pull);
        let controller = ControllerConfig::Snn(config).build(inputs, outputs).unwrap();
        let mut seen = vec![0; controller.layout().len()];
        for block in controller.layout().blocks() {
            prop_assert_eq!(Some(block), controller.layout().block(&block.name));
            for pre in 0..block.rows {
                for post in 0..block.cols {
                    seen[block.index(pre, post).unwrap()] += 1;
                }
            }
        }
        let most = if pairs { 4 } else { 1 };
        prop_assert!(seen.iter().all(|count| (1..=most).contains(count)), "{seen:?}");
    }

    /// The opposite observation swaps the neurons of each push-pull pair, and turns the actions around.
    #[test]
    fn push_pull_networks_are_odd(config in snn_config(), inputs in 1..20_usize, seed: u64) {
        let mut config = SnnConfig { precision: Precision::F32, ..config };
        for layer in &mut config.hidden {
            let (HiddenLayer::Dense(layer) | HiddenLayer::Recurrent(layer)) = layer;
            (layer.push_pull, layer.neurons) = (true, layer.neurons + layer.neurons % 2);
        }
        let controller = ControllerConfig::Snn(config).build(inputs, 3).unwrap();
        let mut theta = normals(seed, controller.layout().len());
        theta[controller.layout().block("readout.bias").unwrap().range()].fill(0.0);
        let mut evaluator = controller.evaluator(2);
        evaluator.load(0, &theta);
        evaluator.load(1, &theta);
        let mut actions = [0.0; 6];
        for step in 0..5 {
            let x = normals(seed ^ (step + 1), inputs);
            let both: Vec<f32> = x.iter().copied().chain(x.iter().map(|x| -x)).collect();
            evaluator.step(&[true, true], &both, &mut actions).unwrap();
            for output in 0..3 {
                prop_assert_eq!(actions[output], -actions[3 + output]);
            }
        }
    }
}

/// What the spikes of a population code say of an observation is the observation, and its weights are few.
#[test]
fn a_population_code_is_linear() {
    let (inputs, outputs, copies, ticks) = (3, 2, 8, 200);
    let neurons = 2 * inputs * copies;
    let layer = LayerConfig {
        neurons,
        model: "if".into(),
        reset: Some("subtract".into()),
        push_pull: true,
        fresh: true,
        code: Code::Pairs(PopulationCode { spread: 0.2, ..PopulationCode::default() }),
        ..LayerConfig::default()
    };
    let config = SnnConfig {
        hidden: vec![HiddenLayer::Dense(layer)],
        decoder: DecoderConfig::Rate(FilteredRate { decay: 0.0 }),
        ticks,
        output_gain: 1.0,
        ..SnnConfig::default()
    };
    let controller = ControllerConfig::Snn(config).build(inputs, outputs).unwrap();
    let layout = controller.layout();
    assert_eq!(layout.len(), inputs * outputs + outputs, "{layout:?}");
    let theta = [1.0, -0.5, 0.25, 2.0, -1.0, 0.75, 0.1, -0.2];
    let mut evaluator = controller.evaluator(1);
    evaluator.load(0, &theta);
    let x = [0.8, -2.4, 2.1];
    let mut action = [0.0; 2];
    evaluator.step(&[true], &x, &mut action).unwrap();
    for output in 0..outputs {
        let sum: f32 = (0..inputs).map(|input| x[input] * theta[input * outputs + output]).sum();
        // The rates of a pair differ by 0.24 per unit.
        let expected =
            tanh(sum * 0.24 * copies as f32 / (neurons as f32).sqrt() + theta[inputs * outputs + output]);
        assert!((action[output] - expected).abs() < 0.02, "{} is not {expected}", action[output]);
    }
}

fn controllers() -> [ControllerConfig; 2] {
    let layers = [
        HiddenLayer::Recurrent(LayerConfig { neurons: 70, ..LayerConfig::default() }),
        HiddenLayer::Dense(LayerConfig { neurons: 20, ..LayerConfig::default() }),
    ];
    [
        ControllerConfig::Snn(SnnConfig { hidden: layers.into(), input_gain: 4.0, ..SnnConfig::default() }),
        ControllerConfig::Mlp(MlpConfig::default()),
    ]
}

/// Actions of `steps` control steps of an individual that has the evaluator for itself.
fn alone(controller: &dyn Controller, individual: u64, steps: u64) -> Vec<Vec<f32>> {
    let mut evaluator = controller.evaluator(1);
    evaluator.load(0, &normals(individual, controller.layout().len()));
    let mut action = vec![0.0; controller.outputs()];
    let mut step = |step| {
        let x = normals(1000 * individual + step, controller.inputs());
        evaluator.step(&[true], &x, &mut action).unwrap();
        action.clone()
    };
    (0..steps).map(&mut step).collect()
}

#[test]
fn neighbours_do_not_matter() {
    for config in controllers() {
        let controller = config.build(5, 3).unwrap();
        let expected: Vec<_> = (0..4).map(|i| alone(&*controller, i, 12)).collect();
        assert_ne!(expected[0], expected[1]);
        // Individuals in another order; each pauses in other calls and keeps its own time.
        let order = [2, 0, 3, 1];
        let mut evaluator = controller.evaluator(4);
        for (slot, &individual) in order.iter().enumerate() {
            evaluator.load(slot, &normals(individual, controller.layout().len()));
        }
        let mut done = [0_usize; 4];
        for call in 0..16 {
            let active: Vec<bool> = (0..4).map(|slot| (call + slot) % 4 != 0 && done[slot] < 12).collect();
            let mut observations = Vec::new();
            for (slot, individual) in order.iter().enumerate() {
                observations.extend(normals(1000 * individual + done[slot] as u64, 5));
            }
            let mut actions = [7.0; 12];
            let before: Vec<Activity> = (0..4).map(|slot| evaluator.activity(slot)).collect();
            evaluator.step(&active, &observations, &mut actions).unwrap();
            for (slot, &individual) in order.iter().enumerate() {
                let action = &actions[3 * slot..][..3];
                if active[slot] {
                    let expected = &expected[individual as usize][done[slot]];
                    assert_eq!(bits(action), bits(expected));
                    done[slot] += 1;
                } else {
                    assert_eq!(action, [7.0; 3]);
                    assert_eq!(evaluator.activity(slot), before[slot]);
                }
            }
        }
        assert_eq!(done, [12; 4]);
    }
}

#[test]
fn reset_gives_the_same_trace() {
    for config in controllers() {
        let controller = config.build(5, 3).unwrap();
        let mut evaluator = controller.evaluator(2);
        evaluator.load(1, &normals(1, controller.layout().len()));
        let mut fresh = Probe::default();
        evaluator.probe(1, &mut fresh).unwrap();
        let mut run = || {
            let mut trace = Vec::new();
            for step in 0..10 {
                let mut actions = [0.0; 6];
                let x = normals(step, 10);
                evaluator.step(&[false, true], &x, &mut actions).unwrap();
                trace.extend(bits(&actions));
            }
            let activity = evaluator.activity(1);
            evaluator.reset(1, 0);
            let mut probe = Probe::default();
            evaluator.probe(1, &mut probe).unwrap();
            assert_eq!(probe, fresh);
            assert_eq!(evaluator.activity(1), Activity::default());
            (trace, activity)
        };
        let first = run();
        assert!(first.1.synaptic_operations > 0);
        assert_eq!(run(), first);
    }
}

#[test]
fn start_of_the_search() {
    for config in controllers() {
        let controller = config.build(27, 8).unwrap();
        let theta = controller.initial(&mut ChaCha8Rng::seed_from_u64(3));
        assert_eq!(theta, controller.initial(&mut ChaCha8Rng::seed_from_u64(3)));
        for block in controller.layout().blocks() {
            let values = &theta[block.range()];
            let n = values.len() as f32;
            let variance = values.iter().map(|x| x * x).sum::<f32>() / n;
            if block.name.starts_with("readout") || block.name.ends_with("bias") {
                assert_eq!(variance, 0.0, "{}", block.name);
            } else {
                // Standard deviation of the estimate is √(2/n).
                assert!((variance - 1.0).abs() < 5.0 * (2.0 / n).sqrt(), "{}", block.name);
            }
        }
        let mut evaluator = controller.evaluator(1);
        evaluator.load(0, &theta);
        let mut action = [9.0; 8];
        evaluator.step(&[true], &[2.0; 27], &mut action).unwrap();
        assert_eq!(action, [0.0; 8]);
    }
}

#[test]
fn non_finite_numbers_are_faults() {
    for config in controllers() {
        let controller = config.build(2, 1).unwrap();
        let mut theta = normals(1, controller.layout().len());
        let mut evaluator = controller.evaluator(2);
        evaluator.load(1, &theta);
        theta[0] = f32::NAN;
        evaluator.load(0, &theta);
        for slot in 0..2 {
            evaluator.reset(slot, 0);
        }
        assert_eq!([evaluator.fault(0), evaluator.fault(1)], [true, false]);
        let mut actions = [0.0; 2];
        evaluator.step(&[true; 2], &[1.0; 4], &mut actions).unwrap();
        assert_eq!([evaluator.fault(0), evaluator.fault(1)], [true, false]);
        // A bad observation is found out by what it does to a state.
        evaluator.step(&[true; 2], &[1.0, 1.0, f32::INFINITY, 1.0], &mut actions).unwrap();
        assert!(evaluator.fault(1));
        evaluator.load(0, &[0.0].repeat(controller.layout().len()));
        for slot in 0..2 {
            evaluator.reset(slot, 0);
        }
        assert_eq!([evaluator.fault(0), evaluator.fault(1)], [false, false]);
    }
}

#[test]
#[should_panic(expected = "as many parameters as the layout has")]
fn wrong_length_is_a_bug_of_the_caller() {
    let controller = ControllerConfig::default().build(2, 1).unwrap();
    controller.evaluator(1).load(0, &[0.0; 3]);
}
