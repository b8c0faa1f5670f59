//! Opening the database: the lock, the version of SQLite, the settings of each connection, the migrations.

use std::fs::{File, OpenOptions, Permissions, TryLockError};
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::StoreObserver;
use super::backup::is_beside_strangers;
use super::migrate::migrate;
use super::search;

/// The oldest SQLite that is trusted with a write-ahead log (contract section 11).
const SQLITE_OLDEST: i32 = 3_051_003;

/// How often the lock is tried: a daemon that is just ending, or a program that is just being started by this process, may hold it
/// for a moment longer.
const LOCK_TRIES: u32 = 20;
/// How long lies between two tries.
const LOCK_PAUSE: Duration = Duration::from_millis(50);

/// How long one try of the writer waits for another process that holds the database. Short, so that the writer can show that it is
/// alive; it tries again by itself.
pub(super) const WRITER_BUSY: Duration = Duration::from_millis(500);

/// Why the database can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another daemon has it.
    #[error(
        "another acceptd is running on {}: stop it first, or give this one its own [database] path", .0.display()
    )]
    Locked(PathBuf),
    /// The file or its directory can't be used.
    #[error("{} can't be opened: {error}; check that the directory exists and that this user may write there", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// It was written by a newer program.
    #[error(
        "the database has schema version {found}, this acceptd knows up to {known}: install the version that wrote it, or restore a backup"
    )]
    Newer {
        /// The version in the file.
        found: i64,
        /// The newest this program knows.
        known: i64,
    },
    /// A migration left rows that refer to nothing.
    #[error("migration {version} would leave {broken} broken references; nothing was changed")]
    BrokenReferences {
        /// The migration.
        version: i64,
        /// How many rows.
        broken: i64,
    },
    /// The process was asked to stop while the database was migrated.
    #[error("stopped before the database was migrated; the next start migrates it")]
    Stopped,
    /// The SQLite library is too old.
    #[error("SQLite {0} is too old: 3.51.3 is needed")]
    OldSqlite(&'static str),
    /// Anything SQLite says.
    #[error("the database can't be opened")]
    Sqlite(#[from] rusqlite::Error),
}

/// The file itself, where `path` is a link to it: the lock and the log stand beside the file, whatever it is called. One that is not
/// there yet is made, for its owner only: it will hold people and what they were written. SQLite gives its log the same rights.
pub(super) fn resolved(path: &Path) -> Result<PathBuf, OpenError> {
    let mut new = OpenOptions::new();
    new.write(true).truncate(false).mode(0o600);
    // Not opened where it is there: closing it again would undo the locks that this process may hold on it.
    let made = match new.create_new(true).open(path) {
        // A link that leads nowhere yet: made is what it leads to, or the lock would stand beside the link.
        Err(error) if error.kind() == ErrorKind::AlreadyExists && !path.exists() => {
            new.create_new(false).create(true).open(path)
        }
        made => made,
    };
    match made {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(OpenError::File {
            path: path.to_owned(),
            error,
        }),
        _ => {
            let path = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
            warn_of_others(&path);
            Ok(path)
        }
    }
}

/// Says what lets other users of the machine at the database.
fn warn_of_others(path: &Path) {
    let database = path.display();
    if is_beside_strangers(path) {
        tracing::warn!(
            "every user of this machine can write to the directory of {database}; give it one of its own"
        );
    }
    if path.metadata().is_ok_and(|file| file.mode() & 0o007 != 0) {
        tracing::warn!("every user of this machine can read {database}: chmod 600 it");
    }
}

/// Takes the lock that lets one daemon have the database. It goes when the process goes, however it ends.
pub(super) fn lock(path: &Path) -> Result<File, OpenError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let name = PathBuf::from(name);
    let file = |error| OpenError::File {
        path: name.clone(),
        error,
    };
    let lock = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        // A link here was planted: nobody has a reason to move a lock.
        .custom_flags(libc::O_NOFOLLOW)
        .open(&name)
        .map_err(file)?;
    // Whoever can open it can lock it, and so keep the daemon from starting.
    if lock.metadata().map_err(file)?.mode() & 0o077 != 0
        && let Err(error) = lock.set_permissions(Permissions::from_mode(0o600))
    {
        tracing::warn!(
            %error,
            "other users can open {}, and so keep acceptd from starting; make it readable for its owner only",
            name.display()
        );
    }
    for _ in 0..LOCK_TRIES {
        match lock.try_lock() {
            Ok(()) => return Ok(lock),
            Err(TryLockError::WouldBlock) => std::thread::sleep(LOCK_PAUSE),
            Err(TryLockError::Error(error)) => return Err(file(error)),
        }
    }
    Err(OpenError::Locked(path.to_owned()))
}

/// The writer's connection, migrated.
pub(super) fn writer(
    path: &Path,
    observer: &Arc<dyn StoreObserver>,
) -> Result<Connection, OpenError> {
    if rusqlite::version_number() < SQLITE_OLDEST {
        return Err(OpenError::OldSqlite(rusqlite::version()));
    }
    let mut conn = Connection::open(path)?;
    conn.busy_timeout(WRITER_BUSY)?;
    conn.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get::<_, String>(0))?;
    conn.pragma_update(None, "synchronous", "full")?;
    conn.pragma_update(None, "wal_autocheckpoint", 0)?;
    conn.pragma_update(None, "journal_size_limit", 64 << 20)?;
    conn.pragma_update(None, "secure_delete", "on")?;
    conn.pragma_update(None, "cache_size", -32_000)?;
    keep_plans(&conn)?;
    search::install(&conn)?;
    conn.set_prepared_statement_cache_capacity(256);
    migrate(&mut conn, observer)?;
    Ok(conn)
}

/// A cached statement is not compiled again for other values: nothing is known of the values here that could give a better plan.
fn keep_plans(conn: &Connection) -> rusqlite::Result<()> {
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

/// A query-only connection.
pub(super) fn reader(path: &Path) -> Result<Connection, OpenError> {
    let conn = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    conn.busy_timeout(Duration::from_secs(5))?;
    conn.pragma_update(None, "query_only", true)?;
    keep_plans(&conn)?;
    search::install(&conn)?;
    conn.set_prepared_statement_cache_capacity(128);
    Ok(conn)
}
