//! Who takes part in the day, what really happens to each, and what was said of it to whom.

use std::time::Duration;

use acceptd::domain::signal::{Precision, Source};
use acceptd::domain::time::Timestamp;
use acceptd::sim::{Member, ids};
use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use serde_json::{Value, json};

use crate::{ACCEPTS, ACCOUNTS, DAY, HOUR, IDLE, OPEN, START};

/// Relations that an account had before.
const OLD_RELATIONS: u64 = 30;
/// Member numbers of one account are this far apart from those of the next.
const NUMBERS: u64 = 1_000;
/// The note of an invite that had one, with the prospect's number.
const NOTE: &str = "Hello, we met at the fair; happy to connect. No.";

/// Accounts with a budget that does not suffice for a day of ticks.
pub const POOR: std::ops::Range<usize> = 0..ACCOUNTS / 20;
/// Their budget.
pub const POOR_BUDGET: u32 = 30;
/// The budget of all others: the default.
pub const BUDGET: u32 = 100;
/// Accounts that may be called from 08:00 to 19:00 in Berlin only.
pub const OFFICE: std::ops::Range<usize> = ACCOUNTS / 20..ACCOUNTS / 10;

/// Accounts whose spacing is longer than the tick: page one of their list and the rest of it have to take turns.
pub const SLOW: std::ops::Range<usize> = ACCOUNTS / 10..ACCOUNTS * 3 / 20;
/// Their spacing.
pub const SLOW_SPACING: Duration = Duration::from_secs(45 * 60);
/// Accounts whose outage is reported while a burst of calls is under way.
pub const BREAKING: std::ops::Range<usize> = ACCOUNTS * 3 / 20..ACCOUNTS / 5;

/// The name of an account.
pub fn account(n: usize) -> String {
    format!("acc_{n:04}")
}

/// The owner of an account.
pub fn owner(n: usize) -> Member {
    Member::made_up(number(n, NUMBERS - 1))
}

fn number(account: usize, place: u64) -> u64 {
    200_000_000 + account as u64 * NUMBERS + place
}

/// The relations of an account before the day: some of its prospects' time, some older.
pub fn old_relations(account: usize, rng: &mut StdRng) -> Vec<(Member, Timestamp)> {
    // The list of a slow account is dense: what it is searched for is not on page one.
    let (relations, days) = if SLOW.contains(&account) {
        (OLD_RELATIONS * 2, 30)
    } else {
        (OLD_RELATIONS, 120)
    };
    (0..relations)
        .map(|n| {
            let age = Duration::from_secs(rng.random_range(1..days * 86_400));
            (
                Member::made_up(number(account, NUMBERS - 100 + n)),
                START.minus(age),
            )
        })
        .collect()
}

/// What an enrollment says of its prospect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum KnownBy {
    ProviderId,
    Slug,
    SalesUrl,
}

/// One sign of an accept: what a stamp by it would have to look like, and since when the daemon has it for certain.
#[derive(Debug, Clone)]
pub struct Sign {
    pub source: Source,
    pub precision: Precision,
    /// The earliest and the latest `acceptedAt` that it can give.
    pub value: (Timestamp, Timestamp),
    /// When it was acknowledged; `None` where nothing tells.
    pub acknowledged: Option<Timestamp>,
}

/// A prospect.
#[derive(Debug)]
pub struct Person {
    pub account: usize,
    pub number: u64,
    known_by: KnownBy,
    invited_at: Option<Timestamp>,
    pub noted: bool,
    /// When the enrollment is sent to the daemon.
    pub enrolls_at: Timestamp,
    /// When it was taken.
    pub enrolled: Option<Timestamp>,
    /// When the prospect accepts, if at all. Before the day: no webhook tells, and only a later page of the list shows it.
    pub accepts_at: Option<Timestamp>,
    pub signs: Vec<Sign>,
}

impl Person {
    pub fn id(&self) -> String {
        format!("enr_{}", self.number)
    }

    pub fn member(&self) -> Member {
        Member::made_up(self.number)
    }

    pub fn note(&self) -> Option<String> {
        self.noted.then(|| format!("{NOTE} {}", self.number))
    }

    /// Whether a message, which names its sender by provider id alone, can be tied to the enrollment as it was imported.
    pub fn is_known_by_id(&self) -> bool {
        self.known_by != KnownBy::Slug
    }

    /// The row that enrolls them.
    pub fn row(&self) -> Value {
        let member = self.member();
        let mut row = json!({
            "id": self.id(), "accountId": account(self.account), "campaignId": "day", "name": member.full_name(),
        });
        match self.known_by {
            KnownBy::ProviderId => row["providerId"] = json!(member.provider_id()),
            KnownBy::Slug => row["linkedinUrl"] = json!(member.profile_url()),
            KnownBy::SalesUrl => {
                let id = ids::sales_id(self.number);
                row["linkedinUrl"] = json!(format!(
                    "https://www.linkedin.com/sales/lead/{id},NAME_SEARCH"
                ));
            }
        }
        if let Some(at) = self.invited_at {
            row["invitedAt"] = json!(at);
        }
        if let Some(note) = self.note() {
            row["note"] = json!(note);
        }
        row
    }
}

/// Everybody: those who are enrolled when the day begins, and per account a few who accept; of these some are enrolled during
/// the day, before or after they accept.
pub fn everybody(rng: &mut StdRng) -> Vec<Person> {
    let mut all = Vec::new();
    for account in 0..ACCOUNTS {
        for place in 0..OPEN {
            let accepts = place < ACCEPTS;
            let hidden = place == ACCEPTS && SLOW.contains(&account);
            let accepts_at = accepts.then(|| START.plus(DAY.mul_f64(rng.random_range(0.0..0.98))));
            let accepts_at = accepts_at.or(hidden.then(|| START.minus(DAY * 10)));
            let late = accepts && rng.random_bool(0.15);
            let enrolls_at = match accepts_at {
                Some(at) if late => {
                    let hours = rng.random_range(-1.0..1.0_f64);
                    let apart = HOUR.mul_f64(hours.abs());
                    let at = if hours < 0.0 {
                        at.minus(apart)
                    } else {
                        at.plus(apart)
                    };
                    at.max(START).min(START.plus(DAY).minus(HOUR))
                }
                _ => START,
            };
            let invited = !late || rng.random_bool(0.5);
            let before = Duration::from_secs(rng.random_range(3_600..30 * 86_400));
            let before = if hidden { DAY * 20 } else { before };
            all.push(Person {
                account,
                number: number(account, place),
                known_by: *[
                    KnownBy::ProviderId,
                    KnownBy::ProviderId,
                    KnownBy::Slug,
                    KnownBy::SalesUrl,
                ]
                .choose(rng)
                .unwrap_or(&KnownBy::Slug),
                invited_at: invited.then(|| START.minus(before)),
                noted: accepts && invited && rng.random_bool(0.2),
                enrolls_at,
                enrolled: None,
                accepts_at,
                signs: Vec::new(),
            });
        }
    }
    all
}

/// Accounts without anything open.
pub fn idle() -> std::ops::Range<usize> {
    ACCOUNTS..ACCOUNTS + IDLE
}
