//! Constraint rows: what contacts, limits and dry friction ask of the accelerations.
//!
//! Contacts, limits and dry friction are MuJoCo's soft constraints: forces f minimise
//! ½ fᵀ(A + R) f + fᵀ(a₀ − a_ref) over their cones (MuJoCo documentation, "Computation, constraint
//! model"), where A = J M⁻¹ Jᵀ. Rows are kept as y = L⁻ᵀ Jᵀ, so that a row touches only the degrees
//! of freedom that it acts on: A = yᵀ D⁻¹ y, and with u = D⁻¹ L⁻ᵀ (forces), J·acceleration = y·u.

use super::blocks::{Blocks, Hit, Rows, Single};
use super::dynamics::{Group, Scratch};
use super::lane::Lane;
use super::table::{Limit, Loss, Support, Tables};
use super::vector::{V3, V6, array, cross, dot6, join};
use crate::softness::Softness;

/// Impedance d(r) at distance `r` from the margin.
#[inline(always)]
fn impedance<V: Lane>(softness: &Softness, r: V) -> V {
    let one = V::splat(1.0);
    let x = (r.abs() * V::splat(softness.inverse_width)).min(one);
    let y = if softness.power == 1 && !softness.root {
        x
    } else {
        let middle = softness.midpoint;
        let rest = one - x;
        let half = |x: V| if softness.root { x.sqrt() } else { one };
        let (mut below, mut above) = (x * half(x), rest * half(rest));
        for _ in 1..softness.power {
            below = below * x;
            above = above * rest;
        }
        let below = V::splat(softness.below) * below;
        let above = V::splat(softness.above).neg_mul_add(above, one);
        V::select(x.lt(V::splat(middle)), below, above)
    };
    let d = V::splat(softness.rise).mul_add(y, V::splat(softness.d0));
    d.max(V::splat(1e-4)).min(V::splat(0.9999))
}

/// R of a constraint with impedance `d`; `weight` is MuJoCo's estimate of A's diagonal.
#[inline(always)]
fn regularize<V: Lane>(d: V, weight: f32) -> V {
    (V::splat(1.0) - d) * V::splat(weight) * d.recip()
}

/// y ← L⁻ᵀ y (J at first) where `dofs` is a degree of freedom with all its ancestors.
#[inline(always)]
fn eliminate_chain<V: Lane, const D: usize>(t: &Tables, matrix: &[V], dofs: &[u8], y: &mut [[V; D]]) {
    for j in (1..y.len()).rev() {
        let row = t.dofs[usize::from(dofs[j])].row;
        let (above, own) = y.split_at_mut(j);
        for (up, &l) in above.iter_mut().zip(&matrix[row..row + j]) {
            for c in 0..D {
                up[c] = l.neg_mul_add(own[0][c], up[c]);
            }
        }
    }
}

/// Eliminates from `y` (J at first) what its ancestors already do: y ← L⁻ᵀ y.
#[inline(always)]
fn eliminate<V: Lane, const D: usize>(t: &Tables, matrix: &[V], support: &Support, y: &mut [[V; D]]) {
    if support.chain {
        eliminate_chain(t, matrix, &support.dofs, y);
    } else {
        let mut end = support.ancestors.len();
        for j in (1..y.len()).rev() {
            let dof = &t.dofs[usize::from(support.dofs[j])];
            let own = y[j];
            let ancestors = &support.ancestors[end - dof.depth..end];
            end -= dof.depth;
            for (&up, l) in ancestors.iter().zip(&matrix[dof.row..dof.row + dof.depth]) {
                let up = &mut y[usize::from(up)];
                for c in 0..D {
                    up[c] = l.neg_mul_add(own[c], up[c]);
                }
            }
        }
    }
}

/// The wrench of each direction at a point: moment about the reference point, force.
#[inline(always)]
fn wrenches<V: Lane, const D: usize>(frame: &[V3<V>; 3], at: V3<V>) -> [V6<V>; D] {
    let z = V::zero();
    let mut out = [[z; 6]; D];
    for c in 0..D {
        out[c] = match c {
            _ if c + 1 == D => slide(at, frame[2]),
            0 | 1 => slide(at, frame[c]),
            2 => join(frame[2], [z; 3]),
            _ => join(frame[c - 3], [z; 3]),
        };
    }
    out
}

