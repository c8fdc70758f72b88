//! The times that an expression reads.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

/// The format where none is given: .NET's round trip.
pub(super) const DEFAULT: &str = "o";

/// How Azure's documentation also writes times.
const AMERICAN: [&str; 2] = ["%m/%d/%Y %H:%M:%S", "%m/%d/%Y"];

/// The point in time that `text` names, in UTC where it names no offset.
pub(super) fn read(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(timestamp) = text.parse() {
        return Some(timestamp);
    }
    let local = text.parse::<DateTime>().ok().or_else(|| {
        let mut forms = AMERICAN.iter();
        forms.find_map(|form| {
            let parsed = jiff::fmt::strtime::parse(form, text).ok()?;
            let date = parsed.to_date().ok()?;
            Some(date.to_datetime(parsed.to_time().unwrap_or_default()))
        })
    })?;
    Offset::UTC.to_timestamp(local).ok()
}
