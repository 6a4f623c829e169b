//! The members that a search keeps, as a map to choose from: the cells of an archive, or a front.

use egui::{Align2, Color32, ComboBox, CornerRadius, Pos2, Rect, RichText, Sense, Stroke, Ui, Vec2};
use records::failure::told;
use training::members::{Kept, Member, Members, color};

use crate::chart::{self, AXIS, Chart, GUTTER};
use crate::data::choice::Choice;
use crate::panels::{Cx, empty};
use crate::theme::Palette;

/// Width of the scale of colours with its numbers, points.
const SCALE: f32 = 62.0;
/// Width of the scale itself, points.
const BAR: f32 = 12.0;
/// Steps of it.
const STEPS: usize = 48;
/// Radius of a dot, and how far from it the pointer may be, points.
const DOT: f32 = 4.5;
const REACH: f32 = 14.0;

/// What is drawn along both axes, where there are more than two.
pub struct Cache {
    axes: [usize; 2],
}

impl Default for Cache {
    fn default() -> Self {
        Self { axes: [0, 1] }
    }
}

/// Draws the panel.
pub fn show(ui: &mut Ui, cx: &mut Cx<'_>) {
    let Some(choice) = &cx.document.choice else {
        return empty(ui, "Open a run with an archive or several objectives to choose among its members");
    };
    let chosen = cx.caches.of::<Cache>();
    let members = &choice.members;
    let most = members.axes.len() - 1;
    chosen.axes = chosen.axes.map(|axis| axis.min(most));
    let mut picked = header(ui, choice, &mut chosen.axes);
    let map = Map::new(choice, chosen.axes, cx.palette);
    picked = map.draw(ui).map(Some).or(picked);
    if let Some(cell) = picked
        && let Err(error) = cx.document.watch(cell)
    {
        *cx.message = Some(told(&error));
    }
}

/// How much there is, what is watched, and the choice of axes.
fn header(ui: &mut Ui, choice: &Choice, axes: &mut [usize; 2]) -> Option<Option<usize>> {
    let mut picked = None;
    let members = &choice.members;
    ui.horizontal_wrapped(|ui| {
        ui.weak("watching");
        let (text, tip) = match &members.kept {
            Kept::Archive(_) => ("highest fitness", "the elite with the highest fitness of all".to_owned()),
            Kept::Front(..) => ("first objective", format!("the best member by {}", members.axes[0].name)),
        };
        if ui.selectable_label(choice.watched.is_none(), text).on_hover_text(tip).clicked() {
            picked = Some(None);
        }
        if let Some(label) = choice.label() {
            // It is pressed already.
            let _ = ui.selectable_label(true, label);
        }
        let text = match &members.kept {
            Kept::Archive(archive) => {
                let share = 100.0 * archive.coverage();
                format!("{} of {} cells ({share:.1} %)", archive.len(), archive.cells())
            }
            Kept::Front(..) => format!("{} members, none better than another in everything", members.len()),
        };
        ui.weak(RichText::new(text).small());
        if members.axes.len() > 2 {
            for (name, axis) in ["across", "up"].into_iter().zip(axes) {
                ComboBox::new(name, name).selected_text(&members.axes[*axis].name).show_ui(ui, |ui| {
                    for (index, other) in members.axes.iter().enumerate() {
                        ui.selectable_value(axis, index, other.label());
                    }
                });
            }
        }
    });
    picked
}

/// What is drawn.
struct Map<'a> {
    members: &'a Members,
    all: Vec<Member<'a>>,
    /// Of both axes; the second is none where fitness goes up.
    axes: (usize, Option<usize>),
    fitness: Option<(f64, f64)>,
    shown: Option<usize>,
    word: &'static str,
    palette: Palette,
}

impl<'a> Map<'a> {
    fn new(choice: &'a Choice, [across, up]: [usize; 2], palette: Palette) -> Self {
        let members = &choice.members;
        let axes = match members.axes.len() {
            1 => (0, None),
            // As plots have it: the first objective goes up.
            2 if members.archive().is_none() => (1, Some(0)),
            2 => (0, Some(1)),
            _ => (across, Some(up)),
        };
        let (all, fitness, shown) = (members.all(), members.fitness(), choice.shown());
        Self { members, all, axes, fitness, shown, word: choice.word(), palette }
    }

