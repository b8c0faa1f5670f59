//! After the accept (contract section 12), through the socket on a clock that is moved by hand: next steps and open invites.

use std::time::Duration;

use acceptd::clock::Clock;
use acceptd::daemon::steps;
use acceptd::domain::time::Ms;
use serde_json::{Value, json};

use crate::process::Process;
use crate::site_support::{Site, client};

/// A Wednesday, 14:00 in Berlin.
const WEDNESDAY: &str = "2026-05-06T12:00:00Z";

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

fn ms(text: &str) -> Ms {
    Ms::parse(text).expect("a time")
}

fn time(value: &Value) -> Ms {
    ms(value.as_str().expect("a time"))
}

fn office(jitter: &str) -> Value {
    json!({
        "timezone": "Europe/Berlin", "days": ["mon", "tue", "wed", "thu", "fri"], "start": "09:00", "end": "17:00",
        "jitter": jitter,
    })
}

/// A site at an instant, with these enrollments invited an hour ago in the running campaign `c`.
async fn site(now: &str, campaign: Value, enrollments: &[&str]) -> Site {
    let site = Site::on_clock(Clock::by_hand(ms(now))).await;
    enroll(&site, enrollments).await;
    change(&site, campaign).await;
    site
}

async fn enroll(site: &Site, ids: &[&str]) {
    let invited = site.clock.now().minus(HOUR).rfc3339();
    let rows: Vec<Value> = ids
        .iter()
        .map(|id| {
            json!({
                "id": id, "accountId": "acc_1", "campaignId": "c", "linkedinUrl": format!("linkedin.com/in/{id}"),
                "invitedAt": invited,
            })
        })
        .collect();
    let (status, answer) = site.post("/v1/enrollments", json!(rows)).await;
    assert_eq!((status, &answer["failed"]), (200, &json!(0)), "{answer}");
}

async fn change(site: &Site, campaign: Value) {
    let (status, answer) = site.call("PATCH", "/v1/campaigns/c", Some(campaign)).await;
    assert_eq!(status, 200, "{answer}");
}

async fn accept(site: &Site, id: &str) -> Value {
    let (status, e) = site
        .post(
            &format!("/v1/enrollments/{id}/stamp"),
            json!({"reason": "seen"}),
        )
        .await;
    assert_eq!(status, 200, "{e}");
    e
}

/// The events of a type. What is due now has gone out before: the same look that the daemon takes.
async fn events(site: &Site, kind: &str) -> Vec<Value> {
    steps::look(&site.reconciler, &site.clock)
        .await
        .expect("a look");
    let (_, all) = site.get("/v1/events").await;
    let items = all["items"].as_array().expect("items").clone();
    items.into_iter().filter(|e| e["type"] == kind).collect()
}

async fn due(site: &Site) -> Vec<Value> {
    events(site, "linkedin.next_step_due").await
}

/// Waits for the daemon's own task to have done it.
async fn until_events(site: &Site, kind: &str, n: usize) {
    let mut commits = site.store.commits();
    loop {
        let (_, all) = site.get("/v1/events").await;
        let items = all["items"].as_array().expect("items").clone();
        if items.iter().filter(|e| e["type"] == kind).count() >= n {
            return;
        }
        tokio::time::timeout(Duration::from_secs(20), commits.changed())
            .await
            .expect("the task writes it")
            .expect("the store is open");
    }
}

#[tokio::test]
async fn inside_the_hours_it_is_due_within_the_jitter_and_goes_out_once() {
    let site = site(WEDNESDAY, json!({"schedule": office("5m")}), &["a"]).await;
    let e = accept(&site, "a").await;
    let at = time(&e["nextStepAt"]);
    let now = site.clock.now();
    assert!(at >= now && at <= now.plus(Duration::from_secs(300)), "{e}");
    let accepts = events(&site, "linkedin.invite_accepted").await;
    assert_eq!(accepts[0]["data"]["nextStepAt"], e["nextStepAt"]);

    if at > now {
        site.clock.set(at.minus(Duration::from_millis(1)));
        assert!(due(&site).await.is_empty());
    }
    site.clock.set(at);
    // Its own task wakes by the clock.
    until_events(&site, "linkedin.next_step_due", 1).await;
    site.clock.advance(DAY);
    let steps = due(&site).await;
    assert_eq!(steps.len(), 1);
    assert_eq!(steps[0]["data"]["dedupeKey"], "li-step:acc_1:a");
    assert_eq!(steps[0]["data"]["nextStepAt"], e["nextStepAt"]);
    assert_eq!(steps[0]["data"]["acceptedAt"], e["acceptedAt"]);
}

