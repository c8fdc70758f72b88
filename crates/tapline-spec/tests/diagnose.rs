//! Any text against any schema: a project file in YAML, with choices told apart by a word.

use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use tapline_spec::{Params, check as check_document, diagnose, locate, plain_schema, plan};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct Project {
    /// Version of the file.
    version: u32,
    state: Option<String>,
    destinations: BTreeMap<String, Destination>,
    #[serde(default)]
    pipelines: BTreeMap<String, Pipeline>,
    port: Option<PortOrName>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
enum Destination {
    /// One file.
    Sqlite { path: String },
    /// Many files.
    Files { path: String, format: Format },
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Format {
    Parquet,
    Jsonl,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct Pipeline {
    primary_keys: Option<Vec<String>>,
    format: Option<Format>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum PortOrName {
    Port(u16),
    Name(String),
}

#[track_caller]
fn check(text: &str, expected: &[&str]) {
    let found = diagnose(text, &plain_schema::<Project>());
    let said: Vec<String> = found.diagnostics.iter().map(ToString::to_string).collect();
    assert_eq!(said, expected);
}

#[test]
fn a_good_file_has_nothing_wrong() {
    check(
        "version: 1\nstate: s.db\ndestinations:\n  w: { type: sqlite, path: w.db }\nport: 80\n",
        &[],
    );
}

#[test]
fn unknown_keys_and_words_say_what_was_meant() {
    check(
        "version: 1\nstat: x\ndestinations:\n  w:\n    type: sqlit\n    path: w.db\n",
        &[
            "error[E-unknown-key] at /stat (2:1): unknown key `stat`; did you mean `state`?",
            "error[E-value] at /destinations/w/type (5:11): `type` has the unknown value `sqlit`; did you mean `sqlite`?",
        ],
    );
    check(
        "version: 1\ndestinations:\n  w:\n    type: files\n    path: out\n    fromat: jsonl\n",
        &[
            "error[E-missing-key] at /destinations/w (4:5): `w` lacks the key `format`",
            "error[E-unknown-key] at /destinations/w/fromat (6:5): unknown key `fromat`; did you mean `format`?",
        ],
    );
    check(
        "version: 1\ndestinations: {}\npipelines:\n  p: { primary_keys: id, format: parket }\n",
        &[
            "error[E-type] at /pipelines/p/primary_keys (4:22): `primary_keys` must be a list, found a text",
            "error[E-value] at /pipelines/p/format (4:34): `format` has the unknown value `parket`; did you mean `parquet`?",
        ],
    );
}

#[test]
fn a_choice_is_explained_by_what_tells_its_forms_apart() {
    check(
        "version: 1\ndestinations:\n  w: { path: w.db }\n",
        &["error[E-missing-key] at /destinations/w (3:6): `w` lacks the key `type`"],
    );
    check(
        "version: 1\ndestinations: { w: sqlite }\n",
        &["error[E-type] at /destinations/w (2:20): `w` must be an object, found a text"],
    );
    check(
        "version: 1\ndestinations: {}\nport: [1]\n",
        &["error[E-type] at /port (3:7): `port` must be a whole number or a text, found a list"],
    );
}

#[test]
fn what_is_no_yaml_has_a_line() {
    let bomb = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\ng: [*f,*f,*f,*f,*f,*f,*f,*f,*f]\n";
    let deep = format!("version: {}\n", "[".repeat(10_000));
    for (text, expected) in [
        (
            "version: 1\nversion: 2\n",
            "error[E-duplicate-key] at 2:1: `version` is written twice",
        ),
        ("version: 1\n\tstate: x\n", "error[E-syntax] at 1:"),
        ("version: [1\nstate: x\n", "error[E-syntax] at 2:"),
        ("version: 1\n---\nversion: 2\n", "error[E-syntax] at 3:"),
        (bomb, "error[E-syntax] at "),
        (deep.as_str(), "error[E-syntax] at 1:"),
    ] {
        let found = diagnose(text, &plain_schema::<Project>());
        assert!(found.value.is_none());
        let said = found.diagnostics[0].to_string();
        assert!(said.starts_with(expected), "{said}");
    }
}

#[test]
fn a_text_without_end_is_not_read() {
    let text = " ".repeat(5 << 20);
    let found = diagnose(&text, &plain_schema::<Project>());
    assert!(
        found.diagnostics[0]
            .to_string()
            .contains("at most 4194304 are read")
    );
}

#[test]
fn what_a_plan_finds_has_a_place_in_the_text() {
    let text = "attributes:\n  urlParams:\n    path: /a\n  contentPath: { path: $ }\n";
    let document = check_document(text).document.unwrap();
    let mut errors = plan(&document, "a", None, &Params::default()).unwrap_err();
    locate(text, &mut errors);
    assert_eq!(
        errors[0].to_string(),
        "error[E-missing-parameter] at /attributes/urlParams (3:5): the parameter `host` is missing, and there is no `urlParams.host`"
    );
}
