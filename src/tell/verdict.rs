//! Judges an attempt by its answer, as the table in docs/rules/deliveries.md says. [`super::retry`] decides when the next one is due.

use super::attempt::{Answer, Attempt};
use super::destination::DestinationKind;
use crate::domain::time::Timestamp;

/// What an attempt means for its delivery. The reasons are stored as `lastError` and contain no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttemptVerdict {
    /// The receiver took the event.
    Delivered,
    /// The receiver did not take it; try again.
    Retry {
        /// The time that `Retry-After` of a 429 or 503 asks for.
        at: Option<Timestamp>,
        /// Reason, for people.
        reason: String,
    },
    /// No later attempt can succeed.
    Dead {
        /// Reason, for people.
        reason: String,
    },
    /// The receiver may have taken it or not.
    InDoubt {
        /// Reason, for people.
        reason: String,
    },
    /// The receiver answered 410, which stops the whole destination.
    Gone {
        /// Reason, for people.
        reason: String,
    },
}

/// Slack's permanent errors: a later attempt would get the same answer.
const SLACK_PERMANENT: &[&str] = &[
    "action_prohibited",
    "channel_is_archived",
    "channel_not_found",
    "invalid_blocks",
    "invalid_payload",
    "invalid_token",
    "missing_text_or_fallback_or_attachments",
    "no_active_hooks",
    "no_service",
    "no_service_id",
    "no_team",
    "no_text",
    "posting_to_general_channel_denied",
    "team_disabled",
    "too_many_attachments",
    "user_not_found",
];

/// Judges an attempt at a destination of this kind.
#[must_use]
pub fn verdict(kind: DestinationKind, attempt: &Attempt) -> AttemptVerdict {
    match attempt {
        Attempt::InDoubt(reason) => AttemptVerdict::InDoubt {
            reason: reason.clone(),
        },
        Attempt::NotSent(reason) => AttemptVerdict::Retry {
            at: None,
            reason: reason.clone(),
        },
        Attempt::Answer(answer) if kind == DestinationKind::Slack => slack(answer),
        Attempt::Answer(answer) => by_status(answer),
    }
}

fn slack(answer: &Answer) -> AttemptVerdict {
    let success = (200..300).contains(&answer.status);
    let Some(body) = answer.body.as_deref().map(str::trim) else {
        return if success {
            AttemptVerdict::InDoubt {
                reason: format!(
                    "Slack answered {} but the connection broke before it said \"ok\"",
                    answer.status
                ),
            }
        } else {
            by_status(answer)
        };
    };
    let word = body
        .split(|c: char| !c.is_ascii_lowercase() && c != '_')
        .next()
        .unwrap_or_default();
    if SLACK_PERMANENT.contains(&word) {
        return AttemptVerdict::Dead {
            reason: format!(
                "Slack refuses it permanently: {body} (status {})",
                answer.status
            ),
        };
    }
    match (success, body) {
        (true, "ok") => AttemptVerdict::Delivered,
        (true, _) => AttemptVerdict::Retry {
            at: None,
            reason: format!(
                "Slack answered {} but not \"ok\"{}",
                answer.status,
                quoted(body)
            ),
        },
        (false, _) => by_status(answer),
    }
}

fn by_status(answer: &Answer) -> AttemptVerdict {
    let body = quoted(answer.body.as_deref().unwrap_or_default().trim());
    match answer.status {
        200..300 => AttemptVerdict::Delivered,
        410 => AttemptVerdict::Gone {
            reason: format!("the receiver answered 410 Gone{body}"),
        },
        300..400 => AttemptVerdict::Retry {
            at: None,
            reason: format!(
                "the receiver answered {} with a redirect, which is not followed: configure the final address",
                answer.status
            ),
        },
        status => AttemptVerdict::Retry {
            at: answer.retry_after.filter(|_| matches!(status, 429 | 503)),
            reason: format!("the receiver answered {status}{body}"),
        },
    }
}

fn quoted(body: &str) -> String {
    if body.is_empty() {
        String::new()
    } else {
        format!(": {body}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: Option<&str>) -> Attempt {
        Attempt::Answer(Answer {
            status,
            retry_after: Some(Timestamp(7)),
            body: body.map(str::to_owned),
        })
    }

    fn word(kind: DestinationKind, attempt: &Attempt) -> &'static str {
        match verdict(kind, attempt) {
            AttemptVerdict::Delivered => "delivered",
            AttemptVerdict::Retry { at: None, .. } => "retry",
            AttemptVerdict::Retry { at: Some(_), .. } => "retry then",
            AttemptVerdict::Dead { .. } => "dead",
            AttemptVerdict::InDoubt { .. } => "in doubt",
            AttemptVerdict::Gone { .. } => "gone",
        }
    }

    #[test]
    fn webhooks_are_judged_by_their_status() {
        for kind in [DestinationKind::Webhook, DestinationKind::Sendpilot] {
            for (status, want) in [
                (200, "delivered"),
                (201, "delivered"),
                (204, "delivered"),
                (299, "delivered"),
                (301, "retry"),
                (308, "retry"),
                (400, "retry"),
                (401, "retry"),
                (404, "retry"),
                (410, "gone"),
                (429, "retry then"),
                (500, "retry"),
                (502, "retry"),
                (503, "retry then"),
                (999, "retry"),
            ] {
                assert_eq!(
                    word(kind, &answer(status, Some("no_service"))),
                    want,
                    "{status}"
                );
                assert_eq!(word(kind, &answer(status, None)), want, "{status}");
            }
        }
    }

    #[test]
    fn the_error_text_of_slack_beats_its_status() {
        for (status, body, want) in [
            (200, Some("ok"), "delivered"),
            (200, Some("ok\n"), "delivered"),
            (200, Some(""), "retry"),
            (200, Some("okay"), "retry"),
            (200, Some("<html>ok</html>"), "retry"),
            (200, Some("no_service"), "dead"),
            (200, None, "in doubt"),
            (400, Some("invalid_payload"), "dead"),
            (403, Some("action_prohibited"), "dead"),
            (403, Some("invalid_token"), "dead"),
            (404, Some("no_service"), "dead"),
            (404, Some("channel_not_found\n"), "dead"),
            (404, Some("<html>"), "retry"),
            (410, Some("channel_is_archived"), "dead"),
            (410, Some(""), "gone"),
            (429, Some("rate_limited"), "retry then"),
            (500, Some("rollup_error"), "retry"),
            (500, Some("no_team"), "dead"),
            (500, None, "retry"),
            (503, None, "retry then"),
        ] {
            assert_eq!(
                word(DestinationKind::Slack, &answer(status, body)),
                want,
                "{status} {body:?}"
            );
        }
    }

    #[test]
    fn attempts_without_an_answer() {
        for kind in [
            DestinationKind::Slack,
            DestinationKind::Webhook,
            DestinationKind::Sendpilot,
        ] {
            assert_eq!(word(kind, &Attempt::InDoubt("x".into())), "in doubt");
            assert_eq!(word(kind, &Attempt::NotSent("x".into())), "retry");
        }
    }
}
