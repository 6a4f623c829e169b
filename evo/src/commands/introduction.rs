//! What a training is about to do, a label and a text per line.

use std::path::Path;

use records::words::{count, plural};
use sim::StepOptions;
use training::gradient::WorldLearner;
use training::learner::Learner as _;
use training::setup::TrainError;
use training::stages::{Current, Staged};
use training::trainer::Trainer;

/// Of the stage that begins or is gone on with.
pub(super) fn introduction(
    learner: &mut Staged,
    folder: &Path,
) -> Result<Vec<(&'static str, String)>, TrainError> {
    let mut rows = vec![("run", folder.display().to_string())];
    if let Some((name, index, all)) = learner.stage() {
        rows.push(("stage", format!("{name}, {} of {all}", index + 1)));
    }
    rows.extend(match learner.current() {
        Current::Search(trainer) => evolution(trainer)?,
        Current::Gradient(learner) => gradient(learner),
    });
    rows.push(("threads", learner.threads().to_string()));
    rows.push(("seed", learner.config().run.seed.to_string()));
    Ok(rows)
}

fn evolution(trainer: &mut Trainer) -> Result<Vec<(&'static str, String)>, TrainError> {
    let noise = trainer.noise_in_actions()?;
    let (setup, config) = (trainer.setup(), trainer.config());
    let spec = setup.task.spec();
    let settings = |o: StepOptions| {
        format!(
            "{} at {} s × {}, {} solver iterations",
            o.engine.name(),
            o.timestep,
            o.substeps,
            o.iterations
        )
    };
    let mut physics = settings(setup.options);
    if let (_, Some(reason)) = config.physics.engine.resolve(setup.task.model()) {
        physics.push_str(&format!(" (Auto: {reason})"));
    }
    let env = format!(
        "{}: {}, {}, {} s per step",
        spec.name,
        plural(spec.observations.len(), "observation"),
        plural(spec.actions.len(), "action"),
        spec.control_dt
    );
    let mut rows = vec![("env", env), ("physics", physics)];
    rows.extend(setup.validation.map(|options| ("validation", settings(options))));
    let (backend, reason) = trainer.backend();
    rows.push(("policy", setup.controller.describe()));
    rows.push(("backend", format!("{} ({reason})", backend.name())));
    let search = trainer.search();
    let (population, sigma) = (search.population(), search.sigma());
    rows.push((
        "strategy",
        format!(
            "{}, {population} members, sigma {sigma} (radius {:.3}{})",
            config.search().name(),
            sigma * (search.dimension() as f64).sqrt(),
            noise.map_or_else(String::new, |noise| format!(", moves actions by {noise:.3}"))
        ),
    ));
    rows.push((
        "rollout",
        format!(
            "{population} × {} episodes of up to {} steps a generation{}",
            config.rollout.episodes,
            count(config.rollout.horizon.unwrap_or(spec.horizon) as f64),
            config.rollout.min_steps.map_or_else(String::new, |steps| format!(
                ", members added up to {} until they hold {}",
                search.max_population(),
                count(steps as f64)
            ))
        ),
    ));
    rows.extend(trainer.refinement());
    Ok(rows)
}

fn gradient(learner: &WorldLearner) -> Vec<(&'static str, String)> {
    let setup = learner.setup();
    let spec = setup.task.spec();
    let inputs = plural(spec.observations.len(), "observation");
    let outputs = plural(spec.actions.len(), "action");
    let mut rows = vec![
        ("env", format!("{}: {inputs}, {outputs}", spec.name)),
        ("physics", setup.options.engine.name().to_owned()),
        ("policy", setup.controller.describe()),
    ];
    rows.extend(learner.describe());
    rows
}
