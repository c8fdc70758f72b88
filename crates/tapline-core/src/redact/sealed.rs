//! Positions as they are stored: some servers copy the credentials into their links and tokens.
//! In a secret's place stands which one it was, and how it was written, so that a run with the
//! same secrets can go on from there.

use std::cell::Cell;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::Redactor;
use crate::Position;

/// Encloses a mark. Where it stands in a text itself, it is doubled.
const FENCE: char = '\0';
/// The mark of a secret that was learned: the next run has another in its place.
const LOST: &str = "\0?\0";

impl Redactor {
    /// `position` with a mark in the place of every secret.
    pub fn seal(&self, position: &Position) -> Position {
        changed(position, |text, way| self.sealed(text, way))
    }

    /// What [`Redactor::seal`] was given, if the secrets are in the same order ([`Redactor::order`]).
    /// `None` if it held a secret that was only known for a time.
    pub fn unseal(&self, position: &Position) -> Option<Position> {
        let is_lost = Cell::new(false);
        let position = changed(position, |text, _| {
            self.unsealed(text).unwrap_or_else(|| {
                is_lost.set(true);
                text.to_owned()
            })
        });
        (!is_lost.get()).then_some(position)
    }

    fn sealed(&self, text: &str, fallback: usize) -> String {
        let fence = |part: &str| part.replace(FENCE, "\0\0");
        let mut out = String::new();
        let mut kept = 0;
        for (number, found) in self.found(text) {
            out += &fence(&text[kept..found.start]);
            out += &match number {
                Some(number) => self.mark(number, &text[found.clone()], fallback),
                None => LOST.to_owned(),
            };
            kept = found.end;
        }
        out + &fence(&text[kept..])
    }

    /// Stands for the secret `number` as it is `written`.
    fn mark(&self, number: usize, written: &str, fallback: usize) -> String {
        let secret = self.needles[number].expose();
        let is_way = |way: &usize| WAYS[*way](secret) == written;
        let way = (0..WAYS.len()).find(is_way).unwrap_or(fallback);
        format!("{FENCE}{number}.{way}{FENCE}")
    }

    fn unsealed(&self, text: &str) -> Option<String> {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once(FENCE) {
            let (mark, after) = after.split_once(FENCE)?;
            out += before;
            match mark.split_once('.') {
                Some((number, way)) => {
                    let needle = self.needles.get(number.parse::<usize>().ok()?)?;
                    out += &WAYS.get(way.parse::<usize>().ok()?)?(needle.expose());
                }
                None if mark.is_empty() => out.push(FENCE),
                None => return None,
            }
            rest = after;
        }
        Some(out + rest)
    }
}

/// How a secret may be written in a position. One that is written otherwise comes back in the way
/// that means the same: percent-encoded in a link, as it is in a token.
const WAYS: [fn(&str) -> String; 4] = [
    str::to_owned,
    |text| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string(),
    |text| url::form_urlencoded::byte_serialize(text.as_bytes()).collect(),
    |text| {
        let json = Value::from(text).to_string();
        json[1..json.len() - 1].to_owned()
    },
];

/// `position` with its texts changed; `change` is also told the way to write what is none of
/// [`WAYS`].
fn changed(position: &Position, change: impl Fn(&str, usize) -> String) -> Position {
    let way = usize::from(matches!(position, Position::Url(_)));
    let mut value = serde_json::to_value(position).unwrap_or_default();
    each_text(&mut value["value"], &|text| *text = change(text, way));
    serde_json::from_value(value).unwrap_or_else(|_| position.clone())
}

fn each_text(value: &mut Value, change: &impl Fn(&mut String)) {
    match value {
        Value::String(text) => change(text),
        Value::Array(items) => items.iter_mut().for_each(|item| each_text(item, change)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use tapline_spec::Secret;

    use super::*;

    #[test]
    fn positions_come_back_and_hold_no_secret() {
        let secrets = [Secret::new("k3y/\u{e9}+ 1"), Secret::new("p4ss\"w\0rd")];
        let redactor = Redactor::new(&secrets);
        let check = |position: Position| {
            let sealed = redactor.seal(&position);
            let stored = serde_json::to_string(&sealed).unwrap();
            assert_eq!(redactor.redact(&stored), stored);
            assert_eq!(
                redactor.unseal(&sealed).as_ref(),
                Some(&position),
                "{stored}"
            );
            sealed
        };
        for text in [
            "",
            "plain\0fences\0\0",
            "a k3y/\u{e9}+ 1 b",
            "k3y%2F%C3%A9%2B%201k3y%2F%C3%A9%2B+1",
            "{\"k\":\"p4ss\\\"w\\u0000rd\"} p4ss\"w\0rd",
            "bTpwNHNzIncAcmQ=",
            "\x001.0\0",
        ] {
            check(Position::Url(text.to_owned()));
            check(Position::Token(text.to_owned()));
            check(Position::Custom(text.to_owned()));
        }
        for plain in [Position::Start, Position::Offset(7), Position::Page(2)] {
            assert_eq!(check(plain.clone()), plain);
        }
        let plain = Position::Url("http://h/?page=2".to_owned());
        assert_eq!(check(plain.clone()), plain);
    }

    #[test]
    fn what_is_written_in_another_way_comes_back_with_the_same_meaning() {
        let redactor = Redactor::new([&Secret::new("k3y/\u{e9}")]);
        let link = Position::Url("/?k=K3Y/%c3%a9".to_owned());
        let back = redactor.unseal(&redactor.seal(&link));
        assert_eq!(back, Some(Position::Url("/?k=k3y%2F%C3%A9".to_owned())));
    }

    #[test]
    fn a_secret_that_was_learned_does_not_come_back() {
        let redactor = Redactor::new([&Secret::new("k3y-1234")]);
        redactor.learn(&Secret::new("t0ken-9"));
        let sealed = redactor.seal(&Position::Token("k3y-1234 t0ken-9".to_owned()));
        assert_eq!(redactor.unseal(&sealed), None);
    }

    #[test]
    fn the_order_tells_when_marks_mean_other_secrets() {
        let order = |secrets: [&str; 2]| {
            let secrets = secrets.map(Secret::new);
            Redactor::new(&secrets).order().to_vec()
        };
        let before = order(["aaaa-1", "bbbb-1"]);
        assert_eq!(before, order(["aaaa-2", "bbbb-2"]));
        assert_ne!(before, order(["bbbb-1", "aaaa-1"]));
        assert_ne!(before, order(["aaaa-1", "bbbb-12"]));
        assert_ne!(before, order(["aaaa-1", "aaaa-1"]));
    }
}
