//! How many connections and event streams there may be: bounded, and never more than the process may have files open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The bound where the system allows it.
const CONNECTIONS_MAX: u64 = 4_096;
/// At least so many are served where the system allows it.
const CONNECTIONS_MIN: usize = 1_024;
/// Files that are not incoming connections: the database, deliveries, provider calls, the log.
const OTHER_FILES: u64 = 512;

/// The most event streams, whatever the system allows.
const STREAMS_MAX: usize = 512;

/// How many event streams may be open: at most a quarter of the places, because a stream never gives way.
#[must_use]
pub fn streams_max() -> usize {
    let open_files = getrlimit(Resource::Nofile)
        .maximum
        .unwrap_or(u64::MAX)
        .min(CONNECTIONS_MAX + OTHER_FILES);
    (fitting(open_files) / 4).min(STREAMS_MAX)
}

/// How many connections fit under a limit on open files.
fn fitting(open_files: u64) -> usize {
    let fit = open_files
        .saturating_sub(OTHER_FILES)
        .clamp(64, CONNECTIONS_MAX);
    usize::try_from(fit).unwrap_or(64)
}

/// Raises the limit on open files as far as this process may, and says how many connections fit under it.
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
    let fit = fitting(open_files);
    if fit < CONNECTIONS_MIN {
        tracing::warn!(
            connections = fit,
            "the limit on open files leaves room for few connections; raise it to {wanted} (ulimit -n, LimitNOFILE=)"
        );
    }
    fit
}
