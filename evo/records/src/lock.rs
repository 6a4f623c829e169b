//! Keeping other processes out of a folder.

use std::fs::File;
use std::io;
use std::path::Path;

use crate::disk;
use crate::words::to_stderr;

/// Name of the file that is locked.
pub const LOCK: &str = "lock";

/// A folder that no other process may take, for as long as this lives; or, shared, that no other may take for itself.
#[derive(Debug)]
pub struct Lock {
    _files: Vec<File>,
    /// Why others cannot be kept out.
    open: Option<String>,
}

impl Lock {
    /// Takes a folder; none if another process has it.
    ///
    /// # Errors
    /// If nothing can be written to the folder.
    pub fn take(folder: &Path) -> io::Result<Option<Self>> {
        Self::hold(folder, disk::lock)
    }

    /// Takes a folder together with others that call this; none if a process has it for itself.
    ///
    /// # Errors
    /// As [`take`](Self::take).
    pub fn share(folder: &Path) -> io::Result<Option<Self>> {
        Self::hold(folder, disk::lock_shared)
    }

    fn hold(
        folder: &Path,
        lock: impl Fn(&Path, File) -> io::Result<Option<File>>,
    ) -> io::Result<Option<Self>> {
        let (mut files, mut open) = (Vec::new(), None);
        // The folder itself, where that can be: nobody can delete it and so make a second lock.
        if cfg!(unix)
            && let Ok(file) = File::open(folder)
        {
            match lock(folder, file) {
                Ok(None) => return Ok(None),
                Ok(Some(file)) => files.push(file),
                Err(_) => {}
            }
        }
        let path = folder.join(LOCK);
        match lock(&path, File::options().read(true).create(true).append(true).open(&path)?) {
            Ok(None) => return Ok(None),
            Ok(Some(file)) => files.push(file),
            Err(error) if files.is_empty() => open = Some(error.to_string()),
            Err(_) => {}
        }
        Ok(Some(Self { _files: files, open }))
    }

    /// What to tell if the file system has no locks.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        let reason = self.open.as_ref()?;
        Some(format!(
            "warning: the folder cannot be locked ({reason}): nothing keeps a second process from working in it"
        ))
    }

    /// The same, after [`warning`](Self::warning) was printed.
    #[must_use]
    pub fn told(self) -> Self {
        self.warning().iter().for_each(|warning| to_stderr(warning));
        self
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_folder_has_one_holder_even_if_the_file_is_deleted() {
        let root = tempfile::tempdir().unwrap();
        let first = Lock::take(root.path()).unwrap().unwrap();
        assert_eq!(first.warning(), None);
        assert!(Lock::take(root.path()).unwrap().is_none());
        if cfg!(unix) {
            std::fs::remove_file(root.path().join(LOCK)).unwrap();
            assert!(Lock::take(root.path()).unwrap().is_none());
        }
        drop(first);
        assert!(Lock::take(root.path()).unwrap().is_some());
    }

    #[test]
    fn a_shared_folder_has_several_holders_and_none_for_itself() {
        let root = tempfile::tempdir().unwrap();
        let both = [Lock::share(root.path()).unwrap().unwrap(), Lock::share(root.path()).unwrap().unwrap()];
        assert!(Lock::take(root.path()).unwrap().is_none());
        drop(both);
        let _alone = Lock::take(root.path()).unwrap().unwrap();
        assert!(Lock::share(root.path()).unwrap().is_none());
    }
}
