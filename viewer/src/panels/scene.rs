//! The robot.

use egui::Ui;

use crate::panels::{Cx, empty};

/// Draws the panel.
pub fn show(ui: &mut Ui, _cx: &mut Cx<'_>) {
    empty(ui, "scene");
}
