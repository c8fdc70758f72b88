//! A source over an API without sockets, read to its end.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use futures::StreamExt;
use jiff::Timestamp;
use serde_json::{Value, json};
use tapline_conformance::paged::Paged;
use tapline_core::{
    EndSignal, Inline, Limits, NoHooks, Page, Params, Position, Redactor, Resume, ShortReason,
    Slice, Source, Still,
};
use tapline_engine::{HttpSource, HttpSourceConfig, PageForm};
use tapline_spec::Plan;
use uuid::Uuid;

/// What came home.
pub(crate) struct Read {
    pub(crate) ids: Vec<u64>,
    pub(crate) end: Option<EndSignal>,
    pub(crate) short: Option<ShortReason>,
    pub(crate) requests: u64,
    /// Where another run could go on, and how many records came before.
    pub(crate) cuts: Vec<(Position, usize)>,
    /// What every request asked for.
    pub(crate) query: Vec<[String; 2]>,
}

/// A plan that reads `form`, with `query` in every request. `more` holds members of the plan, or
/// `method`, `body` and `request_query` of its request.
pub(crate) fn plan(
    form: &str,
    query: &[[&str; 2]],
    content: &str,
    pagination: Value,
    more: Value,
) -> Plan {
    let mut query = json!(query);
    let own = more.get("request_query").and_then(Value::as_array);
    query
        .as_array_mut()
        .unwrap()
        .extend(own.cloned().unwrap_or_default());
    let or = |name: &str, default: Value| more.get(name).cloned().unwrap_or(default);
    serde_json::from_value(json!({
        "connector": "test", "stream": "items",
        "request": {
            "host": "http://api.test", "path": format!("/paged/{form}"),
            "method": or("method", json!("GET")), "query": query, "headers": [],
            "body": or("body", Value::Null)
        },
        "auth": {"kind": "none"},
        "content": {"path": content, "siblings": {"keep": [], "skip": []}, "wrapper": null},
        "pagination": pagination, "end": or("end", Value::Null),
        "delay_ms": 0, "rules": or("rules", json!([])), "partitions": [],
        "columns": [{"name": "id", "kind": "integer"}]
    }))
    .unwrap()
}

/// Reads `plan` over `paged` to its end.
pub(crate) fn read(plan: Plan, paged: Paged) -> Read {
    read_from(plan, paged, None)
}

/// Reads `plan` over `paged` from `position` to its end.
pub(crate) fn read_from(plan: Plan, paged: Paged, position: Option<Position>) -> Read {
    let query = plan.request.query.iter();
    let query = query.map(|(name, value)| [name.clone(), value.to_string()]);
    let query = query.collect();
    let paged = Arc::new(paged);
    let source = HttpSource::new(HttpSourceConfig {
        plan: Arc::new(plan),
        params: Params::default(),
        transport: paged.clone(),
        hooks: Arc::new(NoHooks),
        clock: Arc::new(Still(Timestamp::UNIX_EPOCH)),
        compute: Arc::new(Inline),
        redactor: Redactor::default(),
        limits: Limits::default(),
        run_id: Uuid::nil(),
        max_pages: None,
        form: PageForm::Rows,
        concurrency: 1,
        keep_raw: false,
    });
    let from = position.map(|position| Resume { position, seq: 0 });
    let mut pages = source.open(&Slice::default(), from);
    let mut read = Read {
        ids: Vec::new(),
        end: None,
        short: None,
        requests: 0,
        cuts: Vec::new(),
        query,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.unwrap();
    runtime.block_on(async {
        while let Some(page) = pages.next().await {
            let page = page.unwrap();
            read.ids.extend(ids(&page));
            read.end = page.info.evidence.end;
            read.short = read.short.take().or(page.info.evidence.short);
            read.cuts
                .extend(page.info.next.map(|next| (next, read.ids.len())));
        }
    });
    read.requests = paged.requests();
    read
}

fn ids(page: &Page) -> Vec<u64> {
    let columns = page.batches.iter().map(|batch| {
        let ids = batch.records.column_by_name("id").expect("a column id");
        ids.as_primitive::<Int64Type>().values().to_vec()
    });
    columns
        .flatten()
        .map(|id| u64::try_from(id).unwrap())
        .collect()
}
