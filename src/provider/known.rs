//! What a field of the provider's answers says about who somebody is.

use crate::domain::identity::Identity;

pub(super) fn from_id(id: &str) -> Identity {
    Identity {
        provider_id: Some(id.to_owned()),
        ..Identity::default()
    }
}

/// A urn or an address: its last part.
pub(super) fn from_text(text: &str) -> Identity {
    let last = text.rsplit([':', '/']).find(|part| !part.is_empty());
    last.map(from_id).unwrap_or_default()
}

/// A urn of a member or its bare number.
pub(super) fn from_member_urn(urn: &str) -> Identity {
    Identity {
        member_number: urn
            .rsplit(':')
            .next()
            .and_then(|number| number.parse().ok()),
        ..Identity::default()
    }
}

pub(super) fn from_public_identifier(slug: &str) -> Identity {
    Identity {
        public_identifier: Some(slug.to_lowercase()),
        ..Identity::default()
    }
}

pub(super) fn fill_from(identity: &mut Identity, other: &Identity) {
    if identity.provider_id.is_none() {
        identity.provider_id.clone_from(&other.provider_id);
    }
    if identity.public_identifier.is_none() {
        identity
            .public_identifier
            .clone_from(&other.public_identifier);
    }
    identity.member_number = identity.member_number.or(other.member_number);
}

pub(super) fn is_usable(identity: &Identity) -> bool {
    *identity != Identity::default()
}
