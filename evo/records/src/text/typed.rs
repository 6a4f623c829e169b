//! Plain data as typed values, in which files, `--set` and sweeps are read.

use std::fmt::{self, Display, Formatter};
use std::sync::LazyLock;

use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error as _, IntoDeserializer, MapAccess,
    SeqAccess, Unexpected, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::{Map, Value};

/// Why data does not fit a type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeError {
    /// Path of the offending value, e.g. `strategy.OpenEs.sigma`; for unknown fields, of what should have it.
    pub path: String,
    /// What is wrong, without the path.
    pub message: String,
    /// For unknown fields and variants: the unknown name and the valid ones.
    pub unknown: Option<(String, Vec<String>)>,
    /// Whether the unknown name is a field (else a variant).
    pub field: bool,
}

impl TypeError {
    /// Message with the path.
    #[must_use]
    pub fn describe(&self) -> String {
        let Some((name, valid)) = &self.unknown else {
            return match self.path.as_str() {
                "" => self.message.clone(),
                path => format!("at {path}: {}", self.message),
            };
        };
        let valid = valid.join(", ");
        let owner = self.path.rsplit('.').find(|part| !part.is_empty());
        match (owner, self.field) {
            (Some(owner), true) => format!("unknown field '{name}' in {owner} (valid: {valid})"),
            (None, true) => format!("unknown field '{name}' (valid: {valid})"),
            (owner, false) => format!("unknown {} '{name}' (valid: {valid})", owner.unwrap_or("variant")),
        }
    }

    /// The same in a value that contains the one it is about, under this name or `[index]`.
    fn within(mut self, name: &str) -> Self {
        let joint = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        self.path = format!("{name}{joint}{}", self.path);
        self
    }
}

/// Stands between path and message where an error passes as text; no message has it.
const SEPARATOR: char = '\u{1f}';

/// Settings of registered strategies are read without their type, and their errors pass as text: with the path.
impl Display for TypeError {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(formatter, "{}{SEPARATOR}", self.path)?;
        }
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for TypeError {}

impl serde::de::Error for TypeError {
    fn custom<T: Display>(text: T) -> Self {
        let text = text.to_string();
        let (path, message) = text.split_once(SEPARATOR).unwrap_or(("", &text));
        let field = message.starts_with("unknown field `");
        let unknown = (field || message.starts_with("unknown variant `")).then(|| {
            let mut names = message.split('`').skip(1).step_by(2).map(str::to_owned);
            (names.next().unwrap_or_default(), names.collect())
        });
        Self { path: path.to_owned(), message: message.to_owned(), unknown, field }
    }

    fn missing_field(name: &'static str) -> Self {
        Self::custom(format_args!("missing field '{name}'"))
    }
}

/// Data as a typed value.
///
/// Both `Variant` and `Variant()` are accepted for a variant without content and for one whose fields all have
/// defaults, and a struct may have its name in front, as in RON; JSON itself keeps these apart.
///
/// # Errors
/// Where the data does not fit the type, and what was expected.
pub fn from_value<T: DeserializeOwned>(value: &Value) -> Result<T, TypeError> {
    T::deserialize(Reader(value))
}

/// What a variant without brackets holds.
static NOTHING: LazyLock<Value> = LazyLock::new(|| Value::Object(Map::new()));

#[derive(Clone, Copy)]
struct Reader<'a>(&'a Value);

impl<'a> Reader<'a> {
    /// What it is, for messages.
    fn found(self) -> Unexpected<'a> {
        match self.0 {
            Value::Null => Unexpected::Other("None"),
            Value::Bool(value) => Unexpected::Bool(*value),
            Value::Number(value) => match (value.as_u64(), value.as_i64()) {
                (Some(value), _) => Unexpected::Unsigned(value),
                (None, Some(value)) => Unexpected::Signed(value),
                (None, None) => Unexpected::Float(value.as_f64().unwrap_or(f64::NAN)),
            },
            Value::String(value) => Unexpected::Str(value),
            Value::Array(_) => Unexpected::Seq,
            Value::Object(_) => Unexpected::Map,
        }
    }

    /// The content if this is `Name(content)`.
    fn named(self, name: &str) -> Option<Self> {
        let map = self.0.as_object().filter(|map| map.len() == 1)?;
        map.get(name).map(Self)
    }

    fn fields<V: Visitor<'a>>(map: &'a Map<String, Value>, visitor: V) -> Result<V::Value, TypeError> {
        visitor.visit_map(Fields { rest: map.iter(), value: None })
    }

    fn list<V: Visitor<'a>>(list: &'a [Value], visitor: V) -> Result<V::Value, TypeError> {
        let mut items = Items { list, next: 0 };
        let value = visitor.visit_seq(&mut items)?;
        if items.next < list.len() {
            let expected = format!("{} values", items.next);
            return Err(TypeError::invalid_length(list.len(), &expected.as_str()));
        }
        Ok(value)
    }
}

