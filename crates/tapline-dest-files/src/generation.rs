//! The folder that one run fills, and the log of its commits.
//!
//! A commit is a file in `_commits`: the files it added, the pages in them with their positions,
//! requests and rejects. It is put when the files are on the disk, so with it the rows are durable
//! and without it they are not there. A full load may be filled by several runs, each resuming
//! the one before.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use tapline_core::{Commit, CommitKey, KeptReject, LastCommit, LoadedPage, LoadedPages, RejectKey};

use crate::columns::Columns;
use crate::destination::Format;
use crate::disk;
use crate::failure::Result;
use crate::manifest::{FileEntry, Manifest, VERSION};
use crate::name;
use crate::table::{Table, read, write};

const COMMITS: &str = "_commits";
/// Begins the names of folders that hold a table's rows one day, or not at all.
const HIDDEN: &str = "generation-";
/// Begins the names of folders whose rows are added to the table with each commit.
const ADDED: &str = "run-";

/// Whose rows are meant.
#[derive(Clone, Debug)]
pub(crate) struct Owner {
    pub(crate) key: CommitKey,
    /// Whether the rows replace the table.
    pub(crate) replace: bool,
}

impl Owner {
    /// The name of the folder for the rows.
    pub(crate) fn folder(&self) -> String {
        let mine = mine(&self.key.pipeline);
        if self.replace {
            format!("{HIDDEN}{:06}{mine}", self.key.generation)
        } else {
            format!("{ADDED}{}{mine}", self.key.run)
        }
    }
}

/// Ends the names of a pipeline's folders.
fn mine(pipeline: &str) -> String {
    format!("~{}", name::hash(pipeline))
}

/// Whether `folder` can be the name of a run's folder; nothing else is ever removed.
pub(crate) fn is_one(folder: &str) -> bool {
    let known = folder.starts_with(HIDDEN) || folder.starts_with(ADDED);
    known && !folder.contains(['/', '\\'])
}

/// The folder that one run fills.
#[derive(Clone, Debug)]
pub(crate) struct Generation {
    pub(crate) name: String,
    path: PathBuf,
}

/// One commit, as it is logged.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Record {
    version: u32,
    #[serde(flatten)]
    pub(crate) key: CommitKey,
    /// What the files hold; `None` in what earlier versions wrote.
    #[serde(default)]
    format: Option<Format>,
    /// The columns of the table at that time.
    pub(crate) schema: Columns,
    pub(crate) files: Vec<FileEntry>,
    pub(crate) pages: Vec<Commit>,
}

impl Record {
    pub(crate) fn new(
        key: &CommitKey,
        format: Format,
        schema: &Columns,
        files: Vec<FileEntry>,
    ) -> Self {
        Self {
            version: VERSION,
            key: key.clone(),
            format: Some(format),
            schema: schema.clone(),
            files,
            pages: Vec::new(),
        }
    }
}

impl Generation {
    pub(crate) fn of(table: &Table, name: String) -> Self {
        Self {
            path: table.path(&name),
            name,
        }
    }

    pub(crate) fn create(&self) -> Result<()> {
        disk::create_folder(&self.path.join(COMMITS))
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.path.join(file)
    }

    /// What to log of `file`, before its rows are counted.
    pub(crate) fn entry(&self, file: &str) -> FileEntry {
        FileEntry {
            path: format!("{}/{file}", self.name),
            rows: 0,
            bytes: 0,
            request_id: None,
        }
    }

    pub(crate) fn remove(&self) -> Result<()> {
        disk::remove_folder(&self.path)
    }

    /// Logs `record` as the commit `number`.
    pub(crate) fn log(&self, number: u64, record: &Record) -> Result<()> {
        let path = self.path.join(COMMITS).join(format!("{number:06}.json"));
        disk::put(&path, |file| write(file, &path, record))?;
        Ok(())
    }

    /// Removes what a run that was cut had not finished.
    pub(crate) fn tidy(&self) -> Result<()> {
        disk::remove_drafts(&self.path)?;
        disk::remove_drafts(&self.path.join(COMMITS))
    }

    /// What the folder holds.
    pub(crate) fn progress(&self) -> Result<Progress> {
        let mut progress = Progress::default();
        self.each(|record| progress.add(record))?;
        Ok(progress)
    }

    /// Calls `see` with each commit, in their order.
    fn each(&self, mut see: impl FnMut(Record)) -> Result<()> {
        let folder = self.path.join(COMMITS);
        let names = disk::names(&folder)?;
        let number =
            |name: &String| Some((name.strip_suffix(".json")?.parse().ok()?, name.clone()));
        let mut logged: Vec<(u64, String)> = names.iter().filter_map(number).collect();
        logged.sort();
        for (_, name) in logged {
            if let Some(record) = read::<Record>(&folder.join(name))? {
                see(record);
            }
        }
        Ok(())
    }
}

/// All commits of a hidden generation, taken together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress {
    pub(crate) commits: u64,
    pub(crate) files: Vec<FileEntry>,
    /// The last commit of each slice.
    pub(crate) last: Vec<LastCommit>,
    /// What the files hold; `None` if they are not all of one kind.
    format: Option<Format>,
    /// The columns of the table, at each time that they were others.
    schemas: Vec<Columns>,
}

