//! The archive of quality diversity: the best member so far in each cell of a space of descriptors.
//!
//! A member's descriptors say how it behaves: the share of time that its feet touch the ground, the place where it
//! ends. The space between their ranges is divided into cells ([`Layout`]); what lies outside belongs to the cell at the
//! edge.
//!
//! With annealing ("Covariance Matrix Adaptation MAP-Annealing", Fontaine and Nikolaidis 2023), a cell also has a
//! threshold t: a member with a fitness f above it is accepted, and t ← (1 − α) t + α f. Those accepted from one batch
//! share an update, with their mean for f and 1 − (1 − α)^k for α. The elites are still the best ones: what the paper
//! calls the result archive.

use std::collections::BTreeMap;

use super::layout::{Cells, Layout};
use super::{Ranked, State, StrategyError, check};

/// The best member of a cell.
#[derive(Clone, Debug, PartialEq)]
pub struct Elite {
    /// Its fitness.
    pub fitness: f64,
    /// Its descriptors, as they were told.
    pub descriptors: Vec<f64>,
    /// Its parameters.
    pub parameters: Vec<f64>,
}

/// What became of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// Not better than what its cell has.
    Rejected,
    /// Better.
    Improved,
    /// The first of its cell.
    New,
}

/// What an archive says about a member, measured against what it was before the member's generation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Added {
    /// Its cell.
    pub cell: usize,
    /// What became of it.
    pub status: Status,
    /// Its fitness above that of the cell's elite, or just its fitness if there was none; with annealing, its fitness
    /// above the threshold.
    pub improvement: f64,
}

/// How thresholds follow the fitness.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Annealing {
    /// α, 0 to 1.
    pub rate: f64,
    /// Threshold of an empty cell.
    pub start: f64,
}

/// What the settings of a strategy say about its archive.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ArchiveShape<'a> {
    /// Name of the strategy.
    pub strategy: &'static str,
    /// Names of the descriptors; none where nobody has to know them.
    pub descriptors: &'a [String],
    /// Lowest and highest value of each descriptor; none where the task knows them.
    pub ranges: &'a [(f64, f64)],
    /// The cells.
    pub layout: &'a Layout,
    /// What is subtracted from each fitness in the QD score.
    pub offset: f64,
}

impl ArchiveShape<'_> {
    /// Number of descriptors, if it is known.
    #[must_use]
    pub fn axes(&self) -> Option<usize> {
        Some(self.descriptors.len().max(self.ranges.len())).filter(|&axes| axes > 0)
    }

    pub(super) fn validate(&self) -> Result<(), StrategyError> {
        let Self { strategy, descriptors, ranges, layout, offset } = *self;
        let wrong = |value: String, expected| Err(check::error(strategy, "ranges", &value, expected));
        if !descriptors.is_empty() && !ranges.is_empty() && descriptors.len() != ranges.len() {
            return wrong(format!("{ranges:?}"), "a range for each of `descriptors`, or none");
        }
        let is_range = |&(low, high): &(f64, f64)| low < high && (high - low).is_finite();
        if let Some(range) = ranges.iter().find(|range| !is_range(range)) {
            return wrong(format!("{range:?}"), "finite numbers (low, high), low below high");
        }
        layout.validate(strategy, self.axes())?;
        if offset.is_finite() {
            return Ok(());
        }
        Err(check::error(strategy, "qd_offset", &offset, "a finite number"))
    }

    /// Bytes of a full archive with members of `parameters`, and of its copies for a checkpoint. Without descriptors, as
    /// of two.
    pub(super) fn memory(&self, parameters: usize) -> u64 {
        let axes = self.axes().unwrap_or(2);
        (self.layout.count(axes) as u64).saturating_mul((parameters + axes + 4) as u64).saturating_mul(24)
    }

    /// An empty archive for members of `parameters`.
    pub(super) fn build(
        &self,
        parameters: usize,
        annealing: Option<Annealing>,
    ) -> Result<Archive, StrategyError> {
        if self.ranges.is_empty() {
            let expected = "the range (low, high) of each descriptor; only the training of controllers knows those \
                            of a task";
            return Err(check::error(self.strategy, "ranges", &"[]", expected));
        }
        let cells = self.layout.cells(self.ranges.len());
        let count = cells.count();
        Ok(Archive {
            cells,
            ranges: self.ranges.to_vec(),
            parameters,
            offset: self.offset,
            annealing,
            elites: vec![None; count],
            thresholds: annealing.map_or_else(Vec::new, |annealing| vec![annealing.start; count]),
        })
    }
}

