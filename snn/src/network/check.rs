//! Whether a config makes a network.

use super::Source;
use crate::config::SnnConfig;
use crate::equations::MAX_REFRACTORY;
use crate::error::{MAX_TICKS, SnnError, check, check_neurons};

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
    }
    Ok(())
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
