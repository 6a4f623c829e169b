//! Counter-based random streams: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3",
//! SC 2011).
//!
//! A number is a pure function of the run's seed (the key) and of where it is used (the counter: purpose,
//! generation, member, episode, index). Any thread can make any number in any order, and nothing has to be
//! stored for a resume. Layout of the 128-bit counter, in 32-bit words:
//!
//! | word | content |
//! | --- | --- |
//! | 0 | block index within the stream; a block is 4 words |
//! | 1 | generation |
//! | 2 | member |
//! | 3 | purpose (upper 8 bits), episode (lower 24 bits) |
//!
//! Normals use additions, multiplications and square roots only (polynomials in `f32`, [`libm`] in `f64`), so
//! they are the same bits on every machine.

use std::convert::Infallible;

use rand::TryRng;

use numerics::wide;

/// What a random number is for. Streams of different purposes never overlap.
///
/// The numbers are part of what a seed means: never reuse or change one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Purpose {
    /// Initial parameters of a controller or a distribution.
    Init = 0,
    /// Samples of a search strategy.
    Noise = 1,
    /// Start states and other draws of training episodes.
    Reset = 2,
    /// Start states and other draws of evaluation episodes.
    Evaluate = 3,
    /// Changes of an environment (friction, mass, pushes, …).
    Change = 4,
    /// Stochastic spike encoders.
    Encode = 5,
    /// Noise added to actions.
    Action = 6,
    /// Choices of a sweep.
    Sweep = 7,
    /// Benchmarks and demonstrations.
    Bench = 8,
    /// Mini-batches and initial states of gradient fine-tuning.
    Finetune = 9,
    /// Resamples of bootstrap intervals.
    Bootstrap = 10,
    /// Choices of elites in quality diversity.
    Emitter = 11,
}

const MULTIPLIER: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];

/// One Philox4x32-10 block: 128 random bits from a 128-bit counter and a 64-bit key.
#[must_use]
pub fn philox(counter: [u32; 4], key: [u32; 2]) -> [u32; 4] {
    let [mut x0, mut x1, mut x2, mut x3] = counter;
    let [mut k0, mut k1] = key;
    for _ in 0..10 {
        let p0 = u64::from(MULTIPLIER[0]) * u64::from(x0);
        let p1 = u64::from(MULTIPLIER[1]) * u64::from(x2);
        (x0, x1, x2, x3) = ((p1 >> 32) as u32 ^ x1 ^ k0, p1 as u32, (p0 >> 32) as u32 ^ x3 ^ k1, p0 as u32);
        k0 = k0.wrapping_add(WEYL[0]);
        k1 = k1.wrapping_add(WEYL[1]);
    }
    [x0, x1, x2, x3]
}

fn key(seed: u64) -> [u32; 2] {
    [seed as u32, (seed >> 32) as u32]
}

/// Words 1 to 3 of the counter. Generations, members and episodes wrap at 2³², 2³² and 2²⁴.
fn place(purpose: Purpose, generation: u64, member: u64, episode: u64) -> [u32; 3] {
    let last = (u32::from(purpose as u8) << 24) | (episode as u32 & 0x00FF_FFFF);
    [generation as u32, member as u32, last]
}

/// A sequential random number generator at one place: (seed, purpose, generation, member, episode).
///
/// Holds 2³⁴ words before it repeats. Give it to anything that takes a [`rand::Rng`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    key: [u32; 2],
    place: [u32; 3],
    block: u32,
    words: [u32; 4],
    used: usize,
}

impl Stream {
    /// The stream at a place. `generation` and `member` wrap at 2³², `episode` at 2²⁴.
    #[must_use]
    pub fn new(seed: u64, purpose: Purpose, generation: u64, member: u64, episode: u64) -> Self {
        Self {
            key: key(seed),
            place: place(purpose, generation, member, episode),
            block: 0,
            words: [0; 4],
            used: 4,
        }
    }

