//! Networks in continuous time as NIR: the time step is one that keeps their spikes.

use std::path::Path;

use anyhow::{Context as _, anyhow};
use records::failure::{Blame, Failure};
use snn::ControllerConfig;
use snn::events::{EventsConfig, InTicks, Kept};
use snn::nir::{Array, Data, Exported, Graph, Value};
use training::evaluate::run_observed;
use training::gradient::FinetuneConfig;
use training::gradient::labels::Classifier;
use training::nir_export;

use crate::cli::NirExport;
use crate::commands::common::{FRESH_SEED, Trained, load_checkpoint};

/// Control steps of an episode, or frames of samples, on which ticks are compared with continuous time; one sample at
/// least.
const COMPARED: usize = 100;

/// How the time step is found.
#[derive(Clone, Copy)]
pub(super) struct Step {
    /// Seconds per tick; none: the longest that keeps the spikes.
    pub(super) dt: Option<f64>,
    /// Spikes that may differ, per spike.
    pub(super) differences: f64,
}

impl Default for Step {
    fn default() -> Self {
        Self { dt: None, differences: 0.01 }
    }
}

impl Step {
    pub(super) fn of(args: &NirExport) -> Self {
        Self { dt: args.dt, differences: args.differences.unwrap_or(Self::default().differences) }
    }
}

/// The settings of a network in continuous time, if the controller is one.
pub(super) fn events(controller: &ControllerConfig) -> Option<&EventsConfig> {
    match controller {
        ControllerConfig::Events(config) => Some(config),
        _ => None,
    }
}

/// The controller of a run in a world, in ticks, and what they keep of its spikes in words.
pub(super) fn of_world(
    (trained, config): (&Trained, &EventsConfig),
    source: &Path,
    step: Step,
) -> Result<(Exported, String), Failure> {
    let (setup, policy) = (&trained.setup, &trained.policy);
    let spec = setup.task.spec();
    let mut rows: Vec<f32> = Vec::new();
    let rollout = setup.rollout(COMPARED.min(spec.horizon), None).usage()?;
    run_observed(&rollout, policy, 1, FRESH_SEED, spec.terms, &mut |moment| {
        if moment.action.is_some() {
            let start = rows.len();
            rows.resize(start + moment.observation.len(), 0.0);
            policy.normalizer.apply(moment.observation, &mut rows[start..], None);
        }
    })
    .run()?;
    let shape = (spec.observations.len(), spec.actions.len());
    let (graph, kept) = graph((config, shape, &policy.parameters, None), &[rows], source, step)?;
    let mut exported = Exported::Events(graph);
    nir_export::note(&mut exported, setup.controller.as_ref(), &policy.normalizer);
    Ok((exported, words(&kept, config, "control steps of an episode")))
}

/// The network of a training with labels, in ticks.
pub(super) fn of_labels(source: &Path, best: bool, step: Step) -> Result<(Exported, String), Failure> {
    let checkpoint = load_checkpoint(source)?;
    let config: FinetuneConfig = checkpoint.meta("config").usage()?;
    let Some(events) = events(&config.controller) else {
        let error = anyhow!(
            "{} was trained with labels and has ticks without a length in seconds; valid: a run in a world, or \
             one whose controller is Events(…)",
            source.display()
        );
        return Err(error).usage();
    };
    let mut learner = Classifier::new(&config, 1).usage()?;
    learner.restore(&checkpoint).usage()?;
    if !best {
        learner.forget_best();
    }
    let part = ["validation", "train"].into_iter().find(|part| !learner.part(part).is_empty());
    let part = part.unwrap_or("train");
    let frames = learner.data().train.frames;
    let count = learner.part(part).len().min((COMPARED / frames).max(1));
    let samples: Vec<Vec<f32>> = (0..count).map(|sample| learner.rows(part, sample)).collect();
    let shape = (learner.data().train.features, learner.data().outputs());
    let theta = learner.best_parameters();
    let (graph, kept) = graph((events, shape, &theta, Some(frames)), &samples, source, step)?;
    let mut exported = Exported::Events(graph);
    match learner.normalizer() {
        Some(normalizer) => nir_export::note(&mut exported, learner.controller(), &normalizer),
        None => exported.note("controller", learner.controller().describe().as_str().into()),
    }
    let classes = &learner.data().classes;
    if let Some(array) = Array::new(&[classes.len()], Data::Text(classes.clone()))
        && !classes.is_empty()
    {
        exported.note("classes", Value::Array(array));
    }
    Ok((exported, words(&kept, events, &format!("frames of {part} samples"))))
}

/// Config, inputs and outputs, parameters, and frames of a sample.
type Network<'a> = (&'a EventsConfig, (usize, usize), &'a [f32], Option<usize>);

fn graph(
    (config, shape, parameters, frames): Network<'_>,
    samples: &[Vec<f32>],
    source: &Path,
    step: Step,
) -> Result<(Graph, Kept), Failure> {
    let network = InTicks::new(config, shape, parameters, frames).usage()?;
    let named = || source.display().to_string();
    let kept = match step.dt {
        Some(dt) => {
            let ticks = (config.step / dt).round().max(1.0);
            if (config.step / dt - ticks).abs() > 1e-6 * ticks || ticks > 1e6 {
                let error = anyhow!(
                    "--dt {dt}: a control step of the network has {} s; valid: that divided by a whole number up \
                     to 1000000",
                    config.step
                );
                return Err(error).usage();
            }
            network.kept(samples, ticks as usize)
        }
        None => network.fewest(samples, step.differences),
    };
    let kept = kept.with_context(named).usage()?;
    let mut graph = network.graph(kept.ticks).with_context(named).usage()?;
    graph.metadata.insert("spikes_that_differ".to_owned(), kept.rate().into());
    Ok((graph, kept))
}

fn words(kept: &Kept, config: &EventsConfig, of: &str) -> String {
    let Kept { ticks, dt, spikes, differing, shift, steps, answers, actions } = *kept;
    format!(
        "dt {dt:.4e} s, {ticks} ticks per {} s: {differing} of {spikes} spikes differ ({:.2} %) in {steps} {of}, \
         the same ones come {shift:.1e} s off the middle of their tick on average; the largest output is another one \
         in {answers} of {steps}, and the tanh of the outputs is {actions:.1e} off (root mean square)",
        config.step,
        100.0 * kept.rate()
    )
}
