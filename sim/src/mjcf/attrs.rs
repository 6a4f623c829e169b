//! Typed attributes with default classes behind them; every error has a position.

use roxmltree::{Attribute, Node};

use super::source::{Result, Source};
use crate::SimError;

/// The attributes of an element: its own first, then those of its default classes, nearest first.
pub(super) struct Attrs<'a> {
    pub(super) source: Source<'a>,
    layers: Vec<Node<'a, 'a>>,
}

/// MuJoCo's three-valued switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Switch {
    Off,
    On,
    Auto,
}

pub(super) const SWITCH: [(&str, Switch); 3] =
    [("false", Switch::Off), ("true", Switch::On), ("auto", Switch::Auto)];
pub(super) const BOOL: [(&str, bool); 2] = [("false", false), ("true", true)];

/// A finite number, or what is wrong with it.
fn finite(token: &str, name: &str) -> std::result::Result<f64, String> {
    match token.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(number),
        Ok(_) => Err(format!("'{token}' in {name} is not a finite number")),
        Err(_) => Err(format!("'{token}' in {name} is not a number; numbers are separated by spaces")),
    }
}

impl<'a> Attrs<'a> {
    /// `layers[0]` is the element itself.
    pub(super) fn new(source: Source<'a>, layers: Vec<Node<'a, 'a>>) -> Self {
        Self { source, layers }
    }

    /// The element, then its default classes from the nearest to the outermost.
    pub(super) fn layers(&self) -> impl DoubleEndedIterator<Item = Node<'a, 'a>> {
        self.layers.iter().copied()
    }

    /// Nearest definition of an attribute.
    pub(super) fn find(&self, name: &str) -> Option<Attribute<'a, 'a>> {
        self.layers.iter().find_map(|n| n.attribute_node(name))
    }

