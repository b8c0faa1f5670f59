//! Reads JSON bodies and query strings into types. Built on serde; the errors name the field that is wrong and say what it must be.
//!
//! Fields and parameters that a type does not have are ignored.

use serde::de::value::StringDeserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error as _, Expected,
    IntoDeserializer, MapAccess, SeqAccess, Unexpected, Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::Value;

use crate::domain::bad_input::BadInput;

/// The longest part of an unknown word that an error quotes, in characters.
const QUOTED_CHARS_MAX: usize = 64;

/// Reads a value of JSON.
///
/// # Errors
/// Returns the first field that can't be read, as a dotted path.
pub fn from_json<T: DeserializeOwned>(value: Value) -> Result<T, BadInput> {
    Ok(T::deserialize(Node::Json(value))?)
}

/// Reads a query string. A parameter may be given once.
///
/// # Errors
/// Returns the first parameter that can't be read.
pub fn from_query<T: DeserializeOwned>(query: &str) -> Result<T, BadInput> {
    let pairs = url::form_urlencoded::parse(query.as_bytes());
    Ok(T::deserialize(Node::Query(pairs.into_owned().collect()))?)
}

/// Something to read a value from.
enum Node {
    Json(Value),
    /// The value of a query parameter: it may be meant as a number, a flag or a word.
    Text(String),
    Query(Vec<(String, String)>),
}

/// What can't be read, and where.
#[derive(Debug)]
struct ReadError {
    /// The innermost key comes first.
    path: Vec<String>,
    wrong: Wrong,
}

#[derive(Debug)]
enum Wrong {
    Missing,
    GivenTwice,
    MustBe(String),
    Other(String),
}

impl ReadError {
    fn must_be(what: impl std::fmt::Display) -> Self {
        Self {
            path: Vec::new(),
            wrong: Wrong::MustBe(what.to_string()),
        }
    }

    fn in_field(field: &str, wrong: Wrong) -> Self {
        Self {
            path: vec![field.to_owned()],
            wrong,
        }
    }

    /// Adds the key under which the value stands.
    fn below(mut self, key: impl Into<String>) -> Self {
        self.path.push(key.into());
        self
    }
}

impl From<ReadError> for BadInput {
    fn from(error: ReadError) -> Self {
        let mut path = error.path;
        path.reverse();
        let field = (!path.is_empty()).then(|| path.join("."));
        let name = field.as_deref().unwrap_or("The body");
        let detail = match error.wrong {
            Wrong::Missing => format!("{name} is needed."),
            Wrong::GivenTwice => format!("{name} is given twice."),
            Wrong::MustBe(what) => format!("{name} must be {what}."),
            Wrong::Other(why) => format!("{name}: {}.", why.trim_end_matches('.')),
        };
        Self { field, detail }
    }
}

impl std::fmt::Display for ReadError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} at {:?}", self.wrong, self.path)
    }
}

impl std::error::Error for ReadError {}

impl serde::de::Error for ReadError {
    fn custom<T: std::fmt::Display>(why: T) -> Self {
        Self {
            path: Vec::new(),
            wrong: Wrong::Other(why.to_string()),
        }
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        match found {
            Unexpected::Unit | Unexpected::Option => {
                Self::must_be(format_args!("{expected}, not null"))
            }
            _ => Self::must_be(expected),
        }
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::must_be(expected)
    }

    fn unknown_variant(word: &str, expected: &'static [&'static str]) -> Self {
        let word: String = word.chars().take(QUOTED_CHARS_MAX).collect();
        Self::custom(format_args!(
            "{word:?} is not one of {}",
            expected.join(", ")
        ))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::in_field(field, Wrong::Missing)
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::in_field(field, Wrong::GivenTwice)
    }
}

/// A text of digits as a number. A sign, white space or nothing at all is no number.
fn digits(text: &str) -> Option<u64> {
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse().ok())?
}

macro_rules! numbers {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
            match self {
                Self::Text(text) => match digits(&text) {
                    Some(number) => visitor.visit_u64(number),
                    None => Err(ReadError::must_be(&visitor as &dyn Expected)),
                },
                other => other.deserialize_any(visitor),
            }
        })*
    };
}

