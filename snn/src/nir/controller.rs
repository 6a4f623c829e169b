//! A spiking controller in the terms of NIR.

use super::error::NirError;
use super::export::{self, Filter, Gain, Spike, refusal};
use super::{Metadata, ResetMode};
use crate::network::{Network, Parameter, Population, Source};
use crate::switches::{ResetAt, ResetBy, SpikeFrom};

/// The network of a controller with the given parameters, `dt` seconds per tick. Its input is what the
/// encoder makes of an observation; its output the readout after each tick.
pub(crate) fn network(network: &Network, parameters: &[f32], dt: f64) -> Result<export::Network, NirError> {
    let refuse = |what: &str, why: &str| NirError::Export { what: what.to_owned(), why: why.to_owned() };
    if !network.plastic.is_empty() {
        return Err(refuse("plasticity", "no node of NIR has weights that change while it runs"));
    }
    let mut reset = None;
    let mut populations = Vec::new();
    for population in &network.populations {
        let neuron = neuron(population, network, parameters)?;
        if population.clear && population.spiking() {
            let what = format!("`fresh` of {}", population.name);
            return Err(refuse(&what, "no node starts anew with each control step"));
        }
        if population.clear {
            let why = "it starts again in each control step; only Membrane decoders can be exported";
            return Err(refuse("the decoder", why));
        }
        if population.neuron.refractory() > 0 {
            let what = format!("the refractory period of {}", population.name);
            return Err(refuse(&what, "no node has one; give 0"));
        }
        let by_switches = population.neuron.switches().map(|switches| match switches.reset {
            ResetBy::Zero => "zero",
            _ => "subtract",
        });
        if let Some(own) = population.neuron.reset().or(by_switches)
            && *reset.get_or_insert(own.to_owned()) != own
        {
            return Err(refuse(
                "layers with different resets",
                "NIR has no reset by layer; give all the same",
            ));
        }
        populations.push(export::Population {
            name: population.name.clone(),
            neurons: population.neurons,
            neuron,
            delays: delays(population),
        });
    }
    let projections = network.projections.iter().map(|projection| {
        let (rows, cols) = (projection.rows, projection.cols);
        let mut weight = vec![0.0; rows * cols];
        let mut bias = if projection.bias { vec![0.0; cols] } else { Vec::new() };
        network.visit_weights(projection, parameters, |pre, post, value| {
            if pre == rows {
                bias[post] = value;
            } else {
                weight[post * rows + pre] = value;
            }
        });
        export::Projection {
            source: match projection.source {
                Source::Input => export::Source::Input,
                Source::Population(index) => export::Source::Population(index),
            },
            target: projection.target,
            weight,
            bias,
        }
    });
    let bias = network.bias.map(|block| {
        let block = &network.layout.blocks()[block];
        parameters[block.range()].iter().map(|theta| block.scale * theta).collect()
    });
    let mut metadata = Metadata::from([
        ("ticks".to_owned(), (network.ticks as i64).into()),
        ("decoder".to_owned(), "tanh".into()),
    ]);
    if let Some((step, limit)) = network.format.rounds().filter(|_| !network.encoder.encoder().spiking()) {
        // No node rounds, so who runs the file has to.
        metadata.insert("input_step".to_owned(), f64::from(step).into());
        metadata.insert("input_limit".to_owned(), f64::from(limit).into());
    }
    Ok(export::Network {
        inputs: network.width,
        dt,
        reset: if reset.as_deref() == Some("subtract") { ResetMode::Subtract } else { ResetMode::ToVReset },
        projections: projections.collect(),
        populations,
        output_bias: bias.unwrap_or_default(),
        metadata,
    })
}

/// The model of a population with the values of its parameters.
fn neuron(
    population: &Population,
    network: &Network,
    parameters: &[f32],
) -> Result<export::Neuron, NirError> {
    // One value for all, or one for each neuron.
    let value = |name: &str| -> Vec<f32> {
        let Some(index) = population.neuron.parameters().iter().position(|p| p.name == name) else {
            return vec![0.0];
        };
        match population.parameters[index] {
            Parameter::Fixed(value) => vec![value as f32],
            Parameter::Evolved { block, start, growth } => {
                let theta = &parameters[network.layout.blocks()[block].range()];
                theta.iter().map(|theta| growth.value(start, f64::from(*theta)) as f32).collect()
            }
        }
    };
    let filter = |decay: Vec<f32>| Filter { decay, gain: Gain::Complement };
    let spike = || Spike { threshold: value("threshold"), v_reset: value("v_reset") };
    if let Some(switches) = population.neuron.switches() {
        let at_once = switches.spike == SpikeFrom::New && switches.at == ResetAt::Spike;
        if !at_once || switches.reset == ResetBy::Never {
            let what = format!("population '{}', which {}", population.name, switches.describe());
            let why = "neurons of NIR spike from the new potential and are reset at once; \
                       `like: \"norse\"`, or `switches: (spike: New, at: Spike)`, can be carried";
            return Err(NirError::Export { what, why: why.to_owned() });
        }
        let gain = if switches.scaled { Gain::Complement } else { Gain::One };
        let membrane = Filter { decay: value("decay"), gain };
        return Ok(export::Neuron::Lif { membrane, v_leak: vec![0.0], spike: spike() });
    }
    if !population.neuron.is_built_in() {
        return Err(refusal(&population.name, population.neuron.name()));
    }
    Ok(match population.neuron.name() {
        "if" => export::Neuron::If(spike()),
        "lif" => export::Neuron::Lif { membrane: filter(value("decay")), v_leak: vec![0.0], spike: spike() },
        "plif" if value("v_reset") != [0.0] => {
            let what = format!("population '{}' with v_reset other than 0", population.name);
            let why = "it starts there, and NIR starts at 0; give v_reset 0".to_owned();
            return Err(NirError::Export { what, why });
        }
        "plif" => {
            let keep = |w: &f32| 1.0 - 1.0 / (1.0 + libm::expf(-w));
            let decay = value("w").iter().map(keep).collect();
            export::Neuron::Lif { membrane: filter(decay), v_leak: vec![0.0], spike: spike() }
        }
        "cuba_lif" => export::Neuron::CubaLif {
            synapse: filter(value("synapse_decay")),
            membrane: filter(value("decay")),
            spike: spike(),
        },
        "li" => export::Neuron::Li(filter(value("decay"))),
        "threshold" => export::Neuron::Threshold(value("threshold")),
        other => return Err(refusal(&population.name, other)),
    })
}

/// Delay of each neuron; empty: none.
fn delays(population: &Population) -> Vec<usize> {
    let mut all = if population.delays.is_empty() { Vec::new() } else { vec![0; population.neurons] };
    for (neuron, delay) in all.iter_mut().enumerate() {
        let has = |(_, select): &&(usize, Vec<u64>)| select[neuron / 64] >> (neuron % 64) & 1 == 1;
        *delay = population.delays.iter().find(has).map_or(0, |(delay, _)| *delay);
    }
    all
}
