//! Applies a page of the relations list: its stamps and the progress of the poll, in one transaction.

use serde_json::json;

use super::plan::Plan;
use crate::domain::ids::AccountId;
use crate::domain::signal::{Claim, Precision, Signal, Source, Subject};
use crate::domain::time::Timestamp;
use crate::provider::answers::{Relation, RelationsPage};
use crate::reconcile::{Routine, Warning};
use crate::store::{Error, PollRow, Walk};

/// The most relations that a poll reads. LinkedIn allows an account 30,000 connections; the rest allows for relations that are read twice
/// because others were added meanwhile.
const RELATIONS_MAX: u32 = 33_000;
/// After this many empty pages in a row, a poll ends unfinished.
const EMPTY_PAGES_MAX: u32 = 10;

/// Where a page starts.
pub(super) enum PageStart {
    /// At the start of the list. `asks` is the number of requests for a poll when the call was made.
    First { asks: i64 },
    /// At this cursor.
    At(String),
}

impl PageStart {
    pub fn cursor(&self) -> Option<&str> {
        match self {
            Self::First { .. } => None,
            Self::At(cursor) => Some(cursor),
        }
    }
}

/// How a poll goes on after a page.
#[derive(Debug, Clone, Copy)]
pub(super) struct Progress {
    /// Whether the poll is finished.
    pub finished: bool,
    /// Whether the list turned out not to be newest first.
    pub unordered: bool,
}

/// Stamps everyone on a page. A poll that was requested while the call was in progress is still due, because the page may be older than
/// the request. Returns how the poll goes on.
pub(super) fn settle(
    routine: &mut Routine<'_>,
    plan: &Plan,
    account: &AccountId,
    page: &RelationsPage,
    start: &PageStart,
) -> Result<Progress, Error> {
    for relation in &page.items {
        let raw = json!({
            "relation": {
                "identity": relation.person.identity, "name": relation.person.name,
                "headline": relation.person.headline, "createdAt": relation.created_at,
            }
        });
        let signal = Signal {
            source: Source::Poll,
            account: account.clone(),
            received_at: routine.now(),
            subject: Subject::Person,
            person: relation.person.clone(),
            claim: Claim::of(relation.created_at, Precision::Exact),
            raw: raw.to_string(),
        };
        routine.apply(&signal, None)?;
    }
    let now = routine.now();
    let Some(mut row) = routine.read().poll_row(account)? else {
        return Ok(Progress {
            finished: true,
            unordered: false,
        });
    };
    let lookback = i64::try_from(plan.lookback.as_millis()).unwrap_or(i64::MAX);
    let bound = routine
        .read()
        .poll_bound(account, plan.scope(now), lookback)?;
    let read = PageSummary::of(page, bound, &row, start, now);
    match start {
        PageStart::First { asks } => {
            settle_first(&mut row, &read, now);
            row.due_at = Some(plan.next_tick(now));
            let asked_since = row.asks > *asks;
            row.asked &= asked_since;
            row.again &= asked_since;
            let settings = plan.settings_id(routine.read(), account)?;
            let spacing = (plan.pace_of)(&settings, now).spacing;
            let left_at = routine.read().pace(account)?.started_at.unwrap_or(now);
            routine.resyncs_polled(account, left_at, spacing)?;
        }
        PageStart::At(cursor) => settle_later(&mut row, &read, cursor, now, |warning| {
            routine.warn(warning)
        }),
    }
    routine.save_poll(&row)?;
    Ok(Progress {
        finished: row.walk.is_none(),
        unordered: read.unordered,
    })
}

/// What the stop rules need to know of a page.
struct PageSummary {
    /// The key of its newest relation.
    top: Option<String>,
    /// The keys of all its relations.
    keys: Vec<String>,
    /// The number of its relations, including those that identify nobody.
    relations: u32,
    /// Where the next page starts, if the poll has to read further.
    next: Option<String>,
    /// Whether it contains the watermark. Below it is nothing new, but only if the list is newest first.
    known: bool,
    /// Whether the list is not newest first, as far as this page and the pages before it show.
    unordered: bool,
    /// The time of the oldest relation of the page, if any has a plausible time.
    oldest: Option<Timestamp>,
}

