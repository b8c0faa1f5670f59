//! What happens when: accepts, replies, people who ask, and everything that goes wrong.

use std::collections::BTreeMap;
use std::time::Duration;

use acceptd::domain::signal::{Precision, Source};
use acceptd::domain::time::Timestamp;
use acceptd::sim::receiver::Reply;
use acceptd::sim::{Fault, Rule};
use rand::RngExt;
use rand::rngs::StdRng;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::cast::{self, Person, Sign};
use crate::world::World;
use crate::{ACCOUNTS, DAY, HOUR, MINUTE, START, STEP};

/// How long after an accept the provider may notice it ("up to 8 hours").
const NOTICES_WITHIN: Duration = Duration::from_secs(8 * 3_600);
/// 19:00 in Berlin.
const OFFICE_ENDS: Timestamp = Timestamp(1_790_010_000_000);
/// The end of the UTC day.
const MIDNIGHT: Timestamp = Timestamp(1_790_035_200_000);
/// How many calls are made to fail in each simulated minute.
const FAULTS_A_MINUTE: u32 = 3;

/// One thing that happens.
#[derive(Debug, Clone)]
enum Happens {
    Enrolls(usize),
    Accepts(usize),
    Replies(usize),
    /// Somebody asks for a resync, stamps by hand, or has the invite refused as connected.
    Resync(usize),
    Manual(usize),
    Refused(usize),
    Faults,
    Breaks(usize),
    /// The provider reports an outage, and answers as if there was none.
    Reports(usize),
    Works(usize),
    WebhooksDrop(bool),
    Outage(bool),
    NewKey,
    KeyIsConfigured,
    ReceiverFails(bool),
    Asks(Signal),
    Kill,
    Start,
}

use Happens::*;

/// Everything that is still to happen, by time.
pub struct Story {
    rng: StdRng,
    due: BTreeMap<(Timestamp, u64), Happens>,
    number: u64,
    keys: u32,
    /// When somebody asked for a poll of every account.
    pub asked: Vec<Timestamp>,
    /// When the provider's list of accounts began to show an account as broken (`true`) or as healthy again.
    pub listed: BTreeMap<String, Vec<(Timestamp, bool)>>,
}

/// The key of the provider after so many changes.
pub fn key(changes: u32) -> String {
    format!("the-key-{changes}")
}

impl Story {
    pub fn new(mut rng: StdRng, people: &[Person]) -> Self {
        let mut due = Vec::new();
        for (n, person) in people.iter().enumerate() {
            if person.enrolls_at > START {
                due.push((person.enrolls_at, Enrolls(n)));
            }
            let Some(at) = person.accepts_at.filter(|at| *at >= START) else {
                continue;
            };
            due.push((at, Accepts(n)));
            let mut later = |share: f64, happens: Happens| {
                if rng.random_bool(share) {
                    let after = (HOUR * 4).mul_f64(rng.random_range(0.0..1.0));
                    due.push((at.plus(after), happens));
                }
            };
            later(0.1, Replies(n));
            later(0.05, Resync(n));
            later(0.03, Manual(n));
            later(0.03, Refused(n));
        }
        // Resyncs of people who did not accept.
        for _ in 0..ACCOUNTS {
            let at = START.plus(DAY.mul_f64(rng.random_range(0.0..1.0)));
            due.push((at, Resync(rng.random_range(0..people.len()))));
        }
        for minute in 0..24 * 60 {
            due.push((START.plus(MINUTE * minute), Faults));
        }
        for hour in 1..24 {
            let within = HOUR.mul_f64(rng.random_range(0.0..0.9));
            due.push((START.plus(HOUR * hour).plus(within), Kill));
        }
        for _ in 0..ACCOUNTS / 20 {
            let at = START.plus(DAY.mul_f64(rng.random_range(0.0..0.9)));
            let account = rng.random_range(0..ACCOUNTS);
            let hours = HOUR.mul_f64(rng.random_range(0.2..4.0));
            due.push((at, Breaks(account)));
            due.push((at.plus(hours), Works(account)));
        }
        let at = |hour: f64| START.plus(HOUR.mul_f64(hour));
        for (from, to) in [(3.0, 6.0), (11.0, 13.5), (17.5, 21.0)] {
            due.push((at(from), WebhooksDrop(true)));
            due.push((at(to), WebhooksDrop(false)));
        }
        for (when, happens) in [
            (8.0, Outage(true)),
            (8.4, Outage(false)),
            (14.2, NewKey),
            (14.9, KeyIsConfigured),
            (9.3, ReceiverFails(true)),
            (10.1, ReceiverFails(false)),
            (5.2, Asks(Signal::USR1)),
            (12.3, Asks(Signal::HUP)),
            (19.7, Asks(Signal::USR1)),
        ] {
            due.push((at(when), happens));
        }
        // Bursts that are cut off in their middle: by the end of the active hours, by the end of the day of the budgets, by outages.
        for (when, before) in [(OFFICE_ENDS, 4), (MIDNIGHT, 4), (at(7.0), 0)] {
            due.push((when.minus(Duration::from_secs(before)), Asks(Signal::USR1)));
        }
        for account in cast::BREAKING {
            due.push((at(7.0).plus(STEP * 3), Reports(account)));
            due.push((at(7.9), Works(account)));
        }
        let mut story = Self {
            rng,
            due: BTreeMap::new(),
            number: 0,
            keys: 0,
            asked: Vec::new(),
            listed: BTreeMap::new(),
        };
        for (when, happens) in due {
            story.at(when, happens);
        }
        story
    }

