//! One generation in words, in columns that stay where they are.

use std::collections::VecDeque;

use records::metrics::MetricsRow;
use records::words::{count, duration};

/// Names of the engine that trains and of the one that validates.
pub(super) type Engines = [&'static str; 2];

/// What the last evaluation gave.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Evaluated {
    generation: u64,
    /// Mean and standard deviation in the engine that trains, and in the one that validates.
    scores: [Option<(f64, f64)>; 2],
}

impl Evaluated {
    /// The evaluation of this generation, if it had one.
    pub(super) fn of(row: &MetricsRow) -> Option<Self> {
        let own = row.eval_return_mean.zip(row.eval_return_std)?;
        let validation = row.validation_return_mean.zip(row.validation_return_std);
        Some(Self { generation: row.generation, scores: [Some(own), validation] })
    }
}

/// Writes generations below each other.
#[derive(Clone, Debug, Default)]
pub(super) struct Status {
    /// Widest text of each column so far.
    widths: Vec<usize>,
}

impl Status {
    /// Moves a text to the right edge of its column.
    fn right(&mut self, column: usize, text: &str) -> String {
        let width = self.widen(column, text);
        format!("{text:>width$}")
    }

    fn left(&mut self, column: usize, text: &str) -> String {
        let width = self.widen(column, text);
        format!("{text:<width$}")
    }

    fn widen(&mut self, column: usize, text: &str) -> usize {
        if self.widths.len() <= column {
            self.widths.resize(column + 1, 0);
        }
        let width = &mut self.widths[column];
        *width = (*width).max(text.chars().count());
        *width
    }

    /// A generation in full and in short, for terminals of 80 columns. `left` are the seconds that are left.
    pub(super) fn of(
        &mut self,
        row: &MetricsRow,
        evaluated: Option<Evaluated>,
        engines: Option<Engines>,
        left: Option<f64>,
    ) -> [String; 2] {
        let fitness = format!("fitness {}", self.right(0, &format!("{:.1}", row.fitness_mean)));
        let best = self.right(1, &format!("{:.1}", row.fitness_best));
        let (mut full, mut short) = (format!("{fitness} (best {best})"), fitness);
        if let Some(Evaluated { generation, scores }) = evaluated {
            let age = row.generation.saturating_sub(generation);
            let text = match age {
                0 => returns(scores.map(|score| score.map(|(mean, std)| (mean, Some(std)))), engines),
                _ => returns(scores.map(|score| score.map(|(mean, _)| (mean, None))), engines),
            };
            let (long, brief) = match age {
                0 => (String::new(), String::new()),
                age => (format!(" ({age} gen. old)"), format!(" ({age} old)")),
            };
            full += &format!("  evaluation {}", self.left(2, &format!("{text}{long}")));
            short += &format!("  eval {}", self.left(3, &format!("{text}{brief}")));
        }
        full += &format!("  {} steps/s", self.right(4, &count(row.env_steps_per_s)));
        // Less than a second is not worth saying.
        if let Some(left) = left.filter(|left| *left >= 1.0) {
            let left = self.right(5, &duration(left.round()));
            full += &format!("  {left} left");
            short += &format!("  {left} left");
        }
        [full, short].map(|text| text.trim_end().to_owned())
    }
}

/// Mean and, if known, standard deviation of the returns in each engine.
pub(super) fn returns(scores: [Option<(f64, Option<f64>)>; 2], engines: Option<Engines>) -> String {
    let one = |(index, score): (usize, Option<(f64, Option<f64>)>)| {
        let (mean, std) = score?;
        let std = std.map(|std| format!(" ± {std:.1}")).unwrap_or_default();
        let engine = engines.map(|engines| format!(" ({})", engines[index])).unwrap_or_default();
        Some(format!("{mean:.1}{std}{engine}"))
    };
    scores.into_iter().enumerate().filter_map(one).collect::<Vec<_>>().join(", ")
}

/// How fast generations come. The latest tell most about the next ones, since episodes grow longer as members learn; of
/// evaluations, which take time too, as many belong to them as to those to come.
#[derive(Clone, Debug, Default)]
pub(super) struct Pace {
    /// When each ended, in seconds, and whether it was evaluated.
    ends: VecDeque<(f64, bool)>,
}

