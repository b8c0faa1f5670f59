//! The three webhooks of an installation and how to tell them apart.

use crate::provider::unipile::v1::webhooks::RegisteredWebhook;

/// The three webhooks: name, source, events. The events of the account status are listed because the provider's default leaves out
/// `CONNECTING`, `OK` and `STOPPED`.
pub(super) const KINDS: [(&str, &str, &[&str]); 3] = [
    ("acceptd-users", "users", &["new_relation"]),
    ("acceptd-messages", "messaging", &["message_received"]),
    (
        "acceptd-account-status",
        "account_status",
        &[
            "OK",
            "ERROR",
            "STOPPED",
            "CREDENTIALS",
            "CONNECTING",
            "DELETED",
            "CREATION_SUCCESS",
            "RECONNECTED",
            "SYNC_SUCCESS",
        ],
    ),
];

/// Returns which of [`KINDS`] a webhook is, by its source or, if the provider does not show that, by its name or events.
pub(super) fn kind_of(webhook: &RegisteredWebhook) -> Option<usize> {
    if let Some(source) = &webhook.source {
        return KINDS.iter().position(|(_, its, _)| its == source);
    }
    let named = |name: &str| webhook.name.as_deref() == Some(name);
    let sends = |word: &str| webhook.events.iter().flatten().any(|event| event == word);
    KINDS
        .iter()
        .position(|(name, _, events)| named(name) || events.iter().any(|word| sends(word)))
}
