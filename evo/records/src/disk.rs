//! The operations on files that a run's safety rests on. All go through here, so that a test can make each of
//! them fail.
//!
//! A developer's build reads `SPINDLE_FAULT=KIND:N`: the N-th operation of the process, from 1, goes wrong in the way
//! of KIND (`fail`, `full`, `torn`, `end`, `torn-end`, `no-lock`), and says so on stderr. With `SPINDLE_FAULT_IN=TRIAL`,
//! a sweep leaves the fault to the first process of that trial. A release has no such thing.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::input;

/// Environment variable with the fault of this process.
pub const FAULT: &str = "SPINDLE_FAULT";

/// Environment variable with the trial, a number from 0, whose process has the fault.
pub const FAULT_IN: &str = "SPINDLE_FAULT_IN";

/// Whether the process of a trial has the fault of this one.
#[must_use]
pub fn is_fault_in(trial: usize) -> bool {
    cfg!(debug_assertions) && std::env::var(FAULT_IN).is_ok_and(|text| text == trial.to_string())
}

/// How an operation goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// `fail`: it fails, once.
    Fail,
    /// `full`: it fails, and so does everything after it that writes.
    Full,
    /// `torn`: half of the bytes are written, then it fails.
    Torn,
    /// `end`: the process ends before it.
    End,
    /// `torn-end`: half of the bytes are written, then the process ends.
    TornEnd,
    /// `no-lock`: no lock can be had, from this operation on.
    NoLock,
}

/// What is to go wrong, if anything.
fn plan() -> Option<(Kind, u64)> {
    static PLAN: OnceLock<Option<(Kind, u64)>> = OnceLock::new();
    *PLAN.get_or_init(|| {
        if std::env::var_os(FAULT_IN).is_some() {
            return None;
        }
        let text = std::env::var(FAULT).ok()?;
        let (kind, number) = text.split_once(':')?;
        let kind = match kind {
            "fail" => Kind::Fail,
            "full" => Kind::Full,
            "torn" => Kind::Torn,
            "end" => Kind::End,
            "torn-end" => Kind::TornEnd,
            "no-lock" => Kind::NoLock,
            _ => return None,
        };
        Some((kind, number.parse().ok()?))
    })
}

/// Counts an operation, and makes it fail if that is planned. `half` leaves what a torn one leaves.
fn operation(name: &str, path: &Path, half: impl FnOnce()) -> io::Result<()> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    if !cfg!(debug_assertions) {
        return Ok(());
    }
    let Some((kind, number)) = plan() else { return Ok(()) };
    let count = COUNT.fetch_add(1, Ordering::Relaxed) + 1;
    let writes = !matches!(name, "read" | "lock");
    let strikes = match kind {
        Kind::NoLock => count >= number && name == "lock",
        Kind::Full => count == number || count > number && writes,
        _ => count == number,
    };
    if !strikes {
        return Ok(());
    }
    crate::words::to_stderr(&format!("fault {count}: {name} {}", path.display()));
    if matches!(kind, Kind::Torn | Kind::TornEnd) {
        half();
    }
    if matches!(kind, Kind::End | Kind::TornEnd) {
        std::process::abort();
    }
    Err(if writes { io::ErrorKind::StorageFull } else { io::ErrorKind::InvalidData }.into())
}

fn counted<T>(name: &str, path: &Path, work: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    operation(name, path, || {})?;
    work()
}

/// Reads a regular file.
///
/// # Errors
/// As [`input::bytes`], up to [`input::DATA`].
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    counted("read", path, || input::bytes(path, input::DATA))
}

/// Reads a file if there is one.
///
/// # Errors
/// Whatever the system says, but for a missing file.
pub fn read_if_there(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Makes a folder and those that it lies in; one that is there is fine.
///
/// # Errors
/// Whatever the system says.
pub fn create_folder(path: &Path) -> io::Result<()> {
    counted("create", path, || fs::create_dir_all(path))
}

/// Writes a new file, or an old one anew, and waits until it is on the disk.
///
/// # Errors
/// Whatever the system says.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = counted("create", path, || File::create(path))?;
    write_to(&mut file, path, bytes)?;
    counted("sync", path, || file.sync_all())
}

fn write_to(file: &mut File, path: &Path, bytes: &[u8]) -> io::Result<()> {
    operation("write", path, || {
        let _ = (&*file).write_all(&bytes[..bytes.len() / 2]);
    })?;
    file.write_all(bytes)
}

