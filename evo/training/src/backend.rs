//! Where controllers run: on the CPU, or in a kernel on a graphics adapter.

use std::sync::Arc;
use std::time::Instant;

use snn::{BackendError, Controller, Evaluator, Gpu};
use strategies::random::{Purpose, Stream};

use crate::rollout::error::RolloutError;

/// What the user asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BackendChoice {
    /// Measures for a moment and takes the faster one.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// A graphics adapter.
    Gpu,
}

/// Where controllers run.
#[derive(Clone, Default)]
pub enum Backend {
    /// In the threads that step the worlds.
    #[default]
    Cpu,
    /// In one kernel per control step of half a population.
    Gpu(Gpu),
}

impl Backend {
    /// Name in reports.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Gpu(_) => "gpu",
        }
    }
}

/// Most parameters that are loaded to measure: 256 MiB of them.
const MEASURED: usize = 1 << 26;

/// No answer from an adapter comes sooner.
const ROUND_TRIP_S: f64 = 200e-6;

impl BackendChoice {
    /// The backend for `population` individuals of `controller` with `threads` threads, and why.
    /// Results do not depend on it: `Auto` never takes an adapter for a precision whose spikes may
    /// differ there.
    ///
    /// # Errors
    /// If an adapter is asked for and there is none, or it refuses.
    pub fn resolve(
        self,
        controller: &Arc<dyn Controller>,
        population: usize,
        threads: usize,
    ) -> Result<(Backend, String), RolloutError> {
        match self {
            Self::Cpu => Ok((Backend::Cpu, "as requested".into())),
            Self::Gpu => {
                let gpu = Gpu::open()?;
                // Fails here rather than after the first worlds have been made.
                drop(controller.gpu_evaluator(&gpu, 1).ok_or(RolloutError::NoKernel)??);
                let reason = format!("as requested: {}", gpu.name());
                Ok((Backend::Gpu(gpu), reason))
            }
            Self::Auto => Ok(automatic(controller, population, threads)),
        }
    }
}

fn automatic(controller: &Arc<dyn Controller>, population: usize, threads: usize) -> (Backend, String) {
    let cpu = |reason: String| (Backend::Cpu, reason);
    if !controller.same_on_gpu() {
        return cpu("its results would differ on a graphics adapter".into());
    }
    let affordable = MEASURED / controller.layout().len().max(1);
    let slots = population.min(16).min(affordable).max(1);
    let own = time(controller, controller.evaluator(slots)).unwrap_or(f64::INFINITY);
    let own = own * population as f64 / (slots * threads.max(1)) as f64;
    let micro = |seconds: f64| format!("{:.0} µs", seconds * 1e6);
    if own < ROUND_TRIP_S {
        return cpu(format!(
            "a control step of all controllers takes {} there, less than a GPU needs to answer",
            micro(own)
        ));
    }
    let gpu = match Gpu::open() {
        Ok(gpu) => gpu,
        Err(error) => return cpu(error.to_string()),
    };
    if gpu.is_software() {
        return cpu(format!("the only graphics adapter, {}, is a CPU itself", gpu.name()));
    }
    let other = match controller.gpu_evaluator(&gpu, population) {
        None => return cpu("this controller has no kernel".into()),
        Some(Err(error)) => return cpu(error.to_string()),
        Some(Ok(evaluator)) => match time(controller, evaluator) {
            Ok(other) => other,
            Err(error) => return cpu(error.to_string()),
        },
    };
    let told = format!(
        "a control step of all controllers takes {} on {}, {} on the CPU",
        micro(other),
        gpu.name(),
        micro(own)
    );
    if other < own { (Backend::Gpu(gpu), told) } else { cpu(told) }
}

/// Seconds for a control step of all slots: the best of a few, after one to warm up.
fn time(controller: &Arc<dyn Controller>, mut evaluator: Box<dyn Evaluator>) -> Result<f64, BackendError> {
    let slots = evaluator.slots();
    let mut parameters = controller.initial(&mut Stream::new(0, Purpose::Bench, 0, 0, 0));
    // The initial readout is zero; real ones are not.
    parameters.iter_mut().filter(|p| **p == 0.0).for_each(|p| *p = 0.1);
    for slot in 0..slots {
        evaluator.load(slot, &parameters);
        evaluator.reset(slot, 0);
    }
    let mut actions = vec![0.0; slots * controller.outputs()];
    let observations = vec![0.5; slots * controller.inputs()];
    let active = vec![true; slots];
    let mut best = f64::INFINITY;
    for _ in 0..6 {
        let began = Instant::now();
        evaluator.step(&active, &observations, &mut actions)?;
        best = best.min(began.elapsed().as_secs_f64());
    }
    Ok(best)
}
