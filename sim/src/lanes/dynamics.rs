//! The unconstrained motion of [`WIDTH`](super::lane::WIDTH) worlds: kinematics, recursive
//! Newton-Euler, composite-rigid-body mass matrix, its sparse factorisation, and integration.
//!
//! Spatial quantities are in world axes about the tree's reference point at the present instant
//! (Featherstone 2008, "Rigid Body Dynamics Algorithms", chapters 5, 6 and 8). Joint damping is
//! implicit as in MuJoCo's Euler integrator: constraints see the mass matrix M, the final
//! acceleration solves (M + step · damping) a = all forces.

use super::lane::Lane;
use super::table::{Fluid, Tables};
use super::vector::{
    M3, V3, V6, add, angular, array, axpy, cross, dot, dot6, join, linear, quat_exp, quat_mul,
    quat_normalize, quat_to_rotation, rotate, rotate_back, rotate_frame, row, sin_cos, splat3, sub,
};
use crate::JointKind;

/// State and parameters of the worlds of one register.
#[derive(Clone)]
pub(super) struct Group<V> {
    pub qpos: Vec<V>,
    /// As MuJoCo's, but for free joints, whose angular velocity is in the world's axes.
    pub qvel: Vec<V>,
    /// Forces of the last physics step, with which the next one starts.
    pub contact: Vec<V>,
    pub limit: Vec<V>,
    pub loss: Vec<V>,
    /// Per contact: whether any of its forces in `contact` may differ from 0.
    pub pressed: Vec<bool>,
    /// Motor forces of the control step; of servos, the controls.
    pub effort: Vec<V>,
    // Parameters.
    pub gravity: V3<V>,
    pub friction: V,
    pub gear: Vec<V>,
    /// Per link: mass, centre of mass, inertia about it (xx yy zz xy xz yz) in the link's frame.
    pub inertia: Vec<[V; 10]>,
    /// Per body: torque and force from outside, the force on its centre of mass.
    pub push: Vec<[V; 6]>,
    /// Bodies that are pushed in any lane.
    pub pushed: Vec<usize>,
}

impl<V: Lane> Group<V> {
    pub(super) fn new(tables: &Tables) -> Self {
        let zeros = |n: usize| vec![V::zero(); n];
        Self {
            qpos: zeros(tables.nq),
            qvel: zeros(tables.dofs.len()),
            contact: zeros(tables.forces),
            limit: zeros(tables.limits.len()),
            loss: zeros(tables.losses.len()),
            pressed: vec![true; tables.contacts.len()],
            effort: zeros(tables.motors.len()),
            gravity: [V::zero(); 3],
            friction: V::splat(1.0),
            gear: tables.motors.iter().map(|m| V::splat(m.gear)).collect(),
            inertia: vec![[V::zero(); 10]; tables.links.len()],
            push: vec![[V::zero(); 6]; tables.carriers.len()],
            pushed: Vec::new(),
        }
    }

    /// What a step changes, in a fixed order.
    pub(super) fn state(&self) -> [&Vec<V>; 5] {
        [&self.qpos, &self.qvel, &self.contact, &self.limit, &self.loss]
    }

    /// As [`Group::state`].
    pub(super) fn state_mut(&mut self) -> [&mut Vec<V>; 5] {
        [&mut self.qpos, &mut self.qvel, &mut self.contact, &mut self.limit, &mut self.loss]
    }
}

/// What is computed anew in every physics step.
pub(super) struct Scratch<V> {
    /// Per tree: reference point in the world.
    pub origin: Vec<V3<V>>,
    // Per link, about the tree's reference point.
    pub rot: Vec<M3<V>>,
    pub pos: Vec<V3<V>>,
    pub vel: Vec<V6<V>>,
    pub acc: Vec<V6<V>>,
    /// xx yy zz xy xz yz of the moment about the reference point, mass times centre, mass.
    pub inertia: Vec<[V; 10]>,
    pub force: Vec<V6<V>>,
    /// Per entry of [`Tables::spots`]: where it is.
    pub spots: Vec<V3<V>>,
    /// Per degree of freedom: the motion that it causes.
    pub motion: Vec<V6<V>>,
    /// Mass matrix, then its factor.
    pub matrix: Factor<V>,
    /// The same with step times damping on the diagonal.
    pub damped: Factor<V>,
    /// Forces, then `D⁻¹ L⁻ᵀ` forces, then accelerations; padded so that masked bytes index it.
    pub u: Box<[V; 64]>,
}

