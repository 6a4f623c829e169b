//! What a robot looks like.

use std::sync::atomic::{AtomicU64, Ordering};

use nalgebra as na;
use serde::{Deserialize, Serialize};
use sim::{Body, Geom, GeomKind, Heightfield, Joint, JointKind, Mesh, Model};

use super::snapshot::Snapshot;

/// Shapes, bodies and joints of a model: all that drawing a robot takes. Made once per model; it can
/// be written into a file, so that a browser needs no MJCF.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Shapes {
    bodies: Vec<Body>,
    joints: Vec<Joint>,
    geoms: Vec<Geom>,
    heightfields: Vec<Heightfield>,
    #[serde(default)]
    meshes: Vec<Mesh>,
    qpos0: Vec<f64>,
    /// Joints that actuators drive; unknown if empty.
    #[serde(default)]
    driven: Vec<usize>,
    /// Strength of gravity, m/s².
    gravity: f64,
    /// By which a renderer knows terrain and meshes that it has seen. Clones share it, as they do these.
    #[serde(skip, default = "next_id")]
    id: u64,
}

fn next_id() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// A ball around something.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// Its centre, m.
    pub centre: [f32; 3],
    /// Its radius, m, above 0.
    pub radius: f32,
}

/// A pose as arithmetic wants it.
pub(super) fn isometry([x, y, z, qw, qx, qy, qz]: [f32; 7]) -> na::Isometry3<f32> {
    let quat = na::Quaternion::new(qw, qx, qy, qz);
    let turn = na::UnitQuaternion::try_new(quat, 1e-6).unwrap_or_else(na::UnitQuaternion::identity);
    na::Isometry3::from_parts(na::Translation3::new(x, y, z), turn)
}

/// Centre of mass of bodies with their poses; `None` if they weigh nothing.
pub(super) fn centre_of_mass<'a>(
    bodies: impl Iterator<Item = (&'a Body, &'a [f32; 7])>,
) -> Option<na::Point3<f32>> {
    let (mut moment, mut mass) = (na::Vector3::zeros(), 0.0);
    for (body, &pose) in bodies {
        let com = isometry(pose) * na::Point3::from(body.com.map(|x| x as f32));
        moment += com.coords * body.mass as f32;
        mass += body.mass as f32;
    }
    (mass > 0.0).then(|| (moment / mass).into())
}

/// A geom's frame in its body's.
pub(super) fn placed(geom: &Geom) -> na::Isometry3<f32> {
    let ([x, y, z], [qw, qx, qy, qz]) = (geom.pos.map(|x| x as f32), geom.quat.map(|x| x as f32));
    isometry([x, y, z, qw, qx, qy, qz])
}

impl Shapes {
    /// What `model` looks like.
    #[must_use]
    pub fn from_model(model: &Model) -> Self {
        let gravity = na::Vector3::from(model.option.gravity).norm();
        Self {
            bodies: model.bodies.clone(),
            joints: model.joints.clone(),
            geoms: model.shown_geoms().cloned().collect(),
            heightfields: model.heightfields.clone(),
            meshes: model.meshes.clone(),
            qpos0: model.qpos0.clone(),
            driven: model.actuators.iter().map(|actuator| actuator.joint).collect(),
            gravity,
            id: next_id(),
        }
    }

    /// Bodies; entry 0 is the world.
    #[must_use]
    pub fn bodies(&self) -> &[Body] {
        &self.bodies
    }

    /// Joints.
    #[must_use]
    pub fn joints(&self) -> &[Joint] {
        &self.joints
    }

    /// Shapes fixed to the bodies that are drawn.
    #[must_use]
    pub fn geoms(&self) -> &[Geom] {
        &self.geoms
    }

    /// Terrains that some of the shapes show.
    #[must_use]
    pub fn heightfields(&self) -> &[Heightfield] {
        &self.heightfields
    }

    /// Triangles that some of the shapes show.
    #[must_use]
    pub fn meshes(&self) -> &[Mesh] {
        &self.meshes
    }

    /// The reference configuration, length `nq`.
    #[must_use]
    pub fn qpos0(&self) -> Vec<f32> {
        self.qpos0.iter().map(|&q| q as f32).collect()
    }

    pub(super) fn id(&self) -> u64 {
        self.id
    }

    /// Number of entries in `qpos`.
    #[must_use]
    pub fn nq(&self) -> usize {
        self.qpos0.len()
    }

