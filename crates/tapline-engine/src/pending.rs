//! What a run that was cut leaves in the state store, so that a later one can go on with it: what it
//! was, and under which generation its rows are. How far it got stands with the rows.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tapline_core::{
    Error, ErrorKind, LastCommit, MarkKey, Position, Result, ShortReason, StateStore, TableRef,
    Window,
};
use uuid::Uuid;

use crate::run::Aim;
use crate::sync_mode::SyncMode;
use crate::verdict::Judge;

/// The namespace of the documents.
pub const PENDING: &str = "pending";
/// A number of records or pages leads to the same records only for so long.
const LASTS: SignedDuration = SignedDuration::from_hours(24);
/// A runner that has lost its lease can still store its document once, and remove it once.
const TRIES: usize = 3;

/// A run that is not over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pending {
    pub(crate) run: Uuid,
    pub(crate) generation: u64,
    /// Of the lease under which it was gone on with last.
    pub(crate) fence: u64,
    /// [`tapline_core::Source::fingerprint`] of what it reads.
    pub(crate) plan: String,
    pub(crate) table: TableRef,
    pub(crate) sync_mode: SyncMode,
    pub(crate) aim: Aim,
    /// All that is to be read.
    pub(crate) window: Window,
    /// When that was decided.
    pub(crate) began: Timestamp,
    /// Whether there was no table then: rows make one, under no contract.
    #[serde(default)]
    pub(crate) makes_table: bool,
}

impl Pending {
    /// Why a run that is `wanted` cannot go on with this one, which got as far as `left`.
    pub(crate) fn hindrance(
        &self,
        wanted: &Self,
        left: &[LastCommit],
        now: Timestamp,
    ) -> Option<&'static str> {
        let hindrances = [
            (
                self.plan != wanted.plan,
                "the spec, its parameters, its secrets or the pipeline's `schema` are not the same any more",
            ),
            (self.table != wanted.table, "it filled another table"),
            (
                self.sync_mode != wanted.sync_mode
                    && !(self.sync_mode.remembers() && wanted.sync_mode.remembers()),
                "it had another sync mode",
            ),
            (
                !self.aim.is_same(&wanted.aim),
                "it was asked for another window, or for the same in another way",
            ),
            (
                left.iter().any(is_refuted),
                "what it had read was not all there was",
            ),
            (
                left.iter().any(|last| is_stale(last, left, now)),
                "it was cut more than 24 hours ago, and by now its pages may hold other records",
            ),
        ];
        let mut hindrances = hindrances.into_iter();
        hindrances.find_map(|(hinders, reason)| hinders.then_some(reason))
    }
}

impl Pending {
    /// Fails if `other` is a run under a higher fence.
    pub(crate) fn check_newest(&self, other: Option<&Self>) -> Result<()> {
        match other {
            Some(other) if other.fence > self.fence => {
                let message = format!(
                    "another run of the pipeline has begun since, with the fence {}",
                    other.fence
                );
                Err(Error::new(ErrorKind::Locked, "begin", message))
            }
            _ => Ok(()),
        }
    }
}

/// Whether the pages up to `last` lack records, as far as they show. Those that the source has not
/// given are read in other pieces.
fn is_refuted(last: &LastCommit) -> bool {
    if let Some(ShortReason::Capped { .. }) = last.progress.short {
        return false;
    }
    let is_over = last.position.is_none();
    let verdict = || Judge::from(last.progress.clone()).verdict();
    last.progress.short.is_some() || (is_over && !verdict().is_complete())
}

/// Whether `last` leads to a number, and nothing was read for too long.
fn is_stale(last: &LastCommit, left: &[LastCommit], now: Timestamp) -> bool {
    let newest = left.iter().map(|last| last.progress.at).max();
    let age = newest.map(|newest| now.duration_since(newest));
    let is_number = matches!(last.position, Some(Position::Offset(_) | Position::Page(_)));
    is_number && age > Some(LASTS)
}

/// The place of one pipeline's document. There is nothing to remove a document with: one that says
/// `null` is none.
pub(crate) struct Slot {
    key: String,
    version: Option<u64>,
}

impl Slot {
    /// The place of `key`, and what is there. A document of another version of tapline is none.
    pub(crate) async fn read(
        state: &dyn StateStore,
        key: &MarkKey,
    ) -> Result<(Self, Option<Pending>)> {
        let key = key.key();
        let mut slot = Self { key, version: None };
        let pending = slot.refresh(state).await?;
        Ok((slot, pending))
    }

    async fn refresh(&mut self, state: &dyn StateStore) -> Result<Option<Pending>> {
        let found = state.get(PENDING, &self.key).await?;
        self.version = found.as_ref().map(|document| document.version);
        Ok(found.and_then(|document| serde_json::from_value(document.value).ok()))
    }

