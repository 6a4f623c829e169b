//! The forward pass is the evaluators'; batches, threads, windows and resets.

use super::{Weighted, batch, inputs, theta};
use crate::config::{ControllerConfig, HiddenLayer, LayerConfig, Precision, SnnConfig};
use crate::decoder::{DecoderConfig, FilteredRate};
use crate::encoder::{Current, Delta, EncoderConfig, Rate};
use crate::gradient::{Batch, Bptt, BpttConfig, Gradient};
use crate::scope::Scope;
use crate::tanh;

/// Delays, feedback, sparse connections, Dale's law, evolved parameters, a refractory period.
fn config() -> SnnConfig {
    let first = LayerConfig {
        neurons: 37,
        model: "alif".into(),
        skip: vec!["hidden.1".into()],
        density: 0.6,
        delay: (0, 3),
        evolve: [("decay".to_owned(), Scope::Neuron), ("threshold".to_owned(), Scope::Layer)].into(),
        ..LayerConfig::default()
    };
    let second = LayerConfig {
        neurons: 70,
        model: "ec_lif".into(),
        parameters: [("threshold".to_owned(), 0.4)].into(),
        refractory: 2,
        excitatory: Some(0.7),
        skip: vec!["input".into()],
        ..LayerConfig::default()
    };
    SnnConfig {
        hidden: vec![HiddenLayer::Recurrent(first), HiddenLayer::Recurrent(second)],
        readout_skip: vec!["hidden.0".into()],
        ticks: 3,
        ..SnnConfig::default()
    }
}

fn bptt(config: &SnnConfig, options: &BpttConfig) -> Bptt {
    Bptt::new(config, 5, 4, options).unwrap()
}

fn gradient(bptt: &Bptt, theta: &[f32], batch: &Batch<'_>) -> Gradient {
    let objective = Weighted { seed: 3, spikes: true, squares: true };
    bptt.gradient(theta, batch, &objective).unwrap()
}

/// What a model makes of the zeros beyond its last neuron is no fault of the network.
#[test]
fn lanes_beyond_the_last_neuron_raise_no_fault() {
    let model = "model divides\nstate v = 0\nv = 0.5*v + 0.1/I\nspike v > 1\n".to_owned();
    let layer = LayerConfig { neurons: 5, model, ..LayerConfig::default() };
    let config = SnnConfig { hidden: vec![HiddenLayer::Dense(layer)], ..SnnConfig::default() };
    let bptt = Bptt::new(&config, 1, 1, &BpttConfig::default()).unwrap();
    let mut theta = vec![1.0; bptt.layout().len()];
    assert!(bptt.run(&theta, &batch(3, &[0.5; 6])).is_ok());
    // The last neuron gets nothing: neither from the input nor from its bias.
    (theta[4], theta[9]) = (0.0, 0.0);
    let error = bptt.run(&theta, &batch(3, &[0.5; 6])).unwrap_err().to_string();
    assert_eq!(error, "state of hidden.0 is not finite in tick 0");
}

#[test]
fn sums_leave_the_range_of_states() {
    let layer = LayerConfig { neurons: 16, model: "threshold".into(), ..LayerConfig::default() };
    let config = SnnConfig {
        hidden: vec![HiddenLayer::Dense(layer)],
        decoder: DecoderConfig::Rate(FilteredRate { decay: 0.0 }),
        ticks: 1000,
        output_gain: 4.0,
        ..SnnConfig::default()
    };
    let bptt = Bptt::new(&config, 1, 1, &BpttConfig::default()).unwrap();
    let mut theta = vec![0.0; bptt.layout().len()];
    // The biases let all neurons spike in every tick.
    theta[16..32].fill(2.0);
    theta[bptt.layout().block("readout.weight").unwrap().range()].fill(1.0 / 32.0);
    assert_eq!(bptt.run(&theta, &batch(1, &[0.0])).unwrap().values, [0.5]);
}

#[test]
fn more_sources_than_lists_can_name_are_refused() {
    let refused = |encoder, inputs| {
        let config = SnnConfig { encoder, ..SnnConfig::default() };
        Bptt::new(&config, inputs, 1, &BpttConfig::default()).err().map(|error| error.to_string())
    };
    let negated = || EncoderConfig::Current(Current { negated: true });
    assert_eq!(refused(negated(), 32_768), None);
    assert_eq!(
        refused(negated(), 35_000).unwrap(),
        "the encoder makes 70000 sources of 35000 observations; valid: at most 65536 in training by gradients"
    );
}

