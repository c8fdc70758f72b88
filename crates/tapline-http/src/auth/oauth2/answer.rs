//! What a token server answers: tokens, or why there are none.

use std::time::Duration;

use http::StatusCode;
use http::header::CONTENT_TYPE;
use jiff::Timestamp;
use serde_json::{Map, Value};
use tapline_core::{ErrorKind, Redactor, Response, Secret};
use tapline_spec::OAuth2Grant;

use super::failure::Failure;
use super::server::AnswerFields;
use crate::wait::asked;

/// Largest answer. Real ones have a few kilobytes.
const MAX_BYTES: usize = 256 * 1024;

/// How much of a server's own words is shown.
const MAX_SHOWN: usize = 300;

/// Tokens.
pub(super) struct Granted {
    pub(super) access: Secret,
    /// A refresh token that takes the place of the one before.
    pub(super) refresh: Option<Secret>,
    /// How long the access token lives.
    pub(super) life: Option<Duration>,
}

/// Reads `response`. Whatever it holds that is no token is shown only without secrets.
pub(super) async fn read(
    mut response: Response,
    fields: &AnswerFields<'_>,
    grant: OAuth2Grant,
    redactor: &Redactor,
    now: Timestamp,
) -> Result<Granted, Failure> {
    let status = response.status;
    let after = asked(status, &response.headers, now);
    let kind = response.headers.get(CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or("");
    let kind = shown(kind, redactor);
    let body = response.bytes(MAX_BYTES).await.map_err(|error| {
        // The server has done what it was asked for, and nobody knows what that was.
        Failure::lasting(error.kind(), format!("the token server's answer: {error}"))
    })?;
    let object: Option<Map<String, Value>> = serde_json::from_slice(&body).ok();
    if status.is_success()
        && let Some(object) = &object
        && object.get(fields.access).is_some()
    {
        return granted(object, fields);
    }
    let said = object.as_ref().and_then(|object| said(object, redactor));
    if let Some((code, said)) = &said
        && !is_passing(status)
    {
        return Err(refused(code, said, status, grant));
    }
    Err(useless(
        status,
        said.map(|(_, said)| said),
        &kind,
        grant,
        after,
        fields,
    ))
}

fn granted(object: &Map<String, Value>, fields: &AnswerFields<'_>) -> Result<Granted, Failure> {
    let text = |name: &str| {
        let text = object.get(name).and_then(Value::as_str);
        text.filter(|text| !text.is_empty()).map(Secret::new)
    };
    let access = text(fields.access).ok_or_else(|| {
        let message = format!("the token server's {:?} is no text", fields.access);
        Failure::lasting(ErrorKind::Protocol, message)
    })?;
    Ok(Granted {
        access,
        refresh: text(fields.refresh),
        life: object.get(fields.life).and_then(life),
    })
}

/// A number of seconds, which some servers write as a text. Zero is said by those that set no end.
fn life(value: &Value) -> Option<Duration> {
    let seconds = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    let seconds = seconds.filter(|seconds: &f64| *seconds > 0.0)?;
    Some(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
}

/// The error of RFC 6749 section 5.2: its code, and code and description as they may be shown.
fn said(object: &Map<String, Value>, redactor: &Redactor) -> Option<(String, String)> {
    let text = |name: &str| object.get(name).and_then(Value::as_str);
    let code = text("error")?;
    let said = match text("error_description") {
        Some(description) => format!("{code}: {description}"),
        None => code.to_owned(),
    };
    Some((code.to_owned(), shown(&said, redactor)))
}

fn shown(text: &str, redactor: &Redactor) -> String {
    let text = redactor.redact(text);
    let mut shown: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(MAX_SHOWN)
        .collect();
    if shown.len() < text.len() {
        shown.push_str("...");
    }
    shown
}

/// What the server says about the credentials.
fn refused(code: &str, said: &str, status: StatusCode, grant: OAuth2Grant) -> Failure {
    let message = match (code, grant) {
        ("invalid_client" | "unauthorized_client", _) => {
            format!("the token server refused clientId/clientSecret ({said})")
        }
        ("invalid_grant", OAuth2Grant::RefreshToken) => format!(
            "the token server refused the refresh token ({said}); sign in again and set \
             refreshToken anew"
        ),
        _ => format!(
            "the token server refused the request ({said}, status {})",
            status.as_u16()
        ),
    };
    Failure::lasting(ErrorKind::Auth, message)
}

/// An answer without token and without a code.
fn useless(
    status: StatusCode,
    said: Option<String>,
    kind: &str,
    grant: OAuth2Grant,
    after: Option<Duration>,
    fields: &AnswerFields<'_>,
) -> Failure {
    let answered = format!("the token server answered {}", status.as_u16());
    let said = said.map(|said| format!(" ({said})")).unwrap_or_default();
    if is_passing(status) {
        // Behind a gateway the server may have replaced the refresh token all the same.
        let is_safe =
            grant == OAuth2Grant::ClientCredentials || matches!(status.as_u16(), 429 | 503);
        let message = format!("{answered}{said}");
        return match is_safe {
            true => Failure::passing(ErrorKind::Unavailable, message, after),
            false => Failure::lasting(ErrorKind::Unavailable, message),
        };
    }
    if status.is_redirection() {
        let message = format!(
            "{answered}, a redirect, which is not followed: credentials go only to the address \
             that is configured"
        );
        return Failure::lasting(ErrorKind::Protocol, message);
    }
    let is_auth = matches!(status.as_u16(), 401 | 403);
    let what = match kind {
        "" => String::new(),
        kind => format!(" with {kind}"),
    };
    let message = format!(
        "{answered}{what}, and no {:?} in a JSON object; is the token server's address right?",
        fields.access
    );
    let kind = if is_auth {
        ErrorKind::Auth
    } else {
        ErrorKind::Protocol
    };
    Failure::lasting(kind, message)
}

/// Whether a status says that another time may be better.
fn is_passing(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 429 | 500 | 502..=504)
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    const FIELDS: AnswerFields<'_> = AnswerFields {
        access: "access_token",
        refresh: "refresh_token",
        life: "expires_in",
    };

    async fn answer(status: u16, kind: &str, body: &str) -> Result<Granted, Failure> {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, kind.parse().unwrap())]);
        let status = StatusCode::from_u16(status).unwrap();
        let response = Response::full(status, headers, body.to_owned().into());
        let redactor = Redactor::new([&Secret::new("hush-hush")]);
        let grant = OAuth2Grant::RefreshToken;
        read(response, &FIELDS, grant, &redactor, Timestamp::UNIX_EPOCH).await
    }

    #[tokio::test]
    async fn a_life_is_a_number_or_a_text() {
        async fn check(life: &str, expected: Option<u64>) {
            let body = format!(r#"{{"access_token":"a","refresh_token":"","expires_in":{life}}}"#);
            let granted = answer(200, "application/json", &body).await.unwrap();
            assert_eq!(granted.life, expected.map(Duration::from_secs), "{life}");
            assert_eq!((granted.access.expose(), granted.refresh), ("a", None));
        }
        check("3600", Some(3600)).await;
        check("\"3600\"", Some(3600)).await;
        check("3600.0", Some(3600)).await;
        for none in ["null", "0", "-1", "\"soon\"", "\"NaN\""] {
            check(none, None).await;
        }
        let body = r#"{"access_token":"a","expires_in":1e300}"#;
        let granted = answer(200, "", body).await.unwrap();
        assert_eq!(granted.life, Some(Duration::MAX));
    }

    #[tokio::test]
    async fn what_is_no_token_is_said_clearly_and_without_secrets() {
        async fn check(status: u16, body: &str, lasting: bool, part: &str) {
            let failure = answer(status, "text/html", body).await.err().unwrap();
            let said = failure.to_string();
            assert!(said.contains(part) && !said.contains("hush"), "{said}");
            assert_eq!(failure.is_lasting(), lasting, "{said}");
        }
        let error =
            |code: &str| format!(r#"{{"error":"{code}","error_description":"hush-hush\n"}}"#);
        check(
            401,
            &error("invalid_client"),
            true,
            "clientId/clientSecret (invalid_client: *** )",
        )
        .await;
        check(
            400,
            &error("invalid_grant"),
            true,
            "the refresh token (invalid_grant: ***",
        )
        .await;
        check(
            400,
            &error("invalid_scope"),
            true,
            "(invalid_scope: *** , status 400)",
        )
        .await;
        check(
            200,
            &error("bad_verification_code"),
            true,
            "(bad_verification_code",
        )
        .await;
        check(
            503,
            &error("temporarily_unavailable"),
            false,
            "503 (temporarily",
        )
        .await;
        check(429, "", false, "answered 429").await;
        check(502, "hush-hush", true, "answered 502").await;
        check(302, "", true, "a redirect").await;
        check(
            200,
            "<html>hush-hush</html>",
            true,
            "200 with text/html, and no \"access_token\"",
        )
        .await;
        check(200, r#"{"access_token":7}"#, true, "is no text").await;
        check(404, "[]", true, "is the token server's address right?").await;
        check(200, &"x".repeat(MAX_BYTES + 1), true, "larger than").await;
    }
}
