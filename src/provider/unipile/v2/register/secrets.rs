//! The file of signing secrets: one a line, all of them valid. `register` writes it and the daemon reads it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, chown};
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};

/// The secrets of a file, in its order.
pub(super) struct SecretFile {
    path: PathBuf,
    lines: Vec<SecretString>,
}

impl SecretFile {
    /// Reads the file. A file that does not exist has no secrets.
    pub fn read(path: &Path) -> io::Result<Self> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error),
        };
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        Ok(Self {
            path: path.to_owned(),
            lines: lines.map(SecretString::from).collect(),
        })
    }

    /// Returns whether the file has a secret.
    pub fn has(&self, secret: &SecretString) -> bool {
        self.lines
            .iter()
            .any(|line| line.expose_secret() == secret.expose_secret())
    }

    /// Adds a secret, unless the file has it.
    pub fn add(&mut self, secret: &SecretString) -> io::Result<()> {
        if self.has(secret) {
            return Ok(());
        }
        self.lines.push(secret.clone());
        self.write()
    }

    /// Removes the secrets that are none of `valid`.
    pub fn keep(&mut self, valid: &[&SecretString]) -> io::Result<()> {
        let before = self.lines.len();
        self.lines.retain(|line| {
            valid
                .iter()
                .any(|secret| secret.expose_secret() == line.expose_secret())
        });
        if self.lines.len() == before {
            return Ok(());
        }
        self.write()
    }

    /// Replaces the file in one step. Only the owner of its directory can read it: the daemon, though `register` may run as root.
    fn write(&self) -> io::Result<()> {
        let folder = match self.path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        let owner = fs::metadata(folder)?;
        let unique = format!(".acceptd-secrets-{}", uuid::Uuid::new_v4().simple());
        let fresh = folder.join(unique);
        let written = self.write_to(&fresh, &owner);
        let done = written.and_then(|()| fs::rename(&fresh, &self.path));
        if done.is_err() {
            // The error says what happened; a file that can't be removed either says the same.
            let _ = fs::remove_file(&fresh);
        }
        done?;
        File::open(folder)?.sync_all()
    }

    fn write_to(&self, path: &Path, owner: &fs::Metadata) -> io::Result<()> {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        for line in &self.lines {
            writeln!(file, "{}", line.expose_secret())?;
        }
        file.sync_all()?;
        let made = file.metadata()?;
        if (made.uid(), made.gid()) != (owner.uid(), owner.gid()) {
            match chown(path, Some(owner.uid()), Some(owner.gid())) {
                // Without the right to give it away, the file stays with the user who runs the command.
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
                result => result?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn the_file_is_private_and_a_link_is_replaced_and_not_followed() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("secrets");
        let elsewhere = folder.path().join("elsewhere");
        fs::write(&elsewhere, "wes_old\n").expect("a file");
        symlink(&elsewhere, &path).expect("a link");
        let (old, new) = (SecretString::from("wes_old"), SecretString::from("wes_new"));

        let mut file = SecretFile::read(&path).expect("a file");
        file.add(&new).expect("it is written");
        file.add(&new).expect("once");
        assert_eq!(
            fs::read_to_string(&path).expect("a file"),
            "wes_old\nwes_new\n"
        );
        assert_eq!(fs::read_to_string(&elsewhere).expect("a file"), "wes_old\n");
        let mode = fs::metadata(&path).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);

        file.keep(&[&new]).expect("it is written");
        assert!(file.has(&new) && !file.has(&old));
        assert_eq!(fs::read_to_string(&path).expect("a file"), "wes_new\n");
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 2);
    }
}
