//! The file of signing secrets that API v2 hands out. `acceptd register` writes it, one secret a line, and all of them are valid.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// The shortest time between two looks at the file, however many signatures don't match.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The most bytes of the file that are read.
const BYTES_MAX: u64 = 64 * 1024;
/// The most secrets of the file that are used. A webhook is checked against each of them.
const SECRETS_MAX: usize = 64;

/// The secrets of the file as they were read last. It is never shown.
#[derive(Default)]
pub struct SecretFile(Mutex<State>);

#[derive(Default)]
struct State {
    path: PathBuf,
    version: Option<Version>,
    looked_at: Option<Instant>,
    secrets: Vec<String>,
}

/// What changes when the file is replaced or written.
type Version = (Option<SystemTime>, u64, u64);

impl SecretFile {
    /// Returns the secrets as they were read last. Empty if the file at this path was not read yet.
    pub fn known(&self, path: &Path) -> Vec<String> {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.path == path {
            state.secrets.clone()
        } else {
            Vec::new()
        }
    }

    /// Reads the file again if it changed, at most once a second. Returns its secrets if it was read. This blocks.
    ///
    /// # Errors
    /// Returns the error if the file cannot be read. The secrets that were read before stay valid, unless the file is gone.
    pub fn read_if_changed(&self, path: &Path) -> io::Result<Option<Vec<String>>> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.path != path {
            *state = State {
                path: path.to_owned(),
                ..State::default()
            };
        }
        let now = Instant::now();
        if state
            .looked_at
            .is_some_and(|at| now.duration_since(at) < LOOK_EVERY)
        {
            return Ok(None);
        }
        state.looked_at = Some(now);
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) => {
                if error.kind() == io::ErrorKind::NotFound {
                    state.version = None;
                    state.secrets.clear();
                }
                return Err(error);
            }
        };
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::other("it is not a regular file"));
        }
        let version = Some((metadata.modified().ok(), metadata.len(), inode(&metadata)));
        if state.version == version {
            return Ok(None);
        }
        let mut text = String::new();
        file.take(BYTES_MAX).read_to_string(&mut text)?;
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        state.secrets = lines.take(SECRETS_MAX).map(str::to_owned).collect();
        state.version = version;
        Ok(Some(state.secrets.clone()))
    }
}

fn inode(metadata: &std::fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

impl std::fmt::Debug for SecretFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretFile(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_counts_and_a_look_comes_once_a_second() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secrets");
        let file = SecretFile::default();
        assert!(file.read_if_changed(&path).is_err());
        std::fs::write(&path, "wes_one\n\n  wes_two \n").unwrap();
        assert_eq!(file.read_if_changed(&path).unwrap(), None, "too early");
        file.0.lock().unwrap().looked_at = None;
        let both = vec!["wes_one".to_owned(), "wes_two".to_owned()];
        assert_eq!(file.read_if_changed(&path).unwrap(), Some(both.clone()));
        assert_eq!(file.known(&path), both);
        file.0.lock().unwrap().looked_at = None;
        assert_eq!(file.read_if_changed(&path).unwrap(), None, "unchanged");
        assert_eq!(file.known(Path::new("another")), Vec::<String>::new());
    }

    #[test]
    fn a_file_that_is_gone_has_no_secret() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secrets");
        std::fs::write(&path, "wes_one").unwrap();
        let file = SecretFile::default();
        assert!(file.read_if_changed(&path).unwrap().is_some());
        std::fs::remove_file(&path).unwrap();
        file.0.lock().unwrap().looked_at = None;
        assert!(file.read_if_changed(&path).is_err());
        assert!(file.known(&path).is_empty());
        assert_eq!(format!("{file:?}"), "SecretFile(…)");
    }
}
