//! Which geoms may touch, and how: the static list of possible contacts.

use std::sync::Arc;

use nalgebra as na;

use super::field::Field;
use super::pose::{mat3, vec3};
use super::weights::Weights;
use crate::pose::{Iso, iso};
use crate::softness::{Softness, possible_power};
use crate::{Geom, GeomKind, JointKind, Model};

/// The link that carries a body, and the body's pose there (in the world if none does).
pub(super) type Carrier = (Option<usize>, Iso);

/// Two points of one link closer than this are one, m.
const SAME: f32 = 1e-6;

/// One partner of a contact: a point or a segment with a radius.
#[derive(Clone, Debug)]
pub(super) struct Side {
    /// None: fixed in the world.
    pub link: Option<usize>,
    /// Centre in the link's frame, m.
    pub pos: [f32; 3],
    /// From the centre to one end of the segment, m; zero for a sphere.
    pub half: [f32; 3],
    pub radius: f32,
    /// Bodies and their shares of the contact's force.
    pub owners: Vec<(usize, f32)>,
}

/// A convex body other than a sphere or capsule, as side A.
#[derive(Clone, Debug)]
pub(super) enum Solid {
    /// Radius and half-length along z.
    Cylinder(f32, f32),
    /// Half-extents.
    Box([f32; 3]),
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// Side B's point against a plane that is fixed in the world.
    Plane {
        normal: [f32; 3],
        /// normal · any point of the plane.
        offset: f32,
        /// Two tangents.
        tangents: [[f32; 3]; 2],
        /// A capsule's axis in the frame of a link, with which the first tangent is aligned.
        align: Option<(usize, [f32; 3])>,
    },
    /// Side B's point against a heightfield that is fixed in the world.
    Field(Arc<Field>),
    /// Spheres and capsules among themselves.
    Segments,
    /// Side B's segment against a solid at side A's `pos`, with its orientation in the link's frame.
    Solid { solid: Solid, rot: [f32; 9] },
}

/// A contact that can occur.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub kind: Kind,
    pub a: Side,
    pub b: Side,
    /// Beyond this distance between the centres' segments nothing is computed, m.
    pub reach: f32,
    /// 1, 3, 4 or 6.
    pub condim: u32,
    /// Along the rows before the normal: two sliding, torsional, two rolling.
    pub friction: [f32; 5],
    pub margin: f32,
    pub softness: Softness,
    /// Inverse inertia of both bodies, 1/kg.
    pub weight: f32,
    pub support: usize,
    /// Place among what tells quickly whether two geoms may touch; none for the ground.
    pub near: Option<usize>,
    /// First entry among the forces of all contacts.
    pub force: usize,
}

impl Candidate {
    /// Number of constraint forces.
    pub(super) fn rows(&self, elliptic: bool) -> usize {
        match (self.condim, elliptic) {
            (1, _) => 1,
            (condim, true) => condim as usize,
            (condim, false) => 2 * (condim as usize - 1),
        }
    }
}

/// Whether a body can move along `normal` or turn at all.
fn moves_along(model: &Model, body: usize, normal: &na::Vector3<f64>) -> bool {
    let mut chain = vec![body];
    while let Some(&last) = chain.last()
        && last != 0
    {
        chain.push(model.bodies[last].parent);
    }
    let mut rotation = na::UnitQuaternion::identity();
    for &body in chain.iter().rev().skip(1) {
        rotation *= iso([0.0; 3], model.bodies[body].quat).rotation;
        for joint in model.joints.iter().filter(|j| j.body == body) {
            let along = (rotation * na::Vector3::from(joint.axis)).dot(normal).abs();
            if joint.kind != JointKind::Slide || along > 1e-9 {
                return true;
            }
        }
    }
    false
}

/// Whether a geom is something to stand on, which single points touch.
fn is_ground(geom: &Geom) -> bool {
    matches!(geom.kind, GeomKind::Plane | GeomKind::Heightfield)
}