impl<'de> Deserializer<'de> for Node {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self {
            Self::Text(text) | Self::Json(Value::String(text)) => visitor.visit_string(text),
            Self::Json(Value::Null) => visitor.visit_unit(),
            Self::Json(Value::Bool(set)) => visitor.visit_bool(set),
            Self::Json(Value::Number(number)) => {
                if let Some(number) = number.as_u64() {
                    visitor.visit_u64(number)
                } else if let Some(number) = number.as_i64() {
                    visitor.visit_i64(number)
                } else {
                    visitor.visit_f64(number.as_f64().unwrap_or(f64::NAN))
                }
            }
            Self::Json(Value::Array(items)) => visitor.visit_seq(Items {
                rest: items.into_iter(),
                index: 0,
            }),
            Self::Json(Value::Object(fields)) => visitor.visit_map(Fields::new(
                fields
                    .into_iter()
                    .map(|(key, value)| (key, Node::Json(value))),
            )),
            Self::Query(pairs) => visitor.visit_map(Fields::new(
                pairs
                    .into_iter()
                    .map(|(key, value)| (key, Node::Text(value))),
            )),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self {
            Self::Json(Value::Null) => visitor.visit_none(),
            other => visitor.visit_some(other),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        match self {
            Self::Json(Value::Object(_)) | Self::Query(_) => self.deserialize_any(visitor),
            _ => Err(ReadError::must_be("a JSON object")),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        match self {
            Self::Text(word) | Self::Json(Value::String(word)) => {
                let word: StringDeserializer<ReadError> = word.into_deserializer();
                visitor.visit_enum(Word(word))
            }
            Self::Json(Value::Null) => Err(ReadError::must_be("a string, not null")),
            _ => Err(ReadError::must_be("a string")),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self {
            Self::Json(Value::Bool(set)) => visitor.visit_bool(set),
            Self::Text(text) if text == "true" => visitor.visit_bool(true),
            Self::Text(text) if text == "false" => visitor.visit_bool(false),
            _ => Err(ReadError::must_be("true or false")),
        }
    }

    numbers!(deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_u8 deserialize_u16 deserialize_u32
        deserialize_u64 deserialize_f32 deserialize_f64);

    forward_to_deserialize_any! {
        i128 u128 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map identifier ignored_any
    }
}

/// The word of a list.
struct Word(StringDeserializer<ReadError>);

impl<'de> EnumAccess<'de> for Word {
    type Error = ReadError;
    type Variant = <StringDeserializer<ReadError> as EnumAccess<'de>>::Variant;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Self::Variant), ReadError> {
        self.0.variant_seed(seed)
    }
}

/// The fields of an object, or the parameters of a query.
struct Fields<I> {
    rest: I,
    next: Option<(String, Node)>,
}

impl<I> Fields<I> {
    fn new(rest: I) -> Self {
        Self { rest, next: None }
    }
}

impl<'de, I: Iterator<Item = (String, Node)>> MapAccess<'de> for Fields<I> {
    type Error = ReadError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, ReadError> {
        self.next = self.rest.next();
        let Some((key, _)) = &self.next else {
            return Ok(None);
        };
        seed.deserialize(Node::Text(key.clone())).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, ReadError> {
        let (key, value) = self
            .next
            .take()
            .ok_or_else(|| ReadError::custom("a value was asked for without its key"))?;
        seed.deserialize(value).map_err(|error| error.below(key))
    }
}

/// The items of an array.
struct Items {
    rest: std::vec::IntoIter<Value>,
    index: usize,
}

impl<'de> SeqAccess<'de> for Items {
    type Error = ReadError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, ReadError> {
        let Some(value) = self.rest.next() else {
            return Ok(None);
        };
        let index = self.index;
        self.index += 1;
        seed.deserialize(Node::Json(value))
            .map(Some)
            .map_err(|error| error.below(index.to_string()))
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) use tests::any_json;
