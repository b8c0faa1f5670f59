//! Erasing a person: from every table, undelivered and delivered event bodies included. The dedupe keys stay, so that the same
//! accept is never announced a second time.

use rusqlite::params;

use super::{Error, Tx};
use crate::domain::enrollment::Enrollment;
use crate::domain::ids::EnrollmentId;
use crate::domain::time::Ms;

impl Tx<'_> {
    /// Deletes an enrollment and everything that is known of the person through it.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn erase_enrollment(&self, id: &EnrollmentId, now: Ms) -> Result<(), Error> {
        let enrollment = self
            .enrollment(id)?
            .ok_or_else(|| Error::not_found("enrollment", id.as_str()))?;
        // Undelivered ones have nothing left to deliver; they stay visible.
        self.conn.execute(
            "UPDATE deliveries SET state = 'dead', next_attempt_at = NULL, last_error = 'The person was erased.'
             WHERE state IN ('pending', 'held', 'sending')
               AND event_id IN (SELECT id FROM events WHERE enrollment_id = ?1)",
            [id.as_str()],
        )?;
        self.conn.execute(
            "UPDATE events SET body = NULL WHERE enrollment_id = ?1",
            [id.as_str()],
        )?;
        // Signals that only this enrollment knows of, and those about the person that wait for one.
        self.conn.execute(
            "DELETE FROM signals WHERE id IN (SELECT signal_id FROM signal_enrollments WHERE enrollment_id = ?1)
               AND NOT EXISTS (SELECT 1 FROM signal_enrollments t WHERE t.signal_id = signals.id AND t.enrollment_id <> ?1)",
            [id.as_str()],
        )?;
        let person = &enrollment.identity;
        let numbers: Vec<i64> = person.numbers().chain(enrollment.invite.number).collect();
        for number in numbers {
            self.conn.execute(
                "DELETE FROM signals WHERE number = ?1 AND outcome IN ('unmatched', 'ambiguous', 'ignored', 'duplicate')",
                [number],
            )?;
        }
        self.conn.execute(
            "DELETE FROM signals WHERE outcome IN ('unmatched', 'ambiguous', 'ignored', 'duplicate')
               AND (provider_id IN (?1, ?2, ?3) OR sales_id IN (?1, ?2, ?3) OR public_identifier = ?4)",
            params![
                person.provider_id,
                person.sales_id,
                enrollment.invite.provider_id,
                person.public_identifier
            ],
        )?;
        self.forget_as_landmark(&enrollment)?;
        self.conn
            .execute("DELETE FROM enrollments WHERE id = ?1", [id.as_str()])?;
        self.tell_change(
            "stamp",
            &serde_json::json!({"enrollmentId": id, "erased": true}),
            now,
        )
    }

    /// Where the poller stopped reading is marked by whoever stood there. Without the mark it reads on, down to its bound.
    fn forget_as_landmark(&self, e: &Enrollment) -> Result<(), Error> {
        let person = &e.identity;
        let ids = [
            &person.provider_id,
            &e.invite.provider_id,
            &person.public_identifier,
        ];
        let numbers = person.numbers().chain(e.invite.number);
        let names = ids.into_iter().flatten().cloned();
        for name in names.chain(numbers.map(|n| n.to_string())) {
            self.conn.execute(
                "UPDATE account_poll SET watermark = NULL WHERE watermark = ?1",
                [&name],
            )?;
            self.conn.execute(
                "UPDATE account_poll SET walk_cursor = NULL, walk_top = NULL WHERE walk_top = ?1",
                [&name],
            )?;
        }
        Ok(())
    }
}
