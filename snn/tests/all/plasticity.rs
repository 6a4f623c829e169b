//! Learning rules against their equations, written out a second time in double precision.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use ron::extensions::Extensions;
use snn::{Controller, ControllerConfig, Probe, SnnError};

const INPUTS: usize = 3;
const HIDDEN: usize = 12;
const OUTPUTS: usize = 2;
const TICKS: usize = 4;

fn build(plasticity: &str, more: &str) -> Result<Arc<dyn Controller>, SnnError> {
    let text = format!(
        "Snn(hidden: [Dense(neurons: {HIDDEN})], ticks: {TICKS}, input_gain: 6, \
         plasticity: [{plasticity}], {more})"
    );
    let options = ron::Options::default().with_default_extension(Extensions::UNWRAP_VARIANT_NEWTYPES);
    options.from_str::<ControllerConfig>(&text).unwrap().build(INPUTS, OUTPUTS)
}

/// Fixed numbers of order 1.
fn numbers(count: usize, phase: f64) -> Vec<f32> {
    (0..count).map(|i| (1.6 * libm::sin(phase + 1.7 * i as f64)) as f32).collect()
}

/// What the rules say, for the connections from the hidden layer to the readout.
#[derive(Default)]
struct Rule {
    change: Vec<f64>,
    eligibility: Vec<f64>,
    sources: Vec<f64>,
    targets: Vec<f64>,
    mean: Option<f64>,
}

const RATE: f64 = 0.1;
const TRACE: f64 = 0.75;
const FORGET: f64 = 0.02;
const ELIGIBILITY: f64 = 0.6;
const BASELINE: f64 = 0.2;

/// Runs a network whose readout learns and compares the currents that reach the readout, tick by tick,
/// with those of the equations. Returns the largest change of a weight.
fn against_equations(precision: &str, rule: &str, coefficients: &[f64], tolerance: f64) -> f64 {
    let text = format!("(rule: {rule}, trace: {TRACE}, forget: {FORGET}, rate: {RATE}, bound: 0.3)");
    let controller = build(&text, &format!("precision: {precision}")).unwrap();
    let layout = controller.layout();
    let mut theta = numbers(layout.len(), 0.3);
    let readout = layout.block("readout.weight").unwrap().clone();
    let names: Vec<&str> = layout.blocks()[layout.blocks().len() - coefficients.len()..]
        .iter()
        .map(|block| block.name.as_str())
        .collect();
    assert!(names.iter().all(|name| name.starts_with("readout.weight.")), "{names:?}");
    let first = layout.len() - coefficients.len();
    for (theta, &coefficient) in theta[first..].iter_mut().zip(coefficients) {
        *theta = coefficient as f32;
    }
    let unit = f64::from(readout.scale);
    let rate = RATE / (HIDDEN as f64).sqrt();
    let coefficients: Vec<f64> = coefficients.iter().map(|c| rate * unit * c).collect();
    let bound = 0.3 * unit;

    let mut evaluator = controller.evaluator(1);
    evaluator.load(0, &theta);
    evaluator.reset(0, 0);
    evaluator.watch(Some(0)).unwrap();
    let mut probe = Probe::default();
    let mut largest = 0.0_f64;
    let mut rule = Rule {
        change: vec![0.0; HIDDEN * OUTPUTS],
        eligibility: vec![0.0; HIDDEN * OUTPUTS],
        sources: vec![0.0; HIDDEN],
        targets: vec![0.0; OUTPUTS],
        mean: None,
    };
    let mut spikes = 0;
    for step in 0..120 {
        let reward = libm::sin(step as f64);
        evaluator.begin(&[true], &numbers(INPUTS, step as f64 * 0.4), &[reward as f32]);
        evaluator.finish(&[true], &mut [0.0; OUTPUTS]).unwrap();
        evaluator.probe(0, &mut probe).unwrap();
        let (hidden, output) = (&probe.layers[0], &probe.layers[1]);

        // At the beginning of the control step.
        let mut surprise = 0.0;
        if step > 0 {
            let mean = rule.mean.get_or_insert(reward);
            surprise = reward - *mean;
            *mean += BASELINE * surprise;
        }
        for pre in 0..HIDDEN {
            for post in 0..OUTPUTS {
                let (h, e) =
                    (&mut rule.change[pre * OUTPUTS + post], &mut rule.eligibility[pre * OUTPUTS + post]);
                let (x, y) = (rule.sources[pre], rule.targets[post]);
                let gain = match coefficients[..] {
                    [a, b, c, d] => a * x * y + b * x + c * y + d,
                    _ => surprise * *e,
                };
                *h = ((1.0 - FORGET) * *h + gain).clamp(-bound, bound);
                *e *= ELIGIBILITY;
                largest = largest.max(h.abs());
            }
        }
        for tick in 0..TICKS {
            let spiked: Vec<f64> = (0..HIDDEN).map(|n| f64::from(u8::from(hidden.spiked(tick, n)))).collect();
            spikes += spiked.iter().filter(|&&s| s > 0.0).count();
            let current = &output.traces[0].values[tick * OUTPUTS..];
            let value = &output.traces.last().unwrap().values[tick * OUTPUTS..];
            for post in 0..OUTPUTS {
                let weight = |pre: usize| {
                    let theta = theta[readout.offset + pre * OUTPUTS + post];
                    unit * f64::from(theta) + rule.change[pre * OUTPUTS + post]
                };
                let expected: f64 = (0..HIDDEN).map(|pre| spiked[pre] * weight(pre)).sum();
                let found = f64::from(current[post]);
                assert!(
                    (found - expected).abs() <= tolerance * expected.abs().max(1.0),
                    "step {step}, tick {tick}, output {post}: {found} instead of {expected}"
                );
            }
            for (x, s) in rule.sources.iter_mut().zip(&spiked) {
                *x = TRACE * *x + (1.0 - TRACE) * s;
            }
            if let [plus, minus] = coefficients[..] {
                for (place, e) in rule.eligibility.iter_mut().enumerate() {
                    let (pre, post) = (place / OUTPUTS, place % OUTPUTS);
                    *e += plus * rule.sources[pre] * f64::from(value[post].clamp(-1.0, 1.0))
                        - minus * spiked[pre] * rule.targets[post];
                }
            }
            for (y, &value) in rule.targets.iter_mut().zip(value) {
                *y = TRACE * *y + (1.0 - TRACE) * f64::from(value.clamp(-1.0, 1.0));
            }
        }
    }
    assert!(spikes > 300, "{spikes} spikes say little");
    largest / unit
}

