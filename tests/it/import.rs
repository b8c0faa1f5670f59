//! `/v1/imports`: which rows of a file are stored, what is said about the file, and how an import is taken back.

use std::time::Duration;

use serde_json::{Value, json};

use crate::cli_support::Live;
use crate::site_support::{Site, TOKEN, client};

const LEADS: &str = "First Name,Last Name,Company,LinkedIn URL,Invited At,Lead Owner\n\
    Ada,Lovelace,Engines,https://www.linkedin.com/in/ada,2026-05-12,Max\n\
    Grace,Hopper,Navy,https://www.linkedin.com/in/grace,,Max\n";

/// Sends a file with the admin token. Returns the status and the answer.
pub async fn import(url: &str, query: &str, file: impl Into<reqwest::Body>) -> (u16, Value) {
    let answer = client()
        .post(format!("{url}/v1/imports?{query}"))
        .bearer_auth(TOKEN)
        .body(file)
        .send()
        .await
        .expect("an answer");
    let status = answer.status().as_u16();
    let text = answer.text().await.expect("a body");
    (status, serde_json::from_str(&text).unwrap_or_default())
}

async fn done(site: &Site, query: &str, file: impl Into<reqwest::Body>) -> Value {
    let (status, report) = import(&site.url(""), query, file).await;
    assert_eq!(status, 200, "{report}");
    report
}

/// The numbers of created, updated, unchanged and failed rows.
fn counts(report: &Value) -> [u64; 4] {
    ["created", "updated", "unchanged", "failed"].map(|name| report[name].as_u64().expect(name))
}

async fn enrollments(site: &Site) -> Vec<Value> {
    let (_, list) = site.get("/v1/enrollments?limit=500").await;
    list["items"].as_array().expect("items").clone()
}

#[tokio::test]
async fn a_file_is_stored_and_the_answer_says_how() {
    let site = Site::guarded().await;
    let report = done(
        &site,
        "account=acc_1&campaign=c1&campaignName=Founders",
        LEADS,
    )
    .await;
    assert_eq!(counts(&report), [2, 0, 0, 0]);
    assert_eq!(
        (&report["rows"], &report["duplicates"]),
        (&json!(2), &json!(0))
    );
    assert_eq!(
        (&report["encoding"], &report["separator"]),
        (&json!("utf-8"), &json!(","))
    );
    assert_eq!(
        report["columns"][5],
        json!({"header": "Lead Owner", "field": null})
    );
    assert_eq!(
        report["columns"][3],
        json!({"header": "LinkedIn URL", "field": "linkedinUrl"})
    );
    assert_eq!(report["preview"][0]["name"], "Ada Lovelace");
    let stored = enrollments(&site).await;
    let ada = stored
        .iter()
        .find(|e| e["name"] == "Ada Lovelace")
        .expect("Ada");
    assert_eq!(ada["invitedAt"], "2026-05-12T00:00:00.000Z");
    assert_eq!(
        (&ada["campaignId"], &ada["status"]),
        (&json!("c1"), &json!("CONNECTION_SENT"))
    );

    // The same file again changes nothing.
    let again = done(
        &site,
        "account=acc_1&campaign=c1&campaignName=Founders",
        LEADS,
    )
    .await;
    assert_eq!(counts(&again), [0, 0, 2, 0]);
}

/// One person must not be stamped and announced twice because the page and the command make different ids.
#[tokio::test(flavor = "multi_thread")]
async fn the_page_and_the_command_make_the_same_ids() {
    let live = Live::guarded_by(TOKEN, "");
    let url = live.process.url("");
    let (status, report) = import(&url, "account=acc_1&campaign=c%2F1", LEADS).await;
    assert_eq!((status, counts(&report)), (200, [2, 0, 0, 0]));
    let said = live.run_with(
        &["import", "-", "--account", "acc_1", "--campaign", "c/1"],
        LEADS,
    );
    assert!(
        said.out
            .starts_with("0 created, 0 updated, 2 unchanged, 0 failed."),
        "{}",
        said.out
    );
}

