//! What a seed stands for: an API, how a pipeline reads it, and what happens run after run.

use tapline_core::{Boundary, RecordOrder};

use super::lie::Lie;
use super::trouble::Trouble;
use crate::faults::Fault;

/// One world, and what happens in it.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Where everything random comes from.
    pub seed: u64,
    /// What runs do to their table.
    pub mode: Mode,
    /// How the API pages.
    pub paging: Paging,
    /// Records the API has at the beginning.
    pub records: u64,
    /// Records asked for at once.
    pub page: u64,
    /// Parts that the stream is divided into; 0: it is not divided.
    pub parts: u64,
    /// Whether the API says how many records there are.
    pub total: bool,
    /// Records that the API gives for one question at most; as the spec says, too.
    pub most: Option<u64>,
    /// Whether its pages are often smaller than asked for (where the response leads on).
    pub ragged: bool,
    /// Whether the last records come with a token all the same, to an empty page.
    pub trailing: bool,
    /// Whether a token or link is refused in any run but the one that it was given to.
    pub forgetful: bool,
    /// How records are told apart by age.
    pub cursor: CursorUse,
    /// Whether the destination makes pages durable only some at a time.
    pub lazy: bool,
    /// Pieces and pages that are asked for at the same time.
    pub concurrency: usize,
    /// Records of the table that is there before the first run, if there is one.
    pub old: Option<u64>,
    /// What is expected of a run.
    pub expect: Expect,
    /// What happens, run after run. After that come runs to which nothing happens.
    pub acts: Vec<Act>,
}

/// What runs do to their table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    /// Each replaces it.
    FullLoad,
    /// Each adds all that there is.
    FullAppend,
    /// Each adds what is missing.
    Incremental,
}

/// How the API pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Paging {
    /// `offset` and `limit`.
    Offset,
    /// `page`, until an empty one.
    Page,
    /// `page`, and the response says how many there are.
    CountedPages,
    /// A next URL in the body.
    Pointer,
    /// A token in the body.
    Token,
    /// A next URL in a header.
    LinkHeader,
    /// Everything at once.
    None,
}

/// How records are told apart by age. Their cursors are whole numbers, or times in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CursorUse {
    /// Whether cursors are times.
    pub is_time: bool,
    /// In which order of the cursor the API gives its records.
    pub order: RecordOrder,
    /// Whether the newest record's own cursor is asked for again.
    pub boundary: Boundary,
    /// How far before the newest record an update starts.
    pub lookback: Option<u64>,
    /// How much of a window is asked for at once.
    pub slice: Option<u64>,
    /// Where a first run begins.
    pub start: Option<i64>,
    /// How long before the run a window ends, in seconds.
    pub lag: u64,
    /// Whether requests say where a window starts, and where it ends.
    pub asks: (bool, bool),
    /// Whether the API leaves out what is at the start of a window, as its spec says.
    pub excludes: bool,
    /// How far the API's clock is ahead of the runner's, in seconds.
    pub skew: i64,
}

/// What is expected of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Expect {
    /// Least number of records.
    pub min_records: Option<u64>,
    /// By how many percent they may be fewer than those of the run before.
    pub max_drop: Option<f64>,
    /// How far the newest record may lie back, in seconds.
    pub max_lag: Option<i64>,
}

/// One run, and what happens before it and to it.
#[derive(Clone, Copy, Debug)]
pub struct Act {
    /// What has changed at the API before.
    pub changes: Changes,
    /// What the run is asked for.
    pub ask: Ask,
    /// What is wrong with the API.
    pub lie: Option<Lie>,
    /// What happens to the run.
    pub mishap: Mishap,
}

/// What changes at the API between two runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// New records.
    pub inserts: u64,
    /// Records that get another version, and with it a new cursor.
    pub updates: u64,
    /// Records that come late: with a cursor in reach of the lookback.
    pub late: u64,
    /// Seconds that pass.
    pub seconds: u64,
}

