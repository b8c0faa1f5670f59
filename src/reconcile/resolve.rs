//! Finds the enrollments that a signal is about: by four paths, strongest first, and among sibling accounts. See
//! `docs/rules/signals.md`.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use super::Policy;
use crate::domain::enrollment::Enrollment;
use crate::domain::identity::Identity;
use crate::domain::ids::AccountId;
use crate::domain::signal::{Path, Source};

/// Returns the strongest path by which an enrollment is the person, or `None` if it is not.
#[must_use]
pub fn path(enrollment: &Enrollment, person: &Identity) -> Option<Path> {
    let has_id = |id: Option<&String>| {
        id.is_some() && (id == person.provider_id.as_ref() || id == person.sales_id.as_ref())
    };
    let has_number = |number: Option<i64>| number.is_some_and(|n| person.numbers().any(|p| p == n));
    let (own, invite) = (&enrollment.identity, &enrollment.invite);
    if has_id(invite.provider_id.as_ref()) || has_number(invite.number) {
        return Some(Path::Bridge);
    }
    if has_id(own.provider_id.as_ref()) || has_number(own.member_number) {
        return Some(Path::Direct);
    }
    if has_id(own.sales_id.as_ref()) || has_number(own.sales_number) {
        return Some(Path::SalesNav);
    }
    let same_identifier =
        own.public_identifier.is_some() && own.public_identifier == person.public_identifier;
    let known: BTreeSet<i64> = own.numbers().chain(invite.number).collect();
    let numbers_differ = !known.is_empty() && person.numbers().any(|n| !known.contains(&n));
    (same_identifier && !numbers_differ).then_some(Path::Profile)
}

/// The enrollments that a person was resolved to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    /// The enrollments of one account.
    Found {
        /// The enrollments, each with its strongest path.
        matches: Vec<(Enrollment, Path)>,
        /// Whether their account is a sibling of the account of the signal.
        via_sibling: bool,
    },
    /// Enrollments of several sibling accounts. Nobody can say which one is meant.
    Ambiguous(Vec<(Enrollment, Path)>),
    /// No enrollment.
    Nobody,
}

/// Selects the candidates that are the person. Only a webhook looks at the siblings of its account, and only if no enrollment of
/// its own account is the person.
///
/// `own_ids` are all the ids of the signal's account.
#[must_use]
pub fn resolve(
    policy: &Policy,
    own_ids: &[AccountId],
    source: Source,
    person: &Identity,
    candidates: Vec<Enrollment>,
) -> Resolution {
    let matches: Vec<(Enrollment, Path)> = candidates
        .into_iter()
        .filter_map(|e| path(&e, person).map(|path| (e, path)))
        .collect();
    let (own, others): (Vec<_>, Vec<_>) = matches
        .into_iter()
        .partition(|(e, _)| own_ids.contains(&e.account));
    if !own.is_empty() {
        return Resolution::Found {
            matches: own,
            via_sibling: false,
        };
    }
    if source != Source::Webhook {
        return Resolution::Nobody;
    }
    let siblings: Vec<_> = others
        .into_iter()
        .filter(|(e, _)| own_ids.iter().any(|id| policy.siblings(id, &e.account)))
        .collect();
    let accounts: BTreeSet<&AccountId> = siblings.iter().map(|(e, _)| &e.account).collect();
    match accounts.len() {
        0 => Resolution::Nobody,
        1 => Resolution::Found {
            matches: siblings,
            via_sibling: true,
        },
        _ => Resolution::Ambiguous(siblings),
    }
}
