//! What a graph must fulfil, and the shapes of signals.

use super::error::{NirError, list};
use super::graph::{Array, Conv, Data, Graph, NodeKind, Padding, Pool, count};

/// Nested graphs, and nested groups of metadata, at most this deep.
pub(super) const MAX_DEPTH: usize = 16;
/// Values of all arrays of a file at most, and of all that running its graph keeps: 512 MiB as 32-bit
/// floats.
pub(super) const MAX_VALUES: usize = 1 << 27;
/// Nodes of a file at most, those of nested graphs included.
pub(super) const MAX_NODES: usize = 1 << 16;
/// Values of one signal at most.
pub(super) const MAX_SIGNAL: usize = 1 << 24;

/// A node, for messages.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    pub(super) node: &'a str,
    pub(super) kind: &'static str,
}

impl At<'_> {
    pub(super) fn field(self, field: &str, problem: impl Into<String>) -> NirError {
        let (node, field) = (self.node.to_owned(), field.to_owned());
        NirError::Field { node, kind: self.kind, field, problem: problem.into() }
    }

    pub(super) fn node(self, problem: impl Into<String>) -> NirError {
        NirError::Node { node: self.node.to_owned(), kind: self.kind, problem: problem.into() }
    }

    fn require(self, holds: bool, field: &str, problem: impl FnOnce() -> String) -> Result<(), NirError> {
        if holds { Ok(()) } else { Err(self.field(field, problem())) }
    }
}

/// `prefix.name`, or `name` in the outermost graph.
pub(super) fn join(prefix: &str, name: &str) -> String {
    if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") }
}

/// What is left for one file to expand to.
pub(super) struct Budget {
    left: usize,
}

impl Budget {
    pub(super) const fn new() -> Self {
        Self { left: MAX_VALUES }
    }

    /// Takes `values` from what is left; else says in words why that does not go.
    pub(super) fn take(&mut self, values: Option<usize>) -> Result<(), String> {
        match values.and_then(|values| self.left.checked_sub(values)) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(format!(
                "takes {} values, and {} are left of the {MAX_VALUES} (512 MiB as float32) that all of a \
                 file may take",
                values.map_or_else(|| "too many".to_owned(), |values| values.to_string()),
                self.left
            )),
        }
    }
}

/// Checks a graph with everything in it, but not whether shapes fit along edges.
pub(super) fn check_graph(prefix: &str, graph: &Graph, depth: usize) -> Result<(), NirError> {
    if depth > MAX_DEPTH {
        let problem = format!("graph '{prefix}' is nested more than {MAX_DEPTH} deep");
        return Err(NirError::Graph { problem });
    }
    for (name, node) in &graph.nodes {
        let path = join(prefix, name);
        let at = At { node: &path, kind: node.kind.name() };
        if !is_name(name) {
            return Err(
                at.node("cannot be called so: names are not empty and without '/' and NUL, and not '.'")
            );
        }
        match &node.kind {
            NodeKind::Graph(nested) => check_graph(&path, nested, depth + 1)?,
            kind => check(at, kind)?,
        }
    }
    let mut seen: Vec<&(String, String)> = graph.edges.iter().collect();
    seen.sort_unstable();
    let twice = seen.windows(2).find(|pair| pair[0] == pair[1]);
    let unknown = graph.edges.iter().find_map(|edge| {
        [&edge.0, &edge.1].into_iter().find(|name| !graph.nodes.contains_key(*name)).map(|name| (edge, name))
    });
    let error = |edge: &(String, String), problem| NirError::Edge {
        from: join(prefix, &edge.0),
        to: join(prefix, &edge.1),
        problem,
    };
    match (unknown, twice) {
        (Some((edge, name)), _) => {
            Err(error(edge, format!("there is no node '{name}'; nodes: {}", list(graph.nodes.keys()))))
        }
        (None, Some(pair)) => Err(error(pair[0], "is there twice".to_owned())),
        (None, None) => Ok(()),
    }
}

/// Whether HDF5 can hold something of this name.
pub(super) fn is_name(name: &str) -> bool {
    !name.is_empty() && name != "." && !name.contains(['/', '\0'])
}

