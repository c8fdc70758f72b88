//! Every published form of paging, and our own, each read to its end by the installed binary from
//! an API that pages that way.

use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};
use tapline_conformance::fake_api::{Counts, FakeApi, FakeApiConfig};

use crate::support::Project;

/// As many as make no whole number of pages.
const RECORDS: u64 = 203;

/// A stream of `/paged/`.
struct Form {
    name: String,
    path: &'static str,
    pagination: Value,
    /// Members of the spec's attributes that are not as in all others.
    more: Value,
    /// What ends it.
    end: &'static str,
}

/// Adobe's forms, as published: where each is tried, and what ends it there.
const PUBLISHED: [(&str, &str, &str); 9] = [
    ("OFFSET_minimal", "offset", "empty_page"),
    ("OFFSET_endCondition", "offset", "end_condition"),
    ("POINTER", "pointer", "no_next"),
    ("CONTINUATION_TOKEN", "token", "no_next"),
    ("PAGE", "page", "last_page"),
    ("NONE", "none", "single_response"),
    ("legacy_pointerName", "pointer", "no_next"),
    ("legacy_paginationType", "offset", "empty_page"),
    ("schema_offsetName", "offset", "empty_page"),
];

fn published() -> Vec<Form> {
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../specs/adobe/pagination.examples.json");
    let mut examples: Map<String, Value> =
        serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    let forms = PUBLISHED.map(|(name, path, end)| Form {
        name: name.to_owned(),
        path,
        pagination: examples.remove(name).expect(name),
        more: json!({}),
        end,
    });
    assert!(examples.is_empty(), "not tried: {examples:?}");
    forms.into()
}

fn form(name: &str, path: &'static str, end: &'static str, pagination: Value, more: Value) -> Form {
    Form {
        name: name.to_owned(),
        path,
        pagination,
        more,
        end,
    }
}

/// The query of a request that wants this.
fn asking(pairs: Value) -> Value {
    json!({ "urlParams": { "queryParams": pairs } })
}

/// Forms that Adobe does not have.
fn own() -> Vec<Form> {
    let link = json!({"type": "LINK_HEADER", "limitName": "limit", "limitValue": 40});
    let token = |path: &str, kind: &str, name: Option<&str>| {
        let mut token = json!({"type": "CONTINUATION_TOKEN", "continuationTokenPath": path,
            "parameterType": kind});
        if let Some(name) = name {
            token["parameterName"] = json!(name);
        }
        token
    };
    let post = json!({"urlParams": {"method": "POST"}, "bodyParams": {"limit": 40}});
    let cursor = "$.meta.after_cursor";
    vec![
        form("link", "link", "no_next", link.clone(), json!({})),
        form(
            "link_relative",
            "link",
            "no_next",
            link,
            asking(json!({"links": "relative"})),
        ),
        form(
            "pointer_trailing",
            "pointer",
            "no_next",
            json!({"type": "POINTER", "limitName": "limit", "limitValue": 40,
                "pointerPath": "$.paging.next"}),
            asking(json!({"links": "relative", "trailing": "1"})),
        ),
        form(
            "token_header",
            "token",
            "no_next",
            token(cursor, "HEADERPARAM", Some("x-after")),
            json!({}),
        ),
        form(
            "token_body",
            "token",
            "no_next",
            token(cursor, "BODYPARAM", Some("page.after")),
            post.clone(),
        ),
        form(
            "object",
            "object",
            "no_next",
            token("$.continue", "QUERYPARAM", None),
            json!({}),
        ),
        form(
            "key",
            "key",
            "no_next",
            token("$.last", "BODYPARAM", Some("start")),
            post,
        ),
        form(
            "range",
            "offset",
            "last_page",
            json!({"type": "RANGE", "rangeName": "from", "rangeEnd": 200, "rangeStep": 40}),
            asking(json!({"offset": "${from}", "limit": "40"})),
        ),
        form(
            "range_open",
            "offset",
            "empty_page",
            json!({"type": "RANGE", "rangeName": "from", "rangeStep": 40}),
            asking(json!({"offset": "${from}", "limit": "40"})),
        ),
        form(
            "token_end",
            "token",
            "end_condition",
            json!({"type": "CONTINUATION_TOKEN", "continuationTokenPath": cursor,
                "parameterType": "QUERYPARAM", "parameterName": "page[after]",
                "endConditionName": "$.meta.has_more", "endConditionValue": "Const:false"}),
            json!({}),
        ),
    ]
}

/// Forms whose body is a bare array, so that what leads on is in a header.
fn bare() -> Vec<Form> {
    let body = json!({
        "urlParams": {"queryParams": {"root": "array"}},
        "contentPath": {"path": "$", "unwrap": true}
    });
    without_places("bare", &body)
}

/// Forms whose body has a record on each line.
fn lines() -> Vec<Form> {
    let body = json!({
        "urlParams": {"queryParams": {"root": "array", "lines": "1"}},
        "contentPath": {"path": "$", "unwrap": true},
        "responseParams": {"format": "ndjson"}
    });
    without_places("lines", &body)
}

