//! SendPilot's list of leads. It is no call to LinkedIn, so it needs no permit of an account.

use std::time::Duration;

use reqwest::{Client, Url, header};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use crate::clock::Clock;
use crate::domain::enrollment::Status;
use crate::domain::ids::EnrollmentId;
use crate::domain::time::Timestamp;
use crate::http::{self, retry_after};

/// The number of leads in one page. It is the most that SendPilot allows.
const PAGE_SIZE: u32 = 100;
/// The longest time of one call, body included.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The largest page that is read, in bytes.
const PAGE_BYTES_MAX: usize = 4 << 20;
/// The longest `Retry-After` that is honoured.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(24 * 3_600);

/// One lead of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lead {
    /// The id, which is the id of its enrollment.
    pub id: EnrollmentId,
    /// The current status. `None` if it is unknown to acceptd.
    pub status: Option<Status>,
    /// When the lead changed last. `None` if it can't be read.
    pub updated_at: Option<Timestamp>,
}

/// One page of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeadsPage {
    /// The leads whose id is usable.
    pub leads: Vec<Lead>,
    /// The number of items in the page, usable or not.
    pub items: usize,
    /// The number of pages, if the answer says so.
    pub pages: Option<u32>,
}

/// Why a page could not be read. No variant contains the key or a body.
#[derive(Debug, thiserror::Error)]
pub enum LeadsError {
    /// The key was refused.
    #[error(
        "SendPilot refused sendpilot.api_key with status {status}; create a new key in SendPilot and set it"
    )]
    WrongKey {
        /// The HTTP status.
        status: u16,
    },
    /// The answer was an error.
    #[error("SendPilot answered with status {status}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// How long SendPilot asks to wait.
        retry_after: Option<Duration>,
    },
    /// The answer is not a page of leads.
    #[error("SendPilot's answer is not a list of leads: {0}")]
    InvalidResponse(&'static str),
    /// The call failed.
    #[error("the call to SendPilot failed: {0}")]
    Failed(String),
}

impl LeadsError {
    /// Returns how long SendPilot asks to wait.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

/// A client for one SendPilot API key. Cheap to clone.
#[derive(Clone)]
pub struct LeadsClient {
    http: Client,
    base: Url,
    key: SecretString,
    clock: Clock,
}

impl LeadsClient {
    /// Makes a client for `base_url`, with or without `/v1` at its end.
    ///
    /// # Errors
    /// A sentence for operators, if TLS can't be set up.
    pub fn new(base_url: &Url, key: SecretString, clock: Clock) -> Result<Self, String> {
        let mut base = base_url.clone();
        base.set_query(None);
        base.set_fragment(None);
        if !base.path().trim_end_matches('/').ends_with("/v1")
            && let Ok(mut path) = base.path_segments_mut()
        {
            path.pop_if_empty().push("v1");
        }
        Ok(Self {
            http: http::client(TIMEOUT).map_err(http::describe)?,
            base,
            key,
            clock,
        })
    }

    /// Reads one page of the leads with a status. Pages count from 1.
    pub async fn page(&self, status: Status, page: u32) -> Result<LeadsPage, LeadsError> {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().push("leads");
        }
        url.query_pairs_mut()
            .append_pair("status", status.as_str())
            .append_pair("page", &page.to_string())
            .append_pair("limit", &PAGE_SIZE.to_string());
        let answer = self
            .http
            .get(url)
            .header(header::ACCEPT, "application/json")
            .header("X-API-Key", self.key.expose_secret())
            .send()
            .await
            .map_err(|error| LeadsError::Failed(http::describe(error)))?;
        match answer.status().as_u16() {
            200..=299 => {}
            status @ (401 | 403) => return Err(LeadsError::WrongKey { status }),
            status => {
                let wait = answer
                    .headers()
                    .get(header::RETRY_AFTER)
                    .and_then(|value| value.to_str().ok())
                    .and_then(|value| retry_after(value, self.clock.now()));
                return Err(LeadsError::Refused {
                    status,
                    retry_after: wait.map(|wait| wait.min(RETRY_AFTER_MAX)),
                });
            }
        }
        let body = http::read_body(answer, PAGE_BYTES_MAX).await;
        let body = body.map_err(|error| match error {
            http::BodyError::TooLarge { .. } => LeadsError::InvalidResponse("it is too large"),
            http::BodyError::Broken(error) => LeadsError::Failed(http::describe(error)),
        })?;
        LeadsPage::read(&body)
    }
}