    /// Nearest layer that defines any of these attributes, alone.
    pub(super) fn nearest(&self, names: &[&str]) -> Option<Attrs<'a>> {
        let defines = |n: &&Node<'_, '_>| names.iter().any(|name| n.has_attribute(*name));
        let layer = self.layers.iter().find(defines)?;
        Some(Attrs::new(self.source, vec![*layer]))
    }

    /// The element's own name, empty if absent.
    pub(super) fn own_name(&self) -> &'a str {
        self.layers[0].attribute("name").unwrap_or("")
    }

    /// How messages call the element.
    pub(super) fn label(&self) -> String {
        let tag = self.layers[0].tag_name().name();
        match self.own_name() {
            "" => format!("<{tag}>"),
            name => format!("<{tag} name=\"{name}\">"),
        }
    }

    /// An error at the value of `name`, or at the element if nothing defines it.
    pub(super) fn error(&self, name: &str, message: impl Into<String>) -> SimError {
        let at = match self.find(name) {
            Some(attribute) => attribute.range_value().start,
            None => self.layers[0].range().start,
        };
        self.source.error(at, message)
    }

    /// Exactly `N` finite numbers.
    pub(super) fn numbers<const N: usize>(&self, name: &str) -> Result<Option<[f64; N]>> {
        let Some(attribute) = self.find(name) else {
            return Ok(None);
        };
        let mut out = [0.0; N];
        let count = self.parse(attribute, &mut out)?;
        if count == N {
            return Ok(Some(out));
        }
        let message = format!("{name} has {count} of {N} numbers");
        Err(self.source.error(attribute.range_value().start, message))
    }

    /// Exactly `count` finite numbers, as many as the file says elsewhere.
    pub(super) fn list(&self, name: &str, count: usize) -> Result<Option<Vec<f64>>> {
        let Some(attribute) = self.find(name) else {
            return Ok(None);
        };
        let fail = |message: String| self.source.error(attribute.range_value().start, message);
        let tokens = attribute.value().split_ascii_whitespace();
        let out: Vec<f64> =
            tokens.map(|token| finite(token, name)).collect::<std::result::Result<_, _>>().map_err(fail)?;
        if out.len() == count {
            return Ok(Some(out));
        }
        Err(fail(format!("{name} has {} of {count} numbers", out.len())))
    }

    /// Up to `N` finite numbers; a shorter list leaves the rest as the class or `default` says.
    pub(super) fn prefix<const N: usize>(&self, name: &str, default: [f64; N]) -> Result<[f64; N]> {
        let mut out = default;
        for layer in self.layers.iter().rev() {
            if let Some(attribute) = layer.attribute_node(name) {
                self.parse(attribute, &mut out)?;
            }
        }
        Ok(out)
    }

    fn parse(&self, attribute: Attribute<'a, 'a>, out: &mut [f64]) -> Result<usize> {
        let name = attribute.name();
        let fail = |message: String| self.source.error(attribute.range_value().start, message);
        let mut count = 0;
        for token in attribute.value().split_ascii_whitespace() {
            let Some(slot) = out.get_mut(count) else {
                let most = out.len();
                return Err(fail(format!("{name} has more than {most} number(s)")));
            };
            *slot = finite(token, name).map_err(fail)?;
            count += 1;
        }
        if count == 0 {
            return Err(fail(format!("{name} is empty, expected a number")));
        }
        Ok(count)
    }

    /// One finite number.
    pub(super) fn number(&self, name: &str, default: f64) -> Result<f64> {
        Ok(self.numbers::<1>(name)?.map_or(default, |[x]| x))
    }

    /// One finite number, at least 0.
    pub(super) fn non_negative(&self, name: &str, default: f64) -> Result<f64> {
        let value = self.number(name, default)?;
        if value < 0.0 {
            return Err(self.error(name, format!("{name} is {value}, must not be negative")));
        }
        Ok(value)
    }

    /// A whole number within `range`.
    pub(super) fn integer(
        &self,
        name: &str,
        default: i64,
        range: std::ops::RangeInclusive<i64>,
    ) -> Result<i64> {
        let Some(attribute) = self.find(name) else {
            return Ok(default);
        };
        match attribute.value().trim().parse::<i64>() {
            Ok(value) if range.contains(&value) => Ok(value),
            _ => Err(self.error(
                name,
                format!(
                    "{name} is '{}', expected a whole number from {} to {}",
                    attribute.value(),
                    range.start(),
                    range.end()
                ),
            )),
        }
    }

    /// Contact bits, all but the first 0 if absent: MuJoCo writes them as a signed 32-bit number.
    pub(super) fn bits(&self, name: &str) -> Result<u32> {
        let value = self.integer(name, 1, i64::from(i32::MIN)..=i64::from(u32::MAX))?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "-1 stands for all 32 bits"
        )]
        Ok(value as u32)
    }

    /// One of a list of words.
    pub(super) fn keyword<T: Copy>(&self, name: &str, words: &[(&str, T)]) -> Result<Option<T>> {
        let Some(attribute) = self.find(name) else {
            return Ok(None);
        };
        let found = words.iter().find(|(word, _)| *word == attribute.value());
        match found {
            Some((_, value)) => Ok(Some(*value)),
            None => {
                let valid: Vec<_> = words.iter().map(|(word, _)| *word).collect();
                let message = format!("{name} is '{}', valid: {}", attribute.value(), valid.join(", "));
                Err(self.error(name, message))
            }
        }
    }

    /// `solref`: both numbers positive (time constant, damping ratio) or both negative or 0.
    pub(super) fn solref(&self, name: &str) -> Result<[f64; 2]> {
        let value = self.prefix(name, [0.02, 1.0])?;
        if (value[0] > 0.0) != (value[1] > 0.0) {
            let message = format!(
                "{name} is {} {}: both must be positive (time constant, damping ratio) \
                 or both negative (-stiffness, -damping)",
                value[0], value[1]
            );
            return Err(self.error(name, message));
        }
        Ok(value)
    }

    /// `solimp`: dmin, dmax, midpoint in 0..=1, width at least 0, power at least 1.
    pub(super) fn solimp(&self, name: &str) -> Result<[f64; 5]> {
        let value = self.prefix(name, [0.9, 0.95, 0.001, 0.5, 2.0])?;
        let [dmin, dmax, width, midpoint, power] = value;
        let unit = 0.0..=1.0;
        if unit.contains(&dmin)
            && unit.contains(&dmax)
            && unit.contains(&midpoint)
            && width >= 0.0
            && power >= 1.0
        {
            return Ok(value);
        }
        let message = format!(
            "{name} is {dmin} {dmax} {width} {midpoint} {power}: dmin, dmax and midpoint \
             (1st, 2nd, 4th) must lie in 0..1, width (3rd) at least 0, power (5th) at least 1"
        );
        Err(self.error(name, message))
    }
}
