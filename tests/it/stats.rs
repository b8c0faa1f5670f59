//! The figures of the charts agree with the enrollments.

use serde_json::{Value, json};

use crate::site_support::Site;

async fn figures(site: &Site, path: &str) -> Value {
    let (status, body) = site.call("GET", path, None).await;
    assert_eq!(status, 200, "{path}: {body}");
    body
}

async fn enroll(site: &Site, rows: Value) {
    let (status, body) = site.call("POST", "/v1/enrollments", Some(rows)).await;
    assert_eq!((status, &body["failed"]), (200, &json!(0)), "{body}");
}

async fn stamp(site: &Site, id: &str, at: &str) {
    let path = format!("/v1/enrollments/{id}/stamp");
    let body = json!({"at": at, "reason": "for the test"});
    let (status, answer) = site.call("POST", &path, Some(body)).await;
    assert_eq!(status, 200, "{answer}");
}

#[tokio::test]
async fn every_accept_is_in_its_bucket_its_day_and_its_campaign() {
    let site = Site::guarded().await;
    let row = |id: &str, campaign: &str, invited: Value| {
        json!({
            "id": id, "accountId": "acc_1", "campaignId": campaign, "invitedAt": invited,
            "linkedinUrl": format!("https://www.linkedin.com/in/person-{id}"),
        })
    };
    enroll(
        &site,
        json!([
            row("a", "one", json!("2026-05-01T10:00:00Z")),
            row("b", "one", json!("2026-05-01T10:00:00Z")),
            row("c", "one", Value::Null),
            row("d", "two", json!("2026-05-01T10:00:00Z")),
            {"id": "nobody", "accountId": "acc_1", "campaignId": "two", "name": "No Url"},
        ]),
    )
    .await;
    stamp(&site, "a", "2026-05-01T11:00:00Z").await;
    stamp(&site, "b", "2026-05-01T11:00:00.001Z").await;
    stamp(&site, "c", "2026-05-03T00:00:00Z").await;
    stamp(&site, "d", "2026-07-01T10:00:00Z").await;

    let one = figures(&site, "/v1/campaigns/one/stats?days=366").await;
    let counts = |body: &Value| -> Vec<Value> {
        let buckets = body["timeToAccept"].as_array().expect("buckets");
        buckets
            .iter()
            .map(|bucket| bucket["count"].clone())
            .collect()
    };
    assert_eq!(counts(&one), [1, 1, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(one["timeToAccept"][0]["upToSeconds"], 3600);
    assert_eq!(one["timeToAccept"][8]["upToSeconds"], Value::Null);
    assert_eq!(one["usable"], 3);
    assert_eq!(one["bySource"], json!([{"source": "manual", "count": 3}]));
    assert_eq!(one["byPath"], json!([{"path": null, "count": 3}]));

    let all = figures(&site, "/v1/stats?days=366").await;
    assert_eq!(counts(&all), [1, 1, 0, 0, 0, 0, 0, 0, 1]);
    assert_eq!(all["usable"], 4);
}

#[tokio::test]
async fn days_go_back_from_today_and_have_a_limit() {
    let site = Site::guarded().await;
    enroll(&site, json!({"id": "a", "accountId": "acc_1", "campaignId": "one", "linkedinUrl": "https://www.linkedin.com/in/a-person"})).await;
    let (status, e) = site
        .call(
            "POST",
            "/v1/enrollments/a/stamp",
            Some(json!({"reason": "for the test"})),
        )
        .await;
    assert_eq!(status, 200);
    let day = e["acceptedAt"].as_str().expect("a time")[..10].to_owned();
    let stats = figures(&site, "/v1/stats?days=1").await;
    assert_eq!(
        stats["acceptsPerDay"],
        json!([{"day": day, "source": "manual", "count": 1}])
    );
    for (path, wanted) in [
        ("/v1/stats?days=0", 422),
        ("/v1/stats?days=367", 422),
        ("/v1/stats?days=x", 422),
        ("/v1/campaigns/none/stats", 404),
    ] {
        assert_eq!(site.call("GET", path, None).await.0, wanted, "{path}");
    }
}