/// How a pair of geoms is treated.
enum Treatment {
    Contact,
    /// The contact cannot have any effect.
    None,
    Refused,
}

fn treatment(model: &Model, a: &Geom, b: &Geom) -> Treatment {
    use GeomKind::{Box, Capsule, Cylinder, Ellipsoid, Heightfield, Plane, Sphere};
    let (a, b) = if is_ground(b) { (b, a) } else { (a, b) };
    match (a.kind, b.kind) {
        (Plane, Plane) => Treatment::None,
        (Plane | Heightfield, _) if model.carrier(a.body) != 0 => Treatment::Refused,
        (Plane | Heightfield, Sphere | Capsule | Box) => Treatment::Contact,
        (Plane, Cylinder | Ellipsoid) => {
            let normal = iso(a.pos, a.quat).rotation * na::Vector3::z();
            let frictionless = a.condim.max(b.condim) == 1;
            if frictionless && !moves_along(model, b.body, &normal) {
                Treatment::None
            } else {
                Treatment::Refused
            }
        }
        (Sphere | Capsule, Sphere | Capsule | Cylinder | Box) | (Cylinder | Box, Sphere | Capsule) => {
            Treatment::Contact
        }
        _ => Treatment::Refused,
    }
}

/// Collisions that the engine cannot compute, one sentence each.
pub(super) fn refused(model: &Model) -> Vec<String> {
    let name = |geom: &Geom| {
        let kind = format!("{:?}", geom.kind).to_lowercase();
        if geom.name.is_empty() {
            format!("a {kind} of body '{}'", model.bodies[geom.body].name)
        } else {
            format!("{kind} '{}'", geom.name)
        }
    };
    let mut out = Vec::new();
    for (a, b) in model.pairs() {
        let (a, b) = (&model.geoms[a], &model.geoms[b]);
        if matches!(treatment(model, a, b), Treatment::Refused) {
            out.push(format!("collisions of {} with {}", name(a), name(b)));
        }
        for geom in [a, b] {
            if !possible_power(geom.solimp[4]) {
                out.push(format!(
                    "solimp power {} of {} (a multiple of 0.5, 1 to 8)",
                    geom.solimp[4],
                    name(geom)
                ));
            }
        }
        if !possible_power(0.5 * (a.solimp[4] + b.solimp[4])) {
            out.push(format!("the mean of the solimp powers of {} and {}", name(a), name(b)));
        }
    }
    out.sort();
    out.dedup();
    out
}

/// All contacts that can occur, those with the ground first.
pub(super) fn contacts(
    model: &Model,
    carriers: &[Carrier],
    weights: &Weights,
    timestep: f64,
) -> Vec<Candidate> {
    let fields: Vec<Option<Arc<Field>>> = model.geoms.iter().map(|g| field(model, carriers, g)).collect();
    let mut grounded: Vec<(Candidate, Vec<(usize, f64)>)> = Vec::new();
    let mut others = Vec::new();
    for (a, b) in model.pairs() {
        let (a, b) = (&model.geoms[a], &model.geoms[b]);
        if !matches!(treatment(model, a, b), Treatment::Contact) {
            continue;
        }
        let base = Candidate::new(a, b, timestep);
        let translation = &weights.translation;
        if is_ground(a) || is_ground(b) {
            let (ground, body) = if is_ground(a) { (a, b) } else { (b, a) };
            let field =
                model.geoms.iter().position(|g| std::ptr::eq(g, ground)).and_then(|g| fields[g].as_ref());
            for point in ground_points(carriers, ground, field, body, &base) {
                let owner = (body.body, translation[body.body]);
                match grounded.iter_mut().find(|(other, _)| other.coincides(&point)) {
                    Some((_, owners)) => owners.push(owner),
                    None => grounded.push((point, vec![owner])),
                }
            }
        } else {
            let solid = |g: &Geom| matches!(g.kind, GeomKind::Cylinder | GeomKind::Box);
            let (a, b) = if solid(b) { (b, a) } else { (a, b) };
            let mut contact = base;
            contact.weight = (translation[a.body] + translation[b.body]) as f32;
            contact.a = side(carriers, a);
            contact.b = side(carriers, b);
            contact.reach = (extent(a) + extent(b)) as f32 + contact.margin;
            let pose = carriers[a.body].1 * iso(a.pos, a.quat);
            let rot = mat3(pose.rotation.to_rotation_matrix().matrix());
            let [x, y, z] = a.size.map(|s| s as f32);
            contact.kind = match a.kind {
                GeomKind::Cylinder => Kind::Solid { solid: Solid::Cylinder(x, y), rot },
                GeomKind::Box => Kind::Solid { solid: Solid::Box([x, y, z]), rot },
                _ => Kind::Segments,
            };
            others.push(contact);
        }
    }
    let mut contacts: Vec<Candidate> = grounded
        .into_iter()
        .map(|(mut contact, owners)| {
            // Constraints in parallel: their inverse regularisations add up.
            let sum: f64 = owners.iter().map(|(_, w)| 1.0 / w).sum();
            contact.weight = (1.0 / sum) as f32;
            contact.b.owners = owners.iter().map(|&(body, w)| (body, (1.0 / w / sum) as f32)).collect();
            contact
        })
        .collect();
    contacts.extend(others);
    contacts
}

