//! Training in a world by gradient, as the common loop sees it.

use std::path::Path;

use records::checkpoint::Checkpoint;
use records::metrics::MetricsRow;
use strategies::StopReason;
use training::config::Config;
use training::evaluate::Evaluation;
use training::gradient::WorldLearner;
use training::setup::Setup;

use crate::commands::learning::Learner;

impl Learner for WorldLearner {
    fn config(&self) -> &Config {
        self.config()
    }

    fn setup(&self) -> &Setup {
        self.setup()
    }

    fn columns(&self) -> Vec<&'static str> {
        self.columns()
    }

    fn introduction(&self, folder: &Path) -> Vec<(&'static str, String)> {
        introduction(self, folder)
    }

    fn generation(&self) -> u64 {
        self.generation()
    }

    fn env_steps(&self) -> u64 {
        self.env_steps()
    }

    fn evaluations(&self) -> u64 {
        self.episodes()
    }

    fn blow_ups(&self) -> u64 {
        self.blow_ups()
    }

    /// One that fails stops the training.
    fn failures(&self) -> u64 {
        0
    }

    fn best_eval(&self) -> Option<f64> {
        self.best_eval()
    }

    fn stop_reason(&self) -> Option<StopReason> {
        None
    }

    fn fragile(&self) -> bool {
        true
    }

    fn advance(&mut self) -> Result<MetricsRow, anyhow::Error> {
        Ok(self.advance()?)
    }

    fn evaluate(&mut self, row: &mut MetricsRow) -> Result<(Evaluation, bool), anyhow::Error> {
        Ok(self.evaluate(row)?)
    }

    fn checkpoint(&self) -> Checkpoint {
        self.checkpoint()
    }
}

fn introduction(learner: &WorldLearner, folder: &Path) -> Vec<(&'static str, String)> {
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
