//! CONTINUATION_TOKEN: the response holds a token that the next request carries, in its query, in
//! a header or in its body; or several tokens, or an object whose members all go along. It ends
//! where every token is absent, null or empty, or with an empty page: Zendesk still sends a token
//! with its last page, and an empty page after it.

use serde_json::Value;
use tapline_core::{EndSignal, Position, Result};
use tapline_expr::{Condition, Observed};
use tapline_spec::{TokenLocation, TokenPlan};

use super::{Addition, Next, Paginator, Seen, foreign, limit_pair, named, scalar};

pub(super) struct ContinuationToken {
    pub(super) limit: Option<(String, u64)>,
    pub(super) tokens: Vec<TokenPlan>,
}

impl Paginator for ContinuationToken {
    fn first(&self) -> Position {
        Position::Start
    }

    fn request(&self, position: &Position) -> Result<Addition> {
        let mut addition = Addition::query(limit_pair(self.limit.as_ref()));
        match (position, self.tokens.as_slice()) {
            (Position::Start, _) => {}
            (Position::Token(text), [token]) => {
                carry(&mut addition, token, Value::String(text.clone()));
            }
            (Position::Tokens(texts), tokens) if texts.len() == tokens.len() => {
                for (token, text) in tokens.iter().zip(texts) {
                    let value = serde_json::from_str(text);
                    let value = value.map_err(|_| foreign("CONTINUATION_TOKEN", position))?;
                    carry(&mut addition, token, value);
                }
            }
            _ => return Err(foreign("CONTINUATION_TOKEN", position)),
        }
        Ok(addition)
    }

    fn next(&self, _: &Position, page: &dyn Seen) -> Next {
        match self.tokens.as_slice() {
            [token] if self.is_text(token) => named(page, &token.selector, Position::Token),
            tokens => together(tokens, page),
        }
    }

    fn reads(&self) -> Vec<tapline_expr::Selector> {
        let selectors = self.tokens.iter().map(|token| token.selector.clone());
        selectors.collect()
    }
}

impl ContinuationToken {
    /// Whether `token` is a text whatever it looks like; an object's members and what goes into a
    /// body keep their types.
    fn is_text(&self, token: &TokenPlan) -> bool {
        token.name.is_some() && token.location != TokenLocation::Body
    }
}

/// What follows a page with several tokens, or with one that is no text.
fn together(tokens: &[TokenPlan], page: &dyn Seen) -> Next {
    let mut texts = Vec::with_capacity(tokens.len());
    for token in tokens {
        match value(token, page.value(&token.selector)) {
            Some(value) => texts.push(value),
            None => return Next::Unreadable(token.selector.clone()),
        }
    }
    if texts.iter().all(|text| text == "null") {
        return Next::Done(EndSignal::NoNext);
    }
    if page.is_empty() {
        return Next::Done(EndSignal::EmptyPage);
    }
    Next::More(Position::Tokens(texts))
}

/// The JSON text of a token; `null` where there is none, `None` where it is something else.
fn value(token: &TokenPlan, observed: Observed<'_>) -> Option<String> {
    let is_nothing = Condition::Empty.met(observed) || observed == Observed::Json("false");
    if is_nothing {
        return Some("null".to_owned());
    }
    let is_whole = token.name.is_some() && token.location == TokenLocation::Body;
    match observed {
        Observed::Json(json) if is_whole => Some(json.to_owned()),
        Observed::Json(json) if token.name.is_none() => {
            let members: Option<serde_json::Map<String, Value>> = serde_json::from_str(json).ok();
            members.map(|_| json.to_owned())
        }
        other => scalar(other).map(|text| Value::String(text).to_string()),
    }
}

/// Puts `value` where `token` says; nothing for `null`.
fn carry(addition: &mut Addition, token: &TokenPlan, value: Value) {
    match (&token.name, value) {
        (_, Value::Null) => {}
        (Some(name), value) => put(addition, token.location, name, value),
        (None, Value::Object(members)) => {
            for (name, value) in members {
                put(addition, token.location, &name, value);
            }
        }
        (None, _) => {}
    }
}

