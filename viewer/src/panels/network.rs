//! The network: neurons that light up when they spike, and the strongest connections.

use std::collections::BTreeMap;

use egui::{Align2, Color32, Pos2, Rect, Sense, Stroke, Ui, Vec2};

use crate::chart::elided;
use crate::data::brain::Brain;
use crate::data::recording::{Layer, Recording};
use crate::panels::{Cx, empty};
use crate::theme::{GAP, Palette, size};

/// Connections drawn at most, if no neuron is selected.
const STRONGEST: usize = 260;
/// Connections drawn at most of a selected neuron.
const OWN: usize = 80;
/// Height of the legend, points.
const LEGEND: f32 = 18.0;
/// Room for a sign in it, points.
const SIGN: f32 = 15.0;
/// Width of a neuron's rim, points.
const RIM: f32 = 0.8;
/// Light that cannot be seen.
const DARK: f32 = 0.01;
/// How fast a neuron's light goes out, s.
const FADE: f64 = 0.12;

/// The strongest connections.
#[derive(Default)]
pub struct Cache {
    key: Option<(u64, Option<(usize, usize)>)>,
    lines: Vec<Line>,
    revision: u64,
    /// Largest sizes of what populations without spikes show.
    peaks: BTreeMap<String, Peaks>,
}

/// The largest size of each column of an array that grows.
#[derive(Default)]
struct Peaks {
    recording: u64,
    /// Numbers that have been looked at.
    seen: usize,
    largest: Vec<f32>,
}

impl Peaks {
    /// Looks at what has been added to `values`, rows of `size` numbers.
    fn of(&mut self, recording: &Recording, values: &[f32], size: usize) -> &[f32] {
        if self.recording != recording.id() || self.largest.len() != size || self.seen > values.len() {
            *self = Self { recording: recording.id(), seen: 0, largest: vec![1e-6; size] };
        }
        for row in values[self.seen..].chunks_exact(size.max(1)) {
            let largest = self.largest.iter_mut().zip(row);
            largest.for_each(|(most, x)| *most = most.max(x.abs()));
        }
        self.seen = values.len();
        &self.largest
    }
}

impl Cache {
    /// Forgets the connections: there are other weights now.
    pub fn clear(&mut self) {
        self.revision += 1;
    }
}

/// A connection: population and number of both ends, and its weight relative to the largest shown.
#[derive(Clone, Copy, Debug)]
struct Line {
    from: (usize, usize),
    to: (usize, usize),
    strength: f32,
}

