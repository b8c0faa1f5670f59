//! Finding the enrollments that may be a given person, by index. The caller decides which of them are.

use rusqlite::params;

use super::enrollments::enrollment;
use super::{Error, Reader};
use crate::domain::enrollment::Enrollment;
use crate::domain::identity::Identity;

impl Reader<'_> {
    /// Returns every enrollment, of any account, that shares an id, a member number or a public identifier with the person.
    pub fn candidates(&self, person: &Identity) -> Result<Vec<Enrollment>, Error> {
        let numbers: Vec<i64> = person.numbers().collect();
        let rows = self
            .conn
            .prepare_cached(
                "SELECT * FROM enrollments WHERE seq IN (
                   SELECT seq FROM enrollments WHERE provider_id IN (?1, ?2)
                   UNION SELECT seq FROM enrollments WHERE sales_id IN (?1, ?2)
                   UNION SELECT seq FROM enrollments WHERE invite_provider_id IN (?1, ?2)
                   UNION SELECT seq FROM enrollments WHERE member_number IN (?3, ?4)
                   UNION SELECT seq FROM enrollments WHERE sales_number IN (?3, ?4)
                   UNION SELECT seq FROM enrollments WHERE invite_number IN (?3, ?4)
                   UNION SELECT seq FROM enrollments WHERE public_identifier = ?5)
                 ORDER BY seq",
            )?
            .query_map(
                params![
                    person.provider_id,
                    person.sales_id,
                    numbers.first(),
                    numbers.last(),
                    person.public_identifier,
                ],
                enrollment,
            )?
            .collect::<Result<_, _>>()?;
        Ok(rows)
    }
}
