//! Whether the paths to the records can be read.

use std::str::FromStr;

use tapline_expr::{ExprError, Path, Place, Selector};

use crate::{Attributes, ContentPath, Diagnostic, ExplodeEntityPath, explode};

pub(super) fn check(attributes: &Attributes, at: &str, out: &mut Vec<Diagnostic>) {
    match &attributes.content_path {
        Some(content) => check_content(content, &format!("{at}/contentPath"), out),
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
    let total = attributes
        .response_params
        .as_ref()
        .and_then(|r| r.total.as_ref());
    if let Some(total) = total {
        check_selector(total, &format!("{at}/responseParams/total"), out);
    }
}

fn check_content(content: &ContentPath, at: &str, out: &mut Vec<Diagnostic>) {
    check_path::<Place>(&content.path, &format!("{at}/path"), out);
    if content.unwrap && content.override_wrapper_attribute.is_some() {
        out.push(Diagnostic::lint(
            "L-unused",
            format!("{at}/overrideWrapperAttribute"),
            "with `unwrap` there is no wrapper to name",
        ));
    }
}

fn check_explode(
    explode: &ExplodeEntityPath,
    content: Option<&ContentPath>,
    at: &str,
    out: &mut Vec<Diagnostic>,
) {
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
