//! What can't be read is named.

use proptest::prelude::*;
use serde::Deserialize;
use serde_json::json;

use super::*;
use crate::api::fields::{PastTime, Text, WholeNumber};
use crate::api::page::Limit;
use crate::domain::delivery::DeliveryState;
use crate::domain::ids::AccountId;
use crate::domain::patch::Patch;
use crate::domain::time::Timestamp;

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Thing {
    account_id: AccountId,
    #[serde(default)]
    state: Option<DeliveryState>,
    #[serde(default)]
    name: Patch<Text<5>>,
    #[serde(default)]
    count: Patch<WholeNumber<1, 9>>,
    #[serde(default)]
    at: Patch<PastTime>,
    #[serde(default)]
    parts: Vec<Part>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Part {
    late: bool,
}

fn wrong(body: Value) -> (String, String) {
    let bad = from_json::<Thing>(body).expect_err("can't be read");
    (bad.field.unwrap_or_default(), bad.detail)
}

#[test]
fn a_wrong_field_is_named_with_what_it_must_be() {
    for (body, field, detail) in [
        (json!([]), "", "The body must be a JSON object."),
        (json!({}), "accountId", "accountId is needed."),
        (
            json!({"accountId": null}),
            "accountId",
            "accountId must be a string, not null.",
        ),
        (
            json!({"accountId": 5}),
            "accountId",
            "accountId must be a string.",
        ),
        (
            json!({"accountId": "a", "state": "lost"}),
            "state",
            "state: \"lost\" is not one of pending, sending, delivered, dead, held.",
        ),
        (
            json!({"accountId": "a", "state": 1}),
            "state",
            "state must be a string.",
        ),
        (
            json!({"accountId": "a", "name": "longer than five"}),
            "name",
            "name must be at most 5 characters long.",
        ),
        (
            json!({"accountId": "a", "name": "a\u{7}"}),
            "name",
            "name must be free of control characters.",
        ),
        (
            json!({"accountId": "a", "count": 10}),
            "count",
            "count must be a whole number from 1 to 9.",
        ),
        (
            json!({"accountId": "a", "count": 1.5}),
            "count",
            "count must be a whole number from 1 to 9.",
        ),
        (
            json!({"accountId": "a", "count": "1"}),
            "count",
            "count must be a whole number from 1 to 9.",
        ),
        (
            json!({"accountId": "a", "at": "yesterday"}),
            "at",
            "at must be an RFC 3339 time such as 2026-05-02T15:14:06Z.",
        ),
        (
            json!({"accountId": "a", "parts": [{"late": true}, {"late": "yes"}]}),
            "parts.1.late",
            "parts.1.late must be true or false.",
        ),
        (
            json!({"accountId": "a", "parts": [{}]}),
            "parts.0.late",
            "parts.0.late is needed.",
        ),
    ] {
        assert_eq!(wrong(body), (field.to_owned(), detail.to_owned()));
    }
    let (field, detail) = wrong(json!({"accountId": "a:b"}));
    assert_eq!(field, "accountId");
    assert!(detail.starts_with("accountId: an account id"), "{detail}");
}

#[test]
fn left_out_null_and_set_are_three_things() {
    let thing: Thing = from_json(json!({
        "accountId": "a", "name": null, "count": 9, "unknown": {"is": "ignored"},
    }))
    .expect("a thing");
    assert_eq!(thing.name, Patch::Clear);
    assert_eq!(thing.count.set().map(|n| n.0), Some(9));
    assert_eq!(thing.at, Patch::Keep);
    let blank: Thing = from_json(json!({"accountId": "a", "name": "  "})).expect("a thing");
    assert_eq!(Patch::<String>::from(blank.name), Patch::Clear);
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Search {
    limit: Limit,
    late: Option<bool>,
    account: Option<AccountId>,
    state: Option<DeliveryState>,
}

#[test]
fn a_query_is_read_by_the_types_of_its_parameters() {
    let search: Search =
        from_query("limit=7&late=true&account=acc_%C3%A4&state=dead&x=1&x=2").expect("a search");
    assert_eq!((search.limit.get(), search.late), (7, Some(true)));
    assert_eq!(search.account.expect("an account").as_str(), "acc_ä");
    assert_eq!(search.state, Some(DeliveryState::Dead));
    assert_eq!(from_query::<Search>("").expect("all").limit.get(), 100);
    for (query, field) in [
        ("limit=", "limit"),
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("limit=-1", "limit"),
        ("limit=%2B5", "limit"),
        ("limit=x", "limit"),
        ("limit=1&limit=2", "limit"),
        ("limit=99999999999999999999", "limit"),
        ("late=yes", "late"),
        ("late=", "late"),
        ("account=a:b", "account"),
        ("account=", "account"),
        ("state=", "state"),
        ("state=DEAD", "state"),
    ] {
        let bad = from_query::<Search>(query).expect_err(query);
        assert_eq!(bad.field.as_deref(), Some(field), "{query}");
    }
}

/// Any small JSON value. Its texts often look like an id, a time or JSON.
pub(crate) fn any_json() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        "\\PC{0,20}",
        prop::sample::select(vec![
            "N/A",
            "acc_1",
            "a:b",
            "2026-05-02T15:14:06Z",
            "9999-12-31T23:59:59Z",
            "[]",
            "{\"type\":1}",
            "\"\\\"x\\\"\"",
            "\u{0}",
            "https://www.linkedin.com/in/ada",
            "urn:li:member:7",
            "\u{feff}",
            "-1",
            "null",
        ])
        .prop_map(str::to_owned),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<i32>().prop_map(|n| Value::from(f64::from(n) / 4.0)),
        text.prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z]{1,4}|type", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn a_time_of_a_caller_is_never_ahead_of_now(skew in -700_000_i64..700_000) {
        let now = Timestamp(1_780_000_000_000);
        let at = Timestamp(now.0 + skew);
        let read: PastTime = from_json(json!(at.to_string())).expect("a time");
        match read.until(now, "at") {
            Ok(read) => prop_assert_eq!(read, at.min(now)),
            Err(bad) => {
                prop_assert!(skew > 300_000);
                prop_assert_eq!(bad.field.as_deref(), Some("at"));
            }
        }
    }
}
