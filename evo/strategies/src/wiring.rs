//! The largest network that a strategy of wirings may use: groups of neurons and the blocks of weights between them.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::{StrategyError, check};

/// The group of neurons that are always there.
const OUTPUT: &str = "output";
/// The group of an input that is always 1.
const BIAS: &str = "bias";

/// Weights of all connections from one group of neurons to another, or to itself: a matrix, row after row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WeightBlock {
    /// Name of the group that they come from. One that no block leads to has inputs. `"bias"` is an input that is always
    /// 1: no neuron is put into the middle of its connections.
    pub from: String,
    /// Name of the group that they lead to. Neurons of `"output"` are always there, those of other groups are hidden.
    pub to: String,
    /// Neurons of the first group, its first ones if another block has more; ≥ 1.
    pub rows: usize,
    /// Neurons of the second one, likewise.
    pub columns: usize,
}

impl WeightBlock {
    /// A block.
    #[must_use]
    pub fn new(from: &str, to: &str, rows: usize, columns: usize) -> Self {
        Self { from: from.to_owned(), to: to.to_owned(), rows, columns }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Input,
    Hidden,
    Output,
}

/// Neurons of one kind. Inputs and outputs are always there, and their numbers are the first ones.
struct Group {
    kind: Kind,
    is_bias: bool,
    size: usize,
    /// Number of the first neuron; of no use for hidden ones.
    first: u64,
}

struct Placed {
    from: usize,
    to: usize,
    rows: usize,
    columns: usize,
    /// Of the parameters.
    first: usize,
}

/// Group and place in it.
pub(super) type Place = (usize, usize);

/// Blocks that fit together.
pub(super) struct Wiring {
    groups: Vec<Group>,
    blocks: Vec<Placed>,
    /// Neurons that are always there.
    fixed: u64,
    parameters: usize,
}

impl Wiring {
    /// Refuses blocks that are no network of inputs, hidden neurons and outputs to which a neuron could be added.
    pub fn new(strategy: &'static str, blocks: &[WeightBlock]) -> Result<Self, StrategyError> {
        let refuse = |value: &str, expected| Err(check::error(strategy, "blocks", &value, expected));
        let mut names: Vec<&str> = Vec::new();
        for block in blocks {
            for name in [&block.from, &block.to] {
                if !names.contains(&name.as_str()) {
                    names.push(name);
                }
            }
        }
        let place = |name: &str| names.iter().position(|known| *known == name).unwrap_or(0);
        let (mut placed, mut parameters): (Vec<Placed>, usize) = (Vec::new(), 0);
        for block in blocks {
            let (from, to, rows, columns) = (place(&block.from), place(&block.to), block.rows, block.columns);
            let name = format!("{} to {}, {rows} × {columns}", block.from, block.to);
            if rows == 0 || columns == 0 || rows.saturating_mul(columns) > 1 << 40 {
                return refuse(&name, "a row and a column or more, and fewer than 2⁴⁰ weights");
            }
            if placed.iter().any(|other| (other.from, other.to) == (from, to)) {
                return refuse(&name, "one block from a group to another");
            }
            placed.push(Placed { from, to, rows, columns, first: parameters });
            parameters += rows * columns;
        }
        let kind = |group, name: &str| match name {
            OUTPUT => Kind::Output,
            _ if placed.iter().any(|block| block.to == group) => Kind::Hidden,
            _ => Kind::Input,
        };
        let (mut groups, mut fixed) = (Vec::new(), 0);
        for (group, &name) in names.iter().enumerate() {
            let rows = placed.iter().filter(|block| block.from == group).map(|block| block.rows);
            let columns = placed.iter().filter(|block| block.to == group).map(|block| block.columns);
            let (kind, size) = (kind(group, name), rows.chain(columns).max().unwrap_or(0));
            groups.push(Group { kind, is_bias: name == BIAS, size, first: fixed });
            fixed += if kind == Kind::Hidden { 0 } else { size as u64 };
        }
        let wiring = Self { groups, blocks: placed, fixed, parameters };
        let outputs = wiring.of_kind(Kind::Output).next();
        let Some(output) = outputs.filter(|&output| wiring.blocks.iter().any(|b| b.to == output)) else {
            return refuse(&names.join(", "), "blocks that lead to \"output\"");
        };
        if !wiring.of_kind(Kind::Input).any(|input| wiring.path(input, output).is_some()) {
            return refuse(&names.join(", "), "blocks that lead from a group of inputs to \"output\"");
        }
        let splits = |b: &Placed| !wiring.is_bias(b.from) && wiring.between(b.from, b.to).next().is_some();
        if !wiring.blocks.iter().any(splits) {
            let expected = "two groups that are connected both directly and through hidden neurons, which may be of \
                            one of these groups: a neuron is added in the middle of a connection";
            return refuse(&names.join(", "), expected);
        }
        Ok(wiring)
    }

