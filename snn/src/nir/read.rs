//! Reading NIR files.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fs::File as SystemFile;
use std::io::{self, Read as _};
use std::path::Path;

use hdf5_pure::{DType, Dataset, Datatype, DatatypeByteOrder, File, Group};

use super::check::{At, Budget, MAX_DEPTH, MAX_NODES, check_graph, join};
use super::error::{NirError, list};
use super::graph::{Array, Conv, Data, Graph, Metadata, Node, NodeKind, Padding, Pool, TYPES, Value, count};

/// Deflate shrinks a file by a factor of 1032 at most; arrays that need more are not in the file.
const MAX_RATIO: usize = 1100;
/// Bytes of a file at most: 1 GiB.
const MAX_BYTES: u64 = 1 << 30;

/// Reads the graph of a NIR file. Files of earlier versions are complemented as `nir` does: without
/// `v_reset` it is 0, without `w_in` 1, and a single `w_in` counts for all neurons.
///
/// # Errors
/// [`NirError::File`], or [`NirError::In`] with what is wrong in the file: nothing is skipped silently.
pub fn read(path: &Path) -> Result<Graph, NirError> {
    from_bytes(load(path)?).map_err(|error| within(path, error))
}

/// Version of the `nir` package that wrote a file, if noted.
///
/// # Errors
/// As [`read`].
pub fn version(path: &Path) -> Result<Option<String>, NirError> {
    let bytes = load(path)?;
    let reader = Reader::new(bytes.len());
    let read = || {
        let root = File::from_bytes(bytes).map_err(broken)?.root();
        if !root.datasets().map_err(broken)?.iter().any(|name| name == "version") {
            return Ok(None);
        }
        let dataset = root.dataset("version").map_err(broken)?;
        let text = reader.array(&dataset).ok().and_then(|array| array.text().map(str::to_owned));
        text.map(Some).ok_or_else(|| NirError::Foreign { reason: "'version' is not text".to_owned() })
    };
    read().map_err(|error| within(path, error))
}

/// Reads a graph from the contents of a NIR file.
///
/// # Errors
/// As [`read`], without the path.
pub fn from_bytes(bytes: Vec<u8>) -> Result<Graph, NirError> {
    let reader = Reader::new(bytes.len());
    let root = File::from_bytes(bytes).map_err(broken)?.root();
    let groups = root.groups().map_err(broken)?;
    if !groups.iter().any(|name| name == "node") {
        let reason = format!("it has no group 'node'; it has: {}", list(groups));
        return Err(NirError::Foreign { reason });
    }
    let group = root.group("node").map_err(broken)?;
    let node = reader.node("", &group, 0)?;
    match node.kind {
        NodeKind::Graph(graph) => {
            check_graph("", &graph, 0)?;
            Ok(graph)
        }
        // A file may hold a single node.
        kind => {
            let reason = format!("its 'node' has type '{}', expected 'NIRGraph'", kind.name());
            Err(NirError::Foreign { reason })
        }
    }
}

