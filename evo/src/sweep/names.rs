//! Names in a sweep's folder.

use std::path::{Path, PathBuf};

/// What has been done.
pub(super) const JOURNAL: &str = "journal.jsonl";

/// Folder of what each worker of several has done.
pub(super) const WORKERS: &str = "workers";

/// Folder of the configs that trials change, if there are several.
pub(super) const BASES: &str = "bases";

/// The folders of a sweep in which it writes itself, as far as they are there; its runs have their own.
pub(super) fn own_folders(sweep: &Path) -> impl Iterator<Item = PathBuf> {
    [sweep.to_owned(), sweep.join(BASES), sweep.join(WORKERS)].into_iter().filter(|folder| folder.is_dir())
}

/// The checkpoint from which every trial starts, copied.
pub const INIT: &str = "init.safetensors";

/// Name of a trial and of its folder.
#[must_use]
pub fn trial_name(trial: usize) -> String {
    format!("t{trial:04}")
}
