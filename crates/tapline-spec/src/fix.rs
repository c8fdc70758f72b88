//! Writes what was read tolerantly the way it is meant.
//!
//! JSON is edited in place: only what changes is written anew, and everything else stays as its
//! author laid it out. YAML is written anew as a whole, unless comments would be lost.

use std::collections::HashMap;
use std::ops::Range;

use serde_json::{Map, Value};

use crate::locate::{Inner, Member, Tree};
use crate::source::Source;
use crate::{Diagnostic, pointer, tolerant};

/// Characters of a value that is still written on one line.
const LINE: usize = 80;

/// The connector document `text` with everything written the way it is meant; `None` if there is
/// nothing to write differently, or the text is not valid.
pub fn fix(text: &str) -> Option<String> {
    let text = text.trim_start_matches('\u{feff}');
    let source = Source::read(text).ok()?;
    let reading = tolerant::read(source.value.clone());
    if reading.diagnostics.iter().any(Diagnostic::is_error) {
        return None;
    }
    let meant = meant(&source.value, &reading)?;
    if !source.is_json {
        return yaml(text, &meant);
    }
    let mut editor = Editor {
        text,
        renamed: reading
            .moves
            .iter()
            .map(|(to, from)| (from.as_str(), to.as_str()))
            .collect(),
        edits: Vec::new(),
    };
    let root = if reading.is_bare { "/sourceSpec" } else { "" };
    editor.value(&source.tree, &source.value, &meant, root);
    Some(editor.apply())
}

/// What `written` means, if that is something else.
fn meant(written: &Value, reading: &tolerant::Reading) -> Option<Value> {
    let mut meant = reading.value.clone();
    if reading.is_bare {
        meant = meant["sourceSpec"].take();
        if let Some(schema) = written.get("$schema") {
            meant["$schema"] = schema.clone();
        }
    }
    (meant != *written).then_some(meant)
}

/// A reader of YAML does not see comments, so a writer would lose them.
fn yaml(text: &str, meant: &Value) -> Option<String> {
    if text.contains('#') {
        return None;
    }
    serde_saphyr::to_string(meant).ok()
}

/// What is to be written instead of some bytes of the text.
type Edit = (Range<usize>, String);

struct Editor<'a> {
    text: &'a str,
    /// Where something stood, and where it is now.
    renamed: HashMap<&'a str, &'a str>,
    edits: Vec<Edit>,
}

impl Editor<'_> {
    /// Makes `old`, which `tree` describes and which is now at `at`, into `new`.
    fn value(&mut self, tree: &Tree, old: &Value, new: &Value, at: &str) {
        match (&tree.inner, old, new) {
            _ if old == new => {}
            (Inner::Map(members), Value::Object(old), Value::Object(new)) => {
                self.object(tree, members, (old, new), at);
            }
            (Inner::List(items), Value::Array(old), Value::Array(new))
                if old.len() == new.len() =>
            {
                for (index, item) in items.iter().enumerate() {
                    let at = format!("{at}/{index}");
                    self.value(item, &old[index], &new[index], &at);
                }
            }
            _ => self.replace(tree.span.clone(), new),
        }
    }

    fn object(
        &mut self,
        tree: &Tree,
        members: &HashMap<String, Member>,
        (old, new): (&Map<String, Value>, &Map<String, Value>),
        at: &str,
    ) {
        let mut members: Vec<(&String, &Member)> = members.iter().collect();
        members.sort_by_key(|(_, member)| member.key_span.start);
        let names: Vec<Option<String>> = members
            .iter()
            .map(|(key, _)| self.new_name(key, new, at))
            .collect();
        let Some(last) = names.iter().rposition(Option::is_some) else {
            return self.replace(tree.span.clone(), &Value::Object(new.clone()));
        };
        for (index, (key, member)) in members.iter().enumerate() {
            match &names[index] {
                Some(name) => {
                    if name != *key {
                        let written = Value::from(name.as_str()).to_string();
                        self.edits.push((member.key_span.clone(), written));
                    }
                    let at = pointer::join(at, name);
                    self.value(&member.value, &old[*key], &new[name], &at);
                }
                None => {
                    let span = removal(&members, &names, index);
                    self.edits.push((span, String::new()));
                }
            }
        }
        let added = new
            .iter()
            .filter(|(key, _)| !names.iter().flatten().any(|name| name == *key));
        for (key, value) in added {
            self.insert(members[last].1, key, value);
        }
    }

    /// What the member `key` of the object at `at` is called now; `None` if it is gone.
    fn new_name(&self, key: &str, new: &Map<String, Value>, at: &str) -> Option<String> {
        if new.contains_key(key) {
            return Some(key.to_owned());
        }
        let to = self.renamed.get(pointer::join(at, key).as_str())?;
        let (parent, _) = to.rsplit_once('/')?;
        let name = pointer::last(to)?;
        (parent == at && new.contains_key(&name)).then_some(name)
    }

    fn replace(&mut self, span: Range<usize>, new: &Value) {
        let written = written(new, &indent(self.text, span.start));
        self.edits.push((span, written));
    }

    /// Adds a member after `last`.
    fn insert(&mut self, last: &Member, key: &str, value: &Value) {
        let end = last.value.span.end;
        let indent = indent(self.text, last.key_span.start);
        let line_start = self.text[..last.key_span.start]
            .rfind('\n')
            .map_or(0, |at| at + 1);
        let is_alone = self.text[line_start..last.key_span.start].trim().is_empty();
        let gap = if is_alone {
            format!("\n{indent}")
        } else {
            " ".to_owned()
        };
        let (key, value) = (Value::from(key), written(value, &indent));
        self.edits.push((end..end, format!(",{gap}{key}: {value}")));
    }

    /// The text with every edit made.
    fn apply(mut self) -> String {
        self.edits.sort_by_key(|(span, _)| (span.start, span.end));
        let mut out = String::new();
        let mut from = 0;
        for (span, written) in &self.edits {
            out.push_str(&self.text[from..span.start]);
            out.push_str(written);
            from = span.end;
        }
        out.push_str(&self.text[from..]);
        out
    }
}

