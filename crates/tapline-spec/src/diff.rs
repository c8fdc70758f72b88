//! What a new version of a connector changes for those who use the old one.

mod params;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::auth::squeezed;
use crate::{
    Attributes, AuthSpec, ConnectorDocument, IncrementalParams, SourceSpec, planning, pointer,
};

/// A difference between two versions of a connector.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Where it is: in the old version if something is gone, else in the new one.
    pub pointer: String,
    /// Whether users have to do something.
    pub kind: ChangeKind,
    /// What is different.
    pub message: String,
}

/// Whether users of the old version have to do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChangeKind {
    /// They have: a project, a table or a state does not fit any more.
    Breaking,
    /// They have not.
    Compatible,
}

impl fmt::Display for ChangeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Breaking => "breaking",
            Self::Compatible => "compatible",
        })
    }
}

/// What `new` changes for the users of `old`. Texts for people are not compared.
pub fn diff(old: &ConnectorDocument, new: &ConnectorDocument) -> Vec<Change> {
    let mut changes = Changes(Vec::new());
    if old.id != new.id && old.id.is_some() {
        changes.breaking(
            "/id",
            "projects name the connector by its `id`, which is another one",
        );
    }
    ways(old, new, &mut changes);
    streams(old, new, &mut changes);
    changes.0
}

/// What was found so far.
struct Changes(Vec<Change>);

impl Changes {
    fn breaking(&mut self, at: impl Into<String>, message: impl Into<String>) {
        self.add(at.into(), ChangeKind::Breaking, message.into());
    }

    fn compatible(&mut self, at: impl Into<String>, message: impl Into<String>) {
        self.add(at.into(), ChangeKind::Compatible, message.into());
    }

    fn add(&mut self, pointer: String, kind: ChangeKind, message: String) {
        self.0.push(Change {
            pointer,
            kind,
            message,
        });
    }
}

/// The ways to sign in.
fn ways(old: &ConnectorDocument, new: &ConnectorDocument, changes: &mut Changes) {
    let find = |document: &ConnectorDocument, name: &str| -> Option<(usize, AuthSpec)> {
        let mut ways = document.auth_specs().iter().enumerate();
        let found = ways.find(|(_, way)| squeezed(&way.name) == squeezed(name));
        found.map(|(index, way)| (index, way.clone()))
    };
    for (index, way) in old.auth_specs().iter().enumerate() {
        let name = &way.name;
        match find(new, name) {
            None => {
                let at = format!("/authSpec/{index}");
                changes.breaking(at, format!("the way to sign in `{name}` is gone"));
            }
            Some((index, now)) => {
                let at = format!("/authSpec/{index}");
                if now.kind != way.kind {
                    let message = format!("`{name}` signs in as {}", now.kind.as_str());
                    changes.breaking(format!("{at}/type"), message);
                }
                params::compare(&way.spec, &now.spec, &format!("{at}/spec"), changes);
            }
        }
    }
    let before = old.auth_specs().len();
    for (index, way) in new.auth_specs().iter().enumerate() {
        if find(old, &way.name).is_some() {
            continue;
        }
        let at = format!("/authSpec/{index}");
        let message = format!("there is the way to sign in `{}`", way.name);
        match before {
            0 if !old.is_fragment() => changes.breaking(at, format!("{message}, and none before")),
            1 => changes.breaking(
                at,
                format!("{message}: connections must say which of them is meant"),
            ),
            _ => changes.compatible(at, message),
        }
    }
}

/// The streams, each under the place where it stands.
fn places(document: &ConnectorDocument) -> BTreeMap<String, &SourceSpec> {
    let named = document.streams.iter();
    let named = named.map(|(name, source)| (pointer::join("/streams", name), source));
    let single = document.source_spec.iter();
    named
        .chain(single.map(|source| ("/sourceSpec".to_owned(), source)))
        .collect()
}

fn streams(old: &ConnectorDocument, new: &ConnectorDocument, changes: &mut Changes) {
    let (before, after) = (places(old), places(new));
    for (at, source) in &before {
        match after.get(at) {
            Some(now) => stream(source, now, at, changes),
            None => changes.breaking(at.as_str(), format!("the stream {} is gone", named(at))),
        }
    }
    for at in after.keys().filter(|at| !before.contains_key(*at)) {
        changes.compatible(at.as_str(), format!("there is the stream {}", named(at)));
    }
}

