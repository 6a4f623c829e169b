//! What a checkpoint has of supervised training.

use records::checkpoint::{Checkpoint, CheckpointError, Tensor};
use serde_json::Value;
use snn::gradient::Trainer;

use crate::gradient::error::FinetuneError;
use crate::gradient::labels::classifier::{Best, Classifier};
use crate::gradient::task::Task;
use crate::gradient::world::{put_trainer, take_trainer};
use crate::policy::{check_finite, check_layout, layout};
use crate::setup::TrainError;

impl Classifier {
    /// Everything that is needed to go on bit for bit, and to use the result.
    #[must_use]
    pub fn checkpoint(&self) -> Checkpoint {
        let mut checkpoint = Checkpoint::new();
        let mut meta = |name: &str, value: Value| {
            checkpoint.meta.insert(name.to_owned(), value);
        };
        meta("config", serde_json::to_value(&self.config).expect("configs have string keys"));
        meta("task", self.config.task.as_ref().map(Task::name).into());
        meta("classes", self.data.classes.clone().into());
        meta("layout", layout(self.controller.as_ref()).into());
        meta("generation", self.generation.into());
        let best = self.best.as_ref();
        // Bits, since JSON has no infinities.
        let bits = |b: &Best| Value::from(vec![b.generation, b.accuracy.to_bits(), b.loss.to_bits()]);
        meta("best", best.map_or(Value::Null, bits));
        let mut put = |name: &str, tensor: Tensor| {
            checkpoint.tensors.insert(name.to_owned(), tensor);
        };
        put("mean", self.trainer.theta().into());
        if let Some(best) = best {
            put("best", best.parameters.clone().into());
        }
        put("observation.mean", self.statistics.mean.clone().into());
        put("observation.m2", self.statistics.m2.clone().into());
        put("observation.count", vec![self.statistics.count].into());
        put_trainer(&mut checkpoint, "trainer", &self.trainer);
        checkpoint
    }

    /// Goes on from a checkpoint of the same config.
    ///
    /// # Errors
    /// If it does not fit or holds numbers that are not finite; the learner is then not to be used.
    pub fn restore(&mut self, checkpoint: &Checkpoint) -> Result<(), FinetuneError> {
        check_layout(checkpoint, &layout(self.controller.as_ref()))?;
        check_finite(checkpoint)?;
        take_trainer(checkpoint, "trainer", &mut self.trainer)?;
        self.generation = checkpoint.meta("generation")?;
        let best: Option<[u64; 3]> = checkpoint.meta("best")?;
        self.best = match best {
            Some([generation, accuracy, loss]) => Some(Best {
                generation,
                accuracy: f64::from_bits(accuracy),
                loss: f64::from_bits(loss),
                parameters: self.parameters(checkpoint, "best")?,
            }),
            None => None,
        };
        Ok(())
    }

    /// Starts (at epoch 0) from the parameters of another run.
    ///
    /// # Errors
    /// If its controller differs from the config's.
    pub fn warm_start(&mut self, checkpoint: &Checkpoint) -> Result<(), FinetuneError> {
        check_layout(checkpoint, &layout(self.controller.as_ref()))?;
        let start = self.parameters(checkpoint, "mean")?;
        self.trainer = Trainer::new(self.task.gradient.trainer(), &start)?;
        Ok(())
    }

    fn parameters(&self, checkpoint: &Checkpoint, name: &str) -> Result<Vec<f32>, FinetuneError> {
        let parameters = checkpoint.f32(name, &[self.network.layout().len()])?.to_vec();
        if parameters.iter().all(|x| x.is_finite()) {
            return Ok(parameters);
        }
        let (path, name) = (checkpoint.path().to_owned(), name.to_owned());
        Err(TrainError::from(CheckpointError::NotFinite { path, name }).into())
    }
}
