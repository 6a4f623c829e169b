//! Losses: of the membrane of the readout, and of the spikes of the last hidden layer.

use serde::{Deserialize, Serialize};

use super::batch::{Outputs, Sensitivity};
use super::bptt::{Objective, Score};
use super::differentiable::Differentiable;
use super::error::{GradientError, check, check_length};

/// What the loss measures.
///
/// *Membrane* is the output before tanh, one value per class (or action) and frame. Losses on spikes
/// are about the last hidden layer: its neuron n speaks for class n % classes, so it needs as many
/// neurons as there are classes, or a multiple.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum LossConfig {
    /// Cross-entropy of the softmax of the membrane.
    CrossEntropyMembrane {
        /// How frames become one value per class. Default `Mean`.
        #[serde(default)]
        over: Over,
        /// Share of the target that is spread over all classes, in [0, 1). Default 0.
        #[serde(default)]
        smoothing: f64,
    },
    /// Cross-entropy of the softmax of the number of spikes per class (snnTorch's `ce_count_loss`).
    CrossEntropyCount {
        /// Share of the target that is spread over all classes, in [0, 1). Default 0.
        #[serde(default)]
        smoothing: f64,
    },
    /// Cross-entropy of the softmax of each tick's spikes, averaged over the ticks (snnTorch's
    /// `ce_rate_loss`).
    CrossEntropyRate {
        /// Share of the target that is spread over all classes, in [0, 1). Default 0.
        #[serde(default)]
        smoothing: f64,
    },
    /// Mean squared error of the membrane. Targets are values `[frames][samples][outputs]` for `over: Each`,
    /// otherwise `[samples][outputs]`; or labels: 1 for the class, 0 for others.
    SquareMembrane {
        /// How frames become one value per output. Default `Mean`.
        #[serde(default)]
        over: Over,
    },
    /// Mean squared error of the spikes per tick of each class. Targets are values
    /// `[samples][outputs]`, or labels (snnTorch's `mse_count_loss`).
    SquareRate {
        /// Desired rate of the label's class, spikes per tick, in [0, 1]. Default 1.
        #[serde(default = "one")]
        correct: f64,
        /// Desired rate of the other classes, in [0, 1]. Default 0.
        #[serde(default)]
        incorrect: f64,
    },
    /// Mean squared error of each spike. Targets are values `[ticks][samples][neurons]`.
    SquareSpikes {},
    /// Squared distance of spike trains, averaged over time, after a filter f ← decay·f + spike (van Rossum,
    /// A novel spike distance, Neural Computation 2001, with decay = exp(−1/τ)), and averaged over neurons.
    /// Targets as for `SquareSpikes`.
    VanRossum {
        /// Share of the filtered train kept per tick, in [0, 1). Default 0.9.
        #[serde(default = "van_rossum_decay")]
        decay: f64,
    },
}

fn one() -> f64 {
    1.0
}
fn van_rossum_decay() -> f64 {
    0.9
}

impl Default for LossConfig {
    fn default() -> Self {
        Self::CrossEntropyMembrane { over: Over::Mean, smoothing: 0.0 }
    }
}

/// How the values of all frames become one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Over {
    /// Their mean.
    #[default]
    Mean,
    /// Their sum (Spyx's `integral_crossentropy`).
    Sum,
    /// Each output's largest value (snnTorch's `ce_max_membrane_loss`).
    Max,
    /// The value of the last frame.
    Last,
    /// They do not: the loss is the mean of the losses of all frames.
    Each,
}

/// A penalty on neurons that are too quiet or too active: `weight` times the mean over all hidden neurons of
/// max(0, low − r)² + max(0, r − high)², where r is the neuron's spikes per tick in one sample.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ActivityConfig {
    /// A neuron with fewer spikes per tick is penalised, in [0, 1]. Default 0.
    pub low: f64,
    /// A neuron with more spikes per tick is penalised, in [0, 1]. Default 1.
    pub high: f64,
    /// Weight of the penalty, ≥ 0. Default 0: no penalty.
    pub weight: f64,
}

impl Default for ActivityConfig {
    fn default() -> Self {
        Self { low: 0.0, high: 1.0, weight: 0.0 }
    }
}

