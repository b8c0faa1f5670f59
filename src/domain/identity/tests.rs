//! Every vector of `identity.tsv`, and what holds for all of them.

use super::*;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;
use unicode_normalization::UnicodeNormalization;

const PROFILE: &str = "ACoAACuVS84BeK9T8HVq6sOoJI4OmDNDsYpaF4s";

#[test]
fn every_vector() {
    let vectors = include_str!("../../../tests/data/identity.tsv");
    let mut seen = 0;
    for line in vectors.lines().filter(|l| !l.starts_with('#')) {
        let mut cells = line.split('\t');
        let input = cells.next().unwrap();
        let expected = cells.next().unwrap();
        let found = Identity::from_text(input);
        match expected.split_once(' ') {
            None if expected == "none" => assert!(found.is_empty(), "{line}: {found:?}"),
            None => {
                assert_eq!(expected, "opaque", "{line}");
                let id = found.provider_id.as_deref().unwrap_or_default();
                assert!(input.contains(id) && !id.is_empty(), "{line}: {found:?}");
                assert_eq!(found.number(), None, "{line}");
                assert_eq!(found.public_identifier, None, "{line}");
            }
            Some(("member", number)) => {
                assert_eq!(found.number(), number.parse().ok(), "{line}: {found:?}");
                assert_eq!(found.public_identifier, None, "{line}");
                let sales = input.contains("ACw") || input.contains("AEM");
                assert_eq!(found.sales_number.is_some(), sales, "{line}");
                assert_eq!(found.member_number.is_some(), !sales, "{line}");
            }
            Some((_, rest)) => {
                let (slug, number) = match rest.split_once(" + member ") {
                    Some((slug, number)) => (slug, number.parse().ok()),
                    None => (rest, None),
                };
                assert_eq!(found.public_identifier.as_deref(), Some(slug), "{line}");
                assert_eq!(found.number(), number, "{line}");
            }
        }
        seen += 1;
    }
    assert!(seen > 55);
}

#[test]
fn persons() {
    let slug = Identity::from_text("mira");
    let mut known = Identity::from_id(PROFILE);
    assert!(!slug.same_person(&known));
    assert!(known.fill_from(&slug) && !known.fill_from(&slug));
    assert!(slug.same_person(&known));
    let mut namesake = Identity::from_member_urn("7");
    namesake.fill_from(&slug);
    assert!(!namesake.same_person(&known));
    assert!(!namesake.fill_from(&known));
    assert!(known.same_person(&Identity::from_member_urn("urn:li:member:731204558")));
    assert!(known.same_person(&Identity::from_text(
        "ACwAACuVS84B9C7mdnyZdBEFwODpFInn7OkqT-M"
    )));
    assert!(!Identity::default().same_person(&Identity::default()));
}

#[test]
fn a_placeholder_is_nobody_only_as_the_whole_value() {
    for word in [
        "none",
        "None",
        "NULL",
        "n/a",
        "N/A",
        "na",
        "NA",
        "nil",
        "Unknown",
        "undefined",
        "-",
        " - ",
        "\tnull\n",
    ] {
        assert!(Identity::from_text(word).is_empty(), "{word:?}");
        assert!(Identity::from_id(word).is_empty(), "{word:?}");
    }
    for word in ["none", "null", "na", "nil", "unknown", "undefined"] {
        let url = format!("https://www.linkedin.com/in/{}", word.to_uppercase());
        let found = Identity::from_text(&url);
        assert_eq!(found.public_identifier.as_deref(), Some(word));
        assert_eq!(Identity::from_public_identifier(word), found);
    }
    assert!(Identity::from_text("nana").is_usable());
    assert!(Identity::from_id("unknown-7").is_usable());
}

#[test]
fn words_in_place_of_a_public_identifier() {
    let slug = |word: &str| Some(word.to_lowercase());
    for (word, expected) in [
        (
            "Maria-Fernanda-Gonzalez-Lopez-4b43a1b5",
            slug("Maria-Fernanda-Gonzalez-Lopez-4b43a1b5"),
        ),
        ("AA1212sqqsMQBODyLwZrRcgYhrkCafURGqva0U4E", None),
        (
            "AA1212sqqsMQBODyLwZr-cgYhrkCafURGqva0U4E",
            slug("AA1212sqqsMQBODyLwZr-cgYhrkCafURGqva0U4E"),
        ),
        // 31 and 32 characters.
        (
            "Aa1aaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            slug("Aa1aaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
        ),
        ("Aa1aaaaaaaaaaaaaaaaaaaaaaaaaaaaa", None),
        (
            "AAaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            slug("AAaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
        ),
        (
            "aa1aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            slug("aa1aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
        ),
        (
            "AA1AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            slug("AA1AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        ),
        (
            "acoaabcdefghijklmnopqrstuvwxyza",
            slug("acoaabcdefghijklmnopqrstuvwxyza"),
        ),
        ("acoaabcdefghijklmnopqrstuvwxyzab", None),
        ("ACOAA-bcdefghijklmnopqrstuvwxyzab", None),
        ("ACoAA-b", None),
        ("ACwAA", None),
        ("AEMAA1", None),
        ("ACosta", slug("acosta")),
    ] {
        for text in [
            word.to_owned(),
            format!("https://www.linkedin.com/in/{word}/"),
        ] {
            let found = Identity::from_text(&text);
            assert_eq!(found.public_identifier, expected, "{text}");
            assert_eq!(found.provider_id.is_some(), expected.is_none(), "{text}");
        }
    }
}

