//! Reads what `evo record` writes.

use std::path::Path;

use records::checkpoint::{Checkpoint, CheckpointError, TensorData};
use serde::Deserialize;
use training::config::Config;

use crate::data::contacts::{self, Contacts};
use crate::data::recording::{End, Header, Layer, Recording, Series};
use crate::data::spikes::Spikes;

/// Why a recording cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum RolloutError {
    /// The container is damaged, newer, or something else.
    #[error(transparent)]
    File(#[from] CheckpointError),
    /// It holds something else, or arrays that do not fit together.
    #[error("{path} is not a recording that this version can show: {reason}")]
    Content {
        /// The file.
        path: String,
        /// What is wrong.
        reason: String,
    },
}

/// A recorded file.
#[derive(Debug)]
pub struct RolloutFile {
    /// The config that the controller was trained with, under the changes of the recording.
    pub config: Config,
    /// The controller's parameters, if the file has them.
    pub parameters: Option<Vec<f32>>,
    /// Its episodes, at least one.
    pub episodes: Vec<Recording>,
}

/// Whether a file says that it is a recording.
#[must_use]
pub fn is_rollout(file: &Checkpoint) -> bool {
    file.meta::<String>("kind").is_ok_and(|kind| kind == "rollout")
}

#[derive(Deserialize)]
struct LayerHeader {
    name: String,
    neurons: usize,
    ticks: usize,
    states: Vec<String>,
    /// Seconds of a network in continuous time per control step.
    step: Option<f64>,
}

#[derive(Deserialize)]
struct Episode {
    length: usize,
    terminated: bool,
}

impl RolloutFile {
    /// Reads a file's bytes; `path` names it in messages.
    ///
    /// # Errors
    /// See [`RolloutError`].
    pub fn from_bytes(path: &Path, bytes: &[u8]) -> Result<Self, RolloutError> {
        Self::from_checkpoint(&Checkpoint::from_bytes(path, bytes)?)
    }

    /// Takes a recording out of its container.
    ///
    /// # Errors
    /// [`RolloutError::Content`] if it is none or its arrays do not fit together.
    pub fn from_checkpoint(file: &Checkpoint) -> Result<Self, RolloutError> {
        let content =
            |reason: String| RolloutError::Content { path: file.path().display().to_string(), reason };
        if !is_rollout(file) {
            return Err(content("it holds no episodes (evo record writes them)".to_owned()));
        }
        let mut config: Config = file.meta("config")?;
        if file.meta.contains_key("changes") {
            config.changes = file.meta("changes")?;
        }
        let header = Header {
            env: file.meta("env")?,
            engine: file.meta("engine")?,
            control_dt: file.meta("control_dt")?,
            nq: 0,
            observations: file.meta("observations")?,
            actions: file.meta("actions")?,
            terms: file.meta("terms")?,
            // Older recordings have none.
            goals: if file.meta.contains_key("goals") { file.meta("goals")? } else { Vec::new() },
        };
        if !(header.control_dt.is_finite() && header.control_dt > 0.0) {
            return Err(content(format!("a control step of {} s", header.control_dt)));
        }
        let layers: Vec<LayerHeader> = file.meta("layers")?;
        let lengths: Vec<Episode> = file.meta("episodes")?;
        let mut episodes = Vec::with_capacity(lengths.len());
        for (index, episode) in lengths.iter().enumerate() {
            let episode = read_episode(file, index, episode, &header, &layers);
            episodes.push(episode.map_err(|error| match error {
                Wrong::File(error) => error.into(),
                Wrong::Content(reason) => content(format!("episode {index}: {reason}")),
            })?);
        }
        if episodes.is_empty() {
            return Err(content("it has no episodes".to_owned()));
        }
        let parameters = match file.tensors.get("parameters").map(records::checkpoint::Tensor::data) {
            Some(TensorData::F32(values)) => Some(values.clone()),
            _ => None,
        };
        Ok(Self { config, parameters, episodes })
    }
}

enum Wrong {
    File(CheckpointError),
    Content(String),
}

impl From<CheckpointError> for Wrong {
    fn from(error: CheckpointError) -> Self {
        Self::File(error)
    }
}

