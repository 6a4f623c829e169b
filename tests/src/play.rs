//! Random play on the reference robots, for stability and speed.

use std::collections::BTreeMap;

use rand::Rng as _;
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};
use sim::{SimError, StepOptions, Worlds};
use strategies::random::{Purpose, Stream};

use crate::data;
use crate::reference::{Part, Reference};

/// How controls are drawn, anew in every control step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Controls {
    /// Evenly over the actuator's range.
    Uniform,
    /// One end of the range or the other.
    BangBang,
}

impl Controls {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Uniform, Self::BangBang];

    /// Key in `envelope.json`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Uniform => "uniform",
            Self::BangBang => "bang_bang",
        }
    }

    /// Fills `controls`, `[world][actuator]`.
    fn draw(self, robot: &Reference, stream: &mut Stream, controls: &mut [f32]) {
        for world in controls.chunks_mut(robot.model.nu()) {
            for (control, actuator) in world.iter_mut().zip(&robot.model.actuators) {
                let [low, high] = actuator.ctrlrange.map(|x| x as f32);
                let unit = match self {
                    Self::Uniform => (stream.next_u32() >> 8) as f32 / (1 << 24) as f32,
                    Self::BangBang => (stream.next_u32() >> 31) as f32,
                };
                *control = low + unit * (high - low);
            }
        }
    }
}

/// Extremes over all worlds and control steps.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Envelope {
    /// Largest rate of a joint, rad/s.
    pub joint_rate: f64,
    /// Largest linear velocity of a root along one axis, m/s.
    pub root_speed: f64,
    /// Largest angular velocity of a root about one axis, rad/s.
    pub root_spin: f64,
    /// Lowest and highest value of a root's height coordinate, m; `None` without one.
    pub height: Option<[f64; 2]>,
}

impl Envelope {
    const EMPTY: Self = Self { joint_rate: 0.0, root_speed: 0.0, root_spin: 0.0, height: None };

    fn add(&mut self, robot: &Reference, qpos: &[f32], qvel: &[f32]) {
        for (part, rate) in robot.rates.iter().zip(qvel) {
            let slot = match part {
                Part::Joint => &mut self.joint_rate,
                Part::RootPlace | Part::RootHeight => &mut self.root_speed,
                Part::RootTurn => &mut self.root_spin,
            };
            *slot = slot.max(f64::from(rate.abs()));
        }
        let heights = robot.positions.iter().zip(qpos).filter(|(part, _)| **part == Part::RootHeight);
        for height in heights.map(|(_, z)| f64::from(*z)) {
            self.merge(&Self { height: Some([height; 2]), ..Self::EMPTY });
        }
    }

    fn merge(&mut self, other: &Self) {
        self.joint_rate = self.joint_rate.max(other.joint_rate);
        self.root_speed = self.root_speed.max(other.root_speed);
        self.root_spin = self.root_spin.max(other.root_spin);
        self.height = match (self.height, other.height) {
            (Some(a), Some(b)) => Some([a[0].min(b[0]), a[1].max(b[1])]),
            (a, b) => a.or(b),
        };
    }
}

/// MuJoCo's own random play of one robot and kind of controls, see `data/physics/SOURCE.md`.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct MujocoPlay {
    /// Number of worlds.
    pub worlds: usize,
    /// How many of them blew up; the envelope is that of the others.
    pub bad: usize,
    /// Their extremes.
    #[serde(flatten)]
    pub envelope: Envelope,
}

/// MuJoCo's random play by robot and [`Controls::name`].
///
/// # Panics
/// If the data are damaged.
#[must_use]
pub fn mujoco() -> BTreeMap<String, BTreeMap<String, MujocoPlay>> {
    let text = std::fs::read_to_string(data("physics/envelope.json")).expect("reference data");
    serde_json::from_str(&text).expect("reference data are JSON")
}

/// What happened in [`stability`].
#[derive(Clone, Debug)]
pub struct Stability {
    /// Extremes of the worlds that did not blow up.
    pub envelope: Envelope,
    /// Worlds that were flagged as `bad` at any time.
    pub bad: Vec<usize>,
    /// Worlds with a coordinate that was not finite although they were not flagged.
    pub not_finite: Vec<usize>,
}

