//! Which bodies of a robot are its trunk, and which make up a limb.

use crate::Body;

/// For each body, of all in the order of a [`Model`](crate::Model): the limb that it belongs to, if it is part of one,
/// and how many bodies lie between it and the root. What branches, or carries what branches, is trunk.
#[must_use]
pub fn limbs(bodies: &[Body]) -> Vec<(Option<usize>, usize)> {
    let n = bodies.len();
    let parent = |body: usize| bodies[body].parent;
    let mut children = vec![0; n];
    (1..n).for_each(|body| children[parent(body)] += 1);
    let mut trunk = vec![false; n];
    for body in (1..n).rev() {
        trunk[body] |= children[body] > 1 || parent(body) == 0;
        trunk[parent(body)] |= trunk[body];
    }
    let (mut limbs, mut next) = (vec![(None, 0); n], 0);
    for body in 1..n {
        let (above, depth) = limbs[parent(body)];
        let depth = if parent(body) == 0 { 0 } else { depth + 1 };
        let limb = (!trunk[body]).then(|| {
            above.unwrap_or_else(|| {
                next += 1;
                next - 1
            })
        });
        limbs[body] = (limb, depth);
    }
    limbs
}
