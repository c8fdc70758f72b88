//! The body of a request: a text, or JSON into which the pagination may put its tokens.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use tapline_core::{Body, Result};
use tapline_expr::{Context, Encoding, Template};
use tapline_spec::BodyPlan;

use super::{expression, invalid, render};
use crate::paginate::Addition;

/// Where a body stands, for messages.
const PLACE: &str = "the body";

/// The body of `plan` with what the pagination has in `addition` for it.
pub(super) fn build(
    plan: Option<&BodyPlan>,
    context: Context<'_>,
    addition: &Addition,
) -> Result<Body> {
    let added = &addition.body;
    let body = match plan {
        None if added.is_empty() => return Ok(Body::Empty),
        None => Value::Object(Map::new()),
        Some(BodyPlan::Json(value)) => fill(value, context, &addition.params)?,
        Some(BodyPlan::Text(_)) if !added.is_empty() => {
            let message = "a token cannot be put into a body that is a text: write it as JSON";
            return Err(invalid(message.to_owned()));
        }
        Some(BodyPlan::Text(template)) => {
            let text = render(template, context, Encoding::Plain, PLACE)?;
            return Ok(Body::Bytes(text.into()));
        }
    };
    let body = added.iter().try_fold(body, |mut body, (name, value)| {
        set(&mut body, name, value)?;
        Ok::<_, tapline_core::Error>(body)
    })?;
    Ok(Body::Bytes(body.to_string().into()))
}

/// `value` with every string in it rendered as a template. A number of the pagination is a number, if
/// nothing else stands there.
fn fill(value: &Value, context: Context<'_>, numbers: &BTreeMap<String, String>) -> Result<Value> {
    Ok(match value {
        Value::String(text) => {
            if let Some(number) = alone(text, numbers) {
                return Ok(number);
            }
            let template: Template = text.parse().map_err(expression)?;
            Value::String(render(&template, context, Encoding::Plain, PLACE)?)
        }
        Value::Array(items) => items
            .iter()
            .map(|item| fill(item, context, numbers))
            .collect::<Result<_>>()?,
        Value::Object(members) => members
            .iter()
            .map(|(key, item)| Ok((key.clone(), fill(item, context, numbers)?)))
            .collect::<Result<_>>()?,
        scalar => scalar.clone(),
    })
}

/// The one of `numbers` whose placeholder is all of `text`.
fn alone(text: &str, numbers: &BTreeMap<String, String>) -> Option<Value> {
    let name = text.trim().strip_prefix("${")?.strip_suffix('}')?;
    serde_json::from_str(numbers.get(name.trim())?).ok()
}

/// Sets the member of `body` that the dotted `name` leads to. Objects on the way are made.
fn set(body: &mut Value, name: &str, value: &Value) -> Result<()> {
    let mut place = body;
    for key in name.split('.') {
        let members = match place {
            Value::Object(members) => members,
            _ => return Err(invalid(format!("`{name}` leads to no object in the body"))),
        };
        let empty = || Value::Object(Map::new());
        place = members.entry(key).or_insert_with(empty);
    }
    *place = value.clone();
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tapline_core::Param;

    use super::*;

    #[track_caller]
    fn check(plan: Option<BodyPlan>, added: &[(&str, Value)], expected: Result<&str, &str>) {
        let added = added.iter();
        let addition = Addition {
            body: added
                .map(|(name, value)| ((*name).to_owned(), value.clone()))
                .collect(),
            ..Addition::default()
        };
        match (
            build(plan.as_ref(), Context::default(), &addition),
            expected,
        ) {
            (Ok(Body::Bytes(body)), Ok(expected)) => assert_eq!(body, expected),
            (Ok(Body::Empty), Ok(expected)) => assert_eq!("", expected),
            (Err(error), Err(expected)) => {
                assert!(error.to_string().contains(expected), "{error}");
            }
            (built, expected) => panic!("{built:?} is not {expected:?}"),
        }
    }

    #[test]
    fn tokens_become_members_of_the_body() {
        let json = |value| Some(BodyPlan::Json(value));
        let key = ("start", json!({"S": "7"}));
        check(None, &[], Ok(""));
        check(
            None,
            std::slice::from_ref(&key),
            Ok(r#"{"start":{"S":"7"}}"#),
        );
        check(
            json(json!({"Limit": 2, "start": null})),
            &[key],
            Ok(r#"{"Limit":2,"start":{"S":"7"}}"#),
        );
        let deep = ("page.after.id", json!(7));
        check(
            json(json!({"page": {"size": 2}})),
            std::slice::from_ref(&deep),
            Ok(r#"{"page":{"size":2,"after":{"id":7}}}"#),
        );
        let wrong = "leads to no object";
        check(json(json!([1])), std::slice::from_ref(&deep), Err(wrong));
        check(
            json(json!({"page": 1})),
            std::slice::from_ref(&deep),
            Err(wrong),
        );
        let text = Some(BodyPlan::Text("a=b".parse().unwrap()));
        check(text.clone(), &[], Ok("a=b"));
        check(text, &[deep], Err("a body that is a text"));
    }

    #[test]
    fn a_number_that_stands_alone_is_a_number() {
        let params = [("n".to_owned(), Param::Plain("7".to_owned()))];
        let params = params.into_iter().collect();
        let context = Context {
            params: &params,
            ..Context::default()
        };
        let addition = Addition {
            params: [("n".to_owned(), "7".to_owned())].into(),
            ..Addition::default()
        };
        let body = json!({"from": "${n}", "after": ["a${n}"]});
        let Ok(Body::Bytes(body)) = build(Some(&BodyPlan::Json(body)), context, &addition) else {
            panic!("no body");
        };
        assert_eq!(body, r#"{"from":7,"after":["a7"]}"#);
    }
}
