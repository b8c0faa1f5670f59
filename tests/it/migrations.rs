//! A database of every earlier schema version, with rows in every table, is migrated to the newest version without loss. A
//! database of a newer version is refused and left unchanged.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use acceptd::store::migrate::{MIGRATIONS, newest};
use acceptd::store::{NoObserver, OpenError, Store};
use rusqlite::Connection;

use crate::process::Process;

/// The rows that each version's own tables held; `None` would mean that a migration came without its rows.
const ROWS: &[&str] = &[
    include_str!("../data/rows/0001.sql"),
    include_str!("../data/rows/0002.sql"),
    include_str!("../data/rows/0003.sql"),
    include_str!("../data/rows/0004.sql"),
    include_str!("../data/rows/0005.sql"),
    include_str!("../data/rows/0006.sql"),
    include_str!("../data/rows/0007.sql"),
    include_str!("../data/rows/0008.sql"),
    include_str!("../data/rows/0009.sql"),
    include_str!("../data/rows/0010.sql"),
    include_str!("../data/rows/0011.sql"),
    include_str!("../data/rows/0012.sql"),
    include_str!("../data/rows/0013.sql"),
    include_str!("../data/rows/0014.sql"),
    include_str!("../data/rows/0015.sql"),
    include_str!("../data/rows/0016.sql"),
    include_str!("../data/rows/0017.sql"),
    include_str!("../data/rows/0018.sql"),
    include_str!("../data/rows/0019.sql"),
];

fn database_of(version: usize, path: &Path) -> Connection {
    let conn = Connection::open(path).expect("a new file");
    let enforce = |on: bool| {
        conn.pragma_update(None, "foreign_keys", on)
            .expect("a pragma");
    };
    for (migration, rows) in MIGRATIONS.iter().zip(ROWS).take(version) {
        // As the program does it: a migration may rebuild a table that others refer to.
        enforce(false);
        conn.execute_batch(migration).expect("the migration runs");
        enforce(true);
        conn.execute_batch(rows).expect("its rows fit");
    }
    conn.pragma_update(None, "user_version", i64::try_from(version).expect("small"))
        .expect("a pragma");
    conn
}

/// How many rows each table has.
fn counts(conn: &Connection) -> BTreeMap<String, i64> {
    let mut tables = conn
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
        .expect("the schema");
    let names = tables
        .query_map([], |row| row.get::<_, String>(0))
        .expect("the schema");
    names
        .map(|name| {
            let name = name.expect("a name");
            let rows = conn
                .query_row(&format!("SELECT count(*) FROM {name}"), [], |r| r.get(0))
                .expect("a count");
            (name, rows)
        })
        .collect()
}

#[test]
fn every_migration_comes_with_rows_for_its_tables() {
    assert_eq!(MIGRATIONS.len(), ROWS.len(), "add tests/data/rows/NNNN.sql");
    let dir = tempfile::tempdir().expect("a directory");
    let conn = database_of(MIGRATIONS.len(), &dir.path().join("all.db"));
    let empty: Vec<_> = counts(&conn).into_iter().filter(|(_, n)| *n == 0).collect();
    assert!(empty.is_empty(), "no rows for {empty:?}");
}

#[test]
fn a_database_of_every_earlier_version_keeps_its_rows() {
    for version in 0..=MIGRATIONS.len() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("acceptd.db");
        let before = counts(&database_of(version, &path));

        drop(Store::open(&path, Arc::new(NoObserver)).expect("it is migrated"));

        let conn = Connection::open(&path).expect("the migrated file");
        let after = counts(&conn);
        for (table, rows) in before {
            assert!(
                after.get(&table).is_none_or(|now| *now >= rows),
                "version {version}: {table} had {rows} rows, now {:?}",
                after.get(&table)
            );
        }
        let pragma = |name: &str| -> String {
            conn.query_row(&format!("SELECT * FROM pragma_{name}"), [], |row| {
                let value: rusqlite::types::Value = row.get(0)?;
                Ok(format!("{value:?}"))
            })
            .unwrap_or_else(|_| "none".to_owned())
        };
        assert_eq!(pragma("integrity_check"), "Text(\"ok\")");
        assert_eq!(pragma("foreign_key_check"), "none");
        assert_eq!(pragma("user_version"), format!("Integer({})", newest()));
    }
}

#[test]
fn a_newer_schema_is_refused_in_words_and_left_alone() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("acceptd.db");
    drop(Store::open(&path, Arc::new(NoObserver)).expect("a new database"));
    let conn = Connection::open(&path).expect("the file");
    conn.pragma_update(None, "user_version", newest() + 1)
        .expect("a pragma");
    conn.execute_batch("CREATE TABLE of_the_future (x)")
        .expect("a table");
    drop(conn);

    let refused = Store::open(&path, Arc::new(NoObserver))
        .err()
        .expect("it is refused");
    assert!(matches!(refused, OpenError::Newer { .. }), "{refused}");
    let text = refused.to_string();
    assert!(
        text.contains(&(newest() + 1).to_string()) && text.contains("restore a backup"),
        "{text}"
    );
    let conn = Connection::open(&path).expect("the file");
    assert!(counts(&conn).contains_key("of_the_future"));
}

