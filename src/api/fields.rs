//! The kinds of fields that requests are made of. Each checks itself while it is read.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::openapi::schema::{KnownFormat, SchemaFormat, SchemaType, Type};
use utoipa::openapi::{ObjectBuilder, OneOfBuilder, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::domain::bad_input::BadInput;
use crate::domain::patch::Patch;
use crate::domain::time::{EARLIEST, Timestamp, duration};

/// How far a caller's clock may be ahead.
const CLOCK_SKEW_MAX: Duration = Duration::from_secs(5 * 60);

/// A text of at most `MAX` characters, without control characters other than white space. White space around it is cut off.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Text<const MAX: usize>(String);

impl<const MAX: usize> Text<MAX> {
    /// The text; `None` if it is empty, which means the same as `null`.
    #[must_use]
    pub fn non_empty(self) -> Option<String> {
        (!self.0.is_empty()).then_some(self.0)
    }
}

/// A change to a text. An empty text clears the field.
pub type TextPatch<const MAX: usize> = Patch<Text<MAX>>;

impl<const MAX: usize> From<&str> for Text<MAX> {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl<const MAX: usize> From<Patch<Text<MAX>>> for Patch<String> {
    fn from(patch: Patch<Text<MAX>>) -> Self {
        patch.and_then(Text::non_empty)
    }
}

impl<'de, const MAX: usize> Deserialize<'de> for Text<MAX> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let given = String::deserialize(d)?;
        let text = given.trim();
        let wrong = |what: &str| Err(D::Error::invalid_value(Unexpected::Str(""), &what));
        if text.chars().nth(MAX).is_some() {
            return wrong(&format!("at most {MAX} characters long"));
        }
        if text.chars().any(|c| c.is_control() && !c.is_whitespace()) {
            return wrong("free of control characters");
        }
        Ok(Self(text.to_owned()))
    }
}

impl<const MAX: usize> PartialSchema for Text<MAX> {
    fn schema() -> RefOr<Schema> {
        string().max_length(Some(MAX)).into()
    }
}

impl<const MAX: usize> ToSchema for Text<MAX> {
    fn name() -> Cow<'static, str> {
        format!("Text{MAX}").into()
    }
}

/// A whole number from `MIN` to `MAX`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WholeNumber<const MIN: i64, const MAX: i64>(pub i64);

impl<'de, const MIN: i64, const MAX: i64> Deserialize<'de> for WholeNumber<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct InRange<const MIN: i64, const MAX: i64>;

        impl<const MIN: i64, const MAX: i64> Visitor<'_> for InRange<MIN, MAX> {
            type Value = i64;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a whole number from {MIN} to {MAX}")
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<i64, E> {
                if (MIN..=MAX).contains(&number) {
                    Ok(number)
                } else {
                    Err(E::invalid_value(Unexpected::Signed(number), &self))
                }
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<i64, E> {
                self.visit_i64(i64::try_from(number).unwrap_or(i64::MAX))
            }
        }

        d.deserialize_i64(InRange::<MIN, MAX>).map(Self)
    }
}

impl<const MIN: i64, const MAX: i64> PartialSchema for WholeNumber<MIN, MAX> {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::Integer)
            .minimum(Some(MIN as f64))
            .maximum(Some(MAX as f64))
            .into()
    }
}

impl<const MIN: i64, const MAX: i64> ToSchema for WholeNumber<MIN, MAX> {
    fn name() -> Cow<'static, str> {
        format!("WholeNumber{MIN}To{MAX}").into()
    }
}

/// A time that lies between 2003 and now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct PastTime(Timestamp);

impl PastTime {
    /// The time, if it is not after `now`. A caller's clock may be up to five minutes ahead: such a time counts as `now`.
    ///
    /// # Errors
    /// Returns an error of `field` if the time lies further ahead.
    pub fn until(self, now: Timestamp, field: &str) -> Result<Timestamp, BadInput> {
        if self.0 > now.plus(CLOCK_SKEW_MAX) {
            return Err(BadInput::field(
                field,
                format!(
                    "{field} lies in the future. Up to 5 minutes are accepted, because a clock may be fast."
                ),
            ));
        }
        Ok(self.0.min(now))
    }
}

impl From<Timestamp> for PastTime {
    fn from(at: Timestamp) -> Self {
        Self(at)
    }
}

impl<'de> Deserialize<'de> for PastTime {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        let wrong = |what: &str| Err(D::Error::invalid_value(Unexpected::Str(""), &what));
        match Timestamp::parse(&text) {
            None => wrong("an RFC 3339 time such as 2026-05-02T15:14:06Z"),
            Some(at) if at < EARLIEST => wrong("in 2003 or later: LinkedIn did not exist before"),
            Some(at) => Ok(Self(at)),
        }
    }
}

impl PartialSchema for PastTime {
    fn schema() -> RefOr<Schema> {
        string()
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .into()
    }
}

impl ToSchema for PastTime {}

/// A length of time such as `10d` or `1h 30m`, longer than zero.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// As the caller wrote it.
    pub text: String,
    /// Its length.
    pub length_ms: i64,
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        let length = duration(&text, false).map_err(D::Error::custom)?;
        let length_ms = i64::try_from(length.as_millis())
            .map_err(|_| D::Error::custom("this is longer than can be counted"))?;
        Ok(Self { text, length_ms })
    }
}

impl PartialSchema for Span {
    fn schema() -> RefOr<Schema> {
        string()
            .min_length(Some(1))
            .max_length(Some(64))
            .examples(["10d"])
            .into()
    }
}

impl ToSchema for Span {}

/// Reads a field that may be left out but not be `null`.
pub(super) fn not_null<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    d: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(d).map(Some)
}

fn string() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

/// The schema of what may also be `null`.
impl<T: PartialSchema> PartialSchema for Patch<T> {
    fn schema() -> RefOr<Schema> {
        match T::schema() {
            RefOr::T(Schema::Object(mut object)) => {
                if let SchemaType::Type(of) = object.schema_type {
                    object.schema_type = SchemaType::from_iter([of, Type::Null]);
                }
                object.into()
            }
            other => OneOfBuilder::new()
                .item(ObjectBuilder::new().schema_type(Type::Null))
                .item(other)
                .into(),
        }
    }
}

impl<T: ToSchema> ToSchema for Patch<T> {}
