//! Bounds the memory of all provider answers together, whatever the number of calls in progress.

use tokio::sync::{Mutex, MutexGuard, Semaphore, SemaphorePermit};

/// The limit for all bodies together, in KiB. A parsed body may take several times its size.
const BODIES_KIB_MAX: usize = 64 * 1024;

/// Shared by the whole process, so that calls of a client that a reload replaced still count.
static FREE_KIB: Semaphore = Semaphore::const_new(BODIES_KIB_MAX);
static PARSING: Mutex<()> = Mutex::const_new(());

/// The reserved memory of one answer. Keep it for as long as the answer.
#[derive(Debug)]
pub struct BodyMemory {
    _taken: Option<SemaphorePermit<'static>>,
}

impl BodyMemory {
    /// Waits until a body of at most `bytes_max` fits and reserves that much. It is reserved in one step, so two calls can't wait for each
    /// other.
    pub(super) async fn take(bytes_max: usize) -> Self {
        let kib = bytes_max.div_ceil(1024).clamp(1, BODIES_KIB_MAX);
        let taken = FREE_KIB.acquire_many(u32::try_from(kib).unwrap_or(u32::MAX));
        Self {
            // The semaphore is never closed.
            _taken: taken.await.ok(),
        }
    }
}

/// Waits for the turn to parse a body. Bodies are parsed one at a time: a tree of JSON values may take thirty times the size of its text.
pub(super) async fn parse_turn() -> MutexGuard<'static, ()> {
    PARSING.lock().await
}
