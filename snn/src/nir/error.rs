//! What can be wrong with a NIR file or graph.

use std::path::PathBuf;

use thiserror::Error;

/// A NIR file or graph that cannot be read, written or run. Nodes of nested graphs are named with
/// dots, as in `rlif.lif`.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum NirError {
    /// The system cannot open or write the file.
    #[error("cannot {action} {path}: {error}")]
    File {
        /// `read` or `write`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// Something is wrong with the contents of a file.
    #[error("{path}: {error}")]
    In {
        /// The file.
        path: PathBuf,
        /// What.
        error: Box<Self>,
    },
    /// The bytes are not those of an HDF5 file, or damaged.
    #[error("not an HDF5 file, or a damaged one: {reason}")]
    Hdf5 {
        /// Why.
        reason: String,
    },
    /// An HDF5 file with something else inside.
    #[error("not a NIR file: {reason}")]
    Foreign {
        /// What is missing or different.
        reason: String,
    },
    /// A node of a type that NIR does not define.
    #[error("node '{node}' has type '{found}', which NIR does not define; valid: {valid}")]
    UnknownType {
        /// The node.
        node: String,
        /// Its type.
        found: String,
        /// Types that there are, separated by commas.
        valid: String,
    },
    /// A node lacks one of its parameters.
    #[error("node '{node}' ({kind}) has no '{field}'; it has: {has}")]
    MissingField {
        /// The node.
        node: String,
        /// Its type.
        kind: &'static str,
        /// The parameter.
        field: String,
        /// Parameters that it has, separated by commas.
        has: String,
    },
    /// A node has something that its type does not.
    #[error("node '{node}' ({kind}) has an unknown '{field}'; valid: {valid}")]
    UnknownField {
        /// The node.
        node: String,
        /// Its type.
        kind: &'static str,
        /// The dataset or group.
        field: String,
        /// What the type has, separated by commas.
        valid: String,
    },
    /// A parameter of a node has a type, shape or value that it cannot have.
    #[error("node '{node}' ({kind}): '{field}' {problem}")]
    Field {
        /// The node.
        node: String,
        /// Its type.
        kind: &'static str,
        /// The parameter.
        field: String,
        /// What is wrong and what would be valid.
        problem: String,
    },
    /// A node that does not fit where it stands.
    #[error("node '{node}' ({kind}) {problem}")]
    Node {
        /// The node.
        node: String,
        /// Its type.
        kind: &'static str,
        /// What is wrong and what would be valid.
        problem: String,
    },
    /// An edge that cannot be.
    #[error("edge '{from}' → '{to}': {problem}")]
    Edge {
        /// Where it begins.
        from: String,
        /// Where it ends.
        to: String,
        /// What is wrong and what would be valid.
        problem: String,
    },
    /// The graph as a whole cannot be read or run.
    #[error("{problem}")]
    Graph {
        /// What is wrong and what would be valid.
        problem: String,
    },
    /// Metadata of a type that cannot be kept, or with a value that cannot be.
    #[error("metadata '{key}' {problem}")]
    Metadata {
        /// Where it stands, such as `dt` or `lif.note`.
        key: String,
        /// What is wrong and what would be valid.
        problem: String,
    },
    /// A graph with time constants or delays in seconds, and no time step.
    #[error("the time step is neither given nor in the metadata as 'dt'{}", hint(*.guess))]
    NoTimeStep {
        /// The time step for which every neuron has `r = tau / dt`, as in files of snnTorch.
        guess: Option<f64>,
    },
    /// Something that NIR cannot express.
    #[error("NIR cannot carry {what}: {why}")]
    Export {
        /// What, with its place.
        what: String,
        /// Why, and what would be possible.
        why: String,
    },
}

fn hint(guess: Option<f64>) -> String {
    guess.map_or_else(
        || "; give the seconds per tick".to_owned(),
        |dt| format!("; r = tau/dt in all its neurons for {dt} s, which is then likely right"),
    )
}

pub(super) fn list<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| name.as_ref().to_owned()).collect();
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}
