//! The log of every call the simulated provider got, and what it says about the pace.

use std::time::Duration;

use crate::domain::time::Timestamp;

/// One call, as the provider saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// When its head had come.
    pub started: Timestamp,
    /// When its answer had been given whole or the connection was gone; `None` while it is under way.
    pub ended: Option<Timestamp>,
    /// Whether another call of the same account was under way when it came.
    pub overlapped: bool,
    /// The account it named, in its query or its body.
    pub account: Option<String>,
    /// The method.
    pub method: String,
    /// The path, as sent.
    pub path: String,
    /// The query, as sent.
    pub query: String,
    /// The status that was answered; `None` where the connection was cut without an answer.
    pub status: Option<u16>,
}

impl Call {
    /// Whether the call read an account list, or one account of it.
    #[must_use]
    pub fn reads_accounts(&self) -> bool {
        ["/api/v1/accounts", "/v2/accounts"]
            .iter()
            .any(|list| self.path.starts_with(list))
    }
}

/// Two calls of one account that were too close.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TooClose {
    /// The account.
    pub account: String,
    /// When the earlier one had ended.
    pub ended: Timestamp,
    /// When the later one started.
    pub started: Timestamp,
    /// The time between them; zero where they overlapped.
    pub gap: Duration,
}

#[derive(Debug, Default)]
pub(super) struct CallLog(pub Vec<Call>);

impl CallLog {
    /// Notes a call and returns its place.
    pub fn begin(&mut self, mut call: Call) -> usize {
        call.overlapped = call.account.is_some()
            && self
                .0
                .iter()
                .rev()
                .take(64)
                .any(|other| other.ended.is_none() && other.account == call.account);
        self.0.push(call);
        self.0.len() - 1
    }

    /// Notes that a call is over; only the first word counts.
    pub fn end(&mut self, place: usize, now: Timestamp) {
        if let Some(call) = self.0.get_mut(place) {
            call.ended.get_or_insert(now);
        }
    }
}

/// Every pair of neighbouring calls of one account that are closer than `spacing`, counted from the end of the one to the start
/// of the next. Calls that name no account are not counted.
#[must_use]
pub fn too_close(calls: &[Call], spacing: Duration) -> Vec<TooClose> {
    let mut last: std::collections::HashMap<&str, Timestamp> = std::collections::HashMap::new();
    let mut found = Vec::new();
    for call in calls {
        let Some(account) = call.account.as_deref() else {
            continue;
        };
        if let Some(&ended) = last.get(account) {
            let gap = call.started.since(ended);
            if call.overlapped || gap < spacing || call.started < ended {
                found.push(TooClose {
                    account: account.to_owned(),
                    ended,
                    started: call.started,
                    gap,
                });
            }
        }
        let ended = call.ended.unwrap_or(call.started).max(call.started);
        let newest = last.entry(account).or_insert(ended);
        *newest = ended.max(*newest);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(account: &str, started: i64, ended: i64) -> Call {
        Call {
            started: Timestamp(started),
            ended: Some(Timestamp(ended)),
            overlapped: false,
            account: Some(account.to_owned()),
            method: "GET".to_owned(),
            path: String::new(),
            query: String::new(),
            status: Some(200),
        }
    }

    #[test]
    fn the_gap_is_from_the_end_to_the_next_start() {
        let calls = [
            call("a", 0, 500),
            call("b", 600, 700),
            call("a", 1_400, 1_500),
        ];
        assert_eq!(too_close(&calls, Duration::from_millis(900)), []);
        let close = too_close(&calls, Duration::from_millis(901));
        assert_eq!(close.len(), 1);
        assert_eq!(close[0].gap, Duration::from_millis(900));
    }
}
