//! An episode in columns: what every panel draws, whether it came from a file or grows live.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::data::contacts::{Contact, Contacts};
use crate::data::disturb::Push;
use crate::data::spikes::Spikes;

/// What an episode is an episode of.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Header {
    /// Task.
    pub env: String,
    /// Physics engine.
    pub engine: String,
    /// Seconds per control step, above 0.
    pub control_dt: f64,
    /// Numbers per row of `qpos`.
    pub nq: usize,
    /// Names of the observations.
    pub observations: Vec<String>,
    /// Names of the actions.
    pub actions: Vec<String>,
    /// Names of the reward terms.
    pub terms: Vec<String>,
    /// Names of what is asked of the robot, such as `direction`.
    pub goals: Vec<String>,
}

/// One layer's activity.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layer {
    /// Name, such as `hidden.0` or `readout`.
    pub name: String,
    /// Number of neurons.
    pub neurons: usize,
    /// Ticks per control step; 0 for layers that do not spike.
    pub ticks: usize,
    /// Whether spikes have times of their own within the one tick of a control step.
    pub continuous: bool,
    /// Spikes.
    pub spikes: Spikes,
    /// State variables after each control step: `[step][neuron]`.
    pub states: Vec<Series>,
    /// What happened in each tick: `[step][tick][neuron]`. Empty if it was not watched.
    pub traces: Vec<Series>,
}

/// Named values of all neurons of a layer, one row after the other.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    /// Such as `v`, `membrane` or `threshold`.
    pub name: String,
    /// Rows of one value per neuron.
    pub values: Vec<f32>,
    /// Control steps at the start whose rows have been forgotten; see [`Recording::forget_traces`].
    pub forgotten: usize,
}

impl Series {
    /// A series without rows.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    /// The value of a neuron in a row, counted from the start of the episode, of a layer of `neurons`
    /// neurons with `per_step` rows per control step.
    #[must_use]
    pub fn value(&self, row: usize, neuron: usize, neurons: usize, per_step: usize) -> Option<f32> {
        let row = row.checked_sub(self.forgotten * per_step)?;
        self.values.get(row * neurons + neuron).copied()
    }
}

impl Layer {
    /// Whether its neurons spike.
    #[must_use]
    pub fn spiking(&self) -> bool {
        self.ticks > 0
    }

    /// The trace called `name`, or else the state variable, with its rows per control step.
    #[must_use]
    pub fn series(&self, name: &str) -> Option<(&Series, usize)> {
        let find = |list: &'_ [Series]| list.iter().position(|series| series.name == name);
        if let Some(index) = find(&self.traces) {
            return Some((&self.traces[index], self.ticks.max(1)));
        }
        find(&self.states).map(|index| (&self.states[index], 1))
    }

    /// Mean spikes per second of the whole layer's neurons in some control steps.
    #[must_use]
    pub fn rate(&self, steps: Range<usize>, control_dt: f64) -> f64 {
        let seconds = steps.len() as f64 * control_dt * self.neurons as f64;
        if seconds > 0.0 { self.spikes.count(steps) as f64 / seconds } else { 0.0 }
    }
}

/// How an episode ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It has not.
    Open,
    /// The task ended it.
    Terminated,
    /// The time limit did.
    Truncated,
}

/// An episode: `steps` control steps, and one more row of `qpos` and `qvel`, the start.
#[derive(Clone, Debug)]
pub struct Recording {
    /// What it is.
    pub header: Header,
    /// `[step + 1][coordinate]`.
    pub qpos: Vec<f32>,
    /// `[step][observation]`.
    pub observations: Vec<f32>,
    /// `[step][action]`, in the task's units.
    pub actions: Vec<f32>,
    /// `[step][term]`.
    pub terms: Vec<f32>,
    /// Layers from input to output.
    pub layers: Vec<Layer>,
    /// Pushes by hand, per step; empty if there never was one.
    pub pushes: Vec<Option<Push>>,
    /// Where bodies touched.
    pub contacts: Contacts,
    /// `[step + 1][goal]`; empty if it is not known.
    pub goals: Vec<f32>,
    /// How it ended.
    pub end: End,
    steps: usize,
    /// Sum of rewards up to and including each step.
    returns: Vec<f32>,
    sum: f64,
    id: u64,
}

/// What caches know a recording by; two recordings never have the same.
fn next_id() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// One control step, to be appended.
pub struct Row<'a> {
    /// Position after the step.
    pub qpos: &'a [f32],
    /// What the controller saw.
    pub observation: &'a [f32],
    /// What it did.
    pub action: &'a [f32],
    /// Reward terms.
    pub terms: &'a [f32],
    /// Push during the step.
    pub push: Option<Push>,
    /// What touched at its end.
    pub contacts: &'a [Contact],
    /// What is asked of the robot from then on.
    pub goals: &'a [f32],
}

