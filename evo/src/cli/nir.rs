//! Options of `nir`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::common::{Which, above_zero, share};

/// What to do with NIR files.
#[derive(Debug, Subcommand)]
pub enum Nir {
    /// Show the nodes, parameters and edges of a file
    Info(NirInfo),
    /// Run a network over recorded input
    Run(NirRun),
    /// Write the controller of a run
    Export(NirExport),
}

/// Options of `nir info`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Example:
  evo nir info network.nir --json")]
pub struct NirInfo {
    /// NIR file
    #[arg(value_name = "FILE.nir")]
    pub file: PathBuf,
    /// Print one JSON object on stdout
    #[arg(long)]
    pub json: bool,
}

/// Options of `nir run`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Example:
  evo nir run network.nir --input x.npy --output y.npy --dt 1e-4

Arrays are time-major, [T, ...]: a row per tick. The state starts at rest.")]
pub struct NirRun {
    /// NIR file
    #[arg(value_name = "FILE.nir")]
    pub file: PathBuf,
    /// Input, [T, ...] of float32 or float64
    #[arg(long, value_name = "IN.npy")]
    pub input: PathBuf,
    /// Output, [T, ...] of float32
    #[arg(long, value_name = "OUT.npy")]
    pub output: PathBuf,
    /// Seconds per tick (the unit of the file's time constants); default: dt in the file's metadata
    #[arg(long, value_name = "S", value_parser = above_zero)]
    pub dt: Option<f64>,
    /// What a spike does to the potential; default: reset in the file's metadata, otherwise to_v_reset
    #[arg(long, value_enum, value_name = "MODE")]
    pub reset: Option<NirReset>,
}

/// What a spike does to the membrane potential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum NirReset {
    /// Sets it to v_reset
    ToVReset,
    /// Subtracts v_threshold - v_reset
    Subtract,
}

impl From<NirReset> for snn::nir::ResetMode {
    fn from(reset: NirReset) -> Self {
        match reset {
            NirReset::ToVReset => Self::ToVReset,
            NirReset::Subtract => Self::Subtract,
        }
    }
}

/// Options of `nir export`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  evo nir export results/runs/RUN --out network.nir
  evo nir export results/runs/EVENTS --differences 0.001 --out network.nir

The metadata have the time step, the ticks per control step and the normalisation of observations.
A network in continuous time gets the longest time step for which few enough of its spikes differ.")]
pub struct NirExport {
    /// Run folder (its last checkpoint) or checkpoint file
    #[arg(value_name = "RUN|FILE")]
    pub source: PathBuf,
    /// Stage of the run; default: the current one
    #[arg(long, value_name = "NAME")]
    pub stage: Option<String>,
    /// File to write
    #[arg(long, value_name = "FILE.nir")]
    pub out: PathBuf,
    /// Which parameters.
    #[command(flatten)]
    pub which: Which,
    /// Of a network in continuous time: spikes that may differ in ticks, per spike [default: 0.01]
    #[arg(long, value_name = "SHARE", value_parser = share, conflicts_with = "dt")]
    pub differences: Option<f64>,
    /// Of a network in continuous time: seconds per tick
    #[arg(long, value_name = "S", value_parser = above_zero)]
    pub dt: Option<f64>,
}
