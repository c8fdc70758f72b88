//! The small languages of a spec: what can be read at all has a written form that means the same,
//! and a value for every context, or an error that says where.
//!
//! The input is one text, which every parser reads.

#![no_main]

use std::fmt::{Debug, Display};
use std::str::FromStr;
use std::sync::LazyLock;

use jiff::Timestamp;
use libfuzzer_sys::{Corpus, fuzz_target};
use serde_json::{Value, json};
use tapline_expr::{
    Condition, Context, DateFormat, Encoding, Expr, ExprError, Observed, Param, Params, Path,
    Place, Query, Response, Schedule, Secret, Selector, Span, Step, Template,
};

fuzz_target!(|data: &[u8]| -> Corpus {
    let Ok(text) = std::str::from_utf8(data) else {
        return Corpus::Reject;
    };
    if let Some(expr) = read::<Expr>(text) {
        evaluate(&expr);
    }
    if let Some(template) = read::<Template>(text) {
        render(&template);
    }
    if let Some(format) = read::<DateFormat>(text) {
        let _texts = TIMES.map(|time| format.format(time));
    }
    if let Some(condition) = read::<Condition>(text) {
        let _met = FOUND.map(|found| condition.met(found));
    }
    if let Some(query) = read::<Query>(text) {
        search(&query);
    }
    read::<Path>(text);
    read::<Place>(text);
    read::<Selector>(text);
    Corpus::Keep
});

const TIMES: [Timestamp; 4] = [
    Timestamp::MIN,
    Timestamp::UNIX_EPOCH,
    Timestamp::constant(1_790_000_000, 123_456_700),
    Timestamp::MAX,
];

const FOUND: [Observed<'static>; 8] = [
    Observed::Absent,
    Observed::Text(""),
    Observed::Text("7"),
    Observed::Json("null"),
    Observed::Json("true"),
    Observed::Json(r#"{"a": [1, "\u00e9", {"b": false}]}"#),
    Observed::Json("123456789012345678901234567890.50"),
    Observed::Json("\"2026-05-06T07:08:09Z\""),
];

/// What `text` says, which can be written so that it is read as the same.
fn read<T: FromStr<Err = ExprError> + Display + Debug + PartialEq>(text: &str) -> Option<T> {
    let value = match text.parse::<T>() {
        Ok(value) => value,
        Err(error) => {
            explained(&error);
            return None;
        }
    };
    let written = value.to_string();
    assert_eq!(written.parse::<T>().as_ref(), Ok(&value), "{written}");
    Some(value)
}

/// The column of an error is inside the text or just behind it; of a long one only the start is
/// repeated.
fn explained(error: &ExprError) {
    assert!(!error.to_string().is_empty());
    if let ExprError::Expression { text, column, .. } = error {
        let length = text.chars().count();
        assert!(*column >= 1, "{error}");
        assert!(*column <= length + 1 || length >= 200, "{error}");
    }
}

/// An answer in which everything that is asked for is found, in turn something else.
struct Answer {
    values: Vec<(Selector, Observed<'static>)>,
}

impl Answer {
    fn to(expr: &Expr, turn: usize) -> Self {
        let found = FOUND.into_iter().cycle().skip(turn);
        Self {
            values: expr.selectors().into_iter().zip(found).collect(),
        }
    }
}

impl Response for Answer {
    fn value(&self, selector: &Selector) -> Observed<'_> {
        let found = self.values.iter().find(|(known, _)| known == selector);
        found.expect("only what was announced is asked for").1
    }

    fn status(&self) -> u16 {
        404
    }
}

/// Values for everything that `names` need.
fn params<'a>(names: impl Iterator<Item = &'a str>) -> Params {
    let values = [
        "a",
        "",
        "7",
        "a b/../\u{e9}\r\n",
        "2026-05-06T07:08:09Z",
        "..",
    ];
    let values = values.into_iter().cycle().enumerate();
    names
        .zip(values)
        .map(|(name, (index, value))| match index % 3 {
            0 => (name, Param::Secret(Secret::new(value))),
            _ => (name, Param::Plain(value.to_owned())),
        })
        .collect()
}

/// Every window: none, half of one, a whole one.
fn windows() -> impl Iterator<Item = Span> {
    let bounds = || TIMES.into_iter().map(Some).step_by(2).chain([None]);
    bounds().flat_map(move |start| bounds().map(move |end| Span { start, end }))
}

/// `eval` and `is_true` say the same.
fn evaluate(expr: &Expr) {
    let params = params(expr.params());
    for (turn, window) in windows().enumerate() {
        let answer = Answer::to(expr, turn);
        let context = Context {
            params: &params,
            window,
            now: TIMES[turn % TIMES.len()],
            response: Some(&answer),
            ..Context::default()
        };
        let truth = expr.is_true(&context);
        match expr.eval(&context) {
            Ok(Value::Bool(value)) => assert_eq!(truth, Ok(value)),
            Ok(_) => assert!(truth.is_err()),
            Err(error) => {
                explained(&error);
                assert!(!matches!(error, ExprError::Unresolved { .. }), "{error}");
            }
        }
    }
}

static SCHEDULE: LazyLock<Schedule> = LazyLock::new(|| Schedule {
    format: "yyyy-MM-dd HH:mm".parse().unwrap(),
    incremental: "since={START_TIME}&until={END_TIME}".parse().unwrap(),
    backfill: "all=1".parse().unwrap(),
});

/// A path keeps its values to themselves, and a header is one line.
fn render(template: &Template) {
    let params = params(template.params());
    let own = template.to_string();
    for (turn, window) in windows().enumerate() {
        let context = Context {
            params: &params,
            schedule: (turn % 2 == 0).then_some(&*SCHEDULE),
            window,
            ..Context::default()
        };
        let _bound = template.lacks(&context);
        for encoding in [
            Encoding::Plain,
            Encoding::PathSegment,
            Encoding::Host,
            Encoding::Header,
        ] {
            let Ok(text) = template.render(context, encoding) else {
                continue;
            };
            match encoding {
                Encoding::PathSegment => assert!(!text.contains('\r') || own.contains('\r')),
                Encoding::Header => assert!(!text.contains('\n') || own.contains('\n')),
                Encoding::Plain | Encoding::Host => {}
            }
        }
    }
}

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    json!({
        "a": [{"b": 1, "c": "x"}, [2, 3.5, null], "aaaa", {}],
        "items": [{"id": 1, "rel": "next"}, {"id": -2, "rel": "self"}],
        "it's": {"\\": true, "": 0},
    })
});

/// What a query finds is there.
fn search(query: &Query) {
    let fixed = query.fixed_part();
    for place in query.locate(&DOCUMENT) {
        assert!(at(&place).is_some(), "{query}: {place:?}");
        assert!(place.starts_with(fixed.steps()), "{query}: {place:?}");
    }
}

fn at(steps: &[Step]) -> Option<&'static Value> {
    steps.iter().try_fold(&*DOCUMENT, |value, step| match step {
        Step::Key(key) => value.get(key),
        Step::Index(index) => value.get(index),
    })
}
