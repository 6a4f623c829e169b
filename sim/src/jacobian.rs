//! Derivatives of a control step.

use crate::{Model, SimError};

/// A constant of a world's physics that a step can be differentiated by; see [`Parameters`](crate::Parameters).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parameter {
    /// Factor on the mass and inertia of a body.
    Mass(usize),
    /// Factor on all friction coefficients.
    Friction,
    /// Factor on the gear of an actuator.
    Gear(usize),
    /// Gravity along an axis of the world, m/s².
    Gravity(usize),
}

impl Parameter {
    /// Refuses what `model` does not have.
    pub(crate) fn validate(self, model: &Model) -> Result<(), SimError> {
        let (setting, index, valid, expected) = match self {
            Self::Mass(body) => {
                let valid = (1..model.bodies.len()).contains(&body);
                ("Parameter::Mass", body, valid, "the index of a body other than the world")
            }
            Self::Gear(k) => ("Parameter::Gear", k, k < model.nu(), "the index of an actuator"),
            Self::Gravity(axis) => ("Parameter::Gravity", axis, axis < 3, "an axis from 0 to 2"),
            Self::Friction => return Ok(()),
        };
        if valid { Ok(()) } else { Err(SimError::Setting { setting, value: index as f64, expected }) }
    }
}

/// How the outcome of a control step changes with what went in: a matrix with a row per outcome and a column per input.
///
/// Rows: `nv` for the change of `qpos`, `nv` for that of `qvel`, then one per sensor value. Columns: `nv` for a change
/// of `qpos`, `nv` for `qvel`, `nu` for the controls, then one per [`Parameter`] asked for. With the state `x = (qpos,
/// qvel)` these are MuJoCo's `A`, `B`, `C` and `D` of `mjd_transitionFD`, side by side and one below the other.
///
/// A change of `qpos` is one of `nv` numbers, as MuJoCo's `mj_differentiatePos` has it: for hinges, slides and the
/// position of a free joint that of the coordinate, for an orientation the rotation vector in the body's axes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Jacobian {
    rows: usize,
    columns: usize,
    values: Vec<f32>,
}

impl Jacobian {
    /// Gives it a shape, in the room that is there.
    pub(crate) fn resize(&mut self, rows: usize, columns: usize) {
        (self.rows, self.columns) = (rows, columns);
        self.values.clear();
        self.values.resize(rows * columns, 0.0);
    }

    pub(crate) fn set(&mut self, row: usize, column: usize, value: f32) {
        self.values[row * self.columns + column] = value;
    }

    /// Number of outcomes, `2 nv` and the sensors' values; 0 before the first step.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of inputs, `2 nv + nu` and the parameters; 0 before the first step.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Row by row.
    #[must_use]
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// How outcome `row` changes with each input.
    ///
    /// # Panics
    /// If there is no such row.
    #[must_use]
    pub fn row(&self, row: usize) -> &[f32] {
        assert!(row < self.rows, "row {row} of {}", self.rows);
        &self.values[row * self.columns..(row + 1) * self.columns]
    }

    /// How outcome `row` changes with input `column`.
    ///
    /// # Panics
    /// If there is no such row or column.
    #[must_use]
    pub fn get(&self, row: usize, column: usize) -> f32 {
        assert!(column < self.columns, "column {column} of {}", self.columns);
        self.row(row)[column]
    }
}
