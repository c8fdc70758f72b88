//! Forty ways for a secret to be given and sent, each with a canary of its own, and with a source
//! that shows it in another way.

use std::collections::BTreeSet;
use std::fs;
use std::ops::Range;
use std::panic::catch_unwind;

use serde_json::{Value, json};

use super::replies::Then;
use super::{CANARIES, held};
use crate::hostile::server::Server;
use crate::support::{Project, Run};

/// How the project file says a secret.
#[derive(Clone, Copy, Debug)]
enum Given {
    Env,
    File,
    /// In the project file itself, which is bad, and still no reason to spread it.
    Written,
}

/// Where it stands in what is sent.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    User,
    Password,
    Bearer,
    KeyHeader,
    KeyQuery,
    Path,
    Query,
    Header,
    Body,
    /// The user information of the host.
    UserInfo,
    /// The name of the host.
    Name,
    /// A plugin signs with it.
    Signer,
    /// A plugin panics with it in this hook.
    Faulty(&'static str),
}

use Given::{Env, File, Written};
use Place::*;

/// Number `n` is about canary `n`.
const PLACEMENTS: [(Given, Place, Then); 40] = [
    (Env, Password, Then::Pages),
    (Env, Password, Then::Status("401 Unauthorized")),
    (Env, Signer, Then::Pages),
    (File, KeyHeader, Then::Broken),
    (Env, KeyHeader, Then::NotJson),
    (File, Password, Then::Status("403 Forbidden")),
    (Written, Password, Then::Mistake),
    (Env, Bearer, Then::Pages),
    (Env, Bearer, Then::Status("401 Unauthorized")),
    (File, Bearer, Then::RedirectQuery),
    (Env, Bearer, Then::NextQuery),
    (Env, KeyHeader, Then::Pages),
    (Env, KeyHeader, Then::ErrorObject),
    (File, KeyHeader, Then::Rows),
    (Env, Header, Then::Pages),
    (Env, Header, Then::RetryAfter),
    (File, Header, Then::NextHere),
    (Env, KeyQuery, Then::Pages),
    (Env, KeyQuery, Then::Status("404 Not Found")),
    (File, KeyQuery, Then::RedirectHere),
    (Env, KeyQuery, Then::NextHere),
    (Env, Path, Then::Pages),
    (File, Path, Then::Status("410 Gone")),
    (Written, Path, Then::RedirectHere),
    (Env, Query, Then::Pages),
    (Env, Query, Then::Status("501 Not Implemented")),
    (File, Query, Then::NextUserInfo),
    (Env, Query, Then::Token),
    (Env, Password, Then::Cut),
    (Env, Body, Then::Pages),
    (File, Body, Then::Status("422 Unprocessable")),
    (Env, UserInfo, Then::Unsent("user name or password")),
    (Env, Name, Then::Unsent("send request")),
    (Env, KeyHeader, Then::NextHost),
    (Env, User, Then::RedirectHost),
    (File, Query, Then::NextNoUrl),
    (Env, Signer, Then::Status("403 Forbidden")),
    (File, Signer, Then::Token),
    (Env, Faulty("open"), Then::Unsent("the connector panicked")),
    (
        File,
        Faulty("partitions"),
        Then::Unsent("the connector panicked"),
    ),
];

#[test]
fn the_first_ten_stay_secret() {
    check(0..10);
}

#[test]
fn the_second_ten_stay_secret() {
    check(10..20);
}

#[test]
fn the_third_ten_stay_secret() {
    check(20..30);
}

#[test]
fn the_last_ten_stay_secret() {
    check(30..40);
}

fn check(canaries: Range<usize>) {
    let fails = |canary: &usize| {
        println!("canary {canary}: {:?}", PLACEMENTS[*canary]);
        catch_unwind(|| place(*canary)).is_err()
    };
    let failed: Vec<usize> = canaries.filter(fails).collect();
    assert_eq!(failed, [] as [usize; 0], "these came out, or were not used");
}

/// Runs all commands that read from a connection. What they say and leave is searched on the way.
fn place(canary: usize) {
    let (from, place, then) = PLACEMENTS[canary];
    let secret = CANARIES[canary];
    let server = Server::start(move |number| then.reply(number, secret));
    let project = project(&server, canary);
    if then == Then::Rows {
        project.may_hold_secrets_in_rows();
    }
    let run = tapline(&project, canary, &["run", "-vv", "--output", "json"]);
    let (code, said) = then.expected();
    assert_eq!(run.code, code, "{run}");
    assert!(format!("{run}").contains(said), "no {said:?} in {run}");
    check_use(&server.heads(), canary, place, then);
    if let Then::Broken = then {
        // It would take its time again.
        return;
    }
    let shows_rows = if then == Then::Rows {
        "check"
    } else {
        "preview"
    };
    for command in [
        &["run", "-vv"][..],
        &["check", "-v"],
        &["validate"],
        &[shows_rows],
    ] {
        let pipeline: &[&str] = if command == ["preview"] { &["p"] } else { &[] };
        let run = tapline(&project, canary, &[command, pipeline].concat());
        assert!(!run.stderr.contains("panicked at '"), "{from:?}: {run}");
    }
}

