//! Gradients of θ in continuous time, through every encoder and readout.

use std::sync::Arc;

use super::*;
use crate::ControllerConfig;
use crate::events::{
    EventEncoder, EventLayer, EventLayerConfig, EventReadout, EventsConfig, FirstSpikeReadout, LeakyReadout,
};
use crate::gradient::{
    ActivityConfig, Differentiable, EventProp, GradientError, Loss, LossConfig, Over, Targets, Trainer,
    TrainerConfig,
};

fn config(encoder: EventEncoder, readout: EventReadout) -> EventsConfig {
    let layer = |neurons, refractory, delay| EventLayerConfig {
        neurons,
        refractory,
        delay,
        ..EventLayerConfig::default()
    };
    EventsConfig {
        encoder,
        hidden: vec![
            EventLayer::Recurrent(layer(9, 0.002, (0.0, 0.003))),
            EventLayer::Dense(layer(6, 0.0, (0.0, 0.0))),
        ],
        readout,
        input_gain: 3.0,
        input_mean: 1.0,
        output_mean: 1.0,
        output_deviation: 1.0,
        ..EventsConfig::default()
    }
}

fn values(network: &EventProp, count: usize) -> Vec<f32> {
    noise(3, count * network.inputs()).into_iter().map(|x| (0.5 + 0.5 * x) as f32).collect()
}

#[test]
fn gradients_of_every_encoder_and_readout_are_those_of_finite_differences() {
    let encoders = [
        EventEncoder::Current {},
        EventEncoder::Latency { window: 0.01, low: 0.0, high: 1.0 },
        EventEncoder::Spikes {},
    ];
    let leaky = LeakyReadout::default;
    let readouts = [
        EventReadout::Last(leaky()),
        EventReadout::Peak(leaky()),
        EventReadout::Integral(leaky()),
        EventReadout::FirstSpike(FirstSpikeReadout {
            silent: 0.0,
            unit: 0.005,
            ..FirstSpikeReadout::default()
        }),
    ];
    let mut total = 0;
    for (encoder, readout) in encoders.iter().flat_map(|e| readouts.iter().map(move |r| (e, r))) {
        let network = EventProp::new(&config(encoder.clone(), readout.clone()), 4, 3).unwrap();
        let theta: Vec<f32> =
            noise(5, network.layout().len()).into_iter().map(|x| (0.7 + x) as f32).collect();
        let x = values(&network, 2 * 3);
        let batch = batch(3, &x);
        let objective = Weighted { seed: 1, spikes: false, squares: true };
        let found = network.gradient(&theta, &batch, &objective).unwrap();
        let scales: Vec<f64> =
            network.layout().blocks().iter().flat_map(|b| vec![f64::from(b.scale); b.len()]).collect();
        let weights: Vec<f64> = theta.iter().zip(&scales).map(|(x, s)| f64::from(*x) * s).collect();
        let (_, slopes, counts) = network.exact(&weights, &batch, &objective);
        let size = slopes.iter().fold(0.0_f64, |size, g| size.max(g.abs()));
        assert!(size > 0.0, "{encoder:?} {readout:?}");
        for (place, own) in slopes.iter().enumerate().step_by(2) {
            let rounded = f64::from(found.gradient[place]) / scales[place];
            assert!((rounded - own).abs() <= 1e-6 * size, "{place}: {rounded} {own}");
            let central = |h: f64| {
                let ends = [h, -h].map(|h| {
                    let mut weights = weights.clone();
                    weights[place] += h;
                    let (loss, _, counts) = network.exact(&weights, &batch, &objective);
                    (weights[place], loss, counts)
                });
                assert!(
                    ends.iter().all(|end| end.2 == counts),
                    "{encoder:?} {readout:?} {place}: spikes at {h}"
                );
                (ends[0].1 - ends[1].1) / (ends[0].0 - ends[1].0)
            };
            // Richardson's extrapolation, with steps so short that no spike is too close to its creation: there the
            // loss has a curvature that grows without bound.
            let errors = [1e-5, 1e-6, 1e-7].map(|h| {
                let slope = (4.0 * central(0.5 * h) - central(h)) / 3.0;
                (slope - own).abs() / size
            });
            let least = errors.into_iter().fold(f64::INFINITY, f64::min);
            assert!(least <= 1e-6, "{encoder:?} {readout:?} {place}: {errors:?}");
            total += 1;
        }
    }
    assert!(total > 1000, "{total}");
}

