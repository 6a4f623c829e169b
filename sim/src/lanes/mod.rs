//! The lanes engine: one world per lane of a SIMD register.
//!
//! Follows MuJoCo's equations: reduced coordinates, soft constraints, semi-implicit Euler with joint
//! damping treated implicitly. What it cannot do is refused by name. All worlds of a register walk
//! through the same tables, without recursion or allocation, so the cost of a step does not depend
//! on what the worlds do but for contacts: those that touch in any lane are computed for all.
//!
//! A world's result depends on nothing but its own state: every operation rounds the same in every
//! lane and on every instruction set.

#[cfg(lanes_avx2)]
mod avx2;
#[cfg(lanes_avx512)]
mod avx512;
mod blocks;
mod collide;
#[expect(
    clippy::needless_range_loop,
    reason = "small matrices are written with indices, as in the equations"
)]
mod cone;
mod contacts;
mod derivatives;
mod dispatch;
mod dual;
mod dynamics;
mod engine;
mod field;
mod gauge;
mod lane;
mod missing;
#[cfg(any(lanes_portable, test))]
#[expect(clippy::needless_range_loop, reason = "with iterators it takes three times as long to compile")]
mod portable;
mod pose;
mod residual;
#[expect(
    clippy::needless_range_loop,
    reason = "small matrices are written with indices, as in the equations"
)]
mod rows;
mod sensed;
mod sensors;
mod shape;
#[expect(
    clippy::needless_range_loop,
    reason = "small matrices are written with indices, as in the equations"
)]
mod solver;
mod table;
#[cfg(test)]
mod tests;
mod vector;
mod weights;
mod work;
#[cfg(any(lanes_avx2, lanes_avx512))]
mod x86;

use std::sync::Arc;

use self::dispatch::Width;
pub(crate) use self::lane::WIDTH;
pub(crate) use self::missing::missing;
use crate::engine::Engine;
use crate::{Model, Sensor, StepOptions};

/// Makes the engine in the widest registers that this processor has.
pub(crate) fn make(
    model: &Arc<Model>,
    n: usize,
    options: StepOptions,
    sensors: &[Sensor],
) -> Box<dyn Engine> {
    let width = Width::widest().expect("an engine is made of a model from which nothing is `missing`");
    dispatch::engine(model, n, options, sensors, width)
}