/// A matrix with entries on ancestor chains, then its factors `Lᵀ D L`.
pub(super) struct Factor<V> {
    /// Rows one after the other; `L` has ones on its diagonal, which are not stored.
    pub entries: Vec<V>,
    /// Inverse of `D`; padded likewise.
    pub inverse: Box<[V; 64]>,
}

impl<V: Lane> Scratch<V> {
    pub(super) fn new(tables: &Tables) -> Self {
        let (links, dofs) = (tables.links.len(), tables.dofs.len());
        let z = V::zero();
        let mut motion = vec![[z; 6]; dofs];
        for link in tables.links.iter().filter(|l| l.kind == JointKind::Free) {
            // Three velocities, three rotation rates, for good.
            for c in 0..3 {
                motion[link.dof + c][3 + c] = V::splat(1.0);
                motion[link.dof + 3 + c][c] = V::splat(1.0);
            }
        }
        Self {
            origin: vec![[z; 3]; tables.trees.len()],
            rot: vec![[z; 9]; links],
            pos: vec![[z; 3]; links],
            vel: vec![[z; 6]; links],
            acc: vec![[z; 6]; links],
            inertia: vec![[z; 10]; links],
            force: vec![[z; 6]; links],
            spots: vec![[z; 3]; tables.spots.len()],
            motion,
            matrix: Factor::new(tables.columns.len()),
            damped: Factor::new(tables.columns.len()),
            u: Box::new([z; 64]),
        }
    }
}

impl<V: Lane> Factor<V> {
    fn new(entries: usize) -> Self {
        Self { entries: vec![V::zero(); entries], inverse: Box::new([V::zero(); 64]) }
    }

    /// Factors in place, without fill-in (Featherstone 2008, algorithm LTDL), and turns forces into
    /// `u = D⁻¹ L⁻ᵀ` forces.
    #[inline(always)]
    fn factor(&mut self, t: &Tables, u: &mut [V; 64]) {
        for (k, dof) in t.dofs.iter().enumerate().rev() {
            let (head, tail) = self.entries.split_at_mut(dof.row);
            let own = &mut tail[..=dof.depth];
            let inverse = own[dof.depth].recip();
            self.inverse[k] = inverse;
            let force = u[k];
            for j in (0..dof.depth).rev() {
                let ratio = own[j] * inverse;
                let ancestor = usize::from(t.columns[dof.row + j]);
                let up = &mut head[t.dofs[ancestor].row..][..=j];
                for (a, b) in up.iter_mut().zip(own.iter()) {
                    *a = ratio.neg_mul_add(*b, *a);
                }
                own[j] = ratio;
                u[ancestor] = ratio.neg_mul_add(force, u[ancestor]);
            }
            u[k] = force * inverse;
        }
    }

    /// The forces of which `u` is `D⁻¹ L⁻ᵀ`.
    #[inline(always)]
    fn forces(&self, t: &Tables, u: &mut [V; 64]) {
        for (k, dof) in t.dofs.iter().enumerate() {
            // The diagonal of D; as a division, it is rounded once.
            let w = self.inverse[k].recip() * u[k];
            u[k] = w;
            for (l, &column) in self.entries[dof.row..dof.row + dof.depth].iter().zip(&t.columns[dof.row..]) {
                let at = usize::from(column & 63);
                u[at] = l.mul_add(w, u[at]);
            }
        }
    }

    /// Accelerations `L⁻¹ u`.
    #[inline(always)]
    fn solve(&self, t: &Tables, u: &mut [V; 64]) {
        for (k, dof) in t.dofs.iter().enumerate() {
            let mut x = u[k];
            for (l, &column) in self.entries[dof.row..dof.row + dof.depth].iter().zip(&t.columns[dof.row..]) {
                x = l.neg_mul_add(u[usize::from(column & 63)], x);
            }
            u[k] = x;
        }
    }
}

