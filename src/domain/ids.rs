//! The ids of accounts, enrollments and campaigns, checked where they enter (contract section 1).

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a string is no id. The text says what is allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} must have 1 to {max} characters, {more}no control characters")]
pub struct BadId {
    what: &'static str,
    max: usize,
    more: &'static str,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $what:literal, $max:literal, $colon:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Checks the length and the characters.
            ///
            /// # Errors
            /// [`BadId`] with what is allowed.
            pub fn parse(text: &str) -> Result<Self, BadId> {
                let bad = || BadId {
                    what: $what,
                    max: $max,
                    more: if $colon { "" } else { "no ':', " },
                };
                let length = text.chars().take($max + 1).count();
                if length == 0
                    || length > $max
                    || text.chars().any(char::is_control)
                    || (!$colon && text.contains(':'))
                {
                    return Err(bad());
                }
                Ok(Self(text.to_owned()))
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadId;
            fn try_from(text: String) -> Result<Self, BadId> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", self.0)
            }
        }
    };
}

id!(
    /// The provider's id of one LinkedIn account. Has no `:`, so that dedupe keys are unambiguous.
    AccountId, "an account id", 128, false
);
id!(
    /// The caller's own id of one prospect in one campaign.
    EnrollmentId, "an enrollment id", 256, true
);
id!(
    /// The engine's id of a campaign.
    CampaignId, "a campaign id", 256, true
);

impl CampaignId {
    /// The campaign of enrollments that name none (contract section 1).
    #[must_use]
    pub fn unassigned() -> Self {
        Self("unassigned".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits() {
        assert!(AccountId::parse("acc_1").is_ok());
        assert!(AccountId::parse("a:b").is_err());
        assert!(EnrollmentId::parse("a:b").is_ok());
        assert!(AccountId::parse("").is_err());
        assert!(AccountId::parse(&"ä".repeat(128)).is_ok());
        assert!(AccountId::parse(&"a".repeat(129)).is_err());
        assert!(CampaignId::parse("a\u{7}").is_err());
    }
}
