//! The viewer: bodies and spiking brains on one timeline.
//!
//! [`App`](app::App) is the whole window and knows nothing of where it is drawn: in a window, into a
//! picture without a display, or in a browser. `data` holds what is shown, `panels` one file per panel.

pub mod app;
pub mod chart;
pub mod cli;
pub mod data;
mod dropped;
mod keys;
mod layout;
pub mod offscreen;
pub mod panels;
pub mod scene;
pub mod settings;
pub mod shortcuts;
pub mod stage;
pub mod theme;
pub mod video;
