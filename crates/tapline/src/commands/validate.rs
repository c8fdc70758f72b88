//! `tapline validate`: everything that can be known without a request.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::app::App;
use crate::cli::{Format, ValidateArgs};
use crate::commands::{explain, gather, job};
use crate::connectors::read_spec;
use crate::exit_code::Exit;
use crate::failure::{Failure, Result};
use crate::judged::Judged;
use crate::output::numbers::plural;
use crate::output::report;
use crate::project::{Lookup, Project};
use crate::wiring::Wiring;

/// What was found in all files.
#[derive(Default)]
struct Findings {
    judged: Judged,
    files: Vec<String>,
    /// Files of the folders that are neither specs nor projects.
    passed_over: u64,
    /// Whether spec files are written anew.
    fix: bool,
    fixed: Vec<String>,
}

/// Judges the files asked for, or the project and every spec file it names.
///
/// # Errors
/// A file cannot be read; what is wrong inside of files is the answer, not an error.
pub(crate) fn validate(app: &App, args: &ValidateArgs) -> Result<Exit> {
    if let Some(code) = &args.explain {
        return explain::explain(app, code);
    }
    let mut found = Findings {
        fix: args.fix,
        ..Findings::default()
    };
    if args.files.is_empty() {
        found.project(app, app.globals.project.as_deref())?;
    }
    let gathered = gather::gather(&args.files)?;
    for file in &gathered.projects {
        found.project(app, Some(file))?;
    }
    for file in &gathered.specs {
        found.spec(file)?;
    }
    found.passed_over = gathered.passed_over;
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
        let mut lints = Vec::new();
        for name in project.file().pipelines.keys() {
            if let Err(failure) = job::mode(project, name) {
                self.absorb(failure)?;
            }
            match wiring.stream(name, Lookup::StandIn) {
                Ok(stream) => lints.extend(project.judge_sync(name, stream.plan())),
                Err(failure) => self.absorb(failure)?,
            }
        }
        self.judged.extend(project.judged(lints));
        Ok(())
    }

    fn spec(&mut self, path: &Path) -> Result<()> {
        let name = path.display().to_string();
        // A project names files that were asked for, too.
        if self.files.contains(&name) {
            return Ok(());
        }
        if self.fix && fix(path)? {
            self.fixed.push(name.clone());
        }
        self.files.push(name);
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
        let screen = app.screen;
        if !self.judged.is_empty() && !matches!(screen.format(), Format::Sarif | Format::Github) {
            screen.note(format!("{}\n", self.judged));
        }
        match screen.format() {
            Format::Json => screen.json(&json!({
                "valid": valid,
                "errors": self.judged.errors(),
                "warnings": self.judged.warnings(),
                "files": self.files,
                "fixed": self.fixed,
                "diagnostics": self.judged.documents(),
            })),
            Format::Sarif => screen.json(&report::sarif(&self.judged)),
            Format::Github if self.judged.is_empty() => Ok(()),
            Format::Github => screen.line(report::github(&self.judged)),
            Format::Text if valid => screen.line(self.summary(valid)),
            Format::Text => {
                screen.note(self.summary(valid));
                Ok(())
            }
        }
    }

    /// `not valid: 2 files, 1 error; 1 file fixed`.
    fn summary(&self, valid: bool) -> String {
        let word = if valid { "valid" } else { "not valid" };
        let files = plural(self.files.len().max(1) as u64, "file");
        let mut text = format!("{word}: {files}");
        if !self.judged.is_empty() {
            text += &format!(", {}", self.judged.summary());
        }
        if !self.fixed.is_empty() {
            text += &format!("; {} fixed", plural(self.fixed.len() as u64, "file"));
        }
        if self.passed_over > 0 {
            let others = plural(self.passed_over, "other file");
            text += &format!("; {others} passed over: no spec and no project");
        }
        text
    }
}

/// Writes the outdated spellings of a spec file anew. Whether there were any.
///
/// The new text replaces the file in one step: a crash leaves one of the two.
fn fix(path: &Path) -> Result<bool> {
    let Ok(text) = fs::read_to_string(path) else {
        // Judging it says what is wrong.
        return Ok(false);
    };
    let Some(fixed) = tapline_spec::fix(&text) else {
        return Ok(false);
    };
    let mut draft = path.as_os_str().to_owned();
    draft.push(".tapline-fix");
    let failed = |error: std::io::Error| {
        let message = format!("cannot write {}: {error}", path.display());
        Failure::usage(message, "the file is as it was")
    };
    fs::write(&draft, fixed).map_err(failed)?;
    let permissions = fs::metadata(path).map_err(failed)?.permissions();
    fs::set_permissions(&draft, permissions).map_err(failed)?;
    fs::rename(&draft, path).map_err(failed)?;
    Ok(true)
}
