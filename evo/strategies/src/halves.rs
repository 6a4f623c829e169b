//! The gradient of a generation, estimated twice.

/// The gradient of a generation as each half of its members has it, where the noise is standard normal.
pub struct Halves {
    /// The two estimates, a value per parameter.
    pub estimates: [Vec<f32>; 2],
    /// Variance of each coordinate of the estimates, if fitness did not depend on the parameters.
    pub variances: [f64; 2],
}
