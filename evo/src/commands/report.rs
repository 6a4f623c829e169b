//! `evo report`.

use std::path::PathBuf;

use records::failure::{Blame, Failure};

use crate::cli::ReportArgs;
use crate::commands::{job, plot, robot};
use crate::out;
use crate::report;
use crate::sweep::Stored;

/// Name of a report in the folder that it is about.
pub(super) const FILE: &str = "report.html";

/// Writes a page about runs or a sweep.
pub(super) fn report(args: &ReportArgs) -> Result<(), Failure> {
    let title = args.title.as_deref();
    let labelled = args.sources.iter().filter(|source| job::is_classifier(source)).count();
    if labelled > 0 && (labelled < args.sources.len() || args.markdown.is_some()) {
        let what = "runs with labels cannot be reported together with others, or as Markdown";
        return Err(anyhow::anyhow!(what)).usage();
    }
    if let Some(file) = &args.markdown {
        for path in report::write_markdown(file, &args.sources, title).map_err(plot::blame)? {
            out::line(&path.display().to_string());
        }
        return Ok(());
    }
    let sweeps = args.sources.iter().filter(|source| Stored::is_in(source)).count();
    let page = match &args.sources[..] {
        runs if labelled > 0 => report::of_classifiers(runs, title).usage()?,
        [folder] if sweeps == 1 => {
            let robot = if args.no_robot { None } else { robot::of_sweep(folder).usage()? };
            report::of_sweep(folder, title, robot.as_ref()).usage()?
        }
        runs if sweeps == 0 => {
            let robot = if args.no_robot { None } else { robot::of_runs(runs).usage()? };
            report::of_runs(runs, title, robot.as_ref()).usage()?
        }
        _ => {
            return Err(anyhow::anyhow!("a report is about runs or about one sweep, not about both of them"))
                .usage();
        }
    };
    let out = match (&args.out, &args.sources[..]) {
        (Some(out), _) => out.clone(),
        (None, [folder]) => folder.join(FILE),
        (None, _) => PathBuf::from(FILE),
    };
    report::write(&out, &page).map_err(plot::blame)?;
    out::line(&out.display().to_string());
    Ok(())
}
