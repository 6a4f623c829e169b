//! What a spike does to the potential.

/// What a spike does to the membrane potential. NIR's equations, in continuous time, cannot tell these
/// apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResetMode {
    /// Sets it to `v_reset`.
    #[default]
    ToVReset,
    /// Subtracts `v_threshold − v_reset`, and so keeps what exceeds the threshold.
    Subtract,
}

impl ResetMode {
    /// Name in metadata and on the command line: `to_v_reset` or `subtract`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ToVReset => "to_v_reset",
            Self::Subtract => "subtract",
        }
    }
}
