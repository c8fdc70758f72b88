//! `tapline plan`: what a run would ask for and write. Nothing is sent, nothing is written.

use serde_json::json;
use tapline_core::{HookKind, RunReport, StateStore};
use tapline_engine::{PageForm, Prospect, get_marks};
use tapline_spec::{AuthPlan, LastPagePlan, PaginationPlan, Plan};

use crate::app::App;
use crate::cli::PlanArgs;
use crate::commands::job::{self, Job};
use crate::commands::run::names;
use crate::commands::state;
use crate::exit_code::Exit;
use crate::failure::Result;
use crate::output::plan::{Estimate, LastRun, Outline, Reads, Row, SignIn, Slices, Writes};
use crate::output::state::Cut;
use crate::wiring::overrides;
use crate::wiring::{self, Stream, Wiring};

/// Entries of a pipeline's log that are searched for a complete run.
const RUNS: u32 = 100;
/// Milliseconds of a minute.
const MINUTE: u64 = 60_000;

/// Says what a run of the pipelines asked for would do.
///
/// # Errors
/// The project is not valid, or a request cannot be built.
pub(crate) async fn plan(app: &App, args: &PlanArgs) -> Result<Exit> {
    let project = overrides::project_to_look_at(app).await?;
    let names = names(&project, &args.pipelines)?;
    let catalogue = app.catalogue();
    let wiring = Wiring::new(&project, &catalogue);
    let past = wiring.past().await.unwrap_or_else(|failure| {
        app.screen.note(failure.to_string());
        None
    });
    let now = wiring.clock.now();
    let mut outlines = Vec::new();
    for name in &names {
        let job = Job::plan(&wiring, name)?;
        let marks = match &past {
            Some(past) => get_marks(&**past, &job.key()).await?.1,
            None => None,
        };
        let prospect = job.prospect(&args.window, marks.as_ref(), now)?;
        let allowed = args.window.allow(name, job.mode).is_ok();
        let last = match &past {
            Some(past) => last_complete(&**past, name).await?,
            None => None,
        };
        let cut = match &past {
            Some(past) => state::cut(&**past, name).await?,
            None => Vec::new(),
        };
        let known = Remembered {
            parts: marks.map_or(0, |marks| marks.parts() as u64),
            cut,
            last,
        };
        outlines.push(outline(&wiring, &job, prospect, allowed, known)?);
    }
    tell(app, &outlines, names.len())
}

fn tell(app: &App, outlines: &[Outline], asked: usize) -> Result<Exit> {
    match (outlines, asked) {
        ([outline], 1) if app.screen.is_json() => app.screen.json(outline)?,
        _ if app.screen.is_json() => app.screen.json(&json!({ "plans": outlines }))?,
        _ => {
            let words: Vec<String> = outlines.iter().map(Outline::words).collect();
            app.screen.line(words.join("\n\n"))?;
            app.screen.note("nothing was sent, and nothing was written");
        }
    }
    Ok(Exit::COMPLETE)
}

/// What is known of earlier runs.
struct Remembered {
    /// Parts of the stream of which something is known.
    parts: u64,
    /// Runs that were cut.
    cut: Vec<Cut>,
    last: Option<LastRun>,
}

fn outline(
    wiring: &Wiring<'_>,
    job: &Job,
    prospect: Prospect,
    allowed: bool,
    known: Remembered,
) -> Result<Outline> {
    let stream = &job.stream;
    let slices = stream.divisions();
    let Prospect { window, ranges } = prospect;
    Ok(Outline {
        pipeline: job.name.clone(),
        estimate: Estimate {
            budgets: wiring.budgets(stream)?,
            ..estimate(stream, &slices, known.last)
        },
        requests: match ranges.first() {
            Some(first) => stream.openings(first, wiring.clock.now())?,
            None => Vec::new(),
        },
        ranges: ranges.len() as u64,
        known_parts: known.parts,
        cut: known.cut,
        reads: reads(wiring, job, slices)?,
        writes: writes(wiring, job, allowed)?,
        window,
    })
}