    /// Whether cells have their places on the map: both descriptors are drawn.
    fn is_flat(&self) -> bool {
        self.members.archive().is_some() && self.members.axes.len() == 2
    }

    fn place(&self, member: &Member<'_>) -> (f64, f64) {
        let up = self.axes.1.map_or(member.fitness, |axis| Some(member.values[axis]));
        (member.values[self.axes.0], up.unwrap_or_default())
    }

    fn color(&self, member: &Member<'_>) -> Color32 {
        let Some((fitness, range)) = member.fitness.zip(self.fitness) else { return self.palette.series[0] };
        let [red, green, blue] = color(fitness, range);
        Color32::from_rgb(red, green, blue)
    }

    /// Draws the map; the member that was clicked at.
    fn draw(&self, ui: &mut Ui) -> Option<usize> {
        let (outer, response) = ui.allocate_exact_size(ui.available_size(), Sense::click());
        let scale = if self.fitness.is_some() { SCALE } else { 8.0 };
        let rect = Rect::from_min_max(
            Pos2::new(outer.left() + GUTTER, outer.top() + AXIS),
            Pos2::new(
                (outer.right() - scale).max(outer.left() + GUTTER + 20.0),
                (outer.bottom() - 2.0 * AXIS - 4.0).max(outer.top() + AXIS + 20.0),
            ),
        );
        let (x, y) = match self.members.archive() {
            Some(archive) if self.is_flat() => (archive.ranges()[0], archive.ranges()[1]),
            _ => {
                let along = |of: fn((f64, f64)) -> f64| {
                    let values = self.all.iter().map(|member| of(self.place(member)));
                    chart::padded(chart::range(values))
                };
                (along(|place| place.0), along(|place| place.1))
            }
        };
        let chart = Chart { rect, x, y };
        self.frame(ui, &chart);
        let hovered = response.hover_pos().filter(|pointer| rect.contains(*pointer));
        let under = match self.members.archive().filter(|_| self.is_flat()) {
            Some(archive) => {
                self.cells(ui, &chart);
                hovered.map(|pointer| archive.cell(&[chart.x_at(pointer.x), chart.y_at(pointer.y)]))
            }
            None => {
                self.dots(ui, &chart);
                hovered.and_then(|pointer| self.nearest(&chart, pointer))
            }
        };
        self.scale(ui, rect);
        let cell = under?;
        let found = self.all.iter().find(|member| member.cell == cell);
        response.clone().on_hover_text_at_pointer(self.text(cell, found));
        response.clicked().then(|| found.map(|member| member.cell))?
    }

    /// Background, axes and their names.
    fn frame(&self, ui: &Ui, chart: &Chart) {
        let step = |range: (f64, f64), room: f32| chart::tick_step(range, f64::from(room));
        let (across, up) =
            (step(chart.x, chart.rect.width() / 80.0), step(chart.y, (chart.rect.height() / 28.0).max(1.0)));
        chart.grid(ui, &self.palette, |y| chart::number(y, up));
        chart.x_axis(ui, &self.palette, |x| chart::number(x, across));
        let name =
            |axis: Option<usize>| axis.map_or_else(|| "fitness".to_owned(), |a| self.members.axes[a].label());
        let (rect, font) = (chart.rect, self.palette.small());
        let below = Pos2::new(rect.center().x, rect.bottom() + AXIS + 2.0);
        let painter = ui.painter();
        painter.text(below, Align2::CENTER_TOP, name(Some(self.axes.0)), font.clone(), self.palette.text);
        let above = Pos2::new(rect.left(), rect.top() - 3.0);
        painter.text(above, Align2::LEFT_BOTTOM, name(self.axes.1), font, self.palette.text);
    }

