//! The first [`Source`]: a spec's plan, read over a transport.
//!
//! A page goes through the same steps each time: await its answer, locate what matters in the
//! body, decide what comes next, send the next request, and decode the rows while that is on its
//! way. One request is in flight ahead of the page being decoded, never more.

use std::sync::Arc;

use arrow_schema::SchemaRef;
use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{StreamExt, try_unfold};
use http::StatusCode;
use tapline_core::{
    Clock, Compute, EndSignal, Error, ErrorKind, HookKind, Hooks, Limits, PageInfo, PageStream,
    Params, Position, Redactor, Result, Slice, Source, Transport, Window, compute,
};
use tapline_expr::{Path, Selector};
use tapline_spec::{PaginationPlan, Plan};
use uuid::Uuid;

use crate::decode::Decoder;
use crate::flight::Answer;
use crate::form::{self, PageForm};
use crate::locate::{Content, Located, Wanted};
use crate::paginate::{self, Next, Paginator};
use crate::reader::{Observation, Reader};

/// What an [`HttpSource`] is made of.
pub struct HttpSourceConfig {
    /// What the spec means.
    pub plan: Arc<Plan>,
    /// Values of the plan's placeholders.
    pub params: Params,
    /// Where requests go.
    pub transport: Arc<dyn Transport>,
    /// The connector's hooks.
    pub hooks: Arc<dyn Hooks>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// CPU.
    pub compute: Arc<dyn Compute>,
    /// Takes secrets out of what is stored and shown.
    pub redactor: Redactor,
    /// Limits of the connection.
    pub limits: Limits,
    /// The run whose rows these are.
    pub run_id: Uuid,
    /// Pages after which reading is cut short, besides the plan's `maximumRequest`.
    pub max_pages: Option<u64>,
    /// What a page becomes.
    pub form: PageForm,
}

/// A stream of an HTTP API.
pub struct HttpSource {
    shared: Arc<Shared>,
}

/// What all slices of a source have in common.
pub(crate) struct Shared {
    pub(crate) config: HttpSourceConfig,
    pub(crate) paginator: Box<dyn Paginator>,
    wanted: Arc<Wanted>,
    pub(crate) reads: Vec<Selector>,
}

impl HttpSource {
    /// A source that has sent nothing yet.
    pub fn new(config: HttpSourceConfig) -> Self {
        let paginator = paginate::of(&config.plan);
        let mut reads = paginator.reads();
        reads.extend(config.plan.total.clone());
        let paths = reads.iter().filter_map(|selector| match selector {
            Selector::Body(path) => Some(path.clone()),
            Selector::Header(_) => None,
        });
        let paths: Vec<Path> = paths.collect();
        let wanted = Wanted::new(&config.plan.content, &paths, config.limits.depth);
        Self {
            shared: Arc::new(Shared {
                wanted: Arc::new(wanted),
                paginator,
                reads,
                config,
            }),
        }
    }
}

#[async_trait]
impl Source for HttpSource {
    fn schema(&self) -> SchemaRef {
        match self.shared.config.form {
            PageForm::Rows => self.shared.decoder().schema(),
            PageForm::Body => form::body_schema(),
        }
    }

    async fn slices(&self, window: &Window) -> Result<Vec<Slice>> {
        let hooks = &self.shared.config.hooks;
        if hooks.set().has(HookKind::Partitions) {
            return whole(hooks.partitions(window).await?);
        }
        Ok(vec![Slice {
            window: *window,
            ..Slice::default()
        }])
    }

    fn open(&self, _slice: &Slice, position: Option<Position>) -> PageStream {
        let redactor = &self.shared.config.redactor;
        let position = position.map(|position| redactor.unseal(&position));
        let reader = Reader::new(self.shared.clone(), position);
        try_unfold(reader, |mut reader| async move {
            Ok(reader.next().await?.map(|page| (page, reader)))
        })
        .boxed()
    }
}

/// Refuses parts: a request cannot say yet which one it wants, so each would bring every record.
fn whole(slices: Vec<Slice>) -> Result<Vec<Slice>> {
    match slices.len() {
        0 | 1 => Ok(slices),
        parts => Err(Error::new(
            ErrorKind::Plugin,
            "divide stream",
            format!("the connector names {parts} parts; this version reads a stream as a whole"),
        )),
    }
}