impl<'de> Deserializer<'de> for Reader<'de> {
    type Error = TypeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
        match self.0 {
            Value::Null => visitor.visit_unit().map_err(|error: TypeError| TypeError {
                message: error.message.replace("unit value", "None"),
                ..error
            }),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Number(value) => match (value.as_u64(), value.as_i64()) {
                (Some(value), _) => visitor.visit_u64(value),
                (None, Some(value)) => visitor.visit_i64(value),
                (None, None) => visitor.visit_f64(value.as_f64().unwrap_or(f64::NAN)),
            },
            Value::String(value) => visitor.visit_borrowed_str(value),
            Value::Array(list) => Self::list(list, visitor),
            Value::Object(map) => Self::fields(map, visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
        match self.0 {
            Value::Object(map) if map.is_empty() => visitor.visit_unit(),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, TypeError> {
        if self.0.as_str() == Some(name) {
            visitor.visit_unit()
        } else {
            self.named(name).unwrap_or(self).deserialize_unit(visitor)
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, TypeError> {
        match self.named(name) {
            Some(inner) => visitor.visit_newtype_struct(inner).map_err(|error| error.within(name)),
            None => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, TypeError> {
        match self.named(name) {
            Some(inner) => inner.deserialize_any(visitor).map_err(|error| error.within(name)),
            None => self.deserialize_any(visitor),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, TypeError> {
        let named = if fields.contains(&name) { None } else { self.named(name) };
        match (self.0, named) {
            (_, Some(inner)) => {
                inner.deserialize_struct(name, fields, visitor).map_err(|error| error.within(name))
            }
            (Value::Object(map), None) => Self::fields(map, visitor),
            // Fields have names; serde would take their values in order, too.
            _ => Err(TypeError::invalid_type(self.found(), &visitor)),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, TypeError> {
        let variant = match self.0 {
            Value::String(name) => Some((name, None)),
            Value::Object(map) if map.len() == 1 => {
                map.iter().next().map(|(name, content)| (name, Some(content)))
            }
            _ => None,
        };
        match variant {
            Some((name, content)) => visitor.visit_enum(Variant { name, content }),
            None => {
                let expected = format!("one of {}", variants.join(", "));
                Err(TypeError::invalid_type(self.found(), &expected.as_str()))
            }
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf seq tuple map identifier
        ignored_any
    }
}

/// Fields of a struct or entries of a map.
struct Fields<'a> {
    rest: serde_json::map::Iter<'a>,
    value: Option<(&'a str, &'a Value)>,
}

impl<'de> MapAccess<'de> for Fields<'de> {
    type Error = TypeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, TypeError> {
        let Some((key, value)) = self.rest.next() else { return Ok(None) };
        self.value = Some((key, value));
        let key: StrDeserializer<'_, TypeError> = key.as_str().into_deserializer();
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, TypeError> {
        let (key, value) = self.value.take().unwrap_or(("", &Value::Null));
        seed.deserialize(Reader(value)).map_err(|error| error.within(key))
    }
}

struct Items<'a> {
    list: &'a [Value],
    next: usize,
}

impl<'de> SeqAccess<'de> for &mut Items<'de> {
    type Error = TypeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, TypeError> {
        let Some(value) = self.list.get(self.next) else { return Ok(None) };
        let index = self.next;
        self.next += 1;
        seed.deserialize(Reader(value)).map(Some).map_err(|error| error.within(&format!("[{index}]")))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.list.len() - self.next)
    }
}

struct Variant<'a> {
    name: &'a str,
    content: Option<&'a Value>,
}

impl<'de> EnumAccess<'de> for Variant<'de> {
    type Error = TypeError;
    type Variant = Self;

    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Self), TypeError> {
        let name: StrDeserializer<'_, TypeError> = self.name.into_deserializer();
        Ok((seed.deserialize(name)?, self))
    }
}

impl<'de> Variant<'de> {
    /// Reads the content, that of `Variant()` if there are no brackets.
    fn content<T>(self, read: impl FnOnce(Reader<'de>) -> Result<T, TypeError>) -> Result<T, TypeError> {
        let error = match read(Reader(self.content.unwrap_or(&NOTHING))) {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        let wants_more = self.content.is_none() && error.path.is_empty() && error.unknown.is_none();
        let error = if wants_more && !error.message.starts_with("missing field") {
            TypeError::custom(format_args!("expected a value in brackets, as in {}(...)", self.name))
        } else {
            error
        };
        Err(error.within(self.name))
    }
}

impl<'de> VariantAccess<'de> for Variant<'de> {
    type Error = TypeError;

    fn unit_variant(self) -> Result<(), TypeError> {
        self.content(|content| match content.0 {
            Value::Object(map) if map.is_empty() => Ok(()),
            _ => Err(TypeError::invalid_type(content.found(), &"nothing in the brackets")),
        })
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, TypeError> {
        self.content(|content| seed.deserialize(content))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, TypeError> {
        self.content(|content| match content.0 {
            Value::Array(list) => Reader::list(list, visitor),
            _ => Err(TypeError::invalid_type(content.found(), &visitor)),
        })
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, TypeError> {
        self.content(|content| match content.0 {
            Value::Object(map) => Reader::fields(map, visitor),
            _ => Err(TypeError::invalid_type(content.found(), &visitor)),
        })
    }
}
