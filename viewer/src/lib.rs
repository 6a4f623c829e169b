//! The viewer: bodies and spiking brains on one timeline.
//!
//! [`App`](app::App) is what a window shows and knows nothing of where it is drawn: in a window, into a
//! picture without a display, or in a browser. `data` holds what is shown, `panels` one file per panel.

#![allow(clippy::disallowed_methods, reason = "pictures are no results")]

pub mod app;
mod bars;
#[cfg(not(target_arch = "wasm32"))]
mod capture;
pub mod cards;
pub mod chart;
#[cfg(not(target_arch = "wasm32"))]
pub mod cli;
pub mod data;
mod dropped;
pub mod film;
pub mod inbox;
mod keys;
mod layout;
#[cfg(not(target_arch = "wasm32"))]
pub mod offscreen;
mod opening;
mod pane;
pub mod panels;
#[cfg(not(target_arch = "wasm32"))]
pub mod portrait;
pub mod scene;
pub mod settings;
pub mod shortcuts;
pub mod stage;
mod start_page;
#[cfg(not(target_arch = "wasm32"))]
pub mod state;
mod taking;
pub mod theme;
#[cfg(not(target_arch = "wasm32"))]
pub mod tiles;
mod trail;
#[cfg(not(target_arch = "wasm32"))]
pub mod video;
#[cfg(target_arch = "wasm32")]
pub mod web;
pub mod window;
