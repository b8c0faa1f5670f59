//! The same accept from every source at once, in random order and over many connections: one stamp, one event, one delivery per
//! destination.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::evidence_support::{
    SECRET, ago, believing, event, message, profile_id, relation, signature,
};
use crate::site_support::{Site, TOKEN, client};

/// How many persons accept.
const PERSONS: u64 = 150;
/// How many connections carry the signs of it.
const CONNECTIONS: usize = 40;

struct Request {
    path: &'static str,
    body: String,
    /// Whether it names an enrollment that may not be there yet.
    may_be_early: bool,
}

fn to(path: &'static str, body: &Value) -> Request {
    Request {
        path,
        body: body.to_string(),
        may_be_early: path == "/v1/invite-results" || path.ends_with("/stamp"),
    }
}

/// Everything that says that this person accepted, some of it twice.
fn signs(n: u64) -> Vec<Request> {
    let (id, slug) = (format!("enr-{n}"), format!("person-{n}"));
    let url = format!("https://www.linkedin.com/in/{slug}");
    let number = 700_000_000 + n;
    let mut requests = Vec::new();
    let unipile = |body: &Value| to("/webhooks/unipile", body);
    let sendpilot = |body: &Value| to("/webhooks/sendpilot", body);
    let v2 = |kind: &str| {
        json!({"id": format!("evt-{n}"), "type": kind, "account_id": "acc_1", "created_at": ago(5), "payload": {"user": {
            "id": profile_id(number), "public_identifier": slug, "display_name": "Somebody"}}})
    };
    let mut invitation = message("acc_1", number, true, "Hi");
    invitation["message_type"] = json!("INVITATION");
    for _ in 0..2 {
        let row = json!({"id": id, "accountId": "acc_1", "campaignId": "camp_1", "linkedinUrl": url,
            "providerId": profile_id(number)});
        requests.extend([
            to("/v1/enrollments", &row),
            unipile(&relation("acc_1", number, Some(&slug))),
            unipile(&v2("relation.new")),
            unipile(&message("acc_1", number, false, "Thanks!")),
            unipile(&invitation),
        ]);
        for (event_id, kind, data) in [
            (
                "a",
                "connection.accepted",
                json!({"acceptedAt": ago(6), "linkedinUrl": url}),
            ),
            (
                "b",
                "connection_request.accepted",
                json!({"acceptedAt": ago(6), "linkedinUrl": url}),
            ),
            ("c", "message.sent", json!({"linkedinUrl": url})),
            (
                "d",
                "lead.status.changed",
                json!({"linkedinUrl": url, "newStatus": "CONNECTION_ACCEPTED"}),
            ),
            ("e", "reply.received", json!({"linkedinUrl": url})),
        ] {
            requests.push(sendpilot(&event(event_id, kind, &id, &ago(4), data)));
        }
    }
    for (status, response) in [
        (201, json!({"invitation_id": "7"})),
        (422, json!({"type": "errors/already_connected"})),
    ] {
        let result = json!({"enrollmentId": id, "providerId": profile_id(number), "httpStatus": status, "response": response});
        requests.push(to("/v1/invite-results", &result));
    }
    requests.push(to("stamp", &json!({"id": id})));
    requests
}

/// Fisher and Yates, by a seed that a failure names.
fn shuffled(mut requests: Vec<Request>, mut seed: u64) -> Vec<Request> {
    for i in (1..requests.len()).rev() {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let j = usize::try_from(seed >> 33).expect("31 bits") % (i + 1);
        requests.swap(i, j);
    }
    requests
}

