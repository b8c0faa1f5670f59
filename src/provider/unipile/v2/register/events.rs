//! The names of the events that an endpoint asks for. One unknown name refuses the whole endpoint, so a refused name is dropped.

use std::collections::BTreeSet;

/// The events that acceptd understands and needs.
const WANTED: [&str; 10] = [
    "relation.new",
    "message.new",
    "account.status.running",
    "account.status.degraded",
    "account.status.partial",
    "account.status.disconnected",
    "account.status.errored",
    "account.locked",
    "account.unlocked",
    "account.remove",
];

/// The name of an event and the older one that the provider used for it.
const OLDER: [(&str, &str); 1] = [("relation.new", "relation.request.accept")];

/// Returns the names to begin with.
pub(super) fn wanted() -> BTreeSet<String> {
    WANTED.iter().map(|&name| name.to_owned()).collect()
}

/// Drops the name that a refusal points at, and adds the older name of the event if there is one. `sent` are the names in the order
/// in which they were sent. Returns the dropped name, or `None` if the refusal points at none.
pub(super) fn drop_refused(
    names: &mut BTreeSet<String>,
    sent: &[String],
    refusal: &str,
) -> Option<String> {
    let refused = by_position(sent, refusal).or_else(|| by_name(sent, refusal))?;
    names.remove(&refused);
    let older = OLDER.iter().find(|(name, _)| *name == refused);
    if let Some((_, older)) = older {
        names.insert((*older).to_owned());
    }
    Some(refused)
}

/// Finds a refusal such as `body/trigger_events/3 must be equal to one of the allowed values`.
fn by_position(sent: &[String], refusal: &str) -> Option<String> {
    let (_, rest) = refusal.split_once("trigger_events")?;
    let rest = rest.strip_prefix(['/', '.', '['])?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    sent.get(digits.parse::<usize>().ok()?).cloned()
}

/// Finds the only one of our names that the refusal contains. A refusal may also list every allowed name; that points at none.
fn by_name(sent: &[String], refusal: &str) -> Option<String> {
    let mut named = sent
        .iter()
        .filter(|name| contains_word(refusal, name.as_str()));
    match (named.next(), named.next()) {
        (Some(only), None) => Some(only.clone()),
        _ => None,
    }
}

/// Returns whether a text contains a name that is not a part of a longer one.
fn contains_word(text: &str, name: &str) -> bool {
    let part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_');
    text.match_indices(name).any(|(at, _)| {
        let before = text[..at].chars().next_back().is_some_and(part);
        let rest = &text[at + name.len()..];
        // A full stop may end the sentence.
        let mut after = rest.chars();
        let longer = match after.next() {
            Some('.') => after.next().is_some_and(|c| c.is_ascii_alphanumeric()),
            Some(c) => part(c),
            None => false,
        };
        !before && !longer
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_found_by_its_place_or_because_it_is_the_only_one() {
        for (refusal, refused) in [
            (
                r#"{"detail": "body/trigger_events/1 must be one of a, b"}"#,
                Some("account.remove"),
            ),
            (
                "Invalid body: trigger_events: account.locked",
                Some("account.locked"),
            ),
            ("Unknown event account.locked.", Some("account.locked")),
            (
                "trigger_events must be one of account.locked, relation.new",
                None,
            ),
            (
                "account.locked.long and account.status.running_2 are not known",
                None,
            ),
            ("trigger_events/99", None),
            ("", None),
        ] {
            let mut names = wanted();
            let sent: Vec<String> = names.iter().cloned().collect();
            let dropped = drop_refused(&mut names, &sent, refusal);
            assert_eq!(dropped.as_deref(), refused, "{refusal}");
            assert_eq!(names.len(), WANTED.len() - usize::from(refused.is_some()));
        }
    }

    #[test]
    fn an_older_provider_is_asked_for_the_older_name() {
        let mut names = wanted();
        let sent: Vec<String> = names.iter().cloned().collect();
        drop_refused(&mut names, &sent, "unknown: relation.new");
        assert!(names.contains("relation.request.accept") && !names.contains("relation.new"));
    }
}
