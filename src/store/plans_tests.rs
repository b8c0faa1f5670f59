//! Checks the query plan of every statement of the store. No statement reads a whole growing table, unless it is named here with the
//! reason.
//!
//! The test finds the statements in the source, so a new one can't be forgotten. [`drive`] has to run the statements that are
//! composed from parts, with every combination of their parts.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use rusqlite::Connection;
use rusqlite::trace::{TraceEvent, TraceEventCodes};

use super::list_tests::{enrollment_filters, filled, signal_filters};
use super::statements_tests::{literals, made_of, plain};
use super::{DeliveryFilter, Reader};
use crate::domain::delivery::DeliveryState;
use crate::domain::ids::CampaignId;
use crate::domain::time::Timestamp;

/// Tables with a row for each enrollment, signal, event, delivery or account.
const GROWS: &[&str] = &[
    "accounts",
    "account_pace",
    "account_poll",
    "audit",
    "changes",
    "deliveries",
    "enrollments",
    "events",
    "provider_events",
    "resyncs",
    "signal_enrollments",
    "signal_keys",
    "signals",
];

/// Statements that may read all rows of an index or sort their rows: a part of the text, and the reason.
const NAMED: &[(&str, &str)] = &[
    // Views for people. They run beside the daemon's work, and for some seconds at most.
    (
        "FROM deliveries INDEXED BY deliveries_by_state GROUP BY",
        "counts deliveries, from an index alone",
    ),
    (
        "INDEXED BY enrollments_open WHERE accepted_at IS NULL AND status NOT IN ('NOT_INTERESTED', 'DONE') AND coalesce(",
        "counts what is open, from an index alone",
    ),
    (
        "(SELECT count(*) FROM enrollments WHERE ?1 IS NULL)",
        "counts all enrollments, from an index alone",
    ),
    (
        "INDEXED BY enrollments_accepted WHERE ?1 IS NULL",
        "the charts over all campaigns, from an index alone",
    ),
    (
        "FROM account_pace WHERE day >= ?1",
        "one narrow row for each account",
    ),
    (
        "FROM enrollments INDEXED BY enrollments_accepted WHERE accepted_at",
        "few accepts fit: the index holds nothing else, and row numbers are sorted",
    ),
    (
        "FROM enrollments INDEXED BY enrollments_open WHERE",
        "few open ones fit: the index holds nothing else, and row numbers are sorted",
    ),
    (
        "FROM enrollments NOT INDEXED WHERE 1 AND late = ?1",
        "most are not late: the page is soon full",
    ),
    (
        "FROM enrollments NOT INDEXED WHERE 1 AND (accepted_at IS NOT NULL) = ?1",
        "most are not connected: the page is soon full",
    ),
    (
        "FROM deliveries NOT INDEXED WHERE 1 AND state",
        "most are delivered: the page is soon full",
    ),
    (
        "FROM deliveries NOT INDEXED WHERE 1 ORDER BY id DESC LIMIT",
        "the newest, by row number",
    ),
    (
        "FROM deliveries INDEXED BY deliveries_by_state WHERE 1 AND state = ?1",
        "the backlog in one state: row numbers are sorted",
    ),
    // Sorts of the few rows of one person, event or signal.
    (
        "FROM enrollments WHERE provider_id IN",
        "those who may be one person",
    ),
    (
        "FROM resyncs WHERE enrollment_id = ?1",
        "the resyncs of one enrollment",
    ),
    (
        "FROM signals s JOIN signal_enrollments t ON t.signal_id = s.id WHERE t.enrollment_id",
        "the signals of one enrollment",
    ),
    (
        "JOIN enrollments e ON e.id = t.enrollment_id WHERE t.signal_id = ?1",
        "the enrollments of one signal",
    ),
    (
        "JOIN events e ON e.id = d.event_id WHERE e.enrollment_id = ?1",
        "the deliveries of one enrollment",
    ),
    (
        "FROM deliveries INDEXED BY sqlite_autoindex_deliveries_1",
        "the deliveries of one event",
    ),
    // Rows that are due now.
    (
        "AND e.next_step_at <= ?1 ORDER BY",
        "the steps that are due, from an index alone; row numbers are sorted",
    ),
    (
        "AND e.invited_at <= ?2 - c.not_accepted_after_ms",
        "the invites that are overdue, from an index alone; row numbers are sorted",
    ),
    // Statements that have to update every account.
    ("UPDATE account_pace SET ended_at", "once, at the start"),
    (
        "UPDATE account_poll SET next_look_at",
        "every account is checked, on purpose",
    ),
    (
        "FROM events WHERE seq > ?1 AND body IS NOT NULL",
        "few events are erased",
    ),
];

