//! `/v1/enrollments` through the socket: rows and their results, which fields are kept and which are cleared, stamps by hand,
//! erasing.

use serde_json::{Value, json};

use crate::site_support::Site;

const ADA: &str = "ACoAACuVS84BeK9T8HVq6sOoJI4OmDNDsYpaF4s";
const OTHER: &str = "ACoAACxgkaYBcqySPzUbuxjwSVmdsh6v0LR5QLI";

fn ada() -> Value {
    json!({
        "id": "enr_1", "accountId": "acc_1", "campaignId": "camp_1", "campaignName": "Founders Q2",
        "linkedinUrl": "https://www.linkedin.com/in/ada-lovelace", "providerId": ADA, "name": "Ada Lovelace",
        "headline": "Analyst", "company": "Engines", "invitedAt": "2026-05-01T15:14:06Z", "note": "Hi Ada",
    })
}

async fn enrolled(rows: Value) -> Site {
    let site = Site::guarded().await;
    let (status, answer) = site.post("/v1/enrollments", rows).await;
    assert_eq!((status, &answer["failed"]), (200, &json!(0)), "{answer}");
    site
}

#[tokio::test]
async fn a_row_is_created_then_unchanged_then_updated() {
    let site = enrolled(ada()).await;
    let (_, again) = site.post("/v1/enrollments", ada()).await;
    assert_eq!(
        again,
        json!({"created": 0, "updated": 0, "unchanged": 1, "failed": 0, "results": [
            {"id": "enr_1", "outcome": "unchanged", "noUsableIdentity": false, "error": null}]})
    );
    let (_, changed) = site
        .post(
            "/v1/enrollments",
            json!([{"id": "enr_1", "accountId": "acc_1", "company": null}]),
        )
        .await;
    assert_eq!(changed["updated"], 1, "{changed}");
    let (status, e) = site.get("/v1/enrollments/enr_1").await;
    assert_eq!(status, 200);
    for (field, expected) in [
        ("id", json!("enr_1")),
        ("accountId", json!("acc_1")),
        ("campaignId", json!("camp_1")),
        ("status", json!("CONNECTION_SENT")),
        ("name", json!("Ada Lovelace")),
        ("headline", json!("Analyst")),
        ("company", Value::Null),
        (
            "linkedinUrl",
            json!("https://www.linkedin.com/in/ada-lovelace"),
        ),
        ("publicIdentifier", json!("ada-lovelace")),
        ("providerId", json!(ADA)),
        ("memberNumber", json!(731_204_558)),
        ("invitedAt", json!("2026-05-01T15:14:06.000Z")),
        ("acceptedAt", Value::Null),
        ("acceptedAtPrecision", Value::Null),
        ("detectedAt", Value::Null),
        ("repliedAt", Value::Null),
        ("source", Value::Null),
        ("path", Value::Null),
        ("viaSibling", json!(false)),
        ("preConnected", json!(false)),
        ("late", json!(false)),
        ("backfill", json!(false)),
        ("nextStepAt", Value::Null),
        ("signals", json!([])),
        ("deliveries", json!([])),
    ] {
        assert_eq!(e.get(field), Some(&expected), "{field}");
    }
}

#[tokio::test]
async fn a_bad_row_is_reported_and_the_others_are_stored() {
    let site = Site::guarded().await;
    let (status, answer) = site
        .post(
            "/v1/enrollments",
            json!([
                {"id": "good", "accountId": "acc_1", "linkedinUrl": "linkedin.com/in/good"},
                {"id": "", "accountId": "acc_1"},
                {"accountId": "acc_1"},
                {"id": "x", "accountId": "a:b"},
                {"id": "x"},
                {"id": "x", "accountId": "acc_1", "invitedAt": "yesterday"},
                {"id": "x", "accountId": "acc_1", "invitedAt": "2999-01-01T00:00:00Z"},
                {"id": "x", "accountId": "acc_1", "invitedAt": "1999-01-01T00:00:00Z"},
                {"id": "x", "accountId": "acc_1", "name": 7},
                {"id": "x", "accountId": null},
                "not an object",
                {"id": "nameless", "accountId": "acc_1", "linkedinUrl": "https://www.linkedin.com/company/nordkai"},
            ]),
        )
        .await;
    assert_eq!(status, 200);
    assert_eq!(
        (&answer["created"], &answer["failed"]),
        (&json!(2), &json!(10)),
        "{answer}"
    );
    let results = answer["results"].as_array().expect("a list");
    let fields: Vec<&str> = results
        .iter()
        .map(|r| r["error"]["field"].as_str().unwrap_or("-"))
        .collect();
    assert_eq!(
        fields,
        [
            "-",
            "id",
            "id",
            "accountId",
            "accountId",
            "invitedAt",
            "invitedAt",
            "invitedAt",
            "name",
            "accountId",
            "-",
            "-"
        ]
    );
    assert_eq!(results[11]["noUsableIdentity"], true);
    assert_eq!(results[10]["id"], Value::Null);
    assert_eq!(site.get("/v1/enrollments/x").await.0, 404);
}

