//! What a run says about its noise and its steps, in units that mean the same for every network; and noise that is told
//! in actions.

use strategies::random::{Purpose, Stream};
use strategies::{Search, StrategyConfig};

use crate::action_change::ActionChange;
use crate::config::Config;
use crate::field::require;
use crate::normalizer::{Normalizer, Statistics};
use crate::setup::{Setup, TrainError};

/// Generations between measurements of the noise in the actions.
const EVERY: u64 = 10;
/// Generation after which the steps are judged.
const JUDGED: u64 = 20;
/// Most attempts to find the width of noise that is told in actions.
const ATTEMPTS: usize = 30;
/// How far the actions may be off then, as a part of what is told.
const TOLERANCE: f64 = 0.05;

/// Measures noise and steps of a run.
pub(crate) struct StepSizes {
    change: ActionChange,
    notes: Vec<String>,
}

impl StepSizes {
    /// Columns of the metrics: noise in the actions, length of the step, its part along the gradient.
    pub(crate) const COLUMNS: [&str; 3] = ["noise_in_actions", "step_length", "step_along"];

    /// For runs of `setup`.
    ///
    /// # Errors
    /// If the worlds cannot be made.
    pub(crate) fn new(setup: &Setup) -> Result<Self, TrainError> {
        Ok(Self { change: ActionChange::new(setup)?, notes: Vec::new() })
    }

    /// How far the noise of the asked generation moves the actions, root mean square; they go from −1 to 1. None if a
    /// controller fails.
    ///
    /// # Errors
    /// If the controllers cannot be run.
    pub(crate) fn noise(
        &mut self,
        setup: &Setup,
        config: &Config,
        search: &Search<f32>,
        statistics: &Statistics,
    ) -> Result<Option<f64>, TrainError> {
        let rollout = &config.rollout;
        let (normalizer, own) = match rollout.normalize {
            true => (statistics.normalizer(rollout.clip), Some(statistics)),
            false => (Normalizer::identity(statistics.mean.len(), rollout.clip), None),
        };
        let stream = Stream::new(config.run.seed, Purpose::Reset, search.generation(), 0, 0);
        Ok(self.change.measure(setup, search, (&normalizer, own, rollout.clip), stream)?)
    }

    /// Whether the noise is to be measured in a generation, counted from 0.
    pub(crate) fn is_due(generation: u64) -> bool {
        generation.is_multiple_of(EVERY)
    }

    /// The cells of the columns after a `tell`, NaN where nothing was measured; takes note of what is far from
    /// everything that is known to work.
    pub(crate) fn cells(
        &mut self,
        strategy: &StrategyConfig,
        search: &Search<f32>,
        noise: Option<f64>,
    ) -> [f64; 3] {
        let steps = search.steps().unwrap_or_default();
        let generation = search.generation();
        let noise_note = noise.filter(|_| generation == 1).and_then(noise_note);
        let along_note =
            steps.along.filter(|_| generation == JUDGED).and_then(|along| along_note(strategy, along));
        self.notes.extend(noise_note.into_iter().chain(along_note));
        [noise.unwrap_or(f64::NAN), steps.length, steps.along.unwrap_or(f64::NAN)]
    }

    /// What is to be said, once.
    pub(crate) fn notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }

    /// The strategy with its noise told in parameters: as it is, unless it is told in actions
    /// (`strategy.action_sigma`), which is then measured at `x0`. Also gives the deviation that was found.
    ///
    /// # Errors
    /// If no noise moves the actions so far.
    pub(crate) fn calibrated(
        &mut self,
        setup: &Setup,
        config: &Config,
        x0: &[f64],
        statistics: &Statistics,
    ) -> Result<Option<f64>, TrainError> {
        let strategy = config.search();
        let Some(target) = strategy.action_sigma() else { return Ok(None) };
        strategy.validate()?;
        let mut sigma = 0.05;
        let (mut best, mut found) = (f64::INFINITY, None);
        for _ in 0..ATTEMPTS {
            let mut search = strategy.with_sigma(sigma).build(x0, config.run.seed)?;
            search.ask();
            let noise = self.noise(setup, config, &search, statistics)?.unwrap_or(0.0);
            let off = (noise / target - 1.0).abs();
            if off < best {
                (best, found) = (off, Some((sigma, noise)));
            }
            if off < 0.2 * TOLERANCE {
                break;
            }
            sigma *= (target / noise).clamp(0.25, 4.0);
        }
        let (sigma, noise) = found.unwrap_or((sigma, 0.0));
        let expected = format!(
            "an amount of noise in the actions that is possible here; the nearest is {noise:.3}, with sigma {sigma:.3}"
        );
        require(best <= TOLERANCE, "strategy.action_sigma", target, expected)?;
        Ok(Some(sigma))
    }
}

/// Said of noise that moves the actions much less or more than what has worked.
fn noise_note(noise: f64) -> Option<String> {
    let known = "0.1 to 0.15 has worked for the ant and 0.35 for the humanoid, so";
    let (how, other) = match noise {
        ..0.03 => ("little", "a wider one"),
        0.8.. => ("far", "a narrower one"),
        _ => return None,
    };
    Some(format!(
        "the noise moves the actions {how}: by {noise:.3} (root mean square; they go from -1 to 1). {known} {other} \
         may learn faster, see docs/how-to/step-sizes.md"
    ))
}

