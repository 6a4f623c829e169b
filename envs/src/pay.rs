//! What walkers are paid for, and the terms that other tasks have in common with them.

use crate::EnvError;
use crate::error::finite;
use crate::math::sum_of_squares;

/// Reward terms of walkers; the last one where contacts cost something.
pub(crate) const TERMS: &[&str] = &["forward", "survive", "control", "contact"];
/// Formula of [`forward`] for a task that remembers x.
pub(crate) const FORWARD: &str = "forward_reward_weight · Δx / control_dt";
/// Formula of what [`Pay::score`] pays for health.
pub(crate) const SURVIVE: &str = "healthy_reward if healthy or, with terminal_bonus, just fallen, else 0";
/// Formula of [`control`].
pub(crate) const CONTROL: &str = "−ctrl_cost_weight · Σ action²";

/// Reward for a speed, m/s.
pub(crate) fn forward(weight: f64, speed: f64) -> f32 {
    (weight * speed) as f32
}

/// Reward for a healthy step.
pub(crate) fn survive(bonus: f64, healthy: bool) -> f32 {
    f32::from(healthy) * bonus as f32
}

/// Cost of an action, at most 0.
pub(crate) fn control(weight: f64, action: &[f32]) -> f32 {
    (-weight * sum_of_squares(action)) as f32
}

/// What walkers are paid for: speed, health, effort.
pub(crate) struct Pay {
    /// Reward per m/s.
    pub(crate) forward: f64,
    /// Reward per healthy step.
    pub(crate) healthy: f64,
    /// Cost per squared unit of action.
    pub(crate) control: f64,
    /// Whether an episode ends at the first unhealthy step.
    pub(crate) terminate: bool,
    /// Whether that step is paid as a healthy one.
    pub(crate) last: bool,
}

impl Pay {
    /// Refuses numbers that are not finite.
    pub(crate) fn check(self, env: &'static str) -> Result<Self, EnvError> {
        finite(env, "forward_reward_weight", self.forward)?;
        finite(env, "ctrl_cost_weight", self.control)?;
        finite(env, "healthy_reward", self.healthy)?;
        Ok(self)
    }

    /// Writes the first three reward terms; returns whether the episode has terminated.
    pub(crate) fn score(&self, speed: f64, healthy: bool, action: &[f32], terms: &mut [f32]) -> bool {
        let over = self.terminate && !healthy;
        let paid = healthy || (over && self.last);
        terms[0] = forward(self.forward, speed);
        terms[1] = survive(self.healthy, paid);
        terms[2] = control(self.control, action);
        over
    }
}

/// Speed on the way from the place that `memory` holds to `x`, m/s; then the memory holds `x`.
pub(crate) fn speed(x: f32, memory: &mut f32, control_dt: f64) -> f64 {
    let speed = (f64::from(x) - f64::from(*memory)) / control_dt;
    *memory = x;
    speed
}
