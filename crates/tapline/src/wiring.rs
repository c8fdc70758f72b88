//! From a pipeline's name to everything a run needs. First offline, as far as files say
//! ([`Wiring::stream`]); then with sockets and databases ([`Wiring::source`], [`Wiring::doors`]).

mod connector;
mod family;
mod openings;
pub(crate) mod overrides;
mod place;
mod quota;
mod sealing;
mod state;
mod target;
mod trial;

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tapline_core::{
    Clock, Destination, Doors, Events, Hooks, NoHooks, Params, RawStore, Redactor, StateStore,
};
use tapline_engine::{HttpSource, HttpSourceConfig, PageForm, base_url};
use tapline_host::Services;
use tapline_http::{AllowList, Client, ClientConfig, Origin, QuotaConfig, TokenStore, sent_secret};
use tapline_raw::{KeepingDestination, RawFolder};
use tapline_spec::{Plan, Planned};
use uuid::Uuid;

use crate::connectors::{Catalogue, Connector};
use crate::doors::{SystemClock, Worker};
use crate::failure::Result;
use crate::project::{Connection, Lookup, Pipeline, Place, Project, RawSettings, pointer};

pub(crate) use self::target::{form, merges, rejects, shown_table};
pub(crate) use self::trial::Trial;

/// What is sent as `User-Agent`.
const USER_AGENT: &str = concat!("tapline/", env!("CARGO_PKG_VERSION"));

/// A project and the connectors it can use.
pub(crate) struct Wiring<'a> {
    /// The project.
    pub(crate) project: &'a Project,
    catalogue: &'a Catalogue,
    /// Time.
    pub(crate) clock: Arc<dyn Clock>,
}

/// One stream, planned: all that can be known of it without any request.
#[derive(Clone, Debug)]
pub(crate) struct Stream {
    /// Connector and stream, for people: `mailchimp.members`.
    pub(crate) label: String,
    connection: String,
    connector: Connector,
    plan: Arc<Plan>,
    params: Params,
}

/// A stream that can be read, and its connector's hooks.
pub(crate) struct Opened {
    /// The pages.
    pub(crate) source: Arc<HttpSource>,
    /// The hooks.
    pub(crate) hooks: Arc<dyn Hooks>,
    /// Where its credentials can be tried, if the operator says so.
    pub(crate) trial: Option<Trial>,
    /// What sends; it is settled when all is sent.
    pub(crate) client: Client,
}

/// What is asked of a source besides its stream.
pub(crate) struct Reading {
    /// The run whose rows these are.
    pub(crate) run_id: Uuid,
    /// Pages after which reading is cut short.
    pub(crate) max_pages: Option<u64>,
    /// Requests that may be sent at all.
    pub(crate) max_requests: Option<u64>,
    /// What a page becomes.
    pub(crate) form: PageForm,
    /// Requests that may be on their way at the same time.
    pub(crate) concurrency: usize,
    /// Whether pages come with the bodies that they were decoded from.
    pub(crate) keep_raw: bool,
    /// Where waits are told.
    pub(crate) events: Events,
}

impl<'a> Wiring<'a> {
    /// Wires `project` with the connectors of `catalogue`.
    pub(crate) fn new(project: &'a Project, catalogue: &'a Catalogue) -> Self {
        Self {
            project,
            catalogue,
            clock: Arc::new(SystemClock::new()),
        }
    }

    /// Plans the stream of the pipeline `name`.
    ///
    /// # Errors
    /// The connector, the stream, a parameter or a secret is not as it should be.
    pub(crate) fn stream(&self, name: &str, lookup: Lookup) -> Result<Stream> {
        let pipeline = self.project.pipeline(name)?;
        let connection = self.project.connection(&pipeline.source.connection)?;
        let connector = connector::find(self.project, self.catalogue, pipeline)?;
        let params = self.params(name, connection, pipeline, &connector, lookup)?;
        let auth = connection.auth.as_ref();
        let auth = auth.and_then(|auth| auth.spec_name.as_deref());
        let wanted = &pipeline.source.stream;
        let Planned { plan, params } =
            tapline_spec::plan(&connector.document, wanted, auth, &params)
                .map_err(|found| place::failure(self.project, name, &connector, found))?;
        Ok(Stream {
            label: format!("{}.{wanted}", plan.connector),
            connection: pipeline.source.connection.clone(),
            connector,
            plan: Arc::new(plan),
            params,
        })
    }