/// What a run is asked for. Bounds are percents of the range of cursors that there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// What is new; in the other modes, everything.
    Update,
    /// What is missing.
    Backfill {
        /// From here on.
        from: Option<u64>,
        /// Before here.
        to: Option<u64>,
    },
    /// Exactly this.
    Explicit {
        /// From here on.
        from: Option<u64>,
        /// Before here.
        to: Option<u64>,
    },
}

/// What happens to a run, besides what the API does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mishap {
    /// Nothing.
    None,
    /// One call at a door fails, or the process dies in it.
    Door(Fault),
    /// A kind of fault strikes at a door of state or destination, after so many calls there that go
    /// well. Where nobody can know whether the call had its effect, the last says so.
    Trouble(Trouble, u64, bool),
    /// The process dies after so many steps, wherever it is.
    Kill(u64),
    /// The operator stops it after so many steps.
    Stop(u64),
    /// It may read only so many pages.
    Limit(u64),
    /// Its lease times out after so many steps, and another run begins while it goes on.
    Takeover(u64),
    /// It sleeps past its lease after so many steps, and wakes when another run is over.
    Pause(u64),
    /// The clock jumps or stands still after so many steps.
    Clock(Trouble, u64),
    /// A document of the state store was damaged before: the one of this number.
    Corrupt(u64),
}

impl Paging {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::Offset,
        Self::Page,
        Self::CountedPages,
        Self::Pointer,
        Self::Token,
        Self::LinkHeader,
        Self::None,
    ];

    /// Whether the response itself says where the next page is.
    pub fn is_linked(self) -> bool {
        matches!(self, Self::Pointer | Self::Token | Self::LinkHeader)
    }

    /// Whether a request says the number of its first record or of its page.
    pub fn is_numbered(self) -> bool {
        matches!(self, Self::Offset | Self::Page | Self::CountedPages)
    }
}

impl CursorUse {
    /// Whole numbers in ascending order, for all of which requests can ask.
    pub const PLAIN: Self = Self {
        is_time: false,
        order: RecordOrder::Ascending,
        boundary: Boundary::Closed,
        lookback: None,
        slice: None,
        start: None,
        lag: 0,
        asks: (true, true),
        excludes: false,
        skew: 0,
    };
}

impl Act {
    /// An update to which nothing happens, after nothing has changed.
    pub const PLAIN: Self = Self {
        changes: Changes {
            inserts: 0,
            updates: 0,
            late: 0,
            seconds: 0,
        },
        ask: Ask::Update,
        lie: None,
        mishap: Mishap::None,
    };
}

impl Scenario {
    /// An honest API of 4 pages, and one run to which nothing happens.
    pub fn plain(mode: Mode, paging: Paging) -> Self {
        Self {
            seed: 0,
            mode,
            paging,
            records: 11,
            page: 3,
            parts: 0,
            total: true,
            most: None,
            ragged: false,
            trailing: false,
            forgetful: false,
            cursor: CursorUse::PLAIN,
            lazy: false,
            concurrency: 1,
            old: (mode == Mode::FullLoad).then_some(2),
            expect: Expect::default(),
            acts: vec![Act::PLAIN],
        }
    }

    /// Whether runs follow the cursor: they remember it, or need it to read what is too large.
    pub(super) fn follows(&self) -> bool {
        self.mode == Mode::Incremental || self.most.is_some()
    }

    /// Whether a run can be gone on with, or another be under way, while records change in that way
    /// and none is lost for good.
    ///
    /// A position that names the last record stands it if the records are in order: what changes
    /// is given later, by this run or the next. A number of records or pages does not; nor does a total,
    /// which was of another moment.
    pub(super) fn stands(&self, change: Drift) -> bool {
        let (order, is_linked) = (self.cursor.order, self.paging.is_linked());
        match self.paging {
            Paging::None => !self.total,
            _ if !is_linked || order == RecordOrder::Unordered => false,
            _ if self.total => order == RecordOrder::Ascending && change == Drift::Insert,
            _ => true,
        }
    }
}

/// How the records change while they are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Drift {
    /// There is a new one.
    Insert,
    /// One gets another version, and a new place with it.
    Move,
    /// One is gone.
    Delete,
}
