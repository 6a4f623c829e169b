//! `evo export`: whole policies for other programs.

use std::path::Path;

use anyhow::Context as _;
use records::disk::write_atomic;
use records::failure::{Blame, Failure};
use training::onnx_export;
use training::policy::Which;

use crate::cli::ExportArgs;
use crate::commands::common::{Trained, load};
use crate::out;

/// Writes the policy of a run as an ONNX file.
pub(super) fn export(args: &ExportArgs) -> Result<(), Failure> {
    let trained = load((&args.source, args.stage.as_deref()), args.which.chosen(), None, &[])?;
    let bytes = onnx(&trained, args.which.chosen(), &args.source)?;
    write_atomic(&args.onnx, &bytes)
        .with_context(|| format!("cannot write {}", args.onnx.display()))
        .written()?;
    out::line(&args.onnx.display().to_string());
    Ok(())
}

/// The policy of the run `source`, with these of its parameters, as an ONNX file.
///
/// # Errors
/// What ONNX cannot carry.
pub fn onnx(trained: &Trained, which: Which, source: &Path) -> Result<Vec<u8>, Failure> {
    let which = match which {
        Which::Mean => "mean".to_owned(),
        Which::Best => "best".to_owned(),
        Which::Cell(cell) => format!("cell {cell}"),
    };
    let setup = &trained.setup;
    let bytes = onnx_export::policy(setup.controller.as_ref(), setup.task.spec(), &trained.policy, &which);
    bytes.with_context(|| source.display().to_string()).usage()
}
