//! The command line: verbs, options and their help.

mod bench;
mod common;
mod compare;
mod export;
mod film;
mod looking;
mod new;
mod nir;
mod shell;
mod sweep;
mod training;

use std::ffi::OsString;
use std::path::Path;

use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser, Subcommand};
use records::text;
use records::words::meant;

pub use bench::{Bench, BenchController, BenchPhysics, BenchRollout, BenchStrategy};
pub use common::{Backend, ConfigArgs, ConfigFile, Output, Physics, Seeds, TaskArgs, Which};
pub use compare::CompareArgs;
pub use export::ExportArgs;
pub use film::FilmArgs;
pub use looking::{
    AxisChoice, BandChoice, CheckArgs, EvalArgs, LineChoice, ListArgs, Listing, PlotArgs, RecordArgs,
    ReportArgs, TraceArgs,
};
pub use new::{New, NewConfig, NewNeuron, NewRobot, NewSource};
pub use nir::{Nir, NirExport, NirInfo, NirReset, NirRun};
pub use shell::{CompletionsArgs, ManArgs};
pub use sweep::SweepArgs;
pub use training::{ResumeArgs, RunArgs, TrainArgs};

/// Evolves spiking controllers for simulated robots.
#[derive(Debug, Parser)]
#[command(
    name = "evo",
    version,
    override_usage = "evo <CONFIG> [OPTIONS]\n       evo <COMMAND>",
    after_help = "Examples:
  evo ant.ron                                   train with configs/ant.ron, as evo --config ant.ron
  evo ant.ron --set strategy.sigma=0.1 --seed 2
  evo eval latest                               score the result
  evo train --help                              every option of training

RUN is a run folder, `latest` (the run in results/runs that was started last), or the beginning of
the name of a run there. DIR/latest and DIR/NAME look for runs in DIR. If RUN is a path that exists,
it always means that path."
)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

/// Reads a command line; its first word is the program's name. Options or a config without a verb are those of
/// `train`. A word is a config if it ends in `.ron`, or names a file as `--config` does, and is no verb.
///
/// # Errors
/// What clap has to say, help and version included; its `exit` prints that and ends the process with
/// 0 for help and 2 for bad usage.
pub fn parse<I, T>(words: I) -> Result<Verb, clap::Error>
where
    I: IntoIterator<Item = T>,
    T: Into<OsString>,
{
    let mut words: Vec<OsString> = words.into_iter().map(Into::into).collect();
    let first = words.get(1).and_then(|word| word.to_str()).unwrap_or_default();
    let own = ["-h", "--help", "-V", "--version"];
    let is_verb = || is_verb(first);
    let is_config = || first.ends_with(".ron") || text::find(Path::new(first)).is_ok();
    if first.starts_with('-') {
        if !own.contains(&first) {
            words.insert(1, "train".into());
        }
    } else if !first.is_empty() && !is_verb() {
        if is_config() {
            words.insert(1, "train".into());
        } else if let Some(error) = mistyped(first) {
            return Err(error);
        }
    }
    Ok(Cli::try_parse_from(words)?.verb)
}

fn is_verb(word: &str) -> bool {
    word == "help" || Cli::command().find_subcommand(word).is_some()
}

/// Whether several ranks carry out a command line together. Every other one each process carries out by itself, also
/// within an MPI job.
#[must_use]
pub fn is_for_ranks(words: &[OsString]) -> bool {
    let first = words.get(1).and_then(|word| word.to_str()).unwrap_or_default();
    ["train", "finetune", "resume", "sweep"].contains(&first) || !is_verb(first)
}

/// The definition of the command line.
#[must_use]
pub fn command() -> clap::Command {
    Cli::command()
}

