//! What lanes' sensors measure, with what is constant in their formulas.

use nalgebra as na;

use super::table::Tables;
use crate::{Model, Sensor};

/// A sensor with what is constant in its formula.
pub(super) struct Gauge {
    /// The link that carries the body, and its tree; none: fixed in the world.
    pub link: Option<(usize, usize)>,
    pub kind: Kind,
}

/// What a sensor measures.
pub(super) enum Kind {
    /// Origin of the body in the link's frame.
    Position([f32; 3]),
    /// Orientation of the body in the link's frame, by rows.
    Orientation([f32; 9]),
    /// Centre of mass in the link's frame.
    Velocity([f32; 3]),
    AngularVelocity,
    /// Place in `Shared::touched`.
    Force(usize),
    /// The same, and the body's origin in the link's frame.
    Torque(usize, [f32; 3]),
    /// As of `Force`.
    Touch(usize),
}

impl Kind {
    /// Number of values.
    #[inline(always)]
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Orientation(_) => 4,
            Self::Touch(_) => 1,
            _ => 3,
        }
    }
}

impl Gauge {
    pub(super) fn new(model: &Model, tables: &Tables, touched: &[usize], sensor: Sensor) -> Self {
        let body = sensor.body();
        let (link, offset) = &tables.carriers[body];
        // In single precision, as the poses of the links are.
        let offset = offset.cast::<f32>();
        let origin = offset.translation.vector.into();
        let felt = || touched.binary_search(&body).expect("collected from the sensors");
        let kind = match sensor {
            Sensor::Position(_) => Kind::Position(origin),
            Sensor::Orientation(_) => {
                let axes = offset.rotation.to_rotation_matrix();
                Kind::Orientation(std::array::from_fn(|i| axes[(i / 3, i % 3)]))
            }
            Sensor::Velocity(_) => {
                let com = na::Point3::from(model.bodies[body].com.map(|x| x as f32));
                Kind::Velocity((offset * com).coords.into())
            }
            Sensor::AngularVelocity(_) => Kind::AngularVelocity,
            Sensor::ContactForce(_) => Kind::Force(felt()),
            Sensor::ContactTorque(_) => Kind::Torque(felt(), origin),
            Sensor::Touch(_) => Kind::Touch(felt()),
        };
        Self { link: link.map(|link| (link, tables.links[link].tree)), kind }
    }
}
