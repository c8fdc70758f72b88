//! The plan of a run in words.

use std::time::Duration;

use owo_colors::OwoColorize;

use super::{
    After, Budget, Division, Estimate, LastRun, Opening, Outline, Row, Shown, SignIn, Slices,
};
use crate::output::clean;
use crate::output::numbers::{bytes, count, duration, plural};
use crate::output::text::list;

/// Columns of the words before each part.
const LABEL: usize = 10;

impl Outline {
    /// The plan in words.
    pub(crate) fn words(&self) -> String {
        let reads = &self.reads;
        let (connector, stream) = (clean(&reads.connector), clean(&reads.stream));
        let mut lines = vec![format!(
            "{} reads {connector}.{stream}, connection {}",
            clean(&self.pipeline).bold(),
            clean(&reads.connection)
        )];
        part(&mut lines, "Window", self.window_words());
        part(&mut lines, "Slices", reads.slices.words());
        part(&mut lines, "Requests", self.request_words());
        part(&mut lines, "Writes", self.write_words());
        part(&mut lines, "Estimate", self.estimate.words());
        lines.join("\n")
    }

    fn window_words(&self) -> Vec<String> {
        let mut words = vec![self.range_words()];
        let is_divided = !self.reads.slices.by.is_empty() || self.reads.slices.by_connector;
        if is_divided && self.known_parts > 0 {
            words.push(format!(
                "of each of {} known: what it lacks; shown is how a new one is asked for",
                plural(self.known_parts, "part")
            ));
        }
        match self.ranges {
            0 => words.push("nothing can be new, so nothing is asked for".to_owned()),
            1 => {}
            ranges => words.push(format!("asked for in {} ranges", count(ranges))),
        }
        for cut in &self.cut {
            let began = cut.began;
            words.push(format!(
                "a {} that began at {began:.0} was cut; one for the same goes on with it",
                clean(&cut.kind)
            ));
        }
        words
    }

    fn range_words(&self) -> String {
        match (&self.window.start, &self.window.end) {
            (Some(start), _) if !self.reads.takes_window => format!(
                "from {start}; the spec has no `scheduleParams`, so everything is read, and what \
                 is older is left out"
            ),
            (Some(start), Some(end)) => format!("from {start} up to, not including, {end}"),
            (Some(start), None) => format!("from {start}"),
            (None, Some(end)) => format!("everything before {end}; no start is sent"),
            (None, None) if self.reads.takes_window => "everything".to_owned(),
            (None, None) => "everything; the spec has no `scheduleParams`".to_owned(),
        }
    }

    fn request_words(&self) -> Vec<String> {
        let several = self.requests.len() > 1;
        let openings = self.requests.iter();
        let openings = openings.flat_map(|opening| opening.words(several));
        self.signing().into_iter().chain(openings).collect()
    }

    /// How requests are signed, where that is not to be seen.
    fn signing(&self) -> Vec<String> {
        let mut words = Vec::new();
        if self.reads.sign_in == SignIn::Oauth2 {
            let token = "the token server is asked for a token first, unless one is at hand";
            words.push(token.to_owned());
        }
        if self.reads.prepared_by_connector {
            words.push("the connector signs or changes each request before it is sent".to_owned());
        }
        words
    }

    fn write_words(&self) -> Vec<String> {
        let writes = &self.writes;
        let rows = match writes.row {
            Row::Record => "a row for each record",
            Row::Body => "each response as it came",
        };
        let place = format!(
            "{rows}, to the table {} in {} ({})",
            clean(&writes.table),
            clean(&writes.path),
            clean(&writes.format)
        );
        let mode = &writes.sync_mode;
        let effect = match (writes.allowed, mode.as_str()) {
            (true, "full_load") => {
                format!("{mode}: the table is replaced in one step, once everything is there")
            }
            (true, "incremental") => format!(
                "{mode}: what is new is added, each page at once; how far that is known is \
                 remembered when all of it is there"
            ),
            (true, "incremental_with_qualify") => format!(
                "{mode}: what is new is added, each page at once, and the latest version of each \
                 record kept in {}",
                clean(writes.staged.as_deref().unwrap_or_default())
            ),
            (true, _) => format!("{mode}: every record is added, each page at once"),
            (false, _) => format!(
                "nothing: `run` refuses a window with {mode}, which would leave the table with \
                 that part only"
            ),
        };
        vec![place, effect]
    }
}

