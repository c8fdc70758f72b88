//! Bugs that are planted behind the doors: a simulator that does not find them is worth nothing.

/// A bug in a destination, a state store or an API. Bugs of runners are planted by whoever makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// The destination accepts a lower fence.
    IgnoresFence,
    /// The old table is dropped before the new one is in its place.
    TornPublication,
    /// What is forgotten is shown.
    ShowsAborted,
    /// Hidden tables of dead runs stay.
    KeepsStale,
    /// A receipt is given for the third page, and the page is not kept.
    LosesPage,
    /// What is not durable yet is left out of the publication.
    PublishesEarly,
    /// A generation that is gone on with has lost its rows, though not its position.
    LosesKept,
    /// The position becomes durable before the rows do.
    PositionFirst,
    /// A flush forgets what it is to make durable.
    LosesFlush,
    /// A flush makes nothing durable before the publication does.
    DefersFlush,
    /// What is recovered is the position before the last.
    OlderPosition,
    /// A publication adds the last page once more.
    PublishesTwice,
    /// Positions are kept under one name for all slices.
    MixesSlices,
    /// A run that appends forgets how far others have got.
    ForgetsOthers,
    /// The state store takes a document whatever version was expected.
    IgnoresVersion,
    /// The same fence is given to everybody.
    SameFence,
    /// The rows with the newest cursor are forgotten.
    ForgetsTies,
    /// The newest cursor is remembered as one larger.
    MarksTooFar,
    /// Everything before the newest cursor is remembered as complete.
    CoversTooMuch,
    /// Marks are taken, and not stored.
    LosesMarks,
    /// The API leaves out the records whose cursor is where a window starts.
    WithholdsBoundary,
}

impl Flaw {
    /// Every one.
    pub const ALL: [Self; 21] = [
        Self::IgnoresFence,
        Self::TornPublication,
        Self::ShowsAborted,
        Self::KeepsStale,
        Self::LosesPage,
        Self::PublishesEarly,
        Self::LosesKept,
        Self::PositionFirst,
        Self::LosesFlush,
        Self::DefersFlush,
        Self::OlderPosition,
        Self::PublishesTwice,
        Self::MixesSlices,
        Self::ForgetsOthers,
        Self::IgnoresVersion,
        Self::SameFence,
        Self::ForgetsTies,
        Self::MarksTooFar,
        Self::CoversTooMuch,
        Self::LosesMarks,
        Self::WithholdsBoundary,
    ];
}
