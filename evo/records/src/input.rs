//! Reading files that a user names. What is no regular file may never end (a device, a named pipe), and what is far
//! too large takes all memory: both are refused before anything is read.

use std::fs::{File, Metadata};
use std::io::{self, ErrorKind, Read as _};
use std::path::Path;

use crate::memory;

/// Largest text, in bytes: configs (with the robots in them), sweeps, neuron models.
pub const TEXT: u64 = 16 << 20;

/// Largest table or journal, in bytes: what grows by a line per generation or trial.
pub const TABLE: u64 = 4 << 30;

/// Largest file of numbers, in bytes: arrays, data sets, checkpoints, recordings. Three times the checkpoint of the
/// largest network (2²⁷ weights) that is evolved with Adam, and that of CMA-ES with 30,000 parameters.
pub const DATA: u64 = 16 << 30;

/// The bytes of a regular file of at most `limit` bytes, and at most half of this machine's memory: what is read is
/// then decoded to as much again.
///
/// # Errors
/// A file that cannot be read, is no regular file, is larger, or does not fit into memory.
pub fn bytes(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let limit = limit.min(memory::most() / 2);
    // Opening a named pipe would wait for somebody to write: look first.
    check(&std::fs::metadata(path)?, limit)?;
    let file = File::open(path)?;
    let found = file.metadata()?;
    check(&found, limit)?;
    let mut bytes = Vec::new();
    let expected = usize::try_from(found.len()).map_err(|_| ErrorKind::OutOfMemory)?;
    // One more: then the end is found without growing.
    bytes.try_reserve_exact(expected.saturating_add(1)).map_err(|_| ErrorKind::OutOfMemory)?;
    // Some files are longer than they say, such as those of /proc.
    let read = file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if read as u64 > limit { Err(too_large(read as u64, limit)) } else { Ok(bytes) }
}

/// The text of a regular file of at most `limit` bytes.
///
/// # Errors
/// As [`bytes`], and text that is no UTF-8.
pub fn text(path: &Path, limit: u64) -> io::Result<String> {
    String::from_utf8(bytes(path, limit)?).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..at].iter().filter(|&&byte| byte == b'\n').count() + 1;
        io::Error::new(ErrorKind::InvalidData, format!("it is not UTF-8 text, first in line {line}"))
    })
}

/// Refuses what is no regular file.
///
/// # Errors
/// Folders, devices, pipes.
pub(crate) fn check_regular(found: &Metadata) -> io::Result<()> {
    if found.is_dir() {
        return Err(ErrorKind::IsADirectory.into());
    }
    if !found.is_file() {
        let message = format!("it is {}, not a regular file", kind(found));
        return Err(io::Error::new(ErrorKind::InvalidInput, message));
    }
    Ok(())
}

fn check(found: &Metadata, limit: u64) -> io::Result<()> {
    check_regular(found)?;
    if found.len() > limit { Err(too_large(found.len(), limit)) } else { Ok(()) }
}

#[cfg(unix)]
fn kind(found: &Metadata) -> &'static str {
    use std::os::unix::fs::FileTypeExt as _;
    let kind = found.file_type();
    if kind.is_fifo() {
        "a named pipe"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

#[cfg(not(unix))]
fn kind(_: &Metadata) -> &'static str {
    "a device or a pipe"
}

fn too_large(found: u64, limit: u64) -> io::Error {
    let limit =
        if limit >= 1 << 30 { format!("{} GiB", limit >> 30) } else { format!("{} MiB", limit >> 20) };
    io::Error::new(
        ErrorKind::FileTooLarge,
        format!("it is too large: {found} bytes or more, the limit is {limit}"),
    )
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn regular_files_are_read_up_to_their_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, "äb\n").unwrap();
        assert_eq!(bytes(&path, 4).unwrap(), "äb\n".as_bytes());
        assert_eq!(text(&path, TEXT).unwrap(), "äb\n");
        assert_eq!(bytes(&path, 3).unwrap_err().kind(), ErrorKind::FileTooLarge);
        assert_eq!(bytes(folder.path(), TEXT).unwrap_err().kind(), ErrorKind::IsADirectory);
        assert_eq!(bytes(&folder.path().join("b"), TEXT).unwrap_err().kind(), ErrorKind::NotFound);
        std::fs::write(&path, b"a\n\xff").unwrap();
        let error = text(&path, TEXT).unwrap_err();
        assert_eq!((error.kind(), error.to_string().contains("line 2")), (ErrorKind::InvalidData, true));
    }

    #[test]
    fn a_file_that_is_said_to_be_huge_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sparse");
        File::create(&path).unwrap().set_len(TEXT + 1).unwrap();
        let message = text(&path, TEXT).unwrap_err().to_string();
        assert_eq!(message, "it is too large: 16777217 bytes or more, the limit is 16 MiB");
    }

    #[cfg(unix)]
    #[test]
    fn a_named_pipe_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        assert_eq!(text(&path, TEXT).unwrap_err().to_string(), "it is a named pipe, not a regular file");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn devices_and_files_without_a_length_do_not_fill_the_memory() {
        let message = bytes(Path::new("/dev/zero"), DATA).unwrap_err().to_string();
        assert_eq!(message, "it is a device, not a regular file");
        // A regular file of length 0, which has more to read.
        let path = Path::new("/proc/self/status");
        assert!(!bytes(path, TEXT).unwrap().is_empty());
        assert_eq!(bytes(path, 8).unwrap_err().kind(), ErrorKind::FileTooLarge);
    }
}
