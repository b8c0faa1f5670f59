//! Values that belong to the installation, such as its secret key for hashes.

use rusqlite::{OptionalExtension, params};

use super::{Error, Tx};
use crate::domain::note::NoteKey;

impl Tx<'_> {
    /// Returns the hash key of this installation. It is created from the operating system's randomness on first use.
    pub fn note_key(&self) -> Result<NoteKey, Error> {
        let found: Option<[u8; 32]> = self
            .conn
            .query_row("SELECT value FROM meta WHERE key = 'note_key'", [], |row| {
                row.get(0)
            })
            .optional()?;
        if let Some(bytes) = found {
            return Ok(NoteKey::new(bytes));
        }
        let bytes: [u8; 32] = rand::random();
        self.conn.execute(
            "INSERT INTO meta (key, value) VALUES ('note_key', ?1)",
            params![bytes],
        )?;
        Ok(NoteKey::new(bytes))
    }

    /// Writes a value that nothing reads, to find out whether the database can be written.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it can't be written.
    pub fn probe(&self, now: crate::domain::time::Timestamp) -> Result<(), Error> {
        self.conn.execute(
            "INSERT INTO meta (key, value) VALUES ('probe', CAST(?1 AS BLOB))
             ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            params![now.0.to_string()],
        )?;
        Ok(())
    }
}
