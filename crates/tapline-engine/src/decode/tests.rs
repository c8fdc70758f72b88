//! Pages in, Arrow out: what becomes of types, names, faults and rejects.

mod lines;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, RecordBatch};
use arrow_schema::{DataType, Field};
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Map, Value as Json};
use tapline_core::column;
use tapline_spec::{BodyFormat, ColumnKind, Siblings};
use uuid::Uuid;

use super::*;
use crate::locate::{Located, Wanted};

fn stamp() -> Stamp {
    Stamp {
        run_id: Uuid::from_u128(1),
        request_id: Uuid::from_u128(2),
        extracted_at: Timestamp::from_microsecond(3).unwrap(),
    }
}

/// A stream whose pages are decoded one after the other.
struct Stream {
    wanted: Wanted,
    decoder: Decoder,
}

impl Stream {
    fn new(path: &str, wrapper: Option<&str>, columns: &[(&str, ColumnKind)]) -> Self {
        Self::of(BodyFormat::Json, path, wrapper, columns)
    }

    fn of(
        format: BodyFormat,
        path: &str,
        wrapper: Option<&str>,
        columns: &[(&str, ColumnKind)],
    ) -> Self {
        let siblings = match path {
            "$" => Siblings::none(),
            _ => Siblings {
                keep: None,
                skip: vec!["skipped".to_owned()],
            },
        };
        let plan = ContentPlan {
            format,
            path: path.parse().unwrap(),
            siblings,
            wrapper: wrapper.map(str::to_owned),
        };
        let limits = Limits {
            columns: 6,
            depth: 4,
            ..Limits::default()
        };
        let columns = columns.iter().map(|(name, kind)| ColumnPlan {
            name: (*name).to_owned(),
            kind: *kind,
        });
        Self {
            wanted: Wanted::new(&plan, &[], limits.depth),
            decoder: Decoder::new(plan, columns.collect(), &limits),
        }
    }

    fn locate(&self, body: &[u8]) -> Located {
        self.wanted.locate(body).unwrap()
    }

    fn decode(&mut self, body: &[u8]) -> Result<Decoded, Error> {
        let located = self.locate(body);
        self.decoder.decode(body, &located, &stamp())
    }

    /// The types of the columns, then each row's values that are not null.
    #[track_caller]
    fn check(&mut self, body: &str, expected: &[&str]) {
        let decoded = self.decode(body.as_bytes()).unwrap();
        let mut found = vec![types(&decoded.schema)];
        for batch in &decoded.batches {
            assert_eq!(batch.records.schema(), decoded.schema);
            found.extend((0..batch.rows()).map(|row| show(&batch.records, row)));
        }
        assert_eq!(found, expected, "{body}");
        assert_eq!(decoded.schema, self.decoder.schema());
    }
}

fn is_own(field: &Field) -> bool {
    !field.name().starts_with(column::PREFIX) || field.name() == column::REST
}

fn is_json(field: &Field) -> bool {
    field
        .metadata()
        .get("ARROW:extension:name")
        .is_some_and(|name| name == "arrow.json")
}

fn types(schema: &SchemaRef) -> String {
    let own = schema
        .fields()
        .iter()
        .filter(|f| !f.name().starts_with(column::PREFIX));
    let all: Vec<_> = own
        .map(|field| match is_json(field) {
            true => format!("{} Json", field.name()),
            false => format!("{} {}", field.name(), field.data_type()),
        })
        .collect();
    all.join(", ")
}

fn show(records: &RecordBatch, row: usize) -> String {
    let schema = records.schema();
    let own = schema
        .fields()
        .iter()
        .zip(records.columns())
        .filter(|(field, _)| is_own(field));
    let all: Vec<_> = own
        .filter(|(_, array)| array.is_valid(row) && *array.data_type() != DataType::Null)
        .map(|(field, array)| {
            let name = field.name().trim_start_matches(column::PREFIX);
            format!("{name}={}", cell(array, row))
        })
        .collect();
    all.join(" ")
}

fn cell(array: &dyn Array, row: usize) -> String {
    match array.data_type() {
        DataType::Boolean => array.as_boolean().value(row).to_string(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).to_string(),
        DataType::Float64 => format!("{:?}", array.as_primitive::<Float64Type>().value(row)),
        _ => array.as_string::<i32>().value(row).to_owned(),
    }
}

#[track_caller]
fn check(body: &str, expected: &[&str]) {
    Stream::new("$", None, &[]).check(body, expected);
}

