//! Sweeps that find the forces of all rows.
//!
//! Projected Gauss-Seidel, one block per contact, starting from the forces of the step before.

use super::blocks::{Blocks, Rows, Wrench, every};
use super::dynamics::{Group, Scratch};
use super::lane::Lane;
use super::shape::Candidate;
use super::table::Tables;
use super::vector::{V3, array};

/// `a` and y·u. The first `P` degrees of freedom are those of `trunk`.
#[inline(always)]
fn plus_rates<V: Lane, const D: usize, const P: usize>(
    dofs: &[u8],
    y: &[[V; D]],
    trunk: &[V; P],
    u: &[V; 64],
    mut a: [V; D],
) -> [V; D] {
    let (first, rest) = y.split_first_chunk::<P>().expect("all rows begin with the trunk");
    for k in 0..P {
        for c in 0..D {
            a[c] = first[k][c].mul_add(trunk[k], a[c]);
        }
    }
    for (y, &dof) in rest.iter().zip(&dofs[P..]) {
        let u = u[usize::from(dof & 63)];
        for c in 0..D {
            a[c] = y[c].mul_add(u, a[c]);
        }
    }
    a
}

/// u += D⁻¹ y f.
#[inline(always)]
fn apply<V: Lane, const D: usize, const P: usize>(
    dofs: &[u8],
    y: &[[V; D]],
    f: &[V; D],
    inverse: &[V; 64],
    trunk: &mut [V; P],
    u: &mut [V; 64],
) {
    let (first, rest) = y.split_first_chunk::<P>().expect("all rows begin with the trunk");
    for k in 0..P {
        trunk[k] = inverse[k].mul_add(along(&first[k], f), trunk[k]);
    }
    for (y, &dof) in rest.iter().zip(&dofs[P..]) {
        let at = usize::from(dof & 63);
        u[at] = inverse[at].mul_add(along(y, f), u[at]);
    }
}

#[inline(always)]
fn along<V: Lane, const D: usize>(y: &[V; D], f: &[V; D]) -> V {
    let mut sum = y[0] * f[0];
    for c in 1..D {
        sum = y[c].mul_add(f[c], sum);
    }
    sum
}

impl<V: Lane, const D: usize, const E: usize> Blocks<V, D, E> {
    #[inline(always)]
    fn warm_start<const P: usize>(&self, t: &Tables, inverse: &[V; 64], trunk: &mut [V; P], u: &mut [V; 64]) {
        for block in self.items() {
            let dofs = &t.supports[t.contacts[block.contact].support].dofs;
            apply(dofs, &self.y[block.y..], &block.along(), inverse, trunk, u);
        }
    }

    #[inline(always)]
    fn sweep<const P: usize>(
        &mut self,
        t: &Tables,
        inverse: &[V; 64],
        trunk: &mut [V; P],
        u: &mut [V; 64],
        back: bool,
    ) {
        let n = self.used;
        for i in 0..n {
            let block = &mut self.room[if back { n - 1 - i } else { i }];
            let dofs = &t.supports[t.contacts[block.contact].support].dofs[..];
            let y = &self.y[block.y..];
            let start = array!([V::zero(); D]; c => -block.reference[c]);
            let a = plus_rates(dofs, y, trunk, u, start);
            let change = block.update(a, t.impratio);
            apply(dofs, y, &change, inverse, trunk, u);
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
fn apply_single<V: Lane, const P: usize>(
    dofs: &[u8],
    y: &[[V; 1]],
    f: V,
    inverse: &[V; 64],
    trunk: &mut [V; P],
    u: &mut [V; 64],
) {
    let (first, rest) = y.split_first_chunk::<P>().expect("all rows begin with the trunk");
    for k in 0..P {
        trunk[k] = (inverse[k] * f).mul_add(first[k][0], trunk[k]);
    }
    for ([y], &dof) in rest.iter().zip(&dofs[P..]) {
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
    match t.trunk {
        6 => sweeps::<V, 6>(t, s, rows),
        3 => sweeps::<V, 3>(t, s, rows),
        _ => sweeps::<V, 0>(t, s, rows),
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

/// All sweeps. What the first `P` degrees of freedom do stays in registers: every row acts on them.
#[inline(always)]
fn sweeps<V: Lane, const P: usize>(t: &Tables, s: &mut Scratch<V>, rows: &mut Rows<V>) {
    let Scratch { u, matrix, .. } = s;
    let inverse = &matrix.inverse;
    let mut trunk = array!([V::zero(); P]; k => u[k]);
    for single in &rows.singles {
        let force = single.sign * single.force;
        apply_single(single.dofs(t), &rows.y[single.y..], force, inverse, &mut trunk, u);
    }
    every!(rows, blocks => blocks.warm_start(t, inverse, &mut trunk, u), frictionless pyramids);
    every!(rows, blocks => if blocks.used > 0 {
        put(&trunk, u);
        blocks.warm_start(t, inverse, &mut [], u);
        trunk = array!([V::zero(); P]; k => u[k]);
    }, pyramids4 pyramids6 cones cones4 cones6);
    for sweep in 0..t.sweeps {
        let back = sweep % 2 == 1;
        for single in &mut rows.singles {
            let dofs = single.dofs(t);
            let y = &rows.y[single.y..];
            let [a] = plus_rates(dofs, y, &trunk, u, [V::zero()]);
            let rest = single.regularization.mul_add(single.force, -single.reference);
            let residual = single.sign.mul_add(a, rest);
            let force = single.inverse.neg_mul_add(residual, single.force);
            let force = force.max(single.low).min(single.high);
            let change = single.sign * (force - single.force);
            single.force = force;
            apply_single(dofs, y, change, inverse, &mut trunk, u);
        }
        every!(rows, blocks => blocks.sweep(t, inverse, &mut trunk, u, back), frictionless pyramids);
        every!(rows, blocks => if blocks.used > 0 {
            put(&trunk, u);
            blocks.sweep(t, inverse, &mut [], u, back);
            trunk = array!([V::zero(); P]; k => u[k]);
        }, pyramids4 pyramids6 cones cones4 cones6);
    }
    put(&trunk, u);
}

#[inline(always)]
fn put<V: Lane, const P: usize>(trunk: &[V; P], u: &mut [V; 64]) {
    u[..P].copy_from_slice(trunk);
}