#[tokio::test]
async fn outside_the_hours_it_waits_for_the_next() {
    // A Friday, 17:00 in Berlin: over.
    let site = site(
        "2026-05-08T15:00:00Z",
        json!({"schedule": office("0s")}),
        &["a"],
    )
    .await;
    let e = accept(&site, "a").await;
    assert_eq!(e["nextStepAt"], "2026-05-11T07:00:00.000Z");
    site.clock.set(ms("2026-05-11T06:59:59Z"));
    assert!(due(&site).await.is_empty());
    site.clock.set(ms("2026-05-11T07:00:00Z"));
    assert_eq!(due(&site).await.len(), 1);
}

#[tokio::test]
async fn late_pre_connected_and_unscheduled_accepts_queue_nothing() {
    let site = site(
        WEDNESDAY,
        json!({"schedule": office("0s"), "acceptWindow": "30m"}),
        &["late", "paused", "known", "free"],
    )
    .await;
    let late = accept(&site, "late").await;
    assert_eq!(
        (&late["late"], &late["nextStepAt"]),
        (&json!(true), &Value::Null)
    );
    change(&site, json!({"acceptWindow": null, "status": "paused"})).await;
    assert_eq!(accept(&site, "paused").await["nextStepAt"], Value::Null);
    change(&site, json!({"status": "running"})).await;
    let (_, known) = site
        .post(
            "/v1/enrollments/known/stamp",
            json!({"reason": "old friends", "at": "2020-01-01T00:00:00Z"}),
        )
        .await;
    assert_eq!(
        (&known["preConnected"], &known["nextStepAt"]),
        (&json!(true), &Value::Null)
    );
    change(&site, json!({"schedule": null})).await;
    let free = accept(&site, "free").await;
    assert_eq!(
        (&free["late"], &free["nextStepAt"]),
        (&json!(false), &Value::Null)
    );
    let accepts = events(&site, "linkedin.invite_accepted").await;
    assert_eq!(accepts.len(), 4);
    for e in accepts {
        assert_eq!(e["data"].get("nextStepAt"), Some(&Value::Null), "{e}");
    }
}

#[tokio::test]
async fn a_late_accept_is_queued_by_hand() {
    let site = site(
        WEDNESDAY,
        json!({"schedule": office("0s"), "acceptWindow": "30m"}),
        &["late", "open"],
    )
    .await;
    accept(&site, "late").await;
    let queue = |id: &'static str| site.call("POST", id, None);
    let (status, problem) = queue("/v1/enrollments/open/next-step").await;
    assert_eq!((status, &problem["type"]), (409, &json!("not-accepted")));
    assert_eq!(queue("/v1/enrollments/none/next-step").await.0, 404);
    change(&site, json!({"schedule": null})).await;
    let (status, problem) = queue("/v1/enrollments/late/next-step").await;
    assert_eq!((status, &problem["type"]), (409, &json!("no-schedule")));
    change(&site, json!({"schedule": office("0s")})).await;
    let (status, e) = queue("/v1/enrollments/late/next-step").await;
    assert_eq!(
        (status, &e["nextStepAt"]),
        (200, &json!("2026-05-06T12:00:00.000Z")),
        "{e}"
    );
    until_events(&site, "linkedin.next_step_due", 1).await;
    let (status, problem) = queue("/v1/enrollments/late/next-step").await;
    assert_eq!((status, &problem["type"]), (409, &json!("step-exists")));
    assert_eq!(due(&site).await.len(), 1);
}

#[tokio::test]
async fn full_days_move_on_for_each_account_alone() {
    let site = site(
        WEDNESDAY,
        json!({"schedule": office("5m"), "dailyCap": 2}),
        &["a", "b", "c", "d", "e"],
    )
    .await;
    let mut days = Vec::new();
    for id in ["a", "b", "c", "d", "e"] {
        let e = accept(&site, id).await;
        days.push(e["nextStepAt"].as_str().expect("queued")[..10].to_owned());
    }
    assert_eq!(
        days,
        [
            "2026-05-06",
            "2026-05-06",
            "2026-05-07",
            "2026-05-07",
            "2026-05-08"
        ]
    );
    site.post(
        "/v1/enrollments",
        json!({"id": "x", "accountId": "acc_2", "campaignId": "c", "linkedinUrl": "linkedin.com/in/x",
               "invitedAt": "2026-05-06T11:00:00Z"}),
    )
    .await;
    let e = accept(&site, "x").await;
    assert_eq!(
        &e["nextStepAt"].as_str().expect("queued")[..10],
        "2026-05-06"
    );
}

