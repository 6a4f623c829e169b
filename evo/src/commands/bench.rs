//! `evo bench`: how fast the parts are, on this machine, now.

use std::sync::Arc;
use std::time::{Duration, Instant};

use envs::Envs;
use numerics::Instructions;
use records::failure::{Blame, Failure};
use rustix::time::{ClockId, clock_gettime};
use serde::Serialize;
use snn::{Activity, BackendError, Controller, ControllerConfig, Evaluator};
use strategies::bench::{self, BenchArgs};
use strategies::random::{Purpose, Stream};
use training::backend::{Backend, BackendChoice};
use training::learner::Learner as _;
use training::random_actions::{RandomActions, unit};
use training::rollout::RolloutError;
use training::setup::{Setup, pool};
use training::trainer::Trainer;

use super::job::read_stage;
use crate::cli::{BenchController, BenchPhysics, BenchRollout, BenchStrategy};
use crate::commands::common::{task, warn_of_blow_ups, warn_of_robot};
use crate::out;

/// Processor seconds of this process, all threads.
fn cpu_s() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

#[derive(Serialize)]
struct PhysicsReport {
    env: &'static str,
    engine: &'static str,
    threads: usize,
    control_steps_per_s: f64,
    control_steps_per_cpu_s: f64,
    control_dt: f64,
    substeps: usize,
    iterations: usize,
    /// Episodes in all, and those that ended because the physics blew up.
    episodes: u64,
    blow_ups: u64,
    /// `None` if the engine does not tell.
    solver_residual: Option<Residual>,
}

/// [Solver residuals](sim::Worlds::solver_residual) of many worlds under random actions.
#[derive(Serialize)]
struct Residual {
    median: f64,
    /// Nine in ten are smaller.
    high: f64,
}

/// Control steps between looks at the solver's residuals, and the number of looks.
const LOOKS: (usize, usize) = (10, 20);

impl Residual {
    /// In further steps, which are not timed.
    fn of(batch: &mut RandomActions) -> Option<Self> {
        if batch.solver_residuals().is_empty() {
            return None;
        }
        let mut residuals = Vec::new();
        for _ in 0..LOOKS.1 {
            batch.step(LOOKS.0);
            residuals.extend(batch.solver_residuals());
        }
        residuals.sort_unstable_by(f32::total_cmp);
        let at = |share: usize| f64::from(residuals[residuals.len() * share / 10]);
        Some(Self { median: at(5), high: at(9) })
    }
}

/// Random actions, episodes reset when they end.
pub(super) fn physics(args: &BenchPhysics) -> Result<(), Failure> {
    let task = task(&args.task)?;
    let spec = task.spec();
    warn_of_robot(task.model());
    let options = task.physics(args.engine.resolve(task.model()).0, envs::Fidelity::Default);
    // As many worlds per thread as in training.
    let batch = options.engine.batch();
    let pool = pool(args.threads.unwrap_or(0)).run()?;
    // Built before the clock starts.
    let made: Result<Vec<RandomActions>, envs::EnvError> = (0..pool.current_num_threads())
        .map(|thread| {
            let envs = Envs::new(Arc::clone(&task), batch, options, spec.horizon)?;
            Ok(RandomActions::new(Arc::clone(&task), envs, thread as u64))
        })
        .collect();
    let batches: Vec<std::sync::Mutex<RandomActions>> = made.usage()?.into_iter().map(Into::into).collect();
    let (wall, cpu) = (Instant::now(), cpu_s());
    let limit = Duration::from_secs_f64(args.seconds);
    let counts = pool.broadcast(|context| {
        let mut batch_of_worlds = batches[context.index()].lock().expect("one thread per batch");
        let mut rounds = 0_u64;
        while rounds == 0 || wall.elapsed() < limit {
            batch_of_worlds.step(64);
            rounds += 64;
        }
        [rounds * batch as u64, batch_of_worlds.episodes(), batch_of_worlds.blow_ups()]
    });
    let (wall, cpu) = (wall.elapsed().as_secs_f64(), cpu_s() - cpu);
    let solver_residual =
        batches.first().and_then(|b| Residual::of(&mut b.lock().expect("one thread per batch")));
    let [steps, episodes, blow_ups] = [0, 1, 2].map(|k| counts.iter().map(|count| count[k]).sum::<u64>());
    let steps = steps as f64;
    let report = PhysicsReport {
        env: spec.name,
        engine: options.engine.name(),
        threads: counts.len(),
        control_steps_per_s: steps / wall,
        control_steps_per_cpu_s: steps / cpu,
        control_dt: options.control_dt(),
        substeps: options.substeps,
        iterations: options.iterations,
        episodes,
        blow_ups,
        solver_residual,
    };
    warn_of_blow_ups(blow_ups as usize, &format!("{episodes} episodes"));
    if args.json {
        return out::json(&report);
    }
    let residual = report.solver_residual.as_ref().map_or_else(String::new, |residual| {
        format!(", solver residual {:.1e}, in one of ten above {:.1e}", residual.median, residual.high)
    });
    out::line(&format!(
        "{} in {}: {:.0} control steps/s on {} threads, {:.0} per CPU second ({} s × {}, {} iterations{residual})",
        report.env,
        report.engine,
        report.control_steps_per_s,
        report.threads,
        report.control_steps_per_cpu_s,
        options.timestep,
        report.substeps,
        report.iterations
    ));
    Ok(())
}

