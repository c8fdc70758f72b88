//! What can be typed. Every command has its arguments, and examples, in one place.

pub(crate) mod rebuild;
pub(crate) mod rejects;
pub(crate) mod state;
pub(crate) mod sync_mode;

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

use crate::window::WindowArgs;

/// Moves records from HTTP APIs into tables, and proves what it fetched.
#[derive(Debug, Parser)]
#[command(
    name = "tapline",
    version,
    max_term_width = 100,
    after_help = "Start here:
  tapline demo                  See it work: no configuration, no network
  tapline init --connector mailchimp
                                Write a project file to fill in
  tapline run                   Fetch every pipeline of the project

Exit codes: 0 complete, 1 failed, 2 usage or invalid file, 3 short or unknown,
4 paused on quota, 5 locked by another runner, 6 stopped by a signal"
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) globals: Globals,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options that every command takes.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Globals {
    /// Project file; TAPLINE_PROJECT names it too [default: tapline.yaml, here or in a folder above]
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "TAPLINE_PROJECT",
        hide_env = true
    )]
    pub(crate) project: Option<PathBuf>,

    /// Folder with connector plugins, besides the one of this program; may be repeated
    #[arg(long = "plugin-dir", global = true, value_name = "DIR")]
    pub(crate) plugin_dirs: Vec<PathBuf>,

    /// What stdout is for: text for people, json is one document for programs
    #[arg(
        long,
        global = true,
        value_name = "FORMAT",
        value_enum,
        default_value_t
    )]
    pub(crate) output: Format,

    /// Say more on stderr: -v what is done, -vv how
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,

    /// When to use colour; auto also respects NO_COLOR
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t)]
    pub(crate) color: Color,
}

/// What stdout is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    #[value(alias = "human")]
    Text,
    /// One JSON document for programs; everything else goes to stderr.
    Json,
    /// `validate`: a SARIF log, for code scanning.
    #[value(hide = true)]
    Sarif,
    /// `validate`: workflow commands of GitHub.
    #[value(hide = true)]
    Github,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show all of it at work, offline, in ./tapline-demo
    Demo(DemoArgs),
    /// Write a project file to fill in
    Init(InitArgs),
    /// List the connectors that were found
    Connectors,
    /// Show what a connector asks for and offers
    Spec(SpecArgs),
    /// Check the project file, or spec files, without any request
    Validate(ValidateArgs),
    /// Try whether connections work
    Check(CheckArgs),
    /// Show the first records of a pipeline; nothing is stored
    Preview(PreviewArgs),
    /// Say what a run would ask for and write; nothing is sent
    Plan(PlanArgs),
    /// Fetch pipelines into their tables
    Run(RunArgs),
    /// Fetch what is missing before the newest record of a pipeline
    Backfill(BackfillArgs),
    /// Show and change what is remembered of pipelines
    State(state::StateArgs),
    /// Move a pipeline to another sync mode
    SyncMode(sync_mode::SyncModeArgs),
    /// Show records that became no row, and try them again
    Rejects(rejects::RejectsArgs),
    /// Make a table again from the pages that were kept; nothing is fetched
    Rebuild(rebuild::RebuildArgs),
    /// Query a destination
    Sql(SqlArgs),
    /// Load a plugin's library, and say in a line for another tapline how that went
    #[command(name = TRY_PLUGIN, hide = true)]
    TryPlugin(TryPluginArgs),
}

/// The command that tapline gives itself before it loads a library that it never saw.
pub(crate) const TRY_PLUGIN: &str = "try-plugin";

/// Arguments of `try-plugin`.
#[derive(Args, Debug)]
pub(crate) struct TryPluginArgs {
    /// The library
    pub(crate) library: PathBuf,
}

/// Arguments of `demo`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  tapline demo                  Fetch three tables from a fake API in this process
  tapline demo --serve          ... and keep the fake API running, to try other commands")]
pub(crate) struct DemoArgs {
    /// Keep the fake API running until Ctrl-C, so that other commands can use the demo's project
    #[arg(long)]
    pub(crate) serve: bool,
}

/// Arguments of `init`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  tapline init                  For any JSON API, with an example spec file
  tapline init --connector mailchimp
                                With the connector's own parameters")]
pub(crate) struct InitArgs {
    /// Connector to write the project for; `rest` is any API, described by a spec file
    #[arg(long, value_name = "ID", default_value = "rest")]
    pub(crate) connector: String,
}

