//! Writing NIR files.

use std::path::Path;

use hdf5_pure::{DatasetBuilder, EnumTypeBuilder, FileBuilder, GroupBuilder};

use super::check::{MAX_DEPTH, check_graph, is_name, join};
use super::error::NirError;
use super::graph::{Array, Data, Field, Graph, Metadata, Node, NodeKind, Value};

/// Version of the `nir` package whose files these are.
pub const VERSION: &str = "1.0.8";

/// Compression of arrays, as `nir` has it.
const DEFLATE: u32 = 4;

/// Writes a graph as a NIR file that the Python package `nir` reads.
///
/// # Errors
/// [`NirError::File`], or what is wrong with the graph; then no file is written.
pub fn write(path: &Path, graph: &Graph) -> Result<(), NirError> {
    let bytes = to_bytes(graph)?;
    std::fs::write(path, bytes).map_err(|error| NirError::File {
        action: "write",
        path: path.to_owned(),
        error,
    })
}

/// The contents of the NIR file of a graph. Equal graphs give equal bytes.
///
/// # Errors
/// What is wrong with the graph.
pub fn to_bytes(graph: &Graph) -> Result<Vec<u8>, NirError> {
    check_graph("", graph, 0)?;
    let mut file = FileBuilder::new();
    file.create_dataset("version").with_vlen_strings(&[VERSION]).with_shape(&[]);
    let mut group = file.create_group("node");
    put_graph(&mut group, "", graph)?;
    file.add_group(group.finish());
    file.finish().map_err(|error| NirError::Graph { problem: format!("cannot be put into HDF5: {error}") })
}

fn put_graph(group: &mut GroupBuilder, path: &str, graph: &Graph) -> Result<(), NirError> {
    put_text(group.create_dataset("type"), &["NIRGraph"], &[]);
    let names: Vec<&str> = graph.edges.iter().flat_map(|(from, to)| [from.as_str(), to.as_str()]).collect();
    let edges = group.create_dataset("edges");
    if names.is_empty() {
        edges.with_f64_data(&[]).with_shape(&[0]);
    } else {
        put_text(edges, &names, &[graph.edges.len(), 2]);
    }
    let mut nodes = group.create_group("nodes");
    for (name, node) in &graph.nodes {
        let mut inner = nodes.create_group(name);
        put_node(&mut inner, &join(path, name), node)?;
        nodes.add_group(inner.finish());
    }
    group.add_group(nodes.finish());
    put_metadata(group, "metadata", path, &graph.metadata, 0)
}

fn put_node(group: &mut GroupBuilder, path: &str, node: &Node) -> Result<(), NirError> {
    if let NodeKind::Graph(graph) = &node.kind {
        if !node.metadata.is_empty() {
            let problem =
                "stands beside a nested graph; a file keeps it in the graph's own metadata".to_owned();
            return Err(NirError::Metadata { key: path.to_owned(), problem });
        }
        return put_graph(group, path, graph);
    }
    put_text(group.create_dataset("type"), &[node.kind.name()], &[]);
    for (name, field) in node.kind.fields() {
        let dataset = group.create_dataset(name);
        match field {
            Field::Array(array) => put_array(dataset, array),
            Field::Integers(values) => {
                let values: Vec<i64> = values.into_iter().map(|x| x as i64).collect();
                dataset.with_i64_data(&values);
            }
            Field::Integer(value) => {
                dataset.with_i64_data(&[value]).with_shape(&[]);
            }
            Field::Text(text) => put_text(dataset, &[text], &[]),
        }
    }
    put_metadata(group, "metadata", path, &node.metadata, 0)
}

fn put_metadata(
    group: &mut GroupBuilder,
    name: &str,
    path: &str,
    metadata: &Metadata,
    depth: usize,
) -> Result<(), NirError> {
    if metadata.is_empty() && depth == 0 {
        return Ok(());
    }
    let wrong =
        |key: &str, problem: &str| NirError::Metadata { key: key.to_owned(), problem: problem.to_owned() };
    if depth > MAX_DEPTH {
        return Err(wrong(path, &format!("is nested more than {MAX_DEPTH} deep")));
    }
    let mut inner = group.create_group(name);
    for (key, value) in metadata {
        let place = join(path, key);
        if !is_name(key) {
            return Err(wrong(&place, "cannot be called so: keys are not empty and without '/' and NUL"));
        }
        match value {
            Value::Group(metadata) => put_metadata(&mut inner, key, &place, metadata, depth + 1)?,
            Value::Array(array) => {
                if let Data::Text(texts) = array.data()
                    && texts.iter().any(|text| text.contains('\0'))
                {
                    return Err(wrong(&place, "holds a NUL character"));
                }
                put_array(inner.create_dataset(key), array);
            }
        }
    }
    group.add_group(inner.finish());
    Ok(())
}

fn put_text(dataset: &mut DatasetBuilder, texts: &[&str], shape: &[usize]) {
    dataset.with_vlen_strings(texts).with_shape(&extents(shape));
}

fn put_array(dataset: &mut DatasetBuilder, array: &Array) {
    match array.data() {
        Data::F32(values) => dataset.with_f32_data(values),
        Data::F64(values) => dataset.with_f64_data(values),
        Data::I64(values) => dataset.with_i64_data(values),
        Data::Bool(values) => {
            // As h5py has it.
            let kind = EnumTypeBuilder::with_base(hdf5_pure::make_i8_type());
            let kind = kind.value("FALSE", 0).value("TRUE", 1).build().expect("both values fit");
            dataset.with_raw_data(kind, values.iter().map(|&x| u8::from(x)).collect(), values.len() as u64)
        }
        Data::Text(values) => {
            let texts: Vec<&str> = values.iter().map(String::as_str).collect();
            return put_text(dataset, &texts, array.shape());
        }
    };
    let shape = extents(array.shape());
    dataset.with_shape(&shape);
    if !shape.is_empty() && !array.data().is_empty() {
        dataset.with_chunks(&shape).with_deflate(DEFLATE);
    }
}

fn extents(shape: &[usize]) -> Vec<u64> {
    shape.iter().map(|&extent| extent as u64).collect()
}
