//! A horizontal force on the trunk, which several effects exert.

use sim::Parameters;

use super::rule::Site;

/// Where it acts.
#[derive(Clone)]
pub(crate) struct Force {
    trunk: usize,
    /// Weight of the robot on Earth, N.
    pub(crate) weight: f64,
}

impl Force {
    /// On the robot of a task.
    pub(crate) fn on(site: &Site<'_>) -> Self {
        Self { trunk: site.trunk, weight: site.weight }
    }

    /// Writes x and y of a force of so many newtons, which points to `direction`, rad from +x to +y.
    pub(crate) fn set(newtons: f64, direction: f64, values: &mut [f32]) {
        values[0] = (newtons * libm::cos(direction)) as f32;
        values[1] = (newtons * libm::sin(direction)) as f32;
    }

    /// Adds the force with these x and y.
    pub(crate) fn apply(&self, values: &[f32], parameters: &mut Parameters) {
        parameters.force[self.trunk][0] += values[0];
        parameters.force[self.trunk][1] += values[1];
    }
}
