//! The pacer, which alone makes a [`Permit`]. Two calls for one account are never closer than its spacing, from the end of one to the
//! start of the next, whatever asked for them.
//!
//! The times are in the database, so the rule holds over restarts: the start of a call is on disk before its permit exists, and a call
//! that a dead process left unfinished counts as ending when the next process starts. In addition, a monotonic clock guards against a
//! system clock that jumps forward: it runs from the end of a call, or from the first request for a permit after a start. Only a jump
//! between the end of a call and the first request in a later process can't be told from real time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Permit;
use crate::clock::Clock;
use crate::domain::ids::AccountId;
use crate::domain::time::Timestamp;
use crate::store::{Error, PaceRow, Store, Tx, retry_until_ok};

/// The longest back-off after failures in a row.
const BACKOFF_MAX: Duration = Duration::from_secs(6 * 3_600);

/// The pacing rules of one account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// The least time between two calls.
    pub spacing: Duration,
    /// The upper limit of the random time that is added to `spacing`.
    pub spacing_jitter: Duration,
    /// The most calls in one UTC day.
    pub daily_budget: u32,
    /// No call leaves before this time: the start of the next active hours.
    pub not_before: Timestamp,
}

/// The decision about an account's next call.
pub enum Choice<W> {
    /// Make this call, under this pace.
    Call(W, Pace),
    /// Make no call before this time. `None` means until something changes.
    Later(Option<Timestamp>),
}

/// The answer to a request for a permit.
pub enum Grant<W> {
    /// The call may be made now.
    Go(Permit, W),
    /// The call has to wait.
    Later {
        /// When to ask again.
        until: Option<Timestamp>,
        /// Whether a call is waiting for its pace. Otherwise there is no call to make.
        spaced: bool,
    },
}

/// How a call ended, as far as pacing is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallEnd {
    /// The provider answered normally.
    Succeeded,
    /// The provider failed: the account backs off, doubling from the spacing to six hours.
    Failed {
        /// The `Retry-After` header.
        retry_after: Option<Duration>,
    },
    /// The call says nothing about the account. Either the API key reached its limit, or the request was not written in time. Its permit still counts as used. Returning it would need proof that no byte was written, and
    /// would let a slow machine try again and again without a pause.
    Inconclusive,
}

