//! The archive of a run as a map.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::HPos;
use strategies::Archive;
use training::members::{Members, color};

use super::frame::{framed, framed_size};
use super::panel::label;
use super::picture::{INK, Picture, SOFT_INK, Scale, TEXT, failed, font, rounded, tick};

/// Size of a map, pixels before scaling.
const SIZE: (i32, i32) = (860, 720);
/// Width of the scale of colours with its numbers.
const COLORS: i32 = 110;
/// Steps of that scale.
const STEPS: usize = 64;
const EMPTY: RGBColor = RGBColor(240, 240, 240);

/// An archive with the names of what spans it.
pub(crate) struct Map<'a> {
    title: &'a str,
    members: &'a Members,
    archive: &'a Archive,
    /// Lowest and highest fitness.
    fitness: (f64, f64),
}

impl<'a> Map<'a> {
    /// The map of an archive with two descriptors.
    pub(crate) fn of(members: &'a Members, title: Option<&'a str>) -> Option<Self> {
        let title = title.unwrap_or(&members.task);
        let map = Self { title, members, archive: members.archive()?, fitness: members.fitness()? };
        Some(map).filter(|_| members.axes.len() == 2)
    }

    fn caption(&self) -> String {
        let (filled, cells) = (self.archive.len(), self.archive.cells());
        let best = self.archive.best().map_or_else(String::new, |(cell, elite)| {
            format!(" Highest fitness: {} in cell {cell}.", tick(rounded(elite.fitness, 4)))
        });
        format!("{filled} of {cells} cells ({:.1} %).{best}", 100.0 * self.archive.coverage())
    }

    fn color(&self, fitness: f64) -> RGBColor {
        rgb(color(fitness, self.fitness))
    }

    fn map<DB: DrawingBackend>(&self, area: &DrawingArea<DB, Shift>, scale: Scale) -> Result<(), String> {
        let px = |length| scale.px(length);
        let [(left, right), (low, high)] = [self.archive.ranges()[0], self.archive.ranges()[1]];
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
            .x_desc(self.members.axes[0].label())
            .y_desc(self.members.axes[1].label())
            .draw()
            .map_err(failed)?;
        if self.archive.grid().is_some() {
            let back = Rectangle::new([(left, low), (right, high)], EMPTY.filled());
            chart.draw_series([back]).map_err(failed)?;
            let cells = self.archive.elites().filter_map(|(cell, elite)| {
                Some(Rectangle::new(self.members.corners(cell)?, self.color(elite.fitness).filled()))
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
                self.archive.elites().map(|(cell, elite)| dot(cell, self.color(elite.fitness).filled()));
            chart.draw_series(filled).map_err(failed)?;
        }
        Ok(())
    }

    fn colors<DB: DrawingBackend>(&self, area: &DrawingArea<DB, Shift>, scale: Scale) -> Result<(), String> {
        let (_, height) = area.dim_in_pixel();
        let (top, bottom) = (scale.px(30), height as i32 - scale.px(70));
        let at = |step: usize| bottom + (top - bottom) * step as i32 / STEPS as i32;
        for step in 0..STEPS {
            let color = rgb(color((step as f64 + 0.5) / STEPS as f64, (0.0, 1.0))).filled();
            let corners = [(scale.px(4), at(step + 1)), (scale.px(24), at(step))];
            area.draw(&Rectangle::new(corners, color)).map_err(failed)?;
        }
        let (low, high) = self.fitness;
        for part in 0..=4 {
            let text = tick(rounded(low + (high - low) * part as f64 / 4.0, 3));
            let place = (scale.px(32), at(part * STEPS / 4));
            label(area, &text, (scale.px(TEXT), INK), HPos::Left, place)?;
        }
        label(area, "fitness", (scale.px(TEXT), SOFT_INK), HPos::Left, (scale.px(4), scale.px(12)))
    }
}

fn rgb([red, green, blue]: [u8; 3]) -> RGBColor {
    RGBColor(red, green, blue)
}

impl Picture for Map<'_> {
    fn size(&self) -> Result<(i32, i32), String> {
        Ok(framed_size(SIZE))
    }

    fn draw<DB: DrawingBackend>(&self, area: &DrawingArea<DB, Shift>, scale: f64) -> Result<(), String> {
        let scale = Scale(scale);
        framed(area, scale, SIZE, (self.title, &self.caption()), |body| {
            let (map, colors) = body.split_horizontally(scale.px(SIZE.0 - COLORS));
            self.map(&map, scale)?;
            self.colors(&colors, scale)
        })
    }
}
