//! What gradients and evolution strategies compute alike: first-order steps, and loops compiled once per vector width.

mod descent;
mod wide;

pub use descent::{Adam, Momentum};
pub use wide::Instructions;
