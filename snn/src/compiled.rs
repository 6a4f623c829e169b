//! The built-in neuron models as machine code; the build script writes it.

use crate::equations::{Tick, bits, settle};

include!(concat!(env!("OUT_DIR"), "/neurons.rs"));

#[expect(
    clippy::single_component_path_imports,
    reason = "the macro is made by an included file; this gives it a path"
)]
pub(crate) use with_compiled;
