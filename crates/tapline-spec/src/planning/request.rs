//! The request that every page has in common.

use serde_json::{Map, Value};
use tapline_expr::Template;

use super::Desk;
use super::params::{as_text, missing};
use crate::{BodyPlan, Params, RequestMethod, RequestPlan, SourceSpec, UrlParams, pointer};

pub(super) fn plan(
    desk: &mut Desk,
    source: &SourceSpec,
    given: &Params,
    params: &Params,
) -> Option<RequestPlan> {
    let attributes = &source.attributes;
    let url = desk.need("urlParams", attributes.url_params.as_ref())?;
    let host = host(desk, url, given, params);
    let path = match url.path.as_str() {
        path if path.starts_with('/') || path.is_empty() => path.to_owned(),
        path => format!("/{path}"),
    };
    let path = desk.template("urlParams/path", &path);
    let query = pairs(desk, "urlParams/queryParams", &url.query_params);
    let headers = pairs(desk, "headerParams", &attributes.header_params);
    let body = match (&attributes.body_params, url.method) {
        (Some(body), RequestMethod::Post) => body_plan(desk, body),
        _ => None,
    };
    let request = RequestPlan {
        host: host?,
        path: path?,
        method: url.method,
        query: resolvable(source, query, params),
        headers: headers
            .into_iter()
            .map(|(name, value)| (name.to_ascii_lowercase(), value))
            .collect(),
        body,
    };
    resolved(desk, source, &request, params);
    Some(request)
}

/// The operator's `host` replaces the spec's, unless the spec's is made of it.
fn host(desk: &mut Desk, url: &UrlParams, given: &Params, params: &Params) -> Option<Template> {
    let own: Option<Template> = match &url.host {
        Some(host) => Some(desk.template("urlParams/host", host)?),
        None => None,
    };
    let uses_param = own
        .as_ref()
        .is_some_and(|own| own.params().any(|name| name == "host"));
    let param = match own {
        Some(own) if uses_param || given.get("host").is_none() => return Some(own),
        _ => params.get("host"),
    };
    let Some(param) = param else {
        let message = "the parameter `host` is missing, and there is no `urlParams.host`";
        desk.fail("E-missing-parameter", "urlParams", message);
        return None;
    };
    // Adobe's operators give a bare host name.
    let text = if param.expose().contains("://") {
        "${host}"
    } else {
        "https://${host}"
    };
    desk.template("urlParams/host", text)
}

fn pairs(desk: &mut Desk, below: &str, pairs: &Map<String, Value>) -> Vec<(String, Template)> {
    let mut out = Vec::new();
    for (name, value) in pairs {
        let below = pointer::join(below, name);
        let template = as_text(value).and_then(|text| desk.template(&below, &text));
        if let Some(template) = template {
            out.push((name.clone(), template));
        }
    }
    out
}

/// Leaves out what needs a declared parameter that was not given: an optional filter, for example.
fn resolvable(
    source: &SourceSpec,
    query: Vec<(String, Template)>,
    params: &Params,
) -> Vec<(String, Template)> {
    let varying = source.varying();
    let is_left_open = |name: &str| {
        params.get(name).is_none()
            && !varying.contains(&name)
            && source.properties().any(|(known, _)| known == name)
    };
    query
        .into_iter()
        .filter(|(_, template)| !template.params().any(is_left_open))
        .collect()
}

fn body_plan(desk: &mut Desk, body: &Value) -> Option<BodyPlan> {
    match body {
        Value::String(text) => desk.template("bodyParams", text).map(BodyPlan::Text),
        json => {
            let mut errors = 0;
            texts(json, "bodyParams", &mut |at, text| {
                errors += usize::from(desk.template(at, text).is_none());
            });
            (errors == 0).then(|| BodyPlan::Json(json.clone()))
        }
    }
}

/// Calls `see` with every text in `value`.
fn texts(value: &Value, at: &str, see: &mut impl FnMut(&str, &str)) {
    match value {
        Value::String(text) => see(at, text),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                texts(item, &format!("{at}/{index}"), see);
            }
        }
        Value::Object(members) => {
            for (key, member) in members {
                texts(member, &pointer::join(at, key), see);
            }
        }
        _ => {}
    }
}

/// Reports every parameter that the request needs and nobody gave.
fn resolved(desk: &mut Desk, source: &SourceSpec, request: &RequestPlan, params: &Params) {
    let mut templates = vec![request.host.clone(), request.path.clone()];
    templates.extend(
        request
            .query
            .iter()
            .chain(&request.headers)
            .map(|(_, t)| t.clone()),
    );
    match &request.body {
        Some(BodyPlan::Text(text)) => templates.push(text.clone()),
        Some(BodyPlan::Json(json)) => texts(json, "", &mut |_, text| {
            templates.extend(text.parse::<Template>().ok());
        }),
        None => {}
    }
    let varying = source.varying();
    let names = templates.iter().flat_map(Template::params);
    for name in names.filter(|name| !varying.contains(name)) {
        let finding = missing(&source.spec, name);
        // What a schema requires may be reported already, with the description of another schema.
        let is_reported = desk.errors.iter().any(|error| {
            error
                .message
                .starts_with(&format!("the parameter `{name}` is missing"))
        });
        if params.get(name).is_none() && !is_reported {
            desk.errors.push(finding);
        }
    }
}
