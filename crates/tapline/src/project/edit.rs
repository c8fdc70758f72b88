//! Changes the `sync` of a pipeline in the text of a project file, and leaves all else as it was
//! written: comments, order, indentation.

use yaml_serde::{Mapping, Value};
use yamlpatch::{Op, Patch};
use yamlpath::{Component, Document, Route};

/// `text` with the members `updates` in the `sync` of `pipeline`, in the place of those it has.
///
/// # Errors
/// Why it cannot be changed in place; it is no file that a change would be safe in.
pub(crate) fn with_sync(
    text: &str,
    pipeline: &str,
    updates: &[(&str, Value)],
) -> Result<String, String> {
    let say = |error: &dyn ToString| error.to_string();
    let before: Value = yaml_serde::from_str(text).map_err(|error| say(&error))?;
    let sync = before.get("pipelines").and_then(|all| all.get(pipeline));
    let sync = sync.and_then(|pipeline| pipeline.get("sync")).cloned();
    let wanted = updated(before, pipeline, updates).ok_or("there is no such pipeline")?;
    let route = |keys: &[&str]| {
        let keys = keys.iter().map(|key| Component::from((*key).to_owned()));
        Route::from(keys.collect::<Vec<_>>())
    };
    let document = Document::new(text).map_err(|error| say(&error))?;
    let place = route(&["pipelines", pipeline, "sync"]);
    let found = document.query_exact(&place).ok().flatten();
    let span = found.map(|feature| feature.location.byte_span);
    let braces = span.filter(|(start, _)| text[*start..].starts_with('{'));
    let after = if let (Some((start, end)), Some(mut sync)) = (braces, sync.clone()) {
        // Its members share a line, so nothing else is there.
        let members = sync.as_mapping_mut().ok_or("`sync` is no mapping")?;
        members.extend(mapping(updates));
        let written = yamlpatch::serialize_flow(&sync).map_err(|error| say(&error))?;
        format!("{}{written}{}", &text[..start], &text[end..])
    } else {
        let patches: Vec<Patch<'_>> = match &sync {
            None => vec![Patch {
                route: route(&["pipelines", pipeline]),
                operation: Op::Add {
                    key: "sync".to_owned(),
                    value: Value::Mapping(mapping(updates)),
                },
            }],
            Some(sync) => updates
                .iter()
                .map(|(key, value)| match sync.get(key) {
                    Some(_) => Patch {
                        route: route(&["pipelines", pipeline, "sync", key]),
                        operation: Op::Replace(value.clone()),
                    },
                    None => Patch {
                        route: place.clone(),
                        operation: Op::Add {
                            key: (*key).to_owned(),
                            value: value.clone(),
                        },
                    },
                })
                .collect(),
        };
        let patched = yamlpatch::apply_yaml_patches(&document, &patches);
        patched.map_err(|error| say(&error))?.source().to_owned()
    };
    // An editor of text can be wrong about what it means.
    let is = yaml_serde::from_str::<Value>(&after).ok();
    match is.as_ref() == Some(&wanted) {
        true => Ok(after),
        false => Err("it is written in a way that is not understood".to_owned()),
    }
}

/// What the file says once it is changed.
fn updated(mut file: Value, pipeline: &str, updates: &[(&str, Value)]) -> Option<Value> {
    let pipeline = file
        .get_mut("pipelines")?
        .get_mut(pipeline)?
        .as_mapping_mut()?;
    let sync = pipeline
        .entry(Value::from("sync"))
        .or_insert_with(|| Value::Mapping(Mapping::new()));
    sync.as_mapping_mut()?.extend(mapping(updates));
    Some(file)
}

fn mapping(updates: &[(&str, Value)]) -> Mapping {
    let members = updates.iter();
    members
        .map(|(key, value)| (Value::from(*key), value.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const UPDATES: [(&str, &str); 2] = [
        ("mode", "incremental_with_qualify"),
        ("primary_keys", "[id]"),
    ];

    #[track_caller]
    fn check(sync: &str, expected: &str) {
        let updates = UPDATES.map(|(key, text)| (key, yaml_serde::from_str(text).unwrap()));
        let file = |sync: &str| {
            format!(
                "# Ours\nversion: 1\npipelines:\n  a: {{ sync: {{ mode: full_load }} }}\n  b:\n    # the orders\n    \
                 source: {{ connection: c }} # of the shop\n{sync}    schedule: {{ frequency: day }}\n"
            )
        };
        let after = with_sync(&file(sync), "b", &updates).unwrap();
        assert_eq!(after, file(expected));
    }

    #[test]
    fn a_block_keeps_its_comments() {
        check(
            "    sync:\n      mode: incremental # for now\n      # when it changed\n      cursor: updated_at\n",
            "    sync:\n      mode: incremental_with_qualify # for now\n      # when it changed\n      \
             cursor: updated_at\n      primary_keys: [id]\n",
        );
    }

    #[test]
    fn braces_stay_braces() {
        check(
            "    sync: { mode: incremental, cursor: updated_at }\n",
            "    sync: { mode: incremental_with_qualify, cursor: updated_at, primary_keys: [id] }\n",
        );
    }

    #[test]
    fn what_is_missing_is_added() {
        let updates = [("mode", Value::from("incremental"))];
        let file = "version: 1\npipelines:\n  b:\n    source: { connection: c }\n";
        let after = with_sync(file, "b", &updates).unwrap();
        assert!(after.starts_with(file), "{after}");
        assert!(after.contains("mode: incremental"), "{after}");
        assert!(with_sync(file, "c", &updates).is_err());
    }
}
