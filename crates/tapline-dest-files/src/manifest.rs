//! What readers follow: the manifest with the highest number says which files are the table.
//!
//! A manifest is never changed. The next one is put only if its number is free, which every disk
//! and every object store can do in one step. What an older manifest names and the newest does
//! not is superseded, and removed with the older manifest.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use tapline_core::{CommitKey, LastCommit, TableRef};
use uuid::Uuid;

use crate::columns::Columns;
use crate::destination::Format;
use crate::disk;
use crate::failure::{Failure, Result};
use crate::generation;
use crate::table::{Table, read, write};

/// Where the manifests of a table are.
const FOLDER: &str = "_manifest";
/// The version of everything this crate writes as JSON.
pub(crate) const VERSION: u32 = 1;
/// A manifest may be superseded between being listed and being read, but not for ever.
const TRIES: usize = 100;

/// One state of a table.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Manifest {
    pub(crate) version: u32,
    pub(crate) number: u64,
    /// The table as it is called; the folder's name may be another.
    pub(crate) table: TableRef,
    /// Who published it: `pipeline`, `run`, `generation`, `fence`.
    #[serde(flatten)]
    pub(crate) key: CommitKey,
    pub(crate) format: Format,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    /// The columns of the table. A file may lack some, and have narrower ones.
    pub(crate) schema: Columns,
    pub(crate) files: Vec<FileEntry>,
    /// The folders that belong to this state, with their logs.
    pub(crate) folders: Vec<String>,
    pub(crate) positions: Vec<Mark>,
}

/// A file with rows.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct FileEntry {
    /// Below the table's folder, parts separated by `/`.
    pub(crate) path: String,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    /// The request that brought it, where a file is one body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) request_id: Option<Uuid>,
}

/// How far a run had got with a slice.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Mark {
    #[serde(flatten)]
    pub(crate) commit: LastCommit,
    /// Whether its run was complete, so that nobody resumes it.
    pub(crate) published: bool,
}

impl Mark {
    /// Whether it is one of the run that `key` is about.
    pub(crate) fn is_of(&self, key: &CommitKey) -> bool {
        let own = &self.commit.key;
        own.run == key.run && own.pipeline == key.pipeline
    }
}

impl Manifest {
    /// The first state of a table: no rows.
    pub(crate) fn first(table: &TableRef, key: &CommitKey, format: Format) -> Self {
        Self {
            version: VERSION,
            number: 0,
            table: table.clone(),
            key: key.clone(),
            format,
            rows: 0,
            bytes: 0,
            schema: Columns::default(),
            files: Vec::new(),
            folders: Vec::new(),
            positions: Vec::new(),
        }
    }

    /// The state that readers see; `None` as long as nothing was published.
    pub(crate) fn highest(table: &Table) -> Result<Option<Self>> {
        for _ in 0..TRIES {
            let Some(number) = numbers(table)?.into_iter().max() else {
                return Ok(None);
            };
            let path = path(table, number);
            match read::<Self>(&path)? {
                Some(manifest) if manifest.version == VERSION => return Ok(Some(manifest)),
                Some(newer) => {
                    return Err(Failure::Corrupt {
                        path: path.display().to_string(),
                        text: format!("it has version {}, known: {VERSION}", newer.version),
                    });
                }
                None => {}
            }
        }
        Err(Failure::Corrupt {
            path: table.path(FOLDER).display().to_string(),
            text: "the manifests change faster than they can be read".to_owned(),
        })
    }

    pub(crate) fn add(&mut self, files: Vec<FileEntry>) {
        self.rows += files.iter().map(|file| file.rows).sum::<u64>();
        self.bytes += files.iter().map(|file| file.bytes).sum::<u64>();
        self.files.extend(files);
    }

    /// Makes this the state that readers see, as the successor of `number`.
    pub(crate) fn put_after(&mut self, number: u64, table: &Table) -> Result<()> {
        self.number = number + 1;
        disk::create_folder(&table.path(FOLDER))?;
        let path = path(table, self.number);
        if disk::put_if_absent(&path, |file| write(file, &path, self))? {
            return Ok(());
        }
        Err(Failure::Conflict {
            number: self.number,
        })
    }

    /// Removes what this state supersedes. The newest manifest is `self`.
    pub(crate) fn sweep(&self, table: &Table) -> Result<()> {
        disk::remove_drafts(&table.path(FOLDER))?;
        for number in numbers(table)?.into_iter().filter(|n| *n < self.number) {
            let path = path(table, number);
            let old = read::<Self>(&path)?;
            for folder in old.into_iter().flat_map(|old| old.folders) {
                if generation::is_one(&folder) && !self.folders.contains(&folder) {
                    disk::remove_folder(&table.path(folder))?;
                }
            }
            disk::remove_file(&path)?;
        }
        Ok(())
    }
}

fn path(table: &Table, number: u64) -> PathBuf {
    table.path(FOLDER).join(format!("{number:06}.json"))
}

fn numbers(table: &Table) -> Result<Vec<u64>> {
    let names = disk::names(&table.path(FOLDER))?;
    let number = |name: &String| name.strip_suffix(".json")?.parse().ok();
    Ok(names.iter().filter_map(number).collect())
}
