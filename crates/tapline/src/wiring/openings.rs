//! How a stream begins to be read, shown instead of done: its slices and first requests.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use tapline_core::{Body, HookKind, Redactor, Request, Slice, Window};
use tapline_engine::{Then, outlook};
use tapline_http::sent_secret;
use tapline_spec::{AuthPlan, KeyLocation, PartitionPlan, PartitionSource, Plan};

use super::{Stream, family};
use crate::failure::Result;
use crate::output::plan::{After, Division, Opening, Shown, Slices};

/// Requests to a stream that are shown at most.
const REQUESTS: usize = 3;
/// Values of a list that are shown at most.
const VALUES: usize = 3;

impl Stream {
    /// What its spec means.
    pub(crate) fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Whether its connector has that hook.
    pub(crate) fn has_hook(&self, hook: HookKind) -> bool {
        let plugin = self.connector.plugin.as_ref();
        plugin.is_some_and(|plugin| plugin.hooks.has(hook))
    }

    /// The least time between two requests, in milliseconds: it and its parents share one pace.
    pub(crate) fn delay_ms(&self) -> u64 {
        let plans = family::plans(&self.plan).into_iter();
        plans.map(|plan| plan.delay_ms).max().unwrap_or(0)
    }

    /// What divides it.
    pub(crate) fn divisions(&self) -> Slices {
        let partitions = &self.plan.partitions;
        let by: Vec<Division> = partitions.iter().map(division).collect();
        let by_connector = by.is_empty() && self.has_hook(HookKind::Partitions);
        let is_known = !by_connector && by.iter().all(|division| division.parents.is_empty());
        let counts = by.iter().map(|division| division.values);
        Slices {
            count: is_known.then(|| counts.fold(1, u64::saturating_mul)),
            by,
            by_connector,
        }
    }

    /// The first requests to it and its parents, in the order in which they would be sent.
    ///
    /// # Errors
    /// A request cannot be built.
    pub(crate) fn openings(&self, window: &Window, now: Timestamp) -> Result<Vec<Opening>> {
        let sent = sent_secret(&self.plan.auth, &self.params);
        let viewer = Viewer {
            stream: self,
            redactor: Redactor::new(self.params.secrets().chain(&sent)),
            now,
        };
        let mut openings = Vec::new();
        viewer.open(&self.plan, window, &mut openings)?;
        Ok(openings)
    }
}

fn division(partition: &PartitionPlan) -> Division {
    let mut known = BTreeSet::new();
    let values = partition.from.iter().flat_map(|from| match from {
        PartitionSource::Values(values) => values.as_slice(),
        PartitionSource::Parent { .. } => &[],
    });
    let values: Vec<&String> = values.filter(|value| known.insert(*value)).collect();
    Division {
        name: partition.name.clone(),
        values: values.len() as u64,
        first: values.into_iter().take(VALUES).cloned().collect(),
        parents: parents(partition).map(|plan| plan.stream.clone()).collect(),
    }
}

/// The streams whose records give values of `partition`.
fn parents(partition: &PartitionPlan) -> impl Iterator<Item = &Plan> {
    partition.from.iter().filter_map(|from| match from {
        PartitionSource::Parent { plan, .. } => Some(&**plan),
        PartitionSource::Values(_) => None,
    })
}

/// Looks at requests without sending them.
struct Viewer<'a> {
    stream: &'a Stream,
    redactor: Redactor,
    now: Timestamp,
}

