//! Runs grouped and named by what their configs have in common and what differs.

use std::collections::BTreeSet;

use super::runs::{Run, VALIDATE};
use super::words;

/// Config fields that do not change what is learned, and so do not keep runs apart.
const IGNORED: [&str; 5] = ["run.seed", "run.keep", "run.checkpoint_every", "run.log", VALIDATE];

/// Most differences that a name holds.
const MAX_DIFFERENCES: usize = 3;

/// Runs that differ only in ignored fields, such as the seed.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub label: String,
    pub runs: Vec<Run>,
}

impl Run {
    /// What it is told apart by.
    fn kept(&self) -> Vec<&(String, String)> {
        self.fields.iter().filter(|(path, _)| !IGNORED.contains(&path.as_str())).collect()
    }
}

/// Puts runs that differ only in ignored fields together and names the groups by what differs.
pub(crate) fn group(runs: Vec<Run>) -> Vec<Group> {
    let mut groups: Vec<Vec<Run>> = Vec::new();
    for run in runs {
        match groups.iter_mut().find(|members| members[0].kept() == run.kept()) {
            Some(members) => members.push(run),
            None => groups.push(vec![run]),
        }
    }
    let labels = labels(&groups.iter().map(|members| &members[0]).collect::<Vec<_>>());
    groups.into_iter().zip(labels).map(|(runs, label)| Group { label, runs }).collect()
}

/// Names runs by what differs between them; a single one by what trains and its controller.
fn labels(runs: &[&Run]) -> Vec<String> {
    if let [run] = runs {
        let parts = [Some(run.method()), run.field("controller").map(str::to_owned)];
        return vec![parts.into_iter().flatten().collect::<Vec<_>>().join(", ")];
    }
    let paths = differing(runs);
    // Evolution and gradients beside each other have little in common: their settings tell less than which is which.
    let gradients = paths.iter().any(|path| path == "task" || path.starts_with("refine."));
    let methods_differ = gradients && runs.iter().any(|run| run.method() != runs[0].method());
    let names = words::names(&paths);
    let label = |run: &Run, digits: usize| {
        if methods_differ {
            return run.method();
        }
        let named = paths.iter().zip(&names).filter_map(|(path, name)| Some((path, name, run.field(path)?)));
        let named: Vec<String> = named
            .take(MAX_DIFFERENCES)
            .map(|(path, name, value)| match path.as_str() {
                "env" | "strategy" | "controller" => value.to_owned(),
                _ => words::setting(name, value, digits),
            })
            .collect();
        named.join(", ")
    };
    let all = |digits| runs.iter().map(|run| label(run, digits)).collect::<Vec<String>>();
    // As few digits as tell them apart as well as all of them would.
    let different = |labels: &[String]| labels.iter().collect::<BTreeSet<_>>().len();
    let most = different(&all(words::DIGITS[2]));
    let mut labels =
        words::DIGITS.map(all).into_iter().find(|labels| different(labels) == most).unwrap_or_default();
    // Where strategies or methods differ, their fields were left out: add what tells equal strategies apart.
    for first in 0..runs.len() {
        let alike: Vec<usize> = (first..runs.len()).filter(|&i| labels[i] == labels[first]).collect();
        if alike.len() > 1 && alike.len() < runs.len() {
            let inner = self::labels(&alike.iter().map(|&i| runs[i]).collect::<Vec<_>>());
            for (&index, inner) in alike.iter().zip(&inner) {
                labels[index] = format!("{}, {inner}", labels[index]);
            }
        }
    }
    labels
}

/// Names of runs that are shown one by one: by what differs between them, by their seeds, else by their folders.
pub(crate) fn names(runs: &[Run]) -> Vec<String> {
    let groups = group(runs.to_vec());
    let name = |run: &Run| {
        let own = groups.iter().find(|group| group.runs[0].kept() == run.kept())?;
        let label = (groups.len() > 1).then(|| own.label.clone());
        let seeds: BTreeSet<&str> = own.runs.iter().filter_map(|run| run.field("run.seed")).collect();
        let seed = match own.runs.len() {
            1 => None,
            count if count == seeds.len() => run.field("run.seed").map(|seed| format!("seed {seed}")),
            _ => Some(run.folder.path().file_name()?.to_string_lossy().into_owned()),
        };
        Some([label, seed].into_iter().flatten().collect::<Vec<_>>().join(", "))
    };
    runs.iter().map(|run| name(run).unwrap_or_default()).collect()
}

/// Paths whose values are not the same in all runs, but none inside a variant that differs itself.
pub(crate) fn differing(runs: &[&Run]) -> Vec<String> {
    let mut paths: Vec<String> = Vec::new();
    for (path, _) in runs.iter().flat_map(|run| &run.fields) {
        let mut values = runs.iter().map(|run| run.field(path));
        let first = values.next().flatten();
        let differs = values.any(|value| value != first);
        let inside = paths.iter().any(|other| {
            path.strip_prefix(other.as_str()).is_some_and(|rest| rest.starts_with('.') || rest.is_empty())
        });
        if differs && !inside && !IGNORED.contains(&path.as_str()) {
            paths.push(path.clone());
        }
    }
    // How long a run is and how often it is evaluated tell least.
    paths.sort_by_key(|path| path.starts_with("run."));
    paths
}
