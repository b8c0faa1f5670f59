//! Setting a status: by a user through the API, or by a provider that tells one. Stamps move it too, by [`super::decide`].

use serde_json::json;

use super::Routine;
use crate::domain::enrollment::{Enrollment, Status};
use crate::domain::error::Error;
use crate::domain::ids::EnrollmentId;
use crate::domain::time::Timestamp;

impl Routine<'_> {
    /// Sets the status that a user asks for. Returns the enrollment as it stands afterwards, and whether the status is another one.
    ///
    /// [`Error::NotFound`] if there is no such enrollment. [`Error::Conflict`] if the accept, or its absence, rules the status out.
    pub fn set_status_by_user(
        &mut self,
        id: &EnrollmentId,
        status: Status,
    ) -> Result<(Enrollment, bool), Error> {
        let mut e = self.existing(id)?;
        allowed(&e, status)?;
        let changes = e.status != status;
        if changes {
            self.set_status(&mut e, status, self.now)?;
        }
        Ok((e, changes))
    }

    /// Sets a status that was told by a user or a provider at `at`.
    pub fn set_status(
        &mut self,
        e: &mut Enrollment,
        status: Status,
        at: Timestamp,
    ) -> Result<(), Error> {
        if e.status.is_closed() && !status.is_closed() {
            // It is open again: its invite may be older than anything that was polled for since.
            self.tx.schedule_check(&e.account, true, self.now)?;
        }
        e.status = status;
        e.status_at = Some(at);
        self.tx.update_enrollment(e)?;
        let told = json!({
            "enrollmentId": e.id, "accountId": e.account, "campaignId": e.campaign, "status": e.status,
        });
        self.tx.record_change("stamp", &told, self.now)
    }

    /// Notes that the status was still known to hold at `at`, so that an older word does not override it.
    pub fn confirm_status(&mut self, e: &mut Enrollment, at: Timestamp) -> Result<(), Error> {
        if e.status_at < Some(at) {
            e.status_at = Some(at);
            self.tx.update_enrollment(e)?;
        }
        Ok(())
    }
}

/// Says in words what the database would refuse too.
fn allowed(e: &Enrollment, status: Status) -> Result<(), Error> {
    if e.accept.is_none() && status.needs_accept() {
        return Err(Error::conflict(
            "not-accepted",
            format!(
                "{status} needs an accept, and there is none. Stamp it by hand if you know better."
            ),
        ));
    }
    if e.accept.is_some() && status.needs_no_accept() {
        return Err(Error::conflict(
            "already-accepted",
            format!("It has been accepted, so it can't be {status} again."),
        ));
    }
    Ok(())
}
