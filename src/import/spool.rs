//! Where a file is kept while it is imported: a file without a name, beside the database, that only this process can open.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

/// A file on disk that ends with its last handle, also if the process dies. Its mode is 0600.
#[derive(Debug, Clone)]
pub struct Spool {
    file: Arc<File>,
    length: u64,
}

impl Spool {
    /// An empty file in this directory.
    ///
    /// # Errors
    /// Returns the error of the file system.
    pub fn beside(database: &Path) -> io::Result<Self> {
        let directory = match database.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        Ok(Self {
            file: Arc::new(tempfile::tempfile_in(directory)?),
            length: 0,
        })
    }

    /// Adds bytes at the end.
    ///
    /// # Errors
    /// Returns the error of the file system, for example of a full disk.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, self.length)?;
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// How many bytes it has.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Reads it from the beginning. Readers do not disturb each other.
    #[must_use]
    pub fn read(&self) -> SpoolReader {
        SpoolReader {
            file: self.file.clone(),
            at: 0,
        }
    }
}

/// Reads a [`Spool`].
#[derive(Debug)]
pub struct SpoolReader {
    file: Arc<File>,
    at: u64,
}

impl Read for SpoolReader {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let length = self.file.read_at(to, self.at)?;
        self.at += length as u64;
        Ok(length)
    }
}
