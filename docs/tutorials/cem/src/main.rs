//! `evo` with a strategy of its own, of the tutorial `docs/tutorials/own-strategy.md`.

mod cem;

use std::process::ExitCode;

fn main() -> ExitCode {
    strategies::register::<cem::CemConfig>().expect("the name is free");
    let verb = evo::cli::parse(std::env::args_os()).unwrap_or_else(|error| error.exit());
    evo::failure::finish(evo::commands::run(verb))
}