    /// Where everything is for `qpos` in MuJoCo's layout, with the centre of mass and without contacts,
    /// arrows and targets; `None` if `qpos` does not have [`Shapes::nq`] entries.
    #[must_use]
    pub fn snapshot(&self, qpos: &[f32]) -> Option<Snapshot> {
        let frames =
            (qpos.len() == self.nq()).then(|| sim::frames(&self.bodies, &self.joints, &self.qpos0, qpos))?;
        let com = self.centre_of_mass(&frames.poses);
        let axes = frames.anchors.into_iter().zip(frames.axes).collect();
        Some(Snapshot { poses: frames.poses, axes, com, ..Snapshot::default() })
    }

    /// Centre of mass of the whole robot, m; `None` if nothing of it has mass.
    #[must_use]
    pub fn centre_of_mass(&self, poses: &[[f32; 7]]) -> Option<[f32; 3]> {
        centre_of_mass(self.bodies.iter().zip(poses).skip(1)).map(Into::into)
    }

    /// See [`sim::limbs`].
    pub(super) fn limbs(&self) -> Vec<(Option<usize>, usize)> {
        sim::limbs(&self.bodies)
    }

    /// The robot's weight, N; 1 without mass or gravity.
    pub(super) fn weight(&self) -> f32 {
        let weight = self.bodies.iter().map(|b| b.mass).sum::<f64>() * self.gravity;
        if weight > 0.0 { weight as f32 } else { 1.0 }
    }

    /// The force that an arrow of a metre stands for, N: one as long as the robot's [radius](Bounds::radius)
    /// is its weight on earth.
    #[must_use]
    pub fn newtons(&self, poses: &[[f32; 7]]) -> f32 {
        let mass = self.bodies.iter().map(|b| b.mass).sum::<f64>().max(1e-3);
        mass as f32 * 9.81 / self.bounds(poses).radius
    }

    /// Whether a geom is ground, as opposed to a part of a robot.
    pub(super) fn is_ground(geom: &Geom) -> bool {
        matches!(geom.kind, GeomKind::Plane | GeomKind::Heightfield)
    }

    /// Height of the ground that is drawn where a model has none, m: some way below the robot.
    pub(super) fn floor(&self) -> f32 {
        let frames = sim::frames(&self.bodies, &self.joints, &self.qpos0, &self.qpos0());
        let Bounds { radius, .. } = self.bounds(&frames.poses);
        let parts = self.geoms.iter().filter(|g| !Self::is_ground(g));
        let lowest = parts.map(|geom| {
            let frame = isometry(frames.poses[geom.body]) * placed(geom);
            frame.translation.z - extent(geom, &frame.rotation).z
        });
        lowest.reduce(f32::min).unwrap_or(0.0) - 0.5 * radius
    }

    /// Whether the robot can go anywhere: it has a body that hangs on the world alone and moves freely, or freely in a
    /// plane, and actuators drive it. Things that it handles do not count.
    #[must_use]
    pub fn travels(&self) -> bool {
        let root = |mut body: usize| {
            while self.bodies[body].parent != 0 {
                body = self.bodies[body].parent;
            }
            body
        };
        let driven = |body: usize| {
            self.driven.is_empty() || self.driven.iter().any(|&joint| root(self.joints[joint].body) == body)
        };
        (1..self.bodies.len()).filter(|&body| self.bodies[body].parent == 0 && driven(body)).any(|body| {
            let count = |kind| self.joints.iter().filter(|j| j.body == body && j.kind == kind).count();
            count(JointKind::Free) > 0 || count(JointKind::Slide) > 1 && count(JointKind::Hinge) > 0
        })
    }

    /// The corners of the boxes around all parts that move, or around everything if nothing does, m.
    #[must_use]
    pub fn corners(&self, poses: &[[f32; 7]]) -> Vec<[f32; 3]> {
        let of = |moving: bool| {
            let parts = self.geoms.iter().filter(|geom| !Self::is_ground(geom) && (geom.body > 0 || !moving));
            let boxes = parts.filter_map(|geom| {
                let frame = isometry(*poses.get(geom.body)?) * placed(geom);
                Some((frame.translation.vector, extent(geom, &frame.rotation)))
            });
            let corners = boxes.flat_map(|(centre, extent)| {
                (0..8).map(move |corner| -> [f32; 3] {
                    std::array::from_fn(|i| {
                        centre[i] + if corner >> i & 1 == 0 { -extent[i] } else { extent[i] }
                    })
                })
            });
            corners.filter(|corner| corner.iter().all(|x| x.is_finite())).collect::<Vec<_>>()
        };
        let moving = of(true);
        if moving.is_empty() { of(false) } else { moving }
    }

