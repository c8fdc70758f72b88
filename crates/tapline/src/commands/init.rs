//! `tapline init`: a project file to fill in, with what the connector asks for.

mod template;

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::app::App;
use crate::cli::InitArgs;
use crate::connectors::REST;
use crate::exit_code::Exit;
use crate::failure::{Failure, Result};
use crate::project::FILE_NAME;

/// Where the state and other local files are.
const STATE: &str = ".tapline";
/// The example spec file.
const EXAMPLE: &str = "specs/items.json";

/// Writes a project file, an example spec file for `rest`, and a line of `.gitignore`.
///
/// # Errors
/// A file is there already, or the connector is not.
pub(crate) fn init(app: &App, args: &InitArgs) -> Result<Exit> {
    let project = match &app.globals.project {
        Some(path) => path.clone(),
        None => PathBuf::from(FILE_NAME),
    };
    let folder = project.parent().unwrap_or(Path::new("")).to_owned();
    let (text, secrets) = if args.connector == REST {
        (template::REST.to_owned(), Vec::new())
    } else {
        let catalogue = app.catalogue();
        let connector = catalogue.look_at(&args.connector)?;
        let trusted = catalogue.is_trusted(&args.connector);
        template::of(&args.connector, &connector.document, trusted)
    };
    let mut files = vec![(project, text.as_str())];
    if args.connector == REST {
        files.push((folder.join(EXAMPLE), template::EXAMPLE_SPEC));
    }
    if let Some((path, _)) = files.iter().find(|(path, _)| path.exists()) {
        return Err(exists(path));
    }
    for (path, text) in &files {
        create(path, text)?;
    }
    ignore_state(&folder)?;
    let written: Vec<PathBuf> = files.into_iter().map(|(path, _)| path).collect();
    tell(app, &written, &secrets)?;
    Ok(Exit::COMPLETE)
}

/// Writes a file that is not there yet.
fn create(path: &Path, text: &str) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|error| unwritten(path, &error))?;
    }
    let file = OpenOptions::new().write(true).create_new(true).open(path);
    match file.and_then(|mut file| file.write_all(text.as_bytes())) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(exists(path)),
        Err(error) => Err(unwritten(path, &error)),
    }
}

fn exists(path: &Path) -> Failure {
    Failure::usage(
        format!(
            "{} is there already, and `init` overwrites nothing",
            path.display()
        ),
        "edit it, or begin in another folder",
    )
}

fn unwritten(path: &Path, error: &std::io::Error) -> Failure {
    Failure::usage(
        format!("cannot write {}: {error}", path.display()),
        "begin in a folder that can be written",
    )
}

/// Keeps the state out of version control.
fn ignore_state(folder: &Path) -> Result<()> {
    let path = folder.join(".gitignore");
    let before = fs::read_to_string(&path).unwrap_or_default();
    if before
        .lines()
        .any(|line| line.trim().trim_matches('/') == STATE)
    {
        return Ok(());
    }
    let gap = if before.is_empty() || before.ends_with('\n') {
        ""
    } else {
        "\n"
    };
    let file = OpenOptions::new().append(true).create(true).open(&path);
    file.and_then(|mut file| writeln!(file, "{gap}{STATE}/"))
        .map_err(|error| unwritten(&path, &error))
}

fn tell(app: &App, written: &[PathBuf], secrets: &[String]) -> Result<()> {
    let names: Vec<String> = written
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    if app.screen.is_json() {
        return app.screen.json(&json!({ "written": names }));
    }
    app.screen
        .line(format!("Wrote {}.\n\nNext:", names.join(" and ")))?;
    app.screen.line(format!("  edit {}", names[0]))?;
    for secret in secrets {
        app.screen.line(format!("  export {secret}=..."))?;
    }
    app.screen.line(
        "  tapline validate    check it without any request\n  \
         tapline check       try the connection\n  \
         tapline run         fetch everything",
    )
}
