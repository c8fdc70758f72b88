//! `validate` and `spec diff` as CI uses them: files, folders, formats, exit codes, `--fix`.

use std::fs;
use std::path::Path;

use crate::secrets::UNSENT;
use crate::support::{Project, Run};

const OLD: &str = r#"{
  "attributes": {
    "urlParams": { "host": "https://api.example.com", "path": "/items", "method": "GET" },
    "contentPath": "$.items",
    "paginationParams": {
      "type": "offset", "limitName": "limit", "limitValue": "100", "offsetName": "offset",
      "endConditionName": "$.more", "endConditionValue": "Const:false"
    }
  }
}
"#;

/// A folder of the repository.
fn specs(folder: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../specs");
    root.join(folder).display().to_string()
}

fn project() -> Project {
    Project::new("version: 1\n")
}

#[track_caller]
fn check(run: &Run, code: i32, stdout: &str, stderr: &str) {
    assert_eq!(run.code, code, "{run}");
    assert!(run.stdout.contains(stdout), "no {stdout:?}: {run}");
    assert!(run.stderr.contains(stderr), "no {stderr:?}: {run}");
}

#[test]
fn every_published_connector_is_valid_with_its_lints() {
    let project = project();
    for kind in ["connectionSpec", "sourceSpec"] {
        let pattern = format!("{}/{kind}.*.json", specs("adobe"));
        let run = project.tapline(&["validate", &pattern]);
        check(&run, 0, "valid: ", "warning[L-");
        let strict = project.tapline(&["validate", &pattern, "--deny", "warnings"]);
        check(&strict, 2, "", "not valid: ");
    }
}

#[test]
fn a_folder_is_searched_for_what_looks_like_a_spec() {
    let project = project();
    let run = project.tapline(&["validate", &specs("invalid"), "--output", "json"]);
    assert_eq!(run.code, 2, "{run}");
    let document = run.json();
    let named = |name: &str| {
        let found = document["diagnostics"].as_array().unwrap().iter();
        let mut files = found.map(|found| found["file"].as_str().unwrap());
        files.any(|file| file.ends_with(name))
    };
    let bad = fs::read_dir(specs("invalid")).unwrap();
    let bad: Vec<_> = bad.map(|entry| entry.unwrap().path()).collect();
    let bad = bad
        .iter()
        .filter(|path| path.extension().is_some_and(|e| e == "json"));
    let names: Vec<String> = bad.map(|path| path.display().to_string()).collect();
    assert!(names.len() >= 60, "{}", names.len());
    let silent: Vec<_> = names.iter().filter(|name| !named(name)).collect();
    // What does not even look like a spec is passed over unless it is named.
    assert!(silent.len() <= 1, "{silent:?}");
    for name in silent {
        assert_eq!(project.tapline(&["validate", name]).code, 2);
    }
}

#[test]
fn what_is_wrong_is_shown_with_its_line() {
    let project = project();
    let bad = OLD.replace("\"limitName\"", "\"limitNaem\"");
    fs::write(project.path("bad.json"), bad).unwrap();
    let run = project.tapline(&["validate", "bad.json"]);
    insta::assert_snapshot!("wrong_with_its_line", run.stderr);
    check(&run, 2, "", "");
}

#[test]
fn a_secret_typed_into_the_project_is_not_shown_with_its_line() {
    let yaml = format!(
        "version: 1
connections:
  shop: {{ connector: mailchimp, alow_hosts: [], auth: {{ params: {{ username: any, password: '{UNSENT}' }} }} }}
destinations: {{ w: {{ type: sqlite, path: w.db }} }}
pipelines: {{}}
"
    );
    let run = Project::new(&yaml).tapline(&["validate"]);
    check(
        &run,
        2,
        "",
        "alow_hosts: [], auth: { params: { username: any, password: '****",
    );
}