/// Runs every query that is composed from parts, in every combination. Returns their texts.
fn drive(conn: &mut Connection) -> BTreeSet<String> {
    let seen = Arc::new(Mutex::new(BTreeSet::new()));
    let to = seen.clone();
    let record = move |event: TraceEvent<'_>| {
        if let TraceEvent::Stmt(_, text) = event {
            to.lock().expect("no panic").insert(plain(text));
        }
    };
    conn.trace_v2(TraceEventCodes::SQLITE_TRACE_STMT, Some(record))
        .expect("traced");
    let reader = Reader { conn };
    for filter in enrollment_filters() {
        reader.enrollments(&filter, 30).expect("a list");
    }
    for filter in signal_filters() {
        reader.signals(&filter, 30).expect("a list");
    }
    let word = |set: bool| set.then(|| "x".to_owned());
    for bits in 0..16 {
        for state in DeliveryState::ALL.iter().copied().map(Some).chain([None]) {
            let filter = DeliveryFilter {
                destination: word(bits & 1 > 0),
                state,
                event: word(bits & 2 > 0),
                before: (bits & 4 > 0).then_some(1),
            };
            reader.deliveries(&filter, 30).expect("a list");
        }
    }
    let campaign = CampaignId::parse("c1").expect("an id");
    for campaign in [Some(&campaign), None] {
        reader.stats(campaign, 30, Timestamp(1)).expect("figures");
    }
    conn.trace_v2(TraceEventCodes::empty(), None::<fn(TraceEvent<'_>)>)
        .expect("untraced");
    seen.lock().expect("no panic").clone()
}

/// Returns the faults in the plan of a statement: scans of whole tables, and sorts.
fn faults(conn: &Connection, statement: &str) -> Vec<String> {
    let mut query = conn
        .prepare(&format!("EXPLAIN QUERY PLAN {statement}"))
        .unwrap_or_else(|error| panic!("{statement}: {error}"));
    let none = vec![rusqlite::types::Null; query.parameter_count()];
    let lines: Vec<String> = query
        .query_map(rusqlite::params_from_iter(none), |row| row.get("detail"))
        .expect("a plan")
        .collect::<Result<_, _>>()
        .expect("a plan");
    let grows = |name: &str| GROWS.contains(&table(statement, name).as_str());
    let touches = GROWS
        .iter()
        .any(|table| statement.contains(&format!(" {table} ")) || statement.ends_with(table));
    lines
        .into_iter()
        .filter(|line| {
            let words: Vec<&str> = line.split(' ').collect();
            match words.as_slice() {
                ["SCAN", name, ..] => grows(name),
                // Reading everything after or before a row is a scan too.
                ["SEARCH", name, ..] => {
                    let half = ["(rowid>?)", "(rowid<?)"]
                        .iter()
                        .any(|half| line.ends_with(half));
                    grows(name) && half && !is_page(statement)
                }
                _ => touches && line.contains("TEMP B-TREE"),
            }
        })
        .collect()
}

/// Whether a statement reads the next rows by number, without further conditions, up to a limit.
fn is_page(statement: &str) -> bool {
    ["id", "seq", "d.id"].iter().any(|number| {
        ['<', '>'].iter().any(|than| {
            ["", "1 AND "].iter().any(|no_condition| {
                (1..5).any(|place| {
                    let page =
                        format!("WHERE {no_condition}{number} {than} ?{place} ORDER BY {number}");
                    statement.contains(&page) && statement.contains("LIMIT")
                })
            })
        })
    })
}

/// Returns the table that a plan mentions by its name or alias.
fn table(statement: &str, name: &str) -> String {
    let words: Vec<&str> = statement
        .split(|c: char| c.is_whitespace() || c == '(' || c == ')' || c == ',')
        .filter(|word| !word.is_empty())
        .collect();
    words
        .windows(3)
        .find(|w| matches!(w[0], "FROM" | "JOIN") && w[2] == name)
        .map_or(name, |w| w[1])
        .to_owned()
}

#[test]
fn no_statement_reads_a_whole_table_that_grows() {
    let (_dir, mut conn) = filled();
    let run = drive(&mut conn);
    let mut statements: BTreeSet<String> = run.clone();
    let mut wrong = Vec::new();
    let literals = literals();
    assert!(
        literals.len() > 100,
        "only {} statements were found",
        literals.len()
    );
    for literal in &literals {
        match literal.pieces.as_slice() {
            [whole] => {
                statements.insert(whole.clone());
            }
            parts if !run.iter().any(|text| made_of(text, literal)) => {
                wrong.push(format!("{}: `drive` has to run {parts:?}", literal.place));
            }
            _ => {}
        }
    }
    let mut needed = BTreeSet::new();
    for statement in &statements {
        let faults = faults(&conn, statement);
        let named = NAMED.iter().find(|(part, _)| statement.contains(part));
        match named {
            _ if faults.is_empty() => {}
            Some((part, _)) => {
                needed.insert(*part);
            }
            None => wrong.push(format!("{statement}\n    {}", faults.join("\n    "))),
        }
    }
    for (part, reason) in NAMED {
        if !needed.contains(part) {
            wrong.push(format!("named without need: {part:?} ({reason})"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Deleting a row searches for the rows that refer to it.
#[test]
fn every_cascade_has_an_index() {
    let (_dir, conn) = filled();
    let mut query = conn
        .prepare(
            "SELECT t.name, f.\"from\" FROM sqlite_schema t JOIN pragma_foreign_key_list(t.name) f
             WHERE t.type = 'table' AND f.on_delete = 'CASCADE' AND NOT EXISTS (
               SELECT 1 FROM pragma_index_list(t.name) i JOIN pragma_index_info(i.name) c
               WHERE c.seqno = 0 AND c.name = f.\"from\" AND i.partial = 0)",
        )
        .expect("a query");
    let without: Vec<(String, String)> = query
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .expect("rows")
        .collect::<Result<_, _>>()
        .expect("rows");
    assert!(without.is_empty(), "{without:?}");
}