/// Checks whether an account may be called now.
///
/// # Errors
/// The earliest time at which the account may be called.
pub fn check_pace(row: &PaceRow, pace: &Pace, now: Timestamp) -> Result<(), Timestamp> {
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

/// The end of an account's last call, on the monotonic clock of this process.
#[derive(Clone, Copy)]
struct LastCallEnd {
    /// The monotonic time at which the end was recorded here.
    steady: Duration,
    /// How much of the wait had elapsed by then.
    elapsed: Duration,
    extra: Duration,
}

impl LastCallEnd {
    fn rest(self, spacing: Duration, steady: Duration) -> Option<Duration> {
        let elapsed = self.elapsed + steady.saturating_sub(self.steady);
        let rest = (spacing + self.extra).saturating_sub(elapsed);
        (!rest.is_zero()).then_some(rest)
    }
}

/// Grants permits. Cheap to clone. Make one for each database.
#[derive(Clone)]
pub struct Pacer {
    store: Store,
    clock: Clock,
    last: Arc<Mutex<HashMap<AccountId, LastCallEnd>>>,
}

impl Pacer {
    /// Makes a pacer over a database. Call [`Pacer::recover`] before the first permit.
    #[must_use]
    pub fn new(store: Store, clock: Clock) -> Self {
        Self {
            store,
            clock,
            last: Arc::default(),
        }
    }

    /// Makes calls that an earlier process left unfinished count as ending now.
    pub async fn recover(&self) -> Result<(), Error> {
        let clock = self.clock.clone();
        self.store
            .write(move |tx| tx.end_interrupted_calls(clock.now()))
            .await?;
        Ok(())
    }

    /// Grants a permit if `choose` finds a call to make and its pace allows it. Both are judged in the transaction that writes the start of
    /// the call, at the time that is passed to `choose`. When this returns [`Grant::Go`], the start is on disk: make the call at once and
    /// report its end with [`Pacer::ended`].
    ///
    /// # Errors
    /// An error of the store. No call may be made then.
    pub async fn permit<W: Send + 'static>(
        &self,
        account: &AccountId,
        choose: impl Fn(&Tx<'_>, Timestamp) -> Result<Choice<W>, Error> + Send + 'static,
    ) -> Result<Grant<W>, Error> {
        let (clock, named) = (self.clock.clone(), account.clone());
        // The closure must not own the store: a write that holds the last handle to the store would wait for itself.
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
                    // One call at a time. Its end makes the account due again.
                    tx.set_next_check(&named, None)?;
                    return Ok(Err((None, true)));
                }
                let steady_wait = steady_wait(&last, &named, &row, pace.spacing, now, steady);
                if clamp_to_clock(&mut row, now) {
                    tx.set_pace(&named, &row)?;
                }
                let wait = match (check_pace(&row, &pace, now), steady_wait) {
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
                // The back-off has ended. A later process, whose clock may be behind, must not wait for it again.
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

    /// Records the end of a call. Until it is on disk the account counts as being called, so this retries while the database can't be used.
    pub async fn ended(&self, account: &AccountId, pace: Pace, how: CallEnd) {
        let extra = pace.spacing_jitter.mul_f64(rand::random::<f64>());
        let end = LastCallEnd {
            steady: self.clock.steady(),
            elapsed: Duration::ZERO,
            extra,
        };
        lock(&self.last).insert(account.clone(), end);
        retry_until_ok(
            &self.clock,
            "end of a provider call",
            account.as_str(),
            || async {
                let (named, clock) = (account.clone(), self.clock.clone());
                let last = Arc::clone(&self.last);
                self.store
                    .write(move |tx| {
                        let now = clock.now();
                        // The id may have become an alias during the call.
                        let named = tx.canonical_account(&named)?;
                        lock(&last).insert(named.clone(), end);
                        let mut row = tx.pace(&named)?;
                        row.started_at = None;
                        row.ended_at = Some(now);
                        row.extra_ms = i64::try_from(extra.as_millis()).unwrap_or(i64::MAX);
                        apply_backoff(&mut row, pace.spacing, how, now);
                        tx.set_pace(&named, &row)?;
                        tx.set_next_check(&named, Some(now))
                    })
                    .await
            },
        )
        .await;
    }
}

fn lock(
    last: &Mutex<HashMap<AccountId, LastCallEnd>>,
) -> MutexGuard<'_, HashMap<AccountId, LastCallEnd>> {
    last.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns what is left of the spacing on the monotonic clock. Called inside the write, so that an end that was stored before it counts.
fn steady_wait(
    last: &Mutex<HashMap<AccountId, LastCallEnd>>,
    account: &AccountId,
    row: &PaceRow,
    spacing: Duration,
    now: Timestamp,
    steady: Duration,
) -> Option<Duration> {
    let mut last = lock(last);
    let known = match last.get(account) {
        Some(known) => *known,
        None => {
            let learnt = LastCallEnd {
                steady,
                elapsed: now.since(row.ended_at?),
                extra: Duration::from_millis(row.extra_ms.unsigned_abs()),
            };
            last.insert(account.clone(), learnt);
            learnt
        }
    };
    known.rest(spacing, steady)
}

/// Corrects stored times that are ahead of the clock: the waits start again, a back-off with its full length. A day far ahead becomes
/// tomorrow, so that its calls still count, but not for longer. Returns whether anything changed.
fn clamp_to_clock(row: &mut PaceRow, now: Timestamp) -> bool {
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

fn apply_backoff(row: &mut PaceRow, spacing: Duration, how: CallEnd, now: Timestamp) {
    let retry_after = match how {
        CallEnd::Failed { retry_after } => retry_after,
        CallEnd::Succeeded => {
            row.backoff_ms = 0;
            row.backoff_until = None;
            return;
        }
        // This says nothing about the provider.
        CallEnd::Inconclusive => return,
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
        assert_eq!(check_pace(&row, &pace(), NOW), Ok(()));

        row.ended_at = Some(NOW);
        row.extra_ms = 5_000;
        let spaced = NOW.plus(Duration::from_secs(65));
        assert_eq!(check_pace(&row, &pace(), NOW), Err(spaced));
        assert_eq!(
            check_pace(&row, &pace(), Timestamp(spaced.0 - 1)),
            Err(spaced),
            "a millisecond early"
        );
        assert_eq!(check_pace(&row, &pace(), spaced), Ok(()));

        row.backoff_until = Some(NOW.plus(MINUTE * 10));
        assert_eq!(
            check_pace(&row, &pace(), spaced),
            Err(NOW.plus(MINUTE * 10)),
            "a back-off"
        );

        (row.day, row.calls) = (NOW.utc_day(), 2);
        let midnight = Timestamp((NOW.utc_day() + 1) * 86_400_000);
        assert_eq!(check_pace(&row, &pace(), NOW), Err(midnight), "the budget");
        assert_eq!(check_pace(&row, &pace(), midnight), Ok(()));

        let mut closed = pace();
        closed.not_before = midnight.plus(MINUTE);
        assert_eq!(
            check_pace(&row, &closed, midnight),
            Err(closed.not_before),
            "the active hours"
        );
    }

    #[test]
    fn failures_double_the_back_off_to_six_hours() {
        let mut row = PaceRow::default();
        let mut minutes = Vec::new();
        for _ in 0..11 {
            apply_backoff(&mut row, MINUTE, CallEnd::Failed { retry_after: None }, NOW);
            minutes.push(row.backoff_until.expect("a back-off").since(NOW).as_secs() / 60);
        }
        assert_eq!(minutes, [1, 2, 4, 8, 16, 32, 64, 128, 256, 360, 360]);

        apply_backoff(&mut row, MINUTE, CallEnd::Succeeded, NOW);
        assert_eq!(row, PaceRow::default(), "a call that works ends it");
    }

    #[test]
    fn a_call_that_was_not_made_neither_starts_nor_ends_a_back_off() {
        let mut row = PaceRow::default();
        apply_backoff(&mut row, MINUTE, CallEnd::Inconclusive, NOW);
        assert_eq!(row, PaceRow::default());
        apply_backoff(&mut row, MINUTE, CallEnd::Failed { retry_after: None }, NOW);
        let failed = row.clone();
        apply_backoff(&mut row, MINUTE, CallEnd::Inconclusive, NOW);
        assert_eq!(row, failed);
    }

    #[test]
    fn a_short_retry_after_does_not_end_the_doubling() {
        let mut row = PaceRow::default();
        for minutes in [1, 2, 4] {
            let retry_after = Some(Duration::ZERO);
            apply_backoff(&mut row, MINUTE, CallEnd::Failed { retry_after }, NOW);
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
        apply_backoff(&mut row, MINUTE, CallEnd::Failed { retry_after }, NOW);
        assert_eq!(row.backoff_until, Some(NOW.plus(MINUTE * 90)));

        let behind = NOW.minus(Duration::from_secs(1));
        assert!(clamp_to_clock(&mut row, behind));
        assert_eq!(row.backoff_until, Some(behind.plus(MINUTE * 90)));
        assert!(!clamp_to_clock(&mut row, behind), "once");
    }

    #[test]
    fn a_clock_years_ahead_holds_an_account_for_two_days() {
        let mut row = PaceRow {
            day: NOW.utc_day() + 3_650,
            calls: 2,
            ..PaceRow::default()
        };
        assert!(clamp_to_clock(&mut row, NOW));
        assert_eq!(row.calls_today(NOW), 2, "its calls still count");
        assert_eq!(row.calls_today(NOW.plus(MINUTE * 60 * 48)), 0);
    }
}