    fn word(&mut self) -> u32 {
        if self.used == 4 {
            let [a, b, c] = self.place;
            self.words = philox([self.block, a, b, c], self.key);
            self.block = self.block.wrapping_add(1);
            self.used = 0;
        }
        self.used += 1;
        self.words[self.used - 1]
    }
}

impl TryRng for Stream {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.word())
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let low = u64::from(self.word());
        Ok(low | u64::from(self.word()) << 32)
    }

    fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Infallible> {
        for chunk in dst.chunks_mut(4) {
            chunk.copy_from_slice(&self.word().to_le_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

/// Lanes computed side by side. Fixed, so that the layout of the normals does not depend on the machine.
const LANES: usize = 16;
/// Numbers made at a time when many are; ranges that start at a multiple of it can be made alone.
pub const BLOCK: usize = 4 * LANES;

/// [`LANES`] consecutive Philox blocks. The 32-bit words live in 64-bit lanes, of which the upper half is
/// ignored: this is what vector units multiply.
#[inline(always)]
#[expect(clippy::needless_range_loop, reason = "four arrays are indexed alike")]
fn philox_lanes(first: u32, place: [u32; 3], key: [u32; 2]) -> [[u64; LANES]; 4] {
    const LOW: u64 = 0xFFFF_FFFF;
    let mut x: [[u64; LANES]; 4] = [
        std::array::from_fn(|lane| u64::from(first.wrapping_add(lane as u32))),
        [u64::from(place[0]); LANES],
        [u64::from(place[1]); LANES],
        [u64::from(place[2]); LANES],
    ];
    let [mut k0, mut k1] = key;
    for _ in 0..10 {
        for lane in 0..LANES {
            let p0 = u64::from(MULTIPLIER[0]) * (x[0][lane] & LOW);
            let p1 = u64::from(MULTIPLIER[1]) * (x[2][lane] & LOW);
            x[0][lane] = (p1 >> 32) ^ x[1][lane] ^ u64::from(k0);
            x[1][lane] = p1;
            x[2][lane] = (p0 >> 32) ^ x[3][lane] ^ u64::from(k1);
            x[3][lane] = p0;
        }
        k0 = k0.wrapping_add(WEYL[0]);
        k1 = k1.wrapping_add(WEYL[1]);
    }
    x
}

/// Two independent standard normals from two random words (Box and Muller 1958). |value| ≤ 6.67.
///
/// Logarithm, sine and cosine are the polynomials of Cephes' `logf`, `sinf` and `cosf` (Moshier).
#[inline(always)]
fn box_muller(a: u32, b: u32) -> (f32, f32) {
    const HALF_WORD: f32 = 1.0 / (1_u32 << 31) as f32;
    const TURN: f32 = std::f32::consts::TAU * 0.5 * HALF_WORD;
    // u in (0, 1]; small u keep their relative resolution, which is what the tail is made of.
    let u = ((a >> 1) as i32 as f32 + 0.5) * HALF_WORD;
    // u = m 2^e with m in [√½, √2).
    let bits = u.to_bits().wrapping_add(0x3F80_0000 - 0x3F35_04F3);
    let e = ((bits >> 23) as i32 - 127) as f32;
    let f = f32::from_bits((bits & 0x007F_FFFF) + 0x3F35_04F3) - 1.0;
    let f2 = f * f;
    // Estrin's scheme: short chains keep a vector unit busy.
    let f4 = f2 * f2;
    let p01 = -2.499_999_4e-1 * f + 3.333_333e-1;
    let p23 = -1.666_805_8e-1 * f + 2.000_071_5e-1;
    let p45 = -1.242_014_1e-1 * f + 1.424_932_3e-1;
    let p67 = -1.151_461e-1 * f + 1.167_699_9e-1;
    let p = (p01 + p23 * f2) + ((p45 + p67 * f2) + 7.037_683_6e-2 * f4) * f4;
    let log = (f + (p * f * f2 - 2.121_944_4e-4 * e - 0.5 * f2)) + 0.693_359_4 * e;
    let radius = (-2.0 * log).max(0.0).sqrt();
    // The angle is 2π b / 2³²: quarter turn q, and a remainder in [-π/4, π/4).
    let q = b.wrapping_add(0x2000_0000) >> 30;
    let r = b.wrapping_sub(q << 30) as i32 as f32 * TURN;
    let r2 = r * r;
    let sin = ((-1.951_529_6e-4 * r2 + 8.332_161e-3) * r2 - 1.666_665_5e-1) * r2 * r + r;
    let cos = ((2.443_315_7e-5 * r2 - 1.388_731_6e-3) * r2 + 4.166_664_6e-2) * r2 * r2 - 0.5 * r2 + 1.0;
    let odd = q & 1 == 1;
    let (s, c) = if odd { (cos, sin) } else { (sin, cos) };
    let s = f32::from_bits(s.to_bits() ^ ((q & 2) << 30));
    let c = f32::from_bits(c.to_bits() ^ ((q.wrapping_add(1) & 2) << 30));
    (radius * c, radius * s)
}

/// Block `block` of the normals at a place. Layout: words 0 and 1 of 16 Philox blocks give normals 0–15
/// (cosine) and 32–47 (sine), words 2 and 3 normals 16–31 and 48–63.
#[inline(always)]
fn normal_block(key: [u32; 2], place: [u32; 3], block: u32) -> [f32; BLOCK] {
    let words = philox_lanes(block.wrapping_mul(LANES as u32), place, key);
    let mut radius_words = [0_u32; 2 * LANES];
    let mut angle_words = [0_u32; 2 * LANES];
    for lane in 0..LANES {
        radius_words[lane] = words[0][lane] as u32;
        radius_words[LANES + lane] = words[2][lane] as u32;
        angle_words[lane] = words[1][lane] as u32;
        angle_words[LANES + lane] = words[3][lane] as u32;
    }
    let mut out = [0.0; BLOCK];
    let (cosines, sines) = out.split_at_mut(2 * LANES);
    for lane in 0..2 * LANES {
        (cosines[lane], sines[lane]) = box_muller(radius_words[lane], angle_words[lane]);
    }
    out
}

wide! {
    fn fill_wide(key: [u32; 2], place: [u32; 3], first: u32, out: &mut [f32]) {
        let mut block = first;
        let (whole, rest) = out.as_chunks_mut::<BLOCK>();
        for chunk in whole {
            *chunk = normal_block(key, place, block);
            block = block.wrapping_add(1);
        }
        if !rest.is_empty() {
            rest.copy_from_slice(&normal_block(key, place, block)[..rest.len()]);
        }
    }
}

/// The numbers below `count` in random order (Fisher and Yates).
#[must_use]
pub fn shuffled(count: usize, stream: &mut Stream) -> Vec<usize> {
    use rand::RngExt as _;
    let mut order: Vec<usize> = (0..count).collect();
    for last in (1..count).rev() {
        order.swap(last, stream.random_range(0..=last));
    }
    order
}

/// Fills `out` with the first standard normals of a place (episode 0).
///
/// A shorter `out` gives a prefix of the numbers of a longer one.
pub fn fill_normals(seed: u64, purpose: Purpose, generation: u64, member: u64, out: &mut [f32]) {
    fill_normals_from(seed, purpose, generation, member, 0, out);
}

/// Fills `out` with the normals from index `first_block` × [`BLOCK`] on: random access into the
/// numbers of [`fill_normals`].
pub fn fill_normals_from(
    seed: u64,
    purpose: Purpose,
    generation: u64,
    member: u64,
    first_block: usize,
    out: &mut [f32],
) {
    let place = place(purpose, generation, member, 0);
    fill_wide(key(seed), place, first_block as u32, out);
}

wide! {
    fn sum_wide(key: [u32; 2], place: [u32; 3], first: u32, weights: &[f32], out: &mut [f32]) {
        for (index, chunk) in out.chunks_mut(BLOCK).enumerate() {
            let block = first.wrapping_add(index as u32);
            let mut sum = [0.0_f32; BLOCK];
            for (member, &weight) in weights.iter().enumerate() {
                if weight != 0.0 {
                    let normals = normal_block(key, [place[0], member as u32, place[2]], block);
                    for (total, normal) in sum.iter_mut().zip(normals) {
                        *total += weight * normal;
                    }
                }
            }
            chunk.copy_from_slice(&sum[..chunk.len()]);
        }
    }
}

/// `out[i] = Σ_m weights[m] · normal(m, first_block × BLOCK + i)`, summed in the order of the members,
/// with the numbers of [`fill_normals`] made again on the fly: no memory beyond `out`.
pub fn weighted_sum_of_normals(
    seed: u64,
    purpose: Purpose,
    generation: u64,
    weights: &[f32],
    first_block: usize,
    out: &mut [f32],
) {
    let place = place(purpose, generation, 0, 0);
    sum_wide(key(seed), place, first_block as u32, weights, out);
}

wide! {
    fn moments_wide(
        key: [u32; 2],
        place: [u32; 3],
        first: u32,
        weights: &[[f32; 2]],
        sums: &mut [f32],
        squares: &mut [f32],
    ) {
        for (index, (sums, squares)) in sums.chunks_mut(BLOCK).zip(squares.chunks_mut(BLOCK)).enumerate() {
            let block = first.wrapping_add(index as u32);
            let (mut sum, mut square) = ([0.0_f32; BLOCK], [0.0_f32; BLOCK]);
            for (member, &[linear, quadratic]) in weights.iter().enumerate() {
                if linear != 0.0 || quadratic != 0.0 {
                    let normals = normal_block(key, [place[0], member as u32, place[2]], block);
                    for ((sum, square), normal) in sum.iter_mut().zip(&mut square).zip(normals) {
                        *sum += linear * normal;
                        *square += quadratic * (normal * normal);
                    }
                }
            }
            sums.copy_from_slice(&sum[..sums.len()]);
            squares.copy_from_slice(&square[..squares.len()]);
        }
    }
}

/// First and second moments in one go: with z the numbers of [`weighted_sum_of_normals`],
/// `sums[i] = Σ_m weights[m][0] · z` and `squares[i] = Σ_m weights[m][1] · z²`. Both slices have the same length.
pub fn weighted_moments_of_normals(
    seed: u64,
    purpose: Purpose,
    generation: u64,
    weights: &[[f32; 2]],
    first_block: usize,
    sums: &mut [f32],
    squares: &mut [f32],
) {
    let place = place(purpose, generation, 0, 0);
    moments_wide(key(seed), place, first_block as u32, weights, sums, squares);
}

/// Block `block` of the draws at a place: number i is 1 where random word i is below `limits[i]`. Word k of 16
/// Philox blocks decides numbers 16k to 16k + 15.
#[inline(always)]
fn bernoulli_block(key: [u32; 2], place: [u32; 3], block: u32, limits: &[u32]) -> [f32; BLOCK] {
    let words = philox_lanes(block.wrapping_mul(LANES as u32), place, key);
    let mut padded = [0_u32; BLOCK];
    padded[..limits.len()].copy_from_slice(limits);
    let mut out = [0.0; BLOCK];
    for (word, (out, limits)) in words.iter().zip(out.chunks_mut(LANES).zip(padded.chunks(LANES))) {
        for lane in 0..LANES {
            out[lane] = if (word[lane] as u32) < limits[lane] { 1.0 } else { 0.0 };
        }
    }
    out
}

wide! {
    fn bernoulli_wide(key: [u32; 2], place: [u32; 3], limits: &[u32], out: &mut [f32]) {
        for (block, (out, limits)) in out.chunks_mut(BLOCK).zip(limits.chunks(BLOCK)).enumerate() {
            out.copy_from_slice(&bernoulli_block(key, place, block as u32, limits)[..limits.len()]);
        }
    }
}

wide! {
    fn bernoulli_sum_wide(
        key: [u32; 2],
        place: [u32; 3],
        first: u32,
        weights: &[f32],
        limits: &[u32],
        out: &mut [f32],
    ) {
        for (index, (out, limits)) in out.chunks_mut(BLOCK).zip(limits.chunks(BLOCK)).enumerate() {
            let block = first.wrapping_add(index as u32);
            let mut sum = [0.0_f32; BLOCK];
            for (member, &weight) in weights.iter().enumerate() {
                let draws = bernoulli_block(key, [place[0], member as u32, place[2]], block, limits);
                for (total, draw) in sum.iter_mut().zip(draws) {
                    *total += weight * draw;
                }
            }
            out.copy_from_slice(&sum[..limits.len()]);
        }
    }
}

/// What [`fill_bernoulli`] compares random words with to draw a 1 with this probability, to 2⁻³².
#[must_use]
pub fn bernoulli_limit(probability: f64) -> u32 {
    (probability * 4_294_967_296.0) as u32
}

/// Fills `out` with draws of 0 or 1 at a place (episode 0): `out[i]` is 1 with the probability whose
/// [`bernoulli_limit`] is `limits[i]`. Both slices have the same length.
pub fn fill_bernoulli(
    seed: u64,
    purpose: Purpose,
    generation: u64,
    member: u64,
    limits: &[u32],
    out: &mut [f32],
) {
    bernoulli_wide(key(seed), place(purpose, generation, member, 0), limits, out);
}

/// `out[i] = Σ_m weights[m] · draw(m, i)` with the draws of [`fill_bernoulli`] made again, summed in the order of
/// the members. `limits` and `out` are those from index `first_block` × [`BLOCK`] on.
pub fn weighted_sum_of_bernoulli(
    seed: u64,
    purpose: Purpose,
    generation: u64,
    weights: &[f32],
    first_block: usize,
    limits: &[u32],
    out: &mut [f32],
) {
    let place = place(purpose, generation, 0, 0);
    bernoulli_sum_wide(key(seed), place, first_block as u32, weights, limits, out);
}

/// Two independent standard normals (Box, Muller 1958) from a uniform `u` in (0, 1] and a uniform `angle` in
/// [0, 2π).
#[must_use]
pub fn normal_pair(u: f64, angle: f64) -> [f64; 2] {
    let radius = (-2.0 * libm::log(u)).sqrt();
    let (sin, cos) = libm::sincos(angle);
    [radius * cos, radius * sin]
}

/// Fills `out` with the first standard normals of a place in double precision (episode 0; not the
/// numbers of [`fill_normals`]). |value| ≤ 8.6.
pub fn fill_normals_f64(seed: u64, purpose: Purpose, generation: u64, member: u64, out: &mut [f64]) {
    const SCALE: f64 = 1.0 / 9_007_199_254_740_992.0;
    let place = place(purpose, generation, member, 0);
    for (block, pair) in out.chunks_mut(2).enumerate() {
        let w = philox([block as u32, place[0], place[1], place[2]], key(seed));
        let word = |low: u32, high: u32| (u64::from(high) << 32 | u64::from(low)) >> 11;
        let u = (word(w[0], w[1]) as f64 + 0.5) * SCALE;
        let angle = word(w[2], w[3]) as f64 * (SCALE * std::f64::consts::TAU);
        let [first, other] = normal_pair(u, angle);
        pair[0] = first;
        if let Some(second) = pair.get_mut(1) {
            *second = other;
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use rand::{Rng, RngExt};

    #[test]
    fn philox_known_answers() {
        // Random123, kat_vectors.
        let ones = u32::MAX;
        assert_eq!(philox([0; 4], [0; 2]), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
        assert_eq!(philox([ones; 4], [ones; 2]), [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]);
        assert_eq!(
            philox([0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344], [0xa409_3822, 0x299f_31d0]),
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
        );
    }

    #[test]
    fn lanes_are_consecutive_blocks() {
        let (first, place, key) = (u32::MAX - 7, [5, 6, 7], [8, 9]);
        let lanes = philox_lanes(first, place, key);
        for lane in 0..LANES {
            let expected = philox([first.wrapping_add(lane as u32), 5, 6, 7], key);
            assert_eq!(expected, lanes.map(|word| word[lane] as u32));
        }
    }

    #[test]
    fn stream_follows_the_counter_layout() {
        let mut stream = Stream::new(0x0123_4567_89AB_CDEF, Purpose::Evaluate, 11, 12, 13);
        let key = [0x89AB_CDEF, 0x0123_4567];
        for block in 0..3 {
            let words = philox([block, 11, 12, (3 << 24) | 13], key);
            assert_eq!(words, std::array::from_fn(|_| stream.next_u32()));
        }
    }

    #[test]
    fn streams_of_different_places_differ() {
        let places = [
            (1, Purpose::Reset, 0, 0, 0),
            (2, Purpose::Reset, 0, 0, 0),
            (1 << 32, Purpose::Reset, 0, 0, 0),
            (1, Purpose::Noise, 0, 0, 0),
            (1, Purpose::Reset, 1, 0, 0),
            (1, Purpose::Reset, 0, 1, 0),
            (1, Purpose::Reset, 0, 0, 1),
        ];
        let mut draws: Vec<u64> =
            places.iter().map(|&(s, p, g, m, e)| Stream::new(s, p, g, m, e).next_u64()).collect();
        draws.sort_unstable();
        draws.dedup();
        assert_eq!(draws.len(), places.len());
    }

    #[test]
    fn bytes_and_ranges_come_from_the_words() {
        let mut words = Stream::new(1, Purpose::Bench, 0, 0, 0);
        let mut bytes = words.clone();
        let mut buffer = [0_u8; 10];
        bytes.fill_bytes(&mut buffer);
        let expected: Vec<u8> = (0..3).flat_map(|_| words.next_u32().to_le_bytes()).collect();
        assert_eq!(buffer[..], expected[..10]);
        let mean = (0..10_000).map(|_| words.random_range(-1.0..1.0)).sum::<f64>() / 1e4;
        assert!(mean.abs() < 0.02, "mean {mean}");
    }

    #[test]
    fn box_muller_matches_double_precision() {
        let mut stream = Stream::new(3, Purpose::Bench, 0, 0, 0);
        let edges = [0, 1, 2, u32::MAX, u32::MAX - 1, 1 << 29, 1 << 30, 3 << 29, 1 << 31];
        let mut pairs: Vec<(u32, u32)> = edges.iter().flat_map(|&a| edges.map(|b| (a, b))).collect();
        pairs.extend((0..20_000).map(|_| (stream.next_u32(), stream.next_u32())));
        for (a, b) in pairs {
            let u = (f64::from(a >> 1) + 0.5) / 2_147_483_648.0;
            let angle = f64::from(b) * std::f64::consts::TAU / 4_294_967_296.0;
            let radius = (-2.0 * libm::log(u)).sqrt();
            let (c, s) = box_muller(a, b);
            // Near u = 1 the radius is the root of a rounded small number.
            let tolerance = if radius < 0.01 { 5e-4 } else { 2e-5 / radius.min(1.0) };
            assert!((f64::from(c) - radius * libm::cos(angle)).abs() < tolerance, "{a} {b}");
            assert!((f64::from(s) - radius * libm::sin(angle)).abs() < tolerance, "{a} {b}");
        }
    }

    fn moments(x: &[f64]) -> [f64; 4] {
        let n = x.len() as f64;
        let mean = x.iter().sum::<f64>() / n;
        let central = |k: i32| x.iter().map(|v| (v - mean).powi(k)).sum::<f64>() / n;
        let variance = central(2);
        [mean, variance, central(3) / variance.powf(1.5), central(4) / (variance * variance)]
    }

    /// Largest distance between the empirical distribution and the normal distribution, times √n.
    fn kolmogorov_smirnov(mut x: Vec<f64>) -> f64 {
        x.sort_by(f64::total_cmp);
        let n = x.len() as f64;
        let largest = x.iter().enumerate().fold(0.0_f64, |worst, (i, &v)| {
            let cdf = 0.5 * libm::erfc(-v / std::f64::consts::SQRT_2);
            worst.max((cdf - i as f64 / n).abs()).max(((i + 1) as f64 / n - cdf).abs())
        });
        largest * n.sqrt()
    }

    #[test]
    fn normals_have_the_normal_distribution() {
        let n = 400_000;
        let mut single = vec![0.0_f32; n];
        fill_normals(42, Purpose::Noise, 3, 4, &mut single);
        let mut double = vec![0.0_f64; n];
        fill_normals_f64(42, Purpose::Noise, 3, 4, &mut double);
        for x in [single.iter().map(|&v| f64::from(v)).collect(), double] {
            // Five standard errors of each moment; 1.95 is the 0.1 % point of the KS statistic.
            let [mean, variance, skewness, kurtosis] = moments(&x);
            let root = (n as f64).sqrt();
            assert!(mean.abs() < 5.0 / root, "mean {mean}");
            assert!((variance - 1.0).abs() < 5.0 * 2.0_f64.sqrt() / root, "variance {variance}");
            assert!(skewness.abs() < 5.0 * 6.0_f64.sqrt() / root, "skewness {skewness}");
            assert!((kurtosis - 3.0).abs() < 5.0 * 24.0_f64.sqrt() / root, "kurtosis {kurtosis}");
            let tail = x.iter().filter(|v| v.abs() > 3.0).count() as f64 / n as f64;
            assert!((tail - 0.0027).abs() < 5.0 * (0.0027 / n as f64).sqrt(), "tail {tail}");
            assert!(kolmogorov_smirnov(x) < 1.95);
        }
    }

    #[test]
    fn neighbours_in_every_direction_are_uncorrelated() {
        let n = 100_000;
        let fill = |generation, member| {
            let mut x = vec![0.0_f32; n];
            fill_normals(7, Purpose::Noise, generation, member, &mut x);
            x
        };
        let (a, b, c) = (fill(0, 0), fill(0, 1), fill(1, 0));
        let correlation = |x: &[f32], y: &[f32]| {
            x.iter().zip(y).map(|(p, q)| f64::from(p * q)).sum::<f64>() / x.len() as f64
        };
        let limit = 5.0 / (n as f64).sqrt();
        assert!(correlation(&a, &b).abs() < limit);
        assert!(correlation(&a, &c).abs() < limit);
        for lag in [1, LANES, 2 * LANES, BLOCK] {
            assert!(correlation(&a[lag..], &a[..n - lag]).abs() < limit, "lag {lag}");
        }
    }

    #[test]
    fn any_range_and_any_width_give_the_same_numbers() {
        let mut whole = vec![0.0_f32; 1000];
        fill_normals(9, Purpose::Noise, 1, 2, &mut whole);
        let mut prefix = vec![0.0_f32; 333];
        fill_normals(9, Purpose::Noise, 1, 2, &mut prefix);
        assert_eq!(prefix, whole[..333]);
        let mut range = vec![0.0_f32; 300];
        fill_normals_from(9, Purpose::Noise, 1, 2, 5, &mut range);
        assert_eq!(range, whole[5 * BLOCK..][..300]);
        // The plain body, without any CPU feature, and one number at a time.
        for (index, &value) in whole.iter().enumerate() {
            let (block, slot) = (index / BLOCK, index % BLOCK);
            let (kind, lane) = (slot / LANES, slot % LANES);
            let counter = [(block * LANES + lane) as u32, 1, 2, 1 << 24];
            let w = philox(counter, [9, 0]);
            let (c, s) = box_muller(w[kind % 2 * 2], w[kind % 2 * 2 + 1]);
            assert_eq!(value, if kind < 2 { c } else { s });
        }
    }

    #[test]
    fn known_normals_stay_what_they_are() {
        // Frozen: a change here changes what every seed means.
        let mut x = [0.0_f32; 4];
        fill_normals(1, Purpose::Noise, 0, 0, &mut x);
        let known = [3_211_670_656, 3_209_729_311, 1_033_099_384, 1_062_833_178];
        assert_eq!(x.map(f32::to_bits), known);
    }

    #[test]
    fn weighted_sum_is_the_sum_of_the_members() {
        let weights = [0.5_f32, 0.0, -1.25, 2.0];
        let mut sum = vec![0.0_f32; 200];
        weighted_sum_of_normals(5, Purpose::Noise, 6, &weights, 1, &mut sum);
        let mut expected = vec![0.0_f32; 200];
        for (member, weight) in weights.iter().enumerate() {
            let mut normals = vec![0.0_f32; 200];
            let member = u64::try_from(member).unwrap();
            fill_normals_from(5, Purpose::Noise, 6, member, 1, &mut normals);
            for (total, normal) in expected.iter_mut().zip(normals) {
                *total += weight * normal;
            }
        }
        assert_eq!(sum, expected);
    }

    #[test]
    fn weighted_moments_are_those_of_the_members() {
        let weights = [[0.5_f32, 1.0], [0.0, -2.0], [-1.25, 0.0], [0.0, 0.0]];
        let (mut sums, mut squares) = (vec![0.0_f32; 150], vec![0.0_f32; 150]);
        weighted_moments_of_normals(5, Purpose::Noise, 6, &weights, 2, &mut sums, &mut squares);
        let linear = weights.map(|w| w[0]);
        let mut expected = vec![0.0_f32; 150];
        weighted_sum_of_normals(5, Purpose::Noise, 6, &linear, 2, &mut expected);
        assert_eq!(sums, expected);
        let mut expected = vec![0.0_f32; 150];
        for (member, weight) in (0..).zip(weights) {
            let mut normals = vec![0.0_f32; 150];
            fill_normals_from(5, Purpose::Noise, 6, member, 2, &mut normals);
            for (total, normal) in expected.iter_mut().zip(normals) {
                *total += weight[1] * (normal * normal);
            }
        }
        assert_eq!(squares, expected);
    }

    #[test]
    fn bernoulli_draws_have_their_probabilities_and_sum_up() {
        let n = 40_000;
        let probabilities: Vec<f64> = (0..n).map(|i| [0.001, 0.25, 0.5, 0.999][i % 4]).collect();
        let limits: Vec<u32> = probabilities.iter().map(|&p| bernoulli_limit(p)).collect();
        let weights = [1.0_f32, -0.5, 0.25];
        let mut expected = vec![0.0_f32; n];
        for (member, weight) in (0..).zip(weights) {
            let mut draws = vec![f32::NAN; n];
            fill_bernoulli(3, Purpose::Noise, 4, member, &limits, &mut draws);
            assert!(draws.iter().all(|&x| x == 0.0 || x == 1.0));
            for (kind, p) in [0.001, 0.25, 0.5, 0.999].into_iter().enumerate() {
                let count = draws.iter().skip(kind).step_by(4).filter(|&&x| x == 1.0).count() as f64;
                let m = n as f64 / 4.0;
                assert!((count - m * p).abs() < 5.0 * (m * p * (1.0 - p)).sqrt(), "{p}: {count}");
            }
            // A shorter one is a prefix, and the words are those of the counter layout.
            let mut prefix = vec![0.0_f32; 101];
            fill_bernoulli(3, Purpose::Noise, 4, member, &limits[..101], &mut prefix);
            assert_eq!(prefix, draws[..101]);
            for index in [0, 17, 64, 100, 1000] {
                let (block, slot) = (index / BLOCK, index % BLOCK);
                let counter = [(block * LANES + slot % LANES) as u32, 4, member as u32, 1 << 24];
                let word = philox(counter, [3, 0])[slot / LANES];
                assert_eq!(draws[index] == 1.0, word < limits[index]);
            }
            for (total, draw) in expected.iter_mut().zip(draws) {
                *total += weight * draw;
            }
        }
        let mut sum = vec![0.0_f32; n - 2 * BLOCK];
        weighted_sum_of_bernoulli(3, Purpose::Noise, 4, &weights, 2, &limits[2 * BLOCK..], &mut sum);
        assert_eq!(sum, expected[2 * BLOCK..]);
        assert_eq!(bernoulli_limit(0.5), 1 << 31);
        assert_eq!((bernoulli_limit(0.0), bernoulli_limit(1.0)), (0, u32::MAX));
    }
}
