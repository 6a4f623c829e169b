//! NEAT, which needs a network and so is no part of the shared suite.

#![expect(clippy::print_stdout, reason = "what is measured is shown with --nocapture")]

use rand::RngExt as _;
use strategies::bench::{self, BenchArgs};
use strategies::random::{Purpose, Stream};
use strategies::{
    Data, NeatConfig, Real, Search, State, StrategyConfig, StrategyError, Tensor, Topology, WeightBlock,
};

use super::{mean, network, poles, population, step, xor};

/// Two inputs and a bias, two hidden neurons at the most, two outputs.
const SHAPE: [usize; 4] = [2, 1, 2, 2];
const N: usize = 3 * 2 + 3 * 2 + 2 * 2 + 2 * 2 + 2 * 2 + 2 * 2;

/// The same in training: a spiking network, whose readout has a bias, and no way from the inputs but through neurons.
fn spiking() -> Vec<WeightBlock> {
    vec![
        WeightBlock::new("input", "hidden.0", 3, 3),
        WeightBlock::new("bias", "hidden.0", 1, 3),
        WeightBlock::new("hidden.0", "hidden.0", 3, 3),
        WeightBlock::new("hidden.0", "output", 3, 2),
        WeightBlock::new("bias", "output", 1, 2),
    ]
}

fn busy(blocks: Vec<WeightBlock>) -> NeatConfig {
    NeatConfig { population: 30, blocks, add_neuron: 0.2, add_connection: 0.4, ..NeatConfig::default() }
}

fn all() -> Vec<NeatConfig> {
    let plain = busy(network::blocks(SHAPE));
    let forward = NeatConfig { recurrent: 0.0, interspecies: 0.2, threshold: 1.0, ..plain.clone() };
    vec![plain, forward, busy(spiking())]
}

fn parameters(config: &NeatConfig) -> usize {
    config.blocks.iter().map(|block| block.rows * block.columns).sum()
}

fn begin<R: Real>(config: &NeatConfig, seed: u64) -> Search<R> {
    Search::new(config, &vec![0.0; parameters(config)], seed).unwrap()
}

/// Something with several optima that connections matter to.
fn value(x: &[f64]) -> f64 {
    x.iter().enumerate().map(|(i, x)| libm::sin(3.0 * x + i as f64) - 0.01 * x * x).sum()
}

#[test]
fn xor_takes_about_as_many_evaluations_as_in_the_paper() {
    let solved: Vec<xor::Solved> = (1..=50).filter_map(|seed| xor::solve(seed, 300).unwrap()).collect();
    let mean = |of: fn(&xor::Solved) -> f64| solved.iter().map(of).sum::<f64>() / solved.len() as f64;
    let (evaluations, hidden) = (mean(|s| s.evaluations as f64), mean(|s| s.size.0 as f64));
    println!(
        "XOR, {} of 50 seeds: {evaluations} evaluations (4755 in the paper), {hidden} hidden units (2.35)",
        solved.len()
    );
    // Set after the numbers were seen, which are in `results/benchmarks/strategies.md`: to guard against getting worse.
    assert!(solved.len() >= 48, "{}", solved.len());
    assert!(evaluations < 1.7 * 4755.0, "{evaluations}");
    assert!((1.0..4.5).contains(&hidden), "{hidden}");
}

#[test]
#[ignore = "slow: ./tests/run --full"]
fn two_poles_without_velocities_are_balanced() {
    let solved: Vec<poles::Solved> =
        (1..=5).map(|seed| poles::solve(seed, 300).unwrap().expect("a solution")).collect();
    let mean = solved.iter().map(|solved| solved.evaluations as f64).sum::<f64>() / solved.len() as f64;
    println!("double pole balancing without velocities: {solved:?}, {mean} evaluations (33184 in the paper)");
    // The deviation of a run is 21790 in the paper. Seed 6 has no solution in 300 generations.
    assert!(mean < 33_184.0 + 3.0 * 21_790.0 / 5.0_f64.sqrt(), "{mean}");
    assert!(solved.iter().all(|solved| solved.generalisation >= 200 && solved.size.0 <= 20));
}

#[test]
fn networks_begin_as_small_as_possible() {
    let [plain, _, snn] = &all()[..] else { panic!("three") };
    for member in population::<f64>(&mut begin(plain, 1)) {
        // From inputs and bias to outputs: the second and the fourth block.
        let found: Vec<usize> = (0..N).filter(|&i| member[i] != 0.0).collect();
        assert_eq!(found, [4, 5, 6, 7, 10, 11]);
        assert!(member.iter().all(|weight| weight.abs() <= plain.initial));
    }
    let members = population::<f64>(&mut begin(snn, 1));
    for member in &members {
        // One neuron for each output, all inputs to both, and the biases.
        let expected: Vec<usize> = [0, 1, 3, 4, 6, 7, 9, 10].into_iter().chain([21, 24, 27, 28]).collect();
        let found: Vec<usize> = (0..member.len()).filter(|&i| member[i] != 0.0).collect();
        assert_eq!(found, expected);
    }
    assert_ne!(members[0], members[1]);
}

