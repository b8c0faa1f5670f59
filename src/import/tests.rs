//! Files as people really export them. The people are invented.

use std::io::Cursor;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::columns::{Field, Mapping};
use super::dates::Order;
use super::file::{Entry, Rows, Survey, Unreadable};
use super::row::Defaults;
use super::text::{Detector, Encoding};

fn defaults() -> Defaults {
    Defaults {
        account: Some("acc_1".to_owned()),
        ..Defaults::default()
    }
}

fn survey(bytes: &[u8], mappings: &[Mapping]) -> Result<Survey, Unreadable> {
    let mut detector = Detector::default();
    detector.add(bytes);
    let encoding = detector.finish().map_err(Unreadable::File)?;
    Survey::of(|| Ok(Cursor::new(bytes)), encoding, mappings)
}

fn entries(bytes: &[u8], survey: &Survey, defaults: &Defaults) -> Vec<Entry> {
    let mut rows = Rows::of(Cursor::new(bytes), survey).expect("in memory");
    std::iter::from_fn(|| rows.next(survey, defaults).expect("in memory")).collect()
}

/// Each row as its line and its fields, or `field: detail`.
fn rows(bytes: impl AsRef<[u8]>) -> Vec<(usize, Result<Value, String>)> {
    let bytes = bytes.as_ref();
    let survey = survey(bytes, &[]).expect("a readable file");
    entries(bytes, &survey, &defaults())
        .into_iter()
        .map(|entry| {
            let row = entry
                .row
                .map(|row| Value::Object(row.fields))
                .map_err(|e| format!("{}: {}", e.field.map_or("", Field::as_str), e.detail));
            (entry.line, row)
        })
        .collect()
}

fn only(text: &str) -> Value {
    rows(text).remove(0).1.expect("a row")
}

fn refused(bytes: &[u8], mappings: &[Mapping]) -> String {
    match survey(bytes, mappings) {
        Err(Unreadable::File(why) | Unreadable::Mapping(why)) => why,
        other => panic!("{other:?}"),
    }
}

/// The rows of an export without their ids, which are checked on their own.
fn export(bytes: &[u8]) -> (Survey, Vec<Value>) {
    let survey = survey(bytes, &[]).expect("a readable file");
    let rows = entries(bytes, &survey, &defaults());
    let rows = rows.into_iter().map(|entry| {
        let mut fields = entry.row.expect("a row").fields;
        assert!(fields.remove("id").is_some_and(|id| id.is_string()));
        assert_eq!(fields.remove("accountId"), Some(json!("acc_1")));
        Value::Object(fields)
    });
    let rows = rows.collect();
    (survey, rows)
}

fn fields(survey: &Survey) -> Vec<(&str, Option<&str>)> {
    let columns = survey.columns.iter();
    columns
        .map(|c| (c.header.as_str(), c.field.map(Field::as_str)))
        .collect()
}

#[test]
fn connections_of_linkedin() {
    let (survey, rows) = export(include_bytes!(
        "../../tests/data/exports/linkedin_connections.csv"
    ));
    assert_eq!(survey.encoding, Encoding::Utf8);
    assert!(fields(&survey).contains(&("Connected On", None)));
    assert!(fields(&survey).contains(&("Email Address", None)));
    let first = json!({"name": "Maelis Aubertrand", "company": "Aubertrand SA", "headline": "Acheteuse",
        "linkedinUrl": "https://www.linkedin.com/in/maelis-aubertrand-0c1e40"});
    assert_eq!(rows[0], first);
    assert_eq!(rows[1]["headline"], "Leiter \"Einkauf\"");
    assert_eq!(rows[2]["name"], "Solvej Thrandrup, MBA");
    // The hidden member, for which only the date of the connection is known, is no row.
    assert_eq!(rows[3]["name"], "Ignatius Pellworth");
    assert!(rows.iter().all(|row| row.get("invitedAt").is_none()));
}

