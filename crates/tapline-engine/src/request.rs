//! Builds the request of a page: what all have in common, what the time window adds, and what the
//! pagination adds.

mod body;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use tapline_core::{Error, ErrorKind, Params, Purpose, Request, Result};
use tapline_expr::{Bound, Context, Edge, Encoding, ExprError, Template};
use tapline_spec::{BodyPlan, BoundPlan, Plan, RequestMethod, RequestPlan};
use url::Url;

use crate::paginate::Addition;

/// The request of the page that `addition` describes. `last` is the URL of the page before, to
/// which a relative next link is resolved.
///
/// # Errors
/// A placeholder has no value, or what comes out is no URL or no header.
pub(crate) fn build(
    plan: &Plan,
    context: Context<'_>,
    addition: &Addition,
    last: Option<&Url>,
) -> Result<Request> {
    let request = &plan.request;
    let url = match &addition.url {
        Some(next) => with_pairs(follow(request, context, next, last)?, addition),
        None => first_url(plan, context, addition)?,
    };
    Ok(Request {
        method: match request.method {
            RequestMethod::Get => Method::GET,
            RequestMethod::Post => Method::POST,
        },
        url,
        headers: headers(request, context, addition)?,
        body: body::build(request.body.as_ref(), context, addition)?,
        purpose: Purpose::Page,
        judged: Vec::new(),
    })
}

/// Scheme and host of the stream, with what stands in the host's place of a path: where its
/// credentials go.
///
/// # Errors
/// A placeholder has no value, or what comes out is no URL.
pub fn base_url(plan: &RequestPlan, params: &Params) -> Result<Url> {
    let context = Context {
        params,
        ..Context::default()
    };
    let host = render(&plan.host, context, Encoding::Host, "the host")?;
    parse(plan, &host)
}

/// Scheme, host and path of the stream: what relative links are resolved to.
fn stream_url(plan: &RequestPlan, context: Context<'_>) -> Result<Url> {
    let host = render(&plan.host, context, Encoding::Host, "the host")?;
    let path = render(&plan.path, context, Encoding::PathSegment, "the path")?;
    let text = format!(
        "{}/{}",
        host.trim_end_matches('/'),
        path.trim_start_matches('/')
    );
    parse(plan, &text)
}

fn parse(plan: &RequestPlan, text: &str) -> Result<Url> {
    let url: Url = text
        .parse()
        .map_err(|error| invalid(format!("`{}{}` is no URL: {error}", plan.host, plan.path)))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(invalid(format!(
            "`{}` begins with `{}:`; only http and https are spoken",
            plan.host,
            url.scheme()
        )));
    }
    Ok(url)
}

fn first_url(plan: &Plan, context: Context<'_>, addition: &Addition) -> Result<Url> {
    let mut url = stream_url(&plan.request, context)?;
    let mut pairs = Vec::new();
    for (name, template) in &plan.request.query {
        // What the window lacks is not asked for.
        if template.lacks(&context).is_none() {
            pairs.push((
                name.clone(),
                render(template, context, Encoding::Plain, name)?,
            ));
        }
    }
    pairs.extend(bounds(plan, context));
    // A token that goes by the name of a parameter takes its place.
    pairs.retain(|(name, _)| addition.query.iter().all(|(added, _)| added != name));
    append(&mut url, &pairs);
    append(&mut url, &addition.query);
    Ok(url)
}

/// The query parameters with the bounds that the window has.
fn bounds(plan: &Plan, context: Context<'_>) -> impl Iterator<Item = (String, String)> {
    let schedule = plan.schedule.as_ref();
    let start = schedule.and_then(|schedule| schedule.start.as_ref());
    let end = schedule.and_then(|schedule| schedule.end.as_ref());
    let start = start.zip(context.window.start);
    let end = end.zip(context.window.end);
    let said = |side: Bound, (plan, edge): (&BoundPlan, Edge<'_>)| {
        (plan.name.clone(), edge.write(side, &plan.format))
    };
    let start = start.map(|start| said(Bound::Start, start));
    let end = end.map(|end| said(Bound::End, end));
    start.into_iter().chain(end)
}

/// `url` with the query of `addition`, whose parameters take the place of those it has.
fn with_pairs(mut url: Url, addition: &Addition) -> Url {
    if addition.query.is_empty() {
        return url;
    }
    let is_kept = |(name, _): &(String, String)| addition.query.iter().all(|(n, _)| n != name);
    let kept: Vec<_> = url.query_pairs().into_owned().filter(is_kept).collect();
    url.set_query(None);
    append(&mut url, &kept);
    append(&mut url, &addition.query);
    url
}

fn append(url: &mut Url, pairs: &[(String, String)]) {
    if !pairs.is_empty() {
        url.query_pairs_mut().extend_pairs(pairs);
    }
}

fn follow(plan: &RequestPlan, context: Context<'_>, next: &str, last: Option<&Url>) -> Result<Url> {
    match last {
        Some(last) => absolute(last, next),
        None => absolute(&stream_url(plan, context)?, next),
    }
}

/// Where `link` leads that stands on the page at `base` (RFC 3986, section 5).
///
/// # Errors
/// It is no reference to a URL.
pub(crate) fn absolute(base: &Url, link: &str) -> Result<Url> {
    base.join(link).map_err(|error| {
        Error::new(
            ErrorKind::Protocol,
            "follow next link",
            format!("the link is no URL: {error}"),
        )
    })
}

fn headers(plan: &RequestPlan, context: Context<'_>, addition: &Addition) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, template) in &plan.headers {
        let value = render(template, context, Encoding::Header, name)?;
        insert(&mut headers, name, &value)?;
    }
    for (name, value) in &addition.headers {
        insert(&mut headers, name, value)?;
    }
    let is_json = matches!(plan.body, Some(BodyPlan::Json(_))) || !addition.body.is_empty();
    if is_json && !headers.contains_key("content-type") {
        insert(&mut headers, "content-type", "application/json")?;
    }
    Ok(headers)
}

fn insert(headers: &mut HeaderMap, name: &str, value: &str) -> Result<()> {
    let header =
        HeaderName::try_from(name).map_err(|_| invalid(format!("`{name}` is no header name")))?;
    let value = HeaderValue::try_from(value).map_err(|_| {
        invalid(format!(
            "the value of header `{name}` holds a control character"
        ))
    })?;
    headers.insert(header, value);
    Ok(())
}

/// The text of `template`, which stands at `place`.
fn render(
    template: &Template,
    context: Context<'_>,
    encoding: Encoding,
    place: &str,
) -> Result<String> {
    if let Some(bound) = template.lacks(&context) {
        let (bound, flag) = match bound {
            Bound::Start => ("start", "--window-start"),
            Bound::End => ("end", "--window-end"),
        };
        return Err(invalid(format!(
            "`{template}` in {place} needs the window's {bound}, and this run has none: \
             give {flag}, or say in `scheduleParams` what a run without it asks for (`backfill`)"
        )));
    }
    template.render(context, encoding).map_err(expression)
}

fn expression(error: ExprError) -> Error {
    invalid(error.to_string())
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::Spec, "build request", message)
}

#[cfg(test)]
mod tests;
