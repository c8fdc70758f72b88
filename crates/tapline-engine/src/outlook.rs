//! How a slice begins: its first requests, as far as they are known before any answer.

use jiff::Timestamp;
use tapline_core::{Params, Position, Request, Result, Slice};
use tapline_expr::{Observed, Selector};
use tapline_spec::{PaginationPlan, Plan};

use crate::asking::{self, Asking, Bounds};
use crate::paginate::{self, Next, Paginator, Seen};

/// How a slice begins.
#[derive(Debug)]
pub struct Outlook {
    /// The first requests, in order; at least one. Nothing was sent.
    pub requests: Vec<Request>,
    /// What comes after them.
    pub then: Then,
}

/// What comes after the first requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// Nothing: they are all.
    Nothing,
    /// Requests that go on like them, until the source says that it was all.
    More,
    /// What the answer says.
    Answer,
    /// Nothing, because a run may send no more (`maximumRequest`).
    Limit,
}

/// The first requests of `slice`, as a reader sends them: at most `most`, and as many as can be
/// known before an answer.
///
/// # Errors
/// A request cannot be built.
pub fn outlook(
    plan: &Plan,
    params: &Params,
    slice: &Slice,
    now: Timestamp,
    most: usize,
) -> Result<Outlook> {
    let params = asking::params(params, slice);
    let bounds = Bounds::of(&slice.window, plan);
    let asking = Asking {
        plan,
        params: &params,
        bounds: &bounds,
        now,
    };
    let paginator = unending(plan);
    let limit = plan.maximum_request.unwrap_or(u64::MAX);
    let mut position = paginator.first();
    let mut requests = Vec::new();
    let then = loop {
        requests.push(asking.request(&paginator.request(&position)?, None)?);
        let then = match following(plan, &*paginator, &position) {
            Ok(next) => {
                position = next;
                Then::More
            }
            Err(then) => break then,
        };
        if requests.len() as u64 >= limit {
            break Then::Limit;
        }
        if requests.len() >= most {
            break then;
        }
    };
    Ok(Outlook { requests, then })
}

/// The pagination of `plan` without its end condition, which is about answers.
fn unending(plan: &Plan) -> Box<dyn Paginator> {
    paginate::of(&Plan {
        end: None,
        ..plan.clone()
    })
}

/// The position after `position`, if it can be known.
fn following(
    plan: &Plan,
    paginator: &dyn Paginator,
    position: &Position,
) -> Result<Position, Then> {
    match &plan.pagination {
        PaginationPlan::None => Err(Then::Nothing),
        PaginationPlan::Offset { .. }
        | PaginationPlan::Page { .. }
        | PaginationPlan::Range { .. } => match paginator.next(position, &AnyPage) {
            Next::More(next) => Ok(next),
            Next::Done(_) => Err(Then::Nothing),
            Next::Unreadable(_) => Err(Then::Answer),
        },
        PaginationPlan::Pointer { .. }
        | PaginationPlan::LinkHeader { .. }
        | PaginationPlan::ContinuationToken { .. } => Err(Then::Answer),
    }
}

/// A page of which nothing is known but that it holds records.
struct AnyPage;

impl Seen for AnyPage {
    fn is_empty(&self) -> bool {
        false
    }

    fn value(&self, _: &Selector) -> Observed<'_> {
        Observed::Absent
    }

    fn headers(&self, _: &str) -> Vec<&str> {
        Vec::new()
    }
}