/// The wrench of a force of one at a point.
#[inline(always)]
fn slide<V: Lane>(at: V3<V>, direction: V3<V>) -> V6<V> {
    join(cross(at, direction), direction)
}

/// Adds the rows of a contact that touches. Lanes that do not touch get no force.
#[inline(always)]
fn add<V: Lane, const D: usize, const E: usize>(
    t: &Tables,
    g: &Group<V>,
    s: &Scratch<V>,
    blocks: &mut Blocks<V, D, E>,
    index: usize,
    hit: &Hit<V>,
) {
    let contact = &t.contacts[index];
    let support = &t.supports[contact.support];
    let of_a: [V6<V>; D] = wrenches(&hit.frame, hit.at[0]);
    let of_b: [V6<V>; D] = wrenches(&hit.frame, hit.at[1]);
    let start = blocks.y.len();
    let z = V::zero();
    let mut rest = &support.dofs[..];
    if support.free_alone {
        // The root's motions are unit vectors: three velocities, three rotation rates.
        for c in 0..3 {
            blocks.y.push(array!([z; D]; d => of_b[d][3 + c]));
        }
        for c in 0..3 {
            blocks.y.push(array!([z; D]; d => of_b[d][c]));
        }
        rest = &rest[6..];
    }
    let sides = &support.sides[support.dofs.len() - rest.len()..];
    for (&dof, &(on_a, on_b)) in rest.iter().zip(sides) {
        let motion = &s.motion[usize::from(dof)];
        blocks.y.push(match (on_a, on_b) {
            (false, _) => array!([z; D]; d => dot6(motion, &of_b[d])),
            (true, false) => array!([z; D]; d => -dot6(motion, &of_a[d])),
            (true, true) => array!([z; D]; d => dot6(motion, &of_b[d]) - dot6(motion, &of_a[d])),
        });
    }
    let y = &mut blocks.y[start..];
    eliminate(t, &s.matrix.entries, support, y);
    let mut a = [[z; D]; D];
    for (y, &dof) in y.iter().zip(&support.dofs) {
        let inverse = s.matrix.inverse[usize::from(dof & 63)];
        for i in 0..D {
            let scaled = y[i] * inverse;
            for j in i..D {
                a[i][j] = scaled.mul_add(y[j], a[i][j]);
            }
        }
    }
    let velocity: [V; D] = array!([z; D]; d => {
        let mut rate = z;
        if let Some(link) = contact.b.link {
            rate += dot6(&s.vel[link], &of_b[d]);
        }
        if let Some(link) = contact.a.link {
            rate -= dot6(&s.vel[link], &of_a[d]);
        }
        rate
    });
    let softness = &contact.softness;
    let r = hit.distance - V::splat(contact.margin);
    let d = impedance(softness, r);
    let (b, k) = (V::splat(softness.b), V::splat(softness.k));
    let mut reference = array!([z; D]; c => -(b * velocity[c]));
    reference[D - 1] = (k * d).neg_mul_add(r, reference[D - 1]);
    let friction: [V; D] = array!([z; D]; c => {
        if c + 1 == D { z } else { (V::splat(contact.friction[c]) * g.friction).max(V::splat(1e-5)) }
    });
    let one = V::splat(1.0);
    let mut regularization = regularize(d, contact.weight);
    let pyramid = E > D;
    if D > 1 && pyramid {
        let square = friction[0] * friction[0];
        regularization = regularization * square.mul_add(one, one) * (square + square);
    }
    let regularization = regularization.max(V::splat(1e-15));
    // A between directions i ≤ j, and between forces: an edge of a pyramid is the normal and a
    // fraction of a tangent.
    let entry = |i: usize, j: usize| if i <= j { a[i][j] } else { a[j][i] };
    let n = D - 1;
    let edge = |e: usize| (e / 2, if e.is_multiple_of(2) { friction[e / 2] } else { -friction[e / 2] });
    let warm = &g.contact[contact.force..contact.force + E];
    let block = &mut blocks.room[blocks.used];
    blocks.used += 1;
    for e in 0..E {
        // Of a pyramid's matrix, `update` reads what is right of the diagonal.
        for f in if pyramid { e } else { 0 }..E {
            block.a[e][f] = if pyramid {
                let ((c, mu), (d, nu)) = (edge(e), edge(f));
                let side = nu.mul_add(entry(c, d), a[c][n]);
                mu.mul_add(side, nu.mul_add(a[d][n], a[n][n]))
            } else {
                entry(e, f)
            };
        }
        block.inverse[e] = V::select(hit.mask, (block.a[e][e] + regularization).recip(), z);
        block.force[e] = V::select(hit.mask, warm[e], z);
    }
    block.contact = index;
    block.y = start;
    block.reference = reference;
    block.regularization = regularization;
    block.friction = friction;
    block.frame = hit.frame;
}

