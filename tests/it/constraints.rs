//! The database rejects rows that break an invariant, whatever the code does. Every named constraint and every trigger of the
//! schema is attacked here.

use std::collections::BTreeSet;

use acceptd::store::migrate::MIGRATIONS;
use rusqlite::Connection;

const ROWS: &[&str] = &[
    include_str!("../data/rows/0001.sql"),
    include_str!("../data/rows/0002.sql"),
    include_str!("../data/rows/0003.sql"),
    include_str!("../data/rows/0008.sql"),
    include_str!("../data/rows/0014.sql"),
    include_str!("../data/rows/0015.sql"),
    include_str!("../data/rows/0016.sql"),
    include_str!("../data/rows/0017.sql"),
    include_str!("../data/rows/0019.sql"),
];

/// The constraint or trigger, and a statement that it must refuse. Rows are those of tests/data/rows.
const ATTEMPTS: &[(&str, &str)] = &[
    (
        "account_id_is_plain",
        "INSERT INTO accounts (id, provider, created_at) VALUES ('a:b', 'unipile', 1)",
    ),
    (
        "account_id_is_plain",
        "INSERT INTO accounts (id, provider, created_at) VALUES ('', 'unipile', 1)",
    ),
    (
        "account_provider",
        "UPDATE accounts SET provider = 'other' WHERE id = 'acc_1'",
    ),
    (
        "account_health",
        "UPDATE accounts SET health = 'so-so', outage_since = 1 WHERE id = 'acc_1'",
    ),
    (
        "an_outage_has_a_start",
        "UPDATE accounts SET health = 'unhealthy' WHERE id = 'acc_1'",
    ),
    (
        "locked_is_a_flag",
        "UPDATE accounts SET health = 'unhealthy', outage_since = 1, locked = 2 WHERE id = 'acc_1'",
    ),
    (
        "failing_is_a_flag",
        "UPDATE accounts SET health = 'unhealthy', outage_since = 1, failing = 2 WHERE id = 'acc_1'",
    ),
    (
        "a_locked_account_is_unhealthy",
        "UPDATE accounts SET locked = 1 WHERE id = 'acc_1'",
    ),
    (
        "a_failing_account_is_unhealthy",
        "UPDATE accounts SET failing = 1 WHERE id = 'acc_1'",
    ),
    (
        "lead_id_length",
        "INSERT INTO listed_leads (id, status) VALUES ('', 'MESSAGE_SENT')",
    ),
    (
        "listed_status_needs_an_accept",
        "UPDATE listed_leads SET status = 'PENDING' WHERE id = 'lead_9'",
    ),
    (
        "a_waiting_lead_is_in_the_ledger",
        "UPDATE listed_leads SET signal_id = NULL WHERE id = 'lead_9'",
    ),
    (
        "campaign_id_length",
        "INSERT INTO campaigns (id, created_at) VALUES ('', 1)",
    ),
    (
        "campaign_status",
        "UPDATE campaigns SET status = 'done' WHERE id = 'camp_1'",
    ),
    (
        "accept_window_is_whole",
        "UPDATE campaigns SET accept_window_ms = NULL WHERE id = 'camp_1'",
    ),
    (
        "accept_window_is_positive",
        "UPDATE campaigns SET accept_window_ms = 0 WHERE id = 'camp_1'",
    ),
    (
        "not_accepted_after_is_whole",
        "UPDATE campaigns SET not_accepted_after = '3d' WHERE id = 'camp_1'",
    ),
    (
        "not_accepted_after_is_positive",
        "UPDATE campaigns SET not_accepted_after = '0d', not_accepted_after_ms = 0 WHERE id = 'camp_1'",
    ),
    (
        "schedule_is_json",
        "UPDATE campaigns SET schedule = 'daily' WHERE id = 'camp_1'",
    ),
    (
        "daily_cap_is_positive",
        "UPDATE campaigns SET daily_cap = 0 WHERE id = 'camp_1'",
    ),
    (
        "event_id_form",
        "INSERT INTO events (id, dedupe_key, type, created_at) VALUES ('1', 'k', 't', 1)",
    ),
    (
        "event_body_is_json",
        "INSERT INTO events (id, dedupe_key, type, created_at, body) VALUES ('evt_33333333-3333-5333-8333-333333333333', 'k', 't', 1, 'text')",
    ),
    (
        "events_are_facts",
        "UPDATE events SET dedupe_key = 'another' WHERE enrollment_id = 'enr_2'",
    ),
    (
        "events_are_facts",
        "UPDATE events SET body = '{\"rewritten\":true}' WHERE enrollment_id = 'enr_2'",
    ),
    (
        "events_are_kept",
        "DELETE FROM events WHERE enrollment_id IS NULL",
    ),
    (
        "events.dedupe_key",
        "INSERT INTO events (id, dedupe_key, type, created_at) VALUES ('evt_33333333-3333-5333-8333-333333333333', 'li-accept:acc_1:enr_2', 't', 1)",
    ),
    (
        "import_state",
        "INSERT INTO imports (id, state, created_at, ended_at, about, rows_total) VALUES ('i', 'paused', 1, 1, '{}', 0)",
    ),
    (
        "import_ends_once",
        "INSERT INTO imports (id, state, created_at, about, rows_total) VALUES ('i', 'done', 1, '{}', 0)",
    ),
    (
        "about_is_json",
        "INSERT INTO imports (id, state, created_at, about, rows_total) VALUES ('i', 'running', 1, 'text', 0)",
    ),
    (
        "errors_are_json",
        "INSERT INTO imports (id, state, created_at, about, rows_total, errors) VALUES ('i', 'running', 1, '{}', 0, 'text')",
    ),
    (
        "touched_is_a_flag",
        "UPDATE enrollments SET touched = 2 WHERE id = 'enr_1'",
    ),
    (
        "enrollment_id_length",
        "INSERT INTO enrollments (id, account_id, campaign_id, created_at) VALUES ('', 'acc_1', 'camp_1', 1)",
    ),
    (
        "status_word",
        "UPDATE enrollments SET status = 'ACCEPTED' WHERE id = 'enr_2'",
    ),
    (
        "status_needs_accept",
        "UPDATE enrollments SET status = 'CONNECTION_ACCEPTED' WHERE id = 'enr_1'",
    ),
    (
        "status_needs_accept",
        "UPDATE enrollments SET status = 'MESSAGE_SENT' WHERE id = 'enr_1'",
    ),
    (
        "status_needs_accept",
        "UPDATE enrollments SET status = 'REPLY_RECEIVED' WHERE id = 'enr_1'",
    ),
    (
        "status_needs_no_accept",
        "UPDATE enrollments SET status = 'PENDING' WHERE id = 'enr_2'",
    ),
    (
        "status_needs_no_accept",
        "UPDATE enrollments SET status = 'CONNECTION_SENT' WHERE id = 'enr_2'",
    ),
    (
        "reply_needs_accept",
        "UPDATE enrollments SET replied_at = 1 WHERE id = 'enr_1'",
    ),
    (
        "accept_is_whole",
        "UPDATE enrollments SET status = 'DONE', accepted_at = 1 WHERE id = 'enr_1'",
    ),
    (
        "accept_is_whole",
        "UPDATE enrollments SET late = 1 WHERE id = 'enr_1'",
    ),
    (
        "accept_is_announced_under_its_key",
        "UPDATE enrollments SET status = 'DONE', accepted_at = 1, accepted_precision = 'exact', detected_at = 1, source = 'poll', accept_key = 'li-accept:acc_1:enr_2' WHERE id = 'enr_1'",
    ),
    (
        "FOREIGN KEY",
        "UPDATE enrollments SET status = 'DONE', accepted_at = 1, accepted_precision = 'exact', detected_at = 1, source = 'poll', accept_key = 'li-accept:acc_1:enr_1' WHERE id = 'enr_1'",
    ),
    (
        "precision_word",
        "INSERT INTO enrollments (id, account_id, campaign_id, status, accepted_at, accepted_precision, detected_at, source, accept_key, created_at) VALUES ('erased', 'acc_1', 'camp_1', 'DONE', 1, 'about', 1, 'poll', 'li-accept:acc_1:erased', 1)",
    ),
    (
        "source_word",
        "INSERT INTO enrollments (id, account_id, campaign_id, status, accepted_at, accepted_precision, detected_at, source, accept_key, created_at) VALUES ('erased', 'acc_1', 'camp_1', 'DONE', 1, 'exact', 1, 'rumour', 'li-accept:acc_1:erased', 1)",
    ),
    (
        "path_word",
        "INSERT INTO enrollments (id, account_id, campaign_id, status, accepted_at, accepted_precision, detected_at, source, path, accept_key, created_at) VALUES ('erased', 'acc_1', 'camp_1', 'DONE', 1, 'exact', 1, 'poll', 'luck', 'li-accept:acc_1:erased', 1)",
    ),
    (
        "flags",
        "UPDATE enrollments SET met_later = 2 WHERE id = 'enr_1'",
    ),
    (
        "member_number_is_positive",
        "UPDATE enrollments SET member_number = 0 WHERE id = 'enr_1'",
    ),
    (
        "sales_number_is_positive",
        "UPDATE enrollments SET sales_number = -1 WHERE id = 'enr_1'",
    ),
    (
        "invite_number_is_positive",
        "UPDATE enrollments SET invite_number = 0 WHERE id = 'enr_1'",
    ),
    (
        "next_step_needs_accept",
        "UPDATE enrollments SET next_step_at = 1 WHERE id = 'enr_1'",
    ),
    (
        "a_step_goes_out_only_when_queued",
        "UPDATE enrollments SET next_step_sent_at = 1 WHERE id = 'enr_2'",
    ),
    (
        "a_step_goes_out_once",
        "UPDATE enrollments SET next_step_sent_at = 2 WHERE id = 'enr_3'",
    ),
    (
        "a_step_goes_out_once",
        "UPDATE enrollments SET next_step_at = 2 WHERE id = 'enr_3'",
    ),
    (
        "accepted_at_is_written_once",
        "UPDATE enrollments SET accepted_at = accepted_at + 1 WHERE id = 'enr_2'",
    ),
    (
        "accepted_at_is_written_once",
        "UPDATE enrollments SET account_id = 'acc_2' WHERE id = 'enr_2'",
    ),
    (
        "replied_at_is_written_once",
        "UPDATE enrollments SET replied_at = 2 WHERE id = 'enr_2'",
    ),
    (
        "enrollments.id",
        "INSERT INTO enrollments (id, account_id, campaign_id, created_at) VALUES ('enr_1', 'acc_1', 'camp_1', 1)",
    ),
    (
        "FOREIGN KEY",
        "INSERT INTO enrollments (id, account_id, campaign_id, created_at) VALUES ('e', 'nobody', 'camp_1', 1)",
    ),
    (
        "signal_source",
        "INSERT INTO signals (received_at, source, outcome, reason, raw) VALUES (1, 'rumour', 'ignored', '', '{}')",
    ),
    (
        "signal_outcome",
        "UPDATE signals SET outcome = 'lost' WHERE id = 1",
    ),
    (
        "evidence_is_json",
        "INSERT INTO signals (received_at, source, outcome, reason, evidence, raw) VALUES (1, 'poll', 'ignored', '', 'x', '{}')",
    ),
    (
        "raw_is_json",
        "INSERT INTO signals (received_at, source, outcome, reason, raw) VALUES (1, 'poll', 'ignored', '', 'x')",
    ),
    (
        "evidence_is_append_only",
        "UPDATE signals SET raw = '{\"a\":1}' WHERE id = 1",
    ),
    (
        "evidence_is_append_only",
        "UPDATE signals SET provider_id = 'somebody' WHERE id = 1",
    ),
    ("signal_path", "UPDATE signal_enrollments SET path = 'luck'"),
    (
        "provider_events.provider",
        "INSERT INTO provider_events VALUES ('sendpilot', 'connection.accepted', 'enr_2', 'e-1')",
    ),
    (
        "a_stop_has_a_reason",
        "UPDATE destinations SET stopped_at = 1 WHERE name = 'crm'",
    ),
    (
        "delivery_state",
        "UPDATE deliveries SET state = 'lost', next_attempt_at = NULL WHERE id = 2",
    ),
    (
        "attempts_are_counted",
        "UPDATE deliveries SET attempts = -1 WHERE id = 1",
    ),
    (
        "only_pending_waits",
        "UPDATE deliveries SET next_attempt_at = NULL WHERE id = 2",
    ),
    (
        "only_delivered_was_delivered",
        "UPDATE deliveries SET delivered_at = 1 WHERE id = 3",
    ),
    (
        "deliveries.event_id",
        "INSERT INTO deliveries (event_id, destination, next_attempt_at, created_at) VALUES ('evt_11111111-1111-5111-8111-111111111111', 'crm', 1, 1)",
    ),
    (
        "is_test_is_a_flag",
        "UPDATE deliveries SET is_test = 2 WHERE id = 1",
    ),
    (
        "bulk_replay_state",
        "UPDATE bulk_replays SET state = 'lost'",
    ),
    (
        "bulk_replay_has_rows_left",
        "UPDATE bulk_replays SET after_id = last_id + 1",
    ),
    (
        "change_kind",
        "INSERT INTO changes (at, kind, body) VALUES (1, 'rumour', '{}')",
    ),
    (
        "change_is_json",
        "INSERT INTO changes (at, kind, body) VALUES (1, 'stamp', 'x')",
    ),
    (
        "audit_names_who_and_what",
        "INSERT INTO audit (at, actor, action) VALUES (1, '', 'SIGHUP')",
    ),
    (
        "audit_via",
        "INSERT INTO audit (at, actor, via, action) VALUES (1, 'admin', 'post', 'SIGHUP')",
    ),
    ("audit_is_final", "UPDATE audit SET actor = 'somebody else'"),
    ("extra_is_a_span", "UPDATE account_pace SET extra_ms = -1"),
    ("calls_are_counted", "UPDATE account_pace SET calls = -1"),
    (
        "backoff_is_a_span",
        "UPDATE account_pace SET backoff_ms = -1",
    ),
    ("asked_is_a_flag", "UPDATE account_poll SET asked = 2"),
    ("again_is_a_flag", "UPDATE account_poll SET again = 2"),
    (
        "alias_is_another_id",
        "INSERT INTO account_aliases (alias, account_id) VALUES ('acc_2', 'acc_2')",
    ),
    (
        "an_alias_has_no_alias",
        "INSERT INTO account_aliases (alias, account_id) VALUES ('acc_1', 'acc_v1')",
    ),
    (
        "an_alias_has_no_alias",
        "INSERT INTO account_aliases (alias, account_id) VALUES ('acc_v2', 'acc_1')",
    ),
    (
        "walk_unordered_is_a_flag",
        "UPDATE account_poll SET walk_unordered = 2",
    ),
    (
        "probe_asked_is_a_flag",
        "UPDATE account_poll SET probe_asked = 2",
    ),
    (
        "done_follows_look",
        "UPDATE account_poll SET done_seq = look_seq + 1",
    ),
    ("resync_flags", "UPDATE resyncs SET by_poll = 2"),
    ("a_called_one_collapses", "UPDATE resyncs SET called_at = 1"),
    (
        "cannot store TEXT value in INTEGER column",
        "UPDATE enrollments SET invited_at = '2026-05-02' WHERE id = 'enr_1'",
    ),
];