impl std::fmt::Debug for LeadsClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LeadsClient")
            .field("base", &self.base.as_str())
            .finish_non_exhaustive()
    }
}

impl LeadsPage {
    /// Reads a page. A lead whose id is unusable is left out.
    fn read(body: &[u8]) -> Result<Self, LeadsError> {
        let body: Value = serde_json::from_slice(body)
            .map_err(|_| LeadsError::InvalidResponse("it is not JSON"))?;
        let items = ["leads", "data"]
            .iter()
            .find_map(|key| body.get(key)?.as_array())
            .ok_or(LeadsError::InvalidResponse("it has no list named leads"))?;
        let pages = ["pagination", "meta"]
            .iter()
            .find_map(|key| body.get(key)?.get("totalPages")?.as_u64());
        Ok(Self {
            leads: items.iter().filter_map(Lead::read).collect(),
            items: items.len(),
            pages: pages.map(|pages| u32::try_from(pages).unwrap_or(u32::MAX)),
        })
    }

    /// Whether the page with this number is the last one.
    #[must_use]
    pub fn is_last(&self, page: u32) -> bool {
        self.items == 0 || self.pages.is_some_and(|pages| page >= pages)
    }
}

impl Lead {
    fn read(item: &Value) -> Option<Self> {
        let text = |key: &str| item.get(key).and_then(Value::as_str);
        Some(Self {
            id: EnrollmentId::parse(text("id")?).ok()?,
            status: text("status").and_then(|word| word.parse().ok()),
            updated_at: text("updatedAt").and_then(Timestamp::parse),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_as_sendpilot_documents_it() {
        let sample = include_bytes!("../../tests/data/samples/sendpilot_rest_leads.json");
        let page = LeadsPage::read(sample).unwrap();
        assert_eq!((page.items, page.pages), (2, Some(1)));
        assert_eq!(
            page.leads[0],
            Lead {
                id: EnrollmentId::parse("lead_9c41fe").unwrap(),
                status: Some(Status::ConnectionAccepted),
                updated_at: Timestamp::parse("2026-11-20T14:05:31Z"),
            }
        );
        assert!(page.is_last(1));
    }

    #[test]
    fn odd_pages() {
        for (body, leads, last) in [
            (
                r#"{"data": [{"id": "a"}], "meta": {"totalPages": 3}}"#,
                1,
                false,
            ),
            (
                r#"{"leads": [{"id": 7}, {"id": "b", "status": "NEW", "updatedAt": 5}]}"#,
                1,
                false,
            ),
            (r#"{"leads": []}"#, 0, true),
        ] {
            let page = LeadsPage::read(body.as_bytes()).unwrap();
            assert_eq!((page.leads.len(), page.is_last(1)), (leads, last), "{body}");
        }
        for body in ["", "[]", r#"{"leads": 1}"#, "<html>"] {
            assert!(LeadsPage::read(body.as_bytes()).is_err(), "{body}");
        }
    }

    #[test]
    fn the_base_may_name_the_version() {
        for (base, expected) in [
            ("https://api.sendpilot.ai", "https://api.sendpilot.ai/v1"),
            ("https://api.sendpilot.ai/", "https://api.sendpilot.ai/v1"),
            (
                "https://api.sendpilot.ai/api/v1/",
                "https://api.sendpilot.ai/api/v1/",
            ),
        ] {
            let key = SecretString::from("k");
            let client = LeadsClient::new(&base.parse().unwrap(), key, Clock::system()).unwrap();
            assert_eq!(client.base.as_str(), expected);
        }
    }
}
