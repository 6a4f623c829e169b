//! Gradients against differences of a forward pass in f64 whose spikes are logistic functions.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;

use super::{Weighted, noise};
use crate::config::{HiddenLayer, LayerConfig, Precision, SnnConfig};
use crate::decoder::{Count, DecoderConfig, FilteredRate, Membrane, PopulationVector};
use crate::encoder::{Current, Delta, EncoderConfig, Latency, Population, Rate};
use crate::gradient::{ActivityConfig, Batch, Bptt, BpttConfig, Loss, LossConfig, Objective, Over, Targets};
use crate::neuron::neurons;
use crate::scope::Scope;
use crate::switches::{ResetAt, ResetBy, SpikeFrom, Switches};

/// Two states, both inputs, `exp`, division, roots, and parameters in start values.
const OWN: &str = "model own \"a neuron of one's own\"
param tau = 3 in [1, 20] \"time constant\"
param gain = 0.7 in (0, 5] \"of recurrent input\"
param base = 1 in [0.2, 3] \"threshold\"
state v = 0.1*base \"membrane potential\"
state w = 1/tau \"slow\"
let drive = I_in/sqrt(1 + I_in^2) + gain*tanh(I_rec)
w = w + (sqrt(1 + v^2) - w)/tau
v = v*exp(-1/tau) + drive - 0.1*w + 0.05*sigmoid(v)*max(v, w)
spike v > base + 0.1*ln(2 + w)
reset zero: v = 0.2*v; w = w + 0.1
w = w + 0.3*spike
";

#[derive(Clone, Debug)]
struct Case {
    model: String,
    hidden: Vec<(usize, bool)>,
    frames: usize,
    ticks: usize,
    samples: usize,
    options: u64,
    seed: u64,
}

fn config(case: &Case) -> SnnConfig {
    let bit = |bit: u32| case.options >> bit & 1 == 1;
    let infos = neurons();
    let info = infos.iter().find(|info| info.name == case.model);
    let names: Vec<String> = match info {
        Some(info) => info.parameters.iter().map(|parameter| parameter.name.clone()).collect(),
        None if case.model == OWN => ["tau", "gain", "base"].map(String::from).into(),
        None => ["decay", "threshold"].map(String::from).into(),
    };
    let hidden = case.hidden.iter().enumerate().map(|(index, &(neurons, recurrent))| {
        let mut evolve = BTreeMap::new();
        for (i, name) in names.iter().enumerate() {
            let scope = [Scope::Neuron, Scope::Layer, Scope::Fixed][(case.seed as usize + i + index) % 3];
            evolve.insert(name.clone(), scope);
        }
        let resets = info.map_or(0, |info| info.resets.len());
        let mut skip = Vec::new();
        if index > 0 && bit(0) {
            skip.push("input".to_owned());
        }
        if index + 1 < case.hidden.len() && bit(1) {
            skip.push(format!("hidden.{}", index + 1));
        }
        // Pairs and what would make their neurons unlike exclude each other.
        let pairs = (case.options >> 20 & 1) == 1 && !bit(2) && !bit(3) && !bit(4);
        let layer = LayerConfig {
            neurons: if pairs { neurons + neurons % 2 } else { neurons },
            push_pull: pairs,
            fresh: (case.options >> 21 & 1) == 1,
            model: case.model.clone(),
            evolve,
            reset: info.filter(|_| resets > 0).map(|info| info.resets[case.seed as usize % resets].clone()),
            skip,
            density: if bit(2) { 0.7 } else { 1.0 },
            delay: if bit(3) { (0, 2) } else { (0, 0) },
            excitatory: bit(4).then_some(0.6),
            refractory: (case.options >> 11 & 7).saturating_sub(5) as usize,
            ..LayerConfig::default()
        };
        if recurrent { HiddenLayer::Recurrent(layer) } else { HiddenLayer::Dense(layer) }
    });
    SnnConfig {
        encoder: match case.options >> 14 & 7 {
            0..=3 => EncoderConfig::Current(Current { negated: bit(5) }),
            4 => EncoderConfig::Rate(Rate::default()),
            5 => EncoderConfig::Latency(Latency { limit: 1.0 }),
            6 => EncoderConfig::Delta(Delta::default()),
            _ => EncoderConfig::Population(Population::default()),
        },
        hidden: hidden.collect(),
        decoder: match case.options >> 6 & 3 {
            0 => DecoderConfig::Membrane(Membrane {
                evolve: [("decay".to_owned(), Scope::Neuron)].into(),
                ..Membrane::default()
            }),
            1 => DecoderConfig::Rate(FilteredRate { decay: 0.3 }),
            2 => DecoderConfig::Count(Count {}),
            _ => DecoderConfig::Population(PopulationVector {}),
        },
        // Votes have no weights.
        readout_skip: if bit(8) && case.options >> 6 & 3 < 3 && case.hidden.len() > 1 {
            vec!["hidden.0".into()]
        } else {
            Vec::new()
        },
        ticks: case.ticks,
        precision: Precision::F32Free,
        ..SnnConfig::default()
    }
}

