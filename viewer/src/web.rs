//! The same window in a browser, in the page's element `spindle`.
//!
//! It opens files that are dropped onto it, the one whose address stands in the page's own
//! (`?file=episode.rollout.safetensors`), or the one that the page itself holds
//! (`window.spindleFile`, a byte array, as pages of `evo record --html` do).

use eframe::wasm_bindgen::closure::Closure;
use eframe::wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};

use crate::app::App;
use crate::inbox::{Arrived, Inbox};
use crate::settings::Settings;
use crate::window::STORAGE;

/// Element of the page that the window fills.
const CANVAS: &str = "spindle";
/// Element with the text that is shown until the window is there.
const WAITING: &str = "waiting";
/// Property of the page that holds a file.
const HELD: &str = "spindleFile";

/// Starts the program; what goes wrong is written onto the page.
pub fn start() {
    spawn_local(async {
        if let Err(error) = run().await {
            let text = error.as_string().unwrap_or_else(|| format!("{error:?}"));
            say(&format!("The viewer cannot start: {text}. It needs WebGPU or WebGL2."));
        }
    });
}

async fn run() -> Result<(), JsValue> {
    let window = web_sys::window().ok_or("no window")?;
    let document = window.document().ok_or("no document")?;
    let canvas = document.get_element_by_id(CANVAS).ok_or("the page has no element 'spindle'")?;
    let canvas: web_sys::HtmlCanvasElement = canvas.dyn_into().map_err(|_| "'spindle' is no canvas")?;
    let inbox = Inbox::default();
    let arriving = inbox.clone();
    let create = move |cc: &eframe::CreationContext<'_>| {
        let stored = cc.storage.and_then(|storage| storage.get_string(STORAGE));
        let settings = stored.map_or_else(Settings::default, |text| Settings::from_text(&text));
        let mut app = App::new(settings, cc.wgpu_render_state.clone());
        arriving.wakes(cc.egui_ctx.clone());
        app.inbox = arriving;
        Ok(Box::new(app) as Box<dyn eframe::App>)
    };
    let runner = eframe::WebRunner::new();
    runner.start(canvas, eframe::WebOptions::default(), Box::new(create)).await?;
    say("");
    watch(&window, runner.clone())?;
    let held = js_sys::Reflect::get(&window, &HELD.into())?;
    if let Ok(bytes) = held.dyn_into::<js_sys::Uint8Array>() {
        inbox.put(Arrived { name: "recording".to_owned(), bytes: Ok(bytes.to_vec()), beside: false });
    }
    if let Some(address) = asked_for(&window) {
        let bytes =
            fetch(&window, &address).await.map_err(|error| format!("cannot load {address}: {error:?}"));
        inbox.put(Arrived { name: address, bytes, beside: false });
    }
    Ok(())
}

/// Says it on the page if the program has ended by a panic. Keeps the runner for as long as the page lives.
fn watch(window: &web_sys::Window, runner: eframe::WebRunner) -> Result<(), JsValue> {
    let look = Closure::<dyn FnMut()>::new(move || {
        if let Some(summary) = runner.panic_summary() {
            say(&format!("The viewer has failed: {}. Reload the page to start it again.", summary.message()));
        }
    });
    let look: js_sys::Function = look.into_js_value().unchecked_into();
    window.set_interval_with_callback_and_timeout_and_arguments_0(&look, 1000).map(drop)
}

/// The file that the page's address asks for.
fn asked_for(window: &web_sys::Window) -> Option<String> {
    let query = window.location().search().ok()?;
    web_sys::UrlSearchParams::new_with_str(&query).ok()?.get("file")
}

async fn fetch(window: &web_sys::Window, address: &str) -> Result<Vec<u8>, JsValue> {
    let response: web_sys::Response = JsFuture::from(window.fetch_with_str(address)).await?.dyn_into()?;
    if !response.ok() {
        return Err(format!("the server answered {}", response.status()).into());
    }
    let buffer = JsFuture::from(response.array_buffer()?).await?;
    Ok(js_sys::Uint8Array::new(&buffer).to_vec())
}

/// Writes onto the page, below the canvas.
fn say(text: &str) {
    let element = web_sys::window().and_then(|window| window.document()?.get_element_by_id(WAITING));
    if let Some(element) = element {
        element.set_text_content(Some(text));
    }
}
