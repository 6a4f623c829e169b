//! The neutral model: what a MuJoCo model says, as plain tables, before any engine sees it.
//!
//! Conventions are MuJoCo's: SI units, radians, quaternions `[w, x, y, z]`, poses relative to the
//! parent body, `qpos` in joint order (free: 3 positions + 4 quaternion entries, ball: 4, slide and
//! hinge: 1) and `qvel` likewise (free: 3 linear world + 3 angular body-frame entries, ball: 3,
//! slide and hinge: 1). See the MuJoCo documentation, "Computation" and "XML reference".

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// A robot and its surroundings, parsed and checked once, shared by all worlds.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// Name from `<mujoco model="…">`, empty if absent.
    pub name: String,
    /// Global physics settings.
    pub option: PhysicsOption,
    /// Bodies; entry 0 is the world and a parent always precedes its children.
    pub bodies: Vec<Body>,
    /// Joints, grouped by body in ascending body order.
    pub joints: Vec<Joint>,
    /// Collision and inertia geometry.
    pub geoms: Vec<Geom>,
    /// Grids of heights that geoms of kind [`GeomKind::Heightfield`] show.
    pub heightfields: Vec<Heightfield>,
    /// Triangles that geoms of kind [`GeomKind::Mesh`] show.
    pub meshes: Vec<Mesh>,
    /// Pairs of bodies, the smaller first, whose geoms do not touch each other.
    pub excludes: Vec<(usize, usize)>,
    /// Motors and servos, one control each.
    pub actuators: Vec<Actuator>,
    /// Reference configuration, length [`Model::nq`].
    pub qpos0: Vec<f64>,
    /// States to start from.
    pub keyframes: Vec<Keyframe>,
    /// Places to look from.
    pub cameras: Vec<Camera>,
    /// What the source said that no engine of ours uses, one sentence each, for the user.
    pub warnings: Vec<String>,
}

/// First of the groups of geoms that MuJoCo's viewer hides.
const FIRST_HIDDEN: i32 = 3;

/// `<key>`: a state to start from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Keyframe {
    /// Name, empty if the source gives none.
    #[serde(default)]
    pub name: String,
    /// Configuration, length [`Model::nq`], with unit quaternions.
    pub qpos: Vec<f64>,
    /// Velocities, length [`Model::nv`].
    pub qvel: Vec<f64>,
    /// Controls, length [`Model::nu`].
    pub ctrl: Vec<f64>,
}

/// `<camera>`: a place to look from. It looks along the −z axis of its frame, with +y up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Camera {
    /// Name, empty if the source gives none.
    #[serde(default)]
    pub name: String,
    /// The body it is fixed to; 0 for the world.
    pub body: usize,
    /// How it moves.
    pub mode: CameraMode,
    /// The body it looks at, in the modes that have one.
    pub target: usize,
    /// Position in the body's frame at the reference configuration, m.
    pub pos: [f64; 3],
    /// Orientation in the body's frame at the reference configuration.
    #[serde(rename = "quat_wxyz")]
    pub quat: [f64; 4],
    /// Vertical field of view, degrees.
    pub fovy: f64,
}

/// How a camera moves (MuJoCo's `mode`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CameraMode {
    /// With its body.
    Fixed,
    /// At a constant offset from its body in world axes, without turning.
    Track,
    /// The same from the centre of mass of its body and all below it.
    TrackCom,
    /// With its body, turned towards the target.
    TargetBody,
    /// With its body, turned towards the centre of mass of the target and all below it.
    TargetBodyCom,
}

/// `<option>`: settings of the whole model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PhysicsOption {
    /// Physics step in seconds.
    pub timestep: f64,
    /// Integrator that the source asks for; an engine may use its own and must say so.
    pub integrator: Integrator,
    /// Gravity in m/s².
    pub gravity: [f64; 3],
    /// Shape of the friction cone.
    pub cone: Cone,
    /// Ratio of frictional to normal constraint impedance.
    pub impratio: f64,
    /// Density of the medium in kg/m³ (0: no drag).
    pub density: f64,
    /// Viscosity of the medium in Pa·s (0: none).
    pub viscosity: f64,
}

impl Default for PhysicsOption {
    fn default() -> Self {
        Self {
            timestep: 0.002,
            integrator: Integrator::Euler,
            gravity: [0.0, 0.0, -9.81],
            cone: Cone::Pyramidal,
            impratio: 1.0,
            density: 0.0,
            viscosity: 0.0,
        }
    }
}

/// Time integrator named by a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the names are MuJoCo's own")]
pub enum Integrator {
    Euler,
    #[serde(rename = "RK4")]
    Rk4,
    #[serde(rename = "implicit")]
    Implicit,
    #[serde(rename = "implicitfast")]
    ImplicitFast,
}

