//! Graphs of NIR 1.0 in memory: nodes of 19 types, edges, metadata.

use std::collections::BTreeMap;

/// Values of an [`Array`]. Half floats become `F32` and other integers `I64` when read.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Data {
    /// 32-bit floats.
    F32(Vec<f32>),
    /// 64-bit floats.
    F64(Vec<f64>),
    /// 64-bit integers.
    I64(Vec<i64>),
    /// Truth values; in metadata only.
    Bool(Vec<bool>),
    /// Texts; in metadata only.
    Text(Vec<String>),
}

impl Data {
    /// Number of values.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::F64(values) => values.len(),
            Self::I64(values) => values.len(),
            Self::Bool(values) => values.len(),
            Self::Text(values) => values.len(),
        }
    }

    /// Whether there is no value.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Name of the type: `float32`, `float64`, `int64`, `bool` or `text`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::F32(_) => "float32",
            Self::F64(_) => "float64",
            Self::I64(_) => "int64",
            Self::Bool(_) => "bool",
            Self::Text(_) => "text",
        }
    }
}

/// Values with a shape, last axis fastest. A single value without axes has the shape `[]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    shape: Vec<usize>,
    data: Data,
}

impl Array {
    /// An array; `None` if the number of values is not the product of `shape`.
    #[must_use]
    pub fn new(shape: &[usize], data: Data) -> Option<Self> {
        (count(shape) == Some(data.len())).then(|| Self { shape: shape.to_vec(), data })
    }

    /// A single value without axes.
    ///
    /// # Panics
    /// If `data` does not hold exactly one value.
    #[must_use]
    pub fn scalar(data: Data) -> Self {
        assert_eq!(data.len(), 1, "a scalar is one value");
        Self { shape: Vec::new(), data }
    }

    /// A matrix of `rows` rows.
    ///
    /// # Panics
    /// If the values do not fill whole rows.
    #[must_use]
    pub fn matrix(rows: usize, values: Vec<f32>) -> Self {
        let columns = values.len().checked_div(rows).unwrap_or(0);
        assert_eq!(rows * columns, values.len(), "rows of equal length");
        Self { shape: vec![rows, columns], data: Data::F32(values) }
    }

    /// Extent of each axis.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The values.
    #[must_use]
    pub fn data(&self) -> &Data {
        &self.data
    }

    /// The values as 64-bit floats; `None` if they are texts or truth values.
    #[must_use]
    pub fn to_f64(&self) -> Option<Vec<f64>> {
        match &self.data {
            Data::F32(values) => Some(values.iter().map(|&x| f64::from(x)).collect()),
            Data::F64(values) => Some(values.clone()),
            Data::I64(values) => Some(values.iter().map(|&x| x as f64).collect()),
            Data::Bool(_) | Data::Text(_) => None,
        }
    }

    /// The values rounded to 32-bit floats; `None` if they are texts or truth values.
    #[must_use]
    pub fn to_f32(&self) -> Option<Vec<f32>> {
        match &self.data {
            Data::F32(values) => Some(values.clone()),
            _ => Some(self.to_f64()?.into_iter().map(|x| x as f32).collect()),
        }
    }

    /// The only value, if it is a number.
    #[must_use]
    pub fn number(&self) -> Option<f64> {
        match self.to_f64()?.as_slice() {
            &[number] => Some(number),
            _ => None,
        }
    }

    /// The only value, if it is a text.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.data {
            Data::Text(values) if values.len() == 1 => Some(&values[0]),
            _ => None,
        }
    }
}

impl From<Vec<f32>> for Array {
    /// A vector.
    fn from(values: Vec<f32>) -> Self {
        Self { shape: vec![values.len()], data: Data::F32(values) }
    }
}

impl From<Vec<f64>> for Array {
    /// A vector.
    fn from(values: Vec<f64>) -> Self {
        Self { shape: vec![values.len()], data: Data::F64(values) }
    }
}

impl From<f64> for Array {
    /// A scalar.
    fn from(value: f64) -> Self {
        Self::scalar(Data::F64(vec![value]))
    }
}

impl From<i64> for Array {
    /// A scalar.
    fn from(value: i64) -> Self {
        Self::scalar(Data::I64(vec![value]))
    }
}

impl From<&str> for Array {
    /// A scalar.
    fn from(value: &str) -> Self {
        Self::scalar(Data::Text(vec![value.to_owned()]))
    }
}

