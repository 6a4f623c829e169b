//! Reads MJCF, MuJoCo's XML model format, into a [`Model`].
//!
//! The meaning of each attribute is that of MuJoCo 4.0 (its "XML Reference"). What is read, ignored,
//! warned about and refused stands in `schema.rs` and `docs/mjcf.md`; nothing is dropped in silence
//! that would change the motion. Every error is `file:line:column: message`.

mod actuator;
mod attrs;
mod build;
mod camera;
mod compiler;
mod embed;
mod file;
mod geoms;
mod heightfields;
mod include;
mod joints;
mod keyframe;
mod mark;
mod mesh_file;
mod meshes;
mod pose;
mod schema;
mod source;
mod xml;

use std::path::Path;

use self::build::Builder;
use self::compiler::{Compiler, read_option};
pub use self::include::read_mjcf;
pub use self::schema::mjcf_support_table;
use self::source::{Result, Source, parse};
use crate::Model;

impl Model {
    /// Reads a model from MJCF text; `file` is the name that errors and warnings show.
    ///
    /// # Errors
    /// [`SimError::Mjcf`](crate::SimError::Mjcf) with line and column for XML that is malformed, and for
    /// MJCF that is unknown, contradictory, not physical or not supported; for an `<include>`, too, which
    /// [`read_mjcf`] replaces.
    pub fn from_mjcf(xml: &str, file: &str) -> Result<Self> {
        let doc = parse(xml, file)?;
        let source = Source { file, doc: &doc };
        let warnings = schema::check(&source)?;
        let root = doc.root_element();
        let compiler = Compiler::read(source)?;
        let mut model = Builder::new(source, compiler)?.build()?;
        model.name = root.attribute("model").unwrap_or("").to_owned();
        model.option = read_option(source)?;
        // In the order of the file's own sections: what the check found first, then what building did.
        model.warnings = [warnings, model.warnings].concat();
        Ok(model)
    }

    /// Reads a model from an MJCF file.
    ///
    /// # Errors
    /// As [`read_mjcf`] and [`Model::from_mjcf`].
    pub fn from_mjcf_file(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        Self::from_mjcf(&read_mjcf(path)?, &path.display().to_string())
    }
}
