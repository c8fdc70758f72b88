//! Signing in with tokens of a real token server: runs that outlast a token, refresh tokens that
//! are good for one use, and what is said when there is no token to be had.

mod provider;

use std::fs;
use std::net::TcpListener;
use std::path::Path;

use serde_json::{Value, json};

use self::provider::Provider;
use crate::secrets;
use crate::support::{Project, Run};

const CLIENT_SECRET: &str = secrets::CLIENT;

/// 32 bytes in base64.
const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// What the API has.
const ITEMS: i64 = 120;

/// Pages of the API; `delay` in milliseconds stands between two.
fn spec(path: &str, delay: u64) -> Value {
    json!({
        "attributes": {
            "urlParams": { "host": "${host}", "path": path, "method": "GET" },
            "contentPath": { "path": "$.items", "unwrap": true, "siblings": false },
            "paginationParams": {
                "type": "OFFSET", "limitName": "limit", "limitValue": 10,
                "offSetName": "offset", "delayRequestMillis": delay
            },
            "responseParams": { "total": "$.total" }
        }
    })
}

/// A project whose connection signs in with `auth`, YAML of `specName` and `params`.
fn project(provider: &Provider, spec: &Value, auth: &str) -> Project {
    let connection = format!(
        "connector: rest
streams: {{ items: items.json }}
params: {{ host: \"{}\" }}
auth: {auth}",
        provider.url("")
    );
    let project = Project::with_pipeline(&connection, "{ connection: c, stream: items }");
    project.input("items.json", &spec.to_string());
    project
}

fn client_credentials(token_url: &str, more: &str) -> String {
    format!(
        "{{ specName: OAuth2 Client Credentials, params: {{ clientId: body, \
         clientSecret: \"${{env:SECRET}}\", accessTokenUrl: \"{token_url}\"{more} }} }}"
    )
}

fn refresh_code(provider: &Provider) -> String {
    format!(
        "{{ specName: OAuth2 Refresh Code, params: {{ clientId: body, \
         clientSecret: \"${{env:SECRET}}\", refreshToken: \"${{env:REFRESH}}\", \
         accessTokenUrl: \"{}\" }} }}",
        provider.url("/token")
    )
}

fn tapline(project: &Project, arguments: &[&str], environment: &[(&str, &str)]) -> Run {
    let mut command = project.command(arguments);
    command.env("SECRET", CLIENT_SECRET);
    for (name, value) in environment {
        command.env(name, value);
    }
    Run::of(command.output().unwrap())
}

#[track_caller]
fn assert_complete(project: &Project, run: &Run) {
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(run.json()["verdict"]["kind"], "complete", "{run}");
    let found = project.count("select count(distinct id) from t");
    assert_eq!(found, ITEMS);
}

/// No token that was ever given may be found in what was said or left.
#[track_caller]
fn assert_kept(provider: &Provider, project: &Project, said: &[&Run]) {
    let mut texts: Vec<Vec<u8>> = said
        .iter()
        .map(|run| run.to_string().into_bytes())
        .collect();
    read_all(project.dir.path(), &mut texts);
    for token in provider.issued() {
        let has = |text: &Vec<u8>| text.windows(token.len()).any(|at| at == token.as_bytes());
        assert!(!texts.iter().any(has), "the token {token} was kept");
    }
}

fn read_all(folder: &Path, texts: &mut Vec<Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read_all(&path, texts);
        } else {
            texts.push(fs::read(path).unwrap());
        }
    }
}

#[test]
fn a_run_that_outlasts_a_token_goes_on_with_another() {
    let provider = Provider::start();
    let auth = client_credentials(&provider.url("/token"), "");
    let project = project(&provider, &spec("/api/items", 700), &auth);
    let run = tapline(&project, &["run", "--output", "json"], &[]);
    assert_complete(&project, &run);
    let asked = provider.asked();
    assert!((2..=4).contains(&asked), "{asked} token requests: {run}");
    assert_eq!(provider.refused(), 0, "renewed before it ends");
    assert_kept(&provider, &project, &[&run]);
}

#[test]
fn a_refresh_token_for_one_use_lasts_for_runs_and_runs() {
    let provider = Provider::start();
    let project = project(
        &provider,
        &spec("/api/items", 400),
        &refresh_code(&provider),
    );
    let refresh = provider.mint();
    let environment = [("REFRESH", refresh.as_str()), ("TAPLINE_STATE_KEY", KEY)];
    let mut said = Vec::new();
    for _ in 0..2 {
        let run = tapline(&project, &["run", "--output", "json"], &environment);
        assert_complete(&project, &run);
        assert!(!run.stderr.contains("warning"), "{run}");
        said.push(run);
    }
    assert!(provider.asked() >= 3, "{}", provider.asked());
    assert_kept(&provider, &project, &said.iter().collect::<Vec<_>>());
    // A person has signed in anew: that token wins.
    let anew = provider.mint();
    let environment = [("REFRESH", anew.as_str()), ("TAPLINE_STATE_KEY", KEY)];
    let run = tapline(&project, &["run", "--output", "json"], &environment);
    assert_complete(&project, &run);
}

