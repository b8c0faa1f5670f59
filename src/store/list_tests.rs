//! Lists and counts return the same as a plain check of every row, whatever index they use.

use std::sync::Arc;

use rusqlite::Connection;
use tempfile::TempDir;

use super::{EnrollmentFilter, NoObserver, Reader, SignalFilter, Store};
use crate::domain::enrollment::Status;
use crate::domain::ids::CampaignId;
use crate::domain::signal::{Outcome, Path, Source};

/// More rows than the first query of a list reads. Rows of rare kinds come last.
const ROWS: i64 = 11_000;

const FILL: &str = "
INSERT INTO accounts (id, provider, created_at) VALUES ('a0', 'unipile', 1), ('a1', 'unipile', 1);
INSERT INTO campaigns (id, created_at) VALUES ('c0', 1), ('c1', 1), ('c2', 1);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT :rows),
kinds AS (SELECT i, CASE WHEN i < 6000 THEN 'PENDING' ELSE
    (CASE i % 9 WHEN 0 THEN 'PENDING' WHEN 1 THEN 'CONNECTION_SENT' WHEN 2 THEN 'CONNECTION_ACCEPTED' WHEN 3 THEN 'MESSAGE_SENT'
      WHEN 4 THEN 'REPLY_RECEIVED' WHEN 5 THEN 'OPPORTUNITY' WHEN 6 THEN 'NOT_INTERESTED' WHEN 7 THEN 'DONE'
      ELSE 'CONNECTION_ACCEPTED' END) END AS status FROM n),
rows AS (SELECT *, 'a' || (i % 2) AS account, 'c' || (i / 7 % 3) AS campaign,
    status IN ('CONNECTION_ACCEPTED', 'MESSAGE_SENT', 'REPLY_RECEIVED') OR (i > 6000 AND i % 18 = 5) AS accepted FROM kinds)
INSERT INTO enrollments (seq, id, account_id, campaign_id, status, invited_at, accepted_at, accepted_precision, detected_at,
  source, path, pre_connected, late, accept_key, replied_at, public_identifier, created_at)
SELECT i, 'e' || i, account, campaign, status, iif(i % 5 = 0, NULL, 1000000 + i),
  iif(accepted, 1500000 + i * 7919 % 90000000, NULL), iif(accepted, 'exact', NULL), iif(accepted, 1, NULL),
  iif(accepted, iif(i % 4 = 0, 'poll', 'webhook'), NULL), iif(accepted AND i % 3 > 0, iif(i % 3 = 1, 'bridge', 'direct'), NULL),
  accepted AND i % 13 = 2, accepted AND i % 90 = 2, iif(accepted, 'li-accept:' || account || ':e' || i, NULL),
  iif(accepted AND i % 4 = 1, 2000000, NULL), iif(i % 10 = 0, NULL, 'p' || i), 1
FROM rows;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT :rows)
INSERT INTO signals (id, received_at, source, account_id, outcome, reason, raw)
SELECT i, i, CASE WHEN i % 100 > 0 OR i > 4000 THEN 'webhook' ELSE iif(i % 200 > 0, 'poll', 'resync') END, 'a' || (i % 2),
  CASE WHEN i > 4000 THEN 'unmatched' ELSE iif(i % 3 = 0, 'stamped', 'ambiguous') END, '', '{}' FROM n;";

/// Returns a database with rows of every kind, and a plain connection to it.
pub(super) fn filled() -> (TempDir, Connection) {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("a.db");
    drop(Store::open(&path, Arc::new(NoObserver)).expect("a database"));
    let observer: Arc<dyn super::StoreObserver> = Arc::new(NoObserver);
    let conn = super::open::writer(&path, &observer).expect("a connection");
    conn.pragma_update(None, "foreign_keys", false)
        .expect("a pragma");
    conn.execute_batch(&FILL.replace(":rows", &ROWS.to_string()))
        .expect("the rows fit");
    (dir, conn)
}

/// Returns every combination of the filters of the enrollment list.
pub(super) fn enrollment_filters() -> Vec<EnrollmentFilter> {
    let text = |text: &str| Some(text.to_owned());
    let mut filters = Vec::new();
    let statuses = Status::ALL.iter().copied().map(Some).chain([None]);
    for status in statuses {
        for late in [None, Some(true), Some(false)] {
            for path in [None, Some(Path::Bridge)] {
                for connected in [None, Some(true), Some(false)] {
                    for (campaign, account) in [
                        (None, None),
                        (text("c1"), None),
                        (None, text("a1")),
                        (text("c1"), text("a1")),
                    ] {
                        for after in [None, Some(5_998)]
                            .into_iter()
                            .take(1 + usize::from(path.is_none()))
                        {
                            filters.push(EnrollmentFilter {
                                campaign: campaign.clone(),
                                account: account.clone(),
                                status,
                                late,
                                path,
                                connected,
                                q: None,
                                after,
                            });
                        }
                    }
                }
            }
        }
    }
    filters
}

