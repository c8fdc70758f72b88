//! What is going on at one time in a run: pieces that are read, the page that is kept, the search for
//! more. There are as many readings as are asked for, and one writer; pages wait for it in the order
//! in which they came.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::Poll;

use futures::future::{BoxFuture, FutureExt};
use futures::stream::{FuturesUnordered, StreamExt};
use tapline_core::{
    Commit, Doors, Events, Finding, Page, Position, Result, RunEvent, SliceProgress, SliceStream,
};

use super::piece::Piece;
use super::reading::{Reading, Turn};
use super::shaping::Shaping;
use super::table::Table;
use crate::shape::Numbers;

/// The table that is written, and what happens to its rows before.
pub(super) struct Hand {
    pub(super) table: Table,
    pub(super) shaping: Shaping,
    pub(super) doors: Doors,
}

/// Something that has come to its end.
pub(super) enum Event {
    /// A page was read.
    Turn(Box<Turn>),
    /// More to read was found; `None`: there is no more.
    Found(SliceStream, Option<Result<Finding>>),
    /// A page was kept.
    Kept(Box<Hand>, Result<Kept>),
}

/// What was kept of a page.
pub(crate) struct Kept {
    pub(crate) seq: u64,
    /// Whether it would survive now; else it will with a later page, or with the publication.
    pub(crate) durable: bool,
    pub(crate) accepted: u64,
    pub(crate) rejected: u64,
    pub(crate) next: Option<Position>,
}

/// What a search has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    /// No slice.
    Nothing,
    /// Slices, of which nothing is to be asked.
    NothingNew,
    /// Something to read.
    Pieces,
}

/// All that is going on.
pub(super) struct Work {
    /// Readings whose next page is awaited, and the search.
    active: FuturesUnordered<BoxFuture<'static, Event>>,
    /// Pages that wait to be kept.
    ready: VecDeque<Turn>,
    keeping: Option<BoxFuture<'static, (Hand, Result<Kept>)>>,
    /// The writer, while it keeps nothing.
    hand: Option<Hand>,
    /// A reading that goes on once its page is kept, because that is too large for another beside it.
    waiting: Option<Reading>,
    /// Pieces that were found, and are not begun.
    pub(super) pieces: VecDeque<Piece>,
    /// What finds more of them, while it is not searching.
    search: Option<SliceStream>,
    /// Readings that are open.
    open: usize,
    /// What was found so far.
    found: Found,
}

impl Work {
    /// Nothing is going on yet.
    pub(super) fn new(found: SliceStream, hand: Hand) -> Self {
        Self {
            active: FuturesUnordered::new(),
            ready: VecDeque::new(),
            keeping: None,
            hand: Some(hand),
            waiting: None,
            pieces: VecDeque::new(),
            search: Some(found),
            open: 0,
            found: Found::Nothing,
        }
    }

    /// Lets `pieces` be read after those that were found before.
    pub(super) fn add(&mut self, pieces: Vec<Piece>) {
        self.found = match (self.found, pieces.is_empty()) {
            (Found::Pieces, _) | (_, false) => Found::Pieces,
            _ => Found::NothingNew,
        };
        self.pieces.extend(pieces);
    }

    /// Whether there are slices, and nothing in any of them can be new.
    pub(super) fn is_nothing_new(&self) -> bool {
        self.found == Found::NothingNew
    }

    /// Readings that are open.
    pub(super) fn open(&self) -> usize {
        self.open
    }

    /// Begins to read.
    pub(super) fn begin(&mut self, reading: Reading) {
        self.open += 1;
        self.go_on(reading);
    }

    fn go_on(&mut self, reading: Reading) {
        let turn = async move { Event::Turn(Box::new(reading.turn().await)) };
        self.active.push(turn.boxed());
    }

    /// Takes note that a reading is over.
    pub(super) fn end(&mut self) {
        self.open -= 1;
    }

    /// Looks for more to read, unless somebody does already, or there is no more.
    pub(super) fn search(&mut self) {
        if let Some(mut found) = self.search.take() {
            let search = async move {
                let finding = found.next().await;
                Event::Found(found, finding)
            };
            self.active.push(search.boxed());
        }
    }

