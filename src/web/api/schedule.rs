//! The schedule of a campaign as it comes in (contract section 12): checked by the domain, kept as JSON.

use serde_json::Value;

use crate::domain::bad_input::BadInput;
use crate::domain::schedule::Schedule;

/// A schedule as the text that is kept. The outer `None` means left out, the inner one `null`.
///
/// # Errors
/// The field that can't be read, as `schedule.…`.
pub fn read(value: Option<&Value>) -> Result<Option<Option<String>>, BadInput> {
    match value {
        None => Ok(None),
        Some(Value::Null) => Ok(Some(None)),
        Some(value) => Ok(Some(Some(Schedule::read(value)?.to_json().to_string()))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn left_out_cleared_or_kept_whole() {
        assert_eq!(read(None), Ok(None));
        assert_eq!(read(Some(&Value::Null)), Ok(Some(None)));
        let given = json!({"timezone": "UTC", "days": ["mon"], "start": "09:00", "end": "17:00"});
        let kept = read(Some(&given))
            .ok()
            .flatten()
            .flatten()
            .unwrap_or_default();
        assert!(kept.contains(r#""jitter":"0s""#), "{kept}");
        assert!(read(Some(&json!("always"))).is_err());
    }
}
