//! A real rate limit is met, waited for as asked, and costs no row.

use crate::json_server::{JsonServer, check_rows};
use crate::nginx::{Nginx, Refusal};
use crate::server::fixture;
use crate::support::Project;

/// Loads all movies against a rate limit; every refusal is waited out for `least` milliseconds.
#[track_caller]
fn check(refusal: Refusal, least: u64) {
    let api = JsonServer::start();
    let nginx = Nginx::start(api.port(), refusal);
    let project = Project::with_pipeline(
        &format!(
            "connector: rest\nstreams: {{ movies: movies.json }}\nparams: {{ host: \"{}\" }}",
            nginx.base_url()
        ),
        "{ connection: c, stream: movies }",
    );
    std::fs::copy(
        fixture("specs/json-server-page.json"),
        project.path("movies.json"),
    )
    .unwrap();
    let run = project.tapline(&["run", "--output", "json"]);
    assert_eq!(run.code, 0, "{run}");
    let report = run.json();
    assert_eq!(report["verdict"]["kind"], "complete", "{report}");
    assert_eq!(report["pages"], 8, "7 with rows, and the empty one");
    let retries = report["retries"].as_u64().unwrap();
    assert!(retries > 0, "the limit was not met: {report}");
    assert_eq!(retries, nginx.refused() as u64, "{report}");
    let waited = report["waited_ms"].as_u64().unwrap();
    assert!(waited >= retries * least, "{report}");
    check_rows(&project, api.movies());
}

#[test]
fn a_429_is_waited_out_for_as_long_as_it_says() {
    check(Refusal::RetryAfter, 1_000);
}

#[test]
fn a_503_is_tried_again_after_a_pause() {
    check(Refusal::Bare, 100);
}
