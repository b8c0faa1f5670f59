//! The audit trail: every change leaves one row and one line in the log, and nothing else does. The kill test shows that a row and
//! its change are stored together.

use std::collections::BTreeSet;
use std::time::Duration;

use acceptd::clock::Clock;
use acceptd::daemon::housekeeping::prune;
use acceptd::domain::time::Timestamp;
use acceptd::sim::receiver::Receiver;
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::process::Process;
use crate::site_support::{Site, TOKEN, client};

const OPERATOR: &str = "the-token-of-the-operator";
/// What must be in no row and no line: names, texts and secrets.
const PRIVATE: [&str; 6] = [
    "Ada Lovelace",
    "Difference Engines",
    "a note to ada",
    "because she said so",
    TOKEN,
    OPERATOR,
];

fn settings(receiver: &Receiver) -> String {
    format!(
        "server.admin_token = \"{TOKEN}\"\n[[token]]\nname = \"ops\"\nrole = \"operate\"\ntoken = \"{OPERATOR}\"\n\
         [unipile]\nbase_url = \"http://127.0.0.1:9\"\napi_key = \"the-key-of-a-test\"\nwebhook_secret = \"the-secret-of-a-test\"\n\
         [[destination]]\nname = \"crm\"\nkind = \"webhook\"\nurl = \"{}\"\n",
        receiver.url("/crm")
    )
}

/// Asks as the holder of a token, by a program that says what it is. Returns status and JSON.
async fn ask(
    process: &Process,
    (token, via): (&str, Option<&str>),
    method: &str,
    path: &str,
    body: &Value,
) -> (u16, Value) {
    let method = method.parse().expect("a method");
    let mut request = client()
        .request(method, process.url(path))
        .bearer_auth(token);
    if let Some(via) = via {
        request = request.header("x-acceptd", via);
    }
    if !body.is_null() {
        request = request.body(body.to_string());
    }
    let answer = request.send().await.expect("an answer");
    let status = answer.status().as_u16();
    (status, answer.json().await.unwrap_or_default())
}

async fn trail(process: &Process) -> Vec<Value> {
    let (status, page) = ask(
        process,
        (TOKEN, None),
        "GET",
        "/v1/audit?limit=500",
        &Value::Null,
    )
    .await;
    assert_eq!(status, 200, "{page}");
    page["items"].as_array().expect("items").clone()
}

fn lines(process: &Process) -> Vec<String> {
    let log = process.log();
    let lines = log.lines().filter(|line| line.contains("change made"));
    lines.map(str::to_owned).collect()
}

/// One change of the matrix: method, route, path, body, and the id of what it changes.
type Change = (
    &'static str,
    &'static str,
    String,
    Value,
    Option<&'static str>,
);

