//! Changes of an environment, as a config names them: what changes, by how much, from when on.
//!
//! They are wrappers: no task knows of them, and they compose (factors multiply, forces, noises and
//! delays add up). Whatever is random is drawn from the episode's own stream, so that an episode is
//! the same in any place of any batch. In RON, where `unwrap_variant_newtypes` is on:
//!
//! ```text
//! changes: [
//!     (effect: Friction(Uniform(0.3, 1.5))),
//!     (effect: Motors(strength: Fixed(0.0), which: Limb(0)), when: From(Uniform(100, 300))),
//!     (effect: Terrain(ground: Rough(height: 0.1))),
//!     (effect: Noise(Fixed(0.1)), when: Every(period: Fixed(200), on: Fixed(50), first: Fixed(100))),
//! ]
//! ```
//!
//! # Adding an effect
//!
//! An effect is one file: its settings with their doc comments, and how it acts. Copy the one that comes
//! closest: `friction` (a number that the physics takes), `pushes` (one that draws anew while it holds),
//! `noise` (one that alters what is seen), `target` (one that talks to the task). Then
//! add `pub mod NAME;` below and its row in `effect.rs`. Configs, recordings and the reference pages know
//! it at once. How an effect draws is part of every result: each change has a stream of its own,
//! from which `When` draws first. `expecting` keeps names of Rust types out of messages about configs.

pub mod delay;
pub mod friction;
pub mod gravity;
pub mod mass;
pub mod motors;
pub mod noise;
pub mod payload;
pub mod pushes;
pub mod slope;
pub mod target;
pub mod terrain;
pub mod wind;

mod acting;
mod change;
mod changing;
mod effect;
mod force;
mod presets;
mod rule;
mod value;
mod when;

pub use change::Change;
pub use changing::changed_model;
pub(crate) use changing::{Changing, Episode};
pub use effect::Effect;
pub use motors::Motors;
pub use presets::presets;
pub use value::Value;
pub use when::When;