    /// Weights of all blocks.
    pub fn parameters(&self) -> usize {
        self.parameters
    }

    /// Inputs and outputs: their numbers are those below.
    pub fn fixed(&self) -> u64 {
        self.fixed
    }

    pub fn groups(&self) -> Range<usize> {
        0..self.groups.len()
    }

    pub fn of_kind(&self, kind: Kind) -> impl Iterator<Item = usize> {
        self.groups().filter(move |&group| self.groups[group].kind == kind)
    }

    pub fn is_hidden(&self, group: usize) -> bool {
        self.groups.get(group).is_some_and(|group| group.kind == Kind::Hidden)
    }

    pub fn is_input(&self, group: usize) -> bool {
        self.groups[group].kind == Kind::Input
    }

    pub fn is_output(&self, group: usize) -> bool {
        self.groups[group].kind == Kind::Output
    }

    pub fn is_bias(&self, group: usize) -> bool {
        self.groups[group].is_bias
    }

    /// Neurons of a group at the most.
    pub fn size(&self, group: usize) -> usize {
        self.groups[group].size
    }

    /// Number of a neuron that is always there.
    pub fn number(&self, (group, place): Place) -> u64 {
        self.groups[group].first + place as u64
    }

    /// Place of a neuron that is always there.
    pub fn place(&self, number: u64) -> Option<Place> {
        self.groups().find_map(|group| {
            let of = &self.groups[group];
            let place = number.checked_sub(of.first)? as usize;
            (of.kind != Kind::Hidden && place < of.size).then_some((group, place))
        })
    }

    fn block(&self, from: usize, to: usize) -> Option<&Placed> {
        self.blocks.iter().find(|block| (block.from, block.to) == (from, to))
    }

    /// Whether neurons of a group may lead to those of another.
    pub fn leads(&self, from: usize, to: usize) -> bool {
        self.block(from, to).is_some()
    }

    /// The parameter that is the weight of a connection, if there can be one.
    pub fn parameter(&self, from: Place, to: Place) -> Option<usize> {
        let block = self.block(from.0, to.0)?;
        let within = from.1 < block.rows && to.1 < block.columns;
        within.then(|| block.first + from.1 * block.columns + to.1)
    }

    /// From where to where the connection of a parameter leads.
    pub fn connection(&self, parameter: usize) -> (Place, Place) {
        let after = self.blocks.partition_point(|block| block.first <= parameter);
        let block = &self.blocks[after - 1];
        let within = parameter - block.first;
        ((block.from, within / block.columns), (block.to, within % block.columns))
    }

    /// Hidden groups that a neuron in the middle of a connection between two groups may belong to.
    pub fn between(&self, from: usize, to: usize) -> impl Iterator<Item = usize> {
        self.of_kind(Kind::Hidden).filter(move |&group| self.leads(from, group) && self.leads(group, to))
    }

    /// The hidden groups on a shortest way from one group to another; none where there is no way.
    pub fn path(&self, from: usize, to: usize) -> Option<Vec<usize>> {
        let mut before: Vec<Option<usize>> = vec![None; self.groups.len()];
        let mut found = vec![from];
        let mut next = 0;
        while next < found.len() {
            let here = found[next];
            next += 1;
            if self.leads(here, to) {
                let mut path: Vec<usize> =
                    std::iter::successors(Some(here), |&group| before[group]).collect();
                path.pop();
                path.reverse();
                return Some(path);
            }
            for group in self.of_kind(Kind::Hidden).filter(|&group| self.leads(here, group)) {
                if !found.contains(&group) {
                    before[group] = Some(here);
                    found.push(group);
                }
            }
        }
        None
    }
}
