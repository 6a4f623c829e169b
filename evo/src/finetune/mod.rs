//! Training by surrogate gradients: classes or values of a data set, the actions of a teacher, return in a world.
//!
//! What is trained has the same parameters as what is evolved, so runs of either kind can start from
//! those of the other.

mod config;
mod data_config;
mod task_config;

#[cfg(not(target_arch = "wasm32"))]
mod assess;
#[cfg(not(target_arch = "wasm32"))]
pub mod classify;
#[cfg(not(target_arch = "wasm32"))]
mod classify_state;
#[cfg(not(target_arch = "wasm32"))]
mod collect;
#[cfg(not(target_arch = "wasm32"))]
pub mod data;
#[cfg(not(target_arch = "wasm32"))]
mod error;
#[cfg(not(target_arch = "wasm32"))]
pub mod figure;
#[cfg(not(target_arch = "wasm32"))]
mod imitate;
#[cfg(not(target_arch = "wasm32"))]
mod ppo;
#[cfg(not(target_arch = "wasm32"))]
mod ppo_loss;
#[cfg(not(target_arch = "wasm32"))]
mod ppo_memory;
#[cfg(not(target_arch = "wasm32"))]
mod ppo_state;
#[cfg(not(target_arch = "wasm32"))]
mod table;
#[cfg(not(target_arch = "wasm32"))]
mod teacher;
#[cfg(not(target_arch = "wasm32"))]
mod world;
#[cfg(not(target_arch = "wasm32"))]
pub mod world_learner;

#[cfg(not(target_arch = "wasm32"))]
pub use assess::Assessment;
pub use config::{FinetuneConfig, GradientConfig, Task};
pub use data_config::{ArraysConfig, DataConfig, HeidelbergConfig, RandmanConfig, YinYangConfig};
#[cfg(not(target_arch = "wasm32"))]
pub use error::FinetuneError;
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use table::Table;
pub use task_config::{ImitateConfig, PpoConfig, SupervisedConfig};

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests;