#[test]
fn forward_is_the_evaluator_bit_by_bit() {
    let (mut encoders, decoders) = (EncoderConfig::all(), DecoderConfig::all());
    encoders.push(EncoderConfig::Current(Current { negated: true }));
    for (index, encoder) in encoders.into_iter().enumerate() {
        for precision in Precision::ALL.into_iter().filter(|p| !p.storage().is_binary()) {
            let decoder = decoders[(index + precision as usize) % decoders.len()].clone();
            let mut config = SnnConfig { encoder: encoder.clone(), decoder, precision, ..config() };
            if matches!(config.decoder, DecoderConfig::Population(_)) {
                // Votes have no weights.
                config.readout_skip.clear();
            }
            let bptt = bptt(&config, &BpttConfig::default());
            let (theta, x) = (theta(&bptt, 1), inputs(&bptt, 7, 3, 2));
            let run = bptt.run(&theta, &batch(3, &x)).unwrap();

            let controller = ControllerConfig::Snn(config.clone()).build(5, 4).unwrap();
            let mut evaluator = controller.resumable(3);
            for slot in 0..3 {
                evaluator.load(slot, &theta);
                evaluator.reset(slot, slot as u64);
            }
            let mut actions = [0.0; 12];
            for (frame, x) in x.chunks(15).enumerate() {
                evaluator.step(&[true; 3], x, &mut actions).unwrap();
                for (&action, &value) in actions.iter().zip(&run.values[frame * 12..]) {
                    let population = matches!(config.decoder, DecoderConfig::Population(_));
                    let expected = if population { value } else { tanh(value) };
                    assert_eq!(action, expected, "{precision:?}, {:?}, frame {frame}", config.encoder);
                }
            }
            let counted: u64 = (0..3).map(|slot| evaluator.activity(slot).spikes).sum();
            // What it remembers in the end is the same, and another one goes on from it.
            let states: Vec<_> = (0..3).map(|slot| evaluator.state(slot)).collect();
            assert_eq!(states, run.end);
            bptt.check_states(&states).unwrap();
            let mut other = controller.resumable(2);
            for slot in 0..2 {
                other.load(slot, &theta);
            }
            other.step(&[true; 2], &x[..10], &mut [0.0; 8]).unwrap();
            other.resume(0, &states[2], 2);
            assert_eq!((other.state(0), other.activity(0).spikes), (states[2].clone(), 0));
            let mut seen = [0.0; 8];
            other.step(&[true, false], &x[..10], &mut seen).unwrap();
            let mut observations = [0.0; 15];
            observations[10..].copy_from_slice(&x[..5]);
            evaluator.step(&[false, false, true], &observations, &mut actions).unwrap();
            assert_eq!((&seen[..4], other.state(0)), (&actions[8..], evaluator.state(2)));
            let mut wrong = states;
            wrong[1].states.pop();
            assert!(bptt.check_states(&wrong).unwrap_err().to_string().contains("`start[1]`"));
            let spikes: f32 = run.counts.iter().flatten().sum();
            assert!(spikes > 10.0, "{spikes} spikes");
            assert_eq!(f64::from(spikes), counted as f64);
        }
    }
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let bptt = bptt(&config(), &BpttConfig::default());
    let (theta, x) = (theta(&bptt, 1), inputs(&bptt, 5, 300, 2));
    let all = [1, 2, 5].map(|threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| gradient(&bptt, &theta, &batch(300, &x)))
    });
    assert!(all[0] == all[1] && all[0] == all[2]);
    assert_eq!(all[0].sums, [300.0]);
    assert!(all[0].gradient.iter().any(|g| *g != 0.0));
    // Memory that is used again carries nothing over.
    let (other, y) = (super::theta(&bptt, 8), inputs(&bptt, 9, 20, 5));
    gradient(&bptt, &other, &batch(20, &y));
    assert!(gradient(&bptt, &theta, &batch(300, &x)) == all[0]);
}

#[test]
fn samples_do_not_depend_on_each_other() {
    let bptt = bptt(&config(), &BpttConfig::default());
    let (theta, x) = (theta(&bptt, 1), inputs(&bptt, 4, 11, 2));
    let whole = bptt.run(&theta, &batch(11, &x)).unwrap();
    for sample in [0, 7, 8, 10] {
        let own: Vec<f32> = x.chunks(5).skip(sample).step_by(11).flatten().copied().collect();
        let seeds = [sample as u64];
        let run = bptt.run(&theta, &Batch { seeds: &seeds, ..batch(1, &own) }).unwrap();
        let values: Vec<f32> = whole.values.chunks(4).skip(sample).step_by(11).flatten().copied().collect();
        assert_eq!(run.values, values);
        assert_eq!(run.end[0], whole.end[sample]);
    }
}