/// Draws the panel.
pub fn show(ui: &mut Ui, cx: &mut Cx<'_>) {
    if cx.document.brain.populations.is_empty() {
        return empty(ui, "The file does not hold the controller's parameters");
    }
    let palette = cx.palette;
    let (rect, response) = ui.allocate_exact_size(ui.available_size(), Sense::click());
    let brain = &cx.document.brain;
    let spiking = cx.document.recording().layers.iter().any(Layer::spiking);
    let told = legend(ui, rect, spiking, &palette);
    let plan = Plan::new(brain, rect.with_min_y(rect.top() + told).shrink2(Vec2::new(4.0, 2.0)));
    let selected =
        cx.selection.neuron.as_ref().and_then(|(name, index)| Some((brain.population(name)?, *index)));
    refresh(cx.caches.of::<Cache>(), brain, selected);
    let painter = ui.painter_at(rect);
    for line in &cx.caches.of::<Cache>().lines {
        let (Some(from), Some(to)) = (plan.at(line.from), plan.at(line.to)) else { continue };
        let colour = if line.strength > 0.0 { palette.plus } else { palette.minus };
        let size = line.strength.abs();
        // A whole network is a haze, a neuron's own connections are clear.
        let alpha = if selected.is_some() { 0.15 + 0.6 * size } else { 0.04 + 0.34 * size };
        let stroke = Stroke::new(0.4 + 1.1 * size, colour.gamma_multiply(alpha));
        if line.from.0 == line.to.0 {
            let bulge = Vec2::new(plan.radius * 2.0 + 0.18 * (to.y - from.y).abs(), 0.0);
            let points = [from, from + bulge, to + bulge, to];
            painter.add(egui::epaint::CubicBezierShape::from_points_stroke(
                points,
                false,
                Color32::TRANSPARENT,
                stroke,
            ));
        } else {
            painter.line_segment([from, to], stroke);
        }
    }
    let recording = cx.document.recording();
    for (index, population) in brain.populations.iter().enumerate() {
        let peaks = cx.caches.of::<Cache>().peaks.entry(population.name.clone()).or_default();
        let light = light(recording, peaks, &population.name, population.neurons, cx.timeline.time);
        let colour = palette.layer(recording, &population.name);
        for neuron in 0..population.neurons {
            let Some(at) = plan.at((index, neuron)) else { continue };
            let light = light.get(neuron).copied().unwrap_or_default();
            let off = if palette.dark { palette.grid } else { palette.base };
            // What rests is seen, too.
            painter.circle(at, plan.radius, off, Stroke::new(RIM, palette.weak.gamma_multiply(0.55)));
            if light.abs() > DARK {
                painter.circle_filled(at, plan.radius - RIM / 2.0, lit(colour, light, &palette));
            }
            if selected == Some((index, neuron)) {
                painter.circle_stroke(at, plan.radius + 2.0, Stroke::new(1.6, palette.text));
            }
        }
        let label = Pos2::new(plan.columns[index].rect.center().x, rect.bottom() - 2.0);
        let text = format!("{} · {}", population.name, population.neurons);
        let text = elided(ui, &text, size::SMALL, palette.weak, plan.share - GAP);
        let place = Align2::CENTER_BOTTOM.anchor_size(label, text.size());
        painter.galley(place.min, text, palette.weak);
    }
    let hit = response.hover_pos().and_then(|pointer| plan.hit(brain, pointer));
    if let Some((population, neuron)) = hit {
        let name = brain.populations[population].name.clone();
        let label = label(recording, &name, neuron, cx.timeline.time);
        if response.clicked() {
            cx.selection.neuron = Some((name, neuron));
        }
        response.on_hover_text_at_pointer(label);
    } else if response.clicked() {
        cx.selection.neuron = None;
    }
}

/// Says what the colours mean, in as many words as have room; returns the height that it takes.
fn legend(ui: &Ui, rect: Rect, spiking: bool, palette: &Palette) -> f32 {
    let neuron = if spiking { palette.series(0) } else { palette.weak };
    let entries = [
        (Mark::Line(palette.plus), "positive weight"),
        (Mark::Line(palette.minus), "negative weight"),
        (Mark::Ring, if spiking { "at rest" } else { "zero" }),
        (Mark::Dot(neuron), if spiking { "spikes" } else { "positive value" }),
        (Mark::Dot(palette.minus), "negative value"),
    ];
    let painter = ui.painter_at(rect);
    let middle = rect.top() + LEGEND / 2.0;
    let mut left = rect.left() + 4.0;
    for (mark, text) in entries {
        let text = painter.layout_no_wrap(text.to_owned(), palette.small(), palette.weak);
        let right = left + SIGN + text.size().x;
        if right > rect.right() {
            break;
        }
        let at = Pos2::new(left + 5.0, middle);
        match mark {
            Mark::Line(colour) => {
                let half = Vec2::new(5.0, 0.0);
                painter.line_segment([at - half, at + half], Stroke::new(1.6, colour));
            }
            Mark::Dot(colour) => {
                painter.circle_filled(at, 4.0, colour);
            }
            Mark::Ring => {
                painter.circle_stroke(at, 4.0, Stroke::new(RIM, palette.weak.gamma_multiply(0.55)));
            }
        }
        painter.galley(Pos2::new(left + SIGN, middle - text.size().y / 2.0), text, palette.weak);
        left = right + 2.0 * GAP;
    }
    LEGEND
}

/// A sign in the legend.
enum Mark {
    Line(Color32),
    Dot(Color32),
    Ring,
}

/// Where the neurons are.
struct Plan {
    columns: Vec<Column>,
    radius: f32,
    /// Width that each population has for itself, with its label.
    share: f32,
}

/// A population: a block of rows and columns of neurons.
struct Column {
    rect: Rect,
    rows: usize,
    across: usize,
    neurons: usize,
}

