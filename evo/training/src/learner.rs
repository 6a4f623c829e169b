//! Training in a world, by evolution or by gradient, as whoever runs it sees it.

use std::error::Error;

use records::checkpoint::Checkpoint;
use records::metrics::MetricsRow;
use strategies::StopReason;

use crate::config::Config;
use crate::evaluate::Evaluation;
use crate::setup::Setup;

/// A training in a world, in memory.
pub trait Learner {
    /// Why it cannot go on.
    type Error: Error + Send + Sync + 'static;

    /// The config of the run, with everything that other commands need.
    fn config(&self) -> &Config;

    /// Task, physics and controller.
    fn setup(&self) -> &Setup;

    /// Names of the columns after those of [`records::columns::COLUMNS`]: reward terms, then what the method measures.
    fn columns(&self) -> Vec<&'static str>;

    /// Completed generations.
    fn generation(&self) -> u64;

    /// Control steps of training so far.
    fn env_steps(&self) -> u64;

    /// Members scored so far; by gradient, training episodes.
    fn evaluations(&self) -> u64;

    /// Training episodes so far that ended because the physics blew up.
    fn blow_ups(&self) -> u64;

    /// Training episodes, since this was made, that ended because the controller failed.
    fn failures(&self) -> u64;

    /// Best evaluation return so far.
    fn best_eval(&self) -> Option<f64>;

    /// What there is to say about the last generation, each once.
    fn notes(&mut self) -> Vec<String> {
        Vec::new()
    }

    /// Why it has ended before its last generation.
    fn stop_reason(&self) -> Option<StopReason>;

    /// Whether a generation that fails leaves half of itself behind.
    fn is_fragile(&self) -> bool;

    /// Trains for one generation. `wall_s` of the result is this generation's time alone.
    ///
    /// # Errors
    /// If it cannot go on; what it then is, [`is_fragile`](Self::is_fragile) says.
    fn advance(&mut self) -> Result<MetricsRow, Self::Error>;

    /// Scores the policy on the run's fixed evaluation episodes, and on the same ones in the engine that validates if
    /// there is one; fills in the row and tells whether the policy is better than ever before. Only the engine of
    /// training counts for that, and one in which the physics blew up is worse than any in which it did not.
    ///
    /// # Errors
    /// If the graphics adapter was lost, or something is not finite.
    fn evaluate(&mut self, row: &mut MetricsRow) -> Result<(Evaluation, bool), Self::Error>;

    /// Everything that is needed to go on bit for bit, and to use the result.
    fn checkpoint(&self) -> Checkpoint;

    /// Whether nothing is left to train.
    fn is_over(&self) -> bool {
        self.generation() >= self.config().run.generations || self.stop_reason().is_some()
    }
}