/// Checks the parameters of a node.
fn check(at: At<'_>, kind: &NodeKind) -> Result<(), NirError> {
    match kind {
        NodeKind::Input { shape } | NodeKind::Output { shape } => check_shape(at, "shape", shape),
        NodeKind::Affine { weight, bias } => {
            check_weight(at, weight)?;
            let out = outputs(weight.shape());
            let fits = bias.shape() == out || bias.shape() == &out[out.len() - 1..];
            numbers(at, "bias", bias)?;
            at.require(fits, "bias", || {
                format!(
                    "has shape {:?}, expected {:?} as 'weight' has shape {:?}",
                    bias.shape(),
                    out,
                    weight.shape()
                )
            })
        }
        NodeKind::Linear { weight } => check_weight(at, weight),
        NodeKind::Scale { scale } => vector(at, "scale", scale),
        NodeKind::Delay { delay } => vector(at, "delay", delay),
        NodeKind::Threshold { threshold } => vector(at, "threshold", threshold),
        NodeKind::Conv1d(conv) => check_conv(at, conv),
        NodeKind::Conv2d(conv) => check_conv(at, conv),
        NodeKind::SumPool2d(pool) | NodeKind::AvgPool2d(pool) => {
            positive(at, "kernel_size", &pool.kernel_size)?;
            positive(at, "stride", &pool.stride)?;
            let half = (0..2).all(|axis| pool.padding[axis] <= pool.kernel_size[axis] / 2);
            at.require(half, "padding", || {
                format!(
                    "is {:?}, expected at most half of 'kernel_size' {:?}",
                    pool.padding, pool.kernel_size
                )
            })
        }
        NodeKind::Flatten { input_type, .. } => {
            input_type.iter().try_for_each(|shape| check_shape(at, "input_type", shape))
        }
        neuron => {
            let fields = neuron.neuron();
            let (first, model) = fields[0];
            for (name, array) in fields {
                vector(at, name, array)?;
                at.require(array.shape() == model.shape(), name, || {
                    format!("has shape {:?}, expected {:?} as '{first}'", array.shape(), model.shape())
                })?;
            }
            Ok(())
        }
    }
}

fn check_shape(at: At<'_>, field: &str, shape: &[usize]) -> Result<(), NirError> {
    let fits = !shape.is_empty() && count(shape).is_some_and(|n| (1..=MAX_SIGNAL).contains(&n));
    at.require(fits, field, || {
        format!("is {shape:?}, expected at least one axis and 1 to {MAX_SIGNAL} values")
    })
}

fn check_weight(at: At<'_>, weight: &Array) -> Result<(), NirError> {
    vector(at, "weight", weight)?;
    at.require(weight.shape().len() >= 2, "weight", || {
        format!("has shape {:?}, expected [out, in]", weight.shape())
    })
}

/// Numbers, at least one.
fn numbers(at: At<'_>, field: &str, array: &Array) -> Result<(), NirError> {
    let data = array.data();
    at.require(!matches!(data, Data::Bool(_) | Data::Text(_)), field, || {
        format!("holds {}, expected numbers", data.name())
    })?;
    at.require(!data.is_empty(), field, || format!("has shape {:?}, which holds nothing", array.shape()))
}

/// Numbers with at least one axis.
fn vector(at: At<'_>, field: &str, array: &Array) -> Result<(), NirError> {
    numbers(at, field, array)?;
    at.require(!array.shape().is_empty(), field, || {
        "is a single number without axes, expected an array with one value per element".to_owned()
    })
}

fn positive(at: At<'_>, field: &str, values: &[usize]) -> Result<(), NirError> {
    at.require(values.iter().all(|&x| (1..=MAX_SIGNAL).contains(&x)), field, || {
        format!("is {values:?}, expected at least 1")
    })
}

fn check_conv<const D: usize>(at: At<'_>, conv: &Conv<D>) -> Result<(), NirError> {
    vector(at, "weight", &conv.weight)?;
    let weight = conv.weight.shape();
    at.require(weight.len() == D + 2, "weight", || {
        let axes = ["length", "height, width"][D - 1];
        format!("has shape {weight:?}, expected [out channels, in channels, {axes}]")
    })?;
    numbers(at, "bias", &conv.bias)?;
    at.require(conv.bias.shape() == [weight[0]], "bias", || {
        format!("has shape {:?}, expected [{}], the out channels of 'weight'", conv.bias.shape(), weight[0])
    })?;
    positive(at, "stride", &conv.stride)?;
    positive(at, "dilation", &conv.dilation)?;
    if let Padding::Zeros(zeros) = conv.padding {
        at.require(zeros.iter().all(|&n| n <= MAX_SIGNAL), "padding", || {
            format!("is {zeros:?}, which is too much")
        })?;
    }
    let same = conv.padding == Padding::Same && conv.stride != [1; D];
    at.require(!same, "padding", || "is 'same', for which 'stride' must be 1".to_owned())?;
    at.require(conv.groups > 0 && weight[0].is_multiple_of(conv.groups), "groups", || {
        format!("is {}, expected a divisor of the {} out channels", conv.groups, weight[0])
    })?;
    conv.input_shape.iter().try_for_each(|shape| check_shape(at, "input_shape", shape))
}

/// Shape of the output of `W·x`: that of the weight without its last axis.
fn outputs(weight: &[usize]) -> &[usize] {
    &weight[..weight.len() - 1]
}