/// Friction cone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names are MuJoCo's own")]
pub enum Cone {
    Pyramidal,
    Elliptic,
}

/// One rigid body.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Body {
    /// Name, empty if the source gives none.
    pub name: String,
    /// Index of the parent body (the world is its own parent).
    pub parent: usize,
    /// Position in the parent's frame, m.
    pub pos: [f64; 3],
    /// Orientation in the parent's frame.
    #[serde(rename = "quat_wxyz")]
    pub quat: [f64; 4],
    /// Mass in kg.
    pub mass: f64,
    /// Centre of mass in the body's frame, m.
    #[serde(rename = "com_pos")]
    pub com: [f64; 3],
    /// Principal moments of inertia about the centre of mass, kg·m².
    #[serde(rename = "inertia_diag")]
    pub inertia: [f64; 3],
    /// Orientation of the principal axes in the body's frame.
    #[serde(rename = "inertia_quat_wxyz")]
    pub inertia_quat: [f64; 4],
}

/// Kind of joint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JointKind {
    /// Six degrees of freedom, only on a child of the world.
    Free,
    /// Three rotations.
    Ball,
    /// One translation.
    Slide,
    /// One rotation.
    Hinge,
}

impl JointKind {
    /// Number of entries in `qpos`.
    #[must_use]
    pub fn nq(self) -> usize {
        match self {
            Self::Free => 7,
            Self::Ball => 4,
            Self::Slide | Self::Hinge => 1,
        }
    }

    /// Number of entries in `qvel`.
    #[must_use]
    pub fn nv(self) -> usize {
        match self {
            Self::Free => 6,
            Self::Ball => 3,
            Self::Slide | Self::Hinge => 1,
        }
    }
}

/// A joint between a body and its parent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Joint {
    /// Name, empty if the source gives none.
    pub name: String,
    /// Kind of joint.
    #[serde(rename = "type")]
    pub kind: JointKind,
    /// The body that this joint moves.
    pub body: usize,
    /// Anchor in the body's frame, m.
    pub pos: [f64; 3],
    /// Unit axis in the body's frame (slide and hinge).
    pub axis: [f64; 3],
    /// Whether `range` is enforced.
    pub limited: bool,
    /// Lower and upper limit, rad or m.
    pub range: [f64; 2],
    /// Spring stiffness, N·m/rad or N/m.
    pub stiffness: f64,
    /// Spring rest position, rad or m.
    pub springref: f64,
    /// Viscous damping, N·m·s/rad or N·s/m.
    pub damping: f64,
    /// Rotor inertia added to the joint's own degree of freedom, kg·m² or kg.
    pub armature: f64,
    /// Distance from a limit at which its constraint becomes active.
    pub margin: f64,
    /// Limit constraint: time constant (s) and damping ratio, or −stiffness and −damping.
    pub solref_limit: [f64; 2],
    /// Limit constraint impedance: dmin, dmax, width, midpoint, power.
    pub solimp_limit: [f64; 5],
    /// Dry friction, N·m or N.
    pub frictionloss: f64,
    /// First entry in `qpos`.
    #[serde(default)]
    pub qpos_adr: usize,
    /// First entry in `qvel`.
    #[serde(default)]
    pub dof_adr: usize,
}

/// Shape of a geom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GeomKind {
    /// Half-space below the local z = 0 plane.
    Plane,
    /// `size[0]` is the radius.
    Sphere,
    /// Radius and half-length of the cylinder part along local z.
    Capsule,
    /// Radius and half-length along local z.
    Cylinder,
    /// Three half-extents.
    Box,
    /// Three semi-axes.
    Ellipsoid,
    /// A [`Mesh`]; `size` are the half-lengths of the box about its origin that holds it.
    Mesh,
    /// The ground below a [`Heightfield`]; `size` is MuJoCo's: the two radii, then ¼ of the
    /// elevation and ½ of the base together.
    #[serde(rename = "hfield")]
    Heightfield,
}

/// `<hfield>`: a grid of heights over a rectangle, centred on the geom that shows it.
///
/// Column `c` lies at x = −radius + 2 · radius · c / (ncol − 1), row `r` likewise along y. Each cell
/// is two triangles that share the edge from (r, c) to (r + 1, c + 1), as in MuJoCo.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Heightfield {
    /// Name by which geoms refer to it.
    pub name: String,
    /// Number of rows, at least 2.
    pub nrow: usize,
    /// Number of columns, at least 2.
    pub ncol: usize,
    /// Radius along x, radius along y, elevation, depth of the base below z = 0, all positive, m.
    pub size: [f64; 4],
    /// Height of each grid point as a fraction (0..=1) of the elevation, row by row from −y to y;
    /// length `nrow` × `ncol`.
    pub data: Vec<f32>,
}

