//! The viewer of runs and recordings; `viewer --help` lists what it can open.

use std::process::ExitCode;

use clap::Parser as _;
use viewer::cli::{Args, run};

fn main() -> ExitCode {
    evo::failure::finish(run(&Args::parse()))
}
