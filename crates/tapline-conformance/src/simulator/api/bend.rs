//! How a page is bent by a lie.

use super::asked::{Asked, Start};
use super::{Before, Page, SimApi};
use crate::simulator::lie::Lie;
use crate::simulator::records::FIRST;

/// Bends what is honest; whether that makes a difference.
pub(super) fn bend(
    page: &mut Page,
    lie: Lie,
    asked: &Asked,
    before: Option<&Before>,
    api: &SimApi,
) -> bool {
    let honest = page.clone();
    match lie {
        Lie::WrongTotal(off) | Lie::TotalChanges(_, off) => {
            page.total = page.total.saturating_add_signed(off);
        }
        Lie::RepeatToken(_) | Lie::TokenCycle(_) | Lie::BackToStart(_) | Lie::EarlyEnd(_) => {
            lead(page, lie, asked, before);
        }
        Lie::IgnoreOffset => page.items = first(asked, api),
        Lie::RepeatPage(_) => {
            if let Some(before) = before.filter(|before| !before.items.is_empty()) {
                page.items.clone_from(&before.items);
            }
        }
        Lie::LoseLast(_) => drop(page.items.pop()),
        Lie::Swap(_) => {
            if let [first, .., last] = page.items.as_mut_slice() {
                *last = *first;
            }
        }
        Lie::EmptyPage(_) | Lie::NoContent(_) => page.items.clear(),
        Lie::Overlap(_) => {
            let last = before.and_then(|before| before.items.last());
            if !page.items.is_empty() {
                page.items.splice(..0, last.copied());
            }
        }
        Lie::Backwards(_) => {
            page.items.reverse();
            let ats = |page: &Page| page.items.iter().map(|v| v.at).collect::<Vec<_>>();
            return ats(page) != ats(&honest);
        }
        Lie::SmallPages(most) => return api.scenario.page > most && !page.items.is_empty(),
        Lie::ForeignNext(_) | Lie::HugeNext(_) | Lie::OddNext(_) => return page.next.is_some(),
        Lie::CutBody(_) | Lie::ResetBody(_) | Lie::SlowBody(_) | Lie::TooMany(..) => return true,
        Lie::Widen(_) => return page.items.iter().any(|version| version.id % 5 == 4),
        // What the others do, they do to the list, or in the place of a page.
        _ => {}
    }
    *page != honest
}

/// Where a page leads that lies about it.
fn lead(page: &mut Page, lie: Lie, asked: &Asked, before: Option<&Before>) {
    match lie {
        Lie::RepeatToken(_) => page.next = Some(asked.start.rank()),
        Lie::TokenCycle(_) => {
            page.next = Some(before.map_or(FIRST, |before| before.start.rank()));
        }
        Lie::BackToStart(_) => page.next = Some(FIRST),
        Lie::EarlyEnd(n) => {
            page.pages = page.pages.min(n);
            page.next = None;
        }
        _ => {}
    }
}

/// The records of the first page.
fn first(asked: &Asked, api: &SimApi) -> Vec<crate::simulator::records::Version> {
    let start = Asked {
        window: asked.window,
        start: Start::Index(0),
    };
    api.page(&start, None).0.items
}
