//! `tapline demo`: all of it at work, offline, in `./tapline-demo`.
//!
//! The API is a fake one in this process; everything else is real: the project file, the
//! connectors, the waits, the tables. What is shown is what a user of the project would see.

mod folder;
mod project;

use std::time::Duration;

use owo_colors::OwoColorize;
use serde_json::json;
use tapline_conformance::fake_api::{Counts, FakeApi, FakeApiConfig, Fault, FaultAction};
use tapline_core::{Error, ErrorKind};

use crate::app::App;
use crate::cli::DemoArgs;
use crate::commands::job::Part;
use crate::commands::{run, sql, state};
use crate::connectors::Catalogue;
use crate::exit_code::Exit;
use crate::failure::{Failure, Result};
use crate::output::summary::{self, Ended};
use crate::project::Project;
use crate::window::WindowArgs;

/// The connectors that are shown.
const CONNECTORS: [&str; 2] = ["mailchimp", "zendesk"];
/// The key of the fake API. It opens nothing.
const KEY: &str = "fake-key-us1";
/// How much there is to fetch: enough to see, little enough to wait for.
const COUNTS: Counts = Counts {
    members: 4_500,
    campaigns: 60,
    lists: 3,
    emails: 1_500,
    users: 250,
    tickets: 400,
    organizations: 50,
    generic: 0,
};

/// How many come later.
const MORE: u64 = 60;
/// Rows of an answer that are shown.
const ROWS: usize = 100;
/// What is asked of the tables afterwards.
const QUERIES: [(&str, &str); 3] = [
    (
        "How much is there?",
        "SELECT 'members' AS name, count(*) AS records FROM members
 UNION ALL SELECT 'tickets', count(*) FROM tickets
 UNION ALL SELECT 'users', count(*) FROM users",
    ),
    (
        "Who asks most?",
        "SELECT users.name, users.email, count(*) AS tickets,
        sum(tickets.status IN ('new', 'open', 'pending')) AS unsolved
 FROM tickets JOIN users ON users.id = tickets.requester_id
 GROUP BY users.id ORDER BY tickets DESC, unsolved DESC, users.name LIMIT 5",
    ),
    (
        "Which requests had to be repeated?",
        "SELECT pipeline, seq AS page, status, attempts, waited_ms, bytes
 FROM _tapline_requests WHERE attempts > 1",
    ),
];

/// Shows tapline at work.
///
/// # Errors
/// The folder is not ours, a connector is missing, or the run itself fails.
pub(crate) async fn demo(app: &App, args: &DemoArgs) -> Result<Exit> {
    let trusted = are_trusted(&app.catalogue())?;
    folder::prepare()?;
    let api = start_api()?;
    let project = project::write(&api.base_url(), trusted)?;
    introduce(app, &api)?;
    let names: Vec<String> = project.file().pipelines.keys().cloned().collect();
    let runs = fetch(app, &project, &names).await?;
    let exit = Exit::worst(runs.iter().map(Ended::exit));
    if app.screen.is_json() {
        let reports: Vec<_> = runs.iter().map(|run| &run.report).collect();
        app.screen.json(&json!({ "runs": reports }))?;
    } else {
        app.screen.line(summary::text(&runs, app.screen.width()))?;
    }
    if exit == Exit::COMPLETE && !app.screen.is_json() {
        look(app, &project).await?;
        update(app, &api, &project).await?;
        app.screen.line(project::NEXT)?;
    }
    if args.serve && !app.cancel.is_cancelled() {
        app.screen.note(format!(
            "\nThe fake API stays at {} until Ctrl-C.",
            api.base_url()
        ));
        app.cancel.cancelled().await;
    }
    Ok(exit)
}

/// Whether both connectors stand beside the program; elsewhere they need a word of trust.
fn are_trusted(catalogue: &Catalogue) -> Result<bool> {
    let found = catalogue.found();
    let mut trusted = true;
    for id in CONNECTORS {
        let plugin = found.iter().find(|plugin| plugin.id == id).ok_or_else(|| {
            Failure::usage(
                format!("the connector `{id}` was not found beside the program"),
                "from a checkout, `cargo build --workspace` builds the connectors, or \
                 `cargo xtask demo` does it all; `--plugin-dir DIR` names another folder",
            )
        })?;
        trusted &= plugin.trusted;
    }
    Ok(trusted)
}

/// An API that is in good health, but for one request too many and one hiccup.
fn start_api() -> Result<FakeApi> {
    let faults = vec![
        Fault::nth("/3.0/lists", 3, FaultAction::too_many_requests(1)),
        Fault::nth("/api/v2/search/export", 3, FaultAction::status(503)),
    ];
    let config = FakeApiConfig {
        counts: COUNTS,
        key: KEY.to_owned(),
        faults,
        ..FakeApiConfig::default()
    };
    FakeApi::start(config).map_err(|error| {
        Error::new(ErrorKind::Internal, "start the fake API", error.to_string()).into()
    })
}

fn introduce(app: &App, api: &FakeApi) -> Result<()> {
    let text = format!(
        "{}\n\
         A fake Mailchimp and a fake Zendesk listen on {}, inside this process.\n\
         No real service is asked, and the people are made up. The API is moody on purpose:\n\
         one request gets 429 (too many requests), another one 503.\n",
        "tapline demo".bold(),
        api.base_url(),
    );
    say(app, &text)?;
    command(app, "cd tapline-demo")?;
    command(app, "tapline run")
}

/// Words for people; programs get only the document.
fn say(app: &App, text: &str) -> Result<()> {
    if app.screen.is_json() {
        return Ok(());
    }
    app.screen.line(text)
}

fn command(app: &App, typed: &str) -> Result<()> {
    say(app, &format!("{} {}", "$".dimmed(), typed.bold()))
}

async fn fetch(app: &App, project: &Project, names: &[String]) -> Result<Vec<Ended>> {
    let options = run::Options {
        max_pages: None,
        max_requests: None,
        lock_wait: Duration::from_secs(10),
        part: Part::Run(WindowArgs::default()),
    };
    run::run_pipelines(app, project, names, &options).await
}

/// Lets some time pass, and fetches what is new.
async fn update(app: &App, api: &FakeApi, project: &Project) -> Result<()> {
    let later = format!("\nSome hours later, {MORE} more members have signed up.");
    app.screen.line(later.italic().to_string())?;
    api.set_counts(Counts {
        members: COUNTS.members + MORE,
        ..COUNTS
    });
    command(app, "tapline run members")?;
    let names = ["members".to_owned()];
    let runs = fetch(app, project, &names).await?;
    app.screen.line(summary::text(&runs, app.screen.width()))?;
    app.screen.line("")?;
    command(app, "tapline state show members")?;
    state::show_pipelines(app, project, &names).await.map(drop)
}

async fn look(app: &App, project: &Project) -> Result<()> {
    for (question, query) in QUERIES {
        app.screen.line(format!("\n{}", question.italic()))?;
        command(
            app,
            &format!("tapline sql \"{}\"", query.replace('"', "\\\"")),
        )?;
        let found = sql::ask(app, project, project::DESTINATION, query, ROWS).await?;
        sql::show(app, &found, ROWS)?;
    }
    Ok(())
}
