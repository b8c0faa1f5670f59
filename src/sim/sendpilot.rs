//! A simulated SendPilot: its list of leads, and its webhooks with their retries. It follows the documented rules strictly, so that a
//! wrong request is an error here as it is there.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{Method, Response, StatusCode, header};
use axum::{Json, Router, response::IntoResponse};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

use crate::clock::Clock;
use crate::domain::enrollment::Status;
use crate::domain::time::Timestamp;
use crate::http;

/// The waits between the attempts of one webhook. After the last one it is given up.
const RETRIES: [Duration; 5] = [
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_secs(120),
    Duration::from_secs(900),
    Duration::from_secs(3_600),
];
/// How long a receiver has to answer a webhook.
const WEBHOOK_TIMEOUT: Duration = Duration::from_secs(30);
/// The statuses that the list can be filtered by.
const FILTERS: [&str; 6] = [
    "PENDING",
    "CONNECTION_SENT",
    "CONNECTION_ACCEPTED",
    "MESSAGE_SENT",
    "REPLY_RECEIVED",
    "DONE",
];
const LIMIT_DEFAULT: usize = 50;
const LIMIT_MAX: usize = 100;

/// A simulated SendPilot. It answers until it is dropped.
pub struct SendpilotSim {
    shared: Shared,
    http: reqwest::Client,
    addr: SocketAddr,
    server: AbortHandle,
}

/// What a simulated SendPilot is configured with.
#[derive(Debug, Clone, Default)]
pub struct SendpilotSettings {
    /// The API key that calls must carry.
    pub api_key: String,
    /// Where webhooks are sent. Empty: nowhere.
    pub webhook_url: String,
    /// The secret that signs webhooks.
    pub webhook_secret: String,
}

/// A call of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListCall {
    /// When it came.
    pub at: Timestamp,
    /// Its query.
    pub query: String,
    /// The status that it was answered with.
    pub status: u16,
}

/// The state of the webhooks that were sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WebhookCounts {
    /// Answered with 2xx.
    pub delivered: usize,
    /// Given up after the last retry.
    pub given_up: usize,
    /// Still being retried.
    pub pending: usize,
}

#[derive(Clone)]
struct Shared {
    state: Arc<Mutex<State>>,
    clock: Clock,
}

#[derive(Default)]
struct State {
    settings: SendpilotSettings,
    leads: BTreeMap<String, Lead>,
    calls: Vec<ListCall>,
    /// The errors that the next calls are answered with.
    failures: Vec<(u16, Option<u64>)>,
    webhooks: WebhookCounts,
    events: u64,
}

struct Lead {
    sender: String,
    campaign: String,
    url: String,
    status: Status,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for SendpilotSim {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl SendpilotSim {
    /// Starts one on a free loopback port.
    ///
    /// # Errors
    /// When no port can be bound, or TLS can't be set up for its webhooks.
    pub async fn start(clock: Clock, settings: SendpilotSettings) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let addr = listener.local_addr()?;
        let http = http::client(WEBHOOK_TIMEOUT).map_err(std::io::Error::other)?;
        let shared = Shared {
            state: Arc::new(Mutex::new(State {
                settings,
                ..State::default()
            })),
            clock,
        };
        let router = Router::new().fallback({
            let shared = shared.clone();
            move |request: Request| {
                let answer = answer(&shared, &request);
                async move { answer }
            }
        });
        let server = tokio::spawn(async move {
            // It ends only when it is aborted.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self {
            shared,
            http,
            addr,
            server: server.abort_handle(),
        })
    }

    /// The value for `sendpilot.base_url`.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Sends webhooks to another address from now on.
    pub fn send_webhooks_to(&self, url: String) {
        self.shared.lock().settings.webhook_url = url;
    }

    /// Adds a lead whose invite was sent.
    pub fn add_lead(&self, id: &str, sender: &str, campaign: &str, url: &str) {
        let now = self.shared.clock.now();
        self.shared.lock().leads.insert(
            id.to_owned(),
            Lead {
                sender: sender.to_owned(),
                campaign: campaign.to_owned(),
                url: url.to_owned(),
                status: Status::ConnectionSent,
                created_at: now,
                updated_at: now,
            },
        );
    }

    /// Moves a lead to a status and sends the webhook of that status.
    pub fn set_status(&self, id: &str, status: Status) {
        let now = self.shared.clock.now();
        let mut state = self.shared.lock();
        state.events += 1;
        let event_id = format!("evt_{}", state.events);
        let Some(lead) = state.leads.get_mut(id) else {
            return;
        };
        lead.status = status;
        lead.updated_at = now;
        let kind = match status {
            Status::ConnectionAccepted => "connection_request.accepted",
            Status::MessageSent => "message.sent",
            Status::ReplyReceived => "reply.received",
            _ => "lead.updated",
        };
        let body = json!({
            "eventId": event_id, "eventType": kind, "timestamp": now, "workspaceId": "ws_1",
            "data": {
                "leadId": id, "campaignId": lead.campaign, "linkedinUrl": lead.url, "senderId": lead.sender,
                "acceptedAt": (status == Status::ConnectionAccepted).then_some(now), "newStatus": status,
            },
        });
        if !state.settings.webhook_url.is_empty() {
            state.webhooks.pending += 1;
            let (shared, http) = (self.shared.clone(), self.http.clone());
            tokio::spawn(deliver(shared, http, body.to_string()));
        }
    }

    /// Answers the next calls of the list with these statuses, each with a `Retry-After` in seconds.
    pub fn fail_next(&self, failures: impl IntoIterator<Item = (u16, Option<u64>)>) {
        self.shared.lock().failures.extend(failures);
    }

    /// Every call of the list so far.
    #[must_use]
    pub fn calls(&self) -> Vec<ListCall> {
        self.shared.lock().calls.clone()
    }

    /// The state of the webhooks.
    #[must_use]
    pub fn webhooks(&self) -> WebhookCounts {
        self.shared.lock().webhooks
    }
}

/// Sends a webhook until it is answered with 2xx or the retries are used up.
async fn deliver(shared: Shared, http: reqwest::Client, body: String) {
    let mut waits = RETRIES.into_iter();
    loop {
        let (url, secret) = {
            let state = shared.lock();
            let settings = &state.settings;
            (
                settings.webhook_url.clone(),
                settings.webhook_secret.clone(),
            )
        };
        let t = shared.clock.now().0 / 1_000;
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes())
            .expect("an HMAC takes a key of any length");
        mac.update(format!("{t}.{body}").as_bytes());
        let signature = format!("t={t},s={}", hex::encode(mac.finalize().into_bytes()));
        let answer = http
            .post(&url)
            .header("Webhook-Signature", signature)
            .header(header::CONTENT_TYPE, "application/json")
            .body(body.clone())
            .send()
            .await;
        let is_delivered = answer.is_ok_and(|answer| answer.status().is_success());
        let wait = waits.next();
        if is_delivered || wait.is_none() {
            let mut state = shared.lock();
            state.webhooks.pending -= 1;
            if is_delivered {
                state.webhooks.delivered += 1;
            } else {
                state.webhooks.given_up += 1;
            }
            return;
        }
        shared.clock.sleep(wait.unwrap_or_default()).await;
    }
}

