//! The ledger: every signal with its outcome and the reason. Also the event ids by which a repeated webhook is recognised.

use rusqlite::{OptionalExtension, Row, params};

use super::row::{id as parsed_id, word, word_or_null};
use super::{Error, Reader, Tx};
use crate::domain::identity::Identity;
use crate::domain::ids::{AccountId, EnrollmentId};
use crate::domain::signal::{EventRef, Outcome, Path, Source};
use crate::domain::time::Timestamp;

/// A new ledger row.
pub struct NewSignal<'a> {
    /// When it was received.
    pub received_at: Timestamp,
    /// Its source.
    pub source: Source,
    /// The account, if one is named.
    pub account: Option<&'a str>,
    /// Its outcome.
    pub outcome: Outcome,
    /// The reason of the outcome, in one sentence.
    pub reason: &'a str,
    /// The person it is about.
    pub identity: &'a Identity,
    /// What the routine needs to try it again, as JSON text. `None` if it is not evidence about a person.
    pub evidence: Option<&'a str>,
    /// The body as JSON text, without the text of any message.
    pub raw: &'a str,
    /// The enrollments that it is tied to.
    pub enrollments: &'a [(EnrollmentId, Option<Path>)],
}

/// A ledger row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignalRow {
    pub id: i64,
    /// When it was received.
    pub received_at: Timestamp,
    /// Its source.
    pub source: Source,
    /// The account, if one is named.
    pub account: Option<String>,
    /// Its outcome.
    pub outcome: Outcome,
    /// The reason of the outcome, in one sentence.
    pub reason: String,
    /// The body as JSON text.
    pub raw: String,
    /// The enrollments that it is tied to.
    pub enrollments: Vec<(String, Option<Path>)>,
}

/// Stored evidence about a person, to be tried again for later enrollments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// The id of the ledger row.
    pub id: i64,
    /// When it was received.
    pub received_at: Timestamp,
    /// Its source.
    pub source: Source,
    /// The account that received it.
    pub account: String,
    /// Its outcome so far.
    pub outcome: Outcome,
    /// The reason of the outcome.
    pub reason: String,
    /// The stored part of the signal, as JSON text.
    pub body: String,
}

pub(super) fn signal(row: &Row<'_>) -> rusqlite::Result<SignalRow> {
    Ok(SignalRow {
        id: row.get("id")?,
        received_at: Timestamp(row.get("received_at")?),
        source: word(row, "source")?,
        account: row.get("account_id")?,
        outcome: word(row, "outcome")?,
        reason: row.get("reason")?,
        raw: row.get("raw")?,
        enrollments: Vec::new(),
    })
}

impl Reader<'_> {
    /// Returns one signal.
    pub fn signal(&self, id: i64) -> Result<Option<SignalRow>, Error> {
        self.conn
            .prepare_cached("SELECT * FROM signals WHERE id = ?1")?
            .query_row([id], signal)
            .optional()?
            .map(|row| self.with_ties(row))
            .transpose()
    }

    /// Returns the signals that are tied to an enrollment, oldest first.
    pub fn signals_of_enrollment(&self, id: &EnrollmentId) -> Result<Vec<SignalRow>, Error> {
        let rows = self
            .conn
            .prepare_cached(
                "SELECT s.* FROM signals s JOIN signal_enrollments t ON t.signal_id = s.id
                 WHERE t.enrollment_id = ?1 ORDER BY s.id",
            )?
            .query_map([id.as_str()], signal)?
            .collect::<Result<Vec<_>, _>>()?;
        rows.into_iter().map(|row| self.with_ties(row)).collect()
    }

    pub(super) fn with_ties(&self, mut row: SignalRow) -> Result<SignalRow, Error> {
        row.enrollments = self
            .conn
            .prepare_cached(
                "SELECT t.enrollment_id, t.path FROM signal_enrollments t JOIN enrollments e ON e.id = t.enrollment_id
                 WHERE t.signal_id = ?1 ORDER BY e.seq",
            )?
            .query_map([row.id], |tie| {
                Ok((tie.get("enrollment_id")?, word_or_null(tie, "path")?))
            })?
            .collect::<Result<_, _>>()?;
        Ok(row)
    }

    /// Returns the evidence of a ledger row, or `None` if none is stored.
    pub fn evidence(&self, id: i64) -> Result<Option<Evidence>, Error> {
        Ok(self
            .conn
            .prepare_cached(
                "SELECT id, received_at, source, account_id, outcome, reason, evidence FROM signals
                 WHERE id = ?1 AND evidence IS NOT NULL AND account_id IS NOT NULL",
            )?
            .query_row([id], |row| {
                Ok(Evidence {
                    id: row.get("id")?,
                    received_at: Timestamp(row.get("received_at")?),
                    source: word(row, "source")?,
                    account: row.get("account_id")?,
                    outcome: word(row, "outcome")?,
                    reason: row.get("reason")?,
                    body: row.get("evidence")?,
                })
            })
            .optional()?)
    }

    /// Returns the enrollments that a signal is tied to, each with its account.
    pub fn tied_to(&self, signal: i64) -> Result<Vec<(EnrollmentId, AccountId)>, Error> {
        let rows = self
            .conn
            .prepare_cached(
                "SELECT e.id, e.account_id FROM signal_enrollments t JOIN enrollments e ON e.id = t.enrollment_id
                 WHERE t.signal_id = ?1",
            )?
            .query_map([signal], |row| {
                Ok((parsed_id(row, "id")?, parsed_id(row, "account_id")?))
            })?
            .collect::<Result<_, _>>()?;
        Ok(rows)
    }

    /// How many signals wait for an enrollment.
    pub fn count_signals(&self, outcome: Outcome) -> Result<u64, Error> {
        let count: i64 = self
            .conn
            .prepare_cached("SELECT count(*) FROM signals WHERE outcome = ?1")?
            .query_row([outcome.as_str()], |row| row.get(0))?;
        Ok(count.unsigned_abs())
    }
}

