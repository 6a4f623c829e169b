//! Files from outside: only regular ones of a bounded size, so that reading ends.

use std::fs::File;
use std::io::{Error, ErrorKind, Read as _, Result};
use std::path::{Component, Path, PathBuf};

use super::mark::beside;

/// Most bytes of an MJCF file with all that it includes and all its meshes.
pub(super) const MAX_BYTES: u64 = 64 << 20;

/// The text of a regular file of at most `most` bytes, which are what is left of [`MAX_BYTES`].
pub(super) fn read_text(path: &Path, most: u64) -> Result<String> {
    String::from_utf8(read_bytes(path, most)?)
        .map_err(|_| Error::new(ErrorKind::InvalidData, "it is not UTF-8"))
}

/// The bytes of such a file.
pub(super) fn read_bytes(path: &Path, most: u64) -> Result<Vec<u8>> {
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
    Ok(bytes)
}

/// Where the file `name` is, seen from the file `main`; `None` if that is outside the folder of `main`, by a
/// symbolic link, too.
pub(super) fn inside_folder(main: &str, name: &str) -> Option<PathBuf> {
    let path = beside(main, name);
    let real = (path.canonicalize(), beside(main, ".").canonicalize());
    let elsewhere = matches!(&real, (Ok(real), Ok(folder)) if !real.starts_with(folder));
    (stays_inside(name) && !elsewhere).then_some(path)
}

/// Whether a name leads to a place in the folder that it starts from, or below.
fn stays_inside(name: &str) -> bool {
    let mut depth = 0_usize;
    Path::new(name).components().all(|component| match component {
        Component::Normal(_) => {
            depth += 1;
            true
        }
        Component::CurDir => true,
        Component::ParentDir => depth.checked_sub(1).map(|up| depth = up).is_some(),
        Component::RootDir | Component::Prefix(_) => false,
    })
}
