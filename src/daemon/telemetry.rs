//! Where log lines go: to a terminal for people, to the journal with priority and fields, or as JSON.
//!
//! `ACCEPTD_LOG` filters (`info` by default; `acceptd::poll=debug,info` and the like). The HTTP libraries stay silent whatever
//! it says: below warnings they tell addresses, and the address of a destination is a secret.

use std::io::IsTerminal;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::Context;
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::filter::{EnvFilter, filter_fn};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry::Registry;

use super::journal::Journal;

/// The environment variable with the filter.
pub const FILTER_VARIABLE: &str = "ACCEPTD_LOG";

/// Libraries that see addresses or headers.
const CONFIDANTS: [&str; 6] = [
    "reqwest",
    "hyper",
    "hyper_util",
    "h2",
    "rustls",
    "tokio_util",
];

/// Before what `ACCEPTD_LOG` says: what a library tells of its own start is of no use to anybody who did not ask for it.
const BY_DEFAULT: &str = "tokio_cron_scheduler=warn";

/// How log lines look and where they go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// The journal when standard error is connected to it, else text.
    #[default]
    Auto,
    /// Lines for people, on standard error; coloured on a terminal.
    Text,
    /// One JSON object a line, on standard error.
    Json,
    /// systemd's journal, with priority and fields.
    Journal,
}

/// Starts logging, once per process.
///
/// # Errors
/// When `ACCEPTD_LOG` can't be read, when the journal was asked for and is not there, or when logging was started before.
pub fn init(format: LogFormat) -> anyhow::Result<()> {
    let filter = filter(std::env::var(FILTER_VARIABLE).ok().as_deref())?;
    let quiet = filter_fn(may_be_logged);
    let subscriber = Registry::default()
        .with(sink(format)?.with_filter(quiet))
        .with(filter);
    // Not `try_init`: that would also take in the `log` records of libraries, whose targets the filters can't see.
    tracing::subscriber::set_global_default(subscriber).context("logging was already started")
}

fn sink<S>(format: LogFormat) -> anyhow::Result<Box<dyn Layer<S> + Send + Sync>>
where
    S: Subscriber + for<'s> tracing_subscriber::registry::LookupSpan<'s>,
{
    let format = match format {
        LogFormat::Auto if stderr_is_the_journal() => LogFormat::Journal,
        LogFormat::Auto => LogFormat::Text,
        chosen => chosen,
    };
    Ok(match format {
        LogFormat::Journal => Journal::connect()
            .context("the journal can't be reached; start with --log text instead")?
            .boxed(),
        LogFormat::Json => tracing_subscriber::fmt::layer()
            .json()
            .flatten_event(true)
            .with_writer(std::io::stderr)
            .boxed(),
        LogFormat::Auto | LogFormat::Text => tracing_subscriber::fmt::layer()
            .with_ansi(std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none())
            .with_target(false)
            .with_writer(std::io::stderr)
            .boxed(),
    })
}

fn filter(text: Option<&str>) -> anyhow::Result<EnvFilter> {
    let text = text.filter(|text| !text.trim().is_empty());
    EnvFilter::builder()
        .parse(format!("{BY_DEFAULT},{}", text.unwrap_or("info")))
        .with_context(|| {
            format!("{FILTER_VARIABLE} is not a log filter; try \"debug\" or \"acceptd::poll=debug,info\"")
        })
}

fn may_be_logged(meta: &Metadata<'_>) -> bool {
    let krate = meta.target().split("::").next().unwrap_or_default();
    *meta.level() <= Level::WARN || !CONFIDANTS.contains(&krate)
}

/// Whether standard error is the stream that systemd connected to the journal: it names that by device and inode.
fn stderr_is_the_journal() -> bool {
    let Ok(named) = std::env::var("JOURNAL_STREAM") else {
        return false;
    };
    Path::new("/proc/self/fd/2")
        .metadata()
        .is_ok_and(|stderr| named == format!("{}:{}", stderr.dev(), stderr.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("no other holder panics").write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn logged(filter_text: &str, work: impl FnOnce()) -> String {
        let page = Page::default();
        let copy = page.clone();
        let sink = tracing_subscriber::fmt::layer()
            .with_ansi(false)
            .with_writer(move || copy.clone());
        let subscriber = Registry::default()
            .with(sink.with_filter(filter_fn(may_be_logged)))
            .with(filter(Some(filter_text)).expect("a valid filter"));
        tracing::subscriber::with_default(subscriber, work);
        let bytes = page.0.lock().expect("no other holder panics").clone();
        String::from_utf8(bytes).expect("text")
    }

    #[test]
    fn the_http_libraries_stay_silent_even_when_they_are_asked_for() {
        let text = logged("trace,hyper_util=trace", || {
            tracing::trace!(target: "hyper_util::client", "https://hooks.example/secret");
            tracing::debug!(target: "reqwest::connect", "https://hooks.example/secret");
            tracing::debug!(target: "acceptd::tell", "ours");
        });
        assert!(text.contains("ours") && !text.contains("secret"), "{text}");
    }

    #[test]
    fn the_calendar_s_own_lines_are_shown_to_those_who_ask_for_them() {
        let say = || tracing::info!(target: "tokio_cron_scheduler::job", "Job creator created");
        assert_eq!(logged("", say), "");
        assert_eq!(logged("debug", say), "");
        assert!(logged("tokio_cron_scheduler=info", say).contains("Job creator"));
    }

    #[test]
    fn info_is_the_default_and_nonsense_is_refused() {
        let text = logged("", || {
            tracing::info!("seen");
            tracing::debug!("unseen");
        });
        assert!(text.contains("seen") && !text.contains("unseen"), "{text}");
        assert!(filter(Some("acceptd=loud")).is_err());
    }
}
