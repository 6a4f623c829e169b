//! Who makes which run, where several workers share a sweep's folder.
//!
//! A claim is a file that is there once, whoever tries to make it: a hard link, which also a network file system without
//! working locks makes for one only. It names its worker, and stays. So a worker that has died has its claims still, and
//! ends what it began when it is started again under its number. No clock is asked: a worker that has died and one that is
//! slow look alike, and nobody else takes over what may still be at work.

use std::io;
use std::path::{Path, PathBuf};

use records::disk;

use super::journal::Key;
use super::names::WORKERS;
use super::share::Share;

/// What this worker claims.
#[derive(Clone, Debug)]
pub(super) struct Claims {
    share: Share,
    /// Folder of the workers.
    folder: PathBuf,
}

impl Claims {
    /// Of a worker in a sweep's folder.
    pub(super) fn new(sweep: &Path, share: Share) -> Self {
        Self { share, folder: sweep.join(WORKERS) }
    }

    /// Whether a run is this worker's, `folder` its folder: it is if nobody had claimed it.
    pub(super) fn take(&self, folder: &Path, (_, seed, generations): Key) -> io::Result<bool> {
        self.has(&folder.with_file_name(format!("s{seed}_{generations}.claim")))
    }

    /// Whether this worker writes the tables of the sweep that has ended.
    pub(super) fn take_end(&self) -> io::Result<bool> {
        self.has(&self.folder.join("end.claim"))
    }

    fn has(&self, claim: &Path) -> io::Result<bool> {
        let own = self.share.number();
        if disk::read_if_there(claim)?.is_none() {
            disk::create_folder(claim.parent().unwrap_or(&self.folder))?;
            if self.create(claim, format!("{own}\n").as_bytes())? {
                return Ok(true);
            }
        }
        let text = disk::read(claim)?;
        let owner = std::str::from_utf8(&text).ok().and_then(|text| text.trim().parse().ok());
        let damaged = || io::Error::other(format!("{} does not name a worker", claim.display()));
        owner.map(|owner| self.share.owns(owner)).ok_or_else(damaged)
    }

    /// Makes a file of the sweep that all workers would make, unless one of them has.
    pub(super) fn create(&self, path: &Path, bytes: &[u8]) -> io::Result<bool> {
        let scratch = self.folder.join(format!("{}.tmp", self.share.number()));
        let explained = |error: io::Error| match error.kind() {
            io::ErrorKind::Unsupported | io::ErrorKind::PermissionDenied => io::Error::new(
                error.kind(),
                format!(
                    "cannot make a hard link to {} ({error}); several workers need a file system with hard links",
                    path.display()
                ),
            ),
            _ => error,
        };
        disk::create_whole(path, bytes, &scratch).map_err(explained)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_run_is_one_workers_also_when_that_one_comes_again() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join(WORKERS)).unwrap();
        let of = |text: &str| Claims::new(root.path(), text.parse().unwrap());
        let (run, key) = (root.path().join("trials/t0003/s1"), (3, 1, 6));
        let take = |text: &str, key| of(text).take(&run, key).unwrap();
        assert!(take("2/3", key) && !take("1/3", key) && !take("3/3", key));
        assert!(take("2/3", key), "it has come again");
        assert!(take("1/3", (3, 1, 12)), "a later rung is another run");
        // Fewer workers end what more have begun.
        assert!(take("1/1", key) && take("2/2", key) && !take("1/2", key));
        assert!(of("3/3").take_end().unwrap() && !of("2/3").take_end().unwrap());
        std::fs::write(run.with_file_name("s1_6.claim"), "nonsense").unwrap();
        assert!(of("2/3").take(&run, key).unwrap_err().to_string().contains("does not name a worker"));
    }
}
