//! Finds and reads the project file.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use tapline_core::{Error, ErrorKind, Params, Secret};
use tapline_engine::shape::Shape;
use tapline_engine::window::WindowSettings;
use tapline_spec::{CursorType, Diagnostic, Plan, Severity};

use super::state::{self, StatePlace};
use super::sync::asks;
use super::value::{self, Lookup, Value};
use super::{
    Connection, Destination, Pipeline, Place, ProjectFile, columns, names, place, pointer,
    project_schema, server,
};
use crate::connectors::is_spec_file;
use crate::failure::{Failure, Result};
use crate::judged::Judged;
use crate::output::text::hint;

/// The name that is searched for.
pub(crate) const FILE_NAME: &str = "tapline.yaml";

/// A project file that was read and is valid.
#[derive(Clone, Debug)]
pub(crate) struct Project {
    path: PathBuf,
    text: String,
    file: ProjectFile,
    lints: Judged,
}

/// Parameters as written, at this JSON pointer of the project file.
pub(crate) type Written<'a> = (String, &'a BTreeMap<String, Value>);

impl Project {
    /// Reads `given`, or the first `tapline.yaml` from the current folder upward.
    ///
    /// # Errors
    /// There is none, it cannot be read, or it is not valid.
    pub(crate) fn find(given: Option<&Path>) -> Result<Self> {
        let path = match given {
            Some(path) => path.to_owned(),
            None => search()?,
        };
        let text = fs::read_to_string(&path).map_err(|error| {
            let message = format!("cannot read the project file {}: {error}", path.display());
            Failure::usage(
                message,
                "`tapline init` writes one; `--project FILE` names another",
            )
        })?;
        Self::read(&path, text)
    }

    /// Reads the project file `text` that stands at `path`.
    ///
    /// # Errors
    /// It is not valid.
    pub(crate) fn read(path: &Path, text: String) -> Result<Self> {
        let (file, found) = judge(&text);
        let judged = placed(path, &text, found);
        match file {
            Some(file) if judged.errors() == 0 => Ok(Self {
                path: path.to_owned(),
                text,
                file,
                lints: judged,
            }),
            _ => Err(Failure::Invalid(judged)),
        }
    }

    /// The text of the file.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// What was written.
    pub(crate) fn file(&self) -> &ProjectFile {
        &self.file
    }

    /// Where the file is, as it was named.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What is valid but doubtful.
    pub(crate) fn lints(&self) -> &Judged {
        &self.lints
    }

    /// `path`, relative to the folder of the project file.
    pub(crate) fn resolve(&self, path: impl AsRef<Path>) -> PathBuf {
        match self.folder() {
            // In the current folder, paths read better as they are.
            folder if folder == Path::new(".") => path.as_ref().to_owned(),
            folder => folder.join(path),
        }
    }