/// Importing a list for a second account must not take the leads away from the first.
#[tokio::test]
async fn the_same_people_for_two_accounts_are_two_enrollments() {
    let site = Site::guarded().await;
    let with_ids = "Record ID,First Name,LinkedIn URL\n901,Ada,https://www.linkedin.com/in/ada\n902,Bob,https://www.linkedin.com/in/bob\n";
    for (file, campaign) in [(LEADS, "c1"), (with_ids, "c2")] {
        let first = done(&site, &format!("account=acc_1&campaign={campaign}"), file).await;
        let second = done(&site, &format!("account=acc_2&campaign={campaign}"), file).await;
        assert_eq!(
            (counts(&first), counts(&second)),
            ([2, 0, 0, 0], [2, 0, 0, 0])
        );
        // Both again: nothing changes, and nobody moves.
        for account in ["acc_1", "acc_2"] {
            let again = done(
                &site,
                &format!("account={account}&campaign={campaign}"),
                file,
            )
            .await;
            assert_eq!(counts(&again), [0, 0, 2, 0]);
        }
    }
    let stored = enrollments(&site).await;
    let of = |account: &str| stored.iter().filter(|e| e["accountId"] == account).count();
    assert_eq!((of("acc_1"), of("acc_2")), (4, 4));
}

