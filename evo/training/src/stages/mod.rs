//! Training in stages: one run that goes from one way of training to the next.
//!
//! A config's `stages` say what differs from the config in each. [`resolve`] makes a config of each, [`apply`] changes
//! them as `--set` does, and a [`Staged`] learner goes through them.

#[cfg(not(target_arch = "wasm32"))]
mod check;
#[cfg(not(target_arch = "wasm32"))]
mod error;
#[cfg(not(target_arch = "wasm32"))]
mod place;
mod resolve;
mod set;
mod stage;
#[cfg(not(target_arch = "wasm32"))]
mod staged;
mod text;

#[cfg(not(target_arch = "wasm32"))]
pub use check::{check, stage_config};
#[cfg(not(target_arch = "wasm32"))]
pub use error::StagedError;
#[cfg(not(target_arch = "wasm32"))]
pub use place::{stage_file, stage_of, whole_config};
pub use resolve::{StageError, generations, inline, resolve};
pub use set::apply;
pub use stage::Stage;
#[cfg(not(target_arch = "wasm32"))]
pub use staged::{Current, Staged};
pub use text::to_text;