/// Arguments of `spec`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  tapline spec mailchimp        Its parameters, ways to sign in, and streams
  tapline spec mailchimp members
                                One stream: requests, paging, columns
  tapline spec specs/contacts.json
                                A spec file
  tapline spec --schema         The JSON Schema of spec files, for editors
  tapline spec diff old.json new.json
                                What a new version changes for those who use the old one")]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct SpecArgs {
    #[command(subcommand)]
    pub(crate) command: Option<SpecCommand>,
    /// Connector by name, or a spec file
    #[arg(required_unless_present = "schema")]
    pub(crate) connector: Option<String>,
    /// Only this stream
    pub(crate) stream: Option<String>,
    /// Print the JSON Schema of spec files
    #[arg(long, conflicts_with = "connector")]
    pub(crate) schema: bool,
}

/// What can be done with specs besides showing them.
#[derive(Debug, Subcommand)]
pub(crate) enum SpecCommand {
    /// Tell breaking changes from compatible ones; exit 1 if one is breaking
    Diff(SpecDiffArgs),
}

/// Arguments of `spec diff`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  tapline spec diff old.json new.json
  git show main:specs/crm.json > /tmp/old.json
  tapline spec diff /tmp/old.json specs/crm.json --output json

Exit codes: 0 nothing breaking, 1 something breaking, 2 a file is not valid")]
pub(crate) struct SpecDiffArgs {
    /// The version that is in use: a connector by name, or a spec file
    pub(crate) old: String,
    /// The version that is to replace it
    pub(crate) new: String,
}

/// Arguments of `validate`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  tapline validate              The project file and the spec files it names
  tapline validate specs/       Every spec and project file below a folder
  tapline validate 'specs/**/*.json' --deny warnings
  tapline validate specs/contacts.json --fix
                                Write outdated spellings anew
  tapline validate --explain L-digit-string
                                What a code means, with examples
  tapline validate specs --output sarif > tapline.sarif
  tapline validate specs --output github
                                For GitHub's code scanning, and for its log of a workflow

Exit codes: 0 valid (warnings are allowed), 2 not valid")]
pub(crate) struct ValidateArgs {
    /// Spec files, project files, folders or patterns [default: the project file]
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Write outdated spellings of the spec files anew; what is left is reported
    #[arg(long)]
    pub(crate) fix: bool,
    /// Say what a code means; `all` lists them
    #[arg(long, value_name = "CODE", conflicts_with_all = ["files", "fix", "deny"])]
    pub(crate) explain: Option<String>,
    /// Treat warnings as errors
    #[arg(long, value_name = "WHAT", value_enum)]
    pub(crate) deny: Option<Deny>,
}

/// What `validate --deny` refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Deny {
    /// Warnings.
    Warnings,
}

/// Arguments of `check`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  tapline check                 Every connection of the project
  tapline check shop            One of them")]
pub(crate) struct CheckArgs {
    /// Connection to try [default: all]
    pub(crate) connection: Option<String>,
}

/// Arguments of `preview`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  tapline preview members
  tapline preview members --limit 3 --output json
  tapline preview members --window-start 2026-01-31
                                Only what is new or changed since then")]
pub(crate) struct PreviewArgs {
    /// Pipeline to look at
    pub(crate) pipeline: String,
    /// Records to show
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) limit: u64,
    #[command(flatten)]
    pub(crate) window: WindowArgs,
}

/// Arguments of `plan`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  tapline plan                  Every pipeline of the project
  tapline plan members          One of them
  tapline plan members --window-start 2026-01-01 --window-end 2026-02-01
                                How a month would be asked for
  tapline plan --output json    For a program

Shown are the first requests as a run would send them, with *** for what is secret, what
would become of the table, and what the last complete run took. Nothing is sent or written.")]
pub(crate) struct PlanArgs {
    /// Pipelines to plan [default: all]
    #[arg(value_name = "PIPELINE")]
    pub(crate) pipelines: Vec<String>,
    #[command(flatten)]
    pub(crate) window: WindowArgs,
}

/// Arguments of `run`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  tapline run                   Every pipeline of the project
  tapline run members           One of them
  tapline run members --max-pages 2
                                A short run, to try things out; nothing is published
  tapline run orders --window-start 2026-01-01 --window-end 2026-02-01
                                A month of a pipeline that adds rows; those of it that are
                                there already are added again (see `backfill`)
  tapline run members --max-requests 500
                                Spend no more than that; the next run goes on from there
  tapline run --output json     Reports for a program