fn database() -> Connection {
    let conn = Connection::open_in_memory().expect("a database");
    conn.pragma_update(None, "foreign_keys", true)
        .expect("a pragma");
    for sql in MIGRATIONS.iter().chain(ROWS) {
        conn.execute_batch(sql).expect("the schema and its rows");
    }
    conn.execute_batch(
        "UPDATE enrollments SET replied_at = 1, status = 'REPLY_RECEIVED' WHERE id = 'enr_2'",
    )
    .expect("a reply after an accept");
    conn
}

/// Every trigger that refuses something, by name with the text it raises.
fn triggers(conn: &Connection) -> Vec<(String, String)> {
    let mut rows = conn
        .prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'")
        .expect("the schema");
    let rows = rows
        .query_map([], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)))
        .expect("rows");
    rows.filter_map(|row| {
        let (name, sql) = row.expect("a trigger");
        let text = sql.split("RAISE(ABORT, '").nth(1)?;
        Some((name, text.split('\'').next().unwrap_or_default().to_owned()))
    })
    .collect()
}

#[test]
fn each_attempt_is_refused_by_the_constraint_it_is_for() {
    let conn = database();
    let triggers = triggers(&conn);
    for (constraint, sql) in ATTEMPTS {
        let said = conn
            .execute_batch(sql)
            .err()
            .unwrap_or_else(|| panic!("{constraint} let this pass: {sql}"))
            .to_string();
        let expected = triggers
            .iter()
            .find(|(name, _)| name == constraint)
            .map_or(*constraint, |(_, text)| text);
        assert!(said.contains(expected), "{constraint}: {sql}: {said}");
    }
}

