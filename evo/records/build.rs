//! Hands the compiler's version and target to `provenance.json`.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let version = Command::new(rustc).arg("--version").output().ok();
    let version = version.and_then(|output| String::from_utf8(output.stdout).ok());
    println!("cargo::rustc-env=SPINDLE_RUSTC={}", version.as_deref().unwrap_or("unknown").trim());
    for (key, source) in [("SPINDLE_TARGET", "TARGET"), ("SPINDLE_FEATURES", "CARGO_CFG_TARGET_FEATURE")] {
        println!("cargo::rustc-env={key}={}", std::env::var(source).unwrap_or_default());
    }
}
