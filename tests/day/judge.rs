//! Whether the day ended as it has to: judged from what the provider and the receiver saw and what the daemon's API says.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use acceptd::domain::signal::{Precision, Source};
use acceptd::domain::time::Timestamp;
use acceptd::sim::Call;
use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::cast::{self, BUDGET, OFFICE, POOR, POOR_BUDGET, Person, SLOW, SLOW_SPACING, Sign};
use crate::world::World;
use crate::{DAY, START, STEP};

/// How long after what forbids it a call may still reach the provider: it leaves within a second of its permit, and the clock may go
/// on by a step before it arrives.
const LATE: Duration = Duration::from_secs(1).saturating_add(STEP);
/// The default spacing.
const SPACING: Duration = Duration::from_secs(60);
/// The clock goes in steps: what happens within one has one time, and the provider's clock follows the daemon's.
const GRAIN: Duration = STEP;
/// How long after a sign left its stamp may come: the clock waits for most of what goes on, not for all of it.
const LAG: Duration = Duration::from_secs(60);

/// Adds what the provider told, by webhooks and by answers.
pub fn add_signs(world: &World, people: &mut [Person]) {
    let mut by_name = HashMap::new();
    for (n, person) in people.iter().enumerate() {
        by_name.insert(person.member().provider_id(), n);
        by_name.insert(person.member().slug, n);
    }
    let time = |value: &Value| Timestamp::parse(value.as_str().unwrap_or_default());
    for delivery in world.sim.deliveries() {
        let body = &delivery.body;
        let (name, own) = match body["event"].as_str() {
            Some("new_relation") => (&body["user_provider_id"], None),
            Some("message_received") => (
                &body["attendees"][0]["attendee_provider_id"],
                body["is_sender"].as_bool(),
            ),
            _ => continue,
        };
        let Some(&n) = name.as_str().and_then(|name| by_name.get(name)) else {
            continue;
        };
        let matches = own.is_none() || people[n].is_known_by_id();
        for (at, status) in delivery.attempts {
            let written = time(&body["timestamp"]).unwrap_or(at);
            let (source, precision, value) = match own {
                None => (Source::Webhook, Precision::UpperBound, (at, at.plus(LAG))),
                Some(true) => (Source::NoteEcho, Precision::UpperBound, (written, written)),
                Some(false) => (Source::Reply, Precision::Inferred, (written, written)),
            };
            people[n].signs.push(Sign {
                source,
                precision,
                value,
                acknowledged: (status == Some(200) && matches).then_some(at),
            });
        }
    }
    for person in people.iter_mut() {
        let Some(at) = person.accepts_at else {
            continue;
        };
        person.signs.push(Sign {
            source: Source::Poll,
            precision: Precision::Exact,
            value: (at, at),
            acknowledged: None,
        });
    }
    for call in world.sim.calls() {
        let last = call.path.trim_end_matches('/').rsplit('/').next();
        let name = percent_decode_str(last.unwrap_or_default()).decode_utf8_lossy();
        if let Some(&n) = by_name.get(name.as_ref()) {
            people[n].signs.push(Sign {
                source: Source::Resync,
                precision: Precision::UpperBound,
                value: (call.started, call.ended.unwrap_or(call.started).plus(LAG)),
                acknowledged: None,
            });
        }
    }
}

/// Every accept is stamped once, as one of its signs says, no later than the first that was acknowledged; nobody else is.
pub async fn stamps(world: &World, people: &[Person]) {
    let mut stamped: BTreeMap<String, Value> = BTreeMap::new();
    for status in ["CONNECTION_ACCEPTED", "MESSAGE_SENT", "REPLY_RECEIVED"] {
        let path = format!("/v1/enrollments?limit=500&status={status}");
        for item in world.list(&path).await {
            let id = item["id"].as_str().expect("an id").to_owned();
            stamped.insert(id, item);
        }
    }
    let mut wrong = Vec::new();
    let mut by_source: BTreeMap<String, usize> = BTreeMap::new();
    for person in people {
        match (stamped.remove(&person.id()), person.accepts_at) {
            (None, None) => {}
            (None, Some(_)) => wrong.push(format!("no stamp: {person:?}")),
            (Some(stamp), None) => wrong.push(format!("did not accept: {stamp}")),
            (Some(stamp), Some(_)) => {
                let source = stamp["source"].as_str().unwrap_or_default();
                *by_source.entry(source.to_owned()).or_default() += 1;
                if let Err(why) = fits(&stamp, person) {
                    wrong.push(format!("{why}: {stamp}, {person:?}"));
                }
            }
        }
    }
    // Of accounts with nothing open there are people too.
    stamped.retain(|id, _| !id.starts_with("idle_"));
    assert!(stamped.is_empty(), "unknown: {stamped:?}");
    println!("stamped by {by_source:?}");
    assert!(
        wrong.is_empty(),
        "{} are wrong, such as {:#?}",
        wrong.len(),
        &wrong[..wrong.len().min(5)]
    );
    assert!(by_source.len() >= 7, "not every source won: {by_source:?}");
}

