//! The database as the web listeners use it: views for people and scrapers. What they change goes through
//! [`crate::reconcile::AuditedWrites`].

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, watch};

use super::{Error, Reader, Store, Tx};
use crate::domain::time::Timestamp;

/// How many views run at once.
pub(super) const VIEWS: usize = 4;
/// How many views may run or wait. More are refused, so that a new view never waits for minutes.
const VIEWS_WAITING_MAX: usize = 1_024;
/// How long a view may wait and run. This also limits how long it can prevent SQLite from truncating its log.
const VIEW_TIME_MAX: Duration = Duration::from_secs(10);

/// The store without its writer, and without its internal readers, which views for people must not occupy. Cheap to clone.
#[derive(Clone)]
pub struct ApiStore {
    store: Store,
    places: Arc<Semaphore>,
    time_max: Duration,
}

impl ApiStore {
    pub(super) fn new(store: Store) -> Self {
        Self {
            store,
            places: Arc::new(Semaphore::new(VIEWS_WAITING_MAX)),
            time_max: VIEW_TIME_MAX,
        }
    }

    /// Runs a query for people on one of the view threads. It sees one state of the database. If the future is dropped, for
    /// example because the client disconnected, the query is not run or is interrupted.
    ///
    /// # Errors
    /// Returns the error of `query`, or [`Error::Busy`] if too many views wait or this one took too long.
    pub async fn view<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Reader<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let _place = self.places.try_acquire().map_err(|_| {
            Error::Busy("Too many queries are waiting; try again in a few seconds.".to_owned())
        })?;
        let answer = self.store.0.views.run(query);
        tokio::time::timeout(self.time_max, answer)
            .await
            .unwrap_or_else(|_| {
                Err(Error::Busy(format!(
                    "The query was stopped after {} seconds; narrow it, ask for fewer items, or try again later.",
                    self.time_max.as_secs()
                )))
            })
    }

    /// Commits something, to show that the database can. Changes nothing that anybody asks for.
    pub async fn probe(&self, now: Timestamp) -> Result<(), Error> {
        self.store.write(move |tx| tx.probe(now)).await
    }

    /// Notes that a session was used.
    pub async fn touch_session(&self, id_hash: [u8; 32], now: Timestamp) -> Result<(), Error> {
        let touch = move |tx: &Tx<'_>| tx.touch_session(&id_hash, now);
        self.store.write(touch).await
    }

    /// Returns the number of commits. A commit is counted before its writes are acknowledged.
    #[must_use]
    pub fn commit_count(&self) -> u64 {
        *self.store.0.commits.borrow()
    }

    /// Like [`Store::commits`].
    #[must_use]
    pub fn commits(&self) -> watch::Receiver<u64> {
        self.store.commits()
    }

    /// Like [`Store::commit_turns`].
    #[must_use]
    pub fn commit_turns(&self) -> u64 {
        self.store.commit_turns()
    }

    /// Like [`Store::fatal`].
    #[must_use]
    pub fn fatal(&self) -> watch::Receiver<Option<String>> {
        self.store.fatal()
    }

    /// Like [`Store::path`].
    #[must_use]
    pub fn path(&self) -> &Path {
        self.store.path()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::mpsc;

    use futures_util::FutureExt;

    use super::*;
    use crate::store::NoObserver;

    fn store() -> (tempfile::TempDir, Store) {
        let dir = tempfile::tempdir().expect("a directory");
        let store =
            Store::open(&dir.path().join("a.db"), Arc::new(NoObserver)).expect("a database");
        (dir, store)
    }

    /// Runs until it is interrupted.
    fn endless(r: &Reader<'_>) -> Result<i64, Error> {
        let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
        Ok(r.conn.query_row(sql, [], |row| row.get(0))?)
    }

    #[tokio::test]
    async fn internal_reads_do_not_wait_for_views() {
        let (_dir, store) = store();
        let api = store.for_api();
        let crowd: Vec<_> = (0..3 * VIEWS)
            .map(|_| {
                let api = api.clone();
                tokio::spawn(async move { api.view(endless).await })
            })
            .collect();
        // Views are first come, first served: this one begins when those before it are gone.
        while api.store.0.views.idle() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(store.read(|r| r.next_check_at()).await.expect("read"), None);
        crowd.iter().for_each(tokio::task::JoinHandle::abort);
        // And those who hung up are interrupted: the next view is answered.
        assert_eq!(api.view(|r| r.next_check_at()).await.expect("viewed"), None);
    }

    #[tokio::test]
    async fn a_view_that_nobody_waits_for_any_more_is_never_run() {
        let (_dir, store) = store();
        let api = store.for_api();
        let mut gates = Vec::new();
        for _ in 0..VIEWS {
            let (open, gate) = mpsc::channel::<()>();
            gates.push(open);
            let api = api.clone();
            tokio::spawn(async move { api.view(move |_| Ok(gate.recv().is_ok())).await });
        }
        while api.store.0.views.idle() > 0 {
            tokio::task::yield_now().await;
        }
        let ran = Arc::new(AtomicBool::new(false));
        let mark = ran.clone();
        let mut waiting = Box::pin(api.view(move |_| {
            mark.store(true, Ordering::Relaxed);
            Ok(())
        }));
        assert!(waiting.as_mut().now_or_never().is_none());
        drop(waiting);
        drop(gates);
        api.view(|_| Ok(())).await.expect("viewed");
        assert!(!ran.load(Ordering::Relaxed));
    }

    #[tokio::test]
    async fn a_view_that_takes_too_long_is_stopped_and_says_so() {
        let (_dir, store) = store();
        let mut api = store.for_api();
        api.time_max = Duration::from_millis(50);
        for _ in 0..2 * VIEWS {
            let error = api.view(endless).await.expect_err("stopped");
            assert!(matches!(&error, Error::Busy(_)), "{error}");
        }
    }

    #[tokio::test]
    async fn views_beyond_the_bound_are_refused() {
        let (_dir, store) = store();
        let mut api = store.for_api();
        api.places = Arc::new(Semaphore::new(VIEWS + 1));
        let mut views: Vec<_> = (0..=VIEWS).map(|_| Box::pin(api.view(endless))).collect();
        for view in &mut views {
            assert!(view.as_mut().now_or_never().is_none());
        }
        let refused = api.view(|_| Ok(())).await.expect_err("refused");
        assert!(
            matches!(&refused, Error::Busy(why) if why.contains("waiting")),
            "{refused}"
        );
        drop(views);
        api.view(|_| Ok(())).await.expect("there is room again");
    }
}
