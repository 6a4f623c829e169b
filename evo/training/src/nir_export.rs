//! A trained controller in the terms of NIR.

use snn::nir::{Array, Data, Exported, Metadata, NirError, Value};
use snn::{Controller, ControllerConfig};

use crate::normalizer::Normalizer;

/// A controller with the given parameters, for a control step of `control_dt` seconds. Its input is the
/// normalised observation, of a spiking network encoded and constant over the ticks of a control step; the action is
/// the tanh of its output, of a spiking network after the last tick.
///
/// # Errors
/// [`NirError::Export`] with what NIR cannot carry.
pub fn network(
    config: &ControllerConfig,
    controller: &dyn Controller,
    parameters: &[f32],
    normalizer: &Normalizer,
    control_dt: f64,
) -> Result<Exported, NirError> {
    let ticks = if let ControllerConfig::Snn(config) = config { config.ticks } else { 1 };
    let mut network = controller.nir(parameters, control_dt / ticks as f64)?;
    note(&mut network, controller, normalizer);
    Ok(network)
}

/// Notes which controller it is, and what becomes of an observation before it enters.
pub fn note(network: &mut Exported, controller: &dyn Controller, normalizer: &Normalizer) {
    network.note("controller", controller.describe().as_str().into());
    network.note("normalizer", Value::Group(notes(normalizer)));
}

