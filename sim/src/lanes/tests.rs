//! The engine as a whole: its instruction sets against each other, its mass matrix against the sum.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

#[cfg(lanes_avx2)]
use super::avx2::Avx2;
#[cfg(lanes_avx512)]
use super::avx512::Avx512;
use super::dispatch::{self, Width};
use super::dual::Dual;
use super::dynamics::{Group, Scratch, assemble, inertia, kinematics};
use super::lane::{Lane, WIDTH};
use super::missing::missing;
use super::portable::Portable;
use super::table::Tables;
use super::weights::Weights;
use crate::engine::State;
use crate::{EngineKind, JointKind, Model, Sensor, StepOptions};

const ANT: &str = include_str!("../../../envs/assets/ant.xml");
/// A free body, a ball joint off the anchor, two hinges and a slide, with turned frames.
const CREATURE: &str = r#"<mujoco><option timestep="0.005"/><worldbody>
    <geom type="plane" size="5 5 1"/>
    <body pos="0 0 0.4" euler="20 30 40"><freejoint/><geom type="capsule" size="0.1 0.2" mass="2"/>
      <body pos="0.2 0.1 0" euler="0 50 10"><joint type="ball" pos="-0.1 0 0" damping="0.1"/>
        <geom type="capsule" size="0.05 0.1" mass="0.5" pos="0.1 0 0"/>
        <body pos="0.2 0 0"><joint type="hinge" axis="0 1 0" armature="0.01"/>
          <joint type="hinge" axis="0 0 1"/><joint type="slide" axis="1 0 0" damping="1"/>
          <geom type="sphere" size="0.08" mass="0.3" pos="0.05 0.02 0"/>
          <body pos="0 0.1 0.1"><geom type="sphere" size="0.03" mass="0.1"/></body>
        </body></body></body></worldbody></mujoco>"#;

fn model(xml: &str) -> Arc<Model> {
    Arc::new(Model::from_mjcf(xml, "test.xml").unwrap())
}

#[test]
fn every_instruction_set_gives_the_same_bits() {
    for xml in [ANT, CREATURE] {
        let model = model(xml);
        let (n, nu) = (WIDTH + 3, model.nu());
        let options = StepOptions { engine: EngineKind::Lanes, timestep: 0.005, substeps: 4, iterations: 10 };
        let sensors = [Sensor::Orientation(1), Sensor::Velocity(2), Sensor::ContactForce(1)];
        let runs: Vec<Vec<u32>> = Width::available()
            .into_iter()
            .map(|width| {
                let mut engine = dispatch::engine(&model, n, options, &sensors, width);
                let mut state = State::new(&model, n, &sensors);
                let mut bits = Vec::new();
                for step in 0..100 {
                    let controls: Vec<f32> =
                        (0..n * nu).map(|i| ((step * 31 + i * 17) % 41) as f32 / 20.0 - 1.0).collect();
                    let active: Vec<bool> = (0..n).map(|i| (step + i) % 7 > 0).collect();
                    engine.step(&active, &controls, &mut state);
                    for world in 0..n {
                        let row = state.row(world);
                        let all = row.qpos.iter().chain(row.qvel.iter()).chain(row.sensors.iter());
                        bits.extend(all.map(|x| x.to_bits()));
                    }
                }
                bits
            })
            .collect();
        assert!(runs[0].iter().any(|&b| b != runs[0][0]), "something moves");
        for run in &runs[1..] {
            assert!(*run == runs[0], "{} of {} numbers differ", differing(run, &runs[0]), run.len());
        }
    }
}

/// As many as there are lanes, and one: shifted by any number of places, each meets another.
const NUMBERS: [f32; WIDTH + 1] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    1.5,
    -2.5,
    3.7,
    -1e9,
    8_388_609.0,
    f32::MIN_POSITIVE,
    -1e-45,
    f32::MAX,
    f32::MIN,
    f32::INFINITY,
    f32::NEG_INFINITY,
    f32::NAN,
];

#[inline(always)]
fn loaded<V: Lane>(shift: usize) -> V {
    let mut register = V::zero();
    for (lane, x) in register.lanes_mut().iter_mut().enumerate() {
        *x = NUMBERS[(lane + shift) % NUMBERS.len()];
    }
    register
}

/// The bits of every operation's results. All NaN are one: their sign and payload are not promised.
#[inline(always)]
fn operations<V: Lane>(shifts: [usize; 3]) -> Vec<u32> {
    let [a, b, c] = [loaded::<V>(shifts[0]), loaded::<V>(shifts[1]), loaded::<V>(shifts[2])];
    let (mut more, mut less) = (a, a);
    more += b;
    less -= b;
    let less_than = a.lt(b);
    let results = [
        [more, less, a * b, -a, a.abs(), a.round(), a.recip(), a.sqrt()],
        [
            a.mul_add(b, c),
            a.neg_mul_add(b, c),
            a.max(b),
            a.min(b),
            V::select(less_than, b, c),
            V::splat(NUMBERS[shifts[0]]),
            V::zero(),
            a + b,
        ],
    ];
    let mut bits = vec![u32::from(V::any(less_than)), u32::from(V::any(a.lt(a)))];
    for register in results.as_flattened() {
        for x in register.lanes() {
            bits.push(if x.is_nan() { f32::NAN.to_bits() } else { x.to_bits() });
        }
    }
    bits
}

