//! The ways in which a secret may be written.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::Value;
use url::Url;

/// All but the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The name of a way of writing, and what it makes of a secret.
pub(crate) type Form = (&'static str, String);

/// What a server may make of a secret before it sends it back.
pub(crate) fn echoes(secret: &str) -> Vec<Form> {
    let mut forms = vec![("as it is", secret.to_owned())];
    forms.extend(percent(secret));
    forms.extend(json(secret));
    forms.extend(base64(secret));
    forms
}

/// What is searched for. An echo may have been escaped again, as JSON within JSON, and a text may
/// have been cut. Letters of the other case need no forms of their own.
pub(super) fn all(secret: &str) -> Vec<Form> {
    let mut forms = echoes(secret);
    let again = forms.iter().flat_map(|(_, echo)| json(echo));
    forms.extend(again.collect::<Vec<_>>());
    let bytes = secret.bytes();
    forms.push((
        "hexadecimal",
        bytes.map(|byte| format!("{byte:02x}")).collect(),
    ));
    forms.push(("CSV", secret.replace('"', "\"\"")));
    forms.push(("SQL", secret.replace('\'', "''")));
    forms.push(("Debug", quoted(&format!("{secret:?}"))));
    forms.push(("percent, twice", percent_all(&percent_all(secret))));
    let (first, second) = secret.split_at(secret.floor_char_boundary(secret.len() / 2));
    forms.push(("its first half", first.to_owned()));
    forms.push(("its second half", second.to_owned()));
    forms
}

fn percent_all(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

fn percent(secret: &str) -> Vec<Form> {
    let full = percent_all(secret);
    let mut url: Url = "http://h/".parse().unwrap();
    url.set_query(Some(secret));
    url.set_fragment(Some(secret));
    url.set_path(secret);
    url.set_username(secret).unwrap();
    let in_urls = [
        ("query", url.query().unwrap_or_default()),
        ("fragment", url.fragment().unwrap_or_default()),
        ("path", &url.path()[1..]),
        ("user name", url.username()),
    ];
    // A URL leaves line breaks out, and turns backslashes round: then it is another text.
    let whole = in_urls
        .into_iter()
        .filter(|(_, text)| percent_decode_str(text).eq(secret.bytes()))
        .map(|(form, text)| (form, text.to_owned()));
    let mut forms = vec![
        ("percent", full.clone()),
        ("percent, lower case", lower_hex(&full)),
        (
            "percent, reserved only",
            utf8_percent_encode(secret, RESERVED).to_string(),
        ),
        (
            "form",
            url::form_urlencoded::byte_serialize(secret.as_bytes()).collect(),
        ),
    ];
    forms.extend(whole);
    forms
}

fn lower_hex(percent: &str) -> String {
    let mut parts = percent.split('%');
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |text, part| {
        let (digits, rest) = part.split_at(2);
        text + "%" + &digits.to_ascii_lowercase() + rest
    })
}

fn json(text: &str) -> Vec<Form> {
    let plain = quoted(&Value::from(text).to_string());
    let html = ['<', '>', '&', '\''];
    vec![
        ("JSON with \\/", plain.replace('/', "\\/")),
        ("JSON, ASCII only", escaped(&plain, |c| !c.is_ascii())),
        ("JSON for HTML", escaped(&plain, |c| html.contains(&c))),
        ("JSON, all escaped", escaped(text, |_| true)),
        ("JSON", plain),
    ]
}

fn quoted(text: &str) -> String {
    text[1..text.len() - 1].to_owned()
}

/// `text` with those characters as `\u00e1`.
fn escaped(text: &str, which: impl Fn(char) -> bool) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if which(c) {
            let mut units = [0; 2];
            let units = c.encode_utf16(&mut units).iter();
            out.extend(units.map(|unit| format!("\\u{unit:04x}")));
        } else {
            out.push(c);
        }
    }
    out
}

/// Within a longer text, such as `user:secret`, it may begin at any of three places.
fn base64(secret: &str) -> Vec<Form> {
    let mut forms = Vec::new();
    for before in 0..3 {
        let text = [vec![0; before], secret.as_bytes().to_vec()].concat();
        // Characters that depend on what stands before or after it do not count.
        let own = (before * 8).div_ceil(6)..text.len() * 8 / 6;
        forms.push(("base64", STANDARD.encode(&text)[own.clone()].to_owned()));
        forms.push(("base64 for URLs", URL_SAFE.encode(&text)[own].to_owned()));
    }
    forms
}
