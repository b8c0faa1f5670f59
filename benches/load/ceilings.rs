//! The limits of the machine, measured in the same run: a server that only answers, a bare SQLite loop, a bare sender.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use acceptd::tell::sign::{SigningSecret, signature};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rusqlite::{Connection, params};
use tokio::net::TcpListener;

use crate::Options;
use crate::client::{Requests, closed_loop, post};
use crate::daemon::{SIGNING, accepts};
use crate::receiver::Receiver;
use crate::report::Report;

/// Requests in one transaction of the bare SQLite loop.
const BATCH: u64 = 64;

/// What the machine can do, per second.
pub struct Limits {
    /// Requests that are only answered.
    pub h: f64,
    /// Accepts that are only stored.
    pub s: f64,
    /// Deliveries that are only signed and sent.
    pub d: f64,
}

impl Limits {
    /// The limit of accepts through the socket.
    pub fn accepts(&self) -> f64 {
        1.0 / (1.0 / self.h + 0.5 / self.s)
    }

    /// The limit from webhook to received.
    pub fn end_to_end(&self) -> f64 {
        1.0 / (1.0 / self.h + 1.0 / self.d + 0.5 / self.s)
    }
}

/// Measures and prints them.
pub async fn measure(options: &Options, report: &mut Report) -> anyhow::Result<Limits> {
    report.chapter("Limits of this machine");
    let count = options.accepts * 3;
    let addr = answer_only().await?;
    let (took, _) = closed_loop(addr, 0..count, options.connections, &accepts()).await?;
    let h = count as f64 / took.as_secs_f64();
    report.rate("h: a server that only answers", h, "");
    let s = tokio::task::spawn_blocking(move || store_only(count)).await??;
    report.rate("s: SQLite alone, three rows, 64 to a commit", s, "");
    let receiver = Receiver::start().await?;
    let (took, _) = closed_loop(receiver.addr(), 0..count, options.connections, &signed()?).await?;
    let d = count as f64 / took.as_secs_f64();
    report.rate("d: signed deliveries to the receiver", d, "");
    let limits = Limits { h, s, d };
    report.rate("C_in = 1/(1/h + 0.5/s)", limits.accepts(), "");
    report.rate("C_e2e = 1/(1/h + 1/d + 0.5/s)", limits.end_to_end(), "");
    Ok(limits)
}

async fn answer_only() -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let addr = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let _ = stream.set_nodelay(true);
            tokio::spawn(async move {
                let answer = service_fn(|request: Request<Incoming>| async {
                    let body = request.into_body().collect().await?.to_bytes();
                    let text = if body.is_empty() {
                        "{}"
                    } else {
                        r#"{"outcome":"stamped"}"#
                    };
                    Ok::<_, hyper::Error>(Response::new(Full::new(Bytes::from_static(
                        text.as_bytes(),
                    ))))
                });
                let _ = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), answer)
                    .await;
                Ok::<_, Infallible>(())
            });
        }
    });
    Ok(addr)
}

/// Stores what an accept stores at the least: the enrollment's new state, the evidence and the event, found by integer keys.
fn store_only(count: u64) -> anyhow::Result<f64> {
    let dir = tempfile::tempdir()?;
    let mut conn = Connection::open(dir.path().join("limit.db"))?;
    conn.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get::<_, String>(0))?;
    conn.pragma_update(None, "synchronous", "full")?;
    // 16 MB of log between two copies, as in the daemon.
    conn.pragma_update(None, "wal_autocheckpoint", 4_096)?;
    conn.execute_batch(
        "CREATE TABLE enrollments (seq INTEGER PRIMARY KEY, id TEXT, status TEXT, accepted_at INTEGER, source TEXT) STRICT;
         CREATE TABLE signals (id INTEGER PRIMARY KEY, received_at INTEGER, outcome TEXT, raw TEXT) STRICT;
         CREATE TABLE events (seq INTEGER PRIMARY KEY, enrollment INTEGER, type TEXT, body TEXT) STRICT;",
    )?;
    let fill = conn.transaction()?;
    for n in 0..count {
        fill.prepare_cached("INSERT INTO enrollments VALUES (?1, ?2, 'PENDING', NULL, NULL)")?
            .execute(params![n.cast_signed(), format!("enr_{n}")])?;
    }
    fill.commit()?;
    let (raw, body) = ("r".repeat(350), body());
    let began = Instant::now();
    for first in (0..count).step_by(BATCH as usize) {
        let tx = conn.transaction()?;
        for n in first..count.min(first + BATCH) {
            let n = n.cast_signed();
            tx.prepare_cached(
                "UPDATE enrollments SET status = 'CONNECTION_ACCEPTED', accepted_at = ?2, source = 'webhook' WHERE seq = ?1",
            )?
            .execute(params![n, n])?;
            tx.prepare_cached(
                "INSERT INTO signals (received_at, outcome, raw) VALUES (?1, 'stamped', ?2)",
            )?
            .execute(params![n, raw])?;
            tx.prepare_cached(
                "INSERT INTO events (enrollment, type, body) VALUES (?1, 'linkedin.invite_accepted', ?2)",
            )?
            .execute(params![n, body])?;
        }
        tx.commit()?;
    }
    Ok(count as f64 / began.elapsed().as_secs_f64())
}

/// A body of the size of an accept's event.
fn body() -> String {
    format!(
        r#"{{"data":{{"dedupeKey":"{}","enrollmentId":"enr_0"}}}}"#,
        "k".repeat(850)
    )
}

fn signed() -> anyhow::Result<Requests> {
    let secrets = [SigningSecret::parse(SIGNING)?];
    let body = body();
    Ok(Arc::new(move |n| {
        let id = format!("evt_{n}");
        let signature = signature(&secrets, &id, 1_777_734_846, &body).unwrap_or_default();
        let headers = format!(
            "webhook-id: {id}\r\nwebhook-timestamp: 1777734846\r\nwebhook-signature: {signature}\r\n"
        );
        post("/limit", &headers, &body)
    }))
}
