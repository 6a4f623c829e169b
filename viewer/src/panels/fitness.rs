//! The run: learning curves, and which of its checkpoints is watched.

use std::sync::Arc;

use egui::{Color32, Mesh, Pos2, RichText, Sense, Stroke, Ui, Vec2};
use records::failure::told;
use records::folder::RunFolder;
use records::metrics::Metrics;

use crate::chart::{self, AXIS, Chart, GUTTER};
use crate::data::document::Document;
use crate::data::follow::{Follow, RunState, Wanted};
use crate::panels::{Cx, empty};
use crate::theme::Palette;

/// Colour of the first of other runs: those before are the run's own.
const FIRST: usize = 3;
/// Width of the list of other runs, points.
const LIST: f32 = 260.0;

/// Draws the panel.
pub fn show(ui: &mut Ui, cx: &mut Cx<'_>) {
    let palette = cx.palette;
    let generation = cx.document.generation;
    let Some(follow) = &cx.document.follow else {
        return empty(ui, "Open a run folder to see its learning curves");
    };
    let (wanted, compared) = header(ui, follow, generation, &palette);
    let picked = match &follow.metrics {
        Some(metrics) if !metrics.rows.is_empty() => {
            curves(ui, metrics, follow, Beside::of(cx.document), generation, &palette)
        }
        _ => {
            empty(ui, "No generation is finished yet");
            None
        }
    };
    if let Some(wanted) = wanted.or(picked)
        && let Err(error) = cx.document.want(wanted)
    {
        *cx.message = Some(told(&error));
    }
    match compared {
        Some(Compared::With(run)) => *cx.message = cx.document.add_curve(&run).err().as_ref().map(told),
        Some(Compared::WithNone) => cx.document.curves.clear(),
        None => {}
    }
}

/// What is to be compared with the run.
enum Compared {
    With(RunFolder),
    WithNone,
}

/// What is told beside the run's own curves.
struct Beside<'a> {
    /// Other runs.
    others: &'a [(String, Arc<Metrics>)],
    /// Control steps of an episode in training and in evaluation, if they differ: then so do their returns.
    lengths: Option<(usize, usize)>,
}

impl<'a> Beside<'a> {
    fn of(document: &'a Document) -> Self {
        Self { others: &document.curves, lengths: lengths(document) }
    }
}

fn lengths(document: &Document) -> Option<(usize, usize)> {
    let whole = document.live.as_ref()?.task().spec().horizon;
    let trained = document.config.rollout.horizon.unwrap_or(whole);
    (trained != whole).then_some((trained, whole))
}

/// State of the run and the choice of a checkpoint.
fn header(
    ui: &mut Ui,
    follow: &Follow,
    generation: Option<u64>,
    palette: &Palette,
) -> (Option<Wanted>, Option<Compared>) {
    let (mut chosen, mut compared) = (None, None);
    let (text, colour) = match follow.state {
        RunState::Running => ("unfinished", palette.series[2]),
        RunState::Finished => ("finished", palette.weak),
        RunState::Gone => ("folder is gone", palette.error),
    };
    let past = follow.generation().map(|last| format!("{last} generations"));
    chart::legend(ui, colour, text, past);
    ui.horizontal_wrapped(|ui| {
        ui.weak("watching");
        for (wanted, text) in [(Wanted::Latest, "newest"), (Wanted::Best, "best")] {
            if ui.selectable_label(follow.wanted == wanted, text).clicked() {
                chosen = Some(wanted);
            }
        }
        if let (Some(&first), Some(&last)) = (follow.generations.first(), follow.generations.last()) {
            let mut at = generation.unwrap_or(last).clamp(first, last);
            let slider = egui::Slider::new(&mut at, first..=last).show_value(false);
            let response = ui.add(slider).on_hover_text("checkpoints of single generations");
            if response.changed() {
                chosen = nearest(&follow.generations, at).map(Wanted::Generation);
            }
        }
        if let Some(generation) = generation {
            ui.label(format!("generation {generation}"));
        }
        let menu = ui.menu_button("Compare", |ui| {
            ui.set_min_width(LIST);
            egui::ScrollArea::vertical().max_height(360.0).show(ui, |ui| {
                let runs = follow.siblings();
                if runs.is_empty() {
                    ui.weak("There are no other runs in this one's folder.");
                } else if ui.button("with none").clicked() {
                    compared = Some(Compared::WithNone);
                }
                for run in runs {
                    let name = run.path().file_name().unwrap_or(run.path().as_os_str()).to_string_lossy();
                    if ui.button(name).clicked() {
                        compared = Some(Compared::With(run));
                    }
                }
            });
        });
        menu.response.on_hover_text("draws the curves of another run, too");
    });
    if let Some(trouble) = &follow.trouble {
        ui.label(RichText::new(trouble).small().color(palette.error));
    }
    (chosen, compared)
}

