//! A consistent copy of the database while a daemon writes to it.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};

/// Why there is no copy.
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
    /// There is a file already.
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
    /// Somebody else put another file in its place.
    #[error("{} was replaced by somebody else while it was written; choose a directory that only you can write to", .0.display())]
    Replaced(PathBuf),
    /// The copy is not a sound database.
    #[error("the copy is damaged ({0}), so it was removed; check the disk and the database")]
    Damaged(String),
}

/// Copies the database at `from` to the new file `to`, as it is at one moment; writers go on meanwhile. The copy is checked and on
/// disk when this returns; without that there is no file `to`.
///
/// # Errors
/// [`BackupError`], with what to do about it.
pub fn backup(from: &Path, to: &Path) -> Result<(), BackupError> {
    // Not followed: a link that leads nowhere is a file that exists, too.
    if to.symlink_metadata().is_ok() {
        return Err(BackupError::Exists(to.to_owned()));
    }
    // It is written in a new directory of a random name that nobody else can enter, so no link and no file can wait for it there.
    let private = tempfile::Builder::new()
        .prefix(".acceptd-backup-")
        .permissions(Permissions::from_mode(0o700))
        .tempdir_in(directory_of(to))
        .map_err(|error| target(to, error))?;
    let part = private.path().join("part.db");
    let written = copy(from, &part)?;
    // A link, not a rename: it never replaces a file.
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

/// Whether every user of the machine can put files into the directory of this file.
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
    // Without CREATE: a mistyped path must not become an empty database.
    let conn = Connection::open_with_flags(
        from,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )
    .map_err(source)?;
    conn.busy_timeout(Duration::from_secs(30)).map_err(source)?;
    // It holds what the database holds, so it is for its owner only. An empty file is what VACUUM INTO accepts.
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(part)
        .map_err(|error| target(part, error))?;
    // Unlike the backup interface, this reads one snapshot: it neither starts over when the daemon writes nor holds it up.
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
