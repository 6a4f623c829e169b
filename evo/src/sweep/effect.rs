//! How much each axis of a sweep matters.

use crate::statistics::{mean, quantile};

/// Groups of trials on a continuous axis, equally wide.
const GROUPS: usize = 4;

/// What an axis does to the value.
#[derive(Clone, Debug, PartialEq)]
pub struct Effect {
    /// Groups of trials along the axis: mean place in [0, 1], median of the values, number of trials.
    pub groups: Vec<(f64, f64, usize)>,
    /// Share of the values' variance between the groups, adjusted for what chance alone would give
    /// (ε², Kelley 1935), 0 to 1; none for fewer than two groups or too few trials.
    pub explained: Option<f64>,
}

/// The effect of an axis, given place in [0, 1] and value of each trial. `choices` is the number of
/// its separate values; without one, places are taken as groups if there are no more than two of them
/// per three trials, and in quarters of the axis otherwise.
#[must_use]
pub fn effect(choices: Option<usize>, trials: &[(f64, f64)]) -> Effect {
    let mut places: Vec<f64> = trials.iter().map(|trial| trial.0).collect();
    places.sort_by(f64::total_cmp);
    places.dedup();
    let slot = |place: f64| match choices {
        Some(count) => ((place * count as f64) as usize).min(count.saturating_sub(1)),
        None if 3 * places.len() <= 2 * trials.len() => places.partition_point(|&other| other < place),
        None => ((place * GROUPS as f64) as usize).min(GROUPS - 1),
    };
    let count = choices.unwrap_or(places.len().max(GROUPS));
    let mut groups: Vec<Vec<(f64, f64)>> = vec![Vec::new(); count];
    for &trial in trials {
        groups[slot(trial.0)].push(trial);
    }
    groups.retain(|group| !group.is_empty());
    let values = |group: &[(f64, f64)]| group.iter().map(|trial| trial.1).collect::<Vec<f64>>();
    let squares = |values: &[f64]| {
        let middle = mean(values);
        values.iter().map(|x| (x - middle) * (x - middle)).sum::<f64>()
    };
    let total = squares(&values(trials));
    let within: f64 = groups.iter().map(|group| squares(&values(group))).sum();
    let (n, k) = (trials.len() as f64, groups.len() as f64);
    let enough = groups.len() > 1 && trials.len() > groups.len() && total > 0.0;
    let summary = |group: Vec<(f64, f64)>| {
        let mut sorted = values(&group);
        sorted.sort_by(f64::total_cmp);
        let place = group.iter().map(|trial| trial.0).sum::<f64>() / group.len() as f64;
        (place, quantile(&sorted, 0.5), group.len())
    };
    Effect {
        groups: groups.into_iter().map(summary).collect(),
        explained: enough.then(|| (1.0 - within / (n - k) * (n - 1.0) / total).max(0.0)),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn choices_that_decide_everything_explain_everything() {
        let trials = [(0.25, 1.0), (0.25, 1.0), (0.75, 5.0), (0.75, 5.0)];
        let found = effect(Some(2), &trials);
        assert_eq!(found.groups, [(0.25, 1.0, 2), (0.75, 5.0, 2)]);
        assert_eq!(found.explained, Some(1.0));
    }

    #[test]
    fn the_share_is_adjusted_for_chance() {
        // Groups {1, 3} and {3, 5}: within 2 + 2 of a total of 8; 1 - (4/2) / (8/3) = 1/4.
        let trials = [(0.25, 1.0), (0.25, 3.0), (0.75, 3.0), (0.75, 5.0)];
        assert!((effect(Some(2), &trials).explained.unwrap() - 0.25).abs() < 1e-12);
        // Alike groups: less than chance, so nothing.
        let trials = [(0.25, 1.0), (0.25, 3.0), (0.75, 1.0), (0.75, 3.0)];
        assert_eq!(effect(Some(2), &trials).explained, Some(0.0));
    }

    #[test]
    fn continuous_axes_are_quartered_and_grids_are_not() {
        let line: Vec<(f64, f64)> = (0..20).map(|i| (f64::from(i) / 20.0, f64::from(i))).collect();
        let found = effect(None, &line);
        let medians: Vec<f64> = found.groups.iter().map(|group| group.1).collect();
        assert_eq!(medians, [2.0, 7.0, 12.0, 17.0]);
        assert!(found.explained.unwrap() > 0.9);
        let grid: Vec<(f64, f64)> = (0..12).map(|i| (f64::from(i % 3) / 2.0, f64::from(i))).collect();
        let places: Vec<f64> = effect(None, &grid).groups.iter().map(|group| group.0).collect();
        assert_eq!(places, [0.0, 0.5, 1.0]);
    }

    #[test]
    fn too_little_explains_nothing() {
        assert_eq!(effect(None, &[]).explained, None);
        assert_eq!(effect(Some(2), &[(0.25, 1.0), (0.75, 2.0)]).explained, None);
        assert_eq!(effect(Some(2), &[(0.25, 1.0), (0.25, 2.0)]).explained, None);
        assert_eq!(effect(Some(2), &[(0.25, 1.0), (0.25, 1.0), (0.75, 1.0)]).explained, None);
    }
}
