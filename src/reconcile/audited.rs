//! The door for changes that a user or a program asks for. Each change has a name here, needs to know who asks, and leaves one row
//! of the audit trail in its own transaction and one line in the log.
//!
//! A change that finds everything as it should be (an upsert with nothing new, a status that is set already) leaves neither. A
//! request for work, such as a resync or a replay, always does.

use serde_json::json;

use super::{CampaignChange, Enrolled, InviteResult, Reconciler, Routine, TestEvent, Upsert};
use crate::domain::audit::{AuditContext, AuditEntry, Via};
use crate::domain::bad_input::BadInput;
use crate::domain::delivery::DeliveryState;
use crate::domain::enrollment::{Enrollment, Status};
use crate::domain::error::Error;
use crate::domain::ids::{CampaignId, EnrollmentId};
use crate::domain::signal::{Claim, Person, Precision, Signal, Source, Subject};
use crate::domain::time::Timestamp;
use crate::store::{BulkReplayStart, CampaignRow, DeliveryRow, SessionBounds, SessionRow};

/// What became of one row of an upsert.
pub type RowResult = Result<Enrolled, BadInput>;

/// Whether a write changed anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It did, or asked for work that will be done.
    Changed,
    /// Everything was as it should be.
    Unchanged,
}

impl Effect {
    fn of(changed: bool) -> Self {
        if changed {
            Self::Changed
        } else {
            Self::Unchanged
        }
    }
}

/// Runs changes and records them. Cheap to clone.
#[derive(Clone)]
pub struct AuditedWrites(Reconciler);

impl AuditedWrites {
    /// Changes are made through `reconciler`.
    #[must_use]
    pub fn new(reconciler: Reconciler) -> Self {
        Self(reconciler)
    }

    /// Runs `work` and records it as one change of `subject`. Callers use the named changes of this type and of
    /// [`crate::poll::resync`].
    pub async fn make<T: Send + 'static>(
        &self,
        context: AuditContext,
        subject: Option<String>,
        work: impl Fn(&mut Routine<'_>) -> Result<(T, Effect), Error> + Send + 'static,
    ) -> Result<T, Error> {
        let entry = AuditEntry { context, subject };
        let logged = entry.clone();
        let reconciler = self.0.clone();
        let change = async move {
            let (value, effect) = reconciler
                .run(move |routine| {
                    let (value, effect) = work(routine)?;
                    if effect == Effect::Changed {
                        routine.tx.insert_audit(&entry, routine.now)?;
                    }
                    Ok((value, effect))
                })
                .await?;
            if effect == Effect::Changed {
                log(&logged);
            }
            Ok(value)
        };
        // In a task of its own, so that the line is written even if the client hangs up during the commit.
        let done = tokio::spawn(change).await;
        done.unwrap_or_else(|error| Err(Error::Internal(error.to_string())))
    }

    /// Records something that a user asked for and that changed nothing in the database, such as a reload.
    pub async fn record(&self, context: AuditContext) -> Result<(), Error> {
        self.make(context, None, |_| Ok(((), Effect::Changed)))
            .await
    }

