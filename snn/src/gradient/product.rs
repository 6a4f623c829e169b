//! Products of matrices and of lists of events with matrices.
//!
//! Vectorised over results, never over the terms of a sum, so that the same bits come out whatever
//! the vector width. Sums run in ascending order of their terms.

use numerics::wide;

use crate::lanes::WIDTH;
use crate::real::Real;

/// Samples that are computed together.
pub(super) const SAMPLES: usize = 8;
/// Lanes that the kernels for events take at once.
const GROUP: usize = 4;
/// Values per block of a [`Accumulator`].
const WIDE: usize = GROUP * WIDTH;

/// Which sources have a value, tick by tick and sample by sample.
#[derive(Debug, Default)]
pub(super) struct Events<T> {
    /// First event of each list, and one past the last.
    starts: Vec<u32>,
    sources: Vec<u16>,
    /// Empty: all values are 1.
    values: Vec<T>,
}

/// One list of [`Events`].
#[derive(Clone, Copy)]
pub(super) struct List<'a, T> {
    pub(super) sources: &'a [u16],
    /// As long, or empty if all are 1.
    pub(super) values: &'a [T],
}

impl<T: Real> Events<T> {
    pub(super) fn clear(&mut self) {
        self.starts.clear();
        self.starts.push(0);
        self.sources.clear();
        self.values.clear();
    }

    /// Adds an event of value 1 to the list at hand.
    pub(super) fn spike(&mut self, source: usize) {
        self.sources.push(source as u16);
    }

    /// Adds an event to the list at hand.
    pub(super) fn value(&mut self, source: usize, value: T) {
        self.sources.push(source as u16);
        self.values.push(value);
    }

    /// Adds the ascending indices of the bits set in `words`.
    pub(super) fn bits(&mut self, words: impl Iterator<Item = u64>) {
        for (word, mut bits) in words.enumerate() {
            while bits != 0 {
                self.spike(word * 64 + bits.trailing_zeros() as usize);
                bits &= bits - 1;
            }
        }
    }

    /// Ends the list at hand.
    pub(super) fn end(&mut self) {
        self.starts.push(self.sources.len() as u32);
    }

    /// The list `index`; empty beyond the last.
    pub(super) fn list(&self, index: usize) -> List<'_, T> {
        let Some(&[from, to]) = self.starts.get(index..index + 2) else {
            return List { sources: &[], values: &[] };
        };
        let range = from as usize..to as usize;
        let values = if self.values.is_empty() { &[] } else { &self.values[range.clone()] };
        List { sources: &self.sources[range], values }
    }
}

wide! {
    /// `out += Σ value · row of its source`, where `rows` are as long as `out`.
    pub(super) fn add_rows[T: Real][T](list: List<'_, T>, rows: &[T], out: &mut [T]) {
        let stride = out.len();
        let mut column = 0;
        while column + WIDE <= stride {
            add_columns::<T, WIDE>(list, rows, stride, column, out);
            column += WIDE;
        }
        while column < stride {
            add_columns::<T, WIDTH>(list, rows, stride, column, out);
            column += WIDTH;
        }
    }
}

#[inline(always)]
fn add_columns<T: Real, const N: usize>(
    list: List<'_, T>,
    rows: &[T],
    stride: usize,
    column: usize,
    out: &mut [T],
) {
    let out: &mut [T; N] = out[column..].first_chunk_mut().expect("rows are padded to whole lanes");
    let mut sums = *out;
    let row = |source: u16| -> &[T; N] {
        let from = usize::from(source) * stride + column;
        rows[from..].first_chunk().expect("rows are padded to whole lanes")
    };
    if list.values.is_empty() {
        for &source in list.sources {
            let row = row(source);
            for lane in 0..N {
                sums[lane] += row[lane];
            }
        }
    } else {
        for (&source, &value) in list.sources.iter().zip(list.values) {
            let row = row(source);
            for lane in 0..N {
                sums[lane] += value * row[lane];
            }
        }
    }
    *out = sums;
}

/// A matrix `[sources][targets]` of sums over events, stored in blocks of columns.
#[derive(Clone, Debug)]
pub(super) struct Accumulator<T> {
    rows: usize,
    stride: usize,
    sums: Vec<T>,
}

impl<T: Real> Accumulator<T> {
    /// `stride` is a multiple of [`WIDTH`].
    pub(super) fn new(rows: usize, stride: usize) -> Self {
        Self { rows, stride, sums: vec![T::ZERO; rows * stride] }
    }

    pub(super) fn clear(&mut self) {
        self.sums.fill(T::ZERO);
    }

    /// Where entry (row, column) is in [`sums`](Self::sums).
    pub(super) fn index(&self, row: usize, column: usize) -> usize {
        let block = column / WIDE * WIDE;
        let width = WIDE.min(self.stride - block);
        block * self.rows + row * width + column - block
    }

    pub(super) fn sums(&self) -> &[T] {
        &self.sums
    }

    /// Adds value · delta to the row of each event, over the lists `range`, whose deltas lie `stride`
    /// apart in `deltas`; for a `bias`, delta to the last row for each list.
    pub(super) fn add<'a>(
        &mut self,
        lists: usize,
        list: impl Fn(usize) -> List<'a, T>,
        delta: impl Fn(usize) -> usize,
        deltas: &[T],
        bias: bool,
    ) {
        let mut block = 0;
        while block < self.stride {
            let width = WIDE.min(self.stride - block);
            let sums = &mut self.sums[block * self.rows..(block + width) * self.rows];
            let each = |index: usize| (list(index), delta(index) + block);
            match width / WIDTH {
                1 => add_block::<T, WIDTH, _>(sums, lists, each, deltas, bias),
                2 => add_block::<T, { 2 * WIDTH }, _>(sums, lists, each, deltas, bias),
                3 => add_block::<T, { 3 * WIDTH }, _>(sums, lists, each, deltas, bias),
                _ => add_block::<T, WIDE, _>(sums, lists, each, deltas, bias),
            }
            block += width;
        }
    }
}