/// What each sample of a batch is to give.
#[derive(Clone, Copy, Debug)]
pub enum Targets<'a> {
    /// A class per sample.
    Labels(&'a [usize]),
    /// Values; the shape depends on the loss.
    Values(&'a [f32]),
}

/// A loss with the targets of one batch.
pub struct Loss<'a> {
    config: LossConfig,
    activity: ActivityConfig,
    targets: Targets<'a>,
}

impl<'a> Loss<'a> {
    /// For a batch of `samples` sequences of `frames` frames through the network `bptt`.
    ///
    /// # Errors
    /// [`GradientError`] for settings out of range, labels out of range and shapes that do not fit.
    pub fn new(
        config: &LossConfig,
        activity: ActivityConfig,
        targets: Targets<'a>,
        bptt: &dyn Differentiable,
        (samples, frames): (usize, usize),
    ) -> Result<Self, GradientError> {
        let share =
            |field, value: f64| check(field, value, (0.0..1.0).contains(&value), "at least 0 and below 1");
        let rate = |field, value: f64| check(field, value, (0.0..=1.0).contains(&value), "0 to 1");
        rate("activity.low", activity.low)?;
        rate("activity.high", activity.high)?;
        check("activity.weight", activity.weight, activity.weight >= 0.0, "finite and at least 0")?;
        match *config {
            LossConfig::CrossEntropyMembrane { smoothing, .. }
            | LossConfig::CrossEntropyCount { smoothing }
            | LossConfig::CrossEntropyRate { smoothing } => share("smoothing", smoothing)?,
            LossConfig::SquareRate { correct, incorrect } => {
                rate("correct", correct)?;
                rate("incorrect", incorrect)?;
            }
            LossConfig::VanRossum { decay } => share("decay", decay)?,
            LossConfig::SquareMembrane { .. } | LossConfig::SquareSpikes {} => {}
        }
        let neurons = bptt.neurons();
        // A perceptron has no neurons that spike.
        let (last, classes) = (neurons.last().copied().unwrap_or(0), bptt.outputs());
        if last == 0 && (config.on_spikes() || activity.weight > 0.0) {
            return Err(GradientError::NoSpikes);
        }
        if config.on_spikes() && !bptt.has_ticks() {
            return Err(GradientError::NoTicks);
        }
        let grouped = matches!(
            config,
            LossConfig::CrossEntropyCount { .. }
                | LossConfig::CrossEntropyRate { .. }
                | LossConfig::SquareRate { .. }
        );
        if grouped && !last.is_multiple_of(classes) {
            return Err(GradientError::Shape {
                what: "the last hidden layer".into(),
                found: last,
                unit: "neurons",
                expected: last.next_multiple_of(classes),
                reason: format!("a multiple of the {classes} classes"),
            });
        }
        match targets {
            Targets::Labels(labels) => {
                let trains = matches!(config, LossConfig::SquareSpikes {} | LossConfig::VanRossum { .. });
                if trains {
                    return Err(GradientError::Shape {
                        what: "`targets`".into(),
                        found: labels.len(),
                        unit: "labels",
                        expected: frames * bptt.ticks() * samples * last,
                        reason: "a loss on spike trains compares values [ticks][samples][neurons]".into(),
                    });
                }
                check_length("`labels`", labels.len(), samples, || {
                    format!("one for each of {samples} samples")
                })?;
                if let Some(sample) = labels.iter().position(|&label| label >= classes) {
                    return Err(GradientError::Label { sample, label: labels[sample], last: classes - 1 });
                }
            }
            Targets::Values(values) => {
                let (expected, shape) = match config {
                    LossConfig::SquareMembrane { over: Over::Each } => (
                        frames * samples * classes,
                        format!("{frames} frames × {samples} samples × {classes} outputs"),
                    ),
                    LossConfig::SquareMembrane { .. } | LossConfig::SquareRate { .. } => {
                        (samples * classes, format!("{samples} samples × {classes} outputs"))
                    }
                    LossConfig::SquareSpikes {} | LossConfig::VanRossum { .. } => {
                        let ticks = frames * bptt.ticks();
                        let shape = format!("{ticks} ticks × {samples} samples × {last} neurons");
                        (ticks * samples * last, shape)
                    }
                    _ => {
                        return Err(GradientError::Shape {
                            what: "`targets`".into(),
                            found: values.len(),
                            unit: "values",
                            expected: samples,
                            reason: "cross-entropy takes a label per sample".into(),
                        });
                    }
                };
                check_length("`targets`", values.len(), expected, || shape)?;
                if let Some(at) = values.iter().position(|value| !value.is_finite()) {
                    return Err(GradientError::OutOfRange {
                        field: "targets",
                        value: f64::from(values[at]),
                        range: "finite",
                    });
                }
            }
        }
        Ok(Self { config: config.clone(), activity, targets })
    }

