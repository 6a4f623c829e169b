//! Training by surrogate gradients: classes or values of a data set, the actions of a teacher, return in a world.
//!
//! What is trained has the same parameters as what is evolved, so runs of either kind can start from
//! those of the other.

#[cfg(not(target_arch = "wasm32"))]
mod check;
mod collect;
mod config;
mod error;
mod gradient_config;
#[cfg(not(target_arch = "wasm32"))]
mod imitate;
pub mod labels;
mod ppo;
mod rows;
mod shared;
mod task;
mod task_config;
mod world;
#[cfg(not(target_arch = "wasm32"))]
mod world_learner;

#[cfg(not(target_arch = "wasm32"))]
pub use check::check;
pub use config::FinetuneConfig;
pub use error::FinetuneError;
pub use gradient_config::GradientConfig;
#[cfg(not(target_arch = "wasm32"))]
pub use imitate::teacher::Teachers;
pub use imitate::without_demonstrations;
pub use labels::data_config::{ArraysConfig, DataConfig, HeidelbergConfig, RandmanConfig, YinYangConfig};
pub(crate) use ppo::Refiner;
pub use task::Task;
pub use task_config::{ImitateConfig, PpoConfig, RefineConfig, SupervisedConfig};
#[cfg(not(target_arch = "wasm32"))]
pub use world_learner::WorldLearner;

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests;
