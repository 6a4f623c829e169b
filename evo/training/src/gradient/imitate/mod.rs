//! Behaviour cloning and DAgger: a student learns the actions of a teacher.

mod actor;
pub(in crate::gradient) mod teacher;

use rand::{Rng as _, RngExt as _};
use records::checkpoint::{Checkpoint, Tensor, TensorData};
use snn::NetworkState;
use snn::gradient::{Batch, Objective, Outputs, Score, Sensitivity};
use strategies::random::{Purpose, Stream, shuffled};

use crate::gradient::collect::Worlds;
use crate::gradient::error::FinetuneError;
use crate::gradient::imitate::actor::Actor;
use crate::gradient::imitate::teacher::{Demonstration, Present, Teacher, Teachers};
use crate::gradient::ppo::loss::action;
use crate::gradient::rows::row;
use crate::gradient::shared::shared;
use crate::gradient::task_config::ImitateConfig;
use crate::gradient::world::{Method, Round, World};
use crate::normalizer::Sums;
use crate::rollout::Episode;

pub(in crate::gradient) struct Imitation {
    config: ImitateConfig,
    teacher: Teacher,
    worlds: Worlds,
    memory: Vec<Demonstration>,
    /// What the round has forgotten of it, and which round that is.
    forgotten: (Vec<Demonstration>, u64),
    /// Values per observation and per action.
    sizes: (usize, usize),
}

/// What a rank has come to: an episode per world of its own, spikes, and neurons × ticks.
type Acted = (Vec<(Demonstration, Episode)>, (f64, f64));

/// The student in the worlds of this rank, a row for each.
struct Student {
    actor: Actor,
    /// Normalised observations.
    inputs: Vec<f32>,
    /// In [−1, 1].
    actions: Vec<f32>,
}

impl Student {
    fn step(&mut self, world: &World, theta: &[f32]) -> Result<(), FinetuneError> {
        self.actor.step(world, theta, &self.inputs, &mut self.actions)
    }
}