/// The best members so far, one per cell.
#[derive(Clone, Debug, PartialEq)]
pub struct Archive {
    cells: Cells,
    ranges: Vec<(f64, f64)>,
    parameters: usize,
    offset: f64,
    annealing: Option<Annealing>,
    elites: Vec<Option<Elite>>,
    /// Of each cell; empty without annealing.
    thresholds: Vec<f64>,
}

/// A generation, as it is told to an archive: fitness and descriptors of each member, the latter one after another.
#[derive(Clone, Copy)]
pub(super) struct Told<'a> {
    pub fitness: &'a [f64],
    pub descriptors: &'a [f64],
    pub ranked: &'a Ranked,
}

/// What an archive says about a generation, before it takes it in.
pub(super) struct Judged {
    /// About each member; none for those that failed.
    added: Vec<Option<Added>>,
    /// The members that become elites, with their parameters.
    winners: Vec<(usize, Vec<f64>)>,
}

impl Archive {
    /// Number of cells.
    #[must_use]
    pub fn cells(&self) -> usize {
        self.elites.len()
    }

    /// Cells along each descriptor, of a grid; cell numbers go up along the last one first.
    #[must_use]
    pub fn grid(&self) -> Option<&[usize]> {
        match &self.cells {
            Cells::Grid(sides) => Some(sides),
            Cells::Centroids { .. } => None,
        }
    }

    /// The point of each cell, cells × descriptors in their own units, of a tessellation: a cell is what is nearest to
    /// its point, with the ranges scaled to the same length.
    #[must_use]
    pub fn centroids(&self) -> Option<Vec<f64>> {
        let Cells::Centroids { axes, points } = &self.cells else { return None };
        let scaled = |(x, &(low, high)): (&f64, &(f64, f64))| low + x * (high - low);
        Some(
            points.chunks_exact(*axes).flat_map(|point| point.iter().zip(&self.ranges).map(scaled)).collect(),
        )
    }

    /// Lowest and highest value of each descriptor.
    #[must_use]
    pub fn ranges(&self) -> &[(f64, f64)] {
        &self.ranges
    }

    /// The best member of a cell.
    #[must_use]
    pub fn elite(&self, cell: usize) -> Option<&Elite> {
        self.elites.get(cell)?.as_ref()
    }

    /// All of them with their cells, in the order of these.
    pub fn elites(&self) -> impl Iterator<Item = (usize, &Elite)> {
        self.elites.iter().enumerate().filter_map(|(cell, elite)| Some((cell, elite.as_ref()?)))
    }

    /// Number of cells with an elite.
    #[must_use]
    pub fn len(&self) -> usize {
        self.elites().count()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.elites().next().is_none()
    }

    /// Part of the cells that have an elite, 0 to 1.
    #[must_use]
    pub fn coverage(&self) -> f64 {
        self.len() as f64 / self.cells() as f64
    }

    /// Σ (fitness − offset) over the elites (Pugh, Soros and Stanley 2016). It grows with coverage and quality only if
    /// no fitness is below the offset.
    #[must_use]
    pub fn qd_score(&self) -> f64 {
        self.elites().map(|(_, elite)| elite.fitness - self.offset).sum()
    }

    /// The elite with the highest fitness, the first of equal ones, and its cell.
    #[must_use]
    pub fn best(&self) -> Option<(usize, &Elite)> {
        self.elites().reduce(|best, other| if other.1.fitness > best.1.fitness { other } else { best })
    }

