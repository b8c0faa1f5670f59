//! A consistent copy of the database while a daemon writes to it.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
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
    if to.exists() {
        return Err(BackupError::Exists(to.to_owned()));
    }
    // Of this process alone: of two backups to one name, one is refused and neither spoils the other.
    let mut part = to.as_os_str().to_owned();
    part.push(format!(".{}.part", std::process::id()));
    let part = PathBuf::from(part);
    let done = copy(from, &part).and_then(|()| {
        fs::hard_link(&part, to)
            .and_then(|()| sync_directory(to))
            .map_err(|error| match error.kind() {
                io::ErrorKind::AlreadyExists => BackupError::Exists(to.to_owned()),
                _ => target(to, error),
            })
    });
    // It is either linked under its name now, or of no use.
    let _ = fs::remove_file(&part);
    done
}

fn copy(from: &Path, part: &Path) -> Result<(), BackupError> {
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
        .create(true)
        .truncate(true)
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
        "ok" => Ok(()),
        damage => Err(BackupError::Damaged(damage.to_owned())),
    }
}

fn target(path: &Path, error: io::Error) -> BackupError {
    BackupError::Target {
        path: path.to_owned(),
        error,
    }
}

fn sync_directory(of: &Path) -> io::Result<()> {
    let parent = of.parent().filter(|p| !p.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}
