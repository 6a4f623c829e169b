//! Whether a task's derivatives are those of its own observation and reward.

use rand::{RngExt as _, SeedableRng as _, rngs::ChaCha8Rng};
use sim::{JointKind, Model, StepOptions, WorldView, Worlds};

use crate::formulas::{At, Derivatives, Gradient, View};
use crate::math::product;
use crate::{Channel, EnvError, Task};

/// Half of a centred difference, in m, rad and units of the rest: exact in binary, and so large that single precision
/// does not matter.
const STEP: f32 = 1.0 / 128.0;
/// Largest difference between derivative and difference, relative to them or, if they are smaller, to 1.
const CLOSE: f64 = 1e-2;
/// Largest difference between the differences to both sides; beyond, there is a kink.
const SMOOTH: f64 = 0.05;
/// Steps between two states that are looked at.
const APART: usize = 5;

/// Everything that observation and reward are made of.
#[derive(Clone)]
struct Input {
    qpos: Vec<f32>,
    qvel: Vec<f32>,
    sensors: Vec<f32>,
    memory: Vec<f32>,
    action: Vec<f32>,
}

impl Input {
    /// The same, with number `k` of the columns moved by `by`.
    fn moved(&self, model: &Model, mut k: usize, by: f32) -> Self {
        let mut moved = self.clone();
        if k < model.nv() {
            move_qpos(model, &mut moved.qpos, k, by);
            return moved;
        }
        k -= model.nv();
        let parts = [&mut moved.qvel, &mut moved.sensors, &mut moved.memory, &mut moved.action];
        for part in parts {
            match part.get_mut(k) {
                Some(x) => {
                    *x += by;
                    break;
                }
                None => k -= part.len(),
            }
        }
        moved
    }

    fn columns(&self) -> usize {
        2 * self.qvel.len() + self.sensors.len() + self.memory.len()
    }

    fn view(&self) -> WorldView<'_> {
        WorldView { qpos: &self.qpos, qvel: &self.qvel, sensors: &self.sensors, parameters: None }
    }

    fn observation(&self, task: &dyn Task) -> Vec<f32> {
        let mut obs = vec![f32::NAN; task.spec().observations.len()];
        task.observe(&self.view(), &self.memory, &mut obs);
        obs
    }

    /// Reward terms, then the memory after the step.
    fn reward(&self, task: &dyn Task) -> Vec<f32> {
        let (mut memory, mut terms) = (self.memory.clone(), vec![f32::NAN; task.spec().terms.len()]);
        task.step(&self.view(), &self.action, &mut memory, &mut terms);
        [terms, memory].concat()
    }
}

/// Turns or moves by degree of freedom `k`.
fn move_qpos(model: &Model, qpos: &mut [f32], k: usize, by: f32) {
    let Some(joint) = model.joints.iter().rfind(|joint| joint.dof_adr <= k) else { return };
    let (at, part) = (joint.qpos_adr, k - joint.dof_adr);
    let first = match joint.kind {
        JointKind::Free => 3,
        JointKind::Ball => 0,
        JointKind::Hinge | JointKind::Slide => 1,
    };
    if part < first {
        qpos[at + part] += by;
        return;
    }
    let half = 0.5 * f64::from(by);
    let mut turn = [libm::cos(half), 0.0, 0.0, 0.0];
    turn[1 + part - first] = libm::sin(half);
    let quat = &mut qpos[at + first..at + first + 4];
    let turned = product([quat[0], quat[1], quat[2], quat[3]].map(f64::from), turn);
    quat.iter_mut().zip(turned).for_each(|(to, x)| *to = x as f32);
}

fn fail<T>(task: &dyn Task, problem: String) -> Result<T, EnvError> {
    Err(EnvError::Check { env: task.spec().name, check: "gradient", problem })
}