impl PageSummary {
    /// Summarises a page.
    fn of(
        page: &RelationsPage,
        bound: Option<Timestamp>,
        row: &PollRow,
        start: &PageStart,
        now: Timestamp,
    ) -> Self {
        let keys: Vec<String> = page.items.iter().filter_map(key).collect();
        let plausible = |item: &Relation| item.created_at?.plausible(now);
        let times: Vec<Timestamp> = page.items.iter().filter_map(plausible).collect();
        let walk = row.walk.as_ref();
        let above = walk
            .filter(|_| start.cursor().is_some())
            .and_then(|walk| walk.oldest);
        let unordered = walk.is_some_and(|walk| walk.unordered)
            || (!page.newest_first && !is_newest_first(above, &times));
        let beyond = bound.is_none_or(|bound| reaches_beyond(&times, bound, unordered));
        Self {
            top: keys.first().cloned(),
            relations: u32::try_from(page.items.len() + page.unusable).unwrap_or(u32::MAX),
            next: page.cursor.clone().filter(|_| !beyond),
            known: !unordered
                && row
                    .watermark
                    .as_ref()
                    .is_some_and(|mark| keys.contains(mark)),
            unordered,
            oldest: times.iter().min().copied(),
            keys,
        }
    }
}

/// Returns whether a page reaches back beyond the bound, so that nothing below it matters. If the list is not newest first, nothing can
/// be said of what is below.
fn reaches_beyond(times: &[Timestamp], bound: Timestamp, unordered: bool) -> bool {
    !unordered && times.iter().any(|at| *at < bound)
}

/// Returns whether the times go down, beginning at the oldest time of the pages above.
fn is_newest_first(above: Option<Timestamp>, times: &[Timestamp]) -> bool {
    above
        .iter()
        .chain(times)
        .zip(times.iter().skip(usize::from(above.is_none())))
        .all(|(newer, older)| newer >= older)
}

fn key(relation: &Relation) -> Option<String> {
    let identity = &relation.person.identity;
    identity
        .provider_id
        .clone()
        .or_else(|| identity.number().map(|n| n.to_string()))
        .or_else(|| identity.public_identifier.clone())
}

/// Applies the first page. Usually it finishes the poll; otherwise it starts a walk. An unfinished walk continues if the page meets the
/// newest relation that the walk knows, or if the page is empty.
fn settle_first(row: &mut PollRow, read: &PageSummary, now: Timestamp) {
    let goes_on = row.walk.take().filter(|walk| {
        read.keys.is_empty() || walk.top.as_ref().is_none_or(|top| read.keys.contains(top))
    });
    if let Some(mut walk) = goes_on {
        if read.next.is_none() {
            finish(row, new_watermark(read), walk.seq, now);
        } else {
            walk.unordered |= read.unordered;
            walk.top = read.top.clone().or(walk.top);
            walk.firsts = walk.firsts.saturating_add(1);
            row.walk = Some(walk);
        }
        return;
    }
    let nobody_new = row.done_seq == row.look_seq;
    match &read.next {
        Some(cursor) if !(read.known && nobody_new) => {
            row.walk = Some(Walk {
                cursor: cursor.clone(),
                top: read.top.clone(),
                seq: row.look_seq,
                firsts: 1,
                read: read.relations,
                empty: u32::from(read.relations == 0),
                unordered: read.unordered,
                oldest: read.oldest,
            });
        }
        _ => finish(row, new_watermark(read), row.look_seq, now),
    }
}

/// Applies a page after the first.
fn settle_later(
    row: &mut PollRow,
    read: &PageSummary,
    cursor: &str,
    now: Timestamp,
    mut warn: impl FnMut(Warning),
) {
    let Some(mut walk) = row.walk.take() else {
        return;
    };
    walk.firsts = 0;
    walk.read = walk.read.saturating_add(read.relations);
    walk.empty = if read.relations == 0 {
        walk.empty.saturating_add(1)
    } else {
        0
    };
    // If the first page was empty, the newest relation is on a later page.
    walk.top = walk.top.or_else(|| read.top.clone());
    walk.unordered |= read.unordered;
    walk.oldest = read.oldest.or(walk.oldest);
    if walk.unordered {
        // Without an order, no relation marks the end of what was read.
        walk.top = None;
    }
    let nobody_new = row.done_seq == walk.seq;
    let same_page = read.relations > 0 && read.next.as_deref() == Some(cursor);
    match &read.next {
        Some(_) if walk.empty >= EMPTY_PAGES_MAX => {
            // The poll is unfinished: no watermark is set, so the next tick reads as deep again.
            warn(Warning::EmptyRelationPages {
                account: row.account.clone(),
                pages: walk.empty,
            });
        }
        Some(_) if same_page || walk.read >= RELATIONS_MAX => {
            warn(Warning::EndlessRelations {
                account: row.account.clone(),
                relations: walk.read,
            });
            finish(row, walk.top, walk.seq, now);
        }
        Some(next) if !(read.known && nobody_new) => {
            walk.cursor.clone_from(next);
            row.walk = Some(walk);
        }
        _ => finish(row, walk.top, walk.seq, now),
    }
}

