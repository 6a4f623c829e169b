//! A model as the flat tables that the step walks through: links in the order of the tree, degrees
//! of freedom with their ancestors, possible contacts, limits, motors.
//!
//! Every joint is a link; bodies without joints are merged into the link that carries them. Links of
//! a body with several joints have no mass but for the last.

use nalgebra as na;

use super::pose::{mat3, vec3};
use super::shape::{self, Candidate, Carrier, Kind, Side};
use super::weights::Weights;
use crate::drag::Drag;
use crate::inertia::quat_to_matrix;
use crate::pose::{Iso, iso};
use crate::softness::Softness;
use crate::{Cone, JointKind, Model, StepOptions};

/// Degrees of freedom that fit: they are indexed by masked bytes.
pub(super) const MAX_DOFS: usize = 64;

/// One joint with the body parts that it carries.
pub(super) struct Link {
    pub kind: JointKind,
    pub parent: Option<usize>,
    pub tree: usize,
    /// First degree of freedom.
    pub dof: usize,
    /// First entry in `qpos`.
    pub qpos: usize,
    /// Origin in the parent link's frame, m.
    pub pos: [f32; 3],
    /// Orientation in the parent link's frame, if not the same.
    pub rot: Option<[f32; 9]>,
    /// Axis in the link's frame.
    pub axis: [f32; 3],
    /// Coordinate in the reference configuration.
    pub reference: f32,
    /// Whether the link's origin is the reference point of its tree: a free joint, or a slide that
    /// hangs from the world through slides alone.
    pub at_origin: bool,
    pub massive: bool,
}

/// A kinematic tree. Its reference point moves with the root, so that coordinates stay small.
pub(super) struct Tree {
    /// Reference point with all slides at zero, m. Not used for a free root.
    pub base: [f32; 3],
    /// Leading slides: `qpos` entry, reference coordinate, world axis.
    pub slides: Vec<(usize, f32, [f32; 3])>,
    /// First `qpos` entry of a free root.
    pub free: Option<usize>,
}

/// One degree of freedom.
pub(super) struct Dof {
    /// Number of ancestors. Entry `row + i` of the mass matrix belongs to ancestor `i`, entry
    /// `row + depth` to the degree of freedom itself.
    pub depth: usize,
    pub row: usize,
    pub damping: f32,
    pub armature: f32,
    /// Spring stiffness, rest position and coordinate; only of scalar joints.
    pub spring: Option<(f32, f32, usize)>,
}

/// Limit of a scalar joint.
pub(super) struct Limit {
    pub dof: usize,
    pub qpos: usize,
    pub range: [f32; 2],
    pub margin: f32,
    pub weight: f32,
    pub softness: Softness,
}

/// Dry friction of a scalar joint.
pub(super) struct Loss {
    pub dof: usize,
    pub bound: f32,
    pub regularization: f32,
    pub b: f32,
}

pub(super) struct Motor {
    pub dof: usize,
    pub gear: f32,
    pub range: [f32; 2],
    pub servo: Option<Servo>,
}

/// The law of a servo on a coordinate.
pub(super) struct Servo {
    pub gain: f32,
    pub qpos: usize,
    /// Constant, factor on the coordinate, factor on its rate.
    pub bias: [f32; 3],
    pub range: [f32; 2],
}

/// A body part in the frame of its link.
pub(super) struct Part {
    pub body: usize,
    pub link: usize,
    pub mass: f64,
    pub com: na::Vector3<f64>,
    /// About its centre of mass.
    pub tensor: na::Matrix3<f64>,
}

/// A body in the fluid.
pub(super) struct Fluid {
    pub link: usize,
    pub com: [f32; 3],
    /// Principal axes in the link's frame.
    pub rot: [f32; 9],
    pub drag: Drag,
}

/// Degrees of freedom that a constraint acts on: ancestors of one link, or of two.
pub(super) struct Support {
    /// Ascending.
    pub dofs: Vec<u8>,
    /// Per degree of freedom: whether it moves side A, side B.
    pub sides: Vec<(bool, bool)>,
    /// Per degree of freedom: where its ancestors stand in `dofs`, one list after the other.
    pub ancestors: Vec<u8>,
    /// Whether every one's ancestors are all that stand before it.
    pub chain: bool,
    /// Whether only side B is moved, through a free root.
    pub free_alone: bool,
}

