//! Options of `film`.

use std::path::PathBuf;

use clap::Args;

use super::common::positive;

/// Options of `film`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  evo film results/runs/RUN
  evo film results/runs/RUN --generations 50,200,500 --out growth.mp4
  evo film results/runs/ant__s1 results/runs/ant__s2 --seconds 8 --camera side

Every tile simulates its controller from the same start. It shows the name of its generation or run,
and the return of its latest evaluation. The program `viewer` draws the film; to build it, run
`cargo build -p viewer`.")]
pub struct FilmArgs {
    /// One run folder, to show its numbered checkpoints and the last one side by side; or several, to show
    /// the last checkpoint of each
    #[arg(value_name = "RUN", required = true)]
    pub runs: Vec<PathBuf>,
    /// Generations of one run to show, from its numbered checkpoints; default: the first, the last and some
    /// in between
    #[arg(long, value_name = "N", value_delimiter = ',')]
    pub generations: Vec<u64>,
    /// Largest number of tiles for one run
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = positive, conflicts_with = "generations")]
    pub tiles: usize,
    /// File to write: .gif, .png (animated) or, with ffmpeg, .mp4; default: film.gif in the run folder; for
    /// several runs, in the current folder
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Time at which the film begins, s
    #[arg(long, value_name = "S", default_value_t = 0.0)]
    pub at: f64,
    /// Length, s
    #[arg(long, value_name = "S", default_value_t = 5.0)]
    pub seconds: f64,
    /// Pictures per second
    #[arg(long, value_name = "N", default_value_t = 25)]
    pub fps: u16,
    /// Size of each tile in pixels
    #[arg(long, value_name = "WxH", default_value = "400x300")]
    pub size: String,
    /// Direction of view (corner, side, front, back, top), or a camera of the robot's file
    #[arg(long, value_name = "NAME")]
    pub camera: Option<String>,
    /// Use dark colours
    #[arg(long)]
    pub dark: bool,
}
