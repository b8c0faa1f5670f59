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

/// The oldest supported version of SQLite. Older ones have a bug that can corrupt a database with a write-ahead log.
const SQLITE_OLDEST: i32 = 3_051_003;

/// How often the lock is tried. A daemon that is just stopping, or a child process that is just being started, may hold it a moment
/// longer.
const LOCK_TRIES: u32 = 20;
/// The pause between two tries.
const LOCK_PAUSE: Duration = Duration::from_millis(50);

/// How long one try of the writer waits for another process that holds the database. It is short, so that the writer can report
/// between two tries that it is alive.
pub(super) const WRITER_BUSY: Duration = Duration::from_millis(500);

/// The page size of a new database, in bytes. An accept changes about a dozen pages at random places, and the log gets each of them
/// whole, so it is smaller than SQLite's default of 4096. Most ledger rows and events still fit into one page.
const PAGE_SIZE: u32 = 2048;

/// Why the database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another daemon uses it.
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
    /// A newer acceptd wrote it.
    #[error(
        "the database has schema version {found}, this acceptd knows up to {known}: install the version that wrote it, or restore a backup"
    )]
    Newer {
        /// The version in the file.
        found: i64,
        /// The newest this program knows.
        known: i64,
    },
    /// A migration would leave dangling references.
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
    /// Any other error of SQLite.
    #[error("the database can't be opened")]
    Sqlite(#[from] rusqlite::Error),
}

/// Returns the path of the database file with links resolved, because the lock and the log are created beside the file itself. Creates
/// the file if it does not exist, readable by its owner only: it will contain personal data. SQLite gives its log the same
/// permissions.
pub(super) fn resolved(path: &Path) -> Result<PathBuf, OpenError> {
    let mut new = OpenOptions::new();
    new.write(true).truncate(false).mode(0o600);
    // An existing file is not opened: closing it again would release the locks that this process may hold on it.
    let made = match new.create_new(true).open(path) {
        // For a dangling link, create its target. Otherwise the lock would be created beside the link.
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

/// Warns if other users of the machine can read or replace the database.
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

/// Takes the lock that reserves the database for one daemon. The operating system releases it when the process ends.
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
        // A link in this place was planted: nobody has a reason to move the lock.
        .custom_flags(libc::O_NOFOLLOW)
        .open(&name)
        .map_err(file)?;
    // Everyone who can open the file can lock it, and thereby prevent the daemon from starting.
    if lock.metadata().map_err(file)?.mode() & 0o077 != 0
        && let Err(error) = lock.set_permissions(Permissions::from_mode(0o600))
    {
        tracing::warn!(
            %error,
            "other users can lock {} and thereby prevent acceptd from starting; make it readable for its owner only",
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

/// Opens the writer's connection and migrates the database.
pub(super) fn writer(
    path: &Path,
    observer: &Arc<dyn StoreObserver>,
) -> Result<Connection, OpenError> {
    if rusqlite::version_number() < SQLITE_OLDEST {
        return Err(OpenError::OldSqlite(rusqlite::version()));
    }
    let mut conn = Connection::open(path)?;
    conn.busy_timeout(WRITER_BUSY)?;
    // Has an effect on a new database only.
    conn.pragma_update(None, "page_size", PAGE_SIZE)?;
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
    // Keeps the journals of savepoints in memory. Migrations may need more memory than that for sorting, so they use files.
    conn.pragma_update(None, "temp_store", "memory")?;
    Ok(conn)
}

/// Keeps SQLite from compiling a cached statement again for other values. There are no statistics that could lead to a better plan.
fn keep_plans(conn: &Connection) -> rusqlite::Result<()> {
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

/// Opens a connection that only makes checkpoints.
pub(super) fn checkpointer(path: &Path) -> Result<Connection, OpenError> {
    let conn = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    conn.busy_timeout(Duration::ZERO)?;
    conn.pragma_update(None, "synchronous", "full")?;
    conn.pragma_update(None, "wal_autocheckpoint", 0)?;
    Ok(conn)
}

/// Opens a query-only connection.
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
