//! The lies, one a line.

use Paging::{CountedPages, LinkHeader, Offset, Page, Pointer, Token};
use tapline_conformance::simulator::{Drift, Lie, Paging, Silence, Wait};

use super::Shown::{Answers, Expected, Never, Total};
use super::World::{Cut, Later, Load, Parts, Update};
use super::{Row, Shown, World};

const ALL: (&str, &[Paging]) = ("all", &Paging::ALL);
const PAGED: (&str, &[Paging]) = (
    "all but NONE",
    &[Offset, Page, CountedPages, Pointer, Token, LinkHeader],
);
const NUMBERED: (&str, &[Paging]) = ("OFFSET, PAGE", &[Offset, Page, CountedPages]);
const LINKED: (&str, &[Paging]) = ("POINTER, TOKEN, LINK", &[Pointer, Token, LinkHeader]);
const URLS: (&str, &[Paging]) = ("POINTER, LINK", &[Pointer, LinkHeader]);
const IN_BODY: (&str, &[Paging]) = ("POINTER, TOKEN", &[Pointer, Token]);
const LED: (&str, &[Paging]) = (
    "PAGE counted, POINTER, TOKEN, LINK",
    &[CountedPages, Pointer, Token, LinkHeader],
);
const COUNTED: (&str, &[Paging]) = ("PAGE counted", &[CountedPages]);
const UNCOUNTED: (&str, &[Paging]) = (
    "all but PAGE counted and NONE",
    &[Offset, Page, Pointer, Token, LinkHeader],
);
const BY_OFFSET: (&str, &[Paging]) = ("OFFSET", &[Offset]);
const BY_PAGE: (&str, &[Paging]) = ("PAGE", &[Page]);
const NOT_BY_OFFSET: (&str, &[Paging]) = (
    "all but OFFSET",
    &[Page, CountedPages, Pointer, Token, LinkHeader, Paging::None],
);

const fn row(
    name: &'static str,
    lie: Lie,
    pagings: (&'static str, &'static [Paging]),
    world: World,
    shown: Shown,
) -> Row {
    Row {
        name,
        lie,
        pagings,
        world,
        shown,
    }
}

/// What the answers show.
pub(super) const SEEN: &[Row] = &[
    row(
        "a token or link leads to itself",
        Lie::RepeatToken(2),
        LINKED,
        Load,
        Answers,
    ),
    row(
        "two of them lead to each other",
        Lie::TokenCycle(3),
        LINKED,
        Load,
        Answers,
    ),
    row(
        "one leads back to the first page",
        Lie::BackToStart(2),
        LINKED,
        Load,
        Answers,
    ),
    row(
        "the offset or page number is ignored",
        Lie::IgnoreOffset,
        NUMBERED,
        Load,
        Answers,
    ),
    row(
        "a page comes twice, and leads on",
        Lie::RepeatPage(2),
        PAGED,
        Load,
        Answers,
    ),
    row(
        "a link leads to another host",
        Lie::ForeignNext(2),
        URLS,
        Load,
        Answers,
    ),
    row(
        "a token or link is larger than 64 KB",
        Lie::HugeNext(2),
        LINKED,
        Load,
        Answers,
    ),
    row(
        "an object stands where it should be",
        Lie::OddNext(2),
        IN_BODY,
        Load,
        Answers,
    ),
    row(
        "records out of the order that is said",
        Lie::Backwards(1),
        ALL,
        Update,
        Answers,
    ),
    row(
        "a page lacks its last record",
        Lie::LoseLast(2),
        BY_OFFSET,
        Load,
        Answers,
    ),
    row(
        "pages are smaller than asked for",
        Lie::SmallPages(2),
        BY_OFFSET,
        Load,
        Answers,
    ),
    row(
        "an error beyond some offset",
        Lie::CapError(6),
        NUMBERED,
        Load,
        Answers,
    ),
    row(
        "200 with an error object",
        Lie::ErrorObject(2),
        PAGED,
        Load,
        Answers,
    ),
    row("200 with HTML", Lie::Html(2), PAGED, Load, Answers),
    row(
        "200 without a body",
        Lie::EmptyBody(2),
        PAGED,
        Load,
        Answers,
    ),
    row(
        "a body that ends in the middle",
        Lie::CutBody(2),
        PAGED,
        Load,
        Answers,
    ),
    row(
        "a connection reset in the body",
        Lie::ResetBody(2),
        PAGED,
        Load,
        Answers,
    ),
    row(
        "404 in the middle",
        Lie::Status(2, 404),
        PAGED,
        Load,
        Answers,
    ),
    row(
        "401 in the middle",
        Lie::Status(2, 401),
        PAGED,
        Load,
        Answers,
    ),
    row(
        "500 in the middle",
        Lie::Status(2, 500),
        PAGED,
        Load,
        Answers,
    ),
    row(
        "429 to the last attempt",
        Lie::TooMany(2, Wait::Unsaid),
        PAGED,
        Load,
        Answers,
    ),
    row(
        "429 with an absurd wait",
        Lie::TooMany(2, Wait::Absurd),
        PAGED,
        Load,
        Answers,
    ),
    row(
        "a redirect to another host",
        Lie::Redirect(2, false),
        PAGED,
        Load,
        Answers,
    ),
    row(
        "no answer",
        Lie::NoAnswer(2, Silence::Timeout),
        PAGED,
        Load,
        Answers,
    ),
];

