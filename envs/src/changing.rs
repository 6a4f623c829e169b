//! Changes at work: what an episode draws, what holds at each of its steps, how it gets into the
//! worlds and observations of a batch.

use std::sync::Arc;

use rand::{Rng, RngExt as _, SeedableRng as _, rngs::ChaCha8Rng};
use sim::{Model, Parameters, Sensor, WorldView, Worlds};

use crate::changes::{Change, Effect, MAX_CHANGES, Value, When, error};
use crate::landscape::{Landscape, START};
use crate::lookup::{body_of, columns_of, goal_of, motors, trunk};
use crate::math::add_normal;
use crate::{Channel, EnvError, Goal, Task};

/// Weight of a kilogram that forces are told in, m/s²: pushes mean the same without gravity.
const EARTH: f64 = 9.81;

/// The changes of a batch.
pub(crate) struct Changing {
    plans: Vec<Plan>,
    goals: Vec<Goal>,
    columns: Vec<Channel>,
    /// Observation ranges.
    low: Vec<f32>,
    high: Vec<f32>,
    control_dt: f64,
    /// The ground, if a change replaces it.
    landscape: Option<Landscape>,
    /// Body that pushes and payloads act on, the robot's mass in kg.
    trunk: usize,
    mass: f64,
    /// Rows of an episode's history.
    kept: usize,
    nominal: Parameters,
    parameters: Parameters,
    episodes: Vec<Episode>,
}

/// A change with its names looked up.
struct Plan {
    change: Change,
    /// First column of its values.
    column: usize,
    /// Motors to choose from, one set or one per limb or motor.
    motors: Vec<Vec<usize>>,
    /// Body of a payload, index of a target's goal.
    index: usize,
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
    value: f64,
    /// Control steps in which it holds; of [`When::Every`], the present or next such steps.
    on: std::ops::Range<usize>,
    /// From one begin to the next, if there is a next.
    period: Option<usize>,
    /// Which of a plan's sets of motors.
    choice: usize,
    direction: f64,
    /// Control steps of the present or next push.
    push: std::ops::Range<usize>,
    /// A goal as the task has drawn it.
    goal: f32,
}

impl Drawn {
    /// Draws for an episode. The order of the draws is part of every result.
    fn new(mut stream: Stream, plan: &Plan, control_dt: f64) -> Self {
        let rng = &mut stream.0;
        let (on, period) = match plan.change.when {
            When::Always => (0..usize::MAX, None),
            When::From(start) => (whole(start, rng)..usize::MAX, None),
            When::Between(start, end) => {
                let start = whole(start, rng);
                (start..whole(end, rng), None)
            }
            When::Every { period, on, first } => {
                let (period, on, first) = (whole(period, rng), whole(on, rng), whole(first, rng));
                (first..first + on, Some(period))
            }
        };
        let mut drawn =
            Self { stream, value: 0.0, on, period, choice: 0, direction: 0.0, push: 0..0, goal: 0.0 };
        drawn.draw(plan, control_dt);
        drawn
    }

    /// Draws everything but when.
    fn draw(&mut self, plan: &Plan, control_dt: f64) {
        let rng = &mut self.stream.0;
        self.value = match &plan.change.effect {
            Effect::Delay(steps) => whole(*steps, rng) as f64,
            Effect::Friction(value)
            | Effect::Gravity(value)
            | Effect::Slope(value)
            | Effect::Mass(value)
            | Effect::Noise(value)
            | Effect::Payload { mass: value, .. }
            | Effect::Motors { strength: value, .. }
            | Effect::Pushes { force: value, .. }
            | Effect::Wind { force: value, .. }
            | Effect::Target { value, .. } => real(*value, rng),
            Effect::Terrain { .. } => 0.0,
        };
        self.direction = match plan.change.effect {
            Effect::Wind { direction: Some(direction), .. } => direction,
            Effect::Wind { .. } | Effect::Pushes { .. } => angle(rng),
            _ => 0.0,
        };
        self.choice = if plan.motors.len() > 1 { rng.random_range(0..plan.motors.len()) } else { 0 };
        if let Effect::Pushes { seconds, pause, .. } = plan.change.effect {
            self.push = next_push(self.on.start, pause, seconds, control_dt, rng);
        }
    }

    /// Whether it holds in the step that follows `step` others.
    fn holds(&mut self, step: usize, plan: &Plan, control_dt: f64) -> bool {
        while let Some(period) = self.period.filter(|period| step >= self.on.start + period) {
            self.on = self.on.start + period..self.on.end + period;
            self.draw(plan, control_dt);
        }
        self.on.contains(&step)
    }
}

