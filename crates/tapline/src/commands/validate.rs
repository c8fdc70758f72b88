//! `tapline validate`: everything that can be known without a request.

use std::path::Path;

use serde_json::json;

use crate::app::App;
use crate::cli::ValidateArgs;
use crate::connectors::read_spec;
use crate::exit_code::Exit;
use crate::failure::{Failure, Result};
use crate::judged::Judged;
use crate::output::numbers::plural;
use crate::project::{Lookup, Project};
use crate::wiring::Wiring;

/// What was found in all files.
#[derive(Default)]
struct Findings {
    judged: Judged,
    files: Vec<String>,
}

/// Judges the files asked for, or the project and every spec file it names.
///
/// # Errors
/// A file cannot be read; what is wrong inside of files is the answer, not an error.
pub(crate) fn validate(app: &App, args: &ValidateArgs) -> Result<Exit> {
    let mut found = Findings::default();
    if args.files.is_empty() {
        found.project(app, app.globals.project.as_deref())?;
    }
    for file in &args.files {
        if is_project(file) {
            found.project(app, Some(file))?;
        } else {
            found.spec(file)?;
        }
    }
    let valid = found.judged.errors() == 0 && (args.deny.is_none() || found.judged.warnings() == 0);
    let exit = if valid { Exit::COMPLETE } else { Exit::USAGE };
    found.tell(app, valid)?;
    Ok(exit)
}

impl Findings {
    fn project(&mut self, app: &App, path: Option<&Path>) -> Result<()> {
        let project = match Project::find(path) {
            Ok(project) => project,
            Err(failure) => return self.absorb(failure),
        };
        self.files.push(project.path().display().to_string());
        self.judged.extend(project.lints().clone());
        for (path, at) in project.spec_files() {
            self.spec(&path).or_else(|failure| match failure {
                Failure::Error { error, .. } => self.absorb(project.unread(at, &error)),
                invalid @ Failure::Invalid(_) => self.absorb(invalid),
            })?;
        }
        if self.judged.errors() == 0 {
            self.pipelines(app, &project)?;
        }
        Ok(())
    }

    /// Plans every pipeline, which finds unknown streams and parameters. Secrets may be elsewhere.
    fn pipelines(&mut self, app: &App, project: &Project) -> Result<()> {
        let catalogue = app.catalogue();
        let wiring = Wiring::new(project, &catalogue);
        for name in project.file().pipelines.keys() {
            if let Err(failure) = wiring.stream(name, Lookup::StandIn) {
                self.absorb(failure)?;
            }
        }
        Ok(())
    }

    fn spec(&mut self, path: &Path) -> Result<()> {
        self.files.push(path.display().to_string());
        match read_spec(path) {
            Ok((_, judged)) => {
                self.judged.extend(judged);
                Ok(())
            }
            Err(failure) => self.absorb(failure),
        }
    }

    /// Takes diagnostics over; anything else ends the command.
    fn absorb(&mut self, failure: Failure) -> Result<()> {
        match failure {
            Failure::Invalid(judged) => {
                self.judged.extend(judged);
                Ok(())
            }
            error @ Failure::Error { .. } => Err(error),
        }
    }

    fn tell(&self, app: &App, valid: bool) -> Result<()> {
        if !self.judged.is_empty() {
            app.screen.note(self.judged.to_string());
        }
        if app.screen.is_json() {
            return app.screen.json(&json!({
                "valid": valid,
                "errors": self.judged.errors(),
                "warnings": self.judged.warnings(),
                "files": self.files,
                "diagnostics": self.judged.documents(),
            }));
        }
        let files = plural(self.files.len().max(1) as u64, "file");
        let word = if valid { "valid" } else { "not valid" };
        let what = match self.judged.is_empty() {
            true => format!("{word}: {files}"),
            false => format!("{word}: {files}, {}", self.judged.summary()),
        };
        if valid {
            app.screen.line(what)
        } else {
            app.screen.note(what);
            Ok(())
        }
    }
}

/// Whether `file` is a project rather than a spec: by its name, or by what only projects have.
fn is_project(file: &Path) -> bool {
    if file
        .file_name()
        .is_some_and(|name| name == crate::project::FILE_NAME)
    {
        return true;
    }
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let mut lines = text.lines();
    lines.any(|line| {
        let key = line.split(':').next().unwrap_or_default();
        matches!(key, "connections" | "pipelines" | "destinations")
    })
}
