//! The pacer: the only maker of a [`Permit`]. Two calls for one account are never closer than its spacing, counted from the end
//! of the one to the start of the next, whatever asked for them (contract section 9).
//!
//! The floor is in the database, so it holds over restarts: the start of a call is on disk before its permit exists, and a call
//! that a dead process left unfinished counts as ending when the next process starts. Beside it, a steady clock of this process
//! guards against a clock that is stepped forward: from the end of a call, or from the first wish to call after a start. Only a
//! step between an end and that first wish of a later process can't be told from time that went by.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::Permit;
use crate::clock::Clock;
use crate::domain::ids::AccountId;
use crate::domain::time::Timestamp;
use crate::store::{Error, PaceRow, Store, Tx};

/// The longest back-off after failures in a row.
const BACKOFF_MAX: Duration = Duration::from_secs(6 * 3_600);

/// The pace that is in force for one account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Least time between two calls.
    pub spacing: Duration,
    /// The most that is randomly added to it.
    pub spacing_jitter: Duration,
    /// Calls per UTC day.
    pub daily_budget: u32,
    /// No call before this time: the next one within the active hours.
    pub not_before: Timestamp,
}

/// What there is to do for an account.
pub enum Choice<W> {
    /// A call, and the pace that is in force at the time it was chosen.
    Call(W, Pace),
    /// Nothing before this time; `None`: until something happens.
    Later(Option<Timestamp>),
}

/// The answer to a wish to call.
pub enum Grant<W> {
    /// The call may leave, now.
    Go(Permit, W),
    /// Not now. `spaced` when it is the pace that makes it wait until the time.
    Later {
        /// When to ask again.
        until: Option<Timestamp>,
        /// Whether there is a call that waits.
        spaced: bool,
    },
}

/// How a call ended, as far as the pace cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The provider answered as it should.
    Well,
    /// It asks for patience: back off, doubling from the spacing to six hours.
    Badly {
        /// `Retry-After`.
        retry_after: Option<Duration>,
    },
    /// It was not made: it could not leave in time. Its permit counts as used. Giving it back would need proof that not one byte was
    /// written, and would let a machine that is too slow to call in time try again and again without any pause.
    Unmade,
}

/// What the rows of an account allow at a time: `Ok` now, `Err` not before.
///
/// # Errors
/// When the account may be called at the earliest.
pub fn allowed(row: &PaceRow, pace: &Pace, now: Timestamp) -> Result<(), Timestamp> {
    let spaced = row.ended_at.map_or(now, |ended| {
        ended
            .plus(pace.spacing)
            .plus(Duration::from_millis(row.extra_ms.unsigned_abs()))
    });
    let mut earliest = spaced.max(row.backoff_until.unwrap_or(now));
    if row.calls_today(now) >= pace.daily_budget {
        earliest = earliest.max(Timestamp((now.utc_day() + 1) * 86_400_000));
    }
    earliest = earliest.max(pace.not_before);
    if earliest <= now {
        Ok(())
    } else {
        Err(earliest)
    }
}

/// What this process knows of the wait since an account's last call.
#[derive(Clone, Copy)]
struct LastEnd {
    /// The steady time when it was learnt.
    steady: Duration,
    /// What was over of the wait by then.
    gone: Duration,
    extra: Duration,
}

impl LastEnd {
    fn rest(self, spacing: Duration, steady: Duration) -> Option<Duration> {
        let gone = self.gone + steady.saturating_sub(self.steady);
        let rest = (spacing + self.extra).saturating_sub(gone);
        (!rest.is_zero()).then_some(rest)
    }
}

/// Hands out permits. Cheap to clone; there is one for each database.
#[derive(Clone)]
pub struct Pacer {
    store: Store,
    clock: Clock,
    last: Arc<Mutex<HashMap<AccountId, LastEnd>>>,
}

impl Pacer {
    /// Over a database; call [`Pacer::recover`] before the first permit.
    #[must_use]
    pub fn new(store: Store, clock: Clock) -> Self {
        Self {
            store,
            clock,
            last: Arc::default(),
        }
    }

    /// Calls that an earlier process left unfinished count as ending now.
    ///
    /// # Errors
    /// The store's.
    pub async fn recover(&self) -> Result<(), Error> {
        let clock = self.clock.clone();
        self.store
            .write(move |tx| tx.end_interrupted_calls(clock.now()))
            .await?;
        Ok(())
    }

