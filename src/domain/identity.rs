//! LinkedIn identities: what an id, a URL or a urn says about who a person is (contract section 5.1).

use serde::{Deserialize, Serialize};

/// What is known of who a person is; any part may be unknown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Identity {
    /// A profile id (`ACo…`) or an opaque provider id, case kept, compared whole.
    pub provider_id: Option<String>,
    /// The member number, where a profile id or a urn gives it.
    pub member_number: Option<i64>,
    /// A Sales Navigator or Recruiter id (`ACw…`, `AEM…`), case kept.
    pub sales_id: Option<String>,
    /// The member number, where a Sales Navigator or Recruiter id gives it.
    pub sales_number: Option<i64>,
    /// The public identifier as it is compared: percent-decoded, NFC, lower-case.
    pub public_identifier: Option<String>,
}

impl Identity {
    /// The known member numbers, of either origin.
    pub fn numbers(&self) -> impl Iterator<Item = i64> {
        self.member_number.into_iter().chain(self.sales_number)
    }

    /// The member number, of either origin.
    #[must_use]
    pub fn number(&self) -> Option<i64> {
        self.member_number.or(self.sales_number)
    }
}
