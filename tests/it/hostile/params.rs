//! Parameters that try to be more than a value. They come from an operator, but an operator
//! copies them from elsewhere.

use super::server::{Reply, Server, Silent};
use super::victim::{KEY, project};
use crate::support::Run;

fn run(segment: &str, note: &str) -> (Run, Vec<String>) {
    let server = Server::start(|_| Reply::items(""));
    let project = project(&server, segment, note);
    let mut command = project.command(&["run"]);
    let run = Run::of(command.env("KEY", KEY).output().unwrap());
    (run, server.heads())
}

/// A value that adds a header is refused before anything is sent.
#[test]
fn a_header_stays_one_header() {
    for note in ["a\r\nX-Evil: 1", "a\nb", "a\rb", "a\0b"] {
        let (run, heads) = run("a1", note);
        assert_eq!(run.code, 2, "{note:?}: {run}");
        let said = format!("{run}");
        assert!(
            said.contains("`${note}` holds a control character"),
            "{said}"
        );
        assert!(!said.contains("X-Evil"), "{said}");
        assert!(heads.is_empty(), "{heads:?}");
    }
}

/// A value is one segment of a path, whatever it looks like.
#[test]
fn a_path_stays_below_its_place() {
    let silent = Silent::at("127.0.0.2");
    let absolute = format!("{}/steal", silent.origin());
    for segment in [
        absolute.as_str(),
        "//evil",
        "\\\\evil",
        "../../admin",
        "..\\..\\admin",
        "..%2f..%2fadmin",
        "%2e%2e",
        "@evil",
        "a?b=c#d",
        "a b\r\nHost: evil",
        "$${apiKey}",
    ] {
        let (run, heads) = run(segment, "n");
        assert_eq!(run.code, 0, "{segment}: {run}");
        let line = heads[0].lines().next().unwrap();
        let path = line
            .strip_prefix("GET /items/")
            .and_then(|rest| rest.split_once("/all?note=n "));
        let (sent, _) = path.unwrap_or_else(|| panic!("{segment}: {line}"));
        assert!(!sent.contains(['/', '\\', '?', '#', '@', ' ']), "{sent}");
        assert_ne!(sent.to_ascii_lowercase(), "%2e%2e");
        assert!(!heads[0].contains("\r\nHost: evil"), "{heads:?}");
    }
    assert!(silent.is_silent());
}

#[test]
fn a_segment_that_leads_up_is_refused() {
    for segment in ["..", ".", ""] {
        let (run, heads) = run(segment, "n");
        assert_eq!(run.code, 2, "{segment:?}: {run}");
        assert!(heads.is_empty(), "{heads:?}");
    }
}

/// A value in a query is encoded as a whole.
#[test]
fn a_query_gains_no_parameter() {
    let (run, heads) = run("a1", "a&admin=1#x $${apiKey}");
    assert_eq!(run.code, 0, "{run}");
    let line = heads[0].lines().next().unwrap();
    let expected = "GET /items/a1/all?note=a%26admin%3D1%23x+%24%7BapiKey%7D HTTP/1.1";
    assert_eq!(line, expected);
}
