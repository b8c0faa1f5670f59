//! Which identifiers may be put into the path of a profile call.

/// Words that are routes below the provider's `users/`, so they can't be asked for as identifiers. They come from the provider's documentation,
/// its SDK, and the names of its other lists.
const ROUTES: &[&str] = &[
    "me",
    "relations",
    "relation-requests",
    "connections",
    "invite",
    "invitations",
    "invitation",
    "followers",
    "following",
    "search",
    "posts",
    "comments",
    "reactions",
    "users",
    "company",
    "companies",
    "edit",
    "sent",
    "received",
];

/// The longest identifier that is sent, in characters.
const IDENTIFIER_MAX: usize = 256;

/// Returns whether an identifier may be put into the path of a profile call: it is neither a route of the provider nor a path.
/// Everything else is percent-encoded as one segment.
#[must_use]
pub fn safe_identifier(text: &str) -> bool {
    let folded = text.to_lowercase();
    !text.is_empty()
        && text.trim() == text
        && text.chars().take(IDENTIFIER_MAX + 1).count() <= IDENTIFIER_MAX
        && !ROUTES.contains(&folded.as_str())
        && !text
            .chars()
            .any(|c| c.is_control() || matches!(c, '/' | '\\' | '?' | '#' | '%'))
        && text.chars().any(|c| c != '.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_route_and_no_path_is_an_identifier() {
        for good in [
            "mira-halvorsen",
            "ACoAACuVS84BeK9T8HVq6sOoJI4OmDNDsYpaF4s",
            "jürgen",
            "a.b",
            "mira+1",
        ] {
            assert!(safe_identifier(good), "{good}");
        }
        for bad in [
            "",
            ".",
            "..",
            "...",
            "me",
            "Me",
            "RELATIONS",
            "invite",
            "a/b",
            "a%2Fb",
            "a?b",
            "a#b",
            " me",
            "a\\b",
            "a\nb",
        ] {
            assert!(!safe_identifier(bad), "{bad}");
        }
        assert!(!safe_identifier(&"a".repeat(IDENTIFIER_MAX + 1)));
    }
}
