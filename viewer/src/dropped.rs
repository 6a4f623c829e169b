//! Files dropped onto the window.

use crate::app::App;

/// Opens a file or folder from this machine, or shows it beside what is open.
#[cfg(not(target_arch = "wasm32"))]
pub fn open(app: &mut App, file: &egui::DroppedFileHandle, beside: bool, ctx: &egui::Context) {
    app.open_soon(file.path(), beside, ctx);
}

/// The same with a file that the browser reads first.
#[cfg(target_arch = "wasm32")]
pub fn open(app: &mut App, file: &egui::DroppedFileHandle, beside: bool, _ctx: &egui::Context) {
    let (inbox, file) = (app.inbox.clone(), std::sync::Arc::clone(file));
    wasm_bindgen_futures::spawn_local(async move {
        let bytes = file.bytes_async().await;
        inbox.put(crate::inbox::Arrived { name: file.path().display().to_string(), bytes, beside });
    });
}
