//! The ids of accounts, enrollments and campaigns. They are validated where they enter the program.

use std::fmt;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;
use uuid::Uuid;

/// A string that is not a valid id. The message says what is allowed.
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
            /// Validates the length and the characters.
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

            /// Returns the id as text.
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
    /// The provider's id of one LinkedIn account. It contains no `:`, so that dedupe keys are unambiguous.
    AccountId, "an account id", 128, false
);
id!(
    /// The id of one prospect in one campaign, chosen by the caller.
    EnrollmentId, "an enrollment id", 256, true
);
id!(
    /// The id of a campaign, chosen by the engine.
    CampaignId, "a campaign id", 256, true
);

impl CampaignId {
    /// The campaign of enrollments that name no campaign.
    #[must_use]
    pub fn unassigned() -> Self {
        Self("unassigned".to_owned())
    }

    /// Derives the id of a campaign that is known only by its name. The same name always gives the same id; surrounding white
    /// space and Unicode composition do not matter.
    #[must_use]
    pub fn of_name(name: &str) -> Self {
        let name: String = name.trim().nfc().collect();
        let id = Uuid::new_v5(
            &Uuid::NAMESPACE_URL,
            format!("acceptd-campaign\n{name}").as_bytes(),
        );
        Self(format!("camp_{}", id.simple()))
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

    #[test]
    fn a_campaign_that_has_only_a_name() {
        let id = CampaignId::of_name("Fründe Q2");
        assert_eq!(id, CampaignId::of_name(" Fru\u{308}nde Q2\n"));
        assert_eq!(id.as_str(), "camp_94367d255acf5abe9c9c4f87647b1179");
        for other in ["fründe q2", "Fründe Q 2", "Frunde Q2", ""] {
            assert_ne!(id, CampaignId::of_name(other));
        }
    }
}
