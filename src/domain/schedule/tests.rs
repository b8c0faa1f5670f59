//! Slots at the edges of days, weeks and summer time; what is refused.

use proptest::prelude::*;

use super::*;

fn schedule(zone: &str, days: &[&str], start: &str, end: &str, jitter: &str) -> Schedule {
    Schedule::read(&json!({
        "timezone": zone, "days": days, "start": start, "end": end, "jitter": jitter,
    }))
    .expect("a schedule")
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).expect("a time")
}

fn slot(schedule: &Schedule, from: &str) -> String {
    schedule.next_slot(at(from)).expect("a slot").rfc3339()
}

const WEEK: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

#[test]
fn what_is_stored_is_read_back_unchanged() {
    let given = json!({
        "timezone": "Europe/Berlin", "days": ["fri", "mon", "fri"], "start": "09:00", "end": "17:00",
    });
    let kept = Schedule::read(&given).expect("a schedule");
    assert_eq!(
        kept.to_json(),
        json!({
            "timezone": "Europe/Berlin", "days": ["mon", "fri"], "start": "09:00", "end": "17:00", "jitter": "0s",
        })
    );
    let again = Schedule::parse(&kept.to_json().to_string()).expect("what we wrote");
    assert_eq!(again.to_json(), kept.to_json());
}

#[test]
fn an_impossible_value_is_an_error_of_its_field() {
    let whole = json!({
        "timezone": "UTC", "days": ["mon"], "start": "09:00", "end": "17:00", "jitter": "5m",
    });
    for (name, value) in [
        ("timezone", json!("Mars/Olympus")),
        ("timezone", json!(1)),
        ("days", json!([])),
        ("days", json!(["monday"])),
        ("days", json!("mon")),
        ("start", json!("9:00")),
        ("start", json!("24:00")),
        ("start", json!("+9:00")),
        ("end", json!("17:60")),
        ("end", Value::Null),
        ("jitter", json!("soon")),
        ("jitter", json!(5)),
    ] {
        let mut given = whole.clone();
        given[name] = value;
        let bad = Schedule::read(&given).expect_err("it can't be");
        assert_eq!(bad.field, Some(format!("schedule.{name}")));
    }
    let bad = Schedule::read(&json!([])).expect_err("no object");
    assert_eq!(bad.field.as_deref(), Some("schedule"));
}

#[test]
fn a_slot_is_now_inside_the_hours_else_the_next_hours() {
    let office = schedule(
        "Europe/Berlin",
        &["mon", "tue", "wed", "thu", "fri"],
        "09:00",
        "17:00",
        "5m",
    );
    // A Wednesday, 14:00 in Berlin.
    assert_eq!(
        slot(&office, "2026-05-06T12:00:00.123Z"),
        "2026-05-06T12:00:00.123Z"
    );
    assert_eq!(
        slot(&office, "2026-05-06T06:59:59.999Z"),
        "2026-05-06T07:00:00.000Z"
    );
    // 17:00 is over; a Friday's evening waits for Monday.
    assert_eq!(
        slot(&office, "2026-05-08T15:00:00Z"),
        "2026-05-11T07:00:00.000Z"
    );
}

#[test]
fn over_midnight_belongs_to_the_day_it_began_on() {
    let night = schedule("UTC", &["fri"], "22:00", "06:00", "0s");
    assert!(night.is_valid(at("2026-05-08T23:00:00Z")));
    assert!(night.is_valid(at("2026-05-09T05:59:59Z")));
    assert!(!night.is_valid(at("2026-05-09T06:00:00Z")));
    assert!(!night.is_valid(at("2026-05-08T05:00:00Z")));
    assert_eq!(
        slot(&night, "2026-05-09T06:00:00Z"),
        "2026-05-15T22:00:00.000Z"
    );
}

#[test]
fn equal_is_the_whole_day() {
    let sundays = schedule("America/New_York", &["sun"], "09:00", "09:00", "0s");
    assert_eq!(
        slot(&sundays, "2026-05-09T12:00:00Z"),
        "2026-05-10T04:00:00.000Z"
    );
    assert!(sundays.is_valid(at("2026-05-11T03:59:59Z")));
    assert!(!sundays.is_valid(at("2026-05-11T04:00:00Z")));
    let always = schedule("UTC", &WEEK, "00:00", "00:00", "1h");
    let now = at("2026-05-09T23:59:59Z");
    assert_eq!(always.next_slot(now), Some(now));
    assert_eq!(
        always.with_jitter(now, 1.0),
        now.plus(Duration::from_secs(3_600))
    );
}

