//! Names in a sweep's folder.

/// What has been done.
pub(super) const JOURNAL: &str = "journal.jsonl";

/// The checkpoint from which every trial starts, copied.
pub const INIT: &str = "init.safetensors";

/// Name of a trial and of its folder.
#[must_use]
pub fn trial_name(trial: usize) -> String {
    format!("t{trial:04}")
}