/// Returns the watermark that the first page sets. Without an order there is none, because new relations may lie below it.
fn new_watermark(read: &PageSummary) -> Option<String> {
    read.top.clone().filter(|_| !read.unordered)
}

fn finish(row: &mut PollRow, top: Option<String>, seq: i64, now: Timestamp) {
    row.watermark = top;
    row.done_seq = seq;
    row.walk = None;
    row.last_poll_at = Some(now);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::signal::Person;

    const NOW: Timestamp = Timestamp(1_777_734_846_000);
    const BOUND: Timestamp = Timestamp(NOW.0 - 86_400_000);

    fn row(walk: Option<Walk>) -> PollRow {
        PollRow {
            account: AccountId::parse("acc_1").expect("an id"),
            due_at: None,
            asked: false,
            again: false,
            probe_asked: false,
            asks: 0,
            probed_at: None,
            look_seq: 1,
            done_seq: 1,
            watermark: None,
            walk,
            last_poll_at: None,
        }
    }

    fn read(times: &[Option<i64>], newest_first: bool, walk: Option<Walk>) -> PageSummary {
        let items = times
            .iter()
            .map(|at| Relation {
                person: Person::default(),
                created_at: at.map(Timestamp),
            })
            .collect();
        let page = RelationsPage {
            items,
            cursor: Some("next".to_owned()),
            unusable: 0,
            newest_first,
        };
        let start = match &walk {
            Some(walk) => PageStart::At(walk.cursor.clone()),
            None => PageStart::First { asks: 0 },
        };
        PageSummary::of(&page, Some(BOUND), &row(walk), &start, NOW)
    }

    #[test]
    fn a_time_that_makes_no_sense_ends_no_poll() {
        for (times, beyond) in [
            (vec![Some(NOW.0), None], false),
            (vec![Some(NOW.0), Some(0)], false),
            (vec![Some(NOW.0), Some(NOW.0 / 1000), Some(-5)], false),
            (vec![Some(BOUND.0)], false),
            (vec![Some(NOW.0), Some(BOUND.0 - 1)], true),
        ] {
            let read = read(&times, true, None);
            assert_eq!(read.next.is_none(), beyond, "{times:?}");
        }
    }

    #[test]
    fn without_an_order_no_time_ends_a_poll() {
        for (times, unordered, beyond) in [
            (vec![Some(NOW.0), Some(BOUND.0 - 1)], false, true),
            (vec![Some(BOUND.0 - 1), Some(NOW.0)], true, false),
            (
                vec![Some(BOUND.0 - 2), None, Some(BOUND.0 - 1)],
                true,
                false,
            ),
            (vec![None, None], false, false),
        ] {
            let read = read(&times, false, None);
            assert_eq!(
                (read.unordered, read.next.is_none()),
                (unordered, beyond),
                "{times:?}"
            );
        }
    }

    #[test]
    fn pages_are_compared_with_the_page_above() {
        let walk = |oldest, unordered| Walk {
            cursor: "here".to_owned(),
            top: None,
            seq: 1,
            firsts: 0,
            read: 100,
            empty: 0,
            unordered,
            oldest: Some(Timestamp(oldest)),
        };
        let times = [Some(NOW.0 - 10), Some(NOW.0 - 20)];
        assert!(!read(&times, false, Some(walk(NOW.0 - 10, false))).unordered);
        assert!(read(&times, false, Some(walk(NOW.0 - 11, false))).unordered);
        assert!(read(&times, false, Some(walk(NOW.0, true))).unordered);
        assert!(!read(&times, true, Some(walk(NOW.0 - 11, false))).unordered);
    }
}
