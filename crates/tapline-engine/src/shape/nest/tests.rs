//! Nested values in, and out again as the JSON that they were.

use arrow_array::StringArray;
use proptest::prelude::*;
use serde_json::{Number, Value as Json};
use tapline_core::NestedCells;

use super::*;

fn texts(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

fn column() -> Nesting {
    Nesting::new(100)
}

fn nested(nesting: &mut Nesting, values: &[&str]) -> (Field, ArrayRef) {
    let mut padding = usize::MAX;
    nesting.column(&texts(values), "c", &mut padding).unwrap()
}

/// The value of each row, as JSON.
fn written(field: &Field, array: &ArrayRef) -> Vec<String> {
    let cells = NestedCells::new(array, field).unwrap();
    let row = |row| {
        let mut text = String::new();
        cells.write(row, &mut text);
        text
    };
    (0..array.len()).map(row).collect()
}

/// The type of `field` in few letters; `json` is JSON kept as text.
fn short(field: &Field) -> String {
    match field.data_type() {
        _ if is_json(field) => "json".to_owned(),
        DataType::Struct(fields) => {
            let members = fields
                .iter()
                .map(|it| format!("{}: {}", it.name(), short(it)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
        }
        DataType::List(item) => format!("[{}]", short(item)),
        other => other.to_string(),
    }
}

/// A column of these values has this type, and gives them back as they came.
#[track_caller]
fn check(values: &[&str], expected: &str) {
    let (field, array) = nested(&mut column(), values);
    assert_eq!(short(&field), expected, "{values:?}");
    let back = written(&field, &array);
    let read = |text: &str| plain(serde_json::from_str(text).unwrap());
    let (back, sent) = (back.iter(), values.iter());
    let both = back.map(|it| read(it)).zip(sent.map(|it| read(it)));
    both.for_each(|(back, sent)| assert_eq!(back, sent, "{values:?}"));
}

/// `value` without what a struct does not tell: members that are null, and how a number is written.
fn plain(value: Json) -> Json {
    match value {
        Json::Object(members) => {
            let there = members.into_iter().filter(|(_, value)| !value.is_null());
            there.map(|(name, value)| (name, plain(value))).collect()
        }
        Json::Array(items) => items.into_iter().map(plain).collect(),
        Json::Number(number) => match number.as_f64() {
            Some(float) if float.fract() == 0.0 && float.abs() < 9e15 => {
                Json::from(number.as_i64().unwrap_or(float as i64))
            }
            _ => Json::Number(number),
        },
        other => other,
    }
}

#[test]
fn a_place_has_the_type_of_all_that_was_seen_there() {
    check(
        &[r#"{"a":1,"b":"x"}"#, r#"{"c":true}"#],
        "{a: Int64, b: Utf8, c: Boolean}",
    );
    check(&[r#"{"a":1}"#, r#"{"a":1.5}"#], "{a: Float64}");
    check(
        &[r#"{"a":null}"#, r#"{"a":{"b":[1]}}"#],
        "{a: {b: [Int64]}}",
    );
    check(&["[]", "[null]", r#"[{"x":1},{}]"#], "[{x: Int64}]");
    check(&["[[1],[]]", "null"], "[[Int64]]");
    check(&[r#"{"a":null}"#], "{a: Null}");
    check(&["[]"], "[Null]");
    check(&[r#"{"a":{}}"#, "{}"], "{a: {}}");
    check(&["{}", "null"], "{}");
    check(&[r#"{"\"\u00e9":"\u00e9\n"}"#], "{\"\u{e9}: Utf8}");
}

#[test]
fn what_has_nothing_in_common_is_json_there_and_only_there() {
    check(
        &[r#"{"a":{"x":1},"b":1}"#, r#"{"a":2,"b":2}"#],
        "{a: json, b: Int64}",
    );
    check(&[r#"{"a":[1]}"#, r#"{"a":"text"}"#], "{a: json}");
    check(&[r#"{"a":1}"#, r#"{"a":"1"}"#], "{a: json}");
    check(&[r#"[1,"1",true,null,{"x":[1]}]"#, r#"["a"]"#], "[json]");
    check(&[r#"{"a":1}"#, "[1]"], "json");
    check(&[r#"{"a":{}}"#, r#"{"a":[]}"#], "{a: json}");
    // Numbers that no type holds, and a text that none does.
    check(&[r#"{"a":12345678901234567890123}"#], "{a: json}");
    check(&[r#"{"a":9007199254740993}"#, r#"{"a":0.5}"#], "{a: json}");
    let (field, array) = nested(&mut column(), &[r#"{"a":"\ud800"}"#]);
    assert_eq!(short(&field), "{a: json}");
    assert_eq!(written(&field, &array), [r#"{"a":"\ud800"}"#]);
}

#[test]
fn a_member_that_is_given_twice_is_kept_twice() {
    let sent = r#"{"o":{"a":1,"\u0061":2}}"#;
    let (field, array) = nested(&mut column(), &[sent]);
    assert_eq!(short(&field), "{o: json}");
    assert_eq!(written(&field, &array), [sent]);
}

#[test]
fn types_grow_from_page_to_page() {
    let mut column = column();
    for (page, expected) in [
        ("{}", "{}"),
        (r#"{"a":null}"#, "{a: Null}"),
        (r#"{"b":1}"#, "{a: Null, b: Int64}"),
        (r#"{"a":{"x":1}}"#, "{a: {x: Int64}, b: Int64}"),
        (r#"{"b":0.5}"#, "{a: {x: Int64}, b: Float64}"),
        (r#"{"a":7}"#, "{a: json, b: Float64}"),
        (r#"{"a":{"x":1}}"#, "{a: json, b: Float64}"),
        ("null", "{a: json, b: Float64}"),
    ] {
        let (field, _) = nested(&mut column, &[page]);
        assert_eq!(short(&field), expected, "{page}");
    }
}

#[test]
fn what_is_nested_too_deep_or_has_too_many_members_stays_json() {
    let deep = format!("{}1{}", "[".repeat(40), "]".repeat(40));
    let (field, array) = nested(&mut column(), &[&deep]);
    let expected = format!("{}json{}", "[".repeat(DEEPEST), "]".repeat(DEEPEST));
    assert_eq!(short(&field), expected);
    assert_eq!(written(&field, &array), [deep]);

    let map: Vec<String> = (0..99).map(|id| format!("\"{id}\":{{\"x\":1}}")).collect();
    let map = format!("{{\"map\":{{{}}},\"y\":{{\"z\":2}}}}", map.join(","));
    let mut column = column();
    let (field, array) = nested(&mut column, &[&map]);
    assert_eq!(short(&field), "{map: json, y: {z: Int64}}");
    assert_eq!(written(&field, &array), [map]);
    assert_eq!(column.members + column.members(), 100);
}

#[test]
fn rows_that_lack_members_take_no_more_than_their_share() {
    let sparse: Vec<String> = (0..50).map(|id| format!("{{\"m{id}\":1}}")).collect();
    let sparse: Vec<&str> = sparse.iter().map(String::as_str).collect();
    let mut padding = 50 * 50 * 8;
    let array = texts(&sparse);
    let (field, _) = column().column(&array, "c", &mut padding).unwrap();
    assert!(short(&field).starts_with("{m0: Int64"));
    let (field, _) = column().column(&array, "c", &mut padding).unwrap();
    assert_eq!(short(&field), "json");
}

#[test]
fn a_declared_column_of_anything_stays_json() {
    for values in [["5", "{}"], ["\"a\"", "[1]"], ["no json", "[1]"]] {
        let (field, array) = nested(&mut column(), &values);
        assert_eq!(short(&field), "json");
        assert_eq!(written(&field, &array), values);
    }
}

fn any_json() -> impl Strategy<Value = Json> {
    let scalar = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        (-3_i64..3).prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<f64>().prop_map(|it| Number::from_f64(it).map_or(Json::Null, Json::Number)),
        "[a\"\\\\\u{0}\u{e9}]{0,3}".prop_map(Json::from),
    ];
    scalar.prop_recursive(4, 24, 4, |inner| {
        let name = prop_oneof![Just("a"), Just("b"), Just(""), Just("c.d")];
        let members = prop::collection::vec((name.prop_map(str::to_owned), inner.clone()), 0..4);
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(Json::from),
            members.prop_map(|it| Json::Object(it.into_iter().collect())),
        ]
    })
}

fn any_page() -> impl Strategy<Value = Vec<Json>> {
    let is_wanted = |it: &Json| it.is_null() || it.is_object() || it.is_array();
    prop::collection::vec(any_json().prop_filter("nested", is_wanted), 1..5)
}

proptest! {
    #[test]
    fn every_value_comes_back(pages in prop::collection::vec(any_page(), 1..4)) {
        let mut column = column();
        let mut last: Option<Field> = None;
        for page in pages {
            let sent: Vec<String> = page.iter().map(Json::to_string).collect();
            let sent: Vec<&str> = sent.iter().map(String::as_str).collect();
            let read = |text: &String| plain(serde_json::from_str(text).unwrap());
            // In a column that is there already, each value is as it was or is told apart.
            if let Some(held) = last.filter(|it| it.data_type().is_nested()) {
                let from = json(Field::new("c", DataType::Utf8, true));
                let array = texts(&sent);
                let cells = Cells::new(&array, &from).unwrap();
                let mut misfits = Vec::new();
                let fitted = fitted(&cells, sent.len(), &held, &mut misfits).unwrap();
                prop_assert_eq!(fitted.data_type(), held.data_type());
                for (row, back) in written(&held, &fitted).iter().enumerate() {
                    let expected = match misfits.contains(&row) {
                        true => Json::Null,
                        false => plain(page[row].clone()),
                    };
                    prop_assert_eq!(read(back), expected);
                }
            }
            let (field, array) = nested(&mut column, &sent);
            for (back, sent) in written(&field, &array).iter().zip(page) {
                prop_assert_eq!(read(back), plain(sent));
            }
            last = Some(field);
        }
    }
}
