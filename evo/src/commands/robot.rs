//! The robot of a report: still and film by the program `viewer`, and the spikes of an episode.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use records::failure::Failure;
use snn::Probe;
use training::evaluate::run_observed;
use training::policy::Which;

use super::common::{FRESH_SEED, load};
use super::film::{Tile, generations, latest, tile_words};
use crate::plot::PlotError;
use crate::plot::groups::group;
use crate::plot::runs::{Point, Run, read_all};
use crate::report::{Layer, Pictures, Raster, ReportError, Robot};
use crate::sweep::Stored;
use crate::sweep::table::Table;
use crate::viewer;

/// Most tiles.
const TILES: usize = 4;
/// Width and height of each of so many tiles, pixels: a film of all should be a few megabytes.
const SIZES: [[u32; 2]; TILES] = [[480, 320], [340, 240], [300, 220], [300, 220]];
/// Between two tiles, as the viewer has it.
const GAP: u32 = 4;
/// Length of the film, s, and its pictures per second.
const SECONDS: f64 = 3.0;
const FPS: u32 = 12;
/// Time of the still, s.
const STILL: f64 = 2.0;

/// What a name says of it, and a run.
type Named = (String, Run);

/// The best run of each configuration of some runs, or generations of the best one if all have the same.
pub(super) fn of_runs(paths: &[PathBuf]) -> Result<Option<Robot>, ReportError> {
    let runs = read_all(paths)?;
    let groups = group(runs);
    let best = |runs: &[Run]| runs.iter().max_by(|a, b| reached(a).total_cmp(&reached(b))).cloned();
    let name = |label: &str, run: &Run| {
        let folder = run.folder.path().file_name().unwrap_or_default().to_string_lossy();
        if groups.len() > 1 { label.to_owned() } else { format!("{folder} ({label})") }
    };
    let named = groups.iter().filter_map(|group| Some((&group.label, best(&group.runs)?)));
    let best: Vec<Named> = named.map(|(label, run)| (name(label, &run), run)).collect();
    Ok(robot(&best))
}

/// The best run of the best trial, or of that of each task. None if there is no such run.
pub(super) fn of_sweep(folder: &Path) -> Result<Option<Robot>, ReportError> {
    let Stored { plan, records } = Stored::read(folder)?;
    let table = Table::new(&plan, &records);
    let mut best = Vec::new();
    for row in table.best_of_tasks() {
        let runs = plan.config.seeds.iter();
        let runs =
            runs.map(|seed| Run::read(&folder.join("trials").join(&row.trial).join(format!("s{seed}"))));
        // A sweep whose run folders are gone has a report, too.
        let runs: Result<Vec<Run>, PlotError> = runs.collect();
        let Ok(runs) = runs else { continue };
        let task = row.task.as_ref().map_or_else(String::new, |task| format!("{task}, "));
        let name =
            |run: &Run| format!("{task}{}, seed {}", row.trial, run.field("run.seed").unwrap_or_default());
        let run = runs.into_iter().max_by(|a, b| reached(a).total_cmp(&reached(b)));
        best.extend(run.map(|run| (name(&run), run)));
    }
    Ok(robot(&best))
}

/// Its last evaluation, or else its fitness in training.
fn reached(run: &Run) -> f64 {
    let last = |points: Vec<Point>| points.last().map(|point| point.value);
    last(run.evaluation()).or_else(|| last(run.training())).unwrap_or(f64::NEG_INFINITY)
}

fn robot(best: &[Named]) -> Option<Robot> {
    let (tiles, shows) = match best {
        [] => return None,
        [(name, run)] => (generations(run, &[], TILES - 1), name.clone()),
        several => {
            let tiles = several.iter().take(TILES).map(|(name, run)| latest(run, name)).collect();
            let left = several.len().saturating_sub(TILES);
            let more = if left > 0 { format!("; {left} more are left out") } else { String::new() };
            (Ok(tiles), format!("The best seed of each{more}"))
        }
    };
    let pictures = tiles.and_then(|tiles| pictures(&tiles, &shows)).map_err(|failure| said(&failure));
    let spiking = |(_, run): &&Named| run.field("controller").is_some_and(|name| name != "Mlp");
    let spikes = best.iter().filter(spiking).max_by(|a, b| reached(&a.1).total_cmp(&reached(&b.1)));
    let spikes = match spikes {
        None => Ok(None),
        Some((name, run)) => raster(run.folder.path())
            .map(|raster| raster.map(|raster| (name.clone(), raster)))
            .map_err(|failure| said(&failure)),
    };
    Some(Robot { pictures, spikes })
}