#[tokio::test]
async fn in_a_paused_campaign_it_waits_until_it_runs_and_a_slot_is_valid() {
    let site = site(
        WEDNESDAY,
        json!({"schedule": office("0s"), "dailyCap": 2}),
        &["a", "b", "c"],
    )
    .await;
    site.clock.set(ms("2026-05-06T15:00:00Z"));
    for id in ["a", "b", "c"] {
        accept(&site, id).await;
    }
    change(&site, json!({"status": "paused"})).await;
    site.clock.set(ms("2026-05-09T12:00:00Z"));
    assert!(due(&site).await.is_empty());
    // It runs again, on a Saturday.
    change(&site, json!({"status": "running"})).await;
    assert!(due(&site).await.is_empty());
    let (_, e) = site.get("/v1/enrollments/a").await;
    assert_eq!(e["nextStepAt"], "2026-05-11T07:00:00.000Z");
    site.clock.set(ms("2026-05-11T07:00:00Z"));
    assert_eq!(due(&site).await.len(), 2, "no more than the cap");
    let (_, e) = site.get("/v1/enrollments/c").await;
    assert_eq!(e["nextStepAt"], "2026-05-12T07:00:00.000Z");
    // Paused and resumed within the hours: it goes out at once, and the day's cap still holds.
    change(&site, json!({"status": "paused"})).await;
    site.clock.set(ms("2026-05-12T10:00:00Z"));
    assert_eq!(due(&site).await.len(), 2);
    change(&site, json!({"status": "running"})).await;
    until_events(&site, "linkedin.next_step_due", 3).await;
}

#[tokio::test]
async fn a_backlog_of_a_paused_campaign_keeps_to_the_cap() {
    let site = site(
        WEDNESDAY,
        json!({"schedule": office("0s"), "dailyCap": 1}),
        &["a", "b", "c"],
    )
    .await;
    for id in ["a", "b", "c"] {
        accept(&site, id).await;
    }
    // The first is due at once.
    until_events(&site, "linkedin.next_step_due", 1).await;
    change(&site, json!({"status": "paused"})).await;
    // Each was queued for a day of its own, and all of those are gone by.
    site.clock.set(ms("2026-05-13T10:00:00Z"));
    change(&site, json!({"status": "running"})).await;
    let first = due(&site).await.len();
    site.clock.advance(DAY);
    let second = due(&site).await.len();
    site.clock.advance(DAY);
    let third = due(&site).await.len();
    assert_eq!((first, second, third), (2, 3, 3));
}

#[tokio::test]
async fn nobody_follows_up_with_who_is_not_interested() {
    let site = site(WEDNESDAY, json!({"schedule": office("0s")}), &["a"]).await;
    site.clock.set(ms("2026-05-06T15:00:00Z"));
    accept(&site, "a").await;
    let set = |status: &'static str| {
        site.call(
            "PATCH",
            "/v1/enrollments/a",
            Some(json!({"status": status})),
        )
    };
    set("NOT_INTERESTED").await;
    site.clock.set(ms("2026-05-07T07:00:00Z"));
    assert!(due(&site).await.is_empty());
    set("OPPORTUNITY").await;
    until_events(&site, "linkedin.next_step_due", 1).await;
}

#[tokio::test]
async fn an_invite_that_stays_open_is_reported_once_and_its_accept_still_announced() {
    let kind = "linkedin.invite_not_accepted";
    let site = site(
        WEDNESDAY,
        json!({"notAcceptedAfter": "14d"}),
        &["open", "early", "done"],
    )
    .await;
    accept(&site, "early").await;
    site.call(
        "PATCH",
        "/v1/enrollments/done",
        Some(json!({"status": "DONE"})),
    )
    .await;
    let invited = site.clock.now().minus(HOUR);
    site.clock
        .set(invited.plus(14 * DAY).minus(Duration::from_millis(1)));
    assert!(events(&site, kind).await.is_empty());
    site.clock.set(invited.plus(14 * DAY));
    until_events(&site, kind, 1).await;
    site.clock.advance(30 * DAY);
    let reported = events(&site, kind).await;
    assert_eq!(reported.len(), 1);
    let data = &reported[0]["data"];
    assert_eq!(data["dedupeKey"], "li-open:acc_1:open");
    assert_eq!(
        (&data["acceptedAt"], &data["enrollmentId"]),
        (&Value::Null, &json!("open"))
    );
    accept(&site, "open").await;
    assert_eq!(events(&site, "linkedin.invite_accepted").await.len(), 2);
    assert_eq!(events(&site, kind).await.len(), 1);
}

