//! CPU and GPU give the same spikes: every model, precision and kind of wiring, bit for bit.
//!
//! Needs a graphics adapter; the software one of Mesa (Debian: mesa-vulkan-drivers) will do.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use proptest::prelude::*;
use rand::SeedableRng as _;
use rand::rngs::ChaCha8Rng;
use rand_distr::{Distribution as _, StandardNormal};
use ron::extensions::Extensions;
use snn::{Controller, ControllerConfig, Evaluator, Gpu, Probe};

fn gpu() -> Gpu {
    Gpu::open().expect("these tests need a Vulkan adapter: install mesa-vulkan-drivers")
}

fn controller(text: &str, inputs: usize, outputs: usize) -> Arc<dyn Controller> {
    let options = ron::Options::default().with_default_extension(Extensions::UNWRAP_VARIANT_NEWTYPES);
    options.from_str::<ControllerConfig>(text).unwrap().build(inputs, outputs).unwrap()
}

fn normals(seed: u64, count: usize) -> Vec<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..count).map(|_| StandardNormal.sample(&mut rng)).collect()
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// Weights that make most networks neither silent nor saturated.
fn population(controller: &dyn Controller, slots: usize, seed: u64) -> Vec<Vec<f32>> {
    (0..slots).map(|slot| normals(seed + slot as u64, controller.layout().len())).collect()
}

fn pair(controller: &dyn Controller, slots: usize, seed: u64) -> [Box<dyn Evaluator>; 2] {
    let mut pair = [controller.evaluator(slots), controller.gpu_evaluator(&gpu(), slots).unwrap().unwrap()];
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
    let (inputs, outputs) = (5, 3);
    let controller = controller(text, inputs, outputs);
    let [mut cpu, mut other] = pair(&*controller, slots, seed);
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
        cpu.step(&active, &x, &mut actions[0]).unwrap();
        other.step(&active, &x, &mut actions[1]).unwrap();
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