#[test]
fn a_small_page_cannot_become_large_rows() {
    let key = format!("{}{}", column::PREFIX, "k".repeat(1_000));
    let repeated_key = format!(r#"{{"{key}":1,"a":[{}0]}}"#, "0,".repeat(4_000));
    let fields: Map<_, _> = (0..200).map(|n| (format!("f{n}"), n.into())).collect();
    let late_columns = format!(
        r#"{{"a":[{}{}]}}"#,
        "{},".repeat(4_000),
        Json::Object(fields)
    );
    for body in [repeated_key, late_columns] {
        let limits = Limits {
            page_bytes: 64 << 10,
            ..Limits::default()
        };
        let mut stream = Stream::new("$.a", None, &[]);
        stream.decoder = Decoder::new(stream.decoder.content, Vec::new(), &limits);
        let error = stream.decode(body.as_bytes()).unwrap_err();
        assert_eq!(error.message(), "its rows are too large");
    }
}

#[test]
fn the_widest_table_has_room_for_our_own_columns() {
    let fields: Map<_, _> = (0..2_500).map(|n| (format!("f{n}"), n.into())).collect();
    let body = Json::from(vec![Json::Object(fields)]).to_string();
    let mut stream = Stream::new("$", None, &[]);
    stream.decoder = Decoder::new(stream.decoder.content, Vec::new(), &Limits::default());
    let decoded = stream.decode(body.as_bytes()).unwrap();
    assert!(decoded.schema.fields().len() <= 2_000);
}

#[test]
fn each_member_goes_to_its_column() {
    check("[]", &[""]);
    check("[{}, {}]", &["", "", ""]);
    check(
        r#" [ {"a" : 1, "b":"x\n\u00e9", "c":true, "d":1.5, "e":{"f": [1]}, "g":null}, {"e":[], "a":null } ] "#,
        &[
            "a Int64, b Utf8, c Boolean, d Float64, e Json, g Null",
            "a=1 b=x\né c=true d=1.5 e={\"f\": [1]}",
            "e=[]",
        ],
    );
    check(r#"{"a":1}"#, &["a Int64", "a=1"]);
    check(r#"[{"\u0061":1},{"a":2}]"#, &["a Int64", "a=1", "a=2"]);
    check(r#"[{"":"é😀"}]"#, &[" Utf8", "=é😀"]);
}

#[test]
fn what_is_no_object_is_a_value() {
    check(
        r#"[1, null, 2]"#,
        &["value Int64", "value=1", "", "value=2"],
    );
    check(
        r#"["x", [1], {"value":true}]"#,
        &["value Utf8", "value=x", "value=[1]", "value=true"],
    );
}

#[test]
fn conflicting_types_widen_and_keep_the_text_as_written() {
    let cases = [
        ("1", "2.50", "Float64", "1.0", "2.5"),
        (
            "9007199254740993",
            "2.50",
            "Utf8",
            "9007199254740993",
            "2.50",
        ),
        ("1.0", "9007199254740993", "Utf8", "1.0", "9007199254740993"),
        (
            "1",
            "12345678901234567890123",
            "Utf8",
            "1",
            "12345678901234567890123",
        ),
        ("1.50", "1e999", "Utf8", "1.50", "1e999"),
        ("true", "1", "Utf8", "true", "1"),
        ("1e2", "\"x\"", "Utf8", "1e2", "x"),
        ("{\"b\": 1}", "7", "Utf8", "{\"b\": 1}", "7"),
        ("{\"b\": 1}", "\"{}\"", "Utf8", "{\"b\": 1}", "{}"),
        ("-0", "1", "Float64", "-0.0", "1.0"),
    ];
    for (first, second, kind, one, two) in cases {
        check(
            &format!(r#"[{{"a":null}},{{"a":{first}}},{{"a":{second}}}]"#),
            &[
                &format!("a {kind}"),
                "",
                &format!("a={one}"),
                &format!("a={two}"),
            ],
        );
    }
}

#[test]
fn types_widen_from_page_to_page() {
    let mut stream = Stream::new("$", None, &[]);
    stream.check(r#"[{"a":null}]"#, &["a Null", ""]);
    stream.check(r#"[{"a":1}]"#, &["a Int64", "a=1"]);
    assert!(!stream.decode(br#"[{"a":2}]"#).unwrap().widened);
    stream.check(
        r#"[{"b":[]},{"a":9007199254740993}]"#,
        &["a Int64, b Json", "b=[]", "a=9007199254740993"],
    );
    let decoded = stream.decode(br#"[{"a":1.5}]"#).unwrap();
    assert!(decoded.widened);
    assert_eq!(types(&decoded.schema), "a Utf8, b Json");
    stream.check(r#"[{"a":3,"b":"x"}]"#, &["a Utf8, b Utf8", "a=3 b=x"]);
    stream.check("[]", &["a Utf8, b Utf8"]);
}

#[test]
fn what_fits_no_column_goes_to_the_rest() {
    check(
        r#"[{"a":1,"a":"x","_tapline_run_id" : [1, 2]},{"a":2}]"#,
        &[
            "a Int64",
            r#"a=1 rest={"a":"x","_tapline_run_id":[1, 2]}"#,
            "a=2",
        ],
    );
    check(
        r#"[{"a":"\ud800","b":1,"c":["\ud800"],"\udfff":2}]"#,
        &[
            "a Utf8, b Int64, c Json",
            r#"b=1 c=["\ud800"] rest={"a":"\ud800","\udfff":2}"#,
        ],
    );
    check(
        r#"[{"1":1,"2":2,"3":3,"4":4,"5":5,"6":6,"7":7,"8":"\n"},{"7":7,"1":1}]"#,
        &[
            "1 Int64, 2 Int64, 3 Int64, 4 Int64, 5 Int64, 6 Int64",
            r#"1=1 2=2 3=3 4=4 5=5 6=6 rest={"7":7,"8":"\n"}"#,
            r#"1=1 rest={"7":7}"#,
        ],
    );
}

#[test]
fn declared_columns_come_first_and_keep_their_type() {
    use ColumnKind::{Boolean, Integer, Json, Number, String};
    let columns = [
        ("s", String),
        ("i", Integer),
        ("n", Number),
        ("b", Boolean),
        ("j", Json),
    ];
    let mut stream = Stream::new("$", None, &columns);
    let kinds = "s Utf8, i Int64, n Float64, b Boolean, j Json";
    stream.check("[]", &[kinds]);
    stream.check(
        r#"[{"x":1,"j":"t","b":true,"n":1,"i":2,"s":{"k":3}}]"#,
        &[
            &format!("{kinds}, x Int64"),
            r#"s={"k":3} i=2 n=1.0 b=true j="t" x=1"#,
        ],
    );
    stream.check(
        r#"[{"j":7,"b":0,"n":"1","i":2.5,"s":5,"i":6}]"#,
        &[
            &format!("{kinds}, x Int64"),
            r#"s=5 j=7 rest={"b":0,"n":"1","i":2.5,"i":6}"#,
        ],
    );
}

#[test]
fn siblings_are_repeated_and_an_elements_own_field_wins() {
    Stream::new("$.d.r", None, &[]).check(
        r#"{"x":0,"d":{"page":1,"skipped":2,"r":[{"id":7},{"id":8,"page":"p"}],"n":{"a":1}}}"#,
        &[
            "id Int64, page Utf8, n Json",
            r#"id=7 page=1 n={"a":1}"#,
            r#"id=8 page=p n={"a":1}"#,
        ],
    );
}

#[test]
fn a_wrapper_holds_the_element_whole() {
    let mut stream = Stream::new("$.r", Some("member"), &[]);
    stream.check(
        r#"{"r":[{"id": 7},{"id":8}],"total":2}"#,
        &[
            "member Json, total Int64",
            r#"member={"id": 7} total=2"#,
            r#"member={"id":8} total=2"#,
        ],
    );
    stream.check(r#"{"r":null}"#, &["member Json, total Int64"]);
    stream.check(r#"{}"#, &["member Json, total Int64"]);
    stream.check(
        r#"{"r":{"id":9}}"#,
        &["member Json, total Int64", r#"member={"id":9}"#],
    );
}

#[test]
fn every_row_says_where_it_comes_from() {
    let decoded = Stream::new("$", None, &[]).decode(b"[{}]").unwrap();
    let records = &decoded.batches[0].records;
    let text = |name| {
        records
            .column_by_name(name)
            .unwrap()
            .as_string::<i32>()
            .value(0)
    };
    assert_eq!(text(column::RUN_ID), "00000000-0000-0000-0000-000000000001");
    assert_eq!(
        text(column::REQUEST_ID),
        "00000000-0000-0000-0000-000000000002"
    );
    let at = records.column_by_name(column::EXTRACTED_AT).unwrap();
    assert_eq!(at.as_primitive::<TimestampMicrosecondType>().value(0), 3);
}

#[test]
fn a_record_nested_too_deep_is_rejected_and_the_page_goes_on() {
    let deep = format!(
        "{{\"new\":1,\"a\":{}{}}}",
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    let body = format!(r#"[{{"a":1}},{deep},{{"a":2}},{{"a":[[[1]]]}}]"#);
    let decoded = Stream::new("$", None, &[]).decode(body.as_bytes()).unwrap();
    assert_eq!((decoded.records, decoded.rejects.len()), (4, 1));
    assert_eq!(
        (decoded.rejects[0].index, &decoded.rejects[0].raw),
        (1, &deep)
    );
    let rows: Vec<_> = (0..3)
        .map(|row| show(&decoded.batches[0].records, row))
        .collect();
    assert_eq!(rows, ["a=1", "a=2", "a=[[[1]]]"]);
}

#[test]
fn a_malformed_page_fails_with_byte_and_record() {
    let cases = [
        (
            r#"{"r":[{"a":1},{"a":NaN}]}"#,
            "expected a value (byte: 19, record: 1)",
        ),
        (
            r#"{"r":[{"a":1} {"a":2}]}"#,
            "expected `,` or `]` (byte: 14, record: 1)",
        ),
        (
            r#"{"r":[{"a":1,}]}"#,
            "expected a key in quotes (byte: 13, record: 0)",
        ),
        (r#"{"r":[1,}]}"#, "expected a value (byte: 8, record: 1)"),
        (
            r#"{"r":[1},2]}"#,
            "expected `,` or `]` (byte: 7, record: 1)",
        ),
    ];
    for (body, message) in cases {
        let mut stream = Stream::new("$.r", None, &[]);
        // What does not even balance is refused earlier.
        if let Ok(located) = stream.wanted.locate(body.as_bytes()) {
            let decoded = stream.decoder.decode(body.as_bytes(), &located, &stamp());
            let error = decoded.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Protocol);
            assert!(error.to_string().ends_with(message), "{body}: {error}");
        }
    }
    let error = Stream::new("$", None, &[])
        .decode(b"[{\"a\":\"\xff\"}]")
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "decode page: the body is not UTF-8 (byte: 7)"
    );
}

#[test]
fn large_pages_become_several_batches_of_one_schema() {
    let mut rows = vec![r#"{"a":null}"#.to_owned(); 10_000];
    rows[9_000] = r#"{"b":1,"a":2}"#.to_owned();
    let body = format!("[{}]", rows.join(","));
    let decoded = Stream::new("$", None, &[]).decode(body.as_bytes()).unwrap();
    let sizes: Vec<_> = decoded.batches.iter().map(Batch::rows).collect();
    assert_eq!(sizes, [8192, 1808]);
    assert_eq!(types(&decoded.schema), "a Int64, b Int64");
    assert_eq!(decoded.batches[0].records.column(0).null_count(), 8192);
    assert_eq!(show(&decoded.batches[1].records, 9_000 - 8192), "a=2 b=1");
}

#[test]
fn a_small_page_cannot_become_huge() {
    let sibling = "x".repeat(1 << 20);
    let body = format!("{{\"s\":\"{sibling}\",\"r\":[{}0]}}", "0,".repeat(1000));
    let error = Stream::new("$.r", None, &[])
        .decode(body.as_bytes())
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
}

/// JSON values with everything that is hard: escapes, long numbers, nesting.
fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        (-9..9_i64).prop_map(Json::from),
        any::<u64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        any::<String>().prop_map(Json::from),
        "[a-c\"\\\\\n]{0,3}".prop_map(Json::from),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Json::from),
            prop::collection::btree_map("[a-d\\\\é]{1,2}", inner, 0..3)
                .prop_map(|map| Json::Object(map.into_iter().collect())),
        ]
    })
}

fn any_record() -> impl Strategy<Value = Map<String, Json>> {
    prop::collection::btree_map("[a-d\\\\é]{1,2}", any_json(), 0..8)
        .prop_map(|map| map.into_iter().collect())
}

/// What a row says of `name`, as the JSON it was, whatever became of it.
fn restored(records: &RecordBatch, row: usize, name: &str) -> Option<Json> {
    let rest = records
        .column_by_name(column::REST)
        .unwrap()
        .as_string::<i32>();
    let rest = rest
        .is_valid(row)
        .then(|| serde_json::from_str::<Json>(rest.value(row)).unwrap());
    if let Some(value) = rest.and_then(|rest| rest.get(name).cloned()) {
        return Some(value);
    }
    let schema = records.schema();
    let (index, field) = schema.column_with_name(name)?;
    let array = records.column(index);
    if *array.data_type() == DataType::Null || array.is_null(row) {
        return Some(Json::Null);
    }
    let text = cell(array, row);
    match array.data_type() {
        DataType::Utf8 if !is_json(field) => Some(Json::String(text)),
        _ => Some(serde_json::from_str(&text).unwrap()),
    }
}

/// Whether `found` says what was sent: the same, or its text in a column of texts.
fn same(found: Option<&Json>, sent: &Json) -> bool {
    // Read back once, because serde_json reads some numbers one unit off.
    let sent: Json = serde_json::from_str(&sent.to_string()).unwrap();
    match (found, &sent) {
        (Some(found), sent) if found == sent => true,
        (Some(Json::String(text)), sent) if !sent.is_string() => {
            serde_json::from_str::<Json>(text).unwrap() == *sent
        }
        (Some(Json::Number(found)), Json::Number(sent)) => {
            let (found, sent) = (found.as_f64().unwrap(), sent.as_f64().unwrap());
            (found - sent).abs() <= sent.abs() * f64::EPSILON
        }
        _ => false,
    }
}

proptest! {
    #[test]
    fn rows_say_what_serde_json_says(
        pages in prop::collection::vec(prop::collection::vec(any_record(), 0..6), 1..4),
        pretty in any::<bool>(),
    ) {
        let mut stream = Stream::new("$", None, &[]);
        for page in &pages {
            let body = if pretty { serde_json::to_vec_pretty(page) } else { serde_json::to_vec(page) };
            let decoded = stream.decode(&body.unwrap()).unwrap();
            let rows: usize = decoded.batches.iter().map(Batch::rows).sum();
            prop_assert_eq!((rows, decoded.rejects.len()), (page.len(), 0));
            for (row, record) in page.iter().enumerate() {
                for (name, sent) in record {
                    let found = restored(&decoded.batches[0].records, row, name);
                    prop_assert!(same(found.as_ref(), sent), "{name}: {sent} became {found:?}");
                }
            }
        }
    }

    #[test]
    fn any_bytes_are_decoded_or_refused(body in prop::collection::vec(any::<u8>(), 0..64)) {
        survive(&body);
    }

    #[test]
    fn a_damaged_page_is_decoded_or_refused(
        page in prop::collection::vec(any_record(), 0..6),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut body = serde_json::to_vec(&serde_json::json!({"s": 1, "r": page})).unwrap();
        for (at, byte) in damage {
            let at = at.index(body.len());
            body[at] = byte;
        }
        survive(&body);
        survive(&body[..cut.index(body.len())]);
    }
}

/// Locates and decodes `body`: whatever is accepted must be JSON to serde_json, too.
fn survive(body: &[u8]) {
    for (path, wrapper) in [("$", None), ("$.r", None), ("$.r", Some("w"))] {
        let mut stream = Stream::new(path, wrapper, &[("a", ColumnKind::Integer)]);
        let Ok(located) = stream.wanted.locate(body) else {
            continue;
        };
        if stream.decoder.decode(body, &located, &stamp()).is_ok() {
            let known = serde_json::from_slice::<serde::de::IgnoredAny>(body);
            assert!(known.is_ok(), "{}", String::from_utf8_lossy(body));
        }
    }
}

#[test]
fn a_count_is_the_same_without_rows() {
    let check = |body: &str, expected: u64| {
        let rows = Stream::new("$.a", None, &[]).decode(body.as_bytes());
        let mut stream = Stream::new("$.a", None, &[]);
        stream.decoder = stream.decoder.counting();
        let counted = stream.decode(body.as_bytes()).unwrap();
        assert_eq!(counted.records, expected, "{body}");
        assert_eq!(rows.unwrap().records, expected, "{body}");
        assert!(counted.batches.is_empty(), "{body}");
    };
    check(r#"{"a":[]}"#, 0);
    check(r#"{"a":{"x":1}}"#, 1);
    check(r#"{"a":[{"x":1},2,[3],{"y":[[[[[[1]]]]]]}]}"#, 4);
}