/// Adds `words`, the first of them after `label`.
fn part(lines: &mut Vec<String>, label: &str, words: impl IntoIterator<Item = String>) {
    let mut label = label;
    for line in words {
        lines.push(format!("  {label:LABEL$}{line}"));
        label = "";
    }
}

impl Slices {
    fn words(&self) -> Vec<String> {
        if self.by_connector {
            return vec!["as the connector divides it".to_owned()];
        }
        let first = match self.count {
            Some(count) if self.by.is_empty() => return vec![count.to_string()],
            Some(number) if self.by.len() > 1 => {
                format!("{}: every combination of", count(number))
            }
            Some(number) => format!("{}:", count(number)),
            None if self.by.len() > 1 => "every combination of".to_owned(),
            None => String::new(),
        };
        let by = self.by.iter().map(Division::words);
        let by: Vec<String> = by.collect();
        vec![format!("{first} {}", by.join("; ")).trim().to_owned()]
    }
}

impl Division {
    fn words(&self) -> String {
        let name = format!("${{{}}}", clean(&self.name));
        let mut from = Vec::new();
        if self.values > 0 {
            let first = list(self.first.iter().map(String::as_str));
            from.push(match self.values - self.first.len() as u64 {
                0 => format!("{name} = {}", clean(&first)),
                more => {
                    let first = self.first.join(", ");
                    format!("{name} = {}, and {} more", clean(&first), count(more))
                }
            });
        }
        if !self.parents.is_empty() {
            let parents = list(self.parents.iter().map(String::as_str));
            from.push(format!("one {name} for each record of {}", clean(&parents)));
        }
        from.join(", and ")
    }
}

impl Opening {
    fn words(&self, is_named: bool) -> Vec<String> {
        let mut words = Vec::new();
        if is_named {
            words.push(format!("to {}:", clean(&self.stream)));
        }
        let before = [None].into_iter().chain(self.first.iter().map(Some));
        let pairs = self.first.iter().zip(before);
        words.extend(pairs.flat_map(|(shown, before)| shown.words(before)));
        let then = match self.then {
            After::Nothing => return words,
            After::More => "then more like these, until the source says that it was all",
            After::Answer => "then what the answer says",
            After::Connector => "then what the connector makes of the answer",
            After::Limit => "then no more: `maximumRequest` is reached",
        };
        words.push(then.to_owned());
        words
    }
}

impl Shown {
    /// What it has in common with the request before is not said again.
    fn words(&self, before: Option<&Self>) -> Vec<String> {
        let mut words = vec![format!("{} {}", self.method, clean(&self.url))];
        if before
            .is_some_and(|before| (&before.headers, &before.body) == (&self.headers, &self.body))
        {
            return words;
        }
        let headers = self.headers.iter();
        words.extend(headers.map(|(name, value)| format!("  {name}: {}", clean(value))));
        let body = self.body.as_ref();
        words.extend(body.map(|body| format!("  {}", clean(body))));
        words
    }
}

impl Estimate {
    fn words(&self) -> Vec<String> {
        let mut words: Vec<String> = self
            .last_complete_run
            .iter()
            .flat_map(LastRun::words)
            .collect();
        if let Some(pages) = self.pages_at_most {
            words.push(format!("at most {}, says the spec", plural(pages, "page")));
        }
        if let Some(requests) = self.requests_per_minute {
            let requests = plural(requests, "request");
            words.push(format!("at most {requests} a minute, says the spec"));
        }
        for Budget { requests, per } in &self.budgets {
            let requests = plural(*requests, "request");
            words.push(format!(
                "at most {requests} a {per}, together with other runs that use the key"
            ));
        }
        if words.is_empty() {
            let nothing = "nothing is known: it never ran to its end, and the spec has no limit";
            words.push(nothing.to_owned());
        }
        words
    }
}

impl LastRun {
    fn words(&self) -> Vec<String> {
        let time = |ms| duration(Duration::from_millis(ms));
        let mut words = vec![
            format!(
                "as the last complete run, which began at {:.0}:",
                self.started_at
            ),
            format!(
                "{} on {} with {}, {} received, in {}",
                plural(self.records, "record"),
                plural(self.pages, "page"),
                plural(self.requests, "request"),
                bytes(self.bytes),
                time(self.duration_ms)
            ),
        ];
        if self.waited_ms > 0 {
            words.push(format!("{} of that was waiting", time(self.waited_ms)));
        }
        words
    }
}
