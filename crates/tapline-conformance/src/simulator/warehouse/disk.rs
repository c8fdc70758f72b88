//! What a destination holds that survives a crash: tables, hidden generations, and how far each run
//! got. It keeps its books as the destination for SQLite does.

use std::collections::BTreeMap;

use tapline_core::{CommitKey, Error, ErrorKind, FoundTable, LastCommit, Result};
use uuid::Uuid;

use super::failed;
use crate::simulator::flaw::Flaw;

/// A row as readers see it: the number of a version, and the run that brought it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::simulator) struct Row {
    pub(in crate::simulator) serial: u64,
    pub(in crate::simulator) run: Uuid,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::simulator) struct Table {
    pub(in crate::simulator) rows: Vec<Row>,
    /// The fence of the run that filled it last.
    pub(in crate::simulator) fence: u64,
    /// Rows that were there when that run began.
    pub(in crate::simulator) kept: usize,
}

/// What survives a crash.
#[derive(Clone, Debug, Default)]
pub(in crate::simulator) struct Disk {
    /// The highest fence seen, by pipeline.
    fences: BTreeMap<String, u64>,
    /// Tables that readers see.
    visible: BTreeMap<String, Table>,
    /// Tables that are being filled, by pipeline, name and generation.
    hidden: BTreeMap<(String, String, u64), Table>,
    /// How far runs got, by pipeline, table, run and slice.
    commits: BTreeMap<(String, String, Uuid, String), Stored>,
}

/// A commit that was made.
#[derive(Clone, Debug)]
struct Stored {
    last: LastCommit,
    /// The one before it.
    before: Option<LastCommit>,
    is_published: bool,
}

/// Whose rows are written, and where they go.
pub(super) struct Owner<'a> {
    pub(super) key: &'a CommitKey,
    pub(super) table: &'a str,
    pub(super) replaces: bool,
}

impl Disk {
    /// A disk with `rows` in the table `name`.
    pub(in crate::simulator) fn with(name: &str, rows: Vec<Row>) -> Self {
        let table = Table {
            rows,
            ..Table::default()
        };
        Self {
            visible: BTreeMap::from([(name.to_owned(), table)]),
            ..Self::default()
        }
    }

    /// The table `name` as readers see it.
    pub(in crate::simulator) fn visible(&self, name: &str) -> Option<&Table> {
        self.visible.get(name)
    }

    /// Tables that nobody sees.
    pub(in crate::simulator) fn hidden(&self) -> impl Iterator<Item = &Table> {
        self.hidden.values()
    }

    /// Whether `run` was published.
    pub(in crate::simulator) fn is_published(&self, run: Uuid) -> bool {
        let mut stored = self.commits.values();
        stored.any(|stored| stored.last.key.run == run && stored.is_published)
    }

    /// What there is of the table `name`, and of earlier runs of `pipeline`.
    pub(super) fn find(&self, name: &str, pipeline: &str) -> FoundTable {
        FoundTable {
            is_there: self.visible.contains_key(name),
            fence: self.fences.get(pipeline).copied().unwrap_or(0),
        }
    }

    /// Refuses a fence lower than the highest seen, and remembers a higher one.
    pub(super) fn show_fence(&mut self, key: &CommitKey) -> Result<()> {
        let seen = self.fences.entry(key.pipeline.clone()).or_default();
        if key.fence < *seen {
            let message = format!("fence {} is lower than {seen}", key.fence);
            return Err(Error::new(ErrorKind::Locked, "commit", message));
        }
        *seen = key.fence;
        Ok(())
    }

    /// Opens the table `name` for a run.
    pub(super) fn begin(
        &mut self,
        name: &str,
        replaces: bool,
        key: &CommitKey,
        flaw: Option<Flaw>,
    ) {
        if flaw == Some(Flaw::ForgetsOthers) {
            self.commits.retain(|(_, _, run, _), _| *run == key.run);
        }
        let table = if replaces {
            self.drop_others(name, key, flaw);
            let place = (key.pipeline.clone(), name.to_owned(), key.generation);
            self.hidden.entry(place).or_default()
        } else {
            self.visible.entry(name.to_owned()).or_default()
        };
        table.fence = key.fence;
        table.kept = table.rows.len();
        if flaw == Some(Flaw::LosesKept) && replaces {
            table.rows.clear();
        }
    }

    /// Drops other generations of a table that is to be replaced: their runs are dead.
    fn drop_others(&mut self, name: &str, key: &CommitKey, flaw: Option<Flaw>) {
        if flaw == Some(Flaw::KeepsStale) {
            return;
        }
        let stale = |(pipeline, table, generation): &(String, String, u64)| {
            *pipeline == key.pipeline && table == name && *generation != key.generation
        };
        let dropped: Vec<_> = self
            .hidden
            .keys()
            .filter(|place| stale(place))
            .cloned()
            .collect();
        for place in dropped {
            self.hidden.remove(&place);
            self.commits.retain(|(pipeline, table, _, _), stored| {
                stored.is_published
                    || (pipeline, table) != (&place.0, &place.1)
                    || stored.last.key.generation != place.2
            });
        }
    }

