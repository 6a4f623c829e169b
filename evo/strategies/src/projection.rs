//! Descriptors for functions of numbers: the linear projection on which quality diversity is compared.
//!
//! "Covariance Matrix Adaptation for the Rapid Illumination of Behavior Space" (Fontaine, Togelius, Nikolaidis and Hoover,
//! GECCO 2020), section 5: two descriptors are the sums over both halves of the parameters, each clipped to ±5.12, but
//! 5.12/x where x lies outside. Most of the space projects to the middle, so the corners are hard to reach.

/// Bound of a parameter.
pub const BOUND: f64 = 5.12;

/// Lowest and highest value of both descriptors, for members of `n` ≥ 2 parameters; with an odd one, the first half is
/// the larger.
#[must_use]
pub fn ranges(n: usize) -> [(f64, f64); 2] {
    [n.div_ceil(2), n / 2].map(|half| {
        let most = BOUND * half.max(1) as f64;
        (-most, most)
    })
}

/// The two descriptors of a member.
#[must_use]
pub fn descriptors(member: &[f64]) -> [f64; 2] {
    let clip = |&x: &f64| if x.abs() <= BOUND { x } else { BOUND / x };
    let (first, second) = member.split_at(member.len().div_ceil(2));
    [first, second].map(|half| half.iter().map(clip).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_summed_and_what_lies_outside_comes_back_to_the_middle() {
        assert_eq!(ranges(5), [(-15.36, 15.36), (-10.24, 10.24)]);
        assert_eq!(descriptors(&[1.0, 5.12, -10.24, 2.0, -3.0]), [5.62, -1.0]);
    }
}