#[test]
fn a_killed_run_loses_no_refresh_token() {
    let provider = Provider::start();
    let project = project(&provider, &spec("/api/hang", 0), &refresh_code(&provider));
    let refresh = provider.mint();
    let environment = [("REFRESH", refresh.as_str()), ("TAPLINE_STATE_KEY", KEY)];
    let mut command = project.command(&["run"]);
    command.env("SECRET", CLIENT_SECRET);
    for (name, value) in environment {
        command.env(name, value);
    }
    let mut killed = command.spawn("killed");
    provider.wait_until_it_hangs();
    killed.kill().unwrap();
    killed.wait().unwrap();
    project.input("items.json", &spec("/api/items", 0).to_string());
    let run = tapline(&project, &["run", "--output", "json"], &environment);
    assert_complete(&project, &run);
    assert_kept(&provider, &project, &[&run]);
}

#[test]
fn without_a_key_the_way_out_is_named() {
    let provider = Provider::start();
    let project = project(&provider, &spec("/api/items", 0), &refresh_code(&provider));
    let refresh = provider.mint();
    let environment = [("REFRESH", refresh.as_str())];
    let run = tapline(&project, &["run", "--output", "json"], &environment);
    assert_complete(&project, &run);
    assert!(run.stderr.contains("TAPLINE_STATE_KEY"), "{run}");
    let again = tapline(&project, &["run", "--output", "json"], &environment);
    assert_eq!(again.code, 1, "{again}");
    for part in ["invalid_grant", "sign in again"] {
        assert!(again.to_string().contains(part), "{again}");
    }
    assert_kept(&provider, &project, &[&run, &again]);
}

#[test]
fn what_keeps_a_token_from_being_had_is_said_clearly() {
    let provider = Provider::start();
    #[track_caller]
    fn check(provider: &Provider, token_url: &str, secret: &str, parts: &[&str]) {
        let auth = client_credentials(token_url, "");
        let project = project(provider, &spec("/api/items", 0), &auth);
        let mut command = project.command(&["run"]);
        let run = Run::of(command.env("SECRET", secret).output().unwrap());
        assert_eq!(run.code, 1, "{run}");
        for part in parts {
            assert!(run.to_string().contains(part), "{part}: {run}");
        }
    }
    let token_url = provider.url("/token");
    let refused = "the token server refused clientId/clientSecret (invalid_client: ";
    check(&provider, &token_url, secrets::UNSENT, &[refused]);
    assert_eq!(provider.asked(), 1);
    let html = ["200 with text/html", "is the token server's address right?"];
    check(&provider, &provider.url("/login"), CLIENT_SECRET, &html);
    let down = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = down.local_addr().unwrap();
    drop(down);
    let down = ["the token server did not answer", "no connection"];
    check(
        &provider,
        &format!("http://{address}/token"),
        CLIENT_SECRET,
        &down,
    );
}

#[test]
fn a_token_that_is_always_refused_is_renewed_once() {
    let provider = Provider::start();
    let auth = client_credentials(&provider.url("/token"), "");
    let project = project(&provider, &spec("/api/never", 0), &auth);
    let run = tapline(&project, &["run"], &[]);
    assert_eq!(run.code, 1, "{run}");
    assert!(run.to_string().contains("answered 401"), "{run}");
    assert_eq!((provider.asked(), provider.refused()), (2, 2));
}

#[test]
fn check_asks_where_it_is_told_to_and_says_so() {
    let provider = Provider::start();
    #[track_caller]
    fn check(provider: &Provider, more: &str, code: i32, part: &str) {
        let auth = client_credentials(&provider.url("/token"), more);
        let project = project(provider, &spec("/api/items", 0), &auth);
        let run = tapline(&project, &["check", "c"], &[]);
        assert_eq!(run.code, code, "{run}");
        assert!(run.to_string().contains(part), "{run}");
    }
    let me = format!(", authorizationTestUrl: \"{}\"", provider.url("/api/me"));
    check(&provider, &me, 0, "authorizationTestUrl answered 200");
    let never = format!(", authorizationTestUrl: \"{}\"", provider.url("/api/never"));
    check(&provider, &never, 1, "authorizationTestUrl answered 401");
    check(&provider, "", 0, "the first page of ");
}

#[test]
fn an_author_may_fix_the_token_server() {
    let provider = Provider::start();
    let document = json!({
        "id": "fixed", "name": "Fixed", "type": "generic-rest", "version": "1.0",
        "authSpec": [{
            "name": "Application", "type": "OAuth2 Client Credential",
            "oauthParams": {
                "tokenUrl": provider.url("/token"), "clientAuthentication": "header",
                "fields": { "scope": "items" }
            },
            "spec": {
                "type": "object", "required": ["clientId", "clientSecret"],
                "properties": {
                    "clientId": { "type": "string" },
                    "clientSecret": { "type": "string", "format": "password" }
                }
            }
        }],
        "streams": { "items": spec("/api/items", 0) }
    });
    let connection = format!(
        "connector: fixed.json
params: {{ host: \"{}\" }}
auth: {{ specName: Application, params: {{ clientId: header, clientSecret: \"${{env:SECRET}}\" }} }}",
        provider.url("")
    );
    let project = Project::with_pipeline(&connection, "{ connection: c, stream: items }");
    project.input("fixed.json", &document.to_string());
    let run = tapline(&project, &["run", "--output", "json"], &[]);
    assert_complete(&project, &run);
}
