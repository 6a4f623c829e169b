//! Groups of genomes that are alike, which compete within themselves: speciation and explicit fitness sharing.

use super::genome::Genome;

/// A species, but for its members.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Species {
    /// Highest fitness so far.
    pub best: f64,
    /// Generation in which it had that.
    pub improved: u64,
}

/// The species of each genome: the first one whose representative is near enough, else a new one. `known` are the
/// representatives of the species that there are; the number of all species is returned, too.
pub(super) fn sorted(
    genomes: &[Genome],
    known: Vec<Genome>,
    near: impl Fn(&Genome, &Genome) -> bool,
) -> (Vec<usize>, usize) {
    let mut representatives = known;
    let mut of = Vec::with_capacity(genomes.len());
    for genome in genomes {
        let found = representatives.iter().position(|representative| near(genome, representative));
        of.push(found.unwrap_or(representatives.len()));
        if found.is_none() {
            representatives.push(genome.clone());
        }
    }
    (of, representatives.len())
}

/// What fitness is worth where it is shared: itself, as a part of the highest one; where some is negative, how far it is
/// above the lowest one, as a part of the range; 1 where all are equal. Failed members have 0.
pub(super) fn worth(fitness: &[f64], failed: &[bool]) -> Vec<f64> {
    let valid = || fitness.iter().zip(failed).filter(|(_, failed)| !**failed).map(|(fitness, _)| *fitness);
    let (low, high) = (valid().fold(0.0, f64::min), valid().fold(f64::NEG_INFINITY, f64::max));
    // Halves, so that differences of the largest numbers are finite.
    let range = 0.5 * high - 0.5 * low;
    let part = |fitness: f64| if range > 0.0 { (0.5 * fitness - 0.5 * low) / range } else { 1.0 };
    fitness.iter().zip(failed).map(|(&fitness, &failed)| if failed { 0.0 } else { part(fitness) }).collect()
}

/// Children of each species, `count` in all, by its share; equal shares where all are 0. What is left after rounding down
/// goes to the largest remainders. Species `best` has one at least.
pub(super) fn children(shares: &[f64], count: usize, best: usize) -> Vec<usize> {
    let total: f64 = shares.iter().sum();
    let part = |share: f64| if total > 0.0 { share / total } else { 1.0 / shares.len() as f64 };
    let exact: Vec<f64> = shares.iter().map(|&share| part(share) * count as f64).collect();
    let mut given: Vec<usize> = exact.iter().map(|&exact| exact as usize).collect();
    let mut order: Vec<usize> = (0..shares.len()).filter(|&i| exact[i] > 0.0).collect();
    let rest = |i: usize| exact[i] - exact[i].floor();
    order.sort_by(|&i, &j| rest(j).total_cmp(&rest(i)).then(i.cmp(&j)));
    let left = count.saturating_sub(given.iter().sum());
    order.iter().cycle().take(left).for_each(|&species| given[species] += 1);
    if given[best] == 0 {
        let richest = (0..given.len()).fold(0, |most, i| if given[i] > given[most] { i } else { most });
        given[richest] -= 1;
        given[best] = 1;
    }
    given
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worth_is_fitness_or_the_height_above_the_lowest() {
        let failed = [false, false, true, false];
        assert_eq!(worth(&[-3.0, 1.0, -3.0, 5.0], &failed), [0.0, 0.5, 0.0, 1.0]);
        assert_eq!(worth(&[-2.0; 4], &failed), [1.0, 1.0, 0.0, 1.0]);
        assert_eq!(worth(&[1.0, 4.0, 0.0, 2.0], &failed), [0.25, 1.0, 0.0, 0.5]);
        assert_eq!(worth(&[f64::MIN, f64::MAX, 0.0, 0.0], &failed), [0.0, 1.0, 0.0, 0.5]);
    }

    #[test]
    fn children_are_given_by_shares_and_none_is_lost() {
        assert_eq!(children(&[0.5, 0.25, 0.25], 8, 0), [4, 2, 2]);
        assert_eq!(children(&[1.0, 1.0, 1.0], 10, 0), [4, 3, 3]);
        assert_eq!(children(&[0.0, 1.0, 0.5], 10, 1), [0, 7, 3]);
        assert_eq!(children(&[1.0, 1e-9], 10, 1), [9, 1], "the best is not lost");
        assert_eq!(children(&[0.0, 0.0], 5, 0), [3, 2]);
    }
}