#[test]
fn invitations_of_linkedin() {
    let file = "From,To,Sent At,Message,Direction,inviterProfileUrl,inviteeProfileUrl\n\
        Me Myself,Ada Lovelace,\"1/2/26, 2:37\u{202f}PM\",Hello Ada,OUTGOING,https://www.linkedin.com/in/me,https://www.linkedin.com/in/ada\n\
        Bob Byron,Me Myself,\"1/3/26, 9:00 AM\",Hi,INCOMING,https://www.linkedin.com/in/bob,https://www.linkedin.com/in/me\n";
    let (survey, rows) = export(file.as_bytes());
    assert_eq!(survey.order, Order::MonthFirst);
    let outgoing = json!({"name": "Ada Lovelace", "linkedinUrl": "https://www.linkedin.com/in/ada",
        "invitedAt": "2026-01-02T14:37:00.000Z", "note": "Hello Ada"});
    assert_eq!(rows[0], outgoing);
    // They invited us, so we sent no invitation.
    assert_eq!(
        rows[1],
        json!({"name": "Bob Byron", "linkedinUrl": "https://www.linkedin.com/in/bob"})
    );
}

#[test]
fn contacts_of_hubspot() {
    let (survey, rows) = export(include_bytes!("../../tests/data/exports/hubspot.csv"));
    let known = fields(&survey);
    for column in [
        ("Record ID - Contact", Some("id")),
        ("LinkedIn URL", Some("linkedinUrl")),
        ("Job Title", Some("headline")),
        ("Company name", Some("company")),
        ("Record ID - Company", None),
        ("Contact owner", None),
        ("Company owner", None),
        ("Create Date", None),
        ("Last Activity Date", None),
    ] {
        assert!(known.contains(&column), "{column:?} {known:?}");
    }
    assert_eq!(rows.len(), 5);
    assert_eq!(
        rows[0]["linkedinUrl"],
        "linkedin.com/in/rosalie-hintermoser-0c1e60"
    );
    assert_eq!(rows[2], json!({"company": "Nobody Ltd"}));
    let sales = rows[3]["linkedinUrl"].as_str().expect("a URL");
    assert!(sales.contains("/sales/lead/ACwAASoF8j8BmVMbS3fXD9YArlJY-o7Vo6wAVzE,"));
}

#[test]
fn a_report_of_salesforce() {
    let (survey, rows) = export(include_bytes!("../../tests/data/exports/salesforce.csv"));
    assert_eq!(survey.encoding, Encoding::Windows1252);
    assert_eq!(survey.order, Order::MonthFirst);
    assert_eq!(rows.len(), 5, "footers are no rows");
    let first = json!({"name": "Börje Ångström-Falk", "headline": "Inköpschef", "company": "Ångström & Falk AB",
        "linkedinUrl": "https://www.linkedin.com/in/borje-angstrom-falk-0c1e80"});
    assert_eq!(rows[0], first);
    assert!(fields(&survey).contains(&("Create Date", None)));
    assert!(fields(&survey).contains(&("Lead Owner", None)));
}

#[test]
fn leads_of_evaboot() {
    let (survey, rows) = export(include_bytes!("../../tests/data/exports/evaboot.csv"));
    assert_eq!(survey.encoding, Encoding::Utf16Le);
    let first = &rows[0];
    assert_eq!(first["name"], "Annegret Wolfshöhe");
    assert_eq!(first["headline"], "Founder & CEO");
    assert!(
        first["linkedinUrl"]
            .as_str()
            .is_some_and(|url| url.contains("/in/")),
        "{first}"
    );
    assert!(
        first["providerId"]
            .as_str()
            .is_some_and(|id| id.starts_with("ACwAA")),
        "{first}"
    );
}

#[test]
fn a_list_of_heyreach() {
    let (_, rows) = export(include_bytes!("../../tests/data/exports/heyreach.csv"));
    assert_eq!(rows[0]["name"], "Verena Amslinger");
    assert_eq!(rows[0]["headline"], "Pumps | Valves | 🌊");
    assert_eq!(rows[1]["name"], "Corin Haldsworth");
    assert_eq!(rows[1]["company"], "Haldsworth, Brand & Pole Ltd");
}

