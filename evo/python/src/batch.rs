//! A batch of environments.

use std::sync::{Arc, Mutex};

use envs::{Change, Channel, Envs, Task};
use numpy::{PyReadonlyArray1, PyReadonlyArray2, PyReadwriteArray1, PyReadwriteArray2};
use pyo3::prelude::*;
use rayon::prelude::*;
use records::text;
use sim::StepOptions;
use training::config::Config;
use training::engine_choice::EngineChoice;
use training::setup::Setup;

use crate::call::{detached, invalid, with};
use crate::chunk::{Autoreset, Chunk, Matrix, Rows};
use crate::program::world;
use crate::threads::shared;

/// Names of all tasks.
#[pyfunction]
pub fn env_names() -> Vec<&'static str> {
    envs::names()
}

/// Environments in chunks, each stepped by one thread at a time.
struct Chunks {
    chunks: Vec<Chunk>,
    /// Environments per chunk; the last may have fewer.
    size: usize,
}

impl Chunks {
    /// Runs `work` on every chunk with its rows, on all threads if there is more than one chunk.
    fn each<R: Send>(&mut self, rows: Vec<R>, work: impl Fn(&mut Chunk, R) + Sync) -> PyResult<()> {
        if let [chunk] = &mut self.chunks[..] {
            rows.into_iter().for_each(|rows| work(chunk, rows));
            return Ok(());
        }
        let chunks = &mut self.chunks;
        shared()?.install(|| chunks.par_iter_mut().zip(rows).for_each(|(chunk, rows)| work(chunk, rows)));
        Ok(())
    }
}

/// A batch of environments of one task.
#[pyclass(module = "spindle._native", frozen)]
pub struct Batch {
    task: Arc<dyn Task>,
    options: StepOptions,
    horizon: usize,
    length: usize,
    chunks: Mutex<Chunks>,
}

/// What a task is to be, from names and texts in RON.
fn setup(name: &str, engine: &str, sets: &[String], changes: &[String]) -> PyResult<(Setup, Config)> {
    let mut config = world(name, sets)?;
    for change in changes {
        match Change::preset(change) {
            Ok(preset) => config.changes.extend(preset),
            Err(_) if change.contains('(') => {
                config.changes.push(text::parse::<Change>("changes", change).map_err(invalid)?);
            }
            Err(error) => return Err(invalid(error)),
        }
    }
    if engine != "config" {
        let choice: EngineChoice = text::parse("engine", engine).map_err(invalid)?;
        config = config.on_engine(choice).map_err(invalid)?;
    }
    Ok((Setup::new(&config).map_err(invalid)?, config))
}

#[pymethods]
impl Batch {
    /// Makes `length` environments of the task called `name`, of a config or of a robot's file; `sets` are fields as
    /// `--set` takes them, `changes` names of ready-made ones or changes in RON.
    #[new]
    #[pyo3(signature = (name, length, engine, sets, changes, horizon))]
    fn new(
        py: Python<'_>,
        name: &str,
        length: usize,
        engine: &str,
        sets: Vec<String>,
        changes: Vec<String>,
        horizon: Option<usize>,
    ) -> PyResult<Self> {
        detached(py, || {
            let (Setup { task, changes, options, .. }, _) = setup(name, engine, &sets, &changes)?;
            let horizon = horizon.unwrap_or(task.spec().horizon);
            let size = chunk_size(options.engine.batch(), length)?;
            let make = |first: usize| {
                let count = size.min(length - first);
                let envs = Envs::with_changes(Arc::clone(&task), count, options, horizon, &changes)?;
                Ok(Chunk::new(envs))
            };
            let chunks: Result<Vec<Chunk>, envs::EnvError> = (0..length).step_by(size).map(make).collect();
            let chunks = Mutex::new(Chunks { chunks: chunks.map_err(invalid)?, size });
            Ok(Self { task, options, horizon, length, chunks })
        })
    }