fn put(addition: &mut Addition, location: TokenLocation, name: &str, value: Value) {
    let name = name.to_owned();
    let text = |value: Value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    match location {
        TokenLocation::Query => addition.query.push((name, text(value))),
        TokenLocation::Header => addition.headers.push((name, text(value))),
        TokenLocation::Body => addition.body.push((name, value)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{next, next_empty};
    use super::*;

    fn token(selector: &str, location: TokenLocation, name: Option<&str>) -> TokenPlan {
        TokenPlan {
            selector: selector.parse().unwrap(),
            location,
            name: name.map(str::to_owned),
        }
    }

    fn paginator(tokens: &[TokenPlan]) -> ContinuationToken {
        ContinuationToken {
            limit: None,
            tokens: tokens.to_vec(),
        }
    }

    fn zendesk(location: TokenLocation) -> ContinuationToken {
        paginator(&[token("$.meta.after_cursor", location, Some("page[after]"))])
    }

    #[test]
    fn the_token_is_carried_until_there_is_none_or_the_page_is_empty() {
        let query = zendesk(TokenLocation::Query);
        let start = query.first();
        let page = [("$.meta.after_cursor", "\"eyJ\"")];
        let token = Position::Token("eyJ".to_owned());
        assert_eq!(next(&query, &start, &page), Next::More(token.clone()));
        assert_eq!(
            next_empty(&query, &token, &page),
            Next::Done(EndSignal::EmptyPage)
        );
        assert_eq!(
            next(&query, &token, &[("$.meta.after_cursor", "null")]),
            Next::Done(EndSignal::NoNext)
        );
    }

    #[test]
    fn the_token_goes_where_the_spec_says() {
        let token = Position::Token("t".to_owned());
        let pair = vec![("page[after]".to_owned(), "t".to_owned())];
        let query = zendesk(TokenLocation::Query).request(&token).unwrap();
        assert_eq!(query.query, pair);
        let header = zendesk(TokenLocation::Header).request(&token).unwrap();
        assert_eq!(header.headers, pair);
    }

    #[test]
    fn the_members_of_an_object_all_go_along() {
        let wiki = paginator(&[token("$.continue", TokenLocation::Query, None)]);
        let page = [("$.continue", r#"{"apcontinue":"B","n":2}"#)];
        let Next::More(position) = next(&wiki, &Position::Start, &page) else {
            panic!("no next page");
        };
        let pairs = [("apcontinue", "B"), ("n", "2")];
        let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(wiki.request(&position).unwrap().query, pairs);
        assert_eq!(next(&wiki, &position, &[]), Next::Done(EndSignal::NoNext));
        let text = [("$.continue", "\"B\"")];
        assert!(matches!(next(&wiki, &position, &text), Next::Unreadable(_)));
    }

    #[test]
    fn a_body_takes_the_value_as_it_is() {
        let key = token("$.Last", TokenLocation::Body, Some("Start"));
        let dynamo = paginator(&[key]);
        let page = [("$.Last", r#"{"id":{"S":"7"}}"#)];
        let Next::More(position) = next(&dynamo, &Position::Start, &page) else {
            panic!("no next page");
        };
        let body = dynamo.request(&position).unwrap().body;
        assert_eq!(
            body,
            [("Start".to_owned(), serde_json::json!({"id": {"S": "7"}}))]
        );
    }

    #[test]
    fn of_several_tokens_some_may_be_missing() {
        let names = ["headers.x-pk", "headers.x-rk"];
        let azure = paginator(&names.map(|name| token(name, TokenLocation::Query, Some(name))));
        let Next::More(position) = next(&azure, &Position::Start, &[("headers.x-pk", "a")]) else {
            panic!("no next page");
        };
        let query = azure.request(&position).unwrap().query;
        assert_eq!(query, [("headers.x-pk".to_owned(), "a".to_owned())]);
        assert!(azure.request(&Position::Tokens(Vec::new())).is_err());
    }
}
