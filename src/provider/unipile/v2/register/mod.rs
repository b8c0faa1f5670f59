//! Registers the webhook endpoint of one installation with API v2: creates it, repairs it, or replaces it.
//!
//! The provider makes the secret of each endpoint. It is written to `unipile_v2.secret_file` before an older endpoint is removed, so
//! that no event is refused. The next run completes an interrupted one.

mod endpoint;
mod events;
mod secrets;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use reqwest::{Method, Url};
use serde_json::{Map, Value, json};

use self::endpoint::Endpoint;
use self::secrets::SecretFile;
use super::UnipileV2;
use super::error::{CallKind, judge};
use super::place::Place;
use crate::provider::error::CallError;
use crate::provider::register::{Done, HOOK_PATH, RegisterError, RegisterStep};
use crate::provider::transport::Request;

/// Our name for the endpoint, which is also its description.
const NAME: &str = "acceptd";
/// The most pages of the list of endpoints that are read.
const PAGES_MAX: u64 = 100;
/// Endpoints in one page of the list.
const PAGE_SIZE: u32 = 100;
/// The longest address that the provider takes, in characters.
const URL_CHARS_MAX: usize = 255;

/// Takes every step towards one endpoint that is as wanted. With `rotate`, a new one replaces it.
///
/// # Errors
/// The first [`RegisterError`]. The steps before it are done, and running it again does the rest.
pub(super) async fn register(
    client: &UnipileV2,
    public_url: &Url,
    secret_file: &Path,
    rotate: bool,
    done: &mut (dyn FnMut(RegisterStep) + Send),
) -> Result<(), RegisterError> {
    let url = hook_url(public_url)?;
    let mut file = SecretFile::read(secret_file).map_err(|error| file_error(&error))?;
    let listed = read_all(client).await?;
    // The list shows every secret, so that a line that fits no endpoint is of one that is gone.
    if let Some(shown) = listed
        .iter()
        .map(|one| one.secret.as_ref())
        .collect::<Option<Vec<_>>>()
    {
        file.keep(&shown).map_err(|error| file_error(&error))?;
    }
    let ours: Vec<Endpoint> = listed
        .into_iter()
        .filter(|one| is_ours(one, &url, &file))
        .collect();
    let mut step = |what, id: &str| {
        done(RegisterStep {
            done: what,
            name: NAME.to_owned(),
            id: id.to_owned(),
        });
    };
    let kept = ours.iter().find(|one| !rotate && one.secret.is_some());
    let kept = match kept {
        Some(kept) => {
            if let Some(secret) = &kept.secret {
                file.add(secret).map_err(|error| file_error(&error))?;
            }
            let changed = repair(client, kept, &url).await?;
            step(if changed { Done::Changed } else { Done::Kept }, &kept.id);
            kept.id.clone()
        }
        None => {
            let created = create(client, &url).await?;
            let secret = created.secret.as_ref().ok_or_else(|| {
                CallError::InvalidResponse("the new webhook endpoint has no secret".to_owned())
            })?;
            file.add(secret).map_err(|error| file_error(&error))?;
            step(Done::Created, &created.id);
            created.id
        }
    };
    for old in ours.iter().filter(|one| one.id != kept) {
        remove(client, &old.id).await?;
        step(Done::Removed, &old.id);
    }
    Ok(())
}

fn file_error(error: &std::io::Error) -> RegisterError {
    RegisterError::SecretFile(error.to_string())
}

/// Returns the address that the endpoint sends to.
fn hook_url(public_url: &Url) -> Result<String, RegisterError> {
    if !matches!(public_url.scheme(), "http" | "https") || public_url.host().is_none() {
        let problem = "server.public_url must start with https:// or http://";
        return Err(RegisterError::Settings(problem.to_owned()));
    }
    let mut url = public_url.clone();
    url.set_query(None);
    url.set_fragment(None);
    let path = format!("{}{HOOK_PATH}", url.path().trim_end_matches('/'));
    url.set_path(&path);
    let url = url.to_string();
    if url.chars().count() > URL_CHARS_MAX {
        let problem =
            "server.public_url is too long: with /webhooks/unipile it has more than 255 characters";
        return Err(RegisterError::Settings(problem.to_owned()));
    }
    Ok(url)
}

