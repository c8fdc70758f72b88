//! Divides a stream into slices: one for every combination of its partitions' values.
//!
//! The values of the first partition are looked for while the slices are read, so there may be any
//! number of them; those of the others are gathered before, because each goes with every value of
//! the first. A connector's own `partitions` hook divides a stream that its spec does not.

mod name;
mod parent;
mod recent;
mod search;
mod values;

use std::sync::Arc;

use futures::stream::{self, StreamExt, try_unfold};
use tapline_core::{
    Error, ErrorKind, Finding, HookKind, Result, Slice, SliceStream, UnknownReason, Verdict, Window,
};
use tapline_spec::{BodyPlan, Plan};

use self::search::Search;
use crate::source::Shared;

/// The parameter that holds the name of a part which the connector's hook has made.
pub const PARTITION: &str = "partition";

/// A value that a partition has in one slice, and what goes with it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Choice {
    value: String,
    /// Other parameters, and their values.
    taken: Vec<(String, String)>,
}

/// What looking for the values of a partition brings.
enum Step {
    Choice(Choice),
    /// What is told of the search itself.
    Aside(Finding),
}

/// The slices of `window`.
pub(crate) fn slices(shared: &Arc<Shared>, window: Window) -> SliceStream {
    if !shared.config.plan.partitions.is_empty() {
        let search = Search::new(shared.clone(), window);
        let next = |mut search: Search| async move {
            Ok(search.next().await?.map(|finding| (finding, search)))
        };
        try_unfold(search, next).boxed()
    } else if shared.config.hooks.set().has(HookKind::Partitions) {
        let found = hooked(shared.clone(), window);
        stream::once(found)
            .flat_map(|found| stream::iter(findings(found)))
            .boxed()
    } else {
        let slice = Slice {
            window,
            ..Slice::default()
        };
        stream::iter([Ok(Finding::Slice(slice))]).boxed()
    }
}

/// The slices that the connector names; that it names none proves nothing.
fn findings(found: Result<Vec<Slice>>) -> Vec<Result<Finding>> {
    match found {
        Ok(slices) if slices.is_empty() => {
            let doubt = Verdict::Unknown(UnknownReason::NoEndSignal);
            vec![Ok(Finding::Doubt(doubt))]
        }
        Ok(slices) => slices.into_iter().map(Finding::Slice).map(Ok).collect(),
        Err(error) => vec![Err(error)],
    }
}

/// The parts that the connector's hook makes of `window`.
async fn hooked(shared: Arc<Shared>, window: Window) -> Result<Vec<Slice>> {
    let mut slices = shared.config.hooks.partitions(&window).await?;
    let plan = &shared.config.plan;
    if slices.len() > 1 && !tells_apart(plan, &slices) {
        return Err(Error::new(
            ErrorKind::Plugin,
            "divide stream",
            format!(
                "the connector names {} parts, and no request of the stream `{}` says which one it \
                 wants: declare `{PARTITION}` in its spec and write `${{{PARTITION}}}`",
                slices.len(),
                plan.stream
            ),
        ));
    }
    for slice in slices.iter_mut().filter(|_| uses(plan, PARTITION)) {
        let name = slice.partition.clone();
        slice.params.insert(PARTITION.to_owned(), name);
    }
    Ok(slices)
}

/// Whether requests of `plan` say which of `slices` they want: by name, or by time.
fn tells_apart(plan: &Plan, slices: &[Slice]) -> bool {
    let mut windows = slices.iter().enumerate();
    let others = |at: usize| slices[..at].iter().map(|slice| &slice.window);
    let by_time = plan.schedule.is_some()
        && windows.all(|(at, slice)| others(at).all(|window| *window != slice.window));
    by_time || uses(plan, PARTITION)
}

/// Whether a request of `plan` depends on the parameter `name`.
fn uses(plan: &Plan, name: &str) -> bool {
    let request = &plan.request;
    let values = request.query.iter().chain(&request.headers);
    let mut templates = [&request.host, &request.path]
        .into_iter()
        .chain(values.map(|(_, template)| template));
    let in_body = match &request.body {
        None => false,
        Some(BodyPlan::Text(template)) => template.params().any(|param| param == name),
        // A JSON body keeps its templates as text.
        Some(BodyPlan::Json(value)) => value.to_string().contains(&format!("${{{name}}}")),
    };
    in_body || templates.any(|template| template.params().any(|param| param == name))
}
