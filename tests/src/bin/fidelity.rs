//! Writes the fidelity report: every reference robot, case and engine against MuJoCo.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Parser;
use sim::{EngineKind, StepOptions};
use tests::fidelity::{
    CHAOS, Errors, FACTOR, FLOOR, LANES_CONVERGED, RAPIER_FACTOR, Sensitivity, TO_EULER, as_good, play,
    sensitivities, settings, times_euler,
};
use tests::figure::{Panel, svg};
use tests::reference::{Case, Reference, Trajectory, all, rms};

/// Sweeps of the table that shows how many lanes needs.
const SWEEPS: [usize; 5] = [2, 4, 8, 16, 50];

/// Compares the physics engines with MuJoCo's trajectories: tables in fidelity.md, a plot per robot.
#[derive(Parser)]
struct Arguments {
    /// Folder to write into.
    #[arg(long, default_value_os_t = tests::root().join("results/benchmarks"))]
    out: PathBuf,
}

/// An engine's run, or why there is none.
type Run = Result<Trajectory, String>;

/// One line of the tables.
struct Row<'a> {
    robot: &'a Reference,
    case: &'a Case,
    sensitivity: Sensitivity,
    rapier: Run,
    lanes: Run,
    /// Lanes with so many sweeps that more change nothing.
    lanes_converged: Run,
}

impl Row<'_> {
    fn to_truth(&self, run: &Trajectory) -> Errors {
        Errors::between(self.robot, run, &self.case.rk4_fine)
    }

    /// Rapier by how many times MuJoCo's Euler is off, which is bounded in free flight.
    fn rapier_verdict(&self) -> String {
        let Ok(rapier) = &self.rapier else { return "not run".to_owned() };
        let times = times_euler(self.to_truth(rapier).half, self.to_truth(&self.case.euler).half);
        if times <= RAPIER_FACTOR {
            "ok".to_owned()
        } else if self.case.name.starts_with("air") {
            format!("**{times:.1} × Euler**")
        } else {
            format!("{times:.1} × Euler")
        }
    }

    /// What the criteria say about lanes.
    fn verdict(&self) -> String {
        let Ok(lanes) = &self.lanes else { return "not run".to_owned() };
        let (ours, euler) = (self.to_truth(lanes), self.to_truth(&self.case.euler));
        let mut flags = Vec::new();
        for (span, ours, euler) in [("0.5 s", ours.half, euler.half), ("1 s", ours.one, euler.one)] {
            if !as_good(ours, euler) {
                flags.push(format!("**over {FACTOR} × Euler, {span}**"));
            }
        }
        if Errors::between(self.robot, lanes, &self.case.euler).half > TO_EULER {
            let chaotic = if self.sensitivity.chaotic() { " (chaotic)" } else { "" };
            flags.push(format!("**over {TO_EULER} rad from Euler**{chaotic}"));
        }
        if flags.is_empty() { "ok".to_owned() } else { flags.join(", ") }
    }
}

fn main() -> anyhow::Result<()> {
    let out = Arguments::parse().out;
    let robots = all();
    let sensitivities = sensitivities();
    let mut rows = Vec::new();
    for robot in &robots {
        for case in &robot.cases {
            let run = |engine| play(robot, case, engine).map_err(|error| error.to_string());
            let sensitivity = sensitivities[robot.name][case.name];
            let (rapier, lanes) = (run(EngineKind::Rapier), run(EngineKind::Lanes));
            let converged = StepOptions { iterations: LANES_CONVERGED, ..settings(robot, EngineKind::Lanes) };
            let lanes_converged = robot.play(case, converged).map_err(|error| error.to_string());
            rows.push(Row { robot, case, sensitivity, rapier, lanes, lanes_converged });
        }
    }
    let figures = out.join("fidelity");
    std::fs::create_dir_all(&figures).with_context(|| format!("cannot create {}", figures.display()))?;
    for robot in &robots {
        let panels: Vec<Panel> =
            rows.iter().filter(|row| std::ptr::eq(row.robot, robot)).map(panel).collect();
        let names = ["MuJoCo Euler", "MuJoCo RK4", "rapier", "lanes"];
        let title = format!("{}: difference from MuJoCo's RK4 at a fifth of the step", robot.name);
        let figure = svg(&title, &names, &panels).map_err(anyhow::Error::msg)?;
        write(&figures.join(format!("{}.svg", robot.name)), &figure)?;
    }
    write(&out.join("fidelity.md"), &report(&robots, &rows)?)
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    records::disk::write_atomic(path, text.as_bytes())
        .with_context(|| format!("cannot write {}", path.display()))
}

/// Joint error of every control step.
fn panel(row: &Row<'_>) -> Panel {
    let joints = row.robot.joints();
    let truth = &row.case.rk4_fine.qpos;
    let curve = |run: Option<&Trajectory>| {
        let Some(run) = run else { return Vec::new() };
        let error = |t: usize| rms(&run.qpos[t - 1..], &truth[t - 1..], 1, &joints);
        (1..truth.len()).map(|t| (t as f64 * row.robot.control_dt, error(t))).collect()
    };
    let runs =
        [Some(&row.case.euler), Some(&row.case.rk4), row.rapier.as_ref().ok(), row.lanes.as_ref().ok()];
    Panel { title: row.case.name.to_owned(), curves: runs.map(curve).into() }
}

/// Two errors, short: a difference in the fifth decimal says nothing.
fn pair(half: f64, one: f64) -> String {
    format!("{half:.4} / {one:.4}")
}

