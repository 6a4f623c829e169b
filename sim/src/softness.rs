//! How soft a constraint is: MuJoCo's solref and solimp, shared by the engines.

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
            below: midpoint.powf(1.0 - power) as f32,
            above: (1.0 - midpoint).powf(1.0 - power) as f32,
            b: b as f32,
            k: k as f32,
        }
    }

    /// Impedance at distance `r` from the margin, within 0.0001..=0.9999; for powers that are
    /// multiples of ½.
    pub(crate) fn impedance(&self, r: f32) -> f32 {
        let x = (r.abs() * self.inverse_width).min(1.0);
        let half = |x: f32| if self.root { x.sqrt() } else { 1.0 };
        let (mut below, mut above) = (x * half(x), (1.0 - x) * half(1.0 - x));
        for _ in 1..self.power {
            below *= x;
            above *= 1.0 - x;
        }
        let y = if self.power == 1 && !self.root {
            x
        } else if x < self.midpoint {
            self.below * below
        } else {
            1.0 - self.above * above
        };
        (self.d0 + self.rise * y).clamp(1e-4, 0.9999)
    }
}

/// Whether a solimp power is one that products and square roots make.
pub(crate) fn possible_power(power: f64) -> bool {
    (2.0 * power).fract() == 0.0 && (1.0..=8.0).contains(&power)
}
