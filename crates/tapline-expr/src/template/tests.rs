//! What placeholders become, and where they are refused.

use proptest::prelude::*;

use super::*;
use crate::{Edge, Param, Params, Schedule, Span};

fn render(template: &str, value: &str, encoding: Encoding) -> Result<String, ExprError> {
    let params: Params = [("x", Param::Plain(value.to_owned()))]
        .into_iter()
        .collect();
    let context = Context {
        params: &params,
        ..Context::default()
    };
    template.parse::<Template>()?.render(context, encoding)
}

#[test]
fn a_value_is_put_in_once() {
    assert_eq!(render("a${x}b", "${x}", Encoding::Plain).unwrap(), "a${x}b");
}

#[test]
fn a_value_never_changes_the_shape_of_a_url() {
    assert_eq!(
        render("/lists/${x}/members", "../a?b#c d", Encoding::PathSegment).unwrap(),
        "/lists/..%2Fa%3Fb%23c%20d/members"
    );
    assert!(render("/lists/${x}/members", "..", Encoding::PathSegment).is_err());
    assert!(render("https://${x}.example.com", "evil.com/", Encoding::Host).is_err());
    assert_eq!(
        render("${x}", "http://127.0.0.1:8101", Encoding::Host).unwrap(),
        "http://127.0.0.1:8101"
    );
    assert!(render("${x}", "a\r\nb", Encoding::Header).is_err());
}

#[test]
fn what_is_missing_is_named() {
    let error = render("${y}", "1", Encoding::Plain).unwrap_err();
    assert_eq!(
        error.to_string(),
        "no value for `${y}`; known parameters: x"
    );
    assert!("${x".parse::<Template>().is_err());
    assert!("${env:HOME}".parse::<Template>().is_err());
}

fn span(start: Option<&str>, end: Option<&str>) -> Span<'static> {
    let edge = |time: &str| Edge::Time(time.parse().unwrap());
    Span {
        start: start.map(edge),
        end: end.map(edge),
    }
}

const START: &str = "2024-01-02T03:04:05Z";
const END: &str = "2024-01-03T00:00:00Z";

/// Zendesk's schedule, as Adobe publishes it.
fn schedule() -> Schedule {
    Schedule {
        format: "yyyy-MM-ddTHH:mm:ssK".parse().unwrap(),
        incremental: "type:user updated > {START_TIME} updated < {END_TIME}"
            .parse()
            .unwrap(),
        backfill: "type:user updated < {END_TIME}".parse().unwrap(),
    }
}

#[track_caller]
fn check_window(template: &str, start: Option<&str>, end: Option<&str>, expected: &str) {
    let template: Template = template.parse().unwrap();
    let schedule = schedule();
    let context = Context {
        schedule: Some(&schedule),
        window: span(start, end),
        ..Context::default()
    };
    assert_eq!(template.lacks(&context), None);
    assert_eq!(template.render(context, Encoding::Plain).unwrap(), expected);
}

#[test]
fn the_window_stands_where_its_placeholders_stand() {
    check_window(
        "{\"from\": \"{START_TIME}\", \"to\": \"{END_TIME}\"}",
        Some(START),
        Some(END),
        "{\"from\": \"2024-01-02T03:04:05Z\", \"to\": \"2024-01-03T00:00:00Z\"}",
    );
    check_window(
        "{SCHEDULE_QUERY}!",
        Some(START),
        Some(END),
        "type:user updated > 2024-01-02T03:04:05Z updated < 2024-01-03T00:00:00Z!",
    );
    check_window(
        "{SCHEDULE_QUERY}",
        None,
        Some(END),
        "type:user updated < 2024-01-03T00:00:00Z",
    );
    check_window(
        "@{formatDateTime(pipeline().parameters.ingestionEnd, 'yyyy/MM')}",
        None,
        Some(END),
        "2024/01",
    );
}