Exit codes: 0 complete, 1 failed, 2 invalid project, 3 short or unknown,
4 paused on quota, 5 locked, 6 stopped by a signal")]
pub(crate) struct RunArgs {
    /// Pipelines to run [default: all]
    #[arg(value_name = "PIPELINE")]
    pub(crate) pipelines: Vec<String>,
    /// Stop each pipeline after this many pages
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) max_pages: Option<u64>,
    /// Pause each pipeline after this many requests, those sent again included
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) max_requests: Option<u64>,
    /// How long to wait for another runner of the same pipeline: 10s, 2m, 0
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = parse_duration)]
    pub(crate) lock_wait: Duration,
    /// Fetch everything again, whatever is remembered; `incremental` adds all of it once more
    #[arg(long, conflicts_with_all = ["window_start", "window_end"])]
    pub(crate) full_refresh: bool,
    #[command(flatten)]
    pub(crate) window: WindowArgs,
}

/// Arguments of `backfill`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  tapline backfill orders       Everything before what is there, and the gaps in it
  tapline backfill orders --from 2020-01-01
  tapline backfill orders --from 2020-01-01 --to 2021-01-01
                                A year; what of it is there already is not fetched again

A backfill never moves the newest mark, so updates go on as if nothing had been; one that is
cut is gone on with by the same command. `tapline state show orders` draws what is missing.

Exit codes: those of `run`")]
pub(crate) struct BackfillArgs {
    /// Pipeline to fetch
    pub(crate) pipeline: String,
    /// From here on [default: the beginning]: 2026-01-31, 2026-01-31T09:00:00Z, seconds since 1970; a
    /// number if the cursor of the stream is one
    #[arg(long, value_name = "CURSOR")]
    pub(crate) from: Option<String>,
    /// Before here [default: the newest record that is there]
    #[arg(long, value_name = "CURSOR")]
    pub(crate) to: Option<String>,
    /// Stop after this many pages
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) max_pages: Option<u64>,
    /// Pause after this many requests, those sent again included
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) max_requests: Option<u64>,
    /// How long to wait for another runner of the same pipeline: 10s, 2m, 0
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = parse_duration)]
    pub(crate) lock_wait: Duration,
}

/// Arguments of `sql`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  tapline sql 'SELECT count(*) FROM members'
  tapline sql \"SELECT name FROM sqlite_schema WHERE type = 'table'\"
  tapline sql 'SELECT * FROM members' --limit 5 --output json

The destination is opened for reading only.")]
pub(crate) struct SqlArgs {
    /// One SELECT statement
    pub(crate) query: String,
    /// Destination to query [default: the only one]
    #[arg(long, value_name = "NAME")]
    pub(crate) destination: Option<String>,
    /// Rows to show at most
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(crate) limit: usize,
}

/// Reads `10s`, `2m`, `1h`, or plain seconds.
fn parse_duration(text: &str) -> Result<Duration, String> {
    let (digits, factor) = match text.trim_end_matches(char::is_alphabetic).len() {
        split if split == text.len() => (text, 1.0),
        split => {
            let factor = match &text[split..] {
                "ms" => 0.001,
                "s" => 1.0,
                "m" | "min" => 60.0,
                "h" => 3600.0,
                unit => return Err(format!("unknown unit `{unit}`; known: ms, s, m, h")),
            };
            (&text[..split], factor)
        }
    };
    digits
        .parse::<f64>()
        .ok()
        .and_then(|number| Duration::try_from_secs_f64(number * factor).ok())
        .ok_or_else(|| format!("`{text}` is no time; write 10s, 2m or 0"))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn durations() {
        let cases = [
            ("0", Some(Duration::ZERO)),
            ("10", Some(Duration::from_secs(10))),
            ("10s", Some(Duration::from_secs(10))),
            ("1.5m", Some(Duration::from_secs(90))),
            ("250ms", Some(Duration::from_millis(250))),
            ("10 days", None),
            ("-1s", None),
            ("", None),
            ("1e300h", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_duration(text).ok(), expected, "{text}");
        }
    }

    #[test]
    fn help_of_every_command() {
        let mut root = Cli::command().term_width(100);
        root.build();
        insta::assert_snapshot!("tapline", root.render_help());
        for command in root
            .get_subcommands_mut()
            .filter(|c| c.get_name() != "help" && !c.is_hide_set())
        {
            let name = format!("tapline-{}", command.get_name());
            insta::assert_snapshot!(name, command.render_help());
        }
    }
}
