//! Whether the rules about answers can be read, and each can be reached; and whether the format of
//! bodies has what is looked for in them.

use tapline_expr::{Expr, Selector};

use crate::check::content::check_selector;
use crate::check::texts::Names;
use crate::{
    Attributes, BodyFormat, Diagnostic, PaginationKind, PaginationParams, ResponseRule, RuleAction,
};

/// Statuses as inclusive ranges.
type Ranges = Vec<(u16, u16)>;

/// Every status there is.
const ALL: (u16, u16) = (100, 599);

/// Whether everything that is read of a body is on its lines.
pub(super) fn check_format(attributes: &Attributes, at: &str, out: &mut Vec<Diagnostic>) {
    if attributes.body_format() != BodyFormat::Ndjson {
        return;
    }
    let response = attributes.response_params.as_ref();
    let total = response.and_then(|response| response.total.as_deref());
    let total = total.map(|path| ("responseParams/total".to_owned(), path));
    let paging = attributes.pagination_params.iter();
    let paging = paging.flat_map(PaginationParams::reads);
    let paging = paging.map(|(key, path)| (format!("paginationParams/{key}"), path));
    for (key, path) in total.into_iter().chain(paging) {
        if matches!(path.parse(), Ok(Selector::Body(_) | Selector::Query(_))) {
            let message = format!("each line is a record, so `{path}` stands nowhere");
            let hint = "what a header says is `headers.x-name`";
            let at = format!("{at}/{key}");
            out.push(Diagnostic::error("E-format", at, message).with_hint(hint));
        }
    }
    let content = attributes.content_path.as_ref();
    if let Some(content) = content.filter(|content| content.path.trim() != "$") {
        let message = format!("each line is a record, so `{}` leads nowhere", content.path);
        let at = format!("{at}/contentPath/path");
        out.push(Diagnostic::error("E-format", at, message).with_hint("write `$`"));
    }
}

pub(super) fn check(
    attributes: &Attributes,
    names: &Names<'_>,
    at: &str,
    out: &mut Vec<Diagnostic>,
) {
    let Some(params) = &attributes.response_params else {
        return;
    };
    let at = format!("{at}/responseParams");
    if let Some(total) = &params.total {
        check_selector(total, &format!("{at}/total"), out);
    }
    let paging = attributes.pagination_params.as_ref().map(|p| p.kind);
    let is_single = matches!(paging, None | Some(PaginationKind::None));
    let mut covered = Ranges::new();
    for (index, rule) in params.on.iter().enumerate() {
        let at = format!("{at}/on/{index}");
        if rule.action == RuleAction::End && is_single {
            let message = "there is one page only, so there is none before to be the last";
            let hint = "`ignore` takes the answer for an empty page";
            out.push(
                Diagnostic::lint("L-rule-end", format!("{at}/action"), message).with_hint(hint),
            );
        }
        one(rule, names, &at, &mut covered, out);
    }
}

fn one(
    rule: &ResponseRule,
    names: &Names<'_>,
    at: &str,
    covered: &mut Ranges,
    out: &mut Vec<Diagnostic>,
) {
    let ranges = match rule.ranges() {
        Ok(ranges) => ranges,
        Err(message) => {
            return out.push(Diagnostic::error(
                "E-status",
                format!("{at}/status"),
                message,
            ));
        }
    };
    match rule.when.as_deref().map(str::parse::<Expr>) {
        Some(Err(error)) => {
            let at = format!("{at}/when");
            return out.push(Diagnostic::error("E-expression", at, error.to_string()));
        }
        Some(Ok(when)) => names.check_names(when.params(), &format!("{at}/when"), out),
        None if ranges.is_empty() => {
            let message = "the rule fits every answer";
            let hint = "say which: `status`, `when`, or both";
            return out.push(Diagnostic::error("E-rule", at, message).with_hint(hint));
        }
        None => {}
    }
    let ranges = if ranges.is_empty() { vec![ALL] } else { ranges };
    if ranges.iter().all(|range| is_covered(*range, covered)) {
        let message = "the rules before it leave nothing for this one";
        out.push(Diagnostic::lint("L-unreachable", at, message));
    }
    if rule.when.is_none() {
        covered.extend(ranges);
    }
}

/// Whether the ranges in `covered`, together, hold all of `range`.
fn is_covered((first, last): (u16, u16), covered: &Ranges) -> bool {
    (first..=last).all(|status| {
        covered
            .iter()
            .any(|(from, to)| (*from..=*to).contains(&status))
    })
}