/// The generation with a checkpoint that is closest to `at`.
fn nearest(generations: &[u64], at: u64) -> Option<u64> {
    generations.iter().copied().min_by_key(|generation| generation.abs_diff(at))
}

/// The columns that are drawn.
struct Curves {
    generation: Vec<f64>,
    best: Vec<f64>,
    mean: Vec<f64>,
    std: Vec<f64>,
    evaluated: Vec<(f64, f64)>,
}

impl Curves {
    fn new(metrics: &Metrics) -> Self {
        let column = |name: &str| -> Vec<f64> {
            let values = metrics.column(name).unwrap_or_default();
            values.into_iter().map(|value| value.unwrap_or(f64::NAN)).collect()
        };
        let generation = column("generation");
        let pairs = generation.iter().copied().zip(column("eval_return_mean"));
        let evaluated = pairs.filter(|(_, value)| value.is_finite()).collect();
        Self {
            best: column("fitness_best"),
            mean: column("fitness_mean"),
            std: column("fitness_std"),
            generation,
            evaluated,
        }
    }

    /// What is drawn of another run: its evaluations, or the mean of its members if there are none.
    fn shown(&self) -> Vec<(f64, f64)> {
        if self.evaluated.is_empty() {
            return self.generation.iter().copied().zip(self.mean.iter().copied()).collect();
        }
        self.evaluated.clone()
    }

    /// What that is.
    fn measure(&self) -> &'static str {
        if self.evaluated.is_empty() { "mean of members" } else { "evaluation" }
    }
}

