//! Supervised training: classes or values of a data set.

use std::sync::Arc;

use snn::gradient::{Batch, Differentiable, Loss, LossConfig, Trainer, differentiable};
use snn::{Controller, ControllerConfig};
use strategies::random::{Purpose, Stream, shuffled};

use crate::field::InvalidField;
use crate::gradient::config::FinetuneConfig;
use crate::gradient::error::FinetuneError;
use crate::gradient::labels::assess::{Assessment, Judge, statistics};
use crate::gradient::labels::confusion::Confusion;
use crate::gradient::labels::data::{Answers, DataSet, Samples};
use crate::gradient::task_config::SupervisedConfig;
use crate::normalizer::{Normalizer, Statistics};
use crate::setup::pool;

/// Samples per batch where nothing is learned; results do not depend on it.
const LOOK: usize = 256;

/// Columns of `metrics.csv`.
pub const COLUMNS: [&str; 12] = [
    "generation",
    "samples",
    "steps",
    "wall_s",
    "learning_rate",
    "train_loss",
    "train_accuracy",
    "validation_loss",
    "validation_accuracy",
    "gradient_norm",
    "spike_rate",
    "samples_per_s",
];

/// One epoch of training.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Epoch {
    /// Mean loss before each step.
    pub loss: f64,
    /// Share of right answers before each step; none if they are values.
    pub accuracy: Option<f64>,
    /// Learning rate of the last step.
    pub learning_rate: f64,
    /// Mean length of the gradient before clipping.
    pub gradient_norm: f64,
    /// Spikes per neuron and tick; none without spikes.
    pub spike_rate: Option<f64>,
}

/// The best parameters so far.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Best {
    pub(super) generation: u64,
    /// 0 without labels.
    pub(super) accuracy: f64,
    pub(super) loss: f64,
    pub(super) parameters: Vec<f32>,
}

/// A supervised training in memory.
pub struct Classifier {
    pub(super) config: FinetuneConfig,
    pub(super) task: SupervisedConfig,
    loss: LossConfig,
    pub(super) data: DataSet,
    pub(super) statistics: Statistics,
    pub(super) network: Box<dyn Differentiable>,
    pub(super) controller: Arc<dyn Controller>,
    pub(super) trainer: Trainer,
    pool: Arc<rayon::ThreadPool>,
    pub(super) generation: u64,
    pub(super) best: Option<Best>,
}

impl Classifier {
    /// Loads the data and starts at epoch 0 with random parameters.
    ///
    /// # Errors
    /// See [`FinetuneError`].
    pub fn new(config: &FinetuneConfig, threads: usize) -> Result<Self, FinetuneError> {
        let Some((task, labels)) = config.task()?.supervised() else {
            let (field, value) = ("task".to_owned(), config.task()?.name().to_owned());
            return Err(InvalidField { field, value, expected: "Classify or Regress".to_owned() }.into());
        };
        task.validate()?;
        task.gradient.validate()?;
        let data = DataSet::load(&task.data, labels)?;
        let (features, outputs) = (data.train.features, data.outputs());
        let network = differentiable(&config.controller, features, outputs, &task.gradient.bptt())?;
        let controller = config.controller.build(features, outputs)?;
        let initial = controller.initial(&mut Stream::new(config.run.seed, Purpose::Init, 0, 0, 0));
        let trainer = Trainer::new(task.gradient.trainer(), &initial)?;
        let mut new = Self {
            statistics: Statistics::new(features),
            config: config.clone(),
            task: task.clone(),
            loss: task.loss(labels),
            network,
            controller,
            trainer,
            pool: pool(threads)?,
            generation: 0,
            best: None,
            data,
        };
        if new.task.normalize {
            new.statistics = statistics(&new.data.train);
        }
        // Settings and shapes are checked with the first sample rather than after an epoch.
        new.objective(&new.data.train.answers.batch(&[0]), 1).map(drop)?;
        Ok(new)
    }

    /// The config of the run.
    #[must_use]
    pub fn config(&self) -> &FinetuneConfig {
        &self.config
    }

