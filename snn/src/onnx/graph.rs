//! Builds a graph node by node.

use std::collections::BTreeMap;

use prost::Message as _;

use super::proto::{
    AttributeProto, DOUBLE, Dimension, FLOAT, GraphProto, INT, INT64, ModelProto, NodeProto,
    OperatorSetIdProto, StringStringEntryProto, TensorProto, TensorShapeProto, TensorType, TypeProto,
    ValueInfoProto,
};

/// Version of the operators, of 2022: read by ONNX Runtime from 1.12 on.
pub const OPSET: i64 = 17;
/// Version of the file format that belongs to it.
const IR: i64 = 8;
/// First axis of all inputs and outputs.
const BATCH: &str = "batch";

/// A value of a [`Graph`], by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value(String);

/// Something that persists from one control step to the next: an input of the graph, and an output called
/// `next.NAME` that is its value in the next step.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// Name of the input.
    pub name: String,
    /// Sizes of its axes after the batch.
    pub shape: Vec<usize>,
    /// Value at the start of an episode: one for all entries, or one for each.
    pub start: Vec<f32>,
}

/// A graph in the making. Values are float32 arrays `[batch, …]`, if nothing else is said.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    nodes: Vec<NodeProto>,
    constants: Vec<TensorProto>,
    inputs: Vec<ValueInfoProto>,
    outputs: Vec<ValueInfoProto>,
    states: Vec<State>,
    /// Numbers and indices that there are, by their bytes.
    known: BTreeMap<(i32, Vec<i64>, Vec<u8>), Value>,
}

impl Graph {
    /// A graph without nodes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What persists from one control step to the next.
    #[must_use]
    pub fn states(&self) -> &[State] {
        &self.states
    }

    /// An input `[batch, width]`.
    pub fn input(&mut self, name: &str, width: usize) -> Value {
        self.inputs.push(info(name, &[width]));
        Value(name.to_owned())
    }

    /// An output `[batch, shape…]`.
    pub fn output(&mut self, name: &str, shape: &[usize], value: &Value) {
        self.outputs.push(info(name, shape));
        self.node("Identity", &[value], name.to_owned(), Vec::new());
    }

    /// A state at the start of the control step, `[batch, shape…]`; see [`next`](Self::next).
    pub fn state(&mut self, name: &str, shape: &[usize], start: Vec<f32>) -> Value {
        self.inputs.push(info(name, shape));
        self.states.push(State { name: name.to_owned(), shape: shape.to_vec(), start });
        Value(name.to_owned())
    }

    /// Gives a state its value after the control step.
    ///
    /// # Panics
    /// If there is no such state.
    pub fn next(&mut self, name: &str, value: &Value) {
        let state = self.states.iter().find(|state| state.name == name);
        let shape = state.expect("the state has been declared").shape.clone();
        self.output(&format!("next.{name}"), &shape, value);
    }

    /// A number that is the same everywhere.
    pub fn number(&mut self, value: f32) -> Value {
        self.known(FLOAT, &[], value.to_le_bytes().to_vec())
    }

    /// A value per column, `[columns]`; one number if they are all the same.
    pub fn numbers(&mut self, values: &[f32]) -> Value {
        match values {
            [first, rest @ ..] if rest.iter().all(|x| x.to_bits() == first.to_bits()) => self.number(*first),
            _ => self.known(FLOAT, &[values.len()], bytes(values)),
        }
    }

    /// A matrix `[rows, columns]`, `weights/NAME`.
    ///
    /// # Panics
    /// If the name is taken.
    pub fn matrix(&mut self, name: &str, rows: usize, values: &[f32]) -> Value {
        self.weights(name, FLOAT, [rows, values.len() / rows.max(1)], bytes(values))
    }

    /// The same of 64-bit floats.
    pub(crate) fn wide_matrix(&mut self, name: &str, rows: usize, values: &[f32]) -> Value {
        let wide = values.iter().flat_map(|&x| f64::from(x).to_le_bytes()).collect();
        self.weights(name, DOUBLE, [rows, values.len() / rows.max(1)], wide)
    }

