//! `tapline connectors`: which connectors there are, and why one cannot be used.

use serde_json::json;
use tapline_host::Found;

use crate::app::App;
use crate::connectors::{Catalogue, Connector, was_named};
use crate::exit_code::Exit;
use crate::failure::Result;
use crate::output::text::list;
use crate::output::{Table, clean};

/// A plugin that was found, and what it is, or why that cannot be said.
struct Entry {
    found: Found,
    connector: Result<Connector, String>,
}

/// Lists the connectors.
///
/// # Errors
/// Stdout cannot be written.
pub(crate) fn connectors(app: &App) -> Result<Exit> {
    let catalogue = app.catalogue();
    let entries: Vec<Entry> = catalogue
        .found()
        .into_iter()
        .map(|found| look(&catalogue, found))
        .collect();
    if app.screen.is_json() {
        let documents: Vec<_> = entries.iter().map(document).collect();
        app.screen.json(&json!({ "connectors": documents }))?;
        return Ok(Exit::COMPLETE);
    }
    if entries.is_empty() {
        app.screen.note(
            "no connector plugins were found; they stand beside the program, or in a folder that \
             `--plugin-dir` names. Any JSON API can be read without one: `tapline init`",
        );
        return Ok(Exit::COMPLETE);
    }
    app.screen
        .line(table(&entries).render(app.screen.width()))?;
    for entry in &entries {
        if let Err(reason) = &entry.connector {
            app.screen
                .note(format!("{}: {}", entry.found.id, clean(reason)));
        }
        for path in &entry.found.shadowed {
            let path = path.display().to_string();
            let (id, path) = (&entry.found.id, clean(&path));
            app.screen
                .note(format!("{id}: {path} is not used: another one comes first"));
        }
    }
    Ok(Exit::COMPLETE)
}

fn look(catalogue: &Catalogue, found: Found) -> Entry {
    let connector = if found.trusted || was_named(&found) {
        catalogue
            .plugin(&found.id, true)
            .map_err(|failure| failure.reason())
    } else {
        Err(format!(
            "not opened: {} does not stand beside the program, and no `--plugin-dir` names it",
            found.path.display()
        ))
    };
    Entry { found, connector }
}

fn hooks(connector: &Connector) -> Vec<&'static str> {
    let plugin = connector.plugin.iter();
    plugin
        .flat_map(|plugin| plugin.hooks.iter())
        .map(tapline_core::HookKind::name)
        .collect()
}

fn document(entry: &Entry) -> serde_json::Value {
    let found = &entry.found;
    let mut out = json!({
        "id": found.id,
        "path": found.path,
        "trusted": found.trusted,
        "shadowed": found.shadowed,
    });
    let more = match &entry.connector {
        Ok(connector) => json!({
            "id": connector.document.id,
            "name": connector.document.name,
            "version": connector.document.version,
            "description": connector.document.description,
            "streams": connector.document.streams.keys().collect::<Vec<_>>(),
            "hooks": hooks(connector),
        }),
        Err(reason) => json!({ "error": reason }),
    };
    if let (Some(out), serde_json::Value::Object(more)) = (out.as_object_mut(), more) {
        out.extend(more);
    }
    out
}

fn table(entries: &[Entry]) -> Table {
    let mut table = Table::new([
        "connector",
        "name",
        "streams",
        "version",
        "hooks",
        "trusted",
        "path",
    ]);
    for entry in entries {
        let found = &entry.found;
        let trusted = if found.trusted { "yes" } else { "no" };
        let path = found.path.display().to_string();
        let [id, name, streams, version, hooks] = match &entry.connector {
            Ok(connector) => described(connector),
            Err(_) => [found.id.as_str(), "not usable", "", "", ""].map(str::to_owned),
        };
        let cells = [id, name, streams, version, hooks, trusted.to_owned(), path];
        table.row(cells.map(Into::into));
    }
    table
}

fn described(connector: &Connector) -> [String; 5] {
    let document = &connector.document;
    let or_none = |text: &Option<String>| text.clone().unwrap_or_default();
    [
        or_none(&document.id),
        or_none(&document.name),
        match document.streams.is_empty() {
            true => "from spec files".to_owned(),
            false => list(document.streams.keys().map(String::as_str)),
        },
        or_none(&document.version),
        hooks(connector).join(", "),
    ]
}
