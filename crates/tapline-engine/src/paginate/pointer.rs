//! POINTER: the response holds the URL of the next page, absolute or relative. It ends where the
//! link is absent, null or empty, or with an empty page. The page size is sent once: a next link
//! already says all that its server needs.

use tapline_core::{Position, Result};
use tapline_expr::Selector;

use super::{Addition, Next, Paginator, Seen, linked, named};

pub(super) struct Pointer {
    pub(super) limit: Option<(String, u64)>,
    pub(super) pointer: Selector,
}

impl Paginator for Pointer {
    fn first(&self) -> Position {
        Position::Start
    }

    fn request(&self, position: &Position) -> Result<Addition> {
        linked("POINTER", self.limit.as_ref(), position)
    }

    fn next(&self, _: &Position, page: &dyn Seen) -> Next {
        named(page, &self.pointer, Position::Url)
    }

    fn reads(&self) -> Vec<Selector> {
        vec![self.pointer.clone()]
    }
}

#[cfg(test)]
mod tests {
    use tapline_core::EndSignal;

    use super::super::testing::{next, next_empty};
    use super::*;

    #[test]
    fn the_link_is_followed_until_there_is_none() {
        let pointer = Pointer {
            limit: Some(("size".to_owned(), 9)),
            pointer: "paging.next".parse().unwrap(),
        };
        let start = pointer.first();
        let link = [("$.paging.next", "\"/p?x=2\"")];
        let url = Position::Url("/p?x=2".to_owned());
        assert_eq!(next(&pointer, &start, &link), Next::More(url.clone()));
        assert_eq!(
            next_empty(&pointer, &start, &link),
            Next::Done(EndSignal::EmptyPage)
        );
        for end in ["null", "\"\"", "false", "{}", "[ ]"] {
            assert_eq!(
                next(&pointer, &start, &[("$.paging.next", end)]),
                Next::Done(EndSignal::NoNext)
            );
        }
        for wrong in [r#"{"href":"/p"}"#, "[1]", "true", r#""\ud83d""#] {
            assert_eq!(
                next(&pointer, &start, &[("$.paging.next", wrong)]),
                Next::Unreadable(pointer.pointer.clone())
            );
        }
        assert_eq!(
            pointer.request(&start).unwrap().query,
            [("size".to_owned(), "9".to_owned())]
        );
        assert_eq!(
            pointer.request(&url).unwrap(),
            Addition {
                url: Some("/p?x=2".to_owned()),
                ..Addition::default()
            }
        );
    }
}
