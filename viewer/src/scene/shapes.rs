//! What a robot looks like.

use std::sync::atomic::{AtomicU64, Ordering};

use nalgebra as na;
use serde::{Deserialize, Serialize};
use sim::{Body, Geom, GeomKind, Heightfield, Joint, Model};

use super::Snapshot;

/// Shapes, bodies and joints of a model: all that drawing a robot takes. Made once per model; it can
/// be written into a file, so that a browser needs no MJCF.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Shapes {
    bodies: Vec<Body>,
    joints: Vec<Joint>,
    geoms: Vec<Geom>,
    heightfields: Vec<Heightfield>,
    qpos0: Vec<f64>,
    /// Strength of gravity, m/s².
    gravity: f64,
    /// By which a renderer knows terrain that it has seen. Clones share it, as they do the terrain.
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

impl Shapes {
    /// What `model` looks like.
    #[must_use]
    pub fn from_model(model: &Model) -> Self {
        let gravity = na::Vector3::from(model.option.gravity).norm();
        Self {
            bodies: model.bodies.clone(),
            joints: model.joints.clone(),
            geoms: model.geoms.clone(),
            heightfields: model.heightfields.clone(),
            qpos0: model.qpos0.clone(),
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

    /// Shapes fixed to the bodies.
    #[must_use]
    pub fn geoms(&self) -> &[Geom] {
        &self.geoms
    }

    /// Terrains that some of the shapes show.
    #[must_use]
    pub fn heightfields(&self) -> &[Heightfield] {
        &self.heightfields
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
        let (mut moment, mut mass) = (na::Vector3::zeros(), 0.0);
        for (body, &pose) in self.bodies.iter().zip(poses).skip(1) {
            let com = isometry(pose) * na::Point3::from(body.com.map(|x| x as f32));
            moment += com.coords * body.mass as f32;
            mass += body.mass as f32;
        }
        (mass > 0.0).then(|| (moment / mass).into())
    }

    /// The robot's weight, N; 1 without mass or gravity.
    pub(super) fn weight(&self) -> f32 {
        let weight = self.bodies.iter().map(|b| b.mass).sum::<f64>() * self.gravity;
        if weight > 0.0 { weight as f32 } else { 1.0 }
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
            let centre = isometry(frames.poses[geom.body]) * na::Point3::from(geom.pos.map(|x| x as f32));
            centre.z - reach(geom)
        });
        lowest.reduce(f32::min).unwrap_or(0.0) - 0.5 * radius
    }

    /// A ball around everything that is not ground.
    #[must_use]
    pub fn bounds(&self, poses: &[[f32; 7]]) -> Bounds {
        let (mut low, mut high) = ([f32::INFINITY; 3], [f32::NEG_INFINITY; 3]);
        for geom in self.geoms.iter().filter(|g| !Self::is_ground(g)) {
            let Some(&pose) = poses.get(geom.body) else { continue };
            let centre = isometry(pose) * na::Point3::from(geom.pos.map(|x| x as f32));
            let reach = reach(geom);
            for i in 0..3 {
                low[i] = low[i].min(centre[i] - reach);
                high[i] = high[i].max(centre[i] + reach);
            }
        }
        if !(0..3).all(|i| low[i].is_finite() && high[i].is_finite()) {
            return Bounds { centre: [0.0; 3], radius: 1.0 };
        }
        let half: [f32; 3] = std::array::from_fn(|i| (high[i] - low[i]) / 2.0);
        let centre = std::array::from_fn(|i| (high[i] + low[i]) / 2.0);
        Bounds { centre, radius: na::Vector3::from(half).norm().max(1e-3) }
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
        GeomKind::Box => na::Vector3::new(a, b, c).norm(),
        GeomKind::Ellipsoid => a.max(b).max(c),
    }
}
