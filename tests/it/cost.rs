//! What an accept and a delivery cost, in numbers that do not depend on the machine or on what else runs there: statements, and bytes
//! of the write-ahead log. The bounds are generous. If a change exceeds one, measure it with `cargo bench --bench load`, and raise
//! the bound only if the change is worth it.

use std::cell::RefCell;
use std::ffi::{c_char, c_int, c_uint, c_void};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use acceptd::clock::Clock;
use acceptd::domain::delivery::DeliveryState::Delivered;
use acceptd::sim::receiver::Receiver;
use acceptd::tell::DestinationKind;
use rusqlite::ffi;
use serde_json::json;

use crate::evidence_support::{believing, enroll, leads_to, profile_id, relation};
use crate::site_support::Site;
use crate::tell_support::{Outbox, destination};

/// Enrollments in the database, so that its B-trees have some depth.
const ENROLLMENTS: u64 = 2_000;
/// Accepts that are measured, one after the other: each has a commit of its own, so none shares a page with another.
const ACCEPTS: u64 = 40;

/// Bounds for one accept and for one delivery.
const ACCEPT_STATEMENTS_MAX: u64 = 45;
const ACCEPT_LOG_BYTES_MAX: u64 = 70_000;
const DELIVERY_STATEMENTS_MAX: u64 = 35;
const DELIVERY_LOG_BYTES_MAX: u64 = 80_000;

thread_local! {
    /// The counter for the next database that is opened on this thread.
    static NEXT: RefCell<Option<Arc<AtomicU64>>> = const { RefCell::new(None) };
}

/// Returns a counter of the statements of the next connection that this thread opens. A store opens its writer first.
fn count_statements() -> Arc<AtomicU64> {
    // SAFETY: `connected` has the signature that SQLite documents for an extension's entry point.
    let done = unsafe { ffi::sqlite3_auto_extension(Some(connected)) };
    assert_eq!(done, ffi::SQLITE_OK);
    let counter = Arc::<AtomicU64>::default();
    NEXT.set(Some(counter.clone()));
    counter
}

unsafe extern "C" fn connected(
    db: *mut ffi::sqlite3,
    _error: *mut *mut c_char,
    _api: *const ffi::sqlite3_api_routines,
) -> c_int {
    if let Some(counter) = NEXT.take() {
        // It is never freed, so it lives as long as the connection.
        let counter = Arc::into_raw(counter).cast_mut().cast();
        // SAFETY: the connection is open, and the counter outlives it.
        unsafe { ffi::sqlite3_trace_v2(db, ffi::SQLITE_TRACE_STMT as c_uint, Some(ran), counter) };
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn ran(
    _event: c_uint,
    counter: *mut c_void,
    _statement: *mut c_void,
    _text: *mut c_void,
) -> c_int {
    // SAFETY: this is the counter that `connected` passed.
    let counter = unsafe { &*counter.cast::<AtomicU64>() };
    counter.fetch_add(1, Ordering::Relaxed);
    0
}

/// The generation of a write-ahead log, and its bytes in this generation.
fn log_bytes(database: &Path) -> (Vec<u8>, u64) {
    const HEADER: usize = 32;
    const FRAME_HEADER: usize = 24;
    let bytes = std::fs::read(database.with_extension("db-wal")).expect("a write-ahead log");
    let page = bytes.get(8..12).and_then(|size| size.try_into().ok());
    let frame = FRAME_HEADER + page.map_or(4096, u32::from_be_bytes) as usize;
    let generation = bytes.get(16..24).unwrap_or_default().to_vec();
    let frames = bytes.get(HEADER..).unwrap_or_default().chunks(frame);
    let frames = frames.take_while(|frame| frame.get(8..16) == Some(&generation[..]));
    let count = frames.count();
    (generation, (count * frame) as u64)
}

/// Adds up the bytes that the log grows by, also if it is begun anew meanwhile.
struct LogBytes {
    database: std::path::PathBuf,
    last: (Vec<u8>, u64),
    sum: u64,
}

impl LogBytes {
    fn of(database: &Path) -> Self {
        Self {
            last: log_bytes(database),
            database: database.to_owned(),
            sum: 0,
        }
    }

    fn look(&mut self) {
        let now = log_bytes(&self.database);
        let same = now.0 == self.last.0;
        self.sum += if same { now.1 - self.last.1 } else { now.1 };
        self.last = now;
    }
}

#[tokio::test]
async fn an_accept_costs_a_bounded_number_of_statements_and_log_bytes() {
    let statements = count_statements();
    let site = Site::start(&believing("")).await;
    let row = |n: u64| json!({"id": format!("enr_{n}"), "accountId": "acc_1", "providerId": profile_id(700_000_000 + n)});
    for first in (0..ENROLLMENTS).step_by(1_000) {
        enroll(&site, (first..first + 1_000).map(row).collect()).await;
    }
    let stamp = |n: u64| relation("acc_1", 700_000_000 + n * 47, None);
    // The first one compiles the statements.
    leads_to(&site, &stamp(ACCEPTS), "stamped").await;
    let mut log = LogBytes::of(&site.database());
    statements.store(0, Ordering::Relaxed);
    for n in 0..ACCEPTS {
        leads_to(&site, &stamp(n), "stamped").await;
        log.look();
    }
    let (count, bytes) = (
        statements.load(Ordering::Relaxed) / ACCEPTS,
        log.sum / ACCEPTS,
    );
    println!("an accept: {count} statements, {bytes} bytes of log");
    assert!(
        (5..=ACCEPT_STATEMENTS_MAX).contains(&count),
        "{count} statements per accept"
    );
    assert!(
        (1..=ACCEPT_LOG_BYTES_MAX).contains(&bytes),
        "{bytes} bytes of log per accept"
    );
}

#[tokio::test]
async fn a_delivery_costs_a_bounded_number_of_statements_and_log_bytes() {
    let receiver = Receiver::start(Clock::system()).await.expect("a receiver");
    let statements = count_statements();
    let mut outbox = Outbox::new(Clock::system());
    let url = receiver.url("/hook");
    outbox.start(vec![destination("hook", DestinationKind::Webhook, &url)]);
    let first = outbox.accept("first", &["hook"]).await;
    outbox.until_state(&first, "hook", Delivered).await;
    let mut log = LogBytes::of(outbox.store.path());
    statements.store(0, Ordering::Relaxed);
    for n in 0..ACCEPTS {
        let event = outbox.accept(&format!("enr_{n}"), &["hook"]).await;
        outbox.until_state(&event, "hook", Delivered).await;
        log.look();
    }
    let (count, bytes) = (
        statements.load(Ordering::Relaxed) / ACCEPTS,
        log.sum / ACCEPTS,
    );
    println!("an event and its delivery: {count} statements, {bytes} bytes of log");
    assert!(
        (5..=DELIVERY_STATEMENTS_MAX).contains(&count),
        "{count} statements per delivery"
    );
    assert!(
        (1..=DELIVERY_LOG_BYTES_MAX).contains(&bytes),
        "{bytes} bytes of log per delivery"
    );
}