#[derive(Serialize)]
struct ControllerReport {
    controller: String,
    population: usize,
    backend: &'static str,
    threads: usize,
    /// Of those that controllers are compiled for.
    instructions: &'static str,
    controller_steps_per_s: f64,
    controller_steps_per_cpu_s: f64,
    spike_rate: f64,
}

/// Random observations for a population of random individuals, each with weights of its own.
pub(super) fn controller(args: &BenchController) -> Result<(), Failure> {
    let (_, mut config) = read_stage(&args.config, args.stage.as_deref())?;
    if let (Some(precision), ControllerConfig::Snn(snn)) = (args.precision, &mut config.controller) {
        snn.precision = precision;
    }
    // Before anything is chosen by it.
    let instructions = args.instructions.unwrap_or(Instructions::Avx512Count).limit();
    let setup = Setup::new(&config).usage()?;
    let network = &setup.controller;
    let pool = pool(args.threads.unwrap_or(0)).run()?;
    let threads = pool.current_num_threads();
    let (backend, _) =
        BackendChoice::from(args.backend).resolve(network, args.population, threads).usage()?;
    let limit = Duration::from_secs_f64(args.seconds);
    let results: Result<Vec<Measured>, BackendError> = match &backend {
        Backend::Cpu => {
            let per = args.population.div_ceil(threads);
            let run = |context: rayon::BroadcastContext<'_>| {
                let first = context.index() * per;
                let slots = per.min(args.population.saturating_sub(first));
                measure(network.as_ref(), network.evaluator(slots), first, limit, thread_cpu_s)
            };
            pool.broadcast(run).into_iter().collect()
        }
        Backend::Gpu(gpu) => {
            let evaluator = network.gpu_evaluator(gpu, args.population);
            let evaluator = evaluator.ok_or(RolloutError::NoKernel).usage()?.usage()?;
            // Encoders and decoders run on these threads.
            pool.install(|| measure(network.as_ref(), evaluator, 0, limit, cpu_s))
                .map(|measured| vec![measured])
        }
    };
    let results = results.run()?;
    let mut activity = Activity::default();
    results.iter().for_each(|r| activity.merge(&r.activity));
    let per_s = |r: &Measured| r.steps as f64 / r.wall_s;
    let report = ControllerReport {
        controller: network.describe(),
        population: args.population,
        backend: backend.name(),
        threads,
        instructions: instructions.name(),
        controller_steps_per_s: results.iter().filter(|r| r.steps > 0).map(per_s).sum(),
        controller_steps_per_cpu_s: results.iter().map(|r| r.steps as f64).sum::<f64>()
            / results.iter().map(|r| r.cpu_s).sum::<f64>(),
        spike_rate: activity.spike_rate(),
    };
    if args.json {
        return out::json(&report);
    }
    out::line(&format!(
        "{} on {}: {:.0} controller steps/s for {} individuals on {} threads, {:.0} per CPU second, spike \
         rate {:.3}",
        report.controller,
        report.backend,
        report.controller_steps_per_s,
        report.population,
        report.threads,
        report.controller_steps_per_cpu_s,
        report.spike_rate
    ));
    Ok(())
}

