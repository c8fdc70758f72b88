//! What people mistype: exit 2, with the place and a suggestion, on stderr.

use crate::secrets::UNSENT;
use crate::support::Project;

const GOOD: &str = "version: 1
connections:
  shop:
    connector: mailchimp
    auth: { specName: Basic Authentication, params: { username: any, password: \"${env:KEY}\" } }
    params: { domain: us1 }
destinations:
  warehouse: { type: sqlite, path: warehouse.db }
pipelines:
  members:
    source: { connection: shop, stream: members, params: { listId: a1 } }
    destination: { name: warehouse, table: members }
    sync: { mode: full_load }
";

#[track_caller]
fn check(good: &str, bad: &str, line: u32, hint: &str) {
    assert!(GOOD.contains(good), "{good}");
    let project = Project::new(&GOOD.replacen(good, bad, 1));
    for command in [&["validate"][..], &["run"]] {
        let output = project
            .command(command)
            .env("KEY", UNSENT)
            .output()
            .unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{bad}: {stderr}");
        assert!(output.stdout.is_empty());
        assert!(
            stderr.contains(&format!("tapline.yaml:{line}")),
            "{bad}: no line {line} in {stderr}"
        );
        assert!(stderr.contains(hint), "{bad}: no {hint:?} in {stderr}");
    }
}

#[test]
fn a_misspelt_key_is_found_wherever_it_stands() {
    check("pipelines:", "pipelnies:", 9, "did you mean `pipelines`?");
    check("connector:", "conector:", 4, "did you mean `connector`?");
    check("specName", "specname", 5, "did you mean `specName`?");
    check("path: ware", "pth: ware", 8, "did you mean `path`?");
    check("stream:", "steam:", 11, "did you mean `stream`?");
    check("table:", "tabel:", 12, "did you mean `table`?");
    check("mode:", "mod:", 13, "did you mean `mode`?");
}

#[test]
fn a_misspelt_name_is_found_wherever_it_stands() {
    check(
        "connection: shop",
        "connection: shp",
        11,
        "did you mean `shop`?",
    );
    check(
        "name: warehouse",
        "name: warehous",
        12,
        "did you mean `warehouse`?",
    );
    check(
        "mode: full_load",
        "mode: ful_load",
        13,
        "did you mean `full_load`?",
    );
    check("type: sqlite", "type: sqllite", 8, "did you mean `sqlite`?");
    check("listId: a1", "listID: a1", 11, "did you mean `listId`?");
    check("domain: us1", "domian: us1", 6, "did you mean `domain`?");
    check(
        "stream: members",
        "stream: member",
        11,
        "did you mean `members`?",
    );
}

#[test]
fn a_missing_secret_names_the_variable_and_the_place() {
    let project = Project::new(GOOD);
    let run = project.tapline(&["run"]);
    assert_eq!(run.code, 2, "{run}");
    assert!(run.stderr.contains("KEY"), "{run}");
    assert!(run.stderr.contains("tapline.yaml:5"), "{run}");
}

#[test]
fn an_unknown_pipeline_or_connector_lists_the_known_ones() {
    let project = Project::new(GOOD);
    let run = project.tapline(&["run", "membres"]);
    assert_eq!(run.code, 2, "{run}");
    assert!(run.stderr.contains("did you mean `members`?"), "{run}");
    let run = project.tapline(&["spec", "mailchmp"]);
    assert_eq!(run.code, 2, "{run}");
    assert!(run.stderr.contains("mailchimp"), "{run}");
}

#[test]
fn a_mistyped_command_line_is_a_document_for_programs() {
    let project = Project::new(GOOD);
    for arguments in [
        &["--output", "json", "rnu"][..],
        &["run", "--output=json", "--max-pages", "0"],
    ] {
        let run = project.tapline(arguments);
        assert_eq!(run.code, 2, "{run}");
        assert_eq!(run.json()["exit_code"], 2, "{run}");
        assert!(run.stderr.starts_with("error: "), "{run}");
    }
    let run = project.tapline(&["rnu"]);
    assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{run}");
    let run = project.tapline(&["run", "--help", "--output", "json"]);
    assert_eq!(run.code, 0, "{run}");
}

#[test]
fn a_project_with_nothing_to_do_says_so() {
    let project = Project::new("version: 1\n");
    for (command, missing) in [("run", "no pipelines"), ("check", "no connections")] {
        let run = project.tapline(&[command]);
        assert_eq!(run.code, 2, "{run}");
        assert!(run.stderr.contains(missing), "{run}");
    }
}

#[test]
fn a_statement_that_is_none_says_what_and_where() {
    let project = Project::new(GOOD);
    drop(project.warehouse());
    std::fs::write(project.path("warehouse.db"), "no database, but long enough").unwrap();
    let run = project.tapline(&["sql", " "]);
    assert!(run.stderr.contains("no statement"), "{run}");
    let run = project.tapline(&["sql", "select 1 from sqlite_schema"]);
    assert!(run.stderr.contains("warehouse.db"), "{run}");
}

/// A folder stands where each database should be.
#[test]
fn a_pipeline_that_cannot_begin_leaves_the_others_their_report() {
    let yaml = GOOD.replace("path: warehouse.db", "path: .");
    let (_, pipeline) = yaml.split_once("  members:").unwrap();
    let second = pipeline.replace("table: members", "table: again");
    let project = Project::new(&format!("{yaml}  again:{second}"));
    let command = project
        .command(&["run", "--output", "json"])
        .env("KEY", UNSENT)
        .output();
    let run = crate::support::Run::of(command.unwrap());
    assert_eq!(run.code, 1, "{run}");
    let document = run.json();
    let runs = document["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 2, "{run}");
    for report in runs {
        let error = report["error"].as_str().unwrap();
        assert!(error.starts_with("open destination: "), "{run}");
    }
}

#[test]
fn a_connector_and_a_stream_of_it_are_shown_with_request_and_paging() {
    let project = Project::new(GOOD);
    for arguments in [
        &["spec", "mailchimp"][..],
        &["spec", "mailchimp", "members"],
    ] {
        let run = project.tapline(arguments);
        assert_eq!(run.code, 0, "{run}");
        assert!(run.stdout.starts_with("Mailchimp 1.0\n"), "{run}");
        for shown in [
            "  GET https://${domain}.api.",
            "  Pages: OFFSET, 1,000 records each\n",
        ] {
            assert!(run.stdout.contains(shown), "no {shown:?} in {run}");
        }
    }
}
