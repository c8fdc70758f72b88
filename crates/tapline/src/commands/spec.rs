//! `tapline spec`: what a connector asks for and offers.

use owo_colors::OwoColorize;
use serde_json::{Map, Value, json};
use tapline_spec::{
    Change, ChangeKind, ConnectorDocument, PaginationKind, RequestMethod, SourceSpec,
    connector_schema,
};

use crate::app::App;
use crate::cli::{SpecArgs, SpecCommand, SpecDiffArgs};
use crate::exit_code::Exit;
use crate::failure::{Failure, Result};
use crate::output::numbers::plural;
use crate::output::text::{hint, list};
use crate::output::{Screen, Table, clean};

/// Shows a connector, one of its streams, or the JSON Schema of spec files.
///
/// # Errors
/// There is no such connector or stream.
pub(crate) fn spec(app: &App, args: &SpecArgs) -> Result<Exit> {
    if let Some(SpecCommand::Diff(args)) = &args.command {
        return diff(app, args);
    }
    let Some(name) = args.connector.as_ref().filter(|_| !args.schema) else {
        app.screen.json(&connector_schema())?;
        return Ok(Exit::COMPLETE);
    };
    let connector = app.catalogue().look_at(name)?;
    let document = &connector.document;
    match (&args.stream, app.screen.is_json()) {
        (None, true) => app.screen.json(document)?,
        (None, false) => show(app.screen, name, document)?,
        (Some(stream), true) => app.screen.json(find(name, document, stream)?)?,
        (Some(stream), false) => {
            title(app.screen, name, document)?;
            show_stream(app.screen, stream, find(name, document, stream)?)?;
        }
    }
    Ok(Exit::COMPLETE)
}

/// Tells what another version of a connector changes for those who use it.
fn diff(app: &App, args: &SpecDiffArgs) -> Result<Exit> {
    let catalogue = app.catalogue();
    let (old, new) = (catalogue.look_at(&args.old)?, catalogue.look_at(&args.new)?);
    let changes = tapline_spec::diff(&old.document, &new.document);
    let breaking = changes
        .iter()
        .filter(|change| change.kind == ChangeKind::Breaking)
        .count();
    if app.screen.is_json() {
        app.screen
            .json(&json!({ "breaking": breaking > 0, "changes": changes }))?;
    } else {
        for change in &changes {
            app.screen.line(change_line(change))?;
        }
        app.screen.line(format!(
            "{}, {} of them breaking",
            plural(changes.len() as u64, "change"),
            breaking
        ))?;
    }
    Ok(match breaking {
        0 => Exit::COMPLETE,
        _ => Exit::FAILED,
    })
}

fn change_line(change: &Change) -> String {
    let kind = match change.kind {
        ChangeKind::Breaking => "breaking".red().bold().to_string(),
        ChangeKind::Compatible => "compatible".green().to_string(),
    };
    format!(
        "{kind} {}: {}",
        clean(&change.pointer).bold(),
        clean(&change.message)
    )
}

fn find<'a>(name: &str, document: &'a ConnectorDocument, stream: &str) -> Result<&'a SourceSpec> {
    let known = document.streams.keys().map(String::as_str);
    let unknown = || {
        Failure::usage(
            format!("{name} has no stream `{stream}`"),
            hint(stream, known),
        )
    };
    document.stream(stream).ok_or_else(unknown)
}

fn title(screen: Screen, name: &str, document: &ConnectorDocument) -> Result<()> {
    let title = document.name.as_deref().unwrap_or(name);
    let title = clean(title).bold().to_string();
    match document.version.as_deref() {
        Some(version) => screen.line(format!("{title} {}", clean(version).dimmed())),
        None => screen.line(title),
    }
}

fn show(screen: Screen, name: &str, document: &ConnectorDocument) -> Result<()> {
    title(screen, name, document)?;
    if let Some(description) = &document.description {
        screen.line(clean(description))?;
    }
    for way in document.auth_specs() {
        heading(screen, &format!("Sign in: {}", way.name))?;
        params(screen, &way.spec)?;
    }
    if document.auth_specs().is_empty() && !document.is_fragment() {
        screen.line("\nNo sign-in is needed.")?;
    }
    for (name, stream) in &document.streams {
        show_stream(screen, name, stream)?;
    }
    match &document.source_spec {
        Some(stream) => show_stream(screen, "(named by the project)", stream),
        None if document.streams.is_empty() => {
            screen.line("\nStreams: one for each spec file that the project names.")
        }
        None => Ok(()),
    }
}

fn show_stream(screen: Screen, name: &str, stream: &SourceSpec) -> Result<()> {
    heading(screen, &format!("Stream: {name}"))?;
    let attributes = &stream.attributes;
    if let Some(url) = &attributes.url_params {
        let host = url.host.as_deref().unwrap_or_default();
        let method = match url.method {
            RequestMethod::Get => "GET",
            RequestMethod::Post => "POST",
        };
        screen.line(format!("  {method} {}{}", clean(host), clean(&url.path)))?;
    }
    screen.line(format!("  Pages: {}", paging(stream)))?;
    params(screen, &stream.spec)?;
    let declared = stream
        .schema
        .as_ref()
        .and_then(|schema| schema.get("properties"));
    if let Some(columns) = declared.and_then(Value::as_object) {
        let names = list(columns.keys().map(String::as_str));
        screen.line(format!("  Columns: {}", clean(&names)))?;
    }
    Ok(())
}

/// How pages follow each other, and how large they are.
fn paging(stream: &SourceSpec) -> String {
    let params = stream.attributes.pagination_params.as_ref();
    let kind = params.map_or(PaginationKind::None, |params| params.kind);
    match params.and_then(|params| params.limit_value) {
        Some(limit) => format!("{}, {} each", kind.as_str(), plural(limit, "record")),
        None => kind.as_str().to_owned(),
    }
}

fn heading(screen: Screen, text: &str) -> Result<()> {
    screen.line(format!("\n{}", clean(text).bold()))
}

/// The parameters that a JSON Schema declares.
fn params(screen: Screen, schema: &Map<String, Value>) -> Result<()> {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
        return Ok(());
    };
    if properties.is_empty() {
        return Ok(());
    }
    let required = schema.get("required").and_then(Value::as_array);
    let mut table = Table::new(["parameter", "needed", "meaning"]);
    for (name, property) in properties {
        let needed = required.is_some_and(|names| names.iter().any(|n| n == name));
        table.row([
            name.as_str().into(),
            need(property, needed).into(),
            meaning(property).into(),
        ]);
    }
    let text = table.render(screen.width().saturating_sub(2));
    let lines: Vec<String> = text.lines().map(|line| format!("  {line}")).collect();
    screen.line(lines.join("\n"))
}

fn need(property: &Value, required: bool) -> String {
    match property.get("default") {
        Some(Value::String(default)) => format!("default {default}"),
        Some(default) => format!("default {default}"),
        None if required => "yes".to_owned(),
        None => "no".to_owned(),
    }
}

fn meaning(property: &Value) -> String {
    let text = |key: &str| {
        property
            .get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let description = text("description");
    if text("format") == "password" {
        return format!("{description} (secret)").trim().to_owned();
    }
    description.to_owned()
}