    /// Name of the task.
    #[getter]
    fn name(&self) -> &'static str {
        self.task.spec().name
    }

    /// Name of the physics engine.
    #[getter]
    fn engine(&self) -> &'static str {
        self.options.engine.name()
    }

    /// Seconds between two actions.
    #[getter]
    fn control_dt(&self) -> f64 {
        self.options.control_dt()
    }

    /// Control steps after which an episode is truncated.
    #[getter]
    fn horizon(&self) -> usize {
        self.horizon
    }

    /// Whether the task says when an episode is a success.
    #[getter]
    fn has_aim(&self) -> bool {
        self.task.aim().is_some()
    }

    /// Names of the reward terms.
    #[getter]
    fn terms(&self) -> Vec<&'static str> {
        self.task.spec().terms.to_vec()
    }

    /// Name, unit, lowest and highest value of each observation.
    #[getter]
    fn observations(&self) -> Vec<(String, &'static str, f32, f32)> {
        described(&self.task.spec().observations)
    }

    /// The same of each action.
    #[getter]
    fn actions(&self) -> Vec<(String, &'static str, f32, f32)> {
        described(&self.task.spec().actions)
    }

    /// Begins new episodes where `mask` is true: with the first of the seed where `seeded` is, else with the next of the
    /// seed that the environment has. Writes all observations and the seeds for controllers.
    fn reset(
        &self,
        py: Python<'_>,
        mask: PyReadonlyArray1<'_, bool>,
        seeded: PyReadonlyArray1<'_, bool>,
        seeds: PyReadonlyArray1<'_, u64>,
        mut observations: PyReadwriteArray2<'_, f32>,
        mut policy_seeds: PyReadwriteArray1<'_, u64>,
    ) -> PyResult<()> {
        let (mask, seeded, seeds) = (mask.as_slice()?, seeded.as_slice()?, seeds.as_slice()?);
        let (observations, policy_seeds) = (observations.as_slice_mut()?, policy_seeds.as_slice_mut()?);
        let sizes = [mask.len(), seeded.len(), seeds.len(), policy_seeds.len()];
        if sizes != [self.length; 4]
            || observations.len() != self.length * self.task.spec().observations.len()
        {
            return Err(invalid("arrays of another length than the batch"));
        }
        let width = self.task.spec().observations.len();
        with(py, &self.chunks, |chunks| {
            let size = chunks.size;
            let rows = mask.chunks(size).zip(seeded.chunks(size)).zip(seeds.chunks(size));
            let out = observations.chunks_mut(size * width).zip(policy_seeds.chunks_mut(size));
            chunks.each(rows.zip(out).collect(), |chunk, (((mask, seeded), seeds), (out, policy_seeds))| {
                for i in 0..mask.len() {
                    if mask[i] {
                        if seeded[i] {
                            (chunk.places[i].seed, chunk.places[i].episode) = (seeds[i], 0);
                        }
                        chunk.begin(i);
                    }
                    policy_seeds[i] = chunk.places[i].policy_seed;
                }
                out.copy_from_slice(chunk.envs.observations());
            })
        })
    }

    /// One control step of every environment. `autoreset` is 0 for the next step, 1 for the same step, 2 for never.
    #[expect(
        clippy::too_many_arguments,
        reason = "one array each, so that the caller may give the same again"
    )]
    fn step(
        &self,
        py: Python<'_>,
        actions: PyReadonlyArray2<'_, f32>,
        autoreset: u8,
        mut observations: PyReadwriteArray2<'_, f32>,
        mut rewards: PyReadwriteArray1<'_, f64>,
        mut terminated: PyReadwriteArray1<'_, bool>,
        mut truncated: PyReadwriteArray1<'_, bool>,
        mut stepped: PyReadwriteArray1<'_, bool>,
        mut blew_up: PyReadwriteArray1<'_, bool>,
        mut success: PyReadwriteArray1<'_, bool>,
        mut terms: PyReadwriteArray2<'_, f32>,
        mut last: Option<PyReadwriteArray2<'_, f32>>,
        mut policy_seeds: PyReadwriteArray1<'_, u64>,
    ) -> PyResult<()> {
        let autoreset = match autoreset {
            0 => Autoreset::Next,
            1 => Autoreset::Same,
            _ => Autoreset::Never,
        };
        let spec = self.task.spec();
        let (width, acts, count) = (spec.observations.len(), spec.actions.len(), spec.terms.len());
        let (actions, observations) = (actions.as_slice()?, observations.as_slice_mut()?);
        let (rewards, terminated) = (rewards.as_slice_mut()?, terminated.as_slice_mut()?);
        let (truncated, stepped) = (truncated.as_slice_mut()?, stepped.as_slice_mut()?);
        let (blew_up, terms) = (blew_up.as_slice_mut()?, terms.as_slice_mut()?);
        let (success, policy_seeds) = (success.as_slice_mut()?, policy_seeds.as_slice_mut()?);
        let last = last.as_mut().map(|last| last.as_slice_mut()).transpose()?;
        let flags = [&*terminated, truncated, stepped, blew_up, success];
        let matrices = [actions.len(), observations.len(), terms.len()];
        if flags.iter().any(|flags| flags.len() != self.length)
            || rewards.len() != self.length
            || policy_seeds.len() != self.length
            || matrices != [acts, width, count].map(|columns| columns * self.length)
            || last.as_ref().is_some_and(|last| last.len() != self.length * width)
        {
            return Err(invalid("arrays of another shape than the batch"));
        }
        if let Some(place) = actions.iter().position(|action| action.is_nan()) {
            let (env, action) = (place / acts, place % acts);
            let name = &spec.actions[action].name;
            return Err(invalid(format!("action {action} ({name}) of environment {env} is NaN")));
        }
        with(py, &self.chunks, |chunks| {
            check_ready(chunks, autoreset)?;
            let size = chunks.size;
            let mut lasts = last.map(|last| last.chunks_mut(size * width));
            let rows = actions.chunks(size * acts).zip(observations.chunks_mut(size * width));
            let rows = rows.zip(rewards.chunks_mut(size)).zip(terminated.chunks_mut(size));
            let rows = rows.zip(truncated.chunks_mut(size)).zip(stepped.chunks_mut(size));
            let rows = rows.zip(blew_up.chunks_mut(size)).zip(terms.chunks_mut(size * count));
            let rows = rows.zip(success.chunks_mut(size)).zip(policy_seeds.chunks_mut(size));
            let rows: Vec<_> = rows
                .map(|(row, seeds)| {
                    let (row, success) = row;
                    let (row, terms) = row;
                    let (row, blew_up) = row;
                    let (row, stepped) = row;
                    let (row, truncated) = row;
                    let (row, terminated) = row;
                    let ((actions, observations), rewards) = row;
                    let last = lasts.as_mut().and_then(Iterator::next);
                    let out = Rows {
                        size: width,
                        observations,
                        rewards,
                        terminated,
                        truncated,
                        stepped,
                        blew_up,
                        success,
                        terms: Matrix { values: terms, length: count },
                        last: last.map(|values| Matrix { values, length: width }),
                    };
                    (actions, out, seeds)
                })
                .collect();
            chunks.each(rows, |chunk, (actions, mut out, seeds)| {
                chunk.step(actions, &mut out, autoreset);
                seeds.iter_mut().zip(&chunk.places).for_each(|(seed, place)| *seed = place.policy_seed);
            })
        })
    }
}