/// Radius of the sphere about a geom's centre that holds it.
fn extent(geom: &Geom) -> f64 {
    let [x, y, z] = geom.size;
    match geom.kind {
        GeomKind::Sphere => x,
        GeomKind::Capsule => x + y,
        GeomKind::Cylinder => libm::hypot(x, y),
        GeomKind::Box | GeomKind::Mesh => libm::hypot(libm::hypot(x, y), z),
        GeomKind::Ellipsoid => x.max(y).max(z),
        GeomKind::Plane | GeomKind::Heightfield => f64::INFINITY,
    }
}

fn side(carriers: &[Carrier], geom: &Geom) -> Side {
    let (link, frame) = carriers[geom.body];
    let pose: Iso = frame * iso(geom.pos, geom.quat);
    let half = match geom.kind {
        GeomKind::Capsule => pose.rotation * na::Vector3::new(0.0, 0.0, geom.size[1]),
        _ => na::Vector3::zeros(),
    };
    let radius = match geom.kind {
        GeomKind::Sphere | GeomKind::Capsule => geom.size[0] as f32,
        _ => 0.0,
    };
    let pos = vec3(&pose.translation.vector);
    Side { link, pos, half: vec3(&half), radius, owners: vec![(geom.body, 1.0)] }
}

/// The field that `geom` shows, ready for whatever may touch it.
fn field(model: &Model, carriers: &[Carrier], geom: &Geom) -> Option<Arc<Field>> {
    let pose = carriers[geom.body].1 * iso(geom.pos, geom.quat);
    let radius = |g: &Geom| match g.kind {
        GeomKind::Sphere | GeomKind::Capsule => g.size[0],
        _ => 0.0,
    };
    let reach = model.geoms.iter().map(|g| radius(g) + g.margin + geom.margin).fold(0.0, f64::max);
    Some(Arc::new(Field::new(&model.heightfields[geom.heightfield?], &pose, reach)))
}

