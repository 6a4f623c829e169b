//! One Gauss-Seidel update of a contact: its forces stay within the friction cone.

use super::blocks::Block;
use super::lane::Lane;
use super::vector::array;

impl<V: Lane, const D: usize, const E: usize> Block<V, D, E> {
    /// One Gauss-Seidel update given the residual acceleration; returns the change along the directions.
    #[inline(always)]
    pub(super) fn update(&mut self, mut a: [V; D], impratio: f32) -> [V; D] {
        if E == D && D > 1 {
            return self.update_cone(a, impratio);
        }
        // Residuals of all forces at once: what one changes is added to the others.
        let n = D - 1;
        let mut residual: [V; E] = array!([V::zero(); E]; e => {
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
        let f: [V; D] = array!([z; D]; c => self.force[c]);
        let mu = &self.friction;
        // Regularisation of the directions: R_c μ_c² is the same for all but the normal.
        let first = self.regularization * V::splat(1.0 / impratio) * mu[0] * mu[0];
        let r: [V; D] = array!([z; D]; c => {
                    if c == n { self.regularization } else { first * (mu[c] * mu[c]).recip() }
                },);
        let pressed = V::splat(1e-10).lt(f[n]);
        let ray: [V; D] = array!([z; D]; c => V::select(pressed, f[c], if c == n { one } else { z }));
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
        let mut new: [V; D] = array!([z; D]; c => step.mul_add(ray[c], f[c]));
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
            x = forward_back(&l, &array!([z; D]; c => -q[c]));
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
        array!([z; D]; c => {
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
