//! The stored state of destinations: whether a receiver answered 410 Gone, which stops its destination.

use rusqlite::{OptionalExtension, params};

use super::row::timestamp;
use super::{Error, Reader, Tx};
use crate::domain::time::Timestamp;

/// A destination as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DestinationRow {
    /// Its name in the configuration.
    pub name: String,
    /// A fingerprint of the URL. A different URL starts a stopped destination.
    pub url_fingerprint: String,
    /// When it was stopped. `None` if it runs.
    pub stopped_at: Option<Timestamp>,
    /// Why it was stopped.
    pub stopped_reason: Option<String>,
}

impl Reader<'_> {
    /// Returns the stored state of a destination.
    pub fn destination(&self, name: &str) -> Result<Option<DestinationRow>, Error> {
        Ok(self
            .conn
            .prepare_cached("SELECT * FROM destinations WHERE name = ?1")?
            .query_row([name], |row| {
                Ok(DestinationRow {
                    name: row.get("name")?,
                    url_fingerprint: row.get("url_fingerprint")?,
                    stopped_at: timestamp(row, "stopped_at")?,
                    stopped_reason: row.get("stopped_reason")?,
                })
            })
            .optional()?)
    }

    /// Whether a destination is stopped.
    pub fn is_stopped(&self, name: &str) -> Result<bool, Error> {
        Ok(self
            .destination(name)?
            .is_some_and(|known| known.stopped_at.is_some()))
    }
}

impl Tx<'_> {
    /// Stores the URL of a configured destination. If it was stopped under another URL, it starts.
    pub fn register_destination(&self, name: &str, url_fingerprint: &str) -> Result<(), Error> {
        self.notify_destination(name);
        self.conn.execute(
            "INSERT INTO destinations (name, url_fingerprint) VALUES (?1, ?2)
             ON CONFLICT (name) DO UPDATE SET url_fingerprint = excluded.url_fingerprint,
               stopped_at = NULL, stopped_reason = NULL
             WHERE url_fingerprint <> excluded.url_fingerprint",
            params![name, url_fingerprint],
        )?;
        Ok(())
    }

    /// Stops a destination: only tests are sent to it until it is started. Does nothing if its URL has changed meanwhile.
    pub fn stop_destination(
        &self,
        name: &str,
        url_fingerprint: &str,
        reason: &str,
        now: Timestamp,
    ) -> Result<(), Error> {
        self.conn.execute(
            "INSERT INTO destinations (name, url_fingerprint, stopped_at, stopped_reason) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (name) DO UPDATE SET stopped_at = coalesce(stopped_at, excluded.stopped_at),
               stopped_reason = excluded.stopped_reason
             WHERE url_fingerprint = excluded.url_fingerprint",
            params![name, url_fingerprint, now.0, reason],
        )?;
        Ok(())
    }

    /// Starts a destination. Returns whether it had been stopped.
    pub fn start_destination(&self, name: &str) -> Result<bool, Error> {
        self.notify_destination(name);
        Ok(self.conn.execute(
            "UPDATE destinations SET stopped_at = NULL, stopped_reason = NULL
             WHERE name = ?1 AND stopped_at IS NOT NULL",
            [name],
        )? > 0)
    }
}
