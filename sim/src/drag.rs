//! Drag of the medium on a body, shared by the engines.

use crate::Body;

/// `mj_inertiaBoxFluidModel` in MuJoCo's documentation, "Passive forces, inertia model": the body is
/// a box of equal inertia; a medium of a given density (kg/m³) and viscosity (Pa·s) rests in the world.
/// Along each principal axis, force and torque are −(square · |rate| + viscous) · rate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Drag {
    /// Per squared velocity and axis, N·s²/m².
    pub linear: [f32; 3],
    /// Per squared angular velocity and axis, N·m·s²/rad².
    pub angular: [f32; 3],
    /// Per velocity, N·s/m.
    pub viscous_linear: f32,
    /// Per angular velocity, N·m·s/rad.
    pub viscous_angular: f32,
}

impl Drag {
    /// None if there is no medium, or the body has no mass.
    pub(crate) fn new(body: &Body, density: f64, viscosity: f64) -> Option<Self> {
        if body.mass <= 0.0 || (density <= 0.0 && viscosity <= 0.0) {
            return None;
        }
        let [ix, iy, iz] = body.inertia;
        let side = |sum: f64| (sum.max(1e-15) / body.mass * 6.0).sqrt();
        let s = [side(iy + iz - ix), side(ix + iz - iy), side(ix + iy - iz)];
        let diameter = (s[0] + s[1] + s[2]) / 3.0;
        let pi = std::f64::consts::PI;
        let around = |i: usize| (s[(i + 1) % 3], s[(i + 2) % 3]);
        Some(Self {
            linear: std::array::from_fn(|i| {
                let (a, b) = around(i);
                (0.5 * density * a * b) as f32
            }),
            angular: std::array::from_fn(|i| {
                let (a, b) = around(i);
                (density * s[i] * (a.powi(4) + b.powi(4)) / 64.0) as f32
            }),
            viscous_linear: (3.0 * pi * diameter * viscosity) as f32,
            viscous_angular: (pi * diameter.powi(3) * viscosity) as f32,
        })
    }

    /// Force and torque on a body that moves and turns with `velocity` and `spin` along its axes.
    pub(crate) fn resist(&self, velocity: [f32; 3], spin: [f32; 3]) -> ([f32; 3], [f32; 3]) {
        let along = |rate: [f32; 3], square: &[f32; 3], viscous: f32| {
            std::array::from_fn(|i| -(square[i] * rate[i].abs() + viscous) * rate[i])
        };
        (along(velocity, &self.linear, self.viscous_linear), along(spin, &self.angular, self.viscous_angular))
    }
}