impl Tx<'_> {
    /// Adds a ledger row. Returns its id.
    pub fn insert_signal(&self, s: &NewSignal<'_>) -> Result<i64, Error> {
        self.conn
            .prepare_cached(
                "INSERT INTO signals (received_at, source, account_id, outcome, reason, provider_id, number, sales_id,
                   public_identifier, evidence, raw)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            )?
            .execute(params![
                s.received_at.0,
                s.source.as_str(),
                s.account,
                s.outcome.as_str(),
                s.reason,
                s.identity.provider_id,
                s.identity.number(),
                s.identity.sales_id,
                s.identity.public_identifier,
                s.evidence,
                s.raw,
            ])?;
        let id = self.conn.last_insert_rowid();
        self.index_signal(id, s.identity, s.account, s.received_at)?;
        self.tie(id, s.enrollments)?;
        Ok(id)
    }

    /// Unties a signal from every enrollment.
    pub fn untie(&self, id: i64) -> Result<(), Error> {
        self.conn
            .prepare_cached("DELETE FROM signal_enrollments WHERE signal_id = ?1")?
            .execute([id])?;
        Ok(())
    }

    /// Changes the outcome of a signal, and ties it to further enrollments.
    pub fn set_outcome(
        &self,
        id: i64,
        outcome: Outcome,
        reason: &str,
        enrollments: &[(EnrollmentId, Option<Path>)],
    ) -> Result<(), Error> {
        self.conn
            .prepare_cached("UPDATE signals SET outcome = ?2, reason = ?3 WHERE id = ?1")?
            .execute(params![id, outcome.as_str(), reason])?;
        self.tie(id, enrollments)
    }

    fn tie(&self, id: i64, enrollments: &[(EnrollmentId, Option<Path>)]) -> Result<(), Error> {
        for (enrollment, path) in enrollments {
            self.conn
                .prepare_cached(
                    "INSERT INTO signal_enrollments (signal_id, enrollment_id, path) VALUES (?1, ?2, ?3)
                     ON CONFLICT (signal_id, enrollment_id) DO UPDATE SET path = excluded.path",
                )?
                .execute(params![
                    id,
                    enrollment.as_str(),
                    path.map(Path::as_str)
                ])?;
        }
        Ok(())
    }

    /// Stores an event id of a provider. Returns whether it is new.
    pub fn remember_event(&self, event: &EventRef) -> Result<bool, Error> {
        Ok(self
            .conn
            .prepare_cached(
                "INSERT INTO provider_events (provider, event_type, subject, event_id) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT DO NOTHING",
            )?
            .execute(params![
                event.provider.as_str(),
                event.event_type,
                event.subject,
                event.id
            ])?
            > 0)
    }
}
