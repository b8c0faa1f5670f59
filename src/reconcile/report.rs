//! What one transaction of the routine did. It goes to the log and the metrics after the commit, because a write that is repeated
//! must not be logged twice.

use crate::domain::enrollment::Accept;
use crate::domain::ids::{AccountId, CampaignId, EnrollmentId};
use crate::domain::signal::{Outcome, Source};
use crate::domain::time::Timestamp;

/// An accept or a first reply that was stamped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    /// The enrollment that was stamped.
    pub enrollment: EnrollmentId,
    /// Its account.
    pub account: AccountId,
    /// Its campaign.
    pub campaign: CampaignId,
    /// The accept.
    pub accept: Accept,
    /// Whether the accept was stamped now. If not, only a reply was added to an older accept.
    pub accepted: bool,
    /// The first reply, if it was stamped now.
    pub replied_at: Option<Timestamp>,
}

/// What one transaction of the routine did.
#[derive(Debug, Default)]
pub struct Report {
    /// The stamps.
    pub stamps: Vec<Stamp>,
    /// The source and the outcome of every signal.
    pub signals: Vec<(Source, Outcome)>,
    /// What an operator should know.
    pub warnings: Vec<Warning>,
}

/// Something that an operator should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Warning {
    /// A stored piece of evidence can't be read.
    UnreadableEvidence {
        /// The row of the ledger.
        signal: i64,
        /// Why not.
        error: String,
    },
    /// A row of an upsert can't be stored.
    RowNotStored {
        /// Why not.
        error: String,
    },
    /// A campaign's schedule can't be read, for example because this machine does not know its time zone.
    UnreadableSchedule {
        /// The campaign.
        campaign: CampaignId,
        /// Why not.
        error: String,
    },
    /// A next step was not queued because no day has room for it.
    NoDayForNextStep {
        /// The enrollment.
        enrollment: EnrollmentId,
        /// Its campaign.
        campaign: CampaignId,
    },
    /// The relations list of an account has page after page with nobody on it.
    EmptyRelationPages {
        /// The account.
        account: AccountId,
        /// How many pages in a row were empty.
        pages: u32,
    },
    /// The relations list of an account does not end.
    EndlessRelations {
        /// The account.
        account: AccountId,
        /// How many relations were read.
        relations: u32,
    },
}

impl Report {
    /// Writes the accepts and the warnings to the log.
    pub(super) fn log(&self) {
        for stamp in self.stamps.iter().filter(|s| s.accepted) {
            let accept = &stamp.accept;
            tracing::info!(
                enrollment = %stamp.enrollment,
                account = %stamp.account,
                campaign = %stamp.campaign,
                source = %accept.source,
                path = accept.path.map(|p| p.as_str()),
                accepted_at = %accept.at,
                precision = %accept.precision,
                lag_s = accept.detected_at.since(accept.at).as_secs(),
                late = accept.late,
                pre_connected = accept.pre_connected,
                backfill = accept.backfill,
                "accepted"
            );
        }
        self.warnings.iter().for_each(Warning::log);
    }
}

impl Warning {
    fn log(&self) {
        match self {
            Self::UnreadableEvidence { signal, error } => {
                tracing::warn!(signal, %error, "stored evidence can't be read and was not tried again");
            }
            Self::RowNotStored { error } => {
                tracing::error!(%error, "a row of an upsert could not be stored");
            }
            Self::UnreadableSchedule { campaign, error } => {
                tracing::warn!(%campaign, %error, "the schedule of a campaign can't be read; set it again");
            }
            Self::NoDayForNextStep {
                enrollment,
                campaign,
            } => {
                tracing::warn!(%enrollment, %campaign, "next step not queued: no day of the next ten years has room for it");
            }
            Self::EmptyRelationPages { account, pages } => {
                tracing::warn!(%account, pages, "the relations list has too many empty pages in a row; the poll ends unfinished");
            }
            Self::EndlessRelations { account, relations } => {
                tracing::warn!(%account, relations, "the relations list does not end; the poll stops here");
            }
        }
    }
}
