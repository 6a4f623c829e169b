//! What libraries of the system expect of a program's surroundings.

/// Begins the program again with `XDG_RUNTIME_DIR` set, if it is not set to a full path; does nothing elsewhere than on
/// Linux, and goes on as it is if that fails.
///
/// While adapters are listed, Mesa's Vulkan drivers look for a Wayland display, and the library that they ask for it
/// writes `error: XDG_RUNTIME_DIR is invalid or not set in the environment.` to stderr for each driver. Containers,
/// services and jobs of a scheduler seldom have the variable. A program may not safely change its own environment, but
/// it may be started with another: as the same process, before it has done anything.
pub fn set_runtime_dir() {
    #[cfg(target_os = "linux")]
    {
        use std::os::unix::process::CommandExt as _;
        let set =
            std::env::var_os(VARIABLE).is_some_and(|folder| std::path::Path::new(&folder).is_absolute());
        let (Ok(program), false) = (std::env::current_exe(), set) else { return };
        let mut words = std::env::args_os();
        let mut again = std::process::Command::new(program);
        if let Some(name) = words.next() {
            again.arg0(name);
        }
        // Comes back only with an error, and then nothing has changed.
        drop(
            again
                .args(words)
                .env(VARIABLE, std::path::absolute(std::env::temp_dir()).unwrap_or("/tmp".into()))
                .exec(),
        );
    }
}

/// Where a user's programs keep sockets.
#[cfg(target_os = "linux")]
const VARIABLE: &str = "XDG_RUNTIME_DIR";
