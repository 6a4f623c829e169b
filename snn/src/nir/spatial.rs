//! Convolution and pooling over `[channels, height, width]`; one axis is height 1.

use super::check::spread;
use super::graph::{Conv, Padding, Pool};

/// A window that slides over padded channels.
#[derive(Clone, Debug)]
struct Window {
    /// Height and width of the input.
    input: [usize; 2],
    /// Height and width of the output.
    output: [usize; 2],
    kernel: [usize; 2],
    stride: [usize; 2],
    dilation: [usize; 2],
    /// Zeros above and to the left.
    before: [usize; 2],
}

impl Window {
    /// Calls `add(tap, position)` for each tap at output `(y, x)` that is not on padding, in order.
    fn taps(&self, [y, x]: [usize; 2], mut add: impl FnMut(usize, usize)) {
        let at = |axis: usize, place: usize, tap: usize| {
            let position = place * self.stride[axis] + tap * self.dilation[axis];
            position.checked_sub(self.before[axis]).filter(|&position| position < self.input[axis])
        };
        for row in 0..self.kernel[0] {
            let Some(top) = at(0, y, row) else { continue };
            for column in 0..self.kernel[1] {
                if let Some(left) = at(1, x, column) {
                    add(row * self.kernel[1] + column, top * self.input[1] + left);
                }
            }
        }
    }

    fn places(&self) -> impl Iterator<Item = [usize; 2]> {
        let [height, width] = self.output;
        (0..height).flat_map(move |y| (0..width).map(move |x| [y, x]))
    }
}

/// A cross-correlation with bias.
pub(super) struct Correlation {
    window: Window,
    /// `[out][in of the group][taps]`.
    weight: Vec<f32>,
    bias: Vec<f32>,
    /// Input channels of a group.
    channels: usize,
    /// Output channels of a group.
    filters: usize,
}

impl Correlation {
    /// From a checked node and the shapes of its signals; `weight` and `bias` are its values.
    pub(super) fn new<const D: usize>(
        conv: &Conv<D>,
        (weight, bias): (Vec<f32>, Vec<f32>),
        (input, output): (&[usize], &[usize]),
    ) -> Self {
        let shape = conv.weight.shape();
        // One axis becomes the second of two.
        let two =
            |values: &[usize], one: usize| if D == 1 { [one, values[0]] } else { [values[0], values[1]] };
        let before: Vec<usize> = (0..D)
            .map(|axis| match conv.padding {
                Padding::Valid => 0,
                Padding::Same => (spread(shape[axis + 2], conv.dilation[axis]) - 1) / 2,
                Padding::Zeros(zeros) => zeros[axis],
            })
            .collect();
        Self {
            window: Window {
                input: two(&input[1..], 1),
                output: two(&output[1..], 1),
                kernel: two(&shape[2..], 1),
                stride: two(&conv.stride, 1),
                dilation: two(&conv.dilation, 1),
                before: two(&before, 0),
            },
            weight,
            bias,
            channels: shape[1],
            filters: shape[0] / conv.groups,
        }
    }

    /// Sums ascend over channel, row and column; the bias comes last.
    pub(super) fn apply(&self, input: &[f32], output: &mut [f32]) {
        let window = &self.window;
        let size = window.input[0] * window.input[1];
        let taps = window.kernel[0] * window.kernel[1];
        let places = window.output[0] * window.output[1];
        for (filter, output) in output.chunks_exact_mut(places).enumerate() {
            let first = filter / self.filters * self.channels;
            for (place, y) in window.places().zip(output) {
                let mut sum = 0.0;
                for channel in 0..self.channels {
                    let input = &input[(first + channel) * size..][..size];
                    let weight = &self.weight[(filter * self.channels + channel) * taps..][..taps];
                    window.taps(place, |tap, position| sum += weight[tap] * input[position]);
                }
                *y = sum + self.bias[filter];
            }
        }
    }
}

/// Sum or mean over windows.
pub(super) struct Pooling {
    window: Window,
    /// Divisor of the sum.
    share: f32,
}

impl Pooling {
    /// From a checked node and the shapes of its signals.
    pub(super) fn new(pool: &Pool, mean: bool, (input, output): (&[usize], &[usize])) -> Self {
        let window = Window {
            input: [input[1], input[2]],
            output: [output[1], output[2]],
            kernel: pool.kernel_size,
            stride: pool.stride,
            dilation: [1, 1],
            before: pool.padding,
        };
        let taps = pool.kernel_size[0] * pool.kernel_size[1];
        Self { window, share: if mean { taps as f32 } else { 1.0 } }
    }

    pub(super) fn apply(&self, input: &[f32], output: &mut [f32]) {
        let window = &self.window;
        let size = window.input[0] * window.input[1];
        let places = window.output[0] * window.output[1];
        for (input, output) in input.chunks_exact(size).zip(output.chunks_exact_mut(places)) {
            for (place, y) in window.places().zip(output) {
                let mut sum = 0.0;
                window.taps(place, |_, position| sum += input[position]);
                *y = sum / self.share;
            }
        }
    }
}
