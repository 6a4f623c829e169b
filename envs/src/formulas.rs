//! What a task sees and pays, written once over any kind of number, and the derivatives that come of it.

use sim::{JointKind, Model, WorldView};

use crate::dual::{DIRECTIONS, Dual};
use crate::number::Single;

/// One world's state, as [`WorldView`], of any kind of number.
#[derive(Clone, Copy, Debug)]
pub struct View<'a, T> {
    /// Positions, length `nq`.
    pub qpos: &'a [T],
    /// Velocities, length `nv`.
    pub qvel: &'a [T],
    /// Values of the task's sensors, one after the other.
    pub sensors: &'a [T],
}

impl<'a> From<&WorldView<'a>> for View<'a, f32> {
    fn from(world: &WorldView<'a>) -> Self {
        let WorldView { qpos, qvel, sensors, .. } = *world;
        Self { qpos, qvel, sensors }
    }
}

/// Observation and reward of a task over any kind of number. [`Task::observe`](crate::Task::observe) and
/// [`Task::step`](crate::Task::step) of such a task call these two.
pub trait Formulas: Send + Sync {
    /// As [`Task::observe`](crate::Task::observe).
    fn observation<T: Single>(&self, world: &View<'_, T>, memory: &[T], obs: &mut [T]);

    /// As [`Task::step`](crate::Task::step).
    fn reward<T: Single>(&self, world: &View<'_, T>, action: &[T], memory: &mut [T], terms: &mut [T])
    -> bool;
}

/// A matrix of derivatives, row by row; a row per value that changes, a column per value that it changes with.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Derivatives {
    columns: usize,
    values: Vec<f32>,
}

impl Derivatives {
    fn resize(&mut self, rows: usize, columns: usize) {
        self.columns = columns;
        self.values.clear();
        self.values.resize(rows * columns, 0.0);
    }

    /// How value `row` changes with each input.
    ///
    /// # Panics
    /// If there is no such row.
    #[must_use]
    pub fn row(&self, row: usize) -> &[f32] {
        &self.values[row * self.columns..(row + 1) * self.columns]
    }

    /// Number of inputs; 0 before the first step.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Adds to `inputs` what `adjoints`, a number per row, make of them: the product with the transposed matrix.
    pub(crate) fn pull(&self, adjoints: impl IntoIterator<Item = f64>, inputs: &mut [f64]) {
        if self.columns == 0 {
            return;
        }
        for (row, adjoint) in self.values.chunks_exact(self.columns).zip(adjoints) {
            if adjoint != 0.0 {
                inputs.iter_mut().zip(row).for_each(|(to, &x)| *to += adjoint * f64::from(x));
            }
        }
    }

    pub(crate) fn is_finite(&self) -> bool {
        self.values.iter().all(|x| x.is_finite())
    }
}

/// A world at which derivatives are taken, and what the task remembers.
#[derive(Clone, Copy, Debug)]
pub struct At<'a> {
    /// The robot, whose joints say which entries of `qpos` are an orientation.
    pub model: &'a Model,
    /// State after the step.
    pub world: View<'a, f32>,
    /// The task's memory: for the reward that of before the step, for the observation that of after it.
    pub memory: &'a [f32],
}