    /// A ball around everything that is not ground.
    #[must_use]
    pub fn bounds(&self, poses: &[[f32; 7]]) -> Bounds {
        self.bounds_from(poses, 0)
    }

    /// A ball around everything that can move, or around everything if nothing can.
    #[must_use]
    pub fn moving_bounds(&self, poses: &[[f32; 7]]) -> Bounds {
        let moving = self.geoms.iter().any(|geom| geom.body > 0 && !Self::is_ground(geom));
        self.bounds_from(poses, usize::from(moving))
    }

    /// A ball around the parts of all bodies from `first` on that are not ground.
    fn bounds_from(&self, poses: &[[f32; 7]], first: usize) -> Bounds {
        let (mut low, mut high) = ([f32::INFINITY; 3], [f32::NEG_INFINITY; 3]);
        let mut balls = Vec::with_capacity(self.geoms.len());
        for geom in self.geoms.iter().filter(|g| g.body >= first && !Self::is_ground(g)) {
            let Some(&pose) = poses.get(geom.body) else { continue };
            let frame = isometry(pose) * placed(geom);
            let centre = frame.translation.vector;
            let extent = extent(geom, &frame.rotation);
            for i in 0..3 {
                low[i] = low[i].min(centre[i] - extent[i]);
                high[i] = high[i].max(centre[i] + extent[i]);
            }
            balls.push((centre, reach(geom)));
        }
        if !(0..3).all(|i| low[i].is_finite() && high[i].is_finite()) {
            return Bounds { centre: [0.0; 3], radius: 1.0 };
        }
        let (low, high) = (na::Vector3::from(low), na::Vector3::from(high));
        let centre = (low + high) / 2.0;
        // Both balls hold everything.
        let around = balls.iter().map(|(at, reach)| (at - centre).norm() + reach).fold(0.0, f32::max);
        Bounds { centre: centre.into(), radius: ((high - low).norm() / 2.0).min(around).max(1e-3) }
    }
}

/// How far a turned geom reaches from its centre along each axis, m.
fn extent(geom: &Geom, rotation: &na::UnitQuaternion<f32>) -> na::Vector3<f32> {
    let [a, b, c] = geom.size.map(|x| x as f32);
    let axes = rotation.to_rotation_matrix().into_inner();
    let along = axes.column(2).abs();
    match geom.kind {
        GeomKind::Plane | GeomKind::Heightfield => na::Vector3::zeros(),
        GeomKind::Sphere => na::Vector3::repeat(a),
        GeomKind::Capsule => along * b + na::Vector3::repeat(a),
        GeomKind::Cylinder => along * b + along.map(|z| a * (1.0 - z * z).max(0.0).sqrt()),
        GeomKind::Box | GeomKind::Mesh => axes.abs() * na::Vector3::new(a, b, c),
        GeomKind::Ellipsoid => na::Vector3::from_fn(|i, _| {
            axes.row(i).transpose().component_mul(&na::Vector3::new(a, b, c)).norm()
        }),
    }
}

