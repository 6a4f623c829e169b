//! Spikes of all neurons over time, by layer, with firing rates at the right.
//!
//! The spikes are one picture, redrawn only if the visible part or the recording has changed: a
//! million of them cost a few milliseconds then, and nothing while the cursor moves.

use egui::{Align2, Color32, ColorImage, Pos2, Rect, Sense, Stroke, TextureHandle, TextureOptions, Ui, Vec2};

use crate::chart::{self, AXIS, Chart, GUTTER, RIGHT};
use crate::data::recording::{Layer, Recording};
use crate::panels::{Cx, empty};
use crate::theme::Palette;

/// Space between layers.
const BETWEEN: f32 = 6.0;

/// The picture and what it shows.
#[derive(Default)]
pub struct Cache {
    texture: Option<TextureHandle>,
    key: Option<Key>,
    /// Per layer and neuron: spikes per second within the visible part.
    rates: Vec<Vec<f32>>,
}

#[derive(Clone, Debug, PartialEq)]
struct Key {
    recording: (u64, usize, usize),
    window: (f64, f64),
    size: [usize; 2],
    dark: bool,
}

/// Rows of the picture that one layer takes, and its place on screen.
struct Band<'a> {
    layer: &'a Layer,
    rows: std::ops::Range<usize>,
    rect: Rect,
}

/// Draws the panel.
pub fn show(ui: &mut Ui, cx: &mut Cx<'_>) {
    let duration = cx.duration();
    let recording = cx.document.recording();
    let layers: Vec<&Layer> = recording.layers.iter().filter(|layer| layer.spiking()).collect();
    if layers.is_empty() {
        let text = if recording.steps() == 0 {
            "No step yet: press Space"
        } else {
            "This controller does not spike: see what it does in Network, Observations, Actions and Plot"
        };
        return empty(ui, text);
    }
    let size = Vec2::new(ui.available_width(), (ui.available_height() - AXIS - 4.0).max(40.0));
    let (outer, response) = ui.allocate_exact_size(size, Sense::click_and_drag());
    let plot = Rect::from_min_max(
        Pos2::new(outer.left() + GUTTER, outer.top()),
        Pos2::new((outer.right() - RIGHT).max(outer.left() + GUTTER + 10.0), outer.bottom()),
    );
    let chart = Chart { rect: plot, x: cx.timeline.visible(duration), y: (0.0, 1.0) };
    let pixels = ui.pixels_per_point();
    let bands = bands(&layers, plot, pixels);
    refresh(ui, cx.caches.of::<Cache>(), recording, &bands, &chart, &cx.palette);
    draw(ui, cx.caches.of::<Cache>(), &bands, &chart, &cx.palette, recording);

    let hit = response.hover_pos().and_then(|at| neuron_at(&bands, at));
    if let Some((layer, neuron)) = hit {
        let rate = cx.caches.of::<Cache>().rates.get(layer).and_then(|rates| rates.get(neuron)).copied();
        let name = layers[layer].name.clone();
        if response.clicked() {
            cx.selection.neuron = Some((name.clone(), neuron));
        }
        let rate = rate.unwrap_or_default();
        response.clone().on_hover_text_at_pointer(format!("{name}, neuron {neuron}: {rate:.1} spikes/s"));
    }
    for band in &bands {
        if let Some(neuron) = cx.selection.in_layer(&band.layer.name) {
            let height = band.rect.height() / band.layer.neurons.max(1) as f32;
            let y = band.rect.top() + (neuron as f32 + 0.5) * height;
            let mark =
                Rect::from_x_y_ranges(plot.x_range(), y - height.max(2.0) / 2.0..=y + height.max(2.0) / 2.0);
            ui.painter().rect_filled(mark, 0.0, cx.palette.accent.gamma_multiply(0.22));
        }
    }
    chart::navigate(ui, &response, &chart, cx.timeline, duration);
    chart::cursor(ui, &chart, cx.timeline, &cx.palette);
    chart::time_axis(ui, &chart, &cx.palette);
}

/// Divides the plot among the layers, by their numbers of neurons.
fn bands<'a>(layers: &[&'a Layer], plot: Rect, pixels: f32) -> Vec<Band<'a>> {
    let total: usize = layers.iter().map(|layer| layer.neurons).sum();
    let room = plot.height() - BETWEEN * (layers.len() - 1) as f32;
    let (mut y, mut row) = (plot.top(), 0);
    let band = |&layer: &&'a Layer| {
        let height = room * layer.neurons as f32 / total.max(1) as f32;
        let rect = Rect::from_x_y_ranges(plot.x_range(), y..=y + height);
        let rows = layer.neurons.min((height * pixels).round().max(1.0) as usize);
        let band = Band { layer, rows: row..row + rows, rect };
        y += height + BETWEEN;
        row += rows;
        band
    };
    layers.iter().map(band).collect()
}

