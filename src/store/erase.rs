//! Erasing a person from every table, including the bodies of delivered and undelivered events. The dedupe keys stay, so that the
//! same accept is never announced twice.

use std::collections::BTreeSet;

use rusqlite::{OptionalExtension, params};

use super::signal_keys::Keys;
use super::{Error, Tx};
use crate::domain::enrollment::Enrollment;
use crate::domain::identity::Identity;
use crate::domain::ids::EnrollmentId;
use crate::domain::signal::Outcome;
use crate::domain::time::Timestamp;

impl Tx<'_> {
    /// Deletes an enrollment and everything that is stored about its person.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such enrollment.
    pub fn erase_enrollment(&self, id: &EnrollmentId, now: Timestamp) -> Result<(), Error> {
        let enrollment = self
            .enrollment(id)?
            .ok_or_else(|| Error::not_found("enrollment", id.as_str()))?;
        self.erase_events(id, now)?;
        let known = self.erase_signals(&enrollment)?;
        self.erase_former_events(&known, now)?;
        self.erase_marks(&known)?;
        self.conn
            .execute("DELETE FROM enrollments WHERE id = ?1", [id.as_str()])?;
        self.record_change(
            "stamp",
            &serde_json::json!({"enrollmentId": id, "erased": true}),
            now,
        )
    }

    /// Separates an open enrollment from its former person when it moves to another person. Nothing about the former person may
    /// appear under the new one, or remain after the former person is erased.
    ///
    /// Ledger rows that are not evidence are deleted. Evidence of a connection is untied and stays, because the former person may be
    /// enrolled again. Events stay too, and are indexed by the keys of the former person.
    pub fn forget_former_person(&self, before: &Enrollment) -> Result<(), Error> {
        self.index_former_events(before)?;
        self.conn.execute(
            "DELETE FROM signals WHERE id IN (SELECT signal_id FROM signal_enrollments WHERE enrollment_id = ?1)
               AND evidence IS NULL
               AND NOT EXISTS (SELECT 1 FROM signal_enrollments t WHERE t.signal_id = signals.id AND t.enrollment_id <> ?1)",
            [before.id.as_str()],
        )?;
        self.conn.execute(
            "DELETE FROM signal_enrollments WHERE enrollment_id = ?1",
            [before.id.as_str()],
        )?;
        Ok(())
    }

    /// Indexes the events that name the current person of an enrollment by the keys of that person.
    fn index_former_events(&self, before: &Enrollment) -> Result<(), Error> {
        let events: Vec<i64> = self
            .conn
            .prepare_cached(
                "SELECT seq FROM events WHERE enrollment_id = ?1 AND body IS NOT NULL
                   AND NOT EXISTS (SELECT 1 FROM former_events f WHERE f.event_seq = events.seq)",
            )?
            .query_map([before.id.as_str()], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        let keys = Keys::of_enrollment(before);
        for event in events {
            for key in keys.iter() {
                self.conn
                    .prepare_cached("INSERT INTO former_events (key, event_seq) VALUES (?1, ?2)")?
                    .execute(params![key, event])?;
            }
        }
        Ok(())
    }

    /// Erases the bodies of all events of an enrollment, including those about former persons.
    fn erase_events(&self, enrollment: &EnrollmentId, now: Timestamp) -> Result<(), Error> {
        let events = self.numbers(
            "SELECT seq FROM events WHERE enrollment_id = ?1",
            enrollment.as_str(),
        )?;
        events
            .into_iter()
            .try_for_each(|e| self.erase_event(e, now))
    }

    /// Erases the bodies of events that name the person but belong to enrollments that have moved to another person.
    fn erase_former_events(&self, known: &[Identity], now: Timestamp) -> Result<(), Error> {
        for identity in known {
            for key in Keys::of(identity).iter() {
                let sql = "SELECT event_seq FROM former_events WHERE key = ?1";
                for event in self.numbers(sql, key)? {
                    self.erase_event(event, now)?;
                }
            }
        }
        Ok(())
    }

    /// Erases the body of an event. Its undelivered deliveries have nothing left to send, so they become dead and stay visible.
    fn erase_event(&self, seq: i64, now: Timestamp) -> Result<(), Error> {
        self.conn
            .prepare_cached("UPDATE events SET body = NULL WHERE seq = ?1")?
            .execute([seq])?;
        self.conn
            .prepare_cached("DELETE FROM former_events WHERE event_seq = ?1")?
            .execute([seq])?;
        let undelivered: Vec<i64> = self
            .conn
            .prepare_cached(
                "SELECT d.id FROM deliveries d JOIN events e ON e.id = d.event_id
                 WHERE e.seq = ?1 AND d.state <> 'delivered'",
            )?
            .query_map([seq], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        for delivery in undelivered {
            self.conn
                .prepare_cached(
                    "UPDATE deliveries SET state = 'dead', next_attempt_at = NULL, last_error = 'The person was erased.'
                     WHERE id = ?1",
                )?
                .execute([delivery])?;
            self.delivery_changed(delivery, now)?;
        }
        Ok(())
    }

    /// Returns the integers that a query with one text parameter selects.
    fn numbers(&self, sql: &str, text: &str) -> Result<Vec<i64>, Error> {
        let rows = self
            .conn
            .prepare_cached(sql)?
            .query_map([text], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        Ok(rows)
    }

    /// Deletes every ledger row about the person, except rows that belong to other enrollments of the same person. Returns every
    /// known identity of the person.
    fn erase_signals(&self, e: &Enrollment) -> Result<Vec<Identity>, Error> {
        let mut known = vec![e.identity.clone(), e.invite.identity()];
        let mut signals = BTreeSet::new();
        let tied = "SELECT signal_id FROM signal_enrollments WHERE enrollment_id = ?1";
        for signal in self.numbers(tied, e.id.as_str())? {
            known.extend(self.named_by(signal)?.map(|(identity, _)| identity));
            signals.insert(signal);
        }
        // The identity in one row may lead to further rows.
        let mut next = 0;
        let mut looked_up = BTreeSet::new();
        while let Some(identity) = known.get(next).cloned() {
            next += 1;
            for key in Keys::of_any_version(&identity).iter() {
                if !looked_up.insert(key.to_owned()) {
                    continue;
                }
                for signal in self.signals_with_key(key)? {
                    if !signals.contains(&signal)
                        && let Some((named, _)) = self.named_by(signal)?
                        && !somebody_else(&known, &named)
                    {
                        known.push(named);
                        signals.insert(signal);
                    }
                }
            }
        }
        for signal in signals {
            if !self.belongs_to_another(signal, e)? {
                self.conn
                    .prepare_cached("DELETE FROM signals WHERE id = ?1")?
                    .execute([signal])?;
            }
        }
        Ok(known)
    }

    /// Returns the identity and the outcome of a ledger row, or `None` if the row no longer exists.
    fn named_by(&self, signal: i64) -> Result<Option<(Identity, Outcome)>, Error> {
        Ok(self
            .conn
            .prepare_cached(
                "SELECT provider_id, number, sales_id, public_identifier, outcome FROM signals WHERE id = ?1",
            )?
            .query_row([signal], |row| {
                let identity = Identity {
                    provider_id: row.get("provider_id")?,
                    member_number: row.get("number")?,
                    sales_id: row.get("sales_id")?,
                    sales_number: None,
                    public_identifier: row.get("public_identifier")?,
                };
                Ok((identity, super::row::word(row, "outcome")?))
            })
            .optional()?)
    }

    /// Whether a ledger row had an effect on another enrollment of the person that it names.
    fn belongs_to_another(&self, signal: i64, e: &Enrollment) -> Result<bool, Error> {
        let Some((named, outcome)) = self.named_by(signal)? else {
            return Ok(false);
        };
        if matches!(
            outcome,
            Outcome::Unmatched | Outcome::Ambiguous | Outcome::Ignored | Outcome::Duplicate
        ) {
            return Ok(false);
        }
        for (id, _) in self.tied_to(signal)? {
            if id == e.id {
                continue;
            }
            if let Some(other) = self.enrollment(&id)?
                && (named.is_empty()
                    || other.identity.same_person(&named)
                    || other.invite.identity().same_person(&named))
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Erases the watermarks that name the person. Without a watermark, the next poll reads on down to its bound.
    fn erase_marks(&self, known: &[Identity]) -> Result<(), Error> {
        let mut names = BTreeSet::new();
        for identity in known {
            let texts = [
                &identity.provider_id,
                &identity.sales_id,
                &identity.public_identifier,
            ];
            names.extend(texts.into_iter().flatten().cloned());
            names.extend(identity.numbers().map(|n| n.to_string()));
        }
        for name in names {
            self.conn
                .prepare_cached("UPDATE account_poll SET watermark = NULL WHERE watermark = ?1")?
                .execute([&name])?;
            self.conn
                .prepare_cached(
                    "UPDATE account_poll SET walk_cursor = NULL, walk_top = NULL WHERE walk_top = ?1",
                )?
                .execute([&name])?;
        }
        Ok(())
    }
}

/// Whether an identity that shares a key with the person has a different member number.
fn somebody_else(known: &[Identity], named: &Identity) -> bool {
    let numbers: BTreeSet<i64> = known.iter().flat_map(Identity::numbers).collect();
    !numbers.is_empty()
        && named.number().is_some()
        && named.numbers().all(|n| !numbers.contains(&n))
}