    /// Stores `pending` in the place of what runs under lower fences may still store.
    ///
    /// # Errors
    /// A run under a higher fence has stored its own: this one has lost its lease.
    pub(crate) async fn claim(&mut self, state: &dyn StateStore, pending: &Pending) -> Result<()> {
        for _ in 1..TRIES {
            match self.write(state, Some(pending)).await {
                Err(error) if error.kind() == ErrorKind::Conflict => {}
                done => return done,
            }
            pending.check_newest(self.refresh(state).await?.as_ref())?;
        }
        self.write(state, Some(pending)).await
    }

    /// Removes the document, unless another run has stored its own since.
    pub(crate) async fn clear(&mut self, state: &dyn StateStore) -> Result<()> {
        self.write(state, None).await
    }

    async fn write(&mut self, state: &dyn StateStore, pending: Option<&Pending>) -> Result<()> {
        let value = pending.map(serde_json::to_value).transpose();
        let value = value.unwrap_or_default().unwrap_or(Value::Null);
        let put = state.put(PENDING, &self.key, &value, self.version);
        self.version = Some(put.await?);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tapline_core::{CommitKey, Cursor, EndSignal, SliceProgress};

    use super::*;
    use crate::run::Asks;

    fn pending() -> Pending {
        Pending {
            run: Uuid::nil(),
            generation: 3,
            fence: 3,
            plan: "a".to_owned(),
            table: TableRef::public("t"),
            sync_mode: SyncMode::FullLoad,
            aim: Aim::ALL,
            window: Window::ALL,
            began: Timestamp::UNIX_EPOCH,
            makes_table: false,
        }
    }

    fn last(position: Option<Position>, progress: SliceProgress) -> LastCommit {
        LastCommit {
            key: CommitKey {
                pipeline: "p".to_owned(),
                run: Uuid::nil(),
                generation: 3,
                fence: 3,
            },
            slice: String::new(),
            seq: 2,
            position,
            progress,
        }
    }

    #[track_caller]
    fn check(wanted: &Pending, left: LastCommit, expected: Option<&str>) {
        let now = Timestamp::constant(100_000, 0);
        let found = pending().hindrance(wanted, &[left], now);
        match (found, expected) {
            (None, None) => {}
            (Some(found), Some(expected)) if found.contains(expected) => {}
            _ => panic!("{found:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn only_the_same_run_is_gone_on_with() {
        let at = |second| SliceProgress {
            at: Timestamp::constant(second, 0),
            ..SliceProgress::default()
        };
        let token = || last(Some(Position::Token("x".to_owned())), at(0));
        let same = pending();
        check(&same, token(), None);
        let other = |change: fn(&mut Pending)| {
            let mut other = pending();
            change(&mut other);
            other
        };
        check(&other(|p| p.plan.push('b')), token(), Some("the spec"));
        let table = other(|p| p.table.name.push('b'));
        check(&table, token(), Some("another table"));
        let mode = other(|p| p.sync_mode = SyncMode::FullAppend);
        check(&mode, token(), Some("another sync mode"));
        let window = |is_given| Aim::Window {
            window: Window {
                start: None,
                end: Some(Cursor::Timestamp(Timestamp::UNIX_EPOCH)),
            },
            is_given,
            cursor: None,
            asks: Asks::default(),
        };
        let given = Pending {
            aim: window(true),
            ..pending()
        };
        check(&given, token(), Some("another window"));
        // The window of a run that nobody asked for ends when it begins.
        let later = Pending {
            aim: window(false),
            ..pending()
        };
        check(&later, token(), None);

        check(&same, last(Some(Position::Page(3)), at(13_700)), None);
        let old = last(Some(Position::Page(3)), at(13_500));
        check(&same, old, Some("24 hours"));
    }

    #[test]
    fn what_is_known_to_lack_records_is_not_gone_on_with() {
        let refuted = Some("not all there was");
        let ended = |total| SliceProgress {
            read: 3,
            total,
            end: Some(EndSignal::NoNext),
            ..SliceProgress::default()
        };
        check(&pending(), last(None, ended(Some(3))), None);
        check(&pending(), last(None, ended(Some(4))), refuted);
        let short = SliceProgress {
            short: Some(ShortReason::RepeatedPosition),
            ..SliceProgress::default()
        };
        let token = Position::Token("x".to_owned());
        check(&pending(), last(Some(token), short), refuted);
        let capped = SliceProgress {
            short: Some(ShortReason::Capped { most: 10 }),
            ..ended(Some(20))
        };
        check(&pending(), last(None, capped), None);
    }
}
