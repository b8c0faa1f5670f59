//! Matching through the socket: the four paths, siblings, signals that come before the import, replies and note echoes. See
//! `docs/rules/identity.md` and `docs/rules/signals.md`.

use serde_json::{Value, json};

use crate::evidence_support::{
    ago, believing, enroll, enrollment, events, invite, leads_to, message, profile_id,
    recruiter_id, relation, sales_id, site,
};
use crate::site_support::Site;

const MIRA: u64 = 731_204_558;
const OTHER: u64 = 741_904_806;

#[tokio::test]
async fn each_enrollment_is_stamped_by_its_strongest_path() {
    let site = site().await;
    let slug = "https://www.linkedin.com/in/Mira-Halvorsen/";
    enroll(
        &site,
        json!([
            {"id": "bridge", "accountId": "acc_1", "linkedinUrl": slug},
            {"id": "bridge-direct", "accountId": "acc_1", "linkedinUrl": slug, "providerId": profile_id(MIRA),
             "invitedAt": ago(600)},
            {"id": "direct", "accountId": "acc_1", "linkedinUrl": slug, "providerId": profile_id(MIRA)},
            {"id": "lead", "accountId": "acc_1",
             "linkedinUrl": format!("https://www.linkedin.com/sales/lead/{},NAME_SEARCH,x", sales_id(MIRA))},
            {"id": "recruiter", "accountId": "acc_1", "providerId": recruiter_id(MIRA)},
            {"id": "profile", "accountId": "acc_1", "linkedinUrl": slug},
            {"id": "longer-slug", "accountId": "acc_1", "linkedinUrl": "https://www.linkedin.com/in/mira-halvorsen-2"},
            {"id": "same-slug-other-number", "accountId": "acc_1", "linkedinUrl": slug, "providerId": profile_id(OTHER)},
            {"id": "other-account", "accountId": "acc_2", "linkedinUrl": slug},
        ]),
    )
    .await;
    let (status, e) = site
        .post(
            "/v1/invite-results",
            invite("bridge", Some(profile_id(MIRA)), None),
        )
        .await;
    assert_eq!(status, 200, "{e}");
    leads_to(
        &site,
        &relation("acc_1", MIRA, Some("mira-halvorsen")),
        "stamped",
    )
    .await;
    for (id, path) in [
        ("bridge", json!("bridge")),
        ("bridge-direct", json!("bridge")),
        ("direct", json!("direct")),
        ("lead", json!("sales_nav")),
        ("recruiter", json!("sales_nav")),
        ("profile", json!("profile")),
        ("longer-slug", Value::Null),
        ("same-slug-other-number", Value::Null),
        ("other-account", Value::Null),
    ] {
        let e = enrollment(&site, id).await;
        assert_eq!(e["path"], path, "{id}");
        assert_eq!(e["acceptedAt"].is_null(), path.is_null(), "{id}");
    }
    // What it did not know is filled in.
    let lead = enrollment(&site, "lead").await;
    assert_eq!(lead["name"], "Mira Halvorsen");
    assert_eq!(lead["providerId"], profile_id(MIRA));
    assert_eq!(lead["publicIdentifier"], "mira-halvorsen");
    leads_to(&site, &relation("acc_1", MIRA, None), "already_stamped").await;
    assert_eq!(events(&site, "linkedin.invite_accepted").await.len(), 6);
}

#[tokio::test]
async fn an_opaque_id_is_compared_as_a_whole_everywhere() {
    let site = site().await;
    let opaque = "ACwAAOpaqueOpaqueOpaque";
    enroll(
        &site,
        json!([
            {"id": "lead", "accountId": "acc_1", "linkedinUrl": format!("https://www.linkedin.com/sales/lead/{opaque},x,y")},
            {"id": "own", "accountId": "acc_1", "providerId": opaque},
            {"id": "cut", "accountId": "acc_1", "providerId": &opaque[..22]},
            {"id": "case", "accountId": "acc_1", "providerId": opaque.to_lowercase()},
        ]),
    )
    .await;
    let body = json!({"event": "new_relation", "account_id": "acc_1", "user_provider_id": opaque});
    leads_to(&site, &body, "stamped").await;
    for (id, path) in [
        ("lead", json!("sales_nav")),
        ("own", json!("direct")),
        ("cut", Value::Null),
        ("case", Value::Null),
    ] {
        assert_eq!(enrollment(&site, id).await["path"], path, "{id}");
    }
    // And the other way round: the signal came first.
    let body =
        json!({"event": "new_relation", "account_id": "acc_1", "user_provider_id": "ACwAAWaiting"});
    leads_to(&site, &body, "unmatched").await;
    let url = "https://www.linkedin.com/sales/lead/ACwAAWaiting,x,y";
    enroll(
        &site,
        json!([{"id": "late", "accountId": "acc_1", "linkedinUrl": url}]),
    )
    .await;
    assert_eq!(enrollment(&site, "late").await["path"], "sales_nav");
}