#[test]
fn names_stored_as_ids_become_names_and_placeholders_go() {
    const BEFORE: usize = 5;
    const PROFILE: &str = "ACoAACuVS84BeK9T8HVq6sOoJI4OmDNDsYpaF4s";
    const NAME: &str = "Maria-Fernanda-Gonzalez-Lopez-4b43a1b5";
    const OPAQUE: &str = "AA1212sqqsMQBODyLwZrRcgYhrkCafURGqva0U4E";
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("acceptd.db");
    let conn = database_of(BEFORE, &path);
    conn.execute_batch("UPDATE account_poll SET next_look_at = NULL, look_seq = 4")
        .expect("an account that looks for nobody");
    let mira = "https://www.linkedin.com/in/na";
    let page = format!("https://www.linkedin.com/in/{NAME}?trk=x");
    // The URL, the given id, the stored provider id and public identifier; then the last two as they have to become.
    let rows = [
        (
            "name",
            &*page,
            None,
            Some(NAME),
            None,
            None,
            Some("maria-fernanda-gonzalez-lopez-4b43a1b5"),
        ),
        (
            "both",
            &*page,
            Some(PROFILE),
            Some(NAME),
            None,
            Some(PROFILE),
            Some("maria-fernanda-gonzalez-lopez-4b43a1b5"),
        ),
        ("given", "", Some(NAME), Some(NAME), None, Some(NAME), None),
        (
            "opaque",
            OPAQUE,
            None,
            Some(OPAQUE),
            None,
            Some(OPAQUE),
            None,
        ),
        (
            "id",
            PROFILE,
            None,
            Some(PROFILE),
            None,
            Some(PROFILE),
            None,
        ),
        (
            "placeholder",
            "N/A",
            Some("Unknown"),
            Some("Unknown"),
            None,
            None,
            None,
        ),
        ("bare", " None ", None, None, Some("none"), None, None),
        ("na", mira, None, None, Some("na"), None, Some("na")),
    ];
    for (id, url, given, provider_id, slug, _, _) in rows {
        conn.execute(
            "INSERT INTO enrollments (id, account_id, campaign_id, linkedin_url, given_provider_id, provider_id,
               public_identifier, created_at) VALUES (?1, 'acc_1', 'camp_1', nullif(?2, ''), ?3, ?4, ?5, 1777700100000)",
            (id, url, given, provider_id, slug),
        )
        .expect("a row");
    }
    drop(conn);

    drop(Store::open(&path, Arc::new(NoObserver)).expect("it is migrated"));

    let conn = Connection::open(&path).expect("the migrated file");
    for (id, _, _, _, _, provider_id, slug) in rows {
        let found: (Option<String>, Option<String>) = conn
            .query_row(
                "SELECT provider_id, public_identifier FROM enrollments WHERE id = ?1",
                [id],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .expect("the row");
        let wanted = (provider_id.map(str::to_owned), slug.map(str::to_owned));
        assert_eq!(found, wanted, "{id}");
    }
    // The account looks for the names as deep as their invites.
    let look: (Option<i64>, i64) = conn
        .query_row(
            "SELECT next_look_at, look_seq FROM account_poll WHERE account_id = 'acc_1'",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .expect("the account");
    assert_eq!(look, (Some(0), 5));
}

/// A migration that reads without end, so that it can be stopped at any moment.
#[test]
fn a_stop_interrupts_a_migration_and_the_next_start_runs_it() {
    let mut process = Process::new("");
    let path = process.dir.path().join("acceptd.db");
    let conn = database_of(2, &path);
    conn.execute_batch(
        "PRAGMA foreign_keys = off; PRAGMA legacy_alter_table = on;
         ALTER TABLE enrollments RENAME TO set_aside;
         CREATE VIEW enrollments AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
           SELECT 'acc_1' AS account_id FROM n WHERE i < 0;",
    )
    .expect("a table can be set aside");
    process.spawn(&[], &[]);
    let end = Instant::now() + Duration::from_secs(20);
    conn.busy_timeout(Duration::ZERO).expect("a setting");
    while conn.execute_batch("BEGIN IMMEDIATE; ROLLBACK").is_ok() {
        assert!(Instant::now() < end, "{}", process.log());
        std::thread::sleep(Duration::from_millis(5));
    }
    let stop = Instant::now();
    let status = process.stop();
    assert_eq!(status.code(), Some(0), "{}", process.log());
    assert!(
        stop.elapsed() < Duration::from_secs(8),
        "{:?}",
        stop.elapsed()
    );
    let said = process.log();
    assert!(
        said.contains("stopped before the database was migrated"),
        "{said}"
    );
    let version = || conn.query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0));
    assert_eq!(version(), Ok(2));

    conn.execute_batch("DROP VIEW enrollments; ALTER TABLE set_aside RENAME TO enrollments;")
        .expect("the table comes back");
    drop(conn);
    process.start(&[], &[]);
    assert!(process.stop().success());
}
