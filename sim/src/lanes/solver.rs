//! Constraint rows and the sweeps that find their forces.
//!
//! Contacts, limits and dry friction are MuJoCo's soft constraints: forces f minimise
//! ½ fᵀ(A + R) f + fᵀ(a₀ − a_ref) over their cones (MuJoCo documentation, "Computation, constraint
//! model"), where A = J M⁻¹ Jᵀ. Rows are kept as y = L⁻ᵀ Jᵀ, so that a row touches only the degrees
//! of freedom that it acts on: A = yᵀ D⁻¹ y, and with u = D⁻¹ L⁻ᵀ (forces), J·acceleration = y·u.
//! Projected Gauss-Seidel, one block per contact, starting from the forces of the step before.

use super::dynamics::{Group, Scratch};
use super::lane::Lane;
use super::shape::Contact;
use super::table::{Limit, Loss, Support, Tables};
use super::vector::{V3, V6, add as add3, cross, dot6, join};
use crate::softness::Softness;

/// A limit or dry friction of one degree of freedom: a force between `low` and `high`.
pub(super) struct Single<V> {
    dof: usize,
    /// Where to keep the force: limits first, then dry friction.
    index: usize,
    y: usize,
    sign: V,
    reference: V,
    regularization: V,
    inverse: V,
    low: V,
    high: V,
    force: V,
}

/// A contact of `D` directions (the normal is the last) with `E` forces.
#[derive(Clone)]
pub(super) struct Block<V, const D: usize, const E: usize> {
    contact: usize,
    y: usize,
    /// A between the forces.
    a: [[V; E]; E],
    /// Reference acceleration per direction.
    reference: [V; D],
    regularization: V,
    /// Friction coefficients; the last entry is not used.
    friction: [V; D],
    inverse: [V; E],
    force: [V; E],
    /// First tangent, second tangent, normal.
    frame: [V3<V>; 3],
}

/// All blocks of one size. Room for every possible contact is there from the start, and blocks are written
/// where they stay: they are large.
pub(super) struct Blocks<V, const D: usize, const E: usize> {
    room: Vec<Block<V, D, E>>,
    used: usize,
    y: Vec<[V; D]>,
}

pub(super) struct Rows<V> {
    singles: Vec<Single<V>>,
    y: Vec<[V; 1]>,
    frictionless: Blocks<V, 1, 1>,
    pyramids: Blocks<V, 3, 4>,
    pyramids4: Blocks<V, 4, 6>,
    pyramids6: Blocks<V, 6, 10>,
    cones: Blocks<V, 3, 3>,
    cones4: Blocks<V, 4, 4>,
    cones6: Blocks<V, 6, 6>,
    /// Per contact: [`Touch::at`], if moments are wanted.
    points: Vec<[V3<V>; 2]>,
}

/// What a contact does to side B, and with the other sign to side A.
pub(super) struct Push<V> {
    pub force: V3<V>,
    /// Of torsional and rolling friction.
    pub spin: V3<V>,
    pub normal: V,
    /// As [`Touch::at`]; zero if moments are not wanted.
    pub at: [V3<V>; 2],
}

impl<V: Lane> Push<V> {
    /// Moment about the reference point of a side's tree.
    #[inline(always)]
    pub(super) fn moment(&self, side: usize) -> V3<V> {
        add3(cross(self.at[side], self.force), self.spin)
    }
}

/// Does the same with the blocks of every size, in their order.
macro_rules! every {
    ($rows:expr, $blocks:ident => $action:expr) => {
        every!($rows, $blocks => $action,
            frictionless pyramids pyramids4 pyramids6 cones cones4 cones6);
    };
    ($rows:expr, $blocks:ident => $action:expr, $($size:ident)*) => {
        $({
            let $blocks = &mut $rows.$size;
            $action;
        })*
    };
}

/// Where two surfaces meet.
pub(super) struct Touch<V: Lane> {
    pub mask: V::Mask,
    pub distance: V,
    /// First tangent, second tangent, normal from A to B.
    pub frame: [V3<V>; 3],
    /// The contact point about the reference points of both sides' trees.
    pub at: [V3<V>; 2],
}

impl<V: Lane, const D: usize, const E: usize> Blocks<V, D, E> {
    fn new(tables: &Tables, condim: u32, wanted: bool) -> Self {
        let contacts = || tables.contacts.iter().filter(|c| c.condim == condim && wanted);
        let entries = contacts().map(|c| tables.supports[c.support].dofs.len()).sum();
        Self { room: vec![Block::EMPTY; contacts().count()], used: 0, y: Vec::with_capacity(entries) }
    }