impl Recording {
    /// One that begins at `qpos`.
    #[must_use]
    pub fn new(header: Header, qpos: &[f32]) -> Self {
        Self {
            header,
            qpos: qpos.to_vec(),
            observations: Vec::new(),
            actions: Vec::new(),
            terms: Vec::new(),
            layers: Vec::new(),
            pushes: Vec::new(),
            contacts: Contacts::default(),
            goals: Vec::new(),
            end: End::Open,
            steps: 0,
            returns: Vec::new(),
            sum: 0.0,
            id: next_id(),
        }
    }

    /// What tells it from all other recordings.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }

    /// One that is complete already.
    ///
    /// # Errors
    /// Which array does not have a row per control step.
    pub fn from_columns(mut self, steps: usize) -> Result<Self, String> {
        let header = &self.header;
        for (name, length, size, rows) in [
            ("qpos", self.qpos.len(), header.nq, steps + 1),
            ("observation", self.observations.len(), header.observations.len(), steps),
            ("action", self.actions.len(), header.actions.len(), steps),
            ("terms", self.terms.len(), header.terms.len(), steps),
        ] {
            if Some(length) != size.checked_mul(rows) {
                return Err(format!("{name} has {length} numbers instead of {rows} × {size}"));
            }
        }
        if !self.goals.is_empty() && self.goals.len() != header.goals.len() * (steps + 1) {
            return Err(format!("goals has {} numbers", self.goals.len()));
        }
        self.steps = steps;
        let size = header.terms.len();
        (0..steps).for_each(|step| self.earn(step * size..(step + 1) * size));
        Ok(self)
    }

    /// Control steps.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// Duration, s.
    #[must_use]
    pub fn duration(&self) -> f64 {
        self.steps as f64 * self.header.control_dt
    }

    /// The control step in which a time lies, at most the last one.
    #[must_use]
    pub fn step_at(&self, time: f64) -> usize {
        // A cursor at the start of a step belongs to it, whatever rounding says.
        let step = (time / self.header.control_dt + 1e-6).max(0.0) as usize;
        step.min(self.steps.saturating_sub(1))
    }

    /// Adds the reward of some terms to the return.
    fn earn(&mut self, terms: Range<usize>) {
        self.sum += self.terms[terms].iter().map(|&x| f64::from(x)).sum::<f64>();
        self.returns.push(self.sum as f32);
    }

    /// Forgets the older half of what happened in each tick if it takes more than `most` numbers.
    pub fn forget_traces(&mut self, most: usize) {
        let traces = || self.layers.iter().flat_map(|layer| &layer.traces);
        if traces().map(|trace| trace.values.len()).sum::<usize>() <= most {
            return;
        }
        for layer in &mut self.layers {
            let size = (layer.ticks * layer.neurons).max(1);
            for trace in &mut layer.traces {
                let steps = trace.values.len() / size / 2;
                trace.values.drain(..steps * size);
                trace.forgotten += steps;
            }
        }
    }

    /// Appends a control step; layers follow with [`Layer`]'s own methods.
    pub fn push(&mut self, row: &Row<'_>) {
        self.qpos.extend_from_slice(row.qpos);
        self.observations.extend_from_slice(row.observation);
        self.actions.extend_from_slice(row.action);
        self.terms.extend_from_slice(row.terms);
        self.earn(self.terms.len() - row.terms.len()..self.terms.len());
        self.contacts.push_step(row.contacts);
        self.goals.extend_from_slice(row.goals);
        if row.push.is_some() && self.pushes.is_empty() {
            self.pushes = vec![None; self.steps];
        }
        if !self.pushes.is_empty() || row.push.is_some() {
            self.pushes.push(row.push);
        }
        self.steps += 1;
    }

    /// Position at a time, between two recorded ones if need be. `quaternions` are the first entries
    /// of quaternions in `qpos`.
    #[must_use]
    pub fn qpos_at(&self, time: f64, quaternions: &[usize]) -> Vec<f32> {
        let nq = self.header.nq;
        let place = (time / self.header.control_dt).clamp(0.0, self.steps as f64);
        let first = place.floor() as usize;
        let part = (place - first as f64) as f32;
        let from = &self.qpos[first * nq..(first + 1) * nq];
        if part < 1e-4 || first >= self.steps {
            return from.to_vec();
        }
        let to = &self.qpos[(first + 1) * nq..(first + 2) * nq];
        let mut qpos: Vec<f32> = from.iter().zip(to).map(|(a, b)| a + (b - a) * part).collect();
        for &at in quaternions.iter().filter(|&&at| at + 4 <= nq) {
            // The two may be on opposite sides of the sphere and still mean neighbours.
            let dot: f32 = (at..at + 4).map(|i| from[i] * to[i]).sum();
            let sign = if dot < 0.0 { -1.0 } else { 1.0 };
            (at..at + 4).for_each(|i| qpos[i] = from[i] * (1.0 - part) + sign * to[i] * part);
            let norm = qpos[at..at + 4].iter().map(|x| x * x).sum::<f32>().sqrt();
            if norm > 1e-6 {
                qpos[at..at + 4].iter_mut().for_each(|x| *x /= norm);
            }
        }
        qpos
    }

