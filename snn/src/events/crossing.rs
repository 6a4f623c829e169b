//! When a neuron spikes next, if nothing arrives before.
//!
//! u(t) = V − E is a sum of two exponentials, so it is stationary at most once. Every crossing therefore lies between
//! two times that are known in closed form, and none is missed, however short the time above the threshold.

use super::lambert::{Branch, lambert};
use super::lif::{Constants, Ratio};

/// A time after which nobody asks, as the neuron's state changes before.
#[derive(Clone, Copy, Debug)]
pub(super) struct Horizon {
    /// It; may be infinite.
    pub(super) time: f64,
    /// e^(−time/τ_mem), or a little less.
    mem: f64,
}

impl Horizon {
    /// `time` from now.
    pub(super) fn new(constants: &Constants, time: f64) -> Self {
        // Later by so much that no crossing at the horizon itself is lost to rounding.
        Self { time, mem: libm::exp(-time / constants.tau_mem) * (1.0 - 1e-9) }
    }

    /// None.
    #[cfg(test)]
    const NONE: Self = Self { time: f64::INFINITY, mem: 0.0 };
}

/// The first time from now at which u = V − E, of a neuron at (`u`, `i`), reaches `h`; 0 if it has. `None`: never, or
/// not before the horizon. A maximum that only touches `h` is no spike.
#[inline(always)]
pub(super) fn crossing(constants: &Constants, (u, i): (f64, f64), h: f64, horizon: Horizon) -> Option<f64> {
    if u >= h {
        return Some(0.0);
    }
    // Where u rises through h, I is above it, and I only falls.
    if h > 0.0 && (i <= h || i.is_nan()) {
        return None;
    }
    let solved = match constants.ratio {
        Ratio::Two => two(constants, u, i, h, horizon),
        Ratio::One => one(constants, u, i, h),
        Ratio::Other => Solved::Unknown,
    };
    match solved {
        Solved::At(time) => Some(time),
        Solved::Never => None,
        Solved::Unknown => bracketed(constants, u, i, h),
    }
}

enum Solved {
    At(f64),
    Never,
    /// The closed form says nothing that can be relied on.
    Unknown,
}

/// τ_mem = 2 τ_syn (Göltz et al., Fast and energy-efficient neuromorphic deep learning with first-spike times, Nature
/// Machine Intelligence 2021, equation 11): with x = e^(−t/τ_mem), −I x² + (u + I) x = h.
#[inline(always)]
fn two(constants: &Constants, u: f64, i: f64, h: f64, horizon: Horizon) -> Solved {
    let a = u + i;
    let square = a * a - 4.0 * i * h;
    if h > 0.0 {
        // Here I > h > u, so u rises.
        let reaches = a > 0.0 && square > 0.0;
        if !reaches {
            return Solved::Never;
        }
        let x = (a + square.sqrt()) / (2.0 * i);
        if x < horizon.mem {
            return Solved::Never;
        }
        return Solved::At(if x < 1.0 { -constants.tau_mem * libm::log(x) } else { 0.0 });
    }
    let root = square.max(0.0).sqrt();
    let x = if a > 0.0 { (a + root) / (2.0 * i) } else { 2.0 * h / (a - root) };
    if x > 0.0 && x < 1.0 { Solved::At(-constants.tau_mem * libm::log(x)) } else { Solved::Unknown }
}

/// τ_mem = τ_syn (Göltz et al., equation 8): with s = u/I + t/τ, s·e^(−s) = h/I · e^(−u/I).
fn one(constants: &Constants, u: f64, i: f64, h: f64) -> Solved {
    let start = u / i;
    // Digits that the difference below would lose, or a power out of range.
    if start.is_nan() || start.abs() >= 8.0 {
        return Solved::Unknown;
    }
    let z = -(h / i) * libm::exp(-start);
    let branch = if i > 0.0 { Branch::Upper } else { Branch::Lower };
    match lambert(branch, z) {
        Some(w) if -w >= start => Solved::At(constants.tau_mem * (-w - start)),
        None if h > 0.0 => Solved::Never,
        _ => Solved::Unknown,
    }
}

/// Any ratio: a bracket from the time at which u is stationary, then Newton's method kept inside it by bisection.
fn bracketed(constants: &Constants, u: f64, i: f64, h: f64) -> Option<f64> {
    let at = |time: f64| constants.flow(time).potential(u, i) - h;
    let stationary = constants.stationary(u, i);
    if i > u
        && let Some(peak) = stationary
    {
        return (at(peak) > 0.0).then(|| root(constants, (u, i, h), 0.0, peak));
    }
    // From here on u rises towards 0 without a maximum, from now or from its minimum.
    if h >= 0.0 {
        return None;
    }
    let low = if i > u { 0.0 } else { stationary? };
    let mut high = low + constants.tau_mem.max(constants.tau_syn);
    // After so many, nothing is left of u but rounding.
    for _ in 0..64 {
        if at(high) > 0.0 {
            return Some(root(constants, (u, i, h), low, high));
        }
        high += high - low;
    }
    None
}

