//! The memory that the provider's answers take: all of them together have a bound, however many calls are under way.

use tokio::sync::{Mutex, MutexGuard, Semaphore, SemaphorePermit};

/// The most that all bodies take together, in KiB. What is made of a body may take several times its size.
const BODIES_KIB_MAX: usize = 64 * 1024;

/// One for the process: the calls of a client that a reload replaced still count.
static FREE: Semaphore = Semaphore::const_new(BODIES_KIB_MAX);
static READING: Mutex<()> = Mutex::const_new(());

/// The memory of one answer. Keep it for as long as the answer.
#[derive(Debug)]
pub struct Room {
    _taken: Option<SemaphorePermit<'static>>,
}

impl Room {
    /// Waits for room for a body of at most this size, and takes all of it at once: nobody waits for more while holding some.
    pub(super) async fn take(bytes_max: usize) -> Self {
        let kib = bytes_max.div_ceil(1024).clamp(1, BODIES_KIB_MAX);
        let taken = FREE.acquire_many(u32::try_from(kib).unwrap_or(u32::MAX));
        Self {
            // The semaphore is never closed.
            _taken: taken.await.ok(),
        }
    }
}

/// Waits for the turn to read a body as JSON. One at a time: a tree of JSON values may take thirty times the size of its text.
pub(super) async fn reading() -> MutexGuard<'static, ()> {
    READING.lock().await
}
