//! How one world may differ from its model.

use crate::{Model, SimError};

/// Physical changes of one world relative to its model. They hold until the next change, across resets.
///
/// In the lanes engine the softness of contacts and limits keeps following the unchanged model's
/// inertia, as in MuJoCo when fields of a compiled model are changed; in rapier they are springs of a
/// given frequency, which follow the changed mass.
#[derive(Debug, PartialEq)]
pub struct Parameters {
    /// Factor on mass and inertia, per body, finite and above 0; entry 0 (the world) is not used.
    pub mass: Vec<f32>,
    /// Factor on all friction coefficients, finite and at least 0.
    pub friction: f32,
    /// Factor on the gear, per actuator, finite; 0 is a broken motor.
    pub gear: Vec<f32>,
    /// Gravity, m/s².
    pub gravity: [f32; 3],
    /// Force from outside on each body's (unchanged) centre of mass, in the world's axes, finite, N,
    /// during every physics step; entry 0 (the world) is not used. Rapier leaves out the part across
    /// the plane of a robot that can only move in one, which the robot would not feel.
    pub force: Vec<[f32; 3]>,
    /// Torque from outside on each body, as `force`, N·m. Of a robot that can only move in a plane,
    /// rapier keeps the part that turns it within the plane.
    pub torque: Vec<[f32; 3]>,
}

impl Clone for Parameters {
    fn clone(&self) -> Self {
        let (mass, gear) = (self.mass.clone(), self.gear.clone());
        let (force, torque) = (self.force.clone(), self.torque.clone());
        Self { mass, gear, force, torque, ..*self }
    }

    /// Into the room that is there: parameters may change in every step.
    fn clone_from(&mut self, from: &Self) {
        let Self { mass, friction, gear, gravity, force, torque } = from;
        self.mass.clone_from(mass);
        self.gear.clone_from(gear);
        self.force.clone_from(force);
        self.torque.clone_from(torque);
        (self.friction, self.gravity) = (*friction, *gravity);
    }
}

impl Parameters {
    /// The model as it is.
    #[must_use]
    pub fn nominal(model: &Model) -> Self {
        Self {
            mass: vec![1.0; model.bodies.len()],
            friction: 1.0,
            gear: vec![1.0; model.nu()],
            gravity: model.option.gravity.map(|g| g as f32),
            force: vec![[0.0; 3]; model.bodies.len()],
            torque: vec![[0.0; 3]; model.bodies.len()],
        }
    }

    /// Bodies that are pushed or turned from outside, with force and torque.
    pub(crate) fn pushed(&self) -> impl Iterator<Item = (usize, [f32; 3], [f32; 3])> {
        let efforts = self.force.iter().zip(&self.torque).enumerate().skip(1);
        let efforts = efforts.map(|(body, (&force, &torque))| (body, force, torque));
        efforts.filter(|(_, force, torque)| force.iter().chain(torque).any(|&x| x != 0.0))
    }

    /// Refuses what does not fit `model` or is out of range.
    pub(crate) fn validate(&self, model: &Model) -> Result<(), SimError> {
        for (what, got, expected) in [
            ("parameters.mass", self.mass.len(), model.bodies.len()),
            ("parameters.gear", self.gear.len(), model.nu()),
            ("parameters.force", self.force.len(), model.bodies.len()),
            ("parameters.torque", self.torque.len(), model.bodies.len()),
        ] {
            if got != expected {
                return Err(SimError::Length { what, got, expected });
            }
        }
        let check = |setting: &'static str, value: f32, valid: bool, expected: &'static str| {
            if valid { Ok(()) } else { Err(SimError::Setting { setting, value: f64::from(value), expected }) }
        };
        for &mass in &self.mass {
            check("parameters.mass", mass, mass.is_finite() && mass > 0.0, "a finite factor above 0")?;
        }
        let friction = self.friction;
        let valid = friction.is_finite() && friction >= 0.0;
        check("parameters.friction", friction, valid, "a finite factor of at least 0")?;
        for &gear in &self.gear {
            check("parameters.gear", gear, gear.is_finite(), "a finite factor")?;
        }
        for &gravity in &self.gravity {
            check("parameters.gravity", gravity, gravity.is_finite(), "a finite acceleration")?;
        }
        for &force in self.force.iter().flatten() {
            check("parameters.force", force, force.is_finite(), "a finite force")?;
        }
        for &torque in self.torque.iter().flatten() {
            check("parameters.torque", torque, torque.is_finite(), "a finite torque")?;
        }
        Ok(())
    }
}