    /// Parameters of connection and pipeline. The connection's are for all of its streams, so
    /// one that only another stream declares is left out.
    fn params(
        &self,
        name: &str,
        connection: &Connection,
        pipeline: &Pipeline,
        connector: &Connector,
        lookup: Lookup,
    ) -> Result<Params> {
        let at = format!("/connections/{}", pointer(&pipeline.source.connection));
        let mut params = Params::default();
        if let Some(auth) = &connection.auth {
            let written = (format!("{at}/auth/params"), &auth.params);
            params.overlay(&self.project.params(&[written], lookup)?);
        }
        let shared = self
            .project
            .params(&[(format!("{at}/params"), &connection.params)], lookup)?;
        let wanted = &pipeline.source.stream;
        let kept = shared
            .iter()
            .filter(|(name, _)| !family::is_elsewhere(connector, wanted, name));
        params.overlay(&kept.map(|(name, param)| (name, param.clone())).collect());
        let at = format!("/pipelines/{}/source/params", pointer(name));
        let own = self
            .project
            .params(&[(at, &pipeline.source.params)], lookup)?;
        params.overlay(&own);
        Ok(params)
    }

    /// Opens `stream`; nothing is sent before its pages are asked for.
    ///
    /// # Errors
    /// Its address is none, TLS cannot be set up, the connector refuses its parameters.
    pub(crate) fn source(
        &self,
        stream: &Stream,
        reading: Reading,
        state: Arc<dyn StateStore>,
    ) -> Result<Opened> {
        let sent = sent_secret(&stream.plan.auth, &stream.params);
        let redactor = Redactor::new(stream.params.secrets().chain(&sent));
        let tokens = TokenStore {
            state: state.clone(),
            connection: stream.connection.clone(),
        };
        let connection = self.project.connection(&stream.connection)?;
        let ledger = Some(state.clone());
        let quota = quota::of(connection, &stream.plan, reading.max_requests, ledger);
        let client = self.client(stream, &redactor, tokens, quota, reading.events)?;
        let hooks: Arc<dyn Hooks> = match &stream.connector.plugin {
            Some(plugin) => {
                let services = Services {
                    connection: stream.connection.clone(),
                    transport: client.transport(Arc::new(NoHooks)),
                    state,
                    clock: self.clock.clone(),
                    redactor: redactor.clone(),
                };
                plugin
                    .open(&stream.params, services)
                    .map_err(tapline_core::Error::from)?
            }
            None => Arc::new(NoHooks),
        };
        let trial = Trial::of(&client, hooks.clone());
        let source = HttpSource::new(HttpSourceConfig {
            plan: stream.plan.clone(),
            params: stream.params.clone(),
            transport: client.transport(hooks.clone()),
            hooks: hooks.clone(),
            clock: self.clock.clone(),
            compute: Arc::new(Worker::new("tapline-decode")),
            redactor,
            limits: quota::limits(connection),
            run_id: reading.run_id,
            max_pages: reading.max_pages,
            form: reading.form,
            concurrency: reading.concurrency,
            keep_raw: reading.keep_raw,
        });
        Ok(Opened {
            source: Arc::new(source),
            hooks,
            trial,
            client,
        })
    }