/// Spatial inertia times motion: angular and linear momentum about the reference point.
#[inline(always)]
fn momentum<V: Lane>(i: &[V; 10], w: V3<V>, v: V3<V>) -> (V3<V>, V3<V>) {
    let h = [i[6], i[7], i[8]];
    let (hv, hw) = (cross(h, v), cross(h, w));
    let moment = [
        i[0].mul_add(w[0], i[3].mul_add(w[1], i[4].mul_add(w[2], hv[0]))),
        i[3].mul_add(w[0], i[1].mul_add(w[1], i[5].mul_add(w[2], hv[1]))),
        i[4].mul_add(w[0], i[5].mul_add(w[1], i[2].mul_add(w[2], hv[2]))),
    ];
    (moment, sub([i[9] * v[0], i[9] * v[1], i[9] * v[2]], hw))
}

/// Poses and velocities of all links, and what they do to accelerations: the outward pass.
#[inline(always)]
pub(super) fn kinematics<V: Lane>(t: &Tables, g: &Group<V>, s: &mut Scratch<V>) {
    let (z, one) = (V::zero(), V::splat(1.0));
    for (tree, origin) in t.trees.iter().zip(&mut s.origin) {
        let mut point = splat3(tree.base);
        for &(qpos, reference, axis) in &tree.slides {
            point = axpy(g.qpos[qpos] - V::splat(reference), splat3(axis), point);
        }
        if let Some(qpos) = tree.free {
            point = [g.qpos[qpos], g.qpos[qpos + 1], g.qpos[qpos + 2]];
        }
        *origin = point;
    }
    let identity = [one, z, z, z, one, z, z, z, one];
    // Gravity as an acceleration of the world.
    let lift = [z, z, z, -g.gravity[0], -g.gravity[1], -g.gravity[2]];
    for (index, link) in t.links.iter().enumerate() {
        let (mut rot, mut pos, mut vel, mut acc) = match link.parent {
            Some(p) => (s.rot[p], s.pos[p], s.vel[p], s.acc[p]),
            None => (identity, [z; 3], [z; 6], lift),
        };
        if !link.at_origin {
            pos = add(pos, rotate(&rot, splat3(link.pos)));
        }
        if let Some(turn) = &link.rot {
            rot = rotate_frame(&rot, turn);
        }
        let qvel = &g.qvel[link.dof..];
        match link.kind {
            JointKind::Free => {
                let q: &[V] = &g.qpos[link.qpos + 3..link.qpos + 7];
                rot = quat_to_rotation([q[0], q[1], q[2], q[3]]);
                let (v, w) = ([qvel[0], qvel[1], qvel[2]], [qvel[3], qvel[4], qvel[5]]);
                vel = join(w, v);
                // The reference point moves with the body: d(velocity)/dt = field + v × ω.
                let turn = cross(v, w);
                acc = [z, z, z, turn[0] + lift[3], turn[1] + lift[4], turn[2] + lift[5]];
            }
            JointKind::Hinge => {
                let (sine, cosine) = sin_cos(g.qpos[link.qpos] - V::splat(link.reference));
                let axis = rotate(&rot, splat3(link.axis));
                // Rodrigues, column by column.
                let rest = one - cosine;
                let mut turned = rot;
                for c in 0..3 {
                    let column = [rot[c], rot[3 + c], rot[6 + c]];
                    let side = cross(axis, column);
                    let along = rest * V::splat(link.axis[c]);
                    for i in 0..3 {
                        turned[3 * i + c] = cosine.mul_add(column[i], sine.mul_add(side[i], along * axis[i]));
                    }
                }
                rot = turned;
                let motion = join(axis, cross(pos, axis));
                s.motion[link.dof] = motion;
                move_along(&motion, qvel[0], &mut vel, &mut acc);
            }
            JointKind::Slide => {
                let axis = rotate(&rot, splat3(link.axis));
                if !link.at_origin {
                    pos = axpy(g.qpos[link.qpos] - V::splat(link.reference), axis, pos);
                }
                let motion = join([z; 3], axis);
                s.motion[link.dof] = motion;
                move_along(&motion, qvel[0], &mut vel, &mut acc);
            }
            JointKind::Ball => {
                let q: &[V] = &g.qpos[link.qpos..link.qpos + 4];
                let own = quat_to_rotation([q[0], q[1], q[2], q[3]]);
                let mut turned = rot;
                for i in 0..3 {
                    for c in 0..3 {
                        turned[3 * i + c] = dot(row(&rot, i), [own[c], own[3 + c], own[6 + c]]);
                    }
                }
                rot = turned;
                // All three axes turn with the parent alone: take the sum as one motion.
                let mut sum = [z; 6];
                for c in 0..3 {
                    let axis = [rot[c], rot[3 + c], rot[6 + c]];
                    let motion = join(axis, cross(pos, axis));
                    for i in 0..6 {
                        sum[i] = qvel[c].mul_add(motion[i], sum[i]);
                    }
                    s.motion[link.dof + c] = motion;
                }
                move_along(&sum, one, &mut vel, &mut acc);
            }
        }
        (s.rot[index], s.pos[index], s.vel[index], s.acc[index]) = (rot, pos, vel, acc);
    }
    for (spot, place) in t.spots.iter().zip(&mut s.spots) {
        let pos = splat3(spot.pos);
        *place = match spot.link {
            Some(link) => add(s.pos[link], rotate(&s.rot[link], pos)),
            None => pos,
        };
    }
}

