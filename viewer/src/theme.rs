//! Colours, sizes and spacing of everything, light and dark.

use egui::{Color32, CornerRadius, FontFamily, FontId, Margin, Stroke, TextStyle, Theme, Vec2};

use crate::data::recording::Recording;

/// Font sizes in points.
pub mod size {
    /// Axis labels and captions.
    pub const SMALL: f32 = 11.0;
    /// Text and buttons.
    pub const BODY: f32 = 13.0;
    /// Titles.
    pub const HEADING: f32 = 17.0;
}

/// Space between things, in points.
pub const GAP: f32 = 8.0;
/// Height of bars with buttons.
pub const BAR: f32 = 34.0;

/// Colours of one theme.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Palette {
    /// Whether it is the dark one.
    pub dark: bool,
    /// Behind everything.
    pub base: Color32,
    /// Behind panels.
    pub panel: Color32,
    /// Behind plots.
    pub plot: Color32,
    /// Lines of plots' grids.
    pub grid: Color32,
    /// Borders.
    pub border: Color32,
    /// Text.
    pub text: Color32,
    /// Text of less importance.
    pub weak: Color32,
    /// What is selected, the cursor.
    pub accent: Color32,
    /// Something is wrong.
    pub error: Color32,
    /// Positive weights.
    pub plus: Color32,
    /// Negative weights.
    pub minus: Color32,
    /// Curves, layers, terms.
    pub series: [Color32; 8],
}

const fn rgb(hex: u32) -> Color32 {
    Color32::from_rgb((hex >> 16) as u8, (hex >> 8) as u8, hex as u8)
}

const fn colours<const N: usize>(hex: [u32; N]) -> [Color32; N] {
    let mut list = [Color32::BLACK; N];
    let mut i = 0;
    while i < N {
        list[i] = rgb(hex[i]);
        i += 1;
    }
    list
}

/// The dark theme.
pub const DARK: Palette = Palette {
    dark: true,
    base: rgb(0x101318),
    panel: rgb(0x181C23),
    plot: rgb(0x12151B),
    grid: rgb(0x262C36),
    border: rgb(0x2A313C),
    text: rgb(0xD7DCE4),
    weak: rgb(0x8A93A3),
    accent: rgb(0x5AA9E6),
    error: rgb(0xE5737F),
    plus: rgb(0x5AA9E6),
    minus: rgb(0xEE9B5C),
    series: colours([0x5AA9E6, 0xEE9B5C, 0x79C99E, 0xDE7C90, 0xAF97E0, 0xD8C26A, 0x63C5CB, 0xC39B7D]),
};

/// The light theme.
pub const LIGHT: Palette = Palette {
    dark: false,
    base: rgb(0xE9ECF0),
    panel: rgb(0xF8F9FB),
    plot: rgb(0xFFFFFF),
    grid: rgb(0xE6E9EE),
    border: rgb(0xD5DAE1),
    text: rgb(0x252B35),
    weak: rgb(0x677183),
    accent: rgb(0x1F74BF),
    error: rgb(0xC03A4A),
    plus: rgb(0x1F74BF),
    minus: rgb(0xD2691E),
    series: colours([0x1F74BF, 0xD2691E, 0x2E8B57, 0xC2455E, 0x7A5BC0, 0xA8891B, 0x1F8F96, 0x8A5A3B]),
};

impl Palette {
    /// The palette of what is shown now.
    #[must_use]
    pub fn of(ui: &egui::Ui) -> Self {
        if ui.visuals().dark_mode { DARK } else { LIGHT }
    }

    /// Colour number `index`, from the start again after the last.
    #[must_use]
    pub fn series(&self, index: usize) -> Color32 {
        self.series[index % self.series.len()]
    }

    /// Colour of a layer of a recording in all panels: spiking layers are counted, others are grey.
    #[must_use]
    pub fn layer(&self, recording: &Recording, name: &str) -> Color32 {
        let mut spiking = recording.layers.iter().filter(|layer| layer.spiking());
        spiking.position(|layer| layer.name == name).map_or(self.weak, |index| self.series(index))
    }

    /// Font of captions.
    #[must_use]
    pub fn small(&self) -> FontId {
        FontId::proportional(size::SMALL)
    }
}

/// Sets fonts, spacing and colours of both themes.
pub fn install(ctx: &egui::Context) {
    for (theme, palette) in [(Theme::Dark, DARK), (Theme::Light, LIGHT)] {
        ctx.style_mut_of(theme, |style| set(style, &palette));
    }
}

fn set(style: &mut egui::Style, palette: &Palette) {
    let font = FontId::proportional;
    style.text_styles = [
        (TextStyle::Small, font(size::SMALL)),
        (TextStyle::Body, font(size::BODY)),
        (TextStyle::Button, font(size::BODY)),
        (TextStyle::Heading, font(size::HEADING)),
        (TextStyle::Monospace, FontId::new(12.0, FontFamily::Monospace)),
    ]
    .into();
    style.spacing.item_spacing = Vec2::new(GAP, 6.0);
    style.spacing.button_padding = Vec2::new(8.0, 4.0);
    style.spacing.interact_size.y = 22.0;
    style.spacing.slider_width = 140.0;
    style.spacing.window_margin = Margin::same(12);
    style.spacing.menu_margin = Margin::same(6);
    style.spacing.scroll = egui::style::ScrollStyle::thin();
    style.interaction.selectable_labels = false;

    let visuals = &mut style.visuals;
    visuals.panel_fill = palette.panel;
    visuals.window_fill = palette.panel;
    visuals.window_stroke = Stroke::new(1.0, palette.border);
    visuals.extreme_bg_color = palette.plot;
    visuals.faint_bg_color = palette.plot;
    visuals.hyperlink_color = palette.accent;
    visuals.error_fg_color = palette.error;
    visuals.weak_text_color = Some(palette.weak);
    visuals.selection.bg_fill = palette.accent.gamma_multiply(if palette.dark { 0.35 } else { 0.25 });
    visuals.selection.stroke = Stroke::new(1.0, if palette.dark { Color32::WHITE } else { palette.text });
    visuals.window_corner_radius = CornerRadius::same(8);
    visuals.menu_corner_radius = CornerRadius::same(6);
    visuals.slider_trailing_fill = true;
    let button = if palette.dark { rgb(0x252B35) } else { rgb(0xDDE2E9) };
    let hovered = if palette.dark { rgb(0x303845) } else { rgb(0xD0D7E0) };
    let widgets = &mut visuals.widgets;
    for (widget, fill) in [
        (&mut widgets.noninteractive, palette.panel),
        (&mut widgets.inactive, button),
        (&mut widgets.hovered, hovered),
        (&mut widgets.active, palette.accent.gamma_multiply(0.6)),
        (&mut widgets.open, button),
    ] {
        widget.corner_radius = CornerRadius::same(5);
        widget.bg_fill = fill;
        widget.weak_bg_fill = fill;
        widget.bg_stroke = Stroke::NONE;
        widget.fg_stroke = Stroke::new(1.0, palette.text);
        widget.expansion = 0.0;
    }
    visuals.widgets.noninteractive.bg_stroke = Stroke::new(1.0, palette.border);
    visuals.widgets.hovered.bg_stroke = Stroke::new(1.0, palette.border);
}