#[test]
fn a_search_of_phantombuster() {
    let (survey, rows) = export(
        b"profileUrl,fullName,connectionDegree,timestamp,category,query,firstName,lastName,headline,location,vmid,linkedinProfileUrl,company,companyUrl,industry,company2,jobTitle\n\
        https://www.linkedin.com/sales/lead/ACwAACuVS84B9C7mdnyZdBEFwODpFInn7OkqT-M%2CNAME_SEARCH%2Cx,Ada Lovelace,2nd,2026-03-01T10:00:00.000Z,People,https://www.linkedin.com/search/results/people/?keywords=x,Ada,Lovelace,Counts,London,ACoAACuVS84BeK9T8HVq6sOoJI4OmDNDsYpaF4s,https://www.linkedin.com/in/ada-lovelace,Engines,https://www.linkedin.com/company/engines,Maths,Mill,Countess\n",
    );
    assert!(fields(&survey).contains(&("query", None)));
    assert!(fields(&survey).contains(&("timestamp", None)));
    let expected = json!({"name": "Ada Lovelace", "headline": "Counts", "company": "Engines",
        "linkedinUrl": "https://www.linkedin.com/in/ada-lovelace", "providerId": "ACoAACuVS84BeK9T8HVq6sOoJI4OmDNDsYpaF4s"});
    assert_eq!(rows, [expected]);
}

#[test]
fn excel_in_german() {
    let text = "sep=;\r\nAnrede;Vorname;Nachname;Firma;Position;LinkedIn-Profil;Eingeladen am;\r\n\
        Frau;Jörg;Müßig;Käse & Söhne;Geschäftsführer;www.linkedin.com/in/jörg-müßig;12.05.2026;\r\n;;;;;;;\r\n";
    let (latin, _, _) = encoding_rs::WINDOWS_1252.encode(text);
    let (survey, rows) = export(&latin);
    assert_eq!(survey.encoding, Encoding::Windows1252);
    let expected = json!({"name": "Jörg Müßig", "company": "Käse & Söhne", "headline": "Geschäftsführer",
        "linkedinUrl": "www.linkedin.com/in/jörg-müßig", "invitedAt": "2026-05-12T00:00:00.000Z"});
    assert_eq!(rows, [expected]);
}

#[test]
fn excel_in_french() {
    let file = "\u{feff}Civilité;Prénom;Nom;Fonction;Société;Profil LinkedIn;Invité le\r\n\
        Mme;Agathe;Montrachelle;Achats;Société Générique;https://fr.linkedin.com/in/agathe-m;13/05/2026\r\n\
        M.;Bo;Li;;;https://fr.linkedin.com/in/bo-li;05/06/2026\r\n";
    let (survey, rows) = export(file.as_bytes());
    assert_eq!(survey.order, Order::DayFirst);
    assert_eq!(rows[0]["name"], "Agathe Montrachelle");
    assert_eq!(rows[1]["invitedAt"], "2026-06-05T00:00:00.000Z");
}

#[test]
fn a_column_that_nobody_knows_may_hold_pages_of_people() {
    let (survey, rows) = export(
        b"First Name,Last Name,Web Page,Owner Page,Website 1 - Value\nAda,L,,https://www.linkedin.com/in/owner,\nBob,B,https://www.linkedin.com/in/bob,,https://example.com\n",
    );
    assert!(fields(&survey).contains(&("Web Page", Some("linkedinUrl"))));
    assert!(fields(&survey).contains(&("Owner Page", None)));
    assert_eq!(rows[0].get("linkedinUrl"), None);
    assert_eq!(rows[1]["linkedinUrl"], "https://www.linkedin.com/in/bob");
}

#[test]
fn an_account_column_is_a_company() {
    let file = "Full Name,Account,LinkedIn URL\nAda,Engines Ltd,https://www.linkedin.com/in/ada\n";
    let row = only(file);
    assert_eq!(
        (&row["accountId"], &row["company"]),
        (&json!("acc_1"), &json!("Engines Ltd"))
    );
    let none = Defaults::default();
    let surveyed = survey(file.as_bytes(), &[]).expect("a readable file");
    assert!(!surveyed.fills(Field::AccountId));
    let why = entries(file.as_bytes(), &surveyed, &none)
        .remove(0)
        .row
        .expect_err("no account");
    assert_eq!(why.field, Some(Field::AccountId));
}

#[test]
fn the_id_of_a_row_is_that_of_its_account_campaign_and_person() {
    let id = |url: &str, account: &str, campaign: &str| {
        only(&format!(
            "linkedin url,account id,campaign id\n{url},{account},{campaign}\n"
        ))["id"]
            .clone()
    };
    let ada = id("https://www.linkedin.com/in/ada", "a1", "c1");
    assert!(ada.as_str().is_some_and(|id| id.starts_with("imp_")));
    assert_eq!(ada, id("http://linkedin.com/in/Ada/?x=1", "a1", "c1"));
    for other in [
        id("https://www.linkedin.com/in/bob", "a1", "c1"),
        id("https://www.linkedin.com/in/ada", "a2", "c1"),
        id("https://www.linkedin.com/in/ada", "a1", "c2"),
    ] {
        assert_ne!(ada, other);
    }
    assert_eq!(id("ada", "a1", ""), id("ada", "a1", "unassigned"));
}