/// Adds a joint's rate to the velocity, and velocity × motion to the acceleration.
#[inline(always)]
fn move_along<V: Lane>(motion: &V6<V>, rate: V, vel: &mut V6<V>, acc: &mut V6<V>) {
    let (w, v) = (angular(vel), linear(vel));
    let turn = cross(w, angular(motion));
    let shift = add(cross(w, linear(motion)), cross(v, angular(motion)));
    for i in 0..3 {
        acc[i] = turn[i].mul_add(rate, acc[i]);
        acc[3 + i] = shift[i].mul_add(rate, acc[3 + i]);
    }
    for i in 0..6 {
        vel[i] = motion[i].mul_add(rate, vel[i]);
    }
}

/// Inertia of each link about the reference point, and the force that its bias acceleration takes.
#[inline(always)]
pub(super) fn inertia<V: Lane>(t: &Tables, g: &Group<V>, s: &mut Scratch<V>) {
    let z = V::zero();
    for (index, link) in t.links.iter().enumerate() {
        if !link.massive {
            s.inertia[index] = [z; 10];
            s.force[index] = [z; 6];
            continue;
        }
        let [mass, x, y, zc, xx, yy, zz, xy, xz, yz] = g.inertia[index];
        let r = &s.rot[index];
        let c = add(s.pos[index], rotate(r, [x, y, zc]));
        let h = [c[0] * mass, c[1] * mass, c[2] * mass];
        // R I Rᵀ by rows.
        let (r0, r1, r2) = (row(r, 0), row(r, 1), row(r, 2));
        let columns = [[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]];
        let (t0, t1, t2) = (times(r0, &columns), times(r1, &columns), times(r2, &columns));
        let inertia = [
            dot(t0, r0) + h[1].mul_add(c[1], h[2] * c[2]),
            dot(t1, r1) + h[0].mul_add(c[0], h[2] * c[2]),
            dot(t2, r2) + h[0].mul_add(c[0], h[1] * c[1]),
            h[0].neg_mul_add(c[1], dot(t0, r1)),
            h[0].neg_mul_add(c[2], dot(t0, r2)),
            h[1].neg_mul_add(c[2], dot(t1, r2)),
            h[0],
            h[1],
            h[2],
            mass,
        ];
        let (w, v) = (angular(&s.vel[index]), linear(&s.vel[index]));
        let (moment, impulse) = momentum(&inertia, w, v);
        let (torque, force) = momentum(&inertia, angular(&s.acc[index]), linear(&s.acc[index]));
        let torque = add(torque, add(cross(w, moment), cross(v, impulse)));
        let force = add(force, cross(w, impulse));
        s.inertia[index] = inertia;
        s.force[index] = join(torque, force);
    }
}

