//! Training by surrogate gradients: classes or values of a data set, the actions of a teacher, return in a world.
//!
//! What is trained has the same parameters as what is evolved, so runs of either kind can start from
//! those of the other.

mod collect;
mod config;
mod critic;
mod data_config;
mod error;
mod ppo;
mod ppo_loss;
mod ppo_memory;
mod ppo_state;
mod refine;
mod task_config;
mod world;

#[cfg(not(target_arch = "wasm32"))]
mod assess;
#[cfg(not(target_arch = "wasm32"))]
pub mod classify;
#[cfg(not(target_arch = "wasm32"))]
mod classify_state;
#[cfg(not(target_arch = "wasm32"))]
pub mod data;
#[cfg(not(target_arch = "wasm32"))]
pub mod figure;
#[cfg(not(target_arch = "wasm32"))]
mod imitate;
#[cfg(not(target_arch = "wasm32"))]
mod teacher;
#[cfg(not(target_arch = "wasm32"))]
pub mod world_learner;

#[cfg(not(target_arch = "wasm32"))]
pub use assess::Assessment;
pub use config::{FinetuneConfig, GradientConfig, Task};
pub use data_config::{ArraysConfig, DataConfig, HeidelbergConfig, RandmanConfig, YinYangConfig};
pub use error::FinetuneError;
pub(crate) use refine::Refiner;
pub use task_config::{ImitateConfig, PpoConfig, RefineConfig, SupervisedConfig};

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests;