impl Pace {
    /// Generations from which on older ones do not count, if two evaluations are among the later ones.
    const ENOUGH: usize = 40;
    /// Generations that are kept at most.
    const MOST: usize = 1000;

    /// A generation ended at this time, evaluation included.
    pub(super) fn generation(&mut self, at: f64, evaluated: bool) {
        self.ends.push_back((at, evaluated));
        while self.ends.len() > Self::MOST
            || (self.ends.len() > Self::ENOUGH && self.ends.iter().skip(1).filter(|end| end.1).count() > 2)
        {
            self.ends.pop_front();
        }
    }

    /// Seconds that `generations` more will take; none before two have ended: the first one starts threads, too.
    pub(super) fn left(&self, generations: u64) -> Option<f64> {
        let (first, last) = (self.ends.front()?.0, self.ends.back()?.0);
        let passed = self.ends.len() - 1;
        (passed > 0 && generations > 0).then(|| (last - first) / passed as f64 * generations as f64)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn row(generation: u64, fitness: f64, evaluation: Option<f64>) -> MetricsRow {
        MetricsRow {
            generation,
            fitness_mean: fitness,
            fitness_best: 2.0 * fitness,
            eval_return_mean: evaluation,
            eval_return_std: evaluation.map(|mean| mean / 20.0),
            env_steps_per_s: 56_600.0,
            ..MetricsRow::default()
        }
    }

    #[test]
    fn columns_stay_where_they_are_and_lines_fit_80_and_120_columns() {
        let mut status = Status::default();
        let mut evaluated = None;
        let mut lines: Vec<[String; 2]> = Vec::new();
        for (generation, fitness, evaluation) in
            [(10, 862.2, Some(1904.6)), (11, 7.0, None), (1200, 1062.2, None), (1210, -3.5, Some(20.0))]
        {
            let row = row(generation, fitness, evaluation);
            evaluated = Evaluated::of(&row).or(evaluated);
            lines.push(status.of(&row, evaluated, None, Some(754.0)));
        }
        let places = |index: usize, word: &str| {
            let column = |line: &str| line.find(word).map(|at| line[..at].chars().count());
            lines.iter().map(|line| column(&line[index])).collect::<Vec<_>>()
        };
        assert_eq!(
            lines[1][0],
            "fitness   7.0 (best   14.0)  evaluation 1904.6 (1 gen. old)  56.6k steps/s  12 min 34 s left"
        );
        assert_eq!(lines[2][1], "fitness 1062.2  eval 1904.6 (1190 old)  12 min 34 s left");
        // From the widest line on.
        for (index, words) in [(0, &["(best", "evaluation", "steps/s", "left"][..]), (1, &["eval", "left"])] {
            for word in words {
                let at = places(index, word);
                assert!(at[3].is_some() && at[2] == at[3], "{word}: {lines:?}");
            }
        }
        let start = "generation 1200/2000  ".len();
        for [full, short] in &lines {
            assert!(
                start + full.chars().count() <= 120 && start + short.chars().count() <= 80,
                "{full}\n{short}"
            );
        }
        // Beside the bar and its numbers.
        let bar = 8 + " 1200/2000  ".len();
        assert!(lines.iter().all(|[_, short]| bar + short.chars().count() <= 80), "{lines:?}");
    }

    #[test]
    fn the_time_left_counts_evaluations_and_leaves_the_start_out() {
        let mut pace = Pace::default();
        pace.generation(9.0, false);
        assert_eq!(pace.left(10), None);
        let mut at = 9.0;
        for generation in 2..=400_u64 {
            let evaluated = generation.is_multiple_of(100);
            at += if evaluated { 51.0 } else { 1.0 };
            pace.generation(at, evaluated);
        }
        // A generation takes one second, and every hundredth 50 more.
        let left = pace.left(200).unwrap();
        assert!((250.0..=320.0).contains(&left), "{left}");
        assert_eq!(pace.left(0), None);
        // Twice as slow from there on.
        for _ in 0..400 {
            at += 3.0;
            pace.generation(at, false);
        }
        assert!(pace.left(100).unwrap() > 200.0);
    }
}