/// The points of `geom` that the ground touches: sphere centres or corners.
fn ground_points(
    carriers: &[Carrier],
    ground: &Geom,
    field: Option<&Arc<Field>>,
    geom: &Geom,
    base: &Candidate,
) -> Vec<Candidate> {
    let pose = carriers[ground.body].1 * iso(ground.pos, ground.quat);
    let axis = |v: na::Vector3<f64>| pose.rotation * v;
    let normal = axis(na::Vector3::z());
    let tangents = [vec3(&axis(na::Vector3::x())), vec3(&axis(na::Vector3::y()))];
    let offset = normal.dot(&pose.translation.vector) as f32;
    let (link, frame) = carriers[geom.body];
    let Some(link) = link else { return Vec::new() };
    let shape = frame * iso(geom.pos, geom.quat);
    let [x, y, z] = geom.size;
    let (points, radius) = match geom.kind {
        GeomKind::Capsule => (vec![[0.0, 0.0, y], [0.0, 0.0, -y]], x),
        GeomKind::Box => {
            let sign = |i: usize, bit: usize| if i >> bit & 1 == 1 { 1.0 } else { -1.0 };
            ((0..8).map(|i| [x * sign(i, 0), y * sign(i, 1), z * sign(i, 2)]).collect(), 0.0)
        }
        _ => (vec![[0.0; 3]], x),
    };
    let capsule = geom.kind == GeomKind::Capsule;
    let align = capsule.then(|| (link, vec3(&(shape.rotation * na::Vector3::z()))));
    points
        .into_iter()
        .map(|point| {
            let mut contact = base.clone();
            contact.kind = match field {
                Some(field) => Kind::Field(Arc::clone(field)),
                None => Kind::Plane { normal: vec3(&normal), offset, tangents, align },
            };
            let owners = vec![(ground.body, 1.0)];
            contact.a = Side { link: None, pos: [0.0; 3], half: [0.0; 3], radius: 0.0, owners };
            let pos = vec3(&(shape * na::Point3::from(point)).coords);
            contact.b = Side { link: Some(link), pos, half: [0.0; 3], radius: radius as f32, owners: vec![] };
            contact
        })
        .collect()
}

impl Candidate {
    /// MuJoCo's rules for the parameters of a pair ("Contact parameters"): the larger condim and
    /// friction, mean softness, margins added. A gap only lists contacts earlier, without force.
    fn new(a: &Geom, b: &Geom, timestep: f64) -> Self {
        let friction: [f64; 3] = std::array::from_fn(|i| a.friction[i].max(b.friction[i]).max(1e-5));
        let [slide, spin, roll] = friction.map(|f| f as f32);
        let mean = |x: f64, y: f64| 0.5 * (x + y);
        let standard = a.solref[0] > 0.0 && b.solref[0] > 0.0;
        let solref = std::array::from_fn(|i| {
            if standard { mean(a.solref[i], b.solref[i]) } else { a.solref[i].min(b.solref[i]) }
        });
        let solimp = std::array::from_fn(|i| mean(a.solimp[i], b.solimp[i]));
        let nobody = || Side { link: None, pos: [0.0; 3], half: [0.0; 3], radius: 0.0, owners: Vec::new() };
        Self {
            kind: Kind::Segments,
            a: nobody(),
            b: nobody(),
            reach: f32::INFINITY,
            condim: a.condim.max(b.condim),
            friction: [slide, slide, spin, roll, roll],
            margin: (a.margin + b.margin) as f32,
            softness: Softness::new(solref, solimp, timestep),
            weight: 0.0,
            support: 0,
            near: None,
            force: 0,
        }
    }

    /// Whether two contacts with the ground are always in the same state.
    fn coincides(&self, other: &Self) -> bool {
        let same_ground = match (&self.kind, &other.kind) {
            (Kind::Plane { normal, offset, .. }, Kind::Plane { normal: normal2, offset: offset2, .. }) => {
                (normal, offset) == (normal2, offset2)
            }
            (Kind::Field(field), Kind::Field(field2)) => Arc::ptr_eq(field, field2),
            _ => false,
        };
        let near = |(x, y): (f32, f32)| (x - y).abs() < SAME;
        self.b.link == other.b.link
            && self.b.pos.into_iter().zip(other.b.pos).all(near)
            && self.b.radius == other.b.radius
            && same_ground
            && (self.condim, self.friction, self.margin) == (other.condim, other.friction, other.margin)
            && self.softness == other.softness
    }
}