/// Number of values of a shape; `None` if too many to count.
pub(super) fn count(shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(1_usize, |product, &extent| product.checked_mul(extent))
}

/// Free notes of a graph or node by name. They have no meaning in NIR; this crate uses `dt`
/// (seconds per tick) and `reset` (`to_v_reset` or `subtract`) of a graph.
pub type Metadata = BTreeMap<String, Value>;

/// One piece of metadata.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Numbers, texts or truth values; a scalar has the shape `[]`.
    Array(Array),
    /// More metadata.
    Group(Metadata),
}

impl<T: Into<Array>> From<T> for Value {
    fn from(value: T) -> Self {
        Self::Array(value.into())
    }
}

/// A graph: what a NIR file holds, and what a node of type `NIRGraph` is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Graph {
    /// Nodes by name. HDF5 keeps no order either; the edges alone say what comes first.
    pub nodes: BTreeMap<String, Node>,
    /// Connections (source, target) in the order of the file. What arrives at a node over several
    /// edges is summed.
    pub edges: Vec<(String, String)>,
    /// Notes.
    pub metadata: Metadata,
}

impl Graph {
    /// Adds a node without metadata, in place of one of the same name.
    pub fn add(&mut self, name: &str, kind: NodeKind) {
        self.nodes.insert(name.to_owned(), kind.into());
    }

    /// Adds an edge.
    pub fn connect(&mut self, from: &str, to: &str) {
        self.edges.push((from.to_owned(), to.to_owned()));
    }

    /// Seconds per tick as noted in the metadata, if it is a number.
    #[must_use]
    pub fn dt(&self) -> Option<f64> {
        match self.metadata.get("dt")? {
            Value::Array(array) => array.number(),
            Value::Group(_) => None,
        }
    }
}

/// One node.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Type and parameters.
    pub kind: NodeKind,
    /// Notes.
    pub metadata: Metadata,
}

impl From<NodeKind> for Node {
    fn from(kind: NodeKind) -> Self {
        Self { kind, metadata: Metadata::new() }
    }
}

/// Type and parameters of a node; `x` is its input, `y` or the spikes `z` its output. Shapes are per
/// sample, without batch or time axis. Neuron parameters have one value per neuron, all of the same
/// shape. NIR does not fix units; time constants and delays are mostly in seconds.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum NodeKind {
    /// Where the signal enters the graph.
    Input {
        /// Shape of the signal.
        shape: Vec<usize>,
    },
    /// Where the signal leaves the graph.
    Output {
        /// Shape of the signal.
        shape: Vec<usize>,
    },
    /// `y = W·x + b`.
    Affine {
        /// `W`, `[…, out, in]`.
        weight: Array,
        /// `b`, `[out]` or `[…, out]`.
        bias: Array,
    },
    /// `y = W·x`.
    Linear {
        /// `W`, `[…, out, in]`.
        weight: Array,
    },
    /// `y = s·x` for each element.
    Scale {
        /// `s`.
        scale: Array,
    },
    /// Cross-correlation over `[channels, length]`.
    Conv1d(Conv<1>),
    /// Cross-correlation over `[channels, height, width]`.
    Conv2d(Conv<2>),
    /// Sum over windows of `[channels, height, width]`.
    SumPool2d(Pool),
    /// Mean over windows of `[channels, height, width]`; padding counts.
    AvgPool2d(Pool),
    /// Joins axes.
    Flatten {
        /// First axis to join, from 0; negative from the end.
        start_dim: i64,
        /// Last axis to join; negative from the end.
        end_dim: i64,
        /// Shape of the input, if noted.
        input_type: Option<Vec<usize>>,
    },
    /// `y(t) = x(t − delay)` for each element.
    Delay {
        /// Delays.
        delay: Array,
    },
    /// `z = 1` if `x > threshold`, else 0.
    Threshold {
        /// Thresholds.
        threshold: Array,
    },
    /// `dv/dt = r·x`, `y = v`.
    I {
        /// Resistances.
        r: Array,
    },
    /// `dv/dt = r·x`; a spike where `v > v_threshold`, then `v = v_reset`.
    If {
        /// Resistances.
        r: Array,
        /// Thresholds.
        v_threshold: Array,
        /// Potentials after a spike.
        v_reset: Array,
    },
    /// `tau·dv/dt = (v_leak − v) + r·x`, `y = v`.
    Li {
        /// Time constants.
        tau: Array,
        /// Resistances.
        r: Array,
        /// Resting potentials.
        v_leak: Array,
    },
    /// As `Li`; a spike where `v > v_threshold`, then `v = v_reset`.
    Lif {
        /// Time constants.
        tau: Array,
        /// Resistances.
        r: Array,
        /// Resting potentials.
        v_leak: Array,
        /// Thresholds.
        v_threshold: Array,
        /// Potentials after a spike.
        v_reset: Array,
    },
    /// `tau_syn·di/dt = −i + w_in·x`, `tau_mem·dv/dt = (v_leak − v) + r·i`, `y = v`.
    CubaLi {
        /// Time constants of the current.
        tau_syn: Array,
        /// Time constants of the membrane.
        tau_mem: Array,
        /// Resistances.
        r: Array,
        /// Resting potentials.
        v_leak: Array,
        /// Weights of the input.
        w_in: Array,
    },
    /// As `CubaLi`; a spike where `v > v_threshold`, then `v = v_reset`.
    CubaLif {
        /// Time constants of the current.
        tau_syn: Array,
        /// Time constants of the membrane.
        tau_mem: Array,
        /// Resistances.
        r: Array,
        /// Resting potentials.
        v_leak: Array,
        /// Thresholds.
        v_threshold: Array,
        /// Potentials after a spike.
        v_reset: Array,
        /// Weights of the input.
        w_in: Array,
    },
    /// A nested graph.
    Graph(Graph),
}