    fn weights(&mut self, name: &str, data_type: i32, dims: [usize; 2], raw: Vec<u8>) -> Value {
        let name = format!("weights/{name}");
        assert!(self.constants.iter().all(|constant| constant.name != name), "two matrices '{name}'");
        self.constant(name, data_type, &dims, raw)
    }

    /// A truth per column, `[columns]`.
    pub(crate) fn truths(&mut self, values: &[bool]) -> Value {
        let values: Vec<u8> = values.iter().copied().map(u8::from).collect();
        self.known(super::proto::BOOL, &[values.len()], values)
    }

    /// An index, a scalar.
    pub(crate) fn index(&mut self, index: i64) -> Value {
        self.known(INT64, &[], index.to_le_bytes().to_vec())
    }

    /// A list of axes or indices.
    fn indices(&mut self, indices: &[i64]) -> Value {
        self.known(INT64, &[indices.len()], indices.iter().flat_map(|i| i.to_le_bytes()).collect())
    }

    /// The result of the operator `kind`.
    pub fn op(&mut self, kind: &str, operands: &[&Value]) -> Value {
        self.op_with(kind, operands, &[])
    }

    /// The result of the operator `kind` with attributes that are whole numbers.
    pub(crate) fn op_with(&mut self, kind: &str, operands: &[&Value], attributes: &[(&str, i64)]) -> Value {
        let attribute =
            |&(name, i): &(&str, i64)| AttributeProto { name: name.to_owned(), i: Some(i), r#type: INT };
        let name = format!("x{}", self.nodes.len());
        self.node(kind, operands, name, attributes.iter().map(attribute).collect())
    }

    /// x with 32-bit or (`wide`) 64-bit floats; truths become 1 and 0.
    pub(crate) fn cast(&mut self, x: &Value, wide: bool) -> Value {
        self.op_with("Cast", &[x], &[("to", i64::from(if wide { DOUBLE } else { FLOAT }))])
    }

    /// x with an axis of size 1 at `axis`.
    pub(crate) fn unsqueeze(&mut self, x: &Value, axis: i64) -> Value {
        let axes = self.indices(&[axis]);
        self.op("Unsqueeze", &[x, &axes])
    }

    /// Entry `index` along axis 1; counted from the end if below 0. The axis vanishes.
    pub(crate) fn take(&mut self, x: &Value, index: i64) -> Value {
        let index = self.index(index);
        self.op_with("Gather", &[x, &index], &[("axis", 1)])
    }

    /// Entries `first` to `last − 1` of axis 1.
    pub(crate) fn slice(&mut self, x: &Value, first: usize, last: usize) -> Value {
        let [first, last, axis] = [first as i64, last as i64, 1].map(|i| self.indices(&[i]));
        self.op("Slice", &[x, &first, &last, &axis])
    }

    /// Values one after the other along `axis`.
    pub(crate) fn concat(&mut self, values: &[&Value], axis: i64) -> Value {
        self.op_with("Concat", values, &[("axis", axis)])
    }

    /// The axes after the first joined into one.
    pub(crate) fn flatten(&mut self, x: &Value) -> Value {
        self.op_with("Flatten", &[x], &[("axis", 1)])
    }

    /// x in the shape of `like`, to which it can be broadcast.
    pub(crate) fn expand(&mut self, x: &Value, like: &Value) -> Value {
        let shape = self.op("Shape", &[like]);
        self.op("Expand", &[x, &shape])
    }

    /// x within [low, high].
    pub fn clip(&mut self, x: &Value, low: f32, high: f32) -> Value {
        let (low, high) = (self.number(low), self.number(high));
        self.op("Clip", &[x, &low, &high])
    }

    fn node(
        &mut self,
        kind: &str,
        operands: &[&Value],
        output: String,
        attribute: Vec<AttributeProto>,
    ) -> Value {
        self.nodes.push(NodeProto {
            input: operands.iter().map(|operand| operand.0.clone()).collect(),
            output: vec![output.clone()],
            op_type: kind.to_owned(),
            attribute,
        });
        Value(output)
    }

    /// A constant that is stored once.
    fn known(&mut self, data_type: i32, dims: &[usize], raw: Vec<u8>) -> Value {
        let sizes: Vec<i64> = dims.iter().map(|&n| n as i64).collect();
        let key = (data_type, sizes, raw.clone());
        if let Some(value) = self.known.get(&key) {
            return value.clone();
        }
        let value = self.constant(format!("c{}", self.known.len()), data_type, dims, raw);
        self.known.insert(key, value.clone());
        value
    }

    fn constant(&mut self, name: String, data_type: i32, dims: &[usize], raw_data: Vec<u8>) -> Value {
        let dims = dims.iter().map(|&n| n as i64).collect();
        self.constants.push(TensorProto { dims, data_type, name: name.clone(), raw_data });
        Value(name)
    }

    /// The file: a model called `name` with texts for its metadata.
    #[must_use]
    pub fn to_bytes(self, name: &str, metadata: &[(&str, String)]) -> Vec<u8> {
        let entry = |(key, value): &(&str, String)| StringStringEntryProto {
            key: (*key).to_owned(),
            value: value.clone(),
        };
        let model = ModelProto {
            ir_version: IR,
            producer_name: "spindle".to_owned(),
            producer_version: env!("CARGO_PKG_VERSION").to_owned(),
            graph: Some(GraphProto {
                node: self.nodes,
                name: name.to_owned(),
                initializer: self.constants,
                input: self.inputs,
                output: self.outputs,
            }),
            opset_import: vec![OperatorSetIdProto { domain: String::new(), version: OPSET }],
            metadata_props: metadata.iter().map(entry).collect(),
        };
        model.encode_to_vec()
    }
}

fn bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|x| x.to_le_bytes()).collect()
}

