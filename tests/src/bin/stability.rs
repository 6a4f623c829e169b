//! Plays every task with random controls for a long time and writes what blew up.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Parser;
use sim::EngineKind;
use tests::stability::{with_resets, without_resets};
use tests::{cpu_s, machine};

/// Random controls over their full range on every task; writes stability_ENGINE.md.
#[derive(Parser)]
struct Arguments {
    /// Tasks; all by default.
    tasks: Vec<String>,
    /// rapier or lanes.
    #[arg(long, default_value = "rapier")]
    engine: String,
    /// Number of worlds, each with a seed of its own.
    #[arg(long, default_value_t = 256)]
    worlds: usize,
    /// Control steps per world.
    #[arg(long, default_value_t = 1000)]
    steps: usize,
    /// Folder to write the table into.
    #[arg(long, default_value_os_t = tests::root().join("results/benchmarks"))]
    out: PathBuf,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let engine = EngineKind::ALL.into_iter().find(|engine| engine.name() == arguments.engine);
    let engine = engine.with_context(|| format!("unknown engine '{}'", arguments.engine))?;
    let names = envs::names();
    if let Some(unknown) = arguments.tasks.iter().find(|task| !names.contains(&task.as_str())) {
        anyhow::bail!("unknown task '{unknown}' (valid: {})", names.join(", "));
    }
    let chosen = names
        .into_iter()
        .filter(|name| arguments.tasks.is_empty() || arguments.tasks.iter().any(|task| task == name));
    let (worlds, steps) = (arguments.worlds, arguments.steps);
    let mut text = format!(
        "# Stability under random controls: {}\n\n\
         Written by `cargo run -p tests --bin stability`, on {}. Actions drawn evenly over their full range,\n\
         a new one in every control step, {steps} control steps in each of {worlds} worlds (seeds), the tasks' default physics.\n\
         With resets: a new episode follows each that ends. Without: a robot that fell goes on flailing. A world blows up if\n\
         it is not finite, faster than 1000 m/s or rad/s, or farther than 100 km; its episode then ends as terminated.\n\n\
         | task | episodes with resets | of these blew up | worlds without resets that blew up | not finite without a flag | processor time, s |\n\
         | --- | --- | --- | --- | --- | --- |\n",
        engine.name(),
        machine(),
    );
    let path = arguments.out.join(format!("stability_{}.md", engine.name()));
    for name in chosen {
        let began = cpu_s();
        let a = with_resets(name, engine, worlds, steps);
        let b = without_resets(name, engine, worlds, steps);
        let (missed, used) = (a.not_finite + b.not_finite, cpu_s() - began);
        let row =
            format!("| {name} | {} | {} | {} | {missed} | {used:.0} |", a.episodes, a.blow_ups, b.blow_ups);
        eprintln!("{row}");
        writeln!(text, "{row}")?;
        records::disk::write_atomic(&path, text.as_bytes())
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}
