//! How the weights of a precision are stored and summed, on the CPU and in the kernel for GPUs.

use std::fmt::{Result, Write as _};
use std::sync::Arc;

use super::format::Format;
use crate::controller::Resumable;
use crate::network::{Network, Projection};

/// A precision at work.
pub(crate) trait Storage: Format {
    /// The evaluator on the CPU.
    fn evaluator(&self, network: &Arc<Network>, slots: usize) -> Box<dyn Resumable>;

    /// On a GPU, 32-bit words of one individual's weights; `dense` if the sources are currents.
    fn words(&self, projection: &Projection, dense: bool) -> usize;

    /// Writes the weight from `pre` to `post` into those words, which are 0 at first.
    fn pack(&self, projection: &Projection, dense: bool, place: (usize, usize), weight: f32, to: &mut [u32]);

    /// An encoder's current as the kernel reads it.
    fn input(&self, x: f32) -> u32 {
        x.to_bits()
    }

    /// Writes the sum of the encoder's currents into neuron `j` as a variable `sum`.
    fn currents(&self, text: &mut String, site: &Site<'_>) -> Result;

    /// Writes what adds the weights of the present spikes into neuron `j` to [`Site::out`].
    fn spikes(&self, text: &mut String, site: &Site<'_>) -> Result;

    /// 32-bit words that hold the weights from all spiking sources into one neuron.
    fn column(&self, projection: &Projection) -> usize;

    /// Whether [`all`](Self::all) reads spikes as bytes.
    fn reads_bytes(&self) -> bool {
        false
    }

    /// Writes what puts the weights into neuron `j` in these words.
    fn take(&self, text: &mut String, resident: &Resident<'_>) -> Result;

    /// As [`spikes`](Self::spikes), with weights in these words, over all sources in order.
    fn all(&self, text: &mut String, resident: &Resident<'_>) -> Result;
}

/// Where the kernel finds what enters through a projection. Words of weights lie behind `w0`, currents
/// behind `i0`.
pub(crate) struct Site<'a> {
    pub(crate) projection: &'a Projection,
    /// First word of the weights.
    pub(crate) base: usize,
    /// Of 32-bit floats: the weight in row `i` and column `j`, learned or not.
    pub(crate) weight: String,
    /// Word `w` of the sources' spikes.
    pub(crate) word: String,
    /// Variable that takes the sum.
    pub(crate) out: &'static str,
}

/// A projection whose weights stay in registers.
pub(crate) struct Resident<'a> {
    pub(crate) site: Site<'a>,
    /// Its words are called by this name, an underscore and their number.
    pub(crate) name: String,
    /// Word `w` of the sources' spikes as bytes that are 0 or 1, where there is one.
    pub(crate) bytes: Option<String>,
}

impl Site<'_> {
    /// Writes a loop over the sources `i` that spike.
    pub(crate) fn each_spike(&self, text: &mut String, body: &str) -> Result {
        let (words, word) = (self.projection.rows.div_ceil(32), &self.word);
        write!(
            text,
            "for (var w = 0u; w < {words}u; w++) {{\nvar bits = {word};\nwhile (bits != 0u) {{\n\
             let i = w * 32u + countTrailingZeros(bits);\nbits &= bits - 1u;\n{body}\n}}\n}}\n"
        )
    }
}
