//! `evo train --seeds`: a run per seed, then one table and one curve.

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use ranks::Job;
use records::failure::{Blame as _, Failure};
use records::folder::RunFolder;
use records::metrics::Metrics;
use records::words::{duration, to_stderr};
use training::evaluate::mean_std;
use training::ranks::Team;

use super::score::Score;
use super::train::{self, Wanted};
use super::{job, labels, together};
use crate::cli::{Output, RunArgs, Seeds, TrainArgs};
use crate::interrupt;
use crate::out;
use crate::plot::Figure;
use crate::statistics::{Center, estimate};

/// What became of a seed.
struct Outcome {
    seed: u64,
    /// None before it begins to train.
    folder: Option<RunFolder>,
    failure: Option<Failure>,
}

impl Outcome {
    fn status(&self) -> &'static str {
        match &self.folder {
            _ if self.failure.is_some() => "failed",
            Some(folder) if folder.is_finished() => "finished",
            _ => "interrupted",
        }
    }

    fn metrics(&self) -> Option<Metrics> {
        let metrics = Metrics::read(&self.folder.as_ref()?.metrics()).ok()?;
        (!metrics.rows.is_empty()).then_some(metrics)
    }
}

/// Starts a run per seed, one after another; several ranks do it side by side, in as many groups as there are seeds, or one
/// by one. A seed that fails does not keep the others from running.
pub(super) fn train(args: &TrainArgs, seeds: &Seeds, (job, team): (&Job, &Team)) -> Result<(), Failure> {
    let Seeds(seeds) = seeds;
    let out = args.run.out.as_deref();
    let of = |seed: u64| {
        let out = out.map(|folder| folder.join(format!("s{seed}")));
        let run = RunArgs { seed: Some(seed), seeds: None, out, ..args.run.clone() };
        TrainArgs { run, ..args.clone() }
    };
    let quiet = args.output.quiet;
    if args.dry_run {
        if !quiet {
            let folders = out.map_or_else(String::new, |out| format!(" in {}", out.join("sSEED").display()));
            to_stderr(&format!(
                "{} runs{folders} of this config, with run.seed = {}",
                seeds.len(),
                list(seeds)
            ));
        }
        return train::train(&of(seeds[0]), Wanted::Config, team).map(drop);
    }
    // What is wrong with all of them is said once, before there is a folder.
    let sound = train::train(&of(seeds[0]), Wanted::Check, &Team::alone());
    together::agreed(team, sound)?;
    let mut taken =
        out.into_iter().map(Path::to_owned).chain(seeds.iter().filter_map(|&seed| of(seed).run.out));
    let taken = taken.find(|folder| RunFolder::open(folder).is_ok()).map_or(Ok(()), |folder| {
        let folder = folder.display();
        let error =
            anyhow!("{folder} already contains a run; --out is the folder in which --seeds makes s1, s2, …");
        Err(error).usage()
    });
    together::agreed(team, taken)?;
    together::same_build(team)?;
    let groups = team.size().min(seeds.len());
    let (group, part) = match groups {
        _ if team.is_alone() => (0, team.clone()),
        groups => job.groups(groups).map(|(group, ranks)| (group, Team::new(ranks))).usage()?,
    };
    let mut outcomes: Vec<Outcome> = Vec::new();
    for (index, &seed) in seeds.iter().enumerate().skip(group).step_by(groups) {
        if !quiet {
            to_stderr(&format!("seed {seed}, {} of {}", index + 1, seeds.len()));
        }
        let mut run = of(seed);
        if group > 0 {
            run.output = Output { quiet: true, verbose: false };
        }
        let (folder, failure) = match train::train(&run, Wanted::Run, &part) {
            Ok(folder) => (folder, None),
            // The other ranks of the group cannot know how far this one has come.
            Err(failure) if !part.is_alone() => return Err(failure),
            Err(failure) => {
                to_stderr(&format!("{} (seed {seed})", failure.message()));
                (of(seed).run.out.and_then(|out| RunFolder::open(&out).ok()), Some(failure))
            }
        };
        outcomes.push(Outcome { seed, folder, failure });
        if index + groups < seeds.len() && interrupt::stops_here() {
            break;
        }
    }
    if interrupt::requested() {
        job.ask(interrupt::asked_by());
    }
    if !team.is_alone() {
        outcomes = gathered(if part.leads() { &outcomes } else { &[] }, seeds, team)?;
    }
    if team.leads() {
        conclude(&outcomes, args, quiet)?;
    }
    let of = |wanted: fn(&Outcome) -> bool| {
        outcomes.iter().filter(|outcome| wanted(outcome)).map(|outcome| outcome.seed).collect::<Vec<_>>()
    };
    let (begun, failed) = (of(|_| true), of(|outcome| outcome.failure.is_some()));
    let left: Vec<u64> = seeds.iter().copied().filter(|seed| !begun.contains(seed)).collect();
    if !left.is_empty() {
        to_stderr(&format!("not started: --seeds {}", list(&left)));
    }
    if !failed.is_empty() {
        let error = anyhow!("{} of {} seeds failed: {}", failed.len(), seeds.len(), list(&failed));
        return Err(error).run();
    }
    Ok(())
}