/// Renames a file or folder.
///
/// # Errors
/// Whatever the system says.
pub fn rename(from: &Path, to: &Path) -> io::Result<()> {
    counted("rename", to, || fs::rename(from, to))
}

/// Deletes a file, or a folder with all that is in it; what is not there need not go.
///
/// # Errors
/// Whatever the system says.
pub fn remove(path: &Path) -> io::Result<()> {
    let result = counted("remove", path, || {
        let is_folder = fs::symlink_metadata(path)?.is_dir();
        if is_folder { fs::remove_dir_all(path) } else { fs::remove_file(path) }
    });
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

/// Waits until what was renamed or deleted in a folder is on the disk. Not every system can do that.
pub fn sync_folder(folder: &Path) {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let _ = counted("sync", folder, || File::open(folder)?.sync_all());
}

/// Locks a file or folder for as long as the result lives; none if another process holds it.
///
/// # Errors
/// Whatever the system says, such as that it has no locks.
pub fn lock(path: &Path, file: File) -> io::Result<Option<File>> {
    counted("lock", path, || match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(fs::TryLockError::WouldBlock) => Ok(None),
        Err(fs::TryLockError::Error(error)) => Err(error),
    })
}

/// As [`lock`], together with others that call this.
///
/// # Errors
/// As [`lock`].
pub fn lock_shared(path: &Path, file: File) -> io::Result<Option<File>> {
    counted("lock", path, || match file.try_lock_shared() {
        Ok(()) => Ok(Some(file)),
        Err(fs::TryLockError::WouldBlock) => Ok(None),
        Err(fs::TryLockError::Error(error)) => Err(error),
    })
}

/// Makes a file that is complete as soon as it is there; false, and nothing is changed, if there is one already. Of
/// several processes that do this at once, on any machines that share the file system, exactly one gets true: making a
/// hard link is atomic also where locks are not to be had (NFS; see `link` and `open` in the Linux manual). `scratch` is a
/// path on the same file system that no other process writes.
///
/// # Errors
/// Whatever the system says, such as that it has no hard links.
pub fn create_whole(path: &Path, bytes: &[u8], scratch: &Path) -> io::Result<bool> {
    // One that a killed process has left may be linked already.
    remove(scratch)?;
    write(scratch, bytes)?;
    let linked = counted("link", path, || fs::hard_link(scratch, path));
    // Over a network, a link may be made and its answer lost.
    let made = linked.is_ok() || is_same_file(scratch, path);
    remove(scratch)?;
    match linked {
        Err(error) if !made && error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => sync_folder(path.parent().unwrap_or(Path::new(""))),
    }
    Ok(made)
}

#[cfg(unix)]
fn is_same_file(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let file = |path| fs::metadata(path).map(|found| (found.dev(), found.ino())).ok();
    file(one).is_some() && file(one) == file(other)
}

#[cfg(not(unix))]
fn is_same_file(_: &Path, _: &Path) -> bool {
    false
}

/// A file that grows.
#[derive(Debug)]
pub struct Appender {
    file: File,
    path: PathBuf,
}

impl Appender {
    /// Opens a file to append to it; one that is not there is made.
    ///
    /// # Errors
    /// Whatever the system says.
    pub fn open(path: &Path) -> io::Result<Self> {
        let options = || File::options().create(true).append(true).open(path);
        Ok(Self { file: counted("open", path, options)?, path: path.to_owned() })
    }

    /// Appends in one write: a reader never sees half of what a process that lives has written.
    ///
    /// # Errors
    /// Whatever the system says; half of the bytes may then be there.
    pub fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        write_to(&mut self.file, &self.path, bytes)
    }

    /// Waits until all of it is on the disk.
    ///
    /// # Errors
    /// Whatever the system says.
    pub fn sync(&self) -> io::Result<()> {
        counted("sync", &self.path, || self.file.sync_data())
    }

    /// Cuts the file off.
    ///
    /// # Errors
    /// Whatever the system says.
    pub fn truncate(&self, length: u64) -> io::Result<()> {
        counted("truncate", &self.path, || self.file.set_len(length))
    }
}

/// End of the names of files that are being written.
const UNFINISHED: &str = "tmp";

/// Whether a file or folder, by its name, is being written, or was when its process was killed.
#[must_use]
pub fn is_leftover(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == UNFINISHED)
}

