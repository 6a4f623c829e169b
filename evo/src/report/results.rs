//! The table of results: a row per task, strategy and controller, over seeds; and methods over tasks.

use std::cmp::Reverse;

use records::columns::ENERGY_COLUMN;
use records::text;
use records::words::{count, duration, energy};
use training::config::Config;
use training::setup::Setup;

use super::numbers::{last, number};
use crate::plot::groups::Group;
use crate::plot::runs::Run;
use crate::statistics::{self, Bootstrap, CONFIDENCE, Center, RESAMPLES};

/// Runs that differ in their seed only, as a row.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    /// Name of the task.
    pub task: String,
    /// What tells it from other rows of the task.
    pub label: String,
    /// Seeds that were asked for.
    pub seeds: usize,
    /// Finished runs.
    pub runs: Vec<Run>,
}

/// What a row measures. `#` marks numbers, as [`super::html::table`] takes them.
pub(super) const MEASURES: [&str; 8] = [
    "#seeds",
    "#return, mean ± std",
    "#IQM [95 % interval]",
    "#control steps per run",
    "#time per run",
    "#spikes per neuron and tick",
    "#synaptic operations per step",
    "#energy per step",
];

/// What stands above a table of [`MEASURES`].
pub(super) const EXPLAINED: &str = "Return: last evaluation of the distribution's mean, mean ± standard deviation over \
    seeds; where a run has no evaluation, the population's mean fitness in training, marked as such: its episodes may be \
    shorter, so the two are not to be compared. IQM: interquartile mean over seeds (of fewer \
    than four, the mean) with a percentile bootstrap interval. Activity: last generation of training, all members.";

/// What a run has reached: its last evaluation, or else the population's mean fitness.
fn reached(run: &Run) -> Option<f64> {
    last(run, "eval_return_mean").or_else(|| last(run, "fitness_mean"))
}

/// The cells of [`MEASURES`] for runs of `seeds` seeds.
pub(super) fn measures(runs: &[Run], seeds: usize) -> Vec<String> {
    let values: Vec<f64> = runs.iter().filter_map(reached).collect();
    let (mean, std) = training::evaluate::mean_std(&values);
    let several = values.len() > 1;
    let trained = runs.iter().filter(|run| run.evaluation().is_empty()).count();
    let marked = |text: String| match trained {
        _ if text.is_empty() => text,
        0 => text,
        count if count == runs.len() => format!("{text} (training fitness)"),
        count => format!("{text} ({count} by training fitness)"),
    };
    let average = |column: &str| average(runs, column);
    let found = if runs.len() == seeds { seeds.to_string() } else { format!("{} of {seeds}", runs.len()) };
    let estimate = statistics::estimate(&values, Center::InterquartileMean);
    let estimate = estimate.map(|e| if several { e.to_string() } else { number(e.value) });
    let value = match values[..] {
        [] => String::new(),
        [value] => number(value),
        _ => format!("{mean:.1} ± {std:.1}"),
    };
    vec![
        found,
        marked(value),
        estimate.unwrap_or_default(),
        average("env_steps").map(count).unwrap_or_default(),
        average("wall_s").map(duration).unwrap_or_default(),
        average("spike_rate").map(|x| format!("{x:.4}")).unwrap_or_default(),
        average("synops_per_step").map(count).unwrap_or_default(),
        average(ENERGY_COLUMN).map(energy).unwrap_or_default(),
    ]
}

/// Mean over runs of a column's last value.
fn average(runs: &[Run], column: &str) -> Option<f64> {
    let values: Vec<f64> = runs.iter().filter_map(|run| last(run, column)).collect();
    (!values.is_empty()).then(|| statistics::mean(&values))
}

impl Outcome {
    /// Runs of the same task that are in a group each.
    pub(super) fn of_groups(groups: &[Group]) -> Vec<Self> {
        let outcome = |group: &Group| Self {
            task: group.runs[0].field("env").unwrap_or_default().to_owned(),
            label: if groups.len() > 1 { group.label.clone() } else { String::new() },
            seeds: group.runs.len(),
            runs: group.runs.clone(),
        };
        groups.iter().map(outcome).collect()
    }

    fn field(&self, path: &str) -> &str {
        self.runs.first().and_then(|run| run.field(path)).unwrap_or_default()
    }

    /// Its task of training by gradient.
    fn task(&self) -> Option<&str> {
        self.runs.first().and_then(|run| run.task())
    }

    /// As tables name it: `OpenEs, population 128`, or `Ppo`.
    fn strategy(&self) -> String {
        match (self.method().0.as_str(), self.field("strategy.population")) {
            (name, _) if self.task().is_some() => name.to_owned(),
            (name, "") => name.to_owned(),
            (name, population) => format!("{name}, population {population}"),
        }
    }