#[tokio::test]
async fn at_most_a_thousand_rows() {
    let site = Site::guarded().await;
    let rows = |n: usize| -> Value {
        (0..n)
            .map(|i| json!({"id": format!("e{i}"), "accountId": "acc_1"}))
            .collect()
    };
    let (status, answer) = site.post("/v1/enrollments", rows(1_000)).await;
    assert_eq!((status, &answer["created"]), (200, &json!(1_000)));
    assert_eq!(site.post("/v1/enrollments", rows(1_001)).await.0, 422);
    assert_eq!(site.post("/v1/enrollments", json!("x")).await.0, 422);

    let mut seen = Vec::new();
    let mut path = "/v1/enrollments?limit=300".to_owned();
    loop {
        let (_, page) = site.get(&path).await;
        seen.extend(
            page["items"]
                .as_array()
                .expect("items")
                .iter()
                .map(|e| e["id"].clone()),
        );
        match page["cursor"].as_str() {
            Some(cursor) => path = format!("/v1/enrollments?limit=300&cursor={cursor}"),
            None => break,
        }
    }
    let expected: Vec<Value> = (0..1_000).map(|i| json!(format!("e{i}"))).collect();
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn filters_find() {
    let site = enrolled(json!([
        ada(),
        {"id": "enr_2", "accountId": "acc_2", "name": "Grace Hopper", "linkedinUrl": "linkedin.com/in/grace"},
    ]))
    .await;
    for (query, expected) in [
        ("campaign=camp_1", vec!["enr_1"]),
        ("campaign=unassigned", vec!["enr_2"]),
        ("account=acc_2", vec!["enr_2"]),
        ("status=CONNECTION_SENT", vec!["enr_1"]),
        ("late=true", vec![]),
        ("late=false", vec!["enr_1", "enr_2"]),
        ("q=hOPP", vec!["enr_2"]),
        ("q=%25", vec![]),
    ] {
        let (status, page) = site.get(&format!("/v1/enrollments?{query}")).await;
        assert_eq!(status, 200, "{query}");
        let ids: Vec<&str> = page["items"]
            .as_array()
            .expect("items")
            .iter()
            .filter_map(|e| e["id"].as_str())
            .collect();
        assert_eq!(ids, expected, "{query}");
        assert_eq!(page["cursor"], Value::Null);
    }
}

#[tokio::test]
async fn a_stamp_by_hand_then_what_the_accept_rules_out() {
    let site = enrolled(ada()).await;
    let patch = |status: &'static str| {
        site.call(
            "PATCH",
            "/v1/enrollments/enr_1",
            Some(json!({"status": status})),
        )
    };
    let (status, problem) = patch("CONNECTION_ACCEPTED").await;
    assert_eq!((status, &problem["status"]), (409, &json!(409)));
    assert_eq!(patch("ACCEPTED").await.0, 422);
    assert_eq!(patch("OPPORTUNITY").await.1["status"], "OPPORTUNITY");
    assert_eq!(
        patch("CONNECTION_SENT").await.1["status"],
        "CONNECTION_SENT"
    );

    let stamp = |body| site.post("/v1/enrollments/enr_1/stamp", body);
    assert_eq!(stamp(json!({})).await.1["field"], "reason");
    assert_eq!(
        stamp(json!({"reason": "x", "at": "soon"})).await.1["field"],
        "at"
    );
    assert_eq!(
        stamp(json!({"reason": "x", "at": "2999-01-01T00:00:00Z"}))
            .await
            .0,
        422
    );
    let (status, e) = stamp(json!({"reason": "on the phone", "at": "2026-05-02T15:14:06Z"})).await;
    assert_eq!(status, 200);
    assert_eq!(e["acceptedAt"], "2026-05-02T15:14:06.000Z");
    assert_eq!(e["acceptedAtPrecision"], "exact");
    assert_eq!(e["source"], "manual");
    assert_eq!(e["status"], "CONNECTION_ACCEPTED");
    let (_, again) = stamp(json!({"reason": "again"})).await;
    assert_eq!(again["acceptedAt"], "2026-05-02T15:14:06.000Z");

    assert_eq!(patch("PENDING").await.0, 409);
    assert_eq!(patch("DONE").await.1["status"], "DONE");
    let (_, one) = site.get("/v1/enrollments/enr_1").await;
    let outcomes: Vec<&Value> = one["signals"]
        .as_array()
        .expect("signals")
        .iter()
        .map(|s| &s["outcome"])
        .collect();
    assert_eq!(outcomes, ["stamped", "already_stamped"]);
    assert!(
        one["signals"][0]["reason"]
            .as_str()
            .expect("text")
            .contains("on the phone")
    );

    // It stays with its account and its person now.
    let (_, moved) = site
        .post(
            "/v1/enrollments",
            json!([
                {"id": "enr_1", "accountId": "acc_9"},
                {"id": "enr_1", "accountId": "acc_1", "providerId": OTHER},
            ]),
        )
        .await;
    assert_eq!(moved["failed"], 2, "{moved}");
    assert_eq!(
        site.post("/v1/enrollments/nobody/stamp", json!({"reason": "x"}))
            .await
            .0,
        404
    );
}