/// A geom's centre in the frame of a link, m.
#[derive(PartialEq)]
pub(super) struct Spot {
    /// None: fixed in the world.
    pub link: Option<usize>,
    pub pos: [f32; 3],
}

/// What tells quickly whether two geoms may touch: most pairs do not, most of the time.
pub(super) struct Near {
    /// Places of both centres in [`Tables::spots`].
    pub spots: [usize; 2],
    /// Both trees (none: the world) if they differ, since centres are about their reference points.
    pub trees: Option<[Option<usize>; 2]>,
    /// Square of the distance beyond which nothing is computed, m².
    pub reach: f32,
}

/// A point with a radius over a horizontal plane. Most are out of its reach, most of the time.
pub(super) struct Over {
    pub link: usize,
    pub tree: usize,
    pub pos: [f32; 3],
    pub radius: f32,
    /// Height of the plane.
    pub plane: f32,
    pub margin: f32,
}

pub(super) struct Tables {
    pub timestep: f32,
    pub substeps: usize,
    pub sweeps: usize,
    pub elliptic: bool,
    /// Ratio of the normal's regularisation to friction's in elliptic cones.
    pub impratio: f32,
    pub nq: usize,
    pub trees: Vec<Tree>,
    pub links: Vec<Link>,
    pub dofs: Vec<Dof>,
    /// Whether any degree of freedom is damped.
    pub damped: bool,
    /// Per entry of the mass matrix: its column.
    pub columns: Vec<u8>,
    pub motors: Vec<Motor>,
    pub limits: Vec<Limit>,
    pub losses: Vec<Loss>,
    pub fluids: Vec<Fluid>,
    pub contacts: Vec<Candidate>,
    /// Centres of geoms that may touch others than the ground.
    pub spots: Vec<Spot>,
    pub nears: Vec<Near>,
    /// Of all contacts with the ground, which come first.
    pub overs: Vec<Option<Over>>,
    pub supports: Vec<Support>,
    /// The first so many degrees of freedom are in the supports of all contacts, limits and dry frictions; 0, 3 or 6.
    pub trunk: usize,
    /// Contact forces of all contacts.
    pub forces: usize,
    pub parts: Vec<Part>,
    /// Per body.
    pub carriers: Vec<Carrier>,
    /// Per body: its centre of mass in the frame of the link that carries it.
    pub centres: Vec<[f32; 3]>,
}

/// The poses of all bodies in the links that carry them. A body's own joints are applied: the link
/// is its last joint.
pub(super) fn carriers(model: &Model) -> Vec<Carrier> {
    let mut carriers: Vec<Carrier> = vec![(None, Iso::identity())];
    let mut link = 0;
    for (index, body) in model.bodies.iter().enumerate().skip(1) {
        let (mut carrier, mut pose) = carriers[body.parent];
        pose *= iso(body.pos, body.quat);
        for joint in model.joints.iter().filter(|j| j.body == index) {
            carrier = Some(link);
            link += 1;
            pose = Iso::translation(-anchor(joint)[0], -anchor(joint)[1], -anchor(joint)[2]);
        }
        carriers.push((carrier, pose));
    }
    carriers
}

/// Where a joint's link has its origin, in the body's frame.
fn anchor(joint: &crate::Joint) -> [f64; 3] {
    match joint.kind {
        JointKind::Hinge | JointKind::Ball => joint.pos,
        JointKind::Free | JointKind::Slide => [0.0; 3],
    }
}

