//! The nodes of a graph without its nesting, for who makes another network of it.

use super::check::{At, check_graph};
use super::error::NirError;
use super::graph::{Graph, NodeKind, count};
use super::plan::Plan;

/// A node.
pub(crate) struct Unit<'a> {
    /// Name with those of the graphs around it, joined by dots.
    pub(crate) name: String,
    pub(crate) kind: &'a NodeKind,
    /// Places of the nodes that feed it, in the order of the edges.
    pub(crate) sources: Vec<usize>,
    /// Values that it gives.
    pub(crate) width: usize,
}

impl Unit<'_> {
    /// What is wrong with a parameter.
    pub(crate) fn field(&self, field: &str, problem: &str) -> NirError {
        At { node: &self.name, kind: self.kind.name() }.field(field, problem)
    }

    /// What is wrong with the node where it stands.
    pub(crate) fn node(&self, problem: &str) -> NirError {
        At { node: &self.name, kind: self.kind.name() }.node(problem)
    }
}

/// All nodes but the doors of nested graphs, in the order in which a signal from the inputs reaches them.
///
/// # Errors
/// What is wrong with the graph.
pub(crate) fn units(graph: &Graph) -> Result<Vec<Unit<'_>>, NirError> {
    check_graph("", graph, 0)?;
    let plan = Plan::new(graph)?;
    let is_door = |unit: usize| {
        let door = matches!(plan.units[unit].kind, NodeKind::Input { .. } | NodeKind::Output { .. });
        door && !plan.inputs.contains(&unit) && !plan.outputs.contains(&unit)
    };
    let kept: Vec<usize> = plan.order.iter().copied().filter(|&unit| !is_door(unit)).collect();
    let mut place = vec![0; plan.units.len()];
    for (at, &unit) in kept.iter().enumerate() {
        place[unit] = at;
    }
    // What comes through a door comes from what feeds the door.
    let sources = |unit: usize| {
        let (mut open, mut found) = (plan.units[unit].sources.clone(), Vec::new());
        open.reverse();
        while let Some(source) = open.pop() {
            if is_door(source) {
                open.extend(plan.units[source].sources.iter().rev());
            } else {
                found.push(place[source]);
            }
        }
        found
    };
    let unit = |&unit: &usize| Unit {
        name: plan.units[unit].name.clone(),
        kind: plan.units[unit].kind,
        sources: sources(unit),
        width: count(&plan.units[unit].shapes.1).expect("shapes have been checked"),
    };
    Ok(kept.iter().map(unit).collect())
}
