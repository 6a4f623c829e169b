//! `evo record`: episodes with everything that happened in body and brain.

use std::path::Path;

use records::checkpoint::{Checkpoint, Tensor, TensorData};
use records::failure::{Blame, Failure};
use serde_json::json;
use snn::Probe;
use training::changes::named;
use training::evaluate::run_observed;
use training::rollout::Moment;

use crate::cli::RecordArgs;
use crate::commands::common::{FRESH_SEED, load, warn_of_blow_ups, warn_of_robot};
use crate::commands::{page, replay};
use crate::out;

/// What is kept of each tick: the two sides of the spike condition.
const TRACES: [&str; 2] = ["membrane", "threshold"];

/// Numbers per contact: its two bodies, where (3, m), force on the second body (3, N).
const CONTACT: usize = 8;

/// One episode under recording; a row per control step, `qpos`, `qvel` and `goals` with the start before.
#[derive(Default)]
struct Tape {
    qpos: Vec<f32>,
    qvel: Vec<f32>,
    observation: Vec<f32>,
    action: Vec<f32>,
    terms: Vec<f32>,
    goals: Vec<f32>,
    /// [`CONTACT`] numbers per contact, and how many contacts there were before each step and at the end.
    contacts: Vec<f32>,
    contact_offsets: Vec<f64>,
    /// What the changes had set, with the names of these values.
    changes: Vec<f32>,
    change_names: Vec<String>,
    /// Per layer: spikes `[step][tick][neuron]` as 0 or 1.
    spikes: Vec<Vec<u8>>,
    /// Per layer in continuous time: time and neuron of each spike, and how many there were before each step.
    times: Vec<Times>,
    /// Per layer and state variable: `[step][neuron]`.
    states: Vec<Vec<Vec<f32>>>,
    /// Per spiking layer and [`TRACES`]: `[step][tick][neuron]`.
    traces: Vec<Vec<Vec<f32>>>,
    steps: usize,
}

/// Spikes of a layer in continuous time.
#[derive(Default)]
struct Times {
    times: Vec<f64>,
    neurons: Vec<f32>,
    offsets: Vec<f64>,
}

impl Tape {
    fn add(&mut self, moment: &Moment<'_>, probe: &mut Probe) {
        let view = moment.envs.view(moment.slot);
        self.qpos.extend_from_slice(view.qpos);
        self.qvel.extend_from_slice(view.qvel);
        self.goals.extend(moment.envs.goal_values(moment.slot));
        let Some(action) = moment.action else { return };
        self.steps += 1;
        self.observation.extend_from_slice(moment.observation);
        self.action.extend_from_slice(action);
        self.terms.extend_from_slice(moment.envs.terms(moment.slot));
        self.contact_offsets.push((self.contacts.len() / CONTACT) as f64);
        for contact in moment.envs.contacts(moment.slot) {
            self.contacts.extend(contact.bodies.map(|body| body as f32));
            self.contacts.extend(contact.position.into_iter().chain(contact.force));
        }
        self.changes.extend_from_slice(moment.envs.change_values(moment.slot));
        if self.change_names.is_empty() {
            self.change_names = names(moment.envs.change_channels());
        }
        moment.evaluator.probe(moment.slot, probe).expect("episodes are observed on the CPU");
        self.spikes.resize_with(probe.layers.len(), Vec::new);
        self.times.resize_with(probe.layers.len(), Times::default);
        self.states.resize_with(probe.layers.len(), Vec::new);
        self.traces.resize_with(probe.layers.len(), Vec::new);
        for (index, layer) in probe.layers.iter().enumerate() {
            for tick in 0..layer.ticks {
                self.spikes[index].extend((0..layer.neurons).map(|n| u8::from(layer.spiked(tick, n))));
            }
            let Times { times, neurons, offsets } = &mut self.times[index];
            offsets.push(times.len() as f64);
            times.extend(layer.times.iter().map(|(time, _)| time));
            neurons.extend(layer.times.iter().map(|(_, neuron)| *neuron as f32));
            self.states[index].resize_with(layer.states.len(), Vec::new);
            for (values, state) in self.states[index].iter_mut().zip(&layer.states) {
                values.extend_from_slice(&state.values);
            }
            let traces = layer.traces.iter().filter(|trace| TRACES.contains(&trace.name.as_str()));
            self.traces[index].resize_with(TRACES.len(), Vec::new);
            for (values, trace) in self.traces[index].iter_mut().zip(traces) {
                values.extend_from_slice(&trace.values);
            }
        }
    }
}

fn names(channels: &[envs::Channel]) -> Vec<String> {
    channels.iter().map(|channel| channel.name.clone()).collect()
}

