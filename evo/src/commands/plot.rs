//! `evo plot`.

use std::path::PathBuf;

use crate::cli::PlotArgs;
use crate::commands::print_line;
use crate::failure::{Blame, Failure};
use crate::plot::{Figure, Spread};

/// Draws the learning curves of runs.
pub(super) fn plot(args: &PlotArgs) -> Result<(), Failure> {
    let spread = Spread { center: args.line.into(), band: args.band.into() };
    let figure = Figure::read(&args.runs, args.title.as_deref()).usage()?.with_spread(spread);
    let outs = match (&args.out, &args.runs[..]) {
        (Some(out), _) => vec![out.clone()],
        (None, [run]) => ["svg", "png"].map(|end| run.join("curve").with_extension(end)).to_vec(),
        (None, _) => ["curves.svg", "curves.png"].map(PathBuf::from).to_vec(),
    };
    for out in outs {
        figure.write(&out).usage()?;
        print_line(&out.display().to_string());
    }
    Ok(())
}
