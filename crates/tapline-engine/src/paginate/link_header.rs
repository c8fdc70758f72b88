//! LINK_HEADER: a `Link` header holds the next URL (RFC 8288, section 3). There may be several
//! headers, several links in one, and commas or semicolons in quoted parameters and in URLs. It
//! ends where no link has the relation, or with an empty page.

use tapline_core::{EndSignal, Position, Result};

use super::{Addition, Next, Paginator, Seen, linked};

pub(super) struct LinkHeader {
    pub(super) limit: Option<(String, u64)>,
    pub(super) relation: String,
}

impl Paginator for LinkHeader {
    fn first(&self) -> Position {
        Position::Start
    }

    fn request(&self, position: &Position) -> Result<Addition> {
        linked("LINK_HEADER", self.limit.as_ref(), position)
    }

    fn next(&self, _: &Position, page: &dyn Seen) -> Next {
        let headers = page.headers("link");
        let target = headers
            .iter()
            .find_map(|header| target(header, &self.relation));
        match target {
            None => Next::Done(EndSignal::NoNext),
            Some(_) if page.is_empty() => Next::Done(EndSignal::EmptyPage),
            Some(url) => Next::More(Position::Url(url.to_owned())),
        }
    }
}

/// The target of the first link in `header` with `relation`.
fn target<'a>(header: &'a str, relation: &str) -> Option<&'a str> {
    links(header)
        .into_iter()
        .find(|link| link.is(relation))
        .map(|link| link.target)
}

/// A link, and the text of its parameters.
struct Link<'a> {
    target: &'a str,
    parameters: &'a str,
}

impl Link<'_> {
    /// Whether the first `rel` names `relation`; relations are compared without case.
    fn is(&self, relation: &str) -> bool {
        let parameters = split(self.parameters, ';');
        let rel = parameters.into_iter().find_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            name.trim()
                .eq_ignore_ascii_case("rel")
                .then(|| value.trim())
        });
        let unquoted = rel.map(|rel| rel.trim_matches('"'));
        let mut names = unquoted.into_iter().flat_map(str::split_whitespace);
        names.any(|name| name.eq_ignore_ascii_case(relation))
    }
}

/// The links of a header. What is none is passed over, as RFC 8288 asks.
fn links(header: &str) -> Vec<Link<'_>> {
    let parts = split(header, ',').into_iter();
    parts
        .filter_map(|part| {
            let (target, parameters) = part.trim().strip_prefix('<')?.split_once('>')?;
            Some(Link {
                target: target.trim(),
                parameters,
            })
        })
        .collect()
}

/// `text` cut at every `mark` that stands neither in quotes nor in angle brackets.
fn split(text: &str, mark: char) -> Vec<&str> {
    let (mut parts, mut start) = (Vec::new(), 0);
    let (mut quoted, mut in_url, mut escaped) = (false, false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' if !in_url => quoted = !quoted,
            '<' if !quoted => in_url = true,
            '>' if !quoted => in_url = false,
            _ if c == mark && !quoted && !in_url => {
                parts.push(&text[start..at]);
                start = at + c.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::super::testing::{next, next_empty};
    use super::*;

    #[track_caller]
    fn check(header: &str, expected: Option<&str>) {
        assert_eq!(target(header, "next"), expected, "{header}");
    }

    #[test]
    fn links_are_found_in_every_published_form() {
        check(
            "<https://a/x?page=2>; rel=\"next\"",
            Some("https://a/x?page=2"),
        );
        check("</x?page=2>;rel=next", Some("/x?page=2"));
        check("<a>; rel=prev, <b>; rel=next", Some("b"));
        check("<b>; title=\"a, b; rel=x\"; rel=\"prev next\"", Some("b"));
        check(
            "<https://a/x?ids=1,2;3>; REL=Next",
            Some("https://a/x?ids=1,2;3"),
        );
        check("<a>; title=\"say \\\"hi\\\", <c>\"; rel=next", Some("a"));
        check("<a>; rel=first; rel=next", None);
        check("<a>; rel=\"nextish\"", None);
        check("a; rel=next", None);
        check("<a; rel=next", None);
        check("", None);
    }

    #[test]
    fn it_ends_without_a_link_or_with_an_empty_page() {
        let paginator = LinkHeader {
            limit: Some(("size".to_owned(), 2)),
            relation: "next".to_owned(),
        };
        let two = [
            ("headers.link", "<a>; rel=prev"),
            ("headers.link", "<b>; rel=next"),
        ];
        let more = Next::More(Position::Url("b".to_owned()));
        assert_eq!(next(&paginator, &Position::Start, &two), more);
        let end = Next::Done(EndSignal::EmptyPage);
        assert_eq!(next_empty(&paginator, &Position::Start, &two), end);
        let end = Next::Done(EndSignal::NoNext);
        assert_eq!(next(&paginator, &Position::Start, &[]), end);
        let first = paginator.request(&Position::Start).unwrap();
        assert_eq!(first.query, [("size".to_owned(), "2".to_owned())]);
        assert!(paginator.request(&Position::Page(1)).is_err());
    }
}