impl Viewer<'_> {
    /// A slice needs a value of every partition: the first one is taken while slices are read,
    /// the others are gathered before.
    fn open(&self, plan: &Plan, window: &Window, out: &mut Vec<Opening>) -> Result<()> {
        let mut partitions = plan.partitions.iter();
        let first = partitions.next();
        for parent in partitions.flat_map(parents) {
            self.open(parent, &Window::ALL, out)?;
        }
        let is_listed = |partition: &PartitionPlan| {
            matches!(partition.from.first(), Some(PartitionSource::Values(_)))
        };
        if first.is_some_and(is_listed) {
            self.add(plan, window, out)?;
        }
        for parent in first.into_iter().flat_map(parents) {
            self.open(parent, &Window::ALL, out)?;
        }
        self.add(plan, window, out)
    }

    /// Adds the requests to the stream of `plan`, once.
    fn add(&self, plan: &Plan, window: &Window, out: &mut Vec<Opening>) -> Result<()> {
        if out.iter().any(|opening| opening.stream == plan.stream) {
            return Ok(());
        }
        let (params, names) = self.choices(plan);
        let slice = Slice {
            window: window.clone(),
            params,
            ..Slice::default()
        };
        let by_connector = self.stream.has_hook(HookKind::NextPosition);
        let most = if by_connector { 1 } else { REQUESTS };
        let outlook = outlook(plan, &self.stream.params, &slice, self.now, most)?;
        let first = outlook.requests.iter();
        out.push(Opening {
            stream: plan.stream.clone(),
            first: first.map(|request| self.show(request, &names)).collect(),
            then: match outlook.then {
                _ if by_connector => After::Connector,
                Then::Nothing => After::Nothing,
                Then::More => After::More,
                Then::Answer => After::Answer,
                Then::Limit => After::Limit,
            },
        });
        Ok(())
    }

    /// The parameters of the first slice. A value that only a parent knows has a stand-in, which
    /// needs no encoding anywhere; its name comes along.
    fn choices(&self, plan: &Plan) -> (BTreeMap<String, String>, Vec<(String, String)>) {
        let mut params = BTreeMap::new();
        let mut unknown = Vec::new();
        for partition in &plan.partitions {
            match partition.from.first() {
                Some(PartitionSource::Values(values)) => {
                    let value = values.first().cloned().unwrap_or_default();
                    params.insert(partition.name.clone(), value);
                }
                Some(PartitionSource::Parent { take, .. }) => {
                    unknown.push(partition.name.clone());
                    unknown.extend(take.iter().map(|(name, _)| name.clone()));
                }
                None => {}
            }
        }
        if plan.partitions.is_empty() && self.stream.has_hook(HookKind::Partitions) {
            unknown.push(tapline_engine::PARTITION.to_owned());
        }
        let names = unknown.into_iter().enumerate();
        let names: Vec<_> = names
            .map(|(at, name)| (format!("tapline-stands-in-{at}-"), name))
            .collect();
        params.extend(
            names
                .iter()
                .map(|(text, name)| (name.clone(), text.clone())),
        );
        (params, names)
    }

    /// `request` as it would be sent, signed, without secrets.
    fn show(&self, request: &Request, names: &[(String, String)]) -> Shown {
        let said = |text: &str| {
            let text = self.redactor.redact(text).into_owned();
            names.iter().fold(text, |text, (stand_in, name)| {
                text.replace(stand_in, &format!("${{{name}}}"))
            })
        };
        let mut url = request.url.clone();
        let headers = request.headers.iter().map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes());
            (name.to_string(), said(&value))
        });
        let mut headers: BTreeMap<String, String> = headers.collect();
        match signature(&self.stream.plan.auth) {
            Some((KeyLocation::Header, name, value)) => {
                headers.insert(name, value);
            }
            Some((KeyLocation::Query, name, value)) => {
                url.query_pairs_mut().append_pair(&name, &value);
            }
            None => {}
        }
        Shown {
            method: request.method.to_string(),
            url: said(&self.redactor.url(&url)),
            headers,
            body: match &request.body {
                Body::Bytes(bytes) => Some(said(&String::from_utf8_lossy(bytes))),
                Body::Empty | Body::Stream(_) => None,
            },
        }
    }
}

/// What the sign-in adds to a request, masked.
fn signature(auth: &AuthPlan) -> Option<(KeyLocation, String, String)> {
    let mask = Redactor::MASK;
    let header = |text: String| Some((KeyLocation::Header, "authorization".to_owned(), text));
    match auth {
        AuthPlan::None => None,
        AuthPlan::Basic { .. } => header(format!("Basic {mask}")),
        AuthPlan::Bearer { .. } | AuthPlan::OAuth2(_) => header(format!("Bearer {mask}")),
        AuthPlan::ApiKey { location, name, .. } => {
            let name = match location {
                KeyLocation::Header => name.to_lowercase(),
                KeyLocation::Query => name.clone(),
            };
            Some((*location, name, mask.to_owned()))
        }
    }
}