    /// The cells of an archive with two descriptors.
    fn cells(&self, ui: &Ui, chart: &Chart) {
        let Some(archive) = self.members.archive() else { return };
        let painter = ui.painter_at(chart.rect.expand(2.0));
        let mark = Stroke::new(2.0, self.palette.text);
        if let Some(centroids) = archive.centroids() {
            let side = chart.rect.width().min(chart.rect.height()) / (archive.cells() as f32).sqrt();
            let radius = (side * 0.38).clamp(1.5, 9.0);
            let place = |cell: usize| chart.at(centroids[2 * cell], centroids[2 * cell + 1]);
            for cell in (0..archive.cells()).filter(|&cell| archive.elite(cell).is_none()) {
                painter.circle_filled(place(cell), radius, self.palette.grid);
            }
            for member in &self.all {
                painter.circle_filled(place(member.cell), radius, self.color(member));
            }
            if let Some(cell) = self.shown {
                painter.circle_stroke(place(cell), radius + 2.0, mark);
            }
            return;
        }
        let rect = |cell: usize| {
            let [low, high] = self.members.corners(cell)?;
            Some(Rect::from_two_pos(chart.at(low.0, low.1), chart.at(high.0, high.1)))
        };
        for member in &self.all {
            if let Some(rect) = rect(member.cell) {
                painter.rect_filled(rect, CornerRadius::ZERO, self.color(member));
            }
        }
        if let Some(rect) = self.shown.and_then(rect) {
            painter.rect_stroke(rect.expand(1.0), CornerRadius::ZERO, mark, egui::StrokeKind::Outside);
        }
    }

    /// Members where their values are.
    fn dots(&self, ui: &Ui, chart: &Chart) {
        let painter = ui.painter_at(chart.rect.expand(DOT + 3.0));
        for member in &self.all {
            let (x, y) = self.place(member);
            painter.circle_filled(chart.at(x, y), DOT, self.color(member));
        }
        if let Some(member) = self.all.iter().find(|member| Some(member.cell) == self.shown) {
            let (x, y) = self.place(member);
            painter.circle_stroke(chart.at(x, y), DOT + 2.0, Stroke::new(2.0, self.palette.text));
        }
    }

    /// The member whose dot is under the pointer.
    fn nearest(&self, chart: &Chart, pointer: Pos2) -> Option<usize> {
        let far = |member: &Member<'_>| {
            let (x, y) = self.place(member);
            chart.at(x, y).distance(pointer)
        };
        let near = self.all.iter().map(|member| (far(member), member.cell));
        let (distance, cell) = near.min_by(|a, b| a.0.total_cmp(&b.0))?;
        (distance < REACH).then_some(cell)
    }

    /// What is said of a cell.
    fn text(&self, cell: usize, member: Option<&Member<'_>>) -> String {
        let mut text = format!("{} {cell}", self.word);
        let Some(member) = member else { return text + ": empty" };
        for (axis, value) in self.members.axes.iter().zip(&member.values) {
            let unit = if axis.unit.is_empty() { String::new() } else { format!(" {}", axis.unit) };
            text += &format!("\n{} {}{unit}", axis.name, chart::short(*value));
        }
        text + &member
            .fitness
            .map_or_else(String::new, |fitness| format!("\nfitness {}", chart::short(fitness)))
    }

    /// The scale of colours beside the map.
    fn scale(&self, ui: &Ui, rect: Rect) {
        let Some(range) = self.fitness else { return };
        let painter = ui.painter();
        let bar = Rect::from_min_size(rect.right_top() + Vec2::new(8.0, 0.0), Vec2::new(BAR, rect.height()));
        let height = bar.height() / STEPS as f32;
        for step in 0..STEPS {
            let [red, green, blue] = color((step as f64 + 0.5) / STEPS as f64, (0.0, 1.0));
            let top = bar.bottom() - (step + 1) as f32 * height;
            let part = Rect::from_min_size(Pos2::new(bar.left(), top), Vec2::new(BAR, height + 0.5));
            painter.rect_filled(part.intersect(bar), CornerRadius::ZERO, Color32::from_rgb(red, green, blue));
        }
        let scale = Chart { rect: bar, x: (0.0, 1.0), y: range };
        for value in chart::ticks(range, f64::from((bar.height() / 40.0).max(1.0))) {
            let place = Pos2::new(bar.right() + 4.0, scale.py(value));
            let text = chart::short(value);
            painter.text(place, Align2::LEFT_CENTER, text, self.palette.small(), self.palette.weak);
        }
        let above = Pos2::new(bar.left(), rect.top() - 3.0);
        painter.text(above, Align2::LEFT_BOTTOM, "fitness", self.palette.small(), self.palette.text);
    }
}
