//! What allocates nothing: lanes, and all of rapier's parameters but the masses. (Inside a step and a
//! reset, rapier itself allocates.)

#![allow(clippy::unwrap_used, reason = "tests")]
#![allow(unsafe_code, reason = "an allocator that counts")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;

use sim::{EngineKind, Model, Parameters, Sensor, StepOptions, Worlds};

struct Counting;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: everything is handed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps the contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocations of this thread in `work`.
fn allocations(work: impl FnOnce()) -> usize {
    let before = COUNT.with(Cell::get);
    work();
    COUNT.with(Cell::get) - before
}

fn worlds(engine: EngineKind, n: usize, sensors: &[Sensor]) -> Worlds {
    let model = Arc::new(Model::from_mjcf(include_str!("../../envs/assets/ant.xml"), "ant.xml").unwrap());
    let options = StepOptions { engine, timestep: 0.01, substeps: 5, iterations: 4 };
    Worlds::new(&model, n, options, sensors).unwrap()
}

#[test]
fn lanes_steps_and_resets_without_allocating() {
    let mut worlds = worlds(EngineKind::Lanes, 40, &[Sensor::Velocity(1), Sensor::ContactForce(1)]);
    let (active, controls) = (vec![true; 40], vec![0.3; 40 * 8]);
    let qpos = worlds.view(0).qpos.to_vec();
    let qvel = vec![0.1; 14];
    // Long enough to fall and touch.
    let play = |worlds: &mut Worlds| {
        for world in 0..40 {
            worlds.reset(world, &qpos, &qvel);
        }
        (0..40).for_each(|_| worlds.step(&active, &controls));
    };
    play(&mut worlds);
    assert_eq!(allocations(|| play(&mut worlds)), 0);
}

#[test]
fn parameters_change_without_allocating() {
    for engine in EngineKind::ALL {
        let mut worlds = worlds(engine, 1, &[]);
        let nominal = Parameters::nominal(worlds.model());
        let mut changed = nominal.clone();
        changed.gear[2] = 0.0;
        changed.gravity = [1.0, 0.0, -5.0];
        changed.friction = 0.4;
        changed.force[1] = [3.0, 0.0, 0.0];
        let turn = |worlds: &mut Worlds| {
            worlds.set_parameters(0, &changed).unwrap();
            worlds.set_parameters(0, &nominal).unwrap();
        };
        turn(&mut worlds);
        assert_eq!(allocations(|| turn(&mut worlds)), 0, "{engine:?}");
    }
}

/// Many worlds cost no more allocations than as many single ones.
#[test]
fn a_batch_of_rapier_allocates_nothing_of_its_own() {
    let controls = vec![0.3; 3 * 8];
    let mut single = worlds(EngineKind::Rapier, 1, &[]);
    let mut batch = worlds(EngineKind::Rapier, 3, &[]);
    batch.step(&[true; 3], &controls);
    single.step(&[true], &controls[..8]);
    let one = allocations(|| single.step(&[true], &controls[..8]));
    let three = allocations(|| batch.step(&[true; 3], &controls));
    assert_eq!(three, 3 * one);
}