impl Tables {
    /// For a model that [`missing`](super::missing::missing) has nothing to say against.
    pub(super) fn new(model: &Model, options: StepOptions) -> Self {
        let carriers = carriers(model);
        let centre = |(body, carrier): (&crate::Body, &Carrier)| {
            vec3(&(carrier.1 * na::Point3::from(body.com)).coords)
        };
        let centres = model.bodies.iter().zip(&carriers).map(centre).collect();
        let mut tables = Self {
            timestep: options.timestep as f32,
            substeps: options.substeps,
            sweeps: options.iterations,
            elliptic: model.option.cone == Cone::Elliptic,
            impratio: model.option.impratio as f32,
            nq: model.nq(),
            trees: Vec::new(),
            links: Vec::new(),
            dofs: Vec::new(),
            damped: model.joints.iter().any(|j| j.damping != 0.0),
            columns: Vec::new(),
            motors: Vec::new(),
            limits: Vec::new(),
            losses: Vec::new(),
            fluids: Vec::new(),
            contacts: Vec::new(),
            spots: Vec::new(),
            nears: Vec::new(),
            overs: Vec::new(),
            supports: Vec::new(),
            trunk: 0,
            forces: 0,
            parts: Vec::new(),
            carriers,
            centres,
        };
        let weights = Weights::new(model);
        for body in 1..model.bodies.len() {
            tables.add_joints(model, body, options.timestep, &weights);
        }
        tables.add_parts(model);
        for actuator in &model.actuators {
            let range = actuator.ctrlrange.map(|x| x as f32);
            let dof = model.joints[actuator.joint].dof_adr;
            let servo = actuator.joint_servo().map(|servo| Servo {
                gain: servo.gain as f32,
                qpos: model.joints[actuator.joint].qpos_adr,
                bias: servo.bias.map(|x| x as f32),
                range: servo.forcerange.map(|x| x as f32),
            });
            tables.motors.push(Motor { dof, gear: actuator.gear as f32, range, servo });
        }
        for contact in shape::contacts(model, &tables.carriers, &weights, options.timestep) {
            tables.add_contact(contact);
        }
        tables.trunk = [6, 3].into_iter().find(|&size| tables.have_trunk(size)).unwrap_or(0);
        tables
    }

    /// Whether all rows begin with the first `size` degrees of freedom.
    fn have_trunk(&self, size: usize) -> bool {
        let begins = |dofs: &[u8]| dofs.len() >= size && dofs[..size].iter().copied().eq(0..size as u8);
        let singles =
            self.limits.iter().map(|limit| limit.dof).chain(self.losses.iter().map(|loss| loss.dof));
        let mut singles = singles.map(|dof| &self.dofs[dof]);
        self.supports.iter().all(|support| begins(&support.dofs))
            && singles.all(|dof| begins(&self.columns[dof.row..=dof.row + dof.depth]))
    }

    fn add_joints(&mut self, model: &Model, body: usize, timestep: f64, weights: &Weights) {
        let (mut parent, mut pose) = self.carriers[model.bodies[body].parent];
        pose *= iso(model.bodies[body].pos, model.bodies[body].quat);
        // Of a root body, in the world: slides do not turn it.
        let orientation = pose.rotation;
        for joint in model.joints.iter().filter(|j| j.body == body) {
            let index = self.links.len();
            let dof = self.dofs.len();
            debug_assert_eq!((dof, joint.dof_adr), (joint.dof_adr, dof), "joints in the order of bodies");
            let axis = na::Vector3::from(joint.axis);
            // Only the root body's own slides: a body further up would be left behind.
            let leading = self.carriers[model.bodies[body].parent].0.is_none()
                && parent.is_none_or(|p| self.links[p].at_origin && self.links[p].kind == JointKind::Slide);
            let tree = parent.map_or(self.trees.len(), |p| self.links[p].tree);
            let anchored = pose * na::Point3::from(anchor(joint));
            if parent.is_none() {
                let free = (joint.kind == JointKind::Free).then_some(joint.qpos_adr);
                self.trees.push(Tree { base: vec3(&anchored.coords), slides: Vec::new(), free });
            }
            let at_origin = leading && matches!(joint.kind, JointKind::Slide | JointKind::Free);
            let reference = model.qpos0[joint.qpos_adr] as f32;
            if at_origin && joint.kind == JointKind::Slide {
                self.trees[tree].slides.push((joint.qpos_adr, reference, vec3(&(orientation * axis))));
            }
            let turned = pose.rotation.angle() > 1e-12;
            self.links.push(Link {
                kind: joint.kind,
                parent,
                tree,
                dof,
                qpos: joint.qpos_adr,
                // The root's offset is the reference point itself.
                pos: if parent.is_none() { [0.0; 3] } else { vec3(&anchored.coords) },
                rot: turned.then(|| mat3(pose.rotation.to_rotation_matrix().matrix())),
                axis: vec3(&axis),
                reference,
                at_origin,
                massive: false,
            });
            for _ in 0..joint.kind.nv() {
                self.add_dof(parent, dof, joint);
            }
            self.add_constraints(joint, dof, timestep, weights);
            parent = Some(index);
            pose = Iso::translation(-anchor(joint)[0], -anchor(joint)[1], -anchor(joint)[2]);
        }
    }

