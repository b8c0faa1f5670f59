//! Next steps and open invites, through the socket on a manually advanced clock. See `docs/rules/next-steps.md`.

use std::time::Duration;

use serde_json::{Value, json};

use crate::process::Process;
use crate::site_support::client;
use crate::steps_support::{
    DAY, WEDNESDAY, accept, change, due, events, ms, office, site, time, until_events,
};

#[tokio::test]
async fn inside_the_hours_a_step_goes_out_once_within_the_jitter() {
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
async fn a_paused_campaign_delays_its_steps_to_a_valid_slot() {
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
