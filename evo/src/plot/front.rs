//! The front of a run with several objectives: a picture of the first two.

use plotters::coord::Shift;
use plotters::prelude::*;
use training::members::{Kept, Members};

use super::frame::{framed, framed_size};
use super::picture::{GRID, INK, PALETTE, Picture, SOFT_INK, Scale, TEXT, failed, font, range, tick};

/// Size of the picture, pixels before scaling.
const SIZE: (i32, i32) = (860, 640);

/// A front with what its objectives are.
pub(crate) struct Trade<'a> {
    title: &'a str,
    members: &'a Members,
}

impl<'a> Trade<'a> {
    /// The picture of a front.
    pub(crate) fn of(members: &'a Members, title: Option<&'a str>) -> Option<Self> {
        let trade = Self { title: title.unwrap_or(&members.task), members };
        matches!(members.kept, Kept::Front(..)).then_some(trade)
    }

    /// The values of an objective.
    fn axis(&self, axis: usize) -> impl Iterator<Item = f64> {
        self.members.all().into_iter().map(move |member| member.values[axis])
    }

    fn chart<DB: DrawingBackend>(&self, area: &DrawingArea<DB, Shift>, scale: Scale) -> Result<(), String> {
        let px = |length| scale.px(length);
        let [(left, right), (low, high)] = [range(self.axis(1)), range(self.axis(0))];
        let mut chart = ChartBuilder::on(area)
            .margin(px(10))
            .x_label_area_size(px(56))
            .y_label_area_size(px(78))
            .build_cartesian_2d(left..right, low..high)
            .map_err(failed)?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(GRID)
            .axis_style(SOFT_INK.stroke_width(px(1) as u32))
            .label_style(font(px(TEXT)).color(&INK))
            .axis_desc_style(font(px(18)).color(&INK))
            .x_label_formatter(&|x| tick(*x))
            .y_label_formatter(&|y| tick(*y))
            .x_desc(self.members.axes[1].label())
            .y_desc(self.members.axes[0].label())
            .draw()
            .map_err(failed)?;
        let dots = self.axis(1).zip(self.axis(0));
        let dots = dots.map(|(x, y)| Circle::new((x, y), px(5), PALETTE[0].filled()));
        chart.draw_series(dots).map_err(failed)?;
        Ok(())
    }

    fn caption(&self) -> String {
        let count = self.members.len();
        format!("{count} members, of which none is better than another in all objectives.")
    }
}

impl Picture for Trade<'_> {
    fn size(&self) -> Result<(i32, i32), String> {
        Ok(framed_size(SIZE))
    }

    fn draw<DB: DrawingBackend>(&self, area: &DrawingArea<DB, Shift>, scale: f64) -> Result<(), String> {
        let scale = Scale(scale);
        framed(area, scale, SIZE, (self.title, &self.caption()), |body| self.chart(body, scale))
    }
}
