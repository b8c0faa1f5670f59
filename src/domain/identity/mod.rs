//! LinkedIn identities: the ids that a text, a URL or a URN gives for a person. See `docs/rules/identity.md`.

mod code;
mod placeholder;
mod slug;
#[cfg(test)]
mod tests;
mod url;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};

pub use placeholder::is_placeholder;

/// The characters that are escaped in the path of a profile URL.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// The longest text that is parsed, in bytes. URLs of persons are much shorter.
const TEXT_LENGTH_MAX: usize = 8192;

/// The known ids of a person. Any of them may be unknown.
///
/// It is stored as JSON. A part that is missing in a stored value is unknown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Identity {
    /// A profile id (`ACo…`) or an opaque provider id. It is case-sensitive and compared as a whole.
    pub provider_id: Option<String>,
    /// The member number that a profile id or a URN contains.
    pub member_number: Option<i64>,
    /// A Sales Navigator or Recruiter id (`ACw…`, `AEM…`). It is case-sensitive.
    pub sales_id: Option<String>,
    /// The member number that a Sales Navigator or Recruiter id contains.
    pub sales_number: Option<i64>,
    /// The public identifier in the form in which it is compared: percent-decoded, NFC, lower case.
    pub public_identifier: Option<String>,
}

impl Identity {
    /// Reads a URL, a URN, a bare id or a bare public identifier. Returns an empty identity if the text names no person, for
    /// example a [placeholder](is_placeholder).
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
        // It is a host without a path. Public identifiers contain no dot today.
        if text.contains('.') {
            return Self::default();
        }
        slug::decode(text)
            .map(|t| Self::from_slug(&t))
            .unwrap_or_default()
    }

    /// Reads a provider's id field: an id, a URN, or any other text as an opaque id. It never returns a public identifier, and
    /// bare digits are not a member number here. A [placeholder](is_placeholder) gives an empty identity.
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

    /// Reads a member URN field: `urn:li:member:…`, another URN of a person, or the bare number that a profile contains.
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

    /// Reads a public identifier field. An id or a URL in its place is recognised as such.
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

    /// Reads a decoded word in a place where a public identifier is expected: a public identifier, or an id.
    fn from_slug(text: &str) -> Self {
        // The composed form decides, because composing can turn other characters into ASCII characters.
        let composed = slug::composed(text).unwrap_or_default();
        if code::looks_like_id(&composed) {
            return Self::from_plain_id(&composed);
        }
        Self {
            public_identifier: slug::canonical(&composed),
            ..Self::default()
        }
    }

    /// Reads an id without a URN around it.
    fn from_plain_id(id: &str) -> Self {
        if !code::is_opaque(id) || is_placeholder(id) {
            return Self::default();
        }
        match code::decode(id) {
            Some((code::IdKind::Profile, number)) => Self {
                provider_id: Some(id.to_owned()),
                member_number: Some(number),
                ..Self::default()
            },
            Some((code::IdKind::Sales, number)) => Self {
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

    /// Whether it contains at least one id that can be matched.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.provider_id.is_some()
            || self.sales_id.is_some()
            || self.public_identifier.is_some()
            || self.number().is_some()
    }

    /// Whether it contains no id.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.is_usable()
    }

    /// Returns every known member number once.
    pub fn numbers(&self) -> impl Iterator<Item = i64> {
        let second = self.sales_number.filter(|n| Some(*n) != self.member_number);
        self.member_number.into_iter().chain(second)
    }

    /// Returns the member number, from whichever id contains it.
    #[must_use]
    pub fn number(&self) -> Option<i64> {
        self.member_number.or(self.sales_number)
    }

    /// Whether both name the same person: an equal id, an equal member number, or an equal public identifier while no known
    /// member numbers differ.
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

    /// Fills the unknown ids from another identity, unless its member number differs. Returns whether an id was added.
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

    /// Returns the URL of the person's profile, if the public identifier is known.
    #[must_use]
    pub fn profile_url(&self) -> Option<String> {
        self.public_identifier.as_deref().map(|slug| {
            format!(
                "https://www.linkedin.com/in/{}",
                utf8_percent_encode(slug, ESCAPED)
            )
        })
    }

    /// Whether both are known to name different persons. The first kind of id that both have decides: numbers before ids, and
    /// ids before public identifiers, because people change those.
    #[must_use]
    pub fn is_someone_else(&self, other: &Self) -> bool {
        if let (Some(mine), Some(theirs)) = (self.number(), other.number()) {
            return mine != theirs;
        }
        if let (Some(mine), Some(theirs)) = (&self.provider_id, &other.provider_id) {
            return mine != theirs;
        }
        // Sales Navigator and Recruiter use different ids for one person. They are compared only if both numbers are unknown.
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

    /// Whether a known member number of one differs from a known member number of the other.
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