    fn client(
        &self,
        stream: &Stream,
        redactor: &Redactor,
        tokens: TokenStore,
        quota: QuotaConfig,
        events: Events,
    ) -> Result<Client> {
        let connection = self.project.connection(&stream.connection)?;
        let plans = family::plans(&stream.plan);
        let bases = plans
            .iter()
            .map(|plan| Origin::of(&base_url(&plan.request, &stream.params)?))
            .collect::<Result<_, tapline_core::Error>>()?;
        let delays = plans.iter().map(|plan| plan.delay_ms);
        let allowed: Vec<Origin> = connection
            .allow_hosts
            .iter()
            .map(|host| host.parse())
            .collect::<Result<_, tapline_core::Error>>()?;
        let client = Client::new(ClientConfig {
            base: bases,
            auth: stream.plan.auth.clone(),
            params: stream.params.clone(),
            allow: AllowList::explicit(allowed),
            limits: quota::limits(connection),
            // All of them share one pace: the slowest that any asks for.
            delay: Duration::from_millis(delays.max().unwrap_or(0)),
            quota,
            clock: self.clock.clone(),
            events,
            redactor: redactor.clone(),
            tokens: Some(tokens),
            user_agent: USER_AGENT.to_owned(),
        })?;
        Ok(client)
    }

    /// Opens the project's state.
    ///
    /// # Errors
    /// It cannot be opened or made, or the key of its secrets is none.
    pub(crate) async fn state(&self) -> Result<Arc<dyn StateStore>> {
        state::open(self.project, self.clock.clone()).await
    }

    /// The project's state, to be read only; `None` if there is none yet.
    ///
    /// # Errors
    /// It cannot be read.
    pub(crate) async fn past(&self) -> Result<Option<Arc<dyn StateStore>>> {
        state::past(self.project, self.clock.clone()).await
    }

    /// The destination at `place`.
    ///
    /// # Errors
    /// It cannot be opened.
    pub(crate) fn destination(&self, place: &Place) -> Result<Arc<dyn Destination>> {
        Ok(target::open(place, self.clock.clone())?)
    }

    /// Where the pipeline `name` keeps its raw pages; `None`: it keeps none.
    ///
    /// # Errors
    /// There is no such pipeline.
    pub(crate) fn raw(&self, name: &str) -> Result<Option<Arc<dyn RawStore>>> {
        let folder = self.raw_folder(name)?;
        Ok(folder.map(|folder| -> Arc<dyn RawStore> { Arc::new(folder) }))
    }

    fn raw_folder(&self, name: &str) -> Result<Option<RawFolder>> {
        let raw = self.project.pipeline(name)?.raw.as_ref();
        let own = utf8_percent_encode(name, NON_ALPHANUMERIC).to_string();
        let folder = |raw: &RawSettings| self.project.resolve(&raw.path).join(&own);
        Ok(raw.map(|raw| RawFolder::new(folder(raw))))
    }

    /// Forgets raw pages of the pipeline `name` that have been kept long enough, but for those of `run`.
    ///
    /// # Errors
    /// There is no such pipeline, or they cannot be removed.
    pub(crate) fn prune_raw(&self, name: &str, run: Uuid) -> Result<()> {
        let raw = self.project.pipeline(name)?.raw.as_ref();
        let seconds = raw.and_then(RawSettings::seconds);
        if let Some((folder, seconds)) = self.raw_folder(name)?.zip(seconds) {
            let age = SignedDuration::from_secs(seconds);
            let before = self.clock.now().checked_sub(age);
            folder.prune(before.unwrap_or(Timestamp::MIN), run)?;
        }
        Ok(())
    }

    /// The doors of a run of the pipeline `name`, which writes to the destination at `place`.
    ///
    /// # Errors
    /// The destination cannot be opened.
    pub(crate) fn doors(
        &self,
        source: Arc<HttpSource>,
        (name, place): (&str, &Place),
        state: Arc<dyn StateStore>,
    ) -> Result<Doors> {
        let mut destination = self.destination(place)?;
        if let Some(raw) = self.raw(name)? {
            let compute = Arc::new(Worker::new("tapline-raw"));
            destination = Arc::new(KeepingDestination::new(destination, raw, compute));
        }
        Ok(Doors {
            source,
            destination,
            state,
            clock: self.clock.clone(),
            compute: Arc::new(Worker::new("tapline-run")),
        })
    }
}
