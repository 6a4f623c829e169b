//! The built-in models do what their sources say.

#![expect(clippy::unwrap_used, reason = "tests")]

use super::{Constants, Model, Scratch, interpret};

/// A built-in model with a reset and some parameters, driven by `current(tick)`: the state
/// variables after each tick and whether it spiked.
fn trace(
    text: &str,
    reset: Option<&str>,
    parameters: &[(&str, f64)],
    ticks: usize,
    current: impl Fn(usize) -> [f32; 2],
) -> Vec<(Vec<f32>, bool)> {
    let model = Model::parse(text).unwrap();
    let kernel = model.kernel(reset, false).unwrap();
    let mut values: Vec<f64> = model.parameters.iter().map(|p| p.default).collect();
    for (name, value) in parameters {
        values[model.parameter(name).unwrap()] = *value;
    }
    let constants = kernel.constants(&values);
    let mut states: Vec<f32> = kernel.initial(&values).iter().flat_map(|&s| [s; 16]).collect();
    let mut scratch = Scratch::new(&kernel);
    let mut tick = |t| {
        let [forward, recurrent] = current(t).map(|current| [current; 16]);
        let mut spikes = [0];
        let shared = Constants::Shared(&constants);
        let fault =
            interpret::<true>(&kernel, &mut scratch, shared, &forward, &recurrent, &mut states, &mut spikes);
        assert_eq!(fault, 0);
        (states.iter().step_by(16).copied().collect(), spikes[0] & 1 == 1)
    };
    (0..ticks).map(&mut tick).collect()
}

fn spikes(trace: &[(Vec<f32>, bool)]) -> Vec<usize> {
    (0..trace.len()).filter(|&t| trace[t].1).collect()
}

const LIF: &str = include_str!("../../neurons/lif.neuron");

#[test]
fn lif_interval_between_spikes_is_the_closed_form() {
    for decay in [0.3, 0.7, 0.9, 0.99] {
        for current in [0.5_f32, 0.99, 1.07, 1.3, 2.1, 5.3, 40.0] {
            let trace = trace(LIF, Some("zero"), &[("decay", decay)], 3000, |_| [current, 0.0]);
            let spikes = spikes(&trace);
            if current <= 1.0 {
                assert!(spikes.is_empty(), "decay {decay}, current {current}");
                continue;
            }
            // Smallest n with I·(1 − dⁿ) > 1.
            let n = libm::log(1.0 - 1.0 / f64::from(current)) / libm::log(decay);
            let interval = libm::ceil(n) as usize;
            assert_eq!(spikes[0], interval - 1, "decay {decay}, current {current}");
            assert!(spikes.windows(2).all(|pair| pair[1] - pair[0] == interval), "{decay} {current}");
        }
    }
}

#[test]
fn lif_reset_by_subtraction_keeps_the_charge() {
    // Summing v[t] = d·v[t−1] + (1−d)·I − s[t] over n ticks from rest gives
    // Σs = (1−d)·(n·I − Σ v[t<n]) − v[n].
    let n = 4000;
    let trace = trace(LIF, Some("subtract"), &[("decay", 0.75)], n, |_| [1.5, 0.0]);
    let before: f64 = trace[..n - 1].iter().map(|(states, _)| f64::from(states[0])).sum();
    let expected = 0.25 * (1.5 * n as f64 - before) - f64::from(trace[n - 1].0[0]);
    let count = spikes(&trace).len() as f64;
    assert!((count - expected).abs() < 0.1, "{count} against {expected}");
}

#[test]
fn plif_is_lif_with_another_parameter() {
    let plif = include_str!("../../neurons/plif.neuron");
    let current = |t: usize| [1.0 + (t % 13) as f32 * 0.1, 0.0];
    // sigmoid(w) = 1/4.
    let w = -libm::log(3.0);
    let (plif, lif) = (
        trace(plif, Some("subtract"), &[("w", w)], 500, current),
        trace(LIF, Some("subtract"), &[("decay", 0.75)], 500, current),
    );
    assert_eq!(spikes(&plif), spikes(&lif));
    assert!(spikes(&lif).len() > 50);
}

#[test]
fn alif_slows_down_and_recovers() {
    let alif = include_str!("../../neurons/alif.neuron");
    let trace =
        trace(alif, Some("subtract"), &[], 600, |t| [if (300..500).contains(&t) { 0.0 } else { 2.0 }, 0.0]);
    let spikes = spikes(&trace);
    let count = |from: usize, to: usize| spikes.iter().filter(|&&t| t >= from && t < to).count();
    assert!(count(0, 20) > count(280, 300), "{spikes:?}");
    assert_eq!(count(0, 20), count(500, 520), "{spikes:?}");
    // Without spikes the adaptation is a geometric sequence.
    let (a, b) = (trace[320].0[1], trace[340].0[1]);
    assert!((f64::from(b) - f64::from(a) * libm::pow(0.95, 20.0)).abs() < 1e-3, "{a} {b}");
}