#[test]
fn two_people_are_told_apart_by_what_both_have() {
    let id = Identity::from_id(PROFILE);
    let slug = Identity::from_text("mira");
    let both = {
        let mut both = id.clone();
        both.fill_from(&slug);
        both
    };
    let renamed = {
        let mut renamed = id.clone();
        renamed.fill_from(&Identity::from_text("mira-h"));
        renamed
    };
    assert!(!both.is_someone_else(&renamed));
    assert!(!id.is_someone_else(&slug));
    assert!(slug.is_someone_else(&Identity::from_text("mira-h")));
    assert!(both.is_someone_else(&Identity::from_member_urn("7")));
    assert!(Identity::from_id("x").is_someone_else(&Identity::from_id("y")));
    assert!(!Identity::default().is_someone_else(&both));
}

#[test]
fn id_fields() {
    assert_eq!(
        Identity::from_id("731204558").provider_id.as_deref(),
        Some("731204558")
    );
    assert_eq!(
        Identity::from_id(" urn:li:member:731204558 ").member_number,
        Some(731_204_558)
    );
    assert_eq!(
        Identity::from_id(&format!("urn:li:fsd_profile:{PROFILE}")),
        Identity::from_id(PROFILE)
    );
    assert!(Identity::from_id("a\0b").is_empty());
    assert!(Identity::from_member_urn("0").is_empty());
    assert!(Identity::from_member_urn("x").is_empty());
    assert_eq!(
        Identity::from_public_identifier(PROFILE).member_number,
        Some(731_204_558)
    );
    assert_eq!(
        Identity::from_text("J%C3%B6rg").profile_url().as_deref(),
        Some("https://www.linkedin.com/in/j%C3%B6rg")
    );
}

#[test]
fn no_person() {
    for text in [
        "https://www.linkedin.com/in/a%00b",
        "https://www.linkedin.com/in/%2e%2e",
        "https://www.linkedin.com/company/../in/mira",
        "https://www.linkedin.com/in/a%5Cb",
        "https://evil.example\\@www.linkedin.com/in/mira",
        "https://evil.example?www.linkedin.com/in/mira",
        "https://www.linkedin.com:8080/in/mira",
        "ftp://www.linkedin.com/in/mira",
        "https://notlinkedin.com/in/mira",
        "https://www.linkedin.com/pub/dir/Mira/Halvorsen",
        "https://www.linkedin.com/in/a b",
        "https://www.linkedin.com/in/%E2%80%AEabc",
        "urn:li:company:5",
        // Where an id belongs, a placeholder is no name either.
        "urn:li:fsd_profile:null",
        "urn:li:fs_salesProfile:(undefined,NAME_SEARCH,x)",
        "https://www.linkedin.com/sales/lead/undefined,NAME_SEARCH,x",
        "mira@example.com",
        "www.example.com",
        "..",
        "---",
    ] {
        assert!(Identity::from_text(text).is_empty(), "{text}");
    }
    assert!(Identity::from_text(&"a".repeat(1 << 20)).is_empty());
    assert!(Identity::from_text(&"a".repeat(201)).is_empty());
}

/// The text with the bytes at the chosen places percent-encoded.
fn escape(text: &str, at: &[bool]) -> String {
    let mut bytes = text.bytes().zip(at.iter().chain(std::iter::repeat(&false)));
    let mut out = String::new();
    for (byte, escaped) in &mut bytes {
        if *escaped || !byte.is_ascii() {
            out.push_str(&format!("%{byte:02x}"));
        } else {
            out.push(char::from(byte));
        }
    }
    out
}

