//! A trained controller in the terms of NIR.

use snn::nir::export::{Filter, Gain, Network, Neuron, Population, Projection, Source, Spike, refusal};
use snn::nir::{Array, Data, Metadata, NirError, ResetMode, Value};
use snn::{Block, Controller, ControllerConfig, Reset};

use crate::normalizer::Normalizer;

/// The spiking network of a controller with the given parameters, for a control step of `control_dt`
/// seconds. Its input is the normalised observation, constant over the ticks of a control step; the
/// action is the tanh of its output after the last of them.
///
/// # Errors
/// [`NirError::Export`] with what NIR cannot carry.
pub fn network(
    config: &ControllerConfig,
    controller: &dyn Controller,
    parameters: &[f32],
    normalizer: &Normalizer,
    control_dt: f64,
) -> Result<Network, NirError> {
    let refuse = |what: &str, why: &str| NirError::Export { what: what.to_owned(), why: why.to_owned() };
    let ControllerConfig::Snn(config) = config else {
        return Err(refuse(
            "an Mlp controller",
            "it has no neurons that spike; only Snn controllers can be exported",
        ));
    };
    let block = |name: &str| {
        controller.layout().block(name).ok_or_else(|| refuse(name, "the controller has no such parameters"))
    };
    // From [source][target] with θ to [target][source] with weights; the first `rows` sources.
    let weight = |block: &Block, rows: usize| -> Vec<f32> {
        let targets = 0..block.cols;
        let weight = |pre: usize, post: usize| block.scale * parameters[block.index(pre, post)];
        targets.flat_map(|post| (0..rows).map(move |pre| weight(pre, post))).collect()
    };
    let bias = |block: &Block, row: usize| -> Vec<f32> {
        (0..block.cols).map(|post| block.scale * parameters[block.index(row, post)]).collect()
    };
    let (mut populations, mut projections) = (Vec::new(), Vec::new());
    let mut reset = None;
    for (index, hidden) in config.hidden.iter().enumerate() {
        let (layer, name) = (hidden.config(), format!("hidden.{index}"));
        if layer.model != "lif" {
            return Err(refusal(&name, &layer.model));
        }
        let lif = layer.parameters;
        if *reset.get_or_insert(lif.reset) != lif.reset {
            return Err(refuse(
                "layers with different resets",
                "NIR has no reset by layer; give all the same",
            ));
        }
        let input = block(&format!("{name}.input"))?;
        projections.push(match index.checked_sub(1) {
            None => Projection {
                source: Source::Input,
                target: 0,
                weight: weight(input, controller.inputs()),
                bias: bias(input, controller.inputs()),
            },
            Some(before) => Projection {
                source: Source::Population(before),
                target: index,
                weight: weight(input, input.rows),
                bias: Vec::new(),
            },
        });
        if hidden.is_recurrent() {
            let block = block(&format!("{name}.recurrent"))?;
            let (source, weight) = (Source::Population(index), weight(block, block.rows));
            projections.push(Projection { source, target: index, weight, bias: Vec::new() });
        }
        let neuron = Neuron::Lif {
            membrane: Filter { decay: vec![lif.decay], gain: Gain::Complement },
            v_leak: vec![0.0],
            spike: Spike { threshold: vec![lif.threshold], v_reset: vec![0.0] },
        };
        populations.push(Population { name, neurons: layer.neurons, neuron, delays: Vec::new() });
    }
    let (readout, last) = (block("readout.weight")?, populations.len());
    projections.push(Projection {
        source: Source::Population(last - 1),
        target: last,
        weight: weight(readout, readout.rows),
        bias: Vec::new(),
    });
    populations.push(Population {
        name: "readout".to_owned(),
        neurons: controller.outputs(),
        neuron: Neuron::Li(Filter { decay: vec![config.readout_decay], gain: Gain::Complement }),
        delays: Vec::new(),
    });
    Ok(Network {
        inputs: controller.inputs(),
        dt: control_dt / config.ticks as f64,
        reset: match reset {
            Some(Reset::Subtract) => ResetMode::Subtract,
            _ => ResetMode::ToVReset,
        },
        populations,
        projections,
        output_bias: bias(block("readout.bias")?, 0),
        metadata: Metadata::from([
            ("ticks".to_owned(), (config.ticks as i64).into()),
            ("controller".to_owned(), controller.describe().as_str().into()),
            ("decoder".to_owned(), "tanh".into()),
            ("normalizer".to_owned(), Value::Group(notes(normalizer))),
        ]),
    })
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

    use snn::nir::{Executor, Options, export};
    use snn::{HiddenLayer, LayerConfig, NeuronParameters, Probe, SnnConfig};

    use super::*;
    use crate::random::{Purpose, fill_normals};

    fn layer(neurons: usize, decay: f32, reset: Reset) -> LayerConfig {
        let parameters = NeuronParameters { decay, reset, ..NeuronParameters::default() };
        LayerConfig { neurons, parameters, ..LayerConfig::default() }
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
        let mut executor = Executor::new(&export::export(&network).unwrap(), &Options::default()).unwrap();
        let mut evaluator = controller.evaluator(1);
        evaluator.load(0, &parameters);
        evaluator.reset(0);
        let (mut probe, mut spikes) = (Probe::default(), 0);
        let (mut readout_difference, mut action_difference) = (0.0_f32, 0.0_f32);
        for observation in normals(steps * inputs, grid, 2).chunks_exact(inputs) {
            let mut action = [0.0; 2];
            evaluator.step(&[true], observation, &mut action);
            evaluator.probe(0, &mut probe);
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

    /// Weights and observations are multiples of 1/8, scales powers of two: sums are exact in any order.
    #[test]
    fn an_export_gives_the_same_bits_where_sums_are_exact() {
        for reset in [Reset::Zero, Reset::Subtract] {
            let config = SnnConfig {
                hidden: vec![
                    HiddenLayer::Recurrent(layer(16, 0.7, reset)),
                    HiddenLayer::Dense(layer(64, 0.3, reset)),
                ],
                readout_decay: 0.9,
                ..SnnConfig::default()
            };
            assert_eq!(compare(config, 0.125), (0.0, 0.0));
        }
    }

    #[test]
    fn an_export_of_any_weights_gives_the_same_spikes() {
        let (readout, action) = compare(SnnConfig::default(), 0.0);
        assert!(readout < 1e-5 && action < 1e-5, "{readout} {action}");
    }

    #[test]
    fn what_nir_cannot_carry_is_refused() {
        let refused = |text: &str, layers: Vec<HiddenLayer>| {
            let config = match text {
                "Mlp" => ControllerConfig::Mlp(snn::MlpConfig::default()),
                _ => ControllerConfig::Snn(SnnConfig { hidden: layers, ..SnnConfig::default() }),
            };
            let controller = config.build(2, 1).unwrap();
            let parameters = vec![0.0; controller.layout().len()];
            let normalizer = Normalizer::identity(2, 5.0);
            network(&config, controller.as_ref(), &parameters, &normalizer, 0.05).unwrap_err().to_string()
        };
        assert!(refused("Mlp", vec![]).starts_with("NIR cannot carry an Mlp controller: "));
        let mixed = [Reset::Zero, Reset::Subtract].map(|reset| HiddenLayer::Dense(layer(2, 0.5, reset)));
        assert!(refused("Snn", mixed.to_vec()).contains("give all the same"));
    }
}