/// Records episodes of a trained controller.
pub(super) fn record(args: &RecordArgs) -> Result<(), Failure> {
    let mut trained =
        load((&args.source, args.stage.as_deref()), args.which.chosen(), args.engine, &args.sets)?;
    if let Some(change) = &args.change {
        trained.setup.changes = named(change, &trained.config).usage()?;
    }
    let spec = trained.setup.task.spec();
    warn_of_robot(trained.setup.task.model());
    let out = args.out.clone().unwrap_or_else(|| {
        let folder = if args.source.is_dir() { Some(args.source.as_path()) } else { args.source.parent() };
        folder.unwrap_or(Path::new("")).join("episode.rollout.safetensors")
    });
    // Whatever does not fit now was asked for here.
    let rollout = trained.setup.rollout(spec.horizon, None).usage()?;
    let seed = args.seed.unwrap_or(FRESH_SEED);
    let mut tapes: Vec<Tape> = (0..args.episodes).map(|_| Tape::default()).collect();
    let mut probe = Probe::default();
    let episodes = run_observed(&rollout, &trained.policy, args.episodes, seed, spec.terms, &mut |moment| {
        tapes[moment.episode].add(moment, &mut probe);
    })
    .run()?;
    let blow_ups = episodes.iter().filter(|e| e.blew_up).count();
    warn_of_blow_ups(blow_ups, &format!("{} episodes", args.episodes));
    let mut file = Checkpoint::new();
    let options = trained.setup.options;
    let layers: Vec<_> = probe
        .layers
        .iter()
        .map(|l| {
            let states: Vec<&str> = l.states.iter().map(|s| s.name.as_str()).collect();
            let mut about =
                json!({ "name": l.name, "neurons": l.neurons, "ticks": l.ticks, "states": states });
            if l.step > 0.0 {
                about["step"] = l.step.into();
            }
            about
        })
        .collect();
    let goals: Vec<String> = trained.setup.task.goals().into_iter().map(|goal| goal.channel.name).collect();
    let header = json!({
        "kind": "rollout",
        "version": env!("CARGO_PKG_VERSION"),
        "env": spec.name,
        "config": serde_json::to_value(&trained.config).run()?,
        "engine": options.engine.name(),
        "timestep": options.timestep,
        "substeps": options.substeps,
        "iterations": options.iterations,
        "control_dt": spec.control_dt,
        "seed": seed,
        "observations": names(&spec.observations),
        "actions": names(&spec.actions),
        "terms": spec.terms,
        "goals": goals,
        "changes": trained.setup.changes,
        "change_values": tapes.first().map_or(&[][..], |tape| &tape.change_names),
        "layers": layers,
        "episodes": episodes.iter().map(|e| json!({
            "return": e.total, "length": e.length, "terminated": e.terminated, "blew_up": e.blew_up,
        })).collect::<Vec<_>>(),
    });
    if let serde_json::Value::Object(map) = header {
        file.meta.extend(map);
    }
    file.tensors.insert("parameters".to_owned(), trained.policy.parameters.clone().into());
    for (index, mut tape) in tapes.into_iter().enumerate() {
        let contacts = tape.contacts.len() / CONTACT;
        tape.contact_offsets.push(contacts as f64);
        let steps = tape.steps;
        let mut put = |name: &str, shape: &[usize], data: TensorData| {
            file.tensors.insert(format!("{index}.{name}"), Tensor::new(shape, data));
        };
        let model = trained.setup.task.model();
        put("qpos", &[steps + 1, model.nq()], TensorData::F32(tape.qpos));
        put("qvel", &[steps + 1, model.nv()], TensorData::F32(tape.qvel));
        put("observation", &[steps, spec.observations.len()], TensorData::F32(tape.observation));
        put("action", &[steps, spec.actions.len()], TensorData::F32(tape.action));
        if !tape.change_names.is_empty() {
            put("changes", &[steps, tape.change_names.len()], TensorData::F32(tape.changes));
        }
        put("contacts", &[contacts, CONTACT], TensorData::F32(tape.contacts));
        put("contact_offsets", &[steps + 1], TensorData::F64(tape.contact_offsets));
        if !goals.is_empty() {
            put("goals", &[steps + 1, goals.len()], TensorData::F32(tape.goals));
        }
        put("terms", &[steps, spec.terms.len()], TensorData::F32(tape.terms));
        for (layer, own) in probe.layers.iter().zip(tape.times) {
            if layer.step > 0.0 && layer.ticks > 0 {
                let Times { times, neurons, mut offsets } = own;
                offsets.push(times.len() as f64);
                let (count, put) = (times.len(), &mut put);
                put(&format!("{}.spike_times", layer.name), &[count], TensorData::F64(times));
                put(&format!("{}.spike_neurons", layer.name), &[count], TensorData::F32(neurons));
                put(&format!("{}.spike_offsets", layer.name), &[steps + 1], TensorData::F64(offsets));
            }
        }
        let brain = tape.spikes.into_iter().zip(tape.states).zip(tape.traces);
        for (layer, ((spikes, states), traces)) in probe.layers.iter().zip(brain) {
            if layer.ticks > 0 {
                for (name, values) in TRACES.iter().zip(traces) {
                    put(
                        &format!("{}.{name}", layer.name),
                        &[steps, layer.ticks, layer.neurons],
                        TensorData::F32(values),
                    );
                }
                put(
                    &format!("{}.spikes", layer.name),
                    &[steps, layer.ticks, layer.neurons],
                    TensorData::U8(spikes),
                );
            }
            for (state, values) in layer.states.iter().zip(states) {
                put(
                    &format!("{}.{}", layer.name, state.name),
                    &[steps, layer.neurons],
                    TensorData::F32(values),
                );
            }
        }
    }
    file.save(&out).written()?;
    out::line(&out.display().to_string());
    if let Some(html) = &args.html {
        let title = format!("{}: {}", spec.name, args.source.display());
        match &args.web {
            Some(viewer) => page::write(html, &title, &file.to_bytes(), viewer),
            None => replay::write(html, &title, &file, trained.setup.task.model()),
        }
        .written()?;
        out::line(&html.display().to_string());
    }
    Ok(())
}
