//! When the next steps of a campaign may go out: days and hours in local time. See `docs/rules/next-steps.md`.
//!
//! Whether an instant is valid depends on the local time at that instant. An hour that daylight saving time skips is never
//! valid, and an hour that occurs twice is valid twice.

#[cfg(test)]
mod tests;

use std::time::Duration;

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::bad_input::BadInput;
use super::time::{Timestamp, duration};

const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

/// The number of days that are searched for a slot. If daylight saving time skips the only hour of a week, the next one is a
/// week later.
const LOOK_AHEAD_DAYS: i64 = 22;

/// The validated schedule of a campaign.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    name: String,
    zone: TimeZone,
    days: Vec<Weekday>,
    start: Time,
    end: Time,
    jitter_text: String,
    jitter: Duration,
}

impl Schedule {
    /// Reads `{"timezone", "days", "start", "end", "jitter"?}`. A missing `jitter` means none.
    ///
    /// # Errors
    /// Returns the first field that cannot be read, as `schedule.…`.
    pub fn read(value: &Value) -> Result<Self, BadInput> {
        let Value::Object(fields) = value else {
            return Err(BadInput::field(
                "schedule",
                "schedule must be an object or null.",
            ));
        };
        let text = |name: &str| {
            fields
                .get(name)
                .and_then(Value::as_str)
                .ok_or_else(|| field(name, "is required and must be a string."))
        };
        let name = text("timezone")?;
        let zone = TimeZone::get(name).map_err(|_| {
            field(
                "timezone",
                "must be an IANA time zone such as Europe/Berlin.",
            )
        })?;
        let jitter_text = match fields.get("jitter") {
            None | Some(Value::Null) => "0s",
            Some(_) => text("jitter")?,
        };
        Ok(Self {
            name: name.to_owned(),
            zone,
            days: days(fields.get("days"))?,
            start: clock_time("start", text("start")?)?,
            end: clock_time("end", text("end")?)?,
            jitter_text: jitter_text.to_owned(),
            jitter: duration(jitter_text, true)
                .map_err(|why| field("jitter", &format!("can't be read: {why}.")))?,
        })
    }

    /// Reads what [`Schedule::to_json`] wrote.
    ///
    /// # Errors
    /// Fails if the text was not written by [`Schedule::to_json`], or if this machine no longer knows its time zone.
    pub fn parse(text: &str) -> Result<Self, BadInput> {
        let value = serde_json::from_str(text)
            .map_err(|_| BadInput::field("schedule", "schedule must be JSON."))?;
        Self::read(&value)
    }