    /// The data set.
    #[must_use]
    pub fn data(&self) -> &DataSet {
        &self.data
    }

    /// The network in words.
    #[must_use]
    pub fn describe(&self) -> String {
        self.controller.describe()
    }

    /// Completed epochs.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Steps of the optimizer so far.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.trainer.steps()
    }

    /// Number of worker threads.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.pool.current_num_threads()
    }

    /// Epoch, accuracy (0 without labels) and loss of the best parameters so far, on the samples that
    /// decide.
    #[must_use]
    pub fn best(&self) -> Option<(u64, f64, f64)> {
        self.best.as_ref().map(|best| (best.generation, best.accuracy, best.loss))
    }

    /// Makes [`test`](Self::test) take the parameters of now.
    pub fn forget_best(&mut self) {
        self.best = None;
    }

    /// The network.
    #[must_use]
    pub fn controller(&self) -> &dyn Controller {
        self.controller.as_ref()
    }

    /// The best parameters so far, or those of now if none was noted.
    #[must_use]
    pub fn best_parameters(&self) -> Vec<f32> {
        self.best.as_ref().map_or_else(|| self.trainer.theta(), |best| best.parameters.clone())
    }

    /// What becomes of the features before they enter the network; none if they enter as they are.
    #[must_use]
    pub fn normalizer(&self) -> Option<Normalizer> {
        self.task.normalize.then(|| self.statistics.normalizer(self.config.rollout.clip))
    }

    /// A sample of a part of the data as it enters the network: a row of features per frame.
    ///
    /// # Panics
    /// If there is no such sample.
    #[must_use]
    pub fn rows(&self, part: &str, sample: usize) -> Vec<f32> {
        let mut rows = Vec::new();
        self.inputs(self.part(part), &[sample], &mut rows);
        rows
    }

    fn objective<'a>(&self, answers: &'a Answers, samples: usize) -> Result<Loss<'a>, FinetuneError> {
        let shape = (samples, self.data.train.frames);
        Ok(Loss::new(&self.loss, self.task.activity, answers.targets(), self.network.as_ref(), shape)?)
    }

    fn inputs(&self, samples: &Samples, chosen: &[usize], out: &mut Vec<f32>) {
        samples.batch(chosen, out);
        if let Some(normalizer) = self.normalizer() {
            let mut row = vec![0.0; samples.features];
            for x in out.chunks_exact_mut(samples.features) {
                normalizer.apply(x, &mut row, None);
                x.copy_from_slice(&row);
            }
        }
    }

    /// Trains for one epoch. After an error the parameters are those before the step that failed.
    ///
    /// # Errors
    /// [`FinetuneError::Gradient`] if something is not finite, with the step and the layer.
    pub fn advance(&mut self) -> Result<Epoch, FinetuneError> {
        let seed = self.config.run.seed;
        let mut stream = Stream::new(seed, Purpose::Finetune, self.generation, 0, 0);
        let order = shuffled(self.data.train.len(), &mut stream);
        let (mut x, mut loss, mut right, mut rate, mut norm) = (Vec::new(), 0.0, 0.0, 0.0, 0.0);
        let mut learning_rate = self.trainer.learning_rate();
        for chosen in order.chunks(self.task.batch) {
            self.inputs(&self.data.train, chosen, &mut x);
            let answers = self.data.train.answers.batch(chosen);
            // What an encoder draws is drawn anew in each epoch.
            let seeds: Vec<u64> =
                chosen.iter().map(|&s| seed ^ self.generation << 32 ^ (s as u64) << 1).collect();
            let batch = Batch { samples: chosen.len(), inputs: &x, seeds: &seeds, ..Batch::default() };
            learning_rate = self.trainer.learning_rate();
            let objective = self.objective(&answers, chosen.len())?;
            let Self { trainer, network, pool, .. } = self;
            let gradient = pool.install(|| trainer.step(network.as_ref(), &batch, &objective))?;
            let share = chosen.len() as f64 / order.len() as f64;
            loss += share * gradient.loss;
            right += gradient.sums.first().unwrap_or(&0.0);
            rate += share * gradient.rates.iter().sum::<f64>() / gradient.rates.len().max(1) as f64;
            let square: f64 = gradient.gradient.iter().map(|&g| f64::from(g) * f64::from(g)).sum();
            norm += share * square.sqrt();
        }
        self.generation += 1;
        let spiking = !self.network.neurons().is_empty();
        let labels = matches!(self.data.train.answers, Answers::Labels(_));
        Ok(Epoch {
            loss,
            accuracy: labels.then_some(right / order.len() as f64),
            learning_rate,
            gradient_norm: norm,
            spike_rate: spiking.then_some(rate),
        })
    }

    /// Answers the validation samples; none if there are no such.
    ///
    /// # Errors
    /// If something is not finite.
    pub fn validate(&self) -> Result<Option<Assessment>, FinetuneError> {
        let samples = &self.data.validation;
        if samples.is_empty() { Ok(None) } else { self.assess(&self.trainer.theta(), samples).map(Some) }
    }

    /// Notes that the parameters have just reached `accuracy` (0 without labels) and `loss`, and tells whether that is better
    /// than ever before: more right answers, or as many at a lower loss.
    pub fn note(&mut self, accuracy: f64, loss: f64) -> bool {
        let better = self
            .best
            .as_ref()
            .is_none_or(|best| accuracy > best.accuracy || (accuracy == best.accuracy && loss < best.loss));
        if better {
            let (generation, parameters) = (self.generation, self.trainer.theta());
            self.best = Some(Best { generation, accuracy, loss, parameters });
        }
        better
    }

    /// Answers the test samples with the best parameters (or with those of now, if none was noted), and
    /// says which part of the data they are: `test`, or `validation` or `train` if there are none.
    ///
    /// # Errors
    /// If something is not finite.
    pub fn test(&self) -> Result<(&'static str, Assessment), FinetuneError> {
        let now = self.trainer.theta();
        let theta = self.best.as_ref().map_or(&now, |best| &best.parameters);
        let parts = ["test", "validation", "train"];
        let name = parts.into_iter().find(|name| !self.part(name).is_empty()).unwrap_or("train");
        Ok((name, self.assess(theta, self.part(name))?))
    }

    /// A part of the data by its name; the training samples for all but `test` and `validation`.
    #[must_use]
    pub fn part(&self, name: &str) -> &Samples {
        match name {
            "test" => &self.data.test,
            "validation" => &self.data.validation,
            _ => &self.data.train,
        }
    }

    fn assess(&self, theta: &[f32], samples: &Samples) -> Result<Assessment, FinetuneError> {
        let classes = self.data.classes.len();
        let (mut loss, mut counts, mut x) = (0.0, vec![0; classes * classes], Vec::new());
        let all: Vec<usize> = (0..samples.len()).collect();
        for chosen in all.chunks(LOOK) {
            self.inputs(samples, chosen, &mut x);
            let answers = samples.answers.batch(chosen);
            let seeds: Vec<u64> = chosen.iter().map(|&sample| (sample as u64) << 1 | 1).collect();
            let batch = Batch { samples: chosen.len(), inputs: &x, seeds: &seeds, ..Batch::default() };
            let judge = Judge { loss: self.objective(&answers, chosen.len())?, answers: &answers };
            let result = self.pool.install(|| self.network.gradient(theta, &batch, &judge))?;
            loss += result.loss * chosen.len() as f64 / samples.len() as f64;
            counts.iter_mut().zip(result.sums).for_each(|(to, from)| *to += from as u64);
        }
        let confusion = (classes > 0).then(|| Confusion { classes: self.data.classes.clone(), counts });
        Ok(Assessment { loss, confusion })
    }

    /// Kind of the network, for summaries.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self.config.controller {
            ControllerConfig::Snn(_) => "Snn",
            ControllerConfig::Events(_) => "Events",
            ControllerConfig::Mlp(_) => "Mlp",
        }
    }
}