/// The bytes of a regular file. A pipe or a device might never end; looking at it does not open it.
fn load(path: &Path) -> Result<Vec<u8>, NirError> {
    let refuse = |problem: String| io::Error::new(io::ErrorKind::InvalidInput, problem);
    let check = |metadata: std::fs::Metadata| match metadata.len() {
        _ if metadata.is_dir() => Err(refuse("it is a folder; valid: a NIR file".to_owned())),
        _ if !metadata.is_file() => Err(refuse("it is a pipe or a device; valid: a regular file".to_owned())),
        bytes if bytes > MAX_BYTES => {
            Err(refuse(format!("it has {bytes} bytes; valid: at most {MAX_BYTES} (1 GiB)")))
        }
        _ => Ok(()),
    };
    let read = || {
        check(std::fs::metadata(path)?)?;
        let file = SystemFile::open(path)?;
        check(file.metadata()?)?;
        let mut bytes = Vec::new();
        // It may grow meanwhile.
        file.take(MAX_BYTES).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    read().map_err(|error| NirError::File { action: "read", path: path.to_owned(), error })
}

fn within(path: &Path, error: NirError) -> NirError {
    NirError::In { path: path.to_owned(), error: Box::new(error) }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn broken(error: hdf5_pure::Error) -> NirError {
    NirError::Hdf5 { reason: error.to_string() }
}

/// What all of reading needs to know.
struct Reader {
    /// Bytes that the arrays of the file can still expand to.
    room: Cell<usize>,
    /// Values that they may.
    budget: RefCell<Budget>,
    /// Nodes so far.
    nodes: Cell<usize>,
}

impl Reader {
    /// For a file of `bytes`.
    fn new(bytes: usize) -> Self {
        let room = Cell::new(bytes.saturating_mul(MAX_RATIO));
        Self { room, budget: RefCell::new(Budget::new()), nodes: Cell::new(0) }
    }

    fn node(&self, path: &str, group: &Group, depth: usize) -> Result<Node, NirError> {
        // Links may show one group as many nodes.
        self.nodes.set(self.nodes.get() + 1);
        if self.nodes.get() > MAX_NODES {
            let problem = format!("node '{path}' is one too many; valid: at most {MAX_NODES} in a file");
            return Err(NirError::Graph { problem });
        }
        if depth > MAX_DEPTH {
            let problem = format!("graph '{path}' is nested more than {MAX_DEPTH} deep");
            return Err(NirError::Graph { problem });
        }
        let mut fields = Fields::open(self, path, group)?;
        let mut kind = fields.kind(depth)?;
        let metadata = match fields.group("metadata") {
            Some(group) => self.metadata(path, &group, depth)?,
            None => Metadata::new(),
        };
        fields.finish()?;
        if let NodeKind::Graph(graph) = &mut kind {
            // A nested graph's notes are those of its node: there is one place for both in a file.
            graph.metadata = metadata;
            return Ok(kind.into());
        }
        Ok(Node { kind, metadata })
    }

    fn metadata(&self, path: &str, group: &Group, depth: usize) -> Result<Metadata, NirError> {
        if depth > MAX_DEPTH {
            let problem = format!("is nested more than {MAX_DEPTH} deep");
            return Err(NirError::Metadata { key: path.to_owned(), problem });
        }
        let mut metadata = Metadata::new();
        for (name, dataset) in group.iter_datasets().map_err(broken)? {
            let value = self
                .array(&dataset)
                .map_err(|problem| NirError::Metadata { key: join(path, &name), problem })?;
            metadata.insert(name, Value::Array(value));
        }
        for (name, group) in group.iter_groups().map_err(broken)? {
            let inner = self.metadata(&join(path, &name), &group, depth + 1)?;
            metadata.insert(name, Value::Group(inner));
        }
        Ok(metadata)
    }

    /// The values of a dataset, or what is wrong with it.
    fn array(&self, dataset: &Dataset) -> Result<Array, String> {
        let broken = |error: hdf5_pure::Error| format!("cannot be read: {error}");
        let shape = dataset.shape().map_err(broken)?;
        let extents: Option<Vec<usize>> = shape.iter().map(|&extent| usize::try_from(extent).ok()).collect();
        let values = extents.as_deref().and_then(count);
        let size = dataset.element_size().map_err(broken)?;
        let bytes = values.and_then(|n| n.checked_mul(usize::try_from(size).ok()?));
        let room = bytes.and_then(|bytes| self.room.get().checked_sub(bytes));
        let (Some(extents), Some(room)) = (extents, room) else {
            return Err(format!("claims shape {shape:?}, which is more than such a file can hold"));
        };
        self.room.set(room);
        self.budget.borrow_mut().take(values).map_err(|problem| format!("of shape {shape:?} {problem}"))?;
        let data = match dataset.dtype().map_err(broken)? {
            DType::F32 => Data::F32(dataset.read_f32().map_err(broken)?),
            DType::F64 => Data::F64(dataset.read_f64().map_err(broken)?),
            DType::Other(kind) => match *kind {
                Datatype::FloatingPoint { size: 2, byte_order, layout } if layout.exponent_size == 5 => {
                    let big = byte_order == DatatypeByteOrder::BigEndian;
                    let bytes = dataset.read_raw().map_err(broken)?;
                    let halves = bytes.chunks_exact(2).map(|pair| [pair[0], pair[1]]);
                    Data::F32(
                        halves
                            .map(|b| half(if big { u16::from_be_bytes(b) } else { u16::from_le_bytes(b) }))
                            .collect(),
                    )
                }
                other => return Err(format!("holds {other:?}, expected numbers, truth values or text")),
            },
            DType::I8 | DType::I16 | DType::I32 | DType::I64 | DType::U8 | DType::U16 | DType::U32 => {
                Data::I64(dataset.read_i64().map_err(broken)?)
            }
            DType::U64 => {
                let values = dataset.read_u64().map_err(broken)?.into_iter().map(i64::try_from);
                Data::I64(values.collect::<Result<_, _>>().map_err(|_| "holds numbers over 2^63".to_owned())?)
            }
            DType::Enum(names) if names == ["FALSE", "TRUE"] => {
                Data::Bool(dataset.read_u8().map_err(broken)?.into_iter().map(|value| value != 0).collect())
            }
            DType::String => Data::Text(dataset.read_string().map_err(broken)?),
            DType::VariableLengthString => {
                // Each text begins with its length; several may be one in the file.
                let ends = dataset.read_raw().map_err(broken)?;
                let length =
                    |end: &[u8]| end.first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes) as usize);
                let total: usize = ends.chunks(usize::try_from(size).unwrap_or(0).max(1)).map(length).sum();
                let Some(room) = self.room.get().checked_sub(total) else {
                    return Err(format!("claims {total} letters, which is more than such a file can hold"));
                };
                self.room.set(room);
                Data::Text(dataset.read_string().map_err(broken)?)
            }
            other => return Err(format!("holds {other}, expected numbers, truth values or text")),
        };
        Array::new(&extents, data).ok_or_else(|| format!("does not hold the values of its shape {extents:?}"))
    }
}