impl Heightfield {
    /// Height of a grid point above the geom's z = 0, m.
    ///
    /// # Panics
    /// If there is no such row or column.
    #[must_use]
    #[inline]
    pub fn height(&self, row: usize, column: usize) -> f64 {
        assert!(column < self.ncol, "column {column} of {}", self.ncol);
        f64::from(self.data[row * self.ncol + column]) * self.size[2]
    }
}

/// `<mesh>`: triangles in a frame of their own, which lies at their centre of mass along the principal axes
/// of inertia, as MuJoCo keeps them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mesh {
    /// Name by which geoms refer to it.
    pub name: String,
    /// Corners, m.
    pub vertices: Vec<[f32; 3]>,
    /// Triangles, counter-clockwise as seen from outside: indices into `vertices`.
    pub faces: Vec<[u32; 3]>,
    /// Its frame's origin in the frame of the file, m.
    pub pos: [f64; 3],
    /// Its frame's orientation in the frame of the file.
    #[serde(rename = "quat_wxyz")]
    pub quat: [f64; 4],
    /// Volume, m³, or area, m², of a mesh whose mass lies in its triangles; 0 for a sheet.
    pub volume: f64,
    /// Principal moments of inertia per mass, m².
    pub moments: [f64; 3],
}

/// A shape fixed to a body.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Geom {
    /// Name, empty if the source gives none.
    pub name: String,
    /// Shape.
    #[serde(rename = "type")]
    pub kind: GeomKind,
    /// Body that carries it (0: fixed in the world).
    pub body: usize,
    /// Sizes, m; see [`GeomKind`].
    pub size: [f64; 3],
    /// Index into [`Model::heightfields`], of a [`GeomKind::Heightfield`] only.
    #[serde(default)]
    pub heightfield: Option<usize>,
    /// Index into [`Model::meshes`], of a [`GeomKind::Mesh`] only.
    #[serde(default)]
    pub mesh: Option<usize>,
    /// Position in the body's frame, m.
    pub pos: [f64; 3],
    /// Orientation in the body's frame.
    #[serde(rename = "quat_wxyz")]
    pub quat: [f64; 4],
    /// Sliding, torsional and rolling friction coefficients.
    pub friction: [f64; 3],
    /// Collision bits offered.
    pub contype: u32,
    /// Collision bits accepted: two geoms collide if either accepts what the other offers.
    pub conaffinity: u32,
    /// Distance at which a contact becomes active; two geoms' margins add up, m.
    pub margin: f64,
    /// Part of the margin in which a contact exists but exerts no force, m.
    pub gap: f64,
    /// Contact dimension: 1 frictionless, 3 sliding, 4 + torsional, 6 + rolling.
    pub condim: u32,
    /// Contact constraint: time constant (s) and damping ratio.
    pub solref: [f64; 2],
    /// Contact impedance: dmin, dmax, width, midpoint, power.
    pub solimp: [f64; 5],
    /// Colour for drawing, red, green, blue, alpha in 0..=1.
    #[serde(default = "grey")]
    pub rgba: [f32; 4],
    /// MuJoCo's group: those from 3 on are not drawn.
    #[serde(default)]
    pub group: i32,
}

impl Geom {
    /// Whether the collision bits want contacts of the two.
    pub(crate) fn asks_for(&self, other: &Self) -> bool {
        self.contype & other.conaffinity != 0 || other.contype & self.conaffinity != 0
    }
}

fn grey() -> [f32; 4] {
    [0.5, 0.5, 0.5, 1.0]
}

/// A motor on a slide or hinge: generalized force = gear × clamped control, or a [`Servo`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Actuator {
    /// Name, empty if the source gives none.
    #[serde(default)]
    pub name: String,
    /// Index into [`Model::joints`].
    pub joint: usize,
    /// Force or torque per unit of control.
    pub gear: f64,
    /// Range to which the control is clamped.
    pub ctrlrange: [f64; 2],
    /// The law of a servo; `None` for a motor.
    #[serde(default)]
    pub servo: Option<Servo>,
}

/// An actuator whose force depends on the joint too: generalized force = gear × clamped (gain ·
/// control + bias · (1, length, velocity)), with length and velocity those of the joint times gear.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Servo {
    /// Factor on the clamped control.
    pub gain: f64,
    /// Constant, factor on the length, factor on the velocity.
    pub bias: [f64; 3],
    /// Range to which the force before the gear is clamped.
    pub forcerange: [f64; 2],
}