#[test]
fn a_batch_has_the_same_gradient_for_any_number_of_threads() {
    let network = EventProp::new(&config(EventEncoder::Current {}, EventReadout::default()), 4, 3).unwrap();
    let theta: Vec<f32> = noise(5, network.layout().len()).into_iter().map(|x| (0.7 + x) as f32).collect();
    let x = values(&network, 300);
    let objective = Weighted { seed: 1, spikes: false, squares: true };
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| network.gradient(&theta, &batch(300, &x), &objective)).unwrap()
    };
    assert_eq!(on(1), on(3));
}

#[test]
fn what_is_trained_is_what_runs_as_a_controller() {
    let config = config(EventEncoder::Current {}, EventReadout::default());
    let network = EventProp::new(&config, 4, 3).unwrap();
    let theta: Vec<f32> = noise(5, network.layout().len()).into_iter().map(|x| (0.7 + x) as f32).collect();
    let x = values(&network, 3);
    let run = network.run(&theta, &batch(1, &x)).unwrap();
    let controller = ControllerConfig::Events(config).build(4, 3).unwrap();
    assert_eq!(controller.layout(), network.layout());
    let mut evaluator = controller.resumable(2);
    let mut actions = [0.0; 6];
    for slot in 0..2 {
        evaluator.load(slot, &theta);
        evaluator.reset(slot, 0);
    }
    for (frame, x) in x.chunks(4).enumerate() {
        // The second slot goes on from the state of the first.
        let state = evaluator.state(0);
        evaluator.resume(1, &state, 0);
        evaluator.step(&[true; 2], &[x, x].concat(), &mut actions).unwrap();
        assert_eq!(actions[..3], actions[3..]);
        let expected: Vec<f32> =
            run.values[3 * frame..][..3].iter().map(|&value| crate::tanh(value)).collect();
        assert_eq!(actions[..3], expected[..]);
    }
    assert!(evaluator.activity(0).spikes > 0 && evaluator.activity(0).synaptic_operations > 0);
    let mut probe = crate::Probe::default();
    evaluator.watch(Some(0)).unwrap();
    evaluator.probe(0, &mut probe).unwrap();
    let counted: f32 = probe.layer("hidden.0").unwrap().state("spike_count").unwrap().iter().sum();
    assert!(counted > 0.0 && probe.layer("readout").unwrap().state("v").is_some());
    let traces: Vec<&str> = probe.layers[0].traces.iter().map(|trace| trace.name.as_str()).collect();
    assert_eq!(traces, ["current", "membrane", "threshold", "v", "i", "spike_count", "last_spike"]);
}

#[test]
fn an_individual_whose_activity_runs_away_has_failed() {
    let config = EventsConfig { max_events: 5, ..config(EventEncoder::Current {}, EventReadout::default()) };
    let controller = ControllerConfig::Events(config.clone()).build(4, 3).unwrap();
    let mut evaluator = controller.evaluator(1);
    let theta = vec![1.0; controller.layout().len()];
    evaluator.load(0, &theta);
    evaluator.reset(0, 0);
    evaluator.step(&[true], &[1.0; 4], &mut [0.0; 3]).unwrap();
    assert!(evaluator.fault(0));
    let network = EventProp::new(&config, 4, 3).unwrap();
    let error = network.run(&theta, &batch(1, &[1.0; 4])).unwrap_err();
    assert!(error.to_string().starts_with("sample 0 of the batch, frame 0: more than 5 events"), "{error}");
}

