//! The provider's webhooks for one installation: created, replaced where they differ, never two of a kind (contract section 2,
//! `register`).
//!
//! The provider has no call to change a webhook, so a change is a new one and then the removal of the old one, in that order: an
//! event that comes twice is harmless, an event that comes to nobody is lost. Whatever an interrupted run leaves behind, the next
//! one clears up.

use std::collections::BTreeSet;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use url::Url;

use super::client::Unipile;
use super::error::CallError;
use super::types::RegisteredWebhook;

/// The path that the provider sends to, after `server.public_url`.
pub const HOOK_PATH: &str = "/webhooks/unipile";

/// The most pages of webhooks that are read.
const PAGES_MAX: usize = 100;

/// The three webhooks: name, source, events. The events of the account status are named, since what the provider sends by default
/// leaves out `CONNECTING`, `OK` and `STOPPED`.
const KINDS: [(&str, &str, &[&str]); 3] = [
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

/// What every one of our webhooks has in common.
#[derive(Debug, Clone)]
pub struct Wanted {
    request_url: Url,
    header: String,
    secret: SecretString,
}

impl Wanted {
    /// For a `server.public_url`, with or without a path or a slash at its end, and the header and secret of `[unipile]`.
    ///
    /// # Errors
    /// One sentence: what is not set or can't be used.
    pub fn new(public_url: &Url, header: &str, secret: SecretString) -> Result<Self, String> {
        if !matches!(public_url.scheme(), "http" | "https") || public_url.host().is_none() {
            return Err("server.public_url must start with https:// or http://".to_owned());
        }
        if secret.expose_secret().is_empty() {
            return Err(
                "unipile.webhook_secret is not set: the provider's webhooks would be refused"
                    .to_owned(),
            );
        }
        let mut request_url = public_url.clone();
        request_url.set_query(None);
        request_url.set_fragment(None);
        let path = format!("{}{HOOK_PATH}", request_url.path().trim_end_matches('/'));
        request_url.set_path(&path);
        Ok(Self {
            request_url,
            header: header.to_owned(),
            secret,
        })
    }

    /// Where the provider will send to.
    #[must_use]
    pub fn request_url(&self) -> &Url {
        &self.request_url
    }

    fn headers(&self) -> [(&str, &str); 2] {
        [
            (&self.header, self.secret.expose_secret()),
            ("Content-Type", "application/json"),
        ]
    }

    fn body(&self, name: &str, source: &str, events: &[&str]) -> Value {
        let headers = self
            .headers()
            .map(|(key, value)| json!({"key": key, "value": value}));
        json!({
            "source": source,
            "request_url": self.request_url.as_str(),
            "name": name,
            "format": "json",
            "headers": headers,
            "events": events,
        })
    }

    /// Whether a registered webhook belongs to this installation: it sends to our address; or, after `public_url` has changed,
    /// it has one of our names, sends to some acceptd, and carries our secret. Another installation has another secret.
    fn owns(&self, webhook: &RegisteredWebhook) -> bool {
        let Ok(url) = Url::parse(&webhook.request_url) else {
            return false;
        };
        let sends_to = |url: &Url| url.path().trim_end_matches('/').to_owned();
        if url.origin() == self.request_url.origin()
            && sends_to(&url) == sends_to(&self.request_url)
        {
            return true;
        }
        let named = KINDS
            .iter()
            .any(|(name, _, _)| webhook.name.as_deref() == Some(name));
        named && sends_to(&url).ends_with(HOOK_PATH) && self.carries_secret(webhook)
    }

    fn carries_secret(&self, webhook: &RegisteredWebhook) -> bool {
        let secret = self.secret.expose_secret();
        let headers = webhook.headers.iter().flatten();
        headers.into_iter().any(|(_, value)| value == secret)
    }

    /// Whether a registered webhook does all that ours has to. Headers that the provider does not show may be old: they don't.
    fn is_met_by(&self, webhook: &RegisteredWebhook, events: &[&str]) -> bool {
        let folded = |words: Vec<&str>| -> BTreeSet<String> {
            words.iter().map(|word| word.to_lowercase()).collect()
        };
        let shown = webhook.headers.as_deref().unwrap_or_default();
        let has = |(key, value): (&str, &str)| {
            shown
                .iter()
                .any(|(its, text)| its.eq_ignore_ascii_case(key) && text == value)
        };
        let events_fit = webhook.events.as_ref().is_none_or(|its| {
            folded(its.iter().map(String::as_str).collect()) == folded(events.to_vec())
        });
        webhook.request_url == self.request_url.as_str()
            && webhook.enabled
            && !webhook.limited
            && events_fit
            && self.headers().into_iter().all(has)
    }
}

/// What a webhook is for, by its source or, where the provider does not show that, by its name or its events.
fn kind_of(webhook: &RegisteredWebhook) -> Option<usize> {
    if let Some(source) = &webhook.source {
        return KINDS.iter().position(|(_, its, _)| its == source);
    }
    let named = |name: &str| webhook.name.as_deref() == Some(name);
    let sends = |word: &str| webhook.events.iter().flatten().any(|event| event == word);
    KINDS
        .iter()
        .position(|(name, _, events)| named(name) || events.iter().any(|word| sends(word)))
}

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

/// Reads what is registered, and takes every step of the [`plan`]. `done` is told of each step once it is done, with the id of
/// the webhook.
///
/// # Errors
/// The first [`CallError`]; the steps told of before it are done, and running it again does the rest.
pub async fn register(
    client: &Unipile,
    wanted: &Wanted,
    mut done: impl FnMut(&Action, &str),
) -> Result<(), CallError> {
    let existing = read_all(client).await?;
    for action in plan(&existing, wanted) {
        match &action {
            Action::Keep { id, .. } => done(&action, id),
            Action::Create { name } => {
                for (its, source, events) in KINDS {
                    if its == *name {
                        let id = client
                            .create_webhook(&wanted.body(name, source, events))
                            .await?;
                        done(&action, &id);
                    }
                }
            }
            Action::Remove { id, .. } => {
                client.delete_webhook(id).await?;
                done(&action, id);
            }
        }
    }
    Ok(())
}

async fn read_all(client: &Unipile) -> Result<Vec<RegisteredWebhook>, CallError> {
    let mut all = Vec::new();
    let mut cursor: Option<String> = None;
    for _ in 0..PAGES_MAX {
        let (mut page, next) = client.webhooks(cursor.as_deref()).await?;
        all.append(&mut page);
        if next.is_none() {
            return Ok(all);
        }
        if next == cursor {
            break;
        }
        cursor = next;
    }
    // Half of a list is no ground to create anything on.
    Err(CallError::Garbage(
        "the list of webhooks does not end".to_owned(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(public_url: &str) -> Wanted {
        let url = Url::parse(public_url).expect("an address");
        Wanted::new(&url, "Unipile-Auth", SecretString::from("s3cret")).expect("a plan")
    }

    /// What the provider shows once everything is registered.
    fn registered(wanted: &Wanted) -> Vec<RegisteredWebhook> {
        let one =
            |(n, (name, source, events)): (usize, &(&str, &str, &[&str]))| RegisteredWebhook {
                id: format!("we_{n}"),
                source: Some((*source).to_owned()),
                name: Some((*name).to_owned()),
                request_url: wanted.request_url.to_string(),
                enabled: true,
                events: Some(events.iter().map(|&event| event.to_owned()).collect()),
                headers: Some(
                    wanted
                        .headers()
                        .map(|(key, value)| (key.to_owned(), value.to_owned()))
                        .to_vec(),
                ),
                limited: false,
            };
        KINDS.iter().enumerate().map(one).collect()
    }

    fn created(actions: &[Action]) -> usize {
        actions
            .iter()
            .filter(|action| matches!(action, Action::Create { .. }))
            .count()
    }

    fn removed(actions: &[Action]) -> Vec<&str> {
        let removed = actions.iter().filter_map(|action| match action {
            Action::Remove { id, .. } => Some(id.as_str()),
            _ => None,
        });
        removed.collect()
    }

    #[test]
    fn the_address_is_joined_whatever_public_url_ends_in() {
        for (public_url, joined) in [
            ("https://a.example", "https://a.example/webhooks/unipile"),
            ("https://a.example/", "https://a.example/webhooks/unipile"),
            (
                "https://a.example/x/?q=1#f",
                "https://a.example/x/webhooks/unipile",
            ),
            (
                "http://a.example:81/x",
                "http://a.example:81/x/webhooks/unipile",
            ),
        ] {
            assert_eq!(wanted(public_url).request_url().as_str(), joined);
        }
    }

    #[test]
    fn nothing_there_creates_three_and_again_keeps_them() {
        let wanted = wanted("https://a.example");
        assert_eq!(created(&plan(&[], &wanted)), 3);
        let again = plan(&registered(&wanted), &wanted);
        assert!(
            again
                .iter()
                .all(|action| matches!(action, Action::Keep { .. })),
            "{again:?}"
        );
    }

    #[test]
    fn two_of_a_kind_become_one() {
        let wanted = wanted("https://a.example");
        let mut existing = registered(&wanted);
        existing.extend(
            registered(&wanted)
                .into_iter()
                .map(|webhook| RegisteredWebhook {
                    id: format!("{}_again", webhook.id),
                    ..webhook
                }),
        );
        let actions = plan(&existing, &wanted);
        assert_eq!(created(&actions), 0);
        assert_eq!(
            removed(&actions),
            ["we_0_again", "we_1_again", "we_2_again"]
        );
    }

    #[test]
    fn what_differs_is_created_before_it_is_removed() {
        let wanted = wanted("https://a.example");
        type Change = fn(&mut RegisteredWebhook);
        let changes: [Change; 6] = [
            |webhook| webhook.enabled = false,
            |webhook| webhook.limited = true,
            |webhook| webhook.headers = None,
            |webhook| webhook.headers = Some(vec![("Unipile-Auth".into(), "old".into())]),
            |webhook| webhook.events = Some(vec![]),
            |webhook| webhook.request_url.push('/'),
        ];
        for change in changes {
            let mut existing = registered(&wanted);
            change(&mut existing[1]);
            let actions = plan(&existing, &wanted);
            assert_eq!(created(&actions), 1);
            assert_eq!(
                actions.last(),
                Some(&Action::Remove {
                    name: "acceptd-messages",
                    id: "we_1".into()
                })
            );
        }
    }

    #[test]
    fn words_and_header_names_may_change_their_case() {
        let wanted = wanted("https://a.example");
        let mut existing = registered(&wanted);
        for webhook in &mut existing {
            for event in webhook.events.iter_mut().flatten() {
                *event = event.to_lowercase();
            }
            for (key, _) in webhook.headers.iter_mut().flatten() {
                *key = key.to_lowercase();
            }
        }
        assert_eq!(created(&plan(&existing, &wanted)), 0);
    }

    #[test]
    fn a_new_public_url_moves_ours_and_leaves_those_of_another_installation() {
        let old = registered(&wanted("https://old.example"));
        let wanted = wanted("https://new.example");
        let actions = plan(&old, &wanted);
        assert_eq!((created(&actions), removed(&actions).len()), (3, 3));
        let mut theirs = old;
        for webhook in &mut theirs {
            webhook.headers = Some(vec![("Unipile-Auth".into(), "another secret".into())]);
        }
        let actions = plan(&theirs, &wanted);
        assert_eq!((created(&actions), removed(&actions).len()), (3, 0));
    }

    #[test]
    fn the_secret_is_not_in_any_text() {
        let text = format!("{:?}", wanted("https://a.example"));
        assert!(!text.contains("s3cret"), "{text}");
    }
}