impl Imitation {
    /// Names of what it measures.
    pub(in crate::gradient) const COLUMNS: &'static [&'static str] = &["imitation_loss", "remembered_steps"];

    pub(in crate::gradient) fn new(
        config: &ImitateConfig,
        world: &World,
        teachers: &mut Teachers,
    ) -> Result<Self, FinetuneError> {
        let spec = world.setup.task.spec();
        let sizes = (spec.observations.len(), spec.actions.len());
        let teacher = Teacher::new(config, world, teachers)?;
        let worlds = Worlds::new(world, config.episodes)?;
        Ok(Self {
            config: config.clone(),
            teacher,
            worlds,
            memory: Vec::new(),
            forgotten: (Vec::new(), 0),
            sizes,
        })
    }

    /// Lets student and teacher act and remembers what the teacher would have done. Each rank does so in the worlds that
    /// are its own.
    fn collect(&mut self, world: &mut World, mix: f64) -> Result<(Vec<Episode>, Option<f64>), FinetuneError> {
        if let Teacher::Recorded(_) = self.teacher {
            return Ok((Vec::new(), None));
        }
        let count = self.worlds.len();
        let (group, team) = (self.worlds.size, world.team.clone());
        let mine: Vec<usize> = (0..count).filter(|&i| team.owns(i / group)).collect();
        let mut student = Student {
            actor: Actor::new(mine.len()),
            inputs: vec![0.0; mine.len() * self.sizes.0],
            actions: vec![0.0; mine.len() * self.sizes.1],
        };
        let acted = self.act(world, mix, &mine, &mut student);
        // Individuals whose episodes are over go on as long as any, and their spikes count.
        let steps = shared(&team, acted.as_ref().map_or(Ok(0), |(_, steps)| Ok(*steps)))?;
        let longest = steps.into_iter().max().unwrap_or(0);
        let own = acted.and_then(|(episodes, steps)| {
            if mix < 1.0 && !mine.is_empty() {
                let (theta, normalizer) = (world.trainer.theta(), world.normalizer());
                for (own, &i) in mine.iter().enumerate() {
                    let inputs = &mut student.inputs[row(self.sizes.0, own)];
                    normalizer.apply(self.worlds.observation(i), inputs, None);
                }
                (steps..longest).try_for_each(|_| student.step(world, &theta))?;
            }
            Ok((episodes, student.actor.counts()))
        });
        let ranks: Vec<Acted> = shared(&team, own)?;
        let sum = |of: fn(&Acted) -> f64| ranks.iter().map(of).sum::<f64>();
        let (spikes, neuron_ticks) = (sum(|acted| acted.1.0), sum(|acted| acted.1.1));
        let mut ranks: Vec<_> = ranks.into_iter().map(|(episodes, _)| episodes.into_iter()).collect();
        let all = (0..count).filter_map(|i| ranks[team.owner(i / group)].next());
        let (mut demonstrations, episodes): (Vec<_>, Vec<_>) = all.unzip();
        observe(world, &demonstrations);
        demonstrations.retain(|demonstration| !demonstration.actions.is_empty());
        self.memory.extend(demonstrations);
        Ok((episodes, (neuron_ticks > 0.0).then(|| spikes / neuron_ticks)))
    }

    /// Goes through an episode in each of the worlds `mine`; also returns the steps of the longest.
    fn act(
        &mut self,
        world: &World,
        mix: f64,
        mine: &[usize],
        student: &mut Student,
    ) -> Result<(Vec<(Demonstration, Episode)>, u64), FinetuneError> {
        let (inputs, outputs) = self.sizes;
        let Self { worlds, teacher, .. } = self;
        let Teacher::Present(teacher) = teacher else { return Ok((Vec::new(), 0)) };
        let Present { policy, evaluator, .. } = teacher.as_mut();
        let (seed, round, count) = (world.config.run.seed, world.generation, worlds.len());
        let normalizer = world.normalizer();
        let theta = world.trainer.theta();
        let mut demonstrations = vec![Demonstration { round, ..Demonstration::default() }; mine.len()];
        let mut draws: Vec<Stream> =
            mine.iter().map(|&i| Stream::new(seed, Purpose::Action, round, i as u64, 0)).collect();
        let mut active = vec![false; count];
        for (own, &i) in mine.iter().enumerate() {
            let mut stream = Stream::new(seed, Purpose::Reset, round, i as u64, 0);
            worlds.reset(i, &mut stream);
            student.actor.seeds[own] = stream.next_u64();
            evaluator.reset(i, student.actor.seeds[own]);
            active[i] = !worlds.outcome(i).over();
        }
        let (mut wanted, mut its_inputs) = (vec![0.0; count * outputs], vec![0.0; count * inputs]);
        let (mut actions, mut rewards) = (wanted.clone(), vec![0.0; count]);
        let mut steps = 0;
        while active.contains(&true) {
            for (own, &i) in mine.iter().enumerate() {
                let raw = worlds.observation(i);
                normalizer.apply(raw, &mut student.inputs[row(inputs, own)], None);
                policy.normalizer.apply(raw, &mut its_inputs[row(inputs, i)], None);
                if active[i] {
                    demonstrations[own].observations.extend_from_slice(raw);
                }
            }
            evaluator.begin(&active, &its_inputs, &rewards);
            evaluator.finish(&active, &mut wanted)?;
            // A student that would not act anyway need not be asked.
            if mix < 1.0 {
                student.step(world, &theta)?;
            }
            for (own, &i) in mine.iter().enumerate().filter(|(_, i)| active[**i]) {
                if evaluator.fault(i) {
                    let (path, reason) =
                        (self.config.teacher.clone(), "its states are not finite".to_owned());
                    return Err(FinetuneError::Teacher { path, reason });
                }
                let wanted = &wanted[row(outputs, i)];
                demonstrations[own].actions.extend_from_slice(wanted);
                let taken = if draws[own].random::<f64>() < mix {
                    wanted
                } else {
                    &student.actions[row(outputs, own)]
                };
                actions[row(outputs, i)].copy_from_slice(taken);
            }
            worlds.step(&world.pool, &active, &actions);
            for (i, active) in active.iter_mut().enumerate().filter(|(_, active)| **active) {
                rewards[i] = worlds.outcome(i).reward as f32;
                *active = !worlds.outcome(i).over();
            }
            steps += 1;
        }
        let episodes = mine.iter().map(|&i| worlds.episode(i));
        Ok((demonstrations.into_iter().zip(episodes).collect(), steps))
    }

    /// Forgets whole rounds, the oldest first, until the rest fits; the last round always stays.
    fn forget(&mut self, round: u64) {
        let steps = |all: &[Demonstration]| all.iter().map(|d| d.actions.len()).sum::<usize>() / self.sizes.1;
        while steps(&self.memory) > self.config.memory && self.memory[0].round < round {
            let oldest = self.memory[0].round;
            let count = self.memory.iter().take_while(|demonstration| demonstration.round == oldest).count();
            self.forgotten.0.extend(self.memory.drain(..count));
        }
    }

    /// Learns once from all that is remembered; returns the mean loss per step and the spike rate.
    fn learn(&self, world: &mut World, epoch: u64) -> Result<(f64, Option<f64>), FinetuneError> {
        let Self { config, memory, sizes: (inputs, outputs), .. } = self;
        let (inputs, outputs) = (*inputs, *outputs);
        let (seed, round, frames) = (world.config.run.seed, world.generation, config.sequence);
        let normalizer = world.normalizer();
        let mut stream = Stream::new(seed, Purpose::Finetune, round, epoch, 0);
        // Whole episodes in lanes side by side, of about the same length.
        let lanes = config.batch.min(memory.len());
        let mut lengths = vec![0; lanes];
        let mut places: Vec<Vec<(usize, usize)>> = vec![Vec::new(); lanes];
        for episode in shuffled(memory.len(), &mut stream) {
            let lane = (0..lanes).min_by_key(|&lane| lengths[lane]).unwrap_or(0);
            let steps = memory[episode].actions.len() / outputs;
            places[lane].extend((0..steps).map(|step| (episode, step)));
            lengths[lane] += steps;
        }
        let longest = lengths.into_iter().max().unwrap_or(0);
        let seeds: Vec<u64> = (0..lanes).map(|_| stream.next_u64()).collect();
        let mut states: Vec<NetworkState> = Vec::new();
        let (mut loss, mut steps, mut rate, mut chunks) = (0.0, 0.0, 0.0, 0.0);
        for first in (0..longest).step_by(frames) {
            let mut x = vec![0.0; frames * lanes * inputs];
            let mut objective = Cloning {
                targets: vec![0.0; frames * lanes * outputs],
                weights: vec![0.0; frames * lanes],
                share: 1.0 / (frames * lanes) as f64,
                squash: world.network.squash(),
            };
            let mut resets = vec![false; frames * lanes];
            for (lane, places) in places.iter().enumerate() {
                for (frame, &(episode, step)) in places.iter().skip(first).take(frames).enumerate() {
                    let at = frame * lanes + lane;
                    let demonstration = &memory[episode];
                    let raw = &demonstration.observations[row(inputs, step)];
                    normalizer.apply(raw, &mut x[row(inputs, at)], None);
                    let action = &demonstration.actions[row(outputs, step)];
                    objective.targets[row(outputs, at)].copy_from_slice(action);
                    objective.weights[at] = 1.0;
                    resets[at] = step == 0;
                }
            }
            let batch = Batch { samples: lanes, inputs: &x, seeds: &seeds, start: &states, resets: &resets };
            let World { network, trainer, pool, .. } = &mut *world;
            let gradient = pool.install(|| trainer.step(network.as_ref(), &batch, &objective))?;
            let weight: f64 = objective.weights.iter().sum();
            loss += gradient.loss * (frames * lanes) as f64;
            steps += weight;
            rate += gradient.rates.iter().sum::<f64>() / gradient.rates.len().max(1) as f64;
            chunks += 1.0;
            states = gradient.end;
        }
        let spiking = !world.network.neurons().is_empty();
        Ok((loss / steps, spiking.then(|| rate / chunks)))
    }
}