    fn add_dof(&mut self, parent: Option<usize>, first: usize, joint: &crate::Joint) {
        let k = self.dofs.len();
        let last = if k > first {
            Some(k - 1)
        } else {
            parent.map(|p| self.links[p].dof + self.links[p].kind.nv() - 1)
        };
        let row = self.columns.len();
        if let Some(last) = last {
            let Dof { row, depth, .. } = self.dofs[last];
            self.columns.extend_from_within(row..=row + depth);
        }
        self.columns.push(k as u8);
        let scalar = joint.kind.nv() == 1 && joint.stiffness != 0.0;
        self.dofs.push(Dof {
            depth: self.columns.len() - row - 1,
            row,
            damping: joint.damping as f32,
            armature: joint.armature as f32,
            spring: scalar.then_some((joint.stiffness as f32, joint.springref as f32, joint.qpos_adr)),
        });
    }

    fn add_constraints(&mut self, joint: &crate::Joint, dof: usize, timestep: f64, weights: &Weights) {
        if joint.limited && joint.kind.nv() == 1 {
            self.limits.push(Limit {
                dof,
                qpos: joint.qpos_adr,
                range: joint.range.map(|x| x as f32),
                margin: joint.margin as f32,
                weight: weights.dof[dof] as f32,
                softness: Softness::new(joint.solref_limit, joint.solimp_limit, timestep),
            });
        }
        if joint.frictionloss > 0.0 {
            // The defaults of solreffriction and solimpfriction, at zero distance.
            let softness = Softness::new([0.02, 1.0], [0.9, 0.95, 0.001, 0.5, 2.0], timestep);
            let impedance = f64::from(softness.d0);
            self.losses.push(Loss {
                dof,
                bound: joint.frictionloss as f32,
                regularization: ((1.0 - impedance) / impedance * weights.dof[dof]) as f32,
                b: softness.b,
            });
        }
    }

    fn add_parts(&mut self, model: &Model) {
        for (index, body) in model.bodies.iter().enumerate().skip(1) {
            let (Some(link), pose) = self.carriers[index] else { continue };
            if body.mass <= 0.0 {
                continue;
            }
            self.links[link].massive = true;
            let axes = pose.rotation.to_rotation_matrix() * quat_to_matrix(body.inertia_quat);
            let com = (pose * na::Point3::from(body.com)).coords;
            let moments = na::Matrix3::from_diagonal(&na::Vector3::from(body.inertia));
            let tensor = axes * moments * axes.transpose();
            self.parts.push(Part { body: index, link, mass: body.mass, com, tensor });
            if let Some(drag) = Drag::new(body, model.option.density, model.option.viscosity) {
                self.fluids.push(Fluid { link, com: vec3(&com), rot: mat3(&axes), drag });
            }
        }
    }

