//! What a server says, where people and programs read it: no secrets, nothing that steers a
//! terminal.

use super::server::{Reply, Server};
use super::victim::{KEY, Victim, project};
use crate::secrets::echoes;
use crate::support::Run;

#[test]
fn an_echo_of_the_key_is_masked() {
    let victim = Victim::new();
    victim.server.turn(|_| {
        let echoes: Vec<String> = echoes(KEY).into_iter().map(|(_, echo)| echo).collect();
        let body = format!("{{\"error\":\"who is {}?\"}}", echoes.join(" and "));
        Reply::new("401 Unauthorized", "", body)
    });
    let run = victim.run(&[]).run;
    assert_eq!(run.code, 1, "{run}");
    let masked = "who is *** and *** and *** and ***";
    assert!(run.stdout.contains(masked), "{run}");
}

/// A next link may hold the key too, and reports tell of it.
#[test]
fn a_link_with_the_key_is_masked() {
    let victim = Victim::new();
    victim.server.turn(|_| {
        let link = format!("http://127.0.0.2:1/{}?k={KEY}", echoes(KEY)[1].1);
        Reply::ok(format!("{{\"items\":[{{\"id\":1}}],\"next\":\"{link}\"}}"))
    });
    let run = victim.run(&[]).run;
    assert_eq!(run.code, 3, "{run}");
}

#[track_caller]
fn check_quiet(run: &Run) {
    for said in [&run.stdout, &run.stderr] {
        let steers = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!said.contains(steers), "{said:?}");
    }
}

/// Red, a title for the window, a bell, the other direction: in errors and in records.
const STEERING: &str = "\u{1b}[31m\u{1b}]0;title\u{7}\u{9b}2J\u{202e}\r";

#[test]
fn nothing_a_server_says_steers_a_terminal() {
    let server = Server::start(|_| Reply::new("400 Bad", "", format!("no {STEERING} way")));
    let project = project(&server, "a1", "n");
    for arguments in [&["run", "-vv"][..], &["check"], &["preview", "p"]] {
        let mut command = project.command(arguments);
        let run = Run::of(command.env("KEY", KEY).output().unwrap());
        assert_ne!(run.code, 0, "{run}");
        check_quiet(&run);
    }
}

#[test]
fn nothing_in_a_record_steers_a_terminal() {
    let record = serde_json::json!({ "id": STEERING, STEERING: "a\tb\r\nc" });
    let server = Server::start(move |_| Reply::items(record.to_string()));
    let project = project(&server, "a1", "n");
    for arguments in [
        &["preview", "p"][..],
        &["run", "-vv"],
        &["sql", "select * from t"],
    ] {
        let mut command = project.command(arguments);
        let run = Run::of(command.env("KEY", KEY).output().unwrap());
        assert_eq!(run.code, 0, "{run}");
        check_quiet(&run);
    }
}