#[test]
fn without_a_person_the_id_comes_from_name_and_company() {
    let id = |cells: &str| only(&format!("linkedin url,name,company\n{cells}\n"))["id"].clone();
    let ada = id("n/a,Ada Lovelace,Engines");
    assert_eq!(ada, id(",Ada Lovelace,Engines"));
    assert_eq!(
        ada,
        id("https://www.linkedin.com/company/x,Ada Lovelace,Engines")
    );
    for other in [
        ",Ada Lovelace,",
        ",Ada,Lovelace",
        ",,Ada Lovelace",
        "ada,Ada Lovelace,Engines",
    ] {
        assert_ne!(ada, id(other), "{other}");
    }
    assert!(rows("linkedin url,note\n-,x\n")[0].1.is_err());
}

#[test]
fn placeholders_say_nothing_where_an_id_or_a_time_belongs() {
    let row = only(
        "id,linkedin url,profile url,provider id,campaign,invited at,name,company\n\
         1,N/A,https://www.linkedin.com/in/na,Unknown,None,-,Null,n/a\n",
    );
    let expected = json!({"id": "1", "accountId": "acc_1", "linkedinUrl": "https://www.linkedin.com/in/na", "name": "Null", "company": "n/a"});
    assert_eq!(row, expected);
}

#[test]
fn an_ambiguous_date_is_left_out_with_a_note() {
    let file = b"id,invited at\n1,05/12/2026\n2,yesterday\n";
    let survey = survey(file, &[]).expect("a readable file");
    let found = entries(file, &survey, &defaults());
    let row = found[0].row.as_ref().expect("a row");
    assert_eq!(row.fields.get("invitedAt"), None);
    assert_eq!(row.notes[0].field, Some(Field::InvitedAt));
    let why = found[1].row.as_ref().expect_err("no date");
    assert_eq!(why.field, Some(Field::InvitedAt));
}

#[test]
fn of_duplicate_headers_the_first_filled_cell_counts() {
    let rows = rows("id,company,company,\n1,,Second,\n2,First,Second,\n");
    let company = |at: usize| rows[at].1.as_ref().expect("a row")["company"].clone();
    assert_eq!((company(0), company(1)), (json!("Second"), json!("First")));
}

/// Campaign id and name of each row, with the defaults that are given.
fn campaigns(text: &str, id: Option<&str>, name: Option<&str>) -> Vec<(Value, Value)> {
    let defaults = Defaults {
        campaign: id.map(str::to_owned),
        campaign_name: name.map(str::to_owned),
        ..defaults()
    };
    let survey = survey(text.as_bytes(), &[]).expect("a readable file");
    entries(text.as_bytes(), &survey, &defaults)
        .into_iter()
        .map(|entry| {
            let row = Value::Object(entry.row.expect("a row").fields);
            (row["campaignId"].clone(), row["campaignName"].clone())
        })
        .collect()
}

#[test]
fn a_campaign_that_is_named_only_gets_an_id_from_its_name() {
    let of = |name: &str| {
        let id = crate::domain::ids::CampaignId::of_name(name);
        (json!(id.as_str()), json!(name))
    };
    let none = (Value::Null, Value::Null);
    let text = "id,campaign\n1,Founders Q2\n2,\n3,Founders Q3\n";
    assert_eq!(
        campaigns(text, None, None),
        [of("Founders Q2"), none, of("Founders Q3")]
    );
    let given = (json!("c1"), json!("Founders Q2"));
    let named = campaigns(text, Some("c1"), Some("Founders Q2"));
    assert_eq!(named, [given.clone(), given, of("Founders Q3")]);
    let default = (json!("c1"), Value::Null);
    assert_eq!(
        campaigns(text, Some("c1"), None),
        [of("Founders Q2"), default.clone(), of("Founders Q3")]
    );
    assert_eq!(campaigns("id\n1\n", None, Some("Q4")), [of("Q4")]);
    let ndjson = "{\"id\":1,\"campaign\":2026}\n{\"id\":2,\"campaign\":null,\"campaignId\":null}";
    assert_eq!(campaigns(ndjson, Some("c1"), None), [of("2026"), default]);
}

