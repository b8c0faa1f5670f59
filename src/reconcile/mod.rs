//! The stamping routine: resolve, decide, stamp. Every source hands its signals to a [`Routine`], which runs inside the writer's
//! transaction. Nothing else writes `accepted_at` or an accept event.
//!
//! A [`Routine`] is also the only way to change enrollments, campaigns, resyncs and the state of polling. Its methods are the
//! changes that exist. [`AuditedWrites`] runs those that a person or a program asks for.

mod again;
mod announce;
mod audited;
mod campaign;
pub mod decide;
mod enroll;
mod health;
mod import;
mod invite;
mod ledger;
mod listed;
mod listed_leads;
mod outbox;
mod policy;
mod polling;
mod report;
pub mod resolve;
mod stamp;
mod status;
mod step;

use std::cell::RefCell;
use std::sync::{Arc, PoisonError, RwLock};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

pub use announce::invite_data;
pub use audited::{AuditedWrites, Effect, RowResult};
pub use campaign::CampaignChange;
pub use enroll::{EnrollOutcome, Enrolled, Upsert};
pub use import::{FileRow, TakenBack};
pub use invite::InviteResult;
pub use ledger::LedgerEntry;
pub use listed::Listed;
pub use outbox::TestEvent;
pub use policy::{AccountPolicy, Accounts, Facts, Policy, Route, StepCap};
pub use report::{Report, Stamp, Warning};

use crate::clock::Clock;
use crate::domain::error::Error;
use crate::domain::ids::EnrollmentId;
use crate::domain::note::NoteKey;
use crate::domain::time::Timestamp;
use crate::store::{Reader, Store, Tx};

/// Receives what was committed.
pub trait ReconcileObserver: Send + Sync + 'static {
    /// A transaction is on disk.
    fn committed(&self, report: &Report);
}

/// The routine inside one transaction.
pub struct Routine<'a> {
    tx: &'a Tx<'a>,
    policy: &'a Policy,
    now: Timestamp,
    note_key: &'a NoteKey,
    /// Seeded before the transaction, so that a repeated run draws the same numbers.
    random: RefCell<StdRng>,
    /// The enrollments that are new or gained an identity. Stored evidence may be about them.
    evidence_wanted_for: Vec<EnrollmentId>,
    report: Report,
}

impl<'a> Routine<'a> {
    /// The database as it stands in this transaction.
    #[must_use]
    pub fn read(&self) -> &'a Reader<'a> {
        self.tx
    }

    /// The time of this transaction.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// The key that notes are hashed with.
    #[must_use]
    pub fn note_key(&self) -> &'a NoteKey {
        self.note_key
    }

    /// Adds a warning, which is logged after the commit.
    pub fn warn(&mut self, warning: Warning) {
        self.report.warnings.push(warning);
    }

    /// Erases a person from every table; the dedupe keys of their events stay.
    pub fn erase(&mut self, id: &EnrollmentId) -> Result<(), Error> {
        self.tx.erase_enrollment(id, self.now)
    }

    /// Runs a part of the transaction, and undoes it alone if it fails.
    fn alone<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<T, Error> {
        let (stamps, signals, evidence_wanted_for) = (
            self.report.stamps.len(),
            self.report.signals.len(),
            self.evidence_wanted_for.len(),
        );
        let done = self.tx.part(|| work(self));
        if done.is_err() {
            self.report.stamps.truncate(stamps);
            self.report.signals.truncate(signals);
            self.evidence_wanted_for.truncate(evidence_wanted_for);
        }
        done
    }

    /// A random number from 0 to 1.
    fn random_part(&self) -> f64 {
        self.random.borrow_mut().random()
    }
}

/// The way to run the routine from anywhere. Cheap to clone.
#[derive(Clone)]
pub struct Reconciler {
    store: Store,
    clock: Clock,
    note_key: NoteKey,
    policy: Arc<RwLock<Arc<Policy>>>,
    witness: Arc<dyn ReconcileObserver>,
}

impl Reconciler {
    /// A reconciler that writes to `store` by the rules of `policy`.
    #[must_use]
    pub fn new(
        store: Store,
        clock: Clock,
        note_key: NoteKey,
        policy: Policy,
        witness: Arc<dyn ReconcileObserver>,
    ) -> Self {
        Self {
            store,
            clock,
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

    /// Runs `work` in one transaction. When this returns, the changes are on disk, in the log and in the metrics, and the parts of
    /// the daemon that have something to do because of them were woken. `work` may be run more than once; see [`Store::write`].
    ///
    /// Returns the error of `work`, or [`Error::Unavailable`] if the commit failed. Nothing was stored then.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl Fn(&mut Routine<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (policy, clock, note_key) = (self.policy(), self.clock.clone(), self.note_key.clone());
        let seed: u64 = rand::random();
        let (value, report) = self
            .store
            .write(move |tx| {
                let mut routine = Routine {
                    tx,
                    policy: &policy,
                    now: clock.now(),
                    note_key: &note_key,
                    random: RefCell::new(StdRng::seed_from_u64(seed)),
                    evidence_wanted_for: Vec::new(),
                    report: Report::default(),
                };
                let value = work(&mut routine)?;
                // After all rows of an upsert, because their order must not decide which of them a signal is about.
                routine.retry_evidence()?;
                Ok((value, routine.report))
            })
            .await?;
        report.log();
        self.witness.committed(&report);
        Ok(value)
    }
}
