//! Erasing a person: from every table, undelivered and delivered event bodies included. The dedupe keys stay, so that the same
//! accept is never announced a second time.

use std::collections::BTreeSet;

use rusqlite::params;

use super::signal_keys::Keys;
use super::{Error, Tx};
use crate::domain::enrollment::Enrollment;
use crate::domain::identity::Identity;
use crate::domain::ids::EnrollmentId;
use crate::domain::time::Ms;
use crate::domain::words::{DeliveryState, Outcome};

impl Tx<'_> {
    /// Deletes an enrollment and everything that is known of the person through it.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn erase_enrollment(&self, id: &EnrollmentId, now: Ms) -> Result<(), Error> {
        let enrollment = self
            .enrollment(id)?
            .ok_or_else(|| Error::not_found("enrollment", id.as_str()))?;
        self.erase_events(id, "The person was erased.", now)?;
        let known = self.erase_signals(&enrollment)?;
        self.erase_marks(&known)?;
        self.conn
            .execute("DELETE FROM enrollments WHERE id = ?1", [id.as_str()])?;
        self.tell_change(
            "stamp",
            &serde_json::json!({"enrollmentId": id, "erased": true}),
            now,
        )
    }

    /// Takes everything away from an open enrollment that was seen or announced of its person, because it moves to another one:
    /// nothing of the first may show under the second, or outlive the erasing of the first. Evidence of a connection stays in
    /// the ledger: the first person may be enrolled again.
    ///
    /// # Errors
    /// The store's.
    pub fn forget_former_person(&self, id: &EnrollmentId, now: Ms) -> Result<(), Error> {
        self.erase_events(id, "The enrollment was moved to another person.", now)?;
        self.conn.execute(
            "DELETE FROM signals WHERE id IN (SELECT signal_id FROM signal_enrollments WHERE enrollment_id = ?1)
               AND evidence IS NULL
               AND NOT EXISTS (SELECT 1 FROM signal_enrollments t WHERE t.signal_id = signals.id AND t.enrollment_id <> ?1)",
            [id.as_str()],
        )?;
        self.conn.execute(
            "DELETE FROM signal_enrollments WHERE enrollment_id = ?1",
            [id.as_str()],
        )?;
        Ok(())
    }

    /// Erases the bodies of an enrollment's events. Undelivered ones have nothing left to deliver; they stay visible. What a
    /// receiver said of the person goes in any state.
    fn erase_events(&self, enrollment: &EnrollmentId, why: &str, now: Ms) -> Result<(), Error> {
        self.conn.execute(
            "UPDATE events SET body = NULL WHERE enrollment_id = ?1",
            [enrollment.as_str()],
        )?;
        for delivery in self.deliveries_of_enrollment(enrollment.as_str())? {
            if delivery.state != DeliveryState::Delivered {
                self.conn.execute(
                    "UPDATE deliveries SET state = 'dead', next_attempt_at = NULL, last_error = ?2, state_since = ?3
                     WHERE id = ?1",
                    params![delivery.id, why, now.0],
                )?;
                self.delivery_changed(delivery.id, now)?;
            }
        }
        Ok(())
    }

    /// Deletes every ledger row about the person but those that belong to other enrollments of the same person. Returns every
    /// identity that the person was known by.
    fn erase_signals(&self, e: &Enrollment) -> Result<Vec<Identity>, Error> {
        let mut known = vec![e.identity.clone(), e.invite.identity()];
        let mut signals = BTreeSet::new();
        for signal in self.signals_tied_to(&e.id)? {
            known.extend(self.named_by(signal)?.map(|(identity, _)| identity));
            signals.insert(signal);
        }
        // What one row says of the person may lead to another.
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

    fn signals_tied_to(&self, id: &EnrollmentId) -> Result<Vec<i64>, Error> {
        let rows = self
            .conn
            .prepare_cached("SELECT signal_id FROM signal_enrollments WHERE enrollment_id = ?1")?
            .query_map([id.as_str()], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        Ok(rows)
    }

    /// Whom a ledger row names, and what it led to; `None` when it is gone.
    fn named_by(&self, signal: i64) -> Result<Option<(Identity, Outcome)>, Error> {
        use rusqlite::OptionalExtension;
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

    /// Whether a ledger row led to something for another enrollment of the person that it names.
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

    /// Where a poll stopped reading is marked by the person who stood there. Without the mark it reads on, down to its bound.
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

/// Whether an identity that shares a name with the person has another member number.
fn somebody_else(known: &[Identity], named: &Identity) -> bool {
    let numbers: BTreeSet<i64> = known.iter().flat_map(Identity::numbers).collect();
    !numbers.is_empty()
        && named.number().is_some()
        && named.numbers().all(|n| !numbers.contains(&n))
}
