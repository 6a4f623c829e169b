//! The program `viewer`, which draws robots: where it is, and starting it.

use std::env::consts::EXE_SUFFIX;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, anyhow};
use records::failure::{Blame as _, Failure};
use records::words::to_stderr;

/// Exit code of a program whose input was bad.
const USAGE: i32 = 2;

/// Beside this program, or else in a folder of `PATH`.
fn find() -> Result<PathBuf, Failure> {
    let name = format!("viewer{EXE_SUFFIX}");
    let own = std::env::current_exe().ok().and_then(|program| Some(program.parent()?.to_owned()));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = own.iter().cloned().chain(std::env::split_paths(&path));
    let found = folders.find_map(|folder| Some(folder.join(&name)).filter(|file| file.is_file()));
    found.ok_or_else(|| {
        let beside = own.map_or_else(String::new, |folder| format!("neither in {} nor ", folder.display()));
        Failure::Usage(anyhow!(
            "the program 'viewer', which draws the pictures, is {beside}in a folder of PATH; `cargo build -p viewer` \
             makes it (with --release if evo was built with it)"
        ))
    })
}

/// Runs it to its end. What it says of bad input is this program's error.
///
/// # Errors
/// [`Failure::Usage`] if it is not there or refuses what is asked of it, [`Failure::Run`] if it fails.
pub fn run(words: &[OsString]) -> Result<(), Failure> {
    let program = find()?;
    let started = Command::new(&program).args(words).output();
    let output = started.with_context(|| format!("cannot start {}", program.display())).run()?;
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.success() {
        said.lines().for_each(to_stderr);
        return Ok(());
    }
    let said = said.trim().trim_start_matches("error: ");
    let error =
        anyhow!("viewer: {}", if said.is_empty() { output.status.to_string() } else { said.to_owned() });
    if output.status.code() == Some(USAGE) { Err(error).usage() } else { Err(error).run() }
}