#[test]
fn a_sequence_goes_on_where_it_stopped() {
    for encoder in [
        EncoderConfig::default(),
        EncoderConfig::Delta(Delta::default()),
        EncoderConfig::Rate(Rate::default()),
    ] {
        let decoder = DecoderConfig::Rate(FilteredRate::default());
        let bptt = bptt(&SnnConfig { encoder, decoder, ..config() }, &BpttConfig::default());
        let (theta, x) = (theta(&bptt, 1), inputs(&bptt, 8, 9, 2));
        let whole = bptt.run(&theta, &batch(9, &x)).unwrap();
        let (first, second) = x.split_at(3 * 9 * 5);
        let begun = bptt.run(&theta, &batch(9, first)).unwrap();
        let rest = bptt.run(&theta, &Batch { start: &begun.end, ..batch(9, second) }).unwrap();
        assert_eq!([begun.values, rest.values].concat(), whole.values);
        assert_eq!(rest.end, whole.end);
    }
}

#[test]
fn a_reset_is_a_new_episode_without_gradient_across() {
    // No encoder draws, so the seed does not matter.
    let bptt = bptt(&config(), &BpttConfig::default());
    let (theta, x) = (theta(&bptt, 1), inputs(&bptt, 8, 9, 2));
    let mut resets = vec![false; 8 * 9];
    resets[5 * 9..6 * 9].fill(true);
    let whole = bptt.run(&theta, &Batch { resets: &resets, ..batch(9, &x) }).unwrap();
    let (first, second) = x.split_at(5 * 9 * 5);
    let [first_run, second_run] = [first, second].map(|x| bptt.run(&theta, &batch(9, x)).unwrap());
    assert_eq!([first_run.values, second_run.values].concat(), whole.values);
    assert_eq!(second_run.end, whole.end);

    let linear = |from| Shifted { from };
    let sum = |a: &[f32], b: &[f32]| -> Vec<f32> { a.iter().zip(b).map(|(a, b)| a + b).collect() };
    let all = bptt.gradient(&theta, &Batch { resets: &resets, ..batch(9, &x) }, &linear(0)).unwrap();
    let parts = [(first, 0), (second, 5)]
        .map(|(x, from)| bptt.gradient(&theta, &batch(9, x), &linear(from)).unwrap().gradient);
    near(&all.gradient, &sum(&parts[0], &parts[1]), 1e-4);
}

/// Linear in the values, with weights that depend on the frame of the whole sequence.
struct Shifted {
    from: usize,
}

impl crate::gradient::Objective for Shifted {
    fn evaluate(
        &self,
        outputs: &crate::gradient::Outputs,
        sensitivity: &mut crate::gradient::Sensitivity,
    ) -> crate::gradient::Score {
        let mut loss = 0.0;
        for (sample, at) in outputs.samples.clone().enumerate() {
            for frame in 0..outputs.frames {
                let values = outputs.value(frame, sample);
                for (i, to) in sensitivity.value(frame, sample).iter_mut().enumerate() {
                    let place = ((frame + self.from) * outputs.batch + at) * 4 + i;
                    *to = crate::wiring::uniform(4, 4, place as u64) - 0.5;
                    loss += *to * values[i];
                }
            }
        }
        crate::gradient::Score { loss, sums: Vec::new() }
    }
}

fn near(a: &[f32], b: &[f32], tolerance: f32) {
    let largest = b.iter().fold(0.0_f32, |largest, x| largest.max(x.abs()));
    assert!(largest > 0.0 && a.len() == b.len());
    for (a, b) in a.iter().zip(b) {
        assert!((a - b).abs() <= tolerance * largest, "{a} and {b}, of {largest}");
    }
}

#[test]
fn a_window_cuts_the_gradient() {
    let full = bptt(&config(), &BpttConfig::default());
    let (theta, x) = (theta(&full, 1), inputs(&full, 4, 9, 2));
    let whole = full.gradient(&theta, &batch(9, &x), &Shifted { from: 0 }).unwrap();
    // 12 ticks: the same as two sequences of 6, the second starting where the first ends. A window of 6
    // does nothing else, one of 2 cuts these again.
    for window in [6, 2] {
        let cut = bptt(&config(), &BpttConfig { window: Some(window), ..BpttConfig::default() });
        let parts = if window == 6 { &full } else { &cut };
        let (first, second) = x.split_at(2 * 9 * 5);
        let begun = parts.gradient(&theta, &batch(9, first), &Shifted { from: 0 }).unwrap();
        let start = Batch { start: &begun.end, ..batch(9, second) };
        let rest = parts.gradient(&theta, &start, &Shifted { from: 2 }).unwrap();
        let sum: Vec<f32> = begun.gradient.iter().zip(&rest.gradient).map(|(a, b)| a + b).collect();
        let window = cut.gradient(&theta, &batch(9, &x), &Shifted { from: 0 }).unwrap();
        near(&window.gradient, &sum, 1e-4);
        // And not the same as without.
        let differs = |(a, b): (&f32, &f32)| (a - b).abs() > 1e-3 * b.abs();
        assert!(whole.gradient.iter().zip(&window.gradient).any(differs));
        assert_eq!((whole.loss, &whole.rates, &whole.end), (window.loss, &window.rates, &window.end));
        assert_eq!(full.run(&theta, &batch(9, &x)).unwrap(), cut.run(&theta, &batch(9, &x)).unwrap());
    }
}

