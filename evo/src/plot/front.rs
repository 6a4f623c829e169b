//! The front of a run with several objectives: a picture of the first two, and a table.

use std::fmt::Write as _;

use plotters::coord::Shift;
use plotters::prelude::*;
use records::checkpoint::Checkpoint;
use strategies::Front;
use training::config::Config;
use training::front::front_of;
use training::setup::{Setup, TrainError};

use super::frame::{framed, framed_size};
use super::picture::{GRID, INK, PALETTE, Picture, SOFT_INK, Scale, TEXT, failed, font, range, tick};

/// Size of the picture, pixels before scaling.
const SIZE: (i32, i32) = (860, 640);

/// A front with what its objectives are.
pub(crate) struct Trade {
    title: String,
    /// Name, unit, and the factor that makes a shown value of a told one.
    axes: Vec<(String, &'static str, f64)>,
    front: Front,
}

impl Trade {
    /// That of a checkpoint; none if its strategy has one objective, or there was no generation yet.
    pub(crate) fn of(checkpoint: &Checkpoint) -> Result<Option<Self>, TrainError> {
        if !checkpoint.tensors.contains_key("strategy.front.parameters") {
            return Ok(None);
        }
        let config: Config = checkpoint.meta("config")?;
        let setup = Setup::new(&config)?;
        let (Some(front), Some(objectives)) = (front_of(checkpoint, &config, &setup)?, &setup.objectives)
        else {
            return Ok(None);
        };
        let axes = objectives.shown(setup.descriptors.as_ref());
        let title = setup.task.spec().name.to_owned();
        Ok(Some(Self { title, axes, front }).filter(|trade| !trade.front.points.is_empty()))
    }

    /// With another title.
    pub(crate) fn titled(self, title: Option<&str>) -> Self {
        Self { title: title.map_or(self.title, str::to_owned), ..self }
    }

    /// All members of the front: their numbers and objectives, as they are shown.
    pub(crate) fn table(&self) -> String {
        let quoted = |(name, _, _): &(String, &str, f64)| format!(",\"{}\"", name.replace('"', "\"\""));
        let names: String = self.axes.iter().map(quoted).collect();
        let mut text = format!("cell{names}\n");
        for point in &self.front.points {
            let shown =
                point.values.iter().zip(&self.axes).map(|(value, axis)| format!(",{}", value * axis.2));
            let _ = writeln!(text, "{}{}", point.index, shown.collect::<String>());
        }
        text
    }

    fn axis(&self, axis: usize) -> impl Iterator<Item = f64> + '_ {
        self.front.points.iter().map(move |point| point.values[axis] * self.axes[axis].2)
    }

    fn chart<DB: DrawingBackend>(&self, area: &DrawingArea<DB, Shift>, scale: Scale) -> Result<(), String> {
        let px = |length| scale.px(length);
        let [(left, right), (low, high)] = [range(self.axis(1)), range(self.axis(0))];
        let named = |axis: usize| match self.axes[axis] {
            (ref name, "", _) => name.clone(),
            (ref name, unit, _) => format!("{name} ({unit})"),
        };
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
            .x_desc(named(1))
            .y_desc(named(0))
            .draw()
            .map_err(failed)?;
        let dots = self.axis(1).zip(self.axis(0));
        let dots = dots.map(|(x, y)| Circle::new((x, y), px(5), PALETTE[0].filled()));
        chart.draw_series(dots).map_err(failed)?;
        Ok(())
    }

    fn caption(&self) -> String {
        let count = self.front.points.len();
        format!("{count} members, of which none is better than another in all objectives.")
    }
}

impl Picture for Trade {
    fn size(&self) -> Result<(i32, i32), String> {
        Ok(framed_size(SIZE))
    }

    fn draw<DB: DrawingBackend>(&self, area: &DrawingArea<DB, Shift>, scale: f64) -> Result<(), String> {
        let scale = Scale(scale);
        framed(area, scale, SIZE, (&self.title, &self.caption()), |body| self.chart(body, scale))
    }
}
