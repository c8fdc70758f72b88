//! Builds the request of a page: what all have in common, and what the pagination adds.

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::Value;
use tapline_core::{Body, Error, ErrorKind, Params, Purpose, Request, Result};
use tapline_expr::{Context, Encoding, ExprError, Template};
use tapline_spec::{BodyPlan, RequestMethod, RequestPlan};
use url::Url;

use crate::paginate::Addition;

/// The request of the page that `addition` describes. `last` is the URL of the page before, to
/// which a relative next link is resolved.
///
/// # Errors
/// A placeholder has no value, or what comes out is no URL or no header.
pub(crate) fn build(
    plan: &RequestPlan,
    params: &Params,
    addition: &Addition,
    last: Option<&Url>,
) -> Result<Request> {
    let context = Context { params };
    let url = match &addition.url {
        Some(next) => follow(plan, context, next, last)?,
        None => first_url(plan, context, addition)?,
    };
    Ok(Request {
        method: match plan.method {
            RequestMethod::Get => Method::GET,
            RequestMethod::Post => Method::POST,
        },
        url,
        headers: headers(plan, context, addition)?,
        body: body(plan, context)?,
        purpose: Purpose::Page,
    })
}

/// Scheme, host and path of the stream, without a query: what relative links are resolved to.
///
/// # Errors
/// A placeholder has no value, or what comes out is no URL.
pub fn base_url(plan: &RequestPlan, params: &Params) -> Result<Url> {
    let context = Context { params };
    let host = render(&plan.host, context, Encoding::Host)?;
    let path = render(&plan.path, context, Encoding::PathSegment)?;
    let text = format!(
        "{}/{}",
        host.trim_end_matches('/'),
        path.trim_start_matches('/')
    );
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

fn first_url(plan: &RequestPlan, context: Context<'_>, addition: &Addition) -> Result<Url> {
    let mut url = base_url(plan, context.params)?;
    if !plan.query.is_empty() || !addition.query.is_empty() {
        let mut pairs = url.query_pairs_mut();
        for (name, template) in &plan.query {
            pairs.append_pair(name, &render(template, context, Encoding::Plain)?);
        }
        pairs.extend_pairs(&addition.query);
    }
    Ok(url)
}

fn follow(plan: &RequestPlan, context: Context<'_>, next: &str, last: Option<&Url>) -> Result<Url> {
    let base = match last {
        Some(last) => last.clone(),
        None => base_url(plan, context.params)?,
    };
    base.join(next).map_err(|error| {
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
        insert(
            &mut headers,
            name,
            &render(template, context, Encoding::Header)?,
        )?;
    }
    for (name, value) in &addition.headers {
        insert(&mut headers, name, value)?;
    }
    if matches!(plan.body, Some(BodyPlan::Json(_))) && !headers.contains_key("content-type") {
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

fn body(plan: &RequestPlan, context: Context<'_>) -> Result<Body> {
    Ok(match &plan.body {
        None => Body::Empty,
        Some(BodyPlan::Text(template)) => {
            Body::Bytes(render(template, context, Encoding::Plain)?.into())
        }
        Some(BodyPlan::Json(value)) => Body::Bytes(fill(value, context)?.to_string().into()),
    })
}

/// `value` with every string in it rendered as a template.
fn fill(value: &Value, context: Context<'_>) -> Result<Value> {
    Ok(match value {
        Value::String(text) => {
            let template: Template = text.parse().map_err(expression)?;
            Value::String(render(&template, context, Encoding::Plain)?)
        }
        Value::Array(items) => items
            .iter()
            .map(|item| fill(item, context))
            .collect::<Result<_>>()?,
        Value::Object(members) => members
            .iter()
            .map(|(key, item)| Ok((key.clone(), fill(item, context)?)))
            .collect::<Result<_>>()?,
        scalar => scalar.clone(),
    })
}

fn render(template: &Template, context: Context<'_>, encoding: Encoding) -> Result<String> {
    template.render(context, encoding).map_err(expression)
}

fn expression(error: ExprError) -> Error {
    invalid(error.to_string())
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::Spec, "build request", message)
}

#[cfg(test)]
mod tests {
    use tapline_core::Param;

    use super::*;

    fn plan() -> RequestPlan {
        RequestPlan {
            host: "https://${dc}.example.com/v3/".parse().unwrap(),
            path: "/lists/${id}".parse().unwrap(),
            method: RequestMethod::Post,
            query: vec![("filter[type]".to_owned(), "a b&${id}".parse().unwrap())],
            headers: vec![("x-id".to_owned(), "${id}".parse().unwrap())],
            body: Some(BodyPlan::Json(
                serde_json::json!({"q": ["select '${id}'", 1]}),
            )),
        }
    }

    fn params(id: &str) -> Params {
        [("dc", "us1"), ("id", id)]
            .map(|(name, value)| (name, Param::Plain(value.to_owned())))
            .into_iter()
            .collect()
    }

    #[test]
    fn everything_stands_in_its_own_encoding() {
        let addition = Addition {
            query: vec![("page[after]".to_owned(), "t=1".to_owned())],
            headers: vec![("x-token".to_owned(), "t".to_owned())],
            ..Addition::default()
        };
        let request = build(&plan(), &params("a/b"), &addition, None).unwrap();
        assert_eq!(
            request.url.as_str(),
            "https://us1.example.com/v3/lists/a%2Fb?filter%5Btype%5D=a+b%26a%2Fb&page%5Bafter%5D=t%3D1"
        );
        assert_eq!(request.headers["x-id"], "a/b");
        assert_eq!(request.headers["x-token"], "t");
        assert_eq!(request.headers["content-type"], "application/json");
        let Body::Bytes(body) = request.body else {
            panic!("no body")
        };
        assert_eq!(body, r#"{"q":["select 'a/b'",1]}"#);
    }

    #[test]
    fn next_links_may_be_relative() {
        let cases = [
            ("?page=2", "https://us1.example.com/v3/lists/7?page=2"),
            ("/other", "https://us1.example.com/other"),
            ("https://elsewhere.org/x", "https://elsewhere.org/x"),
        ];
        let last: Url = "https://us1.example.com/v3/lists/7?page=1".parse().unwrap();
        for (link, expected) in cases {
            let addition = Addition {
                url: Some(link.to_owned()),
                ..Addition::default()
            };
            for last in [Some(&last), None] {
                let request = build(&plan(), &params("7"), &addition, last).unwrap();
                assert_eq!(request.url.as_str(), expected);
            }
        }
    }

    #[test]
    fn what_cannot_be_sent_says_why() {
        let missing = build(&plan(), &Params::default(), &Addition::default(), None);
        assert_eq!(
            missing.unwrap_err().to_string(),
            "build request: no value for `${dc}`; known parameters: none"
        );
        let control = build(&plan(), &params("a\nb"), &Addition::default(), None);
        assert_eq!(
            control.unwrap_err().to_string(),
            "build request: the value of `${id}` holds a control character"
        );
    }
}
