//! Lists that become rows of child tables.

use super::*;

fn parted(shape: &Arc<Shape>, records: &Value) -> Vec<Batch> {
    let mut children = Children::new(shape, &TableRef::public("t"), Limits::default());
    let rows = numbered(shaped(shape, records), &Numbers::default()).unwrap();
    children.split(rows).unwrap()
}

#[test]
fn lists_become_rows_that_know_their_parents() {
    let wanted = shape(json!({
        "lines": { "nested": "child_table", "rename": "items" }, "lines__n": { "cast": "string" },
    }));
    let records = json!([
        { "id": 1, "lines": [{ "n": 1, "deep": { "a": 1 } }, "loose"] },
        { "id": 2 }, { "id": 3, "lines": { "n": 3 } }, { "id": 4, "lines": 4 },
    ]);
    let parts = parted(&wanted, &records);
    let ids: Vec<Value> = (1..=4).map(|id| json!({ "id": id })).collect();
    assert_eq!(rows(&parts[..1]), ids);
    assert_eq!(parts[1].child.as_deref(), Some("t__items"));
    let elements = json!([
        { "n": "1", "deep": { "a": 1 } }, { "value": "loose" }, { "n": "3" }, { "value": "4" },
    ]);
    assert_eq!(Value::from(rows(&parts[1..])), elements);
    let numbers = |name: &str| {
        let array = parts[1].records.column_by_name(name).unwrap();
        let numbers: &arrow_array::Int64Array = array.as_any().downcast_ref().unwrap();
        numbers.values().to_vec()
    };
    assert_eq!(numbers(tapline_core::column::ROW), [0, 0, 2, 3]);
    assert_eq!(numbers(tapline_core::column::POSITION), [0, 1, 0, 0]);
    let schema = parted(&wanted, &json!([]));
    assert_eq!(Batch::count(&schema), 0);
}

#[test]
fn what_is_hidden_in_a_child_table_stays_hidden() {
    let wanted = shape(json!({
        "lines": { "nested": "child_table" }, "lines__key": { "mask": true },
    }));
    let tricks = json!([{ "lines": [
        { "key": "m1" }, [{ "key": "m2" }], "{\"key\":\"m3\"}", " [\"m4\"]", "plain",
    ] }]);
    let text = format!("{:?}", rows(&parted(&wanted, &tricks)));
    for mark in ["m1", "m2", "m3", "m4"] {
        assert!(!text.contains(mark), "{mark} in {text}");
    }
    assert!(text.contains("plain"), "{text}");
}

#[test]
fn a_part_is_called_as_its_parent_is() {
    let wanted = shape(json!({
        "a": { "rename": "x", "nested": "flatten" }, "a__b__c": { "rename": "y" },
        "l": { "nested": "child_table", "rename": "z" }, "l__m": { "rename": "n" },
    }));
    for (name, root, called) in [
        ("a", "", "x"),
        ("a__b", "", "x__b"),
        ("a__b__c", "", "y"),
        ("a__b__c__d", "", "y__d"),
        ("other__b", "", "other__b"),
        ("l", "", "z"),
        ("l__m", "l__", "n"),
        ("l__m__o", "l__", "n__o"),
        ("l__p", "l__", "p"),
    ] {
        assert_eq!(wanted.called(name, root), called, "{name}");
    }
}
