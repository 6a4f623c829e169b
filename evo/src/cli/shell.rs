//! Options of `completions` and `man`.

use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

/// Options of `completions`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  evo completions bash > ~/.local/share/bash-completion/completions/evo
  evo completions zsh > ~/.zfunc/_evo
  evo completions fish > ~/.config/fish/completions/evo.fish")]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub shell: Shell,
}

/// Options of `man`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  evo man ~/.local/share/man/man1
  man evo-train")]
pub struct ManArgs {
    /// Folder to write to: evo.1, evo-train.1 and so on
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
}
