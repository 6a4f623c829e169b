//! `evo plot`.

use std::path::{Path, PathBuf};

use records::failure::{Blame, Failure};

use crate::cli::PlotArgs;
use crate::out;
use crate::plot::{Axis, Figure, PlotError, Spread};
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
    Ok(())
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