/// The bytes to take out with the member at `index`: it, and the comma before or after it.
fn removal(members: &[(&String, &Member)], names: &[Option<String>], index: usize) -> Range<usize> {
    let is_after_another = names[..index].iter().any(Option::is_some);
    if is_after_another {
        members[index - 1].1.value.span.end..members[index].1.value.span.end
    } else {
        members[index].1.key_span.start..members[index + 1].1.key_span.start
    }
}

/// The blanks at the beginning of the line that holds the byte at `offset`.
fn indent(text: &str, offset: usize) -> String {
    let line = text[..offset].rsplit('\n').next().unwrap_or_default();
    line.chars()
        .take_while(|c| *c == ' ' || *c == '\t')
        .collect()
}

/// `value` on one line if it is short, else indented.
fn written(value: &Value, indent: &str) -> String {
    let line = on_one_line(value);
    if line.len() <= LINE {
        return line;
    }
    let pretty = format!("{value:#}");
    pretty.replace('\n', &format!("\n{indent}"))
}

fn on_one_line(value: &Value) -> String {
    match value {
        Value::Object(members) if !members.is_empty() => {
            let members: Vec<String> = members
                .iter()
                .map(|(key, value)| {
                    format!("{}: {}", Value::from(key.as_str()), on_one_line(value))
                })
                .collect();
            format!("{{ {} }}", members.join(", "))
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(on_one_line).collect();
            format!("[{}]", items.join(", "))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        assert_eq!(fix(text).as_deref(), expected);
    }

    #[test]
    fn only_what_changes_is_written() {
        check(
            "{\n  \"attributes\": {\n    \"urlParams\": { \"hostname\" : \"https://{d}.e\",\"path\": \"/\" },\n    \"paginationParams\": {\"offsetName\":\"o\" , \"limitValue\": \"7\"}\n  }\n}\n",
            Some(
                "{\n  \"attributes\": {\n    \"urlParams\": { \"host\" : \"https://${d}.e\",\"path\": \"/\" },\n    \"paginationParams\": {\"offSetName\":\"o\" , \"limitValue\": 7}\n  }\n}\n",
            ),
        );
        check(r#"{"attributes": {"contentPath": {"path": "$.a"}}}"#, None);
        check("{", None);
        check(
            r#"{"streams": {"a": {"attributes": {"paginationParams": {"offsetName": "a", "offSetName": "b"}}}}}"#,
            None,
        );
    }

    #[test]
    fn members_move_and_go() {
        check(
            "{\"attributes\": {\n  \"queryParams\": \"a=b\",\n  \"urlParams\": {\n    \"path\": \"/\"\n  },\n  \"headerParams\": \"\"\n}}",
            Some(
                "{\"attributes\": {\n  \"urlParams\": {\n    \"path\": \"/\",\n    \"queryParams\": { \"a\": \"b\" }\n  }\n}}",
            ),
        );
        check(
            r#"{"attributes": {"contentPath": "$.a", "bodyParams": ""}}"#,
            Some(
                r#"{"attributes": {"contentPath": { "path": "$.a", "unwrap": true, "siblings": false }}}"#,
            ),
        );
        check(
            r#"{"attributes": {"headerParams": ""}}"#,
            Some(r#"{"attributes": {}}"#),
        );
    }

    #[test]
    fn yaml_is_written_anew_unless_it_has_comments() {
        let text = "attributes:\n  paginationParams:\n    limitValue: '7'\n";
        let fixed = fix(text).unwrap();
        assert!(fixed.contains("limitValue: 7"), "{fixed}");
        assert_eq!(fix(&fixed), None);
        assert_eq!(fix(&format!("# mine\n{text}")), None);
    }
}
