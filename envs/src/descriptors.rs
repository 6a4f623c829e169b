//! How an episode went, in a few numbers: descriptors, measured.

use crate::anatomy::{moves, trunk};
use crate::{Descriptor, EnvError, Envs, Measure, Task};

/// Chosen descriptors of a task, to be measured in its environments.
#[derive(Clone, Debug, PartialEq)]
pub struct Descriptors {
    chosen: Vec<Descriptor>,
    /// Entries of `qpos` that move the trunk, with their directions.
    moves: Vec<(usize, [f64; 3])>,
    /// Height of the trunk where these entries are 0, m.
    base: f64,
}

impl Descriptors {
    /// Those of these names.
    ///
    /// # Errors
    /// [`EnvError::Descriptor`] for none, a name that the task does not have, and one that is there twice.
    pub fn new(task: &dyn Task, names: &[String]) -> Result<Self, EnvError> {
        let (env, all, model) = (task.spec().name, task.descriptors(), task.model());
        let refuse = |problem: String| Err(EnvError::Descriptor { env, problem });
        let valid = || {
            let names: Vec<String> = all.iter().map(|d| format!("\"{}\"", d.channel.name)).collect();
            names.join(", ")
        };
        if all.is_empty() {
            return refuse("has no descriptors: its robot is fixed to the ground".to_owned());
        }
        if names.is_empty() {
            return refuse(format!("needs at least one of its descriptors ({})", valid()));
        }
        let mut chosen: Vec<Descriptor> = Vec::new();
        for name in names {
            let Some(found) = all.iter().find(|d| d.channel.name == *name) else {
                return refuse(format!("has no descriptor \"{name}\" (valid: {})", valid()));
            };
            if chosen.contains(found) {
                return refuse(format!("has the descriptor \"{name}\" twice in the list"));
            }
            chosen.push(found.clone());
        }
        let root = trunk(model);
        let moves = moves(model, root);
        let base =
            model.bodies[root].pos[2] - moves.iter().map(|&(i, to)| to[2] * model.qpos0[i]).sum::<f64>();
        Ok(Self { chosen, moves, base })
    }

    /// Those that were chosen.
    #[must_use]
    pub fn chosen(&self) -> &[Descriptor] {
        &self.chosen
    }

    /// Lowest and highest value of each.
    #[must_use]
    pub fn ranges(&self) -> Vec<(f64, f64)> {
        self.chosen.iter().map(|d| (f64::from(d.channel.low), f64::from(d.channel.high))).collect()
    }

    /// Where the trunk of environment `i` is along an axis, up to a constant, m.
    fn place(&self, envs: &Envs, i: usize, axis: usize) -> f64 {
        let qpos = envs.view(i).qpos;
        self.moves.iter().map(|&(entry, to)| to[axis] * f64::from(qpos[entry])).sum()
    }

    /// What is known at the start of an episode, after the reset of environment `i`.
    #[must_use]
    pub fn begin(&self, envs: &Envs, i: usize) -> Vec<f64> {
        let start = |d: &Descriptor| match d.measure {
            Measure::Way(axis) => self.place(envs, i, axis),
            Measure::Height | Measure::Contact(_) => 0.0,
        };
        self.chosen.iter().map(start).collect()
    }

    /// Adds a control step of environment `i` to it.
    pub fn add(&self, envs: &Envs, i: usize, so_far: &mut [f64]) {
        let touched: Vec<usize> = match self.chosen.iter().any(|d| matches!(d.measure, Measure::Contact(_))) {
            true => envs.contacts(i).iter().flat_map(|contact| contact.bodies).collect(),
            false => Vec::new(),
        };
        for (sum, descriptor) in so_far.iter_mut().zip(&self.chosen) {
            match descriptor.measure {
                Measure::Way(_) => {}
                Measure::Height => *sum += self.base + self.place(envs, i, 2),
                Measure::Contact(body) => *sum += f64::from(u8::from(touched.contains(&body))),
            }
        }
    }