impl Method for Imitation {
    fn columns(&self) -> &'static [&'static str] {
        Self::COLUMNS
    }

    fn describe(&self) -> Vec<(&'static str, String)> {
        let kind = match &self.teacher {
            Teacher::Present(teacher) => teacher.description.clone(),
            Teacher::Recorded(episodes) => format!("{} recorded episodes", episodes.len()),
        };
        vec![
            (
                "teacher",
                if self.config.teacher.is_empty() {
                    kind
                } else {
                    format!("{}: {kind}", self.config.teacher)
                },
            ),
            ("task", format!("imitate, {} episodes a round", self.config.episodes)),
        ]
    }

    fn advance(&mut self, world: &mut World) -> Result<Round, FinetuneError> {
        let round = world.generation;
        self.forgotten = (Vec::new(), round);
        let mut result = Round { sigma: libm::pow(self.config.mix, round as f64), ..Round::default() };
        if let Teacher::Recorded(episodes) = &self.teacher {
            result.sigma = 1.0;
            if self.memory.is_empty() {
                self.memory.clone_from(episodes);
                if round == 0 {
                    observe(world, episodes);
                }
            }
        }
        let (episodes, rate) = self.collect(world, result.sigma)?;
        self.forget(round);
        result.steps = episodes.iter().map(|episode| episode.length as u64).sum();
        result.episodes = episodes;
        let (mut loss, mut learned) = (f64::NAN, None);
        for epoch in 0..self.config.epochs {
            (loss, learned) = self.learn(world, epoch as u64)?;
        }
        result.spike_rate = rate.or(learned);
        let steps: usize = self.memory.iter().map(|d| d.actions.len() / self.sizes.1).sum();
        result.extras = vec![loss, steps as f64];
        Ok(result)
    }

    fn undo(&mut self) {
        let (mut memory, round) = std::mem::take(&mut self.forgotten);
        memory.append(&mut self.memory);
        memory.retain(|demonstration| demonstration.round < round);
        self.memory = memory;
    }

    fn save(&self, checkpoint: &mut Checkpoint) {
        // A recording can be read again.
        if let Teacher::Recorded(_) = self.teacher {
            return;
        }
        let rounds: Vec<u64> = self.memory.iter().map(|demonstration| demonstration.round).collect();
        checkpoint.meta.insert("demonstrations".to_owned(), rounds.into());
        for (index, demonstration) in self.memory.iter().enumerate() {
            let steps = demonstration.actions.len() / self.sizes.1;
            let mut put = |name: &str, width: usize, values: &[f32]| {
                let tensor = Tensor::new(&[steps, width], TensorData::F32(values.to_vec()));
                checkpoint.tensors.insert(format!("{DEMONSTRATION}{index}.{name}"), tensor);
            };
            put("observation", self.sizes.0, &demonstration.observations);
            put("action", self.sizes.1, &demonstration.actions);
        }
    }

    fn restore(&mut self, _: &World, checkpoint: &Checkpoint) -> Result<(), FinetuneError> {
        if let Teacher::Recorded(_) = self.teacher {
            return Ok(());
        }
        let rounds: Vec<u64> = checkpoint.meta("demonstrations")?;
        let take = |index: usize, name: &str, width: usize| {
            let name = format!("{DEMONSTRATION}{index}.{name}");
            let steps = checkpoint.tensor(&name)?.shape().first().copied().unwrap_or(0);
            Ok::<_, FinetuneError>(checkpoint.f32(&name, &[steps, width])?.to_vec())
        };
        self.memory.clear();
        for (index, round) in rounds.into_iter().enumerate() {
            let observations = take(index, "observation", self.sizes.0)?;
            let actions = take(index, "action", self.sizes.1)?;
            self.memory.push(Demonstration { round, observations, actions });
        }
        Ok(())
    }
}