    fn folder(&self) -> &Path {
        match self.path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        }
    }

    /// Where the state is kept.
    ///
    /// # Errors
    /// A reference in its address leads to nothing, or to no address.
    pub(crate) fn state(&self) -> Result<StatePlace> {
        let written = &self.file.state;
        let address = if state::is_file(written) {
            Secret::new(written.as_str())
        } else {
            self.address("/state", written)?
        };
        let unknown = || self.invalid(vec![state::unknown()]);
        Ok(match StatePlace::of(address).ok_or_else(unknown)? {
            StatePlace::File(path) => StatePlace::File(self.resolve(path)),
            server => server,
        })
    }

    /// The address that `written`, at `pointer`, means, with its references looked up.
    fn address(&self, pointer: &str, written: &str) -> Result<Secret> {
        value::address(written, self.folder()).map_err(|error| {
            let found = Diagnostic::error("E-secret", pointer, error.to_string());
            let hint = error.hint().map(str::to_owned);
            self.invalid(vec![Diagnostic { hint, ..found }])
        })
    }

    /// The spec files that connections name, and where they name them.
    pub(crate) fn spec_files(&self) -> BTreeMap<PathBuf, String> {
        let mut files = BTreeMap::new();
        for (name, connection) in &self.file.connections {
            let at = format!("/connections/{}", names::escape(name));
            if is_spec_file(&connection.connector) {
                let file = self.resolve(&connection.connector);
                files.insert(file, format!("{at}/connector"));
            }
            for (stream, path) in &connection.streams {
                let at = format!("{at}/streams/{}", names::escape(stream));
                files.insert(self.resolve(path), at);
            }
        }
        files
    }

    /// The pipeline called `name`.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn pipeline(&self, name: &str) -> Result<&Pipeline> {
        let known = &self.file.pipelines;
        let unknown = || self.unknown("pipeline", name, known.keys().map(String::as_str));
        known.get(name).ok_or_else(unknown)
    }

    /// The connection called `name`.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn connection(&self, name: &str) -> Result<&Connection> {
        let known = &self.file.connections;
        let unknown = || self.unknown("connection", name, known.keys().map(String::as_str));
        known.get(name).ok_or_else(unknown)
    }

    /// Where the destination called `name` is.
    ///
    /// # Errors
    /// There is none, or a reference in its address leads to nothing, or to no address.
    pub(crate) fn place(&self, name: &str) -> Result<Place> {
        match self.destination(name)? {
            Destination::Sqlite { path } => Ok(Place::Database(self.resolve(path))),
            Destination::Files {
                path,
                format,
                commit,
            } => Ok(Place::Folder {
                path: self.resolve(path),
                format: *format,
                commit: *commit,
            }),
            Destination::Postgres { url, .. } => {
                let at = place::pointer(name);
                let address = self.address(&at, url)?;
                if !server::is_address(address.expose()) {
                    return Err(self.invalid(vec![place::unknown(&at)]));
                }
                Ok(Place::Server(address))
            }
        }
    }

    /// The destination called `name`.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn destination(&self, name: &str) -> Result<&Destination> {
        let known = &self.file.destinations;
        let unknown = || self.unknown("destination", name, known.keys().map(String::as_str));
        known.get(name).ok_or_else(unknown)
    }

    fn unknown<'a>(
        &self,
        noun: &str,
        name: &str,
        known: impl Iterator<Item = &'a str> + Clone,
    ) -> Failure {
        let message = format!("unknown {noun} `{name}` in {}", self.path.display());
        Failure::usage(message, hint(name, known))
    }

    /// The values of `written`, later ones winning, with every reference looked up.
    ///
    /// # Errors
    /// A reference leads to nothing; it says where the reference stands.
    pub(crate) fn params(&self, written: &[Written<'_>], lookup: Lookup) -> Result<Params> {
        let mut params = Params::default();
        for (pointer, values) in written {
            for (name, value) in *values {
                let param = value.resolve(self.folder(), lookup).map_err(|error| {
                    let at = format!("{pointer}/{}", names::escape(name));
                    let found = Diagnostic::error("E-secret", at, error.to_string());
                    let hint = error.hint().map(str::to_owned);
                    self.invalid(vec![Diagnostic { hint, ..found }])
                })?;
                params.set(name, param);
            }
        }
        Ok(params)
    }

    /// What becomes of the rows of the pipeline `name`.
    ///
    /// # Errors
    /// There is no such pipeline, or a reference leads to nothing.
    pub(crate) fn shape(&self, name: &str) -> Result<Shape> {
        let schema = &self.pipeline(name)?.schema;
        let mut shape = schema.shape();
        if let Some(key) = &schema.mask_key {
            let at = format!("/pipelines/{}/schema", pointer(name));
            let written = BTreeMap::from([("mask_key".to_owned(), key.clone())]);
            let found = self.params(&[(at, &written)], Lookup::Real)?;
            let mut keys = found.iter().map(|(_, key)| Secret::new(key.expose()));
            shape.mask_key = keys.next();
        }
        Ok(shape)
    }

    /// The failure for a spec file, named at `at`, that cannot be read.
    pub(crate) fn unread(&self, at: String, error: &Error) -> Failure {
        let found = Diagnostic::error("E-file", at, error.message());
        let hint = "paths are relative to the folder of the project file";
        self.invalid(vec![found.with_hint(hint)])
    }

    /// What is wrong with the `sync` of the pipeline `name`, whose stream has this `plan`; for
    /// [`Project::judged`].
    pub(crate) fn judge_sync(&self, name: &str, plan: &Plan) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        let at = format!("/pipelines/{}/sync", pointer(name));
        if let Some(pipeline) = self.file.pipelines.get(name) {
            let sync = &pipeline.sync;
            found = columns::undeclared(&at, sync, &plan.columns);
            let meant = (plan.incremental.as_ref(), asks(plan));
            sync.check(&at, meant, &mut found);
            sync.check_parts(&at, &plan.partitions, &mut found);
            let cursor_type = sync.settings(plan).map(|settings| settings.cursor_type);
            let has_time = cursor_type == Some(CursorType::Timestamp);
            let at = format!("/pipelines/{}/expect", pointer(name));
            pipeline.expect.check(&at, has_time, &mut found);
        }
        found
    }

    /// How windows of the pipeline `name` are made, whose stream has this `plan`; `None`: nothing
    /// tells its new records from old ones.
    ///
    /// # Errors
    /// What its `sync` or `expect` says cannot be meant.
    pub(crate) fn settings(&self, name: &str, plan: &Plan) -> Result<Option<WindowSettings>> {
        let found = self.judge_sync(name, plan);
        match found.iter().any(Diagnostic::is_error) {
            false => Ok(self.pipeline(name)?.sync.settings(plan)),
            true => Err(self.invalid(found)),
        }
    }

    /// What was `found` later at places of this file. All of it at once: the file is read for that.
    pub(crate) fn judged(&self, found: Vec<Diagnostic>) -> Judged {
        placed(&self.path, &self.text, found)
    }

    /// The failure for errors found later at places of this file.
    pub(crate) fn invalid(&self, found: Vec<Diagnostic>) -> Failure {
        Failure::Invalid(self.judged(found))
    }
}