    /// The parameters of the best elite, or `start` as long as there is none.
    pub(super) fn best_or(&self, start: &[f64]) -> Vec<f64> {
        self.best().map_or(start, |(_, elite)| &elite.parameters).to_vec()
    }

    /// The cell of these descriptors, finite ones.
    #[must_use]
    pub fn cell(&self, descriptors: &[f64]) -> usize {
        let part = |(&x, &(low, high)): (&f64, &(f64, f64))| ((x - low) / (high - low)).clamp(0.0, 1.0);
        let point: Vec<f64> = descriptors.iter().zip(&self.ranges).map(part).collect();
        self.cells.index(&point)
    }

    /// What a fitness must be above to be accepted in a cell; none if anything is.
    #[must_use]
    pub fn threshold(&self, cell: usize) -> Option<f64> {
        let elite = || self.elite(cell).map(|elite| elite.fitness);
        self.thresholds.get(cell).copied().or_else(elite)
    }

    /// Gives empty cells another threshold, while there is no elite.
    pub(super) fn start_at(&mut self, threshold: f64) {
        if let Some(annealing) = &mut self.annealing {
            annealing.start = threshold;
            self.thresholds.fill(threshold);
        }
    }

    /// Compares each member of a generation with the archive; of several in a cell the best wins, of equal ones the first.
    /// `write` writes a member.
    pub(super) fn judge(&self, told: Told<'_>, write: impl Fn(usize, &mut [f64])) -> Judged {
        let failed = told.ranked.failed();
        let rows = told.descriptors.chunks_exact(self.ranges.len()).zip(told.fitness).zip(failed);
        let added: Vec<Option<Added>> = rows
            .map(|((descriptors, &fitness), failed)| {
                (!failed).then(|| self.compare(self.cell(descriptors), fitness))
            })
            .collect();
        let mut winners = BTreeMap::<usize, usize>::new();
        for (index, added) in added.iter().enumerate() {
            let Some(Added { cell, .. }) = added else { continue };
            let held = winners.get(cell).map(|&other| told.fitness[other]);
            let held = held.or_else(|| self.elite(*cell).map(|elite| elite.fitness));
            if held.is_none_or(|held| told.fitness[index] > held) {
                winners.insert(*cell, index);
            }
        }
        // Before any elite changes: members may be made of them.
        let row = |index| {
            let mut row = vec![0.0; self.parameters];
            write(index, &mut row);
            (index, row)
        };
        Judged { added, winners: winners.into_values().map(row).collect() }
    }

    /// Takes in a generation that was judged; what was said about each member.
    pub(super) fn take(&mut self, told: Told<'_>, judged: Judged) -> Vec<Option<Added>> {
        let axes = self.ranges.len();
        for (index, parameters) in judged.winners {
            let Some(Added { cell, .. }) = judged.added[index] else { continue };
            let descriptors = told.descriptors[index * axes..][..axes].to_vec();
            self.elites[cell] = Some(Elite { fitness: told.fitness[index], descriptors, parameters });
        }
        self.anneal(told.fitness, &judged.added);
        judged.added
    }

    fn compare(&self, cell: usize, fitness: f64) -> Added {
        let threshold = self.threshold(cell);
        let status = match self.elite(cell) {
            _ if threshold.is_some_and(|threshold| fitness <= threshold) => Status::Rejected,
            Some(_) => Status::Improved,
            None => Status::New,
        };
        Added { cell, status, improvement: fitness - threshold.unwrap_or(0.0) }
    }

    fn anneal(&mut self, fitness: &[f64], added: &[Option<Added>]) {
        let Some(Annealing { rate, .. }) = self.annealing else { return };
        // Number and sum of what was accepted, by cell.
        let mut accepted = BTreeMap::<usize, (i32, f64)>::new();
        for (added, fitness) in added.iter().zip(fitness) {
            let Some(Added { cell, status: Status::Improved | Status::New, .. }) = added else { continue };
            let (count, sum) = accepted.entry(*cell).or_default();
            *count += 1;
            *sum += fitness;
        }
        for (cell, (count, sum)) in accepted {
            let kept = (0..count).fold(1.0, |kept, _| kept * (1.0 - rate));
            let threshold = &mut self.thresholds[cell];
            *threshold = kept * *threshold + (1.0 - kept) * (sum / f64::from(count));
        }
    }

