//! Histograms of the weights, one per projection.

use egui::{Align2, CornerRadius, Pos2, Rect, RichText, Sense, Stroke, Ui, Vec2};

use crate::chart;
use crate::data::brain::{Brain, Projection};
use crate::panels::{Cx, empty};
use crate::theme::Palette;

/// Bars per histogram.
const BARS: usize = 61;

/// The histograms.
#[derive(Default)]
pub struct Cache {
    key: Option<u64>,
    revision: u64,
    all: Vec<Histogram>,
}

impl Cache {
    /// Forgets the histograms: there are other weights now.
    pub fn clear(&mut self) {
        self.revision += 1;
    }
}

#[derive(Debug, PartialEq)]
struct Histogram {
    name: String,
    number: usize,
    mean: f64,
    std: f64,
    /// Largest size of a weight; the bars go from −limit to limit.
    limit: f64,
    bars: Vec<usize>,
}

impl Histogram {
    fn new(projection: &Projection) -> Self {
        let weights = || projection.weights.iter().map(|w| f64::from(w.2));
        let number = projection.weights.len();
        let n = number.max(1) as f64;
        let mean = weights().sum::<f64>() / n;
        let std = (weights().map(|w| (w - mean) * (w - mean)).sum::<f64>() / n).sqrt();
        let limit = weights().map(f64::abs).fold(0.0, f64::max).max(1e-9);
        let mut bars = vec![0; BARS];
        for weight in weights().filter(|w| w.is_finite()) {
            let place = (weight / limit + 1.0) / 2.0 * BARS as f64;
            bars[(place as usize).min(BARS - 1)] += 1;
        }
        Self { name: projection.name.clone(), number, mean, std, limit, bars }
    }
}

fn refresh(cache: &mut Cache, brain: &Brain) {
    if cache.key != Some(cache.revision) {
        cache.key = Some(cache.revision);
        cache.all = brain.projections.iter().map(Histogram::new).collect();
    }
}

/// Draws the panel.
pub fn show(ui: &mut Ui, cx: &mut Cx<'_>) {
    if cx.document.brain.projections.is_empty() {
        return empty(ui, "The file does not hold the controller's parameters");
    }
    ui.weak(RichText::new(&cx.document.brain.summary).small());
    refresh(cx.caches.of::<Cache>(), &cx.document.brain);
    let palette = cx.palette;
    let count = cx.caches.of::<Cache>().all.len();
    let height = (ui.available_height() / count as f32 - 34.0).clamp(40.0, 140.0);
    egui::ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        for histogram in &cx.caches.of::<Cache>().all {
            draw(ui, &palette, histogram, height);
        }
    });
}

fn draw(ui: &mut Ui, palette: &Palette, histogram: &Histogram, height: f32) {
    ui.horizontal(|ui| {
        ui.label(RichText::new(&histogram.name).strong().small());
        let text = format!("{} weights, {:+.3} ± {:.3}", histogram.number, histogram.mean, histogram.std);
        ui.weak(RichText::new(text).small());
    });
    let (rect, response) = ui.allocate_exact_size(Vec2::new(ui.available_width(), height), Sense::hover());
    let painter = ui.painter_at(rect);
    painter.rect_filled(rect, CornerRadius::same(3), palette.plot);
    let most = histogram.bars.iter().copied().max().unwrap_or(1).max(1) as f32;
    let plot = rect.with_max_y(rect.bottom() - 14.0);
    let width = plot.width() / BARS as f32;
    for (index, &count) in histogram.bars.iter().enumerate() {
        // The square root keeps the tails visible beside a high peak.
        let part = (count as f32 / most).sqrt();
        let left = plot.left() + index as f32 * width;
        let bar = Rect::from_min_max(
            Pos2::new(left + 0.5, plot.bottom() - part * (plot.height() - 3.0)),
            Pos2::new(left + width - 0.5, plot.bottom()),
        );
        let colour = if index * 2 + 1 < BARS { palette.minus } else { palette.plus };
        painter.rect_filled(bar, 0.0, colour.gamma_multiply(0.8));
    }
    painter.hline(plot.x_range(), plot.bottom(), Stroke::new(1.0, palette.grid));
    for (x, anchor, value) in [
        (plot.left() + 3.0, Align2::LEFT_BOTTOM, -histogram.limit),
        (plot.center().x, Align2::CENTER_BOTTOM, 0.0),
        (plot.right() - 3.0, Align2::RIGHT_BOTTOM, histogram.limit),
    ] {
        let place = Pos2::new(x, rect.bottom());
        painter.text(place, anchor, chart::short(value), palette.small(), palette.weak);
    }
    if let Some(pointer) = response.hover_pos() {
        let index = (((pointer.x - plot.left()) / width) as usize).min(BARS - 1);
        let low = (index as f64 / BARS as f64 * 2.0 - 1.0) * histogram.limit;
        let high = ((index + 1) as f64 / BARS as f64 * 2.0 - 1.0) * histogram.limit;
        let (low, high) = (chart::short(low), chart::short(high));
        response.on_hover_text_at_pointer(format!("{} weights from {low} to {high}", histogram.bars[index]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_weight_is_in_one_bar() {
        let weights = vec![(0, 0, -2.0), (0, 1, 0.0), (1, 0, 2.0), (1, 1, 1.9)];
        let projection = Projection { name: "a".into(), from: 0, to: 1, weights };
        let histogram = Histogram::new(&projection);
        assert_eq!((histogram.number, histogram.limit, histogram.bars.iter().sum::<usize>()), (4, 2.0, 4));
        assert_eq!([histogram.bars[0], histogram.bars[BARS / 2], histogram.bars[BARS - 1]], [1, 1, 1]);
        assert!((histogram.mean - 0.475).abs() < 1e-6);
    }
}
