//! Log lines for systemd's journal, by its own protocol: the priority, the fields (`ACCEPTD_…`), and a message that says it all,
//! because `journalctl` shows nothing else.

use std::fmt::{self, Write};
use std::io;
use std::os::unix::net::UnixDatagram;

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer};

const SOCKET: &str = "/run/systemd/journal/socket";
/// A longer message or value is cut: the journal takes a datagram only up to the size of the socket's buffer.
const MESSAGE_BYTES_MAX: usize = 32 * 1024;
/// The longest name of a field that the journal takes.
const NAME_BYTES_MAX: usize = 64;

/// Sends each event to the journal.
pub(super) struct Journal {
    socket: UnixDatagram,
}

impl Journal {
    /// Connects to the journal.
    pub(super) fn connect() -> io::Result<Self> {
        let socket = UnixDatagram::unbound()?;
        socket.connect(SOCKET)?;
        Ok(Self { socket })
    }
}

impl<S: Subscriber> Layer<S> for Journal {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut entry = Entry::default();
        event.record(&mut entry);
        // Where else could it be said that the journal does not listen?
        let _ = self.socket.send(&entry.datagram(event.metadata()));
    }
}

/// The fields of an event, in their order.
#[derive(Default)]
struct Entry {
    message: String,
    fields: Vec<(&'static str, String)>,
}

impl Entry {
    fn datagram(&self, meta: &tracing::Metadata<'_>) -> Vec<u8> {
        let mut out = Vec::with_capacity(512);
        let priority = match *meta.level() {
            Level::ERROR => "3",
            Level::WARN => "4",
            Level::INFO => "6",
            _ => "7",
        };
        put(&mut out, "PRIORITY", priority);
        put(&mut out, "SYSLOG_IDENTIFIER", "acceptd");
        put(&mut out, "ACCEPTD_TARGET", meta.target());
        put(&mut out, "MESSAGE", &self.line());
        for (name, value) in &self.fields {
            put(&mut out, &journal_name(name), value);
        }
        out
    }

    /// The message and the fields, as on a terminal.
    fn line(&self) -> String {
        let mut line = self.message.clone();
        for (name, value) in &self.fields {
            let plain = !value.is_empty() && !value.contains([' ', '"', '=', '\n']);
            // Writing into a String can't fail.
            let _ = match plain {
                true => write!(line, " {name}={value}"),
                false => write!(line, " {name}={value:?}"),
            };
        }
        cut(line)
    }

    fn add(&mut self, field: &Field, value: String) {
        match field.name() {
            "message" => self.message = value,
            name => self.fields.push((name, cut(value))),
        }
    }
}

impl Visit for Entry {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, format!("{value:?}"));
    }
}

fn cut(mut text: String) -> String {
    let mut end = text.len().min(MESSAGE_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text
}

/// `lag_s` is `ACCEPTD_LAG_S`: the journal takes capitals, digits and underscores.
fn journal_name(name: &str) -> String {
    let name = name.trim_start_matches("r#");
    let plain = name.chars().map(|c| match c.to_ascii_uppercase() {
        c @ ('A'..='Z' | '0'..='9') => c,
        _ => '_',
    });
    "ACCEPTD_"
        .chars()
        .chain(plain)
        .take(NAME_BYTES_MAX)
        .collect()
}

/// One field: the name, the length, the value, so that a value may hold line breaks and no value can pretend to be a field.
fn put(out: &mut Vec<u8>, name: &str, value: &str) {
    out.extend_from_slice(name.as_bytes());
    out.push(b'\n');
    out.extend_from_slice(&(value.len() as u64).to_le_bytes());
    out.extend_from_slice(value.as_bytes());
    out.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing_subscriber::layer::SubscriberExt;
    use tracing_subscriber::registry::Registry;

    fn sent(work: impl FnOnce()) -> Vec<(String, String)> {
        let (ours, theirs) = UnixDatagram::pair().expect("a pair of sockets");
        let subscriber = Registry::default().with(Journal { socket: ours });
        tracing::subscriber::with_default(subscriber, work);
        let mut datagram = vec![0; 65_536];
        let length = theirs.recv(&mut datagram).expect("a datagram");
        let mut rest = &datagram[..length];
        let mut fields = Vec::new();
        while let Some(end) = rest.iter().position(|b| *b == b'\n') {
            let (name, after) = (&rest[..end], &rest[end + 1..]);
            let size = u64::from_le_bytes(after[..8].try_into().expect("eight bytes"));
            let size = usize::try_from(size).expect("a size");
            let value = &after[8..8 + size];
            assert_eq!(after[8 + size], b'\n');
            rest = &after[9 + size..];
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
            fields.push((text(name), text(value)));
        }
        fields
    }

    #[test]
    fn the_message_says_it_all_and_the_fields_can_be_searched() {
        let fields = sent(|| {
            tracing::info!(enrollment = %"enr_1", lag_s = 2, path = None::<&str>, reason = "a b\nPRIORITY=0", "accepted");
        });
        let get = |name: &str| {
            let found = fields.iter().find(|(n, _)| n == name);
            found.map(|(_, value)| value.as_str())
        };
        assert_eq!(get("PRIORITY"), Some("6"));
        assert_eq!(get("ACCEPTD_ENROLLMENT"), Some("enr_1"));
        assert_eq!(get("ACCEPTD_LAG_S"), Some("2"));
        assert_eq!(
            get("MESSAGE"),
            Some("accepted enrollment=enr_1 lag_s=2 reason=\"a b\\nPRIORITY=0\"")
        );
        assert_eq!(fields.iter().filter(|(n, _)| n == "PRIORITY").count(), 1);
    }

    #[test]
    fn a_message_of_any_length_is_sent() {
        let fields = sent(|| tracing::error!("{}", "é".repeat(40_000)));
        let (_, message) = fields
            .iter()
            .find(|(name, _)| name == "MESSAGE")
            .expect("a message");
        assert_eq!(message.len(), MESSAGE_BYTES_MAX);
    }
}
