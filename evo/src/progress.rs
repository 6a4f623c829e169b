//! What a person sees while a run trains, on stderr and in the run's `log.txt`.
//!
//! A terminal gets a bar that is redrawn; anything else gets plain lines. Nothing printed here feeds
//! back into results.

mod status;

use std::fs::File;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use records::metrics::MetricsRow;
use records::words::{count, duration, escaped, to_stderr};
use status::{Engines, Evaluated, Pace, Status, returns};

/// Seconds between two plain lines that report no evaluation.
const PLAIN_EVERY: Duration = Duration::from_secs(5);

/// Generations without any difference in fitness after which a warning is due.
const FLAT: u32 = 5;

/// How much is printed. The log file gets the same in every case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verbosity {
    /// Nothing.
    Quiet,
    /// Start, progress, evaluations, end.
    #[default]
    Normal,
    /// A line per generation with its reward terms.
    Verbose,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Ending {
    /// Run folder, as it should be typed.
    pub run: PathBuf,
    /// Generations completed.
    pub generations: u64,
    /// Control steps of training.
    pub env_steps: u64,
    /// Seconds of training.
    pub wall_s: f64,
    /// Mean and standard deviation of the last evaluation's return, and its number of episodes.
    pub evaluation: Option<(f64, f64, usize)>,
    /// Mean and standard deviation of its return in the engine that validates.
    pub validation: Option<(f64, f64)>,
    /// Highest mean return of any evaluation.
    pub best: Option<f64>,
    /// Whether the run was interrupted before its last generation.
    pub interrupted: bool,
}

/// Reports a run's progress.
#[derive(Debug)]
pub struct Progress {
    verbosity: Verbosity,
    log: Option<File>,
    bar: Option<ProgressBar>,
    generations: u64,
    terms: Vec<String>,
    engines: Option<Engines>,
    stage: Option<String>,
    /// Of the lines, and of what the bar shows between them: each has its own columns.
    status: [Status; 2],
    began: Instant,
    pace: Pace,
    last_line: Option<Instant>,
    last_evaluation: Option<Evaluated>,
    flat: u32,
}

/// Columns of a terminal from which on it gets whole lines.
const WIDE: u16 = 118;

/// Whether stderr is a terminal with room for less.
fn is_narrow() -> bool {
    terminal_size::terminal_size_of(io::stderr()).is_some_and(|(width, _)| width.0 < WIDE)
}

