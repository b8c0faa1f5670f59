//! Plans the steps from the registered webhooks to the wanted ones.

use super::kinds::{KINDS, kind_of};
use super::wanted::Wanted;
use crate::provider::register::{Done, RegisterStep};
use crate::provider::unipile::v1::webhooks::RegisteredWebhook;

/// One step towards the three webhooks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// The webhook exists and is as wanted.
    Keep {
        /// Our name for the webhook.
        name: &'static str,
        /// The provider's id.
        id: String,
    },
    /// No existing webhook is as wanted.
    Create {
        /// Our name for the webhook.
        name: &'static str,
    },
    /// The webhook is a duplicate or was replaced.
    Remove {
        /// Our name for the webhook.
        name: &'static str,
        /// The provider's id.
        id: String,
    },
}

impl Action {
    /// Returns the step that was done, with the id of the webhook.
    pub(in crate::provider) fn step(&self, id: &str) -> RegisterStep {
        let (done, name) = match self {
            Self::Keep { name, .. } => (Done::Kept, name),
            Self::Create { name } => (Done::Created, name),
            Self::Remove { name, .. } => (Done::Removed, name),
        };
        RegisterStep {
            done,
            name: (*name).to_owned(),
            id: id.to_owned(),
        }
    }
}

/// Returns the steps in order: everything is created before anything is removed. Webhooks of others are not touched.
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
