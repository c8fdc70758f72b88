//! What a final HTTP status means for a page.

use http::StatusCode;
use tapline_core::{Error, ErrorKind, Redactor, Result};

/// Characters of an error body that are shown.
const EXCERPT: usize = 300;

/// Accepts 2xx; anything else is an error with the beginning of the body, redacted.
///
/// # Errors
/// Of the kind that tells the operator what to do: credentials, a wrong path, or waiting.
pub(crate) fn judge(status: StatusCode, body: &[u8], redactor: &Redactor) -> Result<()> {
    if status.is_success() {
        return Ok(());
    }
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
    Err(Error::new(kind, "read page", message))
}

/// The beginning of `body` on one line, without control characters and secrets. It is redacted
/// before it is cut: half a secret would not be found.
fn excerpt(body: &[u8], redactor: &Redactor) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(16 * EXCERPT)]);
    let text = redactor.redact(&text);
    let words: Vec<&str> = text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .collect();
    words.join(" ").chars().take(EXCERPT).collect()
}

#[cfg(test)]
mod tests {
    use tapline_core::Secret;

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
        ];
        for (status, kind) in cases {
            let status = StatusCode::from_u16(status).unwrap();
            let error = judge(status, b"bad\x1b[31m\n key: k3y-s3cret", &redactor).unwrap_err();
            assert_eq!(error.kind(), kind);
            assert!(
                error.to_string().ends_with(": bad [31m key: ***"),
                "{error}"
            );
        }
        assert!(judge(StatusCode::NO_CONTENT, b"", &redactor).is_ok());
    }
}