/// Compares derivatives with centred differences in `steps` control steps for each of some seeds, unless the task has
/// none.
pub(super) fn gradient(
    task: &dyn Task,
    options: StepOptions,
    (seeds, steps): (u64, usize),
) -> Result<(), EnvError> {
    let Some(gradient) = task.gradient() else { return Ok(()) };
    let (mut compared, mut kinks) = (0, 0);
    for seed in 0..seeds {
        for input in states(task, options, (seed, steps))? {
            let (one, two) = compare(task, gradient, &input)?;
            (compared, kinks) = (compared + one, kinks + two);
        }
    }
    if compared <= kinks {
        let problem = format!("{kinks} derivatives are at kinks, and only {compared} could be compared");
        return fail(task, problem);
    }
    Ok(())
}

/// States of an episode of random actions, with the memory of before the step.
fn states(
    task: &dyn Task,
    options: StepOptions,
    (seed, steps): (u64, usize),
) -> Result<Vec<Input>, EnvError> {
    let spec = task.spec();
    let mut worlds = Worlds::new(task.model(), 1, options, &task.sensors())?;
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut qpos: Vec<f32> = task.model().qpos0.iter().map(|&q| q as f32).collect();
    let (mut qvel, mut memory) = (vec![0.0; task.model().nv()], vec![0.0; spec.memory]);
    task.reset(&mut rng, &mut qpos, &mut qvel, &mut memory);
    worlds.reset(0, &qpos, &qvel);
    let mut states = Vec::new();
    let (mut controls, mut terms) = (vec![0.0; task.model().nu()], vec![0.0; spec.terms.len()]);
    for step in 0..steps {
        // Within the range, so that a cost of the action is seen on both sides.
        let draw = |c: &Channel| rng.random_range(0.9 * c.low..=0.9 * c.high);
        let action: Vec<f32> = spec.actions.iter().map(draw).collect();
        task.control(&action, &mut controls);
        worlds.step(&[true], &controls);
        let view = worlds.view(0);
        if step % APART == 0 {
            states.push(Input {
                qpos: view.qpos.to_vec(),
                qvel: view.qvel.to_vec(),
                sensors: view.sensors.to_vec(),
                memory: memory.clone(),
                action: action.clone(),
            });
        }
        if task.step(&view, &action, &mut memory, &mut terms) {
            break;
        }
    }
    Ok(states)
}

/// Compares at one state; returns how many derivatives were compared, and how many are at kinks.
fn compare(task: &dyn Task, gradient: &dyn Gradient, input: &Input) -> Result<(usize, usize), EnvError> {
    let (spec, model) = (task.spec(), task.model().as_ref());
    let Input { qpos, qvel, sensors, memory, action } = input;
    let at = At { model, world: View { qpos, qvel, sensors }, memory };
    let (mut observation, mut reward) = (Derivatives::default(), Derivatives::default());
    gradient.of_observation(&at, spec.observations.len(), &mut observation);
    gradient.of_reward(&at, action, spec.terms.len(), &mut reward);
    let (mut compared, mut kinks) = (0, 0);
    for (what, derivatives, of, columns) in [
        (
            "observation",
            &observation,
            Input::observation as fn(&Input, &dyn Task) -> Vec<f32>,
            input.columns(),
        ),
        ("reward", &reward, Input::reward, input.columns() + action.len()),
    ] {
        if derivatives.columns() != columns {
            let problem = format!("{what} has {} columns of {columns}", derivatives.columns());
            return fail(task, problem);
        }
        let here = of(input, task);
        for column in 0..columns {
            let [more, less] = [STEP, -STEP].map(|by| of(&input.moved(model, column, by), task));
            for (row, &value) in here.iter().enumerate() {
                let value = f64::from(value);
                let [up, down] =
                    [f64::from(more[row]) - value, value - f64::from(less[row])].map(|x| x / f64::from(STEP));
                let (found, expected) = (f64::from(derivatives.row(row)[column]), 0.5 * (up + down));
                let scale = expected.abs().max(1.0);
                if (up - down).abs() > SMOOTH * scale {
                    kinks += 1;
                } else if (found - expected).abs() <= CLOSE * scale.max(found.abs()) {
                    compared += 1;
                } else {
                    let problem = format!(
                        "{what} {row} changes with input {column} by {found}; by differences it is {expected}"
                    );
                    return fail(task, problem);
                }
            }
        }
    }
    Ok((compared, kinks))
}