    /// Number of the last page of `slice` that is stored. Appended rows are told apart by run, those
    /// of a hidden generation by its number.
    pub(super) fn last_seq(&self, owner: &Owner<'_>, slice: &str) -> Option<u64> {
        let stored = self.commits.iter();
        let same = stored.filter(|((pipeline, table, run, of), stored)| {
            *pipeline == owner.key.pipeline
                && table == owner.table
                && of == slice
                && stored.last.key.generation == owner.key.generation
                && match owner.replaces {
                    true => !stored.is_published,
                    false => *run == owner.key.run,
                }
        });
        same.map(|(_, stored)| stored.last.seq).max()
    }

    /// Adds rows.
    pub(super) fn add(&mut self, owner: &Owner<'_>, rows: &[Row]) -> Result<()> {
        let table = match owner.replaces {
            true => {
                let key = owner.key;
                let place = (key.pipeline.clone(), owner.table.to_owned(), key.generation);
                self.hidden.get_mut(&place)
            }
            false => self.visible.get_mut(owner.table),
        };
        let table = table.ok_or_else(|| failed("the table is gone"))?;
        table.rows.extend(rows);
        Ok(())
    }

    /// Stores how far a slice is.
    pub(super) fn record(&mut self, owner: &Owner<'_>, last: LastCommit) {
        let key = owner.key;
        let (pipeline, table) = (key.pipeline.clone(), owner.table.to_owned());
        let place = (pipeline, table, key.run, last.slice.clone());
        let before = self.commits.remove(&place).map(|stored| stored.last);
        self.commits.insert(
            place,
            Stored {
                last,
                before,
                is_published: false,
            },
        );
    }

    /// Shows what the run has written, and forgets how far it got: of a table that was replaced, how
    /// far any did.
    pub(super) fn publish(&mut self, owner: &Owner<'_>) -> Result<u64> {
        let key = owner.key;
        if owner.replaces {
            let place = (key.pipeline.clone(), owner.table.to_owned(), key.generation);
            let table = self.hidden.remove(&place);
            let table = table.ok_or_else(|| failed("the generation is gone"))?;
            self.visible.insert(owner.table.to_owned(), table);
        }
        let is_of = |pipeline: &str, table: &str| pipeline == key.pipeline && table == owner.table;
        self.commits.retain(|(pipeline, table, run, _), stored| {
            !is_of(pipeline, table) || !stored.is_published || *run == key.run
        });
        for ((pipeline, table, run, _), stored) in &mut self.commits {
            if is_of(pipeline, table) && (owner.replaces || *run == key.run) {
                stored.is_published = true;
            }
        }
        let rows = self.visible.get(owner.table);
        Ok(rows.map_or(0, |table| table.rows.len() as u64))
    }

    /// Forgets the run: its rows, if they are hidden, and how far it got.
    pub(super) fn abort(&mut self, owner: &Owner<'_>, shows: bool) {
        let key = owner.key;
        let place = (key.pipeline.clone(), owner.table.to_owned(), key.generation);
        let table = self.hidden.remove(&place);
        if let Some(table) = table.filter(|_| shows) {
            self.visible.insert(owner.table.to_owned(), table);
        }
        self.commits.retain(|(pipeline, table, run, _), stored| {
            let is_ours = match owner.replaces {
                true => stored.last.key.generation == key.generation,
                false => *run == key.run,
            };
            stored.is_published || *pipeline != key.pipeline || table != owner.table || !is_ours
        });
    }

    /// Makes the visible table vanish.
    pub(super) fn tear(&mut self, table: &str) {
        self.visible.remove(table);
    }

    /// The last commit of each slice of each generation that is not published. If several runs filled
    /// a generation, the one with the highest fence knows best; if several tables did, the one that
    /// got least far decides.
    pub(in crate::simulator) fn recover(&self, pipeline: &str, is_older: bool) -> Vec<LastCommit> {
        let mut best: BTreeMap<(u64, &str, &str), &Stored> = BTreeMap::new();
        for ((of, table, _, slice), stored) in &self.commits {
            if of != pipeline || stored.is_published {
                continue;
            }
            let place = (stored.last.key.generation, slice.as_str(), table.as_str());
            let known = best.entry(place).or_insert(stored);
            let far = |stored: &Stored| (stored.last.key.fence, stored.last.seq);
            if far(stored) > far(known) {
                *known = stored;
            }
        }
        let mut found: BTreeMap<(u64, &str), &Stored> = BTreeMap::new();
        for ((generation, slice, _), stored) in best {
            let known = found.entry((generation, slice)).or_insert(stored);
            if stored.last.seq < known.last.seq {
                *known = stored;
            }
        }
        let found = found.into_values();
        found
            .map(|stored| match &stored.before {
                Some(before) if is_older => LastCommit {
                    seq: stored.last.seq,
                    ..before.clone()
                },
                _ => stored.last.clone(),
            })
            .collect()
    }
}
