//! Says errors of planning where the person can mend them: in the project file, if it is the
//! project that is wrong, else in the connector's own file.

use std::path::Path;

use tapline_spec::Diagnostic;

use crate::connectors::Connector;
use crate::failure::Failure;
use crate::judged::Judged;
use crate::project::{Project, pointer};

/// The failure for what planning the pipeline `name` has found.
pub(super) fn failure(
    project: &Project,
    name: &str,
    connector: &Connector,
    found: Vec<Diagnostic>,
) -> Failure {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for mut diagnostic in found {
        match place(project, name, connector, &diagnostic) {
            Some(pointer) => {
                diagnostic.pointer = pointer;
                ours.push(diagnostic);
            }
            None => theirs.push(diagnostic),
        }
    }
    if !ours.is_empty() {
        return project.invalid(ours);
    }
    let file = file_of(connector, &mut theirs);
    let text = match connector.plugin {
        None => std::fs::read_to_string(file).ok(),
        Some(_) => None,
    };
    if let Some(text) = &text {
        tapline_spec::locate(text, &mut theirs);
    }
    Failure::Invalid(Judged::of(file, text.as_deref(), theirs))
}

/// The file that the first of `found` is about, if they are about several; what is about another
/// is left for later, and places are said as they are in that file.
fn file_of<'a>(connector: &'a Connector, found: &mut Vec<Diagnostic>) -> &'a Path {
    let is_in = |diagnostic: &Diagnostic, stream: &str| {
        let rest = diagnostic.pointer.strip_prefix("/streams/");
        rest.and_then(|rest| rest.strip_prefix(&*pointer(stream)))
            .filter(|rest| rest.is_empty() || rest.starts_with('/'))
            .map(str::to_owned)
    };
    let lender = found.first().and_then(|first| {
        let mut lent = connector.lent.iter();
        lent.find(|(stream, _)| is_in(first, stream).is_some())
    });
    let Some((stream, lent)) = lender else {
        return &connector.file;
    };
    found.retain_mut(|diagnostic| {
        let rest = is_in(diagnostic, stream);
        if let Some(rest) = &rest {
            diagnostic.pointer = format!("{}{rest}", lent.at);
        }
        rest.is_some()
    });
    &lent.file
}

/// Where in the project file `diagnostic` can be mended.
fn place(
    project: &Project,
    name: &str,
    connector: &Connector,
    diagnostic: &Diagnostic,
) -> Option<String> {
    let pipeline = project.file().pipelines.get(name)?;
    let connection = project
        .file()
        .connections
        .get(&pipeline.source.connection)?;
    let source = format!("/pipelines/{}/source", pointer(name));
    let shared = format!("/connections/{}", pointer(&pipeline.source.connection));
    match diagnostic.code {
        "E-stream" if diagnostic.pointer == "/streams" => return Some(format!("{source}/stream")),
        "E-auth" => return Some(format!("{shared}/auth/specName")),
        "E-unknown-parameter" | "E-missing-parameter" | "E-parameter" => {}
        _ => return None,
    }
    let param = diagnostic.message.split('`').nth(1)?;
    let auth = connection.auth.as_ref();
    let steps = |folder: &str| format!("{folder}/{}", pointer(param));
    Some(if pipeline.source.params.contains_key(param) {
        steps(&format!("{source}/params"))
    } else if connection.params.contains_key(param) {
        steps(&format!("{shared}/params"))
    } else if auth.is_some_and(|auth| auth.params.contains_key(param)) || signs(connector, param) {
        steps(&format!("{shared}/auth/params"))
    } else {
        format!("{source}/params")
    })
}

/// Whether a way to sign in declares `param`.
fn signs(connector: &Connector, param: &str) -> bool {
    let ways = connector.document.auth_specs().iter();
    let mut properties = ways.filter_map(|way| way.spec.get("properties")?.as_object());
    properties.any(|properties| properties.contains_key(param))
}
