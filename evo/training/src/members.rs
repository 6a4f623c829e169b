//! The members that a search keeps to choose from, an archive or a front, with the names of what spans them: what plots,
//! the viewer and Python show.

use std::fmt::Write as _;

use records::checkpoint::Checkpoint;
use strategies::{Archive, Front};

use crate::archive::archive_of;
use crate::config::Config;
use crate::front::front_of;
use crate::setup::{Setup, TrainError};

/// Colours of low to high fitness: viridis (Smith, van der Walt and Firing 2015), which grows lighter all the way.
const VIRIDIS: [[u8; 3]; 6] =
    [[68, 1, 84], [65, 68, 135], [42, 120, 142], [34, 168, 132], [122, 209, 81], [253, 231, 37]];

/// The colour (red, green, blue) of a fitness between the lowest and the highest.
#[must_use]
pub fn color(fitness: f64, (low, high): (f64, f64)) -> [u8; 3] {
    let at = ((fitness - low) / (high - low)).clamp(0.0, 1.0) * (VIRIDIS.len() - 1) as f64;
    let index = (at as usize).min(VIRIDIS.len() - 2);
    let (part, from, to) = (at - index as f64, VIRIDIS[index], VIRIDIS[index + 1]);
    let mix = |a: u8, b: u8| (f64::from(a) + part * (f64::from(b) - f64::from(a))).round() as u8;
    std::array::from_fn(|i| mix(from[i], to[i]))
}

/// A descriptor of an archive, or an objective of a front.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Axis {
    /// Its name.
    pub name: String,
    /// Its unit; empty without one.
    pub unit: &'static str,
}

impl Axis {
    fn new(name: &str, unit: &'static str) -> Self {
        Self { name: name.to_owned(), unit }
    }

    /// Name and unit.
    #[must_use]
    pub fn label(&self) -> String {
        if self.unit.is_empty() { self.name.clone() } else { format!("{} ({})", self.name, self.unit) }
    }
}

/// An elite of an archive, or a member of a front.
#[derive(Clone, Debug, PartialEq)]
pub struct Member<'a> {
    /// Number of its cell, or its own in a front: what `--cell` takes.
    pub cell: usize,
    /// Its descriptors or objectives as they are shown, one per axis: energy as it is counted, though fewer operations are
    /// better.
    pub values: Vec<f64>,
    /// Its fitness; none in a front.
    pub fitness: Option<f64>,
    /// Its parameters.
    pub parameters: &'a [f64],
}

/// Where members are kept.
#[derive(Clone, Debug, PartialEq)]
pub enum Kept {
    /// The best of each cell.
    Archive(Archive),
    /// Those that no other one dominates, and the factor that makes a shown value of each objective.
    Front(Front, Vec<f64>),
}

/// All members of a checkpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct Members {
    /// Name of the task.
    pub task: String,
    /// What spans them.
    pub axes: Vec<Axis>,
    /// Where they are kept.
    pub kept: Kept,
}

impl Members {
    /// Those of a checkpoint; none if its strategy keeps none, or there are none yet.
    ///
    /// # Errors
    /// A checkpoint that does not fit its config.
    pub fn of(checkpoint: &Checkpoint) -> Result<Option<Self>, TrainError> {
        let has = |name: &str| checkpoint.tensors.contains_key(name);
        if !has("strategy.archive.cells") && !has("strategy.front.parameters") {
            return Ok(None);
        }
        let config: Config = checkpoint.meta("config")?;
        let setup = Setup::new(&config)?;
        let (kept, axes) = if let Some(objectives) = &setup.objectives {
            let Some(front) = front_of(checkpoint, &config, &setup)? else { return Ok(None) };
            let shown = objectives.shown(setup.descriptors.as_ref());
            let axes = shown.iter().map(|(name, unit, _)| Axis::new(name, unit)).collect();
            (Kept::Front(front, shown.iter().map(|axis| axis.2).collect()), axes)
        } else {
            let archive = archive_of(checkpoint, &config, &setup)?;
            let (Some(archive), Some(descriptors)) = (archive, &setup.descriptors) else { return Ok(None) };
            let chosen = descriptors.chosen().iter();
            (Kept::Archive(archive), chosen.map(|d| Axis::new(&d.channel.name, d.channel.unit)).collect())
        };
        let task = setup.task.spec().name.to_owned();
        Ok(Some(Self { task, axes, kept }).filter(|members| members.len() > 0))
    }

