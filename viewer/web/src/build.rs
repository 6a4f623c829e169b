//! From source to a folder for browsers.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};
use wasm_bindgen_cli_support::Bindgen;

const TARGET: &str = "wasm32-unknown-unknown";

/// The workspace.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Compiles the viewer and writes the folder.
pub fn build(out: &Path, quick: bool) -> anyhow::Result<()> {
    let profile = if quick { "web-quick" } else { "web" };
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    cargo.current_dir(root()).args(["build", "-p", "viewer", "--bin", "viewer", "--target", TARGET]);
    cargo.args(["--profile", profile]).arg("--target-dir").arg(&target);
    let status = cargo.status().context("cannot start cargo")?;
    if !status.success() {
        bail!("building for {TARGET} failed; `rustup target add {TARGET}` installs what it needs");
    }
    let wasm = target.join(TARGET).join(profile).join("viewer.wasm");
    fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;
    let mut bindgen = Bindgen::new();
    bindgen.input_path(&wasm).no_modules(true)?.typescript(false).remove_producers_section(true);
    bindgen.generate(out).with_context(|| format!("cannot make bindings of {}", wasm.display()))?;
    let page = out.join("index.html");
    let style = include_str!("../../../evo/src/commands/page.css");
    fs::write(&page, include_str!("../index.html").replace("{style}", style))
        .with_context(|| format!("cannot write {}", page.display()))?;
    let size = fs::metadata(out.join("viewer_bg.wasm")).map_or(0, |data| data.len());
    eprintln!("{}: the viewer for browsers, {:.1} MB", out.display(), size as f64 / 1e6);
    Ok(())
}