/// Beginning of the names of the tensors that only learning on needs.
const DEMONSTRATION: &str = "demonstration.";

/// The policy of `checkpoint` without the demonstrations that it was learned from, from which training cannot go on;
/// `None` if it has none.
#[must_use]
pub fn without_demonstrations(checkpoint: &Checkpoint) -> Option<Checkpoint> {
    let mut policy = Checkpoint::new();
    policy.meta = checkpoint.meta.clone();
    policy.meta.remove("demonstrations")?;
    let kept = checkpoint.tensors.iter().filter(|(name, _)| !name.starts_with(DEMONSTRATION));
    policy.tensors = kept.map(|(name, tensor)| (name.clone(), tensor.clone())).collect();
    Some(policy)
}

/// Takes the observations of `episodes` for the statistics, if they are used.
fn observe(world: &mut World, episodes: &[Demonstration]) {
    if !world.config.rollout.normalize {
        return;
    }
    let normalizer = world.normalizer();
    let size = normalizer.mean.len();
    let (mut sums, mut ignored) = (Sums::new(size), vec![0.0; size]);
    for raw in episodes.iter().flat_map(|episode| episode.observations.chunks_exact(size)) {
        normalizer.apply(raw, &mut ignored, Some(&mut sums));
    }
    world.statistics.merge(&sums, &normalizer.mean);
}

/// Mean squared difference of the actions.
struct Cloning {
    /// `[frames][lanes][actions]`.
    targets: Vec<f32>,
    /// 1 for steps that there are, `[frames][lanes]`.
    weights: Vec<f64>,
    share: f64,
    squash: bool,
}

impl Objective for Cloning {
    fn evaluate(&self, outputs: &Outputs, sensitivity: &mut Sensitivity) -> Score {
        let mut loss = 0.0;
        for frame in 0..outputs.frames {
            for (sample, lane) in outputs.samples.clone().enumerate() {
                let at = frame * outputs.batch + lane;
                let share = self.share * self.weights[at] / outputs.outputs as f64;
                let pairs = outputs.value(frame, sample).iter().zip(&self.targets[row(outputs.outputs, at)]);
                for ((&value, &target), to) in pairs.zip(sensitivity.value(frame, sample)) {
                    let (action, slope) = action(value, self.squash);
                    let error = action - f64::from(target);
                    loss += share * error * error;
                    *to += 2.0 * share * error * slope;
                }
            }
        }
        Score { loss, sums: Vec::new() }
    }
}