#[test]
fn the_start_is_a_network_too() {
    let config = busy(spiking());
    let mut x0 = vec![0.0; parameters(&config)];
    // Into and out of the second neuron.
    (x0[1], x0[23]) = (0.5, -2.0);
    let mut search: Search = Search::new(&config, &x0, 3).unwrap();
    let members = population(&mut search);
    assert_eq!(members[0], x0);
    for member in &members[1..] {
        let found: Vec<usize> = (0..member.len()).filter(|&i| member[i] != 0.0).collect();
        assert_eq!(found, [1, 23]);
        assert_ne!(member[1], 0.5);
    }
    assert_eq!(search.topology(), Some(Topology { species: 1, connections: 2, neurons: 1 }));
    // What a controller would start at is not asked for.
    assert_eq!(StrategyConfig::Neat(config).start(vec![1.0; 3]), [0.0; 3]);
}

#[test]
fn members_are_the_same_one_by_one_in_batches_and_when_asked_again() {
    fn check<R: Real + Into<f64>>(mut search: Search<R>) {
        let n = search.dimension();
        (0..10).for_each(|_| step(&mut search, value));
        let whole = population(&mut search);
        assert_eq!(whole, population(&mut search), "asked again");
        let mut some = vec![R::default(); 5 * n];
        search.members(3, &mut some);
        assert!(some.iter().zip(whole[3..8].concat()).all(|(&a, b)| a.into() == b));
        step(&mut search, value);
        assert_ne!(whole, population(&mut search), "a new generation has new members");
    }
    for config in all() {
        check::<f64>(begin(&config, 3));
        check::<f32>(begin(&config, 3));
    }
}

#[test]
fn a_restored_search_goes_on_bit_for_bit() {
    fn check<R: Real + Into<f64> + PartialEq + std::fmt::Debug>(config: &NeatConfig) {
        let (mut search, mut resumed) = (begin::<R>(config, 10), begin::<R>(config, 999));
        for generation in 0..40 {
            if generation % 7 == 0 {
                resumed.restore(&search.state()).unwrap();
                assert_eq!(resumed.state(), search.state());
                assert_eq!(resumed.topology(), search.topology());
            }
            assert_eq!(population(&mut search), population(&mut resumed));
            step(&mut search, value);
            step(&mut resumed, value);
        }
        assert_eq!(search.state(), resumed.state());
        assert_eq!(search.best(), resumed.best());
    }
    for config in all() {
        check::<f64>(&config);
        check::<f32>(&config);
    }
}

/// Numbers of the hidden neurons that a member uses in the first shape, and whether a signal can come back.
fn wiring(member: &[f64]) -> (usize, bool) {
    let starts = [0, 2, 3, 5];
    let mut links = Vec::new();
    let mut rest = member;
    for from in 0..4 {
        for to in 2..4 {
            let (block, after) = rest.split_at(SHAPE[from] * SHAPE[to]);
            rest = after;
            let link = |place| (starts[from] + place / SHAPE[to], starts[to] + place % SHAPE[to]);
            links.extend((0..block.len()).filter(|&place| block[place] != 0.0).map(link));
        }
    }
    let used = (3..5).filter(|unit| links.iter().any(|link| link.0 == *unit || link.1 == *unit)).count();
    let mut layer: Vec<usize> = (0..7).collect();
    for _ in 0..8 {
        layer = (0..7).filter(|unit| links.iter().any(|l| l.1 == *unit && layer.contains(&l.0))).collect();
    }
    (used, !layer.is_empty())
}

#[test]
fn networks_grow_as_far_as_there_is_room_and_without_circles_unless_asked_for() {
    let more = |x: &[f64]| x.iter().filter(|x| **x != 0.0).count() as f64;
    for config in &all()[..2] {
        let mut search: Search = begin(config, 4);
        let mut circles = false;
        for _ in 0..60 {
            for member in population(&mut search) {
                let (used, circle) = wiring(&member);
                assert!(used <= 2);
                circles |= circle;
            }
            step(&mut search, more);
        }
        let topology = search.topology().unwrap();
        assert_eq!(topology.neurons, 2, "{topology:?}");
        assert!(topology.connections >= 11 && topology.connections <= N, "{topology:?}");
        assert_eq!(topology.connections as f64, more(&mean(&search)));
        assert_eq!(circles, config.recurrent > 0.0);
        assert!(search.best().unwrap().0 >= topology.connections as f64);
    }
}