/// An input or output `[batch, shape…]`.
fn info(name: &str, shape: &[usize]) -> ValueInfoProto {
    let batch = Dimension { dim_value: None, dim_param: Some(BATCH.to_owned()) };
    let size = |&n: &usize| Dimension { dim_value: Some(n as i64), dim_param: None };
    let dim = [batch].into_iter().chain(shape.iter().map(size)).collect();
    let tensor = TensorType { elem_type: FLOAT, shape: Some(TensorShapeProto { dim }) };
    ValueInfoProto { name: name.to_owned(), r#type: Some(TypeProto { tensor_type: Some(tensor) }) }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    /// What `tests/onnx_check.py` opens in ONNX Runtime begins and ends as protobuf has it.
    #[test]
    fn bytes_are_those_of_protobuf() {
        let mut graph = Graph::new();
        let x = graph.state("x", &[2], vec![0.0]);
        let one = graph.number(1.0);
        let sum = graph.op("Add", &[&x, &one]);
        graph.next("x", &sum);
        let bytes = graph.to_bytes("g", &[("k", "v".to_owned())]);
        let model = ModelProto::decode(&bytes[..]).unwrap();
        assert_eq!((model.ir_version, model.opset_import[0].version), (8, 17));
        let graph = model.graph.unwrap();
        assert_eq!(graph.node.iter().map(|n| &n.op_type[..]).collect::<Vec<_>>(), ["Add", "Identity"]);
        assert_eq!(graph.node[0].input, ["x", "c0"]);
        assert_eq!(graph.output[0].name, "next.x");
        // IR version, producer's name, and the tag and length of its version.
        assert_eq!(bytes[..13], *b"\x08\x08\x12\x07spindle\x1a\x05");
        assert_eq!(bytes[bytes.len() - 8..], *b"\x72\x06\x0a\x01k\x12\x01v");
    }

    #[test]
    fn constants_are_stored_once() {
        let mut graph = Graph::new();
        assert_eq!(graph.number(0.5), graph.numbers(&[0.5, 0.5]));
        assert_ne!(graph.number(0.0), graph.number(-0.0));
        assert_ne!(graph.index(1), graph.indices(&[1]));
        assert_eq!(graph.constants.len(), 5);
    }
}
