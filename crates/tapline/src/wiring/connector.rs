//! Which connector a pipeline means: a plugin, a spec file, or `rest` with a spec file per stream.

use std::path::Path;

use tapline_core::ErrorKind;
use tapline_spec::{AuthKind, Diagnostic, SourceSpec};

use crate::connectors::{Catalogue, Connector, Lent, REST, is_spec_file, read_spec};
use crate::failure::{Failure, Result};
use crate::output::text::hint;
use crate::project::{Connection, Pipeline, Project, Trust, pointer};

/// The connector of `pipeline`.
///
/// # Errors
/// It is not there, not trusted or not valid; what the project can mend is said at its place.
pub(super) fn find(
    project: &Project,
    catalogue: &Catalogue,
    pipeline: &Pipeline,
) -> Result<Connector> {
    let connection = project.connection(&pipeline.source.connection)?;
    let at = format!("/connections/{}", pointer(&pipeline.source.connection));
    let name = connection.connector.as_str();
    if is_spec_file(name) {
        return spec(project, Path::new(name), format!("{at}/connector"));
    }
    if name == REST && !connection.streams.is_empty() {
        let stream = &pipeline.source.stream;
        let mut connector = spec_of_stream(project, connection, stream, &at)?;
        add_parents(project, connection, stream, &at, &mut connector)?;
        return Ok(lend_sign_in(catalogue, connection, connector));
    }
    let found = catalogue.plugin(name, is_trusted(connection));
    found.map_err(|failure| match failure {
        Failure::Error { error, hint } if error.kind() == ErrorKind::Usage => {
            let at = format!("{at}/connector");
            let found = Diagnostic::error("E-connector", at, error.message());
            project.invalid(vec![Diagnostic { hint, ..found }])
        }
        other => other,
    })
}

fn is_trusted(connection: &Connection) -> bool {
    connection.trust == Some(Trust::InProcess)
}

fn spec_of_stream(
    project: &Project,
    connection: &Connection,
    stream: &str,
    at: &str,
) -> Result<Connector> {
    let at = format!("{at}/streams");
    if let Some(path) = connection.streams.get(stream) {
        return spec(project, path, format!("{at}/{}", pointer(stream)));
    }
    let known = connection.streams.keys().map(String::as_str);
    let message = format!("there is no spec file for the stream `{stream}`");
    let found = Diagnostic::error("E-stream", at, message).with_hint(hint(stream, known));
    Err(project.invalid(vec![found]))
}

/// Adds the streams whose records are slices of `stream`, and what those need, each from its own
/// file. The connection signs in as the file of `stream` says.
fn add_parents(
    project: &Project,
    connection: &Connection,
    stream: &str,
    at: &str,
    connector: &mut Connector,
) -> Result<()> {
    let source = connector.document.stream(stream);
    let mut wanted: Vec<String> = source.map(parents).unwrap_or_default();
    while let Some(name) = wanted.pop() {
        if connector.document.streams.contains_key(&name) {
            continue;
        }
        let parent = spec_of_stream(project, connection, &name, at)?;
        let Some(source) = parent.document.stream(&name) else {
            continue;
        };
        wanted.extend(parents(source));
        let at = match parent.document.streams.contains_key(&name) {
            true => format!("/streams/{}", pointer(&name)),
            false => "/sourceSpec".to_owned(),
        };
        let file = parent.file;
        connector.lent.insert(name.clone(), Lent { file, at });
        let streams = &mut connector.document.streams;
        streams.insert(name, source.clone());
    }
    Ok(())
}

/// The streams whose records are slices of `source`.
pub(super) fn parents(source: &SourceSpec) -> Vec<String> {
    let partitions = source.attributes.partition_params.iter();
    let parents = partitions.filter_map(|partition| partition.parent.as_ref());
    parents.map(|parent| parent.stream.clone()).collect()
}

/// The spec file `path`, which is named at `at` of the project file.
fn spec(project: &Project, path: &Path, at: String) -> Result<Connector> {
    let read = read_spec(&project.resolve(path));
    read.map(|(connector, _)| connector)
        .map_err(|failure| match failure {
            Failure::Error { error, .. } => project.unread(at, &error),
            invalid @ Failure::Invalid(_) => invalid,
        })
}

/// A spec file that says nothing of signing in may use the API key of the connector `rest`; the
/// other ways are known without it.
fn lend_sign_in(
    catalogue: &Catalogue,
    connection: &Connection,
    mut connector: Connector,
) -> Connector {
    let auth = connection.auth.as_ref();
    let wanted = auth.and_then(|auth| auth.spec_name.as_deref());
    if let Some(wanted) = wanted.filter(|_| connector.document.is_fragment())
        && let Ok(rest) = catalogue.plugin(REST, is_trusted(connection))
    {
        let mut ways = rest.document.auth_specs().iter();
        let lent = ways.find(|way| way.kind == AuthKind::ApiKey && way.is_called(wanted));
        if let Some(way) = lent {
            connector.document.auth_spec = Some(vec![way.clone()]);
        }
    }
    connector
}
