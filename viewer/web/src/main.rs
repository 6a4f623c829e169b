//! Builds the viewer for browsers, and serves it.
//!
//! `cargo run -p web -- build` makes a folder that any web server can serve; `cargo run -p web -- serve`
//! builds it and serves it on this machine.

mod build;
mod serve;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The viewer in a browser
#[derive(Debug, Parser)]
#[command(name = "web", version)]
struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Make the folder: index.html, viewer.js, viewer_bg.wasm
    Build(Build),
    /// Build, then serve the folder until Ctrl-C
    Serve(Serve),
}

#[derive(Debug, clap::Args)]
struct Build {
    /// Where to put it
    #[arg(long, default_value = "target/web")]
    out: PathBuf,

    /// Quick to build, larger and slower
    #[arg(long)]
    quick: bool,
}

#[derive(Debug, clap::Args)]
struct Serve {
    #[command(flatten)]
    build: Build,

    /// Port on this machine; 0 for any that is free
    #[arg(long, default_value_t = 8080)]
    port: u16,

    /// Serve the folder as it is, without building anything
    #[arg(long)]
    as_it_is: bool,

    /// Files to serve beside the viewer, each opened by ?file=NAME
    files: Vec<PathBuf>,
}

fn main() -> ExitCode {
    let done = match Args::parse().verb {
        Verb::Build(args) => build::build(&args.out, args.quick),
        Verb::Serve(args) => args
            .as_it_is
            .then_some(())
            .map_or_else(|| build::build(&args.build.out, args.build.quick), Ok)
            .and_then(|()| serve::serve(&args.build.out, args.port, &args.files)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
