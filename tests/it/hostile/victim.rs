//! A project whose server was honest once, and is not any more.

use std::fs;

use serde_json::json;

use super::peak::{LIMIT, watched};
use super::server::{Reply, Server};
use crate::secrets::HOSTILE;
use crate::support::{Project, Run};

/// The key that nobody but the server may see.
pub(super) const KEY: &str = HOSTILE;

/// What the honest load brings.
const HONEST: &str = r#"{"id":1,"name":"one"},{"id":2,"name":"two"}"#;

/// A project, and the server that it trusts.
pub(super) struct Victim {
    pub(super) project: Project,
    pub(super) server: Server,
}

/// How a run ended.
pub(super) struct Ended {
    pub(super) run: Run,
}

impl Victim {
    /// A project whose table `t` holds what an honest load brought.
    pub(super) fn new() -> Self {
        let server = Server::start(|_| Reply::items(HONEST));
        let project = project(&server, "a1", "a note");
        let victim = Self { project, server };
        let ended = victim.run(&[]);
        assert_eq!(ended.run.code, 0, "{}", ended.run);
        assert!(victim.is_untouched());
        victim
    }

    /// Runs the pipeline, and checks what no answer may ever bring about.
    #[track_caller]
    pub(super) fn run(&self, arguments: &[&str]) -> Ended {
        let arguments = [&["run", "-vv", "--output", "json"], arguments].concat();
        let mut command = self.project.command(&arguments);
        let (run, peak) = watched(&self.project, command.env("KEY", KEY));
        assert!(peak <= LIMIT, "{peak} kB: {run:.2000}");
        assert!(run.code >= 0 && !run.stderr.contains("panicked"), "{run}");
        let report = run.json().to_string();
        for said in [&run.stderr, &report] {
            let steers = |c: char| c.is_control() && c != '\n';
            assert!(!said.contains(steers), "{said:?}");
        }
        Ended { run }
    }

    /// Whether the table is as the honest load left it. Beside it may lie, hidden, what a run that was
    /// cut had read.
    pub(super) fn is_untouched(&self) -> bool {
        let rows = self.texts("select id || name from t order by id");
        let hidden = "select count(*) from sqlite_master where name glob '_tapline_gen_*'";
        rows == ["1one", "2two"] && self.project.count(hidden) <= 1
    }

    /// The texts that `sql` selects, one a row.
    pub(super) fn texts(&self, sql: &str) -> Vec<String> {
        let warehouse = self.project.warehouse();
        let mut select = warehouse.prepare(sql).unwrap();
        let texts = select.query_map([], |row| row.get(0)).unwrap();
        texts.collect::<Result<_, _>>().unwrap()
    }
}

/// The project of a [`Victim`], with these values for the placeholders of path and header.
pub(super) fn project(server: &Server, segment: &str, note: &str) -> Project {
    let connection = format!(
        "connector: rest
streams: {{ items: items.json }}
auth: {{ specName: API Key, params: {{ apiKey: \"${{env:KEY}}\" }} }}
params: {{ host: \"{}\" }}",
        server.origin()
    );
    // YAML takes JSON strings, so that any character can stand in a value.
    let source = format!(
        "{{ connection: c, stream: items, params: {{ segment: {}, note: {} }} }}",
        json!(segment),
        json!(note)
    );
    let project = Project::with_pipeline(&connection, &source);
    let spec = json!({
        "sourceSpec": {
            "attributes": {
                "urlParams": {
                    "host": "${host}",
                    "path": "/items/${segment}/all",
                    "method": "GET",
                    "queryParams": { "note": "${note}" },
                },
                "headerParams": { "X-Note": "${note}" },
                "contentPath": { "path": "$.items", "unwrap": true, "siblings": false },
                "paginationParams": { "type": "POINTER", "pointerPath": "$.next" },
            },
            "spec": {
                "$schema": "http://json-schema.org/draft-07/schema#",
                "type": "object",
                "properties": {
                    "host": { "type": "string" },
                    "segment": { "type": "string" },
                    "note": { "type": "string" },
                },
                "required": ["host", "segment", "note"],
            },
        },
    });
    fs::write(project.path("items.json"), spec.to_string()).unwrap();
    project
}

/// Lets the server answer with `script`: the run must end with `code`, say `said`, and leave the
/// table alone.
#[track_caller]
pub(super) fn check(
    script: impl Fn(usize) -> Reply + Send + Sync + 'static,
    code: i32,
    said: &str,
) -> Victim {
    let victim = Victim::new();
    victim.server.turn(script);
    refused(&victim, &[], code, said);
    victim
}

/// The run of a server that has turned: it must end with `code`, say `said`, and leave the table
/// alone.
#[track_caller]
pub(super) fn refused(victim: &Victim, arguments: &[&str], code: i32, said: &str) {
    let Ended { run } = victim.run(arguments);
    assert_eq!(run.code, code, "{said}: {run}");
    let verdict = run.json()["verdict"].to_string();
    assert!(verdict.contains(said), "no {said:?} in {verdict}");
    assert!(victim.is_untouched(), "{said}: the table has changed");
}