#[test]
fn ndjson_is_read_and_broken_lines_are_reported() {
    let rows = rows(
        b"{\"id\": 7, \"name\": null, \"accountId\": null, \"linkedin_url\": \"x\", \"linkedinUrl\": null}\n\n{broken\n[1]\n{\"id\":\"b\",\"accountId\":2}\n{\"id\":\"J\xc3\xb6rg\xff\"}\n",
    );
    assert_eq!(
        rows[0].1,
        Ok(json!({"id": "7", "accountId": "acc_1", "linkedinUrl": "x"}))
    );
    let error = |at: usize| rows[at].1.clone().expect_err("no row");
    assert!(error(1).contains("not JSON"));
    assert!(error(2).contains("not a JSON object"));
    assert_eq!(
        (
            rows[3].0,
            rows[3].1.as_ref().expect("a row")["accountId"].as_str()
        ),
        (5, Some("2"))
    );
    assert!(error(4).contains("damaged"));
    // A first line in error hides nothing.
    let late = self::rows("oops\n{\"id\": \"n1\"}\n");
    assert!(late[0].1.is_err());
    assert_eq!(late[1].1.as_ref().expect("a row")["id"], "n1");
}

#[test]
fn a_row_in_error_loses_no_other_row() {
    let rows = rows("id,name\n1,a,b,c\n2,b\n3,\"never closed\n4,d\n5,e\n");
    let good: Vec<usize> = rows.iter().filter(|r| r.1.is_ok()).map(|r| r.0).collect();
    assert_eq!(good, [3, 5, 6]);
}

#[test]
fn columns_are_mapped_by_hand() {
    let map = [
        Mapping::parse("Wer?=name").expect("a mapping"),
        Mapping::parse("Title=ignore").expect("a mapping"),
    ];
    let file = b"id,Wer?,Title\n1,Ada,x\n";
    let surveyed = survey(file, &map).expect("a readable file");
    let row = entries(file, &surveyed, &defaults())
        .remove(0)
        .row
        .expect("a row");
    assert_eq!(row.text("name"), "Ada");
    assert!(!row.fields.contains_key("headline"));
    assert!(refused(b"id\n1\n", &map).contains("Wer?"));
    // A header that only the mapping knows is found.
    assert!(survey(b"Wer?;Wo\nAda;x\n", &map[..1]).is_ok());
}

#[test]
fn a_file_without_any_known_column_is_refused() {
    for bad in ["", "\n\n", "foo,bar\n1,2\n", "[{\"id\": 1}]"] {
        assert!(!refused(bad.as_bytes(), &[]).is_empty(), "{bad}");
    }
}

proptest! {
    #[test]
    fn no_file_makes_it_panic(text in "(id|name|linkedin url|invited at|sep=|,|;|\"|\n|\r\n|\t|ä|\\{\"|\\}|:|https://www.linkedin.com/in/|[0-9]{1,2}/|[a-z]{1,4}){0,40}") {
        if let Ok(survey) = survey(text.as_bytes(), &[]) {
            entries(text.as_bytes(), &survey, &defaults());
        }
    }

    #[test]
    fn every_row_is_read_whatever_is_in_its_cells(cells in prop::collection::vec("[^\r\u{fdd0}\\p{C}]{1,12}", 1..20)) {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(["id", "name"]).expect("in memory");
        for (n, cell) in cells.iter().enumerate() {
            writer.write_record([n.to_string().as_str(), cell]).expect("in memory");
        }
        let read = rows(writer.into_inner().expect("in memory"));
        prop_assert_eq!(read.len(), cells.len());
        for ((_, row), cell) in read.iter().zip(&cells) {
            let name = row.as_ref().expect("a row").get("name").and_then(Value::as_str).unwrap_or_default();
            let plain = cell.split_whitespace().collect::<Vec<_>>().join(" ");
            let read = name.split_whitespace().collect::<Vec<_>>().join(" ");
            prop_assert!(plain == read || plain.starts_with('\'') || plain.starts_with(&read));
        }
    }
}
