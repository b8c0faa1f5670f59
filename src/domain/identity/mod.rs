//! LinkedIn identities: what an id, a URL or a urn says about who a person is.

mod code;
mod placeholder;
mod slug;
#[cfg(test)]
mod tests;
mod url;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};

pub use placeholder::is_placeholder;

/// What a URL path may carry as it is.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// The longest text that is looked at, in bytes: no URL of a person comes near it.
const TEXT_LENGTH_MAX: usize = 8192;

/// What is known of who a person is; any part may be unknown. It is stored: a part that is missing where it is read again is
/// unknown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Identity {
    /// A profile id (`ACo…`) or an opaque provider id, case kept, compared whole.
    pub provider_id: Option<String>,
    /// The member number, where a profile id or a urn gives it.
    pub member_number: Option<i64>,
    /// A Sales Navigator or Recruiter id (`ACw…`, `AEM…`), case kept.
    pub sales_id: Option<String>,
    /// The member number, where a Sales Navigator or Recruiter id gives it.
    pub sales_number: Option<i64>,
    /// The public identifier as it is compared: percent-decoded, NFC, lower-case.
    pub public_identifier: Option<String>,
}

impl Identity {
    /// Reads a URL, a urn, a bare id or a bare public identifier. Returns an empty identity if the text names no person, such as
    /// a [placeholder](is_placeholder).
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        let Some(text) = readable(text).filter(|text| !is_placeholder(text)) else {
            return Self::default();
        };
        if starts_with_ignoring_case(text, "urn:") {
            return url::urn(text);
        }
        if starts_with_ignoring_case(text, "urn%3A") {
            return slug::decode(text).map(|t| url::urn(&t)).unwrap_or_default();
        }
        if text.contains('/') {
            return url::parse(text);
        }
        // A host without a path; a public identifier has no dot today.
        if text.contains('.') {
            return Self::default();
        }
        slug::decode(text)
            .map(|t| Self::from_slug(&t))
            .unwrap_or_default()
    }

    /// Reads a provider's id field: an id, a urn, or anything else as an opaque string. Never a public identifier, and bare
    /// digits are no member number here. A [placeholder](is_placeholder) is no id.
    #[must_use]
    pub fn from_id(id: &str) -> Self {
        let Some(id) = readable(id).filter(|id| !is_placeholder(id)) else {
            return Self::default();
        };
        let named = url::urn(id);
        if named.is_usable() {
            return named;
        }
        Self::from_plain_id(id)
    }

    /// Reads a member urn field: `urn:li:member:…` or another urn of a person, or the bare number that a profile carries.
    #[must_use]
    pub fn from_member_urn(urn: &str) -> Self {
        let Some(urn) = readable(urn) else {
            return Self::default();
        };
        match code::member_number(urn) {
            Some(number) => Self {
                member_number: Some(number),
                ..Self::default()
            },
            None => url::urn(urn),
        }
    }

    /// Reads a public identifier field. An id or a URL that stands there is taken for what it is.
    #[must_use]
    pub fn from_public_identifier(text: &str) -> Self {
        let Some(text) = readable(text) else {
            return Self::default();
        };
        if text.contains('/') {
            return url::parse(text);
        }
        slug::decode(text)
            .map(|t| Self::from_slug(&t))
            .unwrap_or_default()
    }

    /// Reads a decoded word that stands where a public identifier can stand: a public identifier, or an id in its place.
    fn from_slug(text: &str) -> Self {
        // The composed form decides: composing and lower-casing can turn other characters into ASCII ones.
        let composed = slug::composed(text).unwrap_or_default();
        if code::looks_like_id(&composed) {
            return Self::from_plain_id(&composed);
        }
        Self {
            public_identifier: slug::canonical(&composed),
            ..Self::default()
        }
    }

    /// An id without a urn around it.
    fn from_plain_id(id: &str) -> Self {
        if !code::is_opaque(id) || is_placeholder(id) {
            return Self::default();
        }
        match code::decode(id) {
            Some((code::Kind::Profile, number)) => Self {
                provider_id: Some(id.to_owned()),
                member_number: Some(number),
                ..Self::default()
            },
            Some((code::Kind::Sales, number)) => Self {
                sales_id: Some(id.to_owned()),
                sales_number: Some(number),
                ..Self::default()
            },
            None => Self {
                provider_id: Some(id.to_owned()),
                ..Self::default()
            },
        }
    }

    /// Whether it can be matched with anything.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.provider_id.is_some()
            || self.sales_id.is_some()
            || self.public_identifier.is_some()
            || self.number().is_some()
    }

    /// Whether nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.is_usable()
    }

    /// Every known member number, each once.
    pub fn numbers(&self) -> impl Iterator<Item = i64> {
        let second = self.sales_number.filter(|n| Some(*n) != self.member_number);
        self.member_number.into_iter().chain(second)
    }

    /// The member number, from whatever gives it.
    #[must_use]
    pub fn number(&self) -> Option<i64> {
        self.member_number.or(self.sales_number)
    }

    /// Whether the two are one person: the same id, the same member number, or the same public
    /// identifier and no two known member numbers that differ.
    #[must_use]
    pub fn same_person(&self, other: &Self) -> bool {
        let same_id = self
            .ids()
            .any(|mine| other.ids().any(|theirs| mine == theirs));
        let same_number = self
            .numbers()
            .any(|mine| other.numbers().any(|theirs| mine == theirs));
        let same_slug =
            self.public_identifier.is_some() && self.public_identifier == other.public_identifier;
        same_id || same_number || (same_slug && !self.contradicts(other))
    }

    /// Takes over what is not known yet. Nothing is taken from an identity with another member number. Says whether
    /// something was gained.
    pub fn fill_from(&mut self, other: &Self) -> bool {
        if self.contradicts(other) {
            return false;
        }
        let before = self.clone();
        fill(&mut self.provider_id, &other.provider_id);
        fill(&mut self.member_number, &other.member_number);
        fill(&mut self.sales_id, &other.sales_id);
        fill(&mut self.sales_number, &other.sales_number);
        fill(&mut self.public_identifier, &other.public_identifier);
        *self != before
    }

    /// The person's page, where the public identifier is known.
    #[must_use]
    pub fn profile_url(&self) -> Option<String> {
        self.public_identifier.as_deref().map(|slug| {
            format!(
                "https://www.linkedin.com/in/{}",
                utf8_percent_encode(slug, ESCAPED)
            )
        })
    }

    /// Whether two identities are known to belong to two people. The first kind of identity that both have decides: numbers
    /// before ids, ids before public identifiers, because people change those.
    #[must_use]
    pub fn is_someone_else(&self, other: &Self) -> bool {
        if let (Some(mine), Some(theirs)) = (self.number(), other.number()) {
            return mine != theirs;
        }
        if let (Some(mine), Some(theirs)) = (&self.provider_id, &other.provider_id) {
            return mine != theirs;
        }
        // Sales Navigator and Recruiter have different ids for one person: they are compared only if both numbers are unknown.
        if let (Some(mine), Some(theirs)) = (&self.sales_id, &other.sales_id)
            && self.number().is_none()
            && other.number().is_none()
        {
            return mine != theirs;
        }
        match (&self.public_identifier, &other.public_identifier) {
            (Some(mine), Some(theirs)) => mine != theirs,
            _ => false,
        }
    }

    fn ids(&self) -> impl Iterator<Item = &str> {
        [self.provider_id.as_deref(), self.sales_id.as_deref()]
            .into_iter()
            .flatten()
    }

    /// Whether a known member number of the one differs from a known one of the other.
    #[must_use]
    pub fn contradicts(&self, other: &Self) -> bool {
        self.numbers()
            .any(|mine| other.numbers().any(|theirs| mine != theirs))
    }
}

fn fill<T: Clone>(slot: &mut Option<T>, value: &Option<T>) {
    if slot.is_none() {
        slot.clone_from(value);
    }
}

fn readable(text: &str) -> Option<&str> {
    let text = (text.len() <= TEXT_LENGTH_MAX).then(|| text.trim())?;
    (!text.is_empty()).then_some(text)
}

fn starts_with_ignoring_case(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}