    /// A row of a column-wise array with `size` numbers per step.
    #[must_use]
    pub fn row(values: &[f32], size: usize, step: usize) -> &[f32] {
        values.get(step * size..(step + 1) * size).unwrap_or_default()
    }

    /// Sum of rewards up to and including each step.
    #[must_use]
    pub fn returns(&self) -> &[f32] {
        &self.returns
    }

    /// Sum of all rewards.
    #[must_use]
    pub fn total(&self) -> f32 {
        self.sum as f32
    }

    /// The end of a control step whose positions are closest to those at a time: 0 is the start, 1 the end
    /// of the first step.
    #[must_use]
    pub fn nearest_state(&self, time: f64) -> usize {
        ((time / self.header.control_dt).round().max(0.0) as usize).min(self.steps)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn header() -> Header {
        Header {
            control_dt: 0.1,
            nq: 5,
            observations: vec!["x".into()],
            terms: vec!["a".into(), "b".into()],
            ..Header::default()
        }
    }

    fn push(x: f32) -> Push {
        Push { body: 1, point: [0.0; 3], force: [x, 0.0, 0.0], torque: [0.0; 3] }
    }

    fn example() -> Recording {
        let mut recording = Recording::new(header(), &[0.0, 1.0, 0.0, 0.0, 0.0]);
        for step in 1..=3u8 {
            let x = f32::from(step);
            let qpos = [x, -1.0, 0.0, 0.0, 0.0];
            recording.push(&Row {
                qpos: &qpos,
                observation: &[x],
                action: &[],
                terms: &[1.0, -0.5],
                push: (step == 2).then(|| push(x)),
                contacts: &[],
                goals: &[],
            });
        }
        recording
    }

    #[test]
    fn times_lead_to_steps() {
        let recording = example();
        assert_eq!((recording.steps(), recording.duration()), (3, 3.0 * 0.1));
        let steps: Vec<usize> =
            [-1.0, 0.0, 0.05, 0.1, 0.1 * 3.0 - 0.1, 0.3, 9.0].map(|t| recording.step_at(t)).to_vec();
        assert_eq!(steps, [0, 0, 0, 1, 2, 2, 2]);
    }

    #[test]
    fn positions_between_steps_are_interpolated_and_quaternions_stay_short() {
        let recording = example();
        assert_eq!(recording.qpos_at(0.15, &[])[0], 1.5);
        assert_eq!(recording.qpos_at(9.0, &[])[0], 3.0);
        // From 1 to −1 is no turn at all.
        let quaternion = &recording.qpos_at(0.05, &[1])[1..];
        assert_eq!(quaternion, [1.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn pushes_and_returns_have_a_row_per_step() {
        let recording = example();
        assert_eq!(recording.pushes, [None, Some(push(2.0)), None]);
        assert_eq!(recording.returns(), [0.5, 1.0, 1.5]);
        assert_eq!(Recording::row(&recording.observations, 1, 2), [3.0]);
        assert!(Recording::row(&recording.observations, 1, 7).is_empty());
    }

    #[test]
    fn the_oldest_traces_are_forgotten_and_the_others_keep_their_places() {
        let mut recording = example();
        let mut layer =
            Layer { neurons: 2, ticks: 3, traces: vec![Series::new("membrane")], ..Layer::default() };
        layer.traces[0].values = (0..3 * 6u8).map(f32::from).collect();
        recording.layers.push(layer);
        recording.forget_traces(18);
        assert_eq!(recording.layers[0].traces[0].forgotten, 0);
        recording.forget_traces(17);
        let trace = &recording.layers[0].traces[0];
        assert_eq!((trace.forgotten, trace.values.len()), (1, 12));
        assert_eq!([trace.value(2, 0, 2, 3), trace.value(3, 1, 2, 3)], [None, Some(7.0)]);
    }

    #[test]
    fn columns_of_another_length_are_refused() {
        let mut recording = Recording::new(header(), &[0.0; 10]);
        recording.observations = vec![0.0; 2];
        let error = recording.from_columns(1).unwrap_err();
        assert_eq!(error, "observation has 2 numbers instead of 1 × 1");
    }
}
