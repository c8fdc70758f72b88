//! An answer as the pagination and the rules of a spec see it.

use http::{HeaderMap, StatusCode};
use tapline_expr::{Observed, Selector};

use crate::locate::{self, Located};
use crate::paginate::Seen;

/// An answer, and what was found in its body.
pub(crate) struct Observation<'a> {
    pub(crate) status: StatusCode,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a [u8],
    pub(crate) finds: Finds<'a>,
}

/// What was found in a body.
#[derive(Clone, Copy)]
pub(crate) enum Finds<'a> {
    /// By the scanner, together with the records.
    Located {
        /// What was looked for.
        reads: &'a [Selector],
        /// Where it is; `None` for an answer without content.
        located: Option<&'a Located>,
    },
    /// In a body that holds no records.
    Parsed(&'a Parsed),
}

impl<'a> Observation<'a> {
    /// What the scanner located, if it did.
    pub(crate) fn located(&self) -> Option<&'a Located> {
        match self.finds {
            Finds::Located { located, .. } => located,
            Finds::Parsed(_) => None,
        }
    }

    fn find(&self, selector: &Selector) -> Observed<'_> {
        let (reads, located) = match self.finds {
            Finds::Parsed(parsed) => return parsed.value(selector),
            Finds::Located { reads, located } => (reads, located),
        };
        let index = reads.iter().position(|read| read == selector);
        let found = index.zip(located).and_then(|(index, located)| {
            let range = located.values.get(index)?.clone()?;
            std::str::from_utf8(located.text(self.body).get(range)?).ok()
        });
        found.map_or(Observed::Absent, Observed::Json)
    }
}

impl Seen for Observation<'_> {
    fn is_empty(&self) -> bool {
        self.located()
            .is_none_or(|located| located.content.is_empty())
    }

    fn headers(&self, name: &str) -> Vec<&str> {
        let all = self.headers.get_all(name).iter();
        all.filter_map(|value| value.to_str().ok()).collect()
    }

    fn value(&self, selector: &Selector) -> Observed<'_> {
        if let Selector::Header(name) = selector {
            let value = self.headers.get(name).and_then(|value| value.to_str().ok());
            return value.map_or(Observed::Absent, Observed::Text);
        }
        self.find(selector)
    }
}

impl tapline_expr::Response for Observation<'_> {
    fn value(&self, selector: &Selector) -> Observed<'_> {
        Seen::value(self, selector)
    }

    fn status(&self) -> u16 {
        self.status.as_u16()
    }
}

/// What was found in a body that is no page of records: what a source says of an error, say.
#[derive(Debug, Default)]
pub(crate) struct Parsed(Vec<(Selector, String)>);

impl Parsed {
    /// Looks for `reads` in `body`. Nothing is found in a body that is not JSON.
    pub(crate) fn new(reads: &[Selector], body: &[u8]) -> Self {
        let values = locate::values(reads, body).unwrap_or_default();
        let found = reads.iter().cloned().zip(values);
        Self(
            found
                .filter_map(|(read, value)| Some((read, value?)))
                .collect(),
        )
    }

    fn value(&self, selector: &Selector) -> Observed<'_> {
        let found = self.0.iter().find(|(known, _)| known == selector);
        found.map_or(Observed::Absent, |(_, value)| Observed::Json(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_in_bodies_that_are_no_pages() {
        let reads = ["$.error.code", "$.a[-1]", "$.gone", "headers.x"];
        let reads: Vec<Selector> = reads.map(|text| text.parse().unwrap()).to_vec();
        let headers = HeaderMap::from_iter([(
            http::HeaderName::from_static("x"),
            http::HeaderValue::from_static("7"),
        )]);
        let check = |body: &str, expected: [Observed<'_>; 4]| {
            let parsed = Parsed::new(&reads, body.as_bytes());
            let seen = Observation {
                status: StatusCode::NOT_FOUND,
                headers: &headers,
                body: body.as_bytes(),
                finds: Finds::Parsed(&parsed),
            };
            assert!(seen.is_empty());
            for (selector, expected) in reads.iter().zip(expected) {
                assert_eq!(Seen::value(&seen, selector), expected, "{body}: {selector}");
            }
        };
        use Observed::{Absent, Json, Text};
        let found = [Json("\"over\""), Json("1e999"), Absent, Text("7")];
        check(r#"{"error": {"code": "over"}, "a": [1, 1e999]}"#, found);
        check("<html>", [Absent, Absent, Absent, Text("7")]);
        check("", [Absent, Absent, Absent, Text("7")]);
    }
}