/// A row times a matrix of three columns.
#[inline(always)]
fn times<V: Lane>(row: V3<V>, columns: &[V3<V>; 3]) -> V3<V> {
    [dot(row, columns[0]), dot(row, columns[1]), dot(row, columns[2])]
}

/// The resistance of the medium to a velocity, along its axes.
#[inline(always)]
fn resist<V: Lane>(rate: V3<V>, square: &[f32; 3], viscous: f32) -> V3<V> {
    array!([V::zero(); 3]; i => {
        -(V::splat(square[i]) * rate[i].abs()).mul_add(rate[i], V::splat(viscous) * rate[i])
    })
}

/// Subtracts the drag of the medium from the forces that the links need.
#[inline(always)]
pub(super) fn drag<V: Lane>(t: &Tables, s: &mut Scratch<V>) {
    for fluid in &t.fluids {
        let Fluid { link, com, rot, drag } = fluid;
        let vel = &s.vel[*link];
        let at = add(s.pos[*link], rotate(&s.rot[*link], splat3(*com)));
        let axes = rotate_frame(&s.rot[*link], rot);
        let w = rotate_back(&axes, angular(vel));
        let v = rotate_back(&axes, add(linear(vel), cross(angular(vel), at)));
        let force = rotate(&axes, resist(v, &drag.linear, drag.viscous_linear));
        let torque = rotate(&axes, resist(w, &drag.angular, drag.viscous_angular));
        let torque = add(torque, cross(at, force));
        let needed = &mut s.force[*link];
        for i in 0..3 {
            needed[i] -= torque[i];
            needed[3 + i] -= force[i];
        }
    }
}

/// Subtracts forces and torques from outside from the forces that the links need.
#[inline(always)]
pub(super) fn push<V: Lane>(t: &Tables, g: &Group<V>, s: &mut Scratch<V>) {
    for &body in &g.pushed {
        let (Some(link), effort) = (t.carriers[body].0, &g.push[body]) else { continue };
        let (torque, force) = (angular(effort), linear(effort));
        let at = add(s.pos[link], rotate(&s.rot[link], splat3(t.centres[body])));
        let wrench = join(add(cross(at, force), torque), force);
        // A lane that is not pushed keeps its bits, down to the sign of a zero.
        let size = effort.iter().fold(V::zero(), |sum, x| sum + x.abs());
        let on = V::zero().lt(size);
        for (needed, given) in s.force[link].iter_mut().zip(wrench) {
            *needed = V::select(on, *needed - given, *needed);
        }
    }
}

