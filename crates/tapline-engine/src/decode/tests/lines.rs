//! Bodies with a record on each line.

use super::*;

fn stream() -> Stream {
    Stream::of(BodyFormat::Ndjson, "$", None, &[])
}

#[test]
fn each_line_is_a_record() {
    for body in [
        "{\"a\":1}\n{\"b\":[\n]}\n7",
        "\u{feff}\n {\"a\":1}\r\n\r\n{\"b\":[\n]} \t\n7\n\n",
    ] {
        let wanted = ["a Int64, b Json, value Int64", "a=1", "b=[\n]", "value=7"];
        stream().check(body, &wanted);
    }
    for empty in ["", "\u{feff}", "\n \r\n"] {
        assert!(stream().locate(empty.as_bytes()).content.is_empty());
        stream().check(empty, &[""]);
    }
}

#[test]
fn a_line_that_is_no_json_is_found_by_its_number() {
    for (body, expected, at) in [
        ("{}\n{\"a\":1", "`,` or `}`", "byte: 9, record: 1"),
        ("{} {}", "the end of the line", "byte: 3, record: 1"),
        ("{},\n{}", "the end of the line", "byte: 2, record: 1"),
    ] {
        let error = stream().decode(body.as_bytes()).unwrap_err();
        let expected = format!("decode page: the body is not JSON: expected {expected} ({at})");
        assert_eq!(error.to_string(), expected, "{body}");
    }
}
