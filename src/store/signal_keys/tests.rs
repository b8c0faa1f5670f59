//! Evidence is found by a few index seeks, by any key that it shares with the person.

use proptest::prelude::*;
use rusqlite::Connection;

use super::*;
use crate::domain::ids::{CampaignId, EnrollmentId};
use crate::store::migrate::MIGRATIONS;

fn database() -> Connection {
    let conn = Connection::open_in_memory().expect("a database");
    for sql in MIGRATIONS {
        conn.execute_batch(sql).expect("the schema");
    }
    conn
}

fn plan(conn: &Connection, sql: &str) -> String {
    let mut statement = conn
        .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
        .expect("a statement");
    let mut rows = statement.raw_query();
    let mut plan = String::new();
    while let Some(row) = rows.next().expect("a plan") {
        plan.push_str(&row.get::<_, String>("detail").expect("a text"));
        plan.push('\n');
    }
    plan
}

#[test]
fn every_look_up_is_a_seek() {
    let conn = database();
    for (sql, expected) in [
        (
            OF_ACCOUNT,
            "PRIMARY KEY (key=? AND account_id=? AND received_at>?)",
        ),
        (NEXT_ACCOUNT, "PRIMARY KEY (key=? AND account_id>?)"),
        (OF_KEY, "PRIMARY KEY (key=?)"),
        (
            "DELETE FROM signal_keys WHERE key IN ('n:1', 's:a') AND account_id = 'a' AND received_at = 1 AND signal_id = 1",
            "PRIMARY KEY (key=? AND account_id=? AND received_at=? AND signal_id=?)",
        ),
    ] {
        let plan = plan(&conn, sql);
        assert!(plan.contains(expected), "{sql}: {plan}");
        assert!(
            !plan.contains("SCAN") && !plan.contains("TEMP B-TREE"),
            "{sql}: {plan}"
        );
    }
}

fn account(n: u32) -> AccountId {
    AccountId::parse(&format!("acc_{n:02}")).expect("an id")
}

proptest! {
    #[test]
    fn rows_of_the_account_and_its_siblings_are_found(
        rows in proptest::collection::vec((0..3_u32, 0..12_u32, 0..10_i64), 0..60),
        siblings in proptest::option::of(proptest::collection::btree_set(0..14_u32, 0..6)),
        own in 0..14_u32,
        since in 0..10_i64,
    ) {
        let conn = database();
        let tx = Tx::new(&conn);
        let slug = |n: u32| Identity {
            public_identifier: Some(format!("slug-{n}")),
            ..Identity::default()
        };
        let mut expected = BTreeSet::new();
        // A set of siblings includes the account itself.
        let siblings = siblings.map(|mut s| { s.insert(own); s });
        for (id, (person, of, at)) in (1_i64..).zip(&rows) {
            tx.index_signal(id, &slug(*person), Some(account(*of).as_str()), Timestamp(*at)).expect("filed");
            let wanted = *of == own || siblings.as_ref().is_some_and(|s| s.contains(of));
            if *person == 1 && *at >= since && wanted {
                expected.insert(id);
            }
        }
        tx.index_signal(999, &slug(1), None, Timestamp(9)).expect("filed");
        let id = EnrollmentId::parse("enr").expect("an id");
        let mut e = Enrollment::new(id, account(own), CampaignId::unassigned(), Timestamp(0));
        e.identity = slug(1);
        let siblings = siblings.map(|s| s.into_iter().map(account).collect());
        let found = tx.signals_for(&e, siblings.as_ref(), Timestamp(since)).expect("found");
        prop_assert_eq!(found, expected);
    }
}

/// An identity known by id and one known by member number share a key.
#[test]
fn an_id_and_its_number_share_a_key() {
    let profile = "ACoAACuVS84B3jU7P37U7KAYPfOn7yuxHOev8JE";
    let by_id = Keys::of(&Identity::from_id(profile));
    let by_number = Keys::of(&Identity::from_member_urn("urn:li:member:731204558"));
    assert_eq!(by_id, by_number);
    let bare = Keys::of(&Identity {
        provider_id: Some(profile.to_owned()),
        ..Identity::default()
    });
    assert_eq!(bare, by_number);
    let opaque = Keys::of(&Identity::from_id("opaque"));
    assert_eq!(opaque.iter().collect::<Vec<_>>(), ["i:opaque"]);
}