#[tokio::test]
async fn a_long_name_in_mixed_case_is_a_name() {
    let site = site().await;
    let name = "Maria-Fernanda-Gonzalez-Lopez-4b43a1b5";
    let row = |id: &str, url: String| json!({"id": id, "accountId": "acc_1", "linkedinUrl": url});
    enroll(
        &site,
        json!([
            row("url", format!("https://www.linkedin.com/in/{name}/")),
            row("bare", name.to_owned())
        ]),
    )
    .await;
    let slug = name.to_lowercase();
    leads_to(&site, &relation("acc_1", MIRA, Some(&slug)), "stamped").await;
    for id in ["url", "bare"] {
        let e = enrollment(&site, id).await;
        assert_eq!(
            (&e["path"], &e["publicIdentifier"]),
            (&json!("profile"), &json!(slug))
        );
        assert_eq!(e["providerId"], profile_id(MIRA));
    }
}

#[tokio::test]
async fn a_placeholder_names_nobody() {
    let site = site().await;
    let rows: Vec<Value> = ["none", "N/A", "-", "null", "Unknown", "na", "NIL", "undefined"]
        .iter()
        .enumerate()
        .map(|(n, word)| json!({"id": format!("e{n}"), "accountId": "acc_1", "linkedinUrl": word, "providerId": word}))
        .collect();
    let (_, answer) = site.post("/v1/enrollments", json!(rows)).await;
    assert_eq!(answer["created"], rows.len(), "{answer}");
    for result in answer["results"].as_array().expect("a list") {
        assert_eq!(result["noUsableIdentity"], true, "{result}");
    }
    // What a provider does not know is not an id either; the rest of its body says who it is.
    let mut body = relation("acc_1", MIRA, Some("na"));
    body["user_provider_id"] = json!("null");
    leads_to(&site, &body, "unmatched").await;
    body["user_public_identifier"] = json!("mira-halvorsen");
    body["user_profile_url"] = Value::Null;
    enroll(
        &site,
        json!([{"id": "mira", "accountId": "acc_1", "linkedinUrl": "mira-halvorsen"}]),
    )
    .await;
    leads_to(&site, &body, "stamped").await;
    enroll(
        &site,
        json!([{"id": "named", "accountId": "acc_1", "linkedinUrl": "https://www.linkedin.com/in/na"}]),
    )
    .await;
    assert_eq!(enrollment(&site, "named").await["path"], "profile");
}

#[tokio::test]
async fn an_unmatched_webhook_goes_to_the_one_matching_sibling() {
    let siblings: String = ["a", "b", "c"]
        .iter()
        .map(|id| format!("[[account]]\nid = \"{id}\"\nworkspace_id = \"ws\"\n"))
        .collect();
    let site = Site::start(&believing(&siblings)).await;
    enroll(
        &site,
        json!([
            {"id": "one", "accountId": "b", "providerId": profile_id(1001)},
            {"id": "two-b", "accountId": "b", "providerId": profile_id(1002)},
            {"id": "two-c", "accountId": "c", "providerId": profile_id(1002)},
            {"id": "stranger", "accountId": "z", "providerId": profile_id(1003)},
            {"id": "replied", "accountId": "b", "providerId": profile_id(1004)},
            {"id": "own", "accountId": "a", "providerId": profile_id(1005)},
            {"id": "sibling-of-own", "accountId": "b", "providerId": profile_id(1005)},
        ]),
    )
    .await;
    leads_to(&site, &relation("a", 1001, None), "stamped").await;
    let one = enrollment(&site, "one").await;
    assert_eq!(
        (&one["viaSibling"], &one["path"]),
        (&json!(true), &json!("direct"))
    );
    assert_eq!(
        events(&site, "linkedin.invite_accepted").await[0]["data"]["dedupeKey"],
        "li-accept:b:one"
    );
    leads_to(&site, &relation("a", 1002, None), "ambiguous").await;
    assert!(enrollment(&site, "two-b").await["acceptedAt"].is_null());
    assert!(enrollment(&site, "two-c").await["acceptedAt"].is_null());
    // An account without an entry is nobody's sibling, and only webhooks look at siblings.
    leads_to(&site, &relation("a", 1003, None), "unmatched").await;
    leads_to(&site, &message("a", 1004, false, "Hi"), "unmatched").await;
    leads_to(&site, &relation("a", 1005, None), "stamped").await;
    assert!(enrollment(&site, "sibling-of-own").await["acceptedAt"].is_null());
    // It was accepted for its own account, so the sibling is not asked a second time either.
    leads_to(&site, &relation("a", 1005, None), "already_stamped").await;
}