#[test]
fn silent_outputs_and_silent_neurons_learn_to_spike() {
    let readout = EventReadout::FirstSpike(FirstSpikeReadout::default());
    let mut config = config(EventEncoder::Latency { window: 0.01, low: 0.0, high: 1.0 }, readout);
    config.input_mean = 0.0;
    let network = EventProp::new(&config, 4, 3).unwrap();
    let theta: Vec<f32> = noise(5, network.layout().len()).into_iter().map(|x| 0.1 * x as f32).collect();
    let x = values(&network, 8);
    let before = network.run(&theta, &batch(8, &x)).unwrap();
    assert!(before.counts.iter().flatten().all(|&count| count == 0.0));
    let activity = ActivityConfig { low: 1.0, high: 1.0, weight: 1.0 };
    let loss = LossConfig::CrossEntropyMembrane { over: Over::Mean, smoothing: 0.0 };
    let labels = [0, 1, 2, 0, 1, 2, 0, 1];
    let loss = Loss::new(&loss, activity, Targets::Labels(&labels), &network, (8, 1)).unwrap();
    let adam = ron::from_str::<TrainerConfig>("(optimizer: Adam(learning_rate: 0.1))").unwrap();
    let mut trainer = Trainer::new(adam, &theta).unwrap();
    for _ in 0..60 {
        trainer.step(&network, &batch(8, &x), &loss).unwrap();
    }
    let after = network.run(&trainer.theta(), &batch(8, &x)).unwrap();
    assert!(after.counts.iter().all(|counts| counts.iter().sum::<f32>() > 0.0), "{:?}", after.counts);
    assert!(after.values.iter().any(|&value| value > 1.0), "{:?}", after.values);
}

#[test]
fn losses_on_counts_and_bad_settings_are_refused_by_name() {
    let good = config(EventEncoder::Current {}, EventReadout::default());
    let network: Arc<dyn Differentiable> = Arc::new(EventProp::new(&good, 4, 3).unwrap());
    let count = LossConfig::CrossEntropyCount { smoothing: 0.0 };
    let refused =
        Loss::new(&count, ActivityConfig::default(), Targets::Labels(&[0]), network.as_ref(), (1, 1));
    assert_eq!(refused.map(drop).unwrap_err(), GradientError::NoTicks);
    let refused = |config: &EventsConfig| EventProp::new(config, 4, 3).map(drop).unwrap_err().to_string();
    let EventLayer::Recurrent(layer) = good.hidden[0].clone() else { unreachable!("see above") };
    let hidden = |layer| vec![EventLayer::Dense(layer)];
    for (config, message) in [
        (EventsConfig { step: 0.0, ..good.clone() }, "`step` is 0; valid: finite and above 0 s"),
        (EventsConfig { max_events: 0, ..good.clone() }, "`max_events` is 0; valid: at least 1"),
        (
            EventsConfig { input_gain: -1.0, ..good.clone() },
            "`input_gain` is -1; valid: finite and at least 0",
        ),
        (
            EventsConfig {
                hidden: hidden(EventLayerConfig { tau_syn: 0.0, ..layer.clone() }),
                ..good.clone()
            },
            "`hidden[0].tau_syn` is 0; valid: 1e-9 to 1e6 s",
        ),
        (
            EventsConfig {
                hidden: hidden(EventLayerConfig { delay: (0.2, 0.1), ..layer.clone() }),
                ..good.clone()
            },
            "`hidden[0].delay` is 0.1; valid: finite, and first the smaller one",
        ),
        (
            EventsConfig {
                encoder: EventEncoder::Latency { window: 0.02, low: 0.0, high: 1.0 },
                ..good.clone()
            },
            "`encoder.window` is 0.02; valid: above 0 and less than `step`",
        ),
        (
            EventsConfig {
                encoder: EventEncoder::Latency { window: 0.01, low: 1.0, high: 1.0 },
                ..good.clone()
            },
            "`encoder.high` is 1; valid: finite and above `low`",
        ),
        (
            EventsConfig {
                readout: EventReadout::Last(LeakyReadout { tau_mem: -0.01, tau_syn: 0.005 }),
                ..good.clone()
            },
            "`readout.tau_mem` is -0.01; valid: 1e-9 to 1e6 s",
        ),
    ] {
        assert_eq!(refused(&config), message);
    }
    assert!(refused(&EventsConfig { hidden: Vec::new(), ..good }).contains("at least 1 layer"));
}
