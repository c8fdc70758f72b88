//! A stream whose records are slices of another: read page by page, for one value of each record.
//!
//! The whole of it is read, whatever window its child is asked for: an old parent can have new
//! children. Its own verdict counts; what cannot be proved of the parent cannot be proved of the
//! child.

use std::collections::VecDeque;

use arrow_array::RecordBatch;
use futures::stream::{StreamExt, TryStreamExt};
use tapline_core::{
    EndSignal, Error, ErrorKind, Finding, PageStream, Result, ShortReason, SliceCounts,
    SliceStream, Source, UnknownReason, Verdict, Window, column,
};

use super::recent::Recent;
use super::{Choice, Step};
use crate::HttpSource;
use crate::field::Field;
use crate::verdict::{self, Judge};

/// What of a parent's records goes into a slice.
pub(super) struct Join {
    /// The path of the value.
    pub(super) key: String,
    /// Values in one slice.
    pub(super) batch: u64,
    /// What stands between them.
    pub(super) separator: String,
    /// Other parameters, and the paths of their values.
    pub(super) take: Vec<(String, String)>,
}

/// A parent that is read as far as its values are asked for.
pub(super) struct Parent {
    source: HttpSource,
    stream: String,
    join: Join,
    slices: SliceStream,
    reading: Option<Reading>,
    /// Values for a slice that is not full yet.
    draft: Vec<Choice>,
    ready: VecDeque<Choice>,
    rows: u64,
    /// Rows that have no value.
    without: u64,
    ended: SliceCounts,
    is_over: bool,
}

/// A slice of the parent itself.
struct Reading {
    pages: PageStream,
    judge: Judge,
    rejects: u64,
}

impl Parent {
    /// Nothing is asked yet.
    pub(super) fn new(source: HttpSource, stream: String, join: Join) -> Self {
        Self {
            slices: source.slices(&Window::ALL),
            source,
            stream,
            join,
            reading: None,
            draft: Vec::new(),
            ready: VecDeque::new(),
            rows: 0,
            without: 0,
            ended: SliceCounts::default(),
            is_over: false,
        }
    }

    /// The next value that is not in `recent`, or what is told of the search.
    ///
    /// # Errors
    /// The parent cannot be read, or no record of it has the value.
    pub(super) async fn next(&mut self, recent: &mut Recent) -> Result<Option<Step>> {
        loop {
            if let Some(choice) = self.ready.pop_front() {
                return Ok(Some(Step::Choice(choice)));
            }
            let found = match self.reading.take() {
                Some(reading) => self.read(reading, recent).await?,
                None => match self.slices.try_next().await? {
                    Some(finding) => self.begin(finding),
                    None if !self.draft.is_empty() => {
                        self.fill();
                        None
                    }
                    None => return Ok(self.end().map(Step::Aside)),
                },
            };
            if let Some(finding) = found {
                return Ok(Some(Step::Aside(finding)));
            }
        }
    }

    /// Opens a slice of the parent; whatever else was found is passed on.
    fn begin(&mut self, finding: Finding) -> Option<Finding> {
        match finding {
            Finding::Slice(_) if let Some(limit) = self.source.spent() => {
                self.doubt(Verdict::Short(limit))
            }
            Finding::Slice(slice) => {
                self.reading = Some(Reading {
                    pages: self.source.open(&slice, None),
                    judge: Judge::default(),
                    rejects: 0,
                });
                None
            }
            Finding::Doubt(verdict) => self.doubt(verdict),
            other => Some(other),
        }
    }

    /// Reads a page; or, after the last, says what is wrong with all of them.
    async fn read(&mut self, mut reading: Reading, recent: &mut Recent) -> Result<Option<Finding>> {
        match reading.pages.next().await {
            Some(Ok(page)) => {
                reading.judge.hear(&page.info.evidence);
                reading.rejects += page.rejects.len() as u64;
                for batch in &page.batches {
                    self.take(&batch.records, recent)?;
                }
                self.reading = Some(reading);
                return Ok(Some(Finding::Asked(Box::new(page.info))));
            }
            Some(Err(error)) => reading.judge.cut(error)?,
            None => {}
        }
        Ok(match (reading.judge.verdict(), reading.rejects) {
            (Verdict::Complete(EndSignal::Skipped), _) => {
                self.ended.skipped += 1;
                Some(Finding::Warning(format!(
                    "a slice of the parent stream `{}` was left out: a rule fits its answer",
                    self.stream
                )))
            }
            (Verdict::Complete(_), count @ 1..) => {
                self.doubt(Verdict::Short(ShortReason::Rejects { count }))
            }
            (verdict, _) => {
                self.ended.read += 1;
                self.doubt(verdict)
            }
        })
    }

