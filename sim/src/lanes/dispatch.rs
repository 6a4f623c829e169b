//! One control step, compiled for several instruction sets and chosen at run time.

use std::sync::Arc;

#[cfg(lanes_avx2)]
use super::avx2::Avx2;
#[cfg(lanes_avx512)]
use super::avx512::Avx512;
use super::blocks::Hit;
use super::collide::{collide, hit};
use super::dual::{Differentiable, Dual};
use super::dynamics::{Group, Scratch, assemble, drag, factor, inertia, integrate, kinematics, push};
use super::engine::LanesEngine;
#[cfg(lanes_portable)]
use super::portable::Arrays;
#[cfg(any(lanes_portable, test))]
use super::portable::Portable;
use super::rows::add_singles;
use super::sensors::sense;
use super::shape::Candidate;
use super::solver::solve;
use super::table::Tables;
use super::work::{Run, Shared, Work};
use crate::engine::{Engine, MAX_POSITION, MAX_RATE};
use crate::{Model, Sensor, StepOptions};

/// An instruction set that the engine is compiled for; the build script chooses which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Width {
    /// What the compiler makes of arrays, with the instructions that the program was built for.
    #[cfg(any(lanes_portable, test))]
    Portable,
    /// x86-64-v3: AVX2 and FMA.
    #[cfg(lanes_avx2)]
    Avx2,
    /// AVX-512 F and DQ.
    #[cfg(lanes_avx512)]
    Avx512,
}

