//! What expressions are worth, and which cannot be read.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{Edge, Observed, Param, Params, Path, Response, Span, Step};

/// An answer whose body is a tree.
struct Answer {
    body: Value,
}

impl Answer {
    fn find(&self, path: &Path) -> Option<String> {
        let mut value = &self.body;
        for step in path.steps() {
            value = match step {
                Step::Key(key) => value.get(key)?,
                Step::Index(index) => value.get(index)?,
            };
        }
        Some(value.to_string())
    }
}

/// Answers keep what they are asked for, as a page keeps its bytes.
struct Kept {
    status: u16,
    found: Vec<(Selector, Option<String>)>,
}

impl Response for Kept {
    fn value(&self, selector: &Selector) -> Observed<'_> {
        let found = self.found.iter().find(|(known, _)| known == selector);
        let (_, value) = found.expect("only what was announced is asked for");
        match (selector, value) {
            (_, None) => Observed::Absent,
            (Selector::Header(_), Some(text)) => Observed::Text(text),
            (_, Some(json)) => Observed::Json(json),
        }
    }

    fn status(&self) -> u16 {
        self.status
    }
}

fn answer(expr: &Expr) -> Kept {
    let answer = Answer {
        body: json!({
            "ok": false, "n": 0, "none": null, "list": [], "items": [{"id": 7, "a b": "x"}],
            "error": {"code": "E1", "text": ""}, "object": {},
        }),
    };
    let find = |selector: Selector| {
        let value = match &selector {
            Selector::Header(name) if name == "x-more" => Some("no".to_owned()),
            Selector::Body(path) if path.to_string() == "$.long" => {
                Some("12345678901234567890123".to_owned())
            }
            Selector::Body(path) if path.to_string() == "$.large" => Some("1e999".to_owned()),
            Selector::Body(path) => answer.find(path),
            _ => None,
        };
        (selector, value)
    };
    Kept {
        status: 404,
        found: expr.selectors().into_iter().map(find).collect(),
    }
}

fn eval(text: &str) -> Result<Value, ExprError> {
    let expr: Expr = text.parse()?;
    let params = [("name", "it's"), ("nothing", "")];
    let params: Params = params
        .map(|(name, value)| (name, Param::Plain(value.to_owned())))
        .into_iter()
        .collect();
    let answer = answer(&expr);
    let context = Context {
        params: &params,
        window: Span {
            start: None,
            end: Some(Edge::Time("2018-03-15T13:27:36Z".parse().unwrap())),
        },
        now: "2018-03-15T13:27:36.5Z".parse().unwrap(),
        response: Some(&answer),
        ..Context::default()
    };
    expr.eval(&context)
}

#[track_caller]
fn check(text: &str, expected: Value) {
    assert_eq!(eval(text).unwrap(), expected, "{text}");
}

#[track_caller]
fn check_error(text: &str, column: usize, expected: &str) {
    let error = eval(text).unwrap_err();
    let text = inner(text);
    assert_eq!(
        error.to_string(),
        format!("`{text}`, column {column}: {expected}")
    );
}

#[test]
fn literals_and_spellings() {
    check("'a'", json!("a"));
    check("@'it''s'", json!("it's"));
    check("@{ 'a' }", json!("a"));
    check("'\\n'", json!("\\n"));
    check("-1.5e3", json!(-1500.0));
    check("42", json!(42));
    check("1e999", json!("1e999"));
    check("null", json!(null));
    check("@CONCAT('a', 'b')", json!("ab"));
    check("@piPeline().Parameters['name']", json!("it's"));
}