#[test]
fn hebbian_follows_its_equation() {
    // On the grid, each of a dozen weights may be half a step off.
    for (precision, tolerance) in [("F32Free", 2e-5), ("F32", 2e-3)] {
        let largest = against_equations(precision, "Hebbian", &[1.3, -0.7, 0.5, 0.2], tolerance);
        assert!(largest > 0.1 && largest <= 0.3 + 1e-9, "{precision}: largest change {largest}");
        // Beyond the bound it must not go.
        let largest = against_equations(precision, "Hebbian", &[9.0, 0.0, 0.0, 3.0], tolerance);
        assert!((largest - 0.3).abs() < 1e-9, "{precision}: largest change {largest}");
    }
}

#[test]
fn reward_stdp_follows_its_equation() {
    let rule = format!("RewardStdp(eligibility: {ELIGIBILITY}, baseline: {BASELINE})");
    for (precision, tolerance) in [("F32Free", 2e-5), ("F32", 2e-3)] {
        let largest = against_equations(precision, &rule, &[0.1, 0.07], tolerance);
        assert!(largest > 0.02 && largest < 0.3, "{precision}: largest change {largest}");
    }
}

/// Actions of one episode.
fn actions(controller: &dyn Controller, theta: &[f32], rewards: impl Fn(usize) -> f32) -> Vec<u32> {
    let mut evaluator = controller.evaluator(1);
    evaluator.load(0, theta);
    let mut all = Vec::new();
    // A second episode begins with the weights of birth.
    for _ in 0..2 {
        evaluator.reset(0, 0);
        all.clear();
        for step in 0..50 {
            let mut actions = [0.0; OUTPUTS];
            evaluator.begin(&[true], &numbers(INPUTS, step as f64 * 0.4), &[rewards(step)]);
            evaluator.finish(&[true], &mut actions).unwrap();
            all.extend(actions.map(f32::to_bits));
        }
    }
    all
}

#[test]
fn coefficients_of_zero_change_nothing() {
    let plain = build("", "").unwrap();
    let theta = numbers(plain.layout().len(), 0.3);
    let expected = actions(&*plain, &theta, |_| 0.0);
    for rule in ["Hebbian", "RewardStdp()"] {
        let plastic = build(&format!("(rule: {rule}, blocks: [\"hidden.0.input\", \"readout.weight\"])"), "");
        let plastic = plastic.unwrap();
        assert!(plastic.describe().contains("plastic"), "{}", plastic.describe());
        let mut theta = theta.clone();
        theta.resize(plastic.layout().len(), 0.0);
        assert_eq!(actions(&*plastic, &theta, |step| step as f32), expected, "{rule}");
        theta[plain.layout().len()..].fill(1.0);
        let changed = actions(&*plastic, &theta, |step| step as f32);
        assert_ne!(changed, expected, "{rule}");
        assert_eq!(changed, actions(&*plastic, &theta, |step| step as f32), "{rule}: episodes differ");
    }
}

#[test]
fn only_rewards_above_or_below_their_mean_teach() {
    let plastic = build("(rule: RewardStdp())", "").unwrap();
    let plain = build("", "").unwrap().layout().len();
    let mut theta = numbers(plastic.layout().len(), 0.3);
    let taught = actions(&*plastic, &theta, |step| (step % 3) as f32);
    let constant = actions(&*plastic, &theta, |_| 5.0);
    theta[plain..].fill(0.0);
    let untaught = actions(&*plastic, &theta, |_| 0.0);
    assert_eq!(constant, untaught);
    assert_ne!(taught, untaught);
}

#[test]
fn mistakes_are_named() {
    let message = |plasticity: &str, more: &str| build(plasticity, more).err().unwrap().to_string();
    assert_eq!(
        message("(blocks: [\"hidden.0.recurrent\"])", ""),
        "`plasticity[0].blocks`: \"hidden.0.recurrent\" cannot be a source; \
         valid: \"hidden.0.input\", \"readout.weight\""
    );
    assert!(
        message("(), (rule: RewardStdp())", "").ends_with("valid: \"hidden.0.input\""),
        "a block has one rule"
    );
    assert!(message("()", "precision: I8").contains("F32 or F32Free"));
    assert!(message("(scope: Fixed)", "").contains("Layer or Neuron"));
    assert_eq!(message("(trace: 1)", ""), "`plasticity[0].trace` is 1; valid: at least 0 and below 1");
    assert!(message("(rule: RewardStdp(baseline: 2))", "").contains("`plasticity[0].rule.baseline` is 2"));
}
