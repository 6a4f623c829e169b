//! Headless Chromium, for tests of pages.

use std::path::Path;
use std::process::{Command, Stdio};

/// The page after a little time of its own (`milliseconds`) in a small window, as HTML; `None` without a browser.
/// `hash` comes after its address. What is drawn in WebGL is drawn by the processor, and takes long.
///
/// # Panics
/// Without a scratch folder.
pub(crate) fn seen(page: &Path, hash: &str, milliseconds: u32) -> Option<String> {
    let profile = tempfile::tempdir().expect("scratch folder");
    let mut command = Command::new("chromium");
    command.args([
        "--headless=new",
        "--no-sandbox",
        "--use-angle=swiftshader",
        "--enable-unsafe-swiftshader",
    ]);
    command.args(["--disable-dev-shm-usage", "--no-first-run", "--window-size=500,400"]);
    command.args([&format!("--virtual-time-budget={milliseconds}"), "--dump-dom"]);
    command.arg(format!("--user-data-dir={}", profile.path().display()));
    command.arg(format!("file://{}{hash}", page.display()));
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}
