//! Files dropped onto the window.

use crate::app::App;

/// Opens a file or folder from this machine.
#[cfg(not(target_arch = "wasm32"))]
pub fn open(app: &mut App, _ctx: &egui::Context, file: &egui::DroppedFileHandle) {
    app.open(file.path());
}

/// Opens a file, which the browser reads first.
#[cfg(target_arch = "wasm32")]
pub fn open(app: &mut App, ctx: &egui::Context, file: &egui::DroppedFileHandle) {
    let (inbox, ctx, file) = (app.inbox.clone(), ctx.clone(), std::sync::Arc::clone(file));
    wasm_bindgen_futures::spawn_local(async move {
        let bytes = file.bytes_async().await;
        inbox.put(file.path().display().to_string(), bytes);
        ctx.request_repaint();
    });
}
