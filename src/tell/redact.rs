//! Removes secrets from the texts of receivers and libraries before they are stored or logged.

use super::destination::Destination;

/// The most characters of a receiver's answer that are kept.
const SNIPPET_CHARS_MAX: usize = 200;

/// The shortest part of a URL that is treated as a secret. Shorter ones are words such as `hooks` that also occur in normal sentences.
const PART_CHARS_MIN: usize = 8;

/// Replaces the secrets of one destination: its URL, the parts of the URL, and the values of its headers. Error pages of receivers
/// often repeat the path of the request.
pub struct Redactor(Vec<String>);

impl Redactor {
    /// Collects the secrets of a destination.
    #[must_use]
    pub fn new(destination: &Destination) -> Self {
        let url = destination.url.expose();
        let mut secrets = vec![url.as_str().to_owned()];
        if url.path().len() > 1 {
            secrets.push(url.path().to_owned());
        }
        secrets.extend(url.query().map(str::to_owned));
        secrets.extend(url.password().map(str::to_owned));
        let parts = url
            .path()
            .split('/')
            .map(str::to_owned)
            .chain(url.query_pairs().map(|(_, value)| value.into_owned()))
            .filter(|part| part.chars().count() >= PART_CHARS_MIN);
        secrets.extend(parts);
        for (_, value) in &destination.headers {
            if let Ok(value) = value.to_str() {
                secrets.push(value.to_owned());
                // A receiver that repeats a token often leaves out the scheme, such as `Bearer`.
                secrets.extend(value.split_whitespace().skip(1).map(str::to_owned));
            }
        }
        secrets.retain(|secret| secret.len() > 1);
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        Self(secrets)
    }

    /// Returns the text without secrets and control characters, on one line of at most 200 characters.
    #[must_use]
    pub fn clean(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &self.0 {
            text = text.replace(secret.as_str(), "[redacted]");
        }
        let line = super::phrases::one_line(&text);
        let mut chars = line.chars();
        let mut short: String = chars.by_ref().take(SNIPPET_CHARS_MAX).collect();
        if chars.next().is_some() {
            short.push('…');
        }
        short
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::time::Duration;

    use reqwest::header::{AUTHORIZATION, HeaderValue};

    use super::*;
    use crate::domain::secret_url::SecretUrl;
    use crate::tell::destination::{DestinationKind, InDoubt, RateLimit};

    #[test]
    fn no_part_of_a_secret_is_shown() {
        let destination = Destination {
            name: "d".into(),
            kind: DestinationKind::Webhook,
            url: SecretUrl::parse(
                "https://h.example/services/T000000AA/B00/xyzxyzxyz?token=abcdefghij",
            )
            .expect("a url"),
            rate: RateLimit {
                count: NonZeroU32::MIN,
                per: Duration::from_secs(1),
            },
            concurrency: NonZeroU32::MIN,
            timeout: Duration::from_secs(1),
            in_doubt: InDoubt::Hold,
            secrets: vec![],
            headers: vec![(
                AUTHORIZATION,
                HeaderValue::from_static("Bearer sesame-open"),
            )],
        };
        let redactor = Redactor::new(&destination);
        assert_eq!(
            redactor.clean(
                "<pre>Cannot POST /services/T000000AA/B00/xyzxyzxyz</pre>\r\n\u{7}xyzxyzxyz abcdefghij sesame-open\u{202e}"
            ),
            "<pre>Cannot POST [redacted]</pre> [redacted] [redacted] [redacted]"
        );
        assert_eq!(redactor.clean(&"é".repeat(999)).chars().count(), 201);
    }
}
