//! The providers' webhooks: check the head, read the body, check its signature, parse, commit, answer, in this order.

use std::path::Path;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::request::Parts;
use utoipa_axum::routes;

use super::app::App;
use super::json::Json;
use super::log_limit::LogLimit;
use super::problem::Problem;
use super::routes::{Need, Routes};
use crate::api::process::WebhookStored;
use crate::config::{Config, Secret};
use crate::domain::bad_input::BadInput;
use crate::domain::provider::Provider;
use crate::intake::verify::{Refusal, SenderProof};
use crate::intake::{Rejection, Webhook, verify};
use crate::metrics::WebhookResult;

const UNIPILE: &str = "/webhooks/unipile";
const SENDPILOT: &str = "/webhooks/sendpilot";

/// The routes of the webhooks.
pub fn routes() -> Routes {
    Routes::default()
        .serve(Need::Signature(Provider::Unipile), routes!(unipile))
        .serve(Need::Signature(Provider::Sendpilot), routes!(sendpilot))
}

/// Returns the provider whose webhooks arrive at a path.
#[must_use]
pub fn provider_of(path: &str) -> Option<Provider> {
    match path {
        UNIPILE => Some(Provider::Unipile),
        SENDPILOT => Some(Provider::Sendpilot),
        _ => None,
    }
}

/// Refuses a request whose head proves that the sender is wrong (401). If the body is needed to decide, the check is put into the
/// request's extensions.
pub fn judge_head(app: &App, provider: Provider, head: &mut Parts) -> Result<(), Problem> {
    let (config, now) = (app.config(), app.clock.now());
    let known = secret_file(&config).map(|path| app.signing_secrets().known(path));
    let configured = config.unipile.signing_secret.expose();
    let signing_secrets = (known.is_some() || !configured.is_empty()).then(|| {
        let known = known.iter().flatten().map(String::as_str);
        let configured = Some(configured).filter(|secret| !secret.is_empty());
        configured.into_iter().chain(known).collect::<Vec<_>>()
    });
    let proof = match provider {
        Provider::Unipile | Provider::UnipileV2 => verify::unipile(
            &head.headers,
            config.unipile.webhook_header.as_str(),
            config.unipile.webhook_secret.expose(),
            signing_secrets.as_deref(),
            now,
        ),
        Provider::Sendpilot => {
            let secrets = &config.sendpilot.webhook_secrets;
            let secrets: Vec<&str> = secrets.iter().map(Secret::expose).collect();
            verify::sendpilot(&head.headers, &secrets, now)
        }
    };
    let proof = proof.map_err(|why| unauthorized(app, provider, why))?;
    head.extensions.insert(proof);
    Ok(())
}

/// Receive a webhook of Unipile
///
/// Flat v1 bodies and v2 envelopes. A request with `unipile-signature` is judged by that alone, any other by the static header.
#[utoipa::path(
    post,
    path = UNIPILE,
    operation_id = "receiveUnipile",
    tag = "webhooks",
    request_body(
        description = "Parsed as JSON whatever the content type says.",
        content = Object,
        example = json!({
            "event": "new_relation", "account_id": "acc_1", "account_type": "LINKEDIN",
            "user_provider_id": "ACoAAAcDMMQBODyLwZrRcgYhrkCafURGqva0U4E", "user_public_identifier": "ada-lovelace",
            "user_full_name": "Ada Lovelace"
        })
    ),
    responses((status = 200, description = "The body and what it led to are on disk.", body = WebhookStored))
)]
async fn unipile(
    State(app): State<App>,
    Extension(proof): Extension<SenderProof>,
    body: Bytes,
) -> Result<Json<WebhookStored>, Problem> {
    let proof = with_current_secrets(&app, proof, &body).await;
    receive(&app, Provider::Unipile, proof, &body).await
}

/// Returns the proof with the secrets that it has to be checked with. If it matches none of the known ones, the file of secrets is
/// read again, because `register` may have written a new one.
async fn with_current_secrets(app: &App, proof: SenderProof, body: &Bytes) -> SenderProof {
    if proof.check(body).is_ok() {
        return proof;
    }
    let config = app.config();
    let Some(path) = secret_file(&config).map(Path::to_owned) else {
        return proof;
    };
    let reader = app.clone();
    let read = move || reader.signing_secrets().read_if_changed(&path);
    match tokio::task::spawn_blocking(read).await {
        Ok(Ok(Some(secrets))) => proof.with_secrets(&secrets),
        Ok(Ok(None)) | Err(_) => proof,
        Ok(Err(error)) => {
            tracing::warn!(%error, "unipile_v2.secret_file cannot be read, webhooks signed with its secrets are refused");
            proof
        }
    }
}

