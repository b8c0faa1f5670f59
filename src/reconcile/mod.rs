//! The one stamping routine: resolve, decide, stamp. Every source hands its signals to a [`Routine`], which runs inside the
//! writer's transaction; nothing else writes `accepted_at` or an accept event.

mod again;
mod announce;
pub mod decide;
mod enroll;
mod health;
mod invite;
mod ledger;
mod listed;
mod policy;
pub mod resolve;
mod stamp;
mod step;

use std::sync::{Arc, PoisonError, RwLock};

pub use announce::invite_data;
pub use enroll::{EnrollOutcome, Enrolled, Upsert};
pub use invite::InviteResult;
pub use ledger::Noted;
pub use listed::Listed;
pub use policy::{AccountPolicy, Accounts, Facts, Policy, Route, StepCap};

use crate::clock::Clock;
use crate::domain::enrollment::Accept;
use crate::domain::ids::{AccountId, CampaignId, EnrollmentId};
use crate::domain::note::NoteKey;
use crate::domain::signal::{Outcome, Source};
use crate::domain::time::Timestamp;
use crate::store::{Error, Store, Tx};
use crate::wake::Wakes;

/// One accept or first reply that was stamped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    /// Whose.
    pub enrollment: EnrollmentId,
    /// Its account.
    pub account: AccountId,
    /// Its campaign.
    pub campaign: CampaignId,
    /// The accept.
    pub accept: Accept,
    /// Whether the accept was stamped now, or only a reply to one that was there.
    pub accepted: bool,
    /// The first reply, where it was stamped now.
    pub replied_at: Option<Timestamp>,
}

/// What a run of the routine did; told to the log and the metrics only after the commit.
#[derive(Debug, Default)]
pub struct Report {
    /// The stamps.
    pub stamps: Vec<Stamp>,
    /// Every signal with its outcome.
    pub signals: Vec<(Source, Outcome)>,
    /// Whether somebody is to be looked for who was not before.
    pub look: bool,
    /// Whether a next step or an open invite may be due at another time than before.
    pub steps: bool,
}

/// Who wants to know of what was committed.
pub trait Witness: Send + Sync + 'static {
    /// A transaction is on disk.
    fn committed(&self, report: &Report);
}

/// The routine inside one transaction.
pub struct Routine<'a> {
    /// The transaction.
    pub tx: &'a Tx<'a>,
    /// The rules.
    pub policy: &'a Policy,
    /// Now.
    pub now: Timestamp,
    /// The key that notes are hashed with.
    pub note_key: &'a NoteKey,
    /// The enrollments that are new or gained an identity: evidence that came before may be about them.
    waited_for: Vec<EnrollmentId>,
    /// What was done so far.
    pub report: Report,
}

/// The way to run the routine from anywhere. Cheap to clone.
#[derive(Clone)]
pub struct Reconciler {
    store: Store,
    clock: Clock,
    wakes: Wakes,
    note_key: NoteKey,
    policy: Arc<RwLock<Arc<Policy>>>,
    witness: Arc<dyn Witness>,
}

impl Reconciler {
    /// Over a store, by the rules of `policy`.
    #[must_use]
    pub fn new(
        store: Store,
        clock: Clock,
        wakes: Wakes,
        note_key: NoteKey,
        policy: Policy,
        witness: Arc<dyn Witness>,
    ) -> Self {
        Self {
            store,
            clock,
            wakes,
            note_key,
            policy: Arc::new(RwLock::new(Arc::new(policy))),
            witness,
        }
    }

    /// The rules in force.
    #[must_use]
    pub fn policy(&self) -> Arc<Policy> {
        self.policy
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Puts other rules in force, for every transaction that begins from now on.
    pub fn set_policy(&self, policy: Policy) {
        *self.policy.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(policy);
    }

    /// The key that notes are hashed with.
    #[must_use]
    pub fn note_key(&self) -> &NoteKey {
        &self.note_key
    }

    /// The store that the routine writes to.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Runs `work` in one transaction. When it returns, what was done is on disk, in the log and in the metrics, and whoever has
    /// to act on it was woken.
    ///
    /// # Errors
    /// What `work` returned, or [`Error::Unavailable`] when the commit failed; nothing was stored then.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Routine<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (policy, clock, note_key) = (self.policy(), self.clock.clone(), self.note_key.clone());
        let (value, report) = self
            .store
            .write(move |tx| {
                let mut routine = Routine {
                    tx,
                    policy: &policy,
                    now: clock.now(),
                    note_key: &note_key,
                    waited_for: Vec::new(),
                    report: Report::default(),
                };
                let value = work(&mut routine)?;
                // Only now: of rows that come together, the order must not decide whose signal it is.
                routine.try_evidence_again()?;
                Ok((value, routine.report))
            })
            .await?;
        for stamp in report.stamps.iter().filter(|s| s.accepted) {
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
        if report.look {
            self.wakes.poll.activate();
        }
        if report.steps || !report.stamps.is_empty() {
            self.wakes.steps.activate();
        }
        self.witness.committed(&report);
        Ok(value)
    }
}