/// Said of steps that go much less far along the gradient than what has worked.
fn along_note(strategy: &StrategyConfig, along: f64) -> Option<String> {
    let judged = matches!(strategy, StrategyConfig::Ars(_)) && along < 0.02;
    judged.then(|| {
        format!(
            "a step goes {along:.3} of the noise's radius along the gradient; the linear humanoid learned to walk with \
             0.06 to 0.08 at the start, so a higher learning rate may learn faster, see \
             docs/how-to/step-sizes.md"
        )
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::backend::BackendChoice;
    use crate::learner::Learner as _;
    use crate::trainer::Trainer;

    fn config(strategy: &str, controller: &str) -> Config {
        let text = format!(
            "(env: InvertedPendulum(), controller: {controller}, strategy: {strategy}, rollout: (horizon: 20), \
             run: (generations: 3))"
        );
        records::text::parse("a.ron", &text).unwrap()
    }

    const LINEAR: &str = "Mlp(hidden: [], output_gain: 2.0)";
    const SPIKING: &str = "Snn(hidden: [Dense(neurons: 16)], ticks: 4)";

    #[test]
    fn noise_told_in_actions_moves_them_so_far() {
        for (strategy, controller) in
            [("OpenEs", LINEAR), ("Ars", SPIKING), ("Pgpe", LINEAR), ("Snes", SPIKING)]
        {
            for target in [0.02, 0.3] {
                let config =
                    config(&format!("{strategy}(population: 16, action_sigma: {target})"), controller);
                let mut trainer = Trainer::new(&config, 1, BackendChoice::Cpu).unwrap();
                let noise = trainer.noise_in_actions().unwrap().unwrap();
                assert!((noise / target - 1.0).abs() <= TOLERANCE, "{strategy}, {controller}: {noise}");
                let row = trainer.advance().unwrap();
                let cell = trainer.columns().iter().position(|&name| name == "noise_in_actions").unwrap();
                assert_eq!(row.terms[cell], noise, "the metrics say the same");
            }
        }
        // That far apart are only actions that are all at their bounds.
        let error =
            Trainer::new(&config("Ars(action_sigma: 1.9)", LINEAR), 1, BackendChoice::Cpu).err().unwrap();
        assert!(
            error.to_string().starts_with("strategy.action_sigma = 1.9: must be an amount of noise in the"),
            "{error}"
        );
        let both = config("Ars(action_sigma: 0.1, radius: 1)", LINEAR);
        let error = Trainer::new(&both, 1, BackendChoice::Cpu).err().unwrap().to_string();
        assert!(error.contains("`action_sigma` is 0.1, expected None while"), "{error}");
    }

    #[test]
    fn a_run_with_noise_told_in_actions_goes_on_bit_for_bit() {
        let config = config("OpenEs(population: 8, action_sigma: 0.1)", SPIKING);
        let mut whole = Trainer::new(&config, 1, BackendChoice::Cpu).unwrap();
        whole.advance().unwrap();
        let saved = whole.checkpoint();
        // Begun elsewhere: what was found there counts.
        let mut warm = Trainer::new(&config, 1, BackendChoice::Cpu).unwrap();
        warm.warm_start(&saved).unwrap();
        warm.advance().unwrap();
        for trainer in [&mut whole, &mut warm] {
            let mut resumed = Trainer::new(&config, 2, BackendChoice::Cpu).unwrap();
            resumed.restore(&trainer.checkpoint()).unwrap();
            let (a, b) = (trainer.advance().unwrap(), resumed.advance().unwrap());
            // As text, since what was not measured is not equal to itself.
            assert_eq!(format!("{} {:?}", a.sigma, a.terms), format!("{} {:?}", b.sigma, b.terms));
            assert_eq!(trainer.policy(), resumed.policy());
        }
    }

    #[test]
    fn runs_from_before_measurements_go_on_without_them() {
        let config = config("OpenEs(population: 8)", LINEAR);
        let mut trainer = Trainer::new(&config, 1, BackendChoice::Cpu).unwrap();
        let columns = trainer.columns();
        trainer.advance().unwrap();
        let mut saved = trainer.checkpoint();
        saved.meta.remove("measured");
        let mut old = Trainer::new(&config, 1, BackendChoice::Cpu).unwrap();
        old.restore(&saved).unwrap();
        assert_eq!(old.columns().len() + 3, columns.len());
        let row = old.advance().unwrap();
        assert_eq!(row.terms.len(), old.columns().len());
        trainer.advance().unwrap();
        assert_eq!(old.policy(), trainer.policy(), "and take the same steps");
    }

    #[test]
    fn what_is_far_from_everything_known_is_noted() {
        assert!(noise_note(0.01).unwrap().contains("little: by 0.010"));
        assert!(noise_note(0.9).unwrap().contains("far: by 0.900"));
        assert_eq!(noise_note(0.3), None);
        let of = |name| StrategyConfig::from_name(name).unwrap();
        assert!(along_note(&of("ars"), 0.01).unwrap().contains("goes 0.010 of the noise's radius"));
        assert_eq!(along_note(&of("ars"), 0.07), None);
        assert_eq!(along_note(&of("pgpe"), 0.01), None, "nothing is known");
    }
}