    /// What `verdict` on the parent means for its child.
    fn doubt(&self, verdict: Verdict) -> Option<Finding> {
        let stream = self.stream.clone();
        let doubt = match verdict {
            Verdict::Complete(_) => return None,
            Verdict::Short(reason) => Verdict::Short(ShortReason::Parent {
                stream,
                reason: Box::new(reason),
            }),
            Verdict::Unknown(reason) => Verdict::Unknown(UnknownReason::Parent {
                stream,
                reason: Box::new(reason),
            }),
        };
        Some(Finding::Doubt(doubt))
    }

    /// Takes the values out of `records`.
    fn take(&mut self, records: &RecordBatch, recent: &mut Recent) -> Result<()> {
        let key = Field::of(records, &self.join.key);
        let taken = self.join.take.iter();
        let taken: Vec<_> = taken
            .map(|(name, path)| (name, Field::of(records, path)))
            .collect();
        let mut found = Vec::new();
        for row in 0..records.num_rows() {
            match key.text(row) {
                None => self.without += 1,
                Some(value) if recent.is_new(&value) => {
                    let value = value.into_owned();
                    let taken = taken.iter();
                    let taken = taken
                        .map(|(name, field)| {
                            (
                                (*name).clone(),
                                field.text(row).unwrap_or_default().into_owned(),
                            )
                        })
                        .collect();
                    found.push(Choice { value, taken });
                }
                Some(_) => {}
            }
        }
        self.rows += records.num_rows() as u64;
        if self.rows > 0 && self.without == self.rows {
            return Err(self.no_key(records));
        }
        for choice in found {
            self.draft.push(choice);
            if self.draft.len() as u64 >= self.join.batch {
                self.fill();
            }
        }
        Ok(())
    }

    /// Makes one value of those that wait.
    fn fill(&mut self) {
        let draft = std::mem::take(&mut self.draft);
        let separator = &self.join.separator;
        let joined = |texts: Vec<&str>| texts.join(separator);
        let names = self.join.take.iter().map(|(name, _)| name).enumerate();
        let taken = names.map(|(at, name)| {
            let values = draft.iter().map(|choice| choice.taken[at].1.as_str());
            (name.clone(), joined(values.collect()))
        });
        let taken = taken.collect();
        let values = draft.iter().map(|choice| choice.value.as_str());
        let value = joined(values.collect());
        self.ready.push_back(Choice { value, taken });
    }

    /// A key that no record has is a mistake, not an empty stream.
    fn no_key(&self, records: &RecordBatch) -> Error {
        let fields = records.schema_ref().fields().iter();
        let names: Vec<&str> = fields
            .map(|field| field.name().as_str())
            .filter(|name| !name.starts_with(column::PREFIX))
            .collect();
        Error::new(
            ErrorKind::Spec,
            "divide stream",
            format!(
                "no record of the parent stream `{}` has a value at `{}`; it has: {}",
                self.stream,
                self.join.key,
                names.join(", ")
            ),
        )
    }

    /// Says once, at the end, what is wrong with all of it, and which records made no slice.
    fn end(&mut self) -> Option<Finding> {
        if self.is_over {
            return None;
        }
        if self.without > 0 {
            let count = std::mem::take(&mut self.without);
            return Some(Finding::Warning(format!(
                "{count} of the records of the parent stream `{}` have no value at `{}`; nothing \
                 was asked for them",
                self.stream, self.join.key
            )));
        }
        self.is_over = true;
        self.doubt(verdict::of_all(self.ended))
    }
}
