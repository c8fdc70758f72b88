//! One piece that is being read: its pages, what they prove, and which of their rows are wanted.

use arrow_array::RecordBatch;
use futures::stream::StreamExt;
use tapline_core::{
    CursorType, EndSignal, Error, ErrorKind, Page, PageStream, RawPage, Result, Resume,
    ShortReason, SliceProgress, Source, Verdict, column,
};

use super::piece::Piece;
use crate::cursor::CursorTracker;
use crate::field::Field;
use crate::verdict::Judge;
use crate::window::WindowSettings;

/// A piece, and how far it is.
pub(super) struct Reading {
    pub(super) piece: Piece,
    pages: PageStream,
    judge: Judge,
    tracker: Option<CursorTracker>,
    /// Whether it goes on from a page of an earlier process.
    pub(super) is_resumed: bool,
    /// Records that were wanted, those of earlier processes included.
    wanted: u64,
    /// Whether its last page was the last that is wanted.
    is_over: bool,
}

/// A reading, and the page it has brought: `None` after the last.
pub(super) struct Turn {
    pub(super) reading: Reading,
    pub(super) page: Option<Result<Page>>,
}

/// What is to be done with a page.
pub(super) enum Step {
    /// Its rows are kept, and the reading goes on.
    Keep,
    /// It has no rows left: the piece holds more than the source gives for one question, so it is to
    /// be read in two.
    Split,
}

impl Reading {
    /// Opens `piece` where an earlier process has left it, or at its beginning.
    pub(super) fn open(
        source: &dyn Source,
        piece: Piece,
        left: Option<(Resume, SliceProgress)>,
        cursor: Option<&WindowSettings>,
    ) -> Self {
        let (from, progress) = left.map_or((None, SliceProgress::default()), |(from, progress)| {
            (Some(from), progress)
        });
        Self {
            is_resumed: from.is_some(),
            pages: source.open(&piece.slice, from),
            tracker: cursor.map(|cursor| piece.tracker(cursor, &progress)),
            wanted: progress.wanted,
            judge: progress.into(),
            is_over: false,
            piece,
        }
    }

    /// Waits for the next page.
    pub(super) async fn turn(mut self) -> Turn {
        let page = match self.is_over {
            true => None,
            false => self.pages.next().await,
        };
        Turn {
            reading: self,
            page,
        }
    }

    /// Whether this process has read a page of it.
    pub(super) fn has_begun(&self) -> bool {
        self.judge.has_heard()
    }

    /// Takes note of what `page` proves, and leaves only the rows in it that are wanted. Returns how
    /// many it has left out, and what is to be done with the page. A piece that is too
    /// large can be asked for in two if `splits` names the type of its cursor.
    ///
    /// # Errors
    /// No record has the cursor.
    pub(super) fn hear(
        &mut self,
        page: &mut Page,
        splits: Option<CursorType>,
    ) -> Result<(u64, Step)> {
        let most = self.judge.is_beyond(&page.info.evidence);
        if let Some((most, cursor_type)) = most.zip(splits)
            && self.piece.halves(most, cursor_type).is_some()
        {
            self.judge.split(most);
            (page.batches, page.rejects) = (Vec::new(), Vec::new());
            page.raw = page.raw.take().map(|_| RawPage::default());
            self.stop_at(page);
            return Ok((0, Step::Split));
        }
        let skipped = self.follow(page)?;
        self.wanted += wanted(page, self.tracker.is_some());
        self.judge.hear(&page.info.evidence);
        if self.judge.is_full() {
            self.stop_at(page);
        }
        Ok((skipped, Step::Keep))
    }

    /// Nothing after `page` is asked for, by this process or another.
    fn stop_at(&mut self, page: &mut Page) {
        self.is_over = true;
        page.info.next = None;
    }

    fn follow(&mut self, page: &mut Page) -> Result<u64> {
        let Some(tracker) = &mut self.tracker else {
            return Ok(0);
        };
        let before = tracker.counts().skipped;
        let mut has_passed = false;
        let mut before_this = 0;
        for batch in &mut page.batches {
            check_cursor(&batch.records, tracker.path())?;
            let (records, shown) = tracker.take(batch.records.clone())?;
            if let Some(raw) = &mut page.raw {
                let left_out = shown.left_out.iter();
                raw.left_out.extend(left_out.map(|row| before_this + row));
                before_this += records.num_rows() as u64 + shown.left_out.len() as u64;
            }
            batch.records = records;
            let evidence = &mut page.info.evidence;
            has_passed |= shown.passed;
            if let Some(reason) = shown.backwards {
                evidence.short.get_or_insert(reason);
            }
        }
        let skipped = tracker.counts().skipped - before;
        let evidence = &mut page.info.evidence;
        if has_passed && evidence.end.is_none() && evidence.short.is_none() {
            evidence.end = Some(EndSignal::WindowPassed);
            self.stop_at(page);
        }
        Ok(skipped)
    }

    /// Takes into account that `error` ended the piece, if that says something of its pages.
    ///
    /// # Errors
    /// It says nothing of them.
    pub(super) fn cut(&mut self, error: Error) -> Result<()> {
        self.judge.cut(error)
    }

    /// What is known of it now that a page has come that arrived at that time.
    pub(super) fn progress(&self, page: &Page) -> SliceProgress {
        let progress = self.judge.progress(page.info.request.received_at);
        SliceProgress {
            wanted: self.wanted,
            window: Some(self.piece.slice.window.clone()),
            newest: self.piece.newest.clone(),
            ..self.with_cursor(progress)
        }
    }

    fn with_cursor(&self, progress: SliceProgress) -> SliceProgress {
        match &self.tracker {
            None => progress,
            Some(tracker) => SliceProgress {
                seen: tracker.seen().cloned(),
                ties: tracker.ties().clone(),
                ..progress
            },
        }
    }

    /// How the rows that it has brought go by its cursor.
    pub(super) fn tracker(&self) -> Option<&CursorTracker> {
        self.tracker.as_ref()
    }

    /// What all of it proves, and what it has seen.
    pub(super) fn end(self) -> (Piece, Verdict, SliceProgress) {
        let progress = self.with_cursor(self.judge.progress(jiff::Timestamp::UNIX_EPOCH));
        (self.piece, self.judge.verdict(), progress)
    }
}

/// The records of `page` that are wanted. Where rows are left out, only rows can be counted.
pub(super) fn wanted(page: &Page, is_followed: bool) -> u64 {
    match is_followed {
        true => page.batches.iter().map(|batch| batch.rows() as u64).sum(),
        false => page.info.evidence.records,
    }
}

/// A cursor that no record can have is a mistake, and not the same as records without one.
fn check_cursor(records: &RecordBatch, path: &str) -> Result<()> {
    let rows = records.num_rows();
    if rows == 0 || Field::of(records, path).is_there(rows) {
        return Ok(());
    }
    let fields = records.schema_ref().fields().iter();
    let names: Vec<&str> = fields
        .map(|field| field.name().as_str())
        .filter(|name| !name.starts_with(column::PREFIX))
        .collect();
    Err(Error::new(
        ErrorKind::Spec,
        "follow cursor",
        format!(
            "no record has a value at `{path}`, the cursor; they have: {}",
            names.join(", ")
        ),
    ))
}

/// Whether a piece that ended with `verdict` has more than the source gives for one question.
pub(super) fn is_capped(verdict: &Verdict) -> Option<u64> {
    match verdict {
        Verdict::Short(ShortReason::Capped { most }) => Some(*most),
        _ => None,
    }
}