/// The answer to a word that is neither verb nor config, if it is like one; clap's own knows verbs alone, and finds more
/// of them alike.
fn mistyped(word: &str) -> Option<clap::Error> {
    let command = Cli::command();
    let verbs = command.get_subcommands().map(clap::Command::get_name);
    let known = text::configs_in(Path::new(text::CONFIG_FOLDER));
    let meant = match meant(word, verbs) {
        Some(verb) => format!("evo {verb}"),
        None => {
            let config = meant(word, known.iter().filter_map(|config| config.strip_suffix(".ron")))?;
            format!("evo {config}.ron")
        }
    };
    let text = format!("'{word}' is neither a command nor a config; did you mean '{meant}'?");
    Some(Cli::command().error(ErrorKind::InvalidSubcommand, text))
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Train a controller (the default verb)
    Train(TrainArgs),
    /// Continue an interrupted run, or extend a finished one
    Resume(ResumeArgs),
    /// Score the result of a run over fresh episodes
    Eval(EvalArgs),
    /// The same as train
    Finetune(TrainArgs),
    /// Score several runs on the same episodes, with intervals of the differences
    Compare(CompareArgs),
    /// Check runs, sweeps and checkpoints for damage
    Check(CheckArgs),
    /// Run many trials of a config: axes over its fields, with several seeds each
    Sweep(SweepArgs),
    /// Draw learning curves of one or more runs
    Plot(PlotArgs),
    /// Write one page about runs or a sweep: tables, plots, configs, commands
    Report(ReportArgs),
    /// Record episodes with states, spikes, observations, actions and reward terms
    Record(RecordArgs),
    /// Write the policy of a run for other programs: ONNX
    Export(ExportArgs),
    /// Film generations of one run, or several runs, side by side
    Film(FilmArgs),
    /// Step a robot open loop from a start state with given controls
    Trace(TraceArgs),
    /// List tasks, strategies, models, runs and configs, with fields, units and defaults
    List(ListArgs),
    /// Start a config, robot, neuron, task or strategy of your own from a copy
    #[command(subcommand)]
    New(New),
    /// Exchange networks with other libraries: NIR files
    #[command(subcommand)]
    Nir(Nir),
    /// Measure speed
    #[command(subcommand)]
    Bench(Bench),
    /// Print shell completions for commands and options
    Completions(CompletionsArgs),
    /// Write man pages
    Man(ManArgs),
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::progress::Verbosity;

    fn refused(line: &str) -> (ErrorKind, i32, String) {
        let error = parse(line.split(' ')).unwrap_err();
        (error.kind(), error.exit_code(), error.to_string())
    }

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn training_is_the_default_verb() {
        for line in [
            "evo --config ant.ron --set a=1 --set b=-2 --seed 3 -q",
            "evo train --config ant.ron --set a=1 --set b=-2 --seed 3 -q",
            "evo ant.ron --set a=1 --set b=-2 --seed 3 -q",
            "evo --set a=1 --set b=-2 ant.ron --seed 3 -q",
            "evo train ant.ron --set a=1 --set b=-2 --seed 3 -q",
        ] {
            let Verb::Train(args) = parse(line.split(' ')).unwrap() else { panic!("{line}") };
            assert_eq!(args.run.config.file.name(), Path::new("ant.ron"));
            assert_eq!(args.run.config.sets, ["a=1", "b=-2"]);
            assert_eq!(args.run.seed, Some(3));
            assert_eq!(args.backend, Backend::Auto);
            assert_eq!(args.output.verbosity(), Verbosity::Quiet);
        }
    }

    #[test]
    fn every_verb_of_the_contract_parses() {
        for line in [
            "evo --config a --generations 5 --out d --name n --threads 2 --backend cpu --init f --dry-run -v",
            "evo resume run --generations 9",
            "evo eval run --episodes 32 --seed 1 --json --mean --engine rapier",
            "evo eval run --best --engine lanes",
            "evo check run sweep file --json",
            "evo sweep --config sweeps/a.ron --workers 4 --threads 1 --out d --json",
            "evo plot a b --out c.svg --line mean --band range",
            "evo plot sweep --kind effects --out c.png",
            "evo report a b --out c.html --title t",
            "evo report a --markdown c.md --title t",
            "evo record run --episodes 2 --engine lanes --out f.rollout.safetensors",
            "evo export run --onnx p.onnx --best --stage walk",
            "evo trace --env ant --start s --control c --out o --qvel-out v --engine lanes --physics reference",
            "evo list envs --json",
            "evo list strategies",
            "evo list neurons",
            "evo nir info a.nir --json",
            "evo nir run a.nir --input x.npy --output y.npy --dt 1e-4 --reset to_v_reset",
            "evo nir run a.nir --input x.npy --output y.npy --reset subtract",
            "evo nir export run --out a.nir --best",
            "evo bench physics --env ant --engine LANES --threads 1 --seconds 0.5 --json",
            "evo bench controller --config a --population 64 --backend cpu --precision f32 --threads 1 --json",
            "evo bench strategy --strategy cma_es --function sphere --dim 5 --population 8 --x0 -3 --sigma 0.5 --seed 1 --target 1e-8 --budget 1000 --json",
            "evo bench rollout --config a --engine lanes --seconds 2 --json",
        ] {
            if let Err(error) = parse(line.split(' ')) {
                panic!("{line}\n{error}");
            }
        }
    }

    #[test]
    fn bad_usage_exits_with_2_and_says_what_is_wrong() {
        for (line, kind, text) in [
            ("evo", ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand, "Usage: evo"),
            ("evo --seed 1", ErrorKind::MissingRequiredArgument, "--config <NAME>"),
            ("evo fly", ErrorKind::InvalidSubcommand, "fly"),
            ("evo resum r", ErrorKind::InvalidSubcommand, "did you mean 'evo resume'?"),
            ("evo a.ron --config b.ron", ErrorKind::ArgumentConflict, "cannot be used with"),
            ("evo --config a --sed 1", ErrorKind::UnknownArgument, "--seed"),
            ("evo --config a --threads 0", ErrorKind::ValueValidation, "must be a whole number, 1 to 1024"),
            ("evo --config a --backend tpu", ErrorKind::InvalidValue, "possible values: auto, cpu, gpu"),
            ("evo --config a -q -v", ErrorKind::ArgumentConflict, "cannot be used with"),
            ("evo eval r --mean --best", ErrorKind::ArgumentConflict, "cannot be used with"),
            ("evo eval r --engine bullet", ErrorKind::InvalidValue, "possible values: rapier, lanes"),
            ("evo plot", ErrorKind::MissingRequiredArgument, "<RUN|SWEEP>"),
            (
                "evo nir run a --input x --output y --reset zero",
                ErrorKind::InvalidValue,
                "possible values: to_v_reset, subtract",
            ),
            ("evo nir run a --input x --output y --dt 0", ErrorKind::ValueValidation, "must be above 0"),
            (
                "evo bench physics --env a --seconds inf",
                ErrorKind::ValueValidation,
                "must be a finite number",
            ),
            (
                "evo bench strategy --strategy a --function b --dim 2 --sigma 0",
                ErrorKind::ValueValidation,
                "must be above 0",
            ),
        ] {
            let (found, code, message) = refused(line);
            assert_eq!((found, code), (kind, 2), "{line}");
            assert!(message.contains(text), "{line}\n{message}");
        }
    }

    #[test]
    fn seeds_are_ranges_with_their_ends_and_lists() {
        let seeds = |text: &str| match parse(["evo", "a.ron", "--seeds", text]) {
            Ok(Verb::Train(args)) => Ok(args.run.seeds.unwrap().0),
            Ok(_) => panic!("another verb"),
            Err(error) => Err(error.to_string()),
        };
        assert_eq!(seeds("1..5").unwrap(), [1, 2, 3, 4, 5]);
        assert_eq!(seeds("1,2,7").unwrap(), [1, 2, 7]);
        assert_eq!(seeds("3..=4,0").unwrap(), [3, 4, 0]);
        for (text, expected) in [
            ("5..1", "valid: 1..5"),
            ("1,1", "seed 1 is given twice"),
            ("1..3,2", "seed 2 is given twice"),
            ("", "such as 1..5"),
            ("1..", "such as 1..5"),
            ("-1..2", "such as 1..5"),
            ("0..18446744073709551615", "at most 1000 seeds"),
        ] {
            let error = parse(["evo", "a.ron", &format!("--seeds={text}")]).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
        assert_eq!(refused("evo a.ron --seed 1 --seeds 1..2").0, ErrorKind::ArgumentConflict);
    }

    #[test]
    fn every_verb_has_help_with_an_example() {
        fn check(command: &mut clap::Command) {
            if command.get_subcommands().next().is_none() {
                let help = command.render_long_help().to_string();
                assert!(help.contains("Example"), "{}", command.get_name());
            }
            for sub in command.get_subcommands_mut() {
                if sub.get_name() != "help" {
                    check(sub);
                }
            }
        }
        let mut command = Cli::command();
        command.build();
        check(&mut command);
        assert_eq!(refused("evo resume --help").1, 0);
    }
}
