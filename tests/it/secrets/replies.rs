//! What a source does with a secret that it was sent.

use serde_json::{Value, json};

use super::echoes;
use crate::hostile::server::Reply;

/// What happens once the secret is given.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Then {
    /// Two honest pages.
    Pages,
    /// Another status, and the secret in the body, in every form.
    Status(&'static str),
    /// The same, where the part that is looked at ends within the secret.
    Cut,
    /// Too many requests, and the secret as a reason.
    RetryAfter,
    /// A body that breaks off.
    Broken,
    /// A page with the secret that is no JSON.
    NotJson,
    /// JSON with the secret that is no page.
    ErrorObject,
    /// The secret in a record.
    Rows,
    /// A token for the next page that is made of the secret.
    Token,
    /// A next link to the source itself, with the secret in path and query.
    NextHere,
    /// Next links elsewhere, with the secret in the query, the user information, the host's name.
    NextQuery,
    NextUserInfo,
    NextHost,
    /// A next link that is none.
    NextNoUrl,
    /// The same for redirects.
    RedirectHere,
    RedirectQuery,
    RedirectHost,
    /// Nothing is sent, and this is said.
    Unsent(&'static str),
    /// The project file is wrong beside the secret.
    Mistake,
}

impl Then {
    /// How a run ends, and what it says.
    pub(super) fn expected(self) -> (i32, &'static str) {
        match self {
            Self::Pages | Self::Rows | Self::Token | Self::NextHere | Self::RedirectHere => {
                (0, "\"complete\"")
            }
            Self::Status(status) => (1, &status[..3]),
            Self::Cut => (1, "the source answered 400"),
            Self::RetryAfter => (4, "the source asks to wait until"),
            Self::Broken => (1, "the body broke off"),
            Self::NotJson => (1, "the body is not JSON"),
            Self::ErrorObject => (1, "there is nothing at contentPath"),
            Self::NextQuery | Self::NextUserInfo | Self::NextHost => (3, "next_refused"),
            Self::NextNoUrl => (1, "the link is no URL"),
            Self::RedirectQuery | Self::RedirectHost => (1, "is not an allowed host"),
            Self::Unsent(said) => (1, said),
            Self::Mistake => (2, "usrname"),
        }
    }

    /// How pages follow each other.
    pub(super) fn pagination(self) -> Value {
        match self {
            Self::Token => json!({
                "type": "CONTINUATION_TOKEN", "continuationTokenPath": "$.next",
                "parameterType": "QUERYPARAM", "parameterName": "token",
            }),
            _ => json!({ "type": "POINTER", "pointerPath": "$.next" }),
        }
    }

    /// The answer to request `number`, from 0. All commands ask the same server, so what comes
    /// after the first pages is the end.
    pub(super) fn reply(self, number: usize, secret: &str) -> Reply {
        let echo = all(secret);
        match self {
            Self::Pages if number == 0 => page(&json!("?page=2")),
            Self::Status(status) => Reply::new(status, "", format!("no {echo} here")),
            Self::Cut => Reply::new("400 Bad", "", cut(secret)),
            Self::RetryAfter => {
                Reply::new("429 No", "retry-after: 99999999\r\n", format!("no {echo}"))
            }
            Self::Broken => Reply::raw("HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{\"items\":"),
            Self::NotJson => Reply::new("200 OK", "", format!("<b>{echo}")),
            Self::ErrorObject => Reply::ok(json!({ "error": echo }).to_string()),
            Self::Rows => Reply::items(json!({ "id": 1, "echo": echo }).to_string()),
            Self::Token if number == 0 => page(&json!(format!("t-{secret}-2"))),
            Self::NextHere if number == 0 => page(&json!(format!(
                "/items/{secret}/?k={secret}&{}",
                here(secret)
            ))),
            Self::NextQuery => page(&json!(elsewhere(secret))),
            Self::NextUserInfo => page(&json!(format!("http://me:{}@127.0.0.2/", percent(secret)))),
            Self::NextHost => page(&json!(format!("http://{secret}.example/"))),
            Self::NextNoUrl => page(&json!(format!("http://[{secret}/"))),
            Self::RedirectHere if number == 0 => redirect(&here(secret)),
            Self::RedirectQuery => redirect(&elsewhere(&percent(secret))),
            Self::RedirectHost => redirect(&format!("http://{secret}.example/")),
            _ => Reply::items(""),
        }
    }
}

fn all(secret: &str) -> String {
    let echoes: Vec<String> = echoes(secret).into_iter().map(|(_, echo)| echo).collect();
    echoes.join(" and ")
}

fn percent(secret: &str) -> String {
    echoes(secret).swap_remove(1).1
}

fn page(next: &Value) -> Reply {
    Reply::ok(json!({ "items": [{ "id": 1 }], "next": next }).to_string())
}

fn here(secret: &str) -> String {
    let secret = percent(secret);
    format!("/items/{secret}/more?k={secret}")
}

fn elsewhere(secret: &str) -> String {
    format!("http://127.0.0.2:1/{secret}?k={secret}")
}

fn redirect(location: &str) -> Reply {
    let location = format!("location: {location}\r\n");
    Reply::new("302 Found", &location, "")
}

/// Bodies of which only the beginning is looked at: nothing but space, and half of the secret.
fn cut(secret: &str) -> String {
    let half = secret.floor_char_boundary(secret.len() / 2 + 1);
    let before = 4_800 - half;
    format!("{}{secret}", " ".repeat(before))
}
