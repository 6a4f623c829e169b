//! What a training takes of memory, found before it is taken: a population or a network that does not fit would end
//! the process in the middle of its work. The sums are of what grows with the settings; the rest of a program is small
//! beside them. Of a graphics adapter, its driver knows.

use strategies::StrategyError;

use crate::config::Config;
use crate::gradient::{PpoConfig, Task};
use crate::memory::{Part, part};
use crate::rollout::Episode;
use crate::setup::Setup;

/// A world with its engine's state, roughly, bytes.
const WORLD: u64 = 128 << 10;

/// What the search itself takes: its distribution, and the members that it holds. It can be asked before the search is
/// built.
///
/// # Errors
/// More parameters than the strategy can hold.
pub fn of_search(config: &Config, setup: &Setup) -> Result<Vec<Part>, StrategyError> {
    let parameters = setup.controller.layout().len();
    let strategy = config.search();
    let memory = strategy.memory(parameters)?;
    let setting = (format!("parameters under {}", strategy.info().config), parameters as u64);
    let is_square = memory.is_square;
    Ok(vec![
        Part { what: "the search", bytes: memory.distribution, setting, is_square },
        part("its members", "strategy.population", memory.population, memory.member),
    ])
}

/// What evolution with `population` members takes on `threads` threads.
///
/// # Errors
/// As [`of_search`].
pub fn of_evolution(
    config: &Config,
    setup: &Setup,
    population: usize,
    threads: usize,
) -> Result<Vec<Part>, StrategyError> {
    let episodes = population.saturating_mul(config.rollout.most_episodes());
    let mut parts = of_search(config, setup)?;
    let name = "strategy.population · rollout.episodes";
    parts.push(part(
        "the results of a generation's episodes",
        name,
        episodes,
        of_episode(setup, config.rollout.normalize),
    ));
    parts.extend(of_rollouts(config, setup, threads, 2));
    if let Some(refine) = &config.refine {
        parts.extend(of_ppo(&refine.ppo, "refine.ppo", setup));
    }
    Ok(parts)
}

/// What training by gradient in a world takes on `threads` threads, but for the passes through the network.
#[must_use]
pub fn of_gradient(task: &Task, config: &Config, setup: &Setup, threads: usize) -> Vec<Part> {
    let mut parts = of_rollouts(config, setup, threads, 1).to_vec();
    match task {
        Task::Ppo(ppo) => parts.extend(of_ppo(ppo, "task", setup)),
        Task::Imitate(task) => parts.push(part("worlds", "task.episodes", task.episodes, of_slot(setup))),
        Task::Classify(_) | Task::Regress(_) => {}
    }
    parts
}

/// Evaluations, and the worlds and controllers of all threads: `kinds` of them beside those that validate.
fn of_rollouts(config: &Config, setup: &Setup, threads: usize, kinds: usize) -> [Part; 2] {
    let validation = setup.validation.map_or(0, |options| options.engine.batch());
    let slots = kinds * setup.options.engine.batch() + validation;
    let worker = (slots as u64).saturating_mul(of_slot(setup));
    [
        part(
            "the results of an evaluation",
            "run.eval_episodes",
            config.run.eval_episodes,
            of_episode(setup, false),
        ),
        part("worlds and their controllers", "--threads", threads, worker),
    ]
}

fn of_ppo(ppo: &PpoConfig, place: &str, setup: &Setup) -> [Part; 2] {
    let spec = setup.task.spec();
    // Observation, and action with and without noise; and a reward, an advantage and a return.
    let step = 4 * (spec.observations.len() + 2 * spec.actions.len()) as u64 + 32;
    let steps = ppo.worlds.saturating_mul(ppo.steps);
    [
        part("worlds", format!("{place}.worlds"), ppo.worlds, WORLD),
        part("the steps of an iteration", format!("{place}.worlds · {place}.steps"), steps, step),
    ]
}

/// A world with a controller and its weights.
fn of_slot(setup: &Setup) -> u64 {
    WORLD + 4 * setup.controller.layout().len() as u64
}

/// What an episode leaves, while all are put in order.
fn of_episode(setup: &Setup, observe: bool) -> u64 {
    let spec = setup.task.spec();
    let sums = if observe { 16 * spec.observations.len() } else { 0 };
    (2 * size_of::<(usize, Episode)>() + 8 * spec.terms.len() + sums) as u64
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use records::text::{self, patch};

    use super::*;

    const SHORT: &str =
        "(env: Ant(), controller: Mlp(hidden: [32]), strategy: CmaEs(max_dimension: 10000000))";

    /// What of a short config with these changes is said not to fit into so much.
    fn refused(sets: &[&str], most: u64) -> String {
        let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
        let config: Config = patch::apply(text::parse("short.ron", SHORT).unwrap(), &sets).unwrap();
        let setup = Setup::new(&config).unwrap();
        let parts = match &config.task {
            Some(task) => of_gradient(task, &config, &setup, 2),
            None => {
                let population = config.strategy.memory(10).unwrap().population;
                of_evolution(&config, &setup, population.max(100), 2).unwrap()
            }
        };
        crate::memory::check_against(parts, most).unwrap_err().to_string()
    }

    #[test]
    fn what_takes_the_memory_is_named_with_what_would_fit() {
        let large = "controller.hidden=[2000, 2000]";
        let told = refused(&[large], 1 << 34);
        assert!(told.starts_with("this would take about "), "{told}");
        assert!(
            told.contains("TB for the search, with parameters under CmaEs = 4074008 (at most about "),
            "{told}"
        );
        assert!(!told.contains("members"), "{told}");
        let told = refused(&["strategy.population=1000000"], 1 << 34);
        assert!(
            told.contains("GB for its members, with strategy.population = 1000000 (at most about "),
            "{told}"
        );
        let told = refused(&["rollout.episodes=1000000"], 1 << 34);
        assert!(
            told.contains("with strategy.population · rollout.episodes = 100000000 (at most about "),
            "{told}"
        );
        let told = refused(&["strategy=OpenEs()", large], 1 << 20);
        assert!(told.contains("for worlds and their controllers, with --threads = 2"), "{told}");
        let told = refused(&["task=Ppo(worlds: 100000, steps: 1000, minibatches: 100)"], 1 << 33);
        assert!(told.contains("with task.worlds = 100000"), "{told}");
        assert!(told.contains("with task.worlds · task.steps = 100000000"), "{told}");
    }

    #[test]
    fn shipped_settings_take_little() {
        for name in ["ant.ron", "humanoid.ron"] {
            let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs").join(name);
            let config: Config = text::read(&path).unwrap();
            let setup = Setup::new(&config).unwrap();
            let parts = of_evolution(&config, &setup, 256, 16).unwrap();
            assert!(parts.iter().map(|part| part.bytes).sum::<u64>() < 1 << 30, "{name}: {parts:?}");
        }
    }
}