/// What only a total shows, where one is announced.
pub(super) const COUNTED_OUT: &[Row] = &[
    row(
        "the records of a page are withheld",
        Lie::Withhold(2),
        ALL,
        Load,
        Total,
    ),
    row("the same, after a cut", Lie::Withhold(2), PAGED, Cut, Total),
    row(
        "a page in the middle is empty",
        Lie::EmptyPage(2),
        PAGED,
        Load,
        Total,
    ),
    row("204 in the middle", Lie::NoContent(2), PAGED, Load, Total),
    row(
        "the end is said too early",
        Lie::EarlyEnd(2),
        LED,
        Load,
        Total,
    ),
    row(
        "fewer pages are announced than there are",
        Lie::EarlyEnd(3),
        COUNTED,
        Load,
        Total,
    ),
    row(
        "pages beyond some offset are empty",
        Lie::Cap(6),
        UNCOUNTED,
        Load,
        Total,
    ),
    row(
        "a page lacks its last record",
        Lie::LoseLast(1),
        NOT_BY_OFFSET,
        Load,
        Total,
    ),
    row(
        "pages are smaller than asked for",
        Lie::SmallPages(2),
        BY_PAGE,
        Load,
        Total,
    ),
];

/// What leaves no trace in the answers, whatever they announce.
pub(super) const SILENT: &[Row] = &[
    row(
        "204 in the place of all",
        Lie::NoContent(1),
        ALL,
        Load,
        Expected,
    ),
    row(
        "records are withheld and not counted",
        Lie::Hide(2),
        ALL,
        Load,
        Expected,
    ),
    row(
        "old records are withheld and not counted",
        Lie::Clamp(50),
        ALL,
        Load,
        Expected,
    ),
    row(
        "a part of the stream is shown as empty",
        Lie::EmptyPart(1),
        ALL,
        Parts,
        Expected,
    ),
    row(
        "what is shown is out of date",
        Lie::Stale(1),
        ALL,
        Later,
        Expected,
    ),
    row(
        "a record comes in the place of another",
        Lie::Swap(1),
        ALL,
        Load,
        Never,
    ),
    row(
        "a record moves to a page that was read",
        Lie::Drift(2, Drift::Move),
        NUMBERED,
        Load,
        Never,
    ),
    row(
        "a record that was read is deleted",
        Lie::Drift(2, Drift::Delete),
        NUMBERED,
        Load,
        Never,
    ),
    row(
        "records at the window's start are withheld",
        Lie::Boundary,
        ALL,
        Update,
        Never,
    ),
];

/// What is said although nothing is missing.
pub(super) const LOUD: &[Row] = &[
    row(
        "more records are announced than there are",
        Lie::WrongTotal(1),
        ALL,
        Load,
        Total,
    ),
    row("fewer are announced", Lie::WrongTotal(-1), ALL, Load, Total),
    row(
        "from some page on, more are announced",
        Lie::TotalChanges(2, 1),
        PAGED,
        Load,
        Total,
    ),
    row(
        "a page begins with the last record again",
        Lie::Overlap(2),
        PAGED,
        Load,
        Total,
    ),
    row("a column widens", Lie::Widen(2), PAGED, Load, Never),
];