impl Progress {
    /// Reports up to generation `generations`; `terms` name the reward terms of the rows. The log
    /// file is appended to.
    ///
    /// # Errors
    /// If the log file cannot be opened.
    pub fn new(
        verbosity: Verbosity,
        log: Option<&Path>,
        generations: u64,
        terms: &[&str],
    ) -> io::Result<Self> {
        let log = log.map(|path| File::options().create(true).append(true).open(path)).transpose()?;
        let terminal = verbosity != Verbosity::Quiet && io::stderr().is_terminal();
        let bar = terminal.then(|| {
            let bar = ProgressBar::with_draw_target(Some(generations), ProgressDrawTarget::stderr_with_hz(8));
            let width = if is_narrow() { 8 } else { 24 };
            let template = format!("{{bar:{width}.cyan/dim}} {{pos}}/{{len}}  {{wide_msg}}");
            let style = ProgressStyle::with_template(&template);
            bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        Ok(Self {
            verbosity,
            log,
            bar,
            generations,
            terms: terms.iter().map(|&term| term.to_owned()).collect(),
            status: Default::default(),
            began: Instant::now(),
            pace: Pace::default(),
            last_line: None,
            last_evaluation: None,
            engines: None,
            stage: None,
            flat: 0,
        })
    }

    /// A stage begins, with this name if there are several. `engines` are those that train and validate, which is then
    /// said with every return; for stages that validate.
    pub fn at(&mut self, stage: Option<String>, engines: Option<Engines>) {
        (self.stage, self.engines) = (stage, engines);
        (self.last_evaluation, self.flat, self.pace) = (None, 0, Pace::default());
    }

    /// Prints what is about to run: a label and a text per line.
    pub fn start(&mut self, rows: &[(&str, String)]) {
        let width = rows.iter().map(|(label, _)| label.len()).max().unwrap_or(0);
        for (label, text) in rows {
            self.line(&format!("{label:width$}  {text}"));
        }
    }

    /// Reports a completed generation.
    pub fn generation(&mut self, row: &MetricsRow) {
        let evaluated = row.eval_return_mean.is_some();
        self.pace.generation(self.began.elapsed().as_secs_f64(), evaluated);
        self.last_evaluation = Evaluated::of(row).or(self.last_evaluation);
        let left = self.pace.left(self.generations.saturating_sub(row.generation));
        let stage = self.stage.as_ref().map_or_else(String::new, |stage| format!("{stage}  "));
        let narrow = self.bar.is_some() && is_narrow();
        if let Some(bar) = &self.bar {
            let [text, short] = self.status[1].of(row, self.last_evaluation, self.engines, left);
            bar.set_message(format!("{stage}{}", if narrow { short } else { text }));
            bar.set_position(row.generation);
        }
        let due = self.last_line.is_none_or(|last| last.elapsed() >= PLAIN_EVERY);
        let verbose = self.verbosity == Verbosity::Verbose;
        let last = row.generation >= self.generations;
        // A terminal shows the rest in its bar.
        if evaluated || verbose || last || (due && self.bar.is_none()) {
            self.last_line = Some(Instant::now());
            let [text, short] = self.status[0].of(row, self.last_evaluation, self.engines, left);
            let digits = self.generations.to_string().len();
            let start = format!("generation {:>digits$}/{}  {stage}", row.generation, self.generations);
            let mut terms = String::new();
            if verbose {
                for (name, value) in self.terms.iter().zip(&row.terms).filter(|(_, value)| !value.is_nan()) {
                    terms.push_str(&format!("  {name} {value:.1}"));
                }
            }
            let shown = if narrow { &short } else { &text };
            self.two_lines(&format!("{start}{text}{terms}"), &format!("{start}{shown}{terms}"));
        }
        self.flat = match (row.fitness_std, self.flat) {
            // Once is enough: the count stays.
            (_, FLAT) => FLAT + 1,
            (_, count) if count > FLAT => count,
            (0.0, count) => count + 1,
            _ => 0,
        };
        if self.flat == FLAT {
            self.warn(&format!(
                "all members have had the same fitness for {FLAT} generations, so there is nothing \
                 to learn from: the task may be solved, or sigma ({:?}) too small",
                row.sigma
            ));
        }
    }

    /// Prints a warning.
    pub fn warn(&mut self, text: &str) {
        self.line(&format!("warning: {text}"));
    }

    /// Prints a warning that also a quiet run must give: a result is not what it seems.
    pub fn alarm(&mut self, text: &str) {
        self.warn(text);
        if self.verbosity == Verbosity::Quiet {
            to_stderr(&format!("warning: {text}"));
        }
    }

    /// Ends the bar and says how to go on.
    pub fn finish(&mut self, ending: &Ending) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        for line in ending_lines(ending, self.engines) {
            self.line(&line);
        }
    }

    /// Prints a line above the bar and into the log.
    pub fn line(&mut self, text: &str) {
        self.two_lines(text, text);
    }

    /// One for the log, and one for whoever watches.
    fn two_lines(&mut self, logged: &str, shown: &str) {
        // The log is read on a terminal, too.
        let (logged, shown) = (&*escaped(logged), &*escaped(shown));
        if let Some(log) = &mut self.log {
            // The metrics file reports a full disk; a missing log line is not worth stopping for.
            let _ = writeln!(log, "{logged}");
        }
        match &self.bar {
            Some(bar) => bar.suspend(|| to_stderr(shown)),
            None if self.verbosity != Verbosity::Quiet => to_stderr(shown),
            None => {}
        }
    }
}

fn ending_lines(ending: &Ending, engines: Option<Engines>) -> Vec<String> {
    let run = ending.run.display();
    let what = if ending.interrupted { "interrupted after" } else { "finished" };
    let mut lines = vec![format!(
        "{what} {} generations: {} control steps in {}",
        ending.generations,
        count(ending.env_steps as f64),
        duration(ending.wall_s)
    )];
    if let Some((mean, std, episodes)) = ending.evaluation {
        let best = ending.best.map(|best| format!(", best {best:.1}")).unwrap_or_default();
        let scores = [Some((mean, std)), ending.validation];
        let scores = returns(scores.map(|score| score.map(|(mean, std)| (mean, Some(std)))), engines);
        lines.push(format!("evaluation  {scores} over {episodes} episodes{best}"));
    }
    let commands = [
        ("watch", format!("cargo run -p viewer -- {run}")),
        ("plot", format!("cargo run -p evo -- plot {run}")),
        ("evaluate", format!("cargo run -p evo -- eval {run}")),
        (
            "resume",
            if ending.interrupted {
                format!("cargo run -p evo -- resume {run}")
            } else {
                let longer = ending.generations.saturating_mul(2);
                format!("cargo run -p evo -- resume {run} --generations {longer}")
            },
        ),
    ];
    lines.extend(commands.iter().map(|(label, command)| format!("{label:<10}  {command}")));
    lines
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn row(generation: u64, evaluation: Option<f64>) -> MetricsRow {
        MetricsRow {
            generation,
            fitness_mean: 12.34,
            fitness_best: 20.0,
            fitness_std: 1.0,
            eval_return_mean: evaluation,
            eval_return_std: evaluation.map(|_| 3.0),
            env_steps_per_s: 21_437.0,
            sigma: 0.001,
            terms: vec![1.0, -2.0],
            ..MetricsRow::default()
        }
    }

    fn logged(verbosity: Verbosity, act: impl Fn(&mut Progress)) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.txt");
        act(&mut Progress::new(verbosity, Some(&path), 100, &["forward", "control"]).unwrap());
        std::fs::read_to_string(&path).unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn the_start_block_is_aligned() {
        let lines = logged(Verbosity::Quiet, |progress| {
            progress.start(&[("env", "ant".to_owned()), ("controller", "Snn".to_owned())]);
        });
        assert_eq!(lines, ["env         ant", "controller  Snn"]);
    }

    #[test]
    fn evaluations_the_last_generation_and_verbose_ones_get_a_line() {
        let run = |progress: &mut Progress| {
            // The first line is always due.
            for generation in 1..=3 {
                progress.generation(&row(generation, None));
            }
            progress.generation(&row(4, Some(15.0)));
            progress.generation(&row(100, None));
        };
        let lines = logged(Verbosity::Quiet, run);
        assert_eq!(lines.len(), 3, "{lines:?}");
        let expected = "generation   4/100  fitness 12.3 (best 20.0)  evaluation 15.0 ± 3.0  21.4k steps/s";
        assert!(lines[1].starts_with(expected), "{}", lines[1]);
        // The last evaluation stays in sight with its age, and nothing is left to do.
        assert!(lines[2].ends_with("evaluation 15.0 (96 gen. old)  21.4k steps/s"), "{}", lines[2]);
        let lines = logged(Verbosity::Verbose, run);
        assert_eq!(lines.len(), 5);
        assert!(lines[0].ends_with("  forward 1.0  control -2.0"), "{}", lines[0]);
    }

    #[test]
    fn returns_in_two_engines_stand_side_by_side() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.txt");
        let progress = Progress::new(Verbosity::Quiet, Some(&path), 100, &[]).unwrap();
        let mut progress = progress;
        progress.at(None, Some(["lanes", "rapier"]));
        progress.generation(&MetricsRow {
            validation_return_mean: Some(14.0),
            validation_return_std: Some(2.0),
            ..row(1, Some(15.0))
        });
        progress.generation(&row(100, None));
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].contains("  evaluation 15.0 ± 3.0 (lanes), 14.0 ± 2.0 (rapier)  "), "{text}");
        assert!(lines[1].contains("  evaluation 15.0 (lanes), 14.0 (rapier) (99 gen. old)  "), "{text}");
    }

    #[test]
    fn a_flat_fitness_is_warned_about_once() {
        let lines = logged(Verbosity::Quiet, |progress| {
            for generation in 1..=22 {
                progress.generation(&MetricsRow {
                    fitness_std: if generation == 11 { 1.0 } else { 0.0 },
                    ..row(generation, None)
                });
            }
        });
        let warnings: Vec<_> = lines.iter().filter(|line| line.starts_with("warning: ")).collect();
        assert_eq!(warnings.len(), 1);
        assert!(warnings[0].contains("sigma (0.001) too small"));
    }

    #[test]
    fn the_end_says_how_to_go_on() {
        let mut ending = Ending {
            run: PathBuf::from("results/runs/ant"),
            generations: 300,
            env_steps: 12_345_678,
            wall_s: 754.2,
            evaluation: Some((1500.04, 20.0, 16)),
            validation: None,
            best: Some(1510.0),
            interrupted: false,
        };
        assert_eq!(
            ending_lines(&ending, None),
            [
                "finished 300 generations: 12.3M control steps in 12 min 34 s",
                "evaluation  1500.0 ± 20.0 over 16 episodes, best 1510.0",
                "watch       cargo run -p viewer -- results/runs/ant",
                "plot        cargo run -p evo -- plot results/runs/ant",
                "evaluate    cargo run -p evo -- eval results/runs/ant",
                "resume      cargo run -p evo -- resume results/runs/ant --generations 600",
            ]
        );
        (ending.interrupted, ending.validation) = (true, Some((1400.0, 30.0)));
        let lines = ending_lines(&ending, Some(["lanes", "rapier"]));
        let evaluation =
            "evaluation  1500.0 ± 20.0 (lanes), 1400.0 ± 30.0 (rapier) over 16 episodes, best 1510.0";
        assert_eq!(lines[1], evaluation);
        assert!(lines[0].starts_with("interrupted after 300 generations"));
        assert!(lines[5].ends_with("resume results/runs/ant"));
    }
}
