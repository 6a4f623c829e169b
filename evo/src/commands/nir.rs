//! `evo nir`: networks of other libraries, and ours for them.

use std::path::Path;

use anyhow::{Context as _, anyhow};
use records::disk::write_atomic;
use records::failure::{Blame, Failure};
use records::npy;
use records::words::to_stderr;
use serde_json::{Map, Value as Json, json};
use snn::nir::{
    self, Array, Data, Executor, Exported, Field, Graph, Metadata, NirError, NodeKind, Options, Port, Value,
    guess_dt,
};
use training::nir_export;

use crate::cli::{NirExport, NirInfo, NirRun};
use crate::commands::common::{Trained, load};
use crate::commands::in_ticks::{Step, events, of_labels, of_world};
use crate::commands::job::is_classifier;
use crate::out;

/// Prints what is in a file.
pub(super) fn info(args: &NirInfo) -> Result<(), Failure> {
    let graph = nir::read(&args.file).usage()?;
    let version = nir::version(&args.file).usage()?;
    let (mut nodes, mut edges) = (Vec::new(), Vec::new());
    collect("", &graph, &mut nodes, &mut edges);
    // Whether it can be run is worth knowing; a time step that suits its times will do to find out.
    let mut executor = Executor::new(&graph, &Options::default());
    let needs_dt = matches!(executor, Err(NirError::NoTimeStep { .. }));
    if needs_dt {
        executor =
            Executor::new(&graph, &Options { dt: shortest(&nodes).or(Some(1.0)), ..Options::default() });
    }
    let (ports, problem) = match &executor {
        Ok(executor) => {
            let ports = |ports: &mut dyn Iterator<Item = &Port>| ports.cloned().collect::<Vec<_>>();
            ((ports(&mut executor.inputs()), ports(&mut executor.outputs())), None)
        }
        Err(error) => ((Vec::new(), Vec::new()), Some(error.to_string())),
    };
    if args.json {
        let port = |port: &Port| json!({ "name": port.name, "shape": port.shape });
        return out::json(&json!({
            "file": args.file.display().to_string(),
            "version": version,
            "inputs": ports.0.iter().map(port).collect::<Vec<_>>(),
            "outputs": ports.1.iter().map(port).collect::<Vec<_>>(),
            "nodes": nodes.iter().map(|(name, kind, metadata)| json!({
                "name": name,
                "type": kind.name(),
                "parameters": kind.fields().into_iter().map(|(name, field)| (name.to_owned(), summary(&field)))
                    .collect::<Map<_, _>>(),
                "metadata": notes(metadata),
            })).collect::<Vec<_>>(),
            "edges": edges,
            "metadata": notes(&graph.metadata),
            "dt": graph.dt(),
            "dt_guess": guess_dt(&graph),
            "needs_dt": needs_dt,
            "runs": problem.is_none(),
            "problem": problem,
        }));
    }
    let version = version.map_or_else(|| "no version".to_owned(), |version| format!("version {version}"));
    out::line(&format!(
        "{}: NIR, {version}, {} nodes, {} edges",
        args.file.display(),
        nodes.len(),
        edges.len()
    ));
    let step = match (graph.dt(), guess_dt(&graph)) {
        (Some(dt), _) => format!("{dt} s (metadata)"),
        (None, Some(dt)) => format!("not in the file; r = tau/dt suggests {dt} s"),
        (None, None) => "not in the file".to_owned(),
    };
    out::line(&format!("time step: {step}"));
    out::line(&format!(
        "runs: {}",
        problem.map_or_else(|| "yes".to_owned(), |problem| format!("no, {problem}"))
    ));
    out::line("nodes:");
    let width = nodes.iter().map(|(name, ..)| name.chars().count()).max().unwrap_or(0);
    for (name, kind, metadata) in &nodes {
        let fields: Vec<String> = kind.fields().iter().map(|(name, field)| line(name, field)).collect();
        out::line(format!("  {name:<width$}  {:<9} {}", kind.name(), fields.join("  ")).trim_end());
        for (key, value) in metadata.iter() {
            out::line(&format!("  {:<width$}  {:<9} {key}: {}", "", "metadata", note(value)));
        }
    }
    out::line("edges:");
    for (from, to) in &edges {
        out::line(&format!("  {from} → {to}"));
    }
    if !graph.metadata.is_empty() {
        out::line("metadata:");
        for (key, value) in &graph.metadata {
            out::line(&format!("  {key}: {}", note(value)));
        }
    }
    Ok(())
}

