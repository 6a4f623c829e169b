//! Several objectives: who dominates whom, and what a set of points covers. All objectives are maximised; points are
//! rows of `d` values.

/// Whether `a` is at least as good as `b` in all, and better in one.
fn dominates(a: &[f64], b: &[f64]) -> bool {
    a.iter().zip(b).all(|(a, b)| a >= b) && a.iter().zip(b).any(|(a, b)| a > b)
}

/// The front that each point belongs to: 0 for those that no other dominates, 1 for those that only these dominate, and
/// so on (Deb et al. 2002).
pub(super) fn fronts(points: &[f64], d: usize) -> Vec<usize> {
    let row = |i: usize| &points[i * d..][..d];
    let count = points.len() / d;
    let mut better = vec![0; count];
    let mut worse = vec![Vec::new(); count];
    for i in 0..count {
        for j in 0..i {
            if dominates(row(i), row(j)) {
                worse[i].push(j);
                better[j] += 1;
            } else if dominates(row(j), row(i)) {
                worse[j].push(i);
                better[i] += 1;
            }
        }
    }
    let mut front = vec![0; count];
    let mut current: Vec<usize> = (0..count).filter(|&i| better[i] == 0).collect();
    let mut number = 0;
    while !current.is_empty() {
        let mut next = Vec::new();
        for &i in &current {
            front[i] = number;
            for &j in &worse[i] {
                better[j] -= 1;
                if better[j] == 0 {
                    next.push(j);
                }
            }
        }
        (current, number) = (next, number + 1);
    }
    front
}

/// Crowding distance of some points of one front (Deb et al. 2002): infinite at the ends.
pub(super) fn crowding(points: &[f64], d: usize, members: &[usize]) -> Vec<f64> {
    let mut distance = vec![0.0; members.len()];
    for k in 0..d {
        let value = |place: usize| points[members[place] * d + k];
        let mut order: Vec<usize> = (0..members.len()).collect();
        order.sort_by(|&a, &b| value(a).total_cmp(&value(b)));
        let (Some(&first), Some(&last)) = (order.first(), order.last()) else { continue };
        let span = value(last) - value(first);
        for neighbours in order.windows(3) {
            let part = (value(neighbours[2]) - value(neighbours[0])) / span;
            // Without a span, all are equal in this objective.
            distance[neighbours[1]] += if part.is_finite() { part } else { 0.0 };
        }
        distance[first] = f64::INFINITY;
        distance[last] = f64::INFINITY;
    }
    distance
}

/// Volume that the points dominate and that itself dominates `reference`; points not better than that in all count
/// for nothing.
pub(super) fn hypervolume(points: &[f64], reference: &[f64]) -> f64 {
    let d = reference.len();
    let inside = |row: &&[f64]| row.iter().zip(reference).all(|(x, reference)| x > reference);
    let mut rows: Vec<&[f64]> = points.chunks(d).filter(inside).collect();
    volume(&mut rows, reference)
}

/// By slices along the last objective (Zitzler 1999; While et al. 2006), highest first.
fn volume(rows: &mut [&[f64]], reference: &[f64]) -> f64 {
    let last = reference.len() - 1;
    rows.sort_by(|a, b| b[last].total_cmp(&a[last]));
    if last == 0 {
        return rows.first().map_or(0.0, |row| row[0] - reference[0]);
    }
    let mut sum = 0.0;
    let mut highest = f64::NEG_INFINITY;
    for count in 1..=rows.len() {
        let below = rows.get(count).map_or(reference[last], |row| row[last]);
        let depth = rows[count - 1][last] - below;
        if last == 1 {
            highest = highest.max(rows[count - 1][0]);
            sum += depth * (highest - reference[0]);
        } else if depth > 0.0 {
            let mut above: Vec<&[f64]> = rows[..count].iter().map(|row| &row[..last]).collect();
            sum += depth * volume(&mut above, &reference[..last]);
        }
    }
    sum
}

