//! Between the types of `tapline-core` and the messages of the border. What a plugin says is
//! taken for nothing until it parses; the reason why it does not is for its author.

use abi_stable::std_types::RVec;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use tapline_abi::message::{self, Headers};
use tapline_core::{Body, Cursor, CursorType, Position, Slice, Window};
use url::Url;

/// Why a message cannot be used.
pub(crate) type Result<T> = std::result::Result<T, String>;

pub(crate) fn method(text: &str) -> Result<Method> {
    Method::from_bytes(text.as_bytes()).map_err(|_| format!("`{text}` is no HTTP method"))
}

/// The text is not repeated: a URL may carry a secret.
pub(crate) fn url(text: &str) -> Result<Url> {
    Url::parse(text).map_err(|error| format!("the URL cannot be read: {error}"))
}

pub(crate) fn headers(pairs: &Headers) -> Result<HeaderMap> {
    let mut map = HeaderMap::new();
    for (name, value) in pairs {
        let key = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| format!("`{name}` is no header name"))?;
        let value = latin1(value)
            .and_then(|bytes| HeaderValue::from_bytes(&bytes).ok())
            .ok_or_else(|| {
                format!("the value of the header `{name}` holds a forbidden character")
            })?;
        map.try_append(key, value)
            .map_err(|_| format!("{} headers are too many", pairs.len()))?;
    }
    Ok(map)
}

fn latin1(text: &str) -> Option<Vec<u8>> {
    text.chars().map(|c| u8::try_from(c).ok()).collect()
}

/// Header values need not be text: every byte becomes the character of the same number.
pub(crate) fn pairs(map: &HeaderMap) -> Headers {
    map.iter()
        .map(|(name, value)| {
            let value = value.as_bytes().iter().copied().map(char::from).collect();
            (name.as_str().to_owned(), value)
        })
        .collect()
}

/// A body of a plugin, without copying it.
pub(crate) fn body(bytes: RVec<u8>) -> Body {
    if bytes.is_empty() {
        return Body::Empty;
    }
    Body::Bytes(Bytes::from_owner(bytes))
}

pub(crate) fn position(position: &Position) -> message::Position {
    match position {
        Position::Start => message::Position::Start,
        Position::Offset(offset) => message::Position::Offset(*offset),
        Position::Page(page) => message::Position::Page(*page),
        Position::Url(url) => message::Position::Url(url.clone()),
        Position::Token(token) => message::Position::Token(token.clone()),
        Position::Tokens(tokens) => message::Position::Tokens(tokens.clone()),
        Position::Custom(json) => message::Position::Custom(json.clone()),
    }
}

pub(crate) fn read_position(position: message::Position) -> Result<Position> {
    let position = match position {
        message::Position::Start => Position::Start,
        message::Position::Offset(offset) => Position::Offset(offset),
        message::Position::Page(page) => Position::Page(page),
        message::Position::Url(text) => Position::Url(url(&text)?.into()),
        message::Position::Token(token) => Position::Token(token),
        message::Position::Tokens(tokens) => Position::Tokens(tokens),
        message::Position::Custom(json) => Position::Custom(json),
    };
    if position.size() > Position::MAX_BYTES {
        let size = position.size();
        return Err(format!(
            "the position has {size} bytes, at most {} are kept",
            Position::MAX_BYTES
        ));
    }
    Ok(position)
}

pub(crate) fn window(window: &Window) -> message::Window {
    message::Window {
        start: window.start.as_ref().map(ToString::to_string),
        end: window.end.as_ref().map(ToString::to_string),
    }
}

/// Reads a part of the window `asked`; all of it, if the part has no bounds of its own.
pub(crate) fn read_slice(slice: message::Slice, asked: &Window) -> Result<Slice> {
    let start = bound(slice.window.start.as_deref(), asked)?;
    let end = bound(slice.window.end.as_deref(), asked)?;
    if let (Some(start), Some(end)) = (&start, &end)
        && start >= end
    {
        return Err(format!(
            "the slice `{}` ends before it starts",
            slice.partition
        ));
    }
    let window = match (start, end) {
        (None, None) => asked.clone(),
        (start, end) => Window { start, end },
    };
    Ok(Slice {
        partition: slice.partition,
        window,
        ..Slice::default()
    })
}

fn bound(text: Option<&str>, asked: &Window) -> Result<Option<Cursor>> {
    text.map(|text| match asked.cursor_type() {
        CursorType::Timestamp => text
            .parse()
            .map(Cursor::Timestamp)
            .map_err(|_| format!("`{text}` is no instant; write `2026-01-31T00:00:00Z`")),
        other => {
            Cursor::read(other, text).ok_or_else(|| format!("`{text}` is no {}", other.name()))
        }
    })
    .transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_byte_of_a_header_survives() {
        let mut map = HeaderMap::new();
        map.append("x-a", HeaderValue::from_bytes(b"caf\xe9").unwrap());
        map.append("x-a", HeaderValue::from_static("2"));
        assert_eq!(headers(&pairs(&map)).unwrap(), map);
    }

    #[test]
    fn any_number_of_headers_is_an_answer_or_an_error() {
        let many = |count: usize| -> Headers {
            let names = (0..count).map(|n| format!("x-{n}"));
            names.map(|name| (name, String::new())).collect()
        };
        assert_eq!(headers(&many(1000)).unwrap().len(), 1000);
        let error = headers(&many(100_000)).unwrap_err();
        assert_eq!(error, "100000 headers are too many");
    }

    #[test]
    fn every_position_survives() {
        for given in [
            Position::Start,
            Position::Offset(3),
            Position::Page(4),
            Position::Url("https://h/p?q=1".to_owned()),
            Position::Token("t".to_owned()),
            Position::Custom("{}".to_owned()),
        ] {
            let json = serde_json::to_value(position(&given)).unwrap();
            assert_eq!(json, serde_json::to_value(&given).unwrap());
            assert_eq!(read_position(position(&given)).unwrap(), given);
        }
    }

    #[test]
    fn a_slice_is_read_strictly() {
        let slice = |start: &str, end: &str| {
            let window = message::Window {
                start: Some(start.to_owned()),
                end: Some(end.to_owned()),
            };
            let partition = "eu".to_owned();
            read_slice(message::Slice { partition, window }, &Window::ALL)
        };
        let (jan, feb) = ("2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z");
        assert_eq!(slice(jan, feb).unwrap().partition, "eu");
        let error = slice(feb, jan).unwrap_err();
        assert_eq!(error, "the slice `eu` ends before it starts");
        assert!(slice("yesterday", feb).is_err());
        let asked = Window {
            start: Cursor::read(CursorType::Integer, "5"),
            end: None,
        };
        let of = |start: Option<&str>| {
            let window = message::Window {
                start: start.map(str::to_owned),
                end: None,
            };
            let partition = "eu".to_owned();
            read_slice(message::Slice { partition, window }, &asked)
        };
        assert_eq!(of(None).unwrap().window, asked);
        assert_eq!(
            of(Some("7")).unwrap().window.start,
            Cursor::read(CursorType::Integer, "7")
        );
        assert_eq!(of(Some("x")).unwrap_err(), "`x` is no integer");
    }
}
