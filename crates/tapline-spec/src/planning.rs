//! From a document to the [`Plan`] of one of its streams.

mod auth;
mod columns;
mod content;
mod incremental;
mod lineage;
mod overlay;
mod paging;
mod params;
mod partitions;
mod rate;
mod request;
mod rules;
mod schedule;

use std::collections::BTreeMap;
use std::str::FromStr;

use tapline_expr::{ExprError, Template};

use crate::{
    AuthSpec, ColumnPlan, ConnectorDocument, Diagnostic, Params, Plan, SourceSpec, pointer, suggest,
};
use lineage::Member;

pub(crate) use overlay::KEYS as OPERATOR_KEYS;

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
    let way = auth::choose(document, auth).map_err(|error| vec![error])?;
    let lineage = lineage::of(document, stream, params)?;
    let sources: Vec<&SourceSpec> = lineage.iter().map(|member| &member.source).collect();
    let mut errors = Vec::new();
    let effective = params::effective(document, &sources, way.as_ref(), params, &mut errors);
    let inputs = Inputs {
        connector: connector_name(document),
        way: way.as_ref(),
        given: params,
        params: &effective,
    };
    let mut plans = BTreeMap::new();
    for member in &lineage {
        let mut desk = Desk::new(format!("{}/attributes", member.at), errors);
        if let Some(plan) = draft(&mut desk, &inputs, member, &plans) {
            plans.insert(member.name.clone(), plan);
        }
        errors = desk.errors;
    }
    match plans.remove(stream) {
        Some(plan) if errors.is_empty() => Ok(Planned {
            plan,
            params: effective,
        }),
        _ => Err(errors),
    }
}

/// What every stream of one plan shares.
struct Inputs<'a> {
    connector: String,
    way: Option<&'a AuthSpec>,
    /// What the operator gave.
    given: &'a Params,
    /// Declared defaults overlaid by that.
    params: &'a Params,
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
    Ok((source, at))
}

fn draft(
    desk: &mut Desk,
    inputs: &Inputs<'_>,
    member: &Member,
    parents: &BTreeMap<String, Plan>,
) -> Option<Plan> {
    let attributes = &member.source.attributes;
    let request = request::plan(desk, &member.source, inputs.given, inputs.params);
    let auth = auth::plan(desk, inputs.way);
    let content = content::plan(desk, attributes);
    let (pagination, end) = paging::plan(desk, attributes.pagination_params.as_ref());
    let total = attributes
        .response_params
        .as_ref()
        .and_then(|r| r.total.as_deref());
    let total = total.and_then(|text| desk.parse("responseParams/total", text));
    let schedule = attributes.schedule_params.as_ref();
    let schedule = schedule.and_then(|params| schedule::plan(desk, params));
    let incremental = attributes.incremental_params.as_ref();
    let incremental = incremental.map(incremental::plan);
    let rate = attributes.rate_params.as_ref().map(rate::plan);
    let rules = rules::plan(desk, attributes);
    let partitions = partitions::plan(desk, &attributes.partition_params, parents);
    let content = content?;
    let explode = content::explode(desk, attributes, &content);
    let columns = columns::declared(member.source.schema.as_ref(), &content, explode.as_ref());
    let params = attributes.pagination_params.as_ref();
    Some(Plan {
        connector: inputs.connector.clone(),
        stream: member.name.clone(),
        request: request?,
        auth: auth?,
        content,
        explode,
        pagination: pagination?,
        end,
        delay_ms: params.and_then(|p| p.delay_request_millis).unwrap_or(0),
        maximum_request: params.and_then(|p| p.maximum_request),
        maximum_records: params.and_then(|p| p.maximum_records),
        total,
        schedule,
        incremental,
        rate,
        rules,
        partitions,
        columns,
    })
}

/// The columns that the stream's `schema` declares.
pub(crate) fn columns(source: &SourceSpec) -> Vec<ColumnPlan> {
    let mut desk = Desk::new(String::new(), Vec::new());
    let Some(content) = content::plan(&mut desk, &source.attributes) else {
        return Vec::new();
    };
    let explode = content::explode(&mut desk, &source.attributes, &content);
    columns::declared(source.schema.as_ref(), &content, explode.as_ref())
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
    fn new(at: String, errors: Vec<Diagnostic>) -> Self {
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
