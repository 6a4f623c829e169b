//! Tasks: observation, reward, termination, reset noise, on robots of our own MJCF.
//!
//! A [`Task`] is written for one world in plain numbers; [`Envs`] runs a batch of it. The tasks are
//! listed in [`EnvConfig`], described in `docs/tasks` (written by [`task_page`]) and held to their
//! contract by [`check`].
//!
//! ```
//! use envs::{EnvConfig, Envs, Fidelity};
//! use rand::{SeedableRng as _, rngs::ChaCha8Rng};
//! use sim::EngineKind;
//!
//! let task = EnvConfig::from_name("inverted_pendulum").expect("listed").build()?;
//! let physics = task.physics(EngineKind::Rapier, Fidelity::Default);
//! let mut envs = Envs::new(task.clone(), 2, physics, task.spec().horizon)?;
//! let mut rng = ChaCha8Rng::seed_from_u64(1);
//! for i in 0..envs.len() {
//!     envs.reset(i, &mut rng);
//! }
//! envs.step(&[true, true], &[0.5, -0.5]);
//! assert_eq!(envs.outcome(0).reward, 1.0);
//! assert!(envs.observations()[2] > 0.0, "cart 0 is pushed to the right");
//! # Ok::<(), envs::EnvError>(())
//! ```
//!
//! # Adding an environment
//!
//! Say `hopper`:
//!
//! 1. Write the robot as `envs/assets/hopper.xml` (MJCF).
//! 2. Copy the file that comes closest, here `half_cheetah.rs`, to `envs/src/hopper.rs`. Its parts,
//!    in order: the tables at the top; `Config`, whose defaults are the reference's; `Hopper::new`,
//!    which checks the config, reads the model and fills in the [`Spec`] ([`Channel::positions`],
//!    [`Channel::velocities`] and [`Channel::controls`] name the channels after the robot's joints);
//!    the [`Task`] impl; tests of the reward terms with numbers computed by hand. A value that must
//!    survive from one step to the next goes into `memory`; a value that `qpos` and `qvel` do not
//!    hold, such as a contact force, is a [`sim::Sensor`].
//! 3. Add `pub mod hopper;` below and `Hopper = "hopper" in hopper,` to `registry.rs`.
//! 4. Run `UPDATE_DOCS=1 cargo test -p tests --test reference`. The checker now covers the task (determinism, ranges,
//!    save and load, time limit, blow-ups), its reference page is written, and every config, sweep
//!    and command knows its name.
//!
//! A task that changes what a score means gets a new name, so that old results stay comparable.

#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests compare with the system's functions"))]

pub mod ant;
pub mod ant_direction;
pub mod ant_terrain;
pub mod changes;
pub mod grasp;
pub mod half_cheetah;
pub mod hopper;
pub mod humanoid;
pub mod humanoid_standup;
pub mod inverted_double_pendulum;
pub mod inverted_pendulum;
pub mod own_robot;
pub mod push_to_goal;
pub mod pusher;
pub mod reacher;
pub mod swimmer;
pub mod walker2d;

mod anatomy;
mod batch;
mod checker;
mod descriptor;
mod descriptors;
mod docs;
mod error;
mod ground;
mod landscape;
mod math;
mod pay;
mod person;
mod physics;
mod registry;
mod senses;
mod spec;
mod task;
mod terrain;
mod variants;
mod whole_body;

/// The task of `docs/tutorials/own-env.md`.
#[cfg(test)]
#[path = "../../docs/tutorials/swing_up/src/swing_up.rs"]
mod swing_up;

pub use anatomy::{Limb, limbs};
pub use batch::{EnvState, Envs, Step};
pub use changes::{Change, Effect, Motors, Value, When, changed_model, presets};
pub use checker::{check, check_briefly, check_changed};
pub use descriptor::{Descriptor, Measure};
pub use descriptors::Descriptors;
pub use docs::{TaskWords, environments_page, task_page};
pub use error::EnvError;
pub use physics::{Fidelity, PhysicsSettings};
pub use registry::{EnvConfig, defaults, names};
pub use senses::Sense;
pub use spec::{Channel, Spec};
pub use task::{Aim, Goal, Observations, Task, Variant};
pub use terrain::Terrain;
pub use variants::variants;
