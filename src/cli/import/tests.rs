//! Files as people really export them.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn defaults() -> Defaults {
    Defaults {
        account: Some("acc_1".to_owned()),
        ..Defaults::default()
    }
}

/// Each row as its line and its enrollment, or `field: detail`.
fn rows(text: &str) -> Vec<(usize, Result<Value, String>)> {
    read(text, None, &[], &defaults())
        .unwrap()
        .into_iter()
        .map(|e| {
            let row = e
                .row
                .map(Value::Object)
                .map_err(|e| format!("{}: {}", e.field.unwrap_or_default(), e.detail));
            (e.line, row)
        })
        .collect()
}

fn only(text: &str) -> Value {
    rows(text).remove(0).1.unwrap()
}

#[test]
fn headers_in_any_spelling() {
    let expected = json!({"id": "1", "accountId": "acc_1", "name": "Ada Lovelace", "company": "Engines", "headline": "Countess",
        "linkedinUrl": "https://www.linkedin.com/in/ada"});
    for text in [
        "ID,First Name,Last Name,Company Name,Title,LinkedIn URL,Email\n1,Ada,Lovelace,Engines,Countess,https://www.linkedin.com/in/ada,a@b.c\n",
        "lead id;FIRST_NAME;last-name;Company;Headline;Person Linkedin Url\r\n1;Ada;Lovelace;Engines;Countess;https://www.linkedin.com/in/ada\r\n",
        "External ID\tFull Name\tcompany\tJob Title\tProfile URL\n1\tAda Lovelace\tEngines\tCountess\thttps://www.linkedin.com/in/ada",
    ] {
        assert_eq!(only(text), expected, "{text}");
    }
}

#[test]
fn line_numbers_count_line_breaks_inside_cells_and_blank_lines() {
    let text = "id,note,linkedin_url\n\n1,\"a\nb\n\"\"c\"\"\",x\r\n\r\n2,d,y\n,e,\n";
    let rows = rows(text);
    let lines: Vec<usize> = rows.iter().map(|r| r.0).collect();
    assert_eq!(lines, [3, 7, 8]);
    assert_eq!(rows[0].1.as_ref().unwrap()["note"], "a\nb\n\"c\"");
    assert!(
        rows[2]
            .1
            .as_ref()
            .unwrap_err()
            .starts_with("id: the row has no id")
    );
}

#[test]
fn a_row_in_error_loses_no_other_row() {
    let rows = rows("id,name\n1,a,b,c\n2,b\n3,\"never closed\n4,d\n5,e\n");
    let good: Vec<usize> = rows.iter().filter(|r| r.1.is_ok()).map(|r| r.0).collect();
    assert_eq!(good, [3, 5, 6]);
    assert!(rows[0].1.as_ref().unwrap_err().contains("has 4 cells"));
    assert!(rows[2].1.as_ref().unwrap_err().contains("never closed"));
    assert_eq!(only("id,name\n1,5\" nail")["name"], "5\" nail");
}

#[test]
fn a_sales_url_beside_a_profile_url_is_the_provider_id() {
    let sales = "https://www.linkedin.com/sales/lead/ACwAAAC4_64BzcSnhJvUcBdMBeTIwwHBOnfGFCg,NAME_SEARCH,abcd";
    let both = only(&format!(
        "id,LinkedIn URL,Sales Navigator URL\n1,https://www.linkedin.com/in/ada,\"{sales}\"\n"
    ));
    assert_eq!(both["linkedinUrl"], "https://www.linkedin.com/in/ada");
    assert_eq!(
        both["providerId"],
        "ACwAAAC4_64BzcSnhJvUcBdMBeTIwwHBOnfGFCg"
    );
    let alone = only(&format!("id,Sales Navigator URL\n1,\"{sales}\"\n"));
    assert_eq!(alone["linkedinUrl"], sales);
}

#[test]
fn an_id_is_made_from_account_campaign_and_person() {
    let id = |url: &str| only(&format!("linkedin url\n{url}\n"))["id"].clone();
    let ada = id("https://www.linkedin.com/in/ada");
    assert!(ada.as_str().unwrap().starts_with("imp_"));
    assert_eq!(ada, id("http://linkedin.com/in/Ada/?x=1"));
    assert_ne!(ada, id("https://www.linkedin.com/in/bob"));
}

#[test]
fn a_row_without_an_identity_gets_its_id_from_name_and_company() {
    let id = |cells: &str| only(&format!("linkedin url,name,company\n{cells}\n"))["id"].clone();
    let ada = id("n/a,Ada Lovelace,Engines");
    assert!(ada.as_str().unwrap().starts_with("imp_"));
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
        "urn:li:member:7,Ada Lovelace,Engines",
    ] {
        assert_ne!(ada, id(other), "{other}");
    }
    assert!(rows("linkedin url,note\n-,x\n")[0].1.is_err());
}