impl Changing {
    /// Looks up the names in `changes` for `n` environments of `task`.
    pub(crate) fn new(task: &dyn Task, n: usize, changes: &[Change]) -> Result<Self, EnvError> {
        let (spec, model) = (task.spec(), task.model());
        let mut landscape = None;
        if changes.len() > MAX_CHANGES {
            let problem = format!("{} changes: expected at most {MAX_CHANGES}", changes.len());
            return Err(error(changes[0].effect.name(), problem));
        }
        let goals = task.goals();
        let (mut plans, mut columns): (Vec<Plan>, Vec<Channel>) = (Vec::new(), Vec::new());
        // Before numbers that tell them apart.
        let mut names: Vec<String> = Vec::new();
        for change in changes {
            change.validate()?;
            let mut plan =
                Plan { change: change.clone(), column: columns.len(), motors: Vec::new(), index: 0 };
            match &change.effect {
                Effect::Motors { which, .. } => plan.motors = motors(model, which)?,
                Effect::Payload { body, .. } => plan.index = body_of(model, body.as_deref())?,
                Effect::Target { goal, value } => plan.index = goal_of(&goals, goal, *value)?,
                Effect::Terrain { .. } if landscape.is_some() => {
                    return Err(error("terrain", "two of them: expected at most one".to_owned()));
                }
                Effect::Terrain { ground, seed } => landscape = Some(Landscape::new(task, ground, *seed)?),
                _ => {}
            }
            for mut column in columns_of(change, &goals, plan.index) {
                let same = names.iter().filter(|name| **name == column.name).count();
                names.push(column.name.clone());
                if same > 0 {
                    column.name = format!("{} {}", column.name, same + 1);
                }
                columns.push(column);
            }
            plans.push(plan);
        }
        let delay = |p: &Plan| if let Effect::Delay(steps) = &p.change.effect { steps.bounds().1 } else { 0 };
        let kept = plans.iter().map(delay).sum::<usize>();
        let nominal = Parameters::nominal(model);
        let mut changing = Self {
            low: spec.observations.iter().map(|c| c.low).collect(),
            high: spec.observations.iter().map(|c| c.high).collect(),
            control_dt: spec.control_dt,
            landscape,
            trunk: trunk(model),
            mass: model.total_mass(),
            kept: if kept > 0 { kept + 1 } else { 0 },
            parameters: nominal.clone(),
            nominal,
            episodes: Vec::new(),
            plans,
            goals,
            columns,
        };
        let values = vec![0.0; changing.columns.len()];
        let history = vec![0.0; changing.kept * spec.observations.len()];
        let (drawn, moved) = (Vec::new(), [0.0; 2]);
        let episode = Episode { drawn, moved, coming: values.clone(), last: values, history };
        changing.episodes = vec![episode; n];
        Ok(changing)
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
        let draw = |(number, plan)| Drawn::new(Stream::new(seed, number), plan, self.control_dt);
        let episode = &mut self.episodes[i];
        episode.drawn.clear();
        episode.drawn.extend(self.plans.iter().enumerate().map(draw));
        if let Some(landscape) = &self.landscape {
            let on_ground = |plan: &Plan| matches!(plan.change.effect, Effect::Terrain { .. });
            let mut drawn = self.plans.iter().zip(&mut episode.drawn).filter(|(plan, _)| on_ground(plan));
            let (_, drawn) = drawn.next().expect("a landscape comes from a change");
            let patch = START.map(|[low, high]| real(Value::Uniform(low, high), &mut drawn.stream.0));
            episode.moved = landscape.start(patch, qpos);
        }
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
        let episode = &mut self.episodes[i];
        let mut physical = fresh;
        for (plan, drawn) in self.plans.iter().zip(&mut episode.drawn) {
            // Goals go back to what the task has drawn before any change sets them.
            if let Effect::Target { .. } = plan.change.effect {
                let goal = &mut memory[self.goals[plan.index].memory];
                if fresh {
                    drawn.goal = *goal;
                }
                *goal = drawn.goal;
            }
        }
        for (plan, drawn) in self.plans.iter().zip(&mut episode.drawn) {
            let on = drawn.holds(step, plan, self.control_dt);
            let values = &mut episode.coming[plan.column..];
            let weight = self.mass * EARTH;
            let factor = if on { drawn.value } else { 1.0 };
            let amount = if on { drawn.value } else { 0.0 };
            let (value, second) = match &plan.change.effect {
                Effect::Friction(_) | Effect::Gravity(_) | Effect::Mass(_) => (factor, None),
                Effect::Motors { .. } => (factor, (plan.motors.len() > 1).then_some(drawn.choice as f64)),
                Effect::Slope(_) | Effect::Noise(_) | Effect::Delay(_) => (amount, None),
                Effect::Payload { .. } => (amount * self.mass, None),
                Effect::Wind { .. } => {
                    let force = amount * weight;
                    (force * libm::cos(drawn.direction), Some(force * libm::sin(drawn.direction)))
                }
                Effect::Pushes { force, seconds, pause } => {
                    if step >= drawn.push.end {
                        drawn.value = real(*force, &mut drawn.stream.0);
                        drawn.direction = angle(&mut drawn.stream.0);
                        drawn.push =
                            next_push(drawn.push.end, *pause, *seconds, self.control_dt, &mut drawn.stream.0);
                    }
                    let force = if on && drawn.push.contains(&step) { drawn.value * weight } else { 0.0 };
                    (force * libm::cos(drawn.direction), Some(force * libm::sin(drawn.direction)))
                }
                Effect::Terrain { .. } => (episode.moved[0], Some(episode.moved[1])),
                Effect::Target { .. } => {
                    let goal = &mut memory[self.goals[plan.index].memory];
                    if on {
                        *goal = drawn.value as f32;
                    }
                    (f64::from(*goal), None)
                }
            };
            let sensed =
                matches!(plan.change.effect, Effect::Noise(_) | Effect::Delay(_) | Effect::Target { .. });
            for (to, from) in values.iter_mut().zip([Some(value), second].into_iter().flatten()) {
                physical |= !sensed && *to != from as f32;
                *to = from as f32;
            }
        }
        if fresh {
            self.stepped(i);
        }
        if physical {
            self.apply(i, worlds);
        }
    }