fn read_episode(
    file: &Checkpoint,
    index: usize,
    episode: &Episode,
    header: &Header,
    layers: &[LayerHeader],
) -> Result<Recording, Wrong> {
    let steps = episode.length;
    let states = steps.checked_add(1).ok_or_else(|| Wrong::Content(format!("it has {steps} steps")))?;
    let name = |what: &str| format!("{index}.{what}");
    let shape = file.tensor(&name("qpos"))?.shape().to_vec();
    let &[_, nq] = shape.as_slice() else {
        return Err(Wrong::Content(format!("qpos has {} axes", shape.len())));
    };
    let rows = |what: &str, columns: usize| file.f32(&name(what), &[steps, columns]).map(<[f32]>::to_vec);
    let header = Header { nq, ..header.clone() };
    let sizes = [header.observations.len(), header.actions.len(), header.terms.len()];
    let mut recording = Recording::new(header, file.f32(&name("qpos"), &[states, nq])?);
    recording.observations = rows("observation", sizes[0])?;
    recording.actions = rows("action", sizes[1])?;
    recording.terms = rows("terms", sizes[2])?;
    recording.end = if episode.terminated { End::Terminated } else { End::Truncated };
    if file.tensors.contains_key(&name("contacts")) {
        let &[count, columns] = file.tensor(&name("contacts"))?.shape() else {
            return Err(Wrong::Content("contacts has not two axes".to_owned()));
        };
        if columns != contacts::COLUMNS {
            return Err(Wrong::Content(format!("contacts has {columns} columns")));
        }
        let rows = file.f32(&name("contacts"), &[count, columns])?;
        let offsets = file.f64(&name("contact_offsets"), &[states])?;
        recording.contacts = Contacts::from_rows(rows, offsets).map_err(Wrong::Content)?;
    }
    let goals = recording.header.goals.len();
    if goals > 0 {
        recording.goals = file.f32(&name("goals"), &[states, goals])?.to_vec();
    }
    for layer in layers {
        recording.layers.push(read_layer(file, index, steps, layer)?);
    }
    recording.from_columns(steps).map_err(Wrong::Content)
}

fn read_layer(file: &Checkpoint, index: usize, steps: usize, layer: &LayerHeader) -> Result<Layer, Wrong> {
    let &LayerHeader { ref name, neurons, ticks, .. } = layer;
    let mut spikes = Spikes::new(ticks);
    if neurons == 0 || neurons > usize::from(u16::MAX) + 1 {
        return Err(Wrong::Content(format!("layer {name} has {neurons} neurons")));
    }
    let continuous = layer.step.is_some_and(|step| step > 0.0) && ticks == 1;
    if let Some(step) = layer.step.filter(|_| continuous) {
        read_times(file, &format!("{index}.{name}"), (steps, neurons, step), &mut spikes)?;
    } else if ticks > 0 {
        let dense = file.u8(&format!("{index}.{name}.spikes"), &[steps, ticks, neurons])?;
        let ticks_in_all = steps.checked_mul(ticks).filter(|&all| u32::try_from(all).is_ok());
        let size = ticks.checked_mul(neurons).filter(|_| ticks_in_all.is_some());
        let size = size.ok_or_else(|| Wrong::Content(format!("layer {name} has {ticks} ticks per step")))?;
        for step in dense.chunks_exact(size) {
            let fired = step.iter().enumerate().filter(|&(_, &spike)| spike != 0);
            spikes.push_step(fired.map(|(at, _)| (at / neurons, at % neurons)));
        }
    }
    let mut states = Vec::with_capacity(layer.states.len());
    for state in &layer.states {
        let values = file.f32(&format!("{index}.{name}.{state}"), &[steps, neurons])?.to_vec();
        states.push(Series { values, ..Series::new(state) });
    }
    // Older recordings have no traces.
    let mut traces = Vec::new();
    for trace in ["membrane", "threshold"] {
        let key = format!("{index}.{name}.{trace}");
        if ticks > 0 && file.tensors.contains_key(&key) {
            let values = file.f32(&key, &[steps, ticks, neurons])?.to_vec();
            traces.push(Series { values, ..Series::new(trace) });
        }
    }
    Ok(Layer { name: name.clone(), neurons, ticks, continuous, spikes, states, traces })
}

/// Spikes of a layer in continuous time.
fn read_times(
    file: &Checkpoint,
    layer: &str,
    (steps, neurons, step): (usize, usize, f64),
    spikes: &mut Spikes,
) -> Result<(), Wrong> {
    let name = |what: &str| format!("{layer}.{what}");
    let &[count] = file.tensor(&name("spike_times"))?.shape() else {
        return Err(Wrong::Content(format!("{layer}.spike_times has not one axis")));
    };
    let times = file.f64(&name("spike_times"), &[count])?;
    let of = file.f32(&name("spike_neurons"), &[count])?;
    let offsets = file.f64(&name("spike_offsets"), &[steps + 1])?;
    let inside = |time: &f64| (0.0..=step).contains(time);
    let known = |neuron: &f32| neuron.fract() == 0.0 && (0.0..neurons as f32).contains(neuron);
    let ascending = offsets.first() == Some(&0.0)
        && offsets.last() == Some(&(count as f64))
        && offsets.windows(2).all(|pair| pair[0] <= pair[1] && pair[0].fract() == 0.0);
    if !(ascending && times.iter().all(inside) && of.iter().all(known)) {
        return Err(Wrong::Content(format!("{layer} has spikes outside its steps and neurons")));
    }
    for pair in offsets.windows(2) {
        let range = pair[0] as usize..pair[1] as usize;
        let own = times[range.clone()].iter().zip(&of[range]);
        spikes.push_times(own.map(|(time, neuron)| (time / step, *neuron as usize)));
    }
    Ok(())
}