#[test]
fn a_bound_that_is_not_there_is_told_beforehand() {
    let schedule = schedule();
    let cases = [
        ("{START_TIME}", None, Some(END), Some(Bound::Start)),
        ("{END_TIME}", Some(START), None, Some(Bound::End)),
        ("{SCHEDULE_QUERY}", Some(START), None, Some(Bound::End)),
        ("{SCHEDULE_QUERY}", None, None, Some(Bound::End)),
        ("plain {start_time}", None, None, None),
    ];
    for (text, start, end, lacking) in cases {
        let template: Template = text.parse().unwrap();
        let context = Context {
            schedule: Some(&schedule),
            window: span(start, end),
            ..Context::default()
        };
        assert_eq!(template.lacks(&context), lacking, "{text}");
        let rendered = template.render(context, Encoding::Plain);
        assert_eq!(rendered.is_err(), lacking.is_some(), "{text}");
        if let Some(bound) = lacking {
            assert!(template.asks(bound, Some(&schedule)), "{text}");
        }
    }
}

#[test]
fn a_bound_that_is_no_time_is_written_as_it_is() {
    let window = Span {
        start: Some(Edge::Text("a b&c")),
        end: Some(Edge::Text("42")),
    };
    let context = Context {
        window,
        ..Context::default()
    };
    let template: Template = "{START_TIME}..{END_TIME}".parse().unwrap();
    let rendered = template.render(context, Encoding::PathSegment).unwrap();
    assert_eq!(rendered, "a%20b%26c..42");
    let read: Template = "@{pipeline().parameters.ingestionStart}".parse().unwrap();
    assert_eq!(read.render(context, Encoding::Plain).unwrap(), "a b&c");
}

#[test]
fn a_template_says_which_bounds_it_asks_for() {
    let cases = [
        ("plain", false, false),
        ("{START_TIME}", true, false),
        ("{SCHEDULE_QUERY}", true, true),
        ("@{pipeline().parameters.ingestionEnd}", false, true),
    ];
    for (text, start, end) in cases {
        let template: Template = text.parse().unwrap();
        let asks = |bound| template.asks(bound, Some(&schedule()));
        assert_eq!(
            (asks(Bound::Start), asks(Bound::End)),
            (start, end),
            "{text}"
        );
    }
    let alone: Template = "{SCHEDULE_QUERY}".parse().unwrap();
    assert!(!alone.asks(Bound::Start, None));
}

#[test]
fn a_schedule_that_contains_itself_ends() {
    let mut schedule = schedule();
    schedule.backfill = "{SCHEDULE_QUERY}{SCHEDULE_QUERY}".parse().unwrap();
    let context = Context {
        schedule: Some(&schedule),
        ..Context::default()
    };
    let template: Template = "{SCHEDULE_QUERY}".parse().unwrap();
    assert_eq!(template.lacks(&context), None);
    let error = template.render(context, Encoding::Plain).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`{SCHEDULE_QUERY}` has no value: `scheduleParams` of type ADVANCE says what it stands for"
    );
}

/// The only expression that Adobe publishes.
const EXPORT: &str = "/api/v2/search/export@{if(empty(coalesce(pipeline()?.parameters?.\
                      ingestionStart,'')),'?query=type:user&filter[type]=user&','')}";

#[test]
fn the_path_that_adobe_publishes_has_a_query_only_without_a_start() {
    let path: Template = EXPORT.parse().unwrap();
    assert!(path.asks(Bound::Start, None) && !path.asks(Bound::End, None));
    assert_eq!(path.to_string(), EXPORT);
    let cases = [
        (
            None,
            "/api/v2/search/export?query=type:user&filter[type]=user&",
        ),
        (Some(START), "/api/v2/search/export"),
    ];
    for (start, expected) in cases {
        let context = Context {
            window: span(start, None),
            ..Context::default()
        };
        assert_eq!(path.lacks(&context), None);
        let rendered = path.render(context, Encoding::PathSegment).unwrap();
        assert_eq!(rendered, expected);
    }
}