/// A task whose observation and reward have derivatives. Every task with [`Formulas`] has them, by dual numbers.
///
/// Decisions, such as whether the robot is healthy, are held as they are: a bonus that depends on one has no
/// derivative. A change of `qpos` has `nv` numbers, as in [`sim::Jacobian`].
pub trait Gradient: Send + Sync {
    /// Derivatives of the observation, a row per entry. Columns: `nv` for `qpos`, `nv` for `qvel`, one per value of
    /// the sensors and one per entry of the memory.
    fn of_observation(&self, at: &At<'_>, entries: usize, out: &mut Derivatives);

    /// Derivatives of the reward terms, a row per term, then of the memory after the step, a row per entry. Columns:
    /// `nv` for `qpos` after the step, `nv` for `qvel` after it, one per value of the sensors, one per entry of the
    /// memory before the step and one per action.
    fn of_reward(&self, at: &At<'_>, action: &[f32], terms: usize, out: &mut Derivatives);
}

impl<F: Formulas> Gradient for F {
    fn of_observation(&self, at: &At<'_>, entries: usize, out: &mut Derivatives) {
        let sizes = Sizes::of(at);
        sweep(at, &[], out, entries, |x, obs| {
            let (world, memory) = sizes.split(x);
            self.observation(&world, memory, obs);
        });
    }

    fn of_reward(&self, at: &At<'_>, action: &[f32], terms: usize, out: &mut Derivatives) {
        let sizes = Sizes::of(at);
        sweep(at, action, out, terms + sizes.memory, |x, result| {
            let (world, rest) = sizes.split(x);
            let (before, action) = rest.split_at(sizes.memory);
            let (terms, memory) = result.split_at_mut(terms);
            memory.copy_from_slice(before);
            self.reward(&world, action, memory, terms);
        });
    }
}

/// Lengths of the parts of an input.
#[derive(Clone, Copy)]
struct Sizes {
    qpos: usize,
    qvel: usize,
    sensors: usize,
    memory: usize,
}

impl Sizes {
    fn of(at: &At<'_>) -> Self {
        let View { qpos, qvel, sensors } = at.world;
        Self { qpos: qpos.len(), qvel: qvel.len(), sensors: sensors.len(), memory: at.memory.len() }
    }

    fn split(self, x: &[Dual]) -> (View<'_, Dual>, &[Dual]) {
        let (qpos, rest) = x.split_at(self.qpos);
        let (qvel, rest) = rest.split_at(self.qvel);
        let (sensors, rest) = rest.split_at(self.sensors);
        (View { qpos, qvel, sensors }, rest)
    }
}

/// Evaluates a formula, which writes `rows` values, in all directions, some at a time.
fn sweep(
    at: &At<'_>,
    action: &[f32],
    out: &mut Derivatives,
    rows: usize,
    formula: impl Fn(&[Dual], &mut [Dual]),
) {
    let View { qpos, qvel, sensors } = at.world;
    let values = [qpos, qvel, sensors, at.memory, action];
    let mut x: Vec<Dual> = values.into_iter().flatten().map(|&x| f64::from(x).into()).collect();
    let changes = changes(at.model, qpos);
    // A change of `qpos` has fewer numbers than `qpos`; what follows has as many.
    let inputs = changes.len() + x.len() - qpos.len();
    out.resize(rows, inputs);
    let mut values = vec![Dual::from(f64::NAN); rows];
    for first in (0..inputs).step_by(DIRECTIONS) {
        let directions = first..(first + DIRECTIONS).min(inputs);
        for (k, input) in directions.clone().enumerate() {
            match changes.get(input) {
                Some(change) => change.iter().for_each(|&(entry, by)| x[entry].slopes[k] = by),
                None => x[input + qpos.len() - changes.len()].slopes[k] = 1.0,
            }
        }
        formula(&x, &mut values);
        for (row, value) in values.iter().enumerate() {
            for (k, input) in directions.clone().enumerate() {
                out.values[row * inputs + input] = value.slopes[k] as f32;
            }
        }
        x.iter_mut().for_each(|x| x.slopes = [0.0; DIRECTIONS]);
    }
}

/// How the entries of `qpos` change with each of the `nv` numbers of a change; entries that do not are left out.
fn changes(model: &Model, qpos: &[f32]) -> Vec<Vec<(usize, f64)>> {
    let mut all = Vec::with_capacity(model.nv());
    for joint in &model.joints {
        let at = joint.qpos_adr;
        let (places, orientation) = match joint.kind {
            JointKind::Hinge | JointKind::Slide => (1, None),
            JointKind::Free => (3, Some(at + 3)),
            JointKind::Ball => (0, Some(at)),
        };
        all.extend((at..at + places).map(|entry| vec![(entry, 1.0)]));
        if let Some(first) = orientation {
            let [w, x, y, z] = [0, 1, 2, 3].map(|k| 0.5 * f64::from(qpos[first + k]));
            // The quaternion times half a turn about each axis of the body.
            for turned in [[-x, w, z, -y], [-y, -z, w, x], [-z, y, -x, w]] {
                all.push((first..).zip(turned).collect());
            }
        }
    }
    all
}
