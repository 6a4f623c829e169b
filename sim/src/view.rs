//! What there is to see of one world.

use crate::Parameters;

/// One world's state after its last reset or step.
#[derive(Clone, Copy, Debug)]
pub struct WorldView<'a> {
    /// Positions, length `nq`.
    pub qpos: &'a [f32],
    /// Velocities, length `nv`.
    pub qvel: &'a [f32],
    /// Values of the declared sensors, one after the other.
    pub sensors: &'a [f32],
    /// How the world differs from its model; `None`: in nothing.
    pub parameters: Option<&'a Parameters>,
}

/// A point where two bodies press against each other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Contact {
    /// The two bodies; 0 is the world.
    pub bodies: [usize; 2],
    /// Where, in the world, m.
    pub position: [f32; 3],
    /// Force on the second body, friction included, mean over the last physics step, N; the first body
    /// feels the opposite.
    pub force: [f32; 3],
}