impl Plan {
    fn new(brain: &Brain, rect: Rect) -> Self {
        let rect = rect.with_max_y(rect.bottom() - 18.0);
        let count = brain.populations.len().max(1);
        let width = rect.width() / count as f32;
        let mut columns = Vec::with_capacity(count);
        let mut pitch = 28.0f32;
        for (index, population) in brain.populations.iter().enumerate() {
            let left = rect.left() + index as f32 * width;
            let area = Rect::from_min_size(Pos2::new(left, rect.top()), Vec2::new(width, rect.height()));
            // As square as the room for it, and at most half as wide as its share.
            let room = Vec2::new(width * 0.6, area.height());
            let mut across = 1;
            while across < population.neurons
                && room.y / (population.neurons.div_ceil(across) as f32) < room.x / (across + 1) as f32
            {
                across += 1;
            }
            let rows = population.neurons.div_ceil(across).max(1);
            pitch = pitch.min(area.height() / rows as f32).min(room.x / across as f32);
            columns.push(Column { rect: area, rows, across, neurons: population.neurons });
        }
        let mut plan = Self { columns, radius: (pitch * 0.36).clamp(1.0, 8.0), share: width };
        for column in &mut plan.columns {
            let size = Vec2::new(column.across as f32, column.rows as f32) * pitch;
            // Small populations spread out a little.
            let stretch = (column.rect.height() / size.y).clamp(1.0, 1.6);
            let size = Vec2::new(size.x, size.y * stretch);
            column.rect = Rect::from_center_size(column.rect.center(), size);
        }
        plan
    }

    fn at(&self, (population, neuron): (usize, usize)) -> Option<Pos2> {
        let column = self.columns.get(population).filter(|column| neuron < column.neurons)?;
        let (row, across) = (neuron % column.rows, neuron / column.rows);
        let cell = column.rect.size() / Vec2::new(column.across as f32, column.rows as f32);
        Some(column.rect.min + Vec2::new((across as f32 + 0.5) * cell.x, (row as f32 + 0.5) * cell.y))
    }

    fn hit(&self, brain: &Brain, pointer: Pos2) -> Option<(usize, usize)> {
        let all = brain.populations.iter().enumerate();
        let all =
            all.flat_map(|(index, population)| (0..population.neurons).map(move |neuron| (index, neuron)));
        let near = all.filter_map(|place| Some((self.at(place)?.distance(pointer), place)));
        let (distance, place) = near.min_by(|a, b| a.0.total_cmp(&b.0))?;
        (distance <= self.radius + 4.0).then_some(place)
    }
}

/// Chooses the connections to draw: the strongest of all, or those of the selected neuron.
fn refresh(cache: &mut Cache, brain: &Brain, selected: Option<(usize, usize)>) {
    let key = (cache.revision, selected);
    if cache.key == Some(key) {
        return;
    }
    cache.key = Some(key);
    let touches = |from: (usize, usize), to: (usize, usize)| selected.is_none_or(|s| s == from || s == to);
    let mut lines: Vec<Line> = Vec::new();
    for projection in &brain.projections {
        // Each projection by its own largest weight: gains differ between them.
        let largest = projection.weights.iter().map(|w| w.2.abs()).fold(1e-9, f32::max);
        let own = projection.weights.iter().filter_map(|&(pre, post, weight)| {
            let (from, to) = ((projection.from, usize::from(pre)), (projection.to, usize::from(post)));
            touches(from, to).then_some(Line { from, to, strength: weight / largest })
        });
        lines.extend(own);
    }
    lines.sort_by(|a, b| b.strength.abs().total_cmp(&a.strength.abs()));
    lines.truncate(if selected.is_some() { OWN } else { STRONGEST });
    // The strongest on top.
    lines.reverse();
    cache.lines = lines;
}

