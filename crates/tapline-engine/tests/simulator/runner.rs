//! The engine as the simulator runs it.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::SignedDuration;
use tapline_conformance::simulator::{CursorUse, Goal, Mode, PIPELINE, STREAM, Session};
use tapline_core::{
    CursorType, Doors, Events, Inline, Limits, NoHooks, Params, Redactor, RunReport, Source, Step,
    TableRef, Window,
};
use tapline_engine::window::{Ask, WindowSettings};
use tapline_engine::{
    Aim, Asks, Expectations, HttpSource, HttpSourceConfig, PageForm, RunTask, SyncMode, run,
};

/// Runs a session as it is meant.
pub(crate) fn runner(session: Session) -> BoxFuture<'static, RunReport> {
    let source = Arc::new(source(&session));
    drive(session, source, |_| {})
}

/// What `session` reads.
pub(crate) fn source(session: &Session) -> HttpSource {
    HttpSource::new(HttpSourceConfig {
        plan: Arc::new(session.plan.clone()),
        params: Params::default(),
        transport: session.transport.clone(),
        hooks: Arc::new(NoHooks),
        clock: session.clock.clone(),
        compute: Arc::new(Inline),
        redactor: Redactor::default(),
        limits: Limits::default(),
        run_id: session.run_id,
        max_pages: session.max_pages,
        form: PageForm::Rows,
        concurrency: session.concurrency,
        keep_raw: false,
    })
}

/// Runs a session that reads `source`, with a task that is `bent`.
pub(crate) fn drive(
    session: Session,
    source: Arc<dyn Source>,
    bent: fn(&mut RunTask),
) -> BoxFuture<'static, RunReport> {
    let mut task = task(&session);
    bent(&mut task);
    let doors = Doors {
        source,
        destination: session.destination,
        state: session.state,
        clock: session.clock,
        compute: Arc::new(Inline),
    };
    let cancel = session.cancel;
    async move { run(&task, &doors, &Events::none(), &cancel).await.report }.boxed()
}

fn task(session: &Session) -> RunTask {
    let expect = session.expect;
    RunTask {
        run_id: session.run_id,
        pipeline: PIPELINE.to_owned(),
        stream: STREAM.to_owned(),
        table: TableRef::public("t"),
        sync_mode: match session.mode {
            Mode::FullLoad => SyncMode::FullLoad,
            Mode::FullAppend => SyncMode::FullAppend,
            Mode::Incremental => SyncMode::Incremental,
        },
        stage: None,
        shape: Arc::default(),
        aim: aim(session),
        expect: Expectations {
            min_records: expect.min_records,
            max_drop: expect.max_drop,
            max_lag: expect.max_lag.map(SignedDuration::from_secs),
        },
        concurrency: session.concurrency,
        lock_wait: Duration::from_secs(3_600),
    }
}

fn aim(session: &Session) -> Aim {
    let (start, end) = session.cursor.map_or((false, false), |cursor| cursor.asks);
    let asks = Asks { start, end };
    let cursor = session.cursor.as_ref().map(settings);
    let value = |at: Option<i64>| at.and_then(|at| Some(session.cursor?.value(at)));
    let ask = match &session.goal {
        Goal::Everything => {
            return Aim::Window {
                window: session.window.clone(),
                is_given: false,
                cursor,
                asks,
            };
        }
        Goal::Update => Ask::Update,
        Goal::Backfill { from, to } => Ask::Backfill {
            from: value(*from),
            to: value(*to),
        },
        Goal::Explicit { from, to } => Ask::Explicit(Window {
            start: value(*from),
            end: value(*to),
        }),
    };
    Aim::Missing {
        ask,
        cursor: cursor.expect("what is missing is told by a cursor"),
        asks,
    }
}

fn settings(cursor: &CursorUse) -> WindowSettings {
    let step = |distance: u64| match cursor.is_time {
        true => Step::Seconds(distance),
        false => Step::Count(distance),
    };
    WindowSettings {
        cursor: "at".to_owned(),
        cursor_type: match cursor.is_time {
            true => CursorType::Timestamp,
            false => CursorType::Integer,
        },
        order: cursor.order,
        start: cursor.start.map(|at| cursor.value(at)),
        lookback: cursor.lookback.map(step),
        safety_lag: SignedDuration::from_secs(cursor.lag.cast_signed()),
        boundary: cursor.boundary,
        slice: cursor.slice.map(step),
        is_open: false,
    }
}
