//! The first [`Source`]: a spec's plan, read over a transport.
//!
//! A page goes through the same steps each time: await its answer, locate what matters in the
//! body, decide what comes next, send the next request, and decode the rows while that is on its
//! way. As many are in flight as may be where the place of a page does not depend on the answer
//! before it, else one.

use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arrow_schema::SchemaRef;
use bytes::Bytes;
use futures::stream::{StreamExt, try_unfold};
use http::StatusCode;
use tapline_core::{
    Batch, Clock, Compute, EndSignal, Error, ErrorKind, HookKind, Hooks, Limits, PageInfo,
    PageStream, Params, Position, Redactor, Reject, RequestRecord, Result, Resume, ShortReason,
    Slice, SliceStream, Source, Transport, Window, compute,
};
use tapline_expr::Selector;
use tapline_spec::{PaginationPlan, Plan};
use uuid::Uuid;
use xxhash_rust::xxh3::xxh3_128;

use crate::asking;
use crate::decode::{Decoder, Stamp};
use crate::flight::Answer;
use crate::form::{self, PageForm};
use crate::locate::{Content, Located, Wanted};
use crate::observation::Observation;
use crate::paginate::{self, Next, Paginator};
use crate::partition;
use crate::reader::Reader;
use crate::{rules, status};

/// Size of a body, in bytes, up to which it is located where it arrives: to wake another thread for that,
/// and to be woken by it, takes longer than the work, and the next request waits for it.
const SMALL: usize = 256 << 10;

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
    /// The run whose rows these are, unless it goes on with an earlier one.
    pub run_id: Uuid,
    /// Pages after which reading is cut short, besides the plan's `maximumRequest`.
    pub max_pages: Option<u64>,
    /// What a page becomes.
    pub form: PageForm,
    /// Requests that may be on their way at the same time, at least 1: for pages whose place does not
    /// depend on the page before, as far as the slices that are open leave any.
    pub concurrency: usize,
    /// Whether pages come with the bodies that they were decoded from.
    pub keep_raw: bool,
}

/// A stream of an HTTP API.
pub struct HttpSource {
    shared: Arc<Shared>,
}

/// What all slices of a source have in common.
pub(crate) struct Shared {
    pub(crate) config: HttpSourceConfig,
    pub(crate) paginator: Box<dyn Paginator>,
    /// One for all slices: the columns of a table only grow, whichever slice they came with.
    pub(crate) decoder: Arc<Mutex<Decoder>>,
    /// Whether a request may be on its way while the page before it is decoded.
    ahead: bool,
    wanted: Arc<Wanted>,
    pub(crate) reads: Vec<Selector>,
    pages: AtomicU64,
    /// Pages that were handed out, and that the destination has not taken yet.
    unkept: AtomicI64,
    /// Slices that are open.
    readers: AtomicUsize,
    /// The run whose rows are read.
    run: Mutex<Uuid>,
}

impl HttpSource {
    /// A source that has sent nothing yet.
    pub fn new(config: HttpSourceConfig) -> Self {
        Self::with(config, true)
    }

    /// The stream of `plan`, whose records are slices of this one. It is read by the same means:
    /// transport, budget and hooks are its own, too. Its pages may be long apart, so no answer
    /// is left waiting on the wire.
    pub(crate) fn parent(shared: &Shared, plan: Plan) -> Self {
        let config = &shared.config;
        let config = HttpSourceConfig {
            plan: Arc::new(plan),
            params: config.params.clone(),
            transport: config.transport.clone(),
            hooks: config.hooks.clone(),
            clock: config.clock.clone(),
            compute: config.compute.clone(),
            redactor: config.redactor.clone(),
            limits: config.limits,
            run_id: shared.run_id(),
            max_pages: None,
            form: PageForm::Rows,
            concurrency: 1,
            keep_raw: false,
        };
        Self::with(config, false)
    }

    fn with(config: HttpSourceConfig, ahead: bool) -> Self {
        let paginator = paginate::of(&config.plan);
        let mut reads = paginator.reads();
        reads.extend(config.plan.total.clone());
        reads.extend(rules::reads(&config.plan.rules));
        let wanted = Wanted::new(&config.plan.content, &reads, config.limits.depth);
        Self {
            shared: Arc::new(Shared {
                decoder: Arc::new(Mutex::new(decoder(&config))),
                wanted: Arc::new(wanted),
                pages: AtomicU64::new(0),
                unkept: AtomicI64::new(0),
                readers: AtomicUsize::new(0),
                run: Mutex::new(config.run_id),
                ahead,
                paginator,
                reads,
                config,
            }),
        }
    }
}