/// How brightly each neuron of a population shines at a time: 0 to 1, negative for negative values.
fn light(recording: &Recording, peaks: &mut Peaks, name: &str, neurons: usize, time: f64) -> Vec<f32> {
    let dt = recording.header.control_dt;
    let step = recording.step_at(time);
    let mut scaled = |values: &[f32], size: usize| -> Vec<f32> {
        let row = Recording::row(values, size, step);
        row.iter().zip(peaks.of(recording, values, size)).map(|(x, largest)| x / largest).collect()
    };
    if name == "input" {
        let size = recording.header.observations.len();
        let values = scaled(&recording.observations, size);
        // An encoder with several sources per observation lights them all.
        return (0..neurons)
            .map(|n| values.get(n * size / neurons.max(1)).copied().unwrap_or_default())
            .collect();
    }
    if name == "readout" && neurons == recording.header.actions.len() {
        return scaled(&recording.actions, neurons);
    }
    let mut light = vec![0.0f32; neurons];
    let Some(layer) = recording.layers.iter().find(|layer| layer.name == name) else { return light };
    if !layer.spiking() {
        if let Some(state) = layer.states.first() {
            return scaled(&state.values, layer.neurons);
        }
        return light;
    }
    let tick = dt / layer.ticks as f64;
    let back = (4.0 * FADE / dt).ceil() as usize;
    for (at, neuron) in layer.spikes.events(step.saturating_sub(back)..step + 1) {
        let age = time - at * tick;
        if age >= 0.0
            && let Some(light) = light.get_mut(usize::from(neuron))
        {
            *light = light.max((-age / FADE).exp() as f32);
        }
    }
    light
}

fn lit(colour: Color32, light: f32, palette: &Palette) -> Color32 {
    let amount = light.abs().clamp(0.0, 1.0);
    let target = if light < 0.0 { palette.minus } else { colour };
    let bright = if palette.dark && amount > 0.6 {
        target.lerp_to_gamma(Color32::WHITE, (amount - 0.6) * 1.2)
    } else {
        target
    };
    bright.gamma_multiply(amount)
}

/// Name of a neuron, and what it holds at a time.
fn label(recording: &Recording, name: &str, neuron: usize, time: f64) -> String {
    let (step, header) = (recording.step_at(time), &recording.header);
    let channel = |names: &[String], values: &[f32]| {
        let value = Recording::row(values, names.len(), step).get(neuron)?;
        Some(format!("{name} · {}: {value:.3}", names.get(neuron)?))
    };
    let known = match name {
        "input" => channel(&header.observations, &recording.observations),
        "readout" => channel(&header.actions, &recording.actions),
        _ => None,
    };
    known.unwrap_or_else(|| {
        let layer = recording.layers.iter().find(|layer| layer.name == name);
        let states = layer.into_iter().flat_map(|layer| {
            layer.states.iter().filter_map(move |state| {
                let value = state.value(step, neuron, layer.neurons, 1)?;
                Some(format!("  {} {value:.3}", state.name))
            })
        });
        let rate = layer.filter(|layer| layer.spiking() && recording.steps() > 0).map(|layer| {
            let spikes = layer.spikes.of(neuron, 0..recording.steps()).count();
            format!("  {:.1} spikes/s", spikes as f64 / recording.duration())
        });
        format!("{name} · neuron {neuron}") + &states.collect::<String>() + &rate.unwrap_or_default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::recording::{Header, Series};

    #[test]
    fn tooltips_hold_names_and_values() {
        let header = Header {
            control_dt: 0.5,
            observations: vec!["height".into(), "speed".into()],
            actions: vec!["hip".into()],
            ..Header::default()
        };
        let mut recording = Recording::new(header, &[]);
        let states = vec![Series { name: "v".into(), values: vec![0.1, 0.2, 0.3, -0.75], forgotten: 0 }];
        recording.layers = vec![Layer { name: "hidden.0".into(), neurons: 2, states, ..Layer::default() }];
        for step in 0..2 {
            recording.push(&crate::data::recording::Row {
                qpos: &[],
                observation: &[1.0, step as f32],
                action: &[0.25],
                terms: &[],
                push: None,
                contacts: &[],
                goals: &[],
            });
        }
        let said = |name: &str, neuron: usize| label(&recording, name, neuron, 0.7);
        assert_eq!(said("input", 1), "input · speed: 1.000");
        assert_eq!(said("readout", 0), "readout · hip: 0.250");
        assert_eq!(said("hidden.0", 1), "hidden.0 · neuron 1  v -0.750");
        assert_eq!(said("other", 3), "other · neuron 3");
    }
}