fn neuron_at(bands: &[Band<'_>], at: Pos2) -> Option<(usize, usize)> {
    let index = bands.iter().position(|band| band.rect.contains(at))?;
    let band = &bands[index];
    let part = (at.y - band.rect.top()) / band.rect.height();
    Some((index, ((part * band.layer.neurons as f32) as usize).min(band.layer.neurons - 1)))
}

/// Draws the picture anew if what it shows has changed.
fn refresh(
    ui: &Ui,
    cache: &mut Cache,
    recording: &Recording,
    bands: &[Band<'_>],
    chart: &Chart,
    palette: &Palette,
) {
    let width = (chart.rect.width() * ui.pixels_per_point()).round().clamp(1.0, 8192.0) as usize;
    let height = bands.last().map_or(1, |band| band.rows.end).clamp(1, 8192);
    let spikes: usize = bands.iter().map(|band| band.layer.spikes.len()).sum();
    let key = Key {
        recording: (recording.id(), recording.steps(), spikes),
        window: chart.x,
        size: [width, height],
        dark: palette.dark,
    };
    if cache.key.as_ref() == Some(&key) {
        return;
    }
    let mut image = ColorImage::filled([width, height], Color32::TRANSPARENT);
    cache.rates.clear();
    for band in bands {
        let colour = palette.layer(recording, &band.layer.name);
        let rates = paint(&mut image, band, recording, chart.x, colour);
        cache.rates.push(rates);
    }
    let options = TextureOptions::NEAREST;
    match &mut cache.texture {
        Some(texture) => texture.set(image, options),
        texture => *texture = Some(ui.ctx().load_texture("spikes", image, options)),
    }
    cache.key = Some(key);
}

/// Paints one layer's spikes and counts them per neuron.
fn paint(
    image: &mut ColorImage,
    band: &Band<'_>,
    recording: &Recording,
    window: (f64, f64),
    colour: Color32,
) -> Vec<f32> {
    let [width, _] = image.size;
    let layer = band.layer;
    let dt = recording.header.control_dt;
    let tick = dt / layer.ticks as f64;
    let per_second = width as f64 / (window.1 - window.0);
    // A spike is as wide as its tick, but at least a pixel and at most a few. In continuous time it has no width.
    let most = if layer.continuous { 1 } else { 4 };
    let wide = ((tick * per_second * 0.7) as usize).clamp(1, most);
    let first = (window.0 / dt).floor().max(0.0) as usize;
    let last = (window.1 / dt).ceil().max(0.0) as usize;
    let mut counts = vec![0u32; layer.neurons];
    let rows = band.rows.len();
    for (at, neuron) in layer.spikes.events(first..last) {
        let neuron = usize::from(neuron);
        counts[neuron] += 1;
        let x = ((at * tick - window.0) * per_second).floor();
        let row = band.rows.start + neuron * rows / layer.neurons;
        for column in 0..wide {
            let x = x + column as f64;
            if x >= 0.0 && x < width as f64 {
                let pixel = &mut image.pixels[row * width + x as usize];
                // Several spikes in one pixel make it brighter.
                let alpha = if pixel.a() == 0 { 190 } else { pixel.a().saturating_add(22) };
                *pixel = Color32::from_rgba_unmultiplied(colour.r(), colour.g(), colour.b(), alpha);
            }
        }
    }
    let seconds = (window.1.min(recording.duration()) - window.0.max(0.0)).max(dt);
    counts.into_iter().map(|count| (f64::from(count) / seconds) as f32).collect()
}

fn draw(ui: &Ui, cache: &Cache, bands: &[Band<'_>], chart: &Chart, palette: &Palette, recording: &Recording) {
    let painter = ui.painter();
    let total = bands.last().map_or(1, |band| band.rows.end) as f32;
    let fastest = cache.rates.iter().flatten().copied().fold(1e-3, f32::max);
    for (index, band) in bands.iter().enumerate() {
        let colour = palette.layer(recording, &band.layer.name);
        painter.rect_filled(band.rect, 3.0, palette.plot);
        if let Some(texture) = &cache.texture {
            let uv = Rect::from_min_max(
                Pos2::new(0.0, band.rows.start as f32 / total),
                Pos2::new(1.0, band.rows.end as f32 / total),
            );
            painter.image(texture.id(), band.rect, uv, Color32::WHITE);
        }
        let left = Pos2::new(band.rect.left() - 6.0, band.rect.top());
        painter.text(left, Align2::RIGHT_TOP, &band.layer.name, palette.small(), colour);
        if band.rect.height() > 40.0 {
            let text = band.layer.neurons.to_string();
            painter.text(left + Vec2::new(0.0, 14.0), Align2::RIGHT_TOP, text, palette.small(), palette.weak);
        }
        let Some(rates) = cache.rates.get(index) else { continue };
        let height = band.rect.height() / rates.len().max(1) as f32;
        let right = band.rect.right() + 4.0;
        for (neuron, &rate) in rates.iter().enumerate() {
            let y = band.rect.top() + neuron as f32 * height;
            let bar = Rect::from_min_size(
                Pos2::new(right, y),
                Vec2::new((RIGHT - 8.0) * rate / fastest, (height * 0.85).max(0.7)),
            );
            painter.rect_filled(bar, 0.0, colour.gamma_multiply(0.8));
        }
        let dt = recording.header.control_dt;
        let steps = (chart.x.0 / dt) as usize..((chart.x.1 / dt) as usize).min(recording.steps());
        let text = format!("{:.1} spikes/s per neuron", band.layer.rate(steps, dt));
        let place = Pos2::new(band.rect.right() - 4.0, band.rect.top() + 3.0);
        let galley = painter.layout_no_wrap(text, palette.small(), palette.text);
        let back = Align2::RIGHT_TOP.anchor_size(place, galley.size()).expand(2.0);
        painter.rect_filled(back, 3.0, palette.plot.gamma_multiply(0.85));
        painter.galley(back.shrink(2.0).min, galley, palette.text);
    }
    let right = bands.last().map_or(chart.rect, |band| band.rect);
    let place = Pos2::new(right.right() + RIGHT - 4.0, right.bottom() + 4.0);
    painter.text(place, Align2::RIGHT_TOP, format!("{fastest:.0}/s"), palette.small(), palette.weak);
    painter.vline(right.right() + RIGHT - 4.0, chart.rect.y_range(), Stroke::new(1.0, palette.grid));
}
