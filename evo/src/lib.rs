//! The program: command line, sweeps, plots and reports over the crates `strategies`, `records` and `training`.

#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests compare with the system's functions"))]

use std::ffi::OsString;
use std::process::ExitCode;

use records::words::{escaped, is_mute, mute, to_stderr};

pub mod again;
mod base64;
pub mod cli;
pub mod commands;
pub mod interrupt;
pub mod out;
pub mod plot;
pub mod progress;
pub mod report;
pub mod runs;
pub mod statistics;
pub mod sweep;
pub mod viewer;

/// Does what the command line of this process says: parse, run, exit code. 0 is done, 1 the run failed or
/// its result could not be written, 2 bad usage or input; what a signal has stopped, [`interrupt::exit_code`]. All of
/// `main`, for programs that add something of their own.
#[must_use]
pub fn run() -> ExitCode {
    records::surroundings::set_runtime_dir();
    let words: Vec<OsString> = std::env::args_os().collect();
    ExitCode::from(run_as(&words))
}

/// As [`run`] with this command line, whose first word is the program's name; the exit code. For programs in which this
/// one is a part.
#[must_use]
pub fn run_as(words: &[OsString]) -> u8 {
    interrupt::survive_file_limits();
    // One of several ranks speaks for all.
    if cli::is_for_ranks(words) && ranks::launch().is_some_and(|launch| launch.rank > 0) {
        mute();
    }
    let result = match cli::parse(words) {
        Ok(verb) => commands::run(verb).and_then(|()| out::finish()),
        Err(told) if told.use_stderr() => return usage(told, words),
        // Help and the version are what was asked for.
        Err(told) => out::checked(told.print()),
    };
    match (result, interrupt::exit_code()) {
        (Ok(()), code) => code.unwrap_or(0),
        (Err(failure), _) => {
            to_stderr(&failure.message());
            failure.code()
        }
    }
}

/// Prints what clap has to say about a command line, and gives its exit code. Since it repeats what was typed, it gets
/// to see that as it may be shown.
fn usage(told: clap::Error, words: &[OsString]) -> u8 {
    let shown = words.iter().map(|word| escaped(&word.to_string_lossy()).into_owned());
    let told = cli::parse(shown).err().unwrap_or(told);
    if is_mute() {
        return u8::try_from(told.exit_code()).unwrap_or(2);
    }
    // Without a reader there is nobody to tell.
    let _ = told.print();
    u8::try_from(told.exit_code()).unwrap_or(2)
}
