//! Noise on the actions of training episodes.

use rand::Rng as _;
use strategies::random::{Stream, normal_pair};

/// Normal noise on the actions of every episode.
#[derive(Clone, Copy)]
pub struct ActionNoise<'a> {
    /// Standard deviation; actions go from −1 to 1.
    pub deviation: f64,
    /// The random stream that draws the noise of episode `index`.
    pub stream: &'a (dyn Fn(usize) -> Stream + Sync),
}

/// The noise of one episode.
pub(super) struct Jitter {
    deviation: f64,
    stream: Stream,
}

impl Jitter {
    pub(super) fn new(noise: &ActionNoise<'_>, episode: usize) -> Self {
        Self { deviation: noise.deviation, stream: (noise.stream)(episode) }
    }

    /// Adds the noise of a control step.
    pub(super) fn add(&mut self, actions: &mut [f32]) {
        let mut uniform = || (f64::from(self.stream.next_u32()) + 0.5) / (1_u64 << 32) as f64;
        for pair in actions.chunks_mut(2) {
            let normals = normal_pair(uniform(), std::f64::consts::TAU * uniform());
            for (action, normal) in pair.iter_mut().zip(normals) {
                *action += (self.deviation * normal) as f32;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use strategies::random::Purpose;

    use super::*;

    #[test]
    fn noise_has_its_deviation_and_depends_on_the_episode_alone() {
        let stream = |index: usize| Stream::new(1, Purpose::Action, 0, index as u64, 0);
        let noise = ActionNoise { deviation: 0.2, stream: &stream };
        let actions = |episode: usize| {
            let mut jitter = Jitter::new(&noise, episode);
            let mut rows = vec![[0.5_f32; 3]; 4000];
            rows.iter_mut().for_each(|row| jitter.add(row));
            rows.concat()
        };
        let first = actions(0);
        let count = first.len() as f64;
        let mean = first.iter().map(|&x| f64::from(x)).sum::<f64>() / count;
        let variance = first.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / count;
        assert!((mean - 0.5).abs() < 0.01 && (variance.sqrt() - 0.2).abs() < 0.005, "{mean} {variance}");
        assert!(first == actions(0) && first != actions(1));
    }
}
