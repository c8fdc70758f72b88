//! How one page leads to the next: a strategy for each pagination kind, value in, value out.
//!
//! A strategy never sends anything and remembers nothing. From a [`Position`] it says what the
//! request carries; from the position and what was [`Seen`] on the page it says what comes next.
//! So every strategy can be resumed anywhere, and tried without a server. Termination is not a
//! strategy's business: `guard` catches the loops of servers that repeat themselves.
//!
//! A new kind is a file here, a variant of `PaginationPlan` and a line in [`of`].

mod continuation_token;
pub(crate) mod custom;
mod link_header;
mod none;
mod offset;
mod page;
mod pointer;
mod range;

use std::collections::BTreeMap;

use serde_json::Value;
use tapline_core::{EndSignal, Error, ErrorKind, Position, Result};
use tapline_expr::{Condition, Observed, Selector};
use tapline_spec::{PaginationPlan, Plan};

/// A pagination kind.
pub trait Paginator: Send + Sync {
    /// Where the first request starts.
    fn first(&self) -> Position;

    /// What the request at `position` carries besides what all have in common.
    ///
    /// # Errors
    /// The position is not one of this kind: it was stored by another version of the spec.
    fn request(&self, position: &Position) -> Result<Addition>;

    /// What follows the page at `position`.
    fn next(&self, position: &Position, page: &dyn Seen) -> Next;

    /// Where the page after the one at `position` starts, if that can be known before its answer:
    /// from `page`, an earlier one, and the `total` of records that it names. The page need not be
    /// there. `None`: only an answer tells, or there is no more.
    fn ahead(&self, _: &Position, _: &dyn Seen, _: Option<u64>) -> Option<Position> {
        None
    }

    /// How many records a source has to pass over for the page at `position`; `None`: it is not found
    /// by number.
    fn before(&self, _: &Position) -> Option<u64> {
        None
    }

    /// What [`Paginator::next`] reads from a response, so that it is located beforehand.
    fn reads(&self) -> Vec<Selector> {
        Vec::new()
    }
}

/// What a page showed.
pub trait Seen {
    /// Whether the content array held no record.
    fn is_empty(&self) -> bool;

    /// What `selector` found; only those announced by [`Paginator::reads`] can be asked for.
    fn value(&self, selector: &Selector) -> Observed<'_>;

    /// All headers called `name` (lower case), in order.
    fn headers(&self, name: &str) -> Vec<&str>;
}

/// What follows a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Another page.
    More(Position),
    /// Nothing.
    Done(EndSignal),
    /// Nobody knows: what stands here is neither a link or token nor nothing.
    Unreadable(Selector),
}

/// What a request carries for its pagination.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addition {
    /// Values for placeholders of that name, wherever those stand.
    pub params: BTreeMap<String, String>,
    /// Replaces the whole URL, query included; absolute, or relative to the last request's.
    pub url: Option<String>,
    /// Query parameters.
    pub query: Vec<(String, String)>,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// Members of the JSON body.
    pub body: Vec<(String, Value)>,
}

impl Addition {
    fn query(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        Self {
            query: pairs.into_iter().collect(),
            ..Self::default()
        }
    }
}

/// The strategy of `plan`, its end condition included.
pub fn of(plan: &Plan) -> Box<dyn Paginator> {
    let kind: Box<dyn Paginator> = match &plan.pagination {
        PaginationPlan::None => Box::new(none::None),
        PaginationPlan::Offset {
            limit_name,
            limit,
            offset_name,
            first,
        } => Box::new(offset::Offset {
            limit_name: limit_name.clone(),
            limit: *limit,
            offset_name: offset_name.clone(),
            first: *first,
        }),
        PaginationPlan::Page {
            limit,
            page_name,
            first,
            last,
        } => Box::new(page::Page {
            limit: limit.clone(),
            page_name: page_name.clone(),
            first: *first,
            last: last.clone(),
        }),
        PaginationPlan::Range {
            name,
            first,
            last,
            step,
        } => Box::new(range::Range {
            name: name.clone(),
            first: *first,
            last: *last,
            step: *step,
        }),
        PaginationPlan::Pointer { limit, pointer } => Box::new(pointer::Pointer {
            limit: limit.clone(),
            pointer: pointer.clone(),
        }),
        PaginationPlan::ContinuationToken { limit, tokens } => {
            Box::new(continuation_token::ContinuationToken {
                limit: limit.clone(),
                tokens: tokens.clone(),
            })
        }
        PaginationPlan::LinkHeader { limit, relation } => Box::new(link_header::LinkHeader {
            limit: limit.clone(),
            relation: relation.clone(),
        }),
    };
    let kind = match &plan.end {
        Some(end) => Box::new(WithEnd {
            kind,
            end: end.clone(),
        }),
        None => kind,
    };
    match plan.maximum_records {
        Some(most) => Box::new(WithMost { kind, most }),
        None => kind,
    }
}

