//! CPU and GPU give the same spikes: every model, precision and kind of wiring, bit for bit.
//!
//! Needs a graphics adapter; the software one of Mesa (Debian: mesa-vulkan-drivers) will do.

#![expect(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;
use snn::{Controller, Evaluator, Gpu, GpuKernel, Probe, tanh};

use crate::{bits, controller, normals};

fn gpu() -> Gpu {
    Gpu::open().expect("these tests need a Vulkan adapter: install mesa-vulkan-drivers")
}

/// Weights that make most networks neither silent nor saturated.
fn population(controller: &dyn Controller, slots: usize, seed: u64) -> Vec<Vec<f32>> {
    (0..slots).map(|slot| normals(seed + slot as u64, controller.layout().len())).collect()
}

fn pair(controller: &dyn Controller, slots: usize, seed: u64) -> [Box<dyn Evaluator>; 2] {
    pair_on(&gpu(), controller, slots, seed)
}

fn pair_on(gpu: &Gpu, controller: &dyn Controller, slots: usize, seed: u64) -> [Box<dyn Evaluator>; 2] {
    let mut pair = [controller.evaluator(slots), controller.gpu_evaluator(gpu, slots).unwrap().unwrap()];
    for evaluator in &mut pair {
        for (slot, parameters) in population(controller, slots, seed).iter().enumerate() {
            evaluator.load(slot, parameters);
            evaluator.reset(slot, slot as u64);
        }
    }
    pair
}

/// Runs both for `steps` control steps in closed loop: the observation follows the actions, so that a
/// single differing spike grows. Returns spikes per neuron and tick.
fn compare(text: &str, slots: usize, steps: usize, seed: u64) -> f64 {
    compare_on(&gpu(), text, slots, steps, seed)
}

fn compare_on(gpu: &Gpu, text: &str, slots: usize, steps: usize, seed: u64) -> f64 {
    let (inputs, outputs) = (5, 3);
    let controller = controller(text, inputs, outputs);
    let [mut cpu, mut other] = pair_on(gpu, &*controller, slots, seed);
    let mut x = normals(seed ^ 77, slots * inputs);
    let mut actions = [vec![0.0; slots * outputs], vec![0.0; slots * outputs]];
    let mut probes = [Probe::default(), Probe::default()];
    for step in 0..steps {
        // Some sit out, some start anew.
        let active: Vec<bool> = (0..slots).map(|slot| !(slot + step).is_multiple_of(7)).collect();
        if step % 97 == 50 {
            cpu.reset(step % slots, step as u64);
            other.reset(step % slots, step as u64);
        }
        let rewards = normals(seed ^ (step as u64 + 5000), slots);
        for (evaluator, actions) in [&mut cpu, &mut other].into_iter().zip(&mut actions) {
            evaluator.begin(&active, &x, &rewards);
            evaluator.finish(&active, actions).unwrap();
        }
        assert_eq!(bits(&actions[0]), bits(&actions[1]), "{text}: step {step}");
        let noise = normals(seed ^ (step as u64 + 1000), 8);
        for (i, x) in x.iter_mut().enumerate() {
            *x = 0.8 * *x + 0.5 * actions[0][i % actions[0].len()] + 0.4 * noise[i % 8];
        }
        if step % 250 == 3 || step + 1 == steps {
            for slot in [0, slots - 1] {
                cpu.probe(slot, &mut probes[0]).unwrap();
                other.probe(slot, &mut probes[1]).unwrap();
                assert_eq!(probes[0], probes[1], "{text}: step {step}, slot {slot}");
            }
        }
    }
    let (mut sum, mut sum_other) = (snn::Activity::default(), snn::Activity::default());
    for slot in 0..slots {
        sum.merge(&cpu.activity(slot));
        sum_other.merge(&other.activity(slot));
        assert_eq!(cpu.fault(slot), other.fault(slot));
    }
    assert_eq!(sum, sum_other, "{text}");
    sum.spike_rate()
}

const MODELS: [&str; 8] = ["if", "lif", "plif", "alif", "cuba_lif", "ec_lif", "izhikevich", "adex"];
const PRECISIONS: [&str; 3] = ["F32", "I8", "Binary"];

