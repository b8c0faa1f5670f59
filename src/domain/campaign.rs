//! Campaigns: named groups of enrollments.

use serde::{Deserialize, Serialize};

use super::word_list::{UnknownWord, word_list};

/// The status of a campaign. The engine owns it, and acceptd mirrors it.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    strum::Display,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
#[strum(const_into_str, parse_err_ty = UnknownWord, parse_err_fn = UnknownWord::new::<CampaignStatus>)]
pub enum CampaignStatus {
    /// It has not started.
    Draft,
    /// It is running.
    Running,
    /// It is paused.
    Paused,
    /// It is completed.
    Completed,
    /// It is archived.
    Archived,
}

word_list!(CampaignStatus);

impl CampaignStatus {
    /// Whether its enrollments are not open: it has not started, or it is archived.
    #[must_use]
    pub fn is_closed(self) -> bool {
        matches!(self, Self::Draft | Self::Archived)
    }

    /// The status of a campaign that has a prospect with a usable identity. A draft runs by itself, unless a user set its status.
    #[must_use]
    pub fn with_prospects(self, was_set_by_user: bool) -> Self {
        match self {
            Self::Draft if !was_set_by_user => Self::Running,
            other => other,
        }
    }
}

/// What the stamping routine needs to know about a campaign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CampaignFacts {
    /// The name, if it has one.
    pub name: Option<String>,
    /// The current status.
    pub status: CampaignStatus,
    /// The `acceptWindow` in milliseconds: an accept later than this after the invite is `late`.
    pub accept_window_ms: Option<i64>,
    /// The schedule of its next steps, as JSON.
    pub schedule: Option<String>,
    /// The most next steps for one account and local day.
    pub daily_cap: Option<i64>,
}