fn tapline(project: &Project, canary: usize, arguments: &[&str]) -> Run {
    let mut command = project.command(arguments);
    Run::of(command.env("CANARY", CANARIES[canary]).output().unwrap())
}

/// A secret that is never sent would prove nothing.
fn check_use(requests: &[String], canary: usize, place: Place, then: Then) {
    let expected = match (place, then) {
        (_, Then::Unsent(_) | Then::Mistake) => {
            assert!(requests.is_empty(), "{requests:?}");
            return;
        }
        (Signer, _) => {
            let request = requests.first().unwrap();
            assert!(request.contains("x-tapline-signature: "), "{request}");
            return;
        }
        _ => BTreeSet::from([canary]),
    };
    let sent = held(requests.join("\n").as_bytes());
    assert_eq!(sent, expected, "{requests:?}");
}

fn project(server: &Server, canary: usize) -> Project {
    let (from, place, then) = PLACEMENTS[canary];
    let secret = CANARIES[canary];
    let written = match from {
        Env => json!("${env:CANARY}"),
        File => json!("${file:canary.txt}"),
        Written => json!(secret),
    };
    let source = match place {
        Signer | Faulty(_) => "{ connection: c, stream: items }".to_owned(),
        _ => format!(
            "{{ connection: c, stream: items, params: {} }}",
            params(place, &written)
        ),
    };
    let project = Project::with_pipeline(&connection(server, place, then, &written), &source);
    if let File = from {
        project.input("canary.txt", secret);
    }
    fs::write(project.path("items.json"), spec(place, then).to_string()).unwrap();
    project
}

fn params(place: Place, written: &Value) -> Value {
    let value = |own: Place| {
        if place == own {
            written.clone()
        } else {
            json!("plain")
        }
    };
    json!({
        "path": value(Path), "query": value(Query), "header": value(Header), "body": value(Body),
    })
}

fn connection(server: &Server, place: Place, then: Then, written: &Value) -> String {
    let origin = server.origin();
    let reference = written.as_str().unwrap();
    match place {
        Signer => {
            return format!("connector: signer\nparams: {{ host: {origin:?}, key: {written} }}");
        }
        Faulty(fault) => {
            return format!("connector: faulty\nparams: {{ fault: {fault:?}, token: {written} }}");
        }
        _ => {}
    }
    let host = match place {
        UserInfo => json!(origin.replace("//", &format!("//{reference}@"))),
        Name => json!(format!("http://{reference}.invalid")),
        _ => json!(origin),
    };
    let (user, password) = match place {
        User => (written.clone(), json!("plain")),
        _ => (json!("any"), written.clone()),
    };
    let auth = match place {
        User | Password => {
            json!({ "specName": "Basic", "params": { "username": user, "password": password } })
        }
        Bearer => json!({ "specName": "Bearer", "params": { "accessToken": written } }),
        KeyHeader => json!({ "specName": "Header", "params": { "key": written } }),
        KeyQuery => json!({ "specName": "Query", "params": { "key": written } }),
        _ => json!({ "specName": "Bearer", "params": { "accessToken": "plain" } }),
    };
    let auth = match then {
        Then::Mistake => auth.to_string().replace("\"username\"", "\"usrname\""),
        _ => auth.to_string(),
    };
    format!(
        "connector: rest\nstreams: {{ items: items.json }}\nauth: {auth}\nparams: {{ host: {host} }}"
    )
}

fn spec(place: Place, then: Then) -> Value {
    let password = json!({ "type": "string", "format": "password" });
    let way = |name: &str, kind: &str, params: &[&str]| {
        let properties: serde_json::Map<_, _> = params
            .iter()
            .map(|name| ((*name).to_owned(), password.clone()))
            .collect();
        json!({ "name": name, "type": kind, "spec": {
            "type": "object", "properties": properties, "required": params,
        } })
    };
    let key = |name: &str, location: &str| {
        let mut way = way(name, "ApiKey", &["key"]);
        way["apiKeyParams"] = json!({ "in": location, "name": "X-Key", "param": "key" });
        way
    };
    let names = ["path", "query", "header", "body"];
    let mut properties: serde_json::Map<_, _> = names
        .iter()
        .map(|name| ((*name).to_owned(), password.clone()))
        .collect();
    properties.insert("host".to_owned(), json!({ "type": "string" }));
    let mut attributes = json!({
        "urlParams": {
            "host": "${host}", "path": "/items/${path}/all", "method": "GET",
            "queryParams": { "query": "${query}" },
        },
        "headerParams": { "X-Note": "${header}" },
        "contentPath": { "path": "$.items", "unwrap": true, "siblings": false },
        "paginationParams": then.pagination(),
    });
    if place == Body {
        attributes["urlParams"]["method"] = json!("POST");
        attributes["bodyParams"] = json!({ "text": "${body}" });
    }
    json!({
        "authSpec": [
            way("Basic", "BasicAuthentication", &["username", "password"]),
            way("Bearer", "BearerToken", &["accessToken"]),
            key("Header", "header"),
            key("Query", "query"),
        ],
        "sourceSpec": { "attributes": attributes, "spec": {
            "type": "object", "properties": properties, "required": ["host"],
        } },
    })
}