/// What was `found` in the file at `path`, with its lines. A large file is not read again for nothing.
fn placed(path: &Path, text: &str, mut found: Vec<Diagnostic>) -> Judged {
    if found.is_empty() {
        return Judged::default();
    }
    tapline_spec::locate(text, &mut found);
    Judged::of(path, shown(text).as_deref(), found)
}

/// What may be shown of the project file `text`: everything but what may be a secret that
/// somebody typed there. `None` if it cannot be told where those are.
fn shown(text: &str) -> Option<String> {
    let value = tapline_spec::diagnose(text, &serde_json::json!(true)).value?;
    let mut hidden = Vec::new();
    hide(&value, false, &mut hidden);
    let destinations = value["destinations"].as_object().into_iter().flatten();
    let urls = destinations.map(|(_, destination)| &destination["url"]);
    let addresses = urls.chain([&value["state"]]).filter_map(|it| it.as_str());
    hidden.extend(addresses.filter_map(server::hidden));
    hidden.sort_by_key(|value: &String| std::cmp::Reverse(value.len()));
    let mask = |text: String, value: &String| {
        text.replace(value.as_str(), &"*".repeat(value.chars().count()))
    };
    Some(hidden.iter().fold(text.to_owned(), mask))
}

/// Collects the texts below every `auth`, and those whose name says that they are secret.
fn hide(value: &serde_json::Value, below: bool, hidden: &mut Vec<String>) {
    const WORDS: [&str; 4] = ["password", "secret", "token", "credential"];
    match value {
        serde_json::Value::String(text) if below && text.len() > 3 && !text.starts_with("${") => {
            hidden.push(text.clone());
        }
        serde_json::Value::Array(items) => {
            items.iter().for_each(|item| hide(item, below, hidden));
        }
        serde_json::Value::Object(members) => {
            for (name, member) in members {
                let lower = name.to_ascii_lowercase();
                let is_address = lower.ends_with("url") || lower == "specname";
                let is_named =
                    lower.ends_with("key") || WORDS.iter().any(|word| lower.contains(word));
                let is_secret = !is_address && (below || name == "auth" || is_named);
                hide(member, is_secret, hidden);
            }
        }
        _ => {}
    }
}

/// The project, if the text is one at all, and what is wrong with it.
fn judge(text: &str) -> (Option<ProjectFile>, Vec<Diagnostic>) {
    let diagnosis = tapline_spec::diagnose(text, &project_schema());
    let mut found = diagnosis.diagnostics;
    if found.iter().any(|d| d.severity == Severity::Error) {
        return (None, found);
    }
    let value = diagnosis.value.unwrap_or_default();
    match serde_json::from_value::<ProjectFile>(value) {
        Ok(file) => {
            found.extend(names::check(&file));
            (Some(file), found)
        }
        Err(error) => {
            found.push(Diagnostic::error("E-project", "", error.to_string()));
            (None, found)
        }
    }
}

