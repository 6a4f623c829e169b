//! Options of `export`.

use std::path::PathBuf;

use clap::Args;

use super::common::Which;

/// Options of `export`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  evo export results/runs/RUN --onnx policy.onnx
  evo export results/runs/RUN --best --onnx policy.onnx

The file maps the task's observations to the task's actions, both in the task's units. Every state
that persists between control steps is an input and an output. Names, units, control step and start
values are in the metadata.")]
pub struct ExportArgs {
    /// Run folder (its last checkpoint) or checkpoint file
    #[arg(value_name = "RUN|FILE")]
    pub source: PathBuf,
    /// Stage of the run; default: the current one
    #[arg(long, value_name = "NAME")]
    pub stage: Option<String>,
    /// Which parameters.
    #[command(flatten)]
    pub which: Which,
    /// File to write
    #[arg(long, value_name = "FILE.onnx")]
    pub onnx: PathBuf,
}
