//! Takes secrets out of text that is about to be shown or stored.

mod escaped;
mod learned;
mod sealed;

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use tapline_spec::Secret;
use url::Url;

use learned::Learned;

/// Shortest secret that is searched for; shorter ones would redact half of every text.
const MIN_SECRET: usize = 4;

/// Knows a connection's secrets in the forms they take on the wire: as they are and in base64,
/// alone or within a longer text, and any of it percent-encoded, JSON-escaped or in the other
/// case. Longer forms go first, so that a secret that is the prefix of another never leaves the
/// other's tail behind. What one clone learns, all know.
#[derive(Clone, Default)]
pub struct Redactor {
    needles: Vec<Secret>,
    /// The number in `needles` of each form of each secret, in the order they were given.
    numbers: Vec<Option<usize>>,
    learned: Learned,
}

impl Redactor {
    /// What stands in a secret's place.
    pub const MASK: &str = "***";

    /// A redactor for `secrets`.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a Secret>) -> Self {
        let secrets: Vec<&Secret> = secrets.into_iter().collect();
        let needles = needles(secrets.iter().copied());
        let number = |form: String| needles.iter().position(|needle| needle.expose() == form);
        let forms = secrets.iter().flat_map(|secret| forms(secret.expose()));
        Self {
            numbers: forms.map(number).collect(),
            needles,
            learned: Learned::default(),
        }
    }

    /// Tells which numbers the marks of [`Redactor::seal`] have, and nothing of the secrets: as long
    /// as it is the same, so is what the marks mean.
    pub fn order(&self) -> &[Option<usize>] {
        &self.numbers
    }

    /// Knows `secret` too from now on.
    pub fn learn(&self, secret: &Secret) {
        self.learned.add(needles([secret]));
    }

    /// `text` with every secret replaced by `***`.
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let found = self.found(text);
        if found.is_empty() {
            return Cow::Borrowed(text);
        }
        let mut out = String::new();
        let mut kept = 0;
        for (_, found) in found {
            out += &text[kept..found.start];
            out += Self::MASK;
            kept = found.end;
        }
        Cow::Owned(out + &text[kept..])
    }

    /// Which secrets are in `text`, and where. Only those of the start have a number.
    fn found(&self, text: &str) -> Vec<(Option<usize>, Range<usize>)> {
        let learned = self.learned.all();
        let mut found = Vec::new();
        let mut at = 0;
        while at < text.len() {
            let rest = &text.as_bytes()[at..];
            let own = longest(&self.needles, rest).map(|(number, length)| (Some(number), length));
            let learned = learned.iter().filter_map(|forms| longest(forms, rest));
            let longest = learned
                .map(|(_, length)| (None, length))
                .chain(own)
                .max_by_key(|(_, length)| *length);
            let end = at + longest.map_or(1, |(_, length)| length);
            found.extend(longest.map(|(number, _)| (number, at..end)));
            at = end;
        }
        found
    }

    /// How many bytes of a text may be one secret, however it is written. Whoever looks at a part
    /// of a text only may have cut a secret so near to its end.
    pub fn reach(&self) -> usize {
        let learned = self.learned.all();
        let longest = self.needles.first().into_iter();
        longest
            .chain(learned.iter().filter_map(|forms| forms.first()))
            .map(|needle| needle.expose().len() * escaped::LONGEST)
            .max()
            .unwrap_or(0)
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

/// What is searched for, the longest first.
fn needles<'a>(secrets: impl IntoIterator<Item = &'a Secret>) -> Vec<Secret> {
    let mut needles: Vec<String> = secrets
        .into_iter()
        .map(Secret::expose)
        .filter(|text| text.len() >= MIN_SECRET)
        .flat_map(forms)
        .collect();
    needles.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
    needles.dedup();
    needles.into_iter().map(Secret::new).collect()
}

/// Which of `needles` `text` begins with, and its length as it is written there.
fn longest(needles: &[Secret], text: &[u8]) -> Option<(usize, usize)> {
    let mut needles = needles.iter().enumerate();
    needles.find_map(|(number, needle)| Some((number, escaped::prefix(text, needle.expose())?)))
}