#[test]
fn no_constraint_is_without_an_attempt() {
    let conn = database();
    let mut named: BTreeSet<String> = triggers(&conn).into_iter().map(|(name, _)| name).collect();
    let mut schema = conn
        .prepare("SELECT sql FROM sqlite_schema WHERE type = 'table' AND sql IS NOT NULL")
        .expect("the schema");
    let tables = schema
        .query_map([], |row| row.get::<_, String>(0))
        .expect("rows");
    for sql in tables {
        let sql = sql.expect("a table");
        named.extend(
            sql.split("CONSTRAINT ")
                .skip(1)
                .filter_map(|rest| rest.split_whitespace().next().map(str::to_owned)),
        );
    }
    let tried: BTreeSet<String> = ATTEMPTS
        .iter()
        .map(|(name, _)| (*name).to_owned())
        .collect();
    let untried: Vec<_> = named.difference(&tried).collect();
    assert!(untried.is_empty(), "nobody tries to break {untried:?}");
}

#[test]
fn the_keys_of_a_signal_go_with_it() {
    let conn = database();
    conn.execute_batch(
        "INSERT INTO signals (id, received_at, source, account_id, outcome, reason, provider_id, number, sales_id, public_identifier, raw)
         VALUES (91, 5, 'webhook', 'acc_1', 'unmatched', '', 'P', 7, 'S', 'ada-l', '{}'), (92, 5, 'webhook', NULL, 'ignored', '', NULL, 7, NULL, NULL, '{}');
         INSERT INTO signal_keys (key, account_id, received_at, signal_id) VALUES
           ('i:P', 'acc_1', 5, 91), ('n:7', 'acc_1', 5, 91), ('i:S', 'acc_1', 5, 91), ('s:ada-l', 'acc_1', 5, 91), ('n:7', '', 5, 92);
         DELETE FROM signals WHERE id IN (91, 92);",
    )
    .expect("rows that go again");
    let left: i64 = conn
        .query_row(
            "SELECT count(*) FROM signal_keys WHERE signal_id > 90",
            [],
            |row| row.get(0),
        )
        .expect("a count");
    assert_eq!(left, 0);
}

#[test]
fn a_wish_for_a_probe_ends_with_its_outage() {
    let conn = database();
    let wished = || -> i64 {
        let sql = "SELECT probe_asked FROM account_poll WHERE account_id = 'acc_1'";
        conn.query_row(sql, [], |row| row.get(0)).expect("a row")
    };
    for change in [
        "health = 'unhealthy', health_reason = 'x', outage_since = 1",
        "health = 'ok', health_reason = NULL, outage_since = NULL",
    ] {
        conn.execute_batch(
            "UPDATE accounts SET health_reason = 'a word that changes nothing' WHERE id = 'acc_1';
             UPDATE account_poll SET probe_asked = 1 WHERE account_id = 'acc_1'",
        )
        .expect("a wish");
        conn.execute_batch("UPDATE accounts SET outage_since = outage_since WHERE id = 'acc_1'")
            .expect("no change");
        assert_eq!(wished(), 1, "before {change}");
        conn.execute_batch(&format!("UPDATE accounts SET {change} WHERE id = 'acc_1'"))
            .expect("a change");
        assert_eq!(wished(), 0, "{change}");
    }
}