/// `input = clamp((observation − mean) · inverse_std, ±clip)`.
fn notes(normalizer: &Normalizer) -> Metadata {
    let clip = Array::scalar(Data::F32(vec![normalizer.clip]));
    Metadata::from([
        ("mean".to_owned(), normalizer.mean.clone().into()),
        ("inverse_std".to_owned(), normalizer.inverse_std.clone().into()),
        ("clip".to_owned(), Value::Array(clip)),
    ])
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use snn::nir::{Executor, Options};
    use snn::{
        Activation, DecoderConfig, HiddenLayer, LayerConfig, Membrane, MlpConfig, Precision, Probe, ResetAt,
        Scope, SnnConfig, SwitchesConfig,
    };
    use strategies::random::{Purpose, fill_normals};

    use super::*;

    fn layer(neurons: usize, decay: f64, reset: &str) -> LayerConfig {
        let (parameters, reset) = ([("decay".into(), decay)].into(), Some(reset.into()));
        LayerConfig { neurons, parameters, reset, ..LayerConfig::default() }
    }

    /// Normal numbers, rounded to multiples of `grid` if that is above 0.
    fn normals(n: usize, grid: f32, seed: u64) -> Vec<f32> {
        let mut values = vec![0.0; n];
        fill_normals(seed, Purpose::Evaluate, 0, 0, &mut values);
        if grid > 0.0 {
            values.iter_mut().for_each(|x| *x = (*x / grid).round() * grid);
        }
        values
    }

    /// Runs a controller and its export over the same observations, tick by tick. Spikes must be the
    /// same; returns the largest difference of readouts and of actions.
    fn compare(config: SnnConfig, grid: f32) -> (f32, f32) {
        let (inputs, outputs, steps) = (4, 2, 200);
        let (ticks, layers) = (config.ticks, config.hidden.len());
        let config = ControllerConfig::Snn(config);
        let controller = config.build(inputs, outputs).unwrap();
        let parameters = normals(controller.layout().len(), grid, 1);
        let network =
            network(&config, controller.as_ref(), &parameters, &Normalizer::identity(inputs, 5.0), 0.05)
                .unwrap();
        let mut executor = Executor::new(&network.graph().unwrap(), &Options::default()).unwrap();
        let mut evaluator = controller.evaluator(1);
        evaluator.load(0, &parameters);
        evaluator.reset(0, 0);
        let (mut probe, mut spikes) = (Probe::default(), 0);
        let (mut readout_difference, mut action_difference) = (0.0_f32, 0.0_f32);
        for observation in normals(steps * inputs, grid, 2).chunks_exact(inputs) {
            let mut action = [0.0; 2];
            evaluator.step(&[true], observation, &mut action).unwrap();
            evaluator.probe(0, &mut probe).unwrap();
            for tick in 0..ticks {
                executor.tick(&[observation]);
                for index in 0..layers {
                    let (layer, name) = (&probe.layers[index], format!("hidden_{index}"));
                    let found =
                        executor.value(&format!("{name}.lif")).or_else(|| executor.value(&name)).unwrap();
                    let expected: Vec<f32> =
                        (0..layer.neurons).map(|n| f32::from(u8::from(layer.spiked(tick, n)))).collect();
                    assert_eq!(found, expected, "tick {tick} of {name}");
                    spikes += found.iter().filter(|z| **z > 0.0).count();
                }
            }
            let readout = probe.layer("readout").unwrap().state("r").unwrap();
            for (a, b) in executor.value("readout").unwrap().iter().zip(readout) {
                readout_difference = readout_difference.max((a - b).abs());
            }
            for (a, b) in executor.output(0).iter().zip(action) {
                action_difference = action_difference.max((snn::tanh(*a) - b).abs());
            }
        }
        assert!(spikes > 1000, "only {spikes} spikes");
        (readout_difference, action_difference)
    }

    /// Weights and observations are multiples of 1/8, scales powers of two, so sums are exact in any
    /// order; 1 − decay is rounded once here and twice there.
    #[test]
    fn an_export_of_both_resets_gives_the_same_spikes() {
        for reset in ["zero", "subtract"] {
            let config = SnnConfig {
                hidden: vec![
                    HiddenLayer::Recurrent(layer(16, 0.7, reset)),
                    HiddenLayer::Dense(layer(64, 0.3, reset)),
                ],
                decoder: DecoderConfig::Membrane(Membrane {
                    parameters: [("decay".into(), 0.9)].into(),
                    ..Membrane::default()
                }),
                precision: Precision::F32Free,
                ..SnnConfig::default()
            };
            let (readout, action) = compare(config, 0.125);
            assert!(readout < 2e-6 && action < 2e-6, "{readout} {action}");
        }
    }

    #[test]
    fn an_export_of_any_weights_gives_the_same_spikes() {
        let config = SnnConfig { precision: Precision::F32Free, ..SnnConfig::default() };
        let (readout, action) = compare(config, 0.0);
        assert!(readout < 1e-5 && action < 1e-5, "{readout} {action}");
    }

    /// An I8 network rounds its input, for which NIR has no node: the file says how, and with input so
    /// rounded it gives the same spikes. Neurons without a leak leave nothing else to round.
    #[test]
    fn an_export_of_bytes_says_how_its_input_is_rounded() {
        let layer = LayerConfig { neurons: 24, model: "if".into(), ..LayerConfig::default() };
        let config = |precision| {
            ControllerConfig::Snn(SnnConfig {
                hidden: vec![HiddenLayer::Recurrent(layer.clone())],
                precision,
                ..SnnConfig::default()
            })
        };
        let notes = |precision| {
            let config = config(precision);
            let controller = config.build(4, 2).unwrap();
            let parameters = normals(controller.layout().len(), 0.0, 1);
            let network =
                network(&config, controller.as_ref(), &parameters, &Normalizer::identity(4, 5.0), 0.05)
                    .unwrap();
            let number = |key: &str| match network.metadata().get(key) {
                Some(Value::Array(array)) => array.number().map(|x| x as f32),
                _ => None,
            };
            (number("input_step").zip(number("input_limit")), network, controller, parameters)
        };
        for precision in Precision::ALL.into_iter().filter(|&precision| precision != Precision::I8) {
            assert_eq!(notes(precision).0, None, "{precision:?}");
        }
        let (rounding, network, controller, parameters) = notes(Precision::I8);
        let (step, limit) = rounding.unwrap();
        assert_eq!((step, limit), (1.0 / 32.0, 127.0 / 32.0));
        let graph = network.graph().unwrap();
        let mut executors = [(); 2].map(|()| Executor::new(&graph, &Options::default()).unwrap());
        let mut evaluator = controller.evaluator(1);
        evaluator.load(0, &parameters);
        evaluator.reset(0, 0);
        let (mut probe, mut differing) = (Probe::default(), [0; 2]);
        for observation in normals(200 * 4, 0.0, 2).chunks_exact(4) {
            evaluator.step(&[true], observation, &mut [0.0; 2]).unwrap();
            evaluator.probe(0, &mut probe).unwrap();
            let round = |x: &f32| ((x / step).round_ties_even() * step).clamp(-limit, limit);
            let rounded: Vec<f32> = observation.iter().map(round).collect();
            for tick in 0..probe.layers[0].ticks {
                for (index, input) in [&rounded[..], observation].into_iter().enumerate() {
                    executors[index].tick(&[input]);
                    let spikes = executors[index].value("hidden_0.lif").unwrap();
                    let differs =
                        |&neuron: &usize| (spikes[neuron] > 0.0) != probe.layers[0].spiked(tick, neuron);
                    differing[index] += (0..24).filter(differs).count();
                }
            }
        }
        assert!(differing[0] == 0 && differing[1] > 50, "{differing:?}");
    }

    #[test]
    fn neurons_of_libraries_are_exported_if_nir_has_them() {
        let like = |like: &str, switches| LayerConfig {
            neurons: 24,
            like: Some(like.into()),
            switches,
            ..LayerConfig::default()
        };
        let at_once = SwitchesConfig { at: Some(ResetAt::Spike), ..SwitchesConfig::default() };
        for layer in [like("norse", SwitchesConfig::default()), like("snntorch", at_once)] {
            let config = SnnConfig {
                hidden: vec![HiddenLayer::Recurrent(layer)],
                precision: Precision::F32Free,
                input_gain: 6.0,
                ..SnnConfig::default()
            };
            let (readout, action) = compare(config, 0.125);
            assert!(readout < 1e-4 && action < 1e-4, "{readout} {action}");
        }
    }

    /// Delays, sparse and signed connections, evolved time constants.
    #[test]
    fn wiring_is_exported() {
        let config = SnnConfig {
            hidden: vec![
                HiddenLayer::Dense(LayerConfig {
                    delay: (0, 3),
                    excitatory: Some(0.5),
                    ..layer(40, 0.7, "zero")
                }),
                HiddenLayer::Dense(LayerConfig {
                    density: 0.3,
                    skip: vec!["input".into()],
                    evolve: [("decay".into(), Scope::Neuron), ("threshold".into(), Scope::Layer)].into(),
                    ..layer(30, 0.6, "zero")
                }),
            ],
            precision: Precision::F32Free,
            input_gain: 4.0,
            ..SnnConfig::default()
        };
        let (readout, action) = compare(config, 0.0);
        assert!(readout < 1e-4 && action < 1e-4, "{readout} {action}");
    }

    /// Sums may be made in another order.
    #[test]
    fn perceptrons_are_exported() {
        for (hidden, activation) in
            [(vec![], Activation::Tanh), (vec![12, 7], Activation::Tanh), (vec![9], Activation::Relu)]
        {
            let config = ControllerConfig::Mlp(MlpConfig { hidden, activation, ..MlpConfig::default() });
            let controller = config.build(4, 2).unwrap();
            let parameters = normals(controller.layout().len(), 0.0, 1);
            let normalizer = Normalizer::identity(4, 5.0);
            let network = network(&config, controller.as_ref(), &parameters, &normalizer, 0.05).unwrap();
            let graph = network.graph().unwrap();
            assert_eq!(graph.dt(), Some(0.05));
            let mut executor = Executor::new(&graph, &Options::default()).unwrap();
            let mut evaluator = controller.evaluator(1);
            evaluator.load(0, &parameters);
            evaluator.reset(0, 0);
            for observation in normals(200 * 4, 0.0, 2).chunks_exact(4) {
                let mut action = [0.0; 2];
                evaluator.step(&[true], observation, &mut action).unwrap();
                executor.tick(&[observation]);
                for (a, b) in executor.output(0).iter().zip(action) {
                    assert!((snn::tanh(*a) - b).abs() < 2e-6, "{config:?}: {a} {b}");
                }
            }
        }
    }

    #[test]
    fn what_nir_cannot_carry_is_refused() {
        let refused = |layers: Vec<HiddenLayer>| {
            let config = ControllerConfig::Snn(SnnConfig { hidden: layers, ..SnnConfig::default() });
            let controller = config.build(2, 1).unwrap();
            let parameters = vec![0.0; controller.layout().len()];
            let normalizer = Normalizer::identity(2, 5.0);
            network(&config, controller.as_ref(), &parameters, &normalizer, 0.05).unwrap_err().to_string()
        };
        let mixed = ["zero", "subtract"].map(|reset| HiddenLayer::Dense(layer(2, 0.5, reset)));
        assert!(refused(mixed.to_vec()).contains("give all the same"));
        let alif = LayerConfig { model: "alif".into(), ..LayerConfig::default() };
        let alif = refused(vec![HiddenLayer::Dense(alif)]);
        assert!(alif.contains("model 'alif'") && alif.contains("'lif' is the nearest"), "{alif}");
        let spyx = LayerConfig { like: Some("spyx".into()), ..LayerConfig::default() };
        let spyx = refused(vec![HiddenLayer::Dense(spyx)]);
        assert!(spyx.contains("'hidden.0', which spikes from the old potential"), "{spyx}");
    }
}
