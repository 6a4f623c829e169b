//! Sweeps that find the forces of all rows.
//!
//! Projected Gauss-Seidel, one block per contact, starting from the forces of the step before.

use super::blocks::{Blocks, Rows, Wrench, every};
use super::dynamics::{Group, Scratch};
use super::lane::Lane;
use super::shape::Candidate;
use super::table::Tables;
use super::vector::{V3, array};

/// y·u − reference.
#[inline(always)]
fn residual<V: Lane, const D: usize>(dofs: &[u8], y: &[[V; D]], u: &[V; 64], reference: &[V; D]) -> [V; D] {
    let mut a = array!([V::zero(); D]; c => -reference[c]);
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
fn apply<V: Lane, const D: usize>(dofs: &[u8], y: &[[V; D]], f: &[V; D], inverse: &[V; 64], u: &mut [V; 64]) {
    for (y, &dof) in y.iter().zip(dofs) {
        let mut sum = y[0] * f[0];
        for c in 1..D {
            sum = y[c].mul_add(f[c], sum);
        }
        let at = usize::from(dof & 63);
        u[at] = inverse[at].mul_add(sum, u[at]);
    }
}

impl<V: Lane, const D: usize, const E: usize> Blocks<V, D, E> {
    #[inline(always)]
    fn warm_start(&self, t: &Tables, inverse: &[V; 64], u: &mut [V; 64]) {
        for block in self.items() {
            let dofs = &t.supports[t.contacts[block.contact].support].dofs;
            apply(dofs, &self.y[block.y..], &block.along(), inverse, u);
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
            apply(dofs, y, &change, inverse, u);
        }
    }

    /// Keeps the forces for the next step, and gives them to `see` as world vectors on side B.
    #[inline(always)]
    fn finish(
        &self,
        t: &Tables,
        contact: &mut [V],
        points: &[[V3<V>; 2]],
        mut see: impl FnMut(&Candidate, &Wrench<V>),
    ) {
        for block in self.items() {
            let touching = &t.contacts[block.contact];
            contact[touching.force..touching.force + E].copy_from_slice(&block.force);
            let along = block.along();
            let normal = along[D - 1];
            let force = array!([V::zero(); 3]; i => {
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
                spin = array!([V::zero(); 3]; i => along.mul_add(axis[i], spin[i]));
            }
            let at = points.get(block.contact).copied().unwrap_or([[V::zero(); 3]; 2]);
            see(touching, &Wrench { force, spin, normal, at });
        }
    }
}

#[inline(always)]
fn apply_single<V: Lane>(dofs: &[u8], y: &[[V; 1]], f: V, inverse: &[V; 64], u: &mut [V; 64]) {
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
    mut see: impl FnMut(&Candidate, &Wrench<V>),
) {
    let Scratch { u, matrix, .. } = s;
    let inverse = &matrix.inverse;
    for single in &rows.singles {
        apply_single(single.dofs(t), &rows.y[single.y..], single.sign * single.force, inverse, u);
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
            apply_single(dofs, y, change, inverse, u);
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