    /// The search can go on with `found`.
    pub(super) fn found(&mut self, found: SliceStream) {
        self.search = Some(found);
    }

    /// Lets `turn` wait for the writer.
    pub(super) fn queue(&mut self, turn: Turn) {
        self.ready.push_back(turn);
    }

    /// What to take next: a page if the writer is free, or the end of a piece, which has nothing to keep.
    /// So the next piece is asked for while the last page of the one before is kept.
    pub(super) fn next_ready(&mut self) -> Option<Turn> {
        let is_end = self.ready.front()?.page.is_none();
        if self.hand.is_none() && !is_end {
            return None;
        }
        self.ready.pop_front()
    }

    /// Has the writer keep `page`, while `reading` goes on; after that, if the page is large.
    pub(super) fn keep(
        &mut self,
        reading: Reading,
        page: Page,
        progress: SliceProgress,
        events: &Events,
    ) {
        let is_large = is_large(&page);
        let slice = reading.piece.slice.partition.clone();
        let events = events.clone();
        if let Some(hand) = self.hand.take() {
            self.keeping = Some(keep(hand, slice, page, progress, events).boxed());
        }
        match is_large {
            true => self.waiting = Some(reading),
            false => self.go_on(reading),
        }
    }

    /// Takes the writer back, which has kept a page.
    pub(super) fn kept(&mut self, hand: Hand) {
        self.hand = Some(hand);
        if let Some(reading) = self.waiting.take() {
            self.go_on(reading);
        }
    }

    /// Waits for whatever comes to its end first; `None` if nothing is going on.
    pub(super) async fn next(&mut self) -> Option<Event> {
        poll_fn(|context| {
            if let Some(keeping) = &mut self.keeping
                && let Poll::Ready((hand, kept)) = keeping.poll_unpin(context)
            {
                self.keeping = None;
                return Poll::Ready(Some(Event::Kept(Box::new(hand), kept)));
            }
            match self.active.poll_next_unpin(context) {
                // Nothing but the writer is at work.
                Poll::Ready(None) if self.keeping.is_some() => Poll::Pending,
                polled => polled,
            }
        })
        .await
    }

    /// Gives everything up but the page at hand, and returns the writer.
    pub(super) async fn stop(self) -> (Option<Hand>, Option<Result<Kept>>) {
        drop((self.active, self.ready, self.waiting));
        match self.keeping {
            Some(keeping) => {
                let (hand, kept) = keeping.await;
                (Some(hand), Some(kept))
            }
            None => (self.hand, None),
        }
    }
}

/// Whether the rows of `page` leave no room for those of another.
fn is_large(page: &Page) -> bool {
    let sizes = page.batches.iter();
    let sizes = sizes.map(|batch| batch.records.get_array_memory_size());
    sizes.sum::<usize>() > crate::flight::LARGE
}

/// Hands a page to the destination, together with the position of the next one.
async fn keep(
    mut hand: Hand,
    slice: String,
    page: Page,
    progress: SliceProgress,
    events: Events,
) -> (Hand, Result<Kept>) {
    let kept = write(&mut hand, slice, page, progress, &events).await;
    (hand, kept)
}

async fn write(
    hand: &mut Hand,
    slice: String,
    page: Page,
    progress: SliceProgress,
    events: &Events,
) -> Result<Kept> {
    let mut rejects = page.rejects;
    let (shaping, numbers) = (&mut hand.shaping, Numbers::default());
    let shaped = shaping.apply(&hand.doors, page.batches, &numbers, &mut rejects);
    let batches = shaped.await?;
    let (seq, next) = (page.info.seq, page.info.next);
    let rejected = rejects.len() as u64;
    let commit = Commit {
        slice,
        seq,
        position: next.clone(),
        progress,
        request: page.info.request,
        rejects,
        settles: Vec::new(),
        raw: page.raw,
    };
    let changed = |change| events.emit(RunEvent::SchemaChanged { change });
    let receipt = hand.table.write(batches, commit, changed).await?;
    Ok(Kept {
        seq,
        durable: receipt.durable,
        accepted: receipt.accepted,
        rejected: rejected + receipt.rejected.len() as u64,
        next,
    })
}
