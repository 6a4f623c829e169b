//! From a graph to a list of units in the order in which a tick visits them.

use super::check::{At, join, output_shape};
use super::error::{NirError, list};
use super::graph::{Graph, NodeKind};
use super::perceptron::Nonlinearity;

/// One node of a flattened graph.
pub(super) struct Unit<'a> {
    /// Name with those of the graphs around it, joined by dots.
    pub(super) name: String,
    pub(super) kind: &'a NodeKind,
    /// What its metadata have follow it.
    pub(super) activation: Option<Nonlinearity>,
    /// Units that feed it, in the order of the edges.
    pub(super) sources: Vec<usize>,
    /// Shape of its input and output.
    pub(super) shapes: (Vec<usize>, Vec<usize>),
    /// Whether it belongs to the outermost graph.
    outer: bool,
}

impl Unit<'_> {
    pub(super) fn at(&self) -> At<'_> {
        At { node: &self.name, kind: self.kind.name() }
    }
}

/// A flattened graph.
pub(super) struct Plan<'a> {
    pub(super) units: Vec<Unit<'a>>,
    /// Indices of `units` as a tick visits them. A source that comes later than its target, or is the
    /// target itself, closes a cycle: it delivers what it gave in the previous tick.
    pub(super) order: Vec<usize>,
    /// Units of the outermost graph where signals enter.
    pub(super) inputs: Vec<usize>,
    /// Units of the outermost graph where signals leave.
    pub(super) outputs: Vec<usize>,
}

impl<'a> Plan<'a> {
    /// Flattens `graph`, which has been checked, orders it, and finds the shapes of its signals.
    pub(super) fn new(graph: &'a Graph) -> Result<Self, NirError> {
        let mut plan = Self { units: Vec::new(), order: Vec::new(), inputs: Vec::new(), outputs: Vec::new() };
        let mut edges = Vec::new();
        plan.flatten("", graph, &mut edges)?;
        for &(from, to) in &edges {
            plan.units[to].sources.push(from);
        }
        for (index, unit) in plan.units.iter().enumerate().filter(|(_, unit)| unit.outer) {
            match unit.kind {
                NodeKind::Input { .. } => plan.inputs.push(index),
                NodeKind::Output { .. } => plan.outputs.push(index),
                _ => {}
            }
        }
        plan.check_ends(&edges)?;
        plan.sort(&edges)?;
        plan.shapes()?;
        Ok(plan)
    }

    /// Adds the nodes and edges of a graph; returns where a signal enters and leaves each of its
    /// nodes.
    fn flatten(
        &mut self,
        prefix: &str,
        graph: &'a Graph,
        edges: &mut Vec<(usize, usize)>,
    ) -> Result<(), NirError> {
        let mut doors: Vec<(&str, usize, usize)> = Vec::new();
        let mut nested = Vec::new();
        for (name, node) in &graph.nodes {
            let path = join(prefix, name);
            if let NodeKind::Graph(inner) = &node.kind {
                let first = self.units.len();
                self.flatten(&path, inner, &mut nested)?;
                let door = |wanted: fn(&NodeKind) -> bool, word| {
                    let doors = inner.nodes.iter().filter(|(_, node)| wanted(&node.kind));
                    let names: Vec<String> = doors.map(|(name, _)| join(&path, name)).collect();
                    match names.as_slice() {
                        [name] => {
                            let units = self.units[first..].iter();
                            let index =
                                units.clone().position(|unit| unit.name == *name && unit.kind.name() == word);
                            Ok(first + index.expect("every node of the nested graph has a unit"))
                        }
                        names => Err(At { node: &path, kind: "NIRGraph" }.node(format!(
                            "has {} nodes of type {word} ({}); inside another graph it needs exactly one",
                            names.len(),
                            list(names)
                        ))),
                    }
                };
                let enter = door(|kind| matches!(kind, NodeKind::Input { .. }), "Input")?;
                let leave = door(|kind| matches!(kind, NodeKind::Output { .. }), "Output")?;
                doors.push((name, enter, leave));
            } else {
                let index = self.units.len();
                self.units.push(Unit {
                    activation: Nonlinearity::of(&path, node)?,
                    name: path,
                    kind: &node.kind,
                    sources: Vec::new(),
                    shapes: (Vec::new(), Vec::new()),
                    outer: prefix.is_empty(),
                });
                doors.push((name, index, index));
            }
        }
        let find = |name: &str| {
            let at = doors.binary_search_by(|(other, ..)| (*other).cmp(name));
            doors[at.expect("edges have been checked")]
        };
        let entry = recurrent_entry(graph).filter(|_| !prefix.is_empty());
        edges.extend(graph.edges.iter().map(|(from, to)| {
            let to = match entry {
                Some((input, connections, neuron)) if from == input && to == connections => neuron,
                _ => to,
            };
            (find(from).2, find(to).1)
        }));
        edges.append(&mut nested);
        Ok(())
    }

