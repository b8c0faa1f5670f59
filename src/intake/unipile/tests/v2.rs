//! What API v2 and the hosted authentication send beside the bodies of v1.

use super::*;

#[test]
fn a_relation_with_a_time_of_its_own_is_exact() {
    let body = with(
        RELATION_V2,
        &[("/payload/created_at", json!("2026-05-02T12:00:01.500Z"))],
    );
    let claim = evidence(&body).claim;
    assert_eq!(claim.at, Timestamp::parse("2026-05-02T12:00:01.5Z"));
    assert_eq!(claim.precision, Precision::Exact);
}

#[test]
fn without_a_usable_time_of_its_own_the_event_bounds_it() {
    let future = NOW.plus(std::time::Duration::from_secs(60)).0;
    for odd in [json!(null), json!("soon"), json!(0), json!(future)] {
        let body = with(RELATION_V2, &[("/payload/created_at", odd.clone())]);
        let claim = evidence(&body).claim;
        assert_eq!(claim.at, Timestamp::parse("2026-05-02T15:14:07Z"), "{odd}");
        assert_eq!(claim.precision, Precision::UpperBound, "{odd}");
    }
}

#[test]
fn another_network_is_ignored_by_either_name_of_the_field() {
    for (field, network, ours) in [
        ("/account_provider", json!("LINKEDIN"), true),
        ("/account_provider", json!("linkedin"), true),
        ("/account_provider", json!(null), true),
        ("/account_provider", json!("WHATSAPP"), false),
        ("/account_provider", json!(7), false),
        ("/account_type", json!("WHATSAPP"), false),
    ] {
        let body = with(RELATION_V2, &[(field, network.clone())]);
        let is_evidence = matches!(read(&body).unwrap().kind, UnipileKind::Evidence(_));
        assert_eq!(is_evidence, ours, "{field} {network}");
    }
}

#[test]
fn the_notification_of_a_hosted_authentication_is_ignored() {
    for status in ["CREATION_SUCCESS", "RECONNECTED"] {
        let body = json!({"status": status, "account_id": "acc_eu1", "name": "user-7"});
        assert_eq!(ignored_as(&body), Source::Webhook);
    }
    let nameless = json!({"status": "CREATION_SUCCESS", "account_id": "acc_eu1"});
    assert_eq!(refused(&nameless).as_deref(), Some("event"));
}

const DISCONNECTED: &str =
    include_str!("../../../../tests/data/samples/unipile_v2_account_status_disconnected.json");

fn report(changes: &[(&str, Value)]) -> AccountReport {
    match read(&with(DISCONNECTED, changes)).unwrap().kind {
        UnipileKind::Account {
            account, report, ..
        } => {
            assert_eq!(account.as_str(), "acc_01kb028xzawvf4039wj1pg44ga");
            report
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn account_events_of_api_v2() {
    use AccountReport::{Failed, Locked, NoChange, Unlocked, Works};
    for (event, expected) in [
        ("account.status.running", Works),
        ("account.status.degraded", Works),
        ("account.status.disconnected", Failed),
        ("account.status.errored", Failed),
        ("account.status.paused", Failed),
        ("account.remove", Failed),
        ("account.locked", Locked),
        ("account.unlocked", Unlocked),
        ("account.status.partial", NoChange),
        ("account.add", NoChange),
        ("account.reconnect", NoChange),
        ("account.initial_sync.started", NoChange),
        ("account.status.brand_new", NoChange),
    ] {
        assert_eq!(report(&[("/type", json!(event))]), expected, "{event}");
        // The payload of some of them is not known and may be missing.
        let bare = [("/type", json!(event)), ("/payload", json!(null))];
        assert_eq!(report(&bare), expected, "{event}");
    }
}

#[test]
fn of_the_products_of_an_account_only_classic_counts() {
    use AccountReport::{Failed, Locked, NoChange, Works};
    for (event, product, expected) in [
        ("account.status.disconnected", "classic", Failed),
        ("account.status.disconnected", "recruiter", NoChange),
        ("account.status.running", "sales_navigator", NoChange),
        ("account.status.running", "CLASSIC", Works),
        ("account.status.partial", "classic", Failed),
        ("account.status.partial", "recruiter", NoChange),
        ("account.locked", "recruiter", NoChange),
        ("account.locked", "classic", Locked),
    ] {
        let changes = [
            ("/type", json!(event)),
            ("/payload", json!({"product": product})),
        ];
        assert_eq!(report(&changes), expected, "{event} {product}");
    }
    for (classic, expected) in [
        (json!("running"), Works),
        (json!("disconnected"), Failed),
        (json!("errored"), Failed),
        (json!("dancing"), NoChange),
        (json!(null), NoChange),
    ] {
        let changes = [
            ("/type", json!("account.status.partial")),
            (
                "/payload",
                json!({"products_connection_status": {"classic": classic, "recruiter": "disconnected"}}),
            ),
        ];
        assert_eq!(report(&changes), expected, "{classic}");
    }
}

#[test]
fn an_account_event_without_an_account_breaks_nothing() {
    let changes = [
        ("/account_id", json!(null)),
        ("/type", json!("account.initial_sync.completed")),
    ];
    assert_eq!(ignored_as(&with(DISCONNECTED, &changes)), Source::Webhook);
    let failed = with(DISCONNECTED, &[("/account_id", json!(null))]);
    assert_eq!(refused(&failed).as_deref(), Some("account_id"));
}
