//! Options of `new`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// What to begin.
#[derive(Debug, Subcommand)]
pub enum New {
    /// Copy a config to configs/NAME.ron, to change it
    Config(NewConfig),
    /// Copy a robot to configs/NAME.xml, with a config that trains it to walk
    Robot(NewRobot),
    /// Copy a neuron model to configs/NAME.neuron, with a config that uses it
    Neuron(NewNeuron),
    /// In a clone of the project: write the source of a task for you to change, with its robot and config
    Env(NewSource),
    /// In a clone of the project: write the source of a strategy for you to change, with a config
    Strategy(NewSource),
}

/// Options of `new config`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  evo new config mine
  evo new config mine --from hopper.ron")]
pub struct NewConfig {
    /// Its name: letters, digits, `-` and `_`
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Config to copy: a path, or the name of a file under configs/
    #[arg(long, value_name = "CONFIG", default_value = "ant.ron")]
    pub from: PathBuf,
}

/// Options of `new robot`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  evo new robot mine
  evo new robot mine --from robot.xml

docs/how-to/own-robot.md explains the files.")]
pub struct NewRobot {
    /// Its name: letters, digits, `-` and `_`
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Robot to copy, a file in MJCF; default: the example robot of the documentation
    #[arg(long, value_name = "FILE.xml")]
    pub from: Option<PathBuf>,
}

/// Options of `new neuron`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  evo new neuron mine
  evo new neuron mine --from alif

docs/neurons.md describes the language.")]
pub struct NewNeuron {
    /// Its name: small letters, digits and `_`
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Built-in model to copy (evo list neurons)
    #[arg(long, value_name = "MODEL", default_value = "lif")]
    pub from: String,
}

/// Options of `new env` and `new strategy`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  evo new env cart
  evo new strategy mine

docs/tutorials/own-env.md and docs/tutorials/own-strategy.md explain the files line by line.")]
pub struct NewSource {
    /// Its name: small letters, digits and `_`
    #[arg(value_name = "NAME")]
    pub name: String,
}
