//! `GET /v1/stream`: every change as a server-sent event, with ids that stay valid over restarts.
//!
//! The ids are the row numbers of the `changes` table. A client that was away gets every change after the last one it saw. A stream
//! holds at most one batch: the next batch is read when the client has taken the previous one.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, StreamExt, stream};
use tokio::sync::watch;

use crate::store::ApiStore;
use crate::store::changes::Change;
use crate::web::app::App;
use crate::web::auth::{Actor, still_admitted};
use crate::web::peer;
use crate::web::problem::Problem;
use crate::web::socket::Hangup;

/// The most changes that are held for one client.
const BATCH_MAX: usize = 100;
/// How long a stream waits after a commit before it reads, so that many commits cause few reads.
const COMMIT_PAUSE: Duration = Duration::from_millis(50);
/// How often a stream checks whether the session that opened it has ended.
const SESSION_CHECK_INTERVAL: Duration = Duration::from_secs(15);
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How long a client waits before it reconnects.
const RECONNECT_AFTER: Duration = Duration::from_secs(1);

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Where a new stream begins.
enum Start {
    /// After this change.
    After(i64),
    /// The last change that the client saw is no longer kept, or the id was never valid. The client has to read the lists again and
    /// continues after this change.
    Reset(i64),
}

struct Watcher {
    store: ApiStore,
    commits: watch::Receiver<u64>,
    after: i64,
    batch: VecDeque<Change>,
}

/// Follow every stamp and delivery change as it happens
///
/// The stream ends when the daemon stops, or when the token or session that opened it is no longer valid.
#[utoipa::path(
    get,
    path = "/v1/stream",
    operation_id = "stream",
    tag = "events",
    params((
        "Last-Event-ID" = Option<String>,
        Header,
        description = "The last id that was seen: everything after it comes first. Without it the stream starts now.",
        pattern = "^[0-9]{1,18}$"
    )),
    responses(
        (
            status = 200,
            description = "Server-sent events. `stamp` says what changed of an enrollment, `delivery` what changed of a delivery. \
                `reset` says that the changes since the given id are no longer kept, so read the lists again. A comment every 15 \
                seconds keeps the connection open.",
            content_type = "text/event-stream",
            body = String,
            example = "retry: 1000\n\nid: 17\nevent: stamp\ndata: {\"enrollmentId\":\"enr_1\",\"accountId\":\"acc_1\",\"campaignId\":\"camp_1\",\"status\":\"CONNECTION_ACCEPTED\",\"acceptedAt\":\"2026-05-02T15:14:06.000Z\",\"source\":\"webhook\",\"path\":\"bridge\"}\n\nid: 18\nevent: delivery\ndata: {\"id\":\"1\",\"eventId\":\"evt_6230ed2a-29b1-53a0-8485-0faacea0763b\",\"destination\":\"crm\",\"state\":\"delivered\",\"attempts\":1,\"lastStatus\":200}\n\n"
        ),
        (
            status = 429,
            description = "This address has too many event streams open.",
            headers(("Retry-After" = u64, description = "Seconds to wait."))
        ),
    )
)]
pub async fn stream(
    State(app): State<App>,
    Extension(actor): Extension<Actor>,
    head: Parts,
) -> Result<Response, Problem> {
    let ticket = app
        .streams()
        .enter(peer::of(&app.config(), &head), &actor.key)?;
    // Watched from here on, so that no revocation is missed.
    let revoked = revoked(app.clone(), actor);
    let store = app.store.clone();
    // Subscribed before the first read, so that no commit is missed.
    let commits = store.commits();
    let kept = store.view(|r| r.changes_kept()).await?;
    let start = start(head.headers.get(LAST_EVENT_ID), kept);
    let (first, after) = match start {
        // An id without data sets the client's last id and triggers no event.
        Start::After(seq) => (Event::default().id(seq.to_string()), seq),
        Start::Reset(seq) => (reset(seq), seq),
    };
    let watcher = Watcher {
        store,
        commits,
        after,
        batch: VecDeque::new(),
    };
    // A closed connection is noticed at once instead of at the next heartbeat, so that its ticket is free again.
    let hangup = head.extensions.get::<Hangup>().cloned();
    let hangup = async move {
        match hangup {
            Some(hangup) => hangup.happened().await,
            None => std::future::pending().await,
        }
    };
    let shutdown = app.shutdown.clone();
    let over = async move {
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = hangup => {}
            () = revoked => {}
        }
    };
    let events = stream::once(async move { first.retry(RECONNECT_AFTER) })
        .chain(watcher.events())
        .take_until(over)
        .map(move |event| {
            // The ticket is held as long as the stream.
            let _ = &ticket;
            Ok::<_, Infallible>(event)
        });
    let mut response = Sse::new(events)
        .keep_alive(KeepAlive::new().interval(HEARTBEAT))
        .into_response();
    // Tells common reverse proxies not to buffer the events.
    let headers = response.headers_mut();
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// Returns when the token or session of the actor is no longer valid.
fn revoked(app: App, actor: Actor) -> impl Future<Output = ()> {
    let (mut config, mut ended) = (app.config.clone(), app.sessions_ended().subscribe());
    async move {
        loop {
            // If the database can't be read now, the session may still be valid.
            if let Ok(false) = still_admitted(&app, &actor).await {
                return;
            }
            tokio::select! {
                Ok(()) = config.changed() => {}
                Ok(()) = ended.changed() => {}
                () = app.clock.sleep(SESSION_CHECK_INTERVAL) => {}
            }
        }
    }
}

fn start(last_seen: Option<&HeaderValue>, (first, last): (i64, i64)) -> Start {
    let Some(value) = last_seen else {
        return Start::After(last);
    };
    match value
        .to_str()
        .ok()
        .and_then(|text| text.parse::<i64>().ok())
    {
        Some(seen) if seen >= first - 1 && seen <= last => Start::After(seen),
        _ => Start::Reset(last),
    }
}

fn reset(seq: i64) -> Event {
    Event::default()
        .id(seq.to_string())
        .event("reset")
        .data("{}")
}

impl Watcher {
    fn events(self) -> impl Stream<Item = Event> {
        stream::unfold(self, |mut watcher| async move {
            let event = watcher.next().await?;
            Some((event, watcher))
        })
    }

    /// Returns the next event. `None` if the database can't be read: the client then reconnects with its last id.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(change) = self.batch.pop_front() {
                self.after = change.seq;
                return Some(
                    Event::default()
                        .id(change.seq.to_string())
                        .event(change.kind)
                        .data(change.body),
                );
            }
            self.commits.borrow_and_update();
            let after = self.after;
            let (first, last, found) = self
                .store
                .view(move |r| {
                    let (first, last) = r.changes_kept()?;
                    Ok((first, last, r.changes_after(after, BATCH_MAX)?))
                })
                .await
                .ok()?;
            if first > after + 1 {
                // The client is so slow that changes were pruned before it read them.
                self.after = last;
                return Some(reset(last));
            }
            self.batch = found.into();
            if self.batch.is_empty() {
                self.commits.changed().await.ok()?;
                tokio::time::sleep(COMMIT_PAUSE).await;
            }
        }
    }
}