/// [`operations`] in the registers of a set, compiled for it as [`dispatch`] compiles the engine.
#[allow(unsafe_code, reason = "functions compiled for other instructions")]
fn operations_of(width: Width, shifts: [usize; 3]) -> Vec<u32> {
    match width {
        Width::Portable => operations::<Portable>(shifts),
        #[cfg(lanes_avx2)]
        Width::Avx2 => {
            #[target_feature(enable = "avx2,fma")]
            fn compiled(shifts: [usize; 3]) -> Vec<u32> {
                operations::<Avx2>(shifts)
            }
            // SAFETY: the width is available.
            unsafe { compiled(shifts) }
        }
        #[cfg(lanes_avx512)]
        Width::Avx512 => {
            #[target_feature(enable = "avx2,fma,avx512f,avx512dq")]
            fn compiled(shifts: [usize; 3]) -> Vec<u32> {
                operations::<Avx512>(shifts)
            }
            // SAFETY: the width is available.
            unsafe { compiled(shifts) }
        }
    }
}

#[test]
fn every_register_computes_the_same_numbers() {
    let n = NUMBERS.len();
    // All triples of numbers: one of 17 has no lane, and two starts leave out different ones. Miri takes some.
    let triples = (0..2 * n * n).map(|k| [8 * (k % 2), k / 2 % n, k / 2 / n]);
    for shifts in triples.step_by(if cfg!(miri) { 29 } else { 1 }) {
        let expected = operations_of(Width::Portable, shifts);
        for width in Width::available() {
            assert_eq!(operations_of(width, shifts), expected, "{width:?} {shifts:?}");
        }
        assert_eq!(operations::<Dual<Portable>>(shifts), expected, "values with derivatives, {shifts:?}");
    }
}

fn differing(a: &[u32], b: &[u32]) -> usize {
    a.iter().zip(b).filter(|(a, b)| a != b).count()
}

#[test]
fn the_mass_matrix_is_that_of_the_dense_double_precision_sum() {
    for xml in [ANT, CREATURE] {
        let mut model = (*model(xml)).clone();
        model.option.gravity = [0.0; 3];
        let dense = Weights::new(&model).mass;
        let tables = Tables::new(
            &model,
            StepOptions { engine: EngineKind::Lanes, timestep: 0.005, substeps: 1, iterations: 1 },
        );
        let mut group = Group::<Portable>::new(&tables);
        for (to, &q) in group.qpos.iter_mut().zip(&model.qpos0) {
            *to = Portable::splat(q as f32);
        }
        for link in 0..tables.links.len() {
            let factors = vec![1.0; model.bodies.len()];
            group.inertia[link] = tables.link_inertia(link, &factors).map(Portable::splat);
        }
        let mut scratch = Scratch::new(&tables);
        kinematics(&tables, &group, &mut scratch);
        inertia(&tables, &group, &mut scratch);
        assemble(&tables, &group, &mut scratch);
        let scale = dense.amax();
        // MuJoCo's free joint turns about the body's axes, ours about the world's.
        let body_axes = |k: usize| {
            model
                .joints
                .iter()
                .any(|j| j.kind == JointKind::Free && (j.dof_adr + 3..j.dof_adr + 6).contains(&k))
        };
        let mut compared = 0;
        for (k, dof) in tables.dofs.iter().enumerate().filter(|(k, _)| !body_axes(*k)) {
            for entry in dof.row..=dof.row + dof.depth {
                let column = usize::from(tables.columns[entry]);
                if body_axes(column) {
                    continue;
                }
                let ours = f64::from(scratch.matrix.entries[entry].lanes()[5]);
                let theirs = dense[(k, column)];
                assert!((ours - theirs).abs() < 1e-5 * scale, "{k} {column}: {ours} {theirs}");
                compared += 1;
            }
        }
        assert!(compared > 20, "{compared} entries");
    }
}

#[test]
fn what_it_cannot_do_is_refused_by_name() {
    for (body, complaint) in [
        ("<joint type='ball' range='0 30' limited='true'/><geom size='1'/>", "limits on joint"),
        ("<joint type='ball' stiffness='1'/><geom size='1'/>", "spring or dry friction on joint"),
        ("<joint range='0 1' limited='true' margin='1'/><geom size='1'/>", "margin of joint"),
        ("<joint/><geom type='ellipsoid' size='1 2 3'/>", "collisions of"),
        ("<joint/><geom size='1' solimp='0.9 0.95 0.001 0.5 1.7'/>", "solimp power 1.7"),
    ] {
        let xml = format!(
            "<mujoco><worldbody><geom type='plane' size='1 1 1'/><body>{body}</body></worldbody></mujoco>"
        );
        let missing = missing(&model(&xml.replace('\'', "\"")));
        assert!(missing.iter().any(|m| m.contains(complaint)), "{body}: {missing:?}");
    }
    assert!(missing(&model(ANT)).is_empty());
}