    /// Adds the elites to a state.
    pub(super) fn save(&self, state: &mut State) {
        let (count, axes) = (self.len(), self.ranges.len());
        let values = |of: &dyn Fn(usize, &Elite) -> Vec<f64>| -> Vec<f64> {
            self.elites().flat_map(|(cell, elite)| of(cell, elite)).collect()
        };
        state.set_integer("archive.elites", count as u64);
        state.set_f64("archive.cells", &[count], &values(&|cell, _| vec![cell as f64]));
        state.set_f64("archive.fitness", &[count], &values(&|_, elite| vec![elite.fitness]));
        state.set_f64("archive.descriptors", &[count, axes], &values(&|_, elite| elite.descriptors.clone()));
        state.set_f64(
            "archive.parameters",
            &[count, self.parameters],
            &values(&|_, elite| elite.parameters.clone()),
        );
        if let Some(annealing) = self.annealing {
            state.set_real("archive.threshold", annealing.start);
            state.set_f64("archive.thresholds", &[count], &values(&|cell, _| vec![self.thresholds[cell]]));
        }
    }

    /// One of the same shape with the elites of a state.
    pub(super) fn restored(&self, state: &State) -> Result<Self, StrategyError> {
        let count = usize::try_from(state.integer("archive.elites")?).unwrap_or(usize::MAX);
        let (axes, n) = (self.ranges.len(), self.parameters);
        let cells = state.f64("archive.cells", &[count])?;
        let fitness = state.f64("archive.fitness", &[count])?;
        let descriptors = state.f64("archive.descriptors", &[count, axes])?;
        let parameters = state.f64("archive.parameters", &[count, n])?;
        let mut archive = Self { elites: vec![None; self.cells()], ..self.clone() };
        for index in 0..count {
            let elite = Elite {
                fitness: fitness[index],
                descriptors: descriptors[index * axes..][..axes].to_vec(),
                parameters: parameters[index * n..][..n].to_vec(),
            };
            let cell = archive.cell(&elite.descriptors);
            if cells[index] != cell as f64 {
                let problem = format!(
                    "has cell {} for descriptors that are in cell {cell}: it is of an archive of another shape",
                    cells[index]
                );
                return Err(StrategyError::State { name: "archive.cells".to_owned(), problem });
            }
            archive.elites[cell] = Some(elite);
        }
        if let Some(Annealing { rate, .. }) = self.annealing {
            let start = state.real("archive.threshold")?;
            let thresholds = state.f64("archive.thresholds", &[count])?;
            archive.annealing = Some(Annealing { rate, start });
            archive.thresholds.fill(start);
            for (&cell, &threshold) in cells.iter().zip(thresholds) {
                archive.thresholds[cell as usize] = threshold;
            }
        }
        Ok(archive)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn archive(annealing: Option<Annealing>) -> Archive {
        let layout = Layout::Grid { cells: vec![2, 2] };
        let ranges = [(0.0, 1.0), (-1.0, 1.0)];
        let shape = ArchiveShape {
            strategy: "test",
            descriptors: &[],
            ranges: &ranges,
            layout: &layout,
            offset: -1.0,
        };
        shape.validate().unwrap();
        shape.build(1, annealing).unwrap()
    }

    fn add(archive: &mut Archive, fitness: &[f64], descriptors: &[f64]) -> Vec<Option<Added>> {
        let mut fitness = fitness.to_vec();
        let ranked = Ranked::new(&mut fitness).unwrap();
        let told = Told { fitness: &fitness, descriptors, ranked: &ranked };
        let judged = archive.judge(told, |index, row| row[0] = index as f64);
        archive.take(told, judged)
    }

    #[test]
    fn the_best_of_each_cell_stays_and_a_generation_is_compared_with_what_was_before() {
        let mut archive = archive(None);
        assert!(archive.is_empty() && archive.best().is_none());
        let added =
            add(&mut archive, &[1.0, 3.0, 3.0, f64::NAN], &[0.1, -0.5, 0.2, -7.0, 0.3, -0.1, 0.9, 0.9]);
        // Two new ones in one cell are both new, and the first of equal ones stays.
        let new = |improvement| Some(Added { cell: 0, status: Status::New, improvement });
        assert_eq!(added, [new(1.0), new(3.0), new(3.0), None]);
        assert_eq!(archive.elite(0).unwrap().parameters, [1.0]);
        assert_eq!(archive.elite(0).unwrap().descriptors, [0.2, -7.0], "as told, in the cell at the edge");
        let added = add(&mut archive, &[3.0, 4.0, 0.5], &[0.0, 0.0, 0.0, -1.0, 0.9, 0.9]);
        let of = |cell, status, improvement| Some(Added { cell, status, improvement });
        assert_eq!(added, [of(1, Status::New, 3.0), of(0, Status::Improved, 1.0), of(3, Status::New, 0.5)]);
        assert_eq!((archive.len(), archive.coverage(), archive.qd_score()), (3, 0.75, 4.0 + 3.0 + 0.5 + 3.0));
        assert_eq!(archive.best().unwrap().0, 0);
    }

    #[test]
    fn thresholds_follow_what_is_accepted_and_elites_stay_the_best() {
        let mut archive = archive(Some(Annealing { rate: 0.5, start: -1.0 }));
        let at = [0.1, -0.5];
        let first = add(&mut archive, &[3.0], &at)[0].unwrap();
        assert_eq!((first.status, first.improvement), (Status::New, 4.0));
        assert_eq!(archive.threshold(0), Some(1.0), "half of the way from −1 to 3");
        let worse = add(&mut archive, &[2.0], &at)[0].unwrap();
        assert_eq!((worse.status, worse.improvement), (Status::Improved, 1.0));
        assert_eq!((archive.threshold(0), archive.elite(0).unwrap().fitness), (Some(1.5), 3.0));
        assert_eq!(add(&mut archive, &[1.5], &at)[0].unwrap().status, Status::Rejected);
        // Two at once: a quarter of the old one stays, the rest is their mean.
        let _ = add(&mut archive, &[4.0, 2.0], &[at, at].concat());
        assert_eq!(archive.threshold(0), Some(0.25 * 1.5 + 0.75 * 3.0));
        assert_eq!(archive.threshold(3), Some(-1.0));
        // Below the threshold of an empty cell: kept as the best there is, but not accepted.
        let low = add(&mut archive, &[-2.0], &[0.9, 0.9])[0].unwrap();
        assert_eq!((low.status, low.improvement), (Status::Rejected, -1.0));
        assert_eq!((archive.len(), archive.threshold(3)), (2, Some(-1.0)));
        let mut state = State::default();
        archive.save(&mut state);
        assert_eq!(
            self::archive(Some(Annealing { rate: 0.5, start: 7.0 })).restored(&state).unwrap(),
            archive
        );
    }

    proptest! {
        /// Whatever is told in whatever generations: against what was told in all, cell by cell.
        #[test]
        fn an_archive_is_the_best_of_all_that_was_told(
            generations in vec(vec((-5.0..5.0_f64, -0.5..1.5_f64, -2.0..2.0_f64, 0..9_u8), 1..12), 1..8),
            rate in prop_oneof![Just(None), (0.0..=1.0_f64).prop_map(Some)],
            cvt in any::<bool>(),
        ) {
            let layout = if cvt { Layout::Cvt { cells: 7 } } else { Layout::Grid { cells: vec![3, 2] } };
            let ranges = [(0.0, 1.0), (-1.0, 1.0)];
            let shape = ArchiveShape {
                strategy: "test", descriptors: &[], ranges: &ranges, layout: &layout, offset: -6.0,
            };
            let build = |start| shape.build(1, rate.map(|rate| Annealing { rate, start })).unwrap();
            let mut archive = build(-5.0);
            let mut best = BTreeMap::<usize, f64>::new();
            for members in &generations {
                // One in nine fails.
                let fitness: Vec<f64> =
                    members.iter().map(|&(f, .., luck)| if luck == 0 { f64::NAN } else { f }).collect();
                if fitness.iter().all(|f| f.is_nan()) {
                    continue;
                }
                let descriptors: Vec<f64> = members.iter().flat_map(|&(_, x, y, _)| [x, y]).collect();
                let before = archive.clone();
                let added = add(&mut archive, &fitness, &descriptors);
                for ((own, &fitness), added) in descriptors.chunks(2).zip(&fitness).zip(added) {
                    prop_assert_eq!(added.is_none(), fitness.is_nan());
                    let Some(Added { cell, status, improvement }) = added else { continue };
                    prop_assert_eq!(cell, archive.cell(own));
                    let held = best.entry(cell).or_insert(fitness);
                    *held = held.max(fitness);
                    let threshold = before.threshold(cell);
                    prop_assert_eq!(improvement, fitness - threshold.unwrap_or(0.0));
                    prop_assert_eq!(status > Status::Rejected, threshold.is_none_or(|t| fitness > t));
                    prop_assert_eq!(status == Status::New, status > Status::Rejected && before.elite(cell).is_none());
                }
                for cell in 0..archive.cells() {
                    // Thresholds only rise, and never above the best.
                    let (old, new) = (before.threshold(cell), archive.threshold(cell));
                    prop_assert!(old <= new);
                    let most = best.get(&cell).copied().unwrap_or(-5.0).max(-5.0);
                    prop_assert!(new.is_none_or(|new| new <= most + 1e-12), "{new:?} {most}");
                }
                prop_assert!(archive.coverage() >= before.coverage() && archive.qd_score() >= before.qd_score());
            }
            let elites: Vec<(usize, f64)> = archive.elites().map(|(cell, elite)| (cell, elite.fitness)).collect();
            prop_assert_eq!(&elites, &best.into_iter().collect::<Vec<_>>());
            let score: f64 = elites.iter().map(|(_, fitness)| fitness + 6.0).sum();
            prop_assert_eq!(archive.qd_score(), score);
            let most = elites.iter().map(|&(_, fitness)| fitness).reduce(f64::max);
            prop_assert_eq!(archive.best().map(|(_, elite)| elite.fitness), most);
            let mut state = State::default();
            archive.save(&mut state);
            prop_assert_eq!(build(3.0).restored(&state).unwrap(), archive);
        }

        /// But for members of equal fitness.
        #[test]
        fn the_order_in_a_generation_does_not_matter(
            members in vec((-5.0..5.0_f64, 0.0..1.0_f64, -1.0..1.0_f64), 2..12),
        ) {
            let run = |members: &[(f64, f64, f64)]| {
                let fitness: Vec<f64> = members.iter().map(|&(f, ..)| f).collect();
                let descriptors: Vec<f64> = members.iter().flat_map(|&(_, x, y)| [x, y]).collect();
                let mut archive = archive(Some(Annealing { rate: 0.1, start: -5.0 }));
                let added = add(&mut archive, &fitness, &descriptors);
                let elites: Vec<_> = archive.elites().map(|(cell, e)| (cell, e.fitness, e.descriptors.clone())).collect();
                let thresholds: Vec<_> = (0..4).map(|cell| archive.threshold(cell).unwrap()).collect();
                (added, elites, thresholds)
            };
            let turned: Vec<_> = members.iter().copied().rev().collect();
            let ((mut added, elites, thresholds), other) = (run(&members), run(&turned));
            added.reverse();
            prop_assert_eq!((added, elites), (other.0, other.1));
            prop_assert!(thresholds.iter().zip(other.2).all(|(a, b)| (a - b).abs() < 1e-12));
        }
    }
}
