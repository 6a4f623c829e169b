//! How far a sweep is, on stderr: the best trials in place on a terminal, plain lines elsewhere.

use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::time::Instant;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use records::words::{duration, escaped, to_stderr};

use super::journal::{Journal, Key};
use super::names::trial_name;
use super::plan::Plan;
use super::table::Table;

/// Trials shown on a terminal.
const ROWS: usize = 8;

pub(super) struct Board {
    bar: Option<ProgressBar>,
    quiet: bool,
    finished: usize,
    runs: usize,
    /// When the rung began, and how many of its runs were there already.
    began: (Instant, usize),
    /// What is left, in words.
    left: String,
    waited_for: Option<PathBuf>,
}

impl Board {
    pub(super) fn new(quiet: bool) -> Self {
        let bar = (!quiet && io::stderr().is_terminal()).then(|| {
            let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr_with_hz(8));
            let style = ProgressStyle::with_template("{bar:24.cyan/dim} {pos}/{len} runs{prefix}\n{msg}");
            bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        Self {
            bar,
            quiet,
            finished: 0,
            runs: 0,
            began: (Instant::now(), 0),
            left: String::new(),
            waited_for: None,
        }
    }

    fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| to_stderr(text)),
            None if !self.quiet => to_stderr(text),
            None => {}
        }
    }

    fn show(&self, plan: &Plan, journal: &Journal) {
        if let Some(bar) = &self.bar {
            bar.set_length(self.runs as u64);
            bar.set_position(self.finished as u64);
            bar.set_prefix(self.left.clone());
            bar.set_message(escaped(&Table::new(plan, &journal.records).text(ROWS)).into_owned());
        }
    }

    /// A rung begins, of which `finished` of `runs` runs are there already.
    pub(super) fn stage(
        &mut self,
        plan: &Plan,
        journal: &Journal,
        rung: usize,
        finished: usize,
        runs: usize,
    ) {
        (self.finished, self.runs, self.began) = (finished, runs, (Instant::now(), finished));
        self.left.clear();
        if finished < runs {
            let there = if finished > 0 { format!(", {finished} finished already") } else { String::new() };
            let until = plan.bases.iter().map(|base| base.rungs[rung]);
            let (least, most) = (until.clone().min().unwrap_or(0), until.max().unwrap_or(0));
            let until = if least < most { format!("{least} to {most}") } else { most.to_string() };
            self.line(&format!("{runs} runs up to generation {until}{there}"));
        }
        self.show(plan, journal);
    }

    /// One more run has ended.
    fn ended(&mut self, rungs: usize) {
        self.finished += 1;
        let (began, before) = self.began;
        let each = began.elapsed().as_secs_f64() / (self.finished - before).max(1) as f64;
        let left = (each * self.runs.saturating_sub(self.finished) as f64).round();
        let rung = if rungs > 1 { " of this rung" } else { "" };
        // A second more or less is not worth saying.
        self.left =
            if left >= 2.0 { format!("  about {} left{rung}", duration(left)) } else { String::new() };
    }

    pub(super) fn done(&mut self, plan: &Plan, journal: &Journal, key: Key, value: f64) {
        self.ended(plan.rungs());
        if self.bar.is_some() {
            self.show(plan, journal);
        } else if !self.quiet {
            let table = Table::new(plan, &journal.records);
            let name = trial_name(key.0);
            let task = table.rows.iter().find(|row| row.trial == name).and_then(|row| row.task.as_ref());
            let best = table.best_of_tasks().into_iter().find(|row| row.task.as_ref() == task);
            let best = best.and_then(|row| Some((row, row.score?.value)));
            let best =
                best.map_or_else(String::new, |(row, value)| format!("  best {} {value:.1}", row.trial));
            let (finished, runs) = (self.finished, self.runs);
            let (name, left) = (trial_name(key.0), &self.left);
            self.line(&format!("{finished}/{runs}  {name} seed {}: {value:.1}{best}{left}", key.1));
        }
    }

    /// Said even if quiet.
    pub(super) fn failed(&mut self, plan: &Plan, (trial, seed, _): Key, reason: &str) {
        self.ended(plan.rungs());
        let text = format!("{} seed {seed} failed: {reason}", trial_name(trial));
        match &self.bar {
            Some(bar) => bar.suspend(|| to_stderr(&text)),
            None => to_stderr(&text),
        }
    }

    /// Says once that an earlier process is still at work on a run.
    pub(super) fn waiting(&mut self, folder: &Path) {
        if self.waited_for.as_deref() != Some(folder) {
            self.line(&format!("waiting for an earlier process that still works in {}", folder.display()));
            self.waited_for = Some(folder.to_owned());
        }
    }

    /// Says once what other workers are waited for.
    pub(super) fn others(&mut self, run: &str) {
        if self.waited_for.as_deref() != Some(Path::new(run)) {
            self.line(&format!(
                "waiting for other workers: {run} has not ended; a worker that has died goes on when it is started again"
            ));
            self.waited_for = Some(PathBuf::from(run));
        }
    }

    pub(super) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
