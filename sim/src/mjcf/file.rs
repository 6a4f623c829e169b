//! Files from outside: only regular ones of a bounded size, so that reading ends.

use std::fs::File;
use std::io::{Error, ErrorKind, Read as _, Result};
use std::path::Path;

/// Most bytes of an MJCF file with all that it includes.
pub(super) const MAX_BYTES: u64 = 64 << 20;

/// The text of a regular file of at most `most` bytes, which are what is left of [`MAX_BYTES`].
pub(super) fn read_text(path: &Path, most: u64) -> Result<String> {
    // Before it is opened: opening a pipe waits for somebody who writes to it.
    let about = path.metadata()?;
    if !about.is_file() {
        return Err(Error::new(ErrorKind::InvalidInput, "it is not a regular file"));
    }
    let mut bytes = Vec::new();
    if about.len() <= most {
        // Some files say that they are empty and are not.
        File::open(path)?.take(most + 1).read_to_end(&mut bytes)?;
    }
    if about.len().max(bytes.len() as u64) > most {
        let message = format!("a model may have at most {} MiB, all its files together", MAX_BYTES >> 20);
        return Err(Error::new(ErrorKind::FileTooLarge, message));
    }
    String::from_utf8(bytes).map_err(|_| Error::new(ErrorKind::InvalidData, "it is not UTF-8"))
}
