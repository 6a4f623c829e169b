//! Times spiking controllers over sizes, ticks, precisions, activity and backends, and writes the table
//! and the plot.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Parser;
use serde_json::Value;
use tests::figure::{Bars, bars};
use tests::{machine, run};

/// Times spiking controllers in one sitting, on one CPU thread and on the graphics adapter.
#[derive(Parser)]
struct Arguments {
    /// Time per figure, s.
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
    /// Leave out the graphics adapter.
    #[arg(long)]
    no_gpu: bool,
    /// Folder to write controllers.md and controllers.svg into.
    #[arg(long, default_value_os_t = tests::root().join("results/benchmarks"))]
    out: PathBuf,
}

/// Neurons, ticks, population.
const SHAPES: [(usize, usize, usize); 6] =
    [(64, 4, 1024), (64, 33, 256), (256, 4, 256), (256, 33, 64), (1024, 4, 32), (1024, 33, 8)];
const PRECISIONS: [(&str, &str); 4] =
    [("F32", "f32"), ("F32Free", "f32 free"), ("I8", "i8"), ("Binary", "binary")];
/// Scale of the input, and what the activity it makes is called.
const ACTIVITIES: [(f64, &str); 2] = [(2.0, "sparse"), (10.0, "dense")];

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let mut text = format!(
        "# Speed of spiking controllers\n\n\
         Written by `cargo build -p evo && cargo run -p tests --bin bench_controllers`, all figures in one sitting, on {}.\n\
         27 observations, one recurrent layer of LIF neurons, 8 actions, random weights, each individual with its own;\n\
         `evo bench controller`, {} s per figure. CPU: one thread, controller steps per processor second. Adapter: by the\n\
         clock, with everything on the way there and back; the driver may use all cores. *Sparse* and *dense* are\n\
         input gains of {} and {}; the share of neurons that spike per tick stands in brackets.\n",
        machine(),
        arguments.seconds,
        ACTIVITIES[0].0,
        ACTIVITIES[1].0
    );
    let mut groups = Vec::new();
    for (gain, activity) in ACTIVITIES {
        writeln!(text, "\n## {activity}\n")?;
        text.push_str("| neurons | ticks | population |");
        PRECISIONS.iter().for_each(|(_, name)| text.push_str(&format!(" {name} |")));
        text.push_str(if arguments.no_gpu { "\n" } else { " f32, adapter | i8, adapter |\n" });
        let columns = 3 + PRECISIONS.len() + if arguments.no_gpu { 0 } else { 2 };
        writeln!(text, "|{}", " --- |".repeat(columns))?;
        for (neurons, ticks, population) in SHAPES {
            write!(text, "| {neurons} | {ticks} | {population} |")?;
            let mut values = Vec::new();
            for (precision, _) in PRECISIONS {
                let (speed, rate) =
                    measure(&arguments, (neurons, ticks, population), gain, precision, "cpu")?;
                write!(text, " {speed:.0} ({rate:.3}) |")?;
                values.push(speed);
            }
            for precision in ["F32", "I8"].iter().filter(|_| !arguments.no_gpu) {
                let (speed, _) = measure(&arguments, (neurons, ticks, population), gain, precision, "gpu")?;
                write!(text, " {speed:.0} |")?;
            }
            text.push('\n');
            groups.push(Bars { name: format!("{neurons}×{ticks} {activity}"), values });
            eprintln!("{neurons} neurons, {ticks} ticks, {activity}");
        }
    }
    let names = PRECISIONS.map(|(_, name)| name);
    let plot = bars("Controller steps per processor second, one thread", &names, &groups);
    std::fs::write(arguments.out.join("controllers.svg"), plot.map_err(anyhow::Error::msg)?)?;
    text.push_str("\n![controller steps per processor second by precision](controllers.svg)\n");
    std::fs::write(arguments.out.join("controllers.md"), text)?;
    Ok(())
}

/// Controller steps per second and spikes per neuron and tick.
fn measure(
    arguments: &Arguments,
    (neurons, ticks, population): (usize, usize, usize),
    gain: f64,
    precision: &str,
    backend: &str,
) -> anyhow::Result<(f64, f64)> {
    let sets = [
        format!("controller.hidden=[Recurrent(neurons: {neurons})]"),
        format!("controller.ticks={ticks}"),
        format!("controller.precision={precision}"),
        format!("controller.input_gain={gain}"),
        format!("controller.encoder=Current(negated: {})", precision == "Binary"),
    ];
    let (population, seconds) = (population.to_string(), arguments.seconds.to_string());
    let mut command = vec!["bench", "controller", "--config", "ant.ron", "--json", "--threads", "1"];
    command.extend(["--population", &population, "--seconds", &seconds, "--backend", backend]);
    command.extend(sets.iter().flat_map(|set| ["--set", set.as_str()]));
    let output = run(&command);
    anyhow::ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).context("stdout is JSON")?;
    let speed = if backend == "cpu" { "controller_steps_per_cpu_s" } else { "controller_steps_per_s" };
    let value = |key: &str| report[key].as_f64().with_context(|| format!("{key} in {report}"));
    Ok((value(speed)?, value("spike_rate")?))
}
