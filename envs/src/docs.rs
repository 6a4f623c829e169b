//! The reference pages `docs/envs.md` and `docs/tasks/NAME.md`, written from the specs.

mod channels;
mod text;

use ron::extensions::Extensions;
use sim::EngineKind;

use self::text::{line, row};
use crate::{Aim, Channel, EnvConfig, EnvError, Fidelity, Spec, Task, defaults, presets, variants};

/// What the page of a task takes from elsewhere, in Markdown.
#[derive(Clone, Copy, Debug)]
pub struct TaskWords<'a> {
    /// A picture and what it shows; empty if there is none.
    pub film: &'a str,
    /// Which config to begin with, and what return is good.
    pub begin: &'a str,
    /// The table of the config's fields, and what they may hold; empty if there are none.
    pub fields: &'a str,
}

/// The page of all tasks, `docs/envs.md`, in Markdown.
///
/// # Errors
/// Whatever keeps a task from being built.
pub fn environments_page() -> Result<String, EnvError> {
    let mut page = String::from(
        "# Environments\n\n\
         Written from the specs in `envs`; after a change run \
         `UPDATE_DOCS=1 cargo test -p tests reference`.\n\n\
         | environment | task | observations | actions | control step | default horizon | terminates |\n\
         | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for config in defaults() {
        let task = config.build()?;
        let spec = task.spec();
        row(
            &mut page,
            &[
                format!("[`{0}`](tasks/{0}.md)", spec.name),
                spec.summary.to_owned(),
                spec.observations.len().to_string(),
                spec.actions.len().to_string(),
                format!("{} s", spec.control_dt),
                spec.horizon.to_string(),
                if spec.termination.is_some() { "yes" } else { "no" }.to_owned(),
            ],
        );
    }
    page.push_str(
        "\nActions outside their range are clipped. The reward is the sum of its terms. A world that \
         blows up ends its episode as terminated with all terms 0.\n\n\
         A robot of your own: `env: Mjcf(file: \"robot.xml\")` ([how](how-to/own-robot.md), \
         [fields](tasks/mjcf.md), [MJCF support](mjcf.md)). A task of your own: \
         [tutorial](tutorials/own-env.md).\n",
    );
    changes(&mut page);
    Ok(page)
}

/// The page of a task, `docs/tasks/NAME.md`, in Markdown: what it is, how it differs from the tasks that it
/// follows, where to begin, then config, reward and end, and the long lists last.
///
/// # Errors
/// Whatever keeps the task from being built.
pub fn task_page(config: &EnvConfig, words: &TaskWords<'_>) -> Result<String, EnvError> {
    let task = config.build()?;
    let spec = task.spec();
    let mut page = format!(
        "# {}\n\n<!-- written from the specs in `envs`, but for the parts by hand: \
         UPDATE_DOCS=1 cargo test -p tests reference -->\n\n{}\n\n",
        spec.name, spec.summary
    );
    page.push_str(words.film);
    let actions = match spec.actions.len() {
        1 => "1 action".to_owned(),
        count => format!("{count} actions"),
    };
    let most = if spec.termination.is_some() { "at most " } else { "" };
    line(
        &mut page,
        &format!(
            "{} observations, {actions}, a control step of {} s; an episode has {most}{} of them. \
             [All environments](../envs.md)\n",
            spec.observations.len(),
            spec.control_dt,
            spec.horizon
        ),
    );
    differences(&mut page, config, spec);
    line(&mut page, &format!("\n## Where to begin\n\n{}\n## Config\n", words.begin));
    let variant = variant(config);
    match words.fields {
        "" => line(&mut page, &format!("`env: {variant}()` has no fields.")),
        fields => line(&mut page, &format!("`env: {variant}(…)` has these fields:\n\n{}", fields.trim_end())),
    }
    ends_and_goals(&mut page, task.as_ref());
    line(&mut page, "\n## Reward\n\n| term | value |\n| --- | --- |");
    for (term, formula) in spec.terms.iter().zip(spec.formulas) {
        row(&mut page, &[format!("`{term}`"), (*formula).to_owned()]);
    }
    physics(&mut page, task.as_ref());
    channels::table(&mut page, "Actions", &spec.actions);
    channels::table(&mut page, "Observations", &spec.observations);
    Ok(page)
}

