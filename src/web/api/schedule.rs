//! The schedule of a campaign as it comes in (contract section 12): checked here, kept as JSON.

use serde_json::{Value, json};

use crate::config::duration;
use crate::domain::signal::BadInput;

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// A schedule as the text that is kept. The outer `None` means left out, the inner one `null`.
///
/// # Errors
/// The field that can't be read, as `schedule.…`.
pub fn read(value: Option<&Value>) -> Result<Option<Option<String>>, BadInput> {
    let schedule = match value {
        None => return Ok(None),
        Some(Value::Null) => return Ok(Some(None)),
        Some(Value::Object(schedule)) => schedule,
        Some(_) => {
            return Err(BadInput::field(
                "schedule",
                "schedule must be an object or null.",
            ));
        }
    };
    let text = |name: &str| {
        schedule
            .get(name)
            .and_then(Value::as_str)
            .ok_or_else(|| field(name, "is needed, a string."))
    };
    let timezone = text("timezone")?;
    if jiff::tz::TimeZone::get(timezone).is_err() {
        return Err(field(
            "timezone",
            "must be an IANA time zone such as Europe/Berlin.",
        ));
    }
    let jitter = match schedule.get("jitter") {
        None | Some(Value::Null) => None,
        Some(_) => Some(text("jitter")?),
    };
    if let Some(jitter) = jitter {
        duration(jitter, true).map_err(|why| field("jitter", &format!("can't be read: {why}.")))?;
    }
    Ok(Some(Some(
        json!({
            "timezone": timezone,
            "days": days(schedule.get("days"))?,
            "start": clock_time("start", text("start")?)?,
            "end": clock_time("end", text("end")?)?,
            "jitter": jitter.unwrap_or("0s"),
        })
        .to_string(),
    )))
}

fn field(name: &str, what: &str) -> BadInput {
    BadInput::field(format!("schedule.{name}"), format!("{name} {what}"))
}

/// The days, each once, in the order of the week.
fn days(value: Option<&Value>) -> Result<Vec<&'static str>, BadInput> {
    let bad = || {
        field(
            "days",
            "must be a list of at least one of mon, tue, wed, thu, fri, sat, sun.",
        )
    };
    let given = value
        .and_then(Value::as_array)
        .filter(|days| !days.is_empty())
        .ok_or_else(bad)?;
    if given
        .iter()
        .any(|day| !day.as_str().is_some_and(|day| DAYS.contains(&day)))
    {
        return Err(bad());
    }
    Ok(DAYS
        .into_iter()
        .filter(|day| given.iter().any(|g| g.as_str() == Some(day)))
        .collect())
}

/// `HH:MM`.
fn clock_time(name: &str, text: &str) -> Result<String, BadInput> {
    let read = || {
        let (hours, minutes) = text.split_once(':')?;
        let two = |part: &str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
        let in_range = hours.parse::<u8>().ok()? < 24 && minutes.parse::<u8>().ok()? < 60;
        (two(hours) && two(minutes) && in_range).then(|| text.to_owned())
    };
    read().ok_or_else(|| field(name, "must be a time of day such as 09:00."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bad_field(value: Value) -> Option<String> {
        read(Some(&value)).err().and_then(|bad| bad.field)
    }

    #[test]
    fn what_is_kept_is_whole() {
        let kept = read(Some(&json!({
            "timezone": "Europe/Berlin", "days": ["fri", "mon", "fri"], "start": "09:00", "end": "17:00",
        })));
        assert_eq!(
            kept.ok().flatten().flatten().as_deref(),
            Some(
                r#"{"days":["mon","fri"],"end":"17:00","jitter":"0s","start":"09:00","timezone":"Europe/Berlin"}"#
            )
        );
        assert_eq!(read(None), Ok(None));
        assert_eq!(read(Some(&Value::Null)), Ok(Some(None)));
    }

    #[test]
    fn what_can_t_be_is_an_error_of_its_field() {
        let with = |name: &str, value: Value| {
            let mut schedule = json!({
                "timezone": "UTC", "days": ["mon"], "start": "09:00", "end": "17:00", "jitter": "5m",
            });
            schedule[name] = value;
            bad_field(schedule)
        };
        for (name, value) in [
            ("timezone", json!("Mars/Olympus")),
            ("timezone", json!(1)),
            ("days", json!([])),
            ("days", json!(["monday"])),
            ("days", json!("mon")),
            ("start", json!("9:00")),
            ("start", json!("24:00")),
            ("end", json!("17:60")),
            ("end", Value::Null),
            ("jitter", json!("soon")),
            ("jitter", json!(5)),
        ] {
            assert_eq!(with(name, value), Some(format!("schedule.{name}")));
        }
        assert_eq!(bad_field(json!([])), Some("schedule".to_owned()));
    }
}