/// The shortest time constant.
fn shortest(nodes: &[(String, &NodeKind, &Metadata)]) -> Option<f64> {
    let fields = nodes.iter().flat_map(|(_, kind, _)| kind.fields());
    let times = fields.filter_map(|(name, field)| match field {
        Field::Array(array) if name.starts_with("tau") => range(array).map(|(low, _)| low),
        _ => None,
    });
    times.filter(|tau| *tau > 0.0).min_by(f64::total_cmp)
}

/// All nodes and edges, those of nested graphs with dots in their names.
fn collect<'a>(
    prefix: &str,
    graph: &'a Graph,
    nodes: &mut Vec<(String, &'a NodeKind, &'a Metadata)>,
    edges: &mut Vec<(String, String)>,
) {
    let path = |name: &str| format!("{prefix}{name}");
    edges.extend(graph.edges.iter().map(|(from, to)| (path(from), path(to))));
    for (name, node) in &graph.nodes {
        if let NodeKind::Graph(nested) = &node.kind {
            nodes.push((path(name), &node.kind, &nested.metadata));
            collect(&format!("{prefix}{name}."), nested, nodes, edges);
        } else {
            nodes.push((path(name), &node.kind, &node.metadata));
        }
    }
}

/// Smallest and largest value of an array of numbers.
fn range(array: &Array) -> Option<(f64, f64)> {
    let values = array.to_f64()?;
    let first = *values.first()?;
    Some(values.iter().fold((first, first), |(low, high), &x| (low.min(x), high.max(x))))
}

fn summary(field: &Field<'_>) -> Json {
    match field {
        Field::Array(array) => {
            let (low, high) = range(array).unzip();
            json!({ "shape": array.shape(), "dtype": array.data().name(), "min": low, "max": high })
        }
        Field::Integers(values) => json!(values),
        Field::Integer(value) => json!(value),
        Field::Text(text) => json!(text),
        _ => Json::Null,
    }
}

fn line(name: &str, field: &Field<'_>) -> String {
    match field {
        Field::Array(array) => {
            let shape = format!("{name} {} {:?}", array.data().name(), array.shape());
            match range(array) {
                Some((low, high)) if low == high => format!("{shape} = {}", short(low)),
                Some((low, high)) => format!("{shape} {} … {}", short(low), short(high)),
                None => shape,
            }
        }
        Field::Integers(values) => format!("{name} {values:?}"),
        Field::Integer(value) => format!("{name} {value}"),
        Field::Text(text) => format!("{name} {text}"),
        _ => name.to_owned(),
    }
}

/// Five digits are enough to look at.
fn short(x: f64) -> String {
    format!("{x:.4e}").parse::<f64>().map_or_else(|_| x.to_string(), |x| x.to_string())
}

fn notes(metadata: &Metadata) -> Json {
    metadata.iter().map(|(key, value)| (key.clone(), note(value))).collect::<Map<_, _>>().into()
}

/// Metadata as JSON; arrays with several axes as a flat list.
fn note(value: &Value) -> Json {
    let array = match value {
        Value::Group(metadata) => return notes(metadata),
        Value::Array(array) => array,
    };
    let all = match array.data() {
        Data::F32(values) => json!(values),
        Data::F64(values) => json!(values),
        Data::I64(values) => json!(values),
        Data::Bool(values) => json!(values),
        Data::Text(values) => json!(values),
        _ => Json::Null,
    };
    match all {
        Json::Array(mut values) if array.shape().is_empty() => values.pop().unwrap_or(Json::Null),
        all => all,
    }
}

