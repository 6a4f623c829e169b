//! What a hand changes in a running world: friction, gravity, motors, pushes.

use envs::Envs;
use sim::{Model, SimError};

/// Changes in force. They hold until the next one, across episodes.
#[derive(Clone, Debug, PartialEq)]
pub struct Disturbance {
    /// Factor on all friction coefficients, 0 or more.
    pub friction: f32,
    /// Factor on gravity.
    pub gravity: f32,
    /// Factor on the strength of all motors.
    pub strength: f32,
    /// Motors that are broken.
    pub broken: Vec<bool>,
    /// What pushes.
    pub push: Option<Push>,
}

/// A push on one body.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Push {
    /// The body.
    pub body: usize,
    /// Where it was taken hold of, in the body's frame, m.
    pub point: [f32; 3],
    /// The force, world axes, N.
    pub force: [f32; 3],
    /// Its torque about the body's centre of mass, world axes, N·m.
    pub torque: [f32; 3],
}

impl Push {
    /// The force as a push at `point` of `body`, which is at `pose` (`[x, y, z, qw, qx, qy, qz]`).
    #[must_use]
    pub fn new(model: &Model, body: usize, point: [f32; 3], pose: [f32; 7], force: [f32; 3]) -> Self {
        let com = model.bodies.get(body).map_or([0.0; 3], |body| body.com.map(|x| x as f32));
        let arm = crate::scene::rotated(pose, std::array::from_fn(|i| point[i] - com[i]));
        let torque = std::array::from_fn(|i| {
            let (j, k) = ((i + 1) % 3, (i + 2) % 3);
            arm[j] * force[k] - arm[k] * force[j]
        });
        Self { body, point, force, torque }
    }
}

impl Disturbance {
    /// The world as its model says.
    #[must_use]
    pub fn none(model: &Model) -> Self {
        Self { friction: 1.0, gravity: 1.0, strength: 1.0, broken: vec![false; model.nu()], push: None }
    }

    /// Whether something is changed, pushes aside.
    #[must_use]
    pub fn is_none(&self) -> bool {
        let factors = [self.friction, self.gravity, self.strength];
        factors.iter().all(|&factor| factor == 1.0) && !self.broken.contains(&true)
    }

    /// Motors of each limb: what moves between a tip of the robot and the body where limbs meet.
    #[must_use]
    pub fn limbs(model: &Model) -> Vec<Limb> {
        let bodies = &model.bodies;
        let children =
            |body: usize| (1..bodies.len()).filter(move |&b| b != body && bodies[b].parent == body);
        let tips = (1..bodies.len()).filter(|&body| children(body).next().is_none());
        let limb = |tip: usize| {
            let (mut body, mut path) = (tip, vec![tip]);
            while bodies[body].parent != 0 && children(bodies[body].parent).count() == 1 {
                body = bodies[body].parent;
                path.push(body);
            }
            // A chain from the world to the tip has no limbs: its root carries it.
            let at_root = bodies[body].parent == 0;
            let on_path = |motor: &sim::Actuator| path.contains(&model.joints[motor.joint].body);
            let motors: Vec<usize> =
                (0..model.nu()).filter(|&motor| on_path(&model.actuators[motor])).collect();
            let name = bodies[body].name.clone();
            (!at_root && !motors.is_empty()).then_some(Limb { name, motors })
        };
        tips.filter_map(limb).collect()
    }

    /// Puts the changes into force in the first environment, on top of the config's own.
    ///
    /// # Errors
    /// If the engine refuses them.
    pub fn apply(&self, envs: &mut Envs) -> Result<(), SimError> {
        let mut parameters = envs.changed_parameters(0);
        parameters.friction *= self.friction.max(0.0);
        parameters.gravity = parameters.gravity.map(|g| g * self.gravity);
        for (gear, &broken) in parameters.gear.iter_mut().zip(&self.broken) {
            *gear *= if broken { 0.0 } else { self.strength };
        }
        if let Some(push) = self.push.filter(|push| push.body < parameters.force.len()) {
            for i in 0..3 {
                parameters.force[push.body][i] += push.force[i];
                parameters.torque[push.body][i] += push.torque[i];
            }
        }
        envs.set_parameters(0, &parameters)
    }
}

/// A leg or an arm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limb {
    /// Its first body.
    pub name: String,
    /// Indices of its motors.
    pub motors: Vec<usize>,
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::sync::Arc;

    use training::random::{Purpose, Stream};

    use super::*;

    #[test]
    fn the_ant_has_four_legs_of_two_motors_each() {
        let ant = envs::EnvConfig::from_name("ant").unwrap().build().unwrap();
        let limbs = Disturbance::limbs(ant.model());
        assert_eq!(limbs.len(), 4);
        let mut motors: Vec<usize> = limbs.iter().flat_map(|limb| limb.motors.clone()).collect();
        assert!(limbs.iter().all(|limb| limb.motors.len() == 2));
        motors.sort_unstable();
        assert_eq!(motors, (0..8).collect::<Vec<_>>());
        let pole = envs::EnvConfig::from_name("inverted_pendulum").unwrap().build().unwrap();
        assert!(Disturbance::limbs(pole.model()).is_empty());
    }

    #[test]
    fn changes_reach_the_world() {
        let ant = envs::EnvConfig::from_name("ant").unwrap().build().unwrap();
        let options = ant.physics(sim::EngineKind::Rapier, envs::Fidelity::Default);
        let model = Arc::clone(ant.model());
        let changes =
            [envs::Change::preset("low_friction").unwrap(), envs::Change::preset("broken_leg").unwrap()];
        let mut envs = Envs::with_changes(ant, 1, options, 100, &changes.concat()).unwrap();
        envs.reset(0, &mut Stream::new(1, Purpose::Evaluate, 0, 0, 0));
        let before = envs.changed_parameters(0);
        let mut change = Disturbance::none(&model);
        assert!(change.is_none());
        change.apply(&mut envs).unwrap();
        assert_eq!(*envs.parameters(0), before);
        (change.friction, change.gravity, change.strength) = (0.5, 2.0, 0.7);
        change.broken[3] = true;
        let pose = [5.0, 0.0, 1.0, 0.5f32.sqrt(), 0.0, 0.0, 0.5f32.sqrt()];
        let push = Push::new(&model, 1, [1.0, 0.0, 0.0], pose, [3.0, 0.0, 2.0]);
        // A quarter turn about z: the point is at +y of the centre of mass, which is the body's origin.
        let near = |a: [f32; 3], b: [f32; 3]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-5);
        assert!(near(push.torque, [2.0, 0.0, -3.0]), "{push:?}");
        change.push = Some(push);
        assert!(!change.is_none());
        change.apply(&mut envs).unwrap();
        let now = envs.parameters(0);
        assert_eq!((now.friction, now.gravity[2]), (before.friction * 0.5, before.gravity[2] * 2.0));
        for (motor, (now, before)) in now.gear.iter().zip(&before.gear).enumerate() {
            assert_eq!(*now, if motor == 3 { 0.0 } else { before * 0.7 });
        }
        assert_eq!((now.force[1], now.torque[1]), (push.force, push.torque));
        change.gravity = f32::NAN;
        assert!(change.apply(&mut envs).unwrap_err().to_string().contains("gravity"));
    }
}
