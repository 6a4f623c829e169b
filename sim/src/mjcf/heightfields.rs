//! `<hfield>`.

use roxmltree::Node;

use super::attrs::Attrs;
use super::build::Builder;
use super::source::Result;
use super::xml::shorten;
use crate::{GeomKind, Heightfield};

/// Rows and columns of a heightfield: the same for its grid points.
const MAX_SIDE: i64 = 4096;

impl<'a> Builder<'a> {
    pub(super) fn heightfield(&mut self, node: Node<'a, 'a>) -> Result<()> {
        let attrs = Attrs::new(self.source, vec![node]);
        let name = self.name("hfield", &attrs)?;
        if name.is_empty() {
            return Err(attrs.error("name", "<hfield> needs a name, to which geoms refer"));
        }
        for needed in ["nrow", "ncol", "size"] {
            if attrs.find(needed).is_none() {
                return Err(attrs.error("", format!("{} needs nrow, ncol and size", attrs.label())));
            }
        }
        let side = |name: &str| -> Result<usize> {
            Ok(usize::try_from(attrs.integer(name, 2, 2..=MAX_SIDE)?).unwrap_or(2))
        };
        let (nrow, ncol) = (side("nrow")?, side("ncol")?);
        let size = attrs.numbers::<4>("size")?.unwrap_or([0.0; 4]);
        if size.iter().any(|s| *s <= 0.0) {
            let message = "size must be four positive numbers: x radius, y radius, elevation, base";
            return Err(attrs.error("size", message));
        }
        let heights = attrs.list("elevation", nrow * ncol)?.unwrap_or_else(|| vec![0.0; nrow * ncol]);
        let lowest = heights.iter().copied().fold(f64::INFINITY, f64::min);
        let highest = heights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let span = highest - lowest;
        if !span.is_finite() {
            return Err(attrs.error("elevation", "the heights in elevation lie too far apart"));
        }
        let scale = if span > 0.0 { 1.0 / span } else { 0.0 };
        // The text runs from the far edge (+y) to the near one.
        let rows = heights.chunks(ncol).rev().flatten();
        let data = rows.map(|h| ((h - lowest) * scale).min(1.0) as f32).collect();
        self.model.heightfields.push(Heightfield { name, nrow, ncol, size, data });
        Ok(())
    }

    /// The heightfield that a geom shows.
    pub(super) fn shown_field(&self, kind: GeomKind, attrs: &Attrs<'a>) -> Result<Option<usize>> {
        let field = attrs.find("hfield");
        let Some(wanted) = field.map(|a| a.value()).filter(|_| kind == GeomKind::Heightfield) else {
            return match (kind, field) {
                (GeomKind::Heightfield, None) => {
                    let message = format!("{} needs hfield, the name of an <hfield>", attrs.label());
                    Err(attrs.error("", message))
                }
                (_, Some(_)) => {
                    Err(attrs.error("hfield", "hfield is valid only for a geom of type \"hfield\""))
                }
                _ => Ok(None),
            };
        };
        let fields = &self.model.heightfields;
        let found = fields.iter().position(|f| f.name == wanted);
        if found.is_none() {
            let names = fields.iter().map(|f| f.name.as_str());
            let message = format!("unknown hfield '{wanted}'; valid: {}", shorten(names));
            return Err(attrs.error("hfield", message));
        }
        Ok(found)
    }
}