/// Radius of a ball around a geom's centre that holds it, m.
pub(super) fn reach(geom: &Geom) -> f32 {
    let [a, b, c] = geom.size.map(|x| x as f32);
    match geom.kind {
        GeomKind::Plane | GeomKind::Heightfield => 0.0,
        GeomKind::Sphere => a,
        GeomKind::Capsule => a + b,
        GeomKind::Cylinder => a.hypot(b),
        GeomKind::Box | GeomKind::Mesh => na::Vector3::new(a, b, c).norm(),
        GeomKind::Ellipsoid => a.max(b).max(c),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn shapes(bodies: &str) -> Shapes {
        let xml = format!("<mujoco><worldbody>{bodies}</worldbody></mujoco>").replace('\'', "\"");
        Shapes::from_model(&Model::from_mjcf(&xml, "test.xml").unwrap())
    }

    #[test]
    fn centres_of_mass_are_those_of_mujoco() {
        let text = include_str!("../../../tests/data/physics/kinematics.json");
        let entries: serde_json::Value = serde_json::from_str(text).unwrap();
        let numbers = |v: &serde_json::Value| -> Vec<f32> { serde_json::from_value(v.clone()).unwrap() };
        for entry in entries.as_array().unwrap() {
            let model = Model::from_mjcf(entry["mjcf"].as_str().unwrap(), "test.xml").unwrap();
            let shapes = Shapes::from_model(&model);
            for case in entry["cases"].as_array().unwrap() {
                let snapshot = shapes.snapshot(&numbers(&case["qpos"])).unwrap();
                for (got, expected) in snapshot.com.unwrap().iter().zip(numbers(&case["com"])) {
                    assert!((got - expected).abs() < 5e-6, "{}: {got} {expected}", entry["name"]);
                }
                assert_eq!(snapshot.axes.len(), shapes.joints().len());
            }
        }
    }

    #[test]
    fn a_file_gives_back_the_same_shapes() {
        let shapes = shapes(
            "<geom type='plane' size='1 1 1'/><body pos='0 0 1'><joint/><geom size='0.1 0.2' type='capsule'/></body>",
        );
        let again: Shapes = serde_json::from_str(&serde_json::to_string(&shapes).unwrap()).unwrap();
        assert_eq!(again.geoms(), shapes.geoms());
        assert_eq!(again.snapshot(&[0.3]), shapes.snapshot(&[0.3]));
        assert_ne!(again.id(), shapes.id(), "a renderer must not mistake its terrain for another's");
        assert_eq!(shapes.snapshot(&[0.3, 0.1]), None, "too many coordinates");
    }

    #[test]
    fn bounds_hold_every_corner_and_are_tight() {
        let shapes = shapes("<body pos='1 0 0' euler='0 0 45'><geom type='box' size='0.3 0.3 0.1'/></body>");
        let bounds = shapes.bounds(&shapes.snapshot(&[]).unwrap().poses);
        assert!((bounds.centre[0] - 1.0).abs() < 1e-6, "{bounds:?}");
        assert!((bounds.radius - 0.19_f32.sqrt()).abs() < 1e-5, "{bounds:?}");
        let nothing = Shapes::from_model(&Model::from_mjcf("<mujoco/>", "empty.xml").unwrap());
        assert_eq!(nothing.bounds(&[]), Bounds { centre: [0.0; 3], radius: 1.0 });
    }

    #[test]
    fn what_a_robot_handles_does_not_make_it_travel() {
        let asset = |name: &str| {
            let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../envs/assets").join(name);
            Shapes::from_model(&Model::from_mjcf_file(file).unwrap())
        };
        for (name, travels) in [
            ("ant.xml", true),
            ("walker2d.xml", true),
            ("swimmer.xml", true),
            ("grasp.xml", false),
            ("push_to_goal.xml", false),
            ("reacher.xml", false),
        ] {
            assert_eq!(asset(name).travels(), travels, "{name}");
        }
        assert!(shapes("<body><freejoint/><geom size='0.1'/></body>").travels(), "thrown, without a motor");
    }

    #[test]
    fn what_cannot_move_is_not_framed() {
        let rail = "<geom type='capsule' size='0.1 9' pos='5 0 0'/>";
        let cart = "<body pos='1 0 0'><geom size='0.2'/></body>";
        let [shapes, still] = [shapes(&format!("{rail}{cart}")), shapes(rail)];
        let bounds = |shapes: &Shapes| shapes.moving_bounds(&shapes.snapshot(&[]).unwrap().poses);
        assert_eq!((bounds(&shapes).centre, bounds(&shapes).radius), ([1.0, 0.0, 0.0], 0.2));
        assert!(bounds(&still).radius > 9.0, "better than nothing");
    }

    #[test]
    fn what_branches_is_trunk_and_the_rest_limbs() {
        let geom = "<geom size='0.1'/>";
        let limb = format!("<body>{geom}<body>{geom}</body></body>");
        let shapes = shapes(&format!("<body>{geom}<body>{geom}{limb}{limb}</body></body>"));
        let limbs = shapes.limbs();
        let expected =
            [(None, 0), (None, 0), (None, 1), (Some(0), 2), (Some(0), 3), (Some(1), 2), (Some(1), 3)];
        assert_eq!(limbs, expected);
    }
}
