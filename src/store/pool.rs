//! The store's own threads for queries. There are two pools, so that the daemon's own queries never wait behind views for people.
//! Neither uses tokio's blocking threads, which other code may keep busy.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::{Semaphore, oneshot};

use super::{Error, OpenError, Reader, open};

/// How many steps of SQLite's virtual machine run between two checks whether the query is still wanted: some microseconds.
const STEPS_PER_CHECK: i32 = 500;
/// The nice value of the view threads, so that the daemon's own work gets the processor first.
const NICE: i32 = 10;

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// A fixed number of threads, each with a query-only connection.
pub(super) struct Pool {
    jobs: Option<mpsc::Sender<Job>>,
    threads: Vec<JoinHandle<()>>,
    idle: Arc<Semaphore>,
}

/// How urgent the queries of a pool are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Urgency {
    /// The daemon's own work.
    Work,
    /// Views for people. The threads run at a lower priority.
    View,
}

impl Pool {
    /// Opens `size` connections and starts a thread for each.
    pub(super) fn start(path: &Path, urgency: Urgency, size: usize) -> Result<Self, OpenError> {
        let (jobs, queue) = mpsc::channel::<Job>();
        let queue = Arc::new(Mutex::new(queue));
        let name = match urgency {
            Urgency::Work => "reader",
            Urgency::View => "view",
        };
        let threads = (0..size)
            .map(|_| {
                let conn = open::reader(path)?;
                let queue = queue.clone();
                std::thread::Builder::new()
                    .name(name.to_owned())
                    .spawn(move || {
                        if urgency == Urgency::View {
                            // Affects this thread only. If it fails, queries still work.
                            let _ = rustix::process::setpriority_process(None, NICE);
                        }
                        work(conn, &queue);
                    })
                    .map_err(|error| OpenError::File {
                        path: path.to_owned(),
                        error,
                    })
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            jobs: Some(jobs),
            threads,
            idle: Arc::new(Semaphore::new(size)),
        })
    }

    /// Runs a query on the next idle thread. If the caller drops the future, a waiting query is never run, and a running query is
    /// interrupted.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Reader<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let gone = || Error::Unavailable("the store is closed".to_owned());
        let turn = self
            .idle
            .clone()
            .acquire_owned()
            .await
            .map_err(|_| gone())?;
        let (to, answer) = oneshot::channel();
        let unwanted = Unwanted::default();
        let flag = unwanted.0.clone();
        let job: Job = Box::new(move |conn| {
            let _turn = turn;
            if !flag.load(Ordering::Relaxed) {
                // The caller may have dropped the future.
                let _ = to.send(answer_of(conn, flag, query));
            }
        });
        let jobs = self.jobs.as_ref().ok_or_else(gone)?;
        jobs.send(job).map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    /// Returns the number of idle threads.
    #[cfg(test)]
    pub(super) fn idle(&self) -> usize {
        self.idle.available_permits()
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.jobs.take();
        let me = std::thread::current().id();
        // The last handle may be dropped by a query on one of these threads, which can't join itself.
        for thread in self.threads.drain(..).filter(|t| t.thread().id() != me) {
            // A panic of a query was answered to its caller. There is nothing else to report.
            let _ = thread.join();
        }
    }
}

/// Set when it is dropped: nobody waits for the answer any more.
#[derive(Default)]
struct Unwanted(Arc<AtomicBool>);

impl Drop for Unwanted {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn work(mut conn: Connection, queue: &Mutex<mpsc::Receiver<Job>>) {
    loop {
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match job {
            Ok(job) => job(&mut conn),
            Err(mpsc::RecvError) => return,
        }
    }
}

/// Runs the query in its own transaction, so that it sees one state of the database.
fn answer_of<T>(
    conn: &mut Connection,
    unwanted: Arc<AtomicBool>,
    query: impl FnOnce(&Reader<'_>) -> Result<T, Error>,
) -> Result<T, Error> {
    let is_unwanted = move || unwanted.load(Ordering::Relaxed);
    conn.progress_handler(STEPS_PER_CHECK, Some(is_unwanted))?;
    let result = catch_unwind(AssertUnwindSafe(|| {
        let tx = conn.unchecked_transaction()?;
        query(&Reader { conn: &tx })
    }));
    conn.progress_handler(0, None::<fn() -> bool>)?;
    if !conn.is_autocommit() {
        // The end of an interrupted transaction can be interrupted too.
        conn.execute_batch("ROLLBACK")?;
    }
    result.unwrap_or_else(|_| Err(Error::Internal("a query panicked".to_owned())))
}