/// Answers one request and records it.
fn answer(shared: &Shared, request: &Request) -> Response<Body> {
    let at = shared.clock.now();
    let mut state = shared.lock();
    let (answer, status) = match judge(&mut state, request) {
        Ok(page) => (Json(page).into_response(), 200),
        Err((status, wait)) => {
            let code = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
            let error = json!({
                "statusCode": status, "message": "Refused", "error": code.canonical_reason(),
            });
            let mut answer = (code, Json(error)).into_response();
            if let Some(seconds) = wait {
                answer
                    .headers_mut()
                    .insert(header::RETRY_AFTER, seconds.into());
            }
            (answer, status)
        }
    };
    state.calls.push(ListCall {
        at,
        query: request.uri().query().unwrap_or_default().to_owned(),
        status,
    });
    answer
}

/// Returns the page that a request asks for, or the status of the error with its `Retry-After`.
fn judge(state: &mut State, request: &Request) -> Result<Value, (u16, Option<u64>)> {
    let key = request.headers().get("x-api-key");
    if key.and_then(|key| key.to_str().ok()) != Some(state.settings.api_key.as_str()) {
        return Err((401, None));
    }
    if request.method() != Method::GET || request.uri().path() != "/v1/leads" {
        return Err((404, None));
    }
    if !state.failures.is_empty() {
        return Err(state.failures.remove(0));
    }
    let (mut page, mut limit, mut filter) = (1, LIMIT_DEFAULT, None);
    let query = request.uri().query().unwrap_or_default();
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        match name.as_ref() {
            "page" => page = value.parse().map_err(|_| (400, None))?,
            "limit" => limit = value.parse().map_err(|_| (400, None))?,
            "status" if FILTERS.contains(&value.as_ref()) => filter = Some(value.into_owned()),
            "campaignId" => {}
            _ => return Err((400, None)),
        }
    }
    if page == 0 || !(1..=LIMIT_MAX).contains(&limit) {
        return Err((400, None));
    }
    let wanted: Vec<_> = state
        .leads
        .iter()
        .rev()
        .filter(|(_, lead)| filter.as_ref().is_none_or(|f| lead.status.as_str() == f))
        .collect();
    let leads: Vec<_> = wanted
        .iter()
        .skip((page - 1) * limit)
        .take(limit)
        .map(|(id, lead)| {
            json!({
                "id": id, "linkedinUrl": lead.url, "status": lead.status, "firstName": "Orla", "lastName": "Wexcombe",
                "title": null, "company": null, "campaignId": lead.campaign, "createdAt": lead.created_at,
                "updatedAt": lead.updated_at,
            })
        })
        .collect();
    Ok(json!({
        "leads": leads,
        "pagination": {
            "total": wanted.len(), "page": page, "limit": limit, "totalPages": wanted.len().div_ceil(limit),
        },
    }))
}
