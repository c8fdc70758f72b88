//! The texts of a request, and whether their placeholders are declared.

use serde_json::Value;
use tapline_expr::Template;

use crate::{Attributes, ConnectorDocument, Diagnostic, SourceSpec, pointer, suggest};

/// What stands for the time window, in braces.
const WINDOW: [&str; 3] = ["START_TIME", "END_TIME", "SCHEDULE_QUERY"];

/// A text of a request, and where it stands.
pub(super) struct Text {
    pub(super) at: String,
    pub(super) text: String,
}

impl Text {
    /// Whether a placeholder or an expression in it needs the parameter `name`.
    pub(super) fn uses(&self, name: &str) -> bool {
        let template = self.text.parse::<Template>();
        template.is_ok_and(|template| template.params().any(|needed| needed == name))
    }
}

/// Every text of the requests that `attributes`, which stand at `at`, describe.
pub(super) fn of(attributes: &Attributes, at: &str) -> Vec<Text> {
    let mut out = Vec::new();
    if let Some(url) = &attributes.url_params {
        let at = format!("{at}/urlParams");
        if let Some(host) = &url.host {
            add(&mut out, format!("{at}/host"), host);
        }
        add(&mut out, format!("{at}/path"), &url.path);
        inside_all(&mut out, &format!("{at}/queryParams"), &url.query_params);
    }
    let at_headers = format!("{at}/headerParams");
    inside_all(&mut out, &at_headers, &attributes.header_params);
    if let Some(body) = &attributes.body_params {
        inside(&mut out, &format!("{at}/bodyParams"), body);
    }
    out
}

/// The texts that stand for `{SCHEDULE_QUERY}`.
pub(super) fn of_schedule(attributes: &Attributes, at: &str) -> Vec<Text> {
    let mut out = Vec::new();
    if let Some(params) = &attributes.schedule_params {
        for (key, text) in [
            ("incremental", &params.incremental),
            ("backfill", &params.backfill),
        ] {
            if let Some(text) = text {
                add(&mut out, format!("{at}/scheduleParams/{key}"), text);
            }
        }
    }
    out
}

fn add(out: &mut Vec<Text>, at: String, text: &str) {
    let text = text.to_owned();
    out.push(Text { at, text });
}

fn inside(out: &mut Vec<Text>, at: &str, value: &Value) {
    match value {
        Value::String(text) => add(out, at.to_owned(), text),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                inside(out, &format!("{at}/{index}"), item);
            }
        }
        Value::Object(members) => inside_all(out, at, members),
        _ => {}
    }
}

fn inside_all(out: &mut Vec<Text>, at: &str, members: &serde_json::Map<String, Value>) {
    for (key, member) in members {
        inside(out, &pointer::join(at, key), member);
    }
}

/// The names that `${...}` may use in one stream.
pub(super) struct Names<'a> {
    known: Vec<&'a str>,
    is_fragment: bool,
    declares_host: bool,
}

impl<'a> Names<'a> {
    pub(super) fn of(document: &'a ConnectorDocument, source: &'a SourceSpec) -> Self {
        let mut known: Vec<&str> = source.properties().map(|(name, _)| name).collect();
        for way in document.auth_specs() {
            known.extend(crate::document::properties(&way.spec).map(|(name, _)| name));
        }
        let declares_host = known.contains(&"host");
        known.extend(source.varying());
        // The operator may always give it.
        known.push("host");
        known.sort_unstable();
        known.dedup();
        Self {
            known,
            is_fragment: document.is_fragment(),
            declares_host,
        }
    }

    /// Whether a parameter says where the source is.
    pub(super) fn declares_host(&self) -> bool {
        self.declares_host
    }

    /// Checks one text.
    pub(super) fn check(&self, Text { at, text }: &Text, out: &mut Vec<Diagnostic>) {
        match text.parse::<Template>() {
            Ok(template) => {
                self.check_names(template.params(), at, out);
                misspelt(text, at, out);
            }
            Err(error) => out.push(Diagnostic::error("E-template", at, error.to_string())),
        }
    }

    /// Checks the names of parameters.
    pub(super) fn check_names<'n>(
        &self,
        names: impl Iterator<Item = &'n str>,
        at: &str,
        out: &mut Vec<Diagnostic>,
    ) {
        for name in names.filter(|name| !self.known.contains(name)) {
            out.push(self.undeclared(name, at));
        }
    }

    fn undeclared(&self, name: &str, at: &str) -> Diagnostic {
        let hint = suggest::hint(name, self.known.iter().copied());
        if self.is_fragment && at.ends_with("/urlParams/host") {
            let message =
                format!("`${{{name}}}` is not declared here; the connection must give it");
            return Diagnostic::lint("L-placeholder-open", at, message);
        }
        let message =
            format!("`${{{name}}}` is declared neither in `spec.properties` nor in an `authSpec`");
        Diagnostic::error("E-placeholder", at, message).with_hint(hint)
    }
}

/// Finds what is nearly a placeholder of the time window. Other braces are text: GraphQL's may
/// hold `{start_time}`.
fn misspelt(text: &str, at: &str, out: &mut Vec<Diagnostic>) {
    for (start, _) in text.match_indices('{') {
        let inside = text[start + 1..].split_once('}').map(|(name, _)| name);
        let is_text = !text[..start].ends_with(['$', '@']);
        let is_name = |name: &&str| name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
        let Some(name) = inside.filter(|name| is_text && is_name(name) && !WINDOW.contains(name))
        else {
            continue;
        };
        if let Some(meant) = suggest::nearest(name, &WINDOW) {
            let message = format!("`{{{name}}}` stands for nothing, and would be sent as it is");
            let hint = format!("did you mean `{{{meant}}}`?");
            out.push(Diagnostic::error("E-placeholder", at, message).with_hint(hint));
        }
    }
}
