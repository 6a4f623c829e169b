//! The crate from outside, in one program. What counts allocations needs an allocator of its own and is
//! another.

#![allow(clippy::disallowed_methods, reason = "tests compare with the system's functions")]

mod actuators;
mod contacts;
mod derivatives;
mod files;
mod kinematics;
mod meshes;
mod mjcf;
mod parameters;
mod terrain;
mod worlds;