    /// The target of class `class` of `sample`, with `on` for the label and `off` for others.
    fn target(&self, sample: usize, class: usize, classes: usize, (on, off): (f64, f64)) -> f64 {
        match self.targets {
            Targets::Labels(labels) => {
                if labels[sample] == class {
                    on
                } else {
                    off
                }
            }
            Targets::Values(values) => f64::from(values[sample * classes + class]),
        }
    }

    fn label(&self, sample: usize) -> usize {
        match self.targets {
            Targets::Labels(labels) => labels[sample],
            Targets::Values(_) => unreachable!("checked by `new`"),
        }
    }

    /// Spikes per class.
    fn counts(outputs: &Outputs, sample: usize) -> Vec<f64> {
        let mut counts = vec![0.0; outputs.outputs];
        for (neuron, count) in outputs.counts(outputs.neurons.len() - 1, sample).iter().enumerate() {
            counts[neuron % outputs.outputs] += count;
        }
        counts
    }

    /// The loss of one sample times `share`.
    fn sample(&self, outputs: &Outputs, sample: usize, share: f64, out: &mut Sensitivity) -> f64 {
        let (classes, at) = (outputs.outputs, outputs.samples.start + sample);
        let last = outputs.neurons.len().saturating_sub(1);
        match self.config {
            LossConfig::CrossEntropyMembrane { over, smoothing } => {
                self.membrane(outputs, sample, over, share, out, |values, _, slopes| {
                    cross_entropy(values, self.label(at), smoothing, slopes)
                })
            }
            LossConfig::SquareMembrane { over } => {
                self.membrane(outputs, sample, over, share, out, |values, frame, slopes| {
                    let row = if over == Over::Each { frame * outputs.batch + at } else { at };
                    let labels = matches!(self.targets, Targets::Labels(_));
                    let row = if labels { at } else { row };
                    let mut loss = 0.0;
                    for (class, (slope, value)) in slopes.iter_mut().zip(values).enumerate() {
                        let error = value - self.target(row, class, classes, (1.0, 0.0));
                        loss += error * error / classes as f64;
                        *slope = 2.0 * error / classes as f64;
                    }
                    loss
                })
            }
            LossConfig::CrossEntropyCount { smoothing } => {
                let mut slopes = vec![0.0; classes];
                let counts = Self::counts(outputs, sample);
                let loss = cross_entropy(&counts, self.label(at), smoothing, &mut slopes);
                for (neuron, to) in out.counts(last, sample).iter_mut().enumerate() {
                    *to += share * slopes[neuron % classes];
                }
                share * loss
            }
            LossConfig::SquareRate { correct, incorrect } => {
                // A class's rate is the mean over its neurons.
                let spikes = (outputs.ticks * outputs.neurons[last] / classes) as f64;
                let (mut loss, mut slopes) = (0.0, Vec::new());
                for (class, count) in Self::counts(outputs, sample).into_iter().enumerate() {
                    let error = count / spikes - self.target(at, class, classes, (correct, incorrect));
                    loss += error * error / classes as f64;
                    slopes.push(2.0 * error / (classes as f64 * spikes));
                }
                for (neuron, to) in out.counts(last, sample).iter_mut().enumerate() {
                    *to += share * slopes[neuron % classes];
                }
                share * loss
            }
            LossConfig::CrossEntropyRate { smoothing } => {
                let (mut loss, mut slopes) = (0.0, vec![0.0; classes]);
                let share = share / outputs.ticks as f64;
                for tick in 0..outputs.ticks {
                    let mut values = vec![0.0; classes];
                    for (neuron, spike) in outputs.spikes(tick, sample).iter().enumerate() {
                        values[neuron % classes] += spike;
                    }
                    loss += cross_entropy(&values, self.label(at), smoothing, &mut slopes);
                    for (neuron, to) in out.spikes(tick, sample).iter_mut().enumerate() {
                        *to += share * slopes[neuron % classes];
                    }
                }
                share * loss
            }
            LossConfig::SquareSpikes {} => self.trains(outputs, sample, 0.0, share, out),
            LossConfig::VanRossum { decay } => self.trains(outputs, sample, decay, share, out),
        }
    }