    /// Returns the schedule as the API shows it: complete, each day once, in the order of the week.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let days: Vec<&str> = DAYS
            .iter()
            .filter(|(_, day)| self.days.contains(day))
            .map(|(name, _)| *name)
            .collect();
        json!({
            "timezone": self.name,
            "days": days,
            "start": self.start.strftime("%H:%M").to_string(),
            "end": self.end.strftime("%H:%M").to_string(),
            "jitter": self.jitter_text,
        })
    }

    /// Whether a step may go out at this instant. `end` itself is excluded. If `end` is before `start`, the hours run over
    /// midnight and belong to the day on which they began. If both are equal, the whole day is valid.
    #[must_use]
    pub fn is_valid(&self, at: Timestamp) -> bool {
        let Some(local) = stamp(at).map(|at| self.zone.to_datetime(at)) else {
            return false;
        };
        let on = |date: Date| self.days.contains(&date.weekday());
        let (date, time) = (local.date(), local.time());
        if self.start == self.end {
            on(date)
        } else if self.start < self.end {
            on(date) && self.start <= time && time < self.end
        } else {
            (on(date) && time >= self.start) || (time < self.end && date.yesterday().is_ok_and(on))
        }
    }

    /// Returns the first valid instant at or after `from`. `None` only at the end of the representable time.
    #[must_use]
    pub fn next_slot(&self, from: Timestamp) -> Option<Timestamp> {
        if self.is_valid(from) {
            return Some(from);
        }
        self.next_change(from, true)
    }

    /// Moves a slot by a part (0 to 1) of the jitter, but not beyond the end of its hours.
    #[must_use]
    pub fn with_jitter(&self, slot: Timestamp, part: f64) -> Timestamp {
        let room = match self.next_change(slot, false) {
            Some(over) => self.jitter.min(over.since(slot)),
            None => self.jitter,
        };
        let moved = slot.plus(room.mul_f64(part.clamp(0.0, 1.0)));
        if self.is_valid(moved) {
            moved
        } else {
            // The end of the hours itself is not valid.
            moved.minus(Duration::from_millis(1)).max(slot)
        }
    }

    /// Returns the day of the schedule's time zone that contains an instant. See [`local_day`].
    #[must_use]
    pub fn day(&self, at: Timestamp) -> Option<(Timestamp, Timestamp)> {
        local_day(&self.zone, at)
    }

    /// Returns the first instant after `after` at which validity becomes `wanted`. Candidates are the local `start` and `end`
    /// of each day, and changes of the zone's offset.
    fn next_change(&self, after: Timestamp, wanted: bool) -> Option<Timestamp> {
        let from = stamp(after)?;
        let mut changes: Vec<jiff::Timestamp> = Vec::new();
        let mut date = self.zone.to_datetime(from).date();
        for _ in 0..LOOK_AHEAD_DAYS {
            for time in [Time::midnight(), self.start, self.end] {
                let local = self
                    .zone
                    .to_ambiguous_zoned_datetime(date.to_datetime(time));
                changes.extend(local.clone().earlier().ok().map(|at| at.timestamp()));
                changes.extend(local.later().ok().map(|at| at.timestamp()));
            }
            let Ok(next) = date.tomorrow() else { break };
            date = next;
        }
        if let Some(last) = changes.iter().max().copied() {
            let shifts = self.zone.following(from).map(|shift| shift.timestamp());
            changes.extend(shifts.take_while(|at| *at <= last));
        }
        changes.sort_unstable();
        changes
            .into_iter()
            .map(|at| Timestamp(at.as_millisecond()))
            .find(|at| *at > after && self.is_valid(*at) == wanted)
    }
}

/// Returns the first instant of the local day that contains `at`, and the first instant of the next day. `None` only at the
/// end of the representable time.
#[must_use]
pub fn local_day(zone: &TimeZone, at: Timestamp) -> Option<(Timestamp, Timestamp)> {
    let date = zone.to_datetime(stamp(at)?).date();
    let begin = |date: Date| {
        date.to_zoned_datetime(zone.clone())
            .ok()
            .map(|first| Timestamp(first.timestamp().as_millisecond()))
    };
    Some((begin(date)?, begin(date.tomorrow().ok()?)?))
}

fn stamp(at: Timestamp) -> Option<jiff::Timestamp> {
    jiff::Timestamp::from_millisecond(at.0).ok()
}

fn field(name: &str, what: &str) -> BadInput {
    BadInput::field(format!("schedule.{name}"), format!("{name} {what}"))
}

fn days(value: Option<&Value>) -> Result<Vec<Weekday>, BadInput> {
    let read = || {
        let given = value?.as_array().filter(|days| !days.is_empty())?;
        given
            .iter()
            .map(|day| DAYS.iter().find(|(name, _)| day == name))
            .map(|known| known.map(|(_, day)| *day))
            .collect::<Option<Vec<_>>>()
    };
    read().ok_or_else(|| {
        field(
            "days",
            "must be a list of at least one of mon, tue, wed, thu, fri, sat, sun.",
        )
    })
}

/// Reads a time of day as `HH:MM`.
fn clock_time(name: &str, text: &str) -> Result<Time, BadInput> {
    let read = || {
        let (hours, minutes) = text.split_once(':')?;
        let two = |part: &str| {
            (part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit()))
                .then(|| part.parse::<i8>().ok())
                .flatten()
        };
        Time::new(two(hours)?, two(minutes)?, 0, 0).ok()
    };
    read().ok_or_else(|| field(name, "must be a time of day such as 09:00."))
}
