//! The command line of tapline: read what was typed, do it, and end with a code that says how it
//! went.

mod app;
mod cli;
mod commands;
mod connectors;
mod doors;
mod exit_code;
mod failure;
mod judged;
mod logs;
mod output;
mod project;
mod signals;
mod window;
mod wiring;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;
use tapline_core::CancellationToken;

use crate::app::App;
use crate::cli::{Cli, Color, Command, Format};
use crate::exit_code::Exit;
use crate::failure::{Failure, Result};
use crate::output::Screen;

fn main() -> ExitCode {
    tapline_host::keep_little();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return mistyped(&error),
    };
    let screen = Screen::new(cli.globals.output, cli.globals.color);
    logs::start(cli.globals.verbose);
    let app = App {
        globals: cli.globals,
        screen,
        cancel: CancellationToken::new(),
    };
    match start(&app, &cli.command) {
        Ok(exit) => exit.into(),
        Err(failure) => report(screen, &failure).into(),
    }
}

/// Shows the help that was asked for, or what is wrong with the command line. Programs get the
/// latter as a document too, though the option that asks for it could not be read with the rest.
fn mistyped(error: &clap::Error) -> ExitCode {
    // If nobody reads it, nobody can be told.
    let _ = error.print();
    if !error.use_stderr() {
        return Exit::COMPLETE.into();
    }
    if wants_json(std::env::args_os().skip(1)) {
        let screen = Screen::new(Format::Json, Color::Never);
        let text = error.render().to_string();
        let message = text.lines().next().unwrap_or_default();
        let message = message.trim_start_matches("error: ");
        let _ = screen.json(&Failure::usage(message, "try `--help`").document());
    }
    Exit::USAGE.into()
}

/// Whether `arguments` hold `--output json`, in either spelling.
fn wants_json(arguments: impl Iterator<Item = OsString>) -> bool {
    let arguments: Vec<OsString> = arguments.collect();
    let apart = arguments
        .windows(2)
        .any(|pair| pair == ["--output", "json"]);
    apart || arguments.iter().any(|argument| argument == "--output=json")
}

fn start(app: &App, command: &Command) -> Result<Exit> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let exit = runtime.block_on(async {
        signals::watch(app.cancel.clone());
        dispatch(app, command).await
    });
    // A job that nobody waits for any more must not hold the process.
    runtime.shutdown_background();
    exit
}

async fn dispatch(app: &App, command: &Command) -> Result<Exit> {
    let is_for_ci = matches!(app.globals.output, Format::Sarif | Format::Github);
    if is_for_ci && !matches!(command, Command::Validate(_)) {
        return Err(Failure::usage(
            "only `validate` can say what it found in that format",
            "`--output` is text or json here",
        ));
    }
    match command {
        Command::Demo(args) => commands::demo::demo(app, args).await,
        Command::Init(args) => commands::init::init(app, args),
        Command::Connectors => commands::connectors::connectors(app),
        Command::Spec(args) => commands::spec::spec(app, args),
        Command::Validate(args) => commands::validate::validate(app, args),
        Command::Check(args) => commands::check::check(app, args).await,
        Command::Preview(args) => commands::preview::preview(app, args).await,
        Command::Plan(args) => commands::plan::plan(app, args).await,
        Command::Run(args) => commands::run::run(app, args).await,
        Command::State(args) => commands::state::state(app, args).await,
        Command::Rebuild(args) => commands::rebuild::rebuild(app, args).await,
        Command::Rejects(args) => commands::rejects::rejects(app, args).await,
        Command::SyncMode(args) => commands::sync_mode::sync_mode(app, args).await,
        Command::Backfill(args) => commands::backfill::backfill(app, args).await,
        Command::Sql(args) => commands::sql::sql(app, args).await,
        Command::TryPlugin(args) => commands::try_plugin::try_plugin(app, args),
    }
}

/// Says what failed: in words on stderr and, for programs, as the one document on stdout.
fn report(screen: Screen, failure: &Failure) -> Exit {
    screen.note(failure.to_string());
    if screen.is_json() {
        // If stdout is gone too, the exit code still tells.
        let _ = screen.json(&failure.document());
    }
    failure.exit()
}
