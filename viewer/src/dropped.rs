//! Files dropped onto the window.

use crate::app::App;

/// Opens a file or folder from this machine, or shows it beside what is open.
#[cfg(not(target_arch = "wasm32"))]
pub fn open(app: &mut App, file: &egui::DroppedFileHandle, beside: bool) {
    if beside {
        app.add_ghost_from(file.path());
    } else {
        app.open(file.path());
    }
}

/// The same with a file that the browser reads first.
#[cfg(target_arch = "wasm32")]
pub fn open(app: &mut App, file: &egui::DroppedFileHandle, beside: bool) {
    let (inbox, file) = (app.inbox.clone(), std::sync::Arc::clone(file));
    wasm_bindgen_futures::spawn_local(async move {
        let bytes = file.bytes_async().await;
        inbox.put(crate::inbox::Arrived { name: file.path().display().to_string(), bytes, beside });
    });
}
