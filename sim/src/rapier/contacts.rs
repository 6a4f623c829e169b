//! Contacts in rapier: which geoms may touch, and without friction (what collision groups cannot
//! say), and the forces in those that do.

use rapier3d::dynamics::SpringCoefficients;
use rapier3d::geometry::{ColliderHandle, ColliderSet, ContactData, ContactPair, NarrowPhase, SolverFlags};
use rapier3d::math::Vector;
use rapier3d::pipeline::{ActiveHooks, ContactModificationContext, PairFilterContext, PhysicsHooks};

use crate::{Contact, Model};

/// MuJoCo's rules for pairs of geoms, by the geoms' numbers in the colliders' `user_data`.
pub(super) struct Rules {
    geoms: usize,
    /// Per pair of geoms: whether they may touch, and without friction.
    pairs: Vec<Option<Slippery>>,
    /// Per geom: what rapier has to ask about it; `None` if it touches nothing.
    pub asks: Vec<Option<ActiveHooks>>,
}

type Slippery = bool;

impl Rules {
    pub fn new(model: &Model) -> Self {
        let geoms = model.geoms.len();
        let mut rules = Self { geoms, pairs: vec![None; geoms * geoms], asks: vec![None; geoms] };
        for (a, b) in model.pairs() {
            let slippery = model.geoms[a].condim.max(model.geoms[b].condim) == 1;
            for (a, b) in [(a, b), (b, a)] {
                rules.pairs[a * geoms + b] = Some(slippery);
                let asks = rules.asks[a].get_or_insert(ActiveHooks::empty());
                if slippery {
                    asks.insert(ActiveHooks::MODIFY_SOLVER_CONTACTS);
                }
            }
        }
        // A pair whose bits agree but whose bodies are neighbours must be kept apart.
        for (i, a) in model.geoms.iter().enumerate() {
            let apart = |(j, b)| i != j && a.asks_for(b) && rules.pairs[i * geoms + j].is_none();
            let apart = model.geoms.iter().enumerate().any(apart);
            if let Some(asks) = rules.asks[i].as_mut().filter(|_| apart) {
                asks.insert(ActiveHooks::FILTER_CONTACT_PAIRS);
            }
        }
        rules
    }

    fn pair(&self, colliders: &ColliderSet, a: ColliderHandle, b: ColliderHandle) -> Option<Slippery> {
        let geom = |collider: ColliderHandle| colliders[collider].user_data as usize;
        self.pairs[geom(a) * self.geoms + geom(b)]
    }
}

impl PhysicsHooks for Rules {
    fn filter_contact_pair(&self, context: &PairFilterContext) -> Option<SolverFlags> {
        let pair = self.pair(context.colliders, context.collider1, context.collider2);
        pair.map(|_| SolverFlags::default())
    }

    fn modify_solver_contacts(&self, context: &mut ContactModificationContext) {
        let pair = self.pair(context.colliders, context.collider1, context.collider2);
        if let (Some(true), Some(contact)) = (pair, context.rigid_mut()) {
            *contact.friction = 0.0;
        }
    }
}

/// MuJoCo's spring for contacts between moving bodies, if the only ones are a robot's with itself.
///
/// A leg that strikes another is stopped by rapier within a step and by MuJoCo in about two time
/// constants, which decided how far the humanoids' joints were off in free flight. The acceleration that
/// MuJoCo asks for, d · (−b · rate − k · d · violation), is that of a spring of angular frequency 1 /
/// (time constant · damping ratio).
pub(super) fn own_spring(model: &Model, timestep: f64) -> Option<SpringCoefficients<f32>> {
    let body = |geom: usize| model.geoms[geom].body;
    let moves = |geom: usize| model.carrier(body(geom)) != 0;
    let pairs: Vec<_> = model.pairs().into_iter().filter(|&(a, b)| moves(a) && moves(b)).collect();
    let (mut time, mut damping) = (0.0, 0.0);
    for &(a, b) in &pairs {
        if model.root(body(a)) != model.root(body(b)) {
            return None;
        }
        for geom in [a, b] {
            let [constant, ratio] = model.geoms[geom].solref;
            if constant <= 0.0 {
                return None;
            }
            time += constant.max(2.0 * timestep);
            damping += ratio;
        }
    }
    let count = 2.0 * pairs.len() as f64;
    let (time, damping) = (time / count, damping / count);
    (!pairs.is_empty()).then(|| SpringCoefficients {
        natural_frequency: (1.0 / (std::f64::consts::TAU * time * damping)) as f32,
        damping_ratio: damping as f32,
    })
}