/// The nearest project file, from the current folder upward.
fn search() -> Result<PathBuf> {
    let here = std::env::current_dir().map_err(|error| {
        Error::new(
            ErrorKind::Usage,
            "find project",
            "the current folder is gone",
        )
        .with_source(error)
    })?;
    let mut found = here.ancestors().map(|folder| folder.join(FILE_NAME));
    let path = found.find(|path| path.is_file()).ok_or_else(|| {
        Failure::usage(
            format!("there is no {FILE_NAME} in {} or above", here.display()),
            "`tapline init` writes one; `--project FILE` names another; `tapline demo` needs none",
        )
    })?;
    // In the current folder, messages read better with the bare name.
    Ok(path.strip_prefix(&here).map(Path::to_owned).unwrap_or(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "\
version: 1
connections:
  shop:
    connector: mailchimp
    auth: { specName: Basic Authentication, params: { username: any, password: '${env:KEY}' } }
    params: { domain: us1 }
destinations:
  warehouse: { type: sqlite, path: warehouse.db }
pipelines:
  members:
    source: { connection: shop, stream: members, params: { listId: 57afe96172 } }
    destination: { name: warehouse, table: members }
    sync: { mode: incremental_with_qualify, cursor: last_changed, cursor_type: timestamp, primary_keys: [id] }
    schedule: { frequency: hour, interval: 1, backfill: true }
";

    fn problems(text: &str) -> String {
        match Project::read(Path::new("tapline.yaml"), text.to_owned()) {
            Ok(_) => "valid".to_owned(),
            Err(failure) => anstream::adapter::strip_str(&failure.to_string()).to_string(),
        }
    }

    #[test]
    fn the_project_of_the_design_is_valid() {
        assert_eq!(problems(GOOD), "valid");
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let cases = [
            (
                "misspelt_key",
                ("domain: us1 }", "domain: us1 }\n    alow_hosts: []"),
            ),
            (
                "unknown_connection",
                ("connection: shop", "connection: shpo"),
            ),
            ("unknown_destination", ("name: warehouse", "name: lake")),
            (
                "unknown_mode",
                ("incremental_with_qualify", "incremental_with_qualfy"),
            ),
            ("bad_reference", ("${env:KEY}", "${ENV:KEY}")),
            ("bad_version", ("version: 1", "version: 2")),
            ("wrong_type", ("interval: 1", "interval: hourly")),
            (
                "misspelt_quota",
                (
                    "domain: us1 }",
                    "domain: us1 }\n    quota: { request_per_minute: 100 }",
                ),
            ),
            (
                "bad_quota",
                (
                    "domain: us1 }",
                    "domain: us1 }\n    quota: { share: 80, requests_per_day: 0, max_wait: 5 min }",
                ),
            ),
            ("reserved_table", ("table: members", "table: SQLite_x")),
            (
                "bad_host",
                (
                    "domain: us1 }",
                    "domain: us1 }\n    allow_hosts: [a.example.com, b/c]",
                ),
            ),
        ];
        for (name, (from, to)) in cases {
            let text = GOOD.replace(from, to);
            assert_ne!(text, GOOD, "{name}");
            insta::assert_snapshot!(name, problems(&text));
        }
    }

    #[test]
    fn a_missing_variable_is_named_with_its_place() {
        let text = GOOD.replace("${env:KEY}", "${env:TAPLINE_NOT_THERE}");
        let project = Project::read(Path::new("tapline.yaml"), text).unwrap();
        let auth = project.connection("shop").unwrap().auth.as_ref().unwrap();
        let written = [("/connections/shop/auth/params".to_owned(), &auth.params)];
        let failure = project.params(&written, Lookup::Real).unwrap_err();
        let shown = anstream::adapter::strip_str(&failure.to_string()).to_string();
        assert!(shown.contains("--> tapline.yaml:5:"), "{shown}");
        assert!(shown.contains("`TAPLINE_NOT_THERE` is not set"), "{shown}");
    }
}