/// Deletes what killed processes have left half-written in a folder, which must be locked: of a process that works
/// in it, it is not left over.
///
/// # Errors
/// Whatever the system says.
pub fn remove_leftovers(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if is_leftover(&path) {
            remove(&path)?;
        }
    }
    Ok(())
}

/// Writes a file so that it is either the old one or complete: a temporary file beside it is
/// written, synced to disk, then renamed.
///
/// # Errors
/// Whatever the system says; the old file is then untouched and no temporary one is left. A device or a pipe, which
/// would be lost to a file of its name.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Ok(found) = fs::metadata(path) {
        input::check_regular(&found)?;
    }
    let name = path.file_name().ok_or(io::ErrorKind::InvalidFilename)?;
    let mut temporary = name.to_owned();
    temporary.push(format!(".{}.{UNFINISHED}", std::process::id()));
    let temporary = path.with_file_name(temporary);
    write(&temporary, bytes).and_then(|()| rename(&temporary, path)).inspect_err(|_| {
        let _ = fs::remove_file(&temporary);
    })?;
    // The rename itself is on disk once the folder is.
    sync_folder(path.parent().unwrap_or(Path::new("")));
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn atomic_writing_leaves_the_old_file_or_the_new_one_and_nothing_else() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("f");
        write_atomic(&path, b"old").unwrap();
        write_atomic(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        // A folder of that name with content cannot be replaced by a file.
        fs::create_dir_all(root.path().join("g/h")).unwrap();
        assert!(write_atomic(&root.path().join("g"), b"x").is_err());
        let mut names: Vec<_> =
            fs::read_dir(root.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["f", "g"]);
    }

    #[cfg(unix)]
    #[test]
    fn devices_and_pipes_are_no_files_to_replace() {
        let root = tempfile::tempdir().unwrap();
        // Through links, so that a failure takes no device away.
        for (device, kind) in [("/dev/null", "a device"), ("/dev/full", "a device")] {
            let link = root.path().join("link");
            std::os::unix::fs::symlink(device, &link).unwrap();
            let message = write_atomic(&link, b"x").unwrap_err().to_string();
            assert_eq!(message, format!("it is {kind}, not a regular file"));
            assert!(link.is_symlink(), "{device}: the link is there");
            fs::remove_file(&link).unwrap();
        }
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0, "nothing is left");
    }

    #[test]
    fn leftovers_go_and_nothing_else() {
        let root = tempfile::tempdir().unwrap();
        for name in ["f.csv.12.tmp", "new.tmp/a", "f.csv", "tmp"] {
            create_folder(root.path().join(name).parent().unwrap()).unwrap();
            fs::write(root.path().join(name), "x").unwrap();
        }
        remove_leftovers(root.path()).unwrap();
        let mut names: Vec<_> =
            fs::read_dir(root.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["f.csv", "tmp"]);
    }

    #[test]
    fn files_and_folders_go_and_may_be_gone() {
        let root = tempfile::tempdir().unwrap();
        let (file, folder) = (root.path().join("f"), root.path().join("g"));
        fs::write(&file, "x").unwrap();
        fs::create_dir_all(folder.join("h")).unwrap();
        for path in [&file, &folder, &file, &folder] {
            remove(path).unwrap();
            assert!(!path.exists());
        }
        assert_eq!(read_if_there(&file).unwrap(), None);
    }

    #[test]
    fn of_many_that_make_a_file_one_succeeds_and_it_is_whole() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("f");
        let make = |number: usize| {
            let scratch = root.path().join(format!("{number}.tmp"));
            (number, create_whole(&path, format!("{number}").as_bytes(), &scratch).unwrap())
        };
        let results: Vec<(usize, bool)> = std::thread::scope(|scope| {
            let make = &make;
            let threads: Vec<_> = (0..8).map(|number| scope.spawn(move || make(number))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let made: Vec<usize> = results.iter().filter(|(_, made)| *made).map(|(number, _)| *number).collect();
        assert_eq!(made.len(), 1, "{results:?}");
        assert_eq!(fs::read_to_string(&path).unwrap(), made[0].to_string());
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1, "nothing else is left");
    }

    #[test]
    fn a_file_grows_and_is_cut() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("f");
        let mut file = Appender::open(&path).unwrap();
        file.append(b"abc").unwrap();
        file.truncate(1).unwrap();
        file.append(b"d").unwrap();
        file.sync().unwrap();
        assert_eq!(read(&path).unwrap(), b"ad");
    }
}