    /// Sets the parameters of world `i` to what the coming step needs.
    fn apply(&mut self, i: usize, worlds: &mut Worlds) {
        let model = Arc::clone(worlds.model());
        let parameters = self.parameters(i, &model);
        worlds.set_parameters(i, parameters).expect("changes are checked to stay in range");
    }

    /// The parameters of world `i` that the coming step needs.
    pub(crate) fn parameters(&mut self, i: usize, model: &Model) -> &Parameters {
        let episode = &self.episodes[i];
        let p = &mut self.parameters;
        p.clone_from(&self.nominal);
        // A payload adds a share of the unchanged robot's mass, whatever factor that has.
        let first = |plan: &Plan| matches!(plan.change.effect, Effect::Mass(_));
        let plans = || self.plans.iter().zip(&episode.drawn);
        let ordered = plans().filter(|(plan, _)| first(plan)).chain(plans().filter(|(plan, _)| !first(plan)));
        for (plan, drawn) in ordered {
            let values = &episode.coming[plan.column..];
            let value = values[0];
            match &plan.change.effect {
                Effect::Friction(_) => p.friction *= value,
                Effect::Gravity(_) => p.gravity = p.gravity.map(|g| g * value),
                Effect::Slope(_) => {
                    let (sin, cos) = (libm::sinf(value), libm::cosf(value));
                    let [x, y, z] = p.gravity;
                    p.gravity = [cos * x + sin * z, y, cos * z - sin * x];
                }
                Effect::Mass(_) => p.mass.iter_mut().for_each(|m| *m *= value),
                Effect::Payload { .. } => {
                    p.mass[plan.index] += value / model.bodies[plan.index].mass as f32;
                }
                Effect::Motors { .. } => {
                    plan.motors[drawn.choice].iter().for_each(|&motor| p.gear[motor] *= value);
                }
                Effect::Wind { .. } | Effect::Pushes { .. } => {
                    p.force[self.trunk][0] += value;
                    p.force[self.trunk][1] += values[1];
                }
                Effect::Noise(_) | Effect::Delay(_) | Effect::Terrain { .. } | Effect::Target { .. } => {}
            }
        }
        p
    }

    /// What the task sees of the world of environment `i`.
    pub(crate) fn view<'a>(&'a mut self, i: usize, world: WorldView<'a>) -> WorldView<'a> {
        let Some(landscape) = &mut self.landscape else { return world };
        landscape.look(&world, self.episodes[i].moved);
        landscape.view(world.qvel)
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
            let view = landscape.view(world.qvel);
            task.look(&view, &|x, y| landscape.height(x, y), observation);
        }
    }

    /// Turns the observation that environment `i` has after `step` control steps into what is seen.
    pub(crate) fn sense(&mut self, i: usize, step: usize, observation: &mut [f32]) {
        let episode = &mut self.episodes[i];
        let (mut age, mut noisy) = (0, false);
        for (plan, drawn) in self.plans.iter().zip(&mut episode.drawn) {
            let value = episode.coming[plan.column];
            match plan.change.effect {
                Effect::Noise(_) if value > 0.0 => {
                    add_normal(&mut drawn.stream.0, f64::from(value), observation);
                    noisy = true;
                }
                Effect::Delay(_) => age += value as usize,
                _ => {}
            }
        }
        if noisy {
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

fn real(value: Value, rng: &mut dyn Rng) -> f64 {
    match value {
        Value::Fixed(x) => x,
        Value::Uniform(low, high) => low + (high - low) * rng.random::<f64>(),
    }
}

fn whole(value: Value<usize>, rng: &mut dyn Rng) -> usize {
    match value {
        Value::Fixed(x) => x,
        Value::Uniform(low, high) => rng.random_range(low..=high),
    }
}

fn angle(rng: &mut dyn Rng) -> f64 {
    std::f64::consts::TAU * rng.random::<f64>()
}

/// Control steps of the push that follows a pause after step `end`; at least one step each.
fn next_push(
    end: usize,
    pause: Value,
    seconds: f64,
    control_dt: f64,
    rng: &mut dyn Rng,
) -> std::ops::Range<usize> {
    let steps = |seconds: f64| (libm::round(seconds / control_dt) as usize).max(1);
    let start = end.saturating_add(steps(real(pause, rng)));
    start..start.saturating_add(steps(seconds))
}
