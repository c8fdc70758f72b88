//! The texts that `init` writes.

use serde_json::{Map, Value};
use tapline_spec::ConnectorDocument;

/// A project for any JSON API.
pub(super) const REST: &str = "\
# A tapline project. `tapline validate` checks it, `tapline run` fetches its pipelines.
version: 1

connections:
  api:
    connector: rest                             # any JSON API; a spec file describes each stream
    streams: { items: specs/items.json }
    params: { host: \"https://api.example.com\" }
    # Secrets stay outside of this file: ${env:NAME} or ${file:PATH}.
    # auth: { specName: BearerToken, params: { accessToken: \"${env:API_TOKEN}\" } }

destinations:
  warehouse: { type: sqlite, path: warehouse.db }

pipelines:
  items:
    source: { connection: api, stream: items }
    destination: { name: warehouse, table: items }
    sync: { mode: full_load }                   # replaced in one step, only when all has arrived
";

/// A spec file to begin with.
pub(super) const EXAMPLE_SPEC: &str = r#"{
  "attributes": {
    "urlParams": { "host": "${host}", "path": "/items", "method": "GET" },
    "contentPath": { "path": "$.items", "unwrap": true },
    "paginationParams": {
      "type": "OFFSET",
      "limitName": "limit",
      "limitValue": 100,
      "offSetName": "offset"
    }
  }
}
"#;

/// A project for the connector `id`, and the environment variables it reads.
pub(super) fn of(id: &str, document: &ConnectorDocument) -> (String, Vec<String>) {
    let mut secrets = Vec::new();
    let mut text = String::from(
        "# A tapline project. `tapline validate` checks it, `tapline run` fetches its pipelines.\n\
         version: 1\n\n\
         connections:\n",
    );
    let name = id.rsplit(['/', '\\']).next().unwrap_or(id);
    let name = name.split('.').next().unwrap_or(name);
    text += &format!("  {name}:\n    connector: {id}\n");
    if let Some(way) = document.auth_specs().first() {
        let others: Vec<&str> = document.auth_specs()[1..]
            .iter()
            .map(|w| w.name.as_str())
            .collect();
        if !others.is_empty() {
            text += &format!("    # Other ways to sign in: {}.\n", others.join(", "));
        }
        text += &format!(
            "    auth:\n      specName: {}\n      params:\n",
            quoted(&way.name)
        );
        text += &params(&way.spec, 8, |param| {
            let secret = format!("{name}_{param}").to_uppercase().replace('-', "_");
            secrets.push(secret.clone());
            format!("${{env:{secret}}}")
        });
    }
    text += "\ndestinations:\n  warehouse: { type: sqlite, path: warehouse.db }\n\npipelines:\n";
    let single = document.source_spec.as_ref().map(|spec| ("records", spec));
    let streams = document
        .streams
        .iter()
        .map(|(name, spec)| (name.as_str(), spec));
    for (stream, spec) in streams.chain(single) {
        text += &format!(
            "  {stream}:\n    source:\n      connection: {name}\n      stream: {stream}\n"
        );
        let written = params(&spec.spec, 8, |param| {
            format!("${{env:{}}}", param.to_uppercase())
        });
        if !written.is_empty() {
            text += &format!("      params:\n{written}");
        }
        text += &format!("    destination: {{ name: warehouse, table: {stream} }}\n");
        text += "    sync: { mode: full_load }\n";
    }
    (text, secrets)
}

/// One line for each parameter, with its meaning; those with a default as a comment.
fn params(
    schema: &Map<String, Value>,
    indent: usize,
    mut secret: impl FnMut(&str) -> String,
) -> String {
    let properties = schema.get("properties").and_then(Value::as_object);
    let mut text = String::new();
    for (name, property) in properties.into_iter().flatten() {
        let is_secret = property
            .get("format")
            .is_some_and(|format| format == "password");
        let (comment, value) = match property.get("default") {
            Some(default) => ("# ", default.to_string()),
            None if is_secret => ("", quoted(&secret(name))),
            None => ("", quoted("TODO")),
        };
        let space = " ".repeat(indent);
        let meaning = property.get("description").and_then(Value::as_str);
        if let Some(meaning) = meaning {
            text += &format!("{space}# {}\n", meaning.replace(['\n', '\r'], " "));
        }
        text += &format!("{space}{comment}{name}: {value}\n");
    }
    text
}

/// `text` in double quotes, which mean the same in YAML as in JSON.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAILCHIMP: &str = include_str!("../../../../../plugins/mailchimp/spec.json");

    #[test]
    fn the_project_is_filled_from_the_connector() {
        let document = tapline_spec::check(MAILCHIMP).document.unwrap();
        let (text, secrets) = of("mailchimp", &document);
        assert_eq!(secrets, ["MAILCHIMP_PASSWORD"]);
        insta::assert_snapshot!(text);
    }

    #[test]
    fn what_is_written_is_valid() {
        let schema = crate::project::project_schema();
        let document = tapline_spec::check(MAILCHIMP).document.unwrap();
        for text in [REST.to_owned(), of("mailchimp", &document).0] {
            assert_eq!(tapline_spec::diagnose(&text, &schema).diagnostics, []);
        }
        let checked = tapline_spec::check(EXAMPLE_SPEC);
        assert_eq!(checked.diagnostics, []);
        let host = tapline_spec::Param::Plain("https://api.example.com".to_owned());
        let params = [("host", host)].into_iter().collect();
        tapline_spec::plan(&checked.document.unwrap(), "items", None, &params).unwrap();
    }
}
