//! The pages below `docs/reference`: made from the published schemas, which are made from the
//! types, and from the table of codes. `TAPLINE_BLESS=1` writes them anew.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

use serde_json::{Map, Value};

use crate::support::Project;

const MADE: &str = "<!-- Made by tests/it/reference.rs; TAPLINE_BLESS=1 makes it anew. -->\n";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[track_caller]
fn check(page: &str, expected: &str) {
    let path = root().join("docs/reference").join(page);
    if env::var_os("TAPLINE_BLESS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, expected).unwrap();
    }
    let actual = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        actual == expected,
        "{} is not up to date: run the test again with TAPLINE_BLESS=1",
        path.display()
    );
}

/// A page about a schema: its own keys, then a section for every object in it.
fn page(schema: &Value, title: &str, introduction: &str) -> String {
    let mut text = format!("{MADE}\n# {title}\n\n{introduction}\n");
    let definitions = schema["$defs"].as_object().unwrap();
    keys(&mut text, schema, definitions);
    for (name, definition) in definitions {
        let _ = write!(text, "\n## {name}\n\n{}\n", described(definition));
        keys(&mut text, definition, definitions);
        for variant in definition["oneOf"].as_array().into_iter().flatten() {
            if let Some(kind) = variant["properties"]["type"]["const"].as_str() {
                let _ = write!(text, "\n### `type: {kind}`\n\n{}\n", described(variant));
                keys(&mut text, variant, definitions);
            }
        }
    }
    text
}

fn described(schema: &Value) -> String {
    let text = schema["description"].as_str().unwrap_or_default();
    let mut parts = text.split("\n\n");
    let first = parts.next().unwrap_or_default().replace('\n', " ");
    // What follows are the values of an enumeration, one paragraph each.
    let values: String = parts
        .map(|part| format!("\n* {}", part.replace('\n', " ")))
        .collect();
    match values.is_empty() {
        true => first,
        false => format!("{first}\n{values}"),
    }
}

fn keys(text: &mut String, schema: &Value, definitions: &Map<String, Value>) {
    let Some(properties) = schema["properties"].as_object() else {
        return;
    };
    let required = schema["required"].as_array();
    *text += "\n| key | what it is | default | meaning |\n|---|---|---|---|\n";
    for (name, property) in properties {
        let is_required = required.is_some_and(|all| all.iter().any(|one| one == name));
        let default = match (&property["default"], is_required) {
            (_, true) => "required".to_owned(),
            (Value::Null, _) => String::new(),
            (Value::Object(members), _) if members.is_empty() => String::new(),
            (Value::Array(items), _) if items.is_empty() => String::new(),
            (value, _) => format!("`{value}`"),
        };
        let meaning = described(property).replace('\n', " ").replace('|', "\\|");
        let kind = kind(property, definitions).replace('|', "\\|");
        let _ = writeln!(text, "| `{name}` | {kind} | {default} | {meaning} |");
    }
}

/// The type of a value, in words.
fn kind(schema: &Value, definitions: &Map<String, Value>) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.trim_start_matches("#/$defs/");
        assert!(definitions.contains_key(name), "{reference}");
        return format!("[{name}](#{})", name.to_lowercase());
    }
    for way in ["anyOf", "oneOf"] {
        if let Some(kinds) = schema[way].as_array() {
            let kinds = kinds.iter().filter(|kind| kind["type"] != "null");
            let kinds: Vec<String> = kinds.map(|one| kind(one, definitions)).collect();
            return kinds.join(" or ");
        }
    }
    let limits: String = [("minimum", "from"), ("maximum", "to")]
        .iter()
        .filter_map(|(key, word)| Some(format!(" {word} {}", schema.get(*key)?)))
        .collect();
    let name = |kind: &str| match kind {
        "string" => "text".to_owned(),
        "integer" => format!("whole number{limits}"),
        "boolean" => "true or false".to_owned(),
        "array" => format!("list of {}", kind_of_items(schema, definitions)),
        "object" => object(schema, definitions),
        other => other.to_owned(),
    };
    match &schema["type"] {
        Value::String(kind) => name(kind),
        Value::Array(kinds) => {
            let kinds = kinds.iter().filter_map(Value::as_str);
            let kinds: Vec<String> = kinds.filter(|kind| *kind != "null").map(name).collect();
            kinds.join(" or ")
        }
        _ => "anything".to_owned(),
    }
}

fn kind_of_items(schema: &Value, definitions: &Map<String, Value>) -> String {
    match schema.get("items") {
        Some(items) => kind(items, definitions),
        None => "anything".to_owned(),
    }
}

fn object(schema: &Value, definitions: &Map<String, Value>) -> String {
    match &schema["additionalProperties"] {
        Value::Object(_) => {
            let of = kind(&schema["additionalProperties"], definitions);
            format!("object of {of} by name")
        }
        _ => "object".to_owned(),
    }
}

fn published(name: &str) -> Value {
    let path = root().join("specs/schema").join(name);
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn the_reference_of_specs_is_that_of_the_types() {
    let introduction = "\
A connector document: JSON or YAML, checked against \
[the published schema](../../specs/schema/connector.v1.json). Every object is closed: a key that \
is not listed here is an error. What Adobe's documents write differently is understood, too; \
`tapline validate` names each such place, and `--fix` writes it as it stands here. How the parts \
play together is told in [the guide](../first-connector.md).";
    let page = page(
        &published("connector.v1.json"),
        "What a spec can say",
        introduction,
    );
    check("spec.md", &page);
}

#[test]
fn the_reference_of_projects_is_that_of_the_types() {
    let introduction = "\
The project file `tapline.yaml`, checked against \
[the published schema](../../specs/schema/project.v1.json), which editors can use as well. Every \
object is closed: a key that is not listed here is an error.";
    let page = page(
        &published("project.v1.json"),
        "What a project can say",
        introduction,
    );
    check("project.md", &page);
}

#[test]
fn the_reference_of_codes_is_that_of_the_program() {
    let run =
        Project::new("version: 1\n").tapline(&["validate", "--explain", "all", "--output", "json"]);
    let mut text = format!(
        "{MADE}\n# What each code means\n\n`tapline validate --explain CODE` says the same. Codes \
         that begin with `E-` are errors, those with `L-` are lints: warnings, unless \
         `--deny warnings` is given. A code never changes its meaning.\n"
    );
    for code in run.json().as_array().unwrap() {
        let of = |key: &str| code[key].as_str().unwrap().to_owned();
        let _ = write!(
            text,
            "\n## {}\n\n{}: {}\n",
            of("code"),
            of("title"),
            of("text")
        );
        if !of("bad").is_empty() {
            let _ = write!(text, "\nInstead of\n\n```\n{}\n```\n", of("bad"));
        }
        if !of("good").is_empty() {
            let _ = write!(text, "\nwrite\n\n```\n{}\n```\n", of("good"));
        }
        if code["fixable"] == true {
            text += "\n`tapline validate --fix` does it.\n";
        }
    }
    check("codes.md", &text);
}
