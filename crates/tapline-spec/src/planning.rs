//! From a document to the [`Plan`] of one of its streams.

mod auth;
mod columns;
mod content;
mod paging;
mod params;
mod request;

use std::str::FromStr;

use tapline_expr::{ExprError, Template};

use crate::check::is_scheduled;
use crate::{
    AuthPlan, ConnectorDocument, Diagnostic, Params, Plan, RequestPlan, SourceSpec, pointer,
    suggest,
};

/// A plan, and the parameters to run it with.
#[derive(Clone, Debug)]
pub struct Planned {
    /// What to do.
    pub plan: Plan,
    /// Declared defaults overlaid by what was given; passwords are secrets.
    pub params: Params,
}

/// Plans `stream` of `document`, signing in by the way called `auth`; that may be left out where
/// there is only one, or none. A single `sourceSpec` answers to any name of a stream.
///
/// # Errors
/// An unknown stream, way to sign in or parameter; a missing or invalid parameter; something the
/// engine cannot do yet.
pub fn plan(
    document: &ConnectorDocument,
    stream: &str,
    auth: Option<&str>,
    params: &Params,
) -> Result<Planned, Vec<Diagnostic>> {
    let (source, at) = find(document, stream).map_err(|error| vec![error])?;
    let way = auth::choose(document, auth).map_err(|error| vec![error])?;
    let mut desk = Desk::new(format!("{at}/attributes"));
    let effective = params::effective(document, source, way.as_ref(), params, &mut desk.errors);
    let request = request::plan(&mut desk, source, params, &effective);
    let auth = auth::plan(&mut desk, way.as_ref());
    let stream = (connector_name(document), stream.to_owned());
    match draft(&mut desk, stream, source, request, auth) {
        Some(plan) if desk.errors.is_empty() => Ok(Planned {
            plan,
            params: effective,
        }),
        _ => Err(desk.errors),
    }
}

/// The stream called `name`, and where it stands.
fn find<'a>(
    document: &'a ConnectorDocument,
    name: &str,
) -> Result<(&'a SourceSpec, String), Diagnostic> {
    let source = document.stream(name).ok_or_else(|| {
        let known = document.streams.keys().map(String::as_str);
        Diagnostic::error(
            "E-stream",
            "/streams",
            format!("there is no stream `{name}`"),
        )
        .with_hint(suggest::hint(name, known))
    })?;
    let at = if document.streams.contains_key(name) {
        pointer::join("/streams", name)
    } else {
        "/sourceSpec".to_owned()
    };
    if source.is_generic() {
        let message =
            "this is a template whose `urlParams` the operator gives; that is not supported yet";
        return Err(Diagnostic::error("E-not-supported", at, message)
            .with_hint("write `urlParams` and the like into `attributes`"));
    }
    Ok((source, at))
}

fn draft(
    desk: &mut Desk,
    (connector, stream): (String, String),
    source: &SourceSpec,
    request: Option<RequestPlan>,
    auth: Option<AuthPlan>,
) -> Option<Plan> {
    let attributes = &source.attributes;
    let content = content::plan(desk, attributes);
    let (pagination, end) = paging::plan(desk, attributes.pagination_params.as_ref());
    let total = attributes
        .response_params
        .as_ref()
        .and_then(|r| r.total.as_deref());
    let total = total.and_then(|text| desk.parse("responseParams/total", text));
    let content = content?;
    let explode = content::explode(desk, attributes, &content);
    let columns = columns::declared(source.schema.as_ref(), &content, explode.as_ref());
    let params = attributes.pagination_params.as_ref();
    Some(Plan {
        connector,
        stream,
        request: request?,
        auth: auth?,
        content,
        explode,
        pagination: pagination?,
        end,
        delay_ms: params.and_then(|p| p.delay_request_millis).unwrap_or(0),
        maximum_request: params.and_then(|p| p.maximum_request),
        total,
        schedule: None,
        rules: Vec::new(),
        partitions: Vec::new(),
        columns,
    })
}

fn connector_name(document: &ConnectorDocument) -> String {
    let name = document.id.as_ref().or(document.name.as_ref());
    name.map_or_else(|| "rest".to_owned(), Clone::clone)
}

/// Where a plan is drawn up: reads expressions, and keeps what is wrong with them.
struct Desk {
    /// Pointer of the stream's `attributes`.
    at: String,
    errors: Vec<Diagnostic>,
}

impl Desk {
    fn new(at: String) -> Self {
        let errors = Vec::new();
        Self { at, errors }
    }

    fn fail(&mut self, code: &'static str, below: &str, message: impl Into<String>) {
        let at = format!("{}/{below}", self.at);
        self.errors.push(Diagnostic::error(code, at, message));
    }

    fn parse<T: FromStr<Err = ExprError>>(&mut self, below: &str, text: &str) -> Option<T> {
        text.parse()
            .map_err(|error: ExprError| self.fail("E-expression", below, error.to_string()))
            .ok()
    }

    fn template(&mut self, below: &str, text: &str) -> Option<Template> {
        if is_scheduled(text) {
            let message =
                format!("`{text}` holds a schedule expression; these are not evaluated yet");
            self.fail("E-not-supported", below, message);
            return None;
        }
        self.parse(below, text)
    }

    /// A key that the strict form leaves optional, but its neighbours need.
    fn need<T>(&mut self, below: &str, value: Option<T>) -> Option<T> {
        if value.is_none() {
            self.fail("E-missing-key", below, "this key is missing");
        }
        value
    }
}