/// Compares the derivative along some directions. Returns how many could not be: there the loss has a
/// kink (as `max` and `clamp` have), which shows as differences that depend on the step.
fn compare(case: &Case, objective: impl Fn(&Bptt) -> Box<dyn Objective>) -> usize {
    let (inputs, outputs) = (3, 2);
    let config = config(case);
    let bptt = BpttConfig { detach_reset: false, ..BpttConfig::default() };
    let mut bptt = Bptt::new(&config, inputs, outputs, &bptt).unwrap();
    // Potentials in mV ask for a wider step.
    let wide = ["adex", "izhikevich"].contains(&case.model.as_str());
    bptt.setting.smooth = Some(if wide { 0.3 } else { 3.0 });
    let x: Vec<f32> =
        noise(case.seed + 1, case.frames * case.samples * inputs).into_iter().map(|x| x as f32).collect();
    let resets: Vec<bool> = noise(case.seed + 2, case.frames * case.samples)
        .into_iter()
        .map(|x| case.options >> 9 & 1 == 1 && x > 0.6)
        .collect();
    let batch = Batch { samples: case.samples, inputs: &x, resets: &resets, ..Batch::default() };
    let theta = noise(case.seed + 3, bptt.layout().len());
    let objective = objective(&bptt);
    let total = bptt.exact::<f64>(&theta, &batch, &*objective).unwrap();
    let mut kinks = 0;
    for direction in 0..2 {
        let direction = noise(case.seed + 10 + direction, theta.len());
        let loss = |by: f64| {
            let moved: Vec<f64> = theta.iter().zip(&direction).map(|(x, d)| x + by * d).collect();
            bptt.exact::<f64>(&moved, &batch, &*objective).unwrap().loss
        };
        // Fourth order.
        let difference =
            |e: f64| (8.0 * (loss(e) - loss(-e)) - (loss(2.0 * e) - loss(-2.0 * e))) / (12.0 * e);
        let (coarse, expected) = (difference(1e-5), difference(2e-6));
        let terms = total.gradient.iter().zip(&direction).map(|(g, d)| g * d);
        let size = terms.clone().map(f64::abs).sum::<f64>();
        let found: f64 = terms.sum();
        let doubt = (coarse - expected).abs() / (size + 1e-3);
        if doubt > 1e-6 {
            kinks += 1;
            continue;
        }
        let error = (found - expected).abs() / (size + 1e-3);
        assert!(error < 3e-6, "{found}, not {expected} (of terms of size {size}), for {case:?}");
    }
    kinks
}

fn case(model: String) -> impl Strategy<Value = Case> {
    let hidden = prop::collection::vec((1_usize..20, any::<bool>()), 1..4);
    (hidden, 1_usize..5, 1_usize..4, 1_usize..11, any::<u64>(), 0_u64..1 << 40).prop_map(
        move |(hidden, frames, ticks, samples, options, seed)| {
            let model = model.clone();
            Case { model, hidden, frames, ticks, samples, options, seed }
        },
    )
}

fn check(model: &str, cases: u32) {
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let kinks = AtomicUsize::new(0);
    proptest!(config, |(case in case(model.to_owned()))| {
        let (seed, spikes) = (case.seed, case.options >> 10 & 1 == 1);
        let found = compare(&case, |_| Box::new(Weighted { seed, spikes, squares: true }));
        kinks.fetch_add(found, Ordering::Relaxed);
    });
    let (kinks, all) = (kinks.into_inner(), 2 * cases as usize);
    assert!(kinks <= 2 + all / 4, "{model}: {kinks} of {all} directions have a kink");
}

#[test]
fn every_built_in_model() {
    for info in neurons().into_iter().filter(|info| info.spikes) {
        check(&info.name, 12);
    }
}

#[test]
fn a_model_of_ones_own() {
    check(OWN, 24);
}

#[test]
fn every_switch() {
    // Where the gradient is meant to be the derivative: nothing detached.
    for spike in [SpikeFrom::Old, SpikeFrom::New] {
        for reset in [ResetBy::Subtract, ResetBy::Zero, ResetBy::Never] {
            for at in [ResetAt::Spike, ResetAt::Delayed] {
                let switches = Switches { spike, reset, at, detached: false, scaled: true };
                check(&switches.model(), 3);
            }
        }
    }
}

#[test]
fn every_loss() {
    let over = [Over::Mean, Over::Sum, Over::Max, Over::Last, Over::Each];
    let entropy = over.map(|over| LossConfig::CrossEntropyMembrane { over, smoothing: 0.2 });
    let square = over.map(|over| LossConfig::SquareMembrane { over });
    let others = [
        LossConfig::CrossEntropyCount { smoothing: 0.0 },
        LossConfig::CrossEntropyRate { smoothing: 0.1 },
        LossConfig::SquareRate { correct: 0.8, incorrect: 0.1 },
        LossConfig::SquareSpikes {},
        LossConfig::VanRossum { decay: 0.8 },
    ];
    for (index, loss) in entropy.into_iter().chain(square).chain(others).enumerate() {
        let case = Case {
            model: "lif".into(),
            hidden: vec![(5, true), (4, false)],
            frames: 4,
            ticks: 2,
            samples: 11,
            options: 0,
            seed: 400 + index as u64,
        };
        let values: &'static [f32] =
            noise(5, 8 * 11 * 4).into_iter().map(|x| x as f32).collect::<Vec<_>>().leak();
        let kinks = compare(&case, |bptt| {
            let classes = 2;
            let targets = match loss {
                LossConfig::CrossEntropyMembrane { .. }
                | LossConfig::CrossEntropyCount { .. }
                | LossConfig::CrossEntropyRate { .. } => Targets::Labels(&[0, 1, 1, 0, 0, 1, 0, 1, 0, 1, 1]),
                LossConfig::SquareMembrane { over: Over::Each } => {
                    Targets::Values(&values[..4 * 11 * classes])
                }
                LossConfig::SquareMembrane { .. } | LossConfig::SquareRate { .. } => {
                    Targets::Values(&values[..11 * classes])
                }
                LossConfig::SquareSpikes {} | LossConfig::VanRossum { .. } => Targets::Values(values),
            };
            let activity = ActivityConfig { low: 0.3, high: 0.35, weight: 2.0 };
            Box::new(Loss::new(&loss, activity, targets, bptt, (11, 4)).unwrap())
        });
        assert_eq!(kinks, 0, "{loss:?}");
    }
}
