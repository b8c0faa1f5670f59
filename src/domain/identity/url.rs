//! LinkedIn URLs and URNs: which of their parts identify a person.

use super::{Identity, is_placeholder};
use super::{code, slug};

/// Returns the identity in a LinkedIn URL, with or without a scheme. Empty for any other URL.
pub(super) fn parse(text: &str) -> Identity {
    person(text).unwrap_or_default()
}

fn person(text: &str) -> Option<Identity> {
    let after_scheme = match text.split_once("://") {
        Some((scheme, rest))
            if scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http") =>
        {
            rest
        }
        Some((scheme, _)) if !scheme.contains(['/', '?', '#']) => return None,
        _ => text.strip_prefix("//").unwrap_or(text),
    };
    let end = after_scheme
        .find(['/', '?', '#'])
        .unwrap_or(after_scheme.len());
    let (authority, rest) = after_scheme.split_at(end);
    if !is_linkedin(authority) {
        return None;
    }
    let rest = rest.split('#').next().unwrap_or_default();
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let mut found = by_path(path, query)?;
    if let Some(urn) = parameter(query, "miniProfileUrn") {
        // The path identifies the person. The URN can only add to it.
        found.fill_from(&self::urn(&urn));
    }
    Some(found)
}

fn is_linkedin(authority: &str) -> bool {
    let (host, port) = authority.split_once(':').unwrap_or((authority, ""));
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    matches!(port, "" | "443" | "80")
        && (host == "linkedin.com"
            || host.strip_suffix(".linkedin.com").is_some_and(|sub| {
                sub.split('.').all(|label| {
                    !label.is_empty()
                        && label
                            .bytes()
                            .all(|b| b.is_ascii_alphanumeric() || b == b'-')
                })
            }))
}

fn by_path(path: &str, query: &str) -> Option<Identity> {
    let segments: Vec<Option<String>> = path
        .split('/')
        .filter(|s| !s.is_empty())
        .map(slug::decode)
        .collect();
    // A path with dot segments cannot be trusted.
    if segments.iter().flatten().any(|s| s == "." || s == "..") {
        return None;
    }
    let word = |at: usize| {
        segments
            .get(at)
            .and_then(Option::as_deref)
            .unwrap_or_default()
    };
    let is = |at: usize, what: &str| word(at).eq_ignore_ascii_case(what);
    let mut at = 0;
    if is(at, "comm") {
        at += 1;
    }
    if is(at, "mwlite") {
        at += 1;
        if is(at, "profile") && is(at + 1, "in") {
            at += 1;
        }
    }
    if is(at, "in") {
        return some(Identity::from_slug(word(at + 1)));
    }
    if is(at, "pub") {
        return some(Identity::from_slug(&legacy(
            word(at + 1),
            [word(at + 2), word(at + 3), word(at + 4)],
        )?));
    }
    if is(at, "profile") && is(at + 1, "view") {
        let id = parameter(query, "id").filter(|id| code::decode(id).is_some())?;
        return some(Identity::from_id(&id));
    }
    if is(at, "sales") && ["lead", "people", "profile"].iter().any(|w| is(at + 1, w)) {
        return some(sales(word(at + 2)));
    }
    if is(at, "talent") || is(at, "recruiter") {
        let profile = (at + 1..segments.len()).rev().find(|i| is(*i, "profile"))?;
        return some(sales(word(profile + 1)));
    }
    None
}

fn some(identity: Identity) -> Option<Identity> {
    identity.is_usable().then_some(identity)
}

/// Returns the public identifier that LinkedIn assigned to the old URL `/pub/name/a/b/c`.
fn legacy(name: &str, [first, middle, last]: [&str; 3]) -> Option<String> {
    let part = |p: &str| (1..=3).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_alphanumeric());
    (!name.is_empty() && part(first) && part(middle) && part(last))
        .then(|| format!("{name}-{last:0>3}{middle:0>3}{first}"))
}

/// Reads the id in a Sales Navigator or Recruiter URL. What follows the first comma says how the person was found.
fn sales(segment: &str) -> Identity {
    let id = segment.split(',').next().unwrap_or_default();
    let id_like = id.len() >= 5
        && id
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if !id_like || !code::is_opaque(id) || is_placeholder(id) {
        return Identity::default();
    }
    Identity {
        sales_id: Some(id.to_owned()),
        sales_number: code::decode(id).map(|(_, number)| number),
        ..Identity::default()
    }
}

/// Returns the decoded value of a query parameter.
fn parameter(query: &str, name: &str) -> Option<String> {
    query.split('&').find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        (slug::decode(key)?.eq_ignore_ascii_case(name)).then(|| slug::decode(value))?
    })
}

/// Returns the identity in a URN of a person. Empty for any other URN.
pub(super) fn urn(text: &str) -> Identity {
    let Some((kind, id)) = split_urn(text) else {
        return Identity::default();
    };
    // The value may be `(id,how it was found,token)`.
    let id = id.strip_prefix('(').unwrap_or(id);
    let id = id.split([',', ')']).next().unwrap_or_default();
    match kind.to_ascii_lowercase().as_str() {
        "member" => Identity {
            member_number: code::member_number(id),
            ..Identity::default()
        },
        "fs_salesprofile" | "fsd_salesprofile" | "ts_profile" => sales(id),
        "fsd_profile" | "fs_profile" | "fs_miniprofile" | "person" => Identity::from_plain_id(id),
        _ => Identity::default(),
    }
}

/// Splits `urn:li:kind:value` into kind and value.
pub(super) fn split_urn(text: &str) -> Option<(&str, &str)> {
    text.get(..7)
        .filter(|scheme| scheme.eq_ignore_ascii_case("urn:li:"))?;
    text[7..].split_once(':')
}