/// Adds the rows of contact `index`.
#[inline(always)]
pub(super) fn add_contact<V: Lane>(
    t: &Tables,
    g: &Group<V>,
    s: &Scratch<V>,
    rows: &mut Rows<V>,
    index: usize,
    hit: &Hit<V>,
) {
    if let Some(at) = rows.points.get_mut(index) {
        *at = hit.at;
    }
    match (t.contacts[index].condim, t.elliptic) {
        (1, _) => add(t, g, s, &mut rows.frictionless, index, hit),
        (3, false) => add(t, g, s, &mut rows.pyramids, index, hit),
        (4, false) => add(t, g, s, &mut rows.pyramids4, index, hit),
        (_, false) => add(t, g, s, &mut rows.pyramids6, index, hit),
        (3, true) => add(t, g, s, &mut rows.cones, index, hit),
        (4, true) => add(t, g, s, &mut rows.cones4, index, hit),
        (_, true) => add(t, g, s, &mut rows.cones6, index, hit),
    }
}

/// Adds the rows of joint limits and dry friction.
#[inline(always)]
pub(super) fn add_singles<V: Lane>(t: &Tables, g: &mut Group<V>, s: &Scratch<V>, rows: &mut Rows<V>) {
    let (z, one) = (V::zero(), V::splat(1.0));
    for (index, limit) in t.limits.iter().enumerate() {
        let Limit { dof, qpos, range, margin, weight, softness } = limit;
        let q = g.qpos[*qpos];
        let (below, above) = (q - V::splat(range[0]), V::splat(range[1]) - q);
        let r = below.min(above) - V::splat(*margin);
        let mask = r.lt(z);
        if !V::any(mask) {
            g.limit[index] = z;
            continue;
        }
        let sign = V::select(below.lt(above), one, -one);
        let (y, a) = unit(t, s, &mut rows.y, *dof);
        let d = impedance(softness, r);
        let regularization = regularize(d, *weight).max(V::splat(1e-15));
        let pull = (V::splat(softness.k) * d) * r;
        rows.singles.push(Single {
            dof: *dof,
            index,
            y,
            sign,
            reference: -V::splat(softness.b).mul_add(sign * g.qvel[*dof], pull),
            regularization,
            inverse: V::select(mask, (a + regularization).recip(), z),
            low: z,
            high: V::splat(f32::INFINITY),
            force: V::select(mask, g.limit[index], z),
        });
    }
    for (index, loss) in t.losses.iter().enumerate() {
        let Loss { dof, bound, regularization, b } = loss;
        let (y, a) = unit(t, s, &mut rows.y, *dof);
        let regularization = V::splat(*regularization);
        rows.singles.push(Single {
            dof: *dof,
            index: t.limits.len() + index,
            y,
            sign: one,
            reference: -(V::splat(*b) * g.qvel[*dof]),
            regularization,
            inverse: (a + regularization).recip(),
            low: V::splat(-*bound),
            high: V::splat(*bound),
            force: g.loss[index],
        });
    }
}

/// The row of one degree of freedom: where it starts in `rows`, and its A.
#[inline(always)]
fn unit<V: Lane>(t: &Tables, s: &Scratch<V>, rows: &mut Vec<[V; 1]>, k: usize) -> (usize, V) {
    let depth = t.dofs[k].depth;
    let start = rows.len();
    rows.resize(start + depth, [V::zero()]);
    rows.push([V::splat(1.0)]);
    let y = &mut rows[start..];
    let columns = &t.columns[t.dofs[k].row..];
    eliminate_chain(t, &s.matrix.entries, columns, y);
    let mut a = V::zero();
    for ([y], &column) in y.iter().zip(columns) {
        a = (*y * s.matrix.inverse[usize::from(column & 63)]).mul_add(*y, a);
    }
    (start, a)
}