/// A company in a column `Account` must not become a LinkedIn account that is polled.
#[tokio::test]
async fn an_account_column_is_a_company_and_an_account_has_to_be_named() {
    let site = Site::guarded().await;
    let file = "Full Name,Account,LinkedIn URL\nAda,Engines Ltd,https://www.linkedin.com/in/ada\n";
    let (status, problem) = import(&site.url(""), "", file).await;
    assert_eq!(
        (status, &problem["field"]),
        (422, &json!("account")),
        "{problem}"
    );
    let report = done(&site, "account=acc_1", file).await;
    assert_eq!(counts(&report), [1, 0, 0, 0]);
    let stored = enrollments(&site).await;
    assert_eq!(
        (&stored[0]["accountId"], &stored[0]["company"]),
        (&json!("acc_1"), &json!("Engines Ltd"))
    );
    let (_, accounts) = site.get("/v1/accounts").await;
    assert_eq!(accounts["items"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn german_files_of_excel_are_read() {
    let site = Site::guarded().await;
    let file = b"Vorname;Nachname;Firma;LinkedIn-Profil;Eingeladen am\r\n\
        J\xf6rg;M\xfc\xdfig;K\xe4se & Co;www.linkedin.com/in/joerg;12.05.2026\r\n";
    let report = done(&site, "account=acc_1", file.to_vec()).await;
    assert_eq!(
        (&report["encoding"], &report["separator"]),
        (&json!("windows-1252"), &json!(";"))
    );
    let stored = enrollments(&site).await;
    assert_eq!(
        (&stored[0]["name"], &stored[0]["company"]),
        (&json!("Jörg Müßig"), &json!("Käse & Co"))
    );
    assert_eq!(stored[0]["invitedAt"], "2026-05-12T00:00:00.000Z");
    let (status, problem) = import(
        &site.url(""),
        "account=acc_1",
        &b"PK\x03\x04\x14\0\x06\0"[..],
    )
    .await;
    let detail = problem["detail"].as_str().unwrap_or_default();
    assert!(
        status == 422 && detail.contains(".xlsx") && detail.contains("CSV"),
        "{problem}"
    );
}

#[tokio::test]
async fn a_dry_run_stores_nothing_and_says_the_same() {
    let site = Site::guarded().await;
    let file = "id,name,linkedin url,invited at\n1,Ada,ada,2026-05-12\n2,Bob,,\n1,Ada,ada,2026-05-12\n1,Cy,cy,\n3,Dee,dee,yesterday\n4,Eve,eve,05/06/2026\n";
    let dry = done(&site, "account=acc_1&dryRun=true", file).await;
    assert!(enrollments(&site).await.is_empty());
    assert_eq!(site.get("/v1/accounts").await.1["items"], json!([]));
    assert_eq!(site.get("/v1/imports").await.1["items"], json!([]));
    let real = done(&site, "account=acc_1", file).await;
    assert_eq!(counts(&real), [3, 0, 1, 2]);
    assert_eq!(real["duplicates"], 1);
    assert_eq!(real["noUsableIdentity"], 1);
    for name in [
        "created",
        "updated",
        "unchanged",
        "failed",
        "noUsableIdentity",
        "duplicates",
        "errors",
        "preview",
        "columns",
    ] {
        assert_eq!(dry[name], real[name], "{name}");
    }
    let errors = real["errors"].as_array().expect("errors");
    let places: Vec<_> = errors
        .iter()
        .map(|e| (e["line"].as_u64(), e["column"].as_str()))
        .collect();
    assert_eq!(
        places,
        [
            (Some(5), Some("id")),
            (Some(6), Some("invited at")),
            (Some(7), Some("invited at"))
        ]
    );
}

#[tokio::test]
async fn columns_are_mapped_by_hand() {
    let site = Site::guarded().await;
    let file = "Wer?,Title,Profil\nAda,x,https://www.linkedin.com/in/ada\n";
    let report = done(
        &site,
        "account=acc_1&map=Wer%3F%3Dname&map=Title=ignore&map=profil=linkedinUrl",
        file,
    )
    .await;
    let stored = enrollments(&site).await;
    assert_eq!(
        (&stored[0]["name"], &stored[0]["headline"]),
        (&json!("Ada"), &Value::Null)
    );
    assert_eq!(report["columns"][1]["field"], Value::Null);
    for bad in [
        "map=Wer%3F%3Dnobody",
        "map=Nowhere=name",
        "account=",
        "dryRun=perhaps",
        "account=a%3Ab",
    ] {
        let (status, problem) = import(&site.url(""), &format!("campaign=c&{bad}"), file).await;
        assert_eq!(status, 422, "{bad}");
        let field = bad.split('=').next();
        assert_eq!(problem["field"].as_str(), field, "{problem}");
    }
}

#[tokio::test]
async fn an_import_goes_on_after_its_answer() {
    let site = Site::guarded().await;
    let rows: String = (0..3_000).map(|n| format!("e{n},person-{n}\n")).collect();
    let answer = client()
        .post(site.url("/v1/imports?account=acc_1&campaign=c1"))
        .bearer_auth(TOKEN)
        .header("prefer", "respond-async")
        .body(format!("id,linkedin url\n{rows}"))
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), 202);
    let started: Value = answer.json().await.expect("JSON");
    let id = started["importId"].as_str().expect("an id").to_owned();
    let report = loop {
        let (status, report) = site.get(&format!("/v1/imports/{id}")).await;
        assert_eq!(status, 200);
        if report["state"] != "running" {
            break report;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!(
        (&report["state"], counts(&report)),
        (&json!("done"), [3_000, 0, 0, 0])
    );
    let (_, list) = site.get("/v1/imports").await;
    assert_eq!(list["items"][0]["importId"], json!(id));
    let (_, campaign) = site.get("/v1/campaigns/c1").await;
    assert_eq!(campaign["enrolled"], 3_000);
    assert_eq!(site.get("/v1/imports/import_none").await.0, 404);
}

#[tokio::test]
async fn what_nobody_touched_is_taken_back() {
    let site = Site::guarded().await;
    let file = "id,name,linkedin url,invited at\n1,A,a-one,2026-05-01\n2,B,b-two,\n3,C,c-three,\n4,D,d-four,\n5,E,e-five,\n";
    site.post(
        "/v1/enrollments",
        json!({"id": "5", "accountId": "acc_1", "name": "before"}),
    )
    .await;
    let report = done(&site, "account=acc_1", file).await;
    assert_eq!(counts(&report), [4, 1, 0, 0]);
    // An unchanged second import is no touch. A status, an invite result and an accept are.
    done(&site, "account=acc_1", file).await;
    assert_eq!(
        site.call(
            "PATCH",
            "/v1/enrollments/2",
            Some(json!({"status": "OPPORTUNITY"}))
        )
        .await
        .0,
        200
    );
    let refused = json!({"enrollmentId": "3", "httpStatus": 422, "response": {"type": "errors/cannot_resend_yet"}});
    assert_eq!(site.post("/v1/invite-results", refused).await.0, 200);
    assert_eq!(
        site.post("/v1/enrollments/4/stamp", json!({"reason": "phone"}))
            .await
            .0,
        200
    );

    let id = report["importId"].as_str().expect("an id");
    let (status, taken) = site
        .call("DELETE", &format!("/v1/imports/{id}"), None)
        .await;
    assert_eq!(
        (status, &taken["deleted"], &taken["kept"]),
        (200, &json!(1), &json!(3)),
        "{taken}"
    );
    let kept: Vec<_> = taken["keptEnrollments"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|e| e["id"].clone())
        .collect();
    assert_eq!(kept, [json!("2"), json!("3"), json!("4")]);
    let mut left: Vec<_> = enrollments(&site)
        .await
        .iter()
        .map(|e| e["id"].clone())
        .collect();
    left.sort_by_key(Value::to_string);
    assert_eq!(left, [json!("2"), json!("3"), json!("4"), json!("5")]);
    // The audit trail has one row for the import and one for taking it back, and none for their rows.
    let (_, trail) = site.get("/v1/audit").await;
    let rows = trail["items"].as_array().expect("items").iter();
    let of_import = rows.filter(|row| row["subject"] == json!(id));
    let actions: Vec<_> = of_import.map(|row| row["action"].clone()).collect();
    assert_eq!(actions, ["DELETE /v1/imports/{id}", "POST /v1/imports"]);
    // Twice is once.
    let (status, taken) = site
        .call("DELETE", &format!("/v1/imports/{id}"), None)
        .await;
    assert_eq!((status, &taken["deleted"]), (200, &json!(0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_was_killed_is_interrupted_and_the_file_again_completes_it() {
    let mut live = Live::guarded_by(TOKEN, "");
    let rows: String = (0..5_000).map(|n| format!("e{n},person-{n}\n")).collect();
    let file = format!("id,linkedin url\n{rows}");
    let answer = client()
        .post(format!("{}/v1/imports?account=acc_1", live.process.url("")))
        .bearer_auth(TOKEN)
        .header("prefer", "respond-async")
        .body(file.clone())
        .send()
        .await
        .expect("an answer");
    let started: Value = answer.json().await.expect("JSON");
    let id = started["importId"].as_str().expect("an id").to_owned();
    live.process.signal("KILL");
    live.process.wait();
    let left: Vec<_> = std::fs::read_dir(live.process.dir.path())
        .expect("a directory")
        .filter_map(|entry| entry.expect("an entry").file_name().into_string().ok())
        .filter(|name| name.contains("import"))
        .collect();
    assert!(left.is_empty(), "the file is left: {left:?}");
    live.process.start(&[], &[]);
    let url = live.process.url("");
    let answer = client()
        .get(format!("{url}/v1/imports/{id}"))
        .bearer_auth(TOKEN)
        .send()
        .await
        .expect("an answer");
    let report: Value = answer.json().await.expect("JSON");
    assert_eq!(report["state"], "interrupted", "{report}");
    let (status, again) = import(&url, "account=acc_1", file).await;
    assert_eq!(status, 200);
    let [created, _, unchanged, failed] = counts(&again);
    assert_eq!((created + unchanged, failed), (5_000, 0));
    assert!(
        report["rows"]
            .as_u64()
            .is_some_and(|rows| rows <= unchanged),
        "{report} {again}"
    );
}
