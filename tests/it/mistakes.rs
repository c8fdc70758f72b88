//! What people mistype: exit 2, with the place and a suggestion, on stderr.

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
        let output = project.command(command).env("KEY", "k").output().unwrap();
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