#[test]
fn species_multiply_where_little_sets_them_apart() {
    let species = |threshold| {
        let mut search: Search =
            begin(&NeatConfig { threshold, population: 60, ..busy(network::blocks(SHAPE)) }, 6);
        (0..15).for_each(|_| step(&mut search, value));
        search.topology().unwrap().species
    };
    assert_eq!(species(1e9), 1);
    let few = species(6.0);
    let many = species(1.5);
    assert!(few < many && many > 5, "{few} {many}");
}

#[test]
fn whatever_is_told_leaves_a_search_that_can_be_saved() {
    for (seed, config) in (0..).zip(all()) {
        let mut search: Search = begin(&config, seed);
        let mut stream = Stream::new(seed, Purpose::Bench, 0, 0, 0);
        for generation in 0..120 {
            search.ask();
            let draw = |_| match stream.random_range(0..10) {
                0 => f64::NAN,
                1 => f64::INFINITY,
                2 => f64::MAX,
                3 => f64::MIN,
                4 => 5e-324,
                // Long plateaus, and generations in which one member alone has not failed.
                _ if generation % 50 > 10 => 1.0,
                _ => stream.random::<f64>() - 0.5,
            };
            let mut told: Vec<f64> = (0..30).map(draw).collect();
            if generation % 9 == 0 {
                told.fill(f64::NAN);
                told[generation % 30] = -3.0;
            }
            search.tell(&told).unwrap();
            assert_eq!(search.state().check_finite(), Ok(()));
            assert!(search.sigma() > 0.0 && !search.can_diverge());
            let mut again: Search = begin(&config, 0);
            again.restore(&search.state()).unwrap();
        }
        search.ask();
        let before = search.state();
        let failed = search.tell(&[f64::NAN; 30]);
        assert!(matches!(failed, Err(StrategyError::NoFiniteFitness { .. })), "{failed:?}");
        assert_eq!(search.state(), before);
    }
}

#[test]
fn only_ratios_of_fitness_count_and_where_it_is_negative_only_differences() {
    for (lift, change) in [(0.0, -1024.0), (1024.0, 0.0)] {
        for config in all() {
            let (mut plain, mut moved): (Search, Search) = (begin(&config, 7), begin(&config, 7));
            for _ in 0..30 {
                // Multiples of ⅛ around 0, or above it, which no sum rounds.
                let value = |x: &[f64]| (8.0 * value(x)).floor() / 8.0 - 512.0 + lift;
                step(&mut plain, value);
                step(&mut moved, |x| 4.0 * value(x) + change);
            }
            assert_eq!(mean(&plain), mean(&moved));
        }
    }
}

#[test]
fn a_shift_moves_connections_that_are_there() {
    let config = busy(network::blocks(SHAPE));
    let mut search: Search = begin(&config, 8);
    (0..10).for_each(|_| step(&mut search, value));
    let (old, members) = (mean(&search), population(&mut search));
    search.shift(&[0.25; N]).unwrap();
    let moved = |x: f64| if x == 0.0 { 0.0 } else { x + 0.25 };
    assert!(mean(&search).iter().zip(old).all(|(new, old)| *new == moved(old)));
    let new = population(&mut search).concat();
    assert!(new.iter().zip(members.concat()).all(|(new, old)| *new == moved(old)));
}

