//! Prism, a mock server that knows only the vendors' own descriptions of their APIs
//! (`tests/fixtures/openapi`), accepts every request of our connectors.
//!
//! It refuses values of a wrong type, missing parameters, unknown paths and missing credentials. It
//! lets unknown parameters pass, so their names are looked up here. It keeps no state: page 2
//! repeats page 1, which the engine rightly calls `short`.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use serde_json::{Map, Value, json};
use url::Url;

use crate::secrets;
use crate::server::{Server, fixture, installed, word_after};
use crate::support::{Project, Run};

/// Described by the vendor in prose, for all of its endpoints, and missing in their lists.
const CURSOR_PAGING: [&str; 2] = ["page[size]", "page[after]"];
/// A value for any parameter: ids are texts, and times are numbers of seconds.
const SAMPLE: &str = "1577836800";
const BASIC: &str = "auth: { specName: Basic Authentication, params: { username: any, \
    password: \"${env:KEY}\" } }";

/// An API's description, and the mock server that reads it.
struct Prism {
    _server: Server,
    base_url: String,
    description: Value,
}

impl Prism {
    fn start(connector: &str) -> Self {
        let file = fixture(&format!("openapi/{connector}.json"));
        let mut command = Command::new(installed("node_modules/.bin/prism"));
        command
            .args(["mock", "--host", "127.0.0.1", "--port", "0"])
            .arg(&file);
        let listening = |line: &str| word_after(line, "Prism is listening on ");
        let (server, base_url) = Server::start(command, listening).unwrap();
        Self {
            _server: server,
            base_url,
            description: serde_json::from_slice(&fs::read(file).unwrap()).unwrap(),
        }
    }

    /// The names of the query parameters that the description lists for a path.
    fn parameters(&self, path: &str) -> BTreeSet<&str> {
        let paths = self.description["paths"].as_object().unwrap();
        let (_, operations) = paths
            .iter()
            .find(|(template, _)| fits(template, path))
            .unwrap_or_else(|| panic!("{path} is not described"));
        let lists = [&operations["parameters"], &operations["get"]["parameters"]];
        lists
            .into_iter()
            .filter_map(Value::as_array)
            .flatten()
            .map(|parameter| self.resolved(parameter))
            .filter(|parameter| parameter["in"] == "query")
            .map(|parameter| parameter["name"].as_str().unwrap())
            .collect()
    }

    fn resolved<'a>(&'a self, parameter: &'a Value) -> &'a Value {
        let Some(reference) = parameter["$ref"].as_str() else {
            return parameter;
        };
        let pointer = reference.strip_prefix('#').unwrap();
        self.description.pointer(pointer).unwrap()
    }
}

/// Whether a path is one of a template such as `/lists/{list_id}/members`.
fn fits(template: &str, path: &str) -> bool {
    let (template, path): (Vec<_>, Vec<_>) =
        (template.split('/').collect(), path.split('/').collect());
    let same = |(a, b): (&&str, &&str)| a == b || a.starts_with('{');
    template.len() == path.len() && template.iter().zip(&path).all(same)
}

/// What a connector's library exports.
fn spec(connector: &str) -> Value {
    let run = Project::new("").tapline(&["spec", connector, "--output", "json"]);
    assert_eq!(run.code, 0, "{run}");
    run.json()
}

/// A value for each parameter that a stream cannot do without.
fn params(stream: &Value) -> Value {
    let required = stream["spec"]["required"].as_array();
    let sample = |name: &Value| {
        let name = name.as_str().unwrap();
        let is_number = stream["spec"]["properties"][name]["type"] == "integer";
        let value = if is_number {
            serde_json::from_str(SAMPLE).unwrap()
        } else {
            json!(SAMPLE)
        };
        (name.to_owned(), value)
    };
    required
        .into_iter()
        .flatten()
        .map(sample)
        .collect::<Map<_, _>>()
        .into()
}

/// Runs the first pages of the pipeline `p`. Returns how many requests Prism and the description
/// had nothing against, or the first complaint.
fn judge(prism: &Prism, project: &Project) -> Result<usize, String> {
    let mut command = project.command(&["run", "--max-pages", "2", "--output", "json"]);
    let run = Run::of(command.env("KEY", secrets::PRISM).output().unwrap());
    if run.json()["error"] != Value::Null {
        return Err(run.to_string());
    }
    let requests = project.sql("select url, status from _tapline_requests");
    let requests = requests["rows"].as_array().unwrap();
    for request in requests {
        judge_request(prism, request)?;
    }
    Ok(requests.len())
}

