//! What the requests of one slice are made from. Whether they are sent or only shown, they are
//! made here, so that a plan cannot say other than a run does.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::Timestamp;
use tapline_core::{Cursor, Param, Params, Position, Request, Result, Slice, Step, Window};
use tapline_expr::{Context, Edge, Span};
use tapline_spec::Plan;
use url::Url;

use crate::paginate::{Addition, Paginator};
use crate::{request, rules};

/// How far before its start a window is asked for, where what is at the start would be missing: all
/// formats can say that much.
const SECOND: Step = Step::Seconds(1);
/// The same of numbers.
const ONE: Step = Step::Count(1);

/// What the requests of one slice are made from.
#[derive(Clone, Copy)]
pub(crate) struct Asking<'a> {
    pub(crate) plan: &'a Plan,
    /// Those of the slice included.
    pub(crate) params: &'a Params,
    pub(crate) bounds: &'a Bounds,
    pub(crate) now: Timestamp,
}

/// The bounds of a window, as requests say them.
#[derive(Clone, Debug)]
pub(crate) struct Bounds {
    start: Option<Said>,
    end: Option<Said>,
}

#[derive(Clone, Debug)]
enum Said {
    Time(Timestamp),
    Text(String),
}

impl Bounds {
    /// Those of `window`, in the requests of `plan`. A source that leaves out what is at the start is
    /// asked for a little more; the rows that come of that are known by their cursor, and left out.
    pub(crate) fn of(window: &Window, plan: &Plan) -> Self {
        let is_exclusive = plan.schedule.as_ref().is_some_and(|s| s.start_exclusive);
        let start = window.start.as_ref().map(|start| match start {
            _ if !is_exclusive => start.clone(),
            Cursor::Timestamp(_) => start.minus(SECOND).unwrap_or_else(|| start.clone()),
            other => other.minus(ONE).unwrap_or_else(|| other.clone()),
        });
        let said = |bound: &Option<Cursor>| {
            bound.as_ref().map(|bound| match bound {
                Cursor::Timestamp(at) => Said::Time(*at),
                other => Said::Text(other.to_string()),
            })
        };
        Self {
            start: said(&start),
            end: said(&window.end),
        }
    }

    fn span(&self) -> Span<'_> {
        Span {
            start: self.start.as_ref().map(Said::edge),
            end: self.end.as_ref().map(Said::edge),
        }
    }
}

impl Said {
    fn edge(&self) -> Edge<'_> {
        match self {
            Self::Time(at) => Edge::Time(*at),
            Self::Text(text) => Edge::Text(text),
        }
    }
}

impl<'a> Asking<'a> {
    /// What is known beside the answers.
    pub(crate) fn context(&self) -> Context<'a> {
        Context {
            params: self.params,
            schedule: self.plan.schedule.as_ref().map(|plan| &plan.texts),
            window: self.bounds.span(),
            now: self.now,
            response: None,
        }
    }

    /// The parameters of the page at `position`, those that only this page has included.
    pub(crate) fn params_at(
        &self,
        paginator: &dyn Paginator,
        position: &Position,
    ) -> Cow<'a, Params> {
        // What the connector itself says of a position is no parameter.
        let addition = paginator.request(position).unwrap_or_default();
        with(self.params, &addition.params)
    }

    /// The request of the page that `addition` describes. `last` is the URL of the page before.
    ///
    /// # Errors
    /// A placeholder has no value, or what comes out is no URL or no header.
    pub(crate) fn request(&self, addition: &Addition, last: Option<&Url>) -> Result<Request> {
        let params = with(self.params, &addition.params);
        let context = Context {
            params: &params,
            ..self.context()
        };
        let mut request = request::build(self.plan, context, addition, last)?;
        request.judged = rules::judged(&self.plan.rules);
        Ok(request)
    }
}

/// `params` with those that only `slice` has, or has a value of its own for.
pub(crate) fn params(params: &Params, slice: &Slice) -> Params {
    with(params, &slice.params).into_owned()
}

/// `params`, of which those that `own` names have its values.
fn with<'a>(params: &'a Params, own: &BTreeMap<String, String>) -> Cow<'a, Params> {
    let mut params = Cow::Borrowed(params);
    if !own.is_empty() {
        let own = own.iter();
        let own = own.map(|(name, value)| (name.as_str(), Param::Plain(value.clone())));
        params.to_mut().overlay(&own.collect());
    }
    params
}