/// The outcomes of all ranks, of which each has its own, in the order of the seeds.
fn gathered(own: &[Outcome], seeds: &[u64], team: &Team) -> Result<Vec<Outcome>, Failure> {
    // Seed, folder and message.
    type Told = Vec<(u64, Option<PathBuf>, Option<String>)>;
    let told: Told = own
        .iter()
        .map(|Outcome { seed, folder, failure }| {
            let folder = folder.as_ref().map(|folder| folder.path().to_owned());
            (*seed, folder, failure.as_ref().map(Failure::message))
        })
        .collect();
    let all = team.gather(&serde_json::to_vec(&told).run()?).run()?;
    let mut outcomes = Vec::new();
    for (rank, bytes) in all.iter().enumerate() {
        for (seed, folder, failure) in serde_json::from_slice::<Told>(bytes).run()? {
            let folder = folder.and_then(|folder| RunFolder::open(&folder).ok());
            let failure = failure.map(|message| {
                if rank != team.rank() {
                    to_stderr(&format!("{message} (seed {seed})"));
                }
                Failure::Run(anyhow!(message))
            });
            outcomes.push(Outcome { seed, folder, failure });
        }
    }
    outcomes.sort_by_key(|outcome| seeds.iter().position(|&seed| seed == outcome.seed));
    Ok(outcomes)
}

fn list(seeds: &[u64]) -> String {
    seeds.iter().map(u64::to_string).collect::<Vec<_>>().join(",")
}

/// Prints the table and draws the curve.
fn conclude(outcomes: &[Outcome], args: &TrainArgs, quiet: bool) -> Result<(), Failure> {
    let head = ["#seed", "status", "#score", "#best", "#generations", "#time", "run"];
    let mut rows = vec![head.map(str::to_owned)];
    let (mut values, mut measure) = (Vec::new(), Score::default());
    for outcome in outcomes {
        let metrics = outcome.metrics();
        let score = metrics.as_ref().map(Score::of).unwrap_or_default();
        let wall_s = metrics.as_ref().and_then(|metrics| metrics.column("wall_s")?.last().copied().flatten());
        rows.push([
            outcome.seed.to_string(),
            outcome.status().to_owned(),
            score.last_text(),
            score.text(score.best),
            metrics.map_or(0, |metrics| metrics.rows.len()).to_string(),
            wall_s.map_or_else(|| "–".to_owned(), duration),
            outcome
                .folder
                .as_ref()
                .map_or_else(|| "–".to_owned(), |folder| folder.path().display().to_string()),
        ]);
        if outcome.status() == "finished" {
            values.extend(score.last);
            measure = score;
        }
    }
    out::table(&rows);
    if let (Some(estimate), [_, _, ..]) = (estimate(&values, Center::InterquartileMean), &values[..]) {
        let (mean, std) = mean_std(&values);
        let [mean, iqm, low, high] =
            [mean, estimate.value, estimate.low, estimate.high].map(|value| measure.text(Some(value)));
        let std = if measure.measure == "accuracy" { 100.0 * std } else { std };
        let std = if measure.measure == "loss" { format!("{std:.4}") } else { format!("{std:.1}") };
        out::line(&format!(
            "{} seeds: mean {mean} ± {std}; interquartile mean {iqm}, 95 % interval {low} to {high}",
            values.len()
        ));
    }
    let drawn: Vec<RunFolder> =
        outcomes.iter().filter(|o| o.metrics().is_some()).filter_map(|o| o.folder.clone()).collect();
    let Some(first) = drawn.first() else { return Ok(()) };
    let stem = stem(first, outcomes[0].seed, outcomes.len(), args.run.out.as_deref());
    let files = ["svg", "png"].map(|end| PathBuf::from(format!("{}.{end}", stem.display())));
    let paths: Vec<PathBuf> = drawn.iter().map(|folder| folder.path().to_owned()).collect();
    let written = if job::is_classifier(first.path()) {
        labels::draw_several(&drawn, &files)
    } else {
        Figure::read(&paths, None).and_then(|figure| files.iter().try_for_each(|file| figure.write(file)))
    };
    // A plot is never worth failing for: the runs are there.
    match written {
        Ok(()) if quiet => {}
        Ok(()) => files.iter().for_each(|file| to_stderr(&format!("curve  {}", file.display()))),
        Err(error) => to_stderr(&format!("warning: no learning curve: {error}")),
    }
    Ok(())
}

/// Path of the curve without its ending: `curve` in the folder of the runs, or beside them, called like the first one with
/// the number of seeds.
fn stem(first: &RunFolder, seed: u64, count: usize, out: Option<&Path>) -> PathBuf {
    if let Some(out) = out {
        return out.join("curve");
    }
    let name = first.path().file_name().unwrap_or_default().to_string_lossy();
    first.path().with_file_name(name.replacen(&format!("__s{seed}__"), &format!("__{count}-seeds__"), 1))
}
