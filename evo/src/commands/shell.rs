//! `evo completions` and `evo man`.

use std::fs;

use anyhow::Context as _;
use records::failure::{Blame as _, Failure};

use crate::cli::{CompletionsArgs, ManArgs, command};
use crate::out;

/// Prints the completions for a shell.
pub(super) fn completions(args: &CompletionsArgs) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command(), "evo", &mut script);
    out::line(String::from_utf8(script).run()?.trim_end());
    Ok(())
}

/// Writes a page per verb.
pub(super) fn man(args: &ManArgs) -> Result<(), Failure> {
    let folder = &args.folder;
    let failed = || format!("cannot write man pages to {}", folder.display());
    fs::create_dir_all(folder).with_context(failed).written()?;
    clap_mangen::generate_to(command().disable_help_subcommand(true), folder)
        .with_context(failed)
        .written()?;
    out::line(&folder.join("evo.1").display().to_string());
    Ok(())
}
