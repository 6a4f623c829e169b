//! Times MuJoCo, rapier and lanes in one sitting and writes the table of speeds.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context as _;
use clap::Parser;
use serde_json::Value;
use sim::EngineKind;
use tests::fidelity::settings;
use tests::machine;
use tests::play::{EPISODE, speed};
use tests::reference::{NAMES, Reference, load};

/// Times the physics engines on one thread: MuJoCo (where Python has it), rapier and lanes.
#[derive(Parser)]
struct Arguments {
    /// Tasks; all by default.
    robots: Vec<String>,
    /// Processor time per figure and round, s.
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
    /// Rounds in which the engines take turns; the best of each counts.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Worlds of lanes.
    #[arg(long, default_value_t = 256)]
    worlds: usize,
    /// Python with the packages mujoco and gymnasium.
    #[arg(long, default_value = "python3")]
    python: String,
    /// Folder to write engines.md into.
    #[arg(long, default_value_os_t = tests::root().join("results/benchmarks"))]
    out: PathBuf,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let tasks = envs::names();
    if let Some(unknown) = arguments.robots.iter().find(|name| !tasks.contains(&name.as_str())) {
        anyhow::bail!("unknown robot '{unknown}' (valid: {})", tasks.join(", "));
    }
    let chosen = |name: &&str| arguments.robots.is_empty() || arguments.robots.iter().any(|r| r == name);
    let mut text = format!(
        "# Speed of the physics engines\n\n\
         Written by `cargo build -p evo && cargo run -p tests --bin bench_engines`, all figures in one sitting, on {},\n\
         profile `{}`. Control steps per processor second on one thread. The engines take turns on each robot, {} s each, {} times;\n\
         the best counts, since other work on a machine only slows down.\n\n\
         ## The same random play in every engine\n\n\
         Uniform controls, a new one in every control step, from the reference's start, anew every {EPISODE} control steps.\n\
         MuJoCo: `tests/mujoco_speed.py`, at the model's own steps; as shipped is Gymnasium's choice of integrator. rapier:\n\
         one world, lanes: {} worlds, both as the robot's task trains.\n\n\
         | robot | MuJoCo Euler | MuJoCo as shipped | rapier | ÷ as shipped | lanes | ÷ as shipped | ÷ Euler |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- |\n",
        machine(),
        profile(),
        arguments.seconds,
        arguments.rounds,
        arguments.worlds,
    );
    let mut with_task = String::new();
    for name in tasks.iter().filter(|name| chosen(name)) {
        let robot = NAMES.contains(name).then(|| load(name));
        let mut best = BTreeMap::new();
        for _ in 0..arguments.rounds.max(1) {
            for (what, speed) in turn(name, robot.as_ref(), &arguments) {
                let slot = best.entry(what).or_insert_with(|| speed.clone());
                if let (Ok(old), Ok(new)) = (&*slot, &speed)
                    && old < new
                {
                    *slot = speed;
                }
            }
        }
        let value = |what: &str| best.get(what).and_then(|speed| speed.as_ref().ok().copied());
        let cell = |what: &str| match &best[what] {
            Ok(speed) => format!("{speed:.0}"),
            Err(reason) => reason.clone(),
        };
        let as_shipped = value(SHIPPED);
        if let Some(robot) = &robot {
            writeln!(
                text,
                "| {name} | {} | {} ({}) | {} | {} | {} | {} | {} |",
                cell(EULER),
                cell(SHIPPED),
                robot.integrator,
                cell("rapier"),
                ratio(value("rapier"), as_shipped),
                cell("lanes"),
                ratio(value("lanes"), as_shipped),
                ratio(value("lanes"), value(EULER)),
            )?;
        }
        let against = |what: &str| match &robot {
            None => "no MuJoCo counterpart".to_owned(),
            Some(_) => ratio(value(what), as_shipped),
        };
        let [rapier, lanes] = ["rapier with task", "lanes with task"];
        writeln!(
            with_task,
            "| {name} | {} | {} | {} | {} |",
            cell(rapier),
            against(rapier),
            cell(lanes),
            against(lanes)
        )?;
    }
    write!(
        text,
        "\n## With the task: observations, rewards, resets after falls\n\n\
         `evo bench physics --env TASK --engine ENGINE --threads 1`, the task's default settings, against MuJoCo's bare physics\n\
         as shipped. Four tasks are our own.\n\n\
         | task | rapier | ÷ MuJoCo | lanes | ÷ MuJoCo |\n| --- | --- | --- | --- | --- |\n{with_task}",
    )?;
    let path = arguments.out.join("engines.md");
    records::disk::write_atomic(&path, text.as_bytes())
        .with_context(|| format!("cannot write {}", path.display()))
}

/// A control step per processor second, or why there is none.
type Speed = Result<f64, String>;

const EULER: &str = "MuJoCo Euler";
const SHIPPED: &str = "MuJoCo as shipped";

/// One turn of all engines on a task.
fn turn(name: &str, robot: Option<&Reference>, arguments: &Arguments) -> Vec<(String, Speed)> {
    let mut speeds = Vec::new();
    if let Some(robot) = robot {
        let mujoco = mujoco(arguments, name);
        for (what, key) in [(EULER, "euler"), (SHIPPED, "shipped")] {
            let speed = mujoco.as_ref().map_err(Clone::clone);
            speeds.push((what.to_owned(), speed.and_then(|result| number(&result[key]))));
        }
        for engine in EngineKind::ALL {
            speeds.push((engine.name().to_owned(), timed(robot, engine, arguments)));
        }
    }
    for engine in EngineKind::ALL {
        speeds.push((format!("{} with task", engine.name()), task(name, engine, arguments.seconds)));
    }
    speeds
}

/// How many times as fast.
fn ratio(ours: Option<f64>, theirs: Option<f64>) -> String {
    ours.zip(theirs).map_or_else(String::new, |(ours, theirs)| format!("{:.2}", ours / theirs))
}

/// Cargo's profile of this program, by the folder that it lies in.
fn profile() -> String {
    let this = std::env::current_exe().expect("a program knows its own path");
    let folder = this.parent().and_then(std::path::Path::file_name).unwrap_or_default();
    let name = folder.to_string_lossy();
    if name == "debug" { "dev".to_owned() } else { name.into_owned() }
}

fn number(value: &Value) -> Speed {
    value.as_f64().ok_or_else(|| "?".to_owned())
}

/// Control steps per processor second, or why there are none.
fn timed(robot: &Reference, engine: EngineKind, arguments: &Arguments) -> Speed {
    let worlds = match engine {
        EngineKind::Rapier => engine.batch(),
        EngineKind::Lanes => arguments.worlds,
    };
    let refused = sim::unsupported(&robot.model, engine);
    if !refused.is_empty() {
        return Err(format!("refused: {}", refused.join("; ")));
    }
    speed(robot, settings(robot, engine), worlds, arguments.seconds).map_err(|error| error.to_string())
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
fn task(name: &str, engine: EngineKind, seconds: f64) -> Speed {
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
        _ => {
            Err(String::from_utf8_lossy(&output.stderr).lines().next().unwrap_or("failed").replace('|', "/"))
        }
    }
}