/// Plays `steps` control steps in `worlds` worlds from the reference's start, without resets.
///
/// # Errors
/// [`SimError::Unsupported`] if the engine refuses the model.
pub fn stability(
    robot: &Reference,
    options: StepOptions,
    controls: Controls,
    worlds: usize,
    steps: usize,
) -> Result<Stability, SimError> {
    let mut batch = Worlds::new(&robot.model, worlds, options, &[])?;
    for world in 0..worlds {
        start(robot, &mut batch, world);
    }
    let mut stream = Stream::new(1, Purpose::Bench, 0, 0, 0);
    let mut control = vec![0.0; worlds * robot.model.nu()];
    let mut active = vec![true; worlds];
    let (mut bad, mut not_finite) = (Vec::new(), Vec::new());
    let mut envelopes = vec![Envelope::EMPTY; worlds];
    for _ in 0..steps {
        controls.draw(robot, &mut stream, &mut control);
        batch.step(&active, &control);
        for (world, envelope) in envelopes.iter_mut().enumerate() {
            let view = batch.view(world);
            let finite = view.qpos.iter().chain(view.qvel).all(|x| x.is_finite());
            if !active[world] {
                continue;
            }
            bad.extend(batch.bad(world).then_some(world));
            // A world that is flagged has no state to speak of.
            not_finite.extend((!finite && !batch.bad(world)).then_some(world));
            active[world] = finite && !batch.bad(world);
            envelope.add(robot, view.qpos, view.qvel);
        }
    }
    let mut envelope = Envelope::EMPTY;
    for (one, _) in envelopes.iter().zip(&active).filter(|(_, whole)| **whole) {
        envelope.merge(one);
    }
    Ok(Stability { envelope, bad, not_finite })
}

fn start(robot: &Reference, batch: &mut Worlds, world: usize) {
    let first = &robot.cases[0].euler;
    let narrow = |row: &[f64]| row.iter().map(|&x| x as f32).collect::<Vec<f32>>();
    batch.reset(world, &narrow(&first.qpos[0]), &narrow(&first.qvel[0]));
}

/// Control steps after which a world starts anew in [`speed`].
pub const EPISODE: usize = 200;

/// Control steps per processor second on one thread: uniform controls drawn beforehand, every world
/// starts anew after [`EPISODE`] control steps, at staggered times, or when it blew up.
///
/// # Errors
/// [`SimError::Unsupported`] if the engine refuses the model.
///
/// # Panics
/// If the system refuses a thread.
pub fn speed(robot: &Reference, options: StepOptions, worlds: usize, seconds: f64) -> Result<f64, SimError> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("one thread");
    // Everything, the engine's own parallel loops too, runs on the pool's only thread.
    pool.install(|| {
        let mut batch = Worlds::new(&robot.model, worlds, options, &[])?;
        let mut ages: Vec<usize> = (0..worlds).map(|world| world * EPISODE / worlds).collect();
        for world in 0..worlds {
            start(robot, &mut batch, world);
        }
        let nu = robot.model.nu();
        let mut controls = vec![0.0; 61 * worlds * nu];
        Controls::Uniform.draw(robot, &mut Stream::new(1, Purpose::Bench, 0, 0, 0), &mut controls);
        let active = vec![true; worlds];
        let rounds = controls.chunks(worlds * nu).cycle();
        let (began, mut done) = (thread_cpu_s(), 0);
        for control in rounds {
            batch.step(&active, control);
            done += worlds;
            for (world, age) in ages.iter_mut().enumerate() {
                *age += 1;
                if *age >= EPISODE || batch.bad(world) {
                    *age = 0;
                    start(robot, &mut batch, world);
                }
            }
            if thread_cpu_s() - began > seconds {
                break;
            }
        }
        Ok(done as f64 / (thread_cpu_s() - began))
    })
}

/// Processor seconds of the calling thread.
fn thread_cpu_s() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}