impl Actuator {
    /// The law of a servo on the joint's own coordinate: its bias with the gear in it, so that length
    /// and velocity are the joint's.
    pub(crate) fn joint_servo(&self) -> Option<Servo> {
        let servo = self.servo?;
        let [constant, length, velocity] = servo.bias;
        Some(Servo { bias: [constant, length * self.gear, velocity * self.gear], ..servo })
    }
}

impl Servo {
    /// The law of a motor.
    pub(crate) const MOTOR: Self =
        Self { gain: 1.0, bias: [0.0; 3], forcerange: [f64::NEG_INFINITY, f64::INFINITY] };
}

impl Model {
    /// Number of position coordinates.
    #[must_use]
    pub fn nq(&self) -> usize {
        self.joints.iter().map(|j| j.kind.nq()).sum()
    }

    /// Number of degrees of freedom.
    #[must_use]
    pub fn nv(&self) -> usize {
        self.joints.iter().map(|j| j.kind.nv()).sum()
    }

    /// Number of controls.
    #[must_use]
    pub fn nu(&self) -> usize {
        self.actuators.len()
    }

    /// Index of the body called `name`.
    #[must_use]
    pub fn body(&self, name: &str) -> Option<usize> {
        self.bodies.iter().position(|b| b.name == name)
    }

    /// Index of the joint called `name`.
    #[must_use]
    pub fn joint(&self, name: &str) -> Option<usize> {
        self.joints.iter().position(|j| j.name == name)
    }

    /// The geoms that are drawn: the ground, and those of groups 0 to 2, as in MuJoCo's viewer, in whose models
    /// shapes that touch often stand behind meshes that are seen. All of them if nothing would be left.
    pub fn shown_geoms(&self) -> impl Iterator<Item = &Geom> {
        let ground = |geom: &Geom| matches!(geom.kind, GeomKind::Plane | GeomKind::Heightfield);
        let all = !self.geoms.iter().any(|geom| geom.group < FIRST_HIDDEN && !ground(geom));
        self.geoms.iter().filter(move |geom| all || ground(geom) || geom.group < FIRST_HIDDEN)
    }

    /// Total mass of the bodies, kg.
    #[must_use]
    pub fn total_mass(&self) -> f64 {
        self.bodies.iter().map(|b| b.mass).sum()
    }

    /// The child of the world that `body` is or hangs on, or 0 for the world.
    ///
    /// # Panics
    /// If there is no such body.
    #[must_use]
    pub fn root(&self, mut body: usize) -> usize {
        while self.bodies[body].parent != 0 {
            body = self.bodies[body].parent;
        }
        body
    }

    /// Whether `body` is `top` or hangs on it. All bodies hang on the world, 0.
    ///
    /// # Panics
    /// If there is no such body.
    #[must_use]
    pub fn is_below(&self, mut body: usize, top: usize) -> bool {
        while body != 0 && body != top {
            body = self.bodies[body].parent;
        }
        body == top
    }

    /// The jointed body that carries `body`, or 0.
    pub(crate) fn carrier(&self, mut body: usize) -> usize {
        while body != 0 && !self.joints.iter().any(|j| j.body == body) {
            body = self.bodies[body].parent;
        }
        body
    }

    /// [`Model::carrier`] of every body.
    fn carriers(&self) -> Vec<usize> {
        let mut jointed = vec![false; self.bodies.len()];
        self.joints.iter().for_each(|joint| jointed[joint.body] = true);
        let mut carriers = vec![0; self.bodies.len()];
        for (body, jointed) in jointed.into_iter().enumerate().skip(1) {
            carriers[body] = if jointed { body } else { carriers[self.bodies[body].parent] };
        }
        carriers
    }

    /// Pairs of geoms that may collide by MuJoCo's rules ("Collision detection, selection"), each in
    /// ascending order.
    pub(crate) fn pairs(&self) -> Vec<(usize, usize)> {
        let carriers = self.carriers();
        let up = |w: usize| if w == 0 { 0 } else { carriers[self.bodies[w].parent] };
        let excludes: BTreeSet<_> = self.excludes.iter().copied().collect();
        let mut pairs = Vec::new();
        for (i, a) in self.geoms.iter().enumerate() {
            let wa = carriers[a.body];
            for (j, b) in self.geoms.iter().enumerate().skip(i + 1) {
                let wb = carriers[b.body];
                if !a.asks_for(b) || wa == wb {
                    continue;
                }
                let related = wa != 0 && wb != 0 && (up(wa) == wb || up(wb) == wa);
                if !related && !excludes.contains(&(a.body.min(b.body), a.body.max(b.body))) {
                    pairs.push((i, j));
                }
            }
        }
        pairs
    }
}