    /// As tables name it, with its size: `snn 27-64r(lif)-8, 4 ticks, f32, 6408 parameters`.
    fn controller(&self) -> String {
        let built = || {
            let run = self.runs.first()?;
            let config: Config = text::parse("config.ron", &run.config).ok()?;
            Some(Setup::new(&config).ok()?.controller.describe())
        };
        built().unwrap_or_else(|| self.field("controller").to_owned())
    }

    /// Strategy (or task of training by gradient) and kind of controller, the same in every task.
    fn method(&self) -> Method {
        let hidden = self.field("controller.hidden");
        let kind = match self.field("controller") {
            "Mlp" if hidden == "()" => "linear",
            kind => kind,
        };
        (self.task().unwrap_or(self.field("strategy")).to_owned(), kind.to_owned())
    }

    /// Name in the legend of a figure with other rows of the task.
    pub(super) fn legend(&self) -> String {
        let (strategy, controller) = self.method();
        if self.label.is_empty() {
            format!("{strategy}, {controller}")
        } else {
            format!("{}: {strategy}, {controller}", self.label)
        }
    }
}

/// Head and rows.
type Table = (Vec<&'static str>, Vec<Vec<String>>);

/// The table. Its rows stand task by task.
pub(super) fn table(outcomes: &[Outcome]) -> Table {
    let named = outcomes.iter().any(|outcome| !outcome.label.is_empty());
    let validators: Vec<String> = outcomes.iter().flat_map(|o| &o.runs).map(Run::validator).collect();
    let validated = validators.iter().any(|engine| !engine.is_empty() && engine != "none");
    let mut head = vec!["task", "strategy", "controller"];
    head.extend(named.then_some("config"));
    head.extend(MEASURES);
    head.extend(validated.then_some("#return in another engine"));
    let row = |outcome: &Outcome| {
        let mut cells = vec![outcome.task.clone(), outcome.strategy(), outcome.controller()];
        cells.extend(named.then(|| outcome.label.clone()));
        cells.extend(measures(&outcome.runs, outcome.seeds));
        if validated {
            let engine = outcome.runs.first().map(Run::validator).unwrap_or_default();
            let value = average(&outcome.runs, "validation_return_mean");
            cells.push(value.map(|value| format!("{} ({engine})", number(value))).unwrap_or_default());
        }
        cells
    };
    (head, outcomes.iter().map(row).collect())
}

/// A method (strategy and kind of controller) over several tasks: the interquartile mean of its normalised
/// returns, with an interval of the stratified bootstrap.
struct Aggregate {
    method: Method,
    estimate: statistics::Estimate,
    /// Mean over the tasks of the place among the methods by mean return, 1 the best; equal ones share theirs.
    rank: f64,
    runs: usize,
}

type Method = (String, String);

/// What the table of these methods over these tasks shows.
fn caption(outcomes: &[Outcome], tasks: &[String], methods: &[Method]) -> String {
    let others: Vec<String> = methods_of(outcomes)
        .into_iter()
        .filter(|method| !methods.contains(method))
        .map(|(strategy, controller)| format!("{strategy} with {controller}"))
        .collect();
    let left_out = if others.is_empty() {
        String::new()
    } else {
        format!(" Not run on all of these tasks and left out: {}.", others.join(", "))
    };
    format!(
        "Methods over tasks: {}. Returns are normalised per task: 0 is the lowest of these runs on it, 1 the \
         highest. Interquartile mean over all runs on these tasks, with a 95 % percentile interval of a \
         bootstrap over seeds, stratified by task. Mean rank: the place by mean return on each task, 1 is the \
         best, averaged over the tasks.{left_out}",
        tasks.join(", ")
    )
}

/// Caption and table of [`shared`] methods and tasks; none unless there are at least two of both.
pub(super) fn aggregate_table(outcomes: &[Outcome]) -> Option<(String, Table)> {
    let (tasks, methods) = shared(outcomes);
    let row = |row: Aggregate| {
        let (strategy, controller) = row.method;
        let statistics::Estimate { value, low, high } = row.estimate;
        let estimate = format!("{value:.3} [{low:.3}, {high:.3}]");
        vec![strategy, controller, estimate, format!("{:.2}", row.rank), row.runs.to_string()]
    };
    let rows = aggregate(outcomes, &tasks, &methods).into_iter().map(row).collect();
    let head = vec!["strategy", "controller", "#normalised IQM [95 % interval]", "#mean rank", "#runs"];
    (!methods.is_empty()).then(|| (caption(outcomes, &tasks, &methods), (head, rows)))
}

/// Returns of a method on a task.
fn returns(outcomes: &[Outcome], task: &str, method: &Method) -> Vec<f64> {
    let of = outcomes.iter().filter(|o| o.task == task && o.method() == *method);
    of.flat_map(|outcome| &outcome.runs).filter_map(reached).collect()
}

/// Strategies with controllers, in the order of their first rows.
fn methods_of(outcomes: &[Outcome]) -> Vec<Method> {
    distinct(outcomes.iter().map(Outcome::method))
}

/// Values in the order in which they first occur.
fn distinct<T: PartialEq>(values: impl Iterator<Item = T>) -> Vec<T> {
    values.fold(Vec::new(), |mut seen, value| {
        if !seen.contains(&value) {
            seen.push(value);
        }
        seen
    })
}

/// Tasks and methods of which each was run with each other. If not all were, methods with few tasks are left
/// out, as long as that leaves more pairs.
fn shared(outcomes: &[Outcome]) -> (Vec<String>, Vec<Method>) {
    let (tasks, methods) = (distinct(outcomes.iter().map(|o| o.task.clone())), methods_of(outcomes));
    let met = |task: &str, method: &Method| !returns(outcomes, task, method).is_empty();
    let mut order = methods.clone();
    order.sort_by_key(|method| Reverse(tasks.iter().filter(|task| met(task, method)).count()));
    let common = |kept: &[Method]| -> Vec<String> {
        tasks.iter().filter(|task| kept.iter().all(|method| met(task, method))).cloned().collect()
    };
    let (mut best, mut kept): (Vec<String>, &[Method]) = (Vec::new(), &[]);
    for count in (2..=order.len()).rev() {
        let found = common(&order[..count]);
        if found.len() > 1 && found.len() * count > best.len() * kept.len() {
            (best, kept) = (found, &order[..count]);
        }
    }
    (best, methods.into_iter().filter(|method| kept.contains(method)).collect())
}

fn aggregate(outcomes: &[Outcome], tasks: &[String], methods: &[Method]) -> Vec<Aggregate> {
    let ends: Vec<(f64, f64)> = tasks
        .iter()
        .map(|task| {
            let values = methods.iter().flat_map(|method| returns(outcomes, task, method));
            values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)))
        })
        .collect();
    let mean = |task: &str, method: &Method| {
        let returns = returns(outcomes, task, method);
        returns.iter().sum::<f64>() / returns.len() as f64
    };
    let rank = |method: &Method| {
        let place = |task: &String| {
            let own = mean(task, method);
            let others: Vec<f64> = methods.iter().map(|other| mean(task, other)).collect();
            let better = others.iter().filter(|&&other| other > own).count();
            let equal = others.iter().filter(|&&other| other == own).count();
            better as f64 + 0.5 * (equal as f64 + 1.0)
        };
        tasks.iter().map(place).sum::<f64>() / tasks.len() as f64
    };
    let estimate = |method: &Method| {
        let normalised = |(task, &(low, high)): (&String, &(f64, f64))| -> Vec<f64> {
            let span = if high > low { high - low } else { 1.0 };
            returns(outcomes, task, method).into_iter().map(|x| (x - low) / span).collect()
        };
        let strata: Vec<Vec<f64>> = tasks.iter().zip(&ends).map(normalised).collect();
        let sizes: Vec<usize> = strata.iter().map(Vec::len).collect();
        let bootstrap = Bootstrap::new(&sizes, RESAMPLES);
        let estimate = bootstrap.estimate(&strata, Center::InterquartileMean, CONFIDENCE);
        Aggregate { method: method.clone(), estimate, rank: rank(method), runs: sizes.iter().sum() }
    };
    methods.iter().map(estimate).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::path::Path;

    use records::columns::header;
    use records::folder::{First, RunFolder};
    use records::metrics::{MetricsRow, MetricsWriter};

    use super::*;
    use crate::plot::runs::read_all;

    fn run(root: &Path, name: &str, evaluation: Option<f64>) -> Run {
        let first = First {
            config: "(env: Ant(), controller: Snn(), strategy: OpenEs())",
            provenance: "{}".to_owned(),
            metrics: header(&[], false),
            checkpoint: Vec::new(),
            ended: None,
        };
        let (folder, _) = RunFolder::create(Some(&root.join(name)), "x", 1, &first).unwrap();
        let (mut metrics, _) = MetricsWriter::resume(&folder.metrics(), &[], false, (0, None)).unwrap();
        let row = MetricsRow {
            generation: 1,
            env_steps: 12_300_000,
            wall_s: 171.0,
            fitness_mean: 843.0,
            eval_return_mean: evaluation,
            energy_pj_per_step: 10_800.0,
            ..MetricsRow::default()
        };
        metrics.push(&row).unwrap();
        read_all(&[root.join(name)]).unwrap().remove(0)
    }

    #[test]
    fn people_read_the_units_and_which_values_are_not_evaluations() {
        let root = tempfile::tempdir().unwrap();
        let runs = [run(root.path(), "a", Some(1867.0)), run(root.path(), "b", None)];
        let cells = measures(&runs[..1], 1);
        assert_eq!(
            [&cells[1], &cells[3], &cells[4], &cells[7]],
            ["1867.0", "12.3M", "2 min 51 s", "10.8 nJ"]
        );
        assert_eq!(measures(&runs[1..], 1)[1], "843.0 (training fitness)");
        assert!(measures(&runs, 2)[1].ends_with(" (1 by training fitness)"));
    }
}