/// Draws the curves; a click picks the nearest checkpoint.
fn curves(
    ui: &mut Ui,
    metrics: &Metrics,
    follow: &Follow,
    Beside { others, lengths }: Beside<'_>,
    generation: Option<u64>,
    palette: &Palette,
) -> Option<Wanted> {
    let curves = Curves::new(metrics);
    let others: Vec<(&str, Curves)> =
        others.iter().map(|(name, metrics)| (name.as_str(), Curves::new(metrics))).collect();
    let colour = |index: usize| palette.series(FIRST + index);
    let [best, mean, evaluated] = [palette.series[2], palette.series[0], palette.series[1]];
    ui.horizontal_wrapped(|ui| {
        let last = |values: &[f64]| values.last().map(|&value| chart::short(value));
        chart::legend(ui, best, "best member", last(&curves.best));
        chart::legend(ui, mean, "mean ± std of members", last(&curves.mean));
        let value = curves.evaluated.last().map(|&(_, value)| chart::short(value));
        chart::legend(ui, evaluated, "evaluation", value);
        for (index, (name, curves)) in others.iter().enumerate() {
            let value = curves.shown().last().map(|&(_, value)| chart::short(value));
            let (name, tip) = (format!("{name}, {}", curves.measure()), "the other run");
            chart::legend(ui, colour(index), &name, value).on_hover_text(tip);
        }
        if let Some((trained, whole)) = lengths {
            let text = format!("members: {trained} steps, evaluation: {whole} steps");
            ui.weak(RichText::new(text).small());
        }
    });
    let size = Vec2::new(ui.available_width(), (ui.available_height() - AXIS - 4.0).max(40.0));
    let (outer, response) = ui.allocate_exact_size(size, Sense::click());
    let rect = outer.with_min_x(outer.left() + GUTTER).with_max_x(outer.right() - 8.0);
    let first = curves.generation.first().copied().unwrap_or(0.0);
    let ends = others.iter().filter_map(|(_, curves)| curves.generation.last().copied());
    let last = curves.generation.last().copied().into_iter().chain(ends).fold(first + 1.0, f64::max);
    let values = curves.best.iter().chain(&curves.mean).copied().chain(curves.evaluated.iter().map(|p| p.1));
    let theirs = others.iter().flat_map(|(_, curves)| curves.shown()).map(|point| point.1);
    let values = values.chain(theirs);
    let chart = Chart { rect, x: (first, last), y: chart::padded(chart::range(values)) };
    chart.grid(ui, palette, chart::short);
    let step = chart::tick_step(chart.x, f64::from(rect.width() / 80.0));
    chart.x_axis(ui, palette, |x| chart::number(x, step));
    ui.allocate_space(Vec2::new(1.0, AXIS));
    ui.painter_at(rect).add(egui::Shape::mesh(band(&chart, &curves, mean.gamma_multiply(0.18))));
    let points = |values: &[f64]| curves.generation.iter().copied().zip(values.to_vec()).collect::<Vec<_>>();
    chart.line(ui, points(&curves.best).into_iter(), Stroke::new(1.2, best));
    chart.line(ui, points(&curves.mean).into_iter(), Stroke::new(1.2, mean));
    for (index, (_, curves)) in others.iter().enumerate() {
        chart.line(ui, curves.shown().into_iter(), Stroke::new(1.5, colour(index)));
    }
    chart.line(ui, curves.evaluated.iter().copied(), Stroke::new(1.8, evaluated));
    if curves.evaluated.len() < 60 {
        for &(x, y) in &curves.evaluated {
            ui.painter().circle_filled(chart.at(x, y), 2.5, evaluated);
        }
    }
    if let Some(generation) = generation {
        let x = chart.px(generation as f64);
        ui.painter_at(rect).vline(x, rect.y_range(), Stroke::new(1.5, palette.accent));
    }
    let pointer = response.hover_pos()?;
    let at = chart.x_at(pointer.x).round().max(0.0);
    let row = curves.generation.partition_point(|&generation| generation < at);
    if let (Some(best), Some(mean)) = (curves.best.get(row), curves.mean.get(row)) {
        let text = format!("generation {at}\nbest {}\nmean {}", chart::short(*best), chart::short(*mean));
        response.clone().on_hover_text_at_pointer(text);
    }
    response.clicked().then(|| nearest(&follow.generations, at as u64).map(Wanted::Generation))?
}

/// Mean ± standard deviation.
fn band(chart: &Chart, curves: &Curves, colour: Color32) -> Mesh {
    let mut mesh = Mesh::default();
    let mut before: Option<u32> = None;
    for ((&x, &mean), &std) in curves.generation.iter().zip(&curves.mean).zip(&curves.std) {
        let (low, high) = (chart.at(x, mean - std), chart.at(x, mean + std));
        if !(low.y.is_finite() && high.y.is_finite()) {
            before = None;
            continue;
        }
        let first = mesh.vertices.len() as u32;
        mesh.colored_vertex(Pos2::new(low.x, low.y), colour);
        mesh.colored_vertex(Pos2::new(high.x, high.y), colour);
        if let Some(before) = before {
            mesh.add_triangle(before, before + 1, first);
            mesh.add_triangle(before + 1, first + 1, first);
        }
        before = Some(first);
    }
    mesh
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slider_snaps_to_checkpoints() {
        assert_eq!(nearest(&[10, 20, 40], 31), Some(40));
        assert_eq!(nearest(&[10, 20, 40], 0), Some(10));
        assert_eq!(nearest(&[], 5), None);
    }
}
