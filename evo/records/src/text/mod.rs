//! Typed configs as RON text.
//!
//! [`read`] a file (with its `base`), [`patch`] it by `--set PATH=VALUE`, write it with [`to_text`]. [`value`] is
//! the text as plain data with the place of every value, for messages.

#[cfg(test)]
mod agreement;
mod document;
mod error;
mod explain;
mod file;
mod finite;
pub mod patch;
mod scan;
mod typed;
pub mod value;
mod write;

pub use document::Document;
pub use error::{CONFIG_FOLDER, ConfigError, SyntaxError};
pub use file::{configs_in, find, find_in, locate_base, parse, read, ship};
pub use finite::check_finite;
pub use typed::{TypeError, from_value};
pub use write::{to_line, to_text, value_text};
