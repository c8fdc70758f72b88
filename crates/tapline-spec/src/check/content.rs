//! Whether the paths to the records can be read.

use std::str::FromStr;

use tapline_expr::{ExprError, Path, Place, Selector};

use crate::document::properties;
use crate::{ContentPath, Diagnostic, ExplodeEntityPath, SourceSpec, explode};

pub(super) fn check(source: &SourceSpec, at: &str, out: &mut Vec<Diagnostic>) {
    let attributes = &source.attributes;
    match &attributes.content_path {
        Some(content) => check_content(source, content, &format!("{at}/contentPath"), out),
        None if source.declares("contentPath") => {}
        None => out.push(
            crate::judge::missing(at, "contentPath")
                .with_hint(r#"such as {"path": "$.items"}, or "$" if the response is a list"#),
        ),
    }
    if let Some(explode) = &attributes.explode_entity_path {
        let content = attributes.content_path.as_ref();
        let at = format!("{at}/explodeEntityPath/path");
        check_explode(explode, content, &at, out);
    }
}

fn check_content(source: &SourceSpec, content: &ContentPath, at: &str, out: &mut Vec<Diagnostic>) {
    let Some(place) = check_path::<Place>(&content.path, &format!("{at}/path"), out) else {
        return;
    };
    let unused =
        |key: &str, why: &str| Diagnostic::lint("L-unused", format!("{at}/{key}"), why.to_owned());
    if content.unwrap && content.override_wrapper_attribute.is_some() {
        let why = "with `unwrap` there is no wrapper to name";
        out.push(unused("overrideWrapperAttribute", why));
    }
    for (key, names) in lists(content) {
        if names.is_empty() {
            continue;
        }
        if !content.siblings {
            out.push(unused(
                key,
                "with `siblings` false nothing beside the array is copied",
            ));
        } else if place.last_key().is_none() {
            out.push(unused(key, "nothing stands beside these records"));
        }
        inner_names(content, &place, (key, names), at, out);
    }
    kept_and_skipped(&content.keep_attributes, &content.skip_attributes, at, out);
    wrapper_clash(source, content, &place, at, out);
}

fn lists(content: &ContentPath) -> [(&'static str, &[String]); 2] {
    [
        ("skipAttributes", &content.skip_attributes),
        ("keepAttributes", &content.keep_attributes),
    ]
}

/// The lists are about what stands beside the array, not about fields of its elements.
fn inner_names(
    content: &ContentPath,
    place: &Place,
    (key, names): (&str, &[String]),
    at: &str,
    out: &mut Vec<Diagnostic>,
) {
    let Some(wrapper) = content.wrapper(place) else {
        return;
    };
    for (index, name) in names.iter().enumerate() {
        if name
            .strip_prefix(&wrapper)
            .is_some_and(|rest| rest.starts_with('.'))
        {
            let message = format!(
                "`{name}` is a field of the element; `{key}` is about what stands beside the array"
            );
            let hint = "a field of an element cannot be left out here: leave it out later, by SQL";
            let at = format!("{at}/{key}/{index}");
            out.push(Diagnostic::error("E-attribute", at, message).with_hint(hint));
        }
    }
}

/// First the kept ones are taken, then the skipped ones left out.
fn kept_and_skipped(keep: &[String], skip: &[String], at: &str, out: &mut Vec<Diagnostic>) {
    for (index, name) in keep
        .iter()
        .enumerate()
        .filter(|(_, name)| skip.contains(name))
    {
        let message = format!("`{name}` is kept and skipped; it is skipped");
        let at = format!("{at}/keepAttributes/{index}");
        out.push(Diagnostic::lint("L-keep-skip", at, message));
    }
}

/// An element must not stand under the name of something beside it.
fn wrapper_clash(
    source: &SourceSpec,
    content: &ContentPath,
    place: &Place,
    at: &str,
    out: &mut Vec<Diagnostic>,
) {
    let Some(wrapper) = content.wrapper(place).filter(|_| content.siblings) else {
        return;
    };
    let is_skipped = content.skip_attributes.contains(&wrapper);
    let is_listed = content.keep_attributes.contains(&wrapper);
    let own_name = place.last_key();
    let schema = source.schema.iter();
    let mut beside = schema.flat_map(|schema| properties(schema).map(|(name, _)| name));
    let is_page = source
        .schema
        .iter()
        .any(|schema| properties(schema).any(|(name, _)| Some(name) == own_name));
    let is_declared =
        content.keep_attributes.is_empty() && is_page && beside.any(|name| name == wrapper);
    if Some(wrapper.as_str()) != own_name && !is_skipped && (is_listed || is_declared) {
        let message =
            format!("`{wrapper}` stands beside the array, so the element cannot have its name");
        let hint = "skip that one, or give the element another name";
        let at = format!("{at}/overrideWrapperAttribute");
        out.push(Diagnostic::error("E-wrapper", at, message).with_hint(hint));
    }
}

fn check_explode(
    explode: &ExplodeEntityPath,
    content: Option<&ContentPath>,
    at: &str,
    out: &mut Vec<Diagnostic>,
) {
    let siblings_at = at.trim_end_matches("/path");
    kept_and_skipped(
        &explode.keep_attributes,
        &explode.skip_attributes,
        siblings_at,
        out,
    );
    let Some(path) = check_path::<Path>(&explode.path, at, out) else {
        return;
    };
    // Without a sound contentPath, what is wrong has been said.
    let Some((content, Ok(around))) = content.map(|c| (c, c.path.parse::<Place>())) else {
        return;
    };
    if let Err(wrong) = explode::keys(&path, content.wrapper(&around).as_deref()) {
        out.push(Diagnostic::error("E-explode-path", at, wrong.message).with_hint(wrong.hint));
    }
}

fn check_path<P: FromStr<Err = ExprError>>(
    path: &str,
    at: &str,
    out: &mut Vec<Diagnostic>,
) -> Option<P> {
    path.parse::<P>()
        .map_err(|error| out.push(Diagnostic::error("E-path", at, error.to_string())))
        .ok()
}

/// Checks a path into the body, or the name of a header.
pub(super) fn check_selector(selector: &str, at: &str, out: &mut Vec<Diagnostic>) {
    if let Err(error) = selector.parse::<Selector>() {
        out.push(Diagnostic::error("E-path", at, error.to_string()));
    }
}