wide! {
    fn add_block['a, T: Real, const N: usize, E: Fn(usize) -> (List<'a, T>, usize)][T, N, E](
        sums: &mut [T],
        lists: usize,
        each: E,
        deltas: &[T],
        bias: bool,
    ) {
        let (rows, _) = sums.as_chunks_mut::<N>();
        let last = rows.len() - 1;
        for index in 0..lists {
            let (list, at) = each(index);
            let delta: &[T; N] = deltas[at..].first_chunk().expect("rows are padded to whole lanes");
            let delta = *delta;
            if list.values.is_empty() {
                for &source in list.sources {
                    let row = &mut rows[usize::from(source)];
                    for lane in 0..N {
                        row[lane] += delta[lane];
                    }
                }
            } else {
                for (&source, &value) in list.sources.iter().zip(list.values) {
                    let row = &mut rows[usize::from(source)];
                    for lane in 0..N {
                        row[lane] += value * delta[lane];
                    }
                }
            }
            if bias {
                let row = &mut rows[last];
                for lane in 0..N {
                    row[lane] += delta[lane];
                }
            }
        }
    }
}

/// A matrix `[inner][columns]` in panels of [`WIDTH`] columns.
#[derive(Clone, Debug, Default)]
pub(super) struct Panels<T> {
    inner: usize,
    values: Vec<T>,
}

impl<T: Real> Panels<T> {
    /// `columns` is a multiple of [`WIDTH`].
    pub(super) fn resize(&mut self, inner: usize, columns: usize) {
        self.inner = inner;
        self.values.resize(inner * columns, T::ZERO);
    }

    pub(super) fn set(&mut self, inner: usize, column: usize, value: T) {
        self.values[(column / WIDTH * self.inner + inner) * WIDTH + column % WIDTH] = value;
    }

    /// `out[SAMPLES][columns] += a[SAMPLES][inner] · self`, where rows of `a` lie `stride` apart.
    pub(super) fn multiply(&self, a: &[T], stride: usize, out: &mut [T]) {
        multiply(&self.values, self.inner, a, stride, out);
    }
}

wide! {
    fn multiply[T: Real][T](panels: &[T], inner: usize, a: &[T], stride: usize, out: &mut [T]) {
        let columns = out.len() / SAMPLES;
        let a: [&[T]; SAMPLES] = std::array::from_fn(|row| &a[row * stride..][..inner]);
        for (panel, values) in panels.chunks_exact(inner * WIDTH).enumerate() {
            let mut sums = [[T::ZERO; WIDTH]; SAMPLES];
            let (values, _) = values.as_chunks::<WIDTH>();
            for (k, value) in values.iter().enumerate() {
                for row in 0..SAMPLES {
                    let x = a[row][k];
                    for lane in 0..WIDTH {
                        sums[row][lane] += x * value[lane];
                    }
                }
            }
            for (row, sums) in sums.iter().enumerate() {
                let out = &mut out[row * columns + panel * WIDTH..][..WIDTH];
                for (out, sum) in out.iter_mut().zip(sums) {
                    *out += *sum;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_products_agree_with_the_textbook() {
        let number = |i: usize| ((i * 37 + 11) % 23) as f64 - 11.0;
        for columns in [16, 48, 80, 192] {
            let (inner, stride) = (19, 32);
            let matrix: Vec<f64> = (0..inner * columns).map(number).collect();
            let a: Vec<f64> =
                (0..SAMPLES * stride).map(|i| if i % 3 == 0 { number(i) } else { 0.0 }).collect();
            let mut expected = vec![0.5; SAMPLES * columns];
            for (i, out) in expected.iter_mut().enumerate() {
                let (row, column) = (i / columns, i % columns);
                *out += (0..inner).map(|k| a[row * stride + k] * matrix[k * columns + column]).sum::<f64>();
            }
            let mut panels = Panels::default();
            panels.resize(inner, columns);
            for (i, &value) in matrix.iter().enumerate() {
                panels.set(i / columns, i % columns, value);
            }
            let mut out = vec![0.5; SAMPLES * columns];
            panels.multiply(&a, stride, &mut out);
            assert_eq!(out, expected);

            let mut events = Events::default();
            events.clear();
            for row in 0..SAMPLES {
                for k in (0..inner).filter(|k| a[row * stride + k] != 0.0) {
                    events.value(k, a[row * stride + k]);
                }
                events.end();
            }
            let mut out = vec![0.5; SAMPLES * columns];
            for (row, out) in out.chunks_exact_mut(columns).enumerate() {
                add_rows(events.list(row), &matrix, out);
            }
            assert_eq!(out, expected);

            // aᵀ · out, with a row for the bias.
            let mut sums = Accumulator::new(inner + 1, columns);
            sums.add(SAMPLES, |row| events.list(row), |row| row * columns, &out, true);
            for k in 0..=inner {
                for column in 0..columns {
                    let x = |row: usize| if k == inner { 1.0 } else { a[row * stride + k] };
                    let sum: f64 = (0..SAMPLES).map(|row| x(row) * out[row * columns + column]).sum();
                    assert_eq!(sums.sums()[sums.index(k, column)], sum);
                }
            }
        }
    }
}
