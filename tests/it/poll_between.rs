//! The relations list changes between two pages while cursors are positions: no person is missed for good or stamped twice.

use std::sync::Mutex;

use acceptd::domain::time::Timestamp;
use serde_json::json;

use crate::evidence_support::profile_id;
use crate::odd_provider::{Stage, days_ago, page, relation};

const QUICK: &str =
    "every = \"1s\"\njitter = \"1ms\"\nspacing = \"50ms\"\nspacing_jitter = \"1ms\"\npage_size = 3";
const PAGE: usize = 3;
const PEOPLE: std::ops::Range<u64> = 100..109;
/// Those who are waited for: both sides of every border between pages.
const WAITED_FOR: [u64; 5] = [102, 103, 105, 106, 108];

/// Everybody of a list that `change` changes after each page that is read; then each has one stamp and one event.
async fn all_are_found(change: impl Fn(&mut Vec<u64>, usize) + Send + Sync + 'static) {
    let list = Mutex::new((PEOPLE.collect::<Vec<_>>(), 0));
    let stage = Stage::open(QUICK, move |target| {
        let from: usize = target
            .split("cursor=at-")
            .nth(1)
            .map_or(0, |at| at.parse().expect("our own cursor"));
        let (list, calls) = &mut *list.lock().expect("not poisoned");
        let items: Vec<_> = list
            .iter()
            .skip(from)
            .take(PAGE)
            .map(|number| {
                let days = if PEOPLE.contains(number) {
                    number - 98
                } else {
                    1
                };
                relation(*number, json!(days_ago(days.cast_signed())))
            })
            .collect();
        let next = (from + PAGE < list.len()).then(|| format!("at-{}", from + PAGE));
        *calls += 1;
        change(list, *calls);
        page(&items, next.as_deref())
    })
    .await;
    // At once: each that came later would make the poller read everything again.
    let rows: Vec<_> = WAITED_FOR
        .iter()
        .map(|number| {
            json!({
                "id": format!("enr_{number}"), "accountId": "acc_1", "providerId": profile_id(*number),
                "invitedAt": Timestamp(days_ago(40)),
            })
        })
        .collect();
    let (status, body) = stage.send("POST", "/v1/enrollments", json!(rows)).await;
    assert_eq!((status, &body["failed"]), (200, &json!(0)), "{body}");
    let ids = WAITED_FOR.map(|number| format!("enr_{number}"));
    for id in &ids {
        stage.accepted(id).await;
    }
    let (_, events) = stage.send("GET", "/v1/events", json!(null)).await;
    assert_eq!(events["items"].as_array().map(Vec::len), Some(ids.len()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn relations_that_are_added_between_two_pages_hide_nobody() {
    all_are_found(|list, calls| {
        if calls <= 4 {
            list.insert(0, 500 + calls as u64);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relation_that_slips_to_an_earlier_page_is_found_later() {
    all_are_found(|list, calls| {
        if calls == 1 {
            list.remove(0);
        }
    })
    .await;
}
