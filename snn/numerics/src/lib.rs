//! What gradients and evolution strategies compute alike: first-order steps, and loops compiled once per vector width.

#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests compare with the system's functions"))]

mod descent;
mod wide;

pub use descent::{Adam, Momentum};
pub use wide::Instructions;