/// The examples of Microsoft's pages, where those are right.
#[test]
fn functions_do_what_microsoft_says() {
    check("concat('Hello', 'World')", json!("HelloWorld"));
    check("concat('a', 1.50, true, null, 'b')", json!("a1.50Trueb"));
    check("empty('')", json!(true));
    check("empty('abc')", json!(false));
    check("coalesce(null, 'hello', 'world')", json!("hello"));
    check("coalesce(null, null, null)", json!(null));
    check("coalesce('', 'a')", json!(""));
    check("equals(true, 1)", json!(true));
    check("equals('abc', 'abcd')", json!(false));
    check("equals('a', 'A')", json!(false));
    check("equals(null, null)", json!(true));
    check("equals(null, '')", json!(false));
    check("equals(1, 1.0)", json!(true));
    check("and(true, false)", json!(false));
    check("or(false, not(false))", json!(true));
    check("if(equals(1, 1), 'yes', 'no')", json!("yes"));
    check(
        "formatDateTime('03/15/2018 12:00:00', 'yyyy-MM-ddTHH:mm:ss')",
        json!("2018-03-15T12:00:00"),
    );
    check(
        "formatDateTime('2018-03-15T12:00:00+02:00')",
        json!("2018-03-15T10:00:00.0000000Z"),
    );
    check(
        "formatDateTime('2018-03-15', 'epoch_s')",
        json!("1521072000"),
    );
    check("utcNow()", json!("2018-03-15T13:27:36.5000000Z"));
    check("utcNow('D')", json!("Thursday, March 15, 2018"));
}

#[test]
fn what_is_not_needed_is_not_looked_at() {
    check("if(true, 'a', pipeline().parameters.missing)", json!("a"));
    check("and(false, pipeline().parameters.missing)", json!(false));
    check("or(true, pipeline().parameters.missing)", json!(true));
    check("coalesce('a', pipeline().parameters.missing)", json!("a"));
}

#[test]
fn parameters_and_the_window() {
    check("pipeline().parameters.name", json!("it's"));
    check("pipeline()?.parameters?.missing", json!(null));
    check("empty(pipeline().parameters.nothing)", json!(true));
    check("pipeline()?.parameters?.ingestionStart", json!(null));
    check(
        "pipeline().parameters.ingestionEnd",
        json!("2018-03-15T13:27:36Z"),
    );
    check_error(
        "pipeline().parameters.missing",
        22,
        "no value for the parameter `missing`; known parameters: name, nothing; `?.` reads null \
         where there is none",
    );
}

#[test]
fn an_answer_is_read_at_fixed_places() {
    check("response().status", json!(404));
    check("equals(response().body.ok, false)", json!(true));
    check("response().body.items[0]['a b']", json!("x"));
    check("response().body.absent.further", json!(null));
    check("response().headers['X-More']", json!("no"));
    check("response().headers.x-none", json!(null));
    for nothing in ["none", "list", "object", "error.text", "absent"] {
        check(&format!("empty(response().body.{nothing})"), json!(true));
    }
    check("empty(response().body.items)", json!(false));
    check("equals(response().body.error.code, 'E1')", json!(true));
    check("equals(response().body.ok, 'false')", json!(false));
    check("equals(response().body.n, 0)", json!(true));
    check(
        "equals(response().body.long, 12345678901234567890124)",
        json!(false),
    );
    check(
        "concat(response().body.long)",
        json!("12345678901234567890123"),
    );
    check("concat(response().body.large)", json!("1e999"));
    check(
        "equals(response().body.list, response().body.object)",
        json!(false),
    );
    check(
        "coalesce(response().body.none, response().body.error).code",
        json!("E1"),
    );
    check("coalesce(response().body.items)[0].id", json!(7));
    check("coalesce(response().body.items)?[1]", json!(null));
    check("coalesce(response().body.none)?.a?.b", json!(null));
    check_error(
        "coalesce(response().body.error).cod",
        32,
        "there is no such member; there are: code, text",
    );
    check_error(
        "coalesce(response().body.none).a",
        31,
        "null has no members; `?.` and `?[` read null there",
    );
}

#[test]
fn what_is_read_and_needed_is_known_beforehand() {
    let expr: Expr = "if(empty(response().body.a[0].b), response().headers['X-Y'], \
                      concat(pipeline().parameters.p, pipeline()?.parameters?.q))"
        .parse()
        .unwrap();
    let selectors: Vec<String> = expr.selectors().iter().map(ToString::to_string).collect();
    assert_eq!(selectors, ["$.a[0].b", "headers.x-y"]);
    assert_eq!(expr.params().collect::<Vec<_>>(), ["p"]);
}

#[test]
fn what_is_written_is_read_as_the_same() {
    for text in ["@{ not(true) }", "@ not(true)", " @not( true ) "] {
        let expr: Expr = text.parse().unwrap();
        assert_eq!(expr.to_string().parse(), Ok(expr), "{text}");
    }
}

