//! Files that are uploaded: they go to disk piece by piece, so they take no memory and need no `server.max_body`.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, Method, StatusCode, header};
use http_body_util::BodyExt;
use tokio::time::{MissedTickBehavior, interval};

use super::problem::Problem;
use crate::import::FILE_BYTES_MAX;
use crate::import::prepare::Upload;

/// A file may take as long as it likes while it arrives at this rate. [`GRACE`] is not counted.
const LEAST_BYTES_PER_SECOND: u64 = 16 * 1024;
/// How long a file may arrive at any rate.
const GRACE: Duration = Duration::from_secs(5);
/// How often the rate is checked.
const RATE_CHECK: Duration = Duration::from_secs(1);
/// How many bytes are written at once.
const PIECE_BYTES: usize = 256 * 1024;

/// Where files are uploaded to.
pub const PATH: &str = "/v1/imports";

/// Whether a request uploads a file.
#[must_use]
pub fn is_one(request: &Request) -> bool {
    request.method() == Method::POST && request.uri().path() == PATH
}

/// Reads a body into a file beside the database.
///
/// # Errors
/// 400, 408 or 413 if the body does not arrive as it should; 503 if the disk is full.
pub async fn receive(mut body: Body, database: &Path) -> Result<Upload, Problem> {
    let mut file = Upload::beside(database).map_err(|error| spool_failed(&error))?;
    let began = Instant::now();
    let (mut arrived, mut piece) = (0, Vec::new());
    let mut checks = interval(RATE_CHECK);
    checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let frame = tokio::select! {
            biased;
            frame = body.frame() => frame,
            _ = checks.tick() => {
                if is_slow(arrived, began.elapsed()) {
                    return Err(Problem::too_slow());
                }
                continue;
            }
        };
        let Some(frame) = frame else { break };
        let frame = frame.map_err(|_| {
            Problem::new(
                StatusCode::BAD_REQUEST,
                "The body ended before it was whole.",
            )
        })?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        arrived += data.len() as u64;
        if arrived > FILE_BYTES_MAX {
            return Err(too_large());
        }
        piece.extend_from_slice(&data);
        if piece.len() >= PIECE_BYTES {
            file = add(file, std::mem::take(&mut piece)).await?;
        }
    }
    add(file, piece).await
}

/// Writes a piece on a thread that may block.
async fn add(mut file: Upload, piece: Vec<u8>) -> Result<Upload, Problem> {
    tokio::task::spawn_blocking(move || file.add(&piece).map(|()| file))
        .await
        .map_err(|_| Problem::internal())?
        .map_err(|error| spool_failed(&error))
}

fn is_slow(arrived: u64, took: Duration) -> bool {
    arrived < took.saturating_sub(GRACE).as_secs() * LEAST_BYTES_PER_SECOND
}

/// 413: the file is too large.
#[must_use]
pub fn too_large() -> Problem {
    let mib = FILE_BYTES_MAX >> 20;
    Problem::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        format!("The file is larger than {mib} MiB. Split it."),
    )
    .with_header(header::CONNECTION, HeaderValue::from_static("close"))
}

/// 503: the file can't be kept on disk.
#[must_use]
pub fn spool_failed(error: &io::Error) -> Problem {
    tracing::warn!(%error, "an uploaded file can't be kept beside the database");
    Problem::unavailable("The file can't be kept beside the database; is the disk full?")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_may_take_long_but_not_trickle() {
        let s = Duration::from_secs;
        assert!(!is_slow(0, s(5)));
        assert!(is_slow(0, s(6)));
        assert!(!is_slow(60 * 16 * 1024, s(65)));
        assert!(is_slow(60 * 16 * 1024, s(66)));
    }
}