    /// Signals must enter and leave, and the doors must be open.
    fn check_ends(&self, edges: &[(usize, usize)]) -> Result<(), NirError> {
        if self.inputs.is_empty() {
            let starts = (0..self.units.len()).filter(|&unit| self.units[unit].sources.is_empty());
            let starts = list(starts.map(|unit| &self.units[unit].name));
            let problem = format!("the graph has no Input node; nodes that nothing leads to: {starts}");
            return Err(NirError::Graph { problem });
        }
        if self.outputs.is_empty() {
            let problem = "the graph has no Output node".to_owned();
            return Err(NirError::Graph { problem });
        }
        for &input in &self.inputs {
            if let Some(&from) = self.units[input].sources.first() {
                let problem =
                    format!("gets a signal from '{}'; nothing may lead to it", self.units[from].name);
                return Err(self.units[input].at().node(problem));
            }
        }
        for &output in &self.outputs {
            if self.units[output].sources.is_empty() {
                return Err(self.units[output].at().node("gets no signal; an edge must lead to it"));
            }
            if let Some(&(_, to)) = edges.iter().find(|(from, _)| *from == output) {
                let problem = format!("leads to '{}'; nothing may come behind it", self.units[to].name);
                return Err(self.units[output].at().node(problem));
            }
        }
        Ok(())
    }

    /// Depth first from the inputs, along the edges in their order: an edge back to a node on the
    /// path closes a cycle, and without those the nodes are in topological order.
    fn sort(&mut self, edges: &[(usize, usize)]) -> Result<(), NirError> {
        let mut targets = vec![Vec::new(); self.units.len()];
        for &(from, to) in edges {
            targets[from].push(to);
        }
        let mut starts: Vec<usize> = Vec::new();
        for &(from, _) in edges {
            if self.inputs.contains(&from) && !starts.contains(&from) {
                starts.push(from);
            }
        }
        starts.extend(self.inputs.iter().filter(|input| targets[**input].is_empty()));
        let mut seen = vec![false; self.units.len()];
        for start in starts {
            seen[start] = true;
            // The path so far, with how many edges of each node have been followed.
            let mut path = vec![(start, 0)];
            while let Some((node, followed)) = path.last_mut() {
                let Some(&next) = targets[*node].get(*followed) else {
                    self.order.push(*node);
                    path.pop();
                    continue;
                };
                *followed += 1;
                if !seen[next] {
                    seen[next] = true;
                    path.push((next, 0));
                }
            }
        }
        self.order.reverse();
        let lost: Vec<&String> =
            self.units.iter().zip(&seen).filter(|(_, seen)| !**seen).map(|(unit, _)| &unit.name).collect();
        if lost.is_empty() {
            return Ok(());
        }
        let problem = format!("no path leads from an Input node to: {}", list(lost));
        Err(NirError::Graph { problem })
    }

    /// Follows the signal from the inputs.
    fn shapes(&mut self) -> Result<(), NirError> {
        for place in 0..self.order.len() {
            let index = self.order[place];
            let unit = &self.units[index];
            let input = match unit.kind {
                NodeKind::Input { shape } if unit.outer => shape.clone(),
                _ => {
                    // A source that closes a cycle has no shape yet; but one at least comes before.
                    let known = unit.sources.iter().map(|&source| &self.units[source].shapes.1);
                    known.into_iter().find(|shape| !shape.is_empty()).expect("reached from an input").clone()
                }
            };
            let output = output_shape(unit.at(), unit.kind, &input)?;
            self.units[index].shapes = (input, output);
        }
        for unit in &self.units {
            for &source in &unit.sources {
                let source = &self.units[source];
                if source.shapes.1 != unit.shapes.0 {
                    return Err(NirError::Edge {
                        from: source.name.clone(),
                        to: unit.name.clone(),
                        problem: format!(
                            "{} gives shape {:?} and {} takes {:?}",
                            source.kind.name(),
                            source.shapes.1,
                            unit.kind.name(),
                            unit.shapes.0
                        ),
                    });
                }
            }
        }
        Ok(())
    }
}

/// In a recurrent layer written as a graph of exactly an input, a neuron, a connection and an output,
/// the input goes to the neuron, even where the file leads it through the connection (as Spyx and the
/// helper of `nir` that nests flat graphs do; importers do not look at these edges). Returns the three
/// names: input, connection, neuron.
fn recurrent_entry(graph: &Graph) -> Option<(&String, &String, &String)> {
    let only = |wanted: fn(&NodeKind) -> bool| {
        let mut found = graph.nodes.iter().filter(|(_, node)| wanted(&node.kind)).map(|(name, _)| name);
        found.next().filter(|_| found.next().is_none())
    };
    let input = only(|kind| matches!(kind, NodeKind::Input { .. }))?;
    let output = only(|kind| matches!(kind, NodeKind::Output { .. }))?;
    let connection = only(|kind| matches!(kind, NodeKind::Linear { .. } | NodeKind::Affine { .. }))?;
    let neuron = only(|kind| !kind.neuron().is_empty())?;
    let has = |from: &String, to: &String| graph.edges.iter().any(|(a, b)| a == from && b == to);
    let loops = has(neuron, connection) && has(connection, neuron) && has(neuron, output);
    (graph.nodes.len() == 4 && loops && !has(input, neuron)).then_some((input, connection, neuron))
}
