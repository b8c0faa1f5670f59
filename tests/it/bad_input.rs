//! Incoming webhooks that cannot be used, through the socket: every rule of `docs/rules/webhooks.md`.

use acceptd::clock::Clock;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::site_support::{Site, TOKEN, client};

const UNIPILE_SECRET: &str = "the-static-secret";
const SIGNING_SECRET: &str = "the-signing-secret";
const SENDPILOT_SECRET: &str = "the-sendpilot-secret";
const UNIPILE: &str = "/webhooks/unipile";
const SENDPILOT: &str = "/webhooks/sendpilot";

async fn site() -> Site {
    Site::start(&format!(
        "[server]\nadmin_token = \"{TOKEN}\"\n[unipile]\nwebhook_secret = \"{UNIPILE_SECRET}\"\n\
         signing_secret = \"{SIGNING_SECRET}\"\n[sendpilot]\nwebhook_secrets = [\"an-older-one\", \"{SENDPILOT_SECRET}\"]\n"
    ))
    .await
}

fn now_s() -> i64 {
    Clock::system().now().0 / 1000
}

fn signed(secret: &str, at_s: i64, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any key");
    mac.update(format!("{at_s}.{body}").as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

/// Sends a body as it is, with these headers.
async fn send(site: &Site, path: &str, headers: &[(&str, &str)], body: &str) -> (u16, Value) {
    let mut ask = client().post(site.url(path)).body(body.to_owned());
    for (name, value) in headers {
        ask = ask.header(*name, *value);
    }
    let answer = ask.send().await.expect("an answer");
    let status = answer.status().as_u16();
    if status >= 400 {
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
    }
    (status, answer.json().await.expect("a JSON body"))
}

/// Sends what the provider would.
async fn deliver(site: &Site, path: &str, body: &str) -> (u16, Value) {
    let signature = format!(
        "t={0},s={1}",
        now_s(),
        signed(SENDPILOT_SECRET, now_s(), body)
    );
    let header = match path {
        UNIPILE => ("unipile-auth", UNIPILE_SECRET),
        _ => ("webhook-signature", signature.as_str()),
    };
    send(site, path, &[header], body).await
}

async fn recorded(site: &Site) -> Vec<Value> {
    let (_, list) = site.get("/v1/signals?raw=true").await;
    list["items"].as_array().expect("items").clone()
}

async fn counted(site: &Site, provider: &str, outcome: &str) -> f64 {
    let page = client()
        .get(site.url("/metrics"))
        .send()
        .await
        .expect("an answer");
    let page = page.text().await.expect("a page");
    page.lines()
        .filter(|line| {
            line.contains("webhook")
                && line.contains(&format!("\"{provider}\""))
                && line.contains(&format!("\"{outcome}\""))
        })
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum()
}

fn relation() -> Value {
    serde_json::from_str(include_str!("../data/samples/unipile_new_relation.json"))
        .expect("a sample")
}

fn accepted() -> Value {
    serde_json::from_str(include_str!(
        "../data/samples/sendpilot_connection_accepted.json"
    ))
    .expect("a sample")
}

#[tokio::test]
async fn who_can_t_prove_it_is_401_and_nothing_is_recorded() {
    let site = site().await;
    let body = relation().to_string();
    let stale = format!(
        "t={0},v0={1}",
        now_s() - 301,
        signed(SIGNING_SECRET, now_s() - 301, &body)
    );
    let forged = format!("t={0},v0={1}", now_s(), signed("guess", now_s(), &body));
    for headers in [
        &[][..],
        &[("unipile-auth", "")],
        &[("unipile-auth", "wrong")],
        &[("authorization", UNIPILE_SECRET)],
        &[("unipile-signature", forged.as_str())],
        &[("unipile-signature", stale.as_str())],
        &[("unipile-signature", "nonsense")],
        // Judged by the signature alone: the right static header does not help.
        &[
            ("unipile-signature", forged.as_str()),
            ("unipile-auth", UNIPILE_SECRET),
        ],
    ] {
        let (status, problem) = send(&site, UNIPILE, headers, &body).await;
        assert_eq!(
            (status, &problem["status"]),
            (401, &json!(401)),
            "{headers:?}"
        );
    }
    let body = accepted().to_string();
    let old = now_s() - 7_300;
    let stale = format!("t={old},s={}", signed(SENDPILOT_SECRET, old, &body));
    let other_body = format!(
        "t={0},s={1}",
        now_s(),
        signed(SENDPILOT_SECRET, now_s(), "{}")
    );
    for headers in [
        &[][..],
        &[("webhook-signature", stale.as_str())],
        &[("webhook-signature", other_body.as_str())],
        &[("unipile-auth", UNIPILE_SECRET)],
    ] {
        assert_eq!(
            send(&site, SENDPILOT, headers, &body).await.0,
            401,
            "{headers:?}"
        );
    }
    assert!(recorded(&site).await.is_empty());
    assert_eq!(site.get("/v1/enrollments").await.1["items"], json!([]));
    assert!((counted(&site, "unipile", "unauthorized").await - 8.0).abs() < 0.1);
    assert!((counted(&site, "sendpilot", "unauthorized").await - 4.0).abs() < 0.1);
}

#[tokio::test]
async fn a_secret_that_is_not_configured_refuses() {
    let site = Site::guarded().await;
    let body = relation().to_string();
    assert_eq!(
        send(&site, UNIPILE, &[("unipile-auth", "")], &body).await.0,
        401
    );
    let signature = format!("t={0},v0={1}", now_s(), signed("", now_s(), &body));
    assert_eq!(
        send(&site, UNIPILE, &[("unipile-signature", &signature)], &body)
            .await
            .0,
        401
    );
    let signature = format!("t={0},s={1}", now_s(), signed("", now_s(), &body));
    assert_eq!(
        send(
            &site,
            SENDPILOT,
            &[("webhook-signature", &signature)],
            &body
        )
        .await
        .0,
        401
    );
}

#[tokio::test]
async fn who_can_prove_it_is_answered_whatever_the_content_type() {
    let site = site().await;
    let body = relation().to_string();
    let signature = format!(
        "t={0},v0={1}",
        now_s(),
        signed(SIGNING_SECRET, now_s(), &body)
    );
    for headers in [
        &[("unipile-auth", UNIPILE_SECRET)][..],
        &[
            ("Unipile-Auth", UNIPILE_SECRET),
            ("content-type", "text/plain"),
        ],
        &[
            ("unipile-auth", UNIPILE_SECRET),
            ("content-type", "application/x-www-form-urlencoded"),
        ],
        &[("unipile-signature", signature.as_str())],
    ] {
        assert_eq!(
            send(&site, UNIPILE, headers, &body).await.0,
            200,
            "{headers:?}"
        );
    }
    let body = accepted().to_string();
    let rotated = format!(
        "v1,t={0},s={1}",
        now_s(),
        signed("an-older-one", now_s(), &body)
    );
    let an_hour_late = now_s() - 3_700;
    let late = format!(
        "t={an_hour_late},s={}",
        signed(SENDPILOT_SECRET, an_hour_late, &body)
    );
    for signature in [rotated, late] {
        assert_eq!(
            send(
                &site,
                SENDPILOT,
                &[("webhook-signature", &signature)],
                &body
            )
            .await
            .0,
            200
        );
    }
}

#[tokio::test]
async fn an_unusable_body_is_400_with_its_field_and_not_recorded() {
    let site = site().await;
    let without = |of: Value, field: &str| {
        let mut of = of;
        of.as_object_mut().expect("an object").remove(field);
        of.to_string()
    };
    let with = |of: Value, pointer: &str, value: Value| {
        let mut of = of;
        *of.pointer_mut(pointer).expect("a field") = value;
        of.to_string()
    };
    for (body, field) in [
        (String::new(), Value::Null),
        ("not json".to_owned(), Value::Null),
        ("[]".to_owned(), Value::Null),
        ("\"text\"".to_owned(), Value::Null),
        ("null".to_owned(), Value::Null),
        ("{\"event\": \"new_relation\"".to_owned(), Value::Null),
        (without(relation(), "event"), json!("event")),
        (with(relation(), "/event", json!(7)), json!("event")),
        (without(relation(), "account_id"), json!("account_id")),
        (
            with(relation(), "/account_id", json!({})),
            json!("account_id"),
        ),
        (
            with(relation(), "/account_id", json!("a:b")),
            json!("account_id"),
        ),
    ] {
        let (status, problem) = deliver(&site, UNIPILE, &body).await;
        assert_eq!(status, 400, "{body}");
        for member in ["type", "title", "status", "detail", "field"] {
            assert!(problem.get(member).is_some(), "{member} of {problem}");
        }
        assert_eq!(problem["field"], field, "{body}");
    }
    let mut no_lead = accepted();
    no_lead["data"]
        .as_object_mut()
        .expect("an object")
        .remove("leadId");
    for (body, field) in [
        ("{}".to_owned(), json!("eventType")),
        (
            with(accepted(), "/eventType", json!(null)),
            json!("eventType"),
        ),
        (without(accepted(), "data"), json!("data")),
        (with(accepted(), "/data", json!([])), json!("data")),
        (no_lead.to_string(), json!("data.leadId")),
        (
            with(accepted(), "/data/leadId", json!(9)),
            json!("data.leadId"),
        ),
    ] {
        let (status, problem) = deliver(&site, SENDPILOT, &body).await;
        assert_eq!((status, &problem["field"]), (400, &field), "{body}");
    }
    assert!(recorded(&site).await.is_empty());
    assert_eq!(site.get("/v1/accounts").await.1["items"], json!([]));
    assert!((counted(&site, "unipile", "bad_body").await - 11.0).abs() < 0.1);
}

#[tokio::test]
async fn what_is_not_for_us_is_200_and_kept_as_ignored() {
    let site = site().await;
    let mut unknown = relation();
    unknown["event"] = json!("profile_view");
    let mut whatsapp = relation();
    whatsapp["account_type"] = json!("WHATSAPP");
    for body in [unknown, whatsapp] {
        assert_eq!(deliver(&site, UNIPILE, &body.to_string()).await.0, 200);
    }
    let mut renamed = accepted();
    renamed["eventType"] = json!("connection.was_accepted");
    assert_eq!(deliver(&site, SENDPILOT, &renamed.to_string()).await.0, 200);
    let kept = recorded(&site).await;
    assert_eq!(kept.len(), 3);
    assert!(
        kept.iter().all(|signal| signal["outcome"] == "ignored"),
        "{kept:?}"
    );
    assert_eq!(site.get("/v1/enrollments").await.1["items"], json!([]));
}

#[tokio::test]
async fn unknown_fields_and_unreadable_optional_ones_are_ignored() {
    let site = site().await;
    let mut body = relation();
    body["something_new"] = json!({"deep": [1, 2]});
    body["timestamp"] = json!("the day before yesterday");
    body["user_public_identifier"] = json!(17);
    assert_eq!(deliver(&site, UNIPILE, &body.to_string()).await.0, 200);
    let mut body = accepted();
    body["data"]["acceptedAt"] = json!("soon");
    body["data"]["campaignId"] = json!(5);
    body["extra"] = json!(true);
    assert_eq!(deliver(&site, SENDPILOT, &body.to_string()).await.0, 200);
    let (_, e) = site.get("/v1/enrollments/lead_9").await;
    assert_eq!(e["campaignId"], "unassigned");
    assert!(e["acceptedAt"].is_string(), "stamped without the time: {e}");
    assert_eq!(e["acceptedAtPrecision"], "upper_bound");
}

#[tokio::test]
async fn text_that_was_cut_within_a_character_loses_no_event() {
    let site = site().await;
    // Half an emoji: JSON's grammar has it, and what cuts texts after so many UTF-16 units writes it.
    let mut body = relation();
    body["user_full_name"] = json!("CUT");
    let body = body.to_string().replace("CUT", "Mira \\ud83d");
    assert_eq!(deliver(&site, UNIPILE, &body).await.0, 200);
    assert_eq!(
        deliver(&site, UNIPILE, &format!("\u{feff}{body}")).await.0,
        200
    );
    // It is no way around the rest of the grammar.
    for bad in ["{\"event\": \"\\ud83\"}", "{\"event\": \\ud83d}", "\\ud83d"] {
        assert_eq!(deliver(&site, UNIPILE, bad).await.0, 400, "{bad}");
    }
}

#[tokio::test]
async fn an_event_id_that_comes_again_is_a_duplicate() {
    let site = site().await;
    let body = accepted().to_string();
    for expected in ["stamped", "duplicate", "duplicate"] {
        let (status, answer) = deliver(&site, SENDPILOT, &body).await;
        assert_eq!((status, &answer["outcome"]), (200, &json!(expected)));
    }
    // The same id for another lead is another event.
    let mut other = accepted();
    other["data"]["leadId"] = json!("lead_10");
    other["data"]["linkedinUrl"] = json!("https://www.linkedin.com/in/somebody-else");
    assert_eq!(
        deliver(&site, SENDPILOT, &other.to_string()).await.1["outcome"],
        "stamped"
    );

    let v2 = include_str!("../data/samples/unipile_v2_relation_new.json");
    assert_eq!(deliver(&site, UNIPILE, v2).await.1["outcome"], "unmatched");
    assert_eq!(deliver(&site, UNIPILE, v2).await.1["outcome"], "duplicate");
    assert_eq!(
        site.get("/v1/events").await.1["items"]
            .as_array()
            .map(Vec::len),
        Some(2)
    );
}

#[tokio::test]
async fn what_is_too_large_is_413_and_counted() {
    let site = site().await;
    let (status, _) = deliver(&site, UNIPILE, &"x".repeat(300_000)).await;
    assert_eq!(status, 413);
    assert!((counted(&site, "unipile", "too_large").await - 1.0).abs() < 0.1);
}

#[tokio::test]
async fn half_open_connections_do_not_stop_the_next_webhook() {
    use tokio::io::AsyncWriteExt;
    let site = site().await;
    let mut open = Vec::new();
    for _ in 0..250 {
        let mut stream = tokio::net::TcpStream::connect(site.address)
            .await
            .expect("a connection");
        stream
            .write_all(b"POST /webhooks/unipile HTTP/1.1\r\nHost:")
            .await
            .expect("a write");
        open.push(stream);
    }
    let started = std::time::Instant::now();
    assert_eq!(
        deliver(&site, UNIPILE, &relation().to_string()).await.0,
        200
    );
    assert!(started.elapsed() < std::time::Duration::from_secs(5));
}
