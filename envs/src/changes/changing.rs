//! Changes at work: what an episode draws, what holds at each of its steps, how it gets into the
//! worlds and observations of a batch.

use std::ops::Range;
use std::sync::Arc;

use rand::{Rng, RngExt as _, SeedableRng as _, rngs::ChaCha8Rng};
use sim::{Model, Parameters, Sensor, WorldView, Worlds};

use super::acting::{Acting, Moment, Seen, Start};
use super::change::Change;
use super::rule::Site;
use super::when::{Steps, When};
use crate::error::change_error;
use crate::landscape::Landscape;
use crate::{Channel, EnvError, Task};

/// Most changes that one list may hold, so that products of their factors stay finite.
const MAX_CHANGES: usize = 12;

/// The changes of a batch.
pub(crate) struct Changing {
    planned: Vec<Planned>,
    columns: Vec<Channel>,
    /// Observation ranges.
    low: Vec<f32>,
    high: Vec<f32>,
    /// The ground, if a change replaces it.
    landscape: Option<Landscape>,
    /// Rows of an episode's history.
    kept: usize,
    nominal: Parameters,
    // Room for one environment's parameters, and for what a change has set before.
    parameters: Parameters,
    before: Vec<f32>,
    episodes: Vec<Episode>,
}

/// A change with its names looked up.
struct Planned {
    when: When,
    /// Its values among those of all changes.
    columns: Range<usize>,
    /// As it is before an episode has drawn anything.
    acting: Box<dyn Acting>,
}

/// What one episode has drawn and where it stands.
#[derive(Clone, Default)]
pub(crate) struct Episode {
    drawn: Vec<Drawn>,
    /// How far along x and y the landscape has moved the robot, m.
    moved: [f64; 2],
    /// In force in the coming step, one entry per column.
    coming: Vec<f32>,
    /// In force in the last step.
    last: Vec<f32>,
    /// The latest observations, the one after step `t` in row `t % kept`; none without a delay.
    history: Vec<f32>,
}

/// A change's own random numbers; a clone goes on with the same ones.
struct Stream(ChaCha8Rng);

impl Stream {
    fn new(seed: u64, number: usize) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(number as u64);
        Self(rng)
    }
}

impl Clone for Stream {
    fn clone(&self) -> Self {
        Self(ChaCha8Rng::deserialize_state(&self.0.serialize_state()))
    }
}

/// The draws of one change.
#[derive(Clone)]
struct Drawn {
    stream: Stream,
    steps: Steps,
    acting: Box<dyn Acting>,
}

impl Drawn {
    /// Draws for an episode. The order of the draws is part of every result.
    fn new(mut stream: Stream, planned: &Planned) -> Self {
        let steps = planned.when.draw(&mut stream.0);
        let mut acting = planned.acting.clone();
        acting.draw(steps.start(), &mut stream.0);
        Self { stream, steps, acting }
    }

    /// Whether it holds in the step that follows `step` others.
    fn holds(&mut self, step: usize) -> bool {
        while self.steps.begin_again(step) {
            self.acting.draw(self.steps.start(), &mut self.stream.0);
        }
        self.steps.hold(step)
    }
}

impl Changing {
    /// Looks up the names in `changes` for `n` environments of `task`.
    pub(crate) fn new(task: &dyn Task, n: usize, changes: &[Change]) -> Result<Self, EnvError> {
        if changes.len() > MAX_CHANGES {
            let problem = format!("{} changes: expected at most {MAX_CHANGES}", changes.len());
            return Err(change_error(changes[0].effect.name(), problem));
        }
        let goals = task.goals();
        let mut site = Site::new(task, &goals);
        let (mut planned, mut columns): (Vec<Planned>, Vec<Channel>) = (Vec::new(), Vec::new());
        // Before numbers that tell them apart.
        let mut names: Vec<String> = Vec::new();
        for change in changes {
            change.validate()?;
            let plan = change.effect.rule().plan(&mut site)?;
            let first = columns.len();
            for mut column in plan.columns {
                let same = names.iter().filter(|name| **name == column.name).count();
                names.push(column.name.clone());
                if same > 0 {
                    column.name = format!("{} {}", column.name, same + 1);
                }
                columns.push(column);
            }
            planned.push(Planned { when: change.when, columns: first..columns.len(), acting: plan.acting });
        }
        let oldest = planned.iter().map(|planned| planned.acting.oldest()).sum::<usize>();
        let kept = if oldest > 0 { oldest + 1 } else { 0 };
        let observations = &task.spec().observations;
        let episode = Episode {
            coming: vec![0.0; columns.len()],
            last: vec![0.0; columns.len()],
            history: vec![0.0; kept * observations.len()],
            ..Episode::default()
        };
        let nominal = Parameters::nominal(site.model);
        Ok(Self {
            low: observations.iter().map(|c| c.low).collect(),
            high: observations.iter().map(|c| c.high).collect(),
            landscape: site.landscape,
            kept,
            parameters: nominal.clone(),
            before: Vec::new(),
            nominal,
            episodes: vec![episode; n],
            planned,
            columns,
        })
    }

    /// The robot and its surroundings, if these are not the task's.
    pub(crate) fn model(&self) -> Option<&Arc<Model>> {
        self.landscape.as_ref().map(|landscape| &landscape.model)
    }

    /// Sensors that the worlds must have.
    pub(crate) fn sensors(&self, task: &dyn Task) -> Vec<Sensor> {
        self.landscape.as_ref().map_or_else(|| task.sensors(), |landscape| landscape.sensors(task))
    }

    /// One channel per recorded value.
    pub(crate) fn columns(&self) -> &[Channel] {
        &self.columns
    }

