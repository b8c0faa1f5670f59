//! Events about an enrollment or an account: their bodies, and which destinations want them.

use serde::Serialize;

use super::{Facts, Routine};
use crate::domain::campaign::CampaignFacts;
use crate::domain::enrollment::Enrollment;
use crate::domain::error::Error;
use crate::domain::event::{
    DisconnectedData, EventBody, EventType, InviteData, Prospect, disconnected_key,
};
use crate::domain::ids::AccountId;
use crate::domain::time::Timestamp;
use crate::store::{NewEvent, OpenScope};

/// Returns the data of an event about an enrollment as it stands.
#[must_use]
pub fn invite_data(key: &str, e: &Enrollment, campaign: &CampaignFacts) -> InviteData {
    let accept = e.accept.as_ref();
    InviteData {
        dedupe_key: key.to_owned(),
        enrollment_id: e.id.clone(),
        linkedin_account_id: e.account.clone(),
        campaign_id: e.campaign.clone(),
        campaign_name: campaign.name.clone(),
        prospect: Prospect {
            name: e.name.clone(),
            headline: e.headline.clone(),
            company: e.company.clone(),
            linkedin_url: e.linkedin_url.clone().or_else(|| e.identity.profile_url()),
            public_identifier: e.identity.public_identifier.clone(),
            provider_id: e
                .identity
                .provider_id
                .clone()
                .or_else(|| e.invite.provider_id.clone())
                .or_else(|| e.identity.sales_id.clone()),
        },
        invited_at: e.invite.at,
        accepted_at: accept.map(|a| a.at),
        accepted_at_precision: accept.map(|a| a.precision),
        detected_at: accept.map(|a| a.detected_at),
        seconds_to_accept: e.seconds_to_accept(),
        source: accept.map(|a| a.source),
        path: accept.and_then(|a| a.path),
        via_sibling: accept.is_some_and(|a| a.via_sibling),
        pre_connected: accept.is_some_and(|a| a.pre_connected),
        late: accept.is_some_and(|a| a.late),
        backfill: accept.is_some_and(|a| a.backfill),
        replied_at: e.replied_at,
        next_step_at: e.next_step_at,
        message_preview: None,
    }
}

impl Routine<'_> {
    /// Makes an event about an enrollment, with one delivery for each destination that wants it. Does nothing if the key was used
    /// before. A destination that wants no backfills does not get an event with `backfill`.
    pub(super) fn announce(
        &mut self,
        event_type: EventType,
        key: &str,
        e: &Enrollment,
        data: &InviteData,
        backfill: bool,
    ) -> Result<bool, Error> {
        let account_ids = self.tx.account_ids(&e.account)?;
        let facts = Facts {
            event_type,
            campaign: Some(&e.campaign),
            account_ids: &account_ids,
            pre_connected: data.pre_connected,
            backfill,
        };
        self.make(event_type, key, Some(e), &facts, data)
    }

    /// Makes the event `linkedin.account_disconnected`, once in an outage.
    pub fn announce_disconnected(
        &mut self,
        account: &AccountId,
        reason: &str,
        since: Timestamp,
    ) -> Result<(), Error> {
        let scope = OpenScope {
            since: self.now.minus(self.policy.horizon),
        };
        let data = DisconnectedData {
            linkedin_account_id: account.clone(),
            reason: reason.to_owned(),
            since,
            open_enrollments: self.tx.open_enrollments(account, scope)?,
        };
        let event_type = EventType::AccountDisconnected;
        let account_ids = self.tx.account_ids(account)?;
        let facts = Facts {
            event_type,
            campaign: None,
            account_ids: &account_ids,
            pre_connected: false,
            backfill: false,
        };
        let key = disconnected_key(account, since);
        self.make(event_type, &key, None, &facts, &data)?;
        Ok(())
    }

    fn make(
        &mut self,
        event_type: EventType,
        key: &str,
        enrollment: Option<&Enrollment>,
        facts: &Facts<'_>,
        data: &impl Serialize,
    ) -> Result<bool, Error> {
        let workspace = self.policy.workspace_of(facts.account_ids).to_owned();
        let body = EventBody::new(key, event_type, self.now, workspace, data);
        self.tx.make_event(&NewEvent {
            dedupe_key: key,
            event_type,
            enrollment: enrollment.map(|e| &e.id),
            body: &serde_json::to_string(&body)?,
            destinations: &self.policy.wanted_by(facts),
            now: self.now,
        })
    }
}
