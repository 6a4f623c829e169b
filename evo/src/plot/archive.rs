//! The archive of a run as a map, and as a table.

use std::fmt::Write as _;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::HPos;
use records::checkpoint::Checkpoint;
use strategies::Archive;
use training::archive::archive_of;
use training::config::Config;
use training::setup::{Setup, TrainError};

use super::frame::{framed, framed_size};
use super::panel::label;
use super::picture::{INK, Picture, SOFT_INK, Scale, TEXT, failed, font, rounded, tick};

/// Size of a map, pixels before scaling.
const SIZE: (i32, i32) = (860, 720);
/// Width of the scale of colours with its numbers.
const COLORS: i32 = 110;
/// Steps of that scale.
const STEPS: usize = 64;
/// Colours of low to high fitness: viridis (Smith, van der Walt and Firing 2015), which grows lighter all the way.
const VIRIDIS: [RGBColor; 6] = [
    RGBColor(68, 1, 84),
    RGBColor(65, 68, 135),
    RGBColor(42, 120, 142),
    RGBColor(34, 168, 132),
    RGBColor(122, 209, 81),
    RGBColor(253, 231, 37),
];
const EMPTY: RGBColor = RGBColor(240, 240, 240);

/// An archive with the names of what spans it.
pub(crate) struct Map {
    title: String,
    /// Name and unit of each descriptor.
    axes: Vec<(String, &'static str)>,
    archive: Archive,
}

impl Map {
    /// That of a checkpoint; none if its strategy keeps none, or it is empty.
    pub(crate) fn of(checkpoint: &Checkpoint) -> Result<Option<Self>, TrainError> {
        if !checkpoint.tensors.contains_key("strategy.archive.cells") {
            return Ok(None);
        }
        let config: Config = checkpoint.meta("config")?;
        let setup = Setup::new(&config)?;
        let (Some(archive), Some(descriptors)) =
            (archive_of(checkpoint, &config, &setup)?, &setup.descriptors)
        else {
            return Ok(None);
        };
        let axes = descriptors.chosen().iter().map(|d| (d.channel.name.clone(), d.channel.unit)).collect();
        let title = setup.task.spec().name.to_owned();
        Ok(Some(Self { title, axes, archive }).filter(|map| !map.archive.is_empty()))
    }

    /// With another title.
    pub(crate) fn titled(self, title: Option<&str>) -> Self {
        Self { title: title.map_or(self.title, str::to_owned), ..self }
    }

    /// Whether it can be drawn.
    pub(crate) fn is_flat(&self) -> bool {
        self.axes.len() == 2
    }

    /// All elites: number of the cell, fitness, descriptors.
    pub(crate) fn table(&self) -> String {
        let quoted = |name: &String| format!(",\"{}\"", name.replace('"', "\"\""));
        let names: String = self.axes.iter().map(|(name, _)| quoted(name)).collect();
        let mut text = format!("cell,fitness{names}\n");
        for (cell, elite) in self.archive.elites() {
            let values: String = elite.descriptors.iter().map(|value| format!(",{value}")).collect();
            let _ = writeln!(text, "{cell},{}{values}", elite.fitness);
        }
        text
    }

