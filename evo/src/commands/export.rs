//! `evo export`: whole policies for other programs.

use anyhow::Context as _;
use records::disk::write_atomic;
use records::failure::{Blame, Failure};
use training::onnx_export;

use crate::cli::ExportArgs;
use crate::commands::common::load;
use crate::out;

/// Writes the policy of a run as an ONNX file.
pub(super) fn export(args: &ExportArgs) -> Result<(), Failure> {
    let trained = load((&args.source, args.stage.as_deref()), args.which.best, None, &[])?;
    let which = if args.which.best { "best" } else { "mean" };
    let setup = &trained.setup;
    let bytes = onnx_export::policy(setup.controller.as_ref(), setup.task.spec(), &trained.policy, which);
    let bytes = bytes.with_context(|| args.source.display().to_string()).usage()?;
    write_atomic(&args.onnx, &bytes)
        .with_context(|| format!("cannot write {}", args.onnx.display()))
        .written()?;
    out::line(&args.onnx.display().to_string());
    Ok(())
}