    /// The loss of values that come from all frames, times `share`; `loss` takes one value per class
    /// and the frame, and writes the slopes.
    fn membrane(
        &self,
        outputs: &Outputs,
        sample: usize,
        over: Over,
        share: f64,
        out: &mut Sensitivity,
        mut loss: impl FnMut(&[f64], usize, &mut [f64]) -> f64,
    ) -> f64 {
        let (classes, frames) = (outputs.outputs, outputs.frames);
        let mut slopes = vec![0.0; classes];
        if over == Over::Each {
            let share = share / frames as f64;
            let mut total = 0.0;
            for frame in 0..frames {
                total += loss(outputs.value(frame, sample), frame, &mut slopes);
                for (to, slope) in out.value(frame, sample).iter_mut().zip(&slopes) {
                    *to += share * slope;
                }
            }
            return share * total;
        }
        let (values, chosen) = pooled(over, frames, classes, |frame| outputs.value(frame, sample));
        let total = share * loss(&values, 0, &mut slopes);
        for frame in 0..frames {
            for (class, to) in out.value(frame, sample).iter_mut().enumerate() {
                let part = match over {
                    Over::Mean => 1.0 / frames as f64,
                    Over::Sum => 1.0,
                    Over::Max | Over::Last | Over::Each => f64::from(u8::from(chosen[class] == frame)),
                };
                *to += share * part * slopes[class];
            }
        }
        total
    }

    /// Mean squared difference of filtered spike trains, times `share`.
    fn trains(&self, outputs: &Outputs, sample: usize, decay: f64, share: f64, out: &mut Sensitivity) -> f64 {
        let Targets::Values(targets) = self.targets else { unreachable!("checked by `new`") };
        let neurons = outputs.neurons[outputs.neurons.len() - 1];
        let (ticks, at) = (outputs.ticks, outputs.samples.start + sample);
        let share = share / (ticks * neurons) as f64;
        let mut filtered = vec![0.0; ticks * neurons];
        let mut loss = 0.0;
        for tick in 0..ticks {
            let targets = &targets[(tick * outputs.batch + at) * neurons..][..neurons];
            for (neuron, (spike, &target)) in outputs.spikes(tick, sample).iter().zip(targets).enumerate() {
                let before = if tick > 0 { filtered[(tick - 1) * neurons + neuron] } else { 0.0 };
                let now = decay * before + spike - f64::from(target);
                filtered[tick * neurons + neuron] = now;
                loss += share * now * now;
            }
        }
        let mut adjoint = vec![0.0; neurons];
        for tick in (0..ticks).rev() {
            for (neuron, to) in out.spikes(tick, sample).iter_mut().enumerate() {
                adjoint[neuron] = decay * adjoint[neuron] + 2.0 * share * filtered[tick * neurons + neuron];
                *to += adjoint[neuron];
            }
        }
        loss
    }

