//! Reward terms stacked: what is earned above zero, what is lost below.

use egui::{Color32, Mesh, Pos2, Stroke, Ui};

use crate::chart::{self, AXIS, Chart};
use crate::data::recording::Recording;
use crate::panels::{Cx, empty};

/// Draws the panel.
pub fn show(ui: &mut Ui, cx: &mut Cx<'_>) {
    let duration = cx.duration();
    let recording = cx.document.recording();
    let (terms, steps) = (recording.header.terms.clone(), recording.steps());
    if steps == 0 || terms.is_empty() {
        return empty(ui, "No step yet: press Space");
    }
    let dt = recording.header.control_dt;
    let step = recording.step_at(cx.timeline.time);
    let now = Recording::row(&recording.terms, terms.len(), step).to_vec();
    let sum = recording.returns().get(step).copied().unwrap_or_default();
    let palette = cx.palette;
    ui.horizontal_wrapped(|ui| {
        for (index, (name, value)) in terms.iter().zip(&now).enumerate() {
            chart::legend(ui, palette.series(index), name, Some(format!("{value:+.3}")));
        }
        chart::legend(ui, palette.text, "reward", Some(format!("{:+.3}", now.iter().sum::<f32>())));
        ui.weak(egui::RichText::new(format!("return {sum:.1}")).small());
    });

    let window = cx.timeline.visible(duration);
    let columns = Columns::new(cx.document.recording(), window, ui.available_width() as usize);
    let height = ui.available_height() - AXIS - 4.0;
    let chart = chart::over_time(ui, cx.timeline, duration, height, columns.range());
    chart.grid(ui, &palette, chart::short);
    let painter = ui.painter_at(chart.rect);
    for (index, bands) in columns.bands().into_iter().enumerate() {
        for band in bands {
            painter.add(egui::Shape::mesh(area(&chart, &columns, &band, palette.series(index))));
        }
    }
    let total = columns.sums().into_iter().enumerate();
    let points = total.map(|(column, sum)| (columns.time(column) + columns.width * dt / 2.0, sum));
    chart.line(ui, points, Stroke::new(1.2, palette.text));
    chart::cursor(ui, &chart, cx.timeline, &palette);
    chart::time_axis(ui, &chart, &palette);
}

/// Terms averaged over as many steps as fall onto a few pixels.
struct Columns {
    first: usize,
    /// Steps per column.
    width: f64,
    dt: f64,
    /// `[column][term]`.
    means: Vec<Vec<f64>>,
}

impl Columns {
    fn new(recording: &Recording, window: (f64, f64), pixels: usize) -> Self {
        let dt = recording.header.control_dt;
        let size = recording.header.terms.len();
        let first = (window.0 / dt).max(0.0) as usize;
        let last = ((window.1 / dt).ceil() as usize).min(recording.steps());
        let width = (last.saturating_sub(first)).div_ceil(pixels.max(100) / 2).max(1);
        // Columns begin at multiples of their width, so that scrolling does not change them.
        let first = first / width * width;
        let mean = |start: usize| {
            let end = (start + width).min(recording.steps());
            let term = |k: usize| {
                let sum: f64 = (start..end).map(|step| f64::from(recording.terms[step * size + k])).sum();
                sum / (end - start).max(1) as f64
            };
            (0..size).map(term).collect()
        };
        let means = (first..last).step_by(width).map(mean).collect();
        Self { first, width: width as f64, dt, means }
    }

    fn time(&self, column: usize) -> f64 {
        (self.first as f64 + column as f64 * self.width) * self.dt
    }

    fn sums(&self) -> Vec<f64> {
        self.means.iter().map(|terms| terms.iter().sum()).collect()
    }

    /// Lowest and highest edge of the stack.
    fn range(&self) -> (f64, f64) {
        let edge = |sign: f64| {
            let sum = move |terms: &Vec<f64>| terms.iter().filter(|&&x| x * sign > 0.0).sum::<f64>();
            self.means.iter().map(sum)
        };
        let (low, high) = chart::range(edge(1.0).chain(edge(-1.0)));
        (low.min(0.0), high.max(0.0))
    }

    /// Per term: its part of the positive and of the negative stack, as (low, high) per column.
    fn bands(&self) -> Vec<[Vec<(f64, f64)>; 2]> {
        let terms = self.means.first().map_or(0, Vec::len);
        let mut stack = vec![[0.0f64; 2]; self.means.len()];
        (0..terms)
            .map(|term| {
                [0, 1].map(|side| {
                    let edges = self.means.iter().zip(&mut stack).map(|(means, stack)| {
                        let value = if side == 0 { means[term].max(0.0) } else { means[term].min(0.0) };
                        let from = stack[side];
                        stack[side] += value;
                        (from, from + value)
                    });
                    edges.collect()
                })
            })
            .collect()
    }
}

/// Steps from column to column, filled.
fn area(chart: &Chart, columns: &Columns, band: &[(f64, f64)], colour: Color32) -> Mesh {
    let mut mesh = Mesh::default();
    let colour = colour.gamma_multiply(0.75);
    for (column, &(from, to)) in band.iter().enumerate() {
        if from == to {
            continue;
        }
        let (left, right) = (chart.px(columns.time(column)), chart.px(columns.time(column + 1)));
        let (low, high) = (chart.py(from), chart.py(to));
        let first = mesh.vertices.len() as u32;
        for point in [(left, low), (right, low), (right, high), (left, high)] {
            mesh.colored_vertex(Pos2::new(point.0, point.1), colour);
        }
        mesh.add_triangle(first, first + 1, first + 2);
        mesh.add_triangle(first, first + 2, first + 3);
    }
    mesh
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positive_and_negative_terms_are_stacked_apart() {
        let columns = Columns {
            first: 0,
            width: 1.0,
            dt: 0.1,
            means: vec![vec![2.0, 1.0, -3.0], vec![-1.0, 1.0, 0.0]],
        };
        assert_eq!(columns.range(), (-3.0, 3.0));
        let bands = columns.bands();
        assert_eq!(bands[1][0], [(2.0, 3.0), (0.0, 1.0)]);
        assert_eq!(bands[2][1], [(0.0, -3.0), (-1.0, -1.0)]);
        assert_eq!(columns.sums(), [0.0, 0.0]);
    }
}