fn named(at: &str) -> String {
    match at.strip_prefix("/streams/") {
        Some(_) => format!("`{}`", pointer::last(at).unwrap_or_default()),
        None => "of `sourceSpec`".to_owned(),
    }
}

fn stream(old: &SourceSpec, new: &SourceSpec, at: &str, changes: &mut Changes) {
    params::compare(&old.spec, &new.spec, &format!("{at}/spec"), changes);
    attributes(
        &old.attributes,
        &new.attributes,
        &format!("{at}/attributes"),
        changes,
    );
    columns(old, new, &format!("{at}/schema"), changes);
}

/// What is asked for, and what records look like.
fn attributes(old: &Attributes, new: &Attributes, at: &str, changes: &mut Changes) {
    let (before, now) = (&old.url_params, &new.url_params);
    let place =
        |url: &Option<crate::UrlParams>| url.as_ref().map(|u| (u.host.clone(), u.path.clone()));
    if place(before) != place(now) {
        changes.breaking(
            format!("{at}/urlParams"),
            "records are read from another place",
        );
    } else if before != now {
        changes.compatible(format!("{at}/urlParams"), "the request is another one");
    }
    if old.content_path != new.content_path {
        let at = format!("{at}/contentPath");
        changes.breaking(at, "records are found elsewhere, or look different");
    }
    if old.body_format() != new.body_format() {
        let at = format!("{at}/responseParams/format");
        changes.breaking(at, "bodies are read in another format");
    }
    if old.explode_entity_path != new.explode_entity_path {
        let at = format!("{at}/explodeEntityPath");
        changes.breaking(at, "records are made of another array, or look different");
    }
    if old.partition_params != new.partition_params {
        changes.breaking(
            format!("{at}/partitionParams"),
            "the stream has other slices",
        );
    }
    incremental(old, new, at, changes);
    match (&old.schedule_params, &new.schedule_params) {
        (Some(_), None) => {
            let at = format!("{at}/scheduleParams");
            changes.breaking(at, "no time window can be asked for any more");
        }
        (before, now) if before != now => {
            changes.compatible(
                format!("{at}/scheduleParams"),
                "a time window is asked for anew",
            );
        }
        _ => {}
    }
    for (key, differs) in [
        ("headerParams", old.header_params != new.header_params),
        ("bodyParams", old.body_params != new.body_params),
        (
            "paginationParams",
            old.pagination_params != new.pagination_params,
        ),
        ("responseParams", old.response_params != new.response_params),
        ("rateParams", old.rate_params != new.rate_params),
    ] {
        if differs {
            let message = format!("`{key}` says something else; what records look like stays");
            changes.compatible(format!("{at}/{key}"), message);
        }
    }
}

/// What is remembered of one cursor says nothing of another.
fn incremental(old: &Attributes, new: &Attributes, at: &str, changes: &mut Changes) {
    let (old, new) = (&old.incremental_params, &new.incremental_params);
    if old == new {
        return;
    }
    let at = format!("{at}/incrementalParams");
    let identity = |params: &IncrementalParams| {
        let keys = params.primary_keys.clone();
        (params.cursor.clone(), params.cursor_type, keys)
    };
    match (old, new) {
        (Some(before), now) if Some(identity(before)) != now.as_ref().map(identity) => {
            changes.breaking(at, "new records are told from old ones in another way");
        }
        _ => changes.compatible(at, "new records are asked for in another way"),
    }
}

/// The columns that the schema declares.
fn columns(old: &SourceSpec, new: &SourceSpec, at: &str, changes: &mut Changes) {
    let (before, now) = (planning::columns(old), planning::columns(new));
    for column in &before {
        let name = &column.name;
        match now.iter().find(|known| known.name == *name) {
            None => changes.breaking(at, format!("the column `{name}` is gone")),
            Some(known) if known.kind != column.kind => {
                let kind = |kind| format!("{kind:?}").to_lowercase();
                let (was, is) = (kind(column.kind), kind(known.kind));
                changes.breaking(at, format!("the column `{name}` was {was} and is {is}"));
            }
            Some(_) => {}
        }
    }
    for column in now
        .iter()
        .filter(|c| before.iter().all(|known| known.name != c.name))
    {
        changes.compatible(at, format!("there is the column `{}`", column.name));
    }
}

#[cfg(test)]
mod tests;