/// Any kind, ended also by `endConditionName` and `endConditionValue`.
struct WithEnd {
    kind: Box<dyn Paginator>,
    end: tapline_spec::EndPlan,
}

impl Paginator for WithEnd {
    fn first(&self) -> Position {
        self.kind.first()
    }

    fn request(&self, position: &Position) -> Result<Addition> {
        self.kind.request(position)
    }

    fn next(&self, position: &Position, page: &dyn Seen) -> Next {
        if self.end.condition.met(page.value(&self.end.selector)) {
            return Next::Done(EndSignal::EndCondition);
        }
        self.kind.next(position, page)
    }

    fn ahead(&self, position: &Position, page: &dyn Seen, total: Option<u64>) -> Option<Position> {
        self.kind.ahead(position, page, total)
    }

    fn before(&self, position: &Position) -> Option<u64> {
        self.kind.before(position)
    }

    fn reads(&self) -> Vec<Selector> {
        let mut reads = self.kind.reads();
        reads.push(self.end.selector.clone());
        reads
    }
}

/// Any kind, of a source that gives only so many records for one question, and refuses what is
/// beyond. Whether these were all, is not decided here.
struct WithMost {
    kind: Box<dyn Paginator>,
    most: u64,
}

impl WithMost {
    fn gives(&self, position: &Position) -> bool {
        let before = self.kind.before(position);
        before.is_none_or(|before| before < self.most)
    }
}

impl Paginator for WithMost {
    fn first(&self) -> Position {
        self.kind.first()
    }

    fn request(&self, position: &Position) -> Result<Addition> {
        self.kind.request(position)
    }

    fn next(&self, position: &Position, page: &dyn Seen) -> Next {
        match self.kind.next(position, page) {
            Next::More(next) if !self.gives(&next) => Next::Done(EndSignal::Most),
            next => next,
        }
    }

    fn ahead(&self, position: &Position, page: &dyn Seen, total: Option<u64>) -> Option<Position> {
        let next = self.kind.ahead(position, page, total)?;
        self.gives(&next).then_some(next)
    }

    fn before(&self, position: &Position) -> Option<u64> {
        self.kind.before(position)
    }

    fn reads(&self) -> Vec<Selector> {
        self.kind.reads()
    }
}

/// The text of a token, a link or a number: a JSON string without its quotes, a number or a
/// header as it is. `None` if it is absent, null, empty, or no scalar.
pub(crate) fn scalar(observed: Observed<'_>) -> Option<String> {
    let text = match observed {
        Observed::Absent => return None,
        Observed::Text(text) => text.trim().to_owned(),
        Observed::Json(json) => match serde_json::from_str(json) {
            Ok(serde_json::Value::String(text)) => text,
            Ok(serde_json::Value::Number(_)) => json.trim().to_owned(),
            _ => return None,
        },
    };
    (!text.is_empty()).then_some(text)
}

/// What follows a page that names the next one at `selector`. An object or a list there is no end:
/// most likely the path stops one step short of the link.
fn named(page: &dyn Seen, selector: &Selector, position: fn(String) -> Position) -> Next {
    let value = page.value(selector);
    match scalar(value) {
        Some(_) if page.is_empty() => Next::Done(EndSignal::EmptyPage),
        Some(text) => Next::More(position(text)),
        None if Condition::Empty.met(value) || value == Observed::Json("false") => {
            Next::Done(EndSignal::NoNext)
        }
        None => Next::Unreadable(selector.clone()),
    }
}

fn limit_pair(limit: Option<&(String, u64)>) -> Option<(String, String)> {
    limit.map(|(name, value)| (name.clone(), value.to_string()))
}

