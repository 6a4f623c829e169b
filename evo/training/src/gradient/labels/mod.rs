//! Supervised training: classes or values of a data set.

#[cfg(not(target_arch = "wasm32"))]
mod assess;
#[cfg(not(target_arch = "wasm32"))]
mod classifier;
#[cfg(not(target_arch = "wasm32"))]
mod confusion;
#[cfg(not(target_arch = "wasm32"))]
pub mod data;
pub(super) mod data_config;
#[cfg(not(target_arch = "wasm32"))]
mod state;
#[cfg(not(target_arch = "wasm32"))]
mod weights;

#[cfg(not(target_arch = "wasm32"))]
pub use assess::Assessment;
#[cfg(not(target_arch = "wasm32"))]
pub use classifier::{COLUMNS, Classifier, Epoch};
#[cfg(not(target_arch = "wasm32"))]
pub use confusion::Confusion;