#[test]
fn the_words_of_an_expression_are_the_authors_and_its_values_are_not() {
    let path = "/a@{concat('/b?c=', pipeline().parameters.x, '&d=1')}";
    assert_eq!(
        render(path, "x/y?z&w", Encoding::PathSegment).unwrap(),
        "/a/b?c=x%2Fy%3Fz%26w&d=1"
    );
    let param = "/a/@{coalesce(pipeline()?.parameters?.x, 'b')}/c";
    assert_eq!(
        render(param, "p/q", Encoding::PathSegment).unwrap(),
        "/a/p%2Fq/c"
    );
    assert!(render(param, "..", Encoding::PathSegment).is_err());
    let host = "https://@{pipeline().parameters.x}.example.com";
    assert!(render(host, "evil.com/", Encoding::Host).is_err());
    let error = render(
        "@{concat(pipeline().parameters.x)}",
        "a\nb",
        Encoding::Header,
    );
    assert_eq!(
        error.unwrap_err().to_string(),
        "the value of `@{concat(pipeline().parameters.x)}` holds a control character"
    );
}

#[test]
fn what_is_no_placeholder_is_text() {
    for text in [
        "a@b.example",
        "@me",
        "@odata.nextLink",
        "{\"a\": {\"b\": 1}}",
        "$1 {END} ${x}@@{y} {START_TIME",
        "@@@{'a'}",
    ] {
        let template: Template = text.parse().unwrap();
        assert_eq!(template.to_string(), text);
    }
    assert_eq!(render("@@{x}", "", Encoding::Plain).unwrap(), "@{x}");
    assert_eq!(render("@@@{x}", "", Encoding::Plain).unwrap(), "@@{x}");
    assert_eq!(render("@{'}'}@{'a'}", "", Encoding::Plain).unwrap(), "}a");
}

#[test]
fn parameters_are_named_wherever_they_stand() {
    let template = "${a}@{concat(pipeline().parameters.b, pipeline()?.parameters?.c)}";
    let template: Template = template.parse().unwrap();
    assert_eq!(template.params().collect::<Vec<_>>(), ["a", "b"]);
}

#[test]
fn what_cannot_be_read_says_where() {
    let cases = [
        (
            "/a@{iff(true, 'a', 'b')}",
            "`iff(true, 'a', 'b')}`, column 1: there is no function `iff`; did you mean `if`? \
             known: and, coalesce, concat, empty, equals, formatDateTime, if, not, or, utcNow, \
             pipeline, response",
        ),
        (
            "@{'a'",
            "`'a'`, column 4: expected `}`, but this is the end",
        ),
        (
            "@{response().body.a}",
            "`@{response().body.a}`: `response()` can be read by rules only: a request has no \
             answer yet",
        ),
        (
            "@{concat('${x}')}",
            "`concat('${x}')}`, column 8: `${` is no placeholder inside an expression; write \
             `pipeline().parameters.name`, or `ingestionStart` and `ingestionEnd` as its name",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(text.parse::<Template>().unwrap_err().to_string(), expected);
    }
}

proptest! {
    #[test]
    fn no_text_is_too_odd(text in "([ -~]{0,12}|[@${}'a.()]{0,12}|\\{START_TIME\\}|@\\{'x'\\}|\\PC){0,6}") {
        if let Ok(template) = text.parse::<Template>() {
            let again: Template = template.to_string().parse().unwrap();
            prop_assert_eq!(&again, &template);
            let _text = template.render(Context::default(), Encoding::PathSegment);
        }
    }

    #[test]
    fn no_value_leaves_its_segment(value in "\\PC{0,12}|[./?#%@&=]{0,6}") {
        for path in ["/a/${x}/b", "/a/@{pipeline().parameters.x}/b", "/a/@{concat(pipeline().parameters.x)}/b"] {
            if let Ok(rendered) = render(path, &value, Encoding::PathSegment) {
                prop_assert_eq!(rendered.matches('/').count(), 3);
                prop_assert!(!rendered.contains(['?', '#', '&']));
            }
        }
    }
}
