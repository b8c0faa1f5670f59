//! Invariants that hold for every database of a test, whatever the test did. The harness checks them when it is dropped.

use std::path::Path;
use std::time::Duration;

use acceptd::config::{self, Kind, Wants};
use acceptd::domain::event::EventType;
use rusqlite::{Connection, OpenFlags};

/// What no database may contain. Each query returns a name for each violation.
const VIOLATIONS: &[(&str, &str)] = &[
    (
        "the file is damaged",
        "SELECT quick_check FROM pragma_quick_check WHERE quick_check <> 'ok'",
    ),
    (
        "a row refers to a row that does not exist",
        "SELECT \"table\" || ' -> ' || parent FROM pragma_foreign_key_check",
    ),
    (
        "an accept has no event",
        "SELECT id FROM enrollments WHERE accepted_at IS NOT NULL
           AND NOT EXISTS (SELECT 1 FROM events WHERE dedupe_key = 'li-accept:' || enrollments.account_id || ':' || enrollments.id)",
    ),
    (
        "a reply has no event",
        "SELECT id FROM enrollments WHERE replied_at IS NOT NULL
           AND NOT EXISTS (SELECT 1 FROM events WHERE dedupe_key = 'li-reply:' || enrollments.account_id || ':' || enrollments.id)",
    ),
    (
        "a signal stamped no enrollment that it is tied to",
        "SELECT id FROM signals WHERE outcome = 'stamped' AND EXISTS (SELECT 1 FROM signal_enrollments WHERE signal_id = signals.id)
           AND NOT EXISTS (SELECT 1 FROM signal_enrollments t JOIN enrollments e ON e.id = t.enrollment_id
             WHERE t.signal_id = signals.id AND e.accepted_at IS NOT NULL)",
    ),
    (
        "a duplicate or ignored signal is tied to an accept that it stamped",
        "SELECT s.id FROM signals s JOIN signal_enrollments t ON t.signal_id = s.id
           WHERE s.outcome = 'duplicate' AND t.path IS NOT NULL",
    ),
];

/// The state of a delivery that only a running daemon leaves behind.
const LEFT_SENDING: &str = "SELECT id FROM deliveries WHERE state = 'sending'";

/// The events of accepts that a destination did not get.
const NOT_DELIVERED: &str = "SELECT e.id FROM events e WHERE e.type = 'linkedin.invite_accepted'
   AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.event_id = e.id AND d.destination = ?1)";

/// What the harness knows about the daemon whose database it checks.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// Whether the daemon ended by itself after SIGTERM.
    pub stopped_cleanly: bool,
    /// The destinations that wanted every accept from the beginning.
    pub destinations: Vec<String>,
}

/// The destinations of a configuration that want every accept. Empty if the configuration can't be read here.
pub fn destinations_that_want_all(toml: &str) -> Vec<String> {
    let Ok((config, _)) = config::parse(toml) else {
        return Vec::new();
    };
    let wanting = config.destinations.iter().filter(|d| {
        d.kind != Kind::Slack
            && d.events.contains(&EventType::InviteAccepted)
            && (d.backfill, d.pre_connected) == (Wants::Include, Wants::Include)
            && d.campaigns.is_empty()
            && d.accounts.is_empty()
            && d.workspaces.is_empty()
    });
    wanting.map(|d| d.name.clone()).collect()
}

/// Panics if the database at `path` violates an invariant. Does nothing if there is none, or while the test already fails.
pub fn check(path: &Path, known: &Known) {
    if std::thread::panicking() || !path.exists() {
        return;
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags).expect("a database");
    conn.busy_timeout(Duration::from_secs(10))
        .expect("a timeout");
    let tables: i64 = conn
        .query_row(
            "SELECT count(*) FROM sqlite_schema WHERE name IN ('enrollments', 'deliveries', 'signals')",
            [],
            |row| row.get(0),
        )
        .expect("the schema");
    if tables < 3 {
        return;
    }
    let found = |sql: &str, parameters: &[&str]| -> Vec<String> {
        let mut query = conn.prepare(sql).expect("a query");
        let rows = query
            .query_map(rusqlite::params_from_iter(parameters), |row| {
                let value: rusqlite::types::Value = row.get(0)?;
                Ok(format!("{value:?}"))
            })
            .expect("rows");
        rows.map(|row| row.expect("a row")).collect()
    };
    for (what, sql) in VIOLATIONS {
        let rows = found(sql, &[]);
        assert!(rows.is_empty(), "{what}: {rows:?}");
    }
    if known.stopped_cleanly {
        let rows = found(LEFT_SENDING, &[]);
        assert!(rows.is_empty(), "a clean stop left deliveries: {rows:?}");
    }
    for destination in &known.destinations {
        let rows = found(NOT_DELIVERED, &[destination]);
        assert!(rows.is_empty(), "{destination} did not get: {rows:?}");
    }
}
