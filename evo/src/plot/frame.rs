//! One chart with a title above and a caption below.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::panel::label;
use super::picture::{INK, SOFT_INK, Scale, failed};

const TITLE: i32 = 48;
const CAPTION: i32 = 34;

/// Size of the whole, pixels before scaling, for a chart of this size.
pub(super) fn framed_size((width, height): (i32, i32)) -> (i32, i32) {
    (width, TITLE + height + CAPTION)
}

/// Draws the title, the chart by `body`, and the caption.
pub(super) fn framed<DB: DrawingBackend>(
    area: &DrawingArea<DB, Shift>,
    scale: Scale,
    (width, height): (i32, i32),
    (title, caption): (&str, &str),
    body: impl FnOnce(&DrawingArea<DB, Shift>) -> Result<(), String>,
) -> Result<(), String> {
    area.fill(&WHITE).map_err(failed)?;
    let middle = scale.px(width / 2);
    label(area, title, (scale.px(24), INK), HPos::Center, (middle, scale.px(TITLE / 2 + 4)))?;
    let (_, rest) = area.split_vertically(scale.px(TITLE));
    let (chart, foot) = rest.split_vertically(scale.px(height));
    body(&chart)?;
    let at = (middle, scale.px(CAPTION / 2));
    label(&foot, caption, (scale.px(15), SOFT_INK), HPos::Center, at)?;
    area.present().map_err(failed)
}
