//! Each form of authentication: what is believed and what is refused.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use base64::prelude::BASE64_STANDARD;
use proptest::prelude::*;

use super::*;

const NOW: Timestamp = Timestamp(1_614_265_330_000);
const BODY: &[u8] = br#"{"test": 2432232314}"#;

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    pairs
        .iter()
        .map(|(name, value)| {
            (
                name.parse::<HeaderName>().unwrap(),
                value.parse::<HeaderValue>().unwrap(),
            )
        })
        .collect()
}

fn mac(key: &[u8], signed: &[&[u8]]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    signed.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().to_vec()
}

fn hex_of(secret: &str, seconds: i64) -> String {
    hex::encode(mac(
        secret.as_bytes(),
        &[seconds.to_string().as_bytes(), b".", BODY],
    ))
}

fn by_unipile(pairs: &[(&str, &str)], header: &str, signing: &str) -> Result<(), Refusal> {
    let one = [signing];
    let signing = (!signing.is_empty()).then_some(one.as_slice());
    unipile(&headers(pairs), "Unipile-Auth", header, signing, NOW)?.check(BODY)
}

fn by_sendpilot(pairs: &[(&str, &str)], secrets: &[&str]) -> Result<(), Refusal> {
    sendpilot(&headers(pairs), secrets, NOW)?.check(BODY)
}

#[test]
fn the_static_header() {
    let auth = |value| by_unipile(&[("unipile-auth", value)], "s3cret", "");
    assert_eq!(auth("s3cret"), Ok(()));
    assert_eq!(auth("s3cre"), Err(Refusal::Wrong));
    assert_eq!(auth("S3cret"), Err(Refusal::Wrong));
    assert_eq!(by_unipile(&[], "s3cret", ""), Err(Refusal::Missing));
    assert_eq!(
        by_unipile(&[("unipile-auth", "")], "", "x"),
        Err(Refusal::NotConfigured)
    );
    let twice = [("unipile-auth", "s3cret"), ("unipile-auth", "s3cret")];
    assert_eq!(by_unipile(&twice, "s3cret", ""), Err(Refusal::Malformed));
}

#[test]
fn a_unipile_signature_is_judged_alone() {
    let at = |seconds: i64| format!("t={seconds},v0={}", hex_of("sign", seconds));
    let judge = |value: &str, signing: &str| {
        by_unipile(
            &[("unipile-auth", "s3cret"), ("unipile-signature", value)],
            "s3cret",
            signing,
        )
    };
    let now = NOW.0 / 1000;
    assert_eq!(judge(&at(now), "sign"), Ok(()));
    assert_eq!(judge(&at(now - 300), "sign"), Ok(()));
    assert_eq!(judge(&at(now + 300), "sign"), Ok(()));
    assert_eq!(judge(&at(now - 301), "sign"), Err(Refusal::Stale));
    assert_eq!(judge(&at(now + 301), "sign"), Err(Refusal::Stale));
    assert_eq!(judge(&at(now), "other"), Err(Refusal::Wrong));
    assert_eq!(judge(&at(now), ""), Err(Refusal::NotConfigured));
    let moved = at(now - 1).replace(&format!("t={}", now - 1), &format!("t={now}"));
    assert_eq!(judge(&moved, "sign"), Err(Refusal::Wrong));
    for garbage in [
        "",
        "t=",
        "v0=00",
        "t=1614265330",
        "t=1614265330,v0=zz",
        "t=x,v0=00",
        "t=-5,v0=00",
        "t=99999999999999999999,v0=00",
        "t=1,t=2,v0=00",
        "t=1614265330,s=00",
    ] {
        assert_eq!(judge(garbage, "sign"), Err(Refusal::Malformed), "{garbage}");
    }
}

#[test]
fn sendpilots_own_form() {
    let now = NOW.0 / 1000;
    let signature = |seconds: i64| format!("t={seconds},s={}", hex_of("whsec_abc", seconds));
    let judge =
        |value: &str, secrets: &[&str]| by_sendpilot(&[("Webhook-Signature", value)], secrets);
    assert_eq!(judge(&signature(now), &["whsec_abc"]), Ok(()));
    assert_eq!(
        judge(&format!("v1,{}", signature(now)), &["whsec_abc"]),
        Ok(())
    );
    assert_eq!(judge(&signature(now), &["new", "whsec_abc"]), Ok(()));
    assert_eq!(judge(&signature(now - 7200), &["whsec_abc"]), Ok(()));
    assert_eq!(judge(&signature(now + 7200), &["whsec_abc"]), Ok(()));
    assert_eq!(
        judge(&signature(now - 7201), &["whsec_abc"]),
        Err(Refusal::Stale)
    );
    assert_eq!(judge(&signature(now), &["abc"]), Err(Refusal::Wrong));
    assert_eq!(judge(&signature(now), &[]), Err(Refusal::NotConfigured));
    assert_eq!(judge(&signature(now), &[""]), Err(Refusal::NotConfigured));
    assert_eq!(by_sendpilot(&[], &["abc"]), Err(Refusal::Missing));
    assert_eq!(
        sendpilot(
            &headers(&[("webhook-signature", &signature(now))]),
            &["whsec_abc"],
            NOW
        )
        .and_then(|proof| proof.check(b"{}")),
        Err(Refusal::Wrong)
    );
}

