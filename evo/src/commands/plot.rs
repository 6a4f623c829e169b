//! `evo plot`.

use std::path::PathBuf;

use crate::cli::PlotArgs;
use crate::commands::print_line;
use crate::failure::{Blame, Failure};
use crate::plot::Figure;

/// Draws the learning curves of runs.
pub(super) fn plot(args: &PlotArgs) -> Result<(), Failure> {
    let out = args.out.clone().unwrap_or_else(|| PathBuf::from("curves.svg"));
    Figure::read(&args.runs, args.title.as_deref()).usage()?.write(&out).usage()?;
    print_line(&out.display().to_string());
    Ok(())
}
