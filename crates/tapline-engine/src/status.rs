//! What a final HTTP status means for a page, and what is told of an answer that is none.

use http::StatusCode;
use tapline_core::{Error, ErrorKind, Redactor};

use crate::flight::Answer;

/// Characters of an error body that are shown.
const EXCERPT: usize = 300;

/// Characters that are shown of a body that is not what the spec says.
const BEGINNING: usize = 80;

/// The error that an answer is which is no page, with the beginning of its body, redacted. Its kind
/// tells the operator what to do: credentials, a wrong path, or waiting.
pub(crate) fn refused(status: StatusCode, body: &[u8], redactor: &Redactor) -> Error {
    let kind = match status.as_u16() {
        401 | 403 | 407 => ErrorKind::Auth,
        404 | 410 => ErrorKind::NotFound,
        408 | 429 | 500..=599 => ErrorKind::Unavailable,
        _ => ErrorKind::Protocol,
    };
    let excerpt = excerpt(body, redactor);
    let message = if excerpt.is_empty() {
        format!("the source answered {status}")
    } else {
        format!("the source answered {status}: {excerpt}")
    };
    Error::new(kind, "read page", message)
}

/// Adds to `error` the request whose `answer` it is about.
pub(crate) fn of(error: Error, answer: &Answer) -> Error {
    error
        .with_request(answer.failed())
        .with("url", &answer.exchange.url)
}

/// Adds to `error` the request whose `answer` it is about and, if that was to be a page, what it
/// seems to be instead.
pub(crate) fn about(error: Error, answer: &Answer, redactor: &Redactor) -> Error {
    let error = of(error, answer);
    if error.kind() != ErrorKind::Protocol || !answer.status.is_success() {
        return error;
    }
    let content_type = redactor.redact(answer.content_type());
    let body = beginning(&answer.body, redactor);
    let hint = if is_html(&content_type) || is_html(&body) {
        "this is likely a login or error page"
    } else {
        ""
    };
    let known = [
        ("content type", escaped(&content_type)),
        ("body", escaped(&body)),
        ("hint", hint.to_owned()),
    ];
    let known = known.into_iter().filter(|(_, value)| !value.is_empty());
    known.fold(error, |error, (key, value)| error.with(key, value))
}

/// Whether `text`, a content type or the beginning of a body, speaks of HTML.
fn is_html(text: &str) -> bool {
    let is_blank = |c: char| c.is_whitespace() || c == '\u{feff}';
    let text = text.trim_start_matches(is_blank).to_ascii_lowercase();
    let openings = ["text/html", "application/xhtml", "<!doctype html", "<html"];
    openings.iter().any(|opening| text.starts_with(opening))
}

/// The beginning of `text`, with what cannot be printed escaped.
fn escaped(text: &str) -> String {
    let shown = |c: char| match c {
        '"' | '\'' | '\\' => c.to_string(),
        _ => c.escape_debug().to_string(),
    };
    text.chars().take(BEGINNING).map(shown).collect()
}

/// The beginning of `body` without secrets. It is redacted before it is cut: half a secret would
/// not be found.
fn beginning(body: &[u8], redactor: &Redactor) -> String {
    let reach = redactor.reach();
    let looked = body.len().min(16 * EXCERPT + reach);
    let text = String::from_utf8_lossy(&body[..looked]);
    let mut text = redactor.redact(&text).into_owned();
    if looked < body.len() {
        text.truncate(text.floor_char_boundary(text.len().saturating_sub(reach)));
    }
    text
}

/// The beginning of `body` on one line, without control characters and secrets.
fn excerpt(body: &[u8], redactor: &Redactor) -> String {
    let text = beginning(body, redactor);
    let words: Vec<&str> = text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .collect();
    words.join(" ").chars().take(EXCERPT).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::HeaderMap;
    use jiff::Timestamp;
    use tapline_core::{Exchange, Secret};

    use super::*;

    #[test]
    fn the_kind_says_what_to_do_and_the_text_is_clean() {
        let secret = Secret::new("k3y-s3cret");
        let redactor = Redactor::new([&secret]);
        let cases = [
            (401, ErrorKind::Auth),
            (404, ErrorKind::NotFound),
            (503, ErrorKind::Unavailable),
            (302, ErrorKind::Protocol),
            (200, ErrorKind::Protocol),
        ];
        for (status, kind) in cases {
            let status = StatusCode::from_u16(status).unwrap();
            let error = refused(status, b"bad\x1b[31m\n key: k3y-s3cret", &redactor);
            assert_eq!(error.kind(), kind);
            assert!(
                error.to_string().ends_with(": bad [31m key: ***"),
                "{error}"
            );
        }
    }

    #[test]
    fn no_half_of_a_secret_is_shown_wherever_it_stands() {
        let redactor = Redactor::new([&Secret::new("k3y-s3cret")]);
        for before in 0..16 * EXCERPT + 2 * redactor.reach() {
            let body = " ".repeat(before) + "k3y-s3cret and more";
            let shown = excerpt(body.as_bytes(), &redactor);
            assert!(!shown.contains('3'), "{before}: {shown}");
        }
    }

    fn answer(status: u16, content_type: &str, body: &str) -> Answer {
        let exchange = Exchange {
            url: "http://h/a".to_owned(),
            attempts: 3,
            waited: Duration::from_millis(70),
            asked: None,
        };
        Answer {
            method: "GET".to_owned(),
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::from_iter([(
                http::header::CONTENT_TYPE,
                content_type.parse().unwrap(),
            )]),
            body: body.to_owned().into(),
            exchange,
            duration: Duration::ZERO,
            received_at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn an_answer_that_is_no_page_is_described() {
        let secret = Secret::new("k3y-s3cret");
        let redactor = Redactor::new([&secret]);
        let check = |kind: ErrorKind, answer: &Answer, expected: &str| {
            let error = about(Error::new(kind, "read page", "no"), answer, &redactor);
            let expected = format!("read page: no (url: http://h/a{expected})");
            assert_eq!(error.to_string(), expected);
            let request = error.request().unwrap();
            assert_eq!((request.attempts, request.waited_ms), (3, 70));
        };
        let no_page = ErrorKind::Protocol;
        let hint = "hint: this is likely a login or error page";
        check(
            no_page,
            &answer(200, "text/plain", "oops \u{1b}[31m\n\u{202e} k3y-s3cret"),
            ", content type: text/plain, body: oops \\u{1b}[31m\\n\\u{202e} ***",
        );
        check(
            no_page,
            &answer(200, "text/HTML; charset=x", "<p>\"Sign in\""),
            &format!(", content type: text/HTML; charset=x, body: <p>\"Sign in\", {hint}"),
        );
        check(
            no_page,
            &answer(200, "", "\u{feff}\n<!DOCTYPE html>"),
            &format!(", body: \\u{{feff}}\\n<!DOCTYPE html>, {hint}"),
        );
        let long = format!(", body: {}", "é".repeat(80));
        check(no_page, &answer(200, "", &"é".repeat(81)), &long);
        check(ErrorKind::Limit, &answer(200, "", "[[["), "");
        check(no_page, &answer(400, "text/html", "<html>"), "");
    }
}