    /// The price on activity, times `share`.
    fn activity(&self, outputs: &Outputs, sample: usize, share: f64, out: &mut Sensitivity) -> f64 {
        let ActivityConfig { low, high, weight } = self.activity;
        if weight == 0.0 {
            return 0.0;
        }
        let all: usize = outputs.neurons.iter().sum();
        let (share, ticks) = (share * weight / all as f64, outputs.ticks as f64);
        let mut loss = 0.0;
        for layer in 0..outputs.neurons.len() {
            let counts = outputs.counts(layer, sample);
            for (to, count) in out.counts(layer, sample).iter_mut().zip(counts) {
                let rate = count / ticks;
                let error = (rate - high).max(0.0) - (low - rate).max(0.0);
                loss += share * error * error;
                *to += share * 2.0 * error / ticks;
            }
        }
        loss
    }
}

impl Objective for Loss<'_> {
    fn spikes(&self) -> bool {
        matches!(
            self.config,
            LossConfig::CrossEntropyRate { .. } | LossConfig::SquareSpikes {} | LossConfig::VanRossum { .. }
        )
    }

    fn evaluate(&self, outputs: &Outputs, sensitivity: &mut Sensitivity) -> Score {
        let share = 1.0 / outputs.batch as f64;
        let mut score = Score::default();
        for (sample, at) in outputs.samples.clone().enumerate() {
            score.loss += self.sample(outputs, sample, share, sensitivity);
            score.loss += self.activity(outputs, sample, share, sensitivity);
            if let Targets::Labels(labels) = self.targets {
                let correct = self.answer(outputs, sample) == labels[at];
                score.sums.resize(1, 0.0);
                score.sums[0] += f64::from(u8::from(correct));
            }
        }
        score
    }
}

impl Loss<'_> {
    /// The class that `outputs` speak for most: that of the largest score by the loss.
    ///
    /// # Panics
    /// If the sample does not exist.
    #[must_use]
    pub fn answer(&self, outputs: &Outputs, sample: usize) -> usize {
        let value = |frame| outputs.value(frame, sample);
        largest(&match self.config {
            LossConfig::CrossEntropyMembrane { over, .. } | LossConfig::SquareMembrane { over } => {
                let over = if over == Over::Each { Over::Mean } else { over };
                pooled(over, outputs.frames, outputs.outputs, value).0
            }
            _ => Self::counts(outputs, sample),
        })
    }
}

impl LossConfig {
    /// Whether it is about the spikes of the last hidden layer.
    fn on_spikes(&self) -> bool {
        !matches!(self, Self::CrossEntropyMembrane { .. } | Self::SquareMembrane { .. })
    }
}

/// Index of the largest value; the first of equals.
fn largest(values: &[f64]) -> usize {
    let larger = |best: usize, index: usize| if values[index] > values[best] { index } else { best };
    (1..values.len()).fold(0, larger)
}

/// One value per class from all frames, and for `Max` and `Last` the frames they are from.
fn pooled<'v>(
    over: Over,
    frames: usize,
    classes: usize,
    value: impl Fn(usize) -> &'v [f64],
) -> (Vec<f64>, Vec<usize>) {
    let mut chosen = vec![frames - 1; classes];
    let mut values = vec![0.0; classes];
    match over {
        Over::Sum | Over::Mean | Over::Each => {
            let part = if over == Over::Sum { 1.0 } else { 1.0 / frames as f64 };
            for frame in 0..frames {
                values.iter_mut().zip(value(frame)).for_each(|(sum, value)| *sum += part * value);
            }
        }
        Over::Last => values.copy_from_slice(value(frames - 1)),
        Over::Max => {
            for class in 0..classes {
                let all: Vec<f64> = (0..frames).map(|frame| value(frame)[class]).collect();
                chosen[class] = largest(&all);
                values[class] = all[chosen[class]];
            }
        }
    }
    (values, chosen)
}

/// −Σ target · ln softmax(values), with the slopes.
fn cross_entropy(values: &[f64], label: usize, smoothing: f64, slopes: &mut [f64]) -> f64 {
    let largest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = values.iter().map(|value| libm::exp(value - largest)).sum();
    let spread = smoothing / values.len() as f64;
    let mut loss = 0.0;
    for (class, (slope, value)) in slopes.iter_mut().zip(values).enumerate() {
        let target = spread + if class == label { 1.0 - smoothing } else { 0.0 };
        let log = value - largest - libm::log(sum);
        loss -= target * log;
        *slope = libm::exp(log) - target;
    }
    loss
}
