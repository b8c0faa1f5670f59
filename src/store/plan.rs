//! For unit tests: checks the query plan of a statement.

use std::sync::Arc;

use rusqlite::Connection;

use super::migrate::migrate;
use super::{NoObserver, StoreObserver};

/// Asserts that a statement finds its rows of `table` by an index and needs no sorting.
pub(super) fn assert_seeks(sql: &str, table: &str) {
    let mut conn = Connection::open_in_memory().expect("a database");
    let observer: Arc<dyn StoreObserver> = Arc::new(NoObserver);
    migrate(&mut conn, &observer).expect("the schema");
    let mut explained = conn
        .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
        .expect("a statement");
    let steps: Vec<String> = explained
        .raw_query()
        .mapped(|row| row.get("detail"))
        .collect::<Result<_, _>>()
        .expect("a plan");
    let plan = steps.join("\n");
    assert!(plan.contains("SEARCH"), "{sql}\n{plan}");
    let alias = &table[..1];
    for bad in [
        format!("SCAN {table}"),
        format!("SCAN {alias} "),
        "TEMP B-TREE".to_owned(),
    ] {
        assert!(!format!("{plan} ").contains(&bad), "{sql}\n{plan}");
    }
}
