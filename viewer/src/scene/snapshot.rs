//! Where a robot is at one instant.

/// One instant of one robot, in world coordinates. [`Shapes::snapshot`](super::Shapes::snapshot) makes it from coordinates.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// Pose of every body, `[x, y, z, qw, qx, qy, qz]` in m; entry 0 is the world.
    pub poses: Vec<[f32; 7]>,
    /// Anchor, m, and unit axis of every joint; empty if they are not to be drawn.
    pub axes: Vec<([f32; 3], [f32; 3])>,
    /// Where bodies touch.
    pub contacts: Vec<ContactMark>,
    /// Pushes and other forces from outside.
    pub arrows: Vec<Arrow>,
    /// Points to be reached, m.
    pub targets: Vec<[f32; 3]>,
    /// Centre of mass of the whole robot, m. See [`Shapes::centre_of_mass`](super::Shapes::centre_of_mass).
    pub com: Option<[f32; 3]>,
}

/// A contact.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ContactMark {
    /// Where, m.
    pub position: [f32; 3],
    /// Force on the robot, N.
    pub force: [f32; 3],
}

/// An arrow, drawn as long as it is given.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Arrow {
    /// Where it starts, m.
    pub from: [f32; 3],
    /// From start to tip, m.
    pub vector: [f32; 3],
    /// Colour; alpha is not used.
    pub colour: [f32; 4],
}
