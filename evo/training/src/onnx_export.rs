//! A trained policy as an ONNX file: from the observation as the task gives it to the action as the task takes it.

use envs::{Channel, Spec};
use serde_json::{Value as Json, json};
use snn::Controller;
use snn::onnx::{Graph, OnnxError, Value};

use crate::evaluate::Policy;
use crate::normalizer::Normalizer;

/// The file of `policy`, which runs `controller` in a task; `which` parameters they are is noted. The metadata are
/// texts, lists among them JSON:
///
/// | key | value |
/// | --- | --- |
/// | `task`, `controller`, `parameters` | name, one line, `mean`, `best` or `cell N` |
/// | `control_step` | seconds from one run of the graph to the next |
/// | `observations`, `actions` | in order: name, unit, low, high (`null`: no bound) |
/// | `normalizer` | mean, inverse_std and clip, which are in the graph |
/// | `states` | in order: name of the input, of the output, shape after the batch, start |
/// | `reset`, `random` | sentences |
///
/// # Errors
/// What ONNX cannot carry.
pub fn policy(
    controller: &dyn Controller,
    spec: &Spec,
    policy: &Policy,
    which: &str,
) -> Result<Vec<u8>, OnnxError> {
    let mut graph = Graph::new();
    let normalizer = &policy.normalizer;
    let observation = graph.input("observation", spec.observations.len());
    let x = normalized(&mut graph, &observation, normalizer);
    let unit = controller.onnx(&policy.parameters, &mut graph, &x, normalizer.clip)?;
    let action = scaled(&mut graph, &unit, &spec.actions);
    graph.output("action", &[spec.actions.len()], &action);
    let metadata = [
        ("task", spec.name.to_owned()),
        ("controller", controller.describe()),
        ("parameters", which.to_owned()),
        ("control_step", spec.control_dt.to_string()),
        ("observations", channels(&spec.observations).to_string()),
        ("actions", channels(&spec.actions).to_string()),
        ("normalizer", notes(normalizer).to_string()),
        ("states", states(&graph).to_string()),
        ("reset", reset(&graph).to_owned()),
        ("random", "nothing is random: the same observations and states give the same actions".to_owned()),
    ];
    Ok(graph.to_bytes(spec.name, &metadata))
}

/// As [`Normalizer::apply`].
fn normalized(graph: &mut Graph, observation: &Value, normalizer: &Normalizer) -> Value {
    let (mean, inverse) = (graph.numbers(&normalizer.mean), graph.numbers(&normalizer.inverse_std));
    let x = graph.op("Sub", &[observation, &mean]);
    let x = graph.op("Mul", &[&x, &inverse]);
    graph.clip(&x, -normalizer.clip, normalizer.clip)
}

/// As [`Spec::scale_action`].
fn scaled(graph: &mut Graph, unit: &Value, actions: &[Channel]) -> Value {
    let (middle, half): (Vec<f32>, Vec<f32>) =
        actions.iter().map(|a| (0.5 * (a.low + a.high), 0.5 * (a.high - a.low))).unzip();
    let unit = graph.clip(unit, -1.0, 1.0);
    let half = graph.numbers(&half);
    let scaled = graph.op("Mul", &[&half, &unit]);
    let middle = graph.numbers(&middle);
    graph.op("Add", &[&middle, &scaled])
}

fn channels(channels: &[Channel]) -> Json {
    let bound = |x: f32| x.is_finite().then_some(x);
    let channel =
        |c: &Channel| json!({ "name": c.name, "unit": c.unit, "low": bound(c.low), "high": bound(c.high) });
    channels.iter().map(channel).collect()
}

fn notes(normalizer: &Normalizer) -> Json {
    json!({ "mean": normalizer.mean, "inverse_std": normalizer.inverse_std, "clip": normalizer.clip })
}

fn states(graph: &Graph) -> Json {
    let states = graph.states().iter().map(|state| {
        let start = match state.start[..] {
            [start] => json!(start),
            ref each => json!(each),
        };
        json!({
            "name": state.name,
            "next": format!("next.{}", state.name),
            "shape": state.shape,
            "start": start,
        })
    });
    states.collect()
}

fn reset(graph: &Graph) -> &'static str {
    match graph.states() {
        [] => "the policy has no memory",
        _ => {
            "before the first step of an episode, set each input in `states` to its `start`, in the shape [batch, shape]; \
             after each step, set it to the output `next`"
        }
    }
}
