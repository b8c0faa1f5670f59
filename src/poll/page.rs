//! Applies a page of the relations list: its stamps and the progress of the poll, in one transaction.

use serde_json::json;

use super::plan::Plan;
use crate::domain::ids::AccountId;
use crate::domain::signal::{Claim, Precision, Signal, Source, Subject};
use crate::domain::time::Timestamp;
use crate::provider::types::{Relation, RelationsPage};
use crate::reconcile::Routine;
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

/// Stamps everyone on a page. A poll that was requested while the call was in progress is still due, because the page may be older than
/// the request. Returns whether the poll is finished.
pub(super) fn settle(
    routine: &mut Routine<'_>,
    plan: &Plan,
    account: &AccountId,
    page: &RelationsPage,
    start: &PageStart,
) -> Result<bool, Error> {
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
            received_at: routine.now,
            subject: Subject::Person,
            person: relation.person.clone(),
            claim: Claim::of(relation.created_at, Precision::Exact),
            raw: raw.to_string(),
        };
        routine.apply(&signal, None)?;
    }
    let now = routine.now;
    let Some(mut row) = routine.tx.poll_row(account)? else {
        return Ok(true);
    };
    let lookback = i64::try_from(plan.lookback.as_millis()).unwrap_or(i64::MAX);
    let bound = routine.tx.poll_bound(account, plan.scope(now), lookback)?;
    let read = PageSummary::of(page, bound, &row, now);
    match start {
        PageStart::First { asks } => {
            settle_first(&mut row, &read, now);
            row.due_at = Some(plan.next_tick(now));
            let asked_since = row.asks > *asks;
            row.asked &= asked_since;
            row.again &= asked_since;
            let spacing = (plan.pace_of)(account, now).spacing;
            let left_at = routine.tx.pace(account)?.started_at.unwrap_or(now);
            routine.tx.resyncs_polled(account, left_at, now, spacing)?;
        }
        PageStart::At(cursor) => settle_later(&mut row, &read, cursor, now),
    }
    routine.tx.set_poll(&row)?;
    Ok(row.walk.is_none())
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
    /// Whether it contains the watermark.
    known: bool,
}

impl PageSummary {
    fn of(page: &RelationsPage, bound: Option<Timestamp>, row: &PollRow, now: Timestamp) -> Self {
        let keys: Vec<String> = page.items.iter().filter_map(key).collect();
        let beyond = bound.is_none_or(|bound| reaches_beyond(&page.items, bound, now));
        Self {
            top: keys.first().cloned(),
            relations: u32::try_from(page.items.len() + page.unusable).unwrap_or(u32::MAX),
            next: page.cursor.clone().filter(|_| !beyond),
            known: row
                .watermark
                .as_ref()
                .is_some_and(|mark| keys.contains(mark)),
            keys,
        }
    }
}

/// Returns whether a page reaches back beyond the bound. Implausible times are ignored.
fn reaches_beyond(items: &[Relation], bound: Timestamp, now: Timestamp) -> bool {
    items
        .iter()
        .filter_map(|item| item.created_at?.plausible(now))
        .any(|at| at < bound)
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
            finish(row, read.top.clone(), walk.seq, now);
        } else {
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
            });
        }
        _ => finish(row, read.top.clone(), row.look_seq, now),
    }
}

/// Applies a page after the first.
fn settle_later(row: &mut PollRow, read: &PageSummary, cursor: &str, now: Timestamp) {
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
    let nobody_new = row.done_seq == walk.seq;
    let same_page = read.relations > 0 && read.next.as_deref() == Some(cursor);
    match &read.next {
        Some(_) if walk.empty >= EMPTY_PAGES_MAX => {
            // The poll is unfinished: no watermark is set, so the next tick reads as deep again.
            tracing::warn!(account = %row.account, pages = walk.empty, "too many empty pages in a row, the poll ends unfinished");
        }
        Some(_) if same_page || walk.read >= RELATIONS_MAX => {
            tracing::warn!(account = %row.account, relations = walk.read, "the relations list does not end, the poll stops");
            finish(row, walk.top, walk.seq, now);
        }
        Some(next) if !(read.known && nobody_new) => {
            walk.cursor.clone_from(next);
            row.walk = Some(walk);
        }
        _ => finish(row, walk.top, walk.seq, now),
    }
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

    #[test]
    fn a_time_that_makes_no_sense_ends_no_poll() {
        let now = Timestamp(1_777_734_846_000);
        let bound = Timestamp(now.0 - 86_400_000);
        for (times, beyond) in [
            (vec![Some(now.0), None], false),
            (vec![Some(now.0), Some(0)], false),
            (vec![Some(now.0), Some(now.0 / 1000), Some(-5)], false),
            (vec![Some(bound.0)], false),
            (vec![Some(now.0), Some(bound.0 - 1)], true),
        ] {
            let items: Vec<Relation> = times
                .iter()
                .map(|at| Relation {
                    person: Person::default(),
                    created_at: at.map(Timestamp),
                })
                .collect();
            assert_eq!(reaches_beyond(&items, bound, now), beyond, "{times:?}");
        }
    }
}
