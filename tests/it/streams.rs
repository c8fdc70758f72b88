//! Every stream of the shipped plugins reads completely; what is exploded comes row for row.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Map, Value};
use tapline_conformance::fake_api::{Counts, FakeApi, FakeApiConfig};

use crate::secrets;
use crate::support::{Project, Run};

const KEY: &str = secrets::FAKE_API;

/// As many of each kind as make several pages.
const COUNTS: Counts = Counts {
    members: 1_101,
    campaigns: 1_102,
    lists: 1_103,
    emails: 1_104,
    users: 1_105,
    tickets: 1_106,
    organizations: 207,
    generic: 0,
};

fn api() -> FakeApi {
    let config = FakeApiConfig {
        counts: COUNTS,
        key: KEY.to_owned(),
        ..FakeApiConfig::default()
    };
    FakeApi::start(config).unwrap()
}

/// Reads `stream` of `connector`, with `params` of the stream in YAML, to its complete end.
fn read(api: &FakeApi, connector: &str, stream: &str, params: &str) -> (Project, Value) {
    let connection = format!(
        "connector: {connector}
auth: {{ specName: OAuth2 Access Token, params: {{ accessToken: \"${{env:KEY}}\" }} }}
params: {{ host: \"{}\" }}",
        api.base_url()
    );
    let source = format!("{{ connection: c, stream: {stream}, params: {{ {params} }} }}");
    let project = Project::with_pipeline(&connection, &source);
    let mut command = project.command(&["run", "--output", "json"]);
    let run = Run::of(command.env("KEY", KEY).output().unwrap());
    assert_eq!(run.code, 0, "{stream}: {run}");
    let report = run.json();
    assert_eq!(report["verdict"]["kind"], "complete", "{stream}: {report}");
    (project, report)
}

#[track_caller]
fn check(connector: &str, stream: &str, params: &str, count: u64) {
    let api = api();
    let (project, report) = read(&api, connector, stream, params);
    assert!(report["pages"].as_u64().unwrap() > 1, "{report}");
    let records = &report["records"];
    assert_eq!(
        (&records["read"], &records["written"]),
        (&count.into(), &count.into())
    );
    let distinct = project.count("select count(distinct id) from t");
    assert_eq!(u64::try_from(distinct), Ok(count), "{stream}");
    let strays = project.count("select count(_tapline_rest) from t");
    assert_eq!(strays, 0, "{stream}: every value has the declared type");
}

#[test]
fn mailchimp_has_members_lists_and_campaigns() {
    check("mailchimp", "members", "listId: 57afe96172", COUNTS.members);
    check("mailchimp", "lists", "", COUNTS.lists);
    check("mailchimp", "campaigns", "", COUNTS.campaigns);
}

#[test]
fn zendesk_has_organizations() {
    check("zendesk", "organizations", "", COUNTS.organizations);
}

// Zendesk allows 100 searches a minute, and 10 incremental exports: these wait.

#[test]
fn zendesk_searches_tickets() {
    check("zendesk", "tickets", "", COUNTS.tickets);
}

#[test]
fn zendesk_searches_users() {
    check("zendesk", "users", "", COUNTS.users);
}

#[test]
fn zendesk_exports_tickets() {
    check("zendesk", "tickets_incremental", "", COUNTS.tickets);
}

#[test]
fn zendesk_exports_users() {
    check("zendesk", "users_incremental", "", COUNTS.users);
}

#[test]
fn an_incremental_export_begins_where_it_is_told() {
    let api = api();
    // Of one ticket a minute, the last six.
    let (project, report) = read(
        &api,
        "zendesk",
        "tickets_incremental",
        "startTime: 1704133200",
    );
    assert_eq!(report["records"]["read"], 6);
    assert_eq!(project.count("select count(*) from t"), 6);
}

#[test]
fn activities_come_row_for_row() {
    let api = api();
    let (project, report) = read(
        &api,
        "mailchimp",
        "email_activity",
        "campaignId: 42694e9e57",
    );
    let expected = activities(&api, "/3.0/reports/42694e9e57/email-activity");
    assert_eq!(report["records"]["read"], COUNTS.emails);
    assert_eq!(report["records"]["written"], expected.len());
    assert_eq!(rows(&project), expected);
    let others = "select count(*) from pragma_table_info('t')
        where name not like '\\_tapline\\_%' escape '\\'";
    assert_eq!(project.count(others), 10, "no column but those");
}

/// The rows of the table, in their order.
fn rows(project: &Project) -> Vec<Vec<String>> {
    let columns = "'action', action, 'campaign_id', campaign_id, 'email_address', email_address,
        'email_id', email_id, 'ip', ip, 'list_id', list_id, 'list_is_active', list_is_active,
        'timestamp', timestamp, 'type', type, 'url', url";
    let warehouse = project.warehouse();
    let sql = format!("select json_object({columns}) from t order by rowid");
    let mut statement = warehouse.prepare(&sql).unwrap();
    let rows = statement
        .query_map([], |row| row.get::<_, String>(0))
        .unwrap();
    rows.map(|row| said(&serde_json::from_str(&row.unwrap()).unwrap()))
        .collect()
}

/// The rows that the report at `path` stands for: one for each thing done, one for each receiver
/// who did nothing.
fn activities(api: &FakeApi, path: &str) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for offset in [0, 1_000] {
        let page = get(api, &format!("{path}?count=1000&offset={offset}"));
        for email in page["emails"].as_array().unwrap() {
            let mut email = email.as_object().unwrap().clone();
            email.remove("_links");
            let done = email.remove("activity").unwrap();
            let done = done.as_array().unwrap();
            if done.is_empty() {
                rows.push(said(&email));
            }
            for activity in done {
                let mut row = email.clone();
                row.extend(activity.as_object().unwrap().clone());
                rows.push(said(&row));
            }
        }
    }
    rows
}

/// What a row says, in the order of its names; SQLite has numbers for true and false.
fn said(row: &Map<String, Value>) -> Vec<String> {
    let known = row.iter().filter(|(_, value)| !value.is_null());
    let mut said: Vec<_> = known
        .map(|(name, value)| match value {
            Value::Bool(value) => format!("{name}: {}", u8::from(*value)),
            value => format!("{name}: {value}"),
        })
        .collect();
    said.sort();
    said
}

/// One request, without tapline.
fn get(api: &FakeApi, target: &str) -> Value {
    let mut stream = TcpStream::connect(api.address()).unwrap();
    let head = format!(
        "GET {target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer {KEY}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    serde_json::from_str(body).unwrap()
}