struct Measured {
    steps: u64,
    wall_s: f64,
    cpu_s: f64,
    activity: Activity,
}

/// Steps all individuals of `evaluator`, of which the first is number `first`, for a while.
fn measure(
    network: &dyn Controller,
    mut evaluator: Box<dyn Evaluator>,
    first: usize,
    limit: Duration,
    clock: fn() -> f64,
) -> Result<Measured, BackendError> {
    let slots = evaluator.slots();
    for slot in 0..slots {
        let mut stream = Stream::new(1, Purpose::Bench, 0, (first + slot) as u64, 0);
        // The initial readout is zero, which would leave its part of the work untouched.
        let mut parameters = network.initial(&mut stream);
        parameters.iter_mut().filter(|p| **p == 0.0).for_each(|p| *p = unit(&mut stream));
        evaluator.load(slot, &parameters);
        evaluator.reset(slot, slot as u64);
    }
    let mut stream = Stream::new(1, Purpose::Bench, 1, first as u64, 0);
    let observations: Vec<f32> = (0..slots * network.inputs()).map(|_| unit(&mut stream)).collect();
    let mut actions = vec![0.0; slots * network.outputs()];
    let active = vec![true; slots];
    if slots > 0 {
        // Kernels are compiled at the first step.
        evaluator.step(&active, &observations, &mut actions)?;
    }
    let (began, cpu) = (Instant::now(), clock());
    let mut rounds = 0u64;
    while slots > 0 && began.elapsed() < limit {
        evaluator.step(&active, &observations, &mut actions)?;
        rounds += 1;
    }
    let (wall_s, cpu_s) = (began.elapsed().as_secs_f64(), clock() - cpu);
    let mut activity = Activity::default();
    (0..slots).for_each(|slot| activity.merge(&evaluator.activity(slot)));
    Ok(Measured { steps: rounds * slots as u64, wall_s, cpu_s, activity })
}

/// Processor seconds of the calling thread.
fn thread_cpu_s() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

/// A strategy on a test function.
pub(super) fn strategy(args: &BenchStrategy) -> Result<(), Failure> {
    let report = bench::run(&BenchArgs {
        strategy: args.strategy.clone(),
        function: args.function.clone(),
        dim: args.dim,
        population: args.population,
        x0: args.x0,
        sigma: args.sigma,
        seed: args.seed,
        target: args.target,
        budget: args.budget,
    })
    .usage()?;
    if args.json {
        return out::json(&report);
    }
    out::line(&format!(
        "{} on {} ({}): best {:e} after {} evaluations, {} {:e}; {:.3} ms per generation",
        args.strategy,
        args.function,
        args.dim,
        report.best,
        report.evaluations,
        if report.reached { "reached" } else { "did not reach" },
        args.target,
        report.ms_per_generation
    ));
    Ok(())
}

#[derive(Serialize)]
struct Share {
    physics: f64,
    controller: f64,
    strategy: f64,
    other: f64,
}

/// The same by stage: all add up to 1.
#[derive(Serialize)]
struct Stages {
    /// The engine, with its sensors.
    physics: f64,
    /// Clipping, rewards, observations and resets of the task.
    task: f64,
    /// Normalisation and sums of observations.
    normalizer: f64,
    /// Loading of parameters, encoder, network, decoder.
    network: f64,
    /// Noise and scaling of actions.
    actions: f64,
    /// Sums of rewards, and episodes that begin or end.
    episodes: f64,
    strategy: f64,
    /// What is left: threads that wait for others.
    other: f64,
}

