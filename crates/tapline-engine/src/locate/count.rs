//! Counts the records of a page before they are decoded, for a hook that wants to know.

use super::{Content, Located};
use crate::decode::scan::Scanner;

impl Located {
    /// Records in the content of `body`, as far as it is JSON. Looks at the whole content once
    /// more, following `depth` levels of nesting.
    pub(crate) fn records(&self, body: &[u8], depth: usize) -> u64 {
        let (start, end, is_list) = match &self.content {
            Content::Missing | Content::Null => return 0,
            Content::Object(_) => return 1,
            Content::Array { span, .. } => (span.start + 1, span.end, true),
            Content::Lines { span, .. } => (span.start, span.end, false),
        };
        let mut scan = Scanner::new(self.text(body), start, depth);
        let mut records = 0;
        scan.space();
        while scan.pos() < end && scan.value().is_ok() {
            records += 1;
            scan.space();
            if is_list && !scan.eat(b',') {
                break;
            }
            scan.space();
        }
        records
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_counted_without_decoding_them() {
        let located = |content| Located {
            body: None,
            content,
            values: Vec::new(),
            siblings: Vec::new(),
            content_hash: 0,
        };
        let check = |body: &str, expected: u64| {
            let span = 0..body.len();
            let content = located(Content::Array { span, empty: false });
            assert_eq!(content.records(body.as_bytes(), 8), expected, "{body}");
        };
        check("[]", 0);
        check("[ 1 ]", 1);
        check(r#"[{"a": [1, 2]} , "]", null]"#, 3);
        check("[1, oops]", 1);
        let body = "{}\n[1, 2]\n";
        let (span, empty) = (0..body.len(), false);
        let lines = located(Content::Lines { span, empty });
        assert_eq!(lines.records(body.as_bytes(), 8), 2);
        assert_eq!(located(Content::Null).records(b"null", 8), 0);
        assert_eq!(located(Content::Object(0..2)).records(b"{}", 8), 1);
    }
}
