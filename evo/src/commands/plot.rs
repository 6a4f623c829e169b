//! `evo plot`.

use std::path::{Path, PathBuf};

use records::checkpoint::Checkpoint;
use records::disk::write_atomic;
use records::failure::{Blame, Failure};
use records::folder::RunFolder;
use training::members::{Kept, Members};

use crate::cli::PlotArgs;
use crate::out;
use crate::plot::archive::Map;
use crate::plot::front::Trade;
use crate::plot::picture::Picture;
use crate::plot::{Axis, Figure, PlotError, Spread, picture};
use crate::report::{Kind, ReportError, write_picture};
use crate::sweep::Stored;

/// Draws the learning curves of runs, or pictures of a sweep.
pub(super) fn plot(args: &PlotArgs) -> Result<(), Failure> {
    if let [folder] = &args.runs[..]
        && Stored::is_in(folder)
    {
        return of_sweep(args, folder);
    }
    if let Some(sweep) = args.runs.iter().find(|run| Stored::is_in(run)) {
        let error = anyhow::anyhow!("{} is a sweep; plot either runs or one sweep", sweep.display());
        return Err(error).usage();
    }
    if let Some(kind) = args.kind.filter(|&kind| kind != Kind::Curves) {
        return Err(anyhow::anyhow!("--kind {} is a picture of a sweep, not of runs", kind.name())).usage();
    }
    let spread = Spread { center: args.line.into(), band: args.band.into() };
    let mut figure = Figure::read(&args.runs, args.title.as_deref()).usage()?.with_spread(spread);
    if !args.label.is_empty() {
        figure = figure.with_labels(&args.label).usage()?;
    }
    let axes: Vec<Axis> = args.axis.iter().map(|&axis| axis.into()).collect();
    let figure = figure.with_axes(&axes).usage()?;
    let outs = match (&args.out, &args.runs[..]) {
        (Some(out), _) => vec![out.clone()],
        (None, [run]) => ["svg", "png"].map(|end| run.join("curve").with_extension(end)).to_vec(),
        (None, _) => ["curves.svg", "curves.png"].map(PathBuf::from).to_vec(),
    };
    for out in outs {
        figure.write(&out).written()?;
        out::line(&out.display().to_string());
    }
    match (&args.out, &args.runs[..]) {
        (None, [run]) => of_search(run, args.title.as_deref()),
        _ => Ok(()),
    }
}

/// Draws the map of a run's archive or its front, if it has one, and writes the table.
fn of_search(run: &Path, title: Option<&str>) -> Result<(), Failure> {
    let folder = RunFolder::open(run).usage()?;
    // A run has none before its first generation.
    if !folder.last().exists() {
        return Ok(());
    }
    let checkpoint = Checkpoint::load(&folder.last()).usage()?.told();
    if checkpoint.is_classifier() {
        return Ok(());
    }
    let Some(members) = Members::of(&checkpoint).usage()? else { return Ok(()) };
    for file in write_members(&members, title, &folder).written()? {
        out::line(&file.display().to_string());
    }
    Ok(())
}

/// Writes `archive.csv` into a run's folder, and `archive.svg` and `archive.png` if there are two descriptors; or
/// `front.csv`, `front.svg` and `front.png`; the files.
pub(super) fn write_members(
    members: &Members,
    title: Option<&str>,
    folder: &RunFolder,
) -> Result<Vec<PathBuf>, PlotError> {
    let table = members.table();
    match members.kept {
        Kept::Archive(_) => write_both(folder, "archive", &table, Map::of(members, title).as_ref()),
        Kept::Front(..) => write_both(folder, "front", &table, Trade::of(members, title).as_ref()),
    }
}

/// Writes a table and, if there is one, a picture.
fn write_both(
    folder: &RunFolder,
    name: &str,
    table: &str,
    shown: Option<&impl Picture>,
) -> Result<Vec<PathBuf>, PlotError> {
    let file = |end| folder.path().join(name).with_extension(end);
    let path = file("csv");
    write_atomic(&path, table.as_bytes())
        .map_err(|source| PlotError::Write { path: path.clone(), source })?;
    let mut files = vec![path];
    if let Some(shown) = shown {
        for end in ["svg", "png"] {
            picture::write(shown, &file(end))?;
            files.push(file(end));
        }
    }
    Ok(files)
}

/// Draws the kinds that are asked for, all unless one is; of several tasks each by itself.
fn of_sweep(args: &PlotArgs, folder: &Path) -> Result<(), Failure> {
    if !args.label.is_empty() {
        return Err(anyhow::anyhow!(
            "--label is for runs; the lines of a sweep are named after their settings"
        ))
        .usage();
    }
    let sweep = Stored::read(folder).usage()?;
    let parts = sweep.by_task();
    let kinds = args.kind.map_or(Kind::ALL.to_vec(), |kind| vec![kind]);
    if args.out.is_some() && (kinds.len() > 1 || parts.len() > 1) {
        let error =
            anyhow::anyhow!("--out is for one picture: also give a --kind, and a sweep with one task");
        return Err(error).usage();
    }
    let mut none = true;
    for (task, part) in &parts {
        for &kind in &kinds {
            let stem =
                if parts.len() > 1 { format!("{}_{task}", kind.name()) } else { kind.name().to_owned() };
            let both = || ["svg", "png"].map(|end| folder.join(format!("{stem}.{end}"))).to_vec();
            for out in args.out.clone().map_or_else(both, |out| vec![out]) {
                let title = args.title.as_deref().unwrap_or(task);
                if write_picture(folder, part, kind, title, &out).map_err(blame)? {
                    none = false;
                    out::line(&out.display().to_string());
                }
            }
        }
    }
    if none {
        return Err(anyhow::anyhow!("{}: no trial has a value to draw yet", folder.display())).usage();
    }
    Ok(())
}

/// What cannot be written is no mistake in the request, unless its name is.
pub(super) fn blame(error: ReportError) -> Failure {
    let wrote = matches!(
        &error,
        ReportError::Write { .. } | ReportError::Run(PlotError::Draw { .. } | PlotError::Write { .. })
    );
    if wrote { Failure::Run(error.into()) } else { Failure::Usage(error.into()) }
}
