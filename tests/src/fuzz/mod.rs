//! What becomes of files that nobody would write: the readers that users' files go through, kind by kind.
//!
//! `tests/fuzz` has a target of cargo-fuzz for each kind, `./tests/run --full` runs them all. In every run of the tests,
//! the program `fuzz` takes some hundred mutated files of each. A reader may refuse what it likes. It must not panic,
//! run for long or take much memory.

pub mod mutate;
mod readers;

use std::fs;
use std::path::{Path, PathBuf};

use crate::root;

/// A kind of file.
pub struct Kind {
    /// Name, that of its target and of its folder in `tests/fuzz/corpus`.
    pub name: &'static str,
    /// Reads a file of these contents as the programs do.
    pub read: fn(&[u8]),
    /// Where the repository has further files of it: a folder and how their names end.
    more: &'static [(&'static str, &'static str)],
}

/// Where the files are that were made for this, a folder per kind.
const OWN: &str = "tests/fuzz/corpus";
/// Files of more bytes take too long to vary.
const LARGEST: u64 = 1 << 17;

impl Kind {
    /// All of them. The viewer has a reader of recordings of its own, and a test of it.
    pub const ALL: [Self; 11] = [
        Self { name: "config", read: readers::config, more: &[("configs", ".ron")] },
        Self { name: "set", read: readers::set, more: &[] },
        Self {
            name: "equations",
            read: readers::equations,
            more: &[("snn/neurons", ".neuron"), ("docs/tutorials/resonator", ".neuron")],
        },
        Self { name: "mjcf", read: readers::mjcf, more: &[("envs/assets", ".xml")] },
        Self { name: "nir", read: readers::nir, more: &[("tests/data/nir", ".nir")] },
        Self {
            name: "checkpoint",
            read: readers::checkpoint,
            more: &[("tests/data/run_9529ebc/checkpoints", ".safetensors")],
        },
        Self { name: "recording", read: readers::recording, more: &[] },
        Self { name: "npy", read: readers::npy, more: &[] },
        Self { name: "npz", read: readers::npz, more: &[("tests/data/labels", ".npz")] },
        Self { name: "spikes", read: readers::spikes, more: &[("tests/data/labels", ".h5")] },
        Self { name: "sweep", read: readers::sweep, more: &[("configs/sweeps", ".ron")] },
    ];

    /// The kind of this name.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn named(name: &str) -> &'static Self {
        let found = Self::ALL.iter().find(|kind| kind.name == name);
        let names = || Self::ALL.map(|kind| kind.name).join(", ");
        found.unwrap_or_else(|| panic!("no kind of file is called '{name}'; there are: {}", names()))
    }

    /// The folders with its files, from the workspace's root.
    #[must_use]
    pub fn folders(&self) -> Vec<String> {
        let own = format!("{OWN}/{}", self.name);
        let own = root().join(&own).is_dir().then_some(own);
        own.into_iter().chain(self.more.iter().map(|(folder, _)| (*folder).to_owned())).collect()
    }

    /// Its files, in the order of their names.
    ///
    /// # Panics
    /// If a folder cannot be read.
    #[must_use]
    pub fn files(&self) -> Vec<PathBuf> {
        let end =
            |folder: &str| self.more.iter().find(|(more, _)| *more == folder).map_or("", |(_, end)| end);
        self.folders().iter().flat_map(|folder| files_in(&root().join(folder), end(folder))).collect()
    }
}

fn files_in(folder: &Path, end: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let files = entries.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_file());
    let mut files: Vec<PathBuf> = files
        .filter(|path| path.to_string_lossy().ends_with(end))
        .filter(|path| path.metadata().is_ok_and(|file| file.len() <= LARGEST))
        .collect();
    files.sort();
    files
}
