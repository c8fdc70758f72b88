//! CONTINUATION_TOKEN: the response holds a token that the next request carries, in its query or
//! in a header. It ends where the token is absent, null or empty, or with an empty page: Zendesk
//! still sends a token with its last page, and an empty page after it.

use tapline_core::{Position, Result};
use tapline_expr::Selector;
use tapline_spec::KeyLocation;

use super::{Addition, Next, Paginator, Seen, foreign, limit_pair, named};

pub(super) struct ContinuationToken {
    pub(super) limit: Option<(String, u64)>,
    pub(super) token: Selector,
    pub(super) location: KeyLocation,
    pub(super) name: String,
}

impl Paginator for ContinuationToken {
    fn first(&self) -> Position {
        Position::Start
    }

    fn request(&self, position: &Position) -> Result<Addition> {
        let mut addition = Addition::query(limit_pair(self.limit.as_ref()));
        match position {
            Position::Start => {}
            Position::Token(token) => {
                let pair = (self.name.clone(), token.clone());
                match self.location {
                    KeyLocation::Query => addition.query.push(pair),
                    KeyLocation::Header => addition.headers.push(pair),
                }
            }
            other => return Err(foreign("CONTINUATION_TOKEN", other)),
        }
        Ok(addition)
    }

    fn next(&self, _: &Position, page: &dyn Seen) -> Next {
        named(page, &self.token, Position::Token)
    }

    fn reads(&self) -> Vec<Selector> {
        vec![self.token.clone()]
    }
}

#[cfg(test)]
mod tests {
    use tapline_core::EndSignal;

    use super::super::testing::{next, next_empty};
    use super::*;

    fn paginator(location: KeyLocation) -> ContinuationToken {
        ContinuationToken {
            limit: None,
            token: "$.meta.after_cursor".parse().unwrap(),
            location,
            name: "page[after]".to_owned(),
        }
    }

    #[test]
    fn the_token_is_carried_until_there_is_none_or_the_page_is_empty() {
        let query = paginator(KeyLocation::Query);
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
        assert_eq!(
            paginator(KeyLocation::Query).request(&token).unwrap().query,
            pair
        );
        assert_eq!(
            paginator(KeyLocation::Header)
                .request(&token)
                .unwrap()
                .headers,
            pair
        );
    }
}
