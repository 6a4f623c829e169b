//! Files dropped onto the window.

use crate::app::App;

/// Opens a file or folder from this machine.
#[cfg(not(target_arch = "wasm32"))]
pub fn open(app: &mut App, _ctx: &egui::Context, file: &egui::DroppedFileHandle) {
    app.open(file.path());
}
