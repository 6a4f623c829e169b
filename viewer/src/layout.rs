//! Arranges the panels in tabs that can be dragged.

use egui::{Color32, Frame, Stroke, Style, Ui, Visuals, WidgetText};
use egui_tiles::{Behavior, SimplificationOptions, TabState, TileId, Tiles, Tree, UiResponse};

use crate::panels::{self, Cx, Pane};
use crate::settings::default_layout;

/// Draws all panels, or the scene alone.
pub fn show(ui: &mut Ui, cx: &mut Cx<'_>) {
    if !cx.settings.panels {
        return panels::show(Pane::Scene, ui, cx);
    }
    // The layout and what it shows are parts of the same settings.
    let mut layout = std::mem::replace(&mut cx.settings.layout, Tree::empty(egui::Id::unique("none")));
    layout.ui(&mut Arranged { cx }, ui);
    if layout.is_empty() {
        layout = default_layout();
    }
    cx.settings.layout = layout;
}

struct Arranged<'a, 'b> {
    cx: &'a mut Cx<'b>,
}

impl Behavior<Pane> for Arranged<'_, '_> {
    fn pane_ui(&mut self, ui: &mut Ui, _tile: TileId, pane: &mut Pane) -> UiResponse {
        let margin = if *pane == Pane::Scene { 0 } else { 8 };
        Frame::new().fill(self.cx.palette.panel).inner_margin(margin).show(ui, |ui| {
            ui.set_min_size(ui.available_size());
            panels::show(*pane, ui, self.cx);
        });
        UiResponse::None
    }

    fn tab_title_for_pane(&mut self, pane: &Pane) -> WidgetText {
        pane.title().into()
    }

    fn simplification_options(&self) -> SimplificationOptions {
        // Every panel keeps its title, also alone.
        SimplificationOptions { all_panes_must_have_tabs: true, ..SimplificationOptions::default() }
    }

    fn gap_width(&self, _style: &Style) -> f32 {
        4.0
    }

    fn tab_bar_height(&self, _style: &Style) -> f32 {
        26.0
    }

    fn tab_bar_color(&self, _visuals: &Visuals) -> Color32 {
        self.cx.palette.base
    }

    fn tab_bg_color(&self, _: &Visuals, _: &Tiles<Pane>, _: TileId, state: &TabState) -> Color32 {
        if state.active { self.cx.palette.panel } else { Color32::TRANSPARENT }
    }

    fn tab_outline_stroke(&self, _: &Visuals, _: &Tiles<Pane>, _: TileId, _: &TabState) -> Stroke {
        Stroke::NONE
    }

    fn tab_bar_hline_stroke(&self, _visuals: &Visuals) -> Stroke {
        Stroke::NONE
    }

    fn tab_text_color(&self, _: &Visuals, _: &Tiles<Pane>, _: TileId, state: &TabState) -> Color32 {
        if state.active { self.cx.palette.text } else { self.cx.palette.weak }
    }

    fn drag_preview_stroke(&self, _visuals: &Visuals) -> Stroke {
        Stroke::new(1.0, self.cx.palette.accent)
    }

    fn drag_preview_color(&self, _visuals: &Visuals) -> Color32 {
        self.cx.palette.accent.gamma_multiply(0.25)
    }
}
