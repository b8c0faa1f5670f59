//! `acceptd import` against a running daemon: which rows are stored, and what is reported about the others.

use serde_json::{Value, json};

use crate::cli_support::{ID, IMPORT, Live};

#[test]
fn an_import_says_every_bad_row_and_stores_the_others() {
    let live = Live::new("");
    let csv = format!(
        "\u{feff}ID;First Name;LinkedIn URL;Invited At;Note\r\n{ID};Ada;https://www.linkedin.com/in/ada;;\"two\nlines\"\r\n\
         enr_2;Bob;https://www.linkedin.com/in/bob;yesterday;\r\n;Cy;n/a;;\r\nenr_4;Dee;;;\r\n;;;;no name\r\n"
    );
    let said = live.run_with(IMPORT, &csv);
    assert_eq!(said.status, 1, "{}", said.err);
    assert!(
        said.out
            .starts_with("3 created, 0 updated, 0 unchanged, 2 failed."),
        "{}",
        said.out
    );
    assert!(
        said.out.contains("2 have no usable identity"),
        "{}",
        said.out
    );
    assert!(said.err.contains("<stdin>:4: Invited At: "), "{}", said.err);
    assert!(
        said.err.contains("<stdin>:7: ID: The row has no id"),
        "{}",
        said.err
    );

    let again = live.run_with(&[IMPORT, &["--json"]].concat(), &csv);
    let summary: Value = serde_json::from_str(&again.out).expect("JSON");
    assert_eq!(
        (&summary["unchanged"], &summary["failed"]),
        (&3.into(), &2.into())
    );
    assert_eq!(summary["errors"][1]["line"], 7);

    let explained = live.done(&["explain", ID]);
    assert!(
        explained.contains("is Ada (https://www.linkedin.com/in/ada) in campaign c/1"),
        "{explained}"
    );
    assert!(explained.contains("Not accepted yet"), "{explained}");
}

#[test]
fn a_first_line_in_error_loses_no_other_line() {
    let live = Live::new("");
    let file = live.process.dir.path().join("rows.ndjson");
    let text = b"oops\n{\"id\": \"n1\", \"name\": \"J\xc3\xb6rg\"}\n{\"id\": \"\xff\"}\n";
    std::fs::write(&file, text).expect("writable");
    let file = file.to_str().expect("UTF-8");
    let said = live.run(&["import", file, "--account", "acc_1"]);
    assert_eq!(said.status, 1);
    assert!(
        said.out.starts_with("1 created"),
        "{} {}",
        said.out,
        said.err
    );
    assert!(
        said.err.contains("rows.ndjson:1: The line is not JSON"),
        "{}",
        said.err
    );
    assert!(
        said.err.contains("rows.ndjson:3: The row is damaged"),
        "{}",
        said.err
    );
}

#[test]
fn more_rows_than_one_request_takes_are_sent_in_several() {
    let live = Live::new("server.max_body = 20000");
    let rows: String = (0..1200)
        .map(|n| {
            format!("{{\"id\":\"e{n}\",\"linkedinUrl\":\"https://www.linkedin.com/in/p-{n}\"}}\n")
        })
        .collect();
    let said = live.run_with(IMPORT, &rows);
    assert_eq!(said.status, 0, "{}", said.err);
    assert!(said.out.starts_with("1200 created"), "{}", said.out);
    let status: Value = serde_json::from_str(&live.done(&["status", "--json"])).expect("JSON");
    assert_eq!(status["campaigns"][0]["enrolled"], 1200);
}

/// Every campaign as its id and its name.
fn campaigns(live: &Live) -> Vec<(Value, Value)> {
    let status: Value = serde_json::from_str(&live.done(&["status", "--json"])).expect("JSON");
    let all = status["campaigns"].as_array().expect("campaigns");
    all.iter()
        .map(|c| (c["id"].clone(), c["name"].clone()))
        .collect()
}

#[test]
fn a_column_of_campaign_names_makes_campaigns() {
    let live = Live::new("");
    let file = "sep=;\r\nID;Campaign;LinkedIn URL\r\n1;Founders Q2;linkedin.com/in/ada\r\n2;;linkedin.com/in/bob\r\n\
                3;Founders Q3;linkedin.com/in/cy\r\n4;Founders Q2;linkedin.com/in/dee\r\n";
    let import = ["import", "-", "--account", "acc_1"];
    for created in [4, 0] {
        let said = live.run_with(&import, file);
        assert_eq!(said.status, 0, "{}", said.err);
        assert!(
            said.out
                .starts_with(&format!("{created} created, 0 updated")),
            "{}",
            said.out
        );
    }
    let mut names: Vec<Value> = campaigns(&live).into_iter().map(|c| c.1).collect();
    names.sort_by_key(Value::to_string);
    assert_eq!(
        names,
        [json!("Founders Q2"), json!("Founders Q3"), Value::Null]
    );
    let unassigned = (json!("unassigned"), Value::Null);
    assert!(campaigns(&live).contains(&unassigned));
}

#[test]
fn in_ndjson_null_counts_as_left_out() {
    let live = Live::new("");
    let file = "{\"id\": \"1\", \"accountId\": null, \"campaignId\": null, \"linkedinUrl\": null, \"profileUrl\": \"linkedin.com/in/ada\"}\n";
    let said = live.run_with(&[IMPORT, &["--campaign-name", "One"]].concat(), file);
    assert_eq!(said.status, 0, "{}", said.err);
    assert!(
        said.out.starts_with("1 created") && !said.out.contains("no usable"),
        "{}",
        said.out
    );
    assert_eq!(campaigns(&live), [(json!("c/1"), json!("One"))]);
    // Null keeps what is known.
    let said = live.run_with(IMPORT, file);
    assert!(
        said.out.starts_with("0 created, 0 updated, 1 unchanged"),
        "{}",
        said.out
    );
    assert_eq!(campaigns(&live), [(json!("c/1"), json!("One"))]);
}

#[test]
fn the_second_of_two_people_under_one_id_fails() {
    let live = Live::new("");
    let file =
        "id,linkedin url\n1,linkedin.com/in/ada\n2,linkedin.com/in/bob\n1,linkedin.com/in/cy\n";
    let said = live.run_with(IMPORT, file);
    assert_eq!(said.status, 1);
    assert!(
        said.out
            .starts_with("2 created, 0 updated, 0 unchanged, 1 failed"),
        "{}",
        said.out
    );
    assert!(
        said.err
            .contains("<stdin>:4: id: Lines 2 and 4 have this id"),
        "{}",
        said.err
    );
    assert!(live.done(&["explain", "1"]).contains("linkedin.com/in/ada"));
}
