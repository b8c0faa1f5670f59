//! `/v1/campaigns` through the socket: live counts, settings, and a campaign without any usable identity.

use serde_json::{Value, json};

use crate::site_support::Site;

#[tokio::test]
async fn a_campaign_appears_with_its_first_enrollment_and_counts_live() {
    let site = Site::guarded().await;
    site.post(
        "/v1/enrollments",
        json!([
            {"id": "a", "accountId": "acc_1", "campaignId": "c", "campaignName": "Q2"},
        ]),
    )
    .await;
    let (_, draft) = site.get("/v1/campaigns/c").await;
    assert_eq!(
        (&draft["status"], &draft["name"]),
        (&json!("draft"), &json!("Q2"))
    );
    site.post(
        "/v1/enrollments",
        json!([
            {"id": "b", "accountId": "acc_1", "campaignId": "c", "linkedinUrl": "linkedin.com/in/b",
             "invitedAt": "2026-05-01T00:00:00Z"},
            {"id": "d", "accountId": "acc_1", "campaignId": "c", "linkedinUrl": "linkedin.com/in/d",
             "invitedAt": "2026-05-01T00:00:00Z"},
        ]),
    )
    .await;
    site.post(
        "/v1/enrollments/b/stamp",
        json!({"reason": "x", "at": "2026-05-01T01:00:00Z"}),
    )
    .await;
    let (_, list) = site.get("/v1/campaigns").await;
    assert_eq!(
        list,
        json!({"cursor": null, "items": [{
            "id": "c", "name": "Q2", "status": "running", "acceptWindow": null, "notAcceptedAfter": null, "schedule": null,
            "dailyCap": null, "enrolled": 3, "invited": 2, "accepted": 1, "preConnected": 0, "replied": 0, "late": 0,
            "acceptRate": 0.5, "medianSecondsToAccept": 3600,
        }]})
    );
}

#[tokio::test]
async fn it_can_t_run_with_nobody_to_reach() {
    let site = Site::guarded().await;
    for row in [
        json!({"id": "new", "status": "running"}),
        json!({"id": "new"}),
    ] {
        let refused = row["status"].is_string();
        let (status, answer) = site.post("/v1/campaigns", row).await;
        assert_eq!(status, if refused { 409 } else { 201 }, "{answer}");
    }
    site.post(
        "/v1/enrollments",
        json!({"id": "a", "accountId": "acc_1", "campaignId": "new"}),
    )
    .await;
    let (status, problem) = site
        .call(
            "PATCH",
            "/v1/campaigns/new",
            Some(json!({"status": "running"})),
        )
        .await;
    assert_eq!(
        (status, &problem["type"]),
        (409, &json!("no-usable-prospects"))
    );
    assert_eq!(site.get("/v1/campaigns/new").await.1["status"], "draft");
}

#[tokio::test]
async fn settings_are_kept_cleared_and_checked() {
    let site = Site::guarded().await;
    let schedule = json!({"timezone": "Europe/Berlin", "days": ["mon", "fri"], "start": "09:00", "end": "17:00", "jitter": "5m"});
    let (status, made) = site
        .post("/v1/campaigns", json!({
            "id": "c", "name": "Q2", "status": "paused", "acceptWindow": "10d", "notAcceptedAfter": "14d",
            "schedule": schedule, "dailyCap": 20,
        }))
        .await;
    assert_eq!(status, 201, "{made}");
    assert_eq!(made["schedule"], schedule);
    let patch = |body: Value| site.call("PATCH", "/v1/campaigns/c", Some(body));
    let (_, c) = patch(json!({"acceptWindow": null, "dailyCap": 5})).await;
    assert_eq!(
        [
            &c["acceptWindow"],
            &c["notAcceptedAfter"],
            &c["dailyCap"],
            &c["status"],
            &c["name"]
        ],
        [
            &Value::Null,
            &json!("14d"),
            &json!(5),
            &json!("paused"),
            &json!("Q2")
        ]
    );
    for (field, value) in [
        ("status", json!("sleeping")),
        ("status", Value::Null),
        ("acceptWindow", json!("soon")),
        ("acceptWindow", json!("0s")),
        ("acceptWindow", json!(10)),
        ("dailyCap", json!(0)),
        ("dailyCap", json!(1.5)),
        ("name", json!(["x"])),
        ("schedule", json!("always")),
    ] {
        let (status, problem) = patch(json!({field: value})).await;
        assert_eq!((status, &problem["field"]), (422, &json!(field)));
    }
    assert_eq!(site.post("/v1/campaigns", json!({"id": "c"})).await.0, 200);
    assert_eq!(site.get("/v1/campaigns/none").await.0, 404);
    assert_eq!(
        site.call("PATCH", "/v1/campaigns/none", Some(json!({})))
            .await
            .0,
        404
    );
}