fn fits(stamp: &Value, person: &Person) -> Result<(), String> {
    let time = |name: &str| {
        Timestamp::parse(stamp[name].as_str().unwrap_or_default()).ok_or(format!("no {name}"))
    };
    let (accepted, detected) = (time("acceptedAt")?, time("detectedAt")?);
    let named = person.signs.iter().any(|sign| {
        stamp["source"] == sign.source.as_str()
            && stamp["acceptedAtPrecision"] == sign.precision.as_str()
            && (sign.value.0..=sign.value.1).contains(&accepted)
    });
    if !named {
        return Err("no sign says so".to_owned());
    }
    let enrolled = person.enrolled.ok_or("never enrolled")?;
    let first = person
        .signs
        .iter()
        .filter_map(|sign| sign.acknowledged)
        .min();
    match first {
        Some(first) if detected > first.max(enrolled).plus(LAG) => {
            Err(format!("there was a sign at {first}"))
        }
        _ => Ok(()),
    }
}

/// Every accept has one event, and it arrived under one id.
pub fn events(world: &World, people: &[Person]) {
    let expected: BTreeSet<String> = people
        .iter()
        .filter(|person| person.accepts_at.is_some())
        .map(Person::id)
        .collect();
    let mut ids: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for received in world.receiver.received() {
        let whose = received.json()["data"]["enrollmentId"].clone();
        let id = received.header("webhook-id").expect("an id").to_owned();
        ids.entry(whose.as_str().expect("an id").to_owned())
            .or_default()
            .insert(id);
    }
    ids.retain(|id, _| !id.starts_with("idle_"));
    let told: BTreeSet<String> = ids.keys().cloned().collect();
    assert_eq!(told.len(), expected.len());
    assert_eq!(told, expected);
    let twice: Vec<_> = ids.iter().filter(|(_, ids)| ids.len() > 1).collect();
    assert!(twice.is_empty(), "{twice:?}");
}

/// Nobody was called too fast, too often, at night, or for nothing.
pub fn calls(world: &World) {
    let by_account = by_account(world);
    for n in cast::idle() {
        let calls = by_account.get(&cast::account(n));
        assert!(calls.is_none(), "nothing is open: {calls:?}");
    }
    let mut wrong = Vec::new();
    for (account, calls) in &by_account {
        let n = place(account);
        let spacing = if SLOW.contains(&n) {
            SLOW_SPACING
        } else {
            SPACING
        };
        // The provider's clock follows the daemon's, one step behind for a moment: a gap may look shorter by that.
        for pair in calls.windows(2) {
            let ended = pair[0].ended;
            if ended.is_none_or(|ended| pair[1].started < ended.plus(spacing).minus(GRAIN)) {
                wrong.push(format!("too close: {pair:?}"));
            }
        }
        let budget = if POOR.contains(&n) {
            POOR_BUDGET
        } else {
            BUDGET
        };
        let mut days: BTreeMap<i64, u32> = BTreeMap::new();
        for call in calls {
            // For the same reason, the very end and the very beginning of a day are nobody's.
            let day = call.started.utc_day();
            if call.started.plus(GRAIN).utc_day() == day
                && call.started.minus(LATE).utc_day() == day
            {
                *days.entry(day).or_default() += 1;
            }
        }
        if days.values().any(|calls| *calls > budget) {
            wrong.push(format!("{account} over its budget: {days:?}"));
        }
        if OFFICE.contains(&n) {
            let night = calls.iter().find(|call| !in_office_hours(call.started));
            wrong.extend(night.map(|call| format!("at night: {call:?}")));
        }
    }
    let count: usize = by_account.values().map(Vec::len).sum();
    println!("{count} calls for {} accounts", by_account.len());
    none_is(&wrong);
}

