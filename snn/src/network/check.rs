//! Whether a config makes a network.

use super::Source;
use crate::config::{Code, LayerConfig, Precision, SnnConfig};
use crate::encoder::EncoderConfig;
use crate::equations::MAX_REFRACTORY;
use crate::error::{MAX_SOURCES, MAX_TICKS, SnnError, check, check_neurons, check_weights};

/// Longest axonal delay in ticks.
const MAX_DELAY: usize = 255;

/// Checks all fields but models and sources.
pub(super) fn check_config(config: &SnnConfig) -> Result<(), SnnError> {
    if config.hidden.is_empty() {
        return Err(SnnError::NoHiddenLayers);
    }
    if !(1..=MAX_TICKS).contains(&config.ticks) {
        return Err(SnnError::Ticks { ticks: config.ticks });
    }
    for (name, gain) in [
        ("input_gain", config.input_gain),
        ("recurrent_gain", config.recurrent_gain),
        ("output_gain", config.output_gain),
    ] {
        check(|| name.into(), gain, gain >= 0.0, "finite and at least 0")?;
    }
    config.encoder.encoder().check()?;
    config.decoder.check()?;
    let format = config.precision.storage();
    if format.is_binary() && config.decoder.readout().fixed.is_some() {
        return Err(SnnError::Combination {
            first: format.setting(),
            second: "decoder: Population()",
            valid: "the decoders Membrane, Rate and Count",
        });
    }
    if config.decoder.readout().fixed.is_some() && !config.readout_skip.is_empty() {
        return Err(SnnError::Combination {
            first: "decoder: Population()",
            second: "readout_skip",
            valid: "`readout_skip: []`, since votes have no weights, or the decoders Membrane, Rate and Count",
        });
    }
    for (index, hidden) in config.hidden.iter().enumerate() {
        let layer = hidden.config();
        let field = |name: &str| format!("hidden[{index}].{name}");
        check_neurons(|| field("neurons"), layer.neurons)?;
        let density = layer.density;
        let valid = density > 0.0 && density <= 1.0;
        check(|| field("density"), density as f32, valid, "above 0 and at most 1")?;
        let (from, to) = layer.delay;
        let valid = from <= to && to <= MAX_DELAY;
        check(|| field("delay"), to as f32, valid, "two numbers in order, 0 to 255")?;
        let period = layer.refractory;
        check(|| field("refractory"), period as f32, period <= MAX_REFRACTORY, "0 to 128")?;
        if let Some(share) = layer.excitatory {
            check(|| field("excitatory"), share as f32, (0.0..=1.0).contains(&share), "0 to 1")?;
        }
        if let Code::Pairs(code) = &layer.code {
            check(|| field("code.drive"), code.drive, code.drive > 0.0, "finite and above 0")?;
            check(|| field("code.center"), code.center, true, "finite")?;
            check(|| field("code.spread"), code.spread, code.spread >= 0.0, "finite and at least 0")?;
            check_code(config, index)?;
        }
        if layer.push_pull {
            let neurons = layer.neurons;
            check(|| field("neurons"), neurons as f32, neurons % 2 == 0, "even with `push_pull`")?;
            check_pairs(config, layer)?;
        }
    }
    Ok(())
}

/// Refuses a population code where there are no currents of observations.
fn check_code(config: &SnnConfig, index: usize) -> Result<(), SnnError> {
    let floats = [Precision::F32, Precision::F32Free].contains(&config.precision);
    let plain = config.encoder == EncoderConfig::default();
    let others = [
        (index > 0, "a layer after the first", "`code` in `hidden[0]`"),
        (!plain, "encoder", "`encoder: Current()`"),
        (!floats, "precision", "`precision: F32` and `precision: F32Free`"),
        (config.hidden[index].config().density < 1.0, "density", "`density: 1`"),
    ];
    match others.into_iter().find(|(set, ..)| *set) {
        Some((_, second, valid)) => Err(SnnError::Combination { first: "code", second, valid }),
        None => Ok(()),
    }
}

/// Refuses what would make the neurons of a push-pull pair unlike.
fn check_pairs(config: &SnnConfig, layer: &LayerConfig) -> Result<(), SnnError> {
    let others = [
        (config.precision.storage().is_binary(), "precision: Binary", "another precision"),
        (layer.density < 1.0, "density", "`density: 1`"),
        (layer.delay != (0, 0), "delay", "`delay: (0, 0)`"),
        (layer.excitatory.is_some(), "excitatory", "`excitatory: None`"),
        (!config.plasticity.is_empty(), "plasticity", "`plasticity: []`"),
    ];
    match others.into_iter().find(|(set, ..)| *set) {
        Some((_, second, valid)) => Err(SnnError::Combination { first: "push_pull: true", second, valid }),
        None => Ok(()),
    }
}

/// Refuses networks that are too large, before anything is laid out: `width` sources of the encoder
/// for `inputs` observations, `outputs` actions. Sources that do not exist are for others to refuse.
pub(super) fn check_size(
    config: &SnnConfig,
    (inputs, width, outputs): (usize, usize, usize),
) -> Result<(), SnnError> {
    if config.encoder.encoder().spiking() && width > MAX_SOURCES {
        let why = "where it makes spikes; Current and Population make currents and have no such limit";
        return Err(SnnError::Sources { sources: width, inputs, why });
    }
    let neurons = |index: usize| config.hidden[index].config().neurons;
    let skipped = |names: &[String]| -> usize {
        let known =
            names.iter().filter_map(|name| parse_source(name, config.hidden.len(), true, String::new).ok());
        let size = |source| match source {
            Source::Input => width,
            Source::Population(index) => neurons(index),
        };
        known.map(size).sum()
    };
    let hidden = config.hidden.iter().enumerate().map(|(index, hidden)| {
        // A row of biases comes with the encoder's.
        let before = index.checked_sub(1).map_or(width.saturating_add(1), neurons);
        let own = if hidden.is_recurrent() { neurons(index) } else { 0 };
        let sources = before.saturating_add(skipped(&hidden.config().skip)).saturating_add(own);
        (format!("hidden[{index}]"), (sources, neurons(index)))
    });
    let sources = neurons(config.hidden.len() - 1) + skipped(&config.readout_skip);
    let readout = ("decoder".to_owned(), (sources, outputs * config.decoder.readout().width));
    check_weights(hidden.chain([readout]))
}

/// The source called `text`.
pub(super) fn parse_source(
    text: &str,
    hidden: usize,
    input: bool,
    field: impl FnOnce() -> String,
) -> Result<Source, SnnError> {
    if input && text == "input" {
        return Ok(Source::Input);
    }
    let index = text.strip_prefix("hidden.").and_then(|index| index.parse::<usize>().ok());
    index.filter(|&index| index < hidden).map(Source::Population).ok_or_else(|| {
        let layers = (0..hidden).map(|index| format!("\"hidden.{index}\""));
        let valid: Vec<String> = input.then(|| "\"input\"".into()).into_iter().chain(layers).collect();
        SnnError::Source { field: field(), source_name: text.into(), valid: valid.join(", ") }
    })
}