    /// Lets one call for an account leave if `choose` finds something to do and the pace that it names allows it. Both are judged in the
    /// transaction that writes the start of the call, at the time that `choose` is given. When this returns [`Grant::Go`], that start
    /// is on disk; make the call at once and report its end with [`Pacer::ended`].
    ///
    /// # Errors
    /// The store's; no call may leave then.
    pub async fn permit<W: Send + 'static>(
        &self,
        account: &AccountId,
        choose: impl FnOnce(&Tx<'_>, Timestamp) -> Result<Choice<W>, Error> + Send + 'static,
    ) -> Result<Grant<W>, Error> {
        let (clock, named) = (self.clock.clone(), account.clone());
        // Not the store: a write that held the last handle to it would wait for itself.
        let last = Arc::clone(&self.last);
        let granted = self
            .store
            .write(move |tx| {
                let (now, steady) = (clock.now(), clock.steady());
                let (work, pace) = match choose(tx, now)? {
                    Choice::Call(work, pace) => (work, pace),
                    Choice::Later(until) => {
                        tx.set_next_check(&named, until)?;
                        return Ok(Err((until, false)));
                    }
                };
                let mut row = tx.pace(&named)?;
                if row.started_at.is_some() {
                    // One call at a time; its end makes the account be looked at again.
                    tx.set_next_check(&named, None)?;
                    return Ok(Err((None, true)));
                }
                let steady_wait = steady_wait(&last, &named, &row, pace.spacing, now, steady);
                if catch_up(&mut row, now) {
                    tx.set_pace(&named, &row)?;
                }
                let wait = match (allowed(&row, &pace, now), steady_wait) {
                    (Ok(()), None) => None,
                    (Ok(()), Some(rest)) => Some(now.plus(rest)),
                    (Err(until), rest) => Some(until.max(now.plus(rest.unwrap_or_default()))),
                };
                if let Some(until) = wait {
                    tx.set_next_check(&named, Some(until))?;
                    return Ok(Err((Some(until), true)));
                }
                let today = now.utc_day();
                row.calls = row.calls_today(now) + 1;
                row.day = row.day.max(today);
                row.started_at = Some(now);
                // It is over. A later process, whose clock may be behind, must not wait for it again.
                row.backoff_until = None;
                tx.set_pace(&named, &row)?;
                tx.set_next_check(&named, None)?;
                Ok(Ok((work, steady)))
            })
            .await?;
        Ok(match granted {
            Ok((work, granted_at)) => {
                let permit = Permit::new(account.clone(), self.clock.clone(), granted_at);
                Grant::Go(permit, work)
            }
            Err((until, spaced)) => Grant::Later { until, spaced },
        })
    }