fn judge_request(prism: &Prism, request: &Value) -> Result<(), String> {
    if request["status"] != 200 {
        return Err(request.to_string());
    }
    let url: Url = request["url"].as_str().unwrap().parse().unwrap();
    let listed = prism.parameters(url.path());
    for (name, _) in url.query_pairs() {
        if !listed.contains(&*name) && !CURSOR_PAGING.contains(&&*name) {
            return Err(format!("`{name}` of {url} is none of {listed:?}"));
        }
    }
    Ok(())
}

/// Every request for a stream's first pages is accepted. Returns how many there were.
#[track_caller]
fn check_stream(connector: &str, prism: &Prism, name: &str, stream: &Value) -> usize {
    let (host, params) = (&prism.base_url, params(stream));
    let project = Project::with_pipeline(
        &format!("connector: {connector}\n{BASIC}\nparams: {{ host: \"{host}\" }}"),
        &format!("{{ connection: c, stream: {name}, params: {params} }}"),
    );
    judge(prism, &project).unwrap_or_else(|complaint| panic!("{connector}.{name}: {complaint}"))
}

#[track_caller]
fn check_connector(connector: &str) {
    let prism = Prism::start(connector);
    let spec = spec(connector);
    let streams = spec["streams"].as_object().unwrap();
    let requests = streams
        .iter()
        .map(|(name, stream)| check_stream(connector, &prism, name, stream));
    let most = requests.max().unwrap();
    assert_eq!(most, 2, "the request for a second page was tried, too");
}

#[test]
fn prism_accepts_every_request_to_mailchimp() {
    check_connector("mailchimp");
}

#[test]
fn prism_accepts_every_request_to_zendesk() {
    check_connector("zendesk");
}

/// What is said against a stream that is changed before the connector `rest` reads it.
#[track_caller]
fn check_change(
    prism: &Prism,
    spec: &Value,
    stream: &str,
    change: fn(&mut Value),
    complaint: Option<&str>,
) {
    let mut document =
        json!({ "authSpec": spec["authSpec"], "sourceSpec": spec["streams"][stream] });
    change(&mut document);
    let auth = if document["authSpec"] == json!([]) {
        ""
    } else {
        BASIC
    };
    let (host, params) = (&prism.base_url, params(&document["sourceSpec"]));
    let project = Project::with_pipeline(
        &format!(
            "connector: rest\n{auth}\nstreams: {{ s: s.json }}\nparams: {{ host: \"{host}\" }}"
        ),
        &format!("{{ connection: c, stream: s, params: {params} }}"),
    );
    fs::write(project.path("s.json"), document.to_string()).unwrap();
    match (judge(prism, &project), complaint) {
        (Err(said), Some(complaint)) => assert!(said.contains(complaint), "no {complaint}: {said}"),
        (judgement, complaint) => assert_eq!(judgement.err().as_deref(), complaint),
    }
}

fn without_credentials(document: &mut Value) {
    document["authSpec"] = json!([]);
}

fn with_a_wrong_type(document: &mut Value) {
    document["sourceSpec"]["attributes"]["urlParams"]["queryParams"]["vip_only"] = json!("perhaps");
}

fn without_its_query(document: &mut Value) {
    let url = &mut document["sourceSpec"]["attributes"]["urlParams"];
    url["queryParams"]
        .as_object_mut()
        .unwrap()
        .remove("query")
        .unwrap();
}

fn elsewhere(document: &mut Value) {
    document["sourceSpec"]["attributes"]["urlParams"]["path"] = json!("/api/v2/search/exports");
}

fn with_a_misspelt_name(document: &mut Value) {
    document["sourceSpec"]["attributes"]["paginationParams"]["limitName"] = json!("cuont");
}

#[test]
fn what_the_vendor_does_not_describe_is_refused() {
    let (prism, spec_of) = (Prism::start("mailchimp"), spec("mailchimp"));
    let check = |change, refusal| check_change(&prism, &spec_of, "members", change, refusal);
    check(|_| {}, None);
    check(without_credentials, Some("401"));
    check(with_a_wrong_type, Some("422"));
    check(with_a_misspelt_name, Some("`cuont` of "));

    let (prism, spec_of) = (Prism::start("zendesk"), spec("zendesk"));
    let check = |change, refusal| check_change(&prism, &spec_of, "users", change, refusal);
    check(|_| {}, None);
    check(without_credentials, Some("401"));
    check(without_its_query, Some("422"));
    check(elsewhere, Some("404"));
}