#[test]
fn a_placeholder_says_nothing_where_an_id_or_a_time_belongs() {
    let row = only(
        "id,linkedin url,profile url,provider id,campaign,invited at,name,company\n\
         1,N/A,https://www.linkedin.com/in/na,Unknown,None,-,Null,n/a\n",
    );
    assert_eq!(
        row,
        json!({"id": "1", "accountId": "acc_1", "linkedinUrl": "https://www.linkedin.com/in/na", "name": "Null", "company": "n/a"})
    );
}

/// Campaign id and name of each row, with the defaults that are given.
fn campaigns(text: &str, id: Option<&str>, name: Option<&str>) -> Vec<(Value, Value)> {
    let defaults = Defaults {
        campaign: id.map(str::to_owned),
        campaign_name: name.map(str::to_owned),
        ..defaults()
    };
    let entries = read(text, None, &[], &defaults).unwrap();
    entries
        .into_iter()
        .map(|e| {
            let row = Value::Object(e.row.unwrap());
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
    assert_eq!(
        campaigns(text, Some("c1"), Some("Founders Q2")),
        [given.clone(), given.clone(), of("Founders Q3")]
    );
    assert_eq!(
        campaigns(text, Some("c1"), None),
        [
            of("Founders Q2"),
            (json!("c1"), Value::Null),
            of("Founders Q3")
        ]
    );
    assert_eq!(campaigns("id\n1\n", None, Some("Q4")), [of("Q4")]);
    // An id of its own wins, and the default name is not its name.
    let both = "id,campaign id,campaign\n1,c7,Seven\n2,c8,\n";
    assert_eq!(
        campaigns(both, Some("c1"), Some("One")),
        [(json!("c7"), json!("Seven")), (json!("c8"), Value::Null)]
    );
    let ndjson = "{\"id\":1,\"campaign\":2026}\n{\"id\":2,\"campaign\":null,\"campaignId\":null}";
    assert_eq!(
        campaigns(ndjson, Some("c1"), None),
        [of("2026"), (json!("c1"), Value::Null)]
    );
}

#[test]
fn the_delimiter_may_be_told_as_excel_does() {
    for (text, line) in [
        ("sep=;\r\nid;name\r\n1;a, b, c, d\r\n", 3),
        ("SEP=|\nid|name\n1|a, b, c, d\n", 3),
        ("\"sep=\t\"\n\nid\tname\n1\ta, b, c, d\n", 4),
        ("\n\nsep=,\nid,name\n1,\"a, b, c, d\"\n", 5),
    ] {
        let rows = rows(text);
        assert_eq!((rows.len(), rows[0].0), (1, line), "{text}");
        assert_eq!(rows[0].1.as_ref().unwrap()["name"], "a, b, c, d");
    }
    // Other first lines are headers.
    for text in ["sep=;;\n", "sep=\n", "sep=x\n", "sepp=;\n"] {
        assert!(read(text, None, &[], &defaults()).is_err(), "{text}");
    }
}

#[test]
fn two_people_under_one_id_are_an_error_that_names_both_lines() {
    const PROFILE: &str = "ACoAACuVS84BeK9T8HVq6sOoJI4OmDNDsYpaF4s";
    let text = format!(
        "id,name,linkedin url,provider id\n\
         1,Ada,https://www.linkedin.com/in/ada,\n\
         1,Ada L.,http://linkedin.com/in/Ada/?x=1,{PROFILE}\n\
         1,Bob,https://www.linkedin.com/in/bob,\n\
         1,Cy,,ACoAACxgkaYBcqySPzUbuxjwSVmdsh6v0LR5QLI\n\
         2,Ada,,\n2,ADA,,\n2,Bob,,\n2,,https://www.linkedin.com/in/ada,\n"
    );
    let failed: Vec<(usize, String)> = rows(&text)
        .into_iter()
        .filter_map(|(line, row)| Some((line, row.err()?)))
        .collect();
    let lines: Vec<usize> = failed.iter().map(|f| f.0).collect();
    assert_eq!(lines, [4, 5, 8]);
    assert!(failed[0].1.starts_with("id: lines 2 and 4 "), "{failed:?}");
    let ndjson = "{\"id\":1,\"linkedinUrl\":\"ada\"}\n{\"id\":\"1\",\"linkedinUrl\":\"bob\"}";
    assert!(
        rows(ndjson)[1]
            .1
            .as_ref()
            .unwrap_err()
            .contains("lines 1 and 2")
    );
}

#[test]
fn columns_are_mapped_by_hand() {
    let map = [
        columns::mapping("Wer?=name").unwrap(),
        columns::mapping("Title=ignore").unwrap(),
    ];
    let rows = read("id,Wer?,Title\n1,Ada,x\n", None, &map, &defaults()).unwrap();
    let row = rows[0].row.as_ref().unwrap();
    assert_eq!(row["name"], "Ada");
    assert!(!row.contains_key("headline"));
    assert!(
        columns::mapping("Wer?=nam")
            .unwrap_err()
            .contains("campaignName")
    );
    let wrong = read("id\n1\n", None, &map, &defaults());
    assert!(matches!(wrong, Err(Unreadable::Usage(m)) if m.contains("Wer?")));
}

#[test]
fn ndjson_null_is_left_out_and_broken_lines_are_reported() {
    let rows = rows(
        "{\"id\": 7, \"name\": null, \"accountId\": null, \"linkedin_url\": \"x\", \"linkedinUrl\": null}\n\n{broken\n[1]\n{\"id\":\"b\",\"accountId\":2}",
    );
    assert_eq!(
        rows[0].1,
        Ok(json!({"id": "7", "accountId": "acc_1", "linkedinUrl": "x"}))
    );
    assert!(rows[1].1.as_ref().unwrap_err().contains("is not JSON"));
    assert!(
        rows[2]
            .1
            .as_ref()
            .unwrap_err()
            .contains("is not a JSON object")
    );
    assert_eq!(
        (rows[3].0, rows[3].1.as_ref().unwrap()["accountId"].as_str()),
        (5, Some("2"))
    );
}

#[test]
fn encodings() {
    let wide: Vec<u8> = "\u{feff}id\nä"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    assert_eq!(text::decode(wide).unwrap(), "id\nä");
    assert_eq!(text::decode(b"\xef\xbb\xbfid".to_vec()).unwrap(), "id");
    let spoiled = text::decode(b"id,name\na,\xe4\nb,B\n".to_vec()).unwrap();
    let read = rows(&spoiled);
    assert!(read[0].1.as_ref().unwrap_err().contains("is not UTF-8"));
    assert_eq!(read[1].1.as_ref().unwrap()["name"], "B");
    let header = text::decode(b"id,n\xe4me\na,A\n".to_vec()).unwrap();
    assert!(matches!(
        super::read(&header, None, &[], &defaults()),
        Err(Unreadable::File(why)) if why.starts_with("line 1 is not UTF-8")
    ));
}

#[test]
fn objects_after_a_first_line_in_error_are_read() {
    let read = rows("oops\n{\"id\": \"n1\"}\n");
    assert!(read[0].1.as_ref().unwrap_err().contains("is not JSON"));
    assert_eq!(read[1].1.as_ref().unwrap()["id"], "n1");
    // In a CSV file a cell may look like one.
    let cell = rows("id,note\na,\"an object:\n{\"\"x\"\": 1}\"\n");
    assert_eq!(cell.len(), 1);
    assert_eq!(cell[0].1.as_ref().unwrap()["id"], "a");
}

#[test]
fn a_file_without_any_known_column_is_refused() {
    for bad in ["", "\n\n", "foo,bar\n1,2\n", "[{\"id\": 1}]"] {
        assert!(
            matches!(read(bad, None, &[], &defaults()), Err(Unreadable::File(_))),
            "{bad}"
        );
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "(id|name|,|;|\"|\n|\r\n|\t|ä|\\{|\\}|[a-z]{1,4}){0,40}") {
        let _ = read(&text, Some(Format::Csv), &[], &defaults());
        let _ = read(&text, Some(Format::Ndjson), &[], &defaults());
    }

    #[test]
    fn every_row_is_read_whatever_is_in_its_cells(cells in proptest::collection::vec("[^\r]{1,12}", 1..20)) {
        let mut writer = ::csv::Writer::from_writer(Vec::new());
        writer.write_record(["id", "name"]).unwrap();
        for (n, cell) in cells.iter().enumerate() {
            writer.write_record([n.to_string().as_str(), cell]).unwrap();
        }
        let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
        let read = rows(&text);
        prop_assert_eq!(read.len(), cells.len());
        for ((_, row), cell) in read.iter().zip(&cells) {
            let name = row.as_ref().unwrap().get("name").and_then(Value::as_str).unwrap_or_default();
            prop_assert_eq!(name, cell.trim());
        }
    }
}