#[test]
fn synapses_filter() {
    let cuba = include_str!("../../neurons/cuba_lif.neuron");
    // A pulse of current decays, and all of it arrives: Σ v = Σ I.
    let pulse = trace(cuba, None, &[("threshold", 100.0)], 200, |t| [if t == 0 { 8.0 } else { 0.0 }, 0.0]);
    let sum: f32 = pulse.iter().map(|(states, _)| states[1]).sum();
    assert!((sum - 8.0).abs() < 1e-2, "{sum}");
    assert_eq!(pulse[1].0[0] / pulse[0].0[0], 0.5);
    // The neuron of EC-RSNN: observations skip the synapse.
    let ec = include_str!("../../neurons/ec_lif.neuron");
    let observed = trace(ec, None, &[], 1, |_| [0.5, 0.0]);
    let recurrent = trace(ec, None, &[], 1, |_| [0.0, 0.5]);
    assert_eq!((observed[0].0[0], recurrent[0].0[0]), (0.0, 0.5));
    assert_eq!(observed[0].0[1], recurrent[0].0[1]);
}

#[test]
fn threshold_has_no_memory() {
    let text = include_str!("../../neurons/threshold.neuron");
    let trace = trace(text, None, &[], 4, |t| [[0.5, 1.5, 1.0, 2.0][t], 0.0]);
    assert_eq!(spikes(&trace), [1, 3]);
}

/// Spike times of the published equations in f64 with the same steps.
fn izhikevich(parameters: [f64; 4], current: f64, ticks: usize) -> Vec<usize> {
    let [a, b, c, d] = parameters;
    let (mut v, mut u) = (-65.0, -65.0 * b);
    let mut spikes = Vec::new();
    for t in 0..ticks {
        for _ in 0..2 {
            v += 0.5 * (0.04 * v * v + 5.0 * v + 140.0 - u + current);
        }
        u += a * (b * v - u);
        if v > 30.0 {
            spikes.push(t);
            (v, u) = (c, u + d);
        }
    }
    spikes
}

#[test]
fn izhikevich_cells() {
    let text = include_str!("../../neurons/izhikevich.neuron");
    // Regular spiking, intrinsically bursting, chattering, fast spiking (figure 2 of the paper).
    let cells =
        [[0.02, 0.2, -65.0, 8.0], [0.02, 0.2, -55.0, 4.0], [0.02, 0.2, -50.0, 2.0], [0.1, 0.2, -65.0, 2.0]];
    let mut rates = Vec::new();
    for cell in cells {
        let [a, b, c, d] = cell;
        let parameters = [("a", a), ("b", b), ("c", c), ("d", d)];
        let trace = trace(text, None, &parameters, 1000, |_| [1.0, 0.0]);
        let (ours, reference) = (spikes(&trace), izhikevich(cell, 10.0, 1000));
        // Forward Euler at 1 ms amplifies rounding at each spike, so late spikes drift apart.
        assert!(
            ours.len().abs_diff(reference.len()) <= 1 + reference.len() / 10,
            "{cell:?}: {ours:?} {reference:?}"
        );
        let shift = ours.iter().zip(&reference).take(4).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(shift <= Some(2), "{cell:?}: {ours:?} {reference:?}");
        assert!(trace.iter().all(|(s, _)| s[0] > -100.0 && s[0] <= 30.0 && s[1].abs() < 40.0), "{cell:?}");
        rates.push(ours.len());
        if rates.len() == 1 {
            // Regular spiking adapts.
            assert!(ours[1] - ours[0] < ours[6] - ours[5], "{ours:?}");
        }
        // Silent without input.
        assert!(spikes(&self::trace(text, None, &parameters, 500, |_| [0.0, 0.0])).is_empty(), "{cell:?}");
    }
    // Spikes per second.
    assert!((15..30).contains(&rates[0]) && rates[3] > 2 * rates[0], "{rates:?}");
}

#[test]
fn adex_spikes_and_adapts() {
    let text = include_str!("../../neurons/adex.neuron");
    for dt in [0.1, 0.5, 1.0] {
        let ticks = (500.0 / dt) as usize;
        let run = trace(text, None, &[("dt", dt)], ticks, |_| [1.0, 0.0]);
        // The published equations in f64.
        let (mut v, mut w) = (-70.6_f64, 0.0);
        let mut reference = Vec::new();
        for t in 0..ticks {
            let onset = 2.0 * libm::exp(((v + 50.4) / 2.0).min(88.0));
            let dv = dt / 9.3667 * (-70.6 - v + onset - w + 30.0);
            w += dt / 144.0 * (0.1333 * (v + 70.6) - w);
            v += dv;
            if v > 20.0 {
                reference.push(t);
                (v, w) = (-70.6, w + 2.6833);
            }
        }
        let ours = spikes(&run);
        assert!(
            reference.len() > 8 && ours.len().abs_diff(reference.len()) <= 1,
            "{dt}: {ours:?} {reference:?}"
        );
        let shift = ours.iter().zip(&reference).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(shift <= Some(3), "{dt}: {ours:?} {reference:?}");
        assert!(ours[1] - ours[0] < ours[7] - ours[6], "{ours:?}");
        assert!(run.iter().all(|(s, _)| s[0] >= -75.0 && s[0] <= 20.0 && s[1] >= 0.0 && s[1] < 60.0));
        assert!(spikes(&trace(text, None, &[("dt", dt)], ticks, |_| [0.0, 0.0])).is_empty());
    }
}
