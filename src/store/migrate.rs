//! Numbered migrations: they run at start, each in its own transaction, and a database from a newer acceptd is refused.

use rusqlite::{Connection, TransactionBehavior};

use super::OpenError;

/// The migrations in order; the position plus one is the schema version. Never change one that has been released: add another.
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
];

/// The schema version of this program.
#[must_use]
pub fn newest() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

/// Brings the database to the newest schema.
///
/// # Errors
/// [`OpenError::Newer`] for a database that a newer acceptd has written; SQLite's errors otherwise.
pub(super) fn migrate(conn: &mut Connection) -> Result<(), OpenError> {
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
        // Tables may be rebuilt: references are checked as a whole before the commit instead of row by row.
        conn.pragma_update(None, "foreign_keys", false)?;
        let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        tx.execute_batch(sql)?;
        tx.pragma_update(None, "user_version", version)?;
        let broken: i64 =
            tx.query_row("SELECT count(*) FROM pragma_foreign_key_check", [], |row| {
                row.get(0)
            })?;
        if broken > 0 {
            return Err(OpenError::BrokenReferences { version, broken });
        }
        tx.commit()?;
        tracing::info!(version, "migrated the database");
    }
    conn.pragma_update(None, "foreign_keys", true)?;
    Ok(())
}
