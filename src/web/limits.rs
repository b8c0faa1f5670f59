//! How many connections there may be: bounded, and never more than the process may have files open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The bound where the system allows it.
const CONNECTIONS_MAX: u64 = 4_096;
/// Contract section 4: at least so many are served.
const CONNECTIONS_MIN: u64 = 1_024;
/// Files that are not incoming connections: the database, deliveries, provider calls, the log.
const OTHER_FILES: u64 = 512;

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
    let fit = open_files
        .saturating_sub(OTHER_FILES)
        .clamp(64, CONNECTIONS_MAX);
    if fit < CONNECTIONS_MIN {
        tracing::warn!(
            connections = fit,
            "the limit on open files leaves room for few connections; raise it to {wanted} (ulimit -n, LimitNOFILE=)"
        );
    }
    usize::try_from(fit).unwrap_or(64)
}