fn said(failure: &Failure) -> String {
    let (Failure::Usage(error) | Failure::Run(error)) = failure;
    format!("{error:#}")
}

/// Still and film of tiles.
fn pictures(tiles: &[Tile], shows: &str) -> Result<Pictures, Failure> {
    let failed = |error: std::io::Error| Failure::Run(anyhow::Error::new(error));
    let folder = tempfile::tempdir().map_err(failed)?;
    let [width, height] = SIZES[tiles.len().clamp(1, TILES) - 1];
    let draw = |name: &str, words: &[String]| {
        let file = folder.path().join(name);
        let mut line = tile_words(tiles);
        line.push("--light".into());
        line.extend(words.iter().map(OsString::from));
        line.push(file.clone().into());
        viewer::run(&line)?;
        fs::read(&file).map_err(failed)
    };
    // Twice the pixels of the page, for print and dense screens.
    let (dense, plain) = (format!("--size={}x{}", 2 * width, 2 * height), format!("--size={width}x{height}"));
    let still = ["--scale=2".to_owned(), dense, format!("--at={STILL}"), "--screenshot".to_owned()];
    let film = [plain, format!("--seconds={SECONDS}"), format!("--fps={FPS}"), "--record".to_owned()];
    let (still, film) = (draw("still.png", &still)?, draw("film.gif", &film)?);
    let columns = if tiles.len() == TILES { 2 } else { tiles.len() as u32 };
    let shows = format!("{shows}: the first {SECONDS:.0} s of an episode, in real time.");
    Ok(Pictures { still, film, width: columns * width + (columns - 1) * GAP, shows })
}

/// Places within a control step for spikes in continuous time.
const PLACES: usize = 16;

/// The spikes of one episode of a run; none of a network without spikes.
fn raster(run: &Path) -> Result<Option<Raster>, Failure> {
    let trained = load((run, None), Which::Mean, None, &[])?;
    let spec = trained.setup.task.spec();
    let rollout = trained.setup.rollout(spec.horizon, None).map_err(|error| Failure::Usage(error.into()))?;
    let (mut probe, mut spikes) = (Probe::default(), Vec::<Vec<u8>>::new());
    let policy = &trained.policy;
    let episodes = run_observed(&rollout, policy, 1, FRESH_SEED, spec.terms, &mut |moment| {
        if moment.action.is_none() {
            return;
        }
        moment.evaluator.probe(moment.slot, &mut probe).expect("episodes are observed on the CPU");
        spikes.resize_with(probe.layers.len(), Vec::new);
        for (spikes, layer) in spikes.iter_mut().zip(&probe.layers) {
            if layer.step > 0.0 {
                let start = spikes.len();
                spikes.resize(start + layer.ticks * PLACES * layer.neurons, 0);
                for (time, neuron) in &layer.times {
                    let place = ((time / layer.step * PLACES as f64) as usize).min(PLACES - 1);
                    spikes[start + place * layer.neurons + *neuron as usize] = 1;
                }
                continue;
            }
            for tick in 0..layer.ticks {
                spikes.extend((0..layer.neurons).map(|neuron| u8::from(layer.spiked(tick, neuron))));
            }
        }
    });
    let episodes = episodes.map_err(|error| Failure::Run(error.into()))?;
    let layers = probe.layers.iter().zip(spikes).filter(|(layer, _)| layer.ticks > 0);
    let layers =
        layers.map(|(layer, spikes)| Layer { name: layer.name.clone(), neurons: layer.neurons, spikes });
    let layers: Vec<Layer> = layers.collect();
    let episode = episodes.first().filter(|_| !layers.is_empty());
    Ok(episode.map(|episode| {
        let seconds = episode.length as f64 * spec.control_dt;
        Raster { seconds, total: episode.total, layers }
    }))
}