#[tokio::test]
async fn an_older_invite_fills_what_is_not_known_of_the_newer() {
    let site = site().await;
    let row = json!({"id": "enr", "accountId": "acc_1", "linkedinUrl": "linkedin.com/in/mira-halvorsen", "invitedAt": ago(60)});
    enroll(&site, row).await;
    let result = invite("enr", Some(profile_id(2301)), Some("Hi Mira"));
    let (status, e) = site.post("/v1/invite-results", result).await;
    assert_eq!(status, 200, "{e}");
    assert!(e["invitedAt"].as_str() > Some(ago(61).as_str()), "{e}");
    leads_to(&site, &message("acc_1", 2301, true, "Hi Mira"), "stamped").await;
    assert_eq!(enrollment(&site, "enr").await["path"], "bridge");
    // One that names somebody else overrides nothing.
    enroll(
        &site,
        json!({"id": "two", "accountId": "acc_1", "providerId": profile_id(2302), "invitedAt": ago(60)}),
    )
    .await;
    site.post(
        "/v1/invite-results",
        invite("two", Some(profile_id(2303)), None),
    )
    .await;
    leads_to(&site, &relation("acc_1", 2303, None), "unmatched").await;
}

#[tokio::test]
async fn an_open_enrollment_that_moves_forgets_invite_and_person() {
    let site = site().await;
    let url = "https://www.linkedin.com/in/mira-halvorsen";
    let row = json!({"id": "enr", "accountId": "acc_1", "linkedinUrl": url, "providerId": profile_id(MIRA),
        "invitedAt": ago(600), "note": "Hi Mira"});
    enroll(&site, row).await;
    let moved = json!({"id": "enr", "accountId": "acc_1", "providerId": profile_id(OTHER)});
    enroll(&site, moved.clone()).await;
    let e = enrollment(&site, "enr").await;
    assert_eq!(
        (&e["status"], &e["invitedAt"]),
        (&json!("PENDING"), &Value::Null)
    );
    assert_eq!(
        (&e["providerId"], &e["publicIdentifier"]),
        (&json!(profile_id(OTHER)), &Value::Null)
    );
    let (_, again) = site.post("/v1/enrollments", moved).await;
    assert_eq!(again["unchanged"], 1, "{again}");
    let body = json!({"event": "new_relation", "account_id": "acc_1", "user_public_identifier": "mira-halvorsen"});
    leads_to(&site, &body, "unmatched").await;
    leads_to(&site, &relation("acc_1", MIRA, None), "unmatched").await;
    leads_to(&site, &relation("acc_1", OTHER, None), "stamped").await;

    // Another account: the same person, no invite.
    enroll(&site, json!([{"id": "acc", "accountId": "acc_1", "providerId": profile_id(3001), "invitedAt": ago(600)}])).await;
    enroll(&site, json!([{"id": "acc", "accountId": "acc_9"}])).await;
    let e = enrollment(&site, "acc").await;
    assert_eq!(
        (&e["status"], &e["invitedAt"]),
        (&json!("PENDING"), &Value::Null)
    );
    leads_to(&site, &relation("acc_1", 3001, None), "unmatched").await;
    leads_to(&site, &relation("acc_9", 3001, None), "stamped").await;
    assert_eq!(enrollment(&site, "acc").await["path"], "direct");
}

