//! `evo`: evolves controllers, see [`evo::run`].

fn main() -> std::process::ExitCode {
    evo::run()
}
