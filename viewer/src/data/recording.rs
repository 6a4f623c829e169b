//! An episode in columns: what every panel draws, whether it came from a file or grows live.

use std::ops::Range;

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
#[derive(Clone, Debug, PartialEq)]
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
    /// Pushes by hand: body and force (N), per step; empty if there never was one.
    pub pushes: Vec<Option<(usize, [f32; 3])>>,
    /// How it ended.
    pub end: End,
    steps: usize,
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
    pub push: Option<(usize, [f32; 3])>,
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
            end: End::Open,
            steps: 0,
        }
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
            if length != size * rows {
                return Err(format!("{name} has {length} numbers instead of {rows} × {size}"));
            }
        }
        self.steps = steps;
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

    /// Appends a control step; layers follow with [`Layer`]'s own methods.
    pub fn push(&mut self, row: &Row<'_>) {
        self.qpos.extend_from_slice(row.qpos);
        self.observations.extend_from_slice(row.observation);
        self.actions.extend_from_slice(row.action);
        self.terms.extend_from_slice(row.terms);
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
    pub fn returns(&self) -> Vec<f32> {
        let size = self.header.terms.len().max(1);
        let mut sum = 0.0f64;
        let rewards = self.terms.chunks_exact(size).map(|row| row.iter().map(|&x| f64::from(x)).sum::<f64>());
        rewards
            .map(|reward| {
                sum += reward;
                sum as f32
            })
            .collect()
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
                push: (step == 2).then_some((1, [x, 0.0, 0.0])),
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
        assert_eq!(recording.pushes, [None, Some((1, [2.0, 0.0, 0.0])), None]);
        assert_eq!(recording.returns(), [0.5, 1.0, 1.5]);
        assert_eq!(Recording::row(&recording.observations, 1, 2), [3.0]);
        assert!(Recording::row(&recording.observations, 1, 7).is_empty());
    }

    #[test]
    fn columns_of_another_length_are_refused() {
        let mut recording = Recording::new(header(), &[0.0; 10]);
        recording.observations = vec![0.0; 2];
        let error = recording.from_columns(1).unwrap_err();
        assert_eq!(error, "observation has 2 numbers instead of 1 × 1");
    }
}
