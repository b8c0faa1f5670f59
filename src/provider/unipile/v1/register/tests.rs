//! Which webhooks are created, kept and removed.

use secrecy::SecretString;
use url::Url;

use super::kinds::KINDS;
use super::plan::{Action, plan};
use super::wanted::Wanted;
use crate::provider::unipile::v1::webhooks::RegisteredWebhook;

fn wanted(public_url: &str) -> Wanted {
    let url = Url::parse(public_url).expect("an address");
    Wanted::new(&url, "Unipile-Auth", SecretString::from("s3cret")).expect("a plan")
}

/// What the provider shows once everything is registered.
fn registered(wanted: &Wanted) -> Vec<RegisteredWebhook> {
    let one = |(n, (name, source, events)): (usize, &(&str, &str, &[&str]))| RegisteredWebhook {
        id: format!("we_{n}"),
        source: Some((*source).to_owned()),
        name: Some((*name).to_owned()),
        request_url: wanted.request_url().to_string(),
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
fn a_new_public_url_moves_only_our_webhooks() {
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
