//! One file per panel. Each draws what [`Cx`] holds and changes only that.

pub mod channels;
pub mod controls;
mod cx;
pub mod fitness;
pub mod help;
pub mod map;
pub mod network;
pub mod neuron;
mod over;
pub mod plot;
pub mod raster;
pub mod rewards;
pub mod scene;
pub mod start;
pub mod transport;
pub mod weights;

use egui::Ui;

pub use self::cx::{Caches, Cx, Selection, empty};
pub use crate::pane::Pane;

/// Draws a panel.
pub fn show(pane: Pane, ui: &mut Ui, cx: &mut Cx<'_>) {
    match pane {
        Pane::Scene => scene::show(ui, cx),
        Pane::Raster => raster::show(ui, cx),
        Pane::Neuron => neuron::show(ui, cx),
        Pane::Network => network::show(ui, cx),
        Pane::Weights => weights::show(ui, cx),
        Pane::Observations => channels::observations(ui, cx),
        Pane::Actions => channels::actions(ui, cx),
        Pane::Rewards => rewards::show(ui, cx),
        Pane::Plot => plot::show(ui, cx),
        Pane::Run => fitness::show(ui, cx),
        Pane::Map => map::show(ui, cx),
        Pane::Controls => controls::show(ui, cx),
    }
}