/// Returns every combination of the filters of the ledger.
pub(super) fn signal_filters() -> Vec<SignalFilter> {
    let mut filters = Vec::new();
    for outcome in Outcome::ALL.iter().copied().map(Some).chain([None]) {
        for source in Source::ALL.iter().copied().map(Some).chain([None]) {
            for account in [None, Some("a1".to_owned())] {
                for before in [None, Some(3_000)] {
                    filters.push(SignalFilter {
                        outcome,
                        source,
                        account: account.clone(),
                        before,
                    });
                }
            }
        }
    }
    filters
}

#[test]
fn a_filtered_list_has_the_rows_that_fit() {
    let (_dir, conn) = filled();
    let reader = Reader { conn: &conn };
    let all = reader
        .enrollments(&EnrollmentFilter::default(), 100_000)
        .expect("all");
    assert_eq!(all.len(), usize::try_from(ROWS).expect("small"));
    for filter in enrollment_filters() {
        let fits = all.iter().filter(|e| {
            let accept = e.accept.as_ref();
            filter
                .campaign
                .as_ref()
                .is_none_or(|c| c == e.campaign.as_str())
                && filter
                    .account
                    .as_ref()
                    .is_none_or(|a| a == e.account.as_str())
                && filter.status.is_none_or(|s| s == e.status)
                && filter
                    .late
                    .is_none_or(|l| l == accept.is_some_and(|a| a.late))
                && filter
                    .path
                    .is_none_or(|p| accept.is_some_and(|a| a.path == Some(p)))
                && filter.connected.is_none_or(|c| c == accept.is_some())
                && filter.after.is_none_or(|a| e.seq > a)
        });
        let expected: Vec<i64> = fits.map(|e| e.seq).take(30).collect();
        let found = reader.enrollments(&filter, 30).expect("a list");
        let found: Vec<i64> = found.iter().map(|e| e.seq).collect();
        assert_eq!(found, expected, "{filter:?}");
    }
}

#[test]
fn a_filtered_ledger_has_the_rows_that_fit() {
    let (_dir, conn) = filled();
    let reader = Reader { conn: &conn };
    let all = reader
        .signals(&SignalFilter::default(), 100_000)
        .expect("all");
    assert_eq!(all.len(), usize::try_from(ROWS).expect("small"));
    for filter in signal_filters() {
        let fits = all.iter().filter(|s| {
            filter.outcome.is_none_or(|o| o == s.outcome)
                && filter.source.is_none_or(|o| o == s.source)
                && filter
                    .account
                    .as_ref()
                    .is_none_or(|a| Some(a) == s.account.as_ref())
                && filter.before.is_none_or(|b| s.id < b)
        });
        let expected: Vec<i64> = fits.map(|s| s.id).take(30).collect();
        let found = reader.signals(&filter, 30).expect("a list");
        let found: Vec<i64> = found.iter().map(|s| s.id).collect();
        assert_eq!(found, expected, "{filter:?}");
    }
}

#[test]
fn counts_from_indexes_are_those_of_the_rows() {
    let (_dir, conn) = filled();
    let reader = Reader { conn: &conn };
    for id in ["c0", "c1", "c2"] {
        let counts = reader
            .campaign_counts(&CampaignId::parse(id).expect("an id"))
            .expect("counts");
        let count = |condition: &str| -> u64 {
            let sql = format!(
                "SELECT count(*) FROM enrollments NOT INDEXED WHERE campaign_id = ?1 AND ({condition})"
            );
            conn.query_row(&sql, [id], |row| {
                row.get::<_, i64>(0).map(i64::unsigned_abs)
            })
            .expect("a count")
        };
        let invited = "invited_at IS NOT NULL OR status = 'CONNECTION_SENT'";
        let expected = [
            (counts.enrolled, "1".to_owned()),
            (counts.accepted, "accepted_at IS NOT NULL".to_owned()),
            (counts.pre_connected, "pre_connected".to_owned()),
            (counts.replied, "replied_at IS NOT NULL".to_owned()),
            (counts.late, "late".to_owned()),
            (
                counts.invited,
                format!("{invited} OR (accepted_at IS NOT NULL AND NOT pre_connected)"),
            ),
            (
                counts.accepted_of_invited,
                "accepted_at IS NOT NULL AND NOT pre_connected".to_owned(),
            ),
            (
                counts.invited_not_pre_connected,
                format!("NOT pre_connected AND ({invited} OR accepted_at IS NOT NULL)"),
            ),
        ];
        for (found, condition) in expected {
            assert_eq!(found, count(&condition), "{id}: {condition}");
        }
        let median: Option<f64> = conn
            .query_row(
                "WITH spans AS (
                   SELECT max(0, (accepted_at - invited_at) / 1000) AS s,
                     row_number() OVER (ORDER BY max(0, (accepted_at - invited_at) / 1000)) AS place, count(*) OVER () AS n
                   FROM enrollments
                   WHERE campaign_id = ?1 AND accepted_at IS NOT NULL AND invited_at IS NOT NULL AND NOT pre_connected)
                 SELECT avg(s) FROM spans WHERE place IN ((n + 1) / 2, (n + 2) / 2)",
                [id],
                |row| row.get(0),
            )
            .expect("a median");
        assert_eq!(counts.median_seconds_to_accept, median, "{id}");
    }
}
