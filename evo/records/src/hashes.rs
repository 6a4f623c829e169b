//! `hashes.json`: what the files of a run folder must hold, so that a flipped bit is noticed.
//!
//! A file's new hash is written before the file itself, beside the old one: whenever the process ends, what lies
//! there has one of the two. Checkpoints carry their own.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::disk;

/// Name of the file.
pub const HASHES: &str = "hashes.json";

/// Length and hash of a file, or of the beginning of one that grows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mark {
    /// Bytes.
    pub length: u64,
    /// BLAKE3 of these bytes, 64 hexadecimal digits.
    pub blake3: String,
}

impl Mark {
    /// The mark of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self { length: bytes.len() as u64, blake3: blake3::hash(bytes).to_hex().to_string() }
    }

    /// Whether `bytes` begin with what was marked.
    #[must_use]
    pub fn begins(&self, bytes: &[u8]) -> bool {
        let start = usize::try_from(self.length).ok().and_then(|length| bytes.get(..length));
        start.is_some_and(|start| *self == Self::of(start))
    }
}

/// What is known of a file's contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// They are as they were written.
    Whole,
    /// Nobody noted what they were: a folder of an earlier version.
    Unknown,
    /// They are not as they were written.
    Damaged,
}

/// Marks by the file's name, those of the newest contents first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Hashes(BTreeMap<String, Vec<Mark>>);

impl Hashes {
    /// Those of a folder; none if it has none.
    ///
    /// # Errors
    /// If the file cannot be read or understood.
    pub fn read(folder: &Path) -> io::Result<Self> {
        match disk::read_if_there(&folder.join(HASHES))? {
            Some(bytes) => serde_json::from_slice(&bytes).map_err(|error| {
                let message =
                    format!("{HASHES} beside it is damaged ({error}); delete it to continue without hashes");
                io::Error::new(io::ErrorKind::InvalidData, message)
            }),
            None => Ok(Self::default()),
        }
    }

    /// Sets what a file holds.
    pub fn set(&mut self, file: &Path, bytes: &[u8]) {
        self.0.insert(name_of(file), vec![Mark::of(bytes)]);
    }

    /// The file's bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut text = serde_json::to_vec_pretty(&self.0).expect("names and numbers are JSON");
        text.push(b'\n');
        text
    }

    /// What is known of a whole file's contents.
    #[must_use]
    pub fn verdict(&self, file: &Path, bytes: &[u8]) -> Verdict {
        self.judge(file, |mark| *mark == Mark::of(bytes))
    }

    /// What is known of the contents of a file that grows: they begin with what was marked last.
    #[must_use]
    pub fn verdict_of_growing(&self, file: &Path, bytes: &[u8]) -> Verdict {
        self.judge(file, |mark| mark.begins(bytes))
    }

    fn judge(&self, file: &Path, fits: impl Fn(&Mark) -> bool) -> Verdict {
        match self.0.get(&name_of(file)) {
            None => Verdict::Unknown,
            Some(marks) if marks.iter().any(fits) => Verdict::Whole,
            Some(_) => Verdict::Damaged,
        }
    }
}

/// The name under which a file's marks stand.
fn name_of(file: &Path) -> String {
    file.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn folder_of(file: &Path) -> &Path {
    file.parent().unwrap_or(Path::new(""))
}

/// Reads a file with what the hashes of its folder say of it, as `judge` asks them. What seems damaged is read twice:
/// another process may just have written it anew, between hashes and file.
///
/// # Errors
/// If the file or the hashes cannot be read.
pub(crate) fn read_judged(
    file: &Path,
    judge: fn(&Hashes, &Path, &[u8]) -> Verdict,
) -> io::Result<(Vec<u8>, Verdict)> {
    let read = || {
        let hashes = Hashes::read(folder_of(file))?;
        let bytes = disk::read(file)?;
        let verdict = judge(&hashes, file, &bytes);
        Ok((bytes, verdict))
    };
    match read()? {
        (_, Verdict::Damaged) => read(),
        found => Ok(found),
    }
}

/// Notes, before it is done, that a file becomes `new`. `old` is what it holds, which stays right until then if it was
/// right before.
///
/// # Errors
/// If the hashes of its folder cannot be read or written.
pub fn announce(file: &Path, new: Mark, old: Option<&[u8]>) -> io::Result<()> {
    let folder = folder_of(file);
    let mut hashes = Hashes::read(folder)?;
    let mut marks = vec![new];
    if let Some(old) = old
        && hashes.verdict(file, old) == Verdict::Whole
    {
        marks.push(Mark::of(old));
    }
    marks.dedup();
    hashes.0.insert(name_of(file), marks);
    disk::write_atomic(&folder.join(HASHES), &hashes.to_bytes())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_hash_is_blake3() {
        // The empty input of the algorithm's test vectors.
        let empty = Mark::of(b"");
        assert_eq!(empty.blake3, "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262");
        assert_eq!(empty.length, 0);
    }

    #[test]
    fn the_old_contents_and_the_new_ones_are_right_and_nothing_else() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("f");
        let verdict = |bytes: &[u8]| Hashes::read(root.path()).unwrap().verdict(&file, bytes);
        assert_eq!(verdict(b"x"), Verdict::Unknown);
        announce(&file, Mark::of(b"one"), None).unwrap();
        announce(&file, Mark::of(b"two"), Some(b"one")).unwrap();
        assert_eq!(
            [verdict(b"one"), verdict(b"two"), verdict(b"twp")],
            [Verdict::Whole, Verdict::Whole, Verdict::Damaged]
        );
        // What was damaged does not become right by being overwritten.
        announce(&file, Mark::of(b"three"), Some(b"twp")).unwrap();
        assert_eq!([verdict(b"twp"), verdict(b"three")], [Verdict::Damaged, Verdict::Whole]);
    }

    #[test]
    fn a_growing_file_begins_with_what_was_marked() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("f");
        announce(&file, Mark::of(b"ab"), None).unwrap();
        let hashes = Hashes::read(root.path()).unwrap();
        let verdict = |bytes: &[u8]| hashes.verdict_of_growing(&file, bytes);
        assert_eq!([verdict(b"ab"), verdict(b"abc")], [Verdict::Whole; 2]);
        assert_eq!([verdict(b"a"), verdict(b"axc"), verdict(b"")], [Verdict::Damaged; 3]);
    }
}
