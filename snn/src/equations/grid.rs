//! The grid of states.

/// Largest magnitude of a state variable on the grid.
pub const STATE_LIMIT: f32 = 128.0;
/// Largest magnitude of a sum over the ticks of a control step; no network's readout reaches it.
pub const SUM_LIMIT: f32 = (1_u32 << 30) as f32;
/// Grid points per unit.
pub const GRID_SCALE: f32 = 65_536.0;
/// Bits of the exponent: all ones in infinities and NaN, all zeros in 0 and subnormal numbers.
pub const EXPONENT: u32 = 0x7f80_0000;

/// The nearest multiple of 2^-16 in [−128, 128], half to even; +0 for −0. `x` is finite.
#[inline(always)]
pub fn snap(x: f32) -> f32 {
    snap_within(x, STATE_LIMIT)
}

/// As [`snap`], in [−limit, limit]. From 256 on the multiples are those that an f32 has.
#[inline(always)]
fn snap_within(x: f32, limit: f32) -> f32 {
    let x = if x > limit { limit } else { x };
    let x = if x < -limit { -limit } else { x };
    (x * GRID_SCALE).round_ties_even() * (1.0 / GRID_SCALE) + 0.0
}

/// A state variable after the tick: 0 with the lowest bit of `fault` set if `x` is infinite or not
/// a number; snapped to the grid within ±`limit` if `GRID`, else only freed of subnormal numbers.
#[inline(always)]
pub fn settle_within<const GRID: bool>(x: f32, limit: f32, fault: &mut u32) -> f32 {
    let exponent = x.to_bits() & EXPONENT;
    let bad = exponent == EXPONENT;
    *fault |= u32::from(bad);
    if GRID {
        snap_within(if bad { 0.0 } else { x }, limit)
    } else if bad | (exponent == 0) {
        0.0
    } else {
        x
    }
}