    /// Values in force in the last step of environment `i`; in the first step, after a reset.
    pub(crate) fn values(&self, i: usize) -> &[f32] {
        &self.episodes[i].last
    }

    pub(crate) fn save(&self, i: usize) -> Episode {
        self.episodes[i].clone()
    }

    pub(crate) fn load(&mut self, i: usize, episode: &Episode) {
        let own = &mut self.episodes[i];
        let sizes = |e: &Episode| (e.coming.len(), e.history.len());
        assert_eq!(sizes(own), sizes(episode), "state of an environment with other changes");
        own.clone_from(episode);
    }

    /// Draws what a new episode of environment `i` needs, and puts the robot on the ground that it
    /// draws. Takes one number from `rng`; each change then has a stream of its own, so that adding
    /// another one leaves it alone.
    pub(crate) fn draw(&mut self, i: usize, rng: &mut dyn Rng, qpos: &mut [f32]) {
        let seed = rng.random();
        let draw = |(number, planned)| Drawn::new(Stream::new(seed, number), planned);
        let episode = &mut self.episodes[i];
        episode.drawn.clear();
        episode.drawn.extend(self.planned.iter().enumerate().map(draw));
        let mut start = Start { landscape: self.landscape.as_ref(), qpos, moved: &mut episode.moved };
        episode.drawn.iter_mut().for_each(|drawn| drawn.acting.start(&mut start));
    }

    /// Environment `i` has made a step: what was coming is past.
    pub(crate) fn stepped(&mut self, i: usize) {
        let episode = &mut self.episodes[i];
        episode.last.copy_from_slice(&episode.coming);
    }

    /// Brings environment `i` to where it is after `step` control steps: parameters of its world and
    /// goals in its memory. `fresh` if the episode has just begun.
    pub(crate) fn advance(
        &mut self,
        i: usize,
        step: usize,
        fresh: bool,
        worlds: &mut Worlds,
        memory: &mut [f32],
    ) {
        let Episode { drawn, coming, .. } = &mut self.episodes[i];
        drawn.iter_mut().for_each(|drawn| drawn.acting.give_back(fresh, memory));
        let mut physical = fresh;
        for (planned, drawn) in self.planned.iter().zip(drawn) {
            let moment = Moment { step, on: drawn.holds(step) };
            let values = &mut coming[planned.columns.clone()];
            self.before.clear();
            self.before.extend_from_slice(values);
            drawn.acting.set(moment, &mut drawn.stream.0, memory, values);
            physical |= drawn.acting.is_physical() && self.before != *values;
        }
        if fresh {
            self.stepped(i);
        }
        if physical {
            let parameters = self.parameters(i);
            worlds.set_parameters(i, parameters).expect("changes are checked to stay in range");
        }
    }

    /// The parameters of world `i` that the coming step needs.
    pub(crate) fn parameters(&mut self, i: usize) -> &Parameters {
        let episode = &self.episodes[i];
        self.parameters.clone_from(&self.nominal);
        for first in [true, false] {
            let ordered = self.planned.iter().zip(&episode.drawn);
            for (planned, drawn) in ordered.filter(|(_, drawn)| drawn.acting.is_first() == first) {
                drawn.acting.apply(&episode.coming[planned.columns.clone()], &mut self.parameters);
            }
        }
        &self.parameters
    }

    /// What the task sees of the world of environment `i`.
    pub(crate) fn view<'a>(&'a mut self, i: usize, world: WorldView<'a>) -> WorldView<'a> {
        let Some(landscape) = &mut self.landscape else { return world };
        landscape.look(&world, self.episodes[i].moved);
        landscape.view(world)
    }

    /// Lets `task` observe the world of environment `i`.
    pub(crate) fn observe(
        &mut self,
        task: &dyn Task,
        i: usize,
        world: WorldView<'_>,
        memory: &[f32],
        observation: &mut [f32],
    ) {
        let view = self.view(i, world);
        task.observe(&view, memory, observation);
        if let Some(landscape) = &self.landscape {
            let view = landscape.view(world);
            task.look(&view, &|x, y| landscape.height(x, y), observation);
        }
    }

    /// Turns the observation that environment `i` has after `step` control steps into what is seen.
    pub(crate) fn sense(&mut self, i: usize, step: usize, observation: &mut [f32]) {
        let episode = &mut self.episodes[i];
        let mut seen = Seen { observation, clip: false, age: 0 };
        for (planned, drawn) in self.planned.iter().zip(&mut episode.drawn) {
            let values = &episode.coming[planned.columns.clone()];
            drawn.acting.sense(values, &mut drawn.stream.0, &mut seen);
        }
        let Seen { observation, clip, age } = seen;
        if clip {
            for ((x, &low), &high) in observation.iter_mut().zip(&self.low).zip(&self.high) {
                *x = x.clamp(low, high);
            }
        }
        if self.kept > 0 {
            let row = |t: usize| {
                let start = t % self.kept * observation.len();
                start..start + observation.len()
            };
            episode.history[row(step)].copy_from_slice(observation);
            observation.copy_from_slice(&episode.history[row(step - age.min(step))]);
        }
    }
}

/// The robot and its surroundings under `changes`, to draw them: with the ground that the robot walks on.
///
/// # Errors
/// [`EnvError::Change`] if a change does not fit the task.
pub fn changed_model(task: &dyn Task, changes: &[Change]) -> Result<Arc<Model>, EnvError> {
    let changing = Changing::new(task, 0, changes)?;
    Ok(Arc::clone(changing.model().unwrap_or(task.model())))
}