#[test]
fn mistakes_are_found_when_they_are_read() {
    check_error("", 1, "expected a value, but this is the end");
    check_error("@if(true, 1)", 1, "`if` takes 3 arguments, not 2");
    check_error("@concat()", 1, "`concat` takes at least 1, not 0");
    check_error("@utcNow(1, 2)", 1, "`utcNow` takes 0 to 1 arguments, not 2");
    check_error("@not(true, false)", 1, "`not` takes one argument, not 2");
    check_error("concat('a' 'b')", 12, "expected `,` or `)`, found `'`");
    check_error("concat('a", 8, "this text is not closed");
    check_error("\"a\"", 1, "a text stands in single quotes");
    check_error(
        "concat(abc)",
        8,
        "`abc` is no value; a text stands in single quotes: 'abc'",
    );
    check_error("'a' 'b'", 5, "expected the end, found `'`");
    check_error("007", 1, "`007` is no number");
    check_error(
        "concat(@pipeline())",
        8,
        "`@` stands only before the whole expression",
    );
    check_error(
        "pipeline().RunId",
        11,
        "`pipeline()` has no `RunId` here, only `parameters`",
    );
    check_error(
        "response().code",
        11,
        "`response()` has no `code`, only `.body`, `.status` or `.headers`",
    );
    check_error(
        "response()",
        11,
        "expected `.body`, `.status` or `.headers`",
    );
    check_error("response().headers", 19, "expected the name of a header");
    check_error(
        "equals(response().headers['x'], 1)",
        1,
        "`equals` is never true of a text and a number",
    );
    check_error(
        "formatDateTime('2018-03-15', 'YYYY')",
        1,
        "`YYYY` is not a date format: `YYYY` at column 1 is no specifier: the year is `yyyy`",
    );
    check_error("and(1, true)", 1, "expected true or false, found a number");
    check_error(
        "empty(5)",
        1,
        "`empty` takes a text, a list or an object, not a number",
    );
    check_error("formatDateTime('soon')", 1, "the text is no point in time");
}

#[test]
fn a_condition_is_true_or_false() {
    let context = Context::default();
    let is_true = |text: &str| text.parse::<Expr>().unwrap().is_true(&context);
    assert_eq!(is_true("@not(false)"), Ok(true));
    let error = is_true("@concat('true')").unwrap_err().to_string();
    assert_eq!(
        error,
        "`concat('true')`, column 1: expected true or false, found a text"
    );
}

#[test]
fn what_is_too_long_or_too_deep_is_refused() {
    let nested = |depth: usize| format!("{}true{}", "not(".repeat(depth), ")".repeat(depth));
    check(&nested(62), json!(true));
    let error = eval(&nested(5_000)).unwrap_err().to_string();
    assert!(error.ends_with("it nests deeper than 64"), "{error}");
    let error = eval(&format!("coalesce(null){}", "?.a".repeat(100))).unwrap_err();
    assert!(error.to_string().ends_with("it nests deeper than 64"));
    let error = eval(&format!("'{}'", "a".repeat(9_000))).unwrap_err();
    assert!(error.to_string().ends_with("it is longer than 8192 bytes"));
    let error = eval(&format!("concat({}1)", "1,".repeat(9_000))).unwrap_err();
    assert!(error.to_string().ends_with("it is longer than 8192 bytes"));
}

#[test]
fn an_expression_is_the_text_it_was_read_from() {
    for text in [
        "@if(true, 'a', 'b')",
        "if(true, 'a', 'b')",
        "@{if(true, 'a', 'b')}",
    ] {
        let expr: Expr = text.parse().unwrap();
        let json = serde_json::to_string(&expr).unwrap();
        assert_eq!(json, "\"@if(true, 'a', 'b')\"");
        assert_eq!(serde_json::from_str::<Expr>(&json).unwrap(), expr);
    }
}

proptest! {
    #[test]
    fn no_text_is_too_odd(text in "[ -~]{0,40}|((if|not|equals|concat|pipeline|response)\\(|\\)|,|\\?|\\.|\\[0\\]|'a'|parameters|body|1|null){0,12}|\\PC{0,12}") {
        if let Ok(expr) = text.parse::<Expr>() {
            prop_assert_eq!(&expr.to_string().parse::<Expr>().unwrap(), &expr);
            let answer = answer(&expr);
            let _value = expr.eval(&Context { response: Some(&answer), ..Context::default() });
        }
    }
}
