//! The simulated Unipile follows the provider's rules: pages, cursors, invites, webhooks over HTTP, and a complete log.

use std::time::Duration;

use acceptd::clock::Clock;
use acceptd::domain::time::Timestamp;
use acceptd::http;
use acceptd::sim::receiver::{Receiver, Reply};
use acceptd::sim::{CursorMode, DeliveryState, Fault, Member, Rule, Settings, Sim};
use serde_json::{Value, json};

const NOW: Timestamp = Timestamp(1_777_734_846_000);
const KEY: &str = "simulated-key";

async fn sim() -> (Sim, Clock) {
    let clock = Clock::by_hand(NOW);
    let sim = Sim::start(clock.clone(), Settings::default())
        .await
        .unwrap();
    sim.add_account("acc_1", Member::made_up(402_117_733));
    (sim, clock)
}

fn client() -> reqwest::Client {
    http::client(Duration::from_secs(10)).unwrap()
}

async fn get(sim: &Sim, path: &str) -> (u16, Value) {
    let url = format!("{}/api/v1/{path}", sim.base_url());
    let answer = client()
        .get(url)
        .header("X-API-KEY", KEY)
        .send()
        .await
        .unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

async fn post(sim: &Sim, path: &str, body: &Value) -> (u16, Value) {
    let url = format!("{}/api/v1/{path}", sim.base_url());
    let request = client().post(url).header("X-API-KEY", KEY).json(body);
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

fn slugs(page: &Value) -> Vec<u64> {
    let number = |item: &Value| {
        let slug = item["public_identifier"].as_str().unwrap();
        slug.rsplit('-').next().unwrap().parse().unwrap()
    };
    page["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(number)
        .collect()
}

fn fill(sim: &Sim, count: u64) {
    let members = (0..count).map(|n| {
        let at = NOW.minus(Duration::from_secs(86_400 * (n + 1)));
        (Member::made_up(1_000 + n), at)
    });
    sim.add_connections("acc_1", members);
}

#[tokio::test]
async fn a_relation_looks_like_the_sample() {
    let (sim, _) = sim().await;
    sim.add_connections(
        "acc_1",
        [(
            Member {
                number: 731_204_558,
                first_name: "Mira".into(),
                last_name: "Halvorsen".into(),
                headline: "Head of Ops at Nordkai".into(),
                slug: "mira-halvorsen".into(),
            },
            NOW,
        )],
    );
    let (status, page) = get(&sim, "users/relations?account_id=acc_1").await;
    assert_eq!(status, 200);
    let item = &page["items"][0];
    let id = item["member_id"].as_str().unwrap();
    assert_eq!(
        *item,
        json!({
            "object": "UserRelation",
            "first_name": "Mira",
            "last_name": "Halvorsen",
            "headline": "Head of Ops at Nordkai",
            "public_identifier": "mira-halvorsen",
            "public_profile_url": "https://www.linkedin.com/in/mira-halvorsen/",
            "created_at": 1_777_734_846_000_i64,
            "member_id": id,
            "member_urn": format!("urn:li:fsd_profile:{id}"),
            "connection_urn": format!("urn:li:fsd_connection:{id}"),
        })
    );
    assert!(id.starts_with("ACoAACuVS84B"), "{id}");
    assert_eq!(page["cursor"], Value::Null);
}

#[tokio::test]
async fn pages_by_offset_move_and_pages_by_key_do_not() {
    for (mode, second) in [
        (CursorMode::Offset, vec![1_001, 1_002, 1_003]),
        (CursorMode::Key, vec![1_002, 1_003, 1_004]),
    ] {
        let (sim, _) = sim().await;
        sim.set(|settings| settings.cursor_mode = mode);
        fill(&sim, 5);
        let (_, page) = get(&sim, "users/relations?account_id=acc_1&limit=2").await;
        assert_eq!(slugs(&page), [1_000, 1_001]);
        sim.add_member(Member::made_up(9));
        sim.accept("acc_1", 9, NOW);
        let cursor: String =
            url::form_urlencoded::byte_serialize(page["cursor"].as_str().unwrap().as_bytes())
                .collect();
        let path = format!("users/relations?account_id=acc_1&cursor={cursor}");
        let (_, page) = get(&sim, &path).await;
        assert_eq!(slugs(&page), second[..2], "{mode:?}");
    }
}

#[tokio::test]
async fn an_old_or_a_made_up_cursor_is_refused() {
    let (sim, clock) = sim().await;
    sim.set(|settings| settings.cursor_life = Some(Duration::from_secs(60)));
    fill(&sim, 5);
    let (_, page) = get(&sim, "users/relations?account_id=acc_1&limit=2").await;
    let cursor: String =
        url::form_urlencoded::byte_serialize(page["cursor"].as_str().unwrap().as_bytes()).collect();
    clock.advance(Duration::from_secs(61));
    for cursor in [cursor.as_str(), "bm9uc2Vuc2U%3D"] {
        let path = format!("users/relations?account_id=acc_1&cursor={cursor}");
        let (status, body) = get(&sim, &path).await;
        assert_eq!(
            (status, &body["type"]),
            (400, &json!("errors/invalid_parameters"))
        );
    }
}

#[tokio::test]
async fn connections_is_taken_for_a_member() {
    let (sim, _) = sim().await;
    let (status, body) = get(&sim, "users/connections?account_id=acc_1").await;
    assert_eq!((status, &body["object"]), (200, &json!("UserProfile")));
}

#[tokio::test]
async fn invites_are_refused_for_the_providers_reasons() {
    let (sim, _) = sim().await;
    let member = Member::made_up(77);
    let invite = json!({"account_id": "acc_1", "provider_id": member.provider_id()});
    let (status, body) = post(&sim, "users/invite", &invite).await;
    assert_eq!(
        (status, &body["type"]),
        (422, &json!("errors/invalid_recipient"))
    );
    sim.add_member(member);
    let (status, body) = post(&sim, "users/invite", &invite).await;
    assert_eq!(
        (status, &body["object"]),
        (201, &json!("UserInvitationSent"))
    );
    let (_, body) = post(&sim, "users/invite", &invite).await;
    assert_eq!(body["type"], "errors/already_invited_recently");
    sim.accept("acc_1", 77, NOW);
    let (status, body) = post(&sim, "users/invite", &invite).await;
    assert_eq!(
        (status, &body["type"]),
        (422, &json!("errors/already_connected"))
    );
    sim.set_status("acc_1", "CREDENTIALS");
    let (status, body) = post(&sim, "users/invite", &invite).await;
    assert_eq!(
        (status, &body["type"]),
        (401, &json!("errors/disconnected_account"))
    );
}

#[tokio::test]
async fn a_broken_account_shows_what_was_there() {
    let (sim, clock) = sim().await;
    fill(&sim, 1);
    sim.set_status("acc_1", "CREDENTIALS");
    clock.advance(Duration::from_secs(1));
    sim.add_member(Member::made_up(9));
    sim.accept("acc_1", 9, clock.now());
    let (_, page) = get(&sim, "users/relations?account_id=acc_1").await;
    assert_eq!(slugs(&page), [1_000]);
    sim.set_status("acc_1", "RECONNECTED");
    let (_, page) = get(&sim, "users/relations?account_id=acc_1").await;
    assert_eq!(slugs(&page), [9, 1_000]);
}

async fn register(sim: &Sim, receiver: &Receiver, source: &str, events: Value) {
    let webhook = json!({
        "source": source, "request_url": receiver.url("/hook"), "name": format!("acceptd-{source}"),
        "events": events,
        "headers": [
            {"key": "Unipile-Auth", "value": "s3cret"},
            {"key": "Content-Type", "value": "application/json"},
        ],
    });
    let (status, _) = post(sim, "webhooks", &webhook).await;
    assert_eq!(status, 201);
}

#[tokio::test]
async fn an_accept_sends_its_note_first_with_static_headers() {
    let (sim, clock) = sim().await;
    let receiver = Receiver::start(clock.clone()).await.unwrap();
    register(&sim, &receiver, "users", json!(["new_relation"])).await;
    register(&sim, &receiver, "messaging", json!(["message_received"])).await;
    sim.set(|settings| settings.relation_webhook_after = Duration::from_secs(3_600));
    sim.add_member(Member::made_up(9));
    sim.invite("acc_1", 9, Some("Open to connect?"));
    sim.accept("acc_1", 9, NOW);
    let note = receiver.wait_for(1).await.remove(0);
    assert_eq!(note.header("unipile-auth"), Some("s3cret"));
    assert_eq!(note.header("content-type"), Some("application/json"));
    assert_eq!(note.json()["message_type"], "INVITATION");
    assert_eq!(note.json()["is_sender"], true);
    assert_eq!(note.json()["message"], "Open to connect?");
    clock.advance(Duration::from_secs(3_600));
    let relation = receiver.wait_for(2).await.remove(1).json();
    assert_eq!(relation["event"], "new_relation");
    assert_eq!(relation["webhook_name"], "acceptd-users");
    assert_eq!(
        relation["user_provider_id"],
        Member::made_up(9).provider_id()
    );
}

#[tokio::test]
async fn anything_but_200_is_sent_again_five_times() {
    let (sim, clock) = sim().await;
    let receiver = Receiver::start(clock.clone()).await.unwrap();
    register(&sim, &receiver, "account_status", json!(["CREDENTIALS"])).await;
    receiver.answer("/hook", Reply::status(204, ""));
    sim.set_status("acc_1", "CREDENTIALS");
    for attempt in 1..=6 {
        receiver.wait_for(attempt).await;
        // The attempt is noted only when its answer is read.
        while sim.deliveries()[0].attempts.len() < attempt {
            tokio::task::yield_now().await;
        }
        clock.advance(Duration::from_secs(7_200));
    }
    let delivery = sim.deliveries().remove(0);
    assert_eq!(delivery.state, DeliveryState::GivenUp);
    assert_eq!(delivery.attempts.len(), 6);
    assert_eq!(delivery.attempts[0].1, Some(204));
}

#[tokio::test]
async fn the_receiver_can_close_without_an_answer() {
    let receiver = Receiver::start(Clock::system()).await.unwrap();
    receiver.answer_next("/x", Reply::cut());
    let answer = client().post(receiver.url("/x")).body("{}").send().await;
    assert!(answer.is_err_and(|error| !error.is_connect()));
    assert_eq!(receiver.received_at("/x").len(), 1);
    let answer = client().post(receiver.url("/x")).body("{}").send().await;
    assert_eq!(answer.unwrap().status(), 200);
}

#[tokio::test]
async fn every_call_is_in_the_log_with_its_times() {
    let (sim, clock) = sim().await;
    get(&sim, "users/relations?account_id=acc_1").await;
    clock.advance(Duration::from_secs(59));
    sim.inject(Rule::once(Fault::error(500, "provider_error")));
    get(&sim, "users/relations?account_id=acc_1&limit=7").await;
    let calls = sim.calls();
    assert_eq!(calls[1].query, "account_id=acc_1&limit=7");
    assert_eq!(calls[1].status, Some(500));
    assert_eq!(calls[0].ended, Some(NOW));
    assert_eq!(sim.violations(Duration::from_secs(59)), []);
    let close = sim.violations(Duration::from_secs(60));
    assert_eq!(close[0].gap, Duration::from_secs(59));
}

#[tokio::test]
async fn calls_at_the_same_time_are_seen() {
    let (sim, clock) = sim().await;
    sim.inject(Rule::once(Fault::SlowHead(Duration::from_secs(5))));
    let slow = get(&sim, "users/relations?account_id=acc_1");
    let quick = async {
        while sim.calls().is_empty() {
            tokio::task::yield_now().await;
        }
        get(&sim, "users/relations?account_id=acc_1").await;
        clock.advance(Duration::from_secs(5));
    };
    tokio::join!(slow, quick);
    assert_eq!(sim.violations(Duration::ZERO).len(), 1);
    assert!(sim.calls()[1].overlapped);
}
