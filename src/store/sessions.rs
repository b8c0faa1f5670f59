//! Sessions of the dashboard. A session starts with a token and ends by logging out, or when it was idle or open for too long.

use rusqlite::{OptionalExtension, params};

use super::{Error, Reader, Tx};
use crate::domain::time::Timestamp;

/// One session. Nothing in it can be used to log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRow {
    /// SHA-256 of the id in the cookie.
    pub id_hash: [u8; 32],
    /// The name of the token that started it.
    pub token: String,
    /// HMAC of that token's secret under the id.
    pub proof: [u8; 32],
    /// When it started.
    pub created_at: Timestamp,
    /// When it was last used, accurate to about a minute.
    pub last_used_at: Timestamp,
}

/// Which sessions are kept when a new one starts.
#[derive(Debug, Clone, Copy)]
pub struct SessionBounds {
    /// Sessions created earlier have expired.
    pub created_after: Timestamp,
    /// Sessions last used earlier have expired.
    pub used_after: Timestamp,
    /// The most sessions of one token. The least recently used ones are removed first.
    pub per_token_max: u32,
}

impl Reader<'_> {
    /// Returns the session with this hash.
    pub fn session(&self, id_hash: &[u8; 32]) -> Result<Option<SessionRow>, Error> {
        Ok(self
            .conn
            .prepare_cached("SELECT * FROM sessions WHERE id_hash = ?1")?
            .query_row(params![id_hash], |row| {
                Ok(SessionRow {
                    id_hash: row.get("id_hash")?,
                    token: row.get("token")?,
                    proof: row.get("proof")?,
                    created_at: Timestamp(row.get("created_at")?),
                    last_used_at: Timestamp(row.get("last_used_at")?),
                })
            })
            .optional()?)
    }
}

impl Tx<'_> {
    /// Starts a session, and removes sessions that have expired or exceed the limit.
    pub fn begin_session(&self, row: &SessionRow, bounds: SessionBounds) -> Result<(), Error> {
        self.conn.execute(
            "DELETE FROM sessions WHERE created_at < ?1 OR last_used_at < ?2",
            params![bounds.created_after.0, bounds.used_after.0],
        )?;
        self.conn.execute(
            "DELETE FROM sessions WHERE id_hash IN (
               SELECT id_hash FROM sessions WHERE token = ?1
               ORDER BY last_used_at DESC LIMIT -1 OFFSET ?2)",
            params![row.token, bounds.per_token_max.saturating_sub(1)],
        )?;
        self.conn.execute(
            "INSERT INTO sessions (id_hash, token, proof, created_at, last_used_at)
             VALUES (?1, ?2, ?3, ?4, ?5)",
            params![
                row.id_hash,
                row.token,
                row.proof,
                row.created_at.0,
                row.last_used_at.0
            ],
        )?;
        Ok(())
    }

    /// Records that a session was used.
    pub fn touch_session(&self, id_hash: &[u8; 32], now: Timestamp) -> Result<(), Error> {
        self.conn
            .prepare_cached(
                "UPDATE sessions SET last_used_at = ?2 WHERE id_hash = ?1 AND last_used_at < ?2",
            )?
            .execute(params![id_hash, now.0])?;
        Ok(())
    }

    /// Ends a session if it exists. Returns whether it did.
    pub fn end_session(&self, id_hash: &[u8; 32]) -> Result<bool, Error> {
        let ended = self
            .conn
            .prepare_cached("DELETE FROM sessions WHERE id_hash = ?1")?
            .execute(params![id_hash])?;
        Ok(ended > 0)
    }
}
