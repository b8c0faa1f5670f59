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