/// The contents of a node's group, taken out one by one.
struct Fields<'a> {
    reader: &'a Reader,
    path: &'a str,
    kind: &'static str,
    datasets: BTreeMap<String, Dataset>,
    groups: BTreeMap<String, Group>,
    /// What was asked for: all that the type has.
    valid: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    fn open(reader: &'a Reader, path: &'a str, group: &Group) -> Result<Self, NirError> {
        let datasets = group.iter_datasets().map_err(broken)?.collect();
        let groups = group.iter_groups().map_err(broken)?.collect();
        let path = if path.is_empty() { "node" } else { path };
        Ok(Self { reader, path, kind: "of unknown type", datasets, groups, valid: Vec::new() })
    }

    fn at(&self) -> At<'a> {
        At { node: self.path, kind: self.kind }
    }

    /// Reads all but the metadata.
    fn kind(&mut self, depth: usize) -> Result<NodeKind, NirError> {
        let found = self.text("type")?;
        let known = TYPES.into_iter().find(|name| **name == *found);
        let unknown = || NirError::UnknownType { node: self.path.to_owned(), found, valid: TYPES.join(", ") };
        self.kind = known.ok_or_else(unknown)?;
        Ok(match self.kind {
            "Input" => NodeKind::Input { shape: self.integers("shape")? },
            "Output" => NodeKind::Output { shape: self.integers("shape")? },
            "Affine" => NodeKind::Affine { weight: self.array("weight")?, bias: self.array("bias")? },
            "Linear" => NodeKind::Linear { weight: self.array("weight")? },
            "Scale" => NodeKind::Scale { scale: self.array("scale")? },
            "Conv1d" => NodeKind::Conv1d(self.conv()?),
            "Conv2d" => NodeKind::Conv2d(self.conv()?),
            "SumPool2d" => NodeKind::SumPool2d(self.pool()?),
            "AvgPool2d" => NodeKind::AvgPool2d(self.pool()?),
            "Flatten" => NodeKind::Flatten {
                start_dim: self.integer("start_dim")?,
                end_dim: self.integer("end_dim")?,
                input_type: self.has("input_type").then(|| self.integers("input_type")).transpose()?,
            },
            "Delay" => NodeKind::Delay { delay: self.array("delay")? },
            "Threshold" => NodeKind::Threshold { threshold: self.array("threshold")? },
            "I" => NodeKind::I { r: self.array("r")? },
            "IF" => {
                let (v_threshold, v_reset) = self.spikes()?;
                NodeKind::If { r: self.array("r")?, v_threshold, v_reset }
            }
            "LI" => {
                NodeKind::Li { tau: self.array("tau")?, r: self.array("r")?, v_leak: self.array("v_leak")? }
            }
            "LIF" => {
                let (v_threshold, v_reset) = self.spikes()?;
                NodeKind::Lif {
                    tau: self.array("tau")?,
                    r: self.array("r")?,
                    v_leak: self.array("v_leak")?,
                    v_threshold,
                    v_reset,
                }
            }
            "CubaLI" => {
                let v_leak = self.array("v_leak")?;
                NodeKind::CubaLi {
                    tau_syn: self.array("tau_syn")?,
                    tau_mem: self.array("tau_mem")?,
                    r: self.array("r")?,
                    w_in: self.input_weight(&v_leak)?,
                    v_leak,
                }
            }
            "CubaLIF" => {
                let (v_threshold, v_reset) = self.spikes()?;
                NodeKind::CubaLif {
                    tau_syn: self.array("tau_syn")?,
                    tau_mem: self.array("tau_mem")?,
                    r: self.array("r")?,
                    v_leak: self.array("v_leak")?,
                    w_in: self.input_weight(&v_threshold)?,
                    v_threshold,
                    v_reset,
                }
            }
            // TYPES has no other.
            _ => NodeKind::Graph(self.graph(depth)?),
        })
    }

    fn graph(&mut self, depth: usize) -> Result<Graph, NirError> {
        let edges = self.edges()?;
        let Some(group) = self.group("nodes") else { return Err(self.missing("nodes")) };
        if let Some(name) = group.datasets().map_err(broken)?.first() {
            return Err(self.at().field("nodes", format!("holds the array '{name}', expected only groups")));
        }
        let mut nodes = BTreeMap::new();
        for (name, group) in group.iter_groups().map_err(broken)? {
            let prefix = if depth == 0 { "" } else { self.path };
            let node = self.reader.node(&join(prefix, &name), &group, depth + 1)?;
            nodes.insert(name, node);
        }
        Ok(Graph { nodes, edges, metadata: Metadata::new() })
    }

    fn edges(&mut self) -> Result<Vec<(String, String)>, NirError> {
        let edges = self.array("edges")?;
        match (edges.shape(), edges.data()) {
            // Python writes an empty list as floats.
            ([0] | [0, 2], _) => Ok(Vec::new()),
            ([_, 2], Data::Text(names)) => {
                Ok(names.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect())
            }
            (shape, data) => {
                let found =
                    format!("holds {} of shape {shape:?}, expected text of shape [edges, 2]", data.name());
                Err(self.at().field("edges", found))
            }
        }
    }

    fn conv<const D: usize>(&mut self) -> Result<Conv<D>, NirError> {
        let padding = match self.array("padding")?.text() {
            Some("valid") => Padding::Valid,
            Some("same") => Padding::Same,
            Some(other) => {
                let problem = format!("is '{other}', expected a number, 'valid' or 'same'");
                return Err(self.at().field("padding", problem));
            }
            None => Padding::Zeros(self.axes("padding")?),
        };
        Ok(Conv {
            input_shape: self.has("input_shape").then(|| self.axes("input_shape")).transpose()?,
            weight: self.array("weight")?,
            bias: self.array("bias")?,
            stride: self.axes("stride")?,
            padding,
            dilation: self.axes("dilation")?,
            groups: self.axes::<1>("groups")?[0],
        })
    }

    fn pool(&mut self) -> Result<Pool, NirError> {
        Ok(Pool {
            kernel_size: self.axes("kernel_size")?,
            stride: self.axes("stride")?,
            padding: self.axes("padding")?,
        })
    }

    /// Threshold and reset; without reset it is 0.
    fn spikes(&mut self) -> Result<(Array, Array), NirError> {
        let threshold = self.array("v_threshold")?;
        let reset = if self.has("v_reset") {
            self.array("v_reset")?
        } else {
            self.filled("v_reset", &threshold, 0.0)?
        };
        Ok((threshold, reset))
    }

    /// Without input weight it is 1; a single one counts for all.
    fn input_weight(&mut self, like: &Array) -> Result<Array, NirError> {
        let weight = if self.has("w_in") { self.array("w_in")? } else { Array::from(1.0) };
        match weight.number() {
            Some(number) => self.filled("w_in", like, number),
            None => Ok(weight),
        }
    }

    /// An array like another one, with the same value everywhere.
    fn filled(&self, field: &str, like: &Array, value: f64) -> Result<Array, NirError> {
        let n = like.data().len();
        let room = self.reader.budget.borrow_mut().take(Some(n));
        room.map_err(|problem| self.at().field(field, problem))?;
        let data = match like.data() {
            Data::F32(_) => Data::F32(vec![value as f32; n]),
            _ => Data::F64(vec![value; n]),
        };
        Ok(Array::new(like.shape(), data).expect("as many values as the other array"))
    }

    fn has(&mut self, name: &'static str) -> bool {
        self.know(name);
        self.datasets.contains_key(name)
    }

    fn know(&mut self, name: &'static str) {
        if !self.valid.contains(&name) {
            self.valid.push(name);
        }
    }

    fn group(&mut self, name: &'static str) -> Option<Group> {
        self.know(name);
        self.groups.remove(name)
    }

    fn missing(&self, field: &str) -> NirError {
        let has = self.datasets.keys().chain(self.groups.keys());
        let (node, field) = (self.path.to_owned(), field.to_owned());
        NirError::MissingField { node, kind: self.kind, field, has: list(has) }
    }

    fn array(&mut self, name: &'static str) -> Result<Array, NirError> {
        self.know(name);
        let dataset = self.datasets.get(name).ok_or_else(|| self.missing(name))?;
        self.reader.array(dataset).map_err(|problem| self.at().field(name, problem))
    }

    fn text(&mut self, name: &'static str) -> Result<String, NirError> {
        let array = self.array(name)?;
        let text = array.text().map(str::to_owned);
        text.ok_or_else(|| self.at().field(name, format!("holds {}, expected a text", array.data().name())))
    }

    /// Whole numbers; a single one is a list of one.
    fn signed(&mut self, name: &'static str) -> Result<Vec<i64>, NirError> {
        let array = self.array(name)?;
        match array.data() {
            Data::I64(values) if array.shape().len() <= 1 => Ok(values.clone()),
            data => {
                let found =
                    format!("holds {} of shape {:?}, expected whole numbers", data.name(), array.shape());
                Err(self.at().field(name, found))
            }
        }
    }

    fn integers(&mut self, name: &'static str) -> Result<Vec<usize>, NirError> {
        let values = self.signed(name)?;
        let unsigned: Option<Vec<usize>> = values.iter().map(|&x| usize::try_from(x).ok()).collect();
        unsigned.ok_or_else(|| self.at().field(name, format!("is {values:?}, expected no negative number")))
    }

    fn integer(&mut self, name: &'static str) -> Result<i64, NirError> {
        match self.signed(name)?.as_slice() {
            &[value] => Ok(value),
            values => Err(self.at().field(name, format!("is {values:?}, expected one number"))),
        }
    }

    /// One number per axis; a single one counts for all.
    fn axes<const D: usize>(&mut self, name: &'static str) -> Result<[usize; D], NirError> {
        let values = self.integers(name)?;
        match values.as_slice() {
            &[value] => Ok([value; D]),
            values => {
                let wrong = |_| self.at().field(name, format!("is {values:?}, expected {D} numbers"));
                values.try_into().map_err(wrong)
            }
        }
    }

    /// Refuses what was not asked for.
    fn finish(self) -> Result<(), NirError> {
        let known = |name: &&String| !self.valid.contains(&name.as_str());
        match self.datasets.keys().find(known).or_else(|| self.groups.keys().next()) {
            Some(name) => Err(NirError::UnknownField {
                node: self.path.to_owned(),
                kind: self.kind,
                field: name.clone(),
                valid: list(&self.valid),
            }),
            None => Ok(()),
        }
    }
}