#[test]
fn an_hour_that_summer_time_skips_is_no_slot() {
    // In Berlin, 2026-03-29 02:00 to 03:00 does not exist.
    let skipped = schedule("Europe/Berlin", &["sun"], "02:00", "03:00", "0s");
    assert_eq!(
        slot(&skipped, "2026-03-28T12:00:00Z"),
        "2026-04-05T00:00:00.000Z"
    );
    let cut = schedule("Europe/Berlin", &["sun"], "02:30", "05:00", "0s");
    assert_eq!(
        slot(&cut, "2026-03-28T12:00:00Z"),
        "2026-03-29T01:00:00.000Z"
    );
}

#[test]
fn an_hour_that_comes_twice_is_a_slot_twice() {
    // In Berlin, 2026-10-25 02:00 to 03:00 comes twice: from 00:00Z and from 01:00Z.
    let twice = schedule("Europe/Berlin", &["sun"], "02:00", "02:30", "2h");
    assert_eq!(
        slot(&twice, "2026-10-24T12:00:00Z"),
        "2026-10-25T00:00:00.000Z"
    );
    assert_eq!(
        slot(&twice, "2026-10-25T00:30:00Z"),
        "2026-10-25T01:00:00.000Z"
    );
    assert_eq!(
        twice.with_jitter(at("2026-10-25T00:00:00Z"), 1.0),
        at("2026-10-25T00:29:59.999Z")
    );
}

#[test]
fn a_day_is_as_long_as_its_clock_says() {
    let berlin = schedule("Europe/Berlin", &["sun"], "09:00", "17:00", "0s");
    let hours = |text: &str| {
        let (begin, end) = berlin.day(at(text)).expect("a day");
        end.since(begin).as_secs() / 3_600
    };
    assert_eq!(hours("2026-03-29T12:00:00Z"), 23);
    assert_eq!(hours("2026-10-25T12:00:00Z"), 25);
    assert_eq!(hours("2026-05-06T22:30:00Z"), 24);
}

fn any_schedule() -> impl Strategy<Value = Schedule> {
    let zones = prop::sample::select(vec![
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "America/Sao_Paulo",
        "Australia/Lord_Howe",
        "Asia/Kathmandu",
        "Pacific/Apia",
    ]);
    let days = prop::sample::subsequence(WEEK.to_vec(), 1..=7);
    let time = || (0..24_u8, 0..60_u8).prop_map(|(h, m)| format!("{h:02}:{m:02}"));
    let jitter = prop::sample::select(vec!["0s", "5m", "90m", "2d"]);
    (zones, days, time(), time(), jitter)
        .prop_map(|(zone, days, start, end, jitter)| schedule(zone, &days, &start, &end, jitter))
}

proptest! {
    /// From 2000 to 2040, which holds every kind of change of summer time and a day that Samoa left out.
    #[test]
    fn a_slot_is_valid_the_first_and_never_before(
        schedule in any_schedule(),
        from in 946_684_800_000_i64..2_208_988_800_000,
        parts in prop::collection::vec(0.0..1.0_f64, 16),
    ) {
        let from = Timestamp(from);
        let slot = schedule.next_slot(from).expect("there is always another week");
        prop_assert!(slot >= from);
        prop_assert!(schedule.is_valid(slot));
        let wait = slot.since(from);
        for part in &parts {
            let before = from.plus(wait.mul_f64(*part));
            prop_assert!(before >= slot || !schedule.is_valid(before), "{before} was missed");
        }
        for part in parts {
            let moved = schedule.with_jitter(slot, part);
            prop_assert!(moved >= slot && moved <= slot.plus(schedule.jitter));
            prop_assert!(schedule.is_valid(moved));
        }
    }

    #[test]
    fn a_day_holds_its_instants(schedule in any_schedule(), at in 946_684_800_000_i64..2_208_988_800_000) {
        let (begin, end) = schedule.day(Timestamp(at)).expect("a day");
        prop_assert!(begin.0 <= at && at < end.0);
        prop_assert_eq!(schedule.day(begin), Some((begin, end)));
    }

    #[test]
    fn reading_never_panics(text in ".{0,40}", time in "[0-9:]{0,6}") {
        let _ = Schedule::parse(&text);
        let _ = Schedule::read(&json!({"timezone": text, "days": [time], "start": time, "end": time, "jitter": text}));
    }
}
