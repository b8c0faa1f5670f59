//! Events, deliveries, destinations, signals and accounts through the socket.

use serde_json::{Value, json};

use crate::site_support::{Site, TOKEN, client};

async fn with_destination() -> Site {
    let site = Site::start(&format!(
        "[server]\nadmin_token = \"{TOKEN}\"\n[[destination]]\nname = \"crm\"\nkind = \"webhook\"\nurl = \"http://127.0.0.1:9/secret-path\"\n"
    ))
    .await;
    for id in ["a", "b"] {
        let row =
            json!({"id": id, "accountId": "acc_1", "linkedinUrl": format!("linkedin.com/in/{id}")});
        site.post("/v1/enrollments", row).await;
        site.post(
            &format!("/v1/enrollments/{id}/stamp"),
            json!({"reason": "x"}),
        )
        .await;
    }
    site
}

#[tokio::test]
async fn events_are_pulled_from_any_place() {
    let site = with_destination().await;
    let (_, all) = site.get("/v1/events").await;
    let items = all["items"].as_array().expect("items");
    assert_eq!(items.len(), 2);
    assert_eq!(items[0]["data"]["dedupeKey"], "li-accept:acc_1:a");
    assert_eq!(items[0]["type"], "linkedin.invite_accepted");
    let id = items[0]["id"].as_str().expect("an id");
    let (_, rest) = site.get(&format!("/v1/events?after={id}")).await;
    assert_eq!(rest["items"], json!([items[1]]));
    let cursor = rest["cursor"].as_str().expect("never null");
    let (_, none) = site.get(&format!("/v1/events?after={cursor}")).await;
    assert_eq!(none["items"], json!([]));
    assert_eq!(none["cursor"], cursor);
    let (_, begin) = site.get("/v1/events?after=").await;
    assert_eq!(begin["items"], all["items"], "no cursor yet");
    let (_, first) = site.get("/v1/events?limit=1").await;
    let cursor = first["cursor"].as_str().expect("never null");
    assert_eq!(
        site.get(&format!("/v1/events?after={cursor}")).await.1["items"],
        json!([items[1]])
    );
    for bad in ["evt_00000000-0000-0000-0000-000000000000", "x"] {
        assert_eq!(
            site.get(&format!("/v1/events?after={bad}")).await.1["field"],
            "after"
        );
    }
}

#[tokio::test]
async fn deliveries_are_listed_and_sent_again() {
    let site = with_destination().await;
    let (_, list) = site.get("/v1/deliveries").await;
    let items = list["items"].as_array().expect("items");
    assert_eq!(items.len(), 2);
    for field in [
        "id",
        "eventId",
        "eventType",
        "destination",
        "state",
        "attempts",
        "nextAttemptAt",
        "lastStatus",
        "lastError",
        "createdAt",
        "deliveredAt",
    ] {
        assert!(items[0].get(field).is_some(), "{field}");
    }
    let id = items[0]["id"].as_str().expect("an id");
    let (status, replayed) = site
        .post(&format!("/v1/deliveries/{id}/replay"), Value::Null)
        .await;
    assert_eq!((status, &replayed["state"]), (202, &json!("pending")));
    assert_eq!(
        site.post("/v1/deliveries/999/replay", Value::Null).await.0,
        404
    );
    assert_eq!(
        site.post("/v1/deliveries/x/replay", Value::Null).await.0,
        404
    );

    let event = items[0]["eventId"].as_str().expect("an id");
    let count = async |query: &str| {
        let (status, page) = site.get(&format!("/v1/deliveries?{query}")).await;
        assert_eq!(status, 200);
        page["items"].as_array().expect("items").len()
    };
    assert_eq!(count(&format!("event={event}")).await, 1);
    assert_eq!(count("state=pending&destination=crm").await, 2);
    assert_eq!(count("state=dead").await, 0);
    assert_eq!(count("destination=other").await, 0);
    assert_eq!(
        site.get("/v1/deliveries?state=lost").await.1["field"],
        "state"
    );

    let bulk = |body| site.post("/v1/deliveries/replay", body);
    assert_eq!(
        bulk(json!({"state": "dead"})).await,
        (202, json!({"replayed": 0}))
    );
    assert_eq!(
        bulk(json!({"state": "pending", "destination": "crm"}))
            .await
            .1["replayed"],
        2
    );
    assert_eq!(
        bulk(json!({"state": "dead", "destination": "nowhere"}))
            .await
            .0,
        404
    );
    assert_eq!(bulk(json!({})).await.1["field"], "state");
}

#[tokio::test]
async fn a_destination_is_tested_and_enabled_and_tells_no_secret() {
    let site = with_destination().await;
    let (status, test) = site.post("/v1/destinations/crm/test", Value::Null).await;
    assert_eq!(status, 202);
    let (_, found) = site
        .get(&format!(
            "/v1/deliveries?event={}",
            test["eventId"].as_str().expect("an id")
        ))
        .await;
    assert_eq!(found["items"][0]["eventType"], "webhook.test");
    site.store
        .write(|tx| {
            tx.register_destination("crm", "print")?;
            tx.stop_destination(
                "crm",
                "print",
                "410 Gone",
                acceptd::domain::time::Timestamp(1),
            )
        })
        .await
        .expect("a commit");
    let (_, list) = site.get("/v1/destinations").await;
    assert_eq!(list["items"][0]["stopped"], true, "{list}");
    assert!(!list.to_string().contains("secret-path"));
    let (status, enabled) = site.post("/v1/destinations/crm/enable", Value::Null).await;
    assert_eq!((status, &enabled["stopped"]), (200, &json!(false)));
    for verb in ["test", "enable"] {
        assert_eq!(
            site.post(&format!("/v1/destinations/nowhere/{verb}"), Value::Null)
                .await
                .0,
            404
        );
    }
}

#[tokio::test]
async fn signals_and_accounts_are_listed() {
    let site = with_destination().await;
    let (_, list) = site
        .get("/v1/signals?source=manual&outcome=stamped&account=acc_1")
        .await;
    let items = list["items"].as_array().expect("items");
    assert_eq!(items.len(), 2);
    assert_eq!(
        items[0]["enrollments"],
        json!([{"id": "b", "path": null}]),
        "newest first"
    );
    assert!(items[0].get("raw").is_none());
    let (_, with_raw) = site.get("/v1/signals?raw=true&limit=1").await;
    assert_eq!(with_raw["items"][0]["raw"]["enrollmentId"], "b");
    assert!(with_raw["cursor"].is_string());
    let id = items[0]["id"].as_str().expect("an id");
    assert_eq!(
        site.get(&format!("/v1/signals/{id}")).await.1["raw"]["reason"],
        "x"
    );

    let (_, accounts) = site.get("/v1/accounts").await;
    let account = &accounts["items"][0];
    assert_eq!(
        [
            &account["id"],
            &account["provider"],
            &account["workspaceId"],
            &account["health"]
        ],
        [
            &json!("acc_1"),
            &json!("unipile"),
            &json!("ws_default"),
            &json!("OK")
        ]
    );
}

#[tokio::test]
async fn metrics_and_health_need_no_token() {
    let site = with_destination().await;
    for path in ["/healthz", "/readyz", "/metrics", "/openapi.json"] {
        let answer = client()
            .get(site.url(path))
            .send()
            .await
            .expect("an answer");
        assert_eq!(answer.status(), 200, "{path}");
    }
}
