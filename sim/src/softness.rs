//! How soft a constraint is: MuJoCo's solref and solimp, shared by the engines.

/// Up to this power, multiples of ½ are made by products.
const MAX_PRODUCTS: f64 = 32.0;

/// solimp and solref at a given physics step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Softness {
    pub d0: f32,
    /// dmax − dmin.
    pub rise: f32,
    /// 1 / width.
    pub inverse_width: f32,
    pub midpoint: f32,
    /// Whole part of the power; 1 for a straight rise.
    pub power: u32,
    /// Whether the power has a half beyond that.
    pub root: bool,
    /// midpoint^(1 − power) and (1 − midpoint)^(1 − power).
    pub below: f32,
    pub above: f32,
    /// The power, if it is none that products and a square root make.
    pub other_power: Option<f64>,
    /// Damping of the reference acceleration, 1/s.
    pub b: f32,
    /// Stiffness of the reference acceleration, 1/s².
    pub k: f32,
}

impl Softness {
    /// From solref and solimp ("Constraint parameters" in MuJoCo's XML reference). A positive time
    /// constant is at least two steps, as MuJoCo has it.
    pub(crate) fn new(solref: [f64; 2], solimp: [f64; 5], timestep: f64) -> Self {
        let [dmin, dmax, width, midpoint, power] = solimp;
        let (dmin, dmax) = (dmin.clamp(1e-4, 0.9999), dmax.clamp(1e-4, 0.9999));
        let midpoint = midpoint.clamp(1e-4, 0.9999);
        let flat = width <= 1e-15;
        // Platforms round their own powers differently.
        let below = libm::pow(midpoint, 1.0 - power) as f32;
        let above = libm::pow(1.0 - midpoint, 1.0 - power) as f32;
        let products = is_half(power) && power <= MAX_PRODUCTS && below.is_finite() && above.is_finite();
        let (b, k) = if solref[0] > 0.0 {
            let time = solref[0].max(2.0 * timestep);
            (2.0 / (dmax * time), 1.0 / (dmax * dmax * time * time * solref[1] * solref[1]))
        } else {
            (-solref[1] / dmax, -solref[0] / (dmax * dmax))
        };
        Self {
            d0: if flat { 0.5 * (dmin + dmax) } else { dmin } as f32,
            rise: if flat { 0.0 } else { dmax - dmin } as f32,
            inverse_width: if flat { 0.0 } else { 1.0 / width } as f32,
            midpoint: midpoint as f32,
            power: power as u32,
            root: power.fract() != 0.0,
            below,
            above,
            other_power: (!products).then_some(power),
            b: b as f32,
            k: k as f32,
        }
    }

    /// Impedance at distance `r` from the margin, within 0.0001..=0.9999.
    pub(crate) fn impedance(&self, r: f32) -> f32 {
        let x = (r.abs() * self.inverse_width).min(1.0);
        let y = match self.other_power {
            None => self.by_products(x),
            Some(power) => {
                let (x, middle) = (f64::from(x), f64::from(self.midpoint));
                // A power of what is at most 1 stays finite, however large the power is.
                let part = |x: f64, middle: f64| middle * libm::pow(x / middle, power);
                let y = if x < middle { part(x, middle) } else { 1.0 - part(1.0 - x, 1.0 - middle) };
                y as f32
            }
        };
        (self.d0 + self.rise * y).clamp(1e-4, 0.9999)
    }

    /// The rise from 0 to 1 at `x` in 0..=1, for powers that are multiples of ½.
    fn by_products(&self, x: f32) -> f32 {
        let half = |x: f32| if self.root { x.sqrt() } else { 1.0 };
        let (mut below, mut above) = (x * half(x), (1.0 - x) * half(1.0 - x));
        for _ in 1..self.power {
            below *= x;
            above *= 1.0 - x;
        }
        if self.power == 1 && !self.root {
            x
        } else if x < self.midpoint {
            self.below * below
        } else {
            1.0 - self.above * above
        }
    }
}

/// Whether a power is a multiple of ½.
fn is_half(power: f64) -> bool {
    (2.0 * power).fract() == 0.0
}

/// Whether a solimp power is one that the lanes engine makes, by products and square roots.
pub(crate) fn possible_power(power: f64) -> bool {
    is_half(power) && (1.0..=8.0).contains(&power)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn softness(midpoint: f64, power: f64) -> Softness {
        Softness::new([0.02, 1.0], [0.0, 1.0, 1.0, midpoint, power], 0.002)
    }

    /// MuJoCo's curve ("Solver parameters") in double precision.
    fn curve(x: f64, midpoint: f64, power: f64) -> f64 {
        let y = if x < midpoint {
            libm::pow(x, power) / libm::pow(midpoint, power - 1.0)
        } else {
            1.0 - libm::pow(1.0 - x, power) / libm::pow(1.0 - midpoint, power - 1.0)
        };
        1e-4 + 0.9998 * y
    }

    #[test]
    fn impedance_follows_mujocos_curve_for_any_power() {
        for power in [1.0, 1.25, 1.5, 1.7, 2.0, 2.5, 3.0, 7.9, 8.0, 20.0, 31.5] {
            for midpoint in [0.3, 0.5, 0.8] {
                let softness = softness(midpoint, power);
                let mut last = 0.0;
                for i in 0..=100_u8 {
                    let x = f64::from(i) / 100.0;
                    let impedance = softness.impedance(-x as f32);
                    let expected = curve(x, midpoint, power);
                    let off = (f64::from(impedance) - expected).abs();
                    assert!(off < 1e-5, "power {power}, midpoint {midpoint}: {impedance} at {x}, {expected}");
                    assert!(impedance >= last - 1e-6, "power {power}, midpoint {midpoint}: falls at {x}");
                    last = impedance;
                }
            }
        }
    }

    #[test]
    fn the_default_power_keeps_its_bits() {
        let softness = Softness::new([0.02, 1.0], [0.9, 0.95, 0.001, 0.5, 2.0], 0.002);
        for i in 0..500_u16 {
            let r = f32::from(i) * 1e-6;
            let x = r * softness.inverse_width;
            assert_eq!(softness.impedance(r), softness.d0 + softness.rise * (2.0 * (x * x)), "{r}");
        }
    }

    #[test]
    fn huge_powers_are_a_step_at_the_midpoint_and_take_no_longer() {
        for power in [100.0, 1e4, 1e9, 1e300] {
            for midpoint in [0.0, 0.3, 0.5, 1.0] {
                let softness = softness(midpoint, power);
                let middle = midpoint.clamp(1e-4, 0.9999) as f32;
                for (x, expected) in [(0.0, 1e-4), (0.9 * middle, 1e-4), (1.0, 0.9999)] {
                    let impedance = softness.impedance(x);
                    assert!((impedance - expected).abs() < 2e-4, "power {power}: {impedance} at {x}");
                }
            }
        }
    }
}
