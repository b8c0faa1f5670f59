//! The providers' webhooks: authenticate on the raw body, parse, commit, answer, in this order (contract section 4).

use super::app::App;
use crate::domain::words::Provider;
use crate::metrics::WebhookResult;

const UNIPILE: &str = "/webhooks/unipile";
const SENDPILOT: &str = "/webhooks/sendpilot";

/// Whose webhooks come to a path.
#[must_use]
pub fn provider_of(path: &str) -> Option<Provider> {
    match path {
        UNIPILE => Some(Provider::Unipile),
        SENDPILOT => Some(Provider::Sendpilot),
        _ => None,
    }
}

/// Counts and logs a webhook of which nothing is recorded.
pub fn refused(app: &App, provider: Provider, result: WebhookResult) {
    app.metrics.webhook(provider, result);
    tracing::warn!(%provider, ?result, "webhook refused");
}