/// The root of u − h, which rises from below 0 at `low` to above 0 at `high`.
fn root(constants: &Constants, (u, i, h): (f64, f64, f64), mut low: f64, mut high: f64) -> f64 {
    let mut time = 0.5 * (low + high);
    for _ in 0..200 {
        let flow = constants.flow(time);
        let value = flow.potential(u, i);
        let error = value - h;
        if error == 0.0 {
            return time;
        }
        if error < 0.0 {
            low = time;
        } else {
            high = time;
        }
        let slope = (flow.syn * i - value) / constants.tau_mem;
        let newton = time - error / slope;
        // Newton's step where it stays inside; halves it otherwise.
        let next = if newton > low && newton < high { newton } else { 0.5 * (low + high) };
        if (next - time).abs() <= f64::EPSILON * next.abs() || next == low || next == high {
            return next;
        }
        time = next;
    }
    time
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::lif::Lif;
    use super::*;

    fn constants(tau_mem: f64, tau_syn: f64) -> Constants {
        Constants::new(&Lif { tau_mem, tau_syn, ..Lif::default() })
    }

    proptest! {
        #[test]
        fn closed_forms_and_the_root_finder_agree(
            u in -5.0..0.99_f64, i in -8.0..8.0_f64, h in -1.0..1.0_f64, equal in any::<bool>(),
        ) {
            let constants = constants(if equal { 0.01 } else { 0.02 }, 0.01);
            prop_assume!(u < h);
            let (closed, found) = (crossing(&constants, (u, i), h, Horizon::NONE), if h > 0.0 && i <= h {
                None
            } else {
                bracketed(&constants, u, i, h)
            });
            match (closed, found) {
                (Some(a), Some(b)) => {
                    // Where u is flat, the last digit of u moves the time by more.
                    let flow = constants.flow(b);
                    let slope = (flow.syn * i - flow.potential(u, i)) / constants.tau_mem;
                    prop_assert!((a - b).abs() <= 1e-15 + 4e-15 * (1.0 + u.abs() + i.abs()) / slope.abs(), "{a} {b}");
                }
                (None, None) => {}
                // A maximum within rounding of h.
                _ => {
                    let peak = constants.stationary(u, i).map(|t| constants.flow(t).potential(u, i) - h);
                    prop_assert!(peak.is_some_and(|peak| peak.abs() < 1e-14), "{closed:?} {found:?} {peak:?}");
                }
            }
        }

        #[test]
        fn a_horizon_hides_only_what_is_later(
            u in -3.0..0.9_f64, i in -2.0..20.0_f64, h in -1.0..1.0_f64, horizon in 0.0..0.1_f64, ratio in 0..3_usize,
        ) {
            let constants = constants([0.02, 0.01, 0.017][ratio], 0.01);
            let all = crossing(&constants, (u, i), h, Horizon::NONE);
            let some = crossing(&constants, (u, i), h, Horizon::new(&constants, horizon));
            prop_assert!(some == all || (some.is_none() && all.is_some_and(|time| time > horizon)), "{some:?} {all:?}");
        }

        #[test]
        fn no_crossing_is_missed_however_short(
            u in -3.0..0.9_f64, i in 1.0..20.0_f64, ratio in 0.05..20.0_f64, above in 1e-9..1e-3_f64,
        ) {
            // The threshold lies a little below the maximum: two crossings close to each other.
            let constants = constants(0.01 * ratio, 0.01);
            prop_assume!(i > u);
            let Some(peak) = constants.stationary(u, i) else { return Ok(()) };
            let top = constants.flow(peak).potential(u, i);
            let h = top - above * top.abs();
            prop_assume!(h > u && h > 0.0);
            let time = crossing(&constants, (u, i), h, Horizon::NONE);
            prop_assert!(time.is_some_and(|time| time > 0.0 && time <= peak), "{time:?} of {peak}");
            prop_assert_eq!(crossing(&constants, (u, i), top * (1.0 + 1e-12), Horizon::NONE), None);
        }

        #[test]
        fn nothing_is_above_the_threshold_before_the_crossing(
            u in -3.0..2.0_f64, i in -20.0..20.0_f64, ratio in 0.05..20.0_f64, h in -2.0..2.0_f64,
        ) {
            let constants = constants(0.01 * ratio, 0.01);
            prop_assume!(u < h);
            let end = crossing(&constants, (u, i), h, Horizon::NONE).unwrap_or(1.0);
            for k in 0..500 {
                let time = end * f64::from(k) / 500.0;
                let value = constants.flow(time).potential(u, i);
                prop_assert!(value <= h + 1e-13 * (1.0 + u.abs() + i.abs()), "{value} at {time} of {end}");
            }
            if end < 1.0 {
                let value = constants.flow(end).potential(u, i);
                prop_assert!((value - h).abs() < 1e-12 * (1.0 + u.abs() + i.abs()), "{value}");
            }
        }
    }

    #[test]
    fn a_constant_drive_above_the_threshold_is_crossed_in_closed_form() {
        // V − E = −1.5 e^(−t/τ) reaches −0.5 at τ ln 3.
        for (tau_mem, tau_syn) in [(0.02, 0.01), (0.01, 0.01), (0.01, 0.003), (0.01, 0.01 * (1.0 + 1e-12))] {
            let time = crossing(&constants(tau_mem, tau_syn), (-1.5, 0.0), -0.5, Horizon::NONE)
                .expect("it rises to 0");
            assert!((time - tau_mem * 3.0_f64.ln()).abs() < 1e-15, "{time}");
        }
    }
}
