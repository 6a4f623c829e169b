//! Any channels of the episode in one plot, with those of the ghosts beside them.

use egui::{Stroke, Ui};

use crate::chart::{self, AXIS};
use crate::data::channel::{Channel, Found};
use crate::data::document::Ghost;
use crate::panels::{Cx, empty};

/// Channels shown at most: more have no colours of their own.
const MOST: usize = 8;
/// Width of the menu's lists, points.
const LIST: f32 = 220.0;

/// A line of the plot.
struct Line<'a> {
    found: Found<'a>,
    dt: f64,
    steps: usize,
    stroke: Stroke,
}

/// Draws the panel.
pub fn show(ui: &mut Ui, cx: &mut Cx<'_>) {
    choose(ui, cx);
    if cx.settings.plotted.is_empty() {
        return empty(ui, "Choose a channel at the top");
    }
    if cx.document.recording().steps() == 0 {
        return empty(ui, "No step yet: press Space");
    }
    let (duration, palette) = (cx.duration(), cx.palette);
    let window = cx.timeline.visible(duration);
    let document = &*cx.document;
    let mut lines: Vec<Line<'_>> = Vec::new();
    for (index, channel) in cx.settings.plotted.iter().enumerate() {
        let own = [(document.recording(), None)];
        let ghosts = document.ghosts.iter().map(Ghost::recording).zip((1..).map(Some));
        for (recording, ghost) in own.into_iter().chain(ghosts) {
            let Some(found) = channel.find(recording, &document.model) else { continue };
            // Of one channel each episode has the colour that it has in the scene; of several, each channel has one.
            let stroke = match ghost {
                None => Stroke::new(1.6, palette.series(index)),
                Some(ghost) if cx.settings.plotted.len() == 1 => Stroke::new(1.2, palette.series(ghost)),
                Some(_) => Stroke::new(1.0, palette.series(index).gamma_multiply(0.5)),
            };
            lines.push(Line { found, dt: recording.header.control_dt, steps: recording.steps(), stroke });
        }
    }
    if lines.is_empty() {
        return empty(ui, "This episode has none of these channels");
    }
    let points = |line: &Line<'_>| -> Vec<(f64, f64)> {
        let (first, last) = ((window.0 / line.dt).max(0.0) as usize, (window.1 / line.dt) as usize + 2);
        let steps = first..last.min(line.steps);
        steps.filter_map(|step| Some((step as f64 * line.dt, line.found.value(step)?))).collect()
    };
    let curves: Vec<(Vec<(f64, f64)>, Stroke)> =
        lines.iter().map(|line| (points(line), line.stroke)).collect();
    let range = chart::range(curves.iter().flat_map(|(points, _)| points.iter().map(|point| point.1)));
    let height = ui.available_height() - AXIS - 4.0;
    let chart = chart::over_time(ui, cx.timeline, duration, height, range);
    chart.grid(ui, &palette, chart::short);
    // The robot's own on top.
    for (points, stroke) in curves.into_iter().rev() {
        chart.line(ui, points.into_iter(), stroke);
    }
    chart::cursor(ui, &chart, cx.timeline, &palette);
    chart::time_axis(ui, &chart, &palette);
}

/// What is plotted, with its values under the cursor, and the list of what can be.
fn choose(ui: &mut Ui, cx: &mut Cx<'_>) {
    let (document, step, palette) = (&*cx.document, cx.step(), cx.palette);
    let plotted = &mut cx.settings.plotted;
    let mut gone = None;
    ui.horizontal_wrapped(|ui| {
        ui.menu_button("Channels", |ui| {
            for (group, channels) in Channel::all(document.recording(), &document.model) {
                ui.menu_button(group, |ui| {
                    egui::ScrollArea::vertical().max_height(360.0).show(ui, |ui| {
                        ui.set_min_width(LIST);
                        for channel in channels {
                            let at = plotted.iter().position(|other| *other == channel);
                            let mut on = at.is_some();
                            let free = on || plotted.len() < MOST;
                            if ui.add_enabled(free, egui::Checkbox::new(&mut on, channel.label())).changed() {
                                match at {
                                    Some(at) => drop(plotted.remove(at)),
                                    None => plotted.push(channel),
                                }
                            }
                        }
                    });
                });
            }
        });
        for (index, channel) in plotted.iter().enumerate() {
            let value =
                channel.find(document.recording(), &document.model).and_then(|found| found.value(step));
            let value = value.map_or_else(|| "–".to_owned(), |value| format!("{value:+.3}"));
            chart::legend(ui, palette.series(index), &channel.label(), Some(value));
            let close = ui.small_button("×");
            if close.on_hover_text("takes it out of the plot").clicked() {
                gone = Some(index);
            }
        }
        if plotted.len() == 1 {
            for (index, ghost) in document.ghosts.iter().enumerate() {
                chart::legend(ui, palette.series(index + 1), &ghost.name, None);
            }
        } else if !document.ghosts.is_empty() {
            ui.weak(egui::RichText::new("pale: ghosts").small());
        }
    });
    if let Some(gone) = gone {
        plotted.remove(gone);
    }
}