fn changes(page: &mut String) {
    line(
        page,
        "\n## Changes\n\n\
         Every task runs under a list of changes as well, alone or together; what is random is drawn per \
         episode. A config names them in `changes`, for training and evaluation:\n\n```ron\n\
         changes: [\n    (effect: Friction(Uniform(0.3, 1.5))),\n    \
         (effect: Motors(strength: Fixed(0.0), which: AnyLimb), when: From(Uniform(100, 300))),\n],\n\
         change_lists: {\n    \"gusts\": [(effect: Wind(force: Fixed(0.3)), when: Every(period: Fixed(100), \
         on: Fixed(20)))],\n},\n```\n\n\
         `when` is `Always` (the default), `From(START)`, `Between(START, END)`, or `Every(period: …, on: …, \
         first: …)`, which draws all numbers of the change anew each time that it begins; steps are control \
         steps.\n\n\
         `evo eval RUN --change none,config,gusts,wind,low_friction+payload` scores a run in each of the named \
         environments: `none` is the plain task, `config` the config's `changes`, then lists that the config \
         defines in `change_lists`, and ready-made ones. `evo record RUN --change NAME` records it in one.\n\n\
         `Terrain(ground: Rough(height: 0.1))`, `Terrain(ground: Steps(height: 0.05, length: 2.0))` and \
         `Terrain(ground: Hills(height: 0.5, length: 10.0))`, each with a `seed`, replace the plane that a robot \
         walks on by a field of 240 m × 60 m with level ground around it. Every episode starts on another patch \
         of it. Observations, rewards and health then count heights from the ground below the trunk; recorded \
         positions are those in the field.\n\n\
         All effects and their settings: [config file](reference/config.md#changes). Ready-made lists \
         (`evo list changes` shows what they hold, in the form of a config):\n\n| change | effect |\n| --- | --- |",
    );
    for (name, effect) in presets() {
        row(page, &[format!("`{name}`"), (*effect).to_owned()]);
    }
}

fn differences(page: &mut String, config: &EnvConfig, spec: &Spec) {
    line(page, "## Differences from Gymnasium and Brax\n");
    let followed: Vec<_> =
        variants().into_iter().filter(|(_, other)| other.name() == config.name()).collect();
    if followed.is_empty() {
        line(page, "- A task of Spindle's own: neither has it.");
    }
    for difference in spec.differences {
        line(page, &format!("- {difference}"));
    }
    if !followed.is_empty() {
        line(
            page,
            "- The physics is lanes or rapier instead of MuJoCo: [how far apart they are](../explanation/physics.md).",
        );
    }
    for (variant, other) in followed {
        line(page, &format!("- Settings as in {variant:?}: {}", difference(config, &other)));
    }
}

fn ends_and_goals(page: &mut String, task: &dyn Task) {
    let spec = task.spec();
    line(page, "\n## Start and end\n");
    line(page, &format!("- Start: {}", spec.start));
    line(page, &format!("- Terminates: {}", spec.termination.unwrap_or("Never.")));
    if let Some(Aim { what, steps }) = task.aim() {
        line(page, &format!("- Success: {what} in each of the last {steps} steps. `evo eval` counts it."));
    }
    for goal in task.goals() {
        let Channel { name, unit, low, high } = goal.channel;
        line(
            page,
            &format!(
                "- Goal `{name}`, {low} to {high} {unit}, which a change may set in mid-episode: \
                 `(effect: Target(goal: \"{name}\", value: Fixed(0.5)), when: From(Uniform(100, 300)))`"
            ),
        );
    }
}

fn physics(page: &mut String, task: &dyn Task) {
    line(page, "\n## Physics\n\n| engine | fidelity | step | steps per control step | solver iterations |");
    line(page, "| --- | --- | --- | --- | --- |");
    for engine in EngineKind::ALL {
        for (name, fidelity) in [("default", Fidelity::Default), ("reference", Fidelity::Reference)] {
            let options = task.physics(engine, fidelity);
            row(
                page,
                &[
                    engine.name().to_owned(),
                    name.to_owned(),
                    format!("{} s", options.timestep),
                    options.substeps.to_string(),
                    options.iterations.to_string(),
                ],
            );
        }
    }
}

/// The settings that `other` has beyond those of `config`, as a config would say it.
fn difference(config: &EnvConfig, other: &EnvConfig) -> String {
    let (plain, text) = (pretty(config), pretty(other));
    let known: Vec<&str> = plain.lines().collect();
    let fields: Vec<&str> = text.lines().filter(|line| !known.contains(line)).map(str::trim).collect();
    if fields.is_empty() {
        return "the defaults".to_owned();
    }
    format!("`{}({})`", variant(other), fields.join(" ").trim_end_matches(','))
}

/// Name of a config's variant, as a config says it: `HalfCheetah`.
fn variant(config: &EnvConfig) -> String {
    let text = pretty(config);
    text.split('(').next().unwrap_or_default().to_owned()
}

fn pretty(config: &EnvConfig) -> String {
    let options = ron::Options::default().with_default_extension(Extensions::UNWRAP_VARIANT_NEWTYPES);
    options
        .to_string_pretty(config, ron::ser::PrettyConfig::new())
        .expect("configs are plain numbers and flags")
}
