//! How finely a task's physics is stepped, per engine and fidelity.

use sim::{EngineKind, StepOptions};

/// How accurate the physics is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Fidelity {
    /// The fewest physics steps that stay as close to MuJoCo as MuJoCo's own Euler integrator does.
    #[default]
    Default,
    /// The timestep of the original task, with more solver iterations.
    Reference,
}

/// Physics settings of a task: the step of the task that it follows, with the engine's own number of
/// [iterations](EngineKind::iterations), but for what is said of an engine.
#[derive(Clone, Debug, PartialEq)]
pub struct PhysicsSettings {
    timestep: f64,
    substeps: usize,
    others: Vec<(Fidelity, StepOptions)>,
}

impl PhysicsSettings {
    /// Physics step in seconds and physics steps per control step, for every engine.
    #[must_use]
    pub fn new(timestep: f64, substeps: usize) -> Self {
        Self { timestep, substeps, others: Vec::new() }
    }

    /// Other numbers of solver iterations for one engine, at the default and at the reference fidelity. An
    /// iteration is one of the engine's own: for lanes, a Gauss-Seidel sweep over the constraints.
    #[must_use]
    pub fn iterations(mut self, engine: EngineKind, default: usize, reference: usize) -> Self {
        for (fidelity, iterations) in [(Fidelity::Default, default), (Fidelity::Reference, reference)] {
            let options = StepOptions { iterations, ..self.options(engine, fidelity) };
            self.others.push((fidelity, options));
        }
        self
    }

    /// Other physics steps for one engine at the default fidelity.
    #[must_use]
    pub fn coarse(mut self, engine: EngineKind, timestep: f64, substeps: usize, iterations: usize) -> Self {
        self.others.push((Fidelity::Default, StepOptions { engine, timestep, substeps, iterations }));
        self
    }

    /// The settings for an engine.
    #[must_use]
    pub fn options(&self, engine: EngineKind, fidelity: Fidelity) -> StepOptions {
        let said = self.others.iter().rfind(|(of, options)| (*of, options.engine) == (fidelity, engine));
        said.map_or_else(
            || {
                let [quick, exact] = engine.iterations();
                let iterations = if fidelity == Fidelity::Default { quick } else { exact };
                StepOptions { engine, timestep: self.timestep, substeps: self.substeps, iterations }
            },
            |&(_, options)| options,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_that_nothing_is_said_of_takes_the_tasks_own_step() {
        for engine in EngineKind::ALL {
            let [quick, exact] = engine.iterations();
            let own = |iterations| StepOptions { engine, timestep: 0.01, substeps: 5, iterations };
            let get = |settings: PhysicsSettings| {
                [Fidelity::Default, Fidelity::Reference].map(|fidelity| settings.options(engine, fidelity))
            };
            let other = EngineKind::ALL.into_iter().find(|&other| other != engine);
            let plain = PhysicsSettings::new(0.01, 5);
            assert_eq!(get(plain.clone()), [own(quick), own(exact)]);
            if let Some(other) = other {
                let said = plain.clone().coarse(other, 0.025, 2, 1).iterations(other, 2, 3);
                assert_eq!(get(said), [own(quick), own(exact)], "what is said of another");
            }
            assert_eq!(get(plain.clone().iterations(engine, 2, 3)), [own(2), own(3)]);
            let coarse = StepOptions { engine, timestep: 0.025, substeps: 2, iterations: 1 };
            assert_eq!(get(plain.coarse(engine, 0.025, 2, 1)), [coarse, own(exact)]);
        }
    }
}
