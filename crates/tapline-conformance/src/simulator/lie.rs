//! What can be wrong with an API, and which of it an API of some kind can do.

use super::scenario::{Drift, Mode, Paging, Scenario};
use super::trouble::Trouble;
use tapline_core::RecordOrder;

/// What is wrong with an API. A number is that of the request it happens to, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lie {
    /// More or fewer are announced than there are.
    WrongTotal(i64),
    /// The same, from a request on.
    TotalChanges(u64, i64),
    /// The next page is this page: A leads to A.
    RepeatToken(u64),
    /// The next page is the one before: A leads to B, B to A.
    TokenCycle(u64),
    /// The next page is the first.
    BackToStart(u64),
    /// The first page comes again and again.
    IgnoreOffset,
    /// The page holds the records of the one before, and leads on as ever.
    RepeatPage(u64),
    /// The records of a page are left out, as if they were not there.
    Withhold(u64),
    /// The same, and they are not counted either.
    Hide(u64),
    /// The last record of the page is left out.
    LoseLast(u64),
    /// The last record of the page is left out, and its first comes twice.
    Swap(u64),
    /// The page is empty, and what follows it is announced as ever.
    EmptyPage(u64),
    /// The answer is 204, without a body.
    NoContent(u64),
    /// The page has no next one, though there is more (where that is said).
    EarlyEnd(u64),
    /// The page begins with the last record of the one before.
    Overlap(u64),
    /// The records of the page come in the other order.
    Backwards(u64),
    /// Pages after so many records are empty.
    Cap(u64),
    /// The same, and the answer is an error.
    CapError(u64),
    /// Pages hold at most so many records, whatever is asked for.
    SmallPages(u64),
    /// Records are left out whose cursor is where the window starts.
    Boundary,
    /// Records are left out from before this percent of the cursors there are.
    Clamp(u64),
    /// What is shown is so many moments old.
    Stale(u64),
    /// A part of the stream is shown as empty.
    EmptyPart(u64),
    /// The records change at this request.
    Drift(u64, Drift),
    /// From here on, a column holds texts.
    Widen(u64),
    /// The next link leads to another host.
    ForeignNext(u64),
    /// The next token or link is larger than any that is kept.
    HugeNext(u64),
    /// Where the next token or link should be, there is an object.
    OddNext(u64),
    /// The answer has this status.
    Status(u64, u16),
    /// The answer is 429, and the transport has done what it can.
    TooMany(u64, Wait),
    /// There is no answer.
    NoAnswer(u64, Silence),
    /// The answer leads elsewhere: to another host, or in a circle.
    Redirect(u64, bool),
    /// The request arrives twice.
    Duplicate(u64),
    /// 200 with an error object.
    ErrorObject(u64),
    /// 200 with an HTML page.
    Html(u64),
    /// 200 without a body.
    EmptyBody(u64),
    /// The body ends in the middle, and nobody says so.
    CutBody(u64),
    /// The connection is reset in the middle of the body.
    ResetBody(u64),
    /// The body takes long.
    SlowBody(u64),
}

/// What an API that is asked too often says of waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wait {
    /// A while; the transport waits and has the answer then.
    Some,
    /// Nothing; the attempts are used up.
    Unsaid,
    /// Longer than any run may wait.
    Absurd,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Silence {
    /// Nobody listens.
    Refused,
    /// The name has no address.
    NoName,
    /// Nobody says anything.
    Timeout,
    /// The certificate is wrong.
    NoTls,
    /// The connection is reset before the body.
    Reset,
    /// The server has acted, and its answer is lost.
    Lost,
}

impl Silence {
    const ALL: [Self; 6] = [
        Self::Refused,
        Self::NoName,
        Self::Timeout,
        Self::NoTls,
        Self::Reset,
        Self::Lost,
    ];
}

