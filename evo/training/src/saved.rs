//! What a checkpoint has of a run of evolution.

use records::checkpoint::{Checkpoint, Tensor, TensorData};
use strategies::Data;

use crate::learner::Learner;
use crate::policy::{check_finite, check_layout, layout, mismatch, statistics};
use crate::setup::TrainError;
use crate::stored_search::state_of;
use crate::trainer::{Trainer, search};

impl Trainer {
    /// Everything that is needed to go on bit for bit, and to use the result.
    pub(crate) fn saved(&self) -> Checkpoint {
        let mut checkpoint = Checkpoint::new();
        let state = self.search.state();
        let mut meta = |name: &str, value: serde_json::Value| {
            checkpoint.meta.insert(name.to_owned(), value);
        };
        meta("config", to_json(&self.config));
        meta("engine", self.setup.options.engine.name().into());
        meta("layout", self.layout().into());
        meta("generation", self.generation().into());
        meta("env_steps", self.env_steps.into());
        meta("blow_ups", self.blow_ups.into());
        meta("best_eval", self.best_eval.into());
        meta("measured", self.step_sizes.is_some().into());
        if let Some(sigma) = self.calibrated {
            meta("calibrated_sigma", sigma.to_bits().into());
        }
        meta("strategy", state.strategy.clone().into());
        meta("integers", to_json(&state.integers));
        // Bits, since JSON has no infinities.
        let reals = state.reals.iter().map(|(k, v)| (k.clone(), serde_json::Value::from(v.to_bits())));
        meta("reals", serde_json::Value::Object(reals.collect()));
        let policy = self.policy();
        let mut put = |name: &str, tensor: Tensor| {
            checkpoint.tensors.insert(name.to_owned(), tensor);
        };
        put("mean", policy.parameters.into());
        if let Some((_, best)) = self.search.best() {
            put("best", best.to_vec().into());
        }
        for (prefix, statistics) in [("", &self.statistics), ("best.", &self.best_statistics)] {
            put(&format!("{prefix}observation.mean"), statistics.mean.clone().into());
            put(&format!("{prefix}observation.m2"), statistics.m2.clone().into());
            put(&format!("{prefix}observation.count"), vec![statistics.count].into());
        }
        for (name, tensor) in &state.tensors {
            let data = match &tensor.data {
                Data::F64(values) => TensorData::F64(values.clone()),
                Data::F32(values) => TensorData::F32(values.clone()),
            };
            put(&format!("strategy.{name}"), Tensor::new(&tensor.shape, data));
        }
        if let Some(refiner) = &self.refiner {
            refiner.save(&mut checkpoint);
        }
        checkpoint
    }

    fn layout(&self) -> String {
        layout(self.setup.controller.as_ref())
    }

    /// Goes on from a checkpoint of the same config.
    ///
    /// # Errors
    /// If the checkpoint does not fit the config or holds numbers that are not finite; the trainer is then not to be
    /// used.
    pub fn restore(&mut self, checkpoint: &Checkpoint) -> Result<(), TrainError> {
        check_layout(checkpoint, &self.layout())?;
        check_finite(checkpoint)?;
        self.check_engine(checkpoint)?;
        let state = state_of(checkpoint)?;
        if let Some(bits) = checkpoint.meta.get("calibrated_sigma").and_then(serde_json::Value::as_u64) {
            self.calibrated = Some(f64::from_bits(bits));
            let x0 = vec![0.0; self.search.dimension()];
            self.search =
                search(&self.config, &self.setup, self.calibrated, &self.config.search().start(x0))?;
        }
        // Runs from before there were measurements keep their columns.
        if checkpoint.meta.get("measured").and_then(serde_json::Value::as_bool) != Some(true) {
            self.step_sizes = None;
            self.search.measure(false);
        }
        self.search.restore(&state)?;
        self.statistics = statistics(checkpoint, "", self.statistics.mean.len())?;
        self.best_statistics = statistics(checkpoint, "best.", self.statistics.mean.len())?;
        self.env_steps = checkpoint.meta("env_steps")?;
        self.blow_ups = checkpoint.meta("blow_ups")?;
        self.best_eval = checkpoint.meta("best_eval")?;
        if let Some(refiner) = &mut self.refiner {
            refiner.restore(checkpoint)?;
        }
        Ok(())
    }

    /// A run that chose its engine with `Auto` must not change it because a newer program knows more.
    fn check_engine(&self, checkpoint: &Checkpoint) -> Result<(), TrainError> {
        // Checkpoints from before there was a choice do not say.
        let found = checkpoint.meta.get("engine").and_then(serde_json::Value::as_str).unwrap_or("rapier");
        let expected = self.setup.options.engine.name();
        if found == expected {
            return Ok(());
        }
        Err(mismatch(checkpoint, "engine", found.to_owned(), expected.to_owned()))
    }
}

fn to_json(value: &impl serde::Serialize) -> serde_json::Value {
    serde_json::to_value(value).expect("configs and counters have string keys and finite numbers")
}