    /// Stores the rows of an upsert. A bad row is reported and the others are stored.
    pub async fn upsert(
        &self,
        context: AuditContext,
        rows: Vec<Result<Upsert, BadInput>>,
    ) -> Result<Vec<RowResult>, Error> {
        let subject = match &rows[..] {
            [Ok(row)] => Some(row.id.to_string()),
            _ => None,
        };
        let together = {
            let rows = rows.clone();
            let all = move |routine: &mut Routine<'_>| {
                let stored = rows.iter().map(|row| enroll_row(routine, row));
                stored.collect::<Result<Vec<_>, _>>().map(with_effect)
            };
            self.make(context.clone(), subject.clone(), all).await
        };
        match together {
            // One of the rows is impossible in a way that nobody foresaw. It must fail alone.
            Err(Error::Internal(_)) if rows.len() > 1 => {
                let each = move |routine: &mut Routine<'_>| {
                    let stored = rows.iter().map(|row| enroll_alone(routine, row));
                    stored.collect::<Result<Vec<_>, _>>().map(with_effect)
                };
                self.make(context, subject, each).await
            }
            other => other,
        }
    }

    /// Begins an import. Returns its number. Its rows are stored later, in steps that are not recorded one by one.
    pub async fn begin_import(
        &self,
        context: AuditContext,
        id: String,
        about: String,
        rows_total: u64,
    ) -> Result<i64, Error> {
        self.make(context, Some(id.clone()), move |routine| {
            let import = routine.begin_import(&id, &about, rows_total)?;
            Ok((import, Effect::Changed))
        })
        .await
    }

    /// Records that an import is taken back. The steps follow.
    pub async fn note_take_back(&self, context: AuditContext, import: String) -> Result<(), Error> {
        self.make(context, Some(import), |_| Ok(((), Effect::Changed)))
            .await
    }

    /// The routine, for the steps of a change whose beginning was recorded.
    #[must_use]
    pub fn reconciler(&self) -> &Reconciler {
        &self.0
    }

    /// Sets the status of an enrollment. Returns the enrollment as it stands afterwards.
    pub async fn set_status(
        &self,
        context: AuditContext,
        id: EnrollmentId,
        status: Status,
    ) -> Result<Enrollment, Error> {
        self.make(context, Some(id.to_string()), move |routine| {
            let (e, changed) = routine.set_status_by_user(&id, status)?;
            Ok((e, Effect::of(changed)))
        })
        .await
    }

    /// Erases a person from every table.
    pub async fn erase(&self, context: AuditContext, id: EnrollmentId) -> Result<(), Error> {
        self.make(context, Some(id.to_string()), move |routine| {
            routine.erase(&id)?;
            Ok(((), Effect::Changed))
        })
        .await
    }

    /// Stamps an enrollment by hand. Returns it as it stands afterwards.
    pub async fn stamp_by_hand(
        &self,
        context: AuditContext,
        id: EnrollmentId,
        at: Option<Timestamp>,
        reason: String,
    ) -> Result<Enrollment, Error> {
        self.make(context, Some(id.to_string()), move |routine| {
            let signal = Signal {
                source: Source::Manual,
                account: routine.existing(&id)?.account,
                received_at: routine.now,
                subject: Subject::Enrollment(id.clone()),
                person: Person::default(),
                claim: Claim::of(at, Precision::Exact),
                raw: json!({"enrollmentId": id, "at": at, "reason": reason}).to_string(),
            };
            routine.apply(&signal, Some(&reason))?;
            Ok((routine.existing(&id)?, Effect::Changed))
        })
        .await
    }

    /// Queues the next step of an enrollment. Returns the enrollment as it stands afterwards.
    pub async fn queue_next_step(
        &self,
        context: AuditContext,
        id: EnrollmentId,
    ) -> Result<Enrollment, Error> {
        self.make(context, Some(id.to_string()), move |routine| {
            Ok((routine.queue_next_step(&id)?, Effect::Changed))
        })
        .await
    }

    /// Records what a sender got from the provider for an invite. Returns the enrollment as it stands afterwards.
    pub async fn invite_result(
        &self,
        context: AuditContext,
        result: InviteResult,
    ) -> Result<Enrollment, Error> {
        let subject = Some(result.enrollment.to_string());
        self.make(context, subject, move |routine| {
            Ok((routine.invite_result(&result)?, Effect::Changed))
        })
        .await
    }

    /// Changes a campaign, or creates it if `create`. Returns it as it stands afterwards, and whether it is new.
    pub async fn save_campaign(
        &self,
        context: AuditContext,
        id: CampaignId,
        change: CampaignChange,
        create: bool,
    ) -> Result<(CampaignRow, bool), Error> {
        self.make(context, Some(id.to_string()), move |routine| {
            let saved = routine.save_campaign(&id, &change, create)?;
            Ok(((saved.row, saved.is_new), Effect::of(saved.changed)))
        })
        .await
    }

    /// Tests a destination. Returns the delivery of the test.
    pub async fn test_destination(
        &self,
        context: AuditContext,
        test: TestEvent,
    ) -> Result<DeliveryRow, Error> {
        let subject = Some(test.destination.clone());
        self.make(context, subject, move |routine| {
            Ok((routine.test_destination(&test)?, Effect::Changed))
        })
        .await
    }

    /// Starts a destination again that its receiver stopped.
    pub async fn start_destination(
        &self,
        context: AuditContext,
        name: String,
    ) -> Result<(), Error> {
        self.make(context, Some(name.clone()), move |routine| {
            Ok((routine.start_destination(&name)?, Effect::Changed))
        })
        .await
    }

    /// Sends a delivery again. Returns it as it stands afterwards.
    pub async fn replay_delivery(
        &self,
        context: AuditContext,
        id: i64,
    ) -> Result<DeliveryRow, Error> {
        self.make(context, Some(id.to_string()), move |routine| {
            Ok((routine.replay_delivery(id)?, Effect::Changed))
        })
        .await
    }

    /// Sends every delivery in a state again, of one destination or of all. Makes up to `limit` of them pending at once.
    pub async fn replay_deliveries(
        &self,
        context: AuditContext,
        state: DeliveryState,
        destination: Option<String>,
        limit: usize,
    ) -> Result<BulkReplayStart, Error> {
        let subject = destination.clone();
        self.make(context, subject, move |routine| {
            let asked = routine.replay_deliveries(state, destination.as_deref(), limit)?;
            Ok((asked, Effect::Changed))
        })
        .await
    }

    /// Begins a session of the dashboard.
    pub async fn begin_session(
        &self,
        context: AuditContext,
        row: SessionRow,
        bounds: SessionBounds,
    ) -> Result<(), Error> {
        self.make(context, None, move |routine| {
            routine.tx.begin_session(&row, bounds)?;
            Ok(((), Effect::Changed))
        })
        .await
    }

    /// Ends the sessions with these hashes of their ids.
    pub async fn end_sessions(
        &self,
        context: AuditContext,
        hashes: Vec<[u8; 32]>,
    ) -> Result<(), Error> {
        self.make(context, None, move |routine| {
            let mut ended = false;
            for hash in &hashes {
                ended |= routine.tx.end_session(hash)?;
            }
            Ok(((), Effect::of(ended)))
        })
        .await
    }
}

