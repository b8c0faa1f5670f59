//! A consistent copy of the database while a daemon writes to it.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};

/// Why a backup failed.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The database could not be read.
    #[error("{} can't be read: {error}; is it the [database] path of a daemon that has run?", path.display())]
    Source {
        /// The database.
        path: PathBuf,
        /// Why.
        error: rusqlite::Error,
    },
    /// The target exists already.
    #[error("{} exists already: a backup never overwrites, name another file", .0.display())]
    Exists(PathBuf),
    /// The copy could not be written.
    #[error("{} can't be written: {error}", path.display())]
    Target {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Another process replaced the file while it was written.
    #[error("{} was replaced by another process while it was written; choose a directory that only you can write to", .0.display())]
    Replaced(PathBuf),
    /// The integrity check of the copy failed.
    #[error("the copy is damaged ({0}), so it was removed; check the disk and the database")]
    Damaged(String),
}

/// Copies one consistent snapshot of the database at `from` to the new file `to`. The daemon can write meanwhile. When this returns
/// successfully, the copy has passed an integrity check and is on disk. If it fails, `to` does not exist.
///
/// # Errors
/// Returns a [`BackupError`] whose text says what to do.
pub fn backup(from: &Path, to: &Path) -> Result<(), BackupError> {
    // A dangling link counts as an existing file, so links are not followed.
    if to.symlink_metadata().is_ok() {
        return Err(BackupError::Exists(to.to_owned()));
    }
    // The copy is written in a new directory with a random name that only this user can enter, so nobody can plant a link or a file
    // there.
    let private = tempfile::Builder::new()
        .prefix(".acceptd-backup-")
        .permissions(Permissions::from_mode(0o700))
        .tempdir_in(directory_of(to))
        .map_err(|error| target(to, error))?;
    let part = private.path().join("part.db");
    let written = copy(from, &part)?;
    // Unlike a rename, a hard link never replaces an existing file.
    fs::hard_link(&part, to)
        .and_then(|()| File::open(directory_of(to))?.sync_all())
        .map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => BackupError::Exists(to.to_owned()),
            _ => target(to, error),
        })?;
    let (ours, there) = (written.metadata(), to.symlink_metadata());
    match (ours, there) {
        (Ok(ours), Ok(there)) if (ours.dev(), ours.ino()) == (there.dev(), there.ino()) => Ok(()),
        _ => Err(BackupError::Replaced(to.to_owned())),
    }
}

/// Whether every user of the machine can create files in the directory of this file.
#[must_use]
pub fn is_beside_strangers(file: &Path) -> bool {
    directory_of(file)
        .metadata()
        .is_ok_and(|directory| directory.mode() & 0o002 != 0)
}

fn directory_of(file: &Path) -> &Path {
    let parent = file.parent().filter(|p| !p.as_os_str().is_empty());
    parent.unwrap_or(Path::new("."))
}

/// Writes the copy and returns the file.
fn copy(from: &Path, part: &Path) -> Result<File, BackupError> {
    let source = |error| BackupError::Source {
        path: from.to_owned(),
        error,
    };
    // Without the CREATE flag, a mistyped path is an error instead of a new empty database.
    let conn = Connection::open_with_flags(
        from,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )
    .map_err(source)?;
    conn.busy_timeout(Duration::from_secs(30)).map_err(source)?;
    // The copy is as confidential as the database, so only its owner may read it. VACUUM INTO accepts an empty file.
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(part)
        .map_err(|error| target(part, error))?;
    // Unlike SQLite's backup interface, VACUUM INTO reads one snapshot. It does not start over when the daemon writes, and it does
    // not block the daemon.
    conn.execute("VACUUM INTO ?1", [part.display().to_string()])
        .map_err(|error| match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => target(part, io::ErrorKind::StorageFull.into()),
            _ => source(error),
        })?;
    file.sync_all().map_err(|error| target(part, error))?;
    let said: String = Connection::open_with_flags(part, OpenFlags::SQLITE_OPEN_READ_ONLY)
        .and_then(|copy| copy.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)))
        .map_err(|error| BackupError::Damaged(error.to_string()))?;
    match said.as_str() {
        "ok" => Ok(file),
        damage => Err(BackupError::Damaged(damage.to_owned())),
    }
}

fn target(path: &Path, error: io::Error) -> BackupError {
    BackupError::Target {
        path: path.to_owned(),
        error,
    }
}