impl HttpSource {
    /// Decodes a body that `request` of `run` has brought before: the rows, and what became none.
    ///
    /// # Errors
    /// The spec reads other bodies by now.
    pub async fn decode_again(
        &self,
        body: Bytes,
        run: Uuid,
        request: &RequestRecord,
    ) -> Result<(Vec<Batch>, Vec<Reject>)> {
        if body.is_empty() {
            return Ok((Vec::new(), Vec::new()));
        }
        let shared = &self.shared;
        let status = StatusCode::from_u16(request.status).unwrap_or(StatusCode::OK);
        let Some(located) = shared.locate(status, body.clone()).await? else {
            return Ok((Vec::new(), Vec::new()));
        };
        let stamp = Stamp {
            run_id: run,
            request_id: request.request_id,
            extracted_at: request.received_at,
        };
        let decoder = shared.decoder.clone();
        let decoded = compute(&*shared.config.compute, move || {
            let mut decoder = decoder.lock().unwrap_or_else(PoisonError::into_inner);
            decoder.decode(&body, &located, &stamp)
        });
        let decoded = decoded.await??;
        Ok((decoded.batches, decoded.rejects))
    }
}

impl Source for HttpSource {
    fn schema(&self) -> SchemaRef {
        match self.shared.config.form {
            PageForm::Rows => decoder(&self.shared.config).schema(),
            PageForm::Body => form::body_schema(),
        }
    }

    fn slices(&self, window: &Window) -> SliceStream {
        partition::slices(&self.shared, window.clone())
    }

    fn open(&self, slice: &Slice, from: Option<Resume>) -> PageStream {
        let reader = Reader::new(self.shared.clone(), slice, from);
        try_unfold(reader, |mut reader| async move {
            Ok(reader.next().await?.map(|page| (page, reader)))
        })
        .boxed()
    }

    fn spent(&self) -> Option<ShortReason> {
        self.shared.spent()
    }

    fn fingerprint(&self) -> String {
        fingerprint(&self.shared.config)
    }

    fn identity(&self) -> String {
        let params = serde_json::to_vec(&params(&self.shared.config)).unwrap_or_default();
        format!("{:032x}", xxh3_128(&params))
    }

    fn read_for(&self, run: Uuid) {
        *self
            .shared
            .run
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = run;
        self.shared.unkept.store(0, Ordering::Relaxed);
    }

