//! The lanes engine: one world per lane of a SIMD register.

use std::sync::Arc;

use crate::worlds::Engine;
use crate::{Model, Sensor, SimError, StepOptions};

/// Worlds that are stepped together.
pub(crate) const WIDTH: usize = 16;

/// What the engine cannot do of what the model asks for, one entry each; empty if it can do it all.
pub(crate) fn missing(_model: &Model) -> Vec<String> {
    vec!["everything: it is being built".to_owned()]
}

/// All worlds of a batch.
pub(crate) struct LanesEngine;

impl LanesEngine {
    pub(crate) fn boxed(
        model: &Arc<Model>,
        _n: usize,
        _options: StepOptions,
        _sensors: &[Sensor],
    ) -> Result<Box<dyn Engine>, SimError> {
        Err(SimError::Unsupported { engine: "lanes", model: model.name.clone(), missing: missing(model) })
    }
}