/// Returns whether an endpoint belongs to this installation. Either it sends to our address. Or, after `public_url` has changed, it
/// sends to the path of an acceptd and we have its secret, which no other installation has.
fn is_ours(endpoint: &Endpoint, url: &str, file: &SecretFile) -> bool {
    let bare = |text: &str| text.trim_end_matches('/').to_owned();
    let ends = bare(&endpoint.url).ends_with(HOOK_PATH);
    bare(&endpoint.url) == bare(url)
        || (ends
            && endpoint
                .secret
                .as_ref()
                .is_some_and(|secret| file.has(secret)))
}

async fn read_all(client: &UnipileV2) -> Result<Vec<Endpoint>, CallError> {
    let mut all = Vec::new();
    for page in 0..PAGES_MAX {
        let place = Place::Offset(page * u64::from(PAGE_SIZE));
        let segments = ["webhooks", "endpoints", ""];
        let request = client.page(&segments, &[], &place, PAGE_SIZE);
        let answer = client
            .call(None, CallKind::Core, request, Endpoint::read_page)
            .await?;
        let (mut endpoints, more) = answer.value;
        all.append(&mut endpoints);
        if !more {
            return Ok(all);
        }
    }
    // An incomplete list must not lead to a new endpoint.
    Err(CallError::InvalidResponse(
        "the list of webhook endpoints does not end".to_owned(),
    ))
}

/// Changes an endpoint in place where it is not as wanted. Returns whether it was changed.
async fn repair(client: &UnipileV2, endpoint: &Endpoint, url: &str) -> Result<bool, CallError> {
    let mut names = events::wanted();
    let rest_fits = endpoint.enabled && !endpoint.limited && endpoint.url == url;
    loop {
        if rest_fits && endpoint.events == names {
            return Ok(false);
        }
        let mut body = json!({"url": url, "enabled": true, "trigger_events": names});
        if endpoint.limited {
            body["account_ids"] = json!([]);
        }
        let segments = ["webhooks", "endpoints", &endpoint.id];
        match send(client, Method::PATCH, &segments, &body).await {
            Ok(_) => return Ok(true),
            Err((error, refusal)) => drop_or_fail(&mut names, error, &refusal)?,
        }
    }
}

async fn create(client: &UnipileV2, url: &str) -> Result<Endpoint, CallError> {
    let mut names = events::wanted();
    loop {
        let body = json!({"url": url, "description": NAME, "trigger_events": names});
        match send(client, Method::POST, &["webhooks", "endpoints", ""], &body).await {
            Ok(endpoint) => return Ok(endpoint),
            Err((error, refusal)) => drop_or_fail(&mut names, error, &refusal)?,
        }
    }
}

async fn remove(client: &UnipileV2, id: &str) -> Result<(), CallError> {
    let request = Request {
        method: Method::DELETE,
        ..Request::get(client.url(&["webhooks", "endpoints", id]))
    };
    match client.call(None, CallKind::Core, request, |_| Ok(())).await {
        Ok(_) | Err(CallError::NotFound) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Drops the event name that a refusal points at, and fails if there is none.
fn drop_or_fail(
    names: &mut BTreeSet<String>,
    error: CallError,
    refusal: &str,
) -> Result<(), CallError> {
    let sent: Vec<String> = names.iter().cloned().collect();
    match events::drop_refused(names, &sent, refusal) {
        Some(event) => {
            tracing::warn!(
                event,
                "provider does not know an event name, registering without it"
            );
            Ok(())
        }
        None => Err(error),
    }
}

/// Sends an endpoint and reads the answer. An error comes with the text of its body.
async fn send(
    client: &UnipileV2,
    method: Method,
    segments: &[&str],
    body: &Value,
) -> Result<Endpoint, (CallError, String)> {
    let request = Request {
        method,
        json: Some(body),
        ..Request::get(client.url(segments))
    };
    let refusal = Mutex::new(String::new());
    let judge = |status: u16, retry_after: Option<Duration>, body: &[u8]| {
        if matches!(status, 400 | 422) {
            let text = String::from_utf8_lossy(body).into_owned();
            *refusal.lock().unwrap_or_else(PoisonError::into_inner) = text;
        }
        judge(CallKind::Core, status, retry_after, body)
    };
    let read = |fields: &Map<String, Value>| Endpoint::read(fields);
    let answer = client
        .judged(None, CallKind::Core, request, &judge, read)
        .await;
    answer.map(|answer| answer.value).map_err(|error| {
        let refusal = refusal.into_inner().unwrap_or_else(PoisonError::into_inner);
        (error, refusal)
    })
}
