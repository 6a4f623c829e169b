//! The engines: a row each. A new one is a folder, a variant of [`EngineKind`] and a row here.

use std::sync::Arc;

use crate::engine::Engine;
use crate::{EngineKind, Model, Sensor, SimError, StepOptions, lanes, rapier};

/// Makes an engine for a number of worlds of a model that asks for nothing that is missing.
type Make = fn(&Arc<Model>, usize, StepOptions, &[Sensor]) -> Box<dyn Engine>;

/// What there is to know about an engine.
struct Entry {
    /// On the command line.
    name: &'static str,
    /// Number of worlds that one thread steps at the lowest cost per world.
    batch: usize,
    /// Solver iterations per physics step for a robot with contacts: quick, exact.
    iterations: [usize; 2],
    make: Make,
    /// What it cannot do of what a model asks for, one entry each.
    missing: fn(&Model) -> Vec<String>,
}

/// Writes the list of all engines and their rows; one without a row does not compile.
macro_rules! engines {
    ($($kind:ident => $entry:expr,)+) => {
        impl EngineKind {
            /// Every engine.
            pub const ALL: [Self; [$(stringify!($kind)),+].len()] = [$(Self::$kind),+];

            /// Their names in configs.
            pub const VARIANTS: [&str; Self::ALL.len()] = [$(stringify!($kind)),+];

            const fn entry(self) -> Entry {
                match self {
                    $(Self::$kind => $entry,)+
                }
            }
        }
    };
}

engines! {
    Rapier => Entry {
        name: "rapier",
        // One rapier world fits the caches; more would evict each other.
        batch: 1,
        iterations: [4, 4],
        make: rapier::make,
        missing: rapier::missing,
    },
    Lanes => Entry {
        name: "lanes",
        batch: lanes::WIDTH,
        iterations: [10, 16],
        make: lanes::make,
        missing: lanes::missing,
    },
}

impl EngineKind {
    /// Name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.entry().name
    }

    /// Number of worlds that one thread steps at the lowest cost per world.
    #[must_use]
    pub fn batch(self) -> usize {
        self.entry().batch
    }

    /// Solver iterations per physics step for a robot with contacts: those that are quick, and those
    /// that are exact.
    #[must_use]
    pub fn iterations(self) -> [usize; 2] {
        self.entry().iterations
    }
}

/// The engine of `options` for `n` worlds.
pub(crate) fn make(
    model: &Arc<Model>,
    n: usize,
    options: StepOptions,
    sensors: &[Sensor],
) -> Result<Box<dyn Engine>, SimError> {
    let missing = unsupported(model, options.engine);
    if !missing.is_empty() {
        let (engine, model) = (options.engine.name(), model.name.clone());
        return Err(SimError::Unsupported { engine, model, missing });
    }
    Ok((options.engine.entry().make)(model, n, options, sensors))
}

/// What an engine cannot do of what a model asks for, one entry each; empty if it can do it all.
#[must_use]
pub fn unsupported(model: &Model, engine: EngineKind) -> Vec<String> {
    (engine.entry().missing)(model)
}
