//! How this program starts itself again, for work in processes of its own.

use std::ffi::OsString;
use std::io;
use std::process::Command;
use std::sync::OnceLock;

/// The words that start it, if it is a part of another program.
static WORDS: OnceLock<Vec<OsString>> = OnceLock::new();

/// Says that `words`, a program and its first arguments, start this one, instead of the file of this process. Only the
/// first call counts, and it must name a program.
pub fn is(words: Vec<OsString>) {
    if !words.is_empty() {
        // A second one changes nothing.
        let _ = WORDS.set(words);
    }
}

/// This program, for arguments to be added.
///
/// # Errors
/// If the system does not tell where its file is.
pub fn command() -> io::Result<Command> {
    match WORDS.get().map(Vec::as_slice) {
        Some([program, first @ ..]) => {
            let mut command = Command::new(program);
            command.args(first);
            Ok(command)
        }
        _ => Ok(Command::new(std::env::current_exe()?)),
    }
}
