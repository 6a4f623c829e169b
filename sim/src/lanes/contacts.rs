//! Where a world's bodies touch and with what force: for those who look on, not for the engine.

use super::dynamics::{Group, Scratch};
use super::shape::Side;
use super::table::Tables;
use super::work::Run;
use crate::Contact;

/// Contacts of the world in a lane: points where its bodies are now, forces of its last physics step.
/// Those that have parted since are left out.
pub(super) fn contacts<V: Run>(t: &Tables, g: &Group<V>, lane: usize) -> Vec<Contact> {
    let splat = |to: &mut [V], from: &[V]| {
        to.iter_mut().zip(from).for_each(|(to, from)| *to = V::splat(from.lanes()[lane]));
    };
    let mut own = Group::<V>::new(t);
    splat(&mut own.qpos, &g.qpos);
    splat(&mut own.qvel, &g.qvel);
    let mut s = Scratch::new(t);
    V::look(t, &own, &mut s);
    let first = |v: &V| v.lanes()[0];
    let friction = g.friction.lanes()[lane];
    let body = |side: &Side| {
        let main = side.owners.iter().max_by(|a, b| a.1.total_cmp(&b.1));
        main.map_or(0, |&(body, _)| body)
    };
    let mut contacts = Vec::new();
    for contact in &t.contacts {
        let Some(hit) = V::hit(&s, t, contact) else { continue };
        let forces: Vec<f32> = g.contact[contact.force..contact.force + contact.rows(t.elliptic)]
            .iter()
            .map(|f| f.lanes()[lane])
            .collect();
        // Along the two tangents and the normal.
        let along = match (&forces[..], t.elliptic) {
            ([normal], _) => [0.0, 0.0, *normal],
            ([x, y, .., normal], true) => [*x, *y, *normal],
            // Edges of a pyramid: the normal and a fraction of a tangent, to both sides.
            (edges, _) => {
                let side = |c: usize| {
                    let mu = (contact.friction[c] * friction).max(1e-5);
                    edges.get(2 * c..2 * c + 2).map_or(0.0, |e| mu * (e[0] - e[1]))
                };
                [side(0), side(1), edges.iter().sum()]
            }
        };
        if along[2] <= 0.0 {
            continue;
        }
        let (at, link) =
            if contact.b.link.is_some() { (hit.at[1], contact.b.link) } else { (hit.at[0], contact.a.link) };
        let origin = link.map_or([V::zero(); 3], |l| s.origin[t.links[l].tree]);
        contacts.push(Contact {
            bodies: [body(&contact.a), body(&contact.b)],
            position: std::array::from_fn(|i| first(&origin[i]) + first(&at[i])),
            force: std::array::from_fn(|i| (0..3).map(|c| along[c] * first(&hit.frame[c][i])).sum()),
        });
    }
    contacts
}