async fn send(client: &reqwest::Client, site_url: &str, request: &Request) -> u16 {
    let ask = match request.path {
        "/webhooks/unipile" => client
            .post(format!("{site_url}{}", request.path))
            .header("Unipile-Auth", SECRET),
        "/webhooks/sendpilot" => client
            .post(format!("{site_url}{}", request.path))
            .header("Webhook-Signature", signature(&request.body)),
        "stamp" => {
            let named: Value = serde_json::from_str(&request.body).expect("JSON");
            let id = named["id"].as_str().expect("an id");
            let ask = client
                .post(format!("{site_url}/v1/enrollments/{id}/stamp"))
                .bearer_auth(TOKEN);
            let answer = ask.body(json!({"reason": "seen"}).to_string()).send().await;
            return answer.expect("an answer").status().as_u16();
        }
        path => client.post(format!("{site_url}{path}")).bearer_auth(TOKEN),
    };
    let answer = ask.body(request.body.clone()).send().await;
    answer.expect("an answer").status().as_u16()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_accept_from_every_source_is_stamped_once() {
    let destinations = "[[destination]]\nname = \"crm\"\nkind = \"webhook\"\nurl = \"http://127.0.0.1:9/a\"\n\
        [[destination]]\nname = \"other\"\nkind = \"webhook\"\nurl = \"http://127.0.0.1:9/b\"\n";
    let seed = acceptd::clock::Clock::system().now().0.unsigned_abs();
    let site = Site::start(&believing(destinations)).await;
    let requests = shuffled((0..PERSONS).flat_map(signs).collect(), seed);
    let queue = Arc::new(Mutex::new(requests));
    let base = site.url("");
    let senders: Vec<_> = (0..CONNECTIONS)
        .map(|_| {
            let (queue, base) = (queue.clone(), base.clone());
            tokio::spawn(async move {
                let client = client();
                loop {
                    let next = queue.lock().expect("not poisoned").pop();
                    let Some(request) = next else { return };
                    let status = send(&client, &base, &request).await;
                    let early = status == 404 && (request.may_be_early || request.path == "stamp");
                    assert!(status == 200 || early, "{status}: {}", request.body);
                }
            })
        })
        .collect();
    for sender in senders {
        sender.await.expect("every request is answered");
    }

    let conn = rusqlite::Connection::open(site.store.path()).expect("the database");
    let count = |sql: &str| -> u64 {
        let n: i64 = conn.query_row(sql, [], |row| row.get(0)).expect("a count");
        n.unsigned_abs()
    };
    for (what, sql, expected) in [
        ("enrollments", "SELECT count(*) FROM enrollments", PERSONS),
        (
            "accepted and replied",
            "SELECT count(*) FROM enrollments WHERE accepted_at IS NOT NULL AND replied_at IS NOT NULL AND status = 'REPLY_RECEIVED'",
            PERSONS,
        ),
        (
            "accepts",
            "SELECT count(*) FROM events WHERE type = 'linkedin.invite_accepted'",
            PERSONS,
        ),
        (
            "accepted enrollments with an event",
            "SELECT count(DISTINCT enrollment_id) FROM events WHERE type = 'linkedin.invite_accepted'",
            PERSONS,
        ),
        (
            "replies",
            "SELECT count(*) FROM events WHERE type = 'linkedin.reply_received'",
            PERSONS,
        ),
        ("deliveries", "SELECT count(*) FROM deliveries", PERSONS * 4),
        (
            "events and destinations",
            "SELECT count(*) FROM (SELECT DISTINCT event_id, destination FROM deliveries)",
            PERSONS * 4,
        ),
        (
            "signals that wait",
            "SELECT count(*) FROM signals WHERE outcome = 'unmatched'",
            0,
        ),
        (
            "event ids seen twice",
            "SELECT count(*) FROM signals WHERE outcome = 'duplicate'",
            PERSONS * 6,
        ),
        // One stamps the accept; another the reply, unless the reply was the first sign.
        (
            "persons stamped more than twice",
            "SELECT count(*) FROM (SELECT 1 FROM signals s JOIN signal_enrollments t ON t.signal_id = s.id WHERE s.outcome = 'stamped' GROUP BY t.enrollment_id HAVING count(*) > 2)",
            0,
        ),
        (
            "persons with a stamp in the ledger",
            "SELECT count(DISTINCT t.enrollment_id) FROM signals s JOIN signal_enrollments t ON t.signal_id = s.id WHERE s.outcome = 'stamped'",
            PERSONS,
        ),
    ] {
        assert_eq!(
            count(sql),
            expected,
            "{what}, with the order of seed {seed}"
        );
    }
}
