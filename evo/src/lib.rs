//! The program: command line, sweeps, plots and reports over the crates `strategies`, `records` and `training`.

use std::process::ExitCode;

pub mod cli;
pub mod commands;
pub mod interrupt;
pub mod plot;
pub mod progress;
pub mod report;
pub mod statistics;
pub mod sweep;

/// Does what the command line of this process says: parse, run, exit code. 0 is done, 1 the run failed, 2 bad usage
/// or input; what a signal has stopped, [`interrupt::exit_code`]. All of `main`, for programs that add something of their own.
#[must_use]
pub fn run() -> ExitCode {
    // clap prints help and its own usage errors, and exits with 0 or 2.
    let verb = cli::parse(std::env::args_os()).unwrap_or_else(|error| error.exit());
    interrupt::survive_file_limits();
    let result = commands::run(verb);
    match interrupt::exit_code().filter(|_| result.is_ok()) {
        Some(code) => ExitCode::from(code),
        None => records::failure::finish(result),
    }
}
