//! Surrogate gradients: training of the same networks, with the same parameters, by gradient descent.
//!
//! [`Bptt`] runs a batch of sequences through a network and the derivative of a loss back through
//! time (Neftci, Mostafa and Zenke, Surrogate gradient learning in spiking neural networks, IEEE
//! Signal Processing Magazine 2019). It knows the derivatives of any neuron model from its equations;
//! only the step of the spike has a surrogate instead, one of [`surrogates`] or an expression of
//! one's own. θ is the flat vector of the [`Layout`](crate::Layout), evolved neuron parameters
//! included, so what is trained here runs in every [`Evaluator`](crate::Evaluator), and what has been
//! evolved can be trained on.
//!
//! # Example
//!
//! ```
//! use snn::gradient::{ActivityConfig, Batch, Bptt, BpttConfig, Loss, LossConfig, Targets, Trainer, TrainerConfig};
//! use snn::{LayerConfig, HiddenLayer, SnnConfig};
//!
//! let layer = LayerConfig { neurons: 16, ..LayerConfig::default() };
//! let config = SnnConfig { hidden: vec![HiddenLayer::Dense(layer)], ticks: 1, ..SnnConfig::default() };
//! let bptt = Bptt::new(&config, 2, 3, &BpttConfig::default())?;
//!
//! // 4 samples of 10 frames with 2 inputs each.
//! let inputs: Vec<f32> = (0..10 * 4 * 2).map(|i| (i % 7) as f32).collect();
//! let batch = Batch { samples: 4, inputs: &inputs, ..Batch::default() };
//! let labels = Targets::Labels(&[0, 1, 2, 0]);
//! let loss = Loss::new(&LossConfig::default(), ActivityConfig::default(), labels, &bptt, (4, 10))?;
//!
//! let start: Vec<f32> = (0..bptt.layout().len()).map(|i| (i % 5) as f32 - 2.0).collect();
//! let mut trainer = Trainer::new(TrainerConfig::default(), &start)?;
//! let first = trainer.step(&bptt, &batch, &loss)?;
//! for _ in 0..20 {
//!     trainer.step(&bptt, &batch, &loss)?;
//! }
//! assert!(trainer.step(&bptt, &batch, &loss)?.loss < first.loss);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod adjoint;
mod backward;
mod batch;
mod bptt;
mod construct;
mod dense;
mod differentiable;
mod error;
mod event_prop;
mod forward;
mod loaded;
mod loss;
mod optimizer;
mod pass;
mod perceptron;
mod product;
mod program;
mod surrogate;
mod tape;
#[cfg(test)]
mod tests;
mod trainer;

pub use batch::{Batch, Outputs, Sensitivity};
pub use bptt::{Bptt, BpttConfig, Gradient, Objective, Run, Score};
pub use construct::differentiable;
pub use differentiable::Differentiable;
pub use error::GradientError;
pub use event_prop::EventProp;
pub use loss::{ActivityConfig, Loss, LossConfig, Over, Targets};
pub use optimizer::{Clip, Decay, Optimizer, OptimizerConfig, ScheduleConfig};
pub use perceptron::Perceptron;
pub use surrogate::{SurrogateConfig, SurrogateInfo, SurrogateParameter, surrogates};
pub use trainer::{Trainer, TrainerConfig};