impl Progress {
    pub(crate) fn add(&mut self, record: Record) {
        let is_first = self.commits == 0;
        let formats = record.format.into_iter();
        let mut same = formats.filter(|format| is_first || self.format == Some(*format));
        self.format = same.next();
        self.commits += 1;
        self.files.extend(record.files);
        for page in record.pages {
            let commit = last_commit(&record.key, page);
            match self.last.iter_mut().find(|l| l.slice == commit.slice) {
                Some(last) => *last = commit,
                None => self.last.push(commit),
            }
        }
        if self.schemas.last() != Some(&record.schema) {
            self.schemas.push(record.schema);
        }
    }

    /// The columns that the commits know.
    pub(crate) fn schema(&self) -> Columns {
        let mut columns = Columns::default();
        for schema in &self.schemas {
            columns.join(schema);
        }
        columns
    }

    /// Whether readers can unite all files to a table with these columns.
    pub(crate) fn unites(&self, columns: &Columns) -> bool {
        self.schemas.iter().all(|schema| schema.unite(columns))
    }
}

pub(crate) fn last_commit(key: &CommitKey, page: Commit) -> LastCommit {
    LastCommit {
        key: key.clone(),
        slice: page.slice,
        seq: page.seq,
        position: page.position,
        progress: page.progress,
    }
}

/// The folders of `pipeline` in `table` that `current` does not name.
fn unpublished(
    table: &Table,
    pipeline: &str,
    current: Option<&Manifest>,
) -> Result<Vec<Generation>> {
    let ending = mine(pipeline);
    let names = disk::names(&table.path(""))?.into_iter();
    let found = names.filter(|name| {
        let named = current.is_some_and(|manifest| manifest.folders.contains(name));
        is_one(name) && name.ends_with(&ending) && !named
    });
    Ok(found.map(|name| Generation::of(table, name)).collect())
}

/// Removes what earlier runs of the pipeline left, except the folder `kept`. The caller has
/// shown the fence, so nobody else of this pipeline is at work.
pub(crate) fn drop_stale(
    table: &Table,
    pipeline: &str,
    current: Option<&Manifest>,
    kept: &str,
) -> Result<()> {
    let stale = unpublished(table, pipeline, current)?.into_iter();
    stale
        .filter(|generation| generation.name != kept)
        .try_for_each(|generation| generation.remove())?;
    // Rows that were added stay, but the run before this one may have been cut.
    let shown = current.into_iter().flat_map(|manifest| &manifest.folders);
    let last = shown.rev().find(|name| name.ends_with(&mine(pipeline)));
    last.map_or(Ok(()), |name| Generation::of(table, name.clone()).tidy())
}

/// How far runs of `pipeline` got with `table` without being complete. A hidden generation of files
/// of another `format` is not gone on with.
pub(crate) fn recover(table: &Table, pipeline: &str, format: Format) -> Result<Vec<LastCommit>> {
    let current = Manifest::highest(table)?;
    let mut found = Vec::new();
    for generation in unpublished(table, pipeline, current.as_ref())? {
        if generation.name.starts_with(HIDDEN) {
            let progress = generation.progress()?;
            let is_ours = progress.format == Some(format);
            found.extend(progress.last.into_iter().filter(|_| is_ours));
        }
    }
    let marks = current.into_iter().flat_map(|manifest| manifest.positions);
    let pending = marks.filter(|mark| !mark.published && mark.commit.key.pipeline == pipeline);
    found.extend(pending.map(|mark| mark.commit));
    Ok(found)
}

/// Rejects of `pipeline` in the folders that `table` has now, by their keys, after that of `after`.
pub(crate) fn rejects(
    table: &Table,
    pipeline: &str,
    after: Option<&RejectKey>,
    limit: usize,
) -> Result<Vec<KeptReject>> {
    let mut found: BTreeMap<RejectKey, KeptReject> = BTreeMap::new();
    let mut settled = BTreeSet::new();
    let folders = Manifest::highest(table)?.map(|manifest| manifest.folders);
    for name in folders.unwrap_or_default() {
        Generation::of(table, name).each(|record| {
            let run = record.key.run;
            for page in record.pages {
                settled.extend(page.settles);
                let (slice, seq, request_id) = (page.slice, page.seq, page.request.request_id);
                for reject in page.rejects {
                    let key = RejectKey {
                        run,
                        slice: slice.clone(),
                        seq,
                        index: reject.index,
                        form: reject.form,
                    };
                    let is_wanted = after.is_none_or(|after| key > *after);
                    if is_wanted && record.key.pipeline == pipeline {
                        let kept = KeptReject {
                            key: key.clone(),
                            request_id,
                            reason: reject.reason,
                            raw: reject.raw,
                        };
                        found.insert(key, kept);
                    }
                }
            }
        })?;
    }
    found.retain(|key, _| !settled.contains(key));
    Ok(found.into_values().take(limit).collect())
}

/// The pages that `pipeline` has loaded into the folders that `table` has now, and those that they were
/// made of.
pub(crate) fn pages(table: &Table, pipeline: &str) -> Result<LoadedPages> {
    let mut loaded = LoadedPages::default();
    let folders = Manifest::highest(table)?.map(|manifest| manifest.folders);
    for name in folders.unwrap_or_default() {
        Generation::of(table, name).each(|record| {
            let of = |page: &Commit| LoadedPage::of(record.key.run, &page.request);
            let ours = (record.key.pipeline == pipeline).then_some(&record.pages);
            for page in ours.into_iter().flatten().filter_map(of) {
                if !loaded.visible.contains(&page.run) {
                    loaded.visible.push(page.run);
                }
                loaded.pages.push(page);
            }
        })?;
    }
    Ok(loaded)
}