/// Forms of bodies that have nothing but records, as `body` says; their names begin with `name`.
fn without_places(name: &str, body: &Value) -> Vec<Form> {
    let limit = |mut pagination: Value| {
        pagination["limitName"] = json!("limit");
        pagination["limitValue"] = json!(50);
        pagination
    };
    let ways = [
        (
            "offset",
            "empty_page",
            json!({"type": "OFFSET", "offSetName": "offset"}),
        ),
        (
            "page",
            "empty_page",
            json!({"type": "PAGE", "pageParamName": "pageNumber", "initialPageIndex": 1}),
        ),
        (
            "pointer",
            "no_next",
            json!({"type": "POINTER", "pointerPath": "headers.x-next-link"}),
        ),
        ("link", "no_next", json!({"type": "LINK_HEADER"})),
        (
            "token",
            "no_next",
            json!({"type": "CONTINUATION_TOKEN", "continuationTokenPath": "headers.x-next-token",
                "parameterType": "QUERYPARAM", "parameterName": "page[after]"}),
        ),
    ];
    let ways = ways.into_iter().map(|(path, end, pagination)| {
        form(
            &format!("{name}_{path}"),
            path,
            end,
            limit(pagination),
            body.clone(),
        )
    });
    ways.collect()
}

/// Forms whose last answer is no page, and a rule says so.
fn ruled() -> Vec<Form> {
    let page = json!({"type": "PAGE", "limitName": "pageSize", "limitValue": 50,
        "pageParamName": "pageNumber", "initialPageIndex": 1});
    let offset = json!({"type": "OFFSET", "limitName": "limit", "limitValue": 50,
        "offSetName": "offset"});
    let past = |status: u16, rule: Value| {
        let mut more = asking(json!({"past": status.to_string()}));
        more["responseParams"] = json!({"on": [rule]});
        more
    };
    let failed = "@equals(response().body.status, 'error')";
    vec![
        form(
            "past_400",
            "page",
            "declared",
            page.clone(),
            past(400, json!({"status": "400-499", "action": "end"})),
        ),
        form(
            "past_404",
            "page",
            "declared",
            page,
            past(404, json!({"status": 404, "action": "end"})),
        ),
        form(
            "past_416",
            "offset",
            "declared",
            offset.clone(),
            past(416, json!({"status": [404, 416], "action": "end"})),
        ),
        form(
            "past_503",
            "offset",
            "declared",
            offset.clone(),
            past(503, json!({"status": "5xx", "action": "end"})),
        ),
        form(
            "past_200",
            "offset",
            "declared",
            offset,
            past(200, json!({"when": failed, "action": "end"})),
        ),
    ]
}

/// `base` with the members of `more`, those of objects one by one.
fn merge(base: &mut Value, more: Value) {
    match (base, more) {
        (Value::Object(base), Value::Object(more)) => {
            for (name, value) in more {
                merge(base.entry(name).or_insert(Value::Null), value);
            }
        }
        (base, more) => *base = more,
    }
}

impl Form {
    fn spec(&self) -> Value {
        let mut attributes = json!({
            "urlParams": {"host": "${host}", "path": format!("/paged/{}", self.path)},
            "contentPath": {"path": "$.items", "unwrap": true, "siblings": false},
            "paginationParams": self.pagination
        });
        merge(&mut attributes, self.more.clone());
        let host = json!({"type": "string"});
        json!({"authSpec": [], "sourceSpec": {
            "attributes": attributes,
            "spec": {"type": "object", "properties": {"host": host}, "required": ["host"]}
        }})
    }
}

/// A project with a pipeline for each form, all into tables of their names.
fn project(api: &FakeApi, forms: &[Form]) -> Project {
    let streams = forms.iter().map(|form| format!("{0}: {0}.json", form.name));
    let streams: Vec<String> = streams.collect();
    let pipelines = forms.iter().map(|form| {
        format!(
            "  {0}:\n    source: {{ connection: c, stream: {0} }}\n    \
             destination: {{ name: warehouse, table: {0} }}\n    sync: {{ mode: full_load }}\n",
            form.name
        )
    });
    let project = Project::new(&format!(
        "version: 1
connections:
  c:
    connector: rest
    streams: {{ {} }}
    params: {{ host: \"{}\" }}
destinations:
  warehouse: {{ type: sqlite, path: warehouse.db }}
pipelines:
{}",
        streams.join(", "),
        api.base_url(),
        pipelines.collect::<String>()
    ));
    for form in forms {
        project.input(&format!("{}.json", form.name), &form.spec().to_string());
    }
    project
}

/// Reads all `forms`, each to its own end.
#[track_caller]
fn check(forms: &[Form]) {
    let config = FakeApiConfig {
        counts: Counts {
            generic: RECORDS,
            ..Counts::default()
        },
        ..FakeApiConfig::default()
    };
    let api = FakeApi::start(config).unwrap();
    let project = project(&api, forms);
    let run = project.tapline(&["run", "--output", "json"]);
    assert_eq!(run.code, 0, "{run}");
    let reports = run.json();
    let reports = reports["runs"].as_array().unwrap();
    assert_eq!(reports.len(), forms.len());
    for form in forms {
        let name = json!(form.name);
        let report = reports.iter().find(|report| report["pipeline"] == name);
        let report = report.unwrap();
        let complete = json!({"kind": "complete", "reason": form.end});
        assert_eq!(report["verdict"], complete, "{report}");
        let sums = format!(
            "select count(*) * 1000000 + count(distinct id) * 1000 + max(id) from \"{}\"",
            form.name
        );
        let records = i64::try_from(RECORDS).unwrap();
        assert_eq!(project.count(&sums), records * 1_001_001, "{}", form.name);
    }
}

#[test]
fn every_published_form_reads_every_record_once() {
    check(&published());
}

#[test]
fn links_tokens_objects_and_keys_read_every_record_once() {
    check(&own());
}

#[test]
fn bodies_that_are_bare_arrays_page_as_well() {
    check(&bare());
}

#[test]
fn bodies_with_a_record_on_each_line_page_as_well() {
    check(&lines());
}

#[test]
fn an_answer_past_the_end_may_be_declared_the_end() {
    check(&ruled());
}