#[test]
fn a_detached_reset_has_no_slope() {
    // One spike in tick 0 whose reset shapes tick 1: detached, the gradient knows only the leak.
    let config = SnnConfig {
        hidden: vec![HiddenLayer::Dense(LayerConfig {
            neurons: 1,
            model: "model n\nparam decay = 0.5\nstate v = 0\nv = decay*v + I\nspike v > 1\nreset subtract: v = v - 1\n"
                .into(),
            ..LayerConfig::default()
        })],
        ticks: 1,
        precision: Precision::F32Free,
        input_gain: 1.0,
        output_gain: 1.0,
        ..SnnConfig::default()
    };
    let slope = |detach_reset| {
        let surrogate = crate::gradient::SurrogateConfig::named("0.25");
        let bptt = Bptt::new(&config, 1, 1, &BpttConfig { detach_reset, surrogate, window: None }).unwrap();
        let mut theta = vec![0.0; bptt.layout().len()];
        theta[bptt.layout().block("hidden.0.input").unwrap().offset] = 1.0;
        theta[bptt.layout().block("readout.weight").unwrap().offset] = 1.0;
        let inputs = [1.5, 0.5];
        let last = Last;
        bptt.gradient(&theta, &batch(1, &inputs), &last).unwrap().gradient[0]
    };
    // s₁ = H(0.5·(1.5w − s₀) + 0.5w − 1): ds₁/dw = 0.25·(1.25 − 0.5·ds₀/dw), ds₀/dw = 0.25·1.5; the
    // readout li keeps 0.7 of the first and adds 0.3 of each.
    let expected = |through: f32| 0.3 * (0.25 * (1.25 - 0.5 * through) + 0.7 * 0.25 * 1.5);
    assert!((slope(true) - expected(0.0)).abs() < 1e-6, "{}", slope(true));
    assert!((slope(false) - expected(0.25 * 1.5)).abs() < 1e-6, "{}", slope(false));
}

#[test]
fn no_gradient_comes_through_a_refractory_period() {
    let slope = |refractory: usize, inputs: &[f32]| {
        let config = SnnConfig {
            hidden: vec![HiddenLayer::Dense(LayerConfig {
                neurons: 1,
                model: "model n\nparam decay = 0.5\nstate v = 0\nv = decay*v + I\nspike v > 1\n".into(),
                refractory,
                ..LayerConfig::default()
            })],
            ticks: 1,
            precision: Precision::F32Free,
            input_gain: 1.0,
            output_gain: 1.0,
            ..SnnConfig::default()
        };
        let surrogate = crate::gradient::SurrogateConfig::named("0.25");
        let options = BpttConfig { surrogate, ..BpttConfig::default() };
        let bptt = Bptt::new(&config, 1, 1, &options).unwrap();
        let mut theta = vec![0.0; bptt.layout().len()];
        theta[bptt.layout().block("hidden.0.input").unwrap().offset] = 1.0;
        theta[bptt.layout().block("readout.weight").unwrap().offset] = 1.0;
        bptt.gradient(&theta, &batch(1, inputs), &Last).unwrap().gradient[0]
    };
    // A spike in tick 0, then two ticks in which v stays 1.5·w and nothing that arrives counts; in tick 3
    // v = 0.5·1.5·w + 0.5·w. The surrogate is 0.25, and the readout li keeps 0.7 and adds 0.3 of each.
    let inputs = [1.5, 7.0, 7.0, 0.5];
    let expected = 0.3 * 0.25 * (1.25 + 0.7_f32.powi(3) * 1.5);
    assert!((slope(2, &inputs) - expected).abs() < 1e-6, "{}, not {expected}", slope(2, &inputs));
    // Without a period, ticks 1 and 2 give slopes of their own.
    assert!((slope(0, &inputs) - expected).abs() > 0.1);
}

/// The value after the last frame.
struct Last;

impl crate::gradient::Objective for Last {
    fn evaluate(
        &self,
        outputs: &crate::gradient::Outputs,
        sensitivity: &mut crate::gradient::Sensitivity,
    ) -> crate::gradient::Score {
        sensitivity.value(outputs.frames - 1, 0)[0] = 1.0;
        crate::gradient::Score { loss: outputs.value(outputs.frames - 1, 0)[0], sums: Vec::new() }
    }
}