    /// The archive, if it is one.
    #[must_use]
    pub fn archive(&self) -> Option<&Archive> {
        if let Kept::Archive(archive) = &self.kept { Some(archive) } else { None }
    }

    /// Number of members.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "there is always one")]
    pub fn len(&self) -> usize {
        match &self.kept {
            Kept::Archive(archive) => archive.len(),
            Kept::Front(front, _) => front.points.len(),
        }
    }

    /// All members: by their cells, or by falling first objective.
    #[must_use]
    pub fn all(&self) -> Vec<Member<'_>> {
        match &self.kept {
            Kept::Archive(archive) => {
                let elites = archive.elites().map(|(cell, elite)| Member {
                    cell,
                    values: elite.descriptors.clone(),
                    fitness: Some(elite.fitness),
                    parameters: &elite.parameters,
                });
                elites.collect()
            }
            Kept::Front(front, factors) => {
                let points = front.points.iter().map(|point| Member {
                    cell: point.index,
                    values: point.values.iter().zip(factors).map(|(x, factor)| x * factor).collect(),
                    fitness: None,
                    parameters: &point.parameters,
                });
                points.collect()
            }
        }
    }

    /// The member of a cell, if there is one.
    #[must_use]
    pub fn member(&self, cell: usize) -> Option<Member<'_>> {
        self.all().into_iter().find(|member| member.cell == cell)
    }

    /// Lowest and highest fitness, never the same; none of a front.
    #[must_use]
    pub fn fitness(&self) -> Option<(f64, f64)> {
        let all = self.archive()?.elites().map(|(_, elite)| elite.fitness);
        let (low, high) = all.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), f| (a.min(f), b.max(f)));
        Some(if low < high { (low, high) } else { (low - 0.5, low + 0.5) })
    }

    /// Lowest and highest values of a cell along both axes, of a grid with two.
    #[must_use]
    pub fn corners(&self, cell: usize) -> Option<[(f64, f64); 2]> {
        let archive = self.archive()?;
        let &[rows, columns] = archive.grid()? else { return None };
        let edge = |axis: usize, index: usize, count: usize| {
            let (low, high) = archive.ranges()[axis];
            low + (high - low) * index as f64 / count as f64
        };
        let at = [cell / columns, cell % columns];
        let corner = |more: usize| (edge(0, at[0] + more, rows), edge(1, at[1] + more, columns));
        Some([corner(0), corner(1)])
    }

    /// All members as CSV: number, fitness in an archive, values.
    #[must_use]
    pub fn table(&self) -> String {
        let quoted = |axis: &Axis| format!(",\"{}\"", axis.name.replace('"', "\"\""));
        let names: String = self.axes.iter().map(quoted).collect();
        let fitness = if self.archive().is_some() { ",fitness" } else { "" };
        let mut text = format!("cell{fitness}{names}\n");
        for member in self.all() {
            let values = member.fitness.iter().chain(&member.values).map(|value| format!(",{value}"));
            let _ = writeln!(text, "{}{}", member.cell, values.collect::<String>());
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_go_from_dark_to_light() {
        assert_eq!(color(0.0, (0.0, 2.0)), VIRIDIS[0]);
        assert_eq!(color(7.0, (0.0, 2.0)), VIRIDIS[5]);
        assert_eq!(color(0.4, (0.0, 2.0)), VIRIDIS[1]);
        assert_eq!(color(0.2, (0.0, 2.0)), [67, 35, 110], "half way");
    }
}
