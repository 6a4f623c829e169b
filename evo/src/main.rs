//! `evo`: evolves controllers. Parse, run, exit code: 0 done, 1 the run failed, 2 bad usage or input.

use std::process::ExitCode;

use evo::{cli, commands};
use records::failure;

fn main() -> ExitCode {
    // clap prints help and its own usage errors, and exits with 0 or 2.
    let verb = cli::parse(std::env::args_os()).unwrap_or_else(|error| error.exit());
    failure::finish(commands::run(verb))
}