    /// A call ended. Until this is on disk the account counts as being called, so this keeps trying for as long as the database
    /// can't be used.
    pub async fn ended(&self, account: &AccountId, pace: Pace, how: Ended) {
        let extra = pace.spacing_jitter.mul_f64(rand::random::<f64>());
        self.last
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(
                account.clone(),
                LastEnd {
                    steady: self.clock.steady(),
                    gone: Duration::ZERO,
                    extra,
                },
            );
        loop {
            let (named, clock) = (account.clone(), self.clock.clone());
            let written = self
                .store
                .write(move |tx| {
                    let now = clock.now();
                    let mut row = tx.pace(&named)?;
                    row.started_at = None;
                    row.ended_at = Some(now);
                    row.extra_ms = i64::try_from(extra.as_millis()).unwrap_or(i64::MAX);
                    back_off(&mut row, pace.spacing, how, now);
                    tx.set_pace(&named, &row)?;
                    tx.set_next_check(&named, Some(now))
                })
                .await;
            match written {
                Ok(()) => return,
                Err(error) => {
                    tracing::warn!(%account, %error, "the end of a call can't be stored; the account waits");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }
}

/// What is left of the spacing in time that really went by. Looked at inside the write: an end that was stored before it counts.
fn steady_wait(
    last: &Mutex<HashMap<AccountId, LastEnd>>,
    account: &AccountId,
    row: &PaceRow,
    spacing: Duration,
    now: Timestamp,
    steady: Duration,
) -> Option<Duration> {
    let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
    let known = match last.get(account) {
        Some(known) => *known,
        None => {
            let learnt = LastEnd {
                steady,
                gone: now.since(row.ended_at?),
                extra: Duration::from_millis(row.extra_ms.unsigned_abs()),
            };
            last.insert(account.clone(), learnt);
            learnt
        }
    };
    known.rest(spacing, steady)
}

/// Where the clock is behind the stored times, the waits start anew, a back-off at its full length; a day far ahead becomes
/// tomorrow, so that its calls still count but not for longer. Whether anything changed.
fn catch_up(row: &mut PaceRow, now: Timestamp) -> bool {
    let mut changed = false;
    if let Some(ended) = row.ended_at.filter(|ended| *ended > now) {
        row.ended_at = Some(now);
        row.backoff_until = row.backoff_until.map(|at| now.plus(at.since(ended)));
        changed = true;
    }
    let tomorrow = now.utc_day() + 1;
    if row.day > tomorrow {
        row.day = tomorrow;
        changed = true;
    }
    changed
}

fn back_off(row: &mut PaceRow, spacing: Duration, how: Ended, now: Timestamp) {
    let retry_after = match how {
        Ended::Badly { retry_after } => retry_after,
        Ended::Well => {
            row.backoff_ms = 0;
            row.backoff_until = None;
            return;
        }
        // It says nothing of the provider.
        Ended::Unmade => return,
    };
    let before = Duration::from_millis(row.backoff_ms.unsigned_abs());
    let next = (before * 2).max(spacing).min(BACKOFF_MAX.max(spacing));
    row.backoff_ms = i64::try_from(next.as_millis()).unwrap_or(i64::MAX);
    row.backoff_until = Some(now.plus(next.max(retry_after.unwrap_or_default())));
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_790_000_000_000);
    const MINUTE: Duration = Duration::from_secs(60);

    fn pace() -> Pace {
        Pace {
            spacing: MINUTE,
            spacing_jitter: Duration::ZERO,
            daily_budget: 2,
            not_before: Timestamp(0),
        }
    }

    #[test]
    fn a_call_waits_for_all_that_holds_it() {
        let mut row = PaceRow::default();
        assert_eq!(allowed(&row, &pace(), NOW), Ok(()));

        row.ended_at = Some(NOW);
        row.extra_ms = 5_000;
        let spaced = NOW.plus(Duration::from_secs(65));
        assert_eq!(allowed(&row, &pace(), NOW), Err(spaced));
        assert_eq!(
            allowed(&row, &pace(), Timestamp(spaced.0 - 1)),
            Err(spaced),
            "a millisecond early"
        );
        assert_eq!(allowed(&row, &pace(), spaced), Ok(()));

        row.backoff_until = Some(NOW.plus(MINUTE * 10));
        assert_eq!(
            allowed(&row, &pace(), spaced),
            Err(NOW.plus(MINUTE * 10)),
            "a back-off"
        );

        (row.day, row.calls) = (NOW.utc_day(), 2);
        let midnight = Timestamp((NOW.utc_day() + 1) * 86_400_000);
        assert_eq!(allowed(&row, &pace(), NOW), Err(midnight), "the budget");
        assert_eq!(allowed(&row, &pace(), midnight), Ok(()));

        let mut closed = pace();
        closed.not_before = midnight.plus(MINUTE);
        assert_eq!(
            allowed(&row, &closed, midnight),
            Err(closed.not_before),
            "the active hours"
        );
    }

    #[test]
    fn failures_double_the_back_off_to_six_hours() {
        let mut row = PaceRow::default();
        let mut minutes = Vec::new();
        for _ in 0..11 {
            back_off(&mut row, MINUTE, Ended::Badly { retry_after: None }, NOW);
            minutes.push(row.backoff_until.expect("a back-off").since(NOW).as_secs() / 60);
        }
        assert_eq!(minutes, [1, 2, 4, 8, 16, 32, 64, 128, 256, 360, 360]);

        back_off(&mut row, MINUTE, Ended::Well, NOW);
        assert_eq!(row, PaceRow::default(), "a call that works ends it");
    }

    #[test]
    fn a_call_that_was_not_made_neither_starts_nor_ends_a_back_off() {
        let mut row = PaceRow::default();
        back_off(&mut row, MINUTE, Ended::Unmade, NOW);
        assert_eq!(row, PaceRow::default());
        back_off(&mut row, MINUTE, Ended::Badly { retry_after: None }, NOW);
        let failed = row.clone();
        back_off(&mut row, MINUTE, Ended::Unmade, NOW);
        assert_eq!(row, failed);
    }

    #[test]
    fn a_short_retry_after_does_not_end_the_doubling() {
        let mut row = PaceRow::default();
        for minutes in [1, 2, 4] {
            let retry_after = Some(Duration::ZERO);
            back_off(&mut row, MINUTE, Ended::Badly { retry_after }, NOW);
            assert_eq!(row.backoff_until, Some(NOW.plus(MINUTE * minutes)));
        }
    }

    #[test]
    fn retry_after_is_honoured_and_outlives_a_step_backward() {
        let mut row = PaceRow {
            ended_at: Some(NOW),
            ..PaceRow::default()
        };
        let retry_after = Some(MINUTE * 90);
        back_off(&mut row, MINUTE, Ended::Badly { retry_after }, NOW);
        assert_eq!(row.backoff_until, Some(NOW.plus(MINUTE * 90)));

        let behind = NOW.minus(Duration::from_secs(1));
        assert!(catch_up(&mut row, behind));
        assert_eq!(row.backoff_until, Some(behind.plus(MINUTE * 90)));
        assert!(!catch_up(&mut row, behind), "once");
    }

    #[test]
    fn a_clock_that_was_years_ahead_holds_an_account_for_two_days_at_most() {
        let mut row = PaceRow {
            day: NOW.utc_day() + 3_650,
            calls: 2,
            ..PaceRow::default()
        };
        assert!(catch_up(&mut row, NOW));
        assert_eq!(row.calls_today(NOW), 2, "its calls still count");
        assert_eq!(row.calls_today(NOW.plus(MINUTE * 60 * 48)), 0);
    }
}
