//! Figures of the reports: errors over time, one panel per case; bars in groups.

use std::sync::OnceLock;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontStyle, register_font};

/// Of Okabe and Ito's palette, which colour-blind readers can tell apart.
const PALETTE: [RGBColor; 4] =
    [RGBColor(0, 0, 0), RGBColor(230, 159, 0), RGBColor(213, 94, 0), RGBColor(0, 114, 178)];
const INK: RGBColor = RGBColor(34, 34, 34);
const GRID: RGBColor = RGBColor(228, 228, 228);
const SIZE: (u32, u32) = (1000, 720);
const TITLE: u32 = 44;
const LEGEND: u32 = 36;
/// Smaller errors are drawn here: the axis is logarithmic.
const LEAST: f64 = 1e-6;

/// Errors over time.
pub struct Panel {
    /// What is shown.
    pub title: String,
    /// Time in s and error in rad; one entry per name of the figure, empty if there is none.
    pub curves: Vec<Vec<(f64, f64)>>,
}

/// Four panels as SVG, the same text for the same input. At most four `names`.
///
/// # Errors
/// What the drawing library says.
pub fn svg(title: &str, names: &[&str], panels: &[Panel]) -> Result<String, String> {
    load_font()?;
    let mut text = String::new();
    draw(&SVGBackend::with_string(&mut text, SIZE).into_drawing_area(), title, names, panels)
        .map_err(|error| error.to_string())?;
    Ok(text)
}

fn load_font() -> Result<(), String> {
    static LOADED: OnceLock<bool> = OnceLock::new();
    let bytes = epaint_default_fonts::UBUNTU_LIGHT;
    match LOADED.get_or_init(|| register_font("sans-serif", FontStyle::Normal, bytes).is_ok()) {
        true => Ok(()),
        false => Err("the built-in font is damaged".to_owned()),
    }
}

/// Values that belong together.
pub struct Bars {
    /// What they are of.
    pub name: String,
    /// One value above 0 per name of the figure.
    pub values: Vec<f64>,
}

/// Horizontal bars in groups on a logarithmic axis, as SVG. At most four `names`.
///
/// # Errors
/// What the drawing library says.
pub fn bars(title: &str, names: &[&str], groups: &[Bars]) -> Result<String, String> {
    load_font()?;
    let mut text = String::new();
    draw_bars(&SVGBackend::with_string(&mut text, SIZE).into_drawing_area(), title, names, groups)
        .map_err(|error| error.to_string())?;
    Ok(text)
}

fn draw_bars<DB: DrawingBackend>(
    area: &DrawingArea<DB, Shift>,
    title: &str,
    names: &[&str],
    groups: &[Bars],
) -> Drawn<DB> {
    area.fill(&WHITE)?;
    let (body, foot) = area.split_vertically(SIZE.1 - LEGEND);
    let values = || groups.iter().flat_map(|group| &group.values).copied();
    let (least, most) = (values().fold(f64::MAX, f64::min), values().fold(1.0, f64::max));
    let count = groups.len();
    let mut chart = ChartBuilder::on(&body)
        .caption(title, font(22))
        .margin(18)
        .x_label_area_size(40)
        .y_label_area_size(130)
        .build_cartesian_2d((least / 3.0..most * 1.5).log_scale(), 0.0..count as f64)?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .bold_line_style(GRID)
        .max_light_lines(0)
        .y_labels(0)
        .x_label_formatter(&|x| format!("{x:.0}"))
        .label_style(font(14))
        .draw()?;
    for (index, group) in groups.iter().enumerate() {
        let top = (count - index) as f64;
        let step = 0.8 / names.len().max(1) as f64;
        for (place, (&value, color)) in group.values.iter().zip(PALETTE).enumerate() {
            let y = top - 0.1 - place as f64 * step;
            let bar = Rectangle::new([(least / 3.0, y), (value, y - step * 0.9)], color.filled());
            chart.draw_series([bar])?;
        }
        let (_, y) = chart.backend_coord(&(least / 3.0, top - 0.5));
        body.draw_text(&group.name, &font(14).pos(Pos::new(HPos::Right, VPos::Center)), (140, y))?;
    }
    legend(&foot, names)?;
    area.present()
}

fn font(size: i32) -> TextStyle<'static> {
    ("sans-serif", size).into_font().color(&INK)
}

fn legend<DB: DrawingBackend>(foot: &DrawingArea<DB, Shift>, names: &[&str]) -> Drawn<DB> {
    let step = SIZE.0 as i32 / names.len().max(1) as i32;
    for (index, (name, color)) in names.iter().zip(PALETTE).enumerate() {
        let x = step * index as i32 + step / 4;
        let y = LEGEND as i32 / 2;
        foot.draw(&PathElement::new([(x, y), (x + 30, y)], color.stroke_width(3)))?;
        foot.draw_text(name, &font(16).pos(Pos::new(HPos::Left, VPos::Center)), (x + 38, y))?;
    }
    Ok(())
}

type Drawn<DB> = Result<(), DrawingAreaErrorKind<<DB as DrawingBackend>::ErrorType>>;

fn draw<DB: DrawingBackend>(
    area: &DrawingArea<DB, Shift>,
    title: &str,
    names: &[&str],
    panels: &[Panel],
) -> Drawn<DB> {
    let middle = font(22).pos(Pos::new(HPos::Center, VPos::Center));
    area.fill(&WHITE)?;
    area.draw_text(title, &middle, (SIZE.0 as i32 / 2, TITLE as i32 / 2))?;
    let (_, rest) = area.split_vertically(TITLE);
    let (body, foot) = rest.split_vertically(SIZE.1 - TITLE - LEGEND);
    for (place, panel) in body.split_evenly((2, 2)).iter().zip(panels) {
        let points = || panel.curves.iter().flatten().filter(|p| p.1.is_finite());
        let end = points().map(|p| p.0).fold(0.0, f64::max);
        let most = points().map(|p| p.1).fold(LEAST * 1e3, f64::max);
        let mut chart = ChartBuilder::on(place)
            .caption(&panel.title, font(17))
            .margin_left(12)
            .margin_right(18)
            .x_label_area_size(40)
            .y_label_area_size(70)
            .build_cartesian_2d(0.0..end.max(LEAST), (LEAST..most * 1.5).log_scale())?;
        chart
            .configure_mesh()
            .max_light_lines(0)
            .bold_line_style(GRID)
            .label_style(font(14))
            .axis_desc_style(font(15))
            .x_labels(6)
            .y_label_formatter(&|y| format!("{y:.0e}"))
            .x_desc("time (s)")
            .y_desc("joint error (rad)")
            .draw()?;
        for (curve, color) in panel.curves.iter().zip(PALETTE) {
            let shown = curve.iter().filter(|p| p.1.is_finite()).map(|&(t, e)| (t, e.max(LEAST)));
            chart.draw_series(LineSeries::new(shown, color.stroke_width(2)))?;
        }
    }
    legend(&foot, names)?;
    area.present()
}
