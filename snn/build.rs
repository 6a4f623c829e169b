//! Compiles the built-in neuron models, `neurons/*.neuron`, to Rust, and chooses the instruction sets that controllers are
//! compiled for.

use std::path::Path;
use std::{env, error, fs};

#[path = "src/equations/mod.rs"]
#[allow(dead_code, unused_imports, reason = "the build needs only the path from text to Rust")]
mod equations;
#[path = "numerics/sets.rs"]
mod sets;

fn main() -> Result<(), Box<dyn error::Error>> {
    sets::configure("vector");
    println!("cargo::rerun-if-changed=neurons");
    println!("cargo::rerun-if-changed=src/equations");
    let mut texts = Vec::new();
    for entry in fs::read_dir("neurons")? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "neuron") {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            texts.push((name, fs::read_to_string(&path)?));
        }
    }
    texts.sort();
    let module = equations::module(&texts)?;
    let out = env::var("OUT_DIR")?;
    fs::write(Path::new(&out).join("neurons.rs"), module)?;
    Ok(())
}
