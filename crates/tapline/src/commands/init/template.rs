//! The texts that `init` writes.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use tapline_spec::{ConnectorDocument, SourceSpec};

/// How every project that `init` writes begins.
const HEAD: &str = "\
# A tapline project. `tapline validate` checks it, `tapline run` fetches its pipelines.
version: 1

";

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
    },
    "responseParams": { "total": "$.total" }
  }
}
"#;

/// A project for the connector `id`, and the environment variables it reads. Whoever names a
/// plugin that does not stand beside the program trusts it, and the project has to say so.
pub(super) fn of(id: &str, document: &ConnectorDocument, trusted: bool) -> (String, Vec<String>) {
    let mut draft = Draft {
        name: file_stem(id),
        text: format!("{HEAD}connections:\n"),
        secrets: Vec::new(),
    };
    let single = document.source_spec.as_ref().map(|spec| ("records", spec));
    let named = document.streams.iter();
    let named = named.map(|(name, spec)| (name.as_str(), spec));
    let streams: Vec<(&str, &SourceSpec)> = named.chain(single).collect();
    draft.connection(id, document, &streams, trusted);
    draft.text +=
        "\ndestinations:\n  warehouse: { type: sqlite, path: warehouse.db }\n\npipelines:\n";
    for (name, spec) in streams {
        draft.pipeline(name, spec);
    }
    (draft.text, draft.secrets)
}

/// `specs/contacts.json` is called `contacts`.
fn file_stem(id: &str) -> String {
    let name = id.rsplit(['/', '\\']).next().unwrap_or(id);
    name.split('.').next().unwrap_or(name).to_owned()
}

/// A project file in the making.
struct Draft {
    name: String,
    text: String,
    secrets: Vec<String>,
}

impl Draft {
    fn connection(
        &mut self,
        id: &str,
        document: &ConnectorDocument,
        streams: &[(&str, &SourceSpec)],
        trusted: bool,
    ) {
        self.text += &format!("  {}:\n    connector: {id}\n", self.name);
        if !trusted {
            self.text +=
                "    # The plugin runs with all rights of tapline.\n    trust: in-process\n";
        }
        if let [way, others @ ..] = document.auth_specs() {
            if !others.is_empty() {
                let names: Vec<&str> = others.iter().map(|way| way.name.as_str()).collect();
                self.text += &format!("    # Other ways to sign in: {}.\n", names.join(", "));
            }
            let name = quoted(&way.name);
            self.text += &format!("    auth:\n      specName: {name}\n      params:\n");
            for (name, property) in properties(&way.spec) {
                self.param(8, name, property);
            }
        }
        // What the address needs is the same for every stream.
        let mut shared = BTreeMap::new();
        for (_, spec) in streams {
            let declared = properties(&spec.spec);
            shared.extend(declared.filter(|(name, _)| is_in_host(spec, name)));
        }
        if !shared.is_empty() {
            self.text += "    params:\n";
        }
        for (name, property) in shared {
            self.param(6, name, property);
        }
    }

    fn pipeline(&mut self, stream: &str, spec: &SourceSpec) {
        self.text += &format!(
            "  {stream}:\n    source:\n      connection: {}\n      stream: {stream}\n",
            self.name
        );
        let own: Vec<_> = properties(&spec.spec)
            .filter(|(name, _)| !is_in_host(spec, name))
            .collect();
        let is_given = |(_, property): &(&str, &Value)| property.get("default").is_none();
        if own.iter().any(is_given) {
            self.text += "      params:\n";
        } else if !own.is_empty() {
            self.text += "      # params:\n";
        }
        for (name, property) in own {
            self.param(8, name, property);
        }
        self.text += &format!("    destination: {{ name: warehouse, table: {stream} }}\n");
        self.text += "    sync: { mode: full_load }\n";
    }

    /// A line with the parameter's meaning, and one to fill in; a default is a comment.
    fn param(&mut self, indent: usize, name: &str, property: &Value) {
        let is_secret = property
            .get("format")
            .is_some_and(|format| format == "password");
        let (comment, value) = match property.get("default") {
            Some(default) => ("# ", default.to_string()),
            None if is_secret => ("", quoted(&self.secret(name))),
            None => ("", quoted("TODO")),
        };
        let space = " ".repeat(indent);
        if let Some(meaning) = property.get("description").and_then(Value::as_str) {
            let meaning = meaning.replace(['\n', '\r'], " ");
            self.text += &format!("{space}# {meaning}\n");
        }
        self.text += &format!("{space}{comment}{name}: {value}\n");
    }

    /// The reference to an environment variable for the parameter `name`.
    fn secret(&mut self, name: &str) -> String {
        let variable = format!("{}_{name}", self.name)
            .to_uppercase()
            .replace('-', "_");
        let reference = format!("${{env:{variable}}}");
        self.secrets.push(variable);
        reference
    }
}

fn properties(schema: &Map<String, Value>) -> impl Iterator<Item = (&str, &Value)> {
    let declared = schema.get("properties").and_then(Value::as_object);
    declared
        .into_iter()
        .flatten()
        .map(|(name, property)| (name.as_str(), property))
}

/// Whether the stream's address needs the parameter `name`.
fn is_in_host(spec: &SourceSpec, name: &str) -> bool {
    let url = spec.attributes.url_params.as_ref();
    let host = url.and_then(|url| url.host.as_deref()).unwrap_or_default();
    host.contains(&format!("${{{name}}}"))
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
        let (text, secrets) = of("mailchimp", &document, true);
        assert_eq!(secrets, ["MAILCHIMP_PASSWORD"]);
        insta::assert_snapshot!(text);
    }

    #[test]
    fn what_is_written_is_valid() {
        let schema = crate::project::project_schema();
        let document = tapline_spec::check(MAILCHIMP).document.unwrap();
        let of = |trusted| of("mailchimp", &document, trusted).0;
        assert!(of(false).contains("    trust: in-process\n"));
        for text in [REST.to_owned(), of(true), of(false)] {
            assert_eq!(tapline_spec::diagnose(&text, &schema).diagnostics, []);
        }
        let checked = tapline_spec::check(EXAMPLE_SPEC);
        assert_eq!(checked.diagnostics, []);
        let host = tapline_spec::Param::Plain("https://api.example.com".to_owned());
        let params = [("host", host)].into_iter().collect();
        tapline_spec::plan(&checked.document.unwrap(), "items", None, &params).unwrap();
    }
}
