//! What the worlds compute beside `qpos` and `qvel`.

/// A quantity beside `qpos` and `qvel` that the worlds compute after every step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sensor {
    /// Position of a body's frame in the world, m; 3 values.
    Position(usize),
    /// Orientation of a body's frame in the world, `[w, x, y, z]`; 4 values.
    Orientation(usize),
    /// Velocity of a body's centre of mass in the world, m/s; 3 values.
    Velocity(usize),
    /// Angular velocity of a body in the world frame, rad/s; 3 values.
    AngularVelocity(usize),
    /// Sum of the contact forces on a body, world frame, N, mean over the last physics step; 3 values.
    ContactForce(usize),
    /// Sum of the moments of the contact forces on a body about the origin of its frame, world axes,
    /// N·m, mean over the last physics step; 3 values.
    ContactTorque(usize),
    /// Sum of the normal forces of all contacts of a body, N, mean over the last physics step; 1 value.
    Touch(usize),
}

impl Sensor {
    /// The body that it is about.
    #[must_use]
    pub fn body(self) -> usize {
        let (Self::Position(body)
        | Self::Orientation(body)
        | Self::Velocity(body)
        | Self::AngularVelocity(body)
        | Self::ContactForce(body)
        | Self::ContactTorque(body)
        | Self::Touch(body)) = self;
        body
    }

    /// Number of values.
    #[must_use]
    pub fn len(self) -> usize {
        match self {
            Self::Orientation(_) => 4,
            Self::Touch(_) => 1,
            _ => 3,
        }
    }

    /// Never: every sensor has values.
    #[must_use]
    pub fn is_empty(self) -> bool {
        false
    }
}
