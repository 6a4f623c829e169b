//! How far a search over wirings has come.

/// Of a strategy that evolves which connections and neurons there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Topology {
    /// Species of the members that are asked for next.
    pub species: usize,
    /// Connections of the best member of the last generation, which is the mean.
    pub connections: usize,
    /// Its hidden neurons that have connections.
    pub neurons: usize,
}
