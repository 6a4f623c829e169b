//! What is drawn once for a whole population: sparse connections and axonal delays.
//!
//! Draws are hashes of their place, so that they depend on neither the order nor the other layers.

/// SplitMix64's finaliser (Steele, Lea and Flood, "Fast splittable pseudorandom number generators",
/// OOPSLA 2014).
fn mix(mut z: u64) -> u64 {
    z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ z >> 31
}

/// A uniform number in [0, 1) for `place` of `stream`.
pub(crate) fn uniform(seed: u64, stream: u64, place: u64) -> f64 {
    const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
    let key = mix(seed.wrapping_add(GOLDEN)) ^ mix(stream.wrapping_mul(GOLDEN).wrapping_add(1));
    let bits = mix(key.wrapping_add(place.wrapping_add(1).wrapping_mul(GOLDEN)));
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

/// Ascending flat indices `pre · cols + post` of the connections that exist.
pub(crate) fn mask(seed: u64, stream: u64, (rows, cols): (usize, usize), density: f64) -> Vec<u32> {
    (0..(rows * cols) as u32).filter(|&place| uniform(seed, stream, u64::from(place)) < density).collect()
}

/// A delay for each of `neurons`, uniform in `from..=to`.
pub(crate) fn delays(seed: u64, stream: u64, neurons: usize, (from, to): (usize, usize)) -> Vec<usize> {
    let draw = |neuron| (uniform(seed, stream, neuron as u64) * (to - from + 1) as f64) as usize;
    (0..neurons).map(|neuron| from + draw(neuron).min(to - from)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_uniform_and_independent_of_each_other() {
        let all: Vec<f64> = (0..20_000).map(|place| uniform(1, 2, place)).collect();
        let mean = all.iter().sum::<f64>() / 2e4;
        assert!((mean - 0.5).abs() < 0.01, "{mean}");
        for other in [uniform(1, 3, 0), uniform(2, 2, 0), uniform(1, 2, 1)] {
            assert!((all[0] - other).abs() > 1e-9);
        }
        let correlation = all.windows(2).map(|w| (w[0] - 0.5) * (w[1] - 0.5)).sum::<f64>() / 2e4;
        assert!(correlation.abs() < 3e-3, "{correlation}");
    }

    #[test]
    fn masks_and_delays_keep_their_bounds() {
        let mask = mask(5, 0, (40, 50), 0.1);
        assert!((130..270).contains(&mask.len()), "{}", mask.len());
        assert!(mask.is_sorted() && mask.iter().all(|&i| i < 2000));
        let delays = delays(5, 1, 300, (2, 4));
        assert!((2..=4).all(|d| (60..140).contains(&delays.iter().filter(|&&x| x == d).count())));
    }
}
