//! `evo list`.

use records::failure::{Blame, Failure};
use records::text;
use records::words::plural;
use serde::Serialize;
use serde_json::Value;
use sim::EngineKind;
use snn::Switches;
use snn::gradient::{SurrogateConfig, surrogates};
use strategies::strategies;
use training::changes;

use super::stored;
use crate::cli::{ListArgs, Listing};
use crate::out;

#[derive(Serialize)]
struct EnvEntry {
    name: &'static str,
    summary: &'static str,
    observations: usize,
    actions: usize,
    control_dt: f64,
    horizon: usize,
    /// Names of the engines that can do all that the robot asks for.
    engines: Vec<&'static str>,
    fields: Value,
}

/// Prints what there is to choose from, with defaults.
pub(super) fn list(args: &ListArgs) -> Result<(), Failure> {
    match args.what {
        Listing::Runs => stored::list_runs(args.json)?,
        Listing::Configs => stored::list_configs(args.json)?,
        Listing::Envs => {
            let mut entries = Vec::new();
            for config in envs::defaults() {
                let task = config.build().run()?;
                let spec = task.spec();
                let can = |engine: &EngineKind| sim::unsupported(task.model(), *engine).is_empty();
                // The value is `{"Ant": {fields}}`.
                let fields = match serde_json::to_value(&config).run()? {
                    Value::Object(map) => map.into_iter().next().map_or(Value::Null, |(_, fields)| fields),
                    other => other,
                };
                entries.push(EnvEntry {
                    name: spec.name,
                    summary: spec.summary,
                    observations: spec.observations.len(),
                    actions: spec.actions.len(),
                    control_dt: spec.control_dt,
                    horizon: spec.horizon,
                    engines: EngineKind::ALL.into_iter().filter(can).map(EngineKind::name).collect(),
                    fields,
                });
            }
            if args.json {
                return out::json(&serde_json::json!({ "envs": entries }));
            }
            for e in entries {
                out::line(&format!(
                    "{:<24} {:<16} {:<10}  {:.3} s × {:<4}  {}",
                    e.name,
                    plural(e.observations, "observation"),
                    plural(e.actions, "action"),
                    e.control_dt,
                    e.horizon,
                    e.summary
                ));
                out::line(&format!("{:<24} engines: {}", "", e.engines.join(", ")));
                out::line(&format!("{:<24} {}", "", e.fields));
            }
        }
        Listing::Strategies => {
            if args.json {
                return out::json(&serde_json::json!({ "strategies": strategies() }));
            }
            for s in strategies() {
                out::line(&format!("{:<12} {} ({})", s.name, s.summary, s.reference));
                for f in s.fields {
                    out::line(&format!("    {:<16} {:<14} {:<14} {}", f.name, f.default, f.unit, f.range));
                }
            }
        }
        Listing::Changes => {
            if args.json {
                let entry = |(name, summary, changes): (&str, &str, Vec<envs::Change>)| serde_json::json!({ "name": name, "summary": summary, "changes": changes });
                let entries: Vec<Value> = changes::all().map(entry).collect();
                return out::json(&serde_json::json!({ "changes": entries }));
            }
            for (name, summary, changes) in changes::all() {
                out::line(&format!("{name:<14} {summary}"));
                out::line(&format!("{:<14} changes: {}", "", text::to_line(&changes).run()?));
            }
        }
        Listing::Neurons => {
            let libraries = || {
                Switches::NAMES.into_iter().filter_map(|name| {
                    Switches::named(name).zip(SurrogateConfig::of_library(name)).map(|own| (name, own))
                })
            };
            if args.json {
                let entry = |(name, (switches, surrogate)): (&str, (Switches, SurrogateConfig))| serde_json::json!({ "name": name, "switches": switches, "surrogate": surrogate });
                let like: Vec<Value> = libraries().map(entry).collect();
                return out::json(&serde_json::json!({ "neurons": snn::neurons(), "like": like }));
            }
            for n in snn::neurons() {
                out::line(&format!("{:<12} {}", n.name, n.summary));
                for p in n.parameters {
                    out::line(&format!("    {:<16} {:<14} {:<12} {}", p.name, p.default, p.range, p.meaning));
                }
                if !n.resets.is_empty() {
                    out::line(&format!("    {:<16} {}", "reset", n.resets.join(", ")));
                }
            }
            out::line("In place of `model`, `like` takes the neuron of a library:");
            for (name, (switches, surrogate)) in libraries() {
                out::line(&format!("{name:<12} leaky integrate-and-fire, {}", switches.describe()));
                out::line(&format!("    {:<16} {}", "switches", text::to_line(&switches).run()?));
                out::line(&format!("    {:<16} {}", "surrogate", text::to_line(&surrogate).run()?));
            }
        }
        Listing::Surrogates => {
            if args.json {
                return out::json(&serde_json::json!({ "surrogates": surrogates() }));
            }
            for s in surrogates() {
                out::line(&format!("{:<17} {}: {}", s.name, s.summary, s.expression));
                for p in s.parameters {
                    out::line(&format!(
                        "    {:<16} {:<14} {:<14} {:<10} {}",
                        p.name, p.default, p.unit, p.range, p.meaning
                    ));
                }
                out::line(&format!("    {}", s.source));
            }
        }
    }
    Ok(())
}
