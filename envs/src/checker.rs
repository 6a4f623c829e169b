//! The checker: what every task promises, tried out on the task itself.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::Arc;

use rand::{RngExt as _, SeedableRng as _, rngs::ChaCha8Rng};
use sim::{EngineKind, StepOptions};

use crate::{Change, Channel, EnvError, Envs, Fidelity, Spec, Task};

/// Rounding allowed beyond a declared range, relative to the limit (unit quaternions in f32).
const SLACK: f32 = 1e-5;

/// Tries a task with the given physics. About 3,000 control steps.
///
/// - `spec`: sizes agree, names are unique, ranges are ranges, the physics settings for every engine
///   make up the control step;
/// - `determinism`: a seed gives the same bits again, in a batch of 1 and in a batch of 5 whose
///   other environments do something else;
/// - `save and load`: steps from a saved mid-episode state give the same bits again, in place
///   and elsewhere in another batch;
/// - `random actions`: under full random control everything is finite and in its declared range,
///   terms sum to the reward, an episode terminates only if the spec says that it can;
/// - `time limit`: an episode is truncated at the horizon, not before, and then rests;
/// - `clipping`: an action out of range acts and costs as much as the limit.
///
/// # Errors
/// [`EnvError::Check`] with the first problem; other errors if the task cannot be run at all.
pub fn check(task: &Arc<dyn Task>, options: StepOptions) -> Result<(), EnvError> {
    check_changed(task, options, &[])
}

/// As [`check`], under changes.
///
/// # Errors
/// As [`check`].
pub fn check_changed(task: &Arc<dyn Task>, options: StepOptions, changes: &[Change]) -> Result<(), EnvError> {
    Trial { task, options, changes, seeds: 4, steps: 300, compared: 50 }.run()
}

/// As [`check_changed`], in about 200 control steps.
///
/// # Errors
/// As [`check`].
pub fn check_briefly(task: &Arc<dyn Task>, options: StepOptions, changes: &[Change]) -> Result<(), EnvError> {
    Trial { task, options, changes, seeds: 2, steps: 20, compared: 5 }.run()
}

/// What is tried.
struct Trial<'a> {
    task: &'a Arc<dyn Task>,
    options: StepOptions,
    changes: &'a [Change],
    /// Episodes of random actions and their steps.
    seeds: u64,
    steps: usize,
    /// Steps compared bit by bit.
    compared: usize,
}

impl Trial<'_> {
    fn run(&self) -> Result<(), EnvError> {
        spec(self.task)?;
        determinism(self)?;
        save_and_load(self)?;
        random_actions(self)?;
        time_limit(self)?;
        clipping(self)
    }

    fn envs(&self, n: usize, horizon: usize) -> Result<Envs, EnvError> {
        Envs::with_changes(Arc::clone(self.task), n, self.options, horizon, self.changes)
    }
}

fn fail(spec: &Spec, check: &'static str, problem: String) -> Result<(), EnvError> {
    Err(EnvError::Check { env: spec.name, check, problem })
}

fn spec(task: &Arc<dyn Task>) -> Result<(), EnvError> {
    let spec = task.spec();
    let problem = |problem: String| fail(spec, "spec", problem);
    let name_is_plain = spec.name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if spec.name.is_empty() || !name_is_plain {
        return problem(format!("name '{}' is not made of a-z, 0-9 and _", spec.name));
    }
    for (what, channels) in [("observation", &spec.observations), ("action", &spec.actions)] {
        let names: BTreeSet<&str> = channels.iter().map(|c| c.name.as_str()).collect();
        if channels.is_empty() || names.len() != channels.len() || names.contains("") {
            return problem(format!("{what} names are missing or not unique"));
        }
        // NaN limits fail, too.
        let is_range = |c: &&Channel| c.low.partial_cmp(&c.high) == Some(Ordering::Less);
        if let Some(c) = channels.iter().find(|c| !is_range(c)) {
            return problem(format!("{what} '{}' has the range {}..={}", c.name, c.low, c.high));
        }
    }
    if let Some(c) = spec.actions.iter().find(|c| !(c.low.is_finite() && c.high.is_finite())) {
        return problem(format!("action '{}' has no finite range", c.name));
    }
    let terms: BTreeSet<&str> = spec.terms.iter().copied().collect();
    if terms.is_empty() || terms.len() != spec.terms.len() || spec.formulas.len() != spec.terms.len() {
        return problem("reward terms are missing, not unique or without formula".to_owned());
    }
    if !(spec.control_dt.is_finite() && spec.control_dt > 0.0) || spec.horizon == 0 {
        return problem(format!("control_dt {} or horizon {}", spec.control_dt, spec.horizon));
    }
    for engine in EngineKind::ALL {
        for fidelity in [Fidelity::Default, Fidelity::Reference] {
            let physics = task.physics(engine, fidelity);
            let (name, made) = (engine.name(), physics.control_dt());
            if physics.engine != engine {
                return problem(format!("the physics for {name} is for {}", physics.engine.name()));
            }
            if (made - spec.control_dt).abs() > 1e-9 {
                return problem(format!("{fidelity:?} physics for {name} makes {made} s, not control_dt"));
            }
        }
    }
    Ok(())
}

