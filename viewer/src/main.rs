//! The viewer of runs and recordings; `viewer --help` lists what it can open.

#[cfg(not(target_arch = "wasm32"))]
fn main() -> std::process::ExitCode {
    use clap::Parser as _;
    records::surroundings::set_runtime_dir();
    records::failure::finish(viewer::cli::run(&viewer::cli::Args::parse()))
}

#[cfg(target_arch = "wasm32")]
fn main() {
    viewer::web::start();
}
