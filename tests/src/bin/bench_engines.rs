//! Times MuJoCo, rapier and lanes in one sitting and writes the table of speeds.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context as _;
use clap::Parser;
use serde_json::Value;
use sim::EngineKind;
use tests::fidelity::{LANES_SWEEPS, settings};
use tests::machine;
use tests::play::{EPISODE, speed};
use tests::reference::{NAMES, Reference, load};

/// Times the physics engines on one thread: MuJoCo (where Python has it), rapier and lanes.
#[derive(Parser)]
struct Arguments {
    /// Robots; all by default.
    robots: Vec<String>,
    /// Processor time per figure, s.
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Worlds of lanes.
    #[arg(long, default_value_t = 256)]
    worlds: usize,
    /// Solver sweeps of lanes.
    #[arg(long, default_value_t = LANES_SWEEPS)]
    sweeps: usize,
    /// Python with the packages mujoco and gymnasium.
    #[arg(long, default_value = "python3")]
    python: String,
    /// Folder to write engines.md into.
    #[arg(long, default_value_os_t = tests::root().join("results/benchmarks"))]
    out: PathBuf,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let chosen =
        if arguments.robots.is_empty() { NAMES.map(str::to_owned).into() } else { arguments.robots.clone() };
    if let Some(unknown) = chosen.iter().find(|name| !NAMES.contains(&name.as_str())) {
        anyhow::bail!("unknown robot '{unknown}' (valid: {})", NAMES.join(", "));
    }
    let mut text = format!(
        "# Speed of the physics engines\n\n\
         Written by `cargo build -p evo && cargo run -p tests --bin bench_engines`, all figures in one sitting, on {}.\n\
         Control steps per processor second on one thread, {} s of it per figure.\n\n\
         ## The same random play in every engine\n\n\
         Uniform controls, a new one in every control step, from the reference's start, anew every {EPISODE} control steps.\n\
         MuJoCo: `tests/mujoco_speed.py`, at the model's own steps; as shipped is Gymnasium's choice of integrator. lanes: {}\n\
         worlds, the model's own steps, {} sweeps. rapier: one world, the task's own settings where there is a task.\n\n\
         | robot | MuJoCo Euler | MuJoCo as shipped | rapier | lanes | lanes ÷ MuJoCo Euler |\n\
         | --- | --- | --- | --- | --- | --- |\n",
        machine(),
        arguments.seconds,
        arguments.worlds,
        arguments.sweeps,
    );
    for name in &chosen {
        let robot = load(name);
        let mujoco = mujoco(&arguments, name);
        let rapier = timed(&robot, EngineKind::Rapier, &arguments);
        let lanes = timed(&robot, EngineKind::Lanes, &arguments);
        let (euler, shipped) = match &mujoco {
            Ok(result) => {
                let integrator = result["shipped_integrator"].as_str().unwrap_or_default();
                (number(&result["euler"]), format!("{} ({integrator})", number(&result["shipped"])))
            }
            Err(reason) => (reason.clone(), reason.clone()),
        };
        let ratio = match (&mujoco, &lanes) {
            (Ok(mujoco), Ok(lanes)) => mujoco["euler"].as_f64().map(|euler| format!("{:.1}", lanes / euler)),
            _ => None,
        };
        let shown =
            |speed: Result<f64, String>| speed.map_or_else(|reason| reason, |speed| format!("{speed:.0}"));
        writeln!(
            text,
            "| {name} | {euler} | {shipped} | {} | {} | {} |",
            shown(rapier),
            shown(lanes),
            ratio.unwrap_or_default()
        )?;
    }
    text.push_str(
        "\n## With the task: observations, rewards, resets after falls\n\n\
         `evo bench physics --env ROBOT --engine ENGINE --threads 1`, the task's default settings.\n\n\
         | robot | rapier | lanes |\n| --- | --- | --- |\n",
    );
    for name in chosen.iter().filter(|name| envs::names().contains(&name.as_str())) {
        let [rapier, lanes] = EngineKind::ALL.map(|engine| task(name, engine, arguments.seconds));
        writeln!(text, "| {name} | {rapier} | {lanes} |")?;
    }
    let path = arguments.out.join("engines.md");
    evo::run_folder::write_atomic(&path, text.as_bytes())
        .with_context(|| format!("cannot write {}", path.display()))
}

fn number(value: &Value) -> String {
    value.as_f64().map_or_else(|| "?".to_owned(), |x| format!("{x:.0}"))
}

/// Control steps per processor second, or why there are none.
fn timed(robot: &Reference, engine: EngineKind, arguments: &Arguments) -> Result<f64, String> {
    let (options, worlds) = match engine {
        EngineKind::Rapier => (settings(robot, engine), engine.batch()),
        EngineKind::Lanes => (robot.own_step(engine, arguments.sweeps), arguments.worlds),
    };
    let refused = sim::unsupported(&robot.model, engine);
    if !refused.is_empty() {
        return Err(format!("refused: {}", refused.join("; ")));
    }
    speed(robot, options, worlds, arguments.seconds).map_err(|error| error.to_string())
}

/// What MuJoCo's script prints, or why there is nothing.
fn mujoco(arguments: &Arguments, name: &str) -> Result<Value, String> {
    let script = tests::root().join("tests/mujoco_speed.py");
    let output = Command::new(&arguments.python)
        // Python and MuJoCo leave files where they run.
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir(std::env::temp_dir())
        .arg(script)
        .args([name, "--seconds", &arguments.seconds.to_string()])
        .output()
        .map_err(|error| format!("{}: {error}", arguments.python))?;
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        return Err(errors.lines().last().unwrap_or("failed").replace('|', "/"));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(text.lines().last().unwrap_or_default()).map_err(|error| error.to_string())
}

/// `evo bench physics`, or what it says instead.
fn task(name: &str, engine: EngineKind, seconds: f64) -> String {
    let seconds = seconds.to_string();
    let engine = engine.name();
    let output = tests::run(&[
        "bench",
        "physics",
        "--env",
        name,
        "--engine",
        engine,
        "--threads",
        "1",
        "--seconds",
        &seconds,
        "--json",
    ]);
    let report: Option<Value> = serde_json::from_slice(&output.stdout).ok();
    match report {
        Some(report) if output.status.success() => number(&report["control_steps_per_cpu_s"]),
        _ => String::from_utf8_lossy(&output.stderr).lines().next().unwrap_or("failed").replace('|', "/"),
    }
}
