//! How a command fails: exit code 1 if the run failed, 2 if the request was wrong.

use std::io;

use crate::words::to_stderr;

/// A failed command.
#[derive(Debug)]
pub enum Failure {
    /// Bad usage or input: nothing was started. Exit code 2.
    Usage(anyhow::Error),
    /// The work itself failed. Exit code 1.
    Run(anyhow::Error),
}

impl Failure {
    /// The process's exit code as a number.
    #[must_use]
    pub fn code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Run(_) => 1,
        }
    }

    /// What to print: `error: ` and the whole chain of causes.
    #[must_use]
    pub fn message(&self) -> String {
        let (Self::Usage(error) | Self::Run(error)) = self;
        format!("error: {}", told(error))
    }
}

/// An error with the whole chain of its causes, but for those that it has told itself.
#[must_use]
pub fn told(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !text.ends_with(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
    }
    text
}

/// Ends `main`: prints a failure once, on stderr, and gives the exit code.
#[must_use]
pub fn finish(result: Result<(), Failure>) -> std::process::ExitCode {
    use std::process::ExitCode;
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            to_stderr(&failure.message());
            ExitCode::from(failure.code())
        }
    }
}

/// Says whose fault an error is.
pub trait Blame<T> {
    /// The error is bad usage or input.
    ///
    /// # Errors
    /// [`Failure::Usage`] instead of the error.
    fn usage(self) -> Result<T, Failure>;

    /// The error happened while working.
    ///
    /// # Errors
    /// [`Failure::Run`] instead of the error.
    fn run(self) -> Result<T, Failure>;

    /// A file that the user named could not be written: its name is bad, or the system failed, on a full disk say.
    ///
    /// # Errors
    /// [`Failure::Run`] instead of an error with an [`io::Error`] among its causes that no other name would have
    /// prevented; else [`Failure::Usage`].
    fn written(self) -> Result<T, Failure>;
}

/// Whether a file has a name under which nothing can be written.
fn is_bad_name(error: &io::Error) -> bool {
    use io::ErrorKind::{
        InvalidFilename, InvalidInput, IsADirectory, NotADirectory, NotFound, PermissionDenied,
        ReadOnlyFilesystem,
    };
    matches!(
        error.kind(),
        InvalidFilename
            | InvalidInput
            | IsADirectory
            | NotADirectory
            | NotFound
            | PermissionDenied
            | ReadOnlyFilesystem
    )
}

impl<T, E: Into<anyhow::Error>> Blame<T> for Result<T, E> {
    fn usage(self) -> Result<T, Failure> {
        self.map_err(|error| Failure::Usage(error.into()))
    }

    fn run(self) -> Result<T, Failure> {
        self.map_err(|error| Failure::Run(error.into()))
    }

    fn written(self) -> Result<T, Failure> {
        self.map_err(|error| {
            let error = error.into();
            let cause = error.chain().find_map(|cause| cause.downcast_ref::<io::Error>());
            if cause.is_none_or(is_bad_name) { Failure::Usage(error) } else { Failure::Run(error) }
        })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use anyhow::Context as _;

    use super::*;

    #[test]
    fn codes_and_messages() {
        let parsed = || "x".parse::<u8>().context("cannot read the count");
        let usage = parsed().usage().unwrap_err();
        assert_eq!(usage.code(), 2);
        assert_eq!(usage.message(), "error: cannot read the count: invalid digit found in string");
        assert_eq!(parsed().run().unwrap_err().code(), 1);
        // Its own text ends with its cause.
        let told =
            crate::checkpoint::Checkpoint::load(std::path::Path::new("/nonexistent")).usage().unwrap_err();
        assert_eq!(told.message().matches("(os error").count(), 1, "{}", told.message());
    }

    #[test]
    fn a_name_is_the_users_and_a_full_disk_is_not() {
        for (kind, code) in [(io::ErrorKind::NotFound, 2), (io::ErrorKind::StorageFull, 1)] {
            let failed = || Err::<(), _>(io::Error::from(kind));
            assert_eq!(failed().written().unwrap_err().code(), code, "{kind}");
            assert_eq!(failed().context("cannot write a.npy").written().unwrap_err().code(), code, "{kind}");
        }
    }
}
