//! Which geoms may touch in rapier, and without friction: what collision groups cannot say.

use rapier3d::geometry::{ColliderHandle, ColliderSet, SolverFlags};
use rapier3d::pipeline::{ActiveHooks, ContactModificationContext, PairFilterContext, PhysicsHooks};

use crate::Model;

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
