//! Evolution with gradients, in the smallest world.

use records::checkpoint::Checkpoint;
use records::metrics::MetricsRow;

use crate::backend::BackendChoice;
use crate::config::Config;
use crate::learner::Learner as _;
use crate::ranks::threads::together;
use crate::trainer::Trainer;

const CONFIG: &str = r#"(
    env: InvertedPendulum(),
    controller: Snn(hidden: [Recurrent(neurons: 6)], output_gain: 4, encoder: Rate()),
    strategy: OpenEs(population: 6),
    refine: (
        iterations: 2,
        ppo: (worlds: 3, steps: 16, sequence: 8, minibatches: 2, epochs: 2, critic: Mlp(hidden: [5])),
    ),
    rollout: (horizon: 40),
    run: (eval_episodes: 2),
)"#;

fn config(sets: &[&str]) -> Config {
    let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
    records::text::patch::apply(records::text::parse("test.ron", CONFIG).unwrap(), &sets).unwrap()
}

fn trainer(sets: &[&str], threads: usize) -> Trainer {
    Trainer::new(&config(sets), threads, BackendChoice::Cpu).unwrap()
}

/// What of a row does not depend on the clock.
fn timeless(row: MetricsRow) -> String {
    format!("{:?}", MetricsRow { wall_s: 0.0, env_steps_per_s: 0.0, ..row })
}

#[test]
fn ranks_refine_to_the_same_bits() {
    let trained = |mut trainer: Trainer| {
        let rows: Vec<String> = (0..2).map(|_| timeless(trainer.advance().unwrap())).collect();
        (rows, trainer.checkpoint().to_bytes())
    };
    let alone = trained(trainer(&[], 1));
    let ranks = together(2, |team| {
        let mut trainer = trainer(&[], 1);
        trainer.share(&team);
        trained(trainer)
    });
    assert!(ranks.iter().all(|rank| *rank == alone), "ranks differ");
}

#[test]
fn every_strategy_gives_the_same_bits_on_any_number_of_threads_and_after_a_break() {
    for sets in [
        &[][..],
        &["physics.engine=Lanes", "refine.ppo.critic=Snn(hidden: [Recurrent(neurons: 5)])"],
        &["strategy=CmaEs(population: 6)"],
        &["strategy=SepCmaEs(population: 6)", "controller=Mlp(hidden: [4])"],
        &["strategy=Pgpe(population: 6)"],
        &["strategy=Xnes(population: 6)", "controller=Mlp(hidden: [4])"],
        &["strategy=Ars(population: 6)", "rollout.normalize=false"],
    ] {
        let [mut one, mut three] = [1, 3].map(|threads| trainer(sets, threads));
        for _ in 0..2 {
            assert_eq!(timeless(one.advance().unwrap()), timeless(three.advance().unwrap()), "{sets:?}");
        }
        let bytes = one.checkpoint().to_bytes();
        assert_eq!(bytes, three.checkpoint().to_bytes(), "{sets:?}");
        let mut again = trainer(sets, 1);
        again.restore(&Checkpoint::from_bytes(std::path::Path::new("c"), &bytes).unwrap()).unwrap();
        assert_eq!(again.checkpoint().to_bytes(), bytes);
        for _ in 0..2 {
            assert_eq!(timeless(one.advance().unwrap()), timeless(again.advance().unwrap()), "{sets:?}");
        }
        assert_eq!(one.checkpoint().to_bytes(), again.checkpoint().to_bytes(), "{sets:?}");
    }
}

#[test]
fn refinement_moves_the_mean_and_its_steps_count() {
    let after = |sets: &[&str]| {
        let mut trainer = trainer(sets, 1);
        let row = trainer.advance().unwrap();
        (trainer.policy().parameters, row)
    };
    let (evolved, alone) = after(&["refine=None"]);
    let (refined, both) = after(&[]);
    assert_ne!(evolved, refined);
    assert_eq!(both.env_steps, alone.env_steps + 2 * 3 * 16);
    assert_eq!(both.fitness_mean.to_bits(), alone.fitness_mean.to_bits(), "its members are of before");
    // A reward term, what PPO measures, and noise and steps.
    assert_eq!((alone.terms.len(), both.terms.len()), (1 + 3, 1 + 6 + 3));
    // While only the critic learns, the mean has the bits of evolution alone.
    assert_eq!(after(&["refine.ppo.critic_first=2"]).0, evolved);
    assert_ne!(after(&["refine.ppo.critic_first=1"]).0, evolved);
}

#[test]
fn a_refinement_that_does_not_fit_is_refused() {
    for (set, text) in [
        ("refine.iterations=0", "refine.iterations = 0: must be at least 1"),
        ("refine.ppo.worlds=0", "refine.ppo.worlds = 0: must be 1 to 100000"),
        ("refine.ppo.steps=20", "refine.ppo.steps = 20: must be a multiple of refine.ppo.sequence = 8"),
        ("refine.ppo.gradient.window=0", "refine: `window`"),
        ("refine.ppo.critic=Snn(precision: Binary)", "refine: critic: `precision`: Binary"),
        ("controller.precision=Binary", "refine: `precision`: Binary networks have no gradient"),
    ] {
        let strategy = "strategy=OpenEs(population: 6)";
        let made = Trainer::new(&config(&[strategy, set]), 1, BackendChoice::Cpu);
        let error = made.map(drop).unwrap_err().to_string();
        assert!(error.contains(text), "{set}: {error}");
    }
}

#[test]
fn a_run_without_refinement_has_no_trace_of_it() {
    let checkpoint = trainer(&["refine=None"], 1).checkpoint();
    assert!(!checkpoint.tensors.keys().any(|name| name.starts_with("critic")), "{:?}", checkpoint.meta);
    assert!(!checkpoint.meta.contains_key("refinements"));
    assert!(!records::text::to_text(&config(&["refine=None"])).unwrap().contains("refine"));
}