fn changes(delivery: &str) -> Vec<Change> {
    let enrollment = "/v1/enrollments/{id}";
    let one = |end: &str| format!("/v1/enrollments/enr_1{end}");
    let row = |id: &str| {
        json!({"id": id, "accountId": "acc_1", "campaignId": "camp_1", "providerId": format!("ACoAA{id}"), "name": "Ada Lovelace",
            "company": "Difference Engines", "note": "a note to ada"})
    };
    let rows = json!([row("enr_2"), row("enr_3")]);
    let upsert = "/v1/enrollments";
    let schedule = json!({"timezone": "UTC", "days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "start": "00:00", "end": "00:00"});
    let result = json!({"enrollmentId": "enr_1", "note": "a note to ada", "httpStatus": 201, "response": {"invitation_id": "1"}});
    let reason = json!({"reason": "because she said so"});
    let replay = "/v1/deliveries/{id}/replay";
    let none = Value::Null;
    vec![
        (
            "POST",
            upsert,
            upsert.to_owned(),
            row("enr_1"),
            Some("enr_1"),
        ),
        ("POST", upsert, upsert.to_owned(), rows, None),
        (
            "PATCH",
            enrollment,
            one(""),
            json!({"status": "CONNECTION_SENT"}),
            Some("enr_1"),
        ),
        (
            "POST",
            "/v1/enrollments/{id}/resync",
            one("/resync"),
            none.clone(),
            Some("enr_1"),
        ),
        (
            "POST",
            "/v1/accounts/{id}/resync",
            "/v1/accounts/acc_1/resync".to_owned(),
            none.clone(),
            Some("acc_1"),
        ),
        (
            "POST",
            "/v1/resync",
            "/v1/resync".to_owned(),
            none.clone(),
            None,
        ),
        (
            "POST",
            "/v1/invite-results",
            "/v1/invite-results".to_owned(),
            result,
            Some("enr_1"),
        ),
        (
            "POST",
            "/v1/enrollments/{id}/stamp",
            one("/stamp"),
            reason,
            Some("enr_1"),
        ),
        (
            "POST",
            "/v1/campaigns",
            "/v1/campaigns".to_owned(),
            json!({"id": "camp_2"}),
            Some("camp_2"),
        ),
        (
            "PATCH",
            "/v1/campaigns/{id}",
            "/v1/campaigns/camp_1".to_owned(),
            json!({"schedule": schedule}),
            Some("camp_1"),
        ),
        (
            "POST",
            "/v1/enrollments/{id}/next-step",
            one("/next-step"),
            none.clone(),
            Some("enr_1"),
        ),
        (
            "POST",
            "/v1/destinations/{name}/test",
            "/v1/destinations/crm/test".to_owned(),
            none.clone(),
            Some("crm"),
        ),
        (
            "POST",
            "/v1/destinations/{name}/enable",
            "/v1/destinations/crm/enable".to_owned(),
            none.clone(),
            Some("crm"),
        ),
        (
            "POST",
            replay,
            replay.replace("{id}", delivery),
            none.clone(),
            Some("1"),
        ),
        (
            "POST",
            "/v1/deliveries/replay",
            "/v1/deliveries/replay".to_owned(),
            json!({"state": "dead"}),
            None,
        ),
        ("DELETE", enrollment, one(""), none, Some("enr_1")),
    ]
}

/// Every operation of the description that changes something, as `METHOD route`. Imports have random ids; `import.rs` has their rows.
async fn described(process: &Process) -> BTreeSet<String> {
    let (_, document) = ask(process, (TOKEN, None), "GET", "/openapi.json", &Value::Null).await;
    let paths = document["paths"].as_object().expect("paths").iter();
    paths
        .filter(|(path, _)| path.starts_with("/v1/") && !path.starts_with("/v1/imports"))
        .flat_map(|(path, item)| {
            let methods = ["post", "patch", "put", "delete"];
            let found = methods.into_iter().filter(|m| item.get(*m).is_some());
            found.map(move |method| format!("{} {path}", method.to_uppercase()))
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_change_leaves_one_row_and_one_line() {
    let receiver = Receiver::start(Clock::system()).await.expect("a receiver");
    let mut process = Process::new(&settings(&receiver));
    process.start(&[], &[]);
    let (mut rows, mut logged) = (0, 0);
    let mut covered = BTreeSet::new();
    for (n, (method, route, path, body, subject)) in changes("1").into_iter().enumerate() {
        let action = format!("{method} {route}");
        let delete = method == "DELETE";
        let (token, actor) = if delete || n % 2 == 0 {
            (TOKEN, "admin")
        } else {
            (OPERATOR, "ops")
        };
        let via = ["cli", "dashboard", "api"][n % 3];
        let (status, answer) = ask(&process, (token, Some(via)), method, &path, &body).await;
        assert!((200..300).contains(&status), "{action}: {status} {answer}");
        let found = trail(&process).await;
        assert_eq!(found.len(), rows + 1, "{action}");
        let row = &found[0];
        let expected = json!({"at": row["at"], "actor": actor, "via": via, "action": action, "subject": subject,
            "peer": "127.0.0.1"});
        assert_eq!(*row, expected);
        let at: Timestamp = serde_json::from_value(row["at"].clone()).expect("a time");
        assert!(Clock::system().now().since(at) < Duration::from_secs(60));
        process.wait_for_log(&action);
        let all = lines(&process);
        assert_eq!(all.len(), logged + 1, "{action}: {all:?}");
        let line = all.last().expect("a line");
        for part in [
            Some(action.as_str()),
            Some(actor),
            Some(via),
            subject,
            Some("127.0.0.1"),
        ] {
            assert!(line.contains(part.unwrap_or_default()), "{part:?} {line}");
        }
        (rows, logged) = (rows + 1, logged + 1);
        covered.insert(action);
    }
    assert_eq!(covered, described(&process).await);
    let told = format!("{:?} {:?}", trail(&process).await, lines(&process));
    for text in PRIVATE {
        assert!(!told.contains(text), "{text} in {told}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_changes_nothing_leaves_nothing() {
    let receiver = Receiver::start(Clock::system()).await.expect("a receiver");
    let mut process = Process::new(&settings(&receiver));
    process.start(&[], &[]);
    let row = json!({"id": "enr_1", "accountId": "acc_1", "campaignId": "camp_1", "providerId": "ACoAAx"});
    let operator = (OPERATOR, None);
    let (status, _) = ask(&process, operator, "POST", "/v1/enrollments", &row).await;
    assert_eq!(status, 200);
    assert_eq!(trail(&process).await.len(), 1);
    let none = Value::Null;
    let pending = json!({"status": "PENDING"});
    let running = json!({"status": "running"});
    let campaign = "/v1/campaigns/camp_1";
    for (method, path, body, expected) in [
        // As it is already.
        ("POST", "/v1/enrollments", &row, 200),
        ("PATCH", "/v1/enrollments/enr_1", &pending, 200),
        // Not there, not possible, not allowed, not readable.
        ("PATCH", "/v1/enrollments/none", &pending, 404),
        ("POST", "/v1/enrollments/enr_1/next-step", &none, 409),
        ("DELETE", "/v1/enrollments/enr_1", &none, 403),
        ("PATCH", "/v1/enrollments/enr_1", &none, 400),
        ("POST", "/v1/enrollments", &json!([{"id": "bad"}]), 200),
    ] {
        let (status, answer) = ask(&process, operator, method, path, body).await;
        assert_eq!(status, expected, "{method} {path}: {answer}");
        assert_eq!(trail(&process).await.len(), 1, "{method} {path}");
    }
    // The first time the status is set by a user, which is a change; the second time it is not.
    for _ in 0..2 {
        assert_eq!(
            ask(&process, operator, "PATCH", campaign, &running).await.0,
            200
        );
        assert_eq!(trail(&process).await.len(), 2);
    }
    // A name for the campaign alone is a change too.
    let mut named = row.clone();
    named["campaignName"] = json!("Founders");
    assert_eq!(
        ask(&process, operator, "POST", "/v1/enrollments", &named)
            .await
            .0,
        200
    );
    assert_eq!(trail(&process).await.len(), 3);

    let relation = json!({"event": "new_relation", "account_id": "acc_1", "account_type": "LINKEDIN", "user_provider_id": "ACoAAx"});
    let answer = client()
        .post(process.url("/webhooks/unipile"))
        .header("unipile-auth", "the-secret-of-a-test")
        .body(relation.to_string())
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), 200);
    assert_eq!(trail(&process).await.len(), 3);
    assert_eq!(lines(&process).len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signals_sessions_and_erasure() {
    let receiver = Receiver::start(Clock::system()).await.expect("a receiver");
    let mut process = Process::new(&settings(&receiver));
    process.start(&[], &[]);
    let admin = (TOKEN, None);
    process.signal("HUP");
    process.wait_for_log("SIGHUP");
    process.signal("USR1");
    process.wait_for_log("a poll of every account is due");
    let of_signal = |row: &Value, name: &str| json!({"at": row["at"], "actor": "signal", "via": null, "action": name, "subject": null, "peer": null});
    let found = trail(&process).await;
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!(found[0], of_signal(&found[0], "SIGUSR1"));
    assert_eq!(found[1], of_signal(&found[1], "SIGHUP"));
    // What can't be reloaded changes nothing.
    let text = std::fs::read_to_string(process.config()).expect("it is there");
    std::fs::write(process.config(), "nonsense = 1\n").expect("written");
    process.signal("HUP");
    process.wait_for_log("nonsense");
    std::fs::write(process.config(), text).expect("written");
    assert_eq!(trail(&process).await.len(), 2);

    let login = client()
        .post(process.url("/login"))
        .header("content-type", "application/json")
        .body(json!({"token": OPERATOR}).to_string())
        .send()
        .await
        .expect("an answer");
    assert_eq!(login.status(), 204);
    let cookie = login.headers()["set-cookie"].to_str().expect("text");
    let cookie = cookie.split(';').next().expect("a pair").to_owned();
    let by_session = |path: &str| {
        let request = client().post(process.url(path)).header("cookie", &cookie);
        request.header("x-acceptd", "dashboard").send()
    };
    let row = json!({"id": "enr_1", "accountId": "acc_1", "providerId": "ACoAAx", "name": "Ada Lovelace"});
    assert_eq!(
        ask(&process, admin, "POST", "/v1/enrollments", &row)
            .await
            .0,
        200
    );
    let resync = by_session("/v1/enrollments/enr_1/resync").await;
    assert_eq!(resync.expect("an answer").status(), 202);
    assert_eq!(
        by_session("/logout").await.expect("an answer").status(),
        303
    );
    // It is over: a second log-out changes nothing.
    assert_eq!(
        by_session("/logout").await.expect("an answer").status(),
        303
    );
    let (status, _) = ask(
        &process,
        admin,
        "DELETE",
        "/v1/enrollments/enr_1",
        &Value::Null,
    )
    .await;
    assert_eq!(status, 204);
    let found = trail(&process).await;
    let told: Vec<_> = found
        .iter()
        .map(|row| {
            let text = |name: &str| row[name].as_str().unwrap_or("-").to_owned();
            format!(
                "{} {} {} {}",
                text("actor"),
                text("via"),
                text("action"),
                text("subject")
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            "admin api DELETE /v1/enrollments/{id} enr_1",
            "session:ops dashboard POST /logout -",
            "session:ops dashboard POST /v1/enrollments/{id}/resync enr_1",
            "admin api POST /v1/enrollments enr_1",
            "ops dashboard POST /login -",
            "signal - SIGUSR1 -",
            "signal - SIGHUP -",
        ]
    );
    assert!(process.stop().success());
    let conn = Connection::open(process.dir.path().join("acceptd.db")).expect("the database");
    let left: i64 = conn
        .query_row("SELECT count(*) FROM audit WHERE subject LIKE '%Ada%' OR action LIKE '%Ada%' OR actor LIKE '%Ada%'", [], |r| r.get(0))
        .expect("a count");
    assert_eq!(left, 0);
}

#[tokio::test]
async fn it_takes_an_admin_to_read_it_and_it_has_pages() {
    let mut toml = String::new();
    for role in ["read", "enroll", "operate"] {
        toml += &format!(
            "[[token]]\nname = \"a {role}\"\nrole = \"{role}\"\ntoken = \"the-token-of-a-{role}-test\"\n"
        );
    }
    let site = Site::start(&format!("server.admin_token = \"{TOKEN}\"\n{toml}")).await;
    for role in ["read", "enroll", "operate"] {
        let answer = client()
            .get(site.url("/v1/audit"))
            .bearer_auth(format!("the-token-of-a-{role}-test"))
            .send()
            .await
            .expect("an answer");
        assert_eq!(answer.status(), 403);
        assert!(
            answer
                .text()
                .await
                .expect("text")
                .contains("needs the role admin")
        );
    }
    for n in 0..5 {
        let row = json!({"id": format!("enr_{n}"), "accountId": "acc_1"});
        assert_eq!(site.post("/v1/enrollments", row).await.0, 200);
    }
    let mut subjects = Vec::new();
    let mut path = "/v1/audit?limit=2".to_owned();
    loop {
        let (status, page) = site.get(&path).await;
        assert_eq!(status, 200);
        for row in page["items"].as_array().expect("items") {
            subjects.push(row["subject"].as_str().expect("an id").to_owned());
        }
        let Some(cursor) = page["cursor"].as_str() else {
            break;
        };
        path = format!("/v1/audit?limit=2&cursor={cursor}");
    }
    assert_eq!(subjects, ["enr_4", "enr_3", "enr_2", "enr_1", "enr_0"]);
    assert_eq!(site.get("/v1/audit?limit=0").await.0, 422);
    assert_eq!(site.get("/v1/audit?cursor=x").await.0, 422);
}

#[tokio::test]
async fn it_is_kept_for_a_year() {
    const DAY: Duration = Duration::from_secs(86_400);
    let site = Site::on_clock(Clock::by_hand(Timestamp(1_790_000_000_000))).await;
    for n in 0..3 {
        let row = json!({"id": format!("enr_{n}"), "accountId": "acc_1"});
        assert_eq!(site.post("/v1/enrollments", row).await.0, 200);
        site.clock.advance(DAY);
    }
    site.clock.advance(361 * DAY);
    let now = site.clock.now();
    assert_eq!(prune(&site.store, now, DAY).await.expect("pruned").audit, 0);
    site.clock.advance(2 * DAY);
    let now = site.clock.now();
    assert_eq!(prune(&site.store, now, DAY).await.expect("pruned").audit, 1);
    let (_, page) = site.get("/v1/audit").await;
    let subjects: Vec<_> = page["items"]
        .as_array()
        .expect("items")
        .iter()
        .map(|row| row["subject"].clone())
        .collect();
    assert_eq!(subjects, ["enr_2", "enr_1"]);
}