fn cells(row: &Row<'_>, pick: impl Fn(Errors) -> (f64, f64)) -> [String; 5] {
    let shown = |run: &Trajectory| {
        let (half, one) = pick(row.to_truth(run));
        pair(half, one)
    };
    let engine = |run: &Run| run.as_ref().map_or_else(|_| "refused".to_owned(), shown);
    [
        shown(&row.case.euler),
        shown(&row.case.rk4),
        engine(&row.rapier),
        engine(&row.lanes),
        engine(&row.lanes_converged),
    ]
}

fn report(robots: &[Reference], rows: &[Row<'_>]) -> anyhow::Result<String> {
    let mut text = String::new();
    write!(
        text,
        "# Fidelity: the engines against MuJoCo\n\n\
         Written by `cargo run -p tests --bin fidelity`. Open-loop runs of the robots in `tests/data/physics`, whose\n\
         trajectories and tables come from MuJoCo 4.0. The truth is MuJoCo's RK4 at a fifth of the model's step. MuJoCo\n\
         itself runs at the model's own step, rapier and lanes as the robot's task trains with them (settings below).\n\
         Errors are root mean squares over the control steps of the first 0.5 s / 1 s; trajectories of 40 control steps that\n\
         end earlier (hopper and walker2d after 0.32 s, humanoids after 0.6 s, reacher after 0.8 s) are compared up to their\n\
         end.\n\n\
         `ok`: lanes is at most {FACTOR} times as far from the truth as MuJoCo's Euler, or within {FLOOR} rad, over both\n\
         times, and within {TO_EULER} rad of MuJoCo's Euler over 0.5 s. Growth: by how much a disturbance of 1e-6 of the start\n\
         grows in MuJoCo in the same 0.5 s; above {CHAOS}, motion counts as chaotic. A plot per robot: `fidelity/NAME.svg`.\n\n\
         Rapier is `ok` where it is at most {RAPIER_FACTOR} times as far from the truth as MuJoCo's Euler over 0.5 s, or within\n\
         {FLOOR} rad; free flight has to be, on the ground its contacts are other ones (harder, and solved in fewer steps).\n\
         `tests/tests/black_box/rapier_fidelity.rs` bounds every case at what was measured here and a quarter more.\n\n\
         ## Joints, rad\n\n\
         | robot | case | MuJoCo Euler | MuJoCo RK4 | rapier | lanes | with {LANES_CONVERGED} sweeps | lanes to MuJoCo Euler, 0.5 s | growth | rapier is | lanes is |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n"
    )?;
    for row in rows {
        let [euler, rk4, rapier, lanes, converged] = cells(row, |e| (e.half, e.one));
        let apart = row.lanes.as_ref().map_or_else(
            |_| "refused".to_owned(),
            |run| format!("{:.4}", Errors::between(row.robot, run, &row.case.euler).half),
        );
        let (robot, case, growth) = (row.robot.name, row.case.name, row.sensitivity.growth_half);
        let (about_rapier, about_lanes) = (row.rapier_verdict(), row.verdict());
        writeln!(
            text,
            "| {robot} | {case} | {euler} | {rk4} | {rapier} | {lanes} | {converged} | {apart} | {growth} | \
             {about_rapier} | {about_lanes} |"
        )?;
    }
    write!(
        text,
        "\n## Positions of the root, m\n\n\
         | robot | case | MuJoCo Euler | MuJoCo RK4 | rapier | lanes | with {LANES_CONVERGED} sweeps |\n\
         | --- | --- | --- | --- | --- | --- | --- |\n"
    )?;
    for row in rows.iter().filter(|row| !row.robot.root().is_empty()) {
        let [euler, rk4, rapier, lanes, converged] = cells(row, |e| (e.root_half, e.root_one));
        let (robot, case) = (row.robot.name, row.case.name);
        writeln!(text, "| {robot} | {case} | {euler} | {rk4} | {rapier} | {lanes} | {converged} |")?;
    }
    sweeps(&mut text, robots)?;
    text.push_str("\n## Settings and refusals\n\n| engine | robot | physics step × steps, iterations | refused because |\n| --- | --- | --- | --- |\n");
    for engine in EngineKind::ALL {
        for robot in robots {
            let s = settings(robot, engine);
            let missing = sim::unsupported(&robot.model, engine).join("; ");
            writeln!(
                text,
                "| {} | {} | {} s × {}, {} | {missing} |",
                engine.name(),
                robot.name,
                s.timestep,
                s.substeps,
                s.iterations
            )?;
        }
    }
    Ok(text)
}

/// How many sweeps lanes needs: its distance from MuJoCo's Euler, whose solver converges.
fn sweeps(text: &mut String, robots: &[Reference]) -> anyhow::Result<()> {
    text.push_str("\n## Lanes by sweeps: joints to MuJoCo's Euler over 0.5 s, rad, worst case\n\n| robot |");
    for sweeps in SWEEPS {
        write!(text, " {sweeps} |")?;
    }
    writeln!(text, "\n| --- |{}", " --- |".repeat(SWEEPS.len()))?;
    for robot in robots {
        let worst = |sweeps: usize| {
            let mut worst: f64 = 0.0;
            for case in &robot.cases {
                let options = robot.own_step(EngineKind::Lanes, sweeps);
                let run = robot.play(case, options).ok()?;
                worst = worst.max(Errors::between(robot, &run, &case.euler).half);
            }
            Some(worst)
        };
        let cells: Vec<String> =
            SWEEPS.map(|n| worst(n).map_or("refused".to_owned(), |e| format!("{e:.4}"))).into();
        writeln!(text, "| {} | {} |", robot.name, cells.join(" | "))?;
    }
    Ok(())
}