#[test]
fn svix_and_standard_webhooks() {
    // The vector of the Standard Webhooks libraries.
    let (id, time) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330");
    let secret = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let vector = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    let prefixed = format!("whsec_{secret}");
    for prefix in ["svix", "webhook"] {
        let names = ["id", "timestamp", "signature"].map(|n| format!("{prefix}-{n}"));
        let judge = |signature: &str, secrets: &[&str]| {
            by_sendpilot(
                &[(&names[0], id), (&names[1], time), (&names[2], signature)],
                secrets,
            )
        };
        assert_eq!(judge(vector, &[&prefixed]), Ok(()));
        assert_eq!(judge(vector, &[secret]), Ok(()));
        assert_eq!(judge(vector, &["whsec_AAAA", &prefixed]), Ok(()));
        assert_eq!(
            judge(&format!("v1a,AAAA v1,AAAA {vector}"), &[secret]),
            Ok(())
        );
        assert_eq!(judge("v1,AAAA", &[secret]), Err(Refusal::Wrong));
        assert_eq!(judge(&vector[3..], &[secret]), Err(Refusal::Malformed));
        assert_eq!(judge("v1,!", &[secret]), Err(Refusal::Malformed));
        assert_eq!(judge(vector, &["whsec_AAAA"]), Err(Refusal::Wrong));
        assert_eq!(judge(vector, &[]), Err(Refusal::NotConfigured));
        assert_eq!(
            by_sendpilot(&[(&names[1], time), (&names[2], vector)], &[secret]),
            Err(Refusal::Missing)
        );
        assert_eq!(
            by_sendpilot(
                &[
                    (&names[0], id),
                    (&names[1], time),
                    (&names[1], time),
                    (&names[2], vector)
                ],
                &[secret]
            ),
            Err(Refusal::Malformed)
        );
        // A secret that is not base64 is a key as it stands.
        let raw = BASE64_STANDARD.encode(mac(
            b"whsec_not base64!",
            &[id.as_bytes(), b".", time.as_bytes(), b".", BODY],
        ));
        assert_eq!(judge(&format!("v1,{raw}"), &["whsec_not base64!"]), Ok(()));
    }
}

proptest! {
    #[test]
    fn never_panics_and_never_believes(
        names in prop::collection::vec(prop::sample::select(vec!["unipile-signature", "unipile-auth", "webhook-signature", "webhook-id", "webhook-timestamp", "svix-signature", "svix-id", "svix-timestamp"]), 0..5),
        values in prop::collection::vec("(t=[0-9]{0,20},?)?((v1,)|(s=)|(v0=))?[ -~]{0,40}", 5),
        bytes in prop::collection::vec(32_u8..=255, 0..9), now: i64,
    ) {
        let mut map = HeaderMap::new();
        for (name, value) in names.iter().zip(&values) {
            map.append(*name, HeaderValue::from_str(value).unwrap());
        }
        if let Ok(value) = HeaderValue::from_bytes(&bytes) {
            map.append("webhook-id", value);
        }
        prop_assert!(unipile(&map, "unipile-auth", "a secret nobody guesses, with 'ü'", Some(&["k"]), Timestamp(now)).and_then(|proof| proof.check(&bytes)).is_err());
        prop_assert!(sendpilot(&map, &["k", "whsec_", "whsec_AAAA"], Timestamp(now)).and_then(|proof| proof.check(&bytes)).is_err());
    }
}

#[test]
fn the_head_alone_refuses_what_no_body_can_mend() {
    let now = NOW.0 / 1000;
    let signed = |value: &str| {
        let found = headers(&[("unipile-signature", value)]);
        unipile(&found, "Unipile-Auth", "s3cret", Some(&["sign"]), NOW)
            .map(|proof| proof.is_proved())
    };
    assert_eq!(signed(&format!("t={now},v0=00")), Ok(false));
    assert_eq!(
        signed(&format!("t={},v0=00", now - 301)),
        Err(Refusal::Stale)
    );
    assert_eq!(signed("v0=00"), Err(Refusal::Malformed));
    let by_header = |value: &str| {
        let found = headers(&[("unipile-auth", value)]);
        unipile(&found, "Unipile-Auth", "s3cret", Some(&["sign"]), NOW)
            .map(|proof| proof.is_proved())
    };
    assert_eq!(by_header("s3cret"), Ok(true));
    assert_eq!(by_header("other"), Err(Refusal::Wrong));
}

#[test]
fn a_proof_shows_no_key() {
    let value = format!("t={},v0=00", NOW.0 / 1000);
    let found = headers(&[("unipile-signature", &value)]);
    let proof = unipile(&found, "Unipile-Auth", "s3cret", Some(&["sign"]), NOW).unwrap();
    assert_eq!(format!("{proof:?}"), "SenderProof { is_proved: false }");
}

#[test]
fn a_signature_can_be_checked_with_secrets_that_are_read_later() {
    let signature = format!("t={},v0={}", NOW.0 / 1000, hex_of("wes_new", NOW.0 / 1000));
    let found = headers(&[("unipile-signature", &signature)]);
    let proof = unipile(&found, "Unipile-Auth", "s3cret", Some(&[]), NOW).unwrap();
    assert_eq!(proof.check(BODY), Err(Refusal::Wrong));
    let secrets = |list: &[&str]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(
        proof
            .clone()
            .with_secrets(&secrets(&["wes_old", "wes_new"]))
            .check(BODY),
        Ok(())
    );
    assert_eq!(
        proof
            .clone()
            .with_secrets(&secrets(&["wes_old"]))
            .check(BODY),
        Err(Refusal::Wrong)
    );
}
