//! `uiAttributes` as written over the years. Nothing here can make a source unreadable.

use serde_json::{Map, Value, json};

use super::rewrite::Rewrite;
use crate::auth::squeezed;
use crate::{pointer, suggest, ui};

pub(super) fn forms(attributes: &mut Map<String, Value>, at: &str, rewrite: &mut Rewrite) {
    let Some(Value::Object(shown)) = attributes.get_mut("uiAttributes") else {
        return;
    };
    let at = format!("{at}/uiAttributes");
    let unknown = |key: &&String| !ui::KEYS.contains(&key.as_str());
    for key in shown.keys().filter(unknown).cloned().collect::<Vec<_>>() {
        shown.shift_remove(&key);
        let message = format!("`{key}` is no key of `uiAttributes` and is not read");
        let hint = suggest::hint(&key, ui::KEYS);
        rewrite.lint_with("L-ui-key", pointer::join(&at, &key), message, hint);
    }
    if let Some(category) = shown.get_mut("category") {
        category_forms(category, &format!("{at}/category"), rewrite);
    }
    for key in ["icon", "description", "label"] {
        let at = format!("{at}/{key}");
        if let Some(text @ Value::String(_)) = shown.get_mut(key) {
            let object = json!({ "text": text });
            let message = format!("`{key}` is an object, not a text");
            rewrite.lint_with("L-ui-text", at, message, format!("write {object}"));
            *text = object;
        }
    }
}

/// `marketing automation` is `marketingAutomation`.
fn category_forms(category: &mut Value, at: &str, rewrite: &mut Rewrite) {
    if category.is_string() {
        let object = json!({ "key": category });
        let message = "`category` is an object, not a text".to_owned();
        let hint = format!("write {object}");
        rewrite.lint_with("L-ui-text", at.to_owned(), message, hint);
        *category = object;
    }
    let Some(Value::String(key)) = category.get_mut("key") else {
        return;
    };
    let at = format!("{at}/key");
    let known = ui::CATEGORIES
        .iter()
        .find(|known| squeezed(known) == squeezed(key));
    match known {
        Some(known) if key != known => {
            let message = format!("the category `{key}` is written `{known}`");
            rewrite.lint("L-category-name", at, message);
            *key = (*known).to_owned();
        }
        Some(_) => {}
        None => {
            let message = format!("the category `{key}` is none of those documented");
            let hint = suggest::hint(key, ui::CATEGORIES);
            rewrite.lint_with("L-category", at, message, hint);
        }
    }
}
