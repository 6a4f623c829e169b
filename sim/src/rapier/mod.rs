//! The rapier3d engine: one rapier world per world, multibodies in reduced coordinates.

mod blueprint;
mod build;
mod colliders;
mod contacts;
mod drives;
mod engine;
mod joints;
mod limits;
mod missing;
mod pipeline;
mod pose;
mod sensors;
mod state;
mod template;
mod world;

pub(crate) use self::engine::make;
pub(crate) use self::missing::{limit_is_stiff, missing};
