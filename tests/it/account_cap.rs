//! `[steps] account_daily_cap`: no day of an account's time zone has more next steps than the cap, over all campaigns and however
//! they were queued.

use std::collections::BTreeMap;

use acceptd::clock::Clock;
use serde_json::{Value, json};

use crate::site_support::Site;
use crate::steps_support::{DAY, HOUR, WEDNESDAY, due, ms, office, until_events};

const CAMPAIGNS: [&str; 3] = ["x", "y", "z"];

/// Three running campaigns of the account `acc_1` with this schedule, four enrollments each.
async fn site(now: &str, more: &str, schedule: Value) -> Site {
    let site = Site::on_clock_with(Clock::by_hand(ms(now)), more).await;
    let invited = site.clock.now().minus(HOUR).rfc3339();
    for campaign in CAMPAIGNS {
        let rows: Vec<Value> = (0..4)
            .map(|n| {
                json!({
                    "id": format!("{campaign}{n}"), "accountId": "acc_1", "campaignId": campaign, "invitedAt": invited,
                    "linkedinUrl": format!("linkedin.com/in/{campaign}{n}"),
                })
            })
            .collect();
        let (status, answer) = site.post("/v1/enrollments", json!(rows)).await;
        assert_eq!((status, &answer["failed"]), (200, &json!(0)), "{answer}");
        set(&site, campaign, json!({"schedule": schedule.clone()})).await;
    }
    site
}

async fn set(site: &Site, campaign: &str, change: Value) {
    let path = format!("/v1/campaigns/{campaign}");
    let (status, answer) = site.call("PATCH", &path, Some(change)).await;
    assert_eq!(status, 200, "{answer}");
}

/// Stamps it and returns the day its next step is queued for, in UTC.
async fn accept(site: &Site, id: &str) -> String {
    let path = format!("/v1/enrollments/{id}/stamp");
    let (status, e) = site.post(&path, json!({"reason": "seen"})).await;
    assert_eq!(status, 200, "{e}");
    e["nextStepAt"].as_str().unwrap_or_default().to_owned()
}

fn day(time: &str) -> &str {
    &time[..10]
}

#[tokio::test]
async fn all_campaigns_of_an_account_share_its_days() {
    let cap = "[steps]\naccount_daily_cap = 2\n";
    let site = site(WEDNESDAY, cap, office("5m")).await;
    let mut days = Vec::new();
    for id in ["x0", "y0", "z0", "x1", "y1"] {
        days.push(day(&accept(&site, id).await).to_owned());
    }
    let expected = ["06", "06", "07", "07", "08"].map(|day| format!("2026-05-{day}"));
    assert_eq!(days, expected);

    let row = json!({
        "id": "other", "accountId": "acc_2", "campaignId": "x", "linkedinUrl": "linkedin.com/in/other",
        "invitedAt": "2026-05-06T11:00:00Z",
    });
    site.post("/v1/enrollments", row).await;
    assert_eq!(day(&accept(&site, "other").await), "2026-05-06");

    // Queued by hand, it takes a place like any other.
    set(&site, "z", json!({"acceptWindow": "1m"})).await;
    assert_eq!(accept(&site, "z1").await, "");
    let (status, e) = site.post("/v1/enrollments/z1/next-step", Value::Null).await;
    assert_eq!(status, 200, "{e}");
    assert_eq!(day(e["nextStepAt"].as_str().expect("a time")), "2026-05-08");
    assert_eq!(day(&accept(&site, "x2").await), "2026-05-11");

    // A reload counts for what is queued from then on.
    site.reload("[steps]\naccount_daily_cap = 3\n");
    assert_eq!(day(&accept(&site, "x3").await), "2026-05-06");
}

#[tokio::test]
async fn a_backlog_of_paused_campaigns_never_makes_a_day_too_full() {
    let site = site(WEDNESDAY, "", office("0s")).await;
    site.clock.set(ms("2026-05-06T15:00:00Z"));
    for campaign in CAMPAIGNS {
        for n in 0..4 {
            let at = accept(&site, &format!("{campaign}{n}")).await;
            assert_eq!(at, "2026-05-07T07:00:00.000Z");
        }
        set(&site, campaign, json!({"status": "paused"})).await;
    }
    // One loses its schedule: any time is valid then, and the day's cap still holds.
    set(&site, "z", json!({"schedule": null})).await;
    site.clock.set(ms("2026-05-13T10:00:00Z"));
    site.reload("[steps]\naccount_daily_cap = 5\n");
    for campaign in CAMPAIGNS {
        set(&site, campaign, json!({"status": "running"})).await;
    }
    let mut sent = 0;
    let mut days = BTreeMap::new();
    for _ in 0..4 {
        for hour in 0..24 {
            let all = due(&site).await.len();
            let today = day(&site.clock.now().rfc3339()).to_owned();
            *days.entry(today).or_insert(0) += all - sent;
            sent = all;
            if hour < 23 {
                site.clock.advance(HOUR);
            }
        }
        site.clock.advance(HOUR);
    }
    assert_eq!(sent, 12, "{days:?}");
    assert!(days.values().all(|sent| *sent <= 5), "{days:?}");
    assert_eq!(days.get("2026-05-13"), Some(&5), "{days:?}");
}

#[tokio::test]
async fn the_day_is_that_of_the_account() {
    let zone =
        "[steps]\naccount_daily_cap = 1\n[[account]]\nid = \"acc_1\"\ntimezone = \"Asia/Tokyo\"\n";
    let always = json!({
        "timezone": "UTC", "days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "start": "00:00", "end": "00:00",
    });
    let site = site(WEDNESDAY, zone, always).await;
    assert_eq!(accept(&site, "x0").await, "2026-05-06T12:00:00.000Z");
    until_events(&site, "linkedin.next_step_due", 1).await;
    // In Tokyo the day ends at 15:00 UTC.
    assert_eq!(accept(&site, "y0").await, "2026-05-06T15:00:00.000Z");
    assert_eq!(accept(&site, "z0").await, "2026-05-07T15:00:00.000Z");
    site.clock.advance(DAY * 3);
    assert_eq!(due(&site).await.len(), 2, "one a day, also when late");
}
