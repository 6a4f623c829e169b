//! Operations on the bits of an f32, the same on every machine.

/// 2^x for a whole number x in [−126, 127]; other x give some number.
#[inline(always)]
pub fn power_of_two(x: f32) -> f32 {
    // 1.5·2^23 + 127: the lowest bits of the sum are x + 127.
    f32::from_bits((x + 12_583_039.0).to_bits() << 23)
}

/// The whole number k with x = m·2^k and m in [√½, √2), for normal x > 0.
#[inline(always)]
pub fn exponent(x: f32) -> f32 {
    ((shifted(x) >> 23) as i32 - 127) as f32
}

/// That m.
#[inline(always)]
pub fn mantissa(x: f32) -> f32 {
    f32::from_bits((shifted(x) & 0x007f_ffff) + 0x3f35_04f3)
}

/// Bits of x times about √2: the exponent changes at √½ instead of 1.
#[inline(always)]
fn shifted(x: f32) -> u32 {
    x.to_bits().wrapping_add(0x3f80_0000 - 0x3f35_04f3)
}

/// A guess of 1/x, off by up to 12 %.
#[inline(always)]
pub fn reciprocal_seed(x: f32) -> f32 {
    f32::from_bits(0x7ef3_11c7_u32.wrapping_sub(x.to_bits()))
}

/// A guess of 1/√x, off by up to 4 %, for x > 0.
#[inline(always)]
pub fn root_seed(x: f32) -> f32 {
    f32::from_bits(0x5f37_5a86_u32.wrapping_sub(x.to_bits() >> 1))
}