    /// Lowest and highest fitness.
    fn fitness(&self) -> (f64, f64) {
        let all = self.archive.elites().map(|(_, elite)| elite.fitness);
        let (low, high) = all.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), f| (a.min(f), b.max(f)));
        if low < high { (low, high) } else { (low - 0.5, low + 0.5) }
    }

    fn caption(&self) -> String {
        let (filled, cells) = (self.archive.len(), self.archive.cells());
        let best = self.archive.best().map_or_else(String::new, |(cell, elite)| {
            format!(" Highest fitness: {} in cell {cell}.", tick(rounded(elite.fitness, 4)))
        });
        format!("{filled} of {cells} cells ({:.1} %).{best}", 100.0 * self.archive.coverage())
    }

    /// Lowest and highest values of a cell of a grid along both axes.
    fn corners(&self, grid: &[usize], cell: usize) -> [(f64, f64); 2] {
        let ranges = self.archive.ranges();
        let at = [cell / grid[1], cell % grid[1]];
        let edge = |axis: usize, index: usize| {
            let (low, high) = ranges[axis];
            low + (high - low) * index as f64 / grid[axis] as f64
        };
        [(edge(0, at[0]), edge(1, at[1])), (edge(0, at[0] + 1), edge(1, at[1] + 1))]
    }

    fn map<DB: DrawingBackend>(&self, area: &DrawingArea<DB, Shift>, scale: Scale) -> Result<(), String> {
        let px = |length| scale.px(length);
        let [(left, right), (low, high)] = [self.archive.ranges()[0], self.archive.ranges()[1]];
        let named = |(name, unit): &(String, &str)| match *unit {
            "" => name.clone(),
            unit => format!("{name} ({unit})"),
        };
        let mut chart = ChartBuilder::on(area)
            .margin(px(10))
            .x_label_area_size(px(56))
            .y_label_area_size(px(78))
            .build_cartesian_2d(left..right, low..high)
            .map_err(failed)?;
        chart
            .configure_mesh()
            .disable_mesh()
            .axis_style(SOFT_INK.stroke_width(px(1) as u32))
            .label_style(font(px(TEXT)).color(&INK))
            .axis_desc_style(font(px(18)).color(&INK))
            .x_label_formatter(&|x| tick(*x))
            .y_label_formatter(&|y| tick(*y))
            .x_desc(named(&self.axes[0]))
            .y_desc(named(&self.axes[1]))
            .draw()
            .map_err(failed)?;
        let fitness = self.fitness();
        if let Some(grid) = self.archive.grid() {
            let back = Rectangle::new([(left, low), (right, high)], EMPTY.filled());
            chart.draw_series([back]).map_err(failed)?;
            let cells = self.archive.elites().map(|(cell, elite)| {
                Rectangle::new(self.corners(grid, cell), color(elite.fitness, fitness).filled())
            });
            chart.draw_series(cells).map_err(failed)?;
        } else if let Some(centroids) = self.archive.centroids() {
            let side = (f64::from(SIZE.0.min(SIZE.1)) / (self.archive.cells() as f64).sqrt() * 0.3) as i32;
            let dot = |cell: usize, style: ShapeStyle| {
                Circle::new((centroids[2 * cell], centroids[2 * cell + 1]), px(side.clamp(2, 12)), style)
            };
            let empty = (0..self.archive.cells()).filter(|&cell| self.archive.elite(cell).is_none());
            chart.draw_series(empty.map(|cell| dot(cell, EMPTY.filled()))).map_err(failed)?;
            let filled =
                self.archive.elites().map(|(cell, elite)| dot(cell, color(elite.fitness, fitness).filled()));
            chart.draw_series(filled).map_err(failed)?;
        }
        Ok(())
    }

    fn colors<DB: DrawingBackend>(&self, area: &DrawingArea<DB, Shift>, scale: Scale) -> Result<(), String> {
        let (_, height) = area.dim_in_pixel();
        let (top, bottom) = (scale.px(30), height as i32 - scale.px(70));
        let at = |step: usize| bottom + (top - bottom) * step as i32 / STEPS as i32;
        for step in 0..STEPS {
            let color = color((step as f64 + 0.5) / STEPS as f64, (0.0, 1.0)).filled();
            let corners = [(scale.px(4), at(step + 1)), (scale.px(24), at(step))];
            area.draw(&Rectangle::new(corners, color)).map_err(failed)?;
        }
        let (low, high) = self.fitness();
        for part in 0..=4 {
            let text = tick(rounded(low + (high - low) * part as f64 / 4.0, 3));
            let place = (scale.px(32), at(part * STEPS / 4));
            label(area, &text, (scale.px(TEXT), INK), HPos::Left, place)?;
        }
        label(area, "fitness", (scale.px(TEXT), SOFT_INK), HPos::Left, (scale.px(4), scale.px(12)))
    }
}

/// The colour of a fitness between the lowest and the highest.
fn color(fitness: f64, (low, high): (f64, f64)) -> RGBColor {
    let at = ((fitness - low) / (high - low)).clamp(0.0, 1.0) * (VIRIDIS.len() - 1) as f64;
    let index = (at as usize).min(VIRIDIS.len() - 2);
    let (part, from, to) = (at - index as f64, VIRIDIS[index], VIRIDIS[index + 1]);
    let mix = |a: u8, b: u8| (f64::from(a) + part * (f64::from(b) - f64::from(a))).round() as u8;
    RGBColor(mix(from.0, to.0), mix(from.1, to.1), mix(from.2, to.2))
}

impl Picture for Map {
    fn size(&self) -> Result<(i32, i32), String> {
        Ok(framed_size(SIZE))
    }

    fn draw<DB: DrawingBackend>(&self, area: &DrawingArea<DB, Shift>, scale: f64) -> Result<(), String> {
        let scale = Scale(scale);
        framed(area, scale, SIZE, (&self.title, &self.caption()), |body| {
            let (map, colors) = body.split_horizontally(scale.px(SIZE.0 - COLORS));
            self.map(&map, scale)?;
            self.colors(&colors, scale)
        })
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
        assert_eq!(color(0.2, (0.0, 2.0)), RGBColor(67, 35, 110), "half way");
    }
}
