//! Erasing a person: from every table, undelivered and delivered event bodies included. The dedupe keys stay, so that the same
//! accept is never announced a second time.

use super::{Error, Tx};
use crate::domain::enrollment::Enrollment;
use crate::domain::ids::EnrollmentId;
use crate::domain::time::Ms;
use crate::domain::words::DeliveryState;

impl Tx<'_> {
    /// Deletes an enrollment and everything that is known of the person through it.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn erase_enrollment(&self, id: &EnrollmentId, now: Ms) -> Result<(), Error> {
        let enrollment = self
            .enrollment(id)?
            .ok_or_else(|| Error::not_found("enrollment", id.as_str()))?;
        self.conn.execute(
            "UPDATE events SET body = NULL WHERE enrollment_id = ?1",
            [id.as_str()],
        )?;
        self.bury_deliveries(id.as_str(), now)?;
        let names = self.names_of(&enrollment)?;
        // Signals that only this enrollment knows of, and those about the person that wait for one.
        self.conn.execute(
            "DELETE FROM signals WHERE id IN (SELECT signal_id FROM signal_enrollments WHERE enrollment_id = ?1)
               AND NOT EXISTS (SELECT 1 FROM signal_enrollments t WHERE t.signal_id = signals.id AND t.enrollment_id <> ?1)",
            [id.as_str()],
        )?;
        self.conn.execute(
            "WITH names AS (SELECT value FROM json_each(?1))
             DELETE FROM signals WHERE outcome IN ('unmatched', 'ambiguous', 'ignored', 'duplicate')
               AND (provider_id IN names OR sales_id IN names OR public_identifier IN names OR CAST(number AS TEXT) IN names)",
            [&names],
        )?;
        // Where the poller stopped reading is marked by whoever stood there. Without the mark it reads on, down to its bound.
        self.conn.execute(
            "UPDATE account_poll SET watermark = NULL WHERE watermark IN (SELECT value FROM json_each(?1))",
            [&names],
        )?;
        self.conn.execute(
            "UPDATE account_poll SET walk_cursor = NULL, walk_top = NULL
             WHERE walk_top IN (SELECT value FROM json_each(?1))",
            [&names],
        )?;
        self.conn
            .execute("DELETE FROM enrollments WHERE id = ?1", [id.as_str()])?;
        self.tell_change(
            "stamp",
            &serde_json::json!({"enrollmentId": id, "erased": true}),
            now,
        )
    }

    /// Undelivered ones have nothing left to deliver; they stay visible. What a receiver said of the person goes in any state.
    fn bury_deliveries(&self, enrollment: &str, now: Ms) -> Result<(), Error> {
        for delivery in self.deliveries_of_enrollment(enrollment)? {
            if delivery.state != DeliveryState::Delivered {
                self.conn.execute(
                    "UPDATE deliveries SET state = 'dead', next_attempt_at = NULL, last_error = 'The person was erased.'
                     WHERE id = ?1",
                    [delivery.id],
                )?;
                self.delivery_changed(delivery.id, now)?;
            }
        }
        Ok(())
    }

    /// Every id, number and public identifier that the enrollment or its signals know the person by: a JSON array of texts.
    fn names_of(&self, e: &Enrollment) -> Result<String, Error> {
        let own = [
            &e.identity.provider_id,
            &e.identity.sales_id,
            &e.identity.public_identifier,
            &e.invite.provider_id,
        ];
        let mut names: Vec<String> = own.into_iter().flatten().cloned().collect();
        let numbers = e.identity.numbers().chain(e.invite.number);
        names.extend(numbers.map(|n| n.to_string()));
        let told: Vec<String> = self
            .conn
            .prepare(
                "WITH told AS (SELECT s.* FROM signals s JOIN signal_enrollments t ON t.signal_id = s.id WHERE t.enrollment_id = ?1)
                 SELECT provider_id AS name FROM told WHERE name IS NOT NULL
                 UNION SELECT sales_id AS name FROM told WHERE name IS NOT NULL
                 UNION SELECT public_identifier AS name FROM told WHERE name IS NOT NULL
                 UNION SELECT CAST(number AS TEXT) AS name FROM told WHERE name IS NOT NULL",
            )?
            .query_map([e.id.as_str()], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        names.extend(told);
        Ok(serde_json::to_string(&names)?)
    }
}