/// Nobody was called during the day after a webhook that reports an outage was acknowledged, but for a probe that somebody `asked` for
/// during the outage. A webhook that reports the end of an outage, or a list of accounts in which the account is healthy, ends it.
/// `listed` says when the list began to show an account as broken (`true`) or healthy.
pub fn outages(
    world: &World,
    asked: &[Timestamp],
    listed: &BTreeMap<String, Vec<(Timestamp, bool)>>,
) {
    let mut reports: BTreeMap<String, Vec<(Timestamp, bool)>> = BTreeMap::new();
    for delivery in world.sim.deliveries() {
        let Some(message) = delivery.body["AccountStatus"]["message"].as_str() else {
            continue;
        };
        let taken = delivery.attempts.iter().find(|(_, s)| *s == Some(200));
        if let Some((at, _)) = taken {
            let all = reports.entry(delivery.account.clone()).or_default();
            all.push((*at, message != "OK"));
        }
    }
    let readings: Vec<Call> = world.sim.account_list_calls();
    let (mut wrong, mut seen, mut probes) = (Vec::new(), 0, 0);
    let by_account = by_account(world);
    for (account, mut reports) in reports {
        let changes = listed.get(&account).map_or(&[][..], Vec::as_slice);
        let healthy = |call: &&Call| {
            let last = changes.iter().rfind(|(at, _)| *at <= call.started);
            call.status == Some(200) && last.is_none_or(|(_, broken)| !broken)
        };
        reports.extend(
            readings
                .iter()
                .filter(healthy)
                .map(|call| (call.started, false)),
        );
        reports.sort_by_key(|(at, _)| *at);
        seen += reports.iter().filter(|(_, broken)| *broken).count();
        let mut reports = reports.into_iter().peekable();
        // When the outage was reported, and when it may have begun: a call that was refused may have told before.
        let mut reported: Option<Timestamp> = None;
        let mut began: Option<Timestamp> = None;
        let calls = by_account.get(&account).map_or(&[][..], Vec::as_slice);
        for (n, call) in calls.iter().enumerate() {
            while let Some((at, broken)) = reports.next_if(|(at, _)| *at <= call.started) {
                reported = broken.then_some(reported.unwrap_or(at));
                began = broken.then_some(began.unwrap_or(at));
            }
            // A call that nobody asked for tells that the account was healthy before. An answer of 200 does not: its body may be cut.
            let before = n.checked_sub(1).map_or(START, |n| calls[n].started);
            if !asked.iter().any(|at| (before..=call.started).contains(at)) {
                began = None;
            }
            let during = reported.is_some_and(|at| call.started > at.plus(LATE));
            // A day after the outage began it is probed unasked.
            if during && call.started < START.plus(DAY) {
                let since = began.or(reported).unwrap_or(START);
                match asked.iter().find(|at| (since..=call.started).contains(at)) {
                    Some(at) => {
                        probes += 1;
                        // Each wish is good for one.
                        began = Some(at.plus(Duration::from_millis(1)));
                    }
                    None => wrong.push(format!(
                        "in an outage since {since}, reported {reported:?}: {:#?}",
                        &calls[n.saturating_sub(4)..=n]
                    )),
                }
            }
            match call.status {
                Some(200) => reported = None,
                Some(401 | 403) => began = began.or(call.ended),
                _ => {}
            }
        }
    }
    println!("{seen} outages were reported, {probes} probes were asked for");
    none_is(&wrong);
}

/// A tick that is shorter than the spacing kept nobody's list from being read on.
pub fn turns(world: &World) {
    let by_account = by_account(world);
    for n in SLOW {
        let calls = &by_account[&cast::account(n)];
        let later = calls.iter().filter(|call| call.query.contains("cursor="));
        assert!(later.count() > 0, "page one only: {calls:?}");
    }
}

fn by_account(world: &World) -> BTreeMap<String, Vec<Call>> {
    let mut by_account: BTreeMap<String, Vec<Call>> = BTreeMap::new();
    for call in world.sim.calls() {
        let account = call.account.clone().expect("every call names one");
        by_account.entry(account).or_default().push(call);
    }
    by_account
}

fn place(account: &str) -> usize {
    account.trim_start_matches("acc_").parse().expect("ours")
}

fn none_is(wrong: &[String]) {
    assert!(
        wrong.is_empty(),
        "{} are wrong, such as {:#?}",
        wrong.len(),
        &wrong[..wrong.len().min(5)]
    );
}

/// From 08:00 to 19:00 in Berlin, which is two hours ahead in September.
fn in_office_hours(at: Timestamp) -> bool {
    let hour = Duration::from_secs(3_600);
    let midnight = Timestamp(at.utc_day() * i64::try_from(DAY.as_millis()).expect("a day"));
    let (from, to) = (midnight.plus(hour * 6), midnight.plus(hour * 17));
    (from.minus(GRAIN)..to.plus(LATE)).contains(&at)
}