#[test]
fn what_run_would_refuse_is_not_valid() {
    let yaml = "version: 1
connections: { c: { connector: ./old.json } }
destinations: { w: { type: files, path: out, format: jsonl } }
pipelines:
  p:
    source: { connection: c, stream: s }
    destination: { name: w, table: t }
    sync: { mode: incremental_with_qualify, cursor: id, primary_keys: [id] }
";
    let project = Project::new(yaml);
    let spec = OLD.replacen(
        "  \"attributes\"",
        "  \"authSpec\": [],\n  \"attributes\"",
        1,
    );
    fs::write(project.path("old.json"), spec).unwrap();
    for command in ["validate", "run"] {
        let run = project.tapline(&[command]);
        check(
            &run,
            2,
            "",
            "`incremental_with_qualify` needs a destination that can change rows",
        );
    }
}

#[test]
fn outdated_spellings_are_written_anew_once() {
    let project = project();
    fs::write(project.path("old.json"), OLD).unwrap();
    let before = project.tapline(&["validate", "old.json"]);
    check(&before, 0, "valid: 1 file", "warning[L-digit-string]");
    let fixed = project.tapline(&["validate", "old.json", "--fix"]);
    check(&fixed, 0, "1 file fixed", "");
    let text = fs::read_to_string(project.path("old.json")).unwrap();
    assert!(text.contains(r#""limitValue": 100"#), "{text}");
    assert!(text.contains(r#""offSetName": "offset""#), "{text}");
    let again = project.tapline(&["validate", "old.json", "--fix", "--output", "json"]);
    assert_eq!(again.json()["fixed"], serde_json::json!([]), "{again}");
    let left = project.tapline(&["validate", "old.json"]);
    assert!(!left.stderr.contains("L-digit-string"), "{left}");
}

#[test]
fn programs_get_the_format_they_ask_for() {
    let project = project();
    fs::write(project.path("old.json"), OLD).unwrap();
    let validate = |format| project.tapline(&["validate", "old.json", "--output", format]);
    let sarif = validate("sarif");
    assert_eq!(sarif.code, 0, "{sarif}");
    let log = sarif.json();
    assert_eq!(log["version"], "2.1.0");
    let results = log["runs"][0]["results"].as_array().unwrap();
    assert!(
        results
            .iter()
            .any(|result| result["ruleId"] == "L-digit-string"),
        "{log}"
    );
    let github = validate("github");
    check(
        &github,
        0,
        "::warning file=old.json,line=4,col=20,title=L-path-string::",
        "",
    );
    let elsewhere = project.tapline(&["connectors", "--output", "sarif"]);
    check(&elsewhere, 2, "", "only `validate`");
}

#[test]
fn every_code_is_explained() {
    let project = project();
    let all = project.tapline(&["validate", "--explain", "all", "--output", "json"]);
    let codes = all.json();
    for code in codes.as_array().unwrap() {
        let code = code["code"].as_str().unwrap();
        check(
            &project.tapline(&["validate", "--explain", code]),
            0,
            code,
            "",
        );
    }
    let unknown = project.tapline(&["validate", "--explain", "E-unknwn-key"]);
    check(&unknown, 2, "", "did you mean `E-unknown-key`?");
}

#[test]
fn what_cannot_be_read_is_said() {
    let project = project();
    check(
        &project.tapline(&["validate", "none.json"]),
        2,
        "",
        "cannot read none.json",
    );
    check(
        &project.tapline(&["validate", "x/*.json"]),
        2,
        "",
        "no file matches `x/*.json`",
    );
}

#[test]
fn a_new_version_is_compared_with_the_old_one() {
    let project = project();
    fs::write(project.path("old.json"), OLD).unwrap();
    let required = r#""spec": { "type": "object", "required": ["day"], "properties": { "day": { "type": "string" } } }"#;
    let new = OLD.replacen(
        "  \"attributes\"",
        &format!("  {required},\n  \"attributes\""),
        1,
    );
    let new = new.replace("/items\"", "/items/${day}\"");
    fs::write(project.path("new.json"), new).unwrap();
    let same = project.tapline(&["spec", "diff", "old.json", "old.json"]);
    check(&same, 0, "0 changes", "");
    let diff = project.tapline(&["spec", "diff", "old.json", "new.json"]);
    check(&diff, 1, "breaking", "");
    let json = project.tapline(&["spec", "diff", "old.json", "new.json", "--output", "json"]);
    assert_eq!(json.json()["breaking"], true, "{json}");
    check(
        &project.tapline(&["spec", "diff", "old.json", "none.json"]),
        2,
        "",
        "none.json",
    );
}