/// The value of an IEEE 754 half float, from its bits.
#[must_use]
pub fn half(bits: u16) -> f32 {
    let (sign, exponent, fraction) = (bits >> 15, bits >> 10 & 31, f32::from(bits & 1023) / 1024.0);
    let magnitude = match exponent {
        0 => fraction / 16384.0,
        31 if fraction == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        // 2^(exponent − 15), by its bits.
        _ => (1.0 + fraction) * f32::from_bits((u32::from(exponent) + 112) << 23),
    };
    if sign == 1 { -magnitude } else { magnitude }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_floats() {
        // Table of the standard's examples.
        for (bits, value) in [
            (0x0000, 0.0),
            (0x0001, 5.960_464_5e-8),
            (0x03ff, 6.097_555e-5),
            (0x0400, 6.103_515_6e-5),
            (0x3555, 0.333_251_95),
            (0x3bff, 0.999_511_7),
            (0x3c00, 1.0),
            (0x7bff, 65504.0),
            (0x7c00, f32::INFINITY),
            (0xc000, -2.0),
            (0xfc00, f32::NEG_INFINITY),
        ] {
            assert_eq!(half(bits), value, "{bits:04x}");
        }
        assert!(half(0x7e00).is_nan() && half(0x8000).is_sign_negative());
    }
}