fn determinism(trial: &Trial<'_>) -> Result<(), EnvError> {
    let (task, compared) = (trial.task, trial.compared);
    let run = |n: usize, slot: usize| -> Result<Vec<u64>, EnvError> {
        let mut envs = trial.envs(n, task.spec().horizon)?;
        let mut players: Vec<Player> = (0..n).map(|i| Player::new(100 + i as u64)).collect();
        players[slot] = Player::new(1);
        let mut bits = Vec::new();
        for _ in 0..compared {
            play(&mut envs, &mut players);
            record(&envs, slot, &mut bits);
        }
        Ok(bits)
    };
    let first = run(1, 0)?;
    for (n, slot) in [(1, 0), (5, 0), (5, 3)] {
        if run(n, slot)? != first {
            let problem = format!("another course in a batch of {n}, place {slot}, with the same seed");
            return fail(task.spec(), "determinism", problem);
        }
    }
    Ok(())
}

fn save_and_load(trial: &Trial<'_>) -> Result<(), EnvError> {
    let task = trial.task;
    let name = "save and load";
    let mut envs = trial.envs(2, task.spec().horizon)?;
    let mut players = [Player::new(2), Player::new(3)];
    // The last of some steps at which environment 1 is in mid-episode.
    let mut saved = None;
    for _ in 0..trial.compared.min(20) {
        play(&mut envs, &mut players);
        if envs.outcome(1).over() {
            break;
        }
        saved = Some(envs.save(1));
    }
    let Some(saved) = saved else {
        return fail(task.spec(), name, "the episode of seed 3 is over after one step".to_owned());
    };
    let go_on = |envs: &mut Envs, slot: usize| -> Vec<u64> {
        envs.load(slot, &saved);
        let mut bits = Vec::new();
        record(envs, slot, &mut bits);
        let mut players: Vec<Player> = (0..envs.len()).map(|i| Player::new(100 + i as u64)).collect();
        players[slot] = Player::new(4);
        for _ in 0..trial.compared {
            play(envs, &mut players);
            record(envs, slot, &mut bits);
        }
        bits
    };
    let first = go_on(&mut envs, 1);
    let mut other = trial.envs(3, task.spec().horizon)?;
    for (what, bits) in [("in place", go_on(&mut envs, 1)), ("elsewhere", go_on(&mut other, 2))] {
        if bits != first {
            return fail(task.spec(), name, format!("another course after loading {what}"));
        }
    }
    Ok(())
}

fn random_actions(trial: &Trial<'_>) -> Result<(), EnvError> {
    let task = trial.task;
    let spec = task.spec();
    let mut envs = trial.envs(trial.seeds as usize, spec.horizon)?;
    let mut players: Vec<Player> = (0..trial.seeds).map(Player::new).collect();
    for step in 0..trial.steps {
        play(&mut envs, &mut players);
        for seed in 0..envs.len() {
            if let Some(problem) = unsound(&envs, seed) {
                return fail(spec, "random actions", format!("seed {seed}, step {step}: {problem}"));
            }
        }
    }
    if envs.blow_ups() > 0 {
        return fail(spec, "random actions", format!("{} blow-ups", envs.blow_ups()));
    }
    Ok(())
}

fn unsound(envs: &Envs, i: usize) -> Option<String> {
    let spec = envs.task().spec();
    let (outcome, terms) = (envs.outcome(i), envs.terms(i));
    let outside = |(c, &x): (&Channel, &f32)| {
        let slack = |limit: f32| SLACK * limit.abs();
        !(x.is_finite() && x >= c.low - slack(c.low) && x <= c.high + slack(c.high))
    };
    let observation = spec.observations.iter().zip(observation(envs, i));
    if let Some((channel, x)) = { observation }.find(|&pair| outside(pair)) {
        return Some(format!("observation '{}' = {x}", channel.name));
    }
    let sum = terms.iter().fold(0.0, |sum, &term| sum + f64::from(term));
    if !sum.is_finite() || sum != outcome.reward {
        return Some(format!("terms {terms:?} do not sum to the reward {}", outcome.reward));
    }
    if outcome.terminated && spec.termination.is_none() {
        return Some("terminated, although the spec says that it never does".to_owned());
    }
    None
}

