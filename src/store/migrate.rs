//! Numbered migrations. They run at start, each in its own transaction. A database of a newer acceptd is refused.

use std::sync::Arc;

use rusqlite::{Connection, TransactionBehavior};

use super::{OpenError, StoreObserver};

/// The migrations in order. The schema version is the position plus one. Never change a released migration: add another one.
pub const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_spine.sql"),
    include_str!("migrations/0002_steps.sql"),
    include_str!("migrations/0003_poll.sql"),
    include_str!("migrations/0004_given_id.sql"),
    include_str!("migrations/0005_asks.sql"),
    include_str!("migrations/0006_names.sql"),
    include_str!("migrations/0007_signal_keys.sql"),
    include_str!("migrations/0008_bulk.sql"),
    include_str!("migrations/0009_former_events.sql"),
    include_str!("migrations/0010_sessions.sql"),
    include_str!("migrations/0011_views.sql"),
    include_str!("migrations/0012_account_cap.sql"),
    include_str!("migrations/0013_polls.sql"),
    include_str!("migrations/0014_unipile_v2.sql"),
    include_str!("migrations/0015_audit.sql"),
    include_str!("migrations/0016_imports.sql"),
    include_str!("migrations/0017_aliases.sql"),
    include_str!("migrations/0018_account_lock.sql"),
    include_str!("migrations/0019_listed_leads.sql"),
];

/// Returns the schema version of this program.
#[must_use]
pub fn newest() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

/// How many steps of SQLite's virtual machine run between two checks whether the process is asked to stop: some milliseconds.
const STEPS_PER_CHECK: i32 = 100_000;

/// Migrates the database to the newest schema. If the observer reports that the process is stopping, the running migration is rolled
/// back and the finished ones stay.
///
/// # Errors
/// [`OpenError::Newer`] for a database of a newer acceptd, [`OpenError::Stopped`] if the process is stopping, or an error of SQLite.
pub(super) fn migrate(
    conn: &mut Connection,
    observer: &Arc<dyn StoreObserver>,
) -> Result<(), OpenError> {
    let asked = observer.clone();
    conn.progress_handler(STEPS_PER_CHECK, Some(move || asked.stopping()))?;
    let migrated = run(conn, observer.as_ref());
    conn.progress_handler(0, None::<fn() -> bool>)?;
    migrated
}

fn run(conn: &mut Connection, observer: &dyn StoreObserver) -> Result<(), OpenError> {
    let found: i64 = conn.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if found > newest() {
        return Err(OpenError::Newer {
            found,
            known: newest(),
        });
    }
    for (index, sql) in MIGRATIONS.iter().enumerate() {
        let version = i64::try_from(index + 1).unwrap_or(i64::MAX);
        if version <= found {
            continue;
        }
        if observer.stopping() {
            return Err(OpenError::Stopped);
        }
        let step = step(conn, version, sql);
        // The interruption may cause any error, for example one about the schema.
        if step.is_err() && observer.stopping() {
            return Err(OpenError::Stopped);
        }
        step?;
        tracing::info!(version, "migrated the database");
    }
    conn.pragma_update(None, "foreign_keys", true)?;
    Ok(())
}

fn step(conn: &mut Connection, version: i64, sql: &str) -> Result<(), OpenError> {
    // A migration may rebuild tables, so references are checked as a whole before the commit instead of row by row.
    conn.pragma_update(None, "foreign_keys", false)?;
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    tx.execute_batch(sql)?;
    tx.pragma_update(None, "user_version", version)?;
    let broken: i64 = tx.query_row("SELECT count(*) FROM pragma_foreign_key_check", [], |row| {
        row.get(0)
    })?;
    if broken > 0 {
        return Err(OpenError::BrokenReferences { version, broken });
    }
    tx.commit()?;
    Ok(())
}