#[tokio::test]
async fn it_is_looked_at_anew_when_a_campaign_or_an_invite_changes() {
    let kind = "linkedin.invite_not_accepted";
    let site = site(WEDNESDAY, json!({}), &["a"]).await;
    site.clock.advance(2 * DAY);
    // Nothing waits: only the change can wake the task.
    change(&site, json!({"notAcceptedAfter": "1d"})).await;
    until_events(&site, kind, 1).await;
    site.post(
        "/v1/enrollments",
        json!({"id": "b", "accountId": "acc_1", "campaignId": "c", "linkedinUrl": "linkedin.com/in/b",
               "invitedAt": "2026-05-01T00:00:00Z"}),
    )
    .await;
    until_events(&site, kind, 2).await;
    // An account that it moves to has an invite of its own.
    site.post(
        "/v1/enrollments",
        json!({"id": "b", "accountId": "acc_2", "invitedAt": "2026-05-02T00:00:00Z"}),
    )
    .await;
    until_events(&site, kind, 3).await;
    let keys: Vec<_> = events(&site, kind)
        .await
        .iter()
        .map(|e| e["data"]["dedupeKey"].clone())
        .collect();
    assert_eq!(
        keys,
        ["li-open:acc_1:a", "li-open:acc_1:b", "li-open:acc_2:b"]
    );
}

#[tokio::test]
async fn that_an_invite_was_reported_is_forgotten_with_the_invite() {
    let kind = "linkedin.invite_not_accepted";
    let site = site(WEDNESDAY, json!({"notAcceptedAfter": "1d"}), &["a"]).await;
    site.clock.advance(2 * DAY);
    until_events(&site, kind, 1).await;
    let reported = || {
        let conn = rusqlite::Connection::open(site.store.path()).expect("the database");
        conn.query_row(
            "SELECT open_reported_at IS NOT NULL FROM enrollments WHERE id = 'a'",
            [],
            |row| row.get::<_, bool>(0),
        )
        .expect("the enrollment")
    };
    let upsert = async |more: Value| {
        let mut row = json!({"id": "a", "accountId": "acc_1"});
        for (key, value) in more.as_object().expect("an object") {
            row[key] = value.clone();
        }
        let (status, answer) = site.post("/v1/enrollments", row).await;
        assert_eq!((status, &answer["updated"]), (200, &json!(1)), "{answer}");
    };
    upsert(json!({"name": "Mira"})).await;
    assert!(reported());
    upsert(json!({"linkedinUrl": "linkedin.com/in/somebody-else"})).await;
    assert!(!reported());
    // The event of this account and enrollment went out, and goes out once.
    upsert(json!({"invitedAt": "2026-05-02T00:00:00Z"})).await;
    tokio::time::timeout(Duration::from_secs(10), async {
        while !reported() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("it is looked at again");
    assert_eq!(events(&site, kind).await.len(), 1);
}

#[tokio::test]
async fn a_daemon_that_is_killed_forgets_no_step_and_sends_none_twice() {
    let mut process = Process::new("");
    process.start(&[], &[]);
    let ask = async |process: &Process, method: &str, path: &str, body: Option<Value>| -> Value {
        let method = method.parse().expect("a method");
        let mut ask = client().request(method, process.url(path));
        if let Some(body) = body {
            ask = ask.body(body.to_string());
        }
        let answer = ask.send().await.expect("an answer");
        assert!(answer.status().is_success(), "{answer:?}");
        serde_json::from_str(&answer.text().await.expect("a body")).expect("JSON")
    };
    let sent = async |process: &Process, n: usize| {
        let look = async {
            loop {
                let all = ask(process, "GET", "/v1/events", None).await;
                let items = all["items"].as_array().expect("items").clone();
                let steps = items
                    .iter()
                    .filter(|e| e["type"] == "linkedin.next_step_due")
                    .count();
                if steps >= n {
                    return steps;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(20), look)
            .await
            .expect("it goes out")
    };
    let always = json!({"timezone": "UTC", "days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "start": "00:00", "end": "00:00"});
    let rows = json!([
        {"id": "a", "accountId": "acc_1", "campaignId": "c", "linkedinUrl": "linkedin.com/in/a"},
        {"id": "b", "accountId": "acc_1", "campaignId": "c", "linkedinUrl": "linkedin.com/in/b"},
    ]);
    let stamp = Some(json!({"reason": "seen"}));
    ask(&process, "POST", "/v1/enrollments", Some(rows)).await;
    ask(
        &process,
        "PATCH",
        "/v1/campaigns/c",
        Some(json!({"schedule": always})),
    )
    .await;
    ask(&process, "POST", "/v1/enrollments/a/stamp", stamp.clone()).await;
    assert_eq!(sent(&process, 1).await, 1);
    ask(
        &process,
        "PATCH",
        "/v1/campaigns/c",
        Some(json!({"status": "paused"})),
    )
    .await;
    ask(&process, "POST", "/v1/enrollments/b/stamp", stamp).await;
    ask(&process, "POST", "/v1/enrollments/b/next-step", None).await;

    process.signal("KILL");
    process.wait();
    process.start(&[], &[]);

    ask(
        &process,
        "PATCH",
        "/v1/campaigns/c",
        Some(json!({"status": "running"})),
    )
    .await;
    assert_eq!(sent(&process, 2).await, 2);
}