/// Shape of the input, if the parameters say it.
pub(super) fn input_shape(kind: &NodeKind) -> Option<Vec<usize>> {
    let conv = |weight: &Array, groups: usize, shape: &[usize]| {
        // At most MAX_VALUES channels, and groups divide the out channels.
        [&[weight.shape()[1] * groups], shape].concat()
    };
    match kind {
        NodeKind::Input { shape } | NodeKind::Output { shape } => Some(shape.clone()),
        NodeKind::Affine { weight, .. } | NodeKind::Linear { weight } => {
            let (before, last) = weight.shape().split_at(weight.shape().len() - 2);
            Some([before, &last[1..]].concat())
        }
        NodeKind::Scale { scale: array }
        | NodeKind::Delay { delay: array }
        | NodeKind::Threshold { threshold: array } => Some(array.shape().to_vec()),
        NodeKind::Conv1d(Conv { input_shape, weight, groups, .. }) => {
            input_shape.map(|shape| conv(weight, *groups, &shape))
        }
        NodeKind::Conv2d(Conv { input_shape, weight, groups, .. }) => {
            input_shape.map(|shape| conv(weight, *groups, &shape))
        }
        NodeKind::Flatten { input_type, .. } => input_type.clone(),
        NodeKind::SumPool2d(_) | NodeKind::AvgPool2d(_) | NodeKind::Graph(_) => None,
        neuron => neuron.neuron().first().map(|(_, array)| array.shape().to_vec()),
    }
}

/// Shape of the output for an input of shape `input`, which must fit.
pub(super) fn output_shape(at: At<'_>, kind: &NodeKind, input: &[usize]) -> Result<Vec<usize>, NirError> {
    if let Some(expected) = input_shape(kind)
        && expected != input
    {
        return Err(at.node(format!("expects input of shape {expected:?} and gets {input:?}")));
    }
    let output = match kind {
        NodeKind::Affine { weight, .. } | NodeKind::Linear { weight } => outputs(weight.shape()).to_vec(),
        NodeKind::Conv1d(conv) => conv_shape(at, conv, input)?,
        NodeKind::Conv2d(conv) => conv_shape(at, conv, input)?,
        NodeKind::SumPool2d(Pool { kernel_size, stride, padding })
        | NodeKind::AvgPool2d(Pool { kernel_size, stride, padding }) => {
            let &[channels, height, width] = input else {
                return Err(
                    at.node(format!("expects input of shape [channels, height, width] and gets {input:?}"))
                );
            };
            let extent = |axis: usize, length: usize| {
                window(length + 2 * padding[axis], kernel_size[axis], stride[axis])
                    .ok_or_else(|| at.node(format!("has a window larger than its input of shape {input:?}")))
            };
            vec![channels, extent(0, height)?, extent(1, width)?]
        }
        NodeKind::Flatten { start_dim, end_dim, .. } => {
            let axis = |field: &str, index: i64| {
                let rank = input.len() as i64;
                let axis = if index < 0 { index + rank } else { index };
                let fits = (0..rank).contains(&axis);
                at.require(fits, field, || {
                    format!("is {index}, but the input of shape {input:?} has {rank} axes")
                })
                .map(|()| axis as usize)
            };
            let (start, end) = (axis("start_dim", *start_dim)?, axis("end_dim", *end_dim)?);
            if start > end {
                return Err(at.field("start_dim", format!("is {start_dim}, behind 'end_dim' {end_dim}")));
            }
            let joined: usize = input[start..=end].iter().product();
            [&input[..start], &[joined], &input[end + 1..]].concat()
        }
        _ => input.to_vec(),
    };
    if count(&output).is_none_or(|n| n > MAX_SIGNAL) {
        return Err(at.node(format!("gives output of shape {output:?}, more than {MAX_SIGNAL} values")));
    }
    Ok(output)
}

/// Places of a window of `kernel` on `length`, `stride` apart; `None` if it does not fit.
fn window(length: usize, kernel: usize, stride: usize) -> Option<usize> {
    Some(length.checked_sub(kernel)? / stride + 1)
}

fn conv_shape<const D: usize>(at: At<'_>, conv: &Conv<D>, input: &[usize]) -> Result<Vec<usize>, NirError> {
    let weight = conv.weight.shape();
    let channels = weight[1] * conv.groups;
    if input.len() != D + 1 || input[0] != channels {
        let axes = ["length", "height, width"][D - 1];
        return Err(at.node(format!("expects input of shape [{channels}, {axes}] and gets {input:?}")));
    }
    let mut output = vec![weight[0]];
    for axis in 0..D {
        let (length, kernel) = (input[axis + 1], spread(weight[axis + 2], conv.dilation[axis]));
        let extent = match conv.padding {
            Padding::Same => Some(length),
            Padding::Valid => window(length, kernel, conv.stride[axis]),
            Padding::Zeros(zeros) => window(length + 2 * zeros[axis], kernel, conv.stride[axis]),
        };
        let small = || at.node(format!("has a kernel larger than its input of shape {input:?}"));
        output.push(extent.ok_or_else(small)?);
    }
    Ok(output)
}

/// Extent of a kernel with `taps` taps `dilation` apart.
pub(super) fn spread(taps: usize, dilation: usize) -> usize {
    dilation * (taps - 1) + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_for_all_together() {
        let mut budget = Budget::new();
        assert_eq!(budget.take(Some(MAX_VALUES - 5)), Ok(()));
        let told = "takes 6 values, and 5 are left of the 134217728 (512 MiB as float32) that all of a file may take";
        assert_eq!(budget.take(Some(6)), Err(told.to_owned()));
        assert_eq!(budget.take(Some(5)), Ok(()));
        assert_eq!(budget.take(Some(0)), Ok(()));
        assert!(budget.take(Some(1)).is_err() && Budget::new().take(None).is_err());
    }
}
