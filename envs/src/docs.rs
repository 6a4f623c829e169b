//! The reference page `docs/envs.md`, written from the specs.

use std::fmt::Write as _;

use ron::extensions::Extensions;
use sim::EngineKind;

use crate::{Channel, EnvConfig, EnvError, Fidelity, Spec, Task, defaults, presets, variants};

/// The reference page of all tasks with their default settings, in Markdown. `fields` writes the table of the
/// fields of a task's config; what they mean is in their doc comments.
///
/// # Errors
/// Whatever keeps a task from being built.
pub fn docs(fields: &mut dyn FnMut(&EnvConfig) -> String) -> Result<String, EnvError> {
    let mut page = String::from(
        "# Environments\n\n\
         Written from the specs in `envs`; after a change run \
         `UPDATE_DOCS=1 cargo test -p tests reference`.\n\n\
         | environment | observations | actions | control step | default horizon | terminates |\n\
         | --- | --- | --- | --- | --- | --- |\n",
    );
    let mut sections = String::new();
    for config in defaults() {
        let task = config.build()?;
        let spec = task.spec();
        row(
            &mut page,
            &[
                format!("[`{0}`](#{0})", spec.name),
                spec.observations.len().to_string(),
                spec.actions.len().to_string(),
                format!("{} s", spec.control_dt),
                spec.horizon.to_string(),
                if spec.termination.is_some() { "yes" } else { "no" }.to_owned(),
            ],
        );
        section(&mut sections, &config, task.as_ref(), &fields(&config));
    }
    page.push_str(
        "\nActions outside their range are clipped. The reward is the sum of its terms. A world that \
         blows up ends its episode as terminated with all terms 0.\n\n\
         A robot of your own: `env: Mjcf(file: \"robot.xml\")`, see [MJCF support](mjcf.md). A task of your own: \
         [tutorial](tutorials/own-env.md).\n",
    );
    changes(&mut page);
    Ok(page + &sections)
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

fn section(page: &mut String, config: &EnvConfig, task: &dyn Task, fields: &str) {
    let spec = task.spec();
    line(page, &format!("\n## {}\n\n{}\n", spec.name, spec.summary));
    line(page, &format!("Config, with defaults: `{}`\n", settings(config)));
    line(page, fields);
    for (variant, other) in variants().into_iter().filter(|(_, other)| other.name() == config.name()) {
        line(page, &format!("- As in {variant:?}: {}", difference(config, &other)));
    }
    line(page, &format!("- Start: {}", spec.start));
    line(page, &format!("- Terminates: {}", spec.termination.unwrap_or("Never.")));
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
    physics(page, task);
    line(page, "\n| reward term | value |\n| --- | --- |");
    for (term, formula) in spec.terms.iter().zip(spec.formulas) {
        row(page, &[format!("`{term}`"), (*formula).to_owned()]);
    }
    channels(page, "observation", &spec.observations);
    channels(page, "action", &spec.actions);
    differences(page, spec);
}

fn physics(page: &mut String, task: &dyn Task) {
    line(page, "\n| physics | fidelity | step | steps per control step | solver iterations |");
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

fn settings(config: &EnvConfig) -> String {
    let options = ron::Options::default().with_default_extension(Extensions::UNWRAP_VARIANT_NEWTYPES);
    // Spaces after `:` and `,` as a person would type them.
    let pretty = ron::ser::PrettyConfig::new().compact_structs(true);
    options.to_string_pretty(config, pretty).expect("configs are plain numbers and flags")
}

/// The settings that `other` has beyond those of `config`, as a config would say it.
fn difference(config: &EnvConfig, other: &EnvConfig) -> String {
    let options = ron::Options::default().with_default_extension(Extensions::UNWRAP_VARIANT_NEWTYPES);
    let text = |config: &EnvConfig| {
        let pretty = ron::ser::PrettyConfig::new();
        options.to_string_pretty(config, pretty).expect("configs are plain numbers and flags")
    };
    let (plain, other) = (text(config), text(other));
    let known: Vec<&str> = plain.lines().collect();
    let fields: Vec<&str> = other.lines().filter(|line| !known.contains(line)).map(str::trim).collect();
    if fields.is_empty() {
        return "the defaults".to_owned();
    }
    let name = other.split('(').next().unwrap_or_default();
    format!("`{name}({})`", fields.join(" ").trim_end_matches(','))
}

fn channels(page: &mut String, what: &str, channels: &[Channel]) {
    line(page, &format!("\n| | {what} | unit | low | high |\n| --- | --- | --- | --- | --- |"));
    for (i, channel) in channels.iter().enumerate() {
        let limit = |x: f32| {
            if x.is_finite() { x.to_string() } else { String::new() }
        };
        let (low, high) = (limit(channel.low), limit(channel.high));
        row(page, &[i.to_string(), channel.name.clone(), channel.unit.to_owned(), low, high]);
    }
}

fn differences(page: &mut String, spec: &Spec) {
    if spec.differences.is_empty() {
        return;
    }
    line(page, "\nDifferences from the tasks that it follows:\n");
    for difference in spec.differences {
        line(page, &format!("- {difference}"));
    }
}

fn row(page: &mut String, cells: &[String]) {
    line(page, &format!("| {} |", cells.join(" | ")));
}

fn line(page: &mut String, text: &str) {
    writeln!(page, "{text}").expect("writing to a string cannot fail");
}