impl Width {
    /// Those that this processor has, narrowest first.
    pub(super) fn available() -> Vec<Self> {
        vec![
            #[cfg(any(lanes_portable, test))]
            (true, Self::Portable),
            #[cfg(lanes_avx2)]
            (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"), Self::Avx2),
            #[cfg(lanes_avx512)]
            (is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512dq"), Self::Avx512),
        ]
        .into_iter()
        .filter_map(|(there, width)| there.then_some(width))
        .collect()
    }

    /// The widest of them; none in a developer's build that runs on a machine that lacks the instructions of its own.
    pub(super) fn widest() -> Option<Self> {
        Self::available().pop()
    }
}

/// The engine for `width`, which must be [available](Width::available).
pub(super) fn engine(
    model: &Arc<Model>,
    n: usize,
    options: StepOptions,
    sensors: &[Sensor],
    width: Width,
) -> Box<dyn Engine> {
    assert!(Width::available().contains(&width), "{width:?} is not on this processor");
    match width {
        #[cfg(any(lanes_portable, test))]
        Width::Portable => Box::new(LanesEngine::<Portable>::new(model, n, options, sensors)),
        #[cfg(lanes_avx2)]
        Width::Avx2 => Box::new(LanesEngine::<Avx2>::new(model, n, options, sensors)),
        #[cfg(lanes_avx512)]
        Width::Avx512 => Box::new(LanesEngine::<Avx512>::new(model, n, options, sensors)),
    }
}

/// Implements [`Run`] for a type whose instructions are enabled inside.
macro_rules! run {
    (@ $body:path, $type:ty, [$($feature:meta)?], $name:ident($($arg:ident: $ty:ty),*) $(-> $out:ty)?) => {
        fn $name($($arg: $ty),*) $(-> $out)? {
            $(#[$feature])?
            fn inner($($arg: $ty),*) $(-> $out)? {
                $body($($arg),*)
            }
            #[allow(unsafe_code, unused_unsafe, reason = "a function compiled for other instructions")]
            // SAFETY: an engine of this type is made only where the instructions were detected.
            unsafe {
                inner($($arg),*)
            }
        }
    };
    ($type:ty, $features:tt) => {
        impl Run for $type {
            run!(@ control_step, $type, $features,
                step(shared: &Shared, group: &mut Group<$type>, work: &mut Work<$type>));
            run!(@ kinematics, $type, $features,
                look(tables: &Tables, group: &Group<$type>, scratch: &mut Scratch<$type>));
            run!(@ sense_start, $type, $features,
                sense(shared: &Shared, group: &Group<$type>, work: &mut Work<$type>));
            run!(@ hit, $type, $features,
                hit(scratch: &Scratch<$type>, tables: &Tables, contact: &Candidate) -> Option<Hit<$type>>);
        }
    };
}

#[cfg(lanes_portable)]
impl Differentiable for Portable {
    type Register = Arrays<true>;
}
/// The same numbers as by arrays, in less time to compile.
#[cfg(all(test, not(lanes_portable), lanes_avx512))]
impl Differentiable for Portable {
    type Register = Avx512;
}
#[cfg(all(test, not(lanes_portable), not(lanes_avx512)))]
impl Differentiable for Portable {
    type Register = Avx2;
}
#[cfg(lanes_avx2)]
impl Differentiable for Avx2 {
    type Register = Self;
}
#[cfg(lanes_avx512)]
impl Differentiable for Avx512 {
    type Register = Self;
}

#[cfg(any(lanes_portable, test))]
run!(Portable, []);
#[cfg(lanes_portable)]
run!(Dual<Arrays<true>>, []);
#[cfg(lanes_avx2)]
run!(Avx2, [target_feature(enable = "avx2,fma")]);
#[cfg(lanes_avx2)]
run!(Dual<Avx2>, [target_feature(enable = "avx2,fma")]);
#[cfg(lanes_avx512)]
run!(Avx512, [target_feature(enable = "avx2,fma,avx512f,avx512dq")]);
#[cfg(lanes_avx512)]
run!(Dual<Avx512>, [target_feature(enable = "avx2,fma,avx512f,avx512dq")]);

#[inline(always)]
fn control_step<V: Run>(shared: &Shared, g: &mut Group<V>, work: &mut Work<V>) {
    let t = &shared.tables;
    let Work { scratch: s, rows, touch, bad, .. } = work;
    for substep in 0..t.substeps {
        V::look(t, g, s);
        inertia(t, g, s);
        if !t.fluids.is_empty() {
            drag(t, s);
        }
        if !g.pushed.is_empty() {
            push(t, g, s);
        }
        assemble(t, g, s);
        factor(t, s);
        rows.clear();
        add_singles(t, g, s, rows);
        collide(t, g, s, rows);
        let last = substep + 1 == t.substeps && !shared.touched.is_empty();
        if last {
            touch.fill([V::zero(); 7]);
        }
        solve(t, g, s, rows, |contact, push| {
            if !last {
                return;
            }
            for (index, (side, sign)) in [(&contact.a, -1.0), (&contact.b, 1.0)].into_iter().enumerate() {
                let moment = push.moment(index);
                for &(body, share) in &side.owners {
                    let Ok(index) = shared.touched.binary_search(&body) else { continue };
                    let sum = &mut touch[index];
                    let part = V::splat(sign * share);
                    for i in 0..3 {
                        sum[i] = part.mul_add(push.force[i], sum[i]);
                        sum[4 + i] = part.mul_add(moment[i], sum[4 + i]);
                    }
                    sum[3] = V::splat(share).mul_add(push.normal, sum[3]);
                }
            }
        });
        integrate(t, g, s);
    }
    let (one, mut sound) = (V::splat(1.0), V::splat(1.0));
    for (values, bound) in [(&g.qpos, MAX_POSITION), (&g.qvel, MAX_RATE)] {
        for x in values {
            sound = V::select(x.abs().lt(V::splat(bound)), sound, V::zero());
        }
    }
    *bad = one - sound;
    if !shared.gauges.is_empty() {
        V::look(t, g, s);
        sense(shared, work, true);
    }
}

#[inline(always)]
fn sense_start<V: Run>(shared: &Shared, g: &Group<V>, work: &mut Work<V>) {
    V::look(&shared.tables, g, &mut work.scratch);
    sense(shared, work, false);
}