proptest! {
    #[test]
    fn never_panics(text in ".{0,80}", tail in "\\PC{0,40}") {
        for whole in [text.clone(), format!("https://www.linkedin.com/{text}/{tail}"), format!("https://www.linkedin.com/in/{tail}?{text}"), format!("urn:li:{text}"), format!("ACoAA{tail}")] {
            let found = Identity::from_text(&whole);
            prop_assert_eq!(found.is_usable(), !found.is_empty());
            let _ = (Identity::from_id(&whole), Identity::from_member_urn(&whole), Identity::from_public_identifier(&whole));
        }
    }

    // Composing and lower-casing can make an ASCII letter of another character, such as the Kelvin sign.
    #[test]
    fn a_stored_identity_is_read_back_unchanged(
        text in "(ACo|AA|aco|A|a|1|-|\u{212a}|\u{130}|\u{df}|e\u{301}|x{8}|[a-zA-Z0-9]{1,12}|\\PC){0,12}",
    ) {
        for url in [text.clone(), format!("https://www.linkedin.com/in/{}", escape(&text, &[]))] {
            let found = Identity::from_text(&url);
            if let Some(page) = found.profile_url() {
                let again = Identity::from_text(&page);
                prop_assert_eq!(&again.public_identifier, &found.public_identifier);
                prop_assert_eq!(&again.profile_url(), &found.profile_url());
                prop_assert_eq!(again.provider_id, None);
            }
            if let Some(id) = &found.provider_id {
                prop_assert_eq!(&Identity::from_id(id).provider_id, &found.provider_id);
            }
        }
    }

    // Names of any length, in any case, with hyphens or without digits.
    #[test]
    fn length_alone_makes_no_id(
        words in prop::collection::vec("[B-Zb-z][a-zA-Z0-9]{0,14}", 1..12), digits: bool,
    ) {
        let name = if digits && words.len() > 1 {
            words.join("-")
        } else {
            words.concat().replace(|c: char| c.is_ascii_digit(), "")
        };
        prop_assume!(name.len() <= 200);
        prop_assume!(!is_placeholder(&name));
        let key = name.to_lowercase();
        for text in [name.clone(), format!("linkedin.com/in/{name}")] {
            let found = Identity::from_text(&text);
            prop_assert_eq!(found.public_identifier.as_deref(), Some(key.as_str()), "{}", text);
            prop_assert_eq!(found.provider_id, None);
        }
    }

    #[test]
    fn every_spelling_gives_one_key(
        slug in "[a-zäöüéñçøåяжщ0-9][a-zäöüéñçøåяжщ0-9-]{1,28}",
        host in prop::sample::select(vec!["www.linkedin.com", "LinkedIn.com", "no.linkedin.com", "m.linkedin.com.", "touch.linkedin.com:443"]),
        scheme in prop::sample::select(vec!["https://", "http://", "HTTPS://", ""]),
        route in prop::sample::select(vec!["in", "IN", "comm/in", "mwlite/profile/in", "mwlite/in", "%69n"]),
        tail in prop::sample::select(vec!["", "/", "/en", "/?trk=x", "?trk=%ZZ", "#about", "/recent-activity/all/"]),
        upper: bool, decomposed: bool, escaped in prop::collection::vec(any::<bool>(), 0..120),
    ) {
        let spelled: String = if upper { slug.to_uppercase() } else { slug.clone() };
        let spelled: String = if decomposed { spelled.nfd().collect() } else { spelled };
        let key: String = slug.nfc().collect();
        let url = format!("{scheme}{host}/{route}/{}{tail}", escape(&spelled, &escaped));
        let found = Identity::from_text(&url);
        prop_assert_eq!(found.public_identifier.as_deref(), Some(key.as_str()), "{}", url);
        let url = found.profile_url().unwrap();
        prop_assert_eq!(Identity::from_text(&url), found);
    }

    // A changed character outside of the number: the whole string is compared, or the number is still the same. A changed
    // character within the number: another number than the original's, so the two never count as one person.
    #[test]
    fn a_changed_byte_is_never_the_same_person_by_another_number(
        at in 0_usize..39, to in "[A-Za-z0-9_-]", number in 1_i64..(1 << 40), tail: [u8; 20],
    ) {
        let mut bytes = vec![0x00, 0x2A];
        bytes.extend_from_slice(&number.to_be_bytes()[2..]);
        bytes.push(0x01);
        bytes.extend_from_slice(&tail);
        let id = URL_SAFE_NO_PAD.encode(&bytes);
        let original = Identity::from_id(&id);
        prop_assert_eq!(original.member_number, Some(number));
        let mut changed = id.clone();
        changed.replace_range(at..=at, &to);
        prop_assume!(changed != id);
        let found = Identity::from_id(&changed);
        match found.number() {
            // The number is written in characters 2 (its low four bits are the start of byte 2) to 10.
            Some(n) if n != number => prop_assert!((2..=10).contains(&at)),
            _ => {}
        }
        let touches_number = URL_SAFE_NO_PAD.decode(&changed).ok().is_some_and(|b| b[2..8] != bytes[2..8]);
        prop_assert_eq!(original.same_person(&found), found.number() == Some(number));
        if touches_number {
            prop_assert!(found.number() != Some(number));
        }
        for cut in 0..39 {
            prop_assert_eq!(Identity::from_id(&id[..cut]).number(), None);
        }
        prop_assert_eq!(Identity::from_id(&format!("{id}{to}")).number(), None);
    }
}
