//! Account events of API v2: status, lock, and the products of an account.

use serde_json::{Value, json};

use super::{UnipileEvent, UnipileKind, ignored, named_account, read};
use crate::domain::account::AccountReport;
use crate::domain::bad_input::BadInput;
use crate::domain::provider::Provider;
use crate::domain::signal::Source;

/// The only product that matters to invitations.
const PRODUCT: &str = "classic";

/// The longest reason that is kept, in characters.
const REASON_CHARS_MAX: usize = 200;

/// Whether an event type is about an account.
pub(super) fn is_account_event(event: &str) -> bool {
    event.starts_with("account.")
}

/// Reads an account event. An unknown one changes nothing.
pub(super) fn parse(body: &read::Object, event: &str) -> Result<UnipileEvent, BadInput> {
    let empty = read::Object::new();
    let payload = read::child(body, "payload").unwrap_or(&empty);
    let report = report(event, payload);
    if report == AccountReport::NoChange && named_account(body).is_none() {
        let reason = "The event names no account and changes nothing.";
        return Ok(ignored(body, Source::Webhook, reason));
    }
    let account = read::account(body, "account_id")?;
    let mut kept = read::keep(
        body,
        &["id", "type", "account_id", "account_provider", "created_at"],
    );
    let mut kept_payload = read::keep(payload, &["timestamp", "product", "reason"]);
    if let Some(products) = products(payload) {
        let words = [PRODUCT, "company", "sales_navigator", "recruiter"];
        kept_payload.insert(
            "products_connection_status".to_owned(),
            Value::Object(read::keep(products, &words)),
        );
    }
    kept.insert("payload".to_owned(), json!(kept_payload));
    let reason = read::text(payload, "reason").map(|r| format!("{event}: {r}"));
    let reason = reason.unwrap_or_else(|| event.to_owned());
    Ok(UnipileEvent {
        event_ref: None,
        api: Provider::Unipile,
        kind: UnipileKind::Account {
            account,
            message: reason.chars().take(REASON_CHARS_MAX).collect(),
            report,
        },
        raw: Value::Object(kept).to_string(),
    })
}

/// What an event says about the account. Of an event that names a product, only the product of invitations counts.
fn report(event: &str, payload: &read::Object) -> AccountReport {
    let other_product =
        read::text(payload, "product").is_some_and(|name| !name.eq_ignore_ascii_case(PRODUCT));
    if other_product {
        return AccountReport::NoChange;
    }
    match event {
        "account.status.running" | "account.status.degraded" => AccountReport::Works,
        "account.status.disconnected"
        | "account.status.errored"
        | "account.status.paused"
        | "account.remove" => AccountReport::Failed,
        "account.status.partial" => partial(payload),
        "account.locked" => AccountReport::Locked,
        "account.unlocked" => AccountReport::Unlocked,
        _ => AccountReport::NoChange,
    }
}

/// A partial account works if its product of invitations does. An unknown state of the product changes nothing.
fn partial(payload: &read::Object) -> AccountReport {
    if read::text(payload, "product").is_some() {
        return AccountReport::Failed;
    }
    let state = products(payload).and_then(|products| read::text(products, PRODUCT));
    match state.map(|state| state.to_ascii_lowercase()).as_deref() {
        Some("running") => AccountReport::Works,
        Some("disconnected" | "errored") => AccountReport::Failed,
        _ => AccountReport::NoChange,
    }
}

/// The state of each product, in the payload, its account or the account's metadata.
fn products(payload: &read::Object) -> Option<&read::Object> {
    let field = "products_connection_status";
    let account = read::child(payload, "account");
    [
        Some(payload),
        read::child(payload, "metadata"),
        account,
        account.and_then(|account| read::child(account, "metadata")),
    ]
    .into_iter()
    .flatten()
    .find_map(|place| read::child(place, field))
}