    #[inline(always)]
    fn clear(&mut self) {
        self.used = 0;
        self.y.clear();
    }

    #[inline(always)]
    fn items(&self) -> &[Block<V, D, E>] {
        &self.room[..self.used]
    }
}

impl<V: Lane> Rows<V> {
    pub(super) fn new(tables: &Tables, moments: bool) -> Self {
        let dofs = tables.limits.iter().map(|l| l.dof).chain(tables.losses.iter().map(|l| l.dof));
        let entries = dofs.map(|k| tables.dofs[k].depth + 1).sum();
        let pyramidal = !tables.elliptic;
        Self {
            singles: Vec::with_capacity(tables.limits.len() + tables.losses.len()),
            y: Vec::with_capacity(entries),
            frictionless: Blocks::new(tables, 1, true),
            pyramids: Blocks::new(tables, 3, pyramidal),
            pyramids4: Blocks::new(tables, 4, pyramidal),
            pyramids6: Blocks::new(tables, 6, pyramidal),
            cones: Blocks::new(tables, 3, tables.elliptic),
            cones4: Blocks::new(tables, 4, tables.elliptic),
            cones6: Blocks::new(tables, 6, tables.elliptic),
            points: vec![[[V::zero(); 3]; 2]; if moments { tables.contacts.len() } else { 0 }],
        }
    }

    #[inline(always)]
    pub(super) fn clear(&mut self) {
        self.singles.clear();
        self.y.clear();
        every!(self, blocks => blocks.clear());
    }
}

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
    let slide = |direction: V3<V>| join(cross(at, direction), direction);
    let spin = |direction: V3<V>| join(direction, [z; 3]);
    std::array::from_fn(|c| {
        if c + 1 == D {
            return slide(frame[2]);
        }
        match c {
            0 | 1 => slide(frame[c]),
            2 => spin(frame[2]),
            _ => spin(frame[c - 3]),
        }
    })
}

