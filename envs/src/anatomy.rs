//! The parts of a robot that a model does not name: its trunk, its limbs.

use sim::{JointKind, Model};

use crate::math::{matrix, product, turned};

/// The root of the tree that the first motor moves.
pub(crate) fn trunk(model: &Model) -> usize {
    let first = (model.bodies.len() - 1).min(1);
    let mut body = model.actuators.first().map_or(first, |a| model.joints[a.joint].body);
    while body != 0 && model.bodies[body].parent != 0 {
        body = model.bodies[body].parent;
    }
    body
}

/// Orientation of a body in the file's pose.
pub(crate) fn pose(model: &Model, mut body: usize) -> [f64; 4] {
    let mut quat = [1.0, 0.0, 0.0, 0.0];
    while body != 0 {
        quat = product(model.bodies[body].quat, quat);
        body = model.bodies[body].parent;
    }
    quat
}

/// Entries of `qpos` that move a child of the world, each with its direction in the world; none if they do not
/// determine its place.
pub(crate) fn moves(model: &Model, trunk: usize) -> Vec<(usize, [f64; 3])> {
    let mut moves = Vec::new();
    let mut swivels = false;
    if model.bodies[trunk].parent != 0 {
        return moves;
    }
    for joint in model.joints.iter().filter(|j| j.body == trunk) {
        match joint.kind {
            JointKind::Free => {
                let axes = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
                moves.extend((joint.qpos_adr..).zip(axes));
            }
            JointKind::Slide if swivels => return Vec::new(),
            JointKind::Slide => {
                moves.push((joint.qpos_adr, turned(&matrix(pose(model, trunk)), joint.axis)));
            }
            JointKind::Hinge | JointKind::Ball => swivels = true,
        }
    }
    moves
}

/// A leg, an arm or the like: what moves between a tip of the robot and the body where limbs meet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limb {
    /// Its first body, next to the one where limbs meet.
    pub root: usize,
    /// Its motors, in ascending order, at least one.
    pub motors: Vec<usize>,
}

/// The limbs of a robot in the order of their tips; none if there are fewer than two, since these meet
/// nowhere.
#[must_use]
pub fn limbs(model: &Model) -> Vec<Limb> {
    // Bodies that joints move, and for each the nearest such body above it.
    let jointed = |body: usize| model.joints.iter().any(|j| j.body == body);
    let above = |mut body: usize| {
        body = model.bodies[body].parent;
        while body != 0 && !jointed(body) {
            body = model.bodies[body].parent;
        }
        body
    };
    let links: Vec<(usize, usize)> =
        (1..model.bodies.len()).filter(|&b| jointed(b)).map(|b| (b, above(b))).collect();
    let children = |body: usize| links.iter().filter(|l| l.1 == body).count();
    let mut limbs = Vec::new();
    for &(tip, parent) in links.iter().filter(|l| children(l.0) == 0) {
        let (mut bodies, mut next) = (vec![tip], parent);
        while next != 0 && children(next) == 1 {
            bodies.push(next);
            next = above(next);
        }
        let moves = |&motor: &usize| bodies.contains(&model.joints[model.actuators[motor].joint].body);
        let motors: Vec<usize> = (0..model.nu()).filter(moves).collect();
        if !motors.is_empty() {
            limbs.push(Limb { root: bodies[bodies.len() - 1], motors });
        }
    }
    if limbs.len() < 2 {
        limbs.clear();
    }
    limbs
}