/// A point where a pair presses, in the last physics step.
struct Press {
    /// The point on each of the two, in the world.
    points: [Vector; 2],
    /// Impulse on the pair's first body, friction included.
    impulse: Vector,
}

fn presses<'a>(pair: &'a ContactPair, colliders: &ColliderSet) -> impl Iterator<Item = Press> + use<'a> {
    let (a, b) = (*colliders[pair.collider1].position(), *colliders[pair.collider2].position());
    pair.solver_manifolds().iter().flat_map(move |manifold| {
        let (a, b) = (
            manifold.subshape_pos1().map_or(a, |own| a * own),
            manifold.subshape_pos2().map_or(b, |own| b * own),
        );
        let pressing = || manifold.points.iter().filter(|point| point.data.impulse > 0.0);
        let last = pressing().map(|point| point.data.warmstart_impulse).sum();
        pressing().map(move |point| Press {
            points: [a * point.local_p1, b * point.local_p2],
            impulse: impulse(&point.data, manifold.data.normal, last),
        })
    })
}

/// The impulse of a contact on its first body over a physics step. `normal` points away from it.
///
/// rapier gives friction along two tangents that it does not tell, but for the last solver iteration
/// as a world vector, too, which tells them. For bodies without joints it gives no more than the
/// latter, and that for all contacts of a pair together: each gets a part after its share in `last`,
/// the normal impulses of all of them in that iteration.
fn impulse(contact: &ContactData, normal: Vector, last: f32) -> Vector {
    let (now, total) = (contact.warmstart_tangent_impulse, contact.tangent_impulse);
    let along = contact.warmstart_tangent_world;
    let square = now.x * now.x + now.y * now.y;
    let sum = normal * -contact.impulse;
    if square == 0.0 {
        sum
    } else if total.x == 0.0 && total.y == 0.0 {
        if last > 0.0 { sum + along * (contact.impulse / last) } else { sum }
    } else {
        let across = (-normal).cross(along);
        let first = (along * now.x - across * now.y) / square;
        sum + first * total.x + (-normal).cross(first) * total.y
    }
}

/// Sum of the contact forces on a body's colliders and of their moments about `origin`, mean over the
/// last physics step of `dt` seconds.
pub(super) fn wrench(
    narrow_phase: &NarrowPhase,
    colliders: &ColliderSet,
    own: &[ColliderHandle],
    origin: Vector,
    dt: f32,
) -> (Vector, Vector) {
    let (mut force, mut moment) = (Vector::ZERO, Vector::ZERO);
    for &collider in own {
        for pair in narrow_phase.contact_pairs_with(collider) {
            let sign = if pair.collider1 == collider { 1.0 } else { -1.0 };
            for press in presses(pair, colliders) {
                let push = press.impulse * (sign / dt);
                force += push;
                moment += (press.points[0] - origin).cross(push);
            }
        }
    }
    (force, moment)
}

/// Points that press, with forces as above.
pub(super) fn contacts(
    model: &Model,
    narrow_phase: &NarrowPhase,
    colliders: &ColliderSet,
    dt: f32,
) -> Vec<Contact> {
    let body = |collider: ColliderHandle| model.geoms[colliders[collider].user_data as usize].body;
    let pairs = narrow_phase.contact_pairs();
    pairs
        .flat_map(|pair| {
            presses(pair, colliders).map(move |press| Contact {
                bodies: [body(pair.collider1), body(pair.collider2)],
                position: ((press.points[0] + press.points[1]) * 0.5).to_array(),
                force: (press.impulse * (-1.0 / dt)).to_array(),
            })
        })
        .collect()
}

/// Sum of the magnitudes of the normal forces of all contacts of a body's colliders, likewise.
pub(super) fn touch(narrow_phase: &NarrowPhase, own: &[ColliderHandle], dt: f32) -> f32 {
    let pairs = own.iter().flat_map(|&c| narrow_phase.contact_pairs_with(c));
    pairs.map(ContactPair::total_impulse_magnitude).sum::<f32>() / dt
}
