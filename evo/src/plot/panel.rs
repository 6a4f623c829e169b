//! A chart with lines, bands and dots, and the legend below several of them.

use plotters::coord::Shift;
use plotters::element::DashedPathElement;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::picture::{GRID, INK, SOFT_INK, Scale, TEXT, WIDTH, failed, font, text_width, tick};

/// Height of a legend's row, pixels before scaling as all lengths here.
pub(crate) const ROW: i32 = 28;
/// Length of a legend's line.
const KEY: i32 = 34;
/// Between two legend entries.
const GAP: i32 = 32;
/// Beside and below the legend.
pub(crate) const MARGIN: i32 = 14;

/// How a series looks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    pub color: RGBColor,
    pub dashed: bool,
    /// Of the line; 0 for none.
    pub width: i32,
    /// Radius of the dots; 0 for none.
    pub dot: i32,
    /// Of the line, 0 to 1.
    pub alpha: f64,
}

/// What is drawn in one colour.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    /// Name beside its values; empty where they are not shown.
    pub name: String,
    pub look: Look,
    pub points: Vec<(f64, f64)>,
    /// `(x, lowest, highest)`.
    pub band: Vec<(f64, f64, f64)>,
    /// Seeds behind each point, where they are several; else empty.
    pub seeds: Vec<usize>,
}

impl Series {
    /// A line or dots of one run.
    pub(crate) fn new(name: &str, look: Look, points: Vec<(f64, f64)>) -> Self {
        Self { name: name.to_owned(), look, points, band: Vec::new(), seeds: Vec::new() }
    }
}

/// Room around a panel's axes: above, right of, below and left of them. Axis labels stand in it.
const AROUND: [i32; 4] = [6, 28, 56, 94];
/// Room for what stands beside the vertical axis.
const BESIDE: i32 = 78;
/// Size of the names of axes.
const AXIS_NAME: i32 = 18;

/// A chart.
#[derive(Clone, Debug)]
pub(crate) struct Panel {
    pub x_name: String,
    pub y_name: String,
    pub x: (f64, f64),
    /// What lies outside is drawn at the edge.
    pub y: (f64, f64),
    pub series: Vec<Series>,
    /// Where something begins, with its name.
    pub marks: Vec<(f64, String)>,
}

impl Panel {
    /// Left, top, right and bottom of the axes of a panel that is drawn at a place (x, y) in a size (width, height).
    pub(crate) fn frame((x, y): (i32, i32), (width, height): (i32, i32)) -> [i32; 4] {
        let [above, right, below, left] = AROUND;
        [x + left, y + above, x + width - right, y + height - below]
    }

    pub(crate) fn draw<DB: DrawingBackend>(
        &self,
        area: &DrawingArea<DB, Shift>,
        scale: Scale,
    ) -> Result<(), String> {
        let px = |length| scale.px(length);
        let (low, high) = self.y;
        let [above, right, below, left] = AROUND;
        let (_, height) = area.dim_in_pixel();
        // A name that is longer than its axis is set in smaller type.
        let axis = f64::from(height) / scale.0 - f64::from(above + below);
        let fits = (axis / f64::from(text_width(&self.y_name)?.max(1)) * f64::from(TEXT)) as i32;
        let mut chart = ChartBuilder::on(area)
            .margin_top(px(above))
            .margin_right(px(right))
            .margin_left(px(left - BESIDE))
            .x_label_area_size(px(below))
            .y_label_area_size(px(BESIDE))
            .build_cartesian_2d(self.x.0..self.x.1, low..high)
            .map_err(failed)?;
        chart
            .configure_mesh()
            .max_light_lines(0)
            .bold_line_style(GRID.stroke_width(px(1) as u32))
            .axis_style(SOFT_INK.stroke_width(px(1) as u32))
            .label_style(font(px(TEXT)).color(&INK))
            .axis_desc_style(font(px(AXIS_NAME.min(fits))).color(&INK))
            .set_all_tick_mark_size(px(5))
            .x_labels(7)
            .y_labels(8)
            .x_label_formatter(&|x| tick(*x))
            .y_label_formatter(&|y| tick(*y))
            .x_desc(&self.x_name)
            .y_desc(&self.y_name)
            .draw()
            .map_err(failed)?;
        let inside = |&(x, y): &(f64, f64)| (x, y.clamp(low, high));
        for (row, (x, name)) in self.marks.iter().enumerate() {
            let line = [(*x, low), (*x, high)];
            let style = SOFT_INK.stroke_width(px(1) as u32);
            chart
                .draw_series(DashedLineSeries::new(line, px(3) as u32, px(5) as u32, style))
                .map_err(failed)?;
            // Short stages stand close together: their names take turns.
            let down = px(6 + 18 * (row as i32 % 3));
            let text = EmptyElement::at((*x, high))
                + Text::new(name.clone(), (px(4), down), font(px(15)).color(&SOFT_INK));
            chart.draw_series([text]).map_err(failed)?;
        }
        for Series { look, points, band, .. } in &self.series {
            let color = look.color;
            if band.len() > 1 {
                let upper = band.iter().map(|&(x, _, top)| (x, top));
                let lower = band.iter().rev().map(|&(x, bottom, _)| (x, bottom));
                let outline: Vec<(f64, f64)> = upper.chain(lower).map(|point| inside(&point)).collect();
                chart.draw_series([Polygon::new(outline, color.mix(0.2).filled())]).map_err(failed)?;
            }
            let points: Vec<(f64, f64)> = points.iter().map(inside).collect();
            // A line of one point would be invisible.
            let dot = if points.len() == 1 && look.dot == 0 { 4 } else { look.dot };
            if dot > 0 {
                let dots = points.iter().map(|&point| Circle::new(point, px(dot), color.filled()));
                chart.draw_series(dots).map_err(failed)?;
            }
            if look.width > 0 && points.len() > 1 {
                let style = color.mix(look.alpha).stroke_width(px(look.width) as u32);
                if look.dashed {
                    let line = DashedLineSeries::new(points, px(7) as u32, px(4) as u32, style);
                    chart.draw_series(line).map_err(failed)?;
                } else {
                    chart.draw_series(LineSeries::new(points, style)).map_err(failed)?;
                }
            }
        }
        Ok(())
    }
}