    fn kept(&self) {
        self.shared.unkept.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What is read, as a hash: the plan, the parameters, of secrets only the names, which marks stand
/// for them in positions, and what a page becomes. How fast it may be read makes no difference.
fn fingerprint(config: &HttpSourceConfig) -> String {
    let plan = Plan {
        delay_ms: 0,
        rate: None,
        ..(*config.plan).clone()
    };
    let is_body = config.form == PageForm::Body;
    let named = (plan, params(config), config.redactor.order(), is_body);
    // A plan is serialisable, and so are texts and numbers.
    let named = serde_json::to_vec(&named).unwrap_or_default();
    format!("{:032x}", xxh3_128(&named))
}

/// The parameters; of secrets only the names.
fn params(config: &HttpSourceConfig) -> Vec<(&str, Option<&str>)> {
    let params = config.params.iter();
    let shown = params.map(|(name, param)| (name, (!param.is_secret()).then(|| param.expose())));
    shown.collect()
}

fn decoder(config: &HttpSourceConfig) -> Decoder {
    let plan = &config.plan;
    let (content, columns) = (plan.content.clone(), plan.columns.clone());
    let decoder = Decoder::new(content, columns, &config.limits);
    match config.form {
        PageForm::Rows => decoder.exploding(plan.explode.clone()),
        PageForm::Body => decoder.counting(),
    }
}

/// Whether the content is an object.
fn is_single(seen: &Observation<'_>) -> bool {
    let content = seen.located().map(|located| &located.content);
    matches!(content, Some(Content::Object(_)))
}

impl Shared {
    /// The run whose rows are read.
    pub(crate) fn run_id(&self) -> Uuid {
        *self.run.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The parameters that `slice` is asked for with.
    pub(crate) fn params(&self, slice: &Slice) -> Params {
        asking::params(&self.config.params, slice)
    }

    /// How many records the next offset reckons with.
    pub(crate) fn asked(&self) -> Option<u64> {
        match &self.config.plan.pagination {
            PaginationPlan::Offset { limit, .. } => Some(*limit),
            _ => None,
        }
    }

    /// Whether pages are counted on to hold several records, as far as the spec says: one object
    /// would then be asked for again and again.
    fn counts_on(&self) -> bool {
        match &self.config.plan.pagination {
            PaginationPlan::Offset { limit, .. } => *limit > 1,
            PaginationPlan::Page { limit, .. } => {
                limit.as_ref().is_none_or(|(_, limit)| *limit > 1)
            }
            _ => false,
        }
    }

    /// Takes note of a page that is about to be read.
    pub(crate) fn count_page(&self) {
        self.pages.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes note of a page that is handed out.
    pub(crate) fn hand_out(&self) {
        self.unkept.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes note that a slice is open.
    pub(crate) fn enter(&self) {
        self.readers.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes note that a slice is no longer open.
    pub(crate) fn leave(&self) {
        self.readers.fetch_sub(1, Ordering::Relaxed);
    }

    /// Requests that a slice may have on their way: its share of all.
    pub(crate) fn depth(&self) -> usize {
        let readers = self.readers.load(Ordering::Relaxed).max(1);
        (self.config.concurrency / readers).max(1)
    }

    /// Whether a request may be on its way while the page before it is decoded. A slow destination
    /// is not overtaken: should the process die, what was fetched but not kept is fetched again.
    pub(crate) fn may_go_ahead(&self) -> bool {
        let unkept = usize::try_from(self.unkept.load(Ordering::Relaxed)).unwrap_or(0);
        self.ahead && unkept < self.config.concurrency.max(1)
    }

    /// Whether no page may be asked for beyond so many that are on their way.
    pub(crate) fn is_last(&self, on_their_way: usize) -> bool {
        let on_their_way = on_their_way as u64;
        self.limit().is_some_and(|(limit, _)| {
            self.pages
                .load(Ordering::Relaxed)
                .saturating_add(on_their_way)
                >= limit
        })
    }

    /// What cuts reading short now, because as many pages were read as may be, in all slices.
    pub(crate) fn spent(&self) -> Option<ShortReason> {
        let (limit, name) = self.limit()?;
        let name = name.to_owned();
        (self.pages.load(Ordering::Relaxed) >= limit).then_some(ShortReason::Limit { name })
    }

    /// How many pages may be read, in all slices, and what says so.
    fn limit(&self) -> Option<(u64, &'static str)> {
        let plan = (self.config.plan.maximum_request).map(|limit| (limit, "maximumRequest"));
        let flag = self.config.max_pages.map(|limit| (limit, "--max-pages"));
        plan.into_iter().chain(flag).min_by_key(|(limit, _)| *limit)
    }

    /// The body of `answer` as the spec reads it, and what is located in it; or the error that the
    /// answer is, unless a rule makes something else of it.
    pub(crate) async fn open(&self, answer: &Answer) -> (Bytes, Result<Option<Located>>) {
        let status = answer.status;
        if !status.is_success() {
            let error = status::refused(status, &answer.body, &self.config.redactor);
            return (answer.body.clone(), Err(error));
        }
        match self.transform(answer).await {
            Ok(body) => (body.clone(), self.locate(status, body).await),
            Err(error) => (answer.body.clone(), Err(error)),
        }
    }

    async fn transform(&self, answer: &Answer) -> Result<Bytes> {
        let hooks = &self.config.hooks;
        if hooks.set().has(HookKind::TransformPage) {
            let body = answer.body.clone();
            return hooks.transform_page(answer.content_type(), body).await;
        }
        Ok(answer.body.clone())
    }

    /// Finds the records and the values the pagination reads; `None` for a response that says it
    /// has no content. Any other without a body may be one that was lost on its way.
    async fn locate(&self, status: StatusCode, body: Bytes) -> Result<Option<Located>> {
        if status == StatusCode::NO_CONTENT && body.is_empty() {
            return Ok(None);
        }
        let located = match body.len() <= SMALL {
            true => self.wanted.locate(&body),
            false => {
                let wanted = self.wanted.clone();
                compute(&*self.config.compute, move || wanted.locate(&body)).await?
            }
        };
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
        let missing = seen
            .located()
            .is_some_and(|l| l.content == Content::Missing);
        if *position == self.paginator.first() && self.counts_on() && is_single(seen) {
            let path = &self.config.plan.content.path;
            return Err(Error::new(
                ErrorKind::Protocol,
                "read page",
                format!(
                    "contentPath `{path}` leads to an object, which is one record, but the \
                     pagination reckons with pages of several: name the array of records there; \
                     if there is only one record, say pagination NONE; if each page is one, a \
                     limitValue of 1"
                ),
            ));
        }
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

    /// Whether the connector itself says where requests start.
    pub(crate) fn has_own_positions(&self) -> bool {
        self.config.hooks.set().has(HookKind::NextPosition)
    }

    /// What the connector's own hook says comes next, if it has one.
    pub(crate) async fn consult(
        &self,
        next: Next,
        info: &mut PageInfo,
        body: &Bytes,
        located: Option<&Located>,
    ) -> Result<Next> {
        if !self.has_own_positions() {
            return Ok(next);
        }
        if let Next::More(position) = next {
            info.next = Some(position);
        }
        let records = located.map(|located| located.records(body, self.config.limits.depth));
        info.evidence.records = records.unwrap_or(0);
        let next = self.config.hooks.next_position(info, body.clone()).await?;
        // They count once they are decoded.
        info.evidence.records = 0;
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
        let mut response = self.config.transport.send(request).await?;
        let body = response.bytes(self.config.limits.page_bytes).await?;
        Ok(Answer {
            method,
            status: response.status,
            headers: response.headers,
            body,
            exchange: response.exchange,
            duration: clock.elapsed().saturating_sub(start),
            received_at: clock.now(),
        })
    }
}
