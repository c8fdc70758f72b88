//! NONE: the stream is one response.

use tapline_core::{EndSignal, Position, Result};

use super::{Addition, Next, Paginator, Seen, foreign};

pub(super) struct None;

impl Paginator for None {
    fn first(&self) -> Position {
        Position::Start
    }

    fn request(&self, position: &Position) -> Result<Addition> {
        match position {
            Position::Start => Ok(Addition::default()),
            other => Err(foreign("NONE", other)),
        }
    }

    fn next(&self, _: &Position, _: &dyn Seen) -> Next {
        Next::Done(EndSignal::SingleResponse)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::next;
    use super::*;

    #[test]
    fn one_response_is_all() {
        assert_eq!(
            next(&None, &None.first(), &[]),
            Next::Done(EndSignal::SingleResponse)
        );
        assert!(None.request(&Position::Page(1)).is_err());
    }
}