/// The place among `members`, of one front, whose point adds least to the volume of all; of equal ones the last.
pub(super) fn least(points: &[f64], reference: &[f64], members: &[usize]) -> usize {
    let d = reference.len();
    let volumes: Vec<f64> = if d == 2 {
        neighbours(points, reference, members)
    } else {
        let without = |out: usize| -> f64 {
            let others = members.iter().enumerate().filter(|&(place, _)| place != out);
            let rows: Vec<f64> = others.flat_map(|(_, &m)| points[m * d..][..d].to_vec()).collect();
            -hypervolume(&rows, reference)
        };
        (0..members.len()).map(without).collect()
    };
    let smaller = |best: usize, place: usize| if volumes[place] <= volumes[best] { place } else { best };
    (0..members.len()).fold(0, smaller)
}

/// What each of some points of one front adds, of two objectives: a rectangle between its neighbours.
fn neighbours(points: &[f64], reference: &[f64], members: &[usize]) -> Vec<f64> {
    let row = |place: usize| &points[members[place] * 2..][..2];
    let mut order: Vec<usize> = (0..members.len()).collect();
    order.sort_by(|&a, &b| row(a)[0].total_cmp(&row(b)[0]).then(row(b)[1].total_cmp(&row(a)[1])));
    let mut volumes = vec![0.0; members.len()];
    for (at, &place) in order.iter().enumerate() {
        let left = at.checked_sub(1).map_or(reference[0], |before| row(order[before])[0]);
        let below = order.get(at + 1).map_or(reference[1], |&after| row(after)[1]);
        volumes[place] = (row(place)[0] - left) * (row(place)[1] - below);
    }
    volumes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fronts_are_those_of_a_drawing() {
        let points = [1.0, 4.0, 2.0, 3.0, 4.0, 1.0, 1.0, 1.0, 2.0, 2.0, 4.0, 1.0];
        assert_eq!(fronts(&points, 2), [0, 0, 0, 2, 1, 0]);
        assert_eq!(crowding(&points, 2, &[0, 1, 2]), [f64::INFINITY, 2.0, f64::INFINITY]);
        assert_eq!(crowding(&points, 2, &[2, 5]), [f64::INFINITY; 2]);
    }

    #[test]
    fn volumes_are_those_of_boxes() {
        assert_eq!(hypervolume(&[3.0, 1.0, 5.0], &[1.0]), 4.0);
        // 2×1 + 1×3 − 1×1; the third is not better than the reference.
        assert_eq!(hypervolume(&[2.0, 1.0, 1.0, 3.0, 9.0, -1.0], &[0.0, 0.0]), 4.0);
        // Two boxes of 2 and 3, which share 1; doubled along a third objective.
        assert_eq!(hypervolume(&[2.0, 1.0, 2.0, 1.0, 3.0, 2.0], &[0.0; 3]), 8.0);
        assert_eq!(hypervolume(&[2.0, 1.0, 1.0, 1.0, 3.0, 2.0], &[0.0; 3]), 7.0);
        assert_eq!(hypervolume(&[], &[0.0; 3]), 0.0);
    }

    #[test]
    fn the_least_is_the_same_by_neighbours_and_by_volumes() {
        let points = [0.0, 9.0, 1.0, 7.0, 2.0, 6.5, 4.0, 3.0, 8.0, 1.0];
        let reference = [-1.0, 0.0];
        let all = hypervolume(&points, &reference);
        let added = neighbours(&points, &reference, &[0, 1, 2, 3, 4]);
        for (out, &added) in added.iter().enumerate() {
            let others = (0..5).filter(|&i| i != out).flat_map(|i| points[2 * i..][..2].to_vec());
            assert_eq!(added, all - hypervolume(&others.collect::<Vec<f64>>(), &reference), "{out}");
        }
        assert_eq!(least(&points, &reference, &[0, 1, 2, 3, 4]), 1);
        // The same with a third objective that is equal for all.
        let three: Vec<f64> = points.chunks(2).flat_map(|p| [p[0], p[1], 1.0]).collect();
        assert_eq!(least(&three, &[-1.0, 0.0, 0.0], &[0, 1, 2, 3, 4]), 1);
        assert_eq!(least(&points, &reference, &[3, 3]), 1, "twins add nothing");
    }
}
