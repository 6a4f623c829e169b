//! `evo` with a strategy of its own, of the tutorial `docs/tutorials/own-strategy.md`.

mod cem;

use std::process::ExitCode;

fn main() -> ExitCode {
    strategies::register::<cem::CemConfig>().expect("the name is free");
    evo::run()
}
