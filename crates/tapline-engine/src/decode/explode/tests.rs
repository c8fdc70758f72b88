//! Records of the array inside an element: what becomes of siblings, names and odd shapes.

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, RecordBatch};
use arrow_schema::DataType;
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Map, Value as Json, json};
use tapline_core::column::PREFIX;
use tapline_core::{ErrorKind, Limits};
use tapline_spec::{BodyFormat, ContentPlan, Siblings};
use uuid::Uuid;

use super::super::{Decoded, Decoder, Stamp};
use super::*;
use crate::locate::Wanted;

/// The plan of `wrapper`, which an element of the array at `path` gets; all siblings stay.
fn plan(path: &str, wrapper: &str) -> ExplodePlan {
    ExplodePlan {
        keys: path.split('.').map(str::to_owned).collect(),
        siblings: siblings(&[], &[]),
        wrapper: wrapper.to_owned(),
        unwrap: false,
    }
}

fn flat(path: &str) -> ExplodePlan {
    ExplodePlan {
        unwrap: true,
        ..plan(path, "item")
    }
}

fn siblings(keep: &[&str], skip: &[&str]) -> Siblings {
    let names = |names: &[&str]| names.iter().map(ToString::to_string).collect();
    Siblings {
        keep: (!keep.is_empty()).then(|| names(keep)),
        skip: names(skip),
    }
}

fn records(raw: &str, plan: &ExplodePlan) -> Vec<String> {
    let mut exploded = Exploded::new(raw, plan).unwrap();
    let (mut record, mut records) = (String::new(), Vec::new());
    while exploded.next(&mut record).unwrap() {
        records.push(record.clone());
    }
    records
}

#[track_caller]
fn check(raw: &str, plan: &ExplodePlan, expected: &[&str]) {
    assert_eq!(records(raw, plan), expected, "{raw}");
}