    fn at(&mut self, when: Timestamp, happens: Happens) {
        self.number += 1;
        self.due.insert((when, self.number), happens);
    }

    /// Lets everything happen that is due.
    pub async fn go_on(&mut self, world: &mut World, people: &mut [Person]) {
        while let Some(first) = self.due.first_entry()
            && first.key().0 <= world.now()
        {
            let happens = first.remove();
            self.happens(happens, world, people).await;
        }
    }

    async fn happens(&mut self, happens: Happens, world: &mut World, people: &mut [Person]) {
        let now = world.now();
        let asks = matches!(
            happens,
            Enrolls(_) | Resync(_) | Manual(_) | Refused(_) | Asks(_) | KeyIsConfigured | Kill
        );
        if asks && !world.daemon.is_up() {
            return self.at(now.plus(STEP * 10), happens);
        }
        match happens {
            Enrolls(n) => enroll(world, &mut people[n..=n]).await,
            Accepts(n) => {
                let soon = self.rng.random_bool(0.5);
                let within = if soon { MINUTE } else { NOTICES_WITHIN };
                let after = within.mul_f64(self.rng.random_range(0.0..1.0));
                world.sim.set(|s| s.relation_webhook_after = after);
                let account = cast::account(people[n].account);
                people[n].accepts_at = Some(now);
                world.sim.accept(&account, people[n].number, now);
            }
            Replies(n) => {
                let account = cast::account(people[n].account);
                let text = "Thanks for the invite!";
                world.sim.reply(&account, people[n].number, text);
            }
            Resync(n) if people[n].enrolled.is_none() => self.at(now.plus(HOUR), happens),
            Manual(n) | Refused(n) if people[n].enrolled.is_none() => {
                self.at(now.plus(HOUR), happens);
            }
            Resync(n) => {
                let path = format!("/v1/enrollments/{}/resync", people[n].id());
                let (status, body) = world.ask("POST", &path, &Value::Null).await;
                assert!(matches!(status, 202 | 409), "{status} {body}");
            }
            Manual(n) => {
                let path = format!("/v1/enrollments/{}/stamp", people[n].id());
                let why = json!({"reason": "said so on the phone"});
                let (status, body) = world.ask("POST", &path, &why).await;
                assert!(matches!(status, 200 | 409), "{status} {body}");
                said(&mut people[n], Source::Manual, Precision::UpperBound, now);
            }
            Refused(n) => {
                let result = json!({
                    "enrollmentId": people[n].id(), "httpStatus": 422, "at": now,
                    "response": {"type": "errors/already_connected", "status": 422},
                });
                let (status, body) = world.ask("POST", "/v1/invite-results", &result).await;
                assert_eq!(status, 200, "{body}");
                said(
                    &mut people[n],
                    Source::AlreadyConnected,
                    Precision::Inferred,
                    now,
                );
            }
            Faults => {
                for _ in 0..FAULTS_A_MINUTE {
                    let rule = self.fault();
                    world.sim.inject(rule);
                }
            }
            Breaks(n) => {
                let account = cast::account(n);
                self.set_status(world, n, "CREDENTIALS");
                let refused = Fault::error(401, "disconnected_account");
                world.sim.inject(Rule::times(2, refused).of(&account));
            }
            Reports(n) => self.set_status(world, n, "CREDENTIALS"),
            Works(n) => self.set_status(world, n, "OK"),
            WebhooksDrop(on) => world.sim.drop_webhooks(on),
            Outage(true) => world
                .sim
                .inject(Rule::always(Fault::error(500, "provider_error"))),
            Outage(false) => world.sim.clear_faults(),
            NewKey => {
                self.keys += 1;
                let key = key(self.keys);
                world.sim.set(|s| s.api_key = key);
                world.polls = false;
            }
            KeyIsConfigured => {
                world.polls = true;
                world.configure(&key(self.keys));
                world.daemon.signal(Signal::HUP);
            }
            ReceiverFails(true) => {
                let down = Reply::status(503, "down for maintenance");
                world.receiver.answer("/crm", down);
            }
            ReceiverFails(false) => world.receiver.answer("/crm", Reply::ok()),
            Asks(signal) => {
                let wishes = world.wishes();
                world.daemon.signal(signal);
                if signal == Signal::USR1 {
                    // A signal is not answered. What is reported next must come after it.
                    world.wait_for_wishes_after(wishes);
                    self.asked.push(now);
                }
            }
            Kill => {
                let lives = Duration::from_micros(self.rng.random_range(0..5_000));
                world.step_and_kill(lives).await;
                let away = STEP * self.rng.random_range(0..120);
                self.at(world.now().plus(away), Start);
            }
            Start => world.daemon.start(now),
        }
    }

