//! The folder of one table: where things are in it, whose turn it is, and who is too late.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use tapline_core::{CommitKey, TableRef};

use crate::disk::{self, Draft};
use crate::failure::{Failure, Result};
use crate::name;

/// Begins the names of everything in a table's folder that holds no rows.
const LOCK: &str = "_lock";
const FENCES: &str = "_fences.json";

/// The folder of one table.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    folder: PathBuf,
}

/// The sole right to change a table, until it is dropped. The system takes it from the dead.
#[must_use]
pub(crate) struct Turn {
    _file: File,
}

impl Table {
    /// The folder of `table` below `root`, whatever the table is called.
    pub(crate) fn of(root: &Path, table: &TableRef) -> Self {
        let schema = root.join(name::component(&table.schema));
        Self {
            folder: schema.join(name::component(&table.name)),
        }
    }

    /// The tables that are there.
    pub(crate) fn all(root: &Path) -> Result<Vec<Self>> {
        let mut tables = Vec::new();
        for schema in disk::names(root)? {
            let schema = root.join(schema);
            let found = disk::names(&schema)?.into_iter();
            let folders = found.map(|name| schema.join(name));
            let ours = folders.filter(|folder| folder.join(LOCK).is_file());
            tables.extend(ours.map(|folder| Self { folder }));
        }
        Ok(tables)
    }

    pub(crate) fn create(&self) -> Result<()> {
        disk::create_folder(&self.folder)
    }

    pub(crate) fn path(&self, below: impl AsRef<Path>) -> PathBuf {
        self.folder.join(below)
    }

    /// Every change of a table starts by waiting for its turn and showing the fence: refuses one
    /// lower than the highest seen, and remembers a higher one.
    pub(crate) fn enter(&self, key: &CommitKey) -> Result<Turn> {
        let path = self.path(LOCK);
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(Failure::io("open", &path))?;
        file.lock().map_err(Failure::io("lock", &path))?;
        self.check_fence(key)?;
        Ok(Turn { _file: file })
    }

    fn check_fence(&self, key: &CommitKey) -> Result<()> {
        let path = self.path(FENCES);
        let mut fences: BTreeMap<String, u64> = read(&path)?.unwrap_or_default();
        let (seen, ours) = (fences.get(&key.pipeline).copied(), key.fence);
        match seen {
            Some(seen) if seen > ours => Err(Failure::Fenced { seen, ours }),
            Some(seen) if seen == ours => Ok(()),
            _ => {
                fences.insert(key.pipeline.clone(), ours);
                disk::put(&path, |file| write(file, &path, &fences))?;
                Ok(())
            }
        }
    }
}

/// The JSON document at `path`; `None` if there is none.
pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    let Some(bytes) = disk::read(path)? else {
        return Ok(None);
    };
    let document = serde_json::from_slice(&bytes).map_err(|error| Failure::Corrupt {
        path: path.display().to_string(),
        text: error.to_string(),
    })?;
    Ok(Some(document))
}

/// Writes a JSON document that people can read.
pub(crate) fn write(file: &mut Draft, path: &Path, document: &impl Serialize) -> Result<()> {
    serde_json::to_writer_pretty(&mut *file, document)
        .map_err(std::io::Error::from)
        .and_then(|()| file.write_all(b"\n"))
        .map_err(Failure::io("write", path))
}