#[tokio::test]
async fn clearing_the_url_takes_away_what_it_said_and_nothing_else() {
    let site = site().await;
    let url = |id: &str| format!("https://www.linkedin.com/in/{id}");
    let row = |id: &str, more: Value| {
        let mut row = more;
        row["id"] = json!(id);
        row["accountId"] = json!("acc_1");
        row
    };
    let mira = profile_id(MIRA);
    enroll(
        &site,
        json!([
            row(
                "both",
                json!({"linkedinUrl": url(&mira), "providerId": mira})
            ),
            row("url", json!({"linkedinUrl": url(&mira)})),
            row(
                "slug",
                json!({"linkedinUrl": url("mira-halvorsen"), "providerId": mira})
            ),
            row(
                "lead",
                json!({"linkedinUrl": url(&mira), "providerId": sales_id(MIRA)})
            ),
        ]),
    )
    .await;
    let clear = |id: &str| json!({"id": id, "linkedinUrl": null});
    let rows = json!(["both", "url", "slug", "lead"].map(clear));
    let (_, answer) = site.post("/v1/enrollments", rows).await;
    assert_eq!(answer["updated"], 4, "{answer}");
    for (id, provider_id) in [
        ("both", json!(mira)),
        ("url", Value::Null),
        ("slug", json!(mira)),
        ("lead", json!(sales_id(MIRA))),
    ] {
        let e = enrollment(&site, id).await;
        assert_eq!(e["providerId"], provider_id, "{id}");
        assert_eq!(
            (&e["linkedinUrl"], &e["publicIdentifier"]),
            (&Value::Null, &Value::Null)
        );
    }
    // Once the id is cleared too, nothing is left; and a URL that is given again does not outdo the id.
    enroll(
        &site,
        json!([{"id": "both", "providerId": null}, {"id": "lead", "linkedinUrl": url(&mira)}]),
    )
    .await;
    assert_eq!(enrollment(&site, "both").await["memberNumber"], Value::Null);
    assert_eq!(enrollment(&site, "lead").await["providerId"], mira);
    leads_to(&site, &relation("acc_1", MIRA, None), "stamped").await;
    assert_eq!(enrollment(&site, "lead").await["path"], "direct");
}

#[tokio::test]
async fn clearing_the_id_keeps_what_was_learned_from_evidence() {
    let site = site().await;
    let url = "https://www.linkedin.com/in/mira-halvorsen";
    enroll(
        &site,
        json!([
            {"id": "learned", "accountId": "acc_1", "linkedinUrl": url},
            {"id": "given", "accountId": "acc_1", "linkedinUrl": url, "providerId": "OpaqueOpaqueOpaque"},
        ]),
    )
    .await;
    leads_to(
        &site,
        &relation("acc_1", MIRA, Some("mira-halvorsen")),
        "stamped",
    )
    .await;
    enroll(
        &site,
        json!([{"id": "learned", "providerId": null}, {"id": "given", "providerId": null}]),
    )
    .await;
    let learned = enrollment(&site, "learned").await;
    assert_eq!(learned["providerId"], profile_id(MIRA));
    assert_eq!(learned["memberNumber"], MIRA);
    let given = enrollment(&site, "given").await;
    assert_eq!(
        (&given["providerId"], &given["memberNumber"]),
        (&Value::Null, &json!(MIRA))
    );
    // The reply names the person by id only.
    leads_to(&site, &message("acc_1", MIRA, false, "Thanks!"), "stamped").await;
    for id in ["learned", "given"] {
        assert_eq!(
            enrollment(&site, id).await["status"],
            "REPLY_RECEIVED",
            "{id}"
        );
    }
    // An id of another kind takes the place of the one that the caller had given, and of nothing else.
    enroll(
        &site,
        json!([{"id": "learned", "providerId": sales_id(MIRA)}]),
    )
    .await;
    assert_eq!(
        enrollment(&site, "learned").await["providerId"],
        profile_id(MIRA)
    );
}

#[tokio::test]
async fn a_row_that_names_two_people_fails_alone() {
    let site = site().await;
    let url = format!("https://www.linkedin.com/in/{}", profile_id(MIRA));
    let rows = json!([
        {"id": "two", "accountId": "acc_1", "linkedinUrl": url, "providerId": profile_id(OTHER)},
        {"id": "one", "accountId": "acc_1", "linkedinUrl": url, "providerId": recruiter_id(MIRA)},
    ]);
    let (_, answer) = site.post("/v1/enrollments", rows).await;
    assert_eq!(
        (&answer["created"], &answer["failed"]),
        (&json!(1), &json!(1)),
        "{answer}"
    );
    assert_eq!(answer["results"][0]["error"]["field"], "providerId");
    let (status, _) = site.get("/v1/enrollments/two").await;
    assert_eq!(status, 404);
}
