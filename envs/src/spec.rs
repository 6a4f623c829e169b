//! What a task says about itself: the source of the documentation, the viewer's labels and checks.

use sim::{JointKind, Model};

use crate::PhysicsSettings;

/// One named observation or action.
#[derive(Clone, Debug, PartialEq)]
pub struct Channel {
    /// Name, unique within its list, e.g. `ankle_1 velocity`.
    pub name: String,
    /// Unit, e.g. `rad/s`; empty if dimensionless.
    pub unit: &'static str,
    /// Smallest possible value (`-inf` if unbounded).
    pub low: f32,
    /// Largest possible value (`inf` if unbounded).
    pub high: f32,
}

impl Channel {
    /// A channel without bounds.
    pub fn unbounded(name: impl Into<String>, unit: &'static str) -> Self {
        Self { name: name.into(), unit, low: f32::NEG_INFINITY, high: f32::INFINITY }
    }

    /// A channel with bounds.
    pub fn bounded(name: impl Into<String>, unit: &'static str, low: f32, high: f32) -> Self {
        Self { name: name.into(), unit, low, high }
    }

    /// The same channel within ±`limit`.
    #[must_use]
    pub fn within(self, limit: f32) -> Self {
        Self { low: -limit, high: limit, ..self }
    }

    /// One channel per entry of `qpos`, in order. Joint limits are soft, so angles have no bounds.
    #[must_use]
    pub fn positions(model: &Model) -> Vec<Self> {
        let mut channels = Vec::with_capacity(model.nq());
        for joint in &model.joints {
            let (name, body) = (&joint.name, &model.bodies[joint.body].name);
            let quaternion = |name: &str| {
                ["w", "x", "y", "z"]
                    .map(|axis| Self::bounded(format!("{name} quaternion {axis}"), "", -1.0, 1.0))
            };
            match joint.kind {
                JointKind::Free => {
                    channels.extend(["x", "y", "z"].map(|a| Self::unbounded(format!("{body} {a}"), "m")));
                    channels.extend(quaternion(body));
                }
                JointKind::Ball => channels.extend(quaternion(name)),
                JointKind::Slide => channels.push(Self::unbounded(format!("{name} position"), "m")),
                JointKind::Hinge => channels.push(Self::unbounded(format!("{name} angle"), "rad")),
            }
        }
        channels
    }

    /// One channel per entry of `qvel`, in order.
    #[must_use]
    pub fn velocities(model: &Model) -> Vec<Self> {
        let mut channels = Vec::with_capacity(model.nv());
        for joint in &model.joints {
            let (name, body) = (&joint.name, &model.bodies[joint.body].name);
            let axes = |name: &str, what: &str, unit: &'static str| {
                ["x", "y", "z"].map(|axis| Self::unbounded(format!("{name} {what} {axis}"), unit))
            };
            match joint.kind {
                JointKind::Free => {
                    channels.extend(axes(body, "velocity", "m/s"));
                    channels.extend(axes(body, "angular velocity", "rad/s"));
                }
                JointKind::Ball => channels.extend(axes(name, "angular velocity", "rad/s")),
                JointKind::Slide => {
                    channels.push(Self::unbounded(format!("{name} velocity"), "m/s"));
                }
                JointKind::Hinge => {
                    channels.push(Self::unbounded(format!("{name} velocity"), "rad/s"));
                }
            }
        }
        channels
    }

    /// One channel per motor, named after its joint, with the motor's control range.
    #[must_use]
    pub fn controls(model: &Model) -> Vec<Self> {
        let control = |motor: &sim::Actuator| {
            let [low, high] = motor.ctrlrange.map(|limit| limit as f32);
            Self::bounded(format!("{} motor", model.joints[motor.joint].name), "", low, high)
        };
        model.actuators.iter().map(control).collect()
    }
}

/// Description of a task.
#[derive(Clone, Debug, PartialEq)]
pub struct Spec {
    /// Registry name, e.g. `ant`. A changed task gets a new name.
    pub name: &'static str,
    /// One sentence on what the robot must do.
    pub summary: &'static str,
    /// How the task differs from the one that it follows, one sentence each.
    pub differences: &'static [&'static str],
    /// Start state and its noise, one sentence.
    pub start: &'static str,
    /// When an episode terminates, one sentence; `None` if it never does.
    pub termination: Option<&'static str>,
    /// Observations, in order.
    pub observations: Vec<Channel>,
    /// Actions, in order, in the task's own units.
    pub actions: Vec<Channel>,
    /// Names of the reward terms; their sum is the reward.
    pub terms: &'static [&'static str],
    /// The reward terms as formulas in the config's field names, in the order of `terms`.
    pub formulas: &'static [&'static str],
    /// Seconds between two actions.
    pub control_dt: f64,
    /// How that time is divided into physics steps.
    pub physics: PhysicsSettings,
    /// Default number of control steps after which an episode is truncated.
    pub horizon: usize,
    /// Number of values that the task remembers between steps ([`crate::Task`] `memory`).
    pub memory: usize,
}

impl Spec {
    /// Maps controller outputs in −1..=1 linearly onto the actions' ranges, which must be finite.
    /// Values outside are clipped first. Both slices have length `actions.len()`; a range of ±1 is
    /// mapped exactly.
    pub fn scale_action(&self, unit: &[f32], action: &mut [f32]) {
        for ((channel, &u), a) in self.actions.iter().zip(unit).zip(action) {
            let (middle, half) = (0.5 * (channel.low + channel.high), 0.5 * (channel.high - channel.low));
            *a = middle + half * u.clamp(-1.0, 1.0);
        }
    }
}