/// The file of signing secrets, if one is configured.
fn secret_file(config: &Config) -> Option<&Path> {
    config.unipile_v2.secret_file.as_deref()
}

/// Receive a webhook of SendPilot
///
/// Signed in one of SendPilot's three forms, within two hours.
#[utoipa::path(
    post,
    path = SENDPILOT,
    operation_id = "receiveSendpilot",
    tag = "webhooks",
    request_body(
        description = "Parsed as JSON whatever the content type says.",
        content = Object,
        example = json!({
            "eventId": "evt_1", "eventType": "connection.accepted", "timestamp": "2026-05-02T15:14:08.120Z", "workspaceId": "ws_1",
            "data": {"leadId": "enr_1", "campaignId": "camp_1", "senderId": "acc_1", "acceptedAt": "2026-05-02T15:14:06.000Z"}
        })
    ),
    responses((status = 200, description = "The body and what it led to are on disk.", body = WebhookStored))
)]
async fn sendpilot(
    State(app): State<App>,
    Extension(proof): Extension<SenderProof>,
    body: Bytes,
) -> Result<Json<WebhookStored>, Problem> {
    receive(&app, Provider::Sendpilot, proof, &body).await
}

/// Answers 200 if the webhook is on disk. If it can't be stored now, answers 503, so that the provider sends it again.
async fn receive(
    app: &App,
    provider: Provider,
    proof: SenderProof,
    body: &[u8],
) -> Result<Json<WebhookStored>, Problem> {
    let webhook = Webhook {
        provider,
        proof,
        body,
        received_at: app.clock.now(),
        keep_message_text: app.config().unipile.keep_message_text,
    };
    match app.intake.receive(webhook).await {
        Ok(outcome) => {
            app.metrics
                .webhook(provider, WebhookResult::Stored(outcome));
            tracing::debug!(%provider, %outcome, "webhook stored");
            Ok(Json(WebhookStored { outcome }))
        }
        Err(Rejection::Unauthorized(why)) => Err(unauthorized(app, provider, why)),
        Err(Rejection::BadBody(bad)) => Err(unusable(app, provider, bad)),
        Err(Rejection::NotStored(error)) => {
            app.metrics.webhook(provider, WebhookResult::Unavailable);
            tracing::error!(%provider, %error, "webhook can't be stored, asking the provider to send it again");
            Err(Problem::unavailable(
                "The webhook can't be stored right now. Send it again.",
            ))
        }
    }
}

/// The limits on log lines about refused webhooks of one provider.
struct Log {
    unauthorized: LogLimit,
    unusable: LogLimit,
    unread: LogLimit,
}

impl Log {
    const fn new() -> Self {
        Self {
            unauthorized: LogLimit::new(),
            unusable: LogLimit::new(),
            unread: LogLimit::new(),
        }
    }
}

fn log_of(provider: Provider) -> &'static Log {
    static OF_UNIPILE: Log = Log::new();
    static OF_SENDPILOT: Log = Log::new();
    match provider {
        Provider::Unipile | Provider::UnipileV2 => &OF_UNIPILE,
        Provider::Sendpilot => &OF_SENDPILOT,
    }
}

fn unauthorized(app: &App, provider: Provider, why: Refusal) -> Problem {
    app.metrics.webhook(provider, WebhookResult::Unauthorized);
    if let Some(left_out) = log_of(provider).unauthorized.line() {
        tracing::warn!(%provider, %why, left_out, "webhook rejected: secret or signature is wrong");
    }
    // The reason is only logged, so that an attacker learns nothing.
    Problem::new(
        StatusCode::UNAUTHORIZED,
        "The secret or the signature is missing or wrong.",
    )
}

fn unusable(app: &App, provider: Provider, bad: BadInput) -> Problem {
    app.metrics.webhook(provider, WebhookResult::BadBody);
    if let Some(left_out) = log_of(provider).unusable.line() {
        tracing::warn!(%provider, field = bad.field, why = bad.detail, left_out, "webhook rejected: body can't be used");
    }
    Problem::bad_webhook(bad)
}

/// Counts and logs a webhook whose body was never whole.
pub fn refused(app: &App, provider: Provider, result: WebhookResult) {
    app.metrics.webhook(provider, result);
    if let Some(left_out) = log_of(provider).unread.line() {
        tracing::warn!(%provider, ?result, left_out, "webhook rejected: body was not received");
    }
}
