//! What the command line has: configs by their names, runs by theirs, and the program itself.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use envs::EnvConfig;
use pyo3::prelude::*;
use records::text::{self, patch};
use serde_json::json;
use training::config::Config;
use training::named_files;

use crate::call::{detached, invalid};

/// A config of the task called `name` with its default settings, of a config's file, or of a robot's (`….xml`), with
/// `sets` applied.
pub fn world(name: &str, sets: &[String]) -> PyResult<Config> {
    let from = |env: serde_json::Value| -> PyResult<Config> {
        serde_json::from_value(json!({ "env": env, "strategy": { "OpenEs": {} } })).map_err(invalid)
    };
    let mut config = if let Some(env) = EnvConfig::from_name(name) {
        from(serde_json::to_value(env).map_err(invalid)?)?
    } else if name.ends_with(".xml") {
        let mut config = from(json!({ "Mjcf": { "file": name } }))?;
        named_files::inline(&mut config, Path::new("")).map_err(invalid)?;
        config
    } else if name.ends_with(".ron") {
        let path = text::find(Path::new(name)).map_err(invalid)?;
        let mut config = text::read(&path).map_err(invalid)?;
        named_files::inline(&mut config, &path).map_err(invalid)?;
        config
    } else {
        return Err(invalid(format!("unknown env '{name}' (valid: {})", envs::names().join(", "))));
    };
    config = patch::apply(config, sets).map_err(invalid)?;
    Ok(config)
}

/// Path of the run that a word means: a path that exists, `latest`, or the beginning of the name of one run.
#[pyfunction]
pub fn find_run(py: Python<'_>, word: PathBuf) -> PyResult<PathBuf> {
    detached(py, || evo::runs::find(&word).map_err(invalid))
}

/// Does what the command line `words` says, and gives the exit code. `program` starts this again, for processes that
/// it starts; `configs` is the folder of the configs that come with it.
#[pyfunction]
#[pyo3(name = "evo")]
pub fn command(
    py: Python<'_>,
    words: Vec<OsString>,
    program: Vec<OsString>,
    configs: PathBuf,
) -> PyResult<u8> {
    detached(py, || {
        text::ship(configs);
        evo::again::is(program);
        Ok(evo::run_as(&words))
    })
}