/// An entry of a legend.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub text: String,
    pub look: Look,
    pub band: bool,
}

/// Entries below the panels, where they hide nothing, with their places.
pub(crate) struct Legend(Vec<(Entry, i32, i32)>);

impl Legend {
    /// Fills rows from the left, then centres each.
    pub(crate) fn new(entries: Vec<Entry>) -> Result<Self, String> {
        let mut places: Vec<(i32, i32)> = Vec::new();
        let (mut x, mut row, mut first) = (0, 0, 0);
        let centre = |places: &mut [(i32, i32)], width: i32| {
            places.iter_mut().for_each(|place| place.0 += (WIDTH - width) / 2);
        };
        for entry in &entries {
            let width = KEY + 8 + text_width(&entry.text)?;
            if x > 0 && x + width > WIDTH - 2 * MARGIN {
                centre(&mut places[first..], x - GAP);
                (x, row, first) = (0, row + 1, places.len());
            }
            places.push((x, row));
            x += width + GAP;
        }
        centre(&mut places[first..], x - GAP);
        Ok(Self(entries.into_iter().zip(places).map(|(entry, (x, row))| (entry, x, row)).collect()))
    }

    /// Of all rows.
    pub(crate) fn height(&self) -> i32 {
        self.0.last().map_or(0, |(_, _, row)| (row + 1) * ROW)
    }

    pub(crate) fn draw<DB: DrawingBackend>(
        &self,
        area: &DrawingArea<DB, Shift>,
        top: i32,
        scale: Scale,
    ) -> Result<(), String> {
        let px = |length| scale.px(length);
        for (Entry { text, look, band }, x, row) in &self.0 {
            let y = px(top + row * ROW + ROW / 2);
            let (start, end) = (px(*x), px(x + KEY));
            if *band {
                let corners = [(start, y - px(7)), (end, y + px(7))];
                area.draw(&Rectangle::new(corners, look.color.mix(0.2).filled())).map_err(failed)?;
            }
            let style = look.color.stroke_width(px(look.width) as u32);
            let points = [(start, y), (end, y)];
            if look.dashed {
                area.draw(&DashedPathElement::new(points, px(7), px(4), style)).map_err(failed)?;
            } else if look.width > 0 {
                area.draw(&PathElement::new(points, style)).map_err(failed)?;
            }
            if look.dot > 0 {
                let dot = Circle::new(((start + end) / 2, y), px(look.dot), look.color.filled());
                area.draw(&dot).map_err(failed)?;
            }
            let style = font(px(TEXT)).color(&INK).pos(Pos::new(HPos::Left, VPos::Center));
            area.draw_text(text, &style, (end + px(8), y + px(2))).map_err(failed)?;
        }
        Ok(())
    }
}

/// Text around a point.
pub(crate) fn label<DB: DrawingBackend>(
    area: &DrawingArea<DB, Shift>,
    text: &str,
    (size, ink): (i32, RGBColor),
    anchor: HPos,
    at: (i32, i32),
) -> Result<(), String> {
    let style = font(size).color(&ink).pos(Pos::new(anchor, VPos::Center));
    area.draw_text(text, &style, at).map_err(failed)
}
