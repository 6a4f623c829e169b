//! Whole populations in one kernel: the evaluator for GPUs.
//!
//! All individuals, layers and ticks of a control step run in a single dispatch of a kernel that is
//! generated for the network ([`shader`], or [`resident`] where weights fit into registers). Weights and states stay on the device; observations go
//! up and readouts come down once per control step. Populations too large for one buffer binding are
//! split over several, with one dispatch each in the same submission.

mod device;
mod evaluator;
pub(crate) mod plan;
mod plastic;
mod resident;
pub(crate) mod shader;

pub use device::{BackendError, Gpu, GpuKernel};
pub(crate) use evaluator::GpuEvaluator;