    /// The provider tells the status by webhook, and shows it in its list of accounts.
    fn set_status(&mut self, world: &World, n: usize, status: &str) {
        let account = cast::account(n);
        world.sim.set_status(&account, status);
        let change = (world.now(), status != "OK");
        self.listed.entry(account).or_default().push(change);
    }

    /// One more call that goes wrong, in any of the ways a provider has.
    fn fault(&mut self) -> Rule {
        let rng = &mut self.rng;
        let wait = Duration::from_secs(rng.random_range(1..180));
        let fault = match rng.random_range(0..16) {
            0 => Fault::throttled(None),
            1 => Fault::throttled(Some(rng.random_range(1..7_200))),
            2 => Fault::error(500, "provider_error"),
            3 => Fault::error(503, "no_client_session"),
            4 => Fault::error(504, "request_timeout"),
            5 => Fault::error(403, "insufficient_permissions"),
            6 => Fault::error(401, "expired_credentials"),
            7 => Fault::SlowHead(wait),
            8 => Fault::SlowBody(wait),
            9 => Fault::CutHead,
            10 => Fault::CutBody,
            11 => Fault::HtmlBody,
            12 => Fault::WrongType,
            13 => Fault::Endless,
            14 => Fault::ExpiredCursor,
            _ => Fault::RedirectTo("/api/v1/users/me".to_owned()),
        };
        let account = cast::account(rng.random_range(0..ACCOUNTS));
        Rule::times(rng.random_range(1..4), fault).of(&account)
    }
}

fn said(person: &mut Person, source: Source, precision: Precision, now: Timestamp) {
    person.signs.push(Sign {
        source,
        precision,
        value: (now, now.plus(STEP)),
        acknowledged: Some(now),
    });
}

/// Enrolls people, all of them or none.
pub async fn enroll(world: &World, people: &mut [Person]) {
    for people in people.chunks_mut(1_000) {
        for person in people.iter() {
            if person.noted && person.accepts_at.is_none_or(|at| at > world.now()) {
                let (account, note) = (cast::account(person.account), person.note());
                world.sim.invite(&account, person.number, note.as_deref());
            }
        }
        let rows: Vec<Value> = people.iter().map(Person::row).collect();
        let (status, body) = world.ask("POST", "/v1/enrollments", &json!(rows)).await;
        assert_eq!((status, &body["failed"]), (200, &json!(0)), "{body}");
        for person in people {
            person.enrolled = Some(world.now());
        }
    }
}
