//! Streams read in slices, through the binary: by parents, in batches of their ids, by lists.

use serde_json::{Value, json};
use tapline_conformance::fake_api::{Counts, FakeApi, FakeApiConfig, Fault, FaultAction, Lie};

use crate::secrets;
use crate::support::{Project, Run};

const KEY: &str = secrets::FAKE_API;

/// Where the parents are.
const CAMPAIGNS: &str = "/3.0/campaigns";

fn api(campaigns: u64, emails: u64, faults: Vec<Fault>) -> FakeApi {
    let counts = Counts {
        campaigns,
        emails,
        users: 230,
        members: 120,
        ..Counts::default()
    };
    let config = FakeApiConfig {
        counts,
        faults,
        key: KEY.to_owned(),
        ..FakeApiConfig::default()
    };
    FakeApi::start(config).unwrap()
}

fn mailchimp(api: &FakeApi, stream: &str) -> Project {
    let connection = format!(
        "connector: mailchimp
auth: {{ specName: OAuth2 Access Token, params: {{ accessToken: \"${{env:KEY}}\" }} }}
params: {{ host: \"{}\" }}",
        api.base_url()
    );
    Project::with_pipeline(
        &connection,
        &format!("{{ connection: c, stream: {stream} }}"),
    )
}

/// What the specs `streams` read from the fake API, each from a file of its own; the last one is
/// the pipeline's.
fn rest(api: &FakeApi, streams: &[(&str, Value)]) -> Project {
    let files: Vec<String> = streams
        .iter()
        .map(|(name, _)| format!("{name}: {name}.json"))
        .collect();
    let connection = format!(
        "connector: rest
auth: {{ specName: Bearer Token, params: {{ accessToken: \"${{env:KEY}}\" }} }}
streams: {{ {} }}
params: {{ host: \"{}\" }}",
        files.join(", "),
        api.base_url()
    );
    let (last, _) = streams.last().unwrap();
    let project =
        Project::with_pipeline(&connection, &format!("{{ connection: c, stream: {last} }}"));
    for (name, attributes) in streams {
        let spec = json!({ "sourceSpec": { "attributes": attributes } });
        project.input(&format!("{name}.json"), &spec.to_string());
    }
    project
}

fn run(project: &Project) -> Run {
    let mut command = project.command(&["run", "--output", "json"]);
    Run::of(command.env("KEY", KEY).output().unwrap())
}

#[track_caller]
fn complete(project: &Project) -> Value {
    let run = run(project);
    assert_eq!(run.code, 0, "{run}");
    let report = run.json();
    let complete = json!({ "kind": "complete", "reason": "all_slices" });
    assert_eq!(report["verdict"], complete, "{run}");
    report
}

#[test]
fn every_campaign_has_its_activities() {
    // None, one page, and two pages of campaigns: 1000 are on a page.
    for campaigns in [0, 7, 1_003] {
        let api = api(campaigns, 3, Vec::new());
        let project = mailchimp(&api, "email_activity_all");
        let report = complete(&project);
        assert_eq!(report["slices"], json!({ "read": campaigns, "skipped": 0 }));
        assert_eq!(report["records"]["read"], campaigns * 3);
        if campaigns == 0 {
            assert_eq!(report["records"]["written"], 0);
            continue;
        }
        let receivers = "select count(distinct campaign_id || email_address) from t";
        assert_eq!(
            project.count(receivers),
            i64::try_from(campaigns * 3).unwrap()
        );
        let slices = "select count(distinct slice) from _tapline_commits where published = 1";
        assert_eq!(project.count(slices), i64::try_from(campaigns).unwrap());
        let strays = "select count(*) from _tapline_requests r
            where r.slice <> 'campaignId=' || (select campaign_id from t where _tapline_request_id = r.request_id)";
        assert_eq!(
            project.count(strays),
            0,
            "each slice holds its own campaign"
        );
    }
}

/// The id of the campaign number `index`, by a run of the stream `campaigns`.
fn campaign(index: i64) -> String {
    let api = api(9, 1, Vec::new());
    let project = mailchimp(&api, "campaigns");
    let run = run(&project);
    assert_eq!(run.code, 0, "{run}");
    let sql = "select id from t order by rowid limit 1 offset ?";
    let warehouse = project.warehouse();
    warehouse.query_row(sql, [index], |row| row.get(0)).unwrap()
}

#[test]
fn a_campaign_that_was_deleted_meanwhile_is_left_out() {
    let deleted = campaign(2);
    let path = format!("/3.0/reports/{deleted}/");
    let gone = Fault::from(path, 1, FaultAction::status(404));
    let api = api(5, 3, vec![gone]);
    let project = mailchimp(&api, "email_activity_all");
    let run = run(&project);
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(run.json()["slices"], json!({ "read": 4, "skipped": 1 }));
    let warning = format!("slice campaignId={deleted} was left out");
    assert!(run.stderr.contains(&warning), "{run}");
    assert_eq!(
        project.count("select count(distinct campaign_id) from t"),
        4
    );
}

#[test]
fn a_path_that_is_nowhere_is_no_empty_table() {
    let gone = Fault::from("/3.0/reports/", 1, FaultAction::status(404));
    let api = api(3, 3, vec![gone]);
    let run = run(&mailchimp(&api, "email_activity_all"));
    assert_eq!(run.code, 3, "{run}");
    assert_eq!(
        run.json()["verdict"],
        json!({ "kind": "unknown", "reason": "all_skipped" })
    );
}

#[test]
fn campaigns_that_are_missing_make_their_activities_short() {
    let lie = Fault::from(CAMPAIGNS, 1, FaultAction::Lie(Lie::WrongTotal(9)));
    let api = api(5, 3, vec![lie]);
    let project = mailchimp(&api, "email_activity_all");
    let run = run(&project);
    assert_eq!(run.code, 3, "{run}");
    let mismatch = json!({ "total_mismatch": { "total": 9, "received": 5 } });
    let parent = json!({ "parent": { "stream": "campaigns", "reason": mismatch } });
    assert_eq!(
        run.json()["verdict"],
        json!({ "kind": "short", "reason": parent })
    );
    assert_eq!(
        project.count("select count(*) from sqlite_master where name = 't'"),
        0
    );
}

/// All users by the search export, a hundred on a page.
fn found() -> Value {
    json!({
        "urlParams": {
            "host": "${host}", "path": "/api/v2/search/export", "method": "GET",
            "queryParams": { "query": "*", "filter[type]": "user" }
        },
        "contentPath": { "path": "$.results", "unwrap": true, "siblings": false },
        "paginationParams": {
            "type": "CONTINUATION_TOKEN", "limitName": "page[size]", "limitValue": 100,
            "continuationTokenPath": "$.meta.after_cursor",
            "parameterType": "QUERYPARAM", "parameterName": "page[after]",
            "endConditionName": "$.meta.has_more", "endConditionValue": "Const:false"
        }
    })
}

/// Users by their ids, `batch` at a time.
fn users(batch: u64) -> Value {
    json!({
        "urlParams": {
            "host": "${host}", "path": "/api/v2/users/show_many.json", "method": "GET",
            "queryParams": { "ids": "${ids}" }
        },
        "contentPath": { "path": "$.users", "unwrap": true, "siblings": false },
        "paginationParams": { "type": "NONE" },
        "responseParams": { "total": "$.count" },
        "partitionParams": [
            { "name": "ids", "parent": { "stream": "found", "key": "id", "batch": batch } }
        ]
    })
}

#[test]
fn ids_go_in_batches_and_each_stream_has_its_own_spec_file() {
    let api = api(0, 0, Vec::new());
    let project = rest(&api, &[("found", found()), ("users", users(40))]);
    let report = complete(&project);
    assert_eq!(report["slices"]["read"], 6, "five of 40, and one of 30");
    assert_eq!(report["records"]["written"], 230);
    assert_eq!(project.count("select count(distinct id) from t"), 230);
    let path = "/api/v2/users/show_many.json";
    assert_eq!(api.stats().requests_to(path), 6);
    assert_eq!(api.stats().requests_to("/api/v2/search/export"), 3);
    assert_eq!(report["requests"], 9);
    let named = "select count(distinct slice) from _tapline_requests where slice like 'ids=~%'";
    assert_eq!(project.count(named), 6, "long names are hashes");
}

#[test]
fn a_parent_without_a_spec_file_is_named() {
    let api = api(0, 0, Vec::new());
    let project = rest(&api, &[("users", users(40))]);
    let run = run(&project);
    assert_eq!(run.code, 2, "{run}");
    assert!(
        run.stderr
            .contains("there is no spec file for the stream `found`"),
        "{run}"
    );
}

#[test]
fn lists_of_values_are_crossed() {
    let mut members = json!({
        "urlParams": {
            "host": "${host}", "path": "/3.0/lists/${listId}/members", "method": "GET",
            "queryParams": { "status": "${status}" }
        },
        "contentPath": { "path": "$.members", "unwrap": true, "siblings": false },
        "paginationParams": {
            "type": "OFFSET", "limitName": "count", "limitValue": 100, "offSetName": "offset"
        },
        "responseParams": { "total": "$.total_items" }
    });
    members["partitionParams"] = json!([
        { "name": "listId", "values": ["a", "b"] },
        { "name": "status", "values": ["subscribed", "cleaned"] },
        { "name": "listId", "values": ["c"] }
    ]);
    let api = api(0, 0, Vec::new());
    let project = rest(&api, &[("members", members)]);
    let report = complete(&project);
    assert_eq!(report["slices"]["read"], 6);
    let slices = project.sql("select distinct slice from _tapline_requests order by rowid");
    let slices = slices.to_string();
    let order = [
        "a&status=subscribed",
        "a&status=cleaned",
        "b&status=subscribed",
        "b&status=cleaned",
        "c&status=subscribed",
        "c&status=cleaned",
    ];
    let at: Vec<usize> = order
        .iter()
        .map(|slice| {
            slices
                .find(&format!("listId={slice}"))
                .unwrap_or_else(|| panic!("{slice} in {slices}"))
        })
        .collect();
    assert!(at.is_sorted(), "{slices}");
    for list in ["a", "b", "c"] {
        assert!(
            api.stats()
                .requests_to(&format!("/3.0/lists/{list}/members"))
                >= 4
        );
    }
}

#[test]
fn a_preview_asks_for_no_more_than_the_first_slice() {
    let api = api(3, 5, Vec::new());
    let project = mailchimp(&api, "email_activity_all");
    let mut command = project.command(&["preview", "p", "--limit", "2"]);
    let run = Run::of(command.env("KEY", KEY).output().unwrap());
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(api.stats().requests_to(CAMPAIGNS), 1);
    let reports = api.stats().requests.into_keys();
    assert_eq!(
        reports
            .filter(|path| path.starts_with("/3.0/reports/"))
            .count(),
        1
    );
}