/// Parameters of a convolution over `D` axes, as in PyTorch.
#[derive(Clone, Debug, PartialEq)]
pub struct Conv<const D: usize> {
    /// Extents of the input without its channels, if noted.
    pub input_shape: Option<[usize; D]>,
    /// `[out channels, in channels / groups, kernel …]`.
    pub weight: Array,
    /// `[out channels]`.
    pub bias: Array,
    /// Steps of the window.
    pub stride: [usize; D],
    /// Zeros around the input.
    pub padding: Padding<D>,
    /// Distance between the taps of the kernel.
    pub dilation: [usize; D],
    /// Groups of channels that do not see each other.
    pub groups: usize,
}

/// Zeros around the input of a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding<const D: usize> {
    /// So many on either side of each axis.
    Zeros([usize; D]),
    /// None.
    Valid,
    /// As many as keep the extents; for stride 1.
    Same,
}

/// Parameters of a pooling layer: height and width.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pool {
    /// Extents of the window.
    pub kernel_size: [usize; 2],
    /// Steps of the window.
    pub stride: [usize; 2],
    /// Zeros on either side.
    pub padding: [usize; 2],
}

/// One parameter of a node, as it stands in a file.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Field<'a> {
    /// An array.
    Array(&'a Array),
    /// A list of whole numbers.
    Integers(Vec<usize>),
    /// A whole number.
    Integer(i64),
    /// A word.
    Text(&'static str),
}

/// The types of nodes that NIR defines.
pub const TYPES: [&str; 19] = [
    "Input",
    "Output",
    "Affine",
    "Linear",
    "Scale",
    "Conv1d",
    "Conv2d",
    "SumPool2d",
    "AvgPool2d",
    "Flatten",
    "Delay",
    "Threshold",
    "I",
    "IF",
    "LI",
    "LIF",
    "CubaLI",
    "CubaLIF",
    "NIRGraph",
];

impl NodeKind {
    /// Name of the type, one of [`TYPES`].
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Input { .. } => "Input",
            Self::Output { .. } => "Output",
            Self::Affine { .. } => "Affine",
            Self::Linear { .. } => "Linear",
            Self::Scale { .. } => "Scale",
            Self::Conv1d(_) => "Conv1d",
            Self::Conv2d(_) => "Conv2d",
            Self::SumPool2d(_) => "SumPool2d",
            Self::AvgPool2d(_) => "AvgPool2d",
            Self::Flatten { .. } => "Flatten",
            Self::Delay { .. } => "Delay",
            Self::Threshold { .. } => "Threshold",
            Self::I { .. } => "I",
            Self::If { .. } => "IF",
            Self::Li { .. } => "LI",
            Self::Lif { .. } => "LIF",
            Self::CubaLi { .. } => "CubaLI",
            Self::CubaLif { .. } => "CubaLIF",
            Self::Graph(_) => "NIRGraph",
        }
    }

    /// The parameters by their names in a file; nothing for a nested graph.
    #[must_use]
    pub fn fields(&self) -> Vec<(&'static str, Field<'_>)> {
        use Field::{Array, Integer, Integers};
        match self {
            Self::Input { shape } | Self::Output { shape } => vec![("shape", Integers(shape.clone()))],
            Self::Affine { weight, bias } => vec![("weight", Array(weight)), ("bias", Array(bias))],
            Self::Linear { weight } => vec![("weight", Array(weight))],
            Self::Scale { scale } => vec![("scale", Array(scale))],
            Self::Conv1d(conv) => conv.fields(|[value]| Integer(value as i64)),
            Self::Conv2d(conv) => conv.fields(|values| Integers(values.to_vec())),
            Self::SumPool2d(pool) | Self::AvgPool2d(pool) => vec![
                ("kernel_size", Integers(pool.kernel_size.to_vec())),
                ("stride", Integers(pool.stride.to_vec())),
                ("padding", Integers(pool.padding.to_vec())),
            ],
            Self::Flatten { start_dim, end_dim, input_type } => {
                let shape = input_type.iter().map(|shape| ("input_type", Integers(shape.clone())));
                let axes = [("start_dim", Integer(*start_dim)), ("end_dim", Integer(*end_dim))];
                axes.into_iter().chain(shape).collect()
            }
            Self::Delay { delay } => vec![("delay", Array(delay))],
            Self::Threshold { threshold } => vec![("threshold", Array(threshold))],
            Self::I { .. }
            | Self::If { .. }
            | Self::Li { .. }
            | Self::Lif { .. }
            | Self::CubaLi { .. }
            | Self::CubaLif { .. } => {
                self.neuron().into_iter().map(|(name, array)| (name, Array(array))).collect()
            }
            Self::Graph(_) => Vec::new(),
        }
    }

    /// The parameters of a neuron, which all have one shape; nothing for other nodes.
    pub(super) fn neuron(&self) -> Vec<(&'static str, &Array)> {
        match self {
            Self::I { r } => vec![("r", r)],
            Self::If { r, v_threshold, v_reset } => {
                vec![("r", r), ("v_threshold", v_threshold), ("v_reset", v_reset)]
            }
            Self::Li { tau, r, v_leak } => vec![("tau", tau), ("r", r), ("v_leak", v_leak)],
            Self::Lif { tau, r, v_leak, v_threshold, v_reset } => vec![
                ("tau", tau),
                ("r", r),
                ("v_leak", v_leak),
                ("v_threshold", v_threshold),
                ("v_reset", v_reset),
            ],
            Self::CubaLi { tau_syn, tau_mem, r, v_leak, w_in } => {
                vec![("tau_syn", tau_syn), ("tau_mem", tau_mem), ("r", r), ("v_leak", v_leak), ("w_in", w_in)]
            }
            Self::CubaLif { tau_syn, tau_mem, r, v_leak, v_threshold, v_reset, w_in } => vec![
                ("tau_syn", tau_syn),
                ("tau_mem", tau_mem),
                ("r", r),
                ("v_leak", v_leak),
                ("v_threshold", v_threshold),
                ("v_reset", v_reset),
                ("w_in", w_in),
            ],
            _ => Vec::new(),
        }
    }
}

impl<const D: usize> Conv<D> {
    /// The parameters; `integers` makes one number of each axis, as files hold it for `D` axes.
    fn fields(&self, integers: impl Fn([usize; D]) -> Field<'static>) -> Vec<(&'static str, Field<'_>)> {
        let padding = match self.padding {
            Padding::Zeros(zeros) => integers(zeros),
            Padding::Valid => Field::Text("valid"),
            Padding::Same => Field::Text("same"),
        };
        let mut fields = vec![
            ("weight", Field::Array(&self.weight)),
            ("bias", Field::Array(&self.bias)),
            ("stride", integers(self.stride)),
            ("padding", padding),
            ("dilation", integers(self.dilation)),
            ("groups", Field::Integer(self.groups as i64)),
        ];
        fields.extend(self.input_shape.map(|shape| ("input_shape", integers(shape))));
        fields
    }
}