impl Shared {
    pub(crate) fn decoder(&self) -> Decoder {
        let plan = &self.config.plan;
        Decoder::new(
            plan.content.clone(),
            plan.columns.clone(),
            &self.config.limits,
        )
        .exploding(plan.explode.clone())
    }

    /// How many records the next offset reckons with.
    pub(crate) fn asked(&self) -> Option<u64> {
        match &self.config.plan.pagination {
            PaginationPlan::Offset { limit, .. } => Some(*limit),
            _ => None,
        }
    }

    /// Pages after which reading is cut short, and what says so.
    pub(crate) fn limit(&self) -> Option<(u64, &'static str)> {
        let plan = (self.config.plan.maximum_request).map(|limit| (limit, "maximumRequest"));
        let flag = self.config.max_pages.map(|limit| (limit, "--max-pages"));
        plan.into_iter().chain(flag).min_by_key(|(limit, _)| *limit)
    }

    pub(crate) async fn transform(&self, answer: &Answer) -> Result<Bytes> {
        let hooks = &self.config.hooks;
        if hooks.set().has(HookKind::TransformPage) {
            let body = answer.body.clone();
            return hooks.transform_page(answer.content_type(), body).await;
        }
        Ok(answer.body.clone())
    }

    /// Finds the records and the values the pagination reads; `None` for a response that says it
    /// has no content. Any other without a body may be one that was lost on its way.
    pub(crate) async fn locate(&self, status: StatusCode, body: Bytes) -> Result<Option<Located>> {
        if status == StatusCode::NO_CONTENT && body.is_empty() {
            return Ok(None);
        }
        let wanted = self.wanted.clone();
        let located = compute(&*self.config.compute, move || wanted.locate(&body)).await?;
        match located {
            Err(_) if self.needs_no_records() => Ok(None),
            located => Ok(Some(located?)),
        }
    }

    /// Whether a body may be anything at all: it is kept as it is, and it is the only one.
    fn needs_no_records(&self) -> bool {
        let config = &self.config;
        config.form == PageForm::Body
            && matches!(config.plan.pagination, PaginationPlan::None)
            && self.reads.is_empty()
    }

    /// What the pagination says comes next.
    pub(crate) fn follow(&self, position: &Position, seen: &Observation<'_>) -> Result<Next> {
        let next = self.paginator.next(position, seen);
        let missing = seen.located.is_some_and(|l| l.content == Content::Missing);
        if missing && next != Next::Done(EndSignal::EndCondition) {
            let path = &self.config.plan.content.path;
            return Err(Error::new(
                ErrorKind::Protocol,
                "read page",
                format!(
                    "there is nothing at contentPath `{path}`; if a page without it is the last, \
                     say so with endConditionName `{path}` and endConditionValue `NonExist`"
                ),
            ));
        }
        Ok(next)
    }

    /// What the connector's own hook says comes next, if it has one.
    pub(crate) async fn consult(
        &self,
        next: Next,
        info: &mut PageInfo,
        body: &Bytes,
    ) -> Result<Next> {
        let hooks = &self.config.hooks;
        if !hooks.set().has(HookKind::NextPosition) {
            return Ok(next);
        }
        if let Next::More(position) = next {
            info.next = Some(position);
        }
        let next = hooks.next_position(info, body.clone()).await?;
        Ok(next.map_or(Next::Done(EndSignal::Connector), Next::More))
    }

    /// Sends `request` and reads the answer to its end.
    pub(crate) async fn exchange(
        self: Arc<Self>,
        request: tapline_core::Request,
    ) -> Result<Answer> {
        let clock = &self.config.clock;
        let start = clock.elapsed();
        let method = request.method.to_string();
        let response = self.config.transport.send(request).await?;
        let (status, headers, exchange) = (
            response.status,
            response.headers.clone(),
            response.exchange.clone(),
        );
        let body = response.bytes(self.config.limits.page_bytes).await?;
        Ok(Answer {
            method,
            status,
            headers,
            body,
            exchange,
            duration: clock.elapsed().saturating_sub(start),
            received_at: clock.now(),
        })
    }
}
