//! Records that are JSON and yet hard: they arrive as they were sent, and take no more than they
//! should.

use serde_json::{Value, json};

use super::server::Reply;
use super::victim::{Victim, check};

/// Almost the largest body.
const HUGE: usize = 19 << 20;

/// Loads `items`, which must succeed.
#[track_caller]
fn load(items: String) -> Victim {
    let victim = Victim::new();
    victim.server.turn(move |_| Reply::items(&items));
    let ended = victim.run(&[]);
    assert_eq!(ended.run.code, 0, "{}", ended.run);
    victim
}

#[track_caller]
fn check_texts(items: &str, sql: &str, expected: &[&str]) {
    let victim = load(items.to_owned());
    assert_eq!(victim.texts(sql), expected, "{items}");
}

#[test]
fn numbers_are_kept_to_the_last_digit() {
    for number in [
        "12345678901234567890123",
        "-99999999999999999999999",
        "18446744073709551616",
        "1e999",
        "-1E+400",
        "0.1234567890123456789012345",
    ] {
        let items = format!("{{\"id\":1,\"n\":{number}}},{{\"id\":2,\"n\":7}}");
        let sql = "select n from t where typeof(n) = 'text' order by id";
        check_texts(&items, sql, &[number, "7"]);
    }
}

#[test]
fn what_fits_no_column_is_kept_as_it_was_sent() {
    for (kept, rest) in [
        (r#""id":1"#, r#""id":2"#),
        (r#""id":1"#, r#""s":"\ud800""#),
        (r#""id":1"#, r#""\udc00\ud800":true"#),
        (r#""id":1"#, r#""_tapline_run_id":"mine""#),
    ] {
        let items = format!("{{{kept},{rest}}}");
        let sql = "select _tapline_rest from t where id = 1";
        check_texts(&items, sql, &[&format!("{{{rest}}}")]);
    }
}

/// The mark that some editors put before a text is none of the text.
#[test]
fn a_byte_order_mark_is_passed_over() {
    let victim = Victim::new();
    victim
        .server
        .turn(|_| Reply::ok("\u{feff}{\"items\":[{\"id\":5}]}"));
    assert_eq!(victim.run(&[]).run.code, 0);
    assert_eq!(victim.project.count("select id from t"), 5);
}

/// What stands under every hard name.
const VALUE: &str = "v-of-a-name";

/// Names of columns are names, whatever they say.
#[test]
fn a_name_is_no_statement() {
    let long = "k".repeat(10_000);
    let names = [
        "\"; drop table t; --",
        "\u{1f600}",
        "a\nb\u{1b}[31m",
        "a\0b",
        "sqlite_master",
        "rowid",
        "ID",
        "",
        &long,
    ];
    let mut record = serde_json::Map::from_iter([("id".to_owned(), json!(1))]);
    record.extend(names.iter().map(|name| ((*name).to_owned(), json!(VALUE))));
    let victim = load(Value::from(record).to_string());
    assert_eq!(victim.project.count("select count(*) from t"), 1);
    let rows = victim.project.sql("select * from t").to_string();
    assert_eq!(rows.matches(VALUE).count(), names.len(), "{rows}");
}

/// A thousand new fields in each of a hundred records: there is an end to columns, none to fields.
#[test]
fn a_thousand_new_keys_a_record_go_to_the_rest() {
    let record = |id: usize| -> String {
        let fields = (0..1_000).map(|n| format!("\"k{id}_{n}\":{n},"));
        format!("{{{}\"id\":{id}}}", fields.collect::<String>())
    };
    let items: Vec<String> = (0..100).map(record).collect();
    let victim = load(items.join(","));
    let columns = "select count(*) from pragma_table_info('t')";
    let columns = victim.project.count(columns);
    assert!(columns <= 2_000, "{columns}");
    let kept = "select count(*) from t where _tapline_rest like '%\"k' || id || '_999\":999%'";
    assert_eq!(victim.project.count(kept), 99, "all but the first record");
}

/// A wide record, and `more` that have none of its fields.
fn wide_and_empty(more: usize) -> String {
    let fields = (0..1_900).map(|n| format!("\"f{n}\":{n},"));
    let wide = format!("{{{}\"id\":1}}", fields.collect::<String>());
    format!("{wide}{}", ",{}".repeat(more))
}

/// A small page whose rows would be large.
#[test]
fn a_small_page_does_not_become_a_large_table() {
    let items = wide_and_empty(30_000);
    check(move |_| Reply::items(&items), 1, "its rows are too large");
}

/// Loads three pages with the items that `items` makes of their number.
fn load_pages(items: impl Fn(usize) -> String + Send + Sync + 'static) -> Victim {
    let victim = Victim::new();
    victim.server.turn(move |number| {
        let next = match number {
            0 | 1 => format!("\"?page={number}\""),
            _ => "null".to_owned(),
        };
        let items = items(number);
        Reply::ok(format!("{{\"items\":[{items}],\"next\":{next}}}"))
    });
    let ended = victim.run(&[]);
    assert_eq!(ended.run.code, 0, "{}", ended.run);
    victim
}

/// Pages whose rows take many times what their bodies do.
#[test]
fn large_rows_are_not_held_twice() {
    let items = wide_and_empty(1_500);
    let victim = load_pages(move |number| format!("{{\"n\":{number}}},{items}"));
    let rows = victim.project.count("select count(*) from t");
    assert_eq!(rows, 3 * 1_502);
}

/// Pages of nearly the largest size, each of one string.
#[test]
fn huge_strings_are_kept_whole() {
    let text = "x".repeat(HUGE);
    let victim = load_pages(move |number| format!("{{\"n\":{number},\"s\":\"{text}\"}}"));
    let whole = format!("select count(*) from t where length(s) = {HUGE}");
    assert_eq!(victim.project.count(&whole), 3);
}