#[derive(Serialize)]
struct RolloutReport {
    engine: &'static str,
    control_steps_per_s: f64,
    first_generation_s: f64,
    peak_memory_mb: f64,
    share: Share,
    stages: Stages,
    threads: usize,
    generations: u64,
    /// Episodes that ended because the physics blew up.
    blow_ups: u64,
}

/// The whole loop of a config, without files.
pub(super) fn rollout(args: &BenchRollout) -> Result<(), Failure> {
    let (_, mut config) = read_stage(&args.config, args.stage.as_deref())?;
    if let Some(engine) = args.engine {
        config = config.on_engine(engine).usage()?;
    }
    let mut trainer = Trainer::new(&config, args.threads.unwrap_or(0), args.backend.into()).usage()?;
    let began = Instant::now();
    let mut first_generation_s = None;
    while began.elapsed().as_secs_f64() < args.seconds || first_generation_s.is_none() {
        trainer.advance().run()?;
        first_generation_s.get_or_insert_with(since_process_start);
    }
    let wall = began.elapsed().as_secs_f64();
    let threads = trainer.threads() as f64;
    let times = trainer.times();
    let (physics, controller) = (times.envs_s / threads / wall, times.controller_s / threads / wall);
    let strategy = times.strategy_s / threads / wall + (wall - trainer.rollout_s()) / wall;
    let part = |seconds: f64| seconds / threads / wall;
    let stages = Stages {
        physics: part(times.physics_s),
        task: part(times.envs_s - times.physics_s),
        normalizer: part(times.normalizer_s),
        network: part(times.controller_s - times.normalizer_s),
        actions: part(times.actions_s),
        episodes: part(times.episodes_s),
        strategy,
        other: 1.0 - physics - controller - part(times.actions_s + times.episodes_s) - strategy,
    };
    let report = RolloutReport {
        engine: trainer.setup().options.engine.name(),
        control_steps_per_s: trainer.env_steps() as f64 / wall,
        first_generation_s: first_generation_s.unwrap_or(wall),
        peak_memory_mb: peak_memory_mb().unwrap_or(f64::NAN),
        share: Share { physics, controller, strategy, other: 1.0 - physics - controller - strategy },
        stages,
        threads: trainer.threads(),
        generations: trainer.generation(),
        blow_ups: trainer.blow_ups(),
    };
    warn_of_robot(trainer.setup().task.model());
    warn_of_blow_ups(
        report.blow_ups as usize,
        &format!("all episodes of {} generations", report.generations),
    );
    if args.json {
        return out::json(&report);
    }
    out::line(&format!(
        "{}: {:.0} control steps/s on {} threads; first generation after {:.2} s; peak memory {:.0} MB; \
         physics {:.1} %, controller {:.1} %, strategy {:.1} %, other {:.1} %",
        report.engine,
        report.control_steps_per_s,
        report.threads,
        report.first_generation_s,
        report.peak_memory_mb,
        100.0 * physics,
        100.0 * controller,
        100.0 * strategy,
        100.0 * report.share.other
    ));
    Ok(())
}

/// Seconds since this process started.
fn since_process_start() -> f64 {
    let from_kernel = || -> Option<f64> {
        let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
        // Field 22, counted after the command name, which may hold spaces; in ticks of 1/100 s.
        let ticks: f64 = stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()?;
        let uptime = std::fs::read_to_string("/proc/uptime").ok()?;
        let uptime: f64 = uptime.split_whitespace().next()?.parse().ok()?;
        Some(uptime - ticks / 100.0)
    };
    // Elsewhere: processor time, a lower bound.
    from_kernel().unwrap_or_else(cpu_s)
}

/// Largest resident set of this process so far.
fn peak_memory_mb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib / 1024.0)
}
