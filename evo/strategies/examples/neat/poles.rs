//! Two poles on a cart, whose velocities the network does not know: section 4.3.4 of the paper.

use strategies::{NeatConfig, Search, StrategyError};

use crate::network::{self, Network, shape};

/// The position and both angles are known.
const SHAPE: [usize; 4] = shape(3, 20);
/// Of the cart, and of both poles with half their lengths, in kg and m.
const CART: f64 = 1.0;
const POLES: [(f64, f64); 2] = [(0.1, 0.5), (0.01, 0.05)];
/// Of a hinge.
const FRICTION: f64 = 0.000_002;
const GRAVITY: f64 = -9.8;
/// Largest force, N, and length of an integration step, s; two of these are a step of the network.
const FORCE: f64 = 10.0;
const TAU: f64 = 0.01;
/// A run fails beyond these, m and rad.
const TRACK: f64 = 2.4;
const ANGLE: f64 = 0.628_329;
/// First angle of the long pole, rad: 4.5° in the paper, 0.07 in its authors' program.
const START: f64 = 0.07;

/// Position and velocity of the cart, then angle and angular velocity of each pole.
type State = [f64; 6];

/// Its derivatives under a force: equations of Wieland, "Evolving Controls for Unstable Systems" (1990).
fn derivatives(state: &State, force: f64) -> State {
    let (mut forces, mut mass) = (force, CART);
    let mut parts = [(0.0, 0.0); 2];
    for (index, (m, half)) in POLES.into_iter().enumerate() {
        let (angle, speed) = (state[2 + 2 * index], state[3 + 2 * index]);
        let (sin, cos) = (libm::sin(angle), libm::cos(angle));
        let pull = GRAVITY * sin + FRICTION * speed / (m * half);
        forces += m * half * speed * speed * sin + 0.75 * m * cos * pull;
        mass += m * (1.0 - 0.75 * cos * cos);
        parts[index] = (cos, pull);
    }
    let acceleration = forces / mass;
    let turn = |index: usize| {
        let (cos, pull) = parts[index];
        -0.75 * (acceleration * cos + pull) / POLES[index].1
    };
    [state[1], acceleration, state[3], turn(0), state[5], turn(1)]
}

/// A step of the fourth-order Runge-Kutta method.
fn integrate(state: &mut State, force: f64) {
    let at = |slope: &State, h: f64| std::array::from_fn(|i| state[i] + h * slope[i]);
    let first = derivatives(state, force);
    let second = derivatives(&at(&first, 0.5 * TAU), force);
    let third = derivatives(&at(&second, 0.5 * TAU), force);
    let fourth = derivatives(&at(&third, TAU), force);
    for i in 0..6 {
        state[i] += TAU / 6.0 * (first[i] + 2.0 * (second[i] + third[i]) + fourth[i]);
    }
}

fn balances(state: &State) -> bool {
    state[0].abs() <= TRACK && state[2].abs() <= ANGLE && state[4].abs() <= ANGLE
}

/// Balances for so many steps at the most; `each` sees the states after them. Returns the steps without a failure.
fn run(network: &mut Network, start: State, most: usize, mut each: impl FnMut(&State)) -> usize {
    let mut state = start;
    network.reset();
    for step in 0..most {
        let output = network.step(&[state[0] / 4.8, state[2] / 0.52, state[4] / 0.52, 0.5]);
        let force = (2.0 * output - 1.0) * FORCE;
        integrate(&mut state, force);
        integrate(&mut state, force);
        each(&state);
        if !balances(&state) {
            return step;
        }
    }
    most
}

const FIRST: State = [0.0, 0.0, START, 0.0, 0.0, 0.0];

/// Of Gruau et al. 1996: 0.1 t/1000 + 0.9 · 0.75 / Σ (|x| + |ẋ| + |θ| + |θ̇|) over the last 100 of t steps, so that swinging
/// to and fro is worth less. The second part is for t > 100 alone. Also gives t.
fn fitness(network: &mut Network) -> (f64, usize) {
    let mut swings = Vec::new();
    let steps = run(network, FIRST, 1000, |state| {
        swings.push(state[..4].iter().map(|x| x.abs()).sum::<f64>());
    });
    let damped = if steps > 100 { 0.75 / swings[steps - 100..steps].iter().sum::<f64>() } else { 0.0 };
    (0.1 * steps as f64 / 1000.0 + 0.9 * damped, steps)
}

/// From how many of 625 starts it balances for 1000 steps.
fn generalisation(network: &mut Network) -> usize {
    let parts = [0.05, 0.25, 0.5, 0.75, 0.95];
    // Position, velocity, angle and angular velocity: m, m/s, and rad of 3.6° and 8.6°.
    let ranges = [2.16, 1.35, 0.062_831_52, 0.150_097_52];
    let start = |index: usize| {
        let value = |k: usize| ranges[k] * (2.0 * parts[index / 5_usize.pow(k as u32) % 5] - 1.0);
        [value(0), value(1), value(2), value(3), 0.0, 0.0]
    };
    (0..625).filter(|&index| run(network, start(index), 1000, |_| {}) == 1000).count()
}

/// How a search went.
#[derive(Clone, Copy, Debug)]
pub struct Solved {
    /// Up to the end of the generation with the solution.
    pub evaluations: u64,
    /// Of 625.
    pub generalisation: usize,
    /// Hidden units and connections of the solution.
    pub size: (usize, usize),
}

/// Searches for a network that balances for 100,000 steps, and for 1000 steps from 200 of the 625 starts, for so many
/// generations at the most. The best member of a generation is tested if it is better than the ones tested before.
/// Settings are the paper's, and of its authors' program where it has none.
pub fn solve(seed: u64, generations: u64) -> Result<Option<Solved>, StrategyError> {
    let settings = NeatConfig {
        population: 1000,
        blocks: network::blocks(SHAPE),
        weights: 3.0,
        threshold: 4.0,
        add_neuron: 0.03,
        add_connection: 0.3,
        recurrent: 0.2,
        perturbation: 1.8,
        ..NeatConfig::default()
    };
    let n = settings.blocks.iter().map(|block| block.rows * block.columns).sum();
    let mut search: Search = Search::new(&settings, &vec![0.0; n], seed)?;
    let (mut members, mut tested) = (Vec::new(), 0.0);
    for _ in 0..generations {
        search.ask();
        search.population_matrix(&mut members);
        let mut networks: Vec<Network> = members.chunks(n).map(|x| Network::new(SHAPE, x)).collect();
        let scores: Vec<(f64, usize)> = networks.iter_mut().map(fitness).collect();
        search.tell(&scores.iter().map(|score| score.0).collect::<Vec<_>>())?;
        let best = (0..scores.len()).fold(0, |best, i| if scores[i].0 > scores[best].0 { i } else { best });
        if scores[best].1 < 1000 || scores[best].0 <= tested {
            continue;
        }
        tested = scores[best].0;
        let champion = &mut networks[best];
        if run(champion, FIRST, 100_000, |_| {}) < 100_000 {
            continue;
        }
        let generalisation = generalisation(champion);
        if generalisation >= 200 {
            let (evaluations, size) = (search.evaluations(), champion.size());
            return Ok(Some(Solved { evaluations, generalisation, size }));
        }
    }
    Ok(None)
}