/// The request of a kind whose pages name the URL of the next one. The page size is sent once.
fn linked(kind: &str, limit: Option<&(String, u64)>, position: &Position) -> Result<Addition> {
    match position {
        Position::Start => Ok(Addition::query(limit_pair(limit))),
        Position::Url(url) => Ok(Addition {
            url: Some(url.clone()),
            ..Addition::default()
        }),
        other => Err(foreign(kind, other)),
    }
}

fn foreign(kind: &str, position: &Position) -> Error {
    Error::new(
        ErrorKind::Spec,
        "page",
        format!("the stored position ({position}) is not one of the pagination kind {kind}"),
    )
}

#[cfg(test)]
pub(crate) mod testing {
    //! A page as a list of values, for the tests of the strategies.

    use super::{Next, Observed, Paginator, Position, Seen, Selector};

    pub(crate) struct TestPage {
        pub(crate) empty: bool,
        pub(crate) values: Vec<(&'static str, &'static str)>,
    }

    impl Seen for TestPage {
        fn is_empty(&self) -> bool {
            self.empty
        }

        fn headers(&self, name: &str) -> Vec<&str> {
            let name = format!("headers.{name}");
            let all = self.values.iter().filter(|(key, _)| *key == name);
            all.map(|(_, value)| *value).collect()
        }

        fn value(&self, selector: &Selector) -> Observed<'_> {
            let name = selector.to_string();
            match self.values.iter().find(|(key, _)| *key == name) {
                None => Observed::Absent,
                Some((_, value)) if name.starts_with("headers.") => Observed::Text(value),
                Some((_, value)) => Observed::Json(value),
            }
        }
    }

    /// What comes after `position`, where `values` are what the last answer said.
    pub(crate) fn ahead(
        paginator: &dyn Paginator,
        position: &Position,
        values: &[(&'static str, &'static str)],
        total: Option<u64>,
    ) -> Option<Position> {
        let page = TestPage {
            empty: false,
            values: values.to_vec(),
        };
        paginator.ahead(position, &page, total)
    }

    /// What follows a page that holds records and `values`.
    pub(crate) fn next(
        paginator: &dyn Paginator,
        position: &Position,
        values: &[(&'static str, &'static str)],
    ) -> Next {
        let values = values.to_vec();
        paginator.next(
            position,
            &TestPage {
                empty: false,
                values,
            },
        )
    }

    /// What follows an empty page with `values`.
    pub(crate) fn next_empty(
        paginator: &dyn Paginator,
        position: &Position,
        values: &[(&'static str, &'static str)],
    ) -> Next {
        let values = values.to_vec();
        paginator.next(
            position,
            &TestPage {
                empty: true,
                values,
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use tapline_spec::EndPlan;

    use super::testing::{next, next_empty};
    use super::*;

    #[test]
    fn the_end_condition_goes_first_and_an_absent_path_is_no_constant() {
        let paginator = WithEnd {
            kind: Box::new(offset::Offset {
                limit_name: "limit".to_owned(),
                limit: 10,
                offset_name: "offset".to_owned(),
                first: 0,
            }),
            end: EndPlan {
                selector: "$.hasMore".parse().unwrap(),
                condition: "Const:false".parse().unwrap(),
            },
        };
        let start = paginator.first();
        let more = Next::More(Position::Offset(10));
        assert_eq!(next(&paginator, &start, &[("$.hasMore", "true")]), more);
        assert_eq!(next(&paginator, &start, &[]), more);
        assert_eq!(
            next(&paginator, &start, &[("$.hasMore", "false")]),
            Next::Done(EndSignal::EndCondition)
        );
        assert_eq!(
            next_empty(&paginator, &start, &[]),
            Next::Done(EndSignal::EmptyPage)
        );
    }

    #[test]
    fn scalars_are_read_without_their_quotes() {
        assert_eq!(
            scalar(Observed::Json("\"a\\u0041\"")),
            Some("aA".to_owned())
        );
        assert_eq!(
            scalar(Observed::Json("12345678901234567890123")).as_deref(),
            Some("12345678901234567890123")
        );
        for nothing in ["null", "\"\"", "{}", "[1]", "false"] {
            assert_eq!(scalar(Observed::Json(nothing)), None, "{nothing}");
        }
    }
}
