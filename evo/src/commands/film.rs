//! `evo film`: generations of a run, or several runs, side by side.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use records::failure::{Blame as _, Failure};
use records::folder::RunFolder;

use super::job;
use crate::cli::FilmArgs;
use crate::out;
use crate::plot::groups::names;
use crate::plot::runs::{Run, read_all};
use crate::report::number;
use crate::viewer;

/// Name of a film in the folder that it is about.
const FILE: &str = "film.gif";

/// A controller to show.
pub(super) struct Tile {
    file: PathBuf,
    label: String,
}

/// Films a run or several.
pub(super) fn film(args: &FilmArgs) -> Result<(), Failure> {
    if let Some(run) = args.runs.iter().find(|run| job::is_classifier(run)) {
        let error = anyhow!("{} was trained with labels, without a world to film", run.display());
        return Err(error).usage();
    }
    let runs = read_all(&args.runs).usage()?;
    let tiles = match &runs[..] {
        [run] => generations(run, &args.generations, args.tiles)?,
        _ if !args.generations.is_empty() => {
            return Err(anyhow!("--generations are those of one run, not of several")).usage();
        }
        runs => runs.iter().zip(names(runs)).map(|(run, name)| latest(run, &name)).collect(),
    };
    let out = match (&args.out, &args.runs[..]) {
        (Some(out), _) => out.clone(),
        (None, [run]) => run.join(FILE),
        (None, _) => PathBuf::from(FILE),
    };
    viewer::run(&words(args, &tiles, &out))?;
    out::line(&out.display().to_string());
    Ok(())
}

/// A tile with the return of the last evaluation by a generation, or of all.
fn tile(file: PathBuf, name: &str, run: &Run, until: Option<u64>) -> Tile {
    let evaluations = run.evaluation();
    let mut by_then =
        evaluations.iter().filter(|point| until.is_none_or(|until| point.generation <= until as f64));
    let value = by_then.next_back().map(|point| format!(": return {}", number(point.value)));
    Tile { file, label: format!("{name}{}", value.unwrap_or_default()) }
}

/// What a run has come to.
pub(super) fn latest(run: &Run, name: &str) -> Tile {
    tile(run.folder.last(), name, run, None)
}

/// At most `most` generations of a run, or those that are asked for.
pub(super) fn generations(run: &Run, asked: &[u64], most: usize) -> Result<Vec<Tile>, Failure> {
    let folder: &RunFolder = &run.folder;
    let numbered = folder.generations().usage()?;
    let last = run.generation();
    let wanted = if asked.is_empty() { spread(&numbered, last, most) } else { asked.to_vec() };
    let missing = wanted.iter().find(|&&generation| !numbered.contains(&generation) && generation != last);
    if let Some(generation) = missing {
        let there: Vec<String> = numbered.iter().chain([&last]).map(u64::to_string).collect();
        let run = folder.path().display();
        return Err(anyhow!(
            "{run} has no checkpoint of generation {generation}; there are {} (run.checkpoint_every and run.keep say \
             which are kept)",
            there.join(", ")
        ))
        .usage();
    }
    let tile = |&generation: &u64| {
        let file = if generation == last { folder.last() } else { folder.numbered(generation) };
        tile(file, &format!("generation {generation}"), run, Some(generation))
    };
    Ok(wanted.iter().map(tile).collect())
}

/// At most `count` of the numbered generations and the last one: the ends, and what lies evenly between.
fn spread(numbered: &[u64], last: u64, count: usize) -> Vec<u64> {
    let mut all: Vec<u64> = numbered.iter().copied().filter(|&generation| generation < last).collect();
    all.push(last);
    if count == 1 || all.len() == 1 {
        return vec![last];
    }
    let count = count.min(all.len());
    (0..count).map(|index| all[index * (all.len() - 1) / (count - 1)]).collect()
}

/// What the command line of the viewer says of the tiles: the scene alone with labels, time, speed and distance.
pub(super) fn tile_words(tiles: &[Tile]) -> Vec<OsString> {
    let mut words: Vec<OsString> = Vec::new();
    for (index, tile) in tiles.iter().enumerate() {
        words.extend((index > 0).then(|| "--tile".into()));
        words.extend([tile.file.clone().into(), "--label".into(), tile.label.clone().into()]);
    }
    words.extend(["--scene-only", "--caption"].map(OsString::from));
    words
}

/// The command line of the viewer.
fn words(args: &FilmArgs, tiles: &[Tile], out: &Path) -> Vec<OsString> {
    let mut words = tile_words(tiles);
    words.extend(["--record".into(), out.into()]);
    for (option, value) in [
        ("--at", args.at.to_string()),
        ("--seconds", args.seconds.to_string()),
        ("--fps", args.fps.to_string()),
        ("--size", args.size.clone()),
    ] {
        // In one word, so that a negative number is no option.
        words.push(format!("{option}={value}").into());
    }
    words.extend(args.camera.iter().map(|camera| format!("--camera={camera}").into()));
    words.extend((!args.dark).then(|| "--light".into()));
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generations_are_spread_from_the_first_to_the_last() {
        assert_eq!(spread(&[10, 20, 30, 40, 50], 50, 3), [10, 30, 50]);
        assert_eq!(spread(&[10, 20, 30, 40], 47, 3), [10, 30, 47]);
        assert_eq!(spread(&[10, 20], 25, 9), [10, 20, 25]);
        assert_eq!(spread(&[10, 20], 20, 1), [20]);
        assert_eq!(spread(&[], 0, 3), [0]);
    }
}
