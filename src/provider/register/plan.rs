//! The steps from what is registered to what is wanted.

use super::kinds::{KINDS, kind_of};
use super::wanted::Wanted;
use crate::provider::types::RegisteredWebhook;

/// One step towards exactly three webhooks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// It is there and right.
    Keep {
        /// Our name of its kind.
        name: &'static str,
        /// The provider's id.
        id: String,
    },
    /// It is missing, or none that is there is right.
    Create {
        /// Our name of its kind.
        name: &'static str,
    },
    /// It is one too many, or replaced.
    Remove {
        /// Our name of its kind.
        name: &'static str,
        /// The provider's id.
        id: String,
    },
}

/// The steps, in their order: everything that is created comes before anything that is removed. Webhooks that are not ours are
/// not touched.
#[must_use]
pub fn plan(existing: &[RegisteredWebhook], wanted: &Wanted) -> Vec<Action> {
    let (mut first, mut last) = (Vec::new(), Vec::new());
    for (kind, (name, _, events)) in KINDS.iter().enumerate() {
        let ours: Vec<_> = existing
            .iter()
            .filter(|webhook| wanted.owns(webhook) && kind_of(webhook) == Some(kind))
            .collect();
        let right = ours
            .iter()
            .find(|webhook| wanted.is_met_by(webhook, events));
        first.push(match right {
            Some(webhook) => Action::Keep {
                name,
                id: webhook.id.clone(),
            },
            None => Action::Create { name },
        });
        let others = ours
            .iter()
            .filter(|webhook| right.is_none_or(|right| right.id != webhook.id));
        last.extend(others.map(|webhook| Action::Remove {
            name,
            id: webhook.id.clone(),
        }));
    }
    first.append(&mut last);
    first
}