#[test]
fn an_element_of_the_array_takes_its_place() {
    let element = r#"{"id" : 1, "a" : [ {"x":1} , 2, [3], null ] ,"b":{"a":[4]}}"#;
    let expected = [
        r#"{"id" : 1,"a":{"x":1},"b":{"a":[4]}}"#,
        r#"{"id" : 1,"a":2,"b":{"a":[4]}}"#,
        r#"{"id" : 1,"a":[3],"b":{"a":[4]}}"#,
        r#"{"id" : 1,"a":null,"b":{"a":[4]}}"#,
    ];
    check(element, &plan("a", "a"), &expected);
    let inner = r#"{"id" : 1, "a" : [ {"x":1} , 2, [3], null ] ,"b":{"c":4}}"#;
    check(element, &plan("b.a", "c"), &[inner]);
    check(r#"{"\u0061":[1]}"#, &plan("a", "é\""), &[r#"{"é\"":1}"#]);
}

#[test]
fn a_record_without_elements_stays_one_record() {
    for array in [r#""a":[],"#, r#""a":[ ],"#, r#""a":null,"#, ""] {
        let element = format!(r#"{{"l":0,{array}"id":1}}"#);
        let skipping = ExplodePlan {
            siblings: siblings(&[], &["l"]),
            ..plan("a", "a")
        };
        check(&element, &skipping, &[r#"{"id":1}"#]);
        check(&element, &flat("a"), &[r#"{"l":0,"id":1}"#]);
    }
    for whole in [
        "5",
        "[1]",
        "{}",
        r#"{"b":[1]}"#,
        r#"{"a":7}"#,
        r#"{"a":[[]]}"#,
    ] {
        check(whole, &plan("a.b", "b"), &[whole]);
    }
    check(r#"{"a":7}"#, &plan("a", "b"), &[r#"{"b":7}"#]);
    check(r#"{"a":{"x":1}}"#, &flat("a"), &[r#"{"x":1}"#]);
}

#[test]
fn members_of_the_element_hide_those_beside_the_array() {
    check(
        r#"{"id":1,"item":2,"x":3,"a":[{"id":7,"\u0078":8},{},9],"id":4}"#,
        &flat("a"),
        &[
            r#"{"item":2,"id":7,"\u0078":8}"#,
            r#"{"id":1,"item":2,"x":3,"id":4}"#,
            r#"{"id":1,"x":3,"item":9,"id":4}"#,
        ],
    );
    check(r#"{"b":1,"a":[2]}"#, &plan("a", "b"), &[r#"{"b":2}"#]);
}

#[test]
fn siblings_are_kept_then_skipped() {
    let element = r#"{"k":1,"s":2,"a":[0],"o":3,"\udfff":4}"#;
    let mut plan = plan("a", "a");
    plan.siblings = siblings(&["k", "s"], &["s"]);
    // A name that no text holds is in no list; it is not lost.
    check(element, &plan, &[r#"{"k":1,"a":0,"\udfff":4}"#]);
}

/// A page of Mailchimp's report, as its documentation shows it.
const EMAILS: &str = r#"{"emails":[{"campaign_id":"c66a","email_id":"cff6","_links":[1],"activity":[{"action":"open","timestamp":"t1"},{"action":"click","timestamp":"t2"}]}],"campaign_id":"c66a","total_items":1,"_links":[1]}"#;

fn decode(
    content: ContentPlan,
    explode: Option<ExplodePlan>,
    body: &str,
    limits: &Limits,
) -> Result<Decoded, tapline_core::Error> {
    let stamp = Stamp {
        run_id: Uuid::from_u128(1),
        request_id: Uuid::from_u128(2),
        extracted_at: Timestamp::UNIX_EPOCH,
    };
    let located = Wanted::new(&content, &[], limits.depth).locate(body.as_bytes())?;
    let mut decoder = Decoder::new(content, Vec::new(), limits).exploding(explode);
    decoder.decode(body.as_bytes(), &located, &stamp)
}

fn content(path: &str, wrapper: Option<&str>, siblings: Siblings) -> ContentPlan {
    ContentPlan {
        format: BodyFormat::Json,
        path: path.parse().unwrap(),
        siblings,
        wrapper: wrapper.map(str::to_owned),
    }
}

/// A row's values, without tapline's own.
fn row(records: &RecordBatch, row: usize) -> String {
    let schema = records.schema();
    let cells = schema.fields().iter().zip(records.columns());
    let cells = cells.filter(|(field, array)| {
        let is_null = *array.data_type() == DataType::Null || array.is_null(row);
        !field.name().starts_with(PREFIX) && !is_null
    });
    let text = |array: &dyn Array| match array.data_type() {
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).to_string(),
        _ => array.as_string::<i32>().value(row).to_owned(),
    };
    let cells: Vec<_> = cells
        .map(|(field, array)| format!("{}={}", field.name(), text(array)))
        .collect();
    cells.join(" ")
}

#[track_caller]
fn rows(content: ContentPlan, explode: Option<ExplodePlan>, body: &str, expected: &[&str]) {
    let decoded = decode(content, explode, body, &Limits::default()).unwrap();
    let batch = &decoded.batches[0].records;
    let found: Vec<_> = (0..batch.num_rows()).map(|at| row(batch, at)).collect();
    assert_eq!(found, expected);
}

#[test]
fn a_wrapped_record_is_exploded_in_place() {
    let around = siblings(&[], &["_links", "total_items"]);
    let emails = || content("$.emails", Some("email"), around.clone());
    let activity = ExplodePlan {
        siblings: siblings(&[], &["_links"]),
        ..plan("activity", "activity")
    };
    rows(
        emails(),
        None,
        EMAILS,
        &[
            r#"email={"campaign_id":"c66a","email_id":"cff6","_links":[1],"activity":[{"action":"open","timestamp":"t1"},{"action":"click","timestamp":"t2"}]} campaign_id=c66a"#,
        ],
    );
    rows(
        emails(),
        Some(activity),
        EMAILS,
        &[
            r#"email={"campaign_id":"c66a","email_id":"cff6","activity":{"action":"open","timestamp":"t1"}} campaign_id=c66a"#,
            r#"email={"campaign_id":"c66a","email_id":"cff6","activity":{"action":"click","timestamp":"t2"}} campaign_id=c66a"#,
        ],
    );
}

#[test]
fn a_flat_record_takes_fields_from_both() {
    let body = EMAILS.replace(
        "}],\"campaign_id\"",
        "},{\"email_id\":\"none\"}],\"campaign_id\"",
    );
    let explode = ExplodePlan {
        siblings: siblings(&["email_id"], &[]),
        ..flat("activity")
    };
    let emails = content("$.emails", None, siblings(&["total_items"], &[]));
    let decoded = decode(
        emails.clone(),
        Some(explode.clone()),
        &body,
        &Limits::default(),
    );
    let decoded = decoded.unwrap();
    assert_eq!((decoded.records, decoded.batches[0].rows()), (2, 3));
    rows(
        emails,
        Some(explode),
        &body,
        &[
            "email_id=cff6 action=open timestamp=t1 total_items=1",
            "email_id=cff6 action=click timestamp=t2 total_items=1",
            "email_id=none total_items=1",
        ],
    );
}

#[test]
fn an_element_nested_too_deep_is_rejected_whole() {
    let limits = Limits {
        depth: 4,
        ..Limits::default()
    };
    let body = r#"[{"a":[1,[[[[2]]]]]},{"a":[[[[3]]],4]},{"a":[5]}]"#;
    let content = content("$", None, Siblings::none());
    let decoded = decode(content, Some(plan("a", "a")), body, &limits).unwrap();
    assert_eq!((decoded.records, decoded.batches[0].rows()), (3, 3));
    let rejected = &decoded.rejects[0];
    assert_eq!(
        (rejected.index, rejected.raw.as_str()),
        (0, r#"{"a":[1,[[[[2]]]]]}"#)
    );
    assert_eq!(decoded.rejects.len(), 1);
}

#[test]
fn a_small_element_cannot_become_huge_records() {
    let limits = Limits {
        page_bytes: 64 << 10,
        ..Limits::default()
    };
    let beside = "x".repeat(1 << 10);
    let hidden = r#"{"x":0},"#.repeat(4_000);
    for (name, array) in [("s", "0,".repeat(4_000)), ("x", hidden)] {
        let body = format!(r#"[{{"{name}":"{beside}","a":[{array}0]}}]"#);
        let content = content("$", None, Siblings::none());
        let error = decode(content, Some(flat("a")), &body, &limits).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Limit);
    }
}

/// The same with trees.
fn reference(element: &Json, keys: &[String], plan: &ExplodePlan) -> Vec<Json> {
    let (Some(object), [key, rest @ ..]) = (element.as_object(), keys) else {
        return vec![element.clone()];
    };
    let with = |members: &Map<String, Json>, name: &str, value: Json| {
        let mut members = members.clone();
        members.insert(name.to_owned(), value);
        Json::Object(members)
    };
    if !rest.is_empty() {
        let Some(inner) = object.get(key) else {
            return vec![element.clone()];
        };
        let inner = reference(inner, rest, plan).into_iter();
        return inner.map(|inner| with(object, key, inner)).collect();
    }
    let beside = object
        .iter()
        .filter(|(name, _)| *name != key && plan.siblings.wants(name));
    let beside: Map<_, _> = beside.map(|(n, v)| (n.clone(), v.clone())).collect();
    let items = match object.get(key) {
        None | Some(Json::Null) => Vec::new(),
        Some(Json::Array(items)) => items.clone(),
        Some(other) => vec![other.clone()],
    };
    if items.is_empty() {
        return vec![Json::Object(beside)];
    }
    let record = |item: Json| match item {
        Json::Object(own) if plan.unwrap => {
            let mut members = beside.clone();
            members.extend(own);
            Json::Object(members)
        }
        item => with(&beside, &plan.wrapper, item),
    };
    items.into_iter().map(record).collect()
}

fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        "[a-c\"\\\\\n{}\\[\\],:]{0,3}".prop_map(Json::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            prop::collection::btree_map("[a-c\"\\\\é]", inner, 0..5)
                .prop_map(|map| Json::Object(map.into_iter().collect())),
        ]
    })
}

fn any_plan() -> impl Strategy<Value = ExplodePlan> {
    let name = || "[a-c\"\\\\é]";
    let names = || prop::collection::vec(name(), 0..3);
    let keys = prop::collection::vec(name(), 1..3);
    (
        keys,
        prop::option::of(names()),
        names(),
        name(),
        any::<bool>(),
    )
        .prop_map(|(keys, keep, skip, wrapper, unwrap)| ExplodePlan {
            keys,
            siblings: Siblings { keep, skip },
            wrapper,
            unwrap,
        })
}

proptest! {
    #[test]
    fn records_are_what_trees_would_give(
        mut element in any_json(),
        inner in any_json(),
        plan in any_plan(),
        pretty in any::<bool>(),
    ) {
        // Most elements should hold what is looked for.
        if let (Some(object), Some(key)) = (element.as_object_mut(), plan.keys.first()) {
            object.insert(key.clone(), json!([inner, {"a": inner}, {}]));
        }
        let raw = if pretty { format!("{element:#}") } else { element.to_string() };
        let element: Json = serde_json::from_str(&raw).unwrap();
        let found = records(&raw, &plan).into_iter();
        let found: Vec<Json> = found.map(|r| serde_json::from_str(&r).unwrap()).collect();
        prop_assert_eq!(found, reference(&element, &plan.keys, &plan), "{}", raw);
    }

    #[test]
    fn a_damaged_page_is_decoded_or_refused(
        elements in prop::collection::vec(any_json(), 0..4),
        plan in any_plan(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<char>()), 0..4),
        wrapped in any::<bool>(),
    ) {
        let mut body: Vec<char> = json!({"s": 1, "r": elements}).to_string().chars().collect();
        for (at, char) in damage {
            let at = at.index(body.len());
            body[at] = char;
        }
        let body: String = body.into_iter().collect();
        let content = content("$.r", wrapped.then_some("w"), siblings(&[], &[]));
        if decode(content, Some(plan), &body, &Limits::default()).is_ok() {
            prop_assert!(serde_json::from_str::<serde::de::IgnoredAny>(&body).is_ok());
        }
    }
}