impl Lie {
    /// The request it is told to; `None`: to several.
    pub(super) fn request(self) -> Option<u64> {
        match self {
            Self::WrongTotal(_)
            | Self::TotalChanges(..)
            | Self::IgnoreOffset
            | Self::Withhold(_) => None,
            Self::Hide(_) | Self::Cap(_) | Self::CapError(_) | Self::SmallPages(_) => None,
            Self::Boundary | Self::Clamp(_) | Self::Stale(_) | Self::EmptyPart(_) => None,
            // The count must be told with every page, or the next page would contradict it.
            Self::EarlyEnd(_) | Self::Widen(_) => None,
            Self::RepeatToken(n)
            | Self::TokenCycle(n)
            | Self::BackToStart(n)
            | Self::RepeatPage(n) => Some(n),
            Self::LoseLast(n) | Self::Swap(n) | Self::EmptyPage(n) | Self::NoContent(n) => Some(n),
            Self::Overlap(n) | Self::Backwards(n) | Self::Drift(n, _) => Some(n),
            Self::ForeignNext(n) | Self::HugeNext(n) | Self::OddNext(n) => Some(n),
            Self::Status(n, _) | Self::TooMany(n, _) | Self::NoAnswer(n, _) => Some(n),
            Self::Redirect(n, _) | Self::Duplicate(n) | Self::ErrorObject(n) | Self::Html(n) => {
                Some(n)
            }
            Self::EmptyBody(n) | Self::CutBody(n) | Self::ResetBody(n) | Self::SlowBody(n) => {
                Some(n)
            }
        }
    }

    /// Whether it is told to the request `number`.
    pub(super) fn is_told(self, number: u64) -> bool {
        match self {
            Self::IgnoreOffset => number > 1,
            Self::TotalChanges(n, _) | Self::Widen(n) => number >= n,
            lie => lie.request().is_none_or(|n| n == number),
        }
    }

    /// Whether it bends what pages hold or where they lead, so that what was given is not what there
    /// is. The others only keep a run from its end, or not even that.
    pub fn bends(self) -> bool {
        !matches!(
            self,
            Self::Status(..)
                | Self::TooMany(..)
                | Self::NoAnswer(..)
                | Self::Redirect(..)
                | Self::Duplicate(_)
                | Self::ErrorObject(_)
                | Self::Html(_)
                | Self::EmptyBody(_)
                | Self::CutBody(_)
                | Self::ResetBody(_)
                | Self::SlowBody(_)
                | Self::ForeignNext(_)
                | Self::HugeNext(_)
                | Self::OddNext(_)
                | Self::CapError(_)
                | Self::Widen(_)
        )
    }

    /// Whether all is as it should be but for the way in which it comes.
    pub(super) fn is_harmless(self) -> bool {
        matches!(
            self,
            Self::Widen(_) | Self::SlowBody(_) | Self::Duplicate(_) | Self::TooMany(_, Wait::Some)
        )
    }

    /// The kind of fault that it is, if it counts as one.
    pub(super) fn trouble(self) -> Option<Trouble> {
        use Trouble as T;
        Some(match self {
            Self::TotalChanges(..) => T::TotalChanges,
            Self::RepeatToken(_) => T::TokenLoop,
            Self::TokenCycle(_) => T::TokenCycle,
            Self::RepeatPage(_) => T::RepeatedPage,
            Self::EmptyPage(_) => T::EmptyPage,
            Self::Backwards(_) => T::CursorBackwards,
            Self::Drift(_, Drift::Insert) => T::TotalChanges,
            Self::Drift(..) => T::RecordMoves,
            Self::Widen(_) => T::SchemaChange,
            Self::Status(_, 500) => T::Status500,
            Self::Status(_, 503) => T::Status503,
            Self::Status(_, 401) => T::Status401,
            Self::Status(_, 403) => T::Status403,
            Self::Status(_, 404) => T::Status404,
            Self::TooMany(_, Wait::Some) => T::TooManyAndWait,
            Self::TooMany(_, Wait::Unsaid) => T::TooManyWithoutWait,
            Self::TooMany(_, Wait::Absurd) => T::TooManyAbsurdWait,
            Self::NoAnswer(_, silence) => match silence {
                Silence::Refused => T::ConnectRefused,
                Silence::NoName => T::DnsFailure,
                Silence::Timeout => T::ConnectTimeout,
                Silence::NoTls => T::TlsFailure,
                Silence::Reset => T::ResetBeforeBody,
                Silence::Lost => T::AnswerLost,
            },
            Self::Redirect(_, false) => T::RedirectRefused,
            Self::Redirect(_, true) => T::RedirectLoop,
            Self::Duplicate(_) => T::DuplicateDelivery,
            Self::ErrorObject(_) => T::OkErrorObject,
            Self::Html(_) => T::OkHtml,
            Self::CutBody(_) => T::TruncatedBody,
            Self::ResetBody(_) => T::ResetDuringBody,
            Self::SlowBody(_) => T::SlowBody,
            _ => return None,
        })
    }