fn negated(precision: &str) -> bool {
    precision == "Binary"
}

#[test]
fn built_in_models_in_every_precision() {
    for model in MODELS.iter().chain(&["threshold"]) {
        for precision in PRECISIONS {
            let text = format!(
                "Snn(hidden: [Recurrent(neurons: 40, model: \"{model}\")], ticks: 3, precision: {precision}, \
                 encoder: Current(negated: {}), input_gain: 4, recurrent_gain: 2)",
                negated(precision)
            );
            let rate = compare(&text, 6, 300, 11);
            assert!(rate > 0.001 && rate < 0.999, "{model} in {precision}: spike rate {rate}");
        }
    }
}

/// Everything that wiring can be, at once.
fn wired(precision: &str) -> String {
    format!(
        "Snn(hidden: [
            Recurrent(neurons: 70, density: 0.4, delay: (0, 5), excitatory: Some(0.8), refractory: 2),
            Dense(neurons: 33, model: \"alif\", skip: [\"input\", \"hidden.2\"], reset: Some(\"subtract\"),
                  evolve: {{\"decay\": Neuron, \"threshold\": Layer}}),
            Recurrent(neurons: 9, model: \"ec_lif\", skip: [\"hidden.0\"], delay: (3, 3),
                      evolve: {{\"synapse_decay\": Neuron}}),
         ], readout_skip: [\"hidden.0\"], ticks: 4, precision: {precision}, wiring_seed: 5,
         encoder: Current(negated: {}), input_gain: 4, recurrent_gain: 2,
         decoder: Membrane(evolve: {{\"decay\": Neuron}}))",
        negated(precision)
    )
}

#[test]
fn all_kinds_of_wiring() {
    for precision in PRECISIONS {
        let rate = compare(&wired(precision), 5, 300, 3);
        assert!(rate > 0.01 && rate < 0.9, "{precision}: spike rate {rate}");
    }
}

/// The kernel that keeps weights in registers: all models, and layers of all sizes up to the largest that fit.
#[test]
fn weights_in_registers() {
    let mut gpu = gpu();
    gpu.kernel = GpuKernel::Resident;
    for precision in PRECISIONS {
        let more = format!("precision: {precision}, input_gain: 4, recurrent_gain: 2");
        let negated = negated(precision);
        let decoder = if negated { "Rate()" } else { "Population()" };
        let models = MODELS.iter().copied().chain(["threshold", OWN]).map(|model| {
            format!(
                "hidden: [Recurrent(neurons: 40, model: {model:?})], ticks: 3, {more}, \
                     encoder: Current(negated: {negated})"
            )
        });
        let shapes = [
            format!(
                "hidden: [Recurrent(neurons: 7), Dense(neurons: 33, skip: [\"input\", \"hidden.2\"]), \
                     Recurrent(neurons: 35, model: \"alif\", skip: [\"hidden.0\"], \
                     evolve: {{\"decay\": Neuron, \"threshold\": Layer}})], readout_skip: [\"hidden.0\"], ticks: 4, \
                     {more}, encoder: Current(negated: {negated}), decoder: Membrane(evolve: {{\"decay\": Neuron}})"
            ),
            format!(
                "hidden: [Recurrent(neurons: 64, density: 0.5, excitatory: Some(0.8))], ticks: 5, {more}, \
                     encoder: Rate(), decoder: Count()"
            ),
            format!(
                "hidden: [Recurrent(neurons: 120)], ticks: 1, {more}, encoder: Latency(), decoder: {decoder}"
            ),
        ];
        for text in models.chain(shapes) {
            let rate = compare_on(&gpu, &format!("Snn({text})"), 5, 60, 11);
            assert!(rate > 0.001 && rate < 0.999, "{text}: spike rate {rate}");
        }
    }
}

#[test]
fn push_pull_pairs() {
    for precision in ["F32", "I8"] {
        let text = format!(
            "Snn(hidden: [
                Recurrent(neurons: 34, push_pull: true, fresh: true),
                Dense(neurons: 17, skip: [\"input\"]),
                Dense(neurons: 20, model: \"alif\", skip: [\"hidden.0\"], push_pull: true),
             ], readout_skip: [\"hidden.0\"], ticks: 4, precision: {precision}, input_gain: 6)"
        );
        let rate = compare(&text, 5, 300, 3);
        assert!(rate > 0.01 && rate < 0.9, "{precision}: spike rate {rate}");
    }
}

#[test]
fn population_codes() {
    let text = "Snn(hidden: [
            Recurrent(neurons: 90, model: \"if\", code: Pairs(drive: 0.2), push_pull: true, fresh: true),
         ], ticks: 5, recurrent_gain: 0.3)";
    let rate = compare(text, 5, 200, 3);
    assert!(rate > 0.01 && rate < 0.9, "spike rate {rate}");
}

#[test]
fn encoders_and_decoders() {
    for encoder in ["Population(fields: 5)", "Rate()", "Latency()", "Delta()", "Current(negated: true)"] {
        for (precision, decoder) in [
            ("F32", "Population()"),
            ("I8", "Rate()"),
            ("Binary", "Count()"),
            ("F32", "Count()"),
            ("I8", "Population()"),
        ] {
            let text = format!(
                "Snn(hidden: [Recurrent(neurons: 70)], encoder: {encoder}, decoder: {decoder}, ticks: 5, \
                 precision: {precision}, input_gain: 6)"
            );
            let rate = compare(&text, 3, 60, 5);
            assert!(rate > 0.001 && rate < 0.99, "{encoder}, {precision}: spike rate {rate}");
        }
    }
}

/// Neurons without a state, in a layer wider than all states together.
#[test]
fn weights_that_change_between_stateless_neurons() {
    let text = "Snn(hidden: [Dense(neurons: 200, model: \"threshold\")], ticks: 2, input_gain: 4, \
                plasticity: [(blocks: [\"hidden.0.input\"]), (rule: RewardStdp())])";
    let rate = compare(text, 3, 100, 17);
    assert!(rate > 0.001 && rate < 0.999, "spike rate {rate}");
}

#[test]
fn weights_that_change() {
    for encoder in ["Current(negated: true)", "Rate()"] {
        for scope in ["Layer", "Neuron"] {
            let text = format!(
                "Snn(hidden: [
                    Recurrent(neurons: 37, delay: (0, 2), excitatory: Some(0.6)),
                    Dense(neurons: 20, density: 0.4),
                 ], ticks: 3, encoder: {encoder}, input_gain: 6, recurrent_gain: 2, plasticity: [
                    (rule: Hebbian, blocks: [\"hidden.0.input\", \"hidden.0.recurrent\"], scope: {scope}),
                    (rule: RewardStdp(), blocks: [\"hidden.1.input\"], rate: 0.3, scope: {scope}),
                    (rule: RewardStdp(baseline: 0), blocks: [\"readout.weight\"], rate: 0.1, bound: 0.5),
                 ])"
            );
            let rate = compare(&text, 4, 300, 31);
            assert!(rate > 0.001 && rate < 0.95, "{encoder}, {scope}: spike rate {rate}");
        }
    }
}

/// A model that no Rust was written for, with an exponential and a division in its tick.
const OWN: &str = "model own
param decay = 0.8 in [0, 1]
param width = 0.5 in (0, 10] evolve neuron
state v = 0
state w = 0.25
let drive = I/(1 + abs(w)) + 0.1*exp((v - 1)/width)
v = decay*v + (1 - decay)*drive
w = 0.9*w + 0.1*tanh(v)
spike v > 1 + 0.2*w
reset down: v = v - 1; w = w + 0.3
";

#[test]
fn a_model_of_the_user() {
    for precision in PRECISIONS {
        let text = format!(
            "Snn(hidden: [Recurrent(neurons: 20, model: {OWN:?})], ticks: 3, precision: {precision}, \
             input_gain: 4, encoder: Current(negated: {}))",
            negated(precision)
        );
        let rate = compare(&text, 4, 300, 21);
        assert!(rate > 0.001 && rate < 0.9, "{precision}: spike rate {rate}");
    }
}

/// More individuals than workgroups in one direction, of which some sit out: each moves on by one step,
/// and the others do not move.
#[test]
fn more_individuals_than_a_row_of_workgroups() {
    let slots = 40_000;
    let controller = controller("Snn(hidden: [Dense(neurons: 1)], ticks: 1)", 1, 1);
    let [mut cpu, mut other] = pair(&*controller, slots, 2);
    let mut actions = [vec![0.0; slots], vec![0.0; slots]];
    for sitting_out in [usize::MAX, 6, 7] {
        let active: Vec<bool> = (0..slots).map(|slot| !(slot + 1).is_multiple_of(sitting_out)).collect();
        assert!(active.iter().filter(|active| **active).count() > 32_768);
        for (evaluator, actions) in [&mut cpu, &mut other].into_iter().zip(&mut actions) {
            evaluator.step(&active, &vec![1.5; slots], actions).unwrap();
        }
        assert_eq!(bits(&actions[0]), bits(&actions[1]));
    }
    let mut probes = [Probe::default(), Probe::default()];
    for slot in (0..slots).step_by(997).chain([32_767, 32_768, slots - 1]) {
        cpu.probe(slot, &mut probes[0]).unwrap();
        other.probe(slot, &mut probes[1]).unwrap();
        assert_eq!(probes[0], probes[1], "slot {slot}");
    }
    for slot in 0..slots {
        assert_eq!(cpu.activity(slot), other.activity(slot), "slot {slot}");
    }
}

/// Sums over many ticks leave the range of states; decoders must not be cut off there.
#[test]
fn decoders_sum_over_many_ticks() {
    // All hidden neurons spike in every tick, driven by their biases.
    for (decoder, neurons, ticks, weight, expected) in [
        ("Count()", 16, 1000, 1.0 / 32.0, tanh(0.5)),
        ("Count()", 16, 4096, -1.0 / 16.0, tanh(-1.0)),
        ("Rate(decay: 0)", 16, 1000, 1.0 / 32.0, tanh(0.5)),
        // Only the neurons that prefer more than 0 spike.
        ("Population()", 128, 4096, 0.0, 0.5),
    ] {
        for precision in ["F32", "I8", "F32Free"] {
            let text = format!(
                "Snn(hidden: [Dense(neurons: {neurons}, model: \"threshold\")], decoder: {decoder}, \
                 ticks: {ticks}, precision: {precision}, input_gain: 2, output_gain: 4)"
            );
            let controller = controller(&text, 1, 1);
            let mut theta = vec![0.0; controller.layout().len()];
            let block = |name: &str| controller.layout().block(name).cloned();
            let bias = block("hidden.0.input").unwrap();
            for (neuron, theta) in theta[bias.range()][neurons..].iter_mut().enumerate() {
                *theta = if decoder == "Population()" && neuron < neurons / 2 { 0.0 } else { 2.0 };
            }
            if let Some(readout) = block("readout.weight") {
                assert_eq!(readout.scale, 1.0);
                theta[readout.range()].fill(weight);
            }
            let both = [controller.evaluator(1), controller.gpu_evaluator(&gpu(), 1).unwrap().unwrap()];
            for (index, mut evaluator) in both.into_iter().enumerate() {
                evaluator.load(0, &theta);
                evaluator.reset(0, 0);
                let mut action = [0.0];
                if let Err(error) = evaluator.step(&[true], &[0.0], &mut action) {
                    // The driver of the software adapter ends kernels after 65,535 turns of their loops.
                    let told = error.to_string();
                    assert!(index == 1 && told.contains("too few for this network"), "{told}");
                    assert!(ticks > 1000, "{text}");
                    continue;
                }
                let all = (ticks * if decoder == "Population()" { neurons / 2 } else { neurons }) as u64;
                assert_eq!(evaluator.activity(0).spikes, all);
                // Preferred values are rounded to 1/64.
                let limit = if decoder == "Population()" { 1e-2 } else { 0.0 };
                let difference = (action[0] - expected).abs();
                assert!(difference <= limit, "{decoder} in {precision}: {action:?}, not {expected}");
            }
        }
    }
}

/// Without input this model divides by 0. Its neurons have some, but not the lanes beyond the last.
const DIVIDES: &str = "model divides\nstate v = 0\nv = 0.5*v + 0.1/I\nspike v > 1\n";

#[test]
fn lanes_beyond_the_last_neuron_raise_no_fault() {
    for (precision, neurons) in [("F32", 5), ("F32Free", 17), ("I8", 70)] {
        let text = format!(
            "Snn(hidden: [Dense(neurons: {neurons}, model: {DIVIDES:?})], precision: {precision}, input_gain: 4)"
        );
        let controller = controller(&text, 2, 1);
        let [mut cpu, mut other] = pair(&*controller, 2, 4);
        let mut theta = vec![1.0; controller.layout().len()];
        for evaluator in [&mut cpu, &mut other] {
            evaluator.load(0, &theta);
            evaluator.reset(0, 0);
        }
        // The last neuron of the other individual gets nothing.
        let bias = controller.layout().block("hidden.0.input").unwrap().range();
        for row in theta[bias].chunks_exact_mut(neurons) {
            row[neurons - 1] = 0.0;
        }
        for evaluator in [&mut cpu, &mut other] {
            evaluator.load(1, &theta);
            evaluator.reset(1, 0);
            for _ in 0..3 {
                evaluator.step(&[true; 2], &[0.5; 4], &mut [0.0; 2]).unwrap();
            }
            assert_eq!([evaluator.fault(0), evaluator.fault(1)], [false, true], "{text}");
        }
    }
}

/// A layer with two sources of spikes beside its bias, in scales that are on no common grid.
#[test]
fn several_projections_into_one_layer() {
    for precision in PRECISIONS {
        let text = format!(
            "Snn(hidden: [Recurrent(neurons: 37), Recurrent(neurons: 23, skip: [\"input\"]), \
             Recurrent(neurons: 19, skip: [\"hidden.0\", \"input\"])], ticks: 3, precision: {precision}, \
             encoder: Current(negated: {}), input_gain: 3.3, recurrent_gain: 1.7)",
            negated(precision)
        );
        let rate = compare(&text, 4, 150, 41);
        assert!(rate > 0.001 && rate < 0.999, "{precision}: spike rate {rate}");
    }
}

/// Coefficients so large that a change of a weight becomes infinity minus infinity.
#[test]
fn changes_that_are_no_number_are_faults() {
    for rule in ["Hebbian", "RewardStdp(baseline: 0)"] {
        let text = format!(
            "Snn(hidden: [Dense(neurons: 20)], ticks: 4, input_gain: 6, \
             plasticity: [(rule: {rule}, scope: Neuron, rate: 1e6)])"
        );
        let controller = controller(&text, 3, 2);
        let mut theta = normals(1, controller.layout().len());
        let evaluators = |theta: &[f32]| {
            pair(&*controller, 1, 1).map(|mut evaluator| {
                evaluator.load(0, theta);
                evaluator.reset(0, 0);
                for step in 0..12 {
                    evaluator.begin(&[true], &normals(step, 3), &[(step % 3) as f32]);
                    evaluator.finish(&[true], &mut [0.0; 2]).unwrap();
                }
                evaluator.fault(0)
            })
        };
        assert_eq!(evaluators(&theta), [false; 2], "{rule}");
        for block in
            controller.layout().blocks().iter().filter(|block| block.name.starts_with("readout.weight."))
        {
            let large =
                if block.name.ends_with('b') || block.name.ends_with("depression") { -3e38 } else { 3e38 };
            // Beyond any number, whatever the scale of the block.
            theta[block.range()].fill(large);
        }
        assert_eq!(evaluators(&theta), [true; 2], "{rule}");
    }
}

/// The full length that is promised, on a small network of each precision.
#[test]
#[ignore = "slow: ./tests/run --full"]
fn ten_thousand_control_steps() {
    for precision in PRECISIONS {
        let text = format!(
            "Snn(hidden: [Recurrent(neurons: 24, model: \"alif\")], ticks: 2, precision: {precision}, \
             input_gain: 4, recurrent_gain: 2, encoder: Current(negated: {}))",
            negated(precision)
        );
        compare(&text, 2, 10_000, 9);
    }
}

/// Floats as they come may be fused on a device, so one control step from the same state is compared,
/// and a spike may differ only where the membrane potential is within rounding of the threshold.
#[test]
fn free_floats_step_by_step() {
    let text = "Snn(hidden: [Recurrent(neurons: 40)], ticks: 1, precision: F32Free, input_gain: 4)";
    let (slots, inputs, outputs) = (4, 5, 3);
    let controller = controller(text, inputs, outputs);
    let [mut cpu, mut other] = pair(&*controller, slots, 1);
    cpu.watch(Some(0)).unwrap();
    let (mut cpu_probe, mut other_probe) = (Probe::default(), Probe::default());
    let mut actions = vec![0.0; slots * outputs];
    for step in 0..200 {
        // The same state again and again: that of an episode's start after one step.
        for slot in 0..slots {
            cpu.reset(slot, 0);
            other.reset(slot, 0);
        }
        let x = normals(step, slots * inputs);
        cpu.step(&[true; 4], &x, &mut actions).unwrap();
        other.step(&[true; 4], &x, &mut actions).unwrap();
        cpu.probe(0, &mut cpu_probe).unwrap();
        other.probe(0, &mut other_probe).unwrap();
        let (a, b) = (&cpu_probe.layers[0], &other_probe.layers[0]);
        let trace = |name: &str| &a.traces.iter().find(|trace| trace.name == name).unwrap().values;
        for neuron in 0..a.neurons {
            let margin = trace("membrane")[neuron] - trace("threshold")[neuron];
            assert!(a.spiked(0, neuron) == b.spiked(0, neuron) || margin.abs() < 1e-5, "margin {margin}");
        }
    }
}

#[test]
fn traces_are_the_same_and_fit_the_spikes() {
    let controller = controller(&wired("F32"), 4, 2);
    let [mut cpu, mut other] = pair(&*controller, 3, 8);
    let mut actions = [0.0; 6];
    for evaluator in [&mut cpu, &mut other] {
        evaluator.watch(Some(1)).unwrap();
    }
    for step in 0..20 {
        let x = normals(step, 12);
        let mut probes = [Probe::default(), Probe::default()];
        for (evaluator, probe) in [&mut cpu, &mut other].into_iter().zip(&mut probes) {
            evaluator.step(&[true; 3], &x, &mut actions).unwrap();
            evaluator.probe(1, probe).unwrap();
        }
        assert_eq!(probes[0], probes[1]);
        for layer in &probes[0].layers {
            let trace = |name: &str| layer.traces.iter().find(|trace| trace.name == name);
            assert_eq!(trace("current").unwrap().values.len() % layer.neurons, 0);
            let Some((membrane, threshold)) = trace("membrane").zip(trace("threshold")) else {
                assert_eq!(layer.name, "readout");
                continue;
            };
            for tick in 0..layer.ticks {
                for neuron in 0..layer.neurons {
                    let at = tick * layer.neurons + neuron;
                    if layer.spiked(tick, neuron) {
                        assert!(membrane.values[at] > threshold.values[at]);
                    }
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn random_networks(
        sizes in proptest::collection::vec(1..80_usize, 1..4),
        recurrent: bool,
        ticks in 1..5_usize,
        density in prop_oneof![Just(1.0), 0.1..0.9_f64],
        precision in 0..3_usize,
        model in 0..8_usize,
        seed in 0..1000_u64,
    ) {
        let kind = if recurrent { "Recurrent" } else { "Dense" };
        let layers: Vec<String> = sizes
            .iter()
            .map(|n| format!("{kind}(neurons: {n}, model: \"{}\", density: {density})", MODELS[model]))
            .collect();
        let text = format!(
            "Snn(hidden: [{}], ticks: {ticks}, precision: {}, input_gain: 5, wiring_seed: {seed})",
            layers.join(", "),
            PRECISIONS[precision]
        );
        compare(&text, 3, 40, seed);
    }
}
