//! Files that a config names: neuron models and robots. Their text goes into the config, which then stands alone.

use std::path::{Path, PathBuf};

use records::input;
use sim::SimError;

use crate::config::Config;

/// What is wrong with a file that a config names.
#[derive(Debug, thiserror::Error)]
pub enum NamedFileError {
    /// It cannot be read.
    #[error("cannot read {what} {path}: {source}")]
    Read {
        /// What it is.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A robot cannot be understood.
    #[error(transparent)]
    Robot(SimError),
    /// A neuron model cannot be understood.
    #[error("{path}:{}:{}: {}", .error.line, .error.column, .error.message)]
    Model {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        error: snn::EquationError,
    },
}

/// Where a file is that is looked for beside the config, then as given.
#[must_use]
pub fn beside(folder: &Path, name: &str) -> PathBuf {
    let beside = folder.join(name);
    if beside.is_file() { beside } else { PathBuf::from(name) }
}

/// The text of a robot's file, with what it includes.
///
/// # Errors
/// If it cannot be read or understood.
pub fn robot(folder: &Path, name: &str) -> Result<String, NamedFileError> {
    sim::read_mjcf(beside(folder, name)).map_err(|error| match error {
        SimError::Read { path, source } => NamedFileError::Read { what: "robot", path, source },
        error => NamedFileError::Robot(error),
    })
}

/// The text of a neuron model in a file.
///
/// # Errors
/// If it cannot be read or understood.
pub fn model(folder: &Path, name: &str) -> Result<String, NamedFileError> {
    let path = beside(folder, name);
    match input::text(&path, input::TEXT) {
        Err(source) => Err(NamedFileError::Read { what: "neuron model", path, source }),
        Ok(text) => match snn::check_model(&text) {
            Err(error) => Err(NamedFileError::Model { path, error }),
            Ok(_) => Ok(text),
        },
    }
}

/// Puts the text of the files that `config` names into it; they are looked for beside `path`, the config's file, then
/// from the working directory on.
///
/// # Errors
/// If one of them cannot be read or understood.
pub fn inline(config: &mut Config, path: &Path) -> Result<(), NamedFileError> {
    let folder = path.parent().unwrap_or(Path::new(""));
    config.controller.inline_models(|name| model(folder, name))?;
    config.env.inline_robot(|name| robot(folder, name))?;
    if let Some(refine) = &mut config.refine {
        refine.ppo.critic.inline_models(|name| model(folder, name))?;
    }
    Ok(())
}
