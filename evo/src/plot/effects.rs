//! What each parameter of a sweep does to the value: all trials over the parameter, and the medians
//! of groups of them.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::panel::label;
use super::parallel::Scaled;
use super::picture::{GRID, INK, PALETTE, Picture, SOFT_INK, Scale, TEXT, WIDTH, failed, font, range, tick};

/// Of a row of panels, pixels before scaling as all lengths here.
const HEIGHT: i32 = 300;
/// Panels in a row.
const PER_ROW: i32 = 3;
/// Of the axis with its labels and name.
const FOOT: i32 = 60;

/// A parameter's panel.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Effect {
    pub axis: Scaled,
    /// Place in [0, 1] and value of every trial.
    pub trials: Vec<(f64, f64)>,
    /// Place and median of every group.
    pub medians: Vec<(f64, f64)>,
}

/// A panel per parameter.
#[derive(Clone, Debug)]
pub(crate) struct Effects {
    pub effects: Vec<Effect>,
    /// Name of the value.
    pub value: String,
}

impl Effects {
    fn panel<DB: DrawingBackend>(
        &self,
        effect: &Effect,
        area: &DrawingArea<DB, Shift>,
        scale: Scale,
    ) -> Result<(), String> {
        let px = |length| scale.px(length);
        let (low, high) = range(self.effects.iter().flat_map(|e| &e.trials).map(|trial| trial.1));
        let mut chart = ChartBuilder::on(area)
            .margin_top(px(10))
            .margin_right(px(28))
            .margin_left(px(16))
            .margin_bottom(px(FOOT))
            .y_label_area_size(px(78))
            .build_cartesian_2d(-0.04..1.04, low..high)
            .map_err(failed)?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .max_light_lines(0)
            .bold_line_style(GRID.stroke_width(px(1) as u32))
            .axis_style(SOFT_INK.stroke_width(px(1) as u32))
            .label_style(font(px(TEXT)).color(&INK))
            .axis_desc_style(font(px(18)).color(&INK))
            .set_all_tick_mark_size(px(5))
            .x_labels(0)
            .y_labels(6)
            .y_label_formatter(&|y| tick(*y))
            .y_desc(&self.value)
            .draw()
            .map_err(failed)?;
        let dots = effect.trials.iter().map(|&at| Circle::new(at, px(4), PALETTE[0].mix(0.6).filled()));
        chart.draw_series(dots).map_err(failed)?;
        let style = PALETTE[1].stroke_width(px(2) as u32);
        chart.draw_series(LineSeries::new(effect.medians.iter().copied(), style)).map_err(failed)?;
        let squares = effect.medians.iter().map(|&at| TriangleMarker::new(at, px(7), PALETTE[1].filled()));
        chart.draw_series(squares).map_err(failed)?;
        // The parameter's own labels, which need not be evenly spaced numbers.
        let (left, bottom) = area.get_base_pixel();
        let place = |x: f64| {
            let (x, y) = chart.backend_coord(&(x, low));
            (x - left, y - bottom)
        };
        for (at, text) in &effect.axis.ticks {
            let (x, y) = place(*at);
            area.draw(&PathElement::new([(x, y), (x, y + px(5))], SOFT_INK)).map_err(failed)?;
            label(area, text, (px(TEXT), INK), HPos::Center, (x, y + px(16)))?;
        }
        let (x, y) = place(0.5);
        label(area, &effect.axis.name, (px(18), INK), HPos::Center, (x, y + px(42)))
    }
}

impl Picture for Effects {
    fn size(&self) -> Result<(i32, i32), String> {
        Ok((WIDTH, (self.effects.len() as i32 + PER_ROW - 1) / PER_ROW * HEIGHT))
    }

    fn draw<DB: DrawingBackend>(&self, area: &DrawingArea<DB, Shift>, scale: f64) -> Result<(), String> {
        let scale = Scale(scale);
        area.fill(&WHITE).map_err(failed)?;
        for (index, effect) in self.effects.iter().enumerate() {
            let (row, column) = (index as i32 / PER_ROW, index as i32 % PER_ROW);
            let (x, y) = (column * WIDTH / PER_ROW, row * HEIGHT);
            let (end, bottom) = ((column + 1) * WIDTH / PER_ROW, y + HEIGHT);
            let cell = area.clone().shrink(
                (scale.px(x), scale.px(y)),
                (scale.px(end) - scale.px(x), scale.px(bottom) - scale.px(y)),
            );
            self.panel(effect, &cell, scale)?;
        }
        area.present().map_err(failed)
    }
}
