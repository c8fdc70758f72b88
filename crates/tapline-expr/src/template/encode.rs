//! How values are written, depending on where they stand.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::expression::Run;

/// Everything but the unreserved characters of RFC 3986.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Where a template stands, and so how its values are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// As they are: a query value or a body, which are encoded as a whole later.
    Plain,
    /// Percent-encoded: a value never adds a segment to a path.
    PathSegment,
    /// Letters, digits, `-` and `.` only, unless the placeholder is the whole template.
    Host,
    /// No control characters.
    Header,
}

/// Writes a value that is not the author's. `is_whole`: nothing else stands in the template.
pub(super) fn value(
    out: &mut String,
    value: &str,
    encoding: Encoding,
    is_whole: bool,
) -> Result<(), &'static str> {
    if encoding == Encoding::PathSegment && matches!(value, "" | "." | "..") {
        return Err("is no path segment");
    }
    part(out, value, encoding, is_whole)
}

/// Writes what an expression gave: the author's words as they are, everything else as a value.
pub(super) fn runs(
    out: &mut String,
    runs: &[Run],
    encoding: Encoding,
    is_whole: bool,
) -> Result<(), &'static str> {
    let is_given = runs.iter().any(|run| run.is_given);
    let text: String = runs.iter().map(|run| run.text.as_str()).collect();
    if is_given && encoding == Encoding::PathSegment && matches!(text.as_str(), "" | "." | "..") {
        return Err("is no path segment");
    }
    for run in runs {
        if run.is_given {
            part(out, &run.text, encoding, is_whole && runs.len() == 1)?;
        } else {
            out.push_str(&run.text);
        }
    }
    Ok(())
}

fn part(
    out: &mut String,
    value: &str,
    encoding: Encoding,
    is_whole: bool,
) -> Result<(), &'static str> {
    let is_host = |c: char| c.is_ascii_alphanumeric() || "-.".contains(c);
    match encoding {
        Encoding::PathSegment => out.extend(utf8_percent_encode(value, SEGMENT)),
        Encoding::Host if !is_whole && !value.chars().all(is_host) => {
            return Err("may hold only letters, digits, `-` and `.` in a host");
        }
        Encoding::Header if value.chars().any(char::is_control) => {
            return Err("holds a control character");
        }
        Encoding::Plain | Encoding::Host | Encoding::Header => out.push_str(value),
    }
    Ok(())
}
