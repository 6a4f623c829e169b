//! The selected neuron: its membrane potential with the threshold, and its spikes.

use egui::{Align2, Pos2, Stroke, Ui};

use crate::chart::{self, AXIS};
use crate::data::recording::{Layer, Recording, Series};
use crate::panels::{Cx, empty};

/// Height of the spikes above the curve.
const SPIKES: f32 = 12.0;
/// Room that the captions of the two lines take.
const CURVE: f32 = 180.0;
const THRESHOLD: f32 = 85.0;

/// Draws the panel.
pub fn show(ui: &mut Ui, cx: &mut Cx<'_>) {
    let duration = cx.duration();
    let recording = cx.document.recording();
    let Some((name, neuron)) = cx.selection.neuron.clone().or_else(|| first(recording)) else {
        return empty(ui, "Click a neuron in the network or in the spikes");
    };
    let Some(layer) = recording.layers.iter().find(|layer| layer.name == name && neuron < layer.neurons)
    else {
        return empty(ui, "This neuron has no membrane: choose one of a layer");
    };
    let Some(found) = ["membrane", "v", "r", "y"].into_iter().find_map(|name| layer.series(name)) else {
        return empty(ui, "Nothing was recorded of this neuron");
    };
    let threshold = layer.series("threshold");
    let window = cx.timeline.visible(duration);
    let dt = recording.header.control_dt;
    let steps = (window.0 / dt).max(0.0) as usize..((window.1 / dt) as usize + 2).min(recording.steps());
    let values = |(series, per_step): (&Series, usize)| -> Vec<(f64, f64)> {
        let rows = steps.start * per_step..steps.end * per_step;
        let at = |row: usize| (row as f64 + 1.0) * dt / per_step as f64;
        let value = |row: usize| series.value(row, neuron, layer.neurons, per_step).map(f64::from);
        rows.filter_map(|row| Some((at(row), value(row)?))).collect()
    };
    let membrane = values(found);
    let limit = threshold.map(values).unwrap_or_default();
    let y = chart::range(membrane.iter().chain(&limit).map(|point| point.1));

    let about = About::new(layer, neuron, steps.clone(), found, recording, cx.timeline.time);
    header(ui, &about, cx);
    let recording = cx.document.recording();
    let Some(layer) = recording.layers.iter().find(|layer| layer.name == name) else { return };
    let height = ui.available_height() - AXIS - 4.0;
    let mut chart = chart::over_time(ui, cx.timeline, duration, height, y);
    let top = chart.rect.top();
    chart.rect.min.y += SPIKES + 2.0;
    chart.grid(ui, &cx.palette, chart::short);
    let painter = ui.painter_at(chart.rect.with_min_y(top));
    let colour = cx.palette.layer(recording, &name);
    chart.line(ui, limit.into_iter(), Stroke::new(1.0, cx.palette.minus));
    chart.line(ui, membrane.into_iter(), Stroke::new(1.4, colour));
    let tick = dt / layer.ticks.max(1) as f64;
    for at in layer.spikes.of(neuron, steps) {
        // A spike of a tick is in its new state, which the curve has at the end of the tick.
        let x = chart.px((at + if layer.continuous { 0.0 } else { 1.0 }) * tick);
        painter.vline(x, top..=top + SPIKES, Stroke::new(1.4, cx.palette.text));
    }
    if layer.spiking() {
        let label = Pos2::new(chart.rect.left() - 6.0, top + SPIKES / 2.0);
        ui.painter().text(label, Align2::RIGHT_CENTER, "spikes", cx.palette.small(), cx.palette.weak);
    }
    chart::cursor(ui, &chart, cx.timeline, &cx.palette);
    chart::time_axis(ui, &chart, &cx.palette);
}

/// What the header says of a neuron.
struct About {
    layer: String,
    neuron: usize,
    neurons: usize,
    /// Spikes per second in the visible part; none if it does not spike.
    rate: Option<f64>,
    /// What the curve shows, its number and its value under the cursor.
    curve: String,
    now: Option<f32>,
}

impl About {
    fn new(
        layer: &Layer,
        neuron: usize,
        steps: std::ops::Range<usize>,
        (series, per_step): (&Series, usize),
        recording: &Recording,
        time: f64,
    ) -> Self {
        let seconds = steps.len() as f64 * recording.header.control_dt;
        let spikes = layer.spikes.of(neuron, steps).count();
        let row = ((recording.step_at(time) + 1) * per_step).saturating_sub(1);
        let curve = match series.name.as_str() {
            "membrane" => "membrane potential",
            "v" => "membrane potential after each step",
            "y" | "r" => "output",
            name => name,
        };
        Self {
            layer: layer.name.clone(),
            neuron,
            neurons: layer.neurons,
            rate: (layer.spiking() && seconds > 0.0).then(|| spikes as f64 / seconds),
            curve: curve.to_owned(),
            now: series.value(row, neuron, layer.neurons, per_step),
        }
    }
}

/// Name, rate, neighbours, legend.
fn header(ui: &mut Ui, about: &About, cx: &mut Cx<'_>) {
    let &About { ref layer, neuron, neurons, .. } = about;
    let mut next = neuron;
    ui.horizontal(|ui| {
        if step(ui, "‹", "previous neuron") {
            next = (neuron + neurons - 1) % neurons;
        }
        if step(ui, "›", "next neuron") {
            next = (neuron + 1) % neurons;
        }
        ui.strong(format!("{layer} · {neuron}"));
        if let Some(rate) = about.rate {
            ui.weak(format!("{rate:.1} spikes/s"));
        }
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            // In a narrow panel only what has room.
            let room = ui.available_width();
            if about.rate.is_some() && room > THRESHOLD + CURVE {
                chart::legend(ui, cx.palette.minus, "threshold", None);
            }
            if room > CURVE {
                let value = about.now.map(|v| format!("{v:+.3}"));
                let colour = cx.palette.layer(cx.document.recording(), layer);
                chart::legend(ui, colour, &about.curve, value);
            }
        });
    });
    if next != neuron {
        cx.selection.neuron = Some((layer.clone(), next));
    }
}

/// A button with a sign, named for those who cannot see it.
fn step(ui: &mut Ui, sign: &str, name: &str) -> bool {
    let response = ui.small_button(sign).on_hover_text(name);
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, name));
    response.clicked()
}

/// What is shown if nothing is selected: the first neuron that spikes.
fn first(recording: &Recording) -> Option<(String, usize)> {
    let layer = recording.layers.iter().find(|layer| layer.spiking()).or(recording.layers.first())?;
    let neuron = layer.spikes.events(0..usize::MAX).next().map_or(0, |(_, neuron)| usize::from(neuron));
    Some((layer.name.clone(), neuron))
}