    /// The descriptors of an episode that has ended after so many control steps, at least 1. They are of no use if the
    /// physics blew up.
    #[must_use]
    pub fn finish(&self, envs: &Envs, i: usize, so_far: &[f64], steps: usize) -> Vec<f64> {
        let value = |(sum, descriptor): (&f64, &Descriptor)| match descriptor.measure {
            Measure::Way(axis) => self.place(envs, i, axis) - sum,
            Measure::Height | Measure::Contact(_) => sum / steps as f64,
        };
        so_far.iter().zip(&self.chosen).map(value).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::sync::Arc;

    use rand::{SeedableRng as _, rngs::ChaCha8Rng};
    use sim::EngineKind;

    use super::*;
    use crate::{EnvConfig, Fidelity};

    fn task(name: &str) -> Arc<dyn Task> {
        EnvConfig::from_name(name).unwrap().build().unwrap()
    }

    fn names(name: &str) -> Vec<String> {
        task(name).descriptors().into_iter().map(|d| d.channel.name).collect()
    }

    /// The descriptors of an episode under constant actions, and the trunk's path in it.
    fn run(
        task: &Arc<dyn Task>,
        engine: EngineKind,
        chosen: &[&str],
        action: f32,
    ) -> (Vec<f64>, Vec<Vec<f32>>) {
        let options = task.physics(engine, Fidelity::Default);
        let mut envs = Envs::new(Arc::clone(task), 2, options, 60).unwrap();
        let names: Vec<String> = chosen.iter().map(|&name| name.to_owned()).collect();
        let descriptors = Descriptors::new(task.as_ref(), &names).unwrap();
        envs.reset(1, &mut ChaCha8Rng::seed_from_u64(1));
        let mut so_far = descriptors.begin(&envs, 1);
        let mut path = vec![envs.view(1).qpos.to_vec()];
        let actions = vec![action; 2 * task.spec().actions.len()];
        while !envs.outcome(1).over() {
            envs.step(&[false, true], &actions);
            descriptors.add(&envs, 1, &mut so_far);
            path.push(envs.view(1).qpos.to_vec());
        }
        (descriptors.finish(&envs, 1, &so_far, path.len() - 1), path)
    }

    #[test]
    fn robots_have_those_that_make_sense() {
        let ant = names("ant");
        assert_eq!(ant[..3], ["x", "y", "height"]);
        for foot in ["front_left", "front_right", "back_left", "back_right"] {
            assert!(ant.contains(&format!("{foot}_foot contact")), "{ant:?}");
        }
        let cheetah = names("half_cheetah");
        assert_eq!(cheetah[..2], ["x", "height"], "it moves in a plane");
        assert!(
            cheetah.contains(&"bfoot contact".to_owned()) && cheetah.contains(&"ffoot contact".to_owned())
        );
        assert!(names("hopper").contains(&"foot contact".to_owned()));
        assert!(names("walker2d").contains(&"foot_left contact".to_owned()));
        assert!(names("humanoid").contains(&"right_foot contact".to_owned()));
        assert_eq!(names("reacher"), Vec::<String>::new());
    }

    #[test]
    fn an_ant_that_stands_has_its_feet_on_the_ground() {
        let ant = task("ant");
        let chosen = ["front_left_foot contact", "torso contact", "height", "x", "y"];
        for engine in EngineKind::ALL {
            let (values, path) = run(&ant, engine, &chosen, 0.0);
            assert!(values[0] > 0.7 && values[1] == 0.0, "{engine:?}: {values:?}");
            let heights: f64 = path[1..].iter().map(|qpos| f64::from(qpos[2])).sum();
            assert!((values[2] - heights / (path.len() - 1) as f64).abs() < 1e-9, "{engine:?}: {values:?}");
            let last = path.last().unwrap();
            for axis in 0..2 {
                let way = f64::from(last[axis]) - f64::from(path[0][axis]);
                assert!((values[3 + axis] - way).abs() < 1e-9, "{engine:?}: {values:?}");
            }
        }
    }

    #[test]
    fn heights_of_slides_are_those_above_the_ground() {
        let hopper = task("hopper");
        for engine in EngineKind::ALL {
            let (values, path) = run(&hopper, engine, &["height", "foot contact", "x"], 0.0);
            // It begins at 1.25 m and falls.
            assert!(values[0] > 0.6 && values[0] < 1.3, "{engine:?}: {values:?}");
            assert!((0.0..=1.0).contains(&values[1]) && values[1] > 0.2, "{engine:?}: {values:?}");
            assert!((values[2] - f64::from(path.last().unwrap()[0] - path[0][0])).abs() < 1e-6);
        }
    }

    #[test]
    fn wrong_names_are_refused_with_the_valid_ones() {
        let refused = |env: &str, names: &[&str]| {
            let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
            Descriptors::new(task(env).as_ref(), &names).unwrap_err().to_string()
        };
        let error = refused("half_cheetah", &["x", "y"]);
        let start = "env half_cheetah has no descriptor \"y\" (valid: \"x\", \"height\", \"torso contact\"";
        assert!(error.starts_with(start), "{error}");
        assert!(refused("ant", &["x", "x"]).contains("has the descriptor \"x\" twice"));
        assert!(refused("ant", &[]).contains("needs at least one of its descriptors (\"x\", "));
        let error = refused("reacher", &["x"]);
        assert_eq!(error, "env reacher has no descriptors: its robot is fixed to the ground");
    }
}