fn time_limit(trial: &Trial<'_>) -> Result<(), EnvError> {
    let task = trial.task;
    const HORIZON: usize = 5;
    let (spec, name) = (task.spec(), "time limit");
    let mut envs = trial.envs(trial.seeds as usize, HORIZON)?;
    let all = vec![true; envs.len()];
    for seed in 0..envs.len() {
        envs.reset(seed, &mut ChaCha8Rng::seed_from_u64(seed as u64));
    }
    let mut actions = vec![0.0; envs.len() * spec.actions.len()];
    for action in actions.chunks_exact_mut(spec.actions.len()) {
        spec.scale_action(&vec![0.0; spec.actions.len()], action);
    }
    let mut reached = false;
    for step in 1..=HORIZON + 1 {
        let before: Vec<bool> = (0..envs.len()).map(|i| envs.outcome(i).over()).collect();
        envs.step(&all, &actions);
        for (seed, over) in before.into_iter().enumerate() {
            let (outcome, steps) = (envs.outcome(seed), envs.steps(seed));
            let truncated = if over { steps == HORIZON } else { step == HORIZON };
            if outcome.truncated != truncated || (!over && steps != step) {
                let problem = format!("seed {seed}, step {step}: {outcome:?} after {steps} steps");
                return fail(spec, name, problem);
            }
            reached |= truncated;
        }
    }
    if !reached {
        return fail(spec, name, format!("no episode lasts {HORIZON} steps"));
    }
    Ok(())
}

fn clipping(trial: &Trial<'_>) -> Result<(), EnvError> {
    let task = trial.task;
    let spec = task.spec();
    let mut envs = trial.envs(2, spec.horizon)?;
    for i in 0..2 {
        envs.reset(i, &mut ChaCha8Rng::seed_from_u64(5));
    }
    let mut rng = ChaCha8Rng::seed_from_u64(6);
    for step in 0..trial.compared {
        let sides: Vec<bool> = spec.actions.iter().map(|_| rng.random()).collect();
        let limits = spec.actions.iter().zip(&sides).map(|(c, &side)| if side { c.high } else { c.low });
        let beyond =
            spec.actions.iter().zip(&sides).map(|(c, &side)| if side { c.high + 10.0 } else { c.low - 10.0 });
        let actions: Vec<f32> = limits.chain(beyond).collect();
        envs.step(&[true, true], &actions);
        let (mut limit, mut beyond) = (Vec::new(), Vec::new());
        record(&envs, 0, &mut limit);
        record(&envs, 1, &mut beyond);
        if limit != beyond {
            let problem = format!("step {step}: an action out of range differs from the limit");
            return fail(spec, "clipping", problem);
        }
    }
    Ok(())
}

/// Draws the resets and the full random actions of one environment.
struct Player(ChaCha8Rng);

impl Player {
    fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }
}

/// One step of every environment under its player; those that are over or new are reset first.
fn play(envs: &mut Envs, players: &mut [Player]) {
    let task = Arc::clone(envs.task());
    let mut actions = Vec::with_capacity(players.len() * task.spec().actions.len());
    for (i, Player(rng)) in players.iter_mut().enumerate() {
        if envs.is_resting(i) {
            envs.reset(i, rng);
        }
        actions.extend(task.spec().actions.iter().map(|c| rng.random_range(c.low..=c.high)));
    }
    envs.step(&vec![true; players.len()], &actions);
}

fn observation(envs: &Envs, i: usize) -> &[f32] {
    let length = envs.task().spec().observations.len();
    &envs.observations()[i * length..(i + 1) * length]
}

/// Appends everything that environment `i` shows, as bits.
fn record(envs: &Envs, i: usize, bits: &mut Vec<u64>) {
    let numbers = observation(envs, i).iter().chain(envs.terms(i));
    bits.extend(numbers.map(|x| u64::from(x.to_bits())));
    let outcome = envs.outcome(i);
    bits.push(outcome.reward.to_bits());
    bits.push(u64::from(outcome.terminated) + 2 * u64::from(outcome.truncated));
    bits.push(envs.steps(i) as u64);
}
