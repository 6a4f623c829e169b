//! What strategies with several objectives share: the members that they keep.

use super::{Objectives, Ranked, State, StrategyError, pareto};

/// All values of a member that failed: below all others, and finite, so that they can be saved.
const FAILED: f64 = f64::MIN;

/// A member that no other one dominates.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// Its place among all members that the search keeps, counted from 0.
    pub index: usize,
    /// Its objectives.
    pub values: Vec<f64>,
    /// The member.
    pub parameters: Vec<f64>,
}

/// The members of a search with several objectives that no other one dominates.
#[derive(Clone, Debug, PartialEq)]
pub struct Front {
    /// By falling first objective.
    pub points: Vec<Point>,
    /// Where the hypervolume begins; none before the first generation, unless the settings say where.
    pub reference: Vec<f64>,
}

impl Front {
    /// Volume between the front and the reference, in the product of the objectives' units; points that are not
    /// better than the reference in all objectives count for nothing.
    #[must_use]
    pub fn hypervolume(&self) -> f64 {
        let values: Vec<f64> = self.points.iter().flat_map(|point| point.values.clone()).collect();
        if self.reference.is_empty() { 0.0 } else { pareto::hypervolume(&values, &self.reference) }
    }
}

/// Members that are kept, with their objectives.
pub(super) struct Kept {
    /// The start, then the member with the best first objective.
    pub mean: Vec<f64>,
    /// Objectives.
    pub d: usize,
    /// Members, one after another.
    pub rows: Vec<f64>,
    /// Objectives of each.
    pub values: Vec<f64>,
    reference: Vec<f64>,
}

impl Kept {
    pub fn new(start: &[f64], objectives: Objectives<'_>) -> Self {
        let (d, reference) = (objectives.names.len(), objectives.reference.to_vec());
        Self { mean: start.to_vec(), d, rows: Vec::new(), values: Vec::new(), reference }
    }

    pub fn count(&self) -> usize {
        self.rows.len() / self.mean.len()
    }

    pub fn row(&self, index: usize) -> &[f64] {
        let n = self.mean.len();
        &self.rows[index * n..][..n]
    }

    /// The objectives of a generation with those of failed members replaced. The first generation says where the
    /// hypervolume begins, if the settings do not.
    pub fn told(&mut self, ranked: &Ranked, values: &[f64]) -> Vec<f64> {
        let d = self.d;
        let mut told = values.to_vec();
        for &failed in &ranked.order()[ranked.valid()..] {
            told[failed * d..][..d].fill(FAILED);
        }
        if self.reference.is_empty() {
            let valid = &ranked.order()[..ranked.valid()];
            let lowest = |k| valid.iter().map(|&m| values[m * d + k]).fold(f64::INFINITY, f64::min);
            self.reference = (0..d).map(lowest).collect();
        }
        told
    }

    /// Objectives of members that were told of fitness alone, which is one.
    pub fn alone(&self, fitness: &[f64]) -> Vec<f64> {
        fitness.iter().flat_map(|&f| vec![f; self.d]).collect()
    }

    /// Takes the next members and their objectives. The mean is then the one with the best first objective, the first of
    /// equal ones.
    pub fn replace(&mut self, rows: Vec<f64>, values: Vec<f64>) {
        (self.rows, self.values) = (rows, values);
        let first = |i: usize| self.values[i * self.d];
        let best = (0..self.count()).reduce(|best, i| if first(i) > first(best) { i } else { best });
        if let Some(best) = best {
            self.mean = self.row(best).to_vec();
        }
    }

    pub fn front(&self) -> Front {
        let number = pareto::fronts(&self.values, self.d);
        let value = |i: usize| self.values[i * self.d..][..self.d].to_vec();
        let best = (0..self.count()).filter(|&i| number[i] == 0 && self.values[i * self.d] > FAILED);
        let mut points: Vec<Point> =
            best.map(|i| Point { index: i, values: value(i), parameters: self.row(i).to_vec() }).collect();
        // Stable, so that equal ones stay in order.
        points.sort_by(|a, b| b.values[0].total_cmp(&a.values[0]));
        Front { points, reference: self.reference.clone() }
    }

    pub fn shift(&mut self, by: &[f64]) {
        for row in self.rows.chunks_mut(by.len()).chain([&mut self.mean[..]]) {
            row.iter_mut().zip(by).for_each(|(x, by)| *x += by);
        }
    }

    pub fn save(&self, state: &mut State) {
        let (count, reference) = (self.count(), self.reference.len());
        state.set_integer("front.count", count as u64);
        state.set_integer("front.references", reference as u64);
        state.set_f64("mean", &[self.mean.len()], &self.mean);
        state.set_f64("front.parameters", &[count, self.mean.len()], &self.rows);
        state.set_f64("front.objectives", &[count, self.d], &self.values);
        state.set_f64("front.reference", &[reference], &self.reference);
    }

    /// Those of a saved state.
    pub fn saved(&self, state: &State) -> Result<Self, StrategyError> {
        let (n, d) = (self.mean.len(), self.d);
        let mean = state.f64("mean", &[n])?.to_vec();
        let count = state.integer("front.count")? as usize;
        let references = state.integer("front.references")? as usize;
        let rows = state.f64("front.parameters", &[count, n])?.to_vec();
        let values = state.f64("front.objectives", &[count, d])?.to_vec();
        let reference = state.f64("front.reference", &[references])?.to_vec();
        Ok(Self { mean, d, rows, values, reference })
    }
}