/// Joint forces and the mass matrix: the inward pass.
#[inline(always)]
pub(super) fn assemble<V: Lane>(t: &Tables, g: &Group<V>, s: &mut Scratch<V>) {
    for (k, (dof, &rate)) in t.dofs.iter().zip(&g.qvel).enumerate() {
        let mut force = -(V::splat(dof.damping) * rate);
        if let Some((stiffness, rest, qpos)) = dof.spring {
            force = V::splat(stiffness).neg_mul_add(g.qpos[qpos] - V::splat(rest), force);
        }
        s.u[k] = force;
    }
    for ((motor, &effort), &gear) in t.motors.iter().zip(&g.effort).zip(&g.gear) {
        s.u[motor.dof] += match &motor.servo {
            None => effort,
            Some(servo) => {
                let [constant, length, velocity] = array!([V::zero(); 3]; i => V::splat(servo.bias[i]));
                let force = V::splat(servo.gain).mul_add(effort, constant);
                let force = length.mul_add(g.qpos[servo.qpos], force);
                let force = velocity.mul_add(g.qvel[motor.dof], force);
                force.max(V::splat(servo.range[0])).min(V::splat(servo.range[1])) * gear
            }
        };
    }
    let z = V::zero();
    for (index, link) in t.links.iter().enumerate().rev() {
        let force = s.force[index];
        if link.kind == JointKind::Free {
            let i = &s.inertia[index];
            let (h, m) = ([i[6], i[7], i[8]], i[9]);
            // Rows of the lower triangle; the motions are unit vectors.
            let block = [
                m, z, m, z, z, m, z, -h[2], h[1], i[0], h[2], z, -h[0], i[3], i[1], -h[1], h[0], z, i[4],
                i[5], i[2],
            ];
            let row = t.dofs[link.dof].row;
            s.matrix.entries[row..row + 21].copy_from_slice(&block);
            for c in 0..3 {
                s.u[link.dof + c] -= force[3 + c];
                s.u[link.dof + 3 + c] -= force[c];
                for at in [link.dof + c, link.dof + 3 + c] {
                    let dof = &t.dofs[at];
                    s.matrix.entries[dof.row + dof.depth] += V::splat(dof.armature);
                }
            }
            continue;
        }
        for k in link.dof..link.dof + link.kind.nv() {
            let motion = s.motion[k];
            s.u[k] -= dot6(&motion, &force);
            let (torque, push) = momentum(&s.inertia[index], angular(&motion), linear(&motion));
            let effect = join(torque, push);
            let dof = &t.dofs[k];
            let row = dof.row;
            s.matrix.entries[row + dof.depth] = dot6(&motion, &effect) + V::splat(dof.armature);
            let mut first = 0;
            if t.trees[link.tree].free.is_some() {
                for c in 0..3 {
                    s.matrix.entries[row + c] = push[c];
                    s.matrix.entries[row + 3 + c] = torque[c];
                }
                first = 6;
            }
            for j in first..dof.depth {
                s.matrix.entries[row + j] = dot6(&s.motion[usize::from(t.columns[row + j])], &effect);
            }
        }
        if let Some(parent) = link.parent {
            let (head, tail) = s.inertia.split_at_mut(index);
            for (sum, own) in head[parent].iter_mut().zip(tail[0]) {
                *sum += own;
            }
            for (sum, own) in s.force[parent].iter_mut().zip(force) {
                *sum += own;
            }
        }
    }
}

/// Factors the mass matrix.
#[inline(always)]
pub(super) fn factor<V: Lane>(t: &Tables, s: &mut Scratch<V>) {
    if t.damped {
        s.damped.entries.copy_from_slice(&s.matrix.entries);
    }
    s.matrix.factor(t, &mut s.u);
}

/// Turns a quaternion by `rate` for twice the time `half`; the rate is in the world's axes or the body's.
#[inline(always)]
fn turn<V: Lane>(q: &mut [V], half: V, rate: V3<V>, world: bool) {
    let step = quat_exp([rate[0] * half, rate[1] * half, rate[2] * half]);
    let old = [q[0], q[1], q[2], q[3]];
    let new = if world { quat_mul(step, old) } else { quat_mul(old, step) };
    q.copy_from_slice(&quat_normalize(new));
}

/// Accelerations from `u`, then velocities, then positions (semi-implicit Euler).
#[inline(always)]
pub(super) fn integrate<V: Lane>(t: &Tables, g: &mut Group<V>, s: &mut Scratch<V>) {
    let h = V::splat(t.timestep);
    if t.damped {
        s.matrix.forces(t, &mut s.u);
        for dof in &t.dofs {
            s.damped.entries[dof.row + dof.depth] += V::splat(t.timestep * dof.damping);
        }
        s.damped.factor(t, &mut s.u);
        s.damped.solve(t, &mut s.u);
    } else {
        s.matrix.solve(t, &mut s.u);
    }
    for (rate, &acceleration) in g.qvel.iter_mut().zip(s.u.iter()) {
        *rate = h.mul_add(acceleration, *rate);
    }
    let half = V::splat(0.5 * t.timestep);
    for link in &t.links {
        let (q, v) = (&mut g.qpos[link.qpos..], &g.qvel[link.dof..]);
        match link.kind {
            JointKind::Free => {
                turn(&mut q[3..7], half, [v[3], v[4], v[5]], true);
                for i in 0..3 {
                    q[i] = h.mul_add(v[i], q[i]);
                }
            }
            JointKind::Ball => turn(&mut q[..4], half, [v[0], v[1], v[2]], false),
            JointKind::Slide | JointKind::Hinge => q[0] = h.mul_add(v[0], q[0]),
        }
    }
}
