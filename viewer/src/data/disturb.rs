//! What a hand changes in a running world: friction, gravity, motors, pushes.

use sim::{Model, Parameters, SimError, Worlds};

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
    /// Body that is pushed and the force on it, N.
    pub push: Option<(usize, [f32; 3])>,
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

    /// Puts the changes into force in the first world.
    ///
    /// # Errors
    /// If the engine refuses them.
    pub fn apply(&self, worlds: &mut Worlds) -> Result<(), SimError> {
        let mut parameters = Parameters::nominal(worlds.model());
        parameters.friction = self.friction.max(0.0);
        parameters.gravity = parameters.gravity.map(|g| g * self.gravity);
        for (gear, &broken) in parameters.gear.iter_mut().zip(&self.broken) {
            *gear = if broken { 0.0 } else { self.strength };
        }
        if let Some((body, force)) = self.push.filter(|(body, _)| *body < parameters.force.len()) {
            parameters.force[body] = force;
        }
        worlds.set_parameters(0, &parameters)
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
        let mut worlds = Worlds::new(ant.model(), 1, options, &[]).unwrap();
        let mut change = Disturbance::none(ant.model());
        assert!(change.is_none());
        (change.friction, change.gravity, change.strength) = (0.5, 2.0, 0.7);
        change.broken[3] = true;
        change.push = Some((1, [3.0, 0.0, 0.0]));
        assert!(!change.is_none());
        change.apply(&mut worlds).unwrap();
        let parameters = worlds.parameters(0);
        assert_eq!((parameters.friction, parameters.gear[3], parameters.gear[4]), (0.5, 0.0, 0.7));
        assert_eq!((parameters.gravity[2], parameters.force[1]), (-9.81 * 2.0, [3.0, 0.0, 0.0]));
    }
}
