//! Which kind of run it is.

use std::path::Path;

use records::checkpoint::Checkpoint;
use records::folder::RunFolder;
use records::text;
use training::gradient::FinetuneConfig;

/// Whether a folder holds a run of training by gradient.
pub(in crate::commands) fn is_run(path: &Path) -> bool {
    RunFolder::open(path)
        .ok()
        .and_then(|folder| text::read::<FinetuneConfig>(&folder.config()).ok())
        .is_some_and(|config| config.task.is_some())
}

/// Whether a run folder or checkpoint is of supervised training.
pub(in crate::commands) fn is_classifier(path: &Path) -> bool {
    if path.is_dir() {
        let config = RunFolder::open(path).ok().map(|folder| folder.config());
        let config = config.and_then(|config| text::read::<FinetuneConfig>(&config).ok());
        return config.and_then(|config| config.task).is_some_and(|task| task.supervised().is_some());
    }
    path.is_file() && Checkpoint::load(path).is_ok_and(|checkpoint| checkpoint.is_classifier())
}
