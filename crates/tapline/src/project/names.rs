//! What a schema cannot say: names that must exist, and references that must be well formed.

use std::collections::BTreeMap;
use std::iter;

use tapline_core::column;
use tapline_http::Origin;
use tapline_spec::Diagnostic;

use super::ProjectFile;
use super::file::{Connection, Destination, Pipeline};
use super::value::Value;
use super::{place, server, state};
use crate::output::text::hint;

/// Everything wrong with the names and references of `file`.
pub(super) fn check(file: &ProjectFile) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    found.extend(state::check(&file.state));
    for (name, connection) in &file.connections {
        check_connection(name, connection, &mut found);
    }
    for (name, destination) in &file.destinations {
        if let Destination::Postgres { url, .. } = destination {
            let at = place::pointer(name);
            found.extend(server::check(url, &at, || place::unknown(&at)));
        }
    }
    for (name, pipeline) in &file.pipelines {
        check_pipeline(name, pipeline, file, &mut found);
    }
    check_tables(file, &mut found);
    found
}

fn check_connection(name: &str, connection: &Connection, found: &mut Vec<Diagnostic>) {
    let pointer = format!("/connections/{}", escape(name));
    check_values(&format!("{pointer}/params"), &connection.params, found);
    check_hosts(&pointer, &connection.allow_hosts, found);
    if let Some(auth) = &connection.auth {
        check_values(&format!("{pointer}/auth/params"), &auth.params, found);
    }
    if !connection.streams.is_empty() && connection.connector != "rest" {
        let message = format!(
            "`streams` belongs to the connector `rest`; `{}` has its own",
            connection.connector
        );
        found.push(
            Diagnostic::error("E-streams", format!("{pointer}/streams"), message)
                .with_hint("remove `streams`, or write `connector: rest`"),
        );
    }
}

fn check_pipeline(
    name: &str,
    pipeline: &Pipeline,
    file: &ProjectFile,
    found: &mut Vec<Diagnostic>,
) {
    let pointer = format!("/pipelines/{}", escape(name));
    let connections = file.connections.keys().map(String::as_str);
    let wanted = &pipeline.source.connection;
    if !file.connections.contains_key(wanted) {
        let at = format!("{pointer}/source/connection");
        found.push(unknown("connection", at, wanted, connections));
    }
    let destinations = file.destinations.keys().map(String::as_str);
    let wanted = &pipeline.destination.name;
    if !file.destinations.contains_key(wanted) {
        let at = format!("{pointer}/destination/name");
        found.push(unknown("destination", at, wanted, destinations));
    }
    check_table(&pointer, &pipeline.destination.table, found);
    let destination = file.destinations.get(&pipeline.destination.name);
    let at = format!("{pointer}/schema");
    let (schema, sync) = (&pipeline.schema, &pipeline.sync);
    schema.check(&at, sync, destination, found);
    if let Some(raw) = &pipeline.raw {
        raw.check(
            &format!("{pointer}/raw"),
            destination,
            schema.hides(),
            found,
        );
    }
    if let Some(schedule) = &pipeline.schedule {
        schedule.check(&format!("{pointer}/schedule"), found);
    }
    check_values(
        &format!("{pointer}/source/params"),
        &pipeline.source.params,
        found,
    );
}

/// Two pipelines that replace the same table would undo each other's work.
fn check_tables(file: &ProjectFile, found: &mut Vec<Diagnostic>) {
    let mut seen = BTreeMap::new();
    for (name, pipeline) in &file.pipelines {
        let destination = &pipeline.destination;
        let children = pipeline.schema.children().into_iter();
        let children = children.map(|child| format!("{}__{child}", destination.table));
        for table in iter::once(destination.table.clone()).chain(children) {
            let key = (&destination.name, &destination.schema, table.clone());
            if let Some(other) = seen.insert(key, name) {
                let message =
                    format!("pipelines `{other}` and `{name}` both fill the table `{table}`");
                let pointer = format!("/pipelines/{}/destination/table", escape(name));
                let hint = "each of them needs tables of its own";
                found.push(Diagnostic::error("E-table", pointer, message).with_hint(hint));
            }
        }
    }
}

/// The names that a database keeps for itself, or tapline for its notes.
fn check_table(pointer: &str, table: &str, found: &mut Vec<Diagnostic>) {
    let folded = table.to_ascii_lowercase();
    let mut reserved = ["sqlite_", column::PREFIX].into_iter();
    let message = match reserved.find(|prefix| folded.starts_with(prefix)) {
        Some(prefix) => {
            format!("the table name `{table}` begins with `{prefix}`, which is reserved")
        }
        None if table.is_empty() => "the table name is empty".to_owned(),
        None => return,
    };
    let pointer = format!("{pointer}/destination/table");
    found.push(Diagnostic::error("E-table", pointer, message).with_hint("choose another name"));
}

/// Hosts that requests may go to, each an origin.
fn check_hosts(pointer: &str, hosts: &[String], found: &mut Vec<Diagnostic>) {
    for (index, host) in hosts.iter().enumerate() {
        if let Err(error) = host.parse::<Origin>() {
            let at = format!("{pointer}/allow_hosts/{index}");
            found.push(Diagnostic::error("E-host", at, error.message()));
        }
    }
}

fn check_values(pointer: &str, values: &BTreeMap<String, Value>, found: &mut Vec<Diagnostic>) {
    for (name, value) in values {
        if let Err(error) = value.check() {
            let at = format!("{pointer}/{}", escape(name));
            found.push(Diagnostic::error("E-reference", at, error.to_string()));
        }
    }
}

/// An unknown name, and the known ones.
fn unknown<'a>(
    noun: &str,
    pointer: String,
    wanted: &str,
    known: impl Iterator<Item = &'a str> + Clone,
) -> Diagnostic {
    Diagnostic::error(
        "E-unknown-name",
        pointer,
        format!("unknown {noun} `{wanted}`"),
    )
    .with_hint(hint(wanted, known))
}

/// A name as a part of a JSON pointer.
pub(crate) fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