fn reads(wiring: &Wiring<'_>, job: &Job, slices: Slices) -> Result<Reads> {
    let plan = job.stream.plan();
    let source = &wiring.project.pipeline(&job.name)?.source;
    Ok(Reads {
        connection: source.connection.clone(),
        connector: plan.connector.clone(),
        stream: plan.stream.clone(),
        takes_window: plan.schedule.is_some(),
        sign_in: match &plan.auth {
            AuthPlan::None => SignIn::None,
            AuthPlan::Basic { .. } => SignIn::Basic,
            AuthPlan::Bearer { .. } => SignIn::Bearer,
            AuthPlan::ApiKey { .. } => SignIn::ApiKey,
            AuthPlan::OAuth2(_) => SignIn::Oauth2,
        },
        prepared_by_connector: job.stream.has_hook(HookKind::PrepareRequest),
        slices,
    })
}

fn writes(wiring: &Wiring<'_>, job: &Job, allowed: bool) -> Result<Writes> {
    let target = &wiring.project.pipeline(&job.name)?.destination;
    let destination = wiring.project.destination(&target.name)?;
    let table = job::table(wiring.project, &job.name)?;
    Ok(Writes {
        destination: target.name.clone(),
        format: destination.format().to_owned(),
        path: match destination.path() {
            Some(path) => path.display().to_string(),
            None => job.place.shown()?,
        },
        table: wiring::shown_table(destination, &table),
        staged: job
            .stage
            .as_ref()
            .map(|stage| wiring::shown_table(destination, &stage.table)),
        row: match wiring::form(destination) {
            PageForm::Rows => Row::Record,
            PageForm::Body => Row::Body,
        },
        sync_mode: job.mode.name().to_owned(),
        allowed,
    })
}

/// What the last complete run of `pipeline` took.
async fn last_complete(past: &dyn StateStore, pipeline: &str) -> Result<Option<LastRun>> {
    let runs = past.tail(&RunReport::log(pipeline), RUNS).await?;
    let mut reports = runs
        .into_iter()
        .filter_map(|entry| serde_json::from_value::<RunReport>(entry.value).ok());
    let complete = reports.find(|report| report.verdict.is_complete());
    Ok(complete.map(|report| LastRun {
        run_id: report.run_id,
        started_at: report.started_at,
        window: report.window,
        slices: report.slices.read,
        pages: report.pages,
        requests: report.requests + report.retries,
        records: report.records.read,
        bytes: report.bytes,
        duration_ms: report.duration_ms,
        waited_ms: report.waited_ms,
    }))
}

fn estimate(stream: &Stream, slices: &Slices, last: Option<LastRun>) -> Estimate {
    let (plan, delay) = (stream.plan(), stream.delay_ms());
    let by_paging = pages_of_a_slice(plan).zip(slices.count);
    let by_paging = by_paging.map(|(pages, slices)| pages.saturating_mul(slices));
    let limits = by_paging.into_iter().chain(plan.maximum_request);
    Estimate {
        last_complete_run: last,
        pages_at_most: limits.min(),
        requests_per_minute: (delay > 0).then(|| MINUTE.div_ceil(delay)),
        budgets: Vec::new(),
    }
}

/// How many pages a slice has at most, if the spec says so.
fn pages_of_a_slice(plan: &Plan) -> Option<u64> {
    match &plan.pagination {
        PaginationPlan::None => Some(1),
        PaginationPlan::Page {
            first,
            last: Some(LastPagePlan::Fixed(last)),
            ..
        } => Some(last.saturating_sub(*first).saturating_add(1)),
        PaginationPlan::Range {
            first,
            last: Some(last),
            step,
            ..
        } => Some((last.saturating_sub(*first) / (*step).max(1)).saturating_add(1)),
        _ => None,
    }
}