#[test]
fn what_is_no_network_is_refused_by_name() {
    let block = WeightBlock::new;
    let refused = |blocks: Vec<WeightBlock>, n: usize| {
        let config = NeatConfig { blocks, ..NeatConfig::default() };
        Search::<f64>::new(&config, &vec![0.0; n], 1).err().expect("an error").to_string()
    };
    let cases = [
        (Vec::new(), "`blocks` is [], expected the blocks of weights"),
        (network::blocks([1, 1, 2, 1]), "`blocks` is 15 weights for 5 parameters"),
        (vec![block("input", "output", 0, 1)], "input to output, 0 × 1, expected a row"),
        (vec![block("a", "output", 2, 1), block("a", "output", 3, 1)], "expected one block from a group"),
        (vec![block("a", "b", 2, 1)], "`blocks` is a, b, expected blocks that lead to \"output\""),
        (vec![block("output", "output", 1, 1)], "from a group of inputs to \"output\""),
        (vec![block("input", "output", 2, 1)], "two groups that are connected both directly and through"),
        // A perceptron has no way beside the one through its hidden layer.
        (vec![block("input", "h", 2, 3), block("h", "output", 3, 1)], "both directly and through hidden"),
        (
            ["input", "bias"]
                .map(|from| block(from, "h", 1, 3))
                .into_iter()
                .chain([block("h", "output", 3, 1), block("bias", "output", 1, 1)])
                .collect(),
            "both directly and through hidden",
        ),
    ];
    for (blocks, message) in cases {
        let error = refused(blocks, 5);
        assert!(error.starts_with("strategy neat: `blocks` is ") && error.contains(message), "{error}");
    }
    for (text, message) in [
        ("Neat(population: 1)", "`population` is 1, expected an integer ≥ 2"),
        ("Neat(weights: -1)", "`weights` is -1, expected a finite number ≥ 0"),
        ("Neat(threshold: 0)", "`threshold` is 0, expected a finite number > 0"),
        ("Neat(survivors: 0)", "`survivors` is 0, expected a number > 0, at the most 1"),
        ("Neat(stagnation: 0)", "`stagnation` is 0, expected an integer ≥ 1"),
        ("Neat(add_neuron: 1.5)", "`add_neuron` is 1.5, expected a number from 0 to 1"),
        ("Neat(perturbation: 0)", "`perturbation` is 0, expected a finite number > 0"),
        ("Restarts(of: Neat())", "`of` is Neat, expected a strategy for fixed networks"),
        ("Bounded(of: Neat())", "`of` is Neat, expected a strategy for fixed networks"),
        ("Reevaluated(of: Neat())", "`of` is Neat, expected a strategy for fixed networks"),
        ("Discrete(of: Neat())", "`blocks` is [], expected the blocks of weights"),
    ] {
        let options = ron::Options::default()
            .with_default_extension(ron::extensions::Extensions::UNWRAP_VARIANT_NEWTYPES);
        let error = options.from_str::<StrategyConfig>(text).unwrap().validate().unwrap_err().to_string();
        assert!(error.contains(message), "{text}: {error}");
    }
    let args = BenchArgs {
        strategy: "neat".to_owned(),
        function: "sphere".to_owned(),
        dim: 5,
        population: None,
        x0: None,
        sigma: None,
        seed: 1,
        target: 0.0,
        budget: None,
    };
    let error = bench::run(&args).unwrap_err().to_string();
    assert!(error.contains("only networks have connections to evolve"), "{error}");
}

#[test]
fn blocks_are_told_only_where_the_settings_have_none() {
    let told = StrategyConfig::from_name("neat").unwrap().with_blocks(&spiking());
    assert_eq!(told.blocks(), Some(&spiking()[..]));
    let own = told.with_blocks(&network::blocks(SHAPE));
    assert_eq!(own, told);
    let other = StrategyConfig::from_name("ga").unwrap();
    assert_eq!((other.with_blocks(&spiking()), other.blocks()), (other.clone(), None));
}

#[test]
fn a_state_that_does_not_fit_is_refused_and_changes_nothing() {
    let config = busy(network::blocks(SHAPE));
    let mut other: Search = begin(&config, 11);
    (0..20).for_each(|_| step(&mut other, value));
    let good = other.state();
    let mut search: Search = begin(&config, 12);
    let fresh = search.state();
    for name in good.tensors.keys() {
        let mut broken = good.clone();
        broken.tensors.remove(name);
        let error = search.restore(&broken).unwrap_err().to_string();
        assert_eq!(error, format!("saved search state: `{name}` is missing"));
        assert_eq!(search.state(), fresh, "{name}");
    }
    let change = |name: &str, at: usize, to: f64| {
        let mut broken: State = good.clone();
        match broken.tensors.get_mut(name) {
            Some(Tensor { data: Data::F64(values), .. }) => values[at] = to,
            other => panic!("{name} is {other:?}"),
        }
        broken
    };
    let (genomes, species) = (
        "is no population of networks of this wiring",
        "has species that there are not, or generations to come",
    );
    // No such neuron or group, numbers out of order, too many genes and neurons; no such species, and a generation to come.
    for (name, at, to, problem) in [
        ("genomes.genes", 1, 99.0, genomes),
        ("genomes.genes", 0, 1e6, genomes),
        ("genomes.neurons", 1, 7.0, genomes),
        ("genomes.neurons", 0, 1.0, genomes),
        ("genomes.sizes", 0, 1e9, genomes),
        ("genomes.sizes", 1, 3.0, genomes),
        ("species.of", 3, 1000.0, species),
        ("species.best", 1, 1e6, species),
    ] {
        let error = search.restore(&change(name, at, to)).unwrap_err().to_string();
        assert!(error.ends_with(problem), "{name}: {error}");
        assert_eq!(search.state(), fresh, "{name}");
    }
    let mut wrong = good.clone();
    wrong.integers.insert("population".to_owned(), 1000);
    assert!(search.restore(&wrong).unwrap_err().to_string().contains("is 1000"));
    let mut smaller: Search = begin(&busy(network::blocks([2, 1, 2, 1])), 1);
    assert!(smaller.restore(&good).unwrap_err().to_string().contains("expected ["));
    search.restore(&good).unwrap();
    assert_eq!(search.state(), good);
}
