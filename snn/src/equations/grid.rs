//! The grid of states.

/// Largest magnitude of a state variable on the grid.
const GRID_LIMIT: f32 = 128.0;
/// Grid points per unit.
const GRID_SCALE: f32 = 65_536.0;
/// Bits of the exponent: all ones in infinities and NaN, all zeros in 0 and subnormal numbers.
const EXPONENT: u32 = 0x7f80_0000;

/// The nearest multiple of 2^-16 in [−128, 128], half to even; +0 for −0. `x` is finite.
#[inline(always)]
pub fn snap(x: f32) -> f32 {
    let x = if x > GRID_LIMIT { GRID_LIMIT } else { x };
    let x = if x < -GRID_LIMIT { -GRID_LIMIT } else { x };
    (x * GRID_SCALE).round_ties_even() * (1.0 / GRID_SCALE) + 0.0
}

/// A state variable after the tick: 0 with the lowest bit of `fault` set if `x` is infinite or not
/// a number; snapped to the grid if `GRID`, else only freed of subnormal numbers.
#[inline(always)]
pub fn settle<const GRID: bool>(x: f32, fault: &mut u32) -> f32 {
    let exponent = x.to_bits() & EXPONENT;
    let bad = exponent == EXPONENT;
    *fault |= u32::from(bad);
    if GRID {
        snap(if bad { 0.0 } else { x })
    } else if bad | (exponent == 0) {
        0.0
    } else {
        x
    }
}
