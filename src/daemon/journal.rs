//! Log lines for systemd's journal: `tracing-journald` sends them, with priority and fields (`ACCEPTD_…`). The message repeats the
//! fields, because `journalctl` shows nothing else by default.

use std::fmt::{self, Write};
use std::io;

use tracing::field::{Field, Value, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_journald::{Priority, PriorityMappings};
use tracing_subscriber::layer::{Context, Layer};

/// The most fields of one event; more are left out. Events of this program have far fewer.
const FIELDS_MAX: usize = 32;

/// Connects to the journal.
pub(super) fn connect<S>() -> io::Result<impl Layer<S> + Send + Sync>
where
    S: Subscriber + for<'s> tracing_subscriber::registry::LookupSpan<'s>,
{
    let journal = tracing_journald::layer()?
        .with_field_prefix(Some("ACCEPTD".to_owned()))
        .with_syslog_identifier("acceptd".to_owned())
        .with_priority_mappings(PriorityMappings {
            info: Priority::Informational,
            debug: Priority::Debug,
            ..PriorityMappings::new()
        });
    Ok(WholeMessage(journal))
}

/// Hands events to another layer, with a message that repeats the fields.
struct WholeMessage<L>(L);

impl<S: Subscriber, L: Layer<S>> Layer<S> for WholeMessage<L> {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        self.0.on_new_span(attributes, id, context);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        self.0.on_record(id, values, context);
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut recorded = Recorded::default();
        event.record(&mut recorded);
        let Some(message) = event.metadata().fields().field("message") else {
            return self.0.on_event(event, context);
        };
        let line = recorded.line();
        let fields = recorded.fields.iter();
        let fields = fields.map(|(field, value)| (field, Some(value as &dyn Value)));
        let mut values = [(&message, None); FIELDS_MAX];
        values[0].1 = Some(&line as &dyn Value);
        for (slot, field) in values[1..].iter_mut().zip(fields) {
            *slot = field;
        }
        let values = event.metadata().fields().value_set(&values);
        self.0
            .on_event(&Event::new(event.metadata(), &values), context);
    }
}

/// What an event says.
#[derive(Default)]
struct Recorded {
    message: String,
    fields: Vec<(Field, String)>,
}

impl Recorded {
    /// The message and the fields, as on a terminal.
    fn line(&self) -> String {
        let mut line = self.message.clone();
        for (field, value) in &self.fields {
            let plain = !value.is_empty() && !value.contains([' ', '"', '=', '\n']);
            // Writing to a String does not fail.
            let _ = match plain {
                true => write!(line, " {field}={value}"),
                false => write!(line, " {field}={value:?}"),
            };
        }
        line
    }

    fn add(&mut self, field: &Field, value: String) {
        match field.name() {
            "message" => self.message = value,
            _ => self.fields.push((field.clone(), value)),
        }
    }
}

impl Visit for Recorded {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::layer::SubscriberExt;
    use tracing_subscriber::registry::Registry;

    use super::*;

    /// Keeps what it gets.
    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Recorded>>);

    impl<S: Subscriber> Layer<S> for Kept {
        fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
            event.record(&mut *self.0.lock().expect("no panic elsewhere"));
        }
    }

    #[test]
    fn the_message_repeats_the_fields() {
        let kept = Kept::default();
        let subscriber = Registry::default().with(WholeMessage(kept.clone()));
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(enrollment = %"enr_1", lag_s = 2, path = None::<&str>, reason = "a b\nPRIORITY=0", "accepted");
        });
        let kept = kept.0.lock().expect("no panic elsewhere");
        assert_eq!(
            kept.message,
            "accepted enrollment=enr_1 lag_s=2 reason=\"a b\\nPRIORITY=0\""
        );
        let fields = kept.fields.iter();
        let fields: Vec<_> = fields
            .map(|(f, value)| (f.name(), value.as_str()))
            .collect();
        let reason = ("reason", "a b\nPRIORITY=0");
        assert_eq!(fields, [("enrollment", "enr_1"), ("lag_s", "2"), reason]);
    }
}