#[tokio::test]
async fn results_of_the_senders_invites() {
    let site = enrolled(json!([
        {"id": "a", "accountId": "acc_1", "providerId": ADA},
        {"id": "b", "accountId": "acc_1", "providerId": OTHER},
    ]))
    .await;
    let result = |body| site.post("/v1/invite-results", body);
    let (status, sent) = result(json!({
        "enrollmentId": "a", "providerId": ADA, "note": "Hi", "at": "2026-05-01T10:00:00Z", "httpStatus": 201,
        "response": {"object": "UserInvitationSent", "invitation_id": "7"},
    }))
    .await;
    assert_eq!((status, &sent["status"]), (200, &json!("CONNECTION_SENT")));
    assert_eq!(sent["invitedAt"], "2026-05-01T10:00:00.000Z");
    let refused =
        |kind: &str| json!({"enrollmentId": "b", "httpStatus": 422, "response": {"type": kind}});
    let (_, kept) = result(refused("errors/already_invited_recently")).await;
    assert_eq!(kept["acceptedAt"], Value::Null);
    let (_, stamped) = result(refused("errors/already_connected")).await;
    assert_eq!(stamped["source"], "already_connected");
    assert_eq!(stamped["preConnected"], true);
    assert_eq!(stamped["acceptedAtPrecision"], "inferred");

    assert_eq!(
        result(json!({"enrollmentId": "zz", "httpStatus": 201, "response": {}}))
            .await
            .0,
        404
    );
    for (field, body) in [
        ("httpStatus", json!({"enrollmentId": "a", "response": {}})),
        (
            "httpStatus",
            json!({"enrollmentId": "a", "httpStatus": "201", "response": {}}),
        ),
        ("response", json!({"enrollmentId": "a", "httpStatus": 201})),
        ("enrollmentId", json!({"httpStatus": 201, "response": {}})),
        (
            "at",
            json!({"enrollmentId": "a", "httpStatus": 201, "response": {}, "at": 5}),
        ),
    ] {
        let (status, problem) = result(body).await;
        assert_eq!((status, &problem["field"]), (422, &json!(field)));
    }
}

#[tokio::test]
async fn an_id_may_hold_anything_but_control_characters() {
    let site = Site::guarded().await;
    let id = "crm/42?ä#%2F:x";
    site.post("/v1/enrollments", json!({"id": id, "accountId": "acc_1"}))
        .await;
    let path = "/v1/enrollments/crm%2F42%3F%C3%A4%23%252F%3Ax";
    let (status, e) = site.get(path).await;
    assert_eq!((status, &e["id"]), (200, &json!(id)));
    assert_eq!(site.call("DELETE", path, None).await.0, 204);
    assert_eq!(site.get(path).await.0, 404);
    assert_eq!(site.call("DELETE", path, None).await.0, 404);
}

#[tokio::test]
async fn deleting_erases_the_person_and_keeps_the_key() {
    let site = enrolled(ada()).await;
    site.post("/v1/enrollments/enr_1/stamp", json!({"reason": "x"}))
        .await;
    assert_eq!(
        site.get("/v1/events").await.1["items"][0]["data"]["enrollmentId"],
        "enr_1"
    );
    assert_eq!(
        site.call("DELETE", "/v1/enrollments/enr_1", None).await.0,
        204
    );
    let (_, events) = site.get("/v1/events").await;
    assert_eq!(events["items"], json!([]));
    assert_eq!(site.get("/v1/signals?raw=true").await.1["items"], json!([]));
    // The same accept comes again: stamped, since the enrollment is new, and never announced a second time.
    site.post("/v1/enrollments", ada()).await;
    let (status, e) = site
        .post("/v1/enrollments/enr_1/stamp", json!({"reason": "x"}))
        .await;
    assert_eq!((status, &e["status"]), (200, &json!("CONNECTION_ACCEPTED")));
    assert_eq!(site.get("/v1/events").await.1["items"], json!([]));
}
