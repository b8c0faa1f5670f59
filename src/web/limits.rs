//! How many connections and event streams may be open: bounded, and never more than the limit on open files allows.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The most connections, where the system allows them.
const CONNECTIONS_MAX: u64 = 4_096;
/// A lower number of connections is worth a warning.
const CONNECTIONS_MIN: usize = 1_024;
/// Files that are not incoming connections: the database, deliveries, provider calls, the log.
const OTHER_FILES: u64 = 512;

/// The most event streams, whatever the system allows.
const STREAMS_MAX: usize = 512;

/// Returns how many event streams may be open: at most a quarter of the connections, because a stream is never evicted.
#[must_use]
pub fn streams_max() -> usize {
    let open_files = getrlimit(Resource::Nofile)
        .maximum
        .unwrap_or(u64::MAX)
        .min(CONNECTIONS_MAX + OTHER_FILES);
    (connections_for(open_files) / 4).min(STREAMS_MAX)
}

/// Returns how many connections fit under a limit on open files.
fn connections_for(open_files: u64) -> usize {
    let fit = open_files
        .saturating_sub(OTHER_FILES)
        .clamp(64, CONNECTIONS_MAX);
    usize::try_from(fit).unwrap_or(64)
}

/// Raises the limit on open files as far as this process may, and returns how many connections fit under it.
#[must_use]
pub fn connections_max() -> usize {
    let wanted = CONNECTIONS_MAX + OTHER_FILES;
    let limit = getrlimit(Resource::Nofile);
    let soft = limit.current.unwrap_or(u64::MAX);
    let mut open_files = soft;
    if soft < wanted {
        let raised = limit.maximum.unwrap_or(u64::MAX).min(wanted);
        let asked = Rlimit {
            current: Some(raised),
            maximum: limit.maximum,
        };
        if raised > soft && setrlimit(Resource::Nofile, asked).is_ok() {
            open_files = raised;
        }
    }
    let fit = connections_for(open_files);
    if fit < CONNECTIONS_MIN {
        tracing::warn!(
            connections = fit,
            open_files_wanted = wanted,
            "the limit on open files leaves room for few connections: raise it (ulimit -n, LimitNOFILE=)"
        );
    }
    fit
}