/// The forms of one secret. The padding of base64 is one or two bytes more that would be left.
fn forms(secret: &str) -> Vec<String> {
    let mut forms = vec![secret.to_owned()];
    for engine in [STANDARD, URL_SAFE] {
        forms.push(engine.encode(secret));
        forms.extend((0..3).map(|before| inside_base64(&engine, secret, before)));
    }
    forms
}

/// What base64 makes of `secret` inside a longer text, such as `user:secret`, where `before` bytes
/// of a group of three come first: the characters that depend on nothing else.
fn inside_base64(engine: &impl Engine, secret: &str, before: usize) -> String {
    let mut bytes = vec![0; before];
    bytes.extend(secret.bytes());
    let own = (before * 8).div_ceil(6)..bytes.len() * 8 / 6;
    engine.encode(bytes)[own].to_owned()
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
    fn every_way_of_writing_it_is_masked() {
        fn check(secret: &str, written: &str) {
            let shown = Redactor::new([&Secret::new(secret)]);
            let text = format!("a {written} b");
            assert_eq!(shown.redact(&text), "a *** b", "{written}");
        }
        let secret = "key-1234/m\u{e1}s +\"%41\u{1d11e}";
        for form in forms(secret) {
            check(secret, &form);
        }
        check(secret, "key-1234%2fm%c3%A1s+%2b%22%2541%f0%9d%84%9e");
        check(secret, "KEY-1234%2Fm\u{e1}s%20+%22%41\u{1d11e}");
        check(secret, r#"key-1234\/m\u00e1s +\"%41\uD834\udd1e"#);
        check(
            secret,
            r"\u006bey-1234\u002Fm\u00E1s \u002b\u0022%41\ud834\uDD1E",
        );
        check("two\nlines\t\\", r"two\nlines\t\\");
        check("a+b c-1", "a%2Bb+c-1");
        check("100%25", "100%25");
        check("100%25", "100%2525");
    }

    #[test]
    fn a_prefix_leaves_no_tail() {
        let short = Secret::new("key-1234");
        let long = Secret::new("key-1234/m\u{e1}s");
        let redactor = Redactor::new([&short, &long]);
        assert_eq!(redactor.redact("key-1234\\/m\u{e1}s"), "***");
        let url: Url = "http://user:pw@h/p?k=key-1234%2Fm%C3%A1s&x=1"
            .parse()
            .unwrap();
        assert_eq!(redactor.url(&url), "http://h/p?k=***&x=1");
    }

    #[test]
    fn what_one_clone_learns_all_know_and_the_longest_wins() {
        let redactor = Redactor::new([&Secret::new("key-1234")]);
        let clone = redactor.clone();
        for token in ["t0ken", "t0ken.key-1234.tail", "t0ken"] {
            clone.learn(&Secret::new(token));
        }
        assert_eq!(redactor.redact("a t0ken.key-1234.tail b"), "a *** b");
        assert_eq!(redactor.redact("t0ken key-1234"), "*** ***");
        assert!(redactor.reach() >= "t0ken.key-1234.tail".len());
        for number in 0..20 {
            clone.learn(&Secret::new(format!("other-{number}")));
        }
        assert_eq!(redactor.redact("other-19 t0ken"), "*** t0ken");
    }

    #[test]
    fn what_is_no_secret_stays() {
        let redactor = Redactor::new([&Secret::new("key-1234"), &Secret::new("abc")]);
        for text in [
            "", "key-123", "key-12%3", "abc", "\u{e1}\\", "%", "\\u00", "%e1%",
        ] {
            assert_eq!(redactor.redact(text), text);
        }
    }

    #[test]
    fn a_url_writes_a_secret_in_its_own_way() {
        let redactor = Redactor::new([&Secret::new("p\"w/\u{e9} d'x+1")]);
        let mut url: Url = "http://h/".parse().unwrap();
        url.set_query(Some("k=p\"w/\u{e9} d'x+1"));
        url.set_path("/p\"w/\u{e9} d'x+1/rest");
        assert_eq!(redactor.url(&url), "http://h/***/rest?k=***");
    }
}
