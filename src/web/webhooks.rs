//! The providers' webhooks: authenticate on the raw body, parse, commit, answer, in this order (contract section 4).

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::json;

use super::app::App;
use super::json::Json;
use super::problem::Problem;
use crate::config::Secret;
use crate::domain::signal::BadInput;
use crate::domain::words::{Outcome, Provider};
use crate::intake::verify::Refusal;
use crate::intake::{self, apply, verify};
use crate::metrics::WebhookResult;
use crate::store::Error;

const UNIPILE: &str = "/webhooks/unipile";
const SENDPILOT: &str = "/webhooks/sendpilot";

/// The webhooks' routes.
pub fn routes() -> Router<App> {
    Router::new()
        .route(UNIPILE, post(unipile))
        .route(SENDPILOT, post(sendpilot))
}

/// Whose webhooks come to a path.
#[must_use]
pub fn provider_of(path: &str) -> Option<Provider> {
    match path {
        UNIPILE => Some(Provider::Unipile),
        SENDPILOT => Some(Provider::Sendpilot),
        _ => None,
    }
}

async fn unipile(
    State(app): State<App>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    const WHO: Provider = Provider::Unipile;
    let config = app.config();
    let settings = &config.unipile;
    let now = app.clock.now();
    verify::unipile(
        &headers,
        &body,
        settings.webhook_header.as_str(),
        settings.webhook_secret.expose(),
        settings.signing_secret.expose(),
        now,
    )
    .map_err(|why| unauthorized(&app, WHO, why))?;
    let key = app.reconciler.note_key();
    let event = intake::unipile::parse(&body, now, settings.keep_message_text, key)
        .map_err(|bad| unusable(&app, WHO, bad))?;
    let stored = app
        .reconciler
        .run(move |routine| apply::unipile(routine, &event))
        .await;
    answer(&app, WHO, stored)
}

async fn sendpilot(
    State(app): State<App>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    const WHO: Provider = Provider::Sendpilot;
    let config = app.config();
    let now = app.clock.now();
    let secrets: Vec<&str> = config
        .sendpilot
        .webhook_secrets
        .iter()
        .map(Secret::expose)
        .collect();
    verify::sendpilot(&headers, &body, &secrets, now)
        .map_err(|why| unauthorized(&app, WHO, why))?;
    let event = intake::sendpilot::parse(&body, now, config.unipile.keep_message_text)
        .map_err(|bad| unusable(&app, WHO, bad))?;
    let stored = app
        .reconciler
        .run(move |routine| apply::sendpilot(routine, &event))
        .await;
    answer(&app, WHO, stored)
}

/// 200 once it is on disk; what can't be stored now is 503, so that the provider sends it again.
fn answer(
    app: &App,
    provider: Provider,
    stored: Result<Outcome, Error>,
) -> Result<Response, Problem> {
    match stored {
        Ok(outcome) => {
            app.metrics
                .webhook(provider, WebhookResult::Stored(outcome));
            tracing::debug!(%provider, %outcome, "webhook stored");
            Ok(Json(json!({"outcome": outcome})).into_response())
        }
        Err(Error::BadInput(bad)) => Err(unusable(app, provider, bad)),
        Err(error) => {
            app.metrics.webhook(provider, WebhookResult::Unavailable);
            tracing::error!(%provider, %error, "webhook not stored; the provider is asked to send it again");
            Err(Problem::unavailable(
                "This can't be stored right now; send it again.",
            ))
        }
    }
}

fn unauthorized(app: &App, provider: Provider, why: Refusal) -> Problem {
    app.metrics.webhook(provider, WebhookResult::Unauthorized);
    tracing::warn!(%provider, %why, "webhook refused");
    // The reason is for the log: whoever guesses learns nothing.
    Problem::new(
        StatusCode::UNAUTHORIZED,
        "The secret or the signature is missing or wrong.",
    )
}

fn unusable(app: &App, provider: Provider, bad: BadInput) -> Problem {
    app.metrics.webhook(provider, WebhookResult::BadBody);
    tracing::warn!(%provider, field = bad.field, why = bad.detail, "webhook can't be used");
    Problem::bad_webhook(bad)
}

/// Counts and logs a webhook whose body was never whole.
pub fn refused(app: &App, provider: Provider, result: WebhookResult) {
    app.metrics.webhook(provider, result);
    tracing::warn!(%provider, ?result, "webhook refused");
}