/// Adds the rows of a touching contact. Lanes that do not touch get no force.
#[inline(always)]
fn add<V: Lane, const D: usize, const E: usize>(
    t: &Tables,
    g: &Group<V>,
    s: &Scratch<V>,
    blocks: &mut Blocks<V, D, E>,
    index: usize,
    touch: &Touch<V>,
) {
    let contact = &t.contacts[index];
    let support = &t.supports[contact.support];
    let of_a: [V6<V>; D] = wrenches(&touch.frame, touch.at[0]);
    let of_b: [V6<V>; D] = wrenches(&touch.frame, touch.at[1]);
    let start = blocks.y.len();
    let z = V::zero();
    let mut rest = &support.dofs[..];
    if support.free_alone {
        // The root's motions are unit vectors: three velocities, three rotation rates.
        for c in 0..3 {
            blocks.y.push(std::array::from_fn(|d| of_b[d][3 + c]));
        }
        for c in 0..3 {
            blocks.y.push(std::array::from_fn(|d| of_b[d][c]));
        }
        rest = &rest[6..];
    }
    let sides = &support.sides[support.dofs.len() - rest.len()..];
    for (&dof, &(on_a, on_b)) in rest.iter().zip(sides) {
        let motion = &s.motion[usize::from(dof)];
        blocks.y.push(match (on_a, on_b) {
            (false, _) => std::array::from_fn(|d| dot6(motion, &of_b[d])),
            (true, false) => std::array::from_fn(|d| -dot6(motion, &of_a[d])),
            (true, true) => std::array::from_fn(|d| dot6(motion, &of_b[d]) - dot6(motion, &of_a[d])),
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
    let velocity: [V; D] = std::array::from_fn(|d| {
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
    let r = touch.distance - V::splat(contact.margin);
    let d = impedance(softness, r);
    let (b, k) = (V::splat(softness.b), V::splat(softness.k));
    let mut reference = velocity.map(|v| -(b * v));
    reference[D - 1] = (k * d).neg_mul_add(r, reference[D - 1]);
    let friction: [V; D] = std::array::from_fn(|c| {
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
        block.inverse[e] = V::select(touch.mask, (block.a[e][e] + regularization).recip(), z);
        block.force[e] = V::select(touch.mask, warm[e], z);
    }
    block.contact = index;
    block.y = start;
    block.reference = reference;
    block.regularization = regularization;
    block.friction = friction;
    block.frame = touch.frame;
}

/// Adds the rows of contact `index`.
#[inline(always)]
pub(super) fn add_contact<V: Lane>(
    t: &Tables,
    g: &Group<V>,
    s: &Scratch<V>,
    rows: &mut Rows<V>,
    index: usize,
    touch: &Touch<V>,
) {
    if let Some(at) = rows.points.get_mut(index) {
        *at = touch.at;
    }
    match (t.contacts[index].condim, t.elliptic) {
        (1, _) => add(t, g, s, &mut rows.frictionless, index, touch),
        (3, false) => add(t, g, s, &mut rows.pyramids, index, touch),
        (4, false) => add(t, g, s, &mut rows.pyramids4, index, touch),
        (_, false) => add(t, g, s, &mut rows.pyramids6, index, touch),
        (3, true) => add(t, g, s, &mut rows.cones, index, touch),
        (4, true) => add(t, g, s, &mut rows.cones4, index, touch),
        (_, true) => add(t, g, s, &mut rows.cones6, index, touch),
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

/// y·u − reference.
#[inline(always)]
fn residual<V: Lane, const D: usize>(dofs: &[u8], y: &[[V; D]], u: &[V; 64], reference: &[V; D]) -> [V; D] {
    let mut a = reference.map(|r| -r);
    for (y, &dof) in y.iter().zip(dofs) {
        let u = u[usize::from(dof & 63)];
        for c in 0..D {
            a[c] = y[c].mul_add(u, a[c]);
        }
    }
    a
}

/// u += D⁻¹ y f.
#[inline(always)]
fn push<V: Lane, const D: usize>(dofs: &[u8], y: &[[V; D]], f: &[V; D], inverse: &[V; 64], u: &mut [V; 64]) {
    for (y, &dof) in y.iter().zip(dofs) {
        let mut sum = y[0] * f[0];
        for c in 1..D {
            sum = y[c].mul_add(f[c], sum);
        }
        let at = usize::from(dof & 63);
        u[at] = inverse[at].mul_add(sum, u[at]);
    }
}

impl<V: Lane, const D: usize, const E: usize> Block<V, D, E> {
    const EMPTY: Self = Self {
        contact: 0,
        y: 0,
        a: [[V::NONE; E]; E],
        reference: [V::NONE; D],
        regularization: V::NONE,
        friction: [V::NONE; D],
        inverse: [V::NONE; E],
        force: [V::NONE; E],
        frame: [[V::NONE; 3]; 3],
    };

    /// Forces along the directions, the normal last.
    #[inline(always)]
    fn along(&self) -> [V; D] {
        let f = &self.force;
        if E == D {
            return std::array::from_fn(|c| f[c]);
        }
        let mut out = [V::zero(); D];
        for c in 0..D - 1 {
            let (plus, minus) = (f[2 * c], f[2 * c + 1]);
            out[c] = self.friction[c] * (plus - minus);
            out[D - 1] += plus + minus;
        }
        out
    }

    /// One Gauss-Seidel update given the residual acceleration; returns the change along the directions.
    #[inline(always)]
    fn update(&mut self, mut a: [V; D], impratio: f32) -> [V; D] {
        if E == D && D > 1 {
            return self.update_cone(a, impratio);
        }
        // Residuals of all forces at once: what one changes is added to the others.
        let n = D - 1;
        let mut residual: [V; E] = std::array::from_fn(|e| {
            let rest = self.regularization.mul_add(self.force[e], a[n]);
            match (D, e % 2) {
                (1, _) => rest,
                (_, 0) => self.friction[e / 2].mul_add(a[e / 2], rest),
                _ => self.friction[e / 2].neg_mul_add(a[e / 2], rest),
            }
        });
        let mut change = [V::zero(); E];
        for e in 0..E {
            let force = self.inverse[e].neg_mul_add(residual[e], self.force[e]).max(V::zero());
            change[e] = force - self.force[e];
            self.force[e] = force;
            for f in e + 1..E {
                residual[f] = self.a[e][f].mul_add(change[e], residual[f]);
            }
        }
        if D == 1 {
            return [change[0]; D];
        }
        a = [V::zero(); D];
        for c in 0..n {
            let (plus, minus) = (change[2 * c], change[2 * c + 1]);
            a[c] = self.friction[c] * (plus - minus);
            a[n] += plus + minus;
        }
        a
    }

    /// Elliptic cone: along the present force (or the normal, if there is none), then the other
    /// directions within the ellipsoid that the normal force allows.
    #[inline(always)]
    fn update_cone(&mut self, mut a: [V; D], impratio: f32) -> [V; D] {
        let (z, one) = (V::zero(), V::splat(1.0));
        let n = D - 1;
        let f: [V; D] = std::array::from_fn(|c| self.force[c]);
        let mu = &self.friction;
        // Regularisation of the directions: R_c μ_c² is the same for all but the normal.
        let first = self.regularization * V::splat(1.0 / impratio) * mu[0] * mu[0];
        let r: [V; D] =
            std::array::from_fn(
                |c| {
                    if c == n { self.regularization } else { first * (mu[c] * mu[c]).recip() }
                },
            );
        let pressed = V::splat(1e-10).lt(f[n]);
        let ray: [V; D] = std::array::from_fn(|c| V::select(pressed, f[c], if c == n { one } else { z }));
        let (mut slope, mut curvature) = (z, z);
        let mut effect = [z; D];
        for i in 0..D {
            for j in 0..D {
                effect[i] = self.a[i][j].mul_add(ray[j], effect[i]);
            }
            slope = r[i].mul_add(f[i], a[i]).mul_add(ray[i], slope);
            curvature = r[i].mul_add(ray[i], effect[i]).mul_add(ray[i], curvature);
        }
        let floor = V::select(pressed, -one, -f[n]);
        let step = (-(slope * curvature.max(V::splat(1e-20)).recip())).max(floor);
        let touching = z.lt(self.inverse[n]);
        let step = V::select(touching, step, z);
        let mut new: [V; D] = std::array::from_fn(|c| step.mul_add(ray[c], f[c]));
        for c in 0..D {
            a[c] = step.mul_add(effect[c], a[c]);
        }
        let radius = new[n].max(z);
        // In x_c = f_c / μ_c the ellipsoid is a ball: minimise ½ xᵀ P x + qᵀ x in |x| ≤ radius.
        let mut p = [[z; D]; D];
        let mut q = [z; D];
        for i in 0..n {
            q[i] = a[i];
            for j in 0..n {
                p[i][j] = self.a[i][j] * mu[i] * mu[j];
                q[i] = self.a[i][j].neg_mul_add(new[j], q[i]);
            }
            p[i][i] += first;
            q[i] = q[i] * mu[i];
        }
        let tiny = V::splat(1e-20);
        let mut lambda = z;
        let mut x = [z; D];
        // Newton's method on 1/radius − 1/|x(λ)| (Moré and Sorensen 1983).
        for _ in 0..6 {
            let l = cholesky(&p, lambda);
            x = forward_back(&l, &q.map(|q| -q));
            let y = forward_back(&l, &x);
            let (mut square, mut slope) = (z, z);
            for c in 0..n {
                square = x[c].mul_add(x[c], square);
                slope = x[c].mul_add(y[c], slope);
            }
            let length = square.max(tiny).sqrt();
            let more = square * slope.max(tiny).recip() * (length - radius) * radius.max(tiny).recip();
            lambda = (lambda + more).max(z);
        }
        let mut square = tiny;
        for c in 0..n {
            square = x[c].mul_add(x[c], square);
        }
        let shrink = (radius * square.sqrt().recip()).min(one);
        for c in 0..n {
            new[c] = x[c] * shrink * mu[c];
        }
        new[n] = radius;
        std::array::from_fn(|c| {
            let value = V::select(touching, new[c], z);
            self.force[c] = value;
            value - f[c]
        })
    }
}

/// Lower Cholesky factor of `p + λ` in its first `D − 1` rows, with inverse diagonal.
#[inline(always)]
fn cholesky<V: Lane, const D: usize>(p: &[[V; D]; D], lambda: V) -> [[V; D]; D] {
    let mut l = *p;
    for i in 0..D - 1 {
        for j in 0..=i {
            let mut sum = if i == j { p[i][i] + lambda } else { p[i][j] };
            for k in 0..j {
                sum = l[i][k].neg_mul_add(l[j][k], sum);
            }
            l[i][j] = if i == j { sum.max(V::splat(1e-20)).sqrt().recip() } else { sum * l[j][j] };
        }
    }
    l
}

/// Solves with a factor of [`cholesky`].
#[inline(always)]
fn forward_back<V: Lane, const D: usize>(l: &[[V; D]; D], b: &[V; D]) -> [V; D] {
    let mut x = *b;
    for i in 0..D - 1 {
        for k in 0..i {
            x[i] = l[i][k].neg_mul_add(x[k], x[i]);
        }
        x[i] = x[i] * l[i][i];
    }
    for i in (0..D - 1).rev() {
        for k in i + 1..D - 1 {
            x[i] = l[k][i].neg_mul_add(x[k], x[i]);
        }
        x[i] = x[i] * l[i][i];
    }
    x
}

impl<V: Lane, const D: usize, const E: usize> Blocks<V, D, E> {
    #[inline(always)]
    fn warm_start(&self, t: &Tables, inverse: &[V; 64], u: &mut [V; 64]) {
        for block in self.items() {
            let dofs = &t.supports[t.contacts[block.contact].support].dofs;
            push(dofs, &self.y[block.y..], &block.along(), inverse, u);
        }
    }

    #[inline(always)]
    fn sweep(&mut self, t: &Tables, inverse: &[V; 64], u: &mut [V; 64], back: bool) {
        let n = self.used;
        for i in 0..n {
            let block = &mut self.room[if back { n - 1 - i } else { i }];
            let dofs = &t.supports[t.contacts[block.contact].support].dofs[..];
            let y = &self.y[block.y..];
            let a = residual(dofs, y, u, &block.reference);
            let change = block.update(a, t.impratio);
            push(dofs, y, &change, inverse, u);
        }
    }

    /// Keeps the forces for the next step, and gives them to `see` as world vectors on side B.
    #[inline(always)]
    fn finish(
        &self,
        t: &Tables,
        contact: &mut [V],
        points: &[[V3<V>; 2]],
        mut see: impl FnMut(&Contact, &Push<V>),
    ) {
        for block in self.items() {
            let touching = &t.contacts[block.contact];
            contact[touching.force..touching.force + E].copy_from_slice(&block.force);
            let along = block.along();
            let normal = along[D - 1];
            let force = std::array::from_fn(|i| {
                let mut sum = normal * block.frame[2][i];
                if D > 1 {
                    for c in 0..2 {
                        sum = along[c].mul_add(block.frame[c][i], sum);
                    }
                }
                sum
            });
            let mut spin = [V::zero(); 3];
            for (c, &along) in along.iter().enumerate().take(D - 1).skip(2) {
                let axis = &block.frame[if c == 2 { 2 } else { c - 3 }];
                spin = std::array::from_fn(|i| along.mul_add(axis[i], spin[i]));
            }
            let at = points.get(block.contact).copied().unwrap_or([[V::zero(); 3]; 2]);
            see(touching, &Push { force, spin, normal, at });
        }
    }
}

impl<V: Lane> Single<V> {
    /// Degrees of freedom of the row.
    #[inline(always)]
    fn dofs<'t>(&self, t: &'t Tables) -> &'t [u8] {
        let dof = &t.dofs[self.dof];
        &t.columns[dof.row..=dof.row + dof.depth]
    }
}

#[inline(always)]
fn push_single<V: Lane>(dofs: &[u8], y: &[[V; 1]], f: V, inverse: &[V; 64], u: &mut [V; 64]) {
    for ([y], &dof) in y.iter().zip(dofs) {
        let at = usize::from(dof & 63);
        u[at] = (inverse[at] * f).mul_add(*y, u[at]);
    }
}

/// Finds the forces of all rows and adds their effect to `u`.
#[inline(always)]
pub(super) fn solve<V: Lane>(
    t: &Tables,
    g: &mut Group<V>,
    s: &mut Scratch<V>,
    rows: &mut Rows<V>,
    mut see: impl FnMut(&Contact, &Push<V>),
) {
    let Scratch { u, matrix, .. } = s;
    let inverse = &matrix.inverse;
    for single in &rows.singles {
        push_single(single.dofs(t), &rows.y[single.y..], single.sign * single.force, inverse, u);
    }
    every!(rows, blocks => blocks.warm_start(t, inverse, u));
    for sweep in 0..t.sweeps {
        let back = sweep % 2 == 1;
        for single in &mut rows.singles {
            let dofs = single.dofs(t);
            let y = &rows.y[single.y..];
            let mut a = V::zero();
            for ([y], &dof) in y.iter().zip(dofs) {
                a = y.mul_add(u[usize::from(dof & 63)], a);
            }
            let rest = single.regularization.mul_add(single.force, -single.reference);
            let residual = single.sign.mul_add(a, rest);
            let force = single.inverse.neg_mul_add(residual, single.force);
            let force = force.max(single.low).min(single.high);
            let change = single.sign * (force - single.force);
            single.force = force;
            push_single(dofs, y, change, inverse, u);
        }
        every!(rows, blocks => blocks.sweep(t, inverse, u, back));
    }
    for single in &rows.singles {
        match single.index.checked_sub(t.limits.len()) {
            None => g.limit[single.index] = single.force,
            Some(loss) => g.loss[loss] = single.force,
        }
    }
    let points = std::mem::take(&mut rows.points);
    every!(rows, blocks => blocks.finish(t, &mut g.contact, &points, &mut see));
    rows.points = points;
}