    fn add_contact(&mut self, mut contact: Candidate) {
        let support = self.support(contact.a.link, contact.b.link);
        let same = |s: &Support| s.dofs == support.dofs && s.sides == support.sides;
        contact.support = self.supports.iter().position(same).unwrap_or_else(|| {
            self.supports.push(support);
            self.supports.len() - 1
        });
        if matches!(contact.kind, Kind::Plane { .. } | Kind::Field(_)) {
            self.overs.push(self.over(&contact));
        } else {
            let tree = |link: Option<usize>| link.map(|link| self.links[link].tree);
            let trees = [tree(contact.a.link), tree(contact.b.link)];
            let spots = [self.spot(&contact.a), self.spot(&contact.b)];
            contact.near = Some(self.nears.len());
            self.nears.push(Near {
                spots,
                trees: (trees[0] != trees[1]).then_some(trees),
                reach: contact.reach * contact.reach,
            });
        }
        contact.force = self.forces;
        self.forces += contact.rows(self.elliptic);
        self.contacts.push(contact);
    }

    fn over(&self, contact: &Candidate) -> Option<Over> {
        let (Kind::Plane { normal: [0.0, 0.0, 1.0], offset, .. }, Some(link)) =
            (&contact.kind, contact.b.link)
        else {
            return None;
        };
        let Side { pos, radius, .. } = contact.b;
        let tree = self.links[link].tree;
        Some(Over { link, tree, pos, radius, plane: *offset, margin: contact.margin })
    }

    fn spot(&mut self, side: &Side) -> usize {
        let spot = Spot { link: side.link, pos: side.pos };
        self.spots.iter().position(|other| *other == spot).unwrap_or_else(|| {
            self.spots.push(spot);
            self.spots.len() - 1
        })
    }

    fn support(&self, a: Option<usize>, b: Option<usize>) -> Support {
        let chain = |link: Option<usize>| -> &[u8] {
            let Some(link) = link else { return &[] };
            let link = &self.links[link];
            let dof = &self.dofs[link.dof + link.kind.nv() - 1];
            &self.columns[dof.row..=dof.row + dof.depth]
        };
        let (of_a, of_b) = (chain(a), chain(b));
        let mut dofs = [of_a, of_b].concat();
        dofs.sort_unstable();
        dofs.dedup();
        let sides = dofs.iter().map(|d| (of_a.contains(d), of_b.contains(d))).collect();
        let mut ancestors = Vec::new();
        let mut single = true;
        for (j, &dof) in dofs.iter().enumerate() {
            let Dof { row, depth, .. } = self.dofs[usize::from(dof)];
            single &= depth == j;
            for column in &self.columns[row..row + depth] {
                let at = dofs.binary_search(column).expect("a support holds all ancestors");
                ancestors.push(at as u8);
            }
        }
        let root_is_free = |link: usize| self.trees[self.links[link].tree].free.is_some();
        let free_alone = a.is_none() && b.is_some_and(root_is_free);
        Support { dofs, sides, ancestors, chain: single, free_alone }
    }

    /// Mass, centre of mass and inertia about it (xx yy zz xy xz yz) of a link, in its own frame,
    /// with each body's mass and inertia multiplied by its factor.
    pub(super) fn link_inertia(&self, link: usize, factors: &[f32]) -> [f32; 10] {
        self.exact_inertia(link, |body| f64::from(factors[body])).map(|x| x as f32)
    }

    /// [`Tables::link_inertia`] in double precision.
    pub(super) fn exact_inertia(&self, link: usize, factor: impl Fn(usize) -> f64) -> [f64; 10] {
        let parts = || self.parts.iter().filter(|p| p.link == link);
        let factor = |p: &Part| factor(p.body);
        let mass: f64 = parts().map(|p| p.mass * factor(p)).sum();
        if mass <= 0.0 {
            return [0.0; 10];
        }
        let com = parts().map(|p| p.com * (p.mass * factor(p))).sum::<na::Vector3<f64>>() / mass;
        let mut i = na::Matrix3::zeros();
        for part in parts() {
            let d = part.com - com;
            let shift = na::Matrix3::identity() * d.norm_squared() - d * d.transpose();
            i += (part.tensor + shift * part.mass) * factor(part);
        }
        [mass, com.x, com.y, com.z, i[(0, 0)], i[(1, 1)], i[(2, 2)], i[(0, 1)], i[(0, 2)], i[(1, 2)]]
    }
}
