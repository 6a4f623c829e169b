//! Training in a world by gradient.

use std::path::Path;

use training::gradient::WorldLearner;
use training::learner::Learner as _;

/// What a run is about to do.
pub(super) fn introduction(learner: &WorldLearner, folder: &Path) -> Vec<(&'static str, String)> {
    let (setup, config) = (learner.setup(), learner.config());
    let spec = setup.task.spec();
    let (inputs, outputs) = (spec.observations.len(), spec.actions.len());
    let mut rows = vec![
        ("run", folder.display().to_string()),
        ("env", format!("{}: {inputs} observations, {outputs} actions", spec.name)),
        ("physics", setup.options.engine.name().to_owned()),
        ("policy", setup.controller.describe()),
    ];
    rows.extend(learner.describe());
    rows.push(("threads", learner.threads().to_string()));
    rows.push(("seed", config.run.seed.to_string()));
    rows
}
