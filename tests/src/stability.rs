//! Random controls over their full range on every task for a long time (see the program `stability`).

use std::sync::Arc;

use envs::{EnvConfig, Envs, Fidelity, Task};
use rand::RngExt as _;
use sim::{EngineKind, WorldView, Worlds};
use strategies::random::{Purpose, Stream};

/// What happened in some worlds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Control steps made in all worlds together.
    pub steps: usize,
    /// Episodes begun.
    pub episodes: usize,
    /// Worlds or episodes that blew up and were flagged.
    pub blow_ups: usize,
    /// Times that something not finite got out without a flag.
    pub not_finite: usize,
}

fn shipped(name: &str) -> Arc<dyn Task> {
    let config = EnvConfig::from_name(name).expect("a shipped task");
    config.build().expect("default settings are valid")
}

/// One stream of random numbers per world, which are the seeds.
fn streams(worlds: usize) -> Vec<Stream> {
    (0..worlds).map(|world| Stream::new(1, Purpose::Bench, 0, 0, world as u64)).collect()
}

/// An action, evenly over the range.
fn draw(task: &dyn Task, stream: &mut Stream) -> Vec<f32> {
    task.spec().actions.iter().map(|c| c.low + (c.high - c.low) * stream.random::<f32>()).collect()
}

/// Plays `steps` control steps in each of `worlds` environments; a new episode follows one that ends.
///
/// # Panics
/// If there is no such task.
#[must_use]
pub fn with_resets(name: &str, engine: EngineKind, worlds: usize, steps: usize) -> Outcome {
    let task = shipped(name);
    let options = task.physics(engine, Fidelity::Default);
    let mut envs = Envs::new(task.clone(), worlds, options, steps).expect("default settings are valid");
    let mut streams = streams(worlds);
    let mut outcome = Outcome::default();
    for _ in 0..steps {
        let mut actions = Vec::new();
        for (i, stream) in streams.iter_mut().enumerate() {
            if envs.is_resting(i) {
                envs.reset(i, stream);
                outcome.episodes += 1;
            }
            actions.extend(draw(task.as_ref(), stream));
        }
        envs.step(&vec![true; worlds], &actions);
        outcome.steps += worlds;
        outcome.not_finite += envs.observations().iter().filter(|x| !x.is_finite()).count();
        // An episode that blew up has to end.
        let survived = (0..worlds).filter(|&i| envs.blew_up(i) && !envs.outcome(i).terminated);
        outcome.not_finite += survived.count();
    }
    outcome.blow_ups = envs.blow_ups() as usize;
    outcome
}

/// Plays `steps` control steps in each of `worlds` worlds, wherever that leads: robots that fell go on
/// flailing. A world that blew up is left alone.
///
/// # Panics
/// If there is no such task.
#[must_use]
pub fn without_resets(name: &str, engine: EngineKind, worlds: usize, steps: usize) -> Outcome {
    let task = shipped(name);
    let model = task.model();
    let options = task.physics(engine, Fidelity::Default);
    let mut batch = Worlds::new(model, worlds, options, &task.sensors()).expect("a supported model");
    let mut streams = streams(worlds);
    for (world, stream) in streams.iter_mut().enumerate() {
        let mut qpos: Vec<f32> = model.qpos0.iter().map(|&q| q as f32).collect();
        let mut qvel = vec![0.0; model.nv()];
        task.reset(stream, &mut qpos, &mut qvel, &mut vec![0.0; task.spec().memory]);
        batch.reset(world, &qpos, &qvel);
    }
    let mut outcome = Outcome { episodes: worlds, ..Outcome::default() };
    let mut active = vec![true; worlds];
    let mut controls = vec![0.0; worlds * model.nu()];
    for _ in 0..steps {
        for (control, stream) in controls.chunks_mut(model.nu()).zip(&mut streams) {
            task.control(&draw(task.as_ref(), stream), control);
        }
        batch.step(&active, &controls);
        for (world, active) in active.iter_mut().enumerate().filter(|(_, active)| **active) {
            let WorldView { qpos, qvel, sensors, .. } = batch.view(world);
            let finite = qpos.iter().chain(qvel).chain(sensors).all(|x| x.is_finite());
            outcome.steps += 1;
            outcome.blow_ups += usize::from(batch.bad(world));
            outcome.not_finite += usize::from(!finite && !batch.bad(world));
            *active = finite && !batch.bad(world);
        }
    }
    outcome
}
