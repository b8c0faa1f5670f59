//! Where log lines go: to a terminal as text, to the journal with priority and fields, or as JSON.
//!
//! `ACCEPTD_LOG` is the filter (`info` by default; for example `acceptd::poll=debug,info`). It does not apply to the HTTP
//! libraries: below warnings they log addresses, and the address of a destination is a secret, so they never do.

use std::io::IsTerminal;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::Context;
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::filter::{EnvFilter, filter_fn};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry::Registry;

use super::journal;

/// The environment variable with the filter.
pub const FILTER_VARIABLE: &str = "ACCEPTD_LOG";

/// Libraries that handle addresses or headers, which may be secret.
const SECRET_HANDLING_CRATES: [&str; 6] = [
    "reqwest",
    "hyper",
    "hyper_util",
    "h2",
    "rustls",
    "tokio_util",
];

/// Comes before `ACCEPTD_LOG` in the filter: the library logs its own start, which is of use only to those who ask for it.
const BASE_FILTER: &str = "tokio_cron_scheduler=warn";

/// How log lines look and where they go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// The journal if standard error is connected to it, else text.
    #[default]
    Auto,
    /// Readable lines on standard error, with colours on a terminal.
    Text,
    /// One JSON object per line, on standard error.
    Json,
    /// systemd's journal, with priority and fields.
    Journal,
}

/// Starts logging, once per process.
///
/// # Errors
/// If `ACCEPTD_LOG` is no filter, the journal was asked for and can't be reached, or logging was already started.
pub fn init(format: LogFormat) -> anyhow::Result<()> {
    let filter = filter(std::env::var(FILTER_VARIABLE).ok().as_deref())?;
    let no_secrets = filter_fn(may_be_logged);
    let subscriber = Registry::default()
        .with(sink(format)?.with_filter(no_secrets))
        .with(filter);
    // Not `try_init`: it would also collect the `log` records of libraries, whose targets the filters can't see.
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
        LogFormat::Journal => journal::connect()
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
        .parse(format!("{BASE_FILTER},{}", text.unwrap_or("info")))
        .with_context(|| {
            format!("{FILTER_VARIABLE} is not a log filter; try \"debug\" or \"acceptd::poll=debug,info\"")
        })
}

fn may_be_logged(meta: &Metadata<'_>) -> bool {
    let krate = meta.target().split("::").next().unwrap_or_default();
    *meta.level() <= Level::WARN || !SECRET_HANDLING_CRATES.contains(&krate)
}

/// Whether standard error is the stream that systemd connected to the journal. systemd names it by device and inode.
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
    fn the_http_libraries_stay_silent_even_if_asked_for() {
        let text = logged("trace,hyper_util=trace", || {
            tracing::trace!(target: "hyper_util::client", "https://hooks.example/secret");
            tracing::debug!(target: "reqwest::connect", "https://hooks.example/secret");
            tracing::debug!(target: "acceptd::tell", "ours");
        });
        assert!(text.contains("ours") && !text.contains("secret"), "{text}");
    }

    #[test]
    fn the_calendar_logs_only_if_it_is_asked_for() {
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