    /// Whether it may leave nothing that contradicts it in the answers to one run.
    pub(super) fn is_silent(self, scenario: &Scenario) -> bool {
        // Of a window that holds too much, and of one that is not read to its end, the total says nothing.
        let is_counted = scenario.total && scenario.most.is_none() && !scenario.may_stop_early();
        match self {
            // What they leave out is not counted, or there is another record for each.
            Self::Hide(_) | Self::Swap(_) | Self::Boundary | Self::Clamp(_) | Self::Stale(_) => {
                true
            }
            Self::EmptyPart(_) | Self::Drift(..) => true,
            // The first answer says no total either.
            Self::NoContent(_) => true,
            // Nothing is there in the place of what they withhold.
            Self::Withhold(_) | Self::EmptyPage(_) | Self::Cap(_) => !is_counted,
            Self::EarlyEnd(_) | Self::Overlap(_) => !is_counted,
            // An offset that goes on by the page size shows where records are missing, unless it is the end.
            Self::LoseLast(_) => !is_counted,
            Self::SmallPages(_) => !is_counted && scenario.paging == Paging::Page,
            // The order is not looked at in a run that needs none.
            Self::Backwards(_) => {
                !scenario.follows() || scenario.cursor.order == RecordOrder::Unordered
            }
            Self::TotalChanges(..) | Self::WrongTotal(_) => !is_counted,
            _ => false,
        }
    }
}

impl Scenario {
    /// Whether a run may end before the last page, because what follows is known to be beyond its
    /// window. Totals are not looked at then.
    pub(super) fn may_stop_early(&self) -> bool {
        self.follows()
            && match self.cursor.order {
                RecordOrder::Unordered => false,
                RecordOrder::Ascending => !self.cursor.asks.1,
                RecordOrder::Descending => !self.cursor.asks.0,
            }
    }

    /// The lies about the request `n` that an API of this kind can tell.
    pub(super) fn lies(&self, n: u64, choice: u64) -> Vec<Lie> {
        let later = n.max(2);
        let off = 1 + (choice % 9).cast_signed();
        let off = if choice.is_multiple_of(2) { off } else { -off };
        let mut lies = vec![
            Lie::Withhold(n),
            Lie::Hide(n),
            Lie::LoseLast(n),
            Lie::EmptyPage(n),
            Lie::NoContent(n),
            Lie::Backwards(n),
            Lie::Widen(n),
            Lie::SlowBody(n),
            Lie::Duplicate(n),
            Lie::Drift(n, [Drift::Insert, Drift::Move][choice as usize % 2]),
        ];
        lies.extend(self.refusals(n, choice));
        if self.total {
            lies.extend([Lie::WrongTotal(off), Lie::TotalChanges(n, off)]);
        }
        if self.paging != Paging::None {
            lies.extend([Lie::Overlap(later), Lie::RepeatPage(later)]);
        }
        if self.paging.is_numbered() {
            lies.push(Lie::IgnoreOffset);
        }
        if self.paging == Paging::CountedPages {
            lies.push(Lie::EarlyEnd(n));
        }
        if self.paging.is_linked() {
            lies.extend([
                Lie::RepeatToken(n),
                Lie::TokenCycle(later),
                Lie::EarlyEnd(n),
                Lie::HugeNext(n),
            ]);
        }
        if matches!(self.paging, Paging::Pointer | Paging::LinkHeader) {
            lies.push(Lie::ForeignNext(n));
        }
        if self.mode == Mode::Incremental && self.cursor.asks.0 {
            lies.push(Lie::Boundary);
        }
        lies
    }

    /// Answers that are no page.
    fn refusals(&self, n: u64, choice: u64) -> Vec<Lie> {
        let status = [401, 403, 404, 500, 503][choice as usize % 5];
        let wait = [Wait::Some, Wait::Unsaid, Wait::Absurd][choice as usize % 3];
        let silence = Silence::ALL[choice as usize % 6];
        vec![
            Lie::Status(n, status),
            Lie::Status(n, status),
            Lie::TooMany(n, wait),
            Lie::TooMany(n, wait),
            Lie::NoAnswer(n, silence),
            Lie::NoAnswer(n, silence),
            Lie::Redirect(n, choice.is_multiple_of(2)),
            Lie::ErrorObject(n),
            Lie::Html(n),
            Lie::CutBody(n),
            Lie::ResetBody(n),
        ]
    }
}