#[cfg(feature = "render")]
impl Batch {
    /// The robot and its surroundings.
    pub fn model(&self) -> Arc<sim::Model> {
        let chunks = crate::call::locked(&self.chunks);
        Arc::clone(chunks.chunks.first().map_or_else(|| self.task.model(), |chunk| chunk.envs.model()))
    }

    /// Coordinates of environment `env`, `[nq]`.
    pub fn qpos(&self, py: Python<'_>, env: usize) -> PyResult<Vec<f32>> {
        with(py, &self.chunks, |chunks| {
            let place = chunks.chunks.get(env / chunks.size).map(|chunk| (chunk, env % chunks.size));
            let Some((chunk, i)) = place.filter(|(chunk, i)| *i < chunk.envs.len()) else {
                return Err(invalid(format!("there is no environment {env}")));
            };
            Ok(chunk.envs.view(i).qpos.to_vec())
        })
    }
}

/// Environments per chunk: a multiple of the engine's batch; few enough that each thread has several chunks, and many,
/// since a chunk's environments share the buffers of the physics, which then stay in the cache. A single chunk starts no
/// threads, so that such a process may still fork.
fn chunk_size(batch: usize, length: usize) -> PyResult<usize> {
    const PER_THREAD: usize = 4;
    if length <= batch {
        return Ok(length.max(1));
    }
    Ok(length.div_ceil(shared()?.current_num_threads() * PER_THREAD).next_multiple_of(batch))
}

/// Refuses a step of environments that have to be reset by hand first.
fn check_ready(chunks: &Chunks, autoreset: Autoreset) -> PyResult<()> {
    let environments = || {
        let places = chunks.chunks.iter().flat_map(|chunk| (0..chunk.envs.len()).map(move |i| (chunk, i)));
        places.enumerate()
    };
    if let Some((env, _)) = environments().find(|(_, (chunk, i))| !chunk.places[*i].begun) {
        return Err(invalid(format!("environment {env} has not been reset")));
    }
    if autoreset == Autoreset::Never
        && let Some((env, _)) = environments().find(|(_, (chunk, i))| chunk.envs.is_resting(*i))
    {
        return Err(invalid(format!("the episode of environment {env} is over: reset it first")));
    }
    Ok(())
}

fn described(channels: &[Channel]) -> Vec<(String, &'static str, f32, f32)> {
    channels.iter().map(|channel| (channel.name.clone(), channel.unit, channel.low, channel.high)).collect()
}