/// Runs a file over recorded input.
pub(super) fn run(args: &NirRun) -> Result<(), Failure> {
    let graph = nir::read(&args.file).usage()?;
    let options = Options { dt: args.dt, reset: args.reset.map(Into::into), ..Options::default() };
    let place = |error: NirError| match error {
        NirError::NoTimeStep { .. } => anyhow!("{}: {error} (--dt S)", args.file.display()),
        error => anyhow!("{}: {error}", args.file.display()),
    };
    let mut executor = Executor::new(&graph, &options).map_err(place).usage()?;
    let (input, output) = executor.ends().map_err(place).usage()?;
    let mut shape = output.shape.clone();
    let data = npy::read_rows(&args.input, &input.shape).usage()?;
    shape.insert(0, data.shape[0]);
    let values: Vec<f32> = data.values.iter().map(|&x| x as f32).collect();
    let result = executor.run(&values).map_err(place).run()?;
    npy::write_f32(&args.output, &shape, &result).written()?;
    out::line(&args.output.display().to_string());
    Ok(())
}

/// Writes the controller of a run.
pub(super) fn export(args: &NirExport) -> Result<(), Failure> {
    let step = Step::of(args);
    let (network, note) = if is_classifier(&args.source) {
        if let Some(stage) = &args.stage {
            return Err(anyhow!("--stage {stage}: {} has no stages", args.source.display())).usage();
        }
        let (network, note) = of_labels(&args.source, args.which.best, step)?;
        (network, Some(note))
    } else {
        let trained = load((&args.source, args.stage.as_deref()), args.which.chosen(), None, &[])?;
        let named = [("--dt", args.dt.is_some()), ("--differences", args.differences.is_some())];
        if let (None, Some((option, _))) =
            (events(&trained.config.controller), named.iter().find(|(_, given)| *given))
        {
            let error = anyhow!(
                "{option} is for networks in continuous time; {} has ticks, and their length is that of its \
                 control step divided by their number",
                args.source.display()
            );
            return Err(error).usage();
        }
        of_trained(&trained, &args.source, step)?
    };
    let (bytes, warnings) = bytes(&network)?;
    warnings.iter().for_each(|warning| to_stderr(&format!("warning: {warning}")));
    note.iter().for_each(|note| to_stderr(note));
    write_atomic(&args.out, &bytes)
        .with_context(|| format!("cannot write {}", args.out.display()))
        .written()?;
    out::line(&args.out.display().to_string());
    Ok(())
}

/// The network of the run `source` as a NIR file, and what the format cannot say.
///
/// # Errors
/// What NIR cannot carry.
pub fn nir(trained: &Trained, source: &Path) -> Result<(Vec<u8>, Vec<String>), Failure> {
    bytes(&of_trained(trained, source, Step::default())?.0)
}

/// The network of a run in a world; of one in continuous time also what ticks keep of its spikes, in words.
fn of_trained(trained: &Trained, source: &Path, step: Step) -> Result<(Exported, Option<String>), Failure> {
    let (mut network, note) = match events(&trained.config.controller) {
        Some(config) => {
            let (network, note) = of_world((trained, config), source, step)?;
            (network, Some(note))
        }
        None => {
            let network = nir_export::network(
                &trained.config.controller,
                trained.setup.controller.as_ref(),
                &trained.policy.parameters,
                &trained.policy.normalizer,
                trained.setup.task.spec().control_dt,
            );
            (network.with_context(|| source.display().to_string()).usage()?, None)
        }
    };
    network.note("env", trained.setup.task.spec().name.into());
    Ok((network, note))
}

/// A network as a file, and what the format cannot say.
fn bytes(network: &Exported) -> Result<(Vec<u8>, Vec<String>), Failure> {
    let noted = |key: &str| match network.metadata().get(key) {
        Some(Value::Array(array)) => array.number(),
        _ => None,
    };
    let mut warnings = Vec::new();
    if let Some((step, limit)) = noted("input_step").zip(noted("input_limit")) {
        warnings.push(format!(
            "this controller rounds its input to multiples of {step} within ±{limit}, and NIR has no node for that: \
             round it before the network (metadata 'input_step' and 'input_limit'), or it is another network"
        ));
    }
    if let Exported::Perceptron(perceptron) = network
        && let Some(activation) = perceptron.layers.iter().find_map(|layer| layer.activation)
    {
        let name = activation.name();
        warnings.push(format!(
            "NIR has no node for {name}; after each hidden layer, apply the function that its metadata name \
             ('activation'), as `evo nir run` does. Without this, it is another network"
        ));
    }
    let bytes = network.graph().and_then(|graph| nir::to_bytes(&graph)).usage()?;
    Ok((bytes, warnings))
}