/// Writes the line of an entry, after the commit.
fn log(entry: &AuditEntry) {
    let context = &entry.context;
    tracing::info!(
        actor = context.actor,
        via = context.via.map(Via::as_str),
        action = context.action,
        subject = entry.subject,
        peer = context.peer.map(|ip| ip.to_string()),
        "change made"
    );
}

/// Stores one row of an upsert. The outer error ends the whole upsert.
fn enroll_row(
    routine: &mut Routine<'_>,
    row: &Result<Upsert, BadInput>,
) -> Result<RowResult, Error> {
    let row = match row {
        Ok(row) => row,
        Err(bad) => return Ok(Err(bad.clone())),
    };
    match routine.enroll(row) {
        Ok(enrolled) => Ok(Ok(enrolled)),
        Err(Error::BadInput(bad)) => Ok(Err(bad)),
        Err(Error::Conflict { detail, .. }) => Ok(Err(BadInput::body(detail))),
        Err(error) => Err(error),
    }
}

/// The same for a row whose failure is undone alone.
fn enroll_alone(
    routine: &mut Routine<'_>,
    row: &Result<Upsert, BadInput>,
) -> Result<RowResult, Error> {
    let alone = routine.alone(|routine| {
        let stored = enroll_row(routine, row)?;
        routine.retry_evidence()?;
        Ok(stored)
    });
    match alone {
        Err(Error::Internal(error)) => {
            routine.warn(super::Warning::RowNotStored { error });
            Ok(Err(BadInput::body(
                "This row can't be stored; the log says why.",
            )))
        }
        other => other,
    }
}

fn with_effect(results: Vec<RowResult>) -> (Vec<RowResult>, Effect) {
    let changed = results
        .iter()
        .any(|result| result.as_ref().is_ok_and(|row| row.wrote));
    (results, Effect::of(changed))
}
