//! The viewer of runs and recordings. Not built yet: until then it says what there is instead.

use std::process::ExitCode;

fn main() -> ExitCode {
    eprintln!(
        "The viewer is the next part of Spindle and does not draw anything yet.\n\
         Until then: `cargo run -p evo -- plot RUN` draws learning curves, and\n\
         `cargo run -p evo -- record RUN` writes an episode with body and brain as safetensors,\n\
         readable from Python."
    );
    ExitCode::FAILURE
}
