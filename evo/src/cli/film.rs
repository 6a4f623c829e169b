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

Every tile is a simulation of its controller from the same start, with the name of its generation or run and the
return of the evaluation that it had by then. The program `viewer` draws it: `cargo build -p viewer` makes that.")]
pub struct FilmArgs {
    /// One run folder, of which numbered checkpoints and the last one are shown side by side, or several, of which
    /// the last one of each is
    #[arg(value_name = "RUN", required = true)]
    pub runs: Vec<PathBuf>,
    /// Generations of one run to show, by their numbered checkpoints; default first, last and some between
    #[arg(long, value_name = "N", value_delimiter = ',')]
    pub generations: Vec<u64>,
    /// Most tiles of one run
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = positive, conflicts_with = "generations")]
    pub tiles: usize,
    /// File to write: .gif, .png (animated) or, with ffmpeg, .mp4; default film.gif in the run folder, or here for
    /// several runs
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Time at which it begins, s
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
    /// Dark colours
    #[arg(long)]
    pub dark: bool,
}
