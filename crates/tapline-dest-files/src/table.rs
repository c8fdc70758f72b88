//! The folder of one table: where things are in it, whose turn it is, and who is too late.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tapline_core::{CommitKey, TableRef};

use crate::disk::{self, Draft};
use crate::failure::{Failure, Result};
use crate::name;

/// Begins the names of everything in a table's folder that holds no rows.
const LOCK: &str = "_lock";
const FENCES: &str = "_fences.json";

/// How often it is tried to begin a turn, and the pause after each time.
const TRIES: u32 = 6_000;
const PAUSE: Duration = Duration::from_millis(10);

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
        wait_for(&file, &path)?;
        self.check_fence(key)?;
        Ok(Turn { _file: file })
    }

    /// The highest fence that was seen for `pipeline`; 0 if none was.
    pub(crate) fn fence(&self, pipeline: &str) -> Result<u64> {
        let fences: BTreeMap<String, u64> = read(&self.path(FENCES))?.unwrap_or_default();
        Ok(fences.get(pipeline).copied().unwrap_or(0))
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

/// Locks `file`. A turn takes as long as a commit; whoever has it for much longer sleeps, and may do so
/// for ever.
fn wait_for(file: &File, path: &Path) -> Result<()> {
    for _ in 0..TRIES {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => thread::sleep(PAUSE),
            Err(TryLockError::Error(error)) => return Err(Failure::io("lock", path)(error)),
            Ok(()) => return Ok(()),
        }
    }
    Err(Failure::Busy {
        path: path.display().to_string(),
        waited: PAUSE * TRIES,
    })
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
