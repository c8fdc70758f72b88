//! Takes secrets out of text that is about to be shown or stored.

use std::borrow::Cow;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tapline_spec::Secret;
use url::Url;

/// Shortest secret that is searched for; shorter ones would redact half of every text.
const MIN_SECRET: usize = 4;

/// All but the unreserved characters of RFC 3986: how templates write a value into a path.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Knows a connection's secrets in the forms they take on the wire: as they are,
/// percent-encoded, JSON-escaped and in base64, alone or within a longer text. Longer forms go first, so that a secret that is
/// the prefix of another never leaves the other's tail behind.
#[derive(Clone, Default)]
pub struct Redactor {
    needles: Vec<Secret>,
}

impl Redactor {
    /// What stands in a secret's place.
    pub const MASK: &str = "***";

    /// A redactor for `secrets`.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a Secret>) -> Self {
        let mut needles: Vec<String> = secrets
            .into_iter()
            .map(Secret::expose)
            .filter(|text| text.len() >= MIN_SECRET)
            .flat_map(forms)
            .collect();
        needles.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        needles.dedup();
        Self {
            needles: needles.into_iter().map(Secret::new).collect(),
        }
    }

    /// `text` with every secret replaced by `***`.
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut out = Cow::Borrowed(text);
        for needle in &self.needles {
            if out.contains(needle.expose()) {
                out = Cow::Owned(out.replace(needle.expose(), Self::MASK));
            }
        }
        out
    }

    /// `url` without user information, and with every secret replaced by `***`.
    pub fn url(&self, url: &Url) -> String {
        let mut url = url.clone();
        // Both fail only for URLs that cannot have user information.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        self.redact(url.as_str()).into_owned()
    }
}

fn forms(secret: &str) -> Vec<String> {
    let json = serde_json::Value::from(secret).to_string();
    let json = &json[1..json.len() - 1];
    let form: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let mut forms = vec![
        secret.to_owned(),
        utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string(),
        utf8_percent_encode(secret, RESERVED).to_string(),
        form,
        json.to_owned(),
        // Some servers escape the slash too.
        json.replace('/', "\\/"),
        STANDARD.encode(secret),
        STANDARD_NO_PAD.encode(secret),
    ];
    forms.extend((0..3).map(|before| inside_base64(secret, before)));
    forms
}

/// What base64 makes of `secret` inside a longer text, such as `user:secret`, where `before` bytes
/// of a group of three come first: the characters that depend on nothing else.
fn inside_base64(secret: &str, before: usize) -> String {
    let mut bytes = vec![0; before];
    bytes.extend(secret.bytes());
    let own = (before * 8).div_ceil(6)..bytes.len() * 8 / 6;
    STANDARD_NO_PAD.encode(bytes)[own].to_owned()
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Redactor({} forms)", self.needles.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_in_the_base64_of_a_longer_text() {
        let secret = Secret::new("key-1234");
        let redactor = Redactor::new([&secret]);
        for user in ["", "u", "me", "any"] {
            for after in ["", "!", "!!"] {
                let header = STANDARD.encode(format!("{user}:key-1234{after}"));
                let shown = redactor.redact(&header).into_owned();
                let left = shown.len() - Redactor::MASK.len();
                assert!(shown.contains("***"), "{header}: {shown}");
                assert!(left <= header.len() - 9, "{header}: {shown}");
            }
        }
    }

    #[test]
    fn a_secret_is_found_as_templates_write_it_into_a_path() {
        let secret = Secret::new("a ~b-1*");
        let shown = Redactor::new([&secret]);
        assert_eq!(shown.redact("/p/a%20~b-1%2A/q"), "/p/***/q");
    }

    #[test]
    fn every_form_is_masked_and_a_prefix_leaves_no_tail() {
        let short = Secret::new("key-1234");
        let long = Secret::new("key-1234/más");
        let redactor = Redactor::new([&short, &long]);
        for form in forms(long.expose()) {
            let shown = redactor.redact(&format!("a {form} b")).into_owned();
            assert_eq!(shown, "a *** b", "{form}");
        }
        assert_eq!(redactor.redact("key-1234\\/más"), "***");
        let url: Url = "http://user:pw@h/p?k=key-1234%2Fm%C3%A1s&x=1"
            .parse()
            .unwrap();
        assert_eq!(redactor.url(&url), "http://h/p?k=***&x=1");
    }
}
