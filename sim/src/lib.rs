//! Physics behind a MuJoCo-shaped interface: a neutral [`Model`] read from MJCF, and batches of
//! [`Worlds`] that an engine steps. No tasks and no randomness live here.

#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests compare with the system's functions"))]

mod anatomy;
mod approximations;
mod drag;
mod engine;
mod error;
mod inertia;
mod jacobian;
mod kinematics;
mod lanes;
mod mesh;
mod mjcf;
mod model;
mod options;
mod parameters;
mod pose;
mod rapier;
mod registry;
mod sensor;
mod softness;
mod view;
mod worlds;

pub use anatomy::limbs;
pub use approximations::{approximated, approximations_table};
pub use error::SimError;
pub use jacobian::{Jacobian, Parameter};
pub use kinematics::{Frames, frames};
pub use mjcf::{mjcf_support_table, read_mjcf};
pub use model::*;
pub use options::{EngineKind, StepOptions};
pub use parameters::Parameters;
pub use registry::unsupported;
pub use sensor::Sensor;
pub use view::{Contact, WorldView};
pub use worlds::{Snapshot, Worlds};
