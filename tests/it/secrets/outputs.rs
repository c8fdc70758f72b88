//! What runs have left below a folder: every file as it is, and what databases and Parquet files
//! hold, which may lie in pieces or compressed there.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use arrow_cast::display::{ArrayFormatter, FormatOptions};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};

use super::search;

/// What in a folder is no leak.
#[derive(Debug, Default)]
pub(crate) struct Exceptions {
    /// Files that the test wrote.
    pub(crate) inputs: Vec<PathBuf>,
    /// Whether rows of tables, which are what a source sends, may hold secrets.
    pub(crate) rows: bool,
}

/// Searches all files below `folder`.
pub(crate) fn search_folder(folder: &Path, exceptions: &Exceptions) -> Result<(), String> {
    for entry in fs::read_dir(folder).unwrap() {
        let (path, kind) = entry
            .map(|entry| (entry.path(), entry.file_type().unwrap()))
            .unwrap();
        let name = path.file_name().unwrap().to_string_lossy();
        search(name.as_bytes()).map_err(|leak| format!("the name {}: {leak}", path.display()))?;
        if exceptions.inputs.contains(&path) {
            continue;
        }
        if kind.is_dir() {
            search_folder(&path, exceptions)?;
        } else if kind.is_file() {
            search_file(&path, exceptions).map_err(|leak| format!("{}: {leak}", path.display()))?;
        }
    }
    Ok(())
}

fn search_file(path: &Path, exceptions: &Exceptions) -> Result<(), String> {
    let is = |extension: &str| path.extension() == Some(extension.as_ref());
    if [std::env::consts::DLL_EXTENSION].into_iter().any(is) {
        // Copies of libraries, which were built before there was any secret.
        return Ok(());
    }
    let name = path.to_string_lossy();
    let database = name.trim_end_matches("-wal").trim_end_matches("-shm");
    let holds_rows = is_database(Path::new(database)) && !name.contains(".tapline")
        || name.contains("/generation-");
    let bytes = fs::read(path).unwrap();
    if !(holds_rows && exceptions.rows) {
        search(&bytes)?;
    }
    if bytes.starts_with(SQLITE) {
        search_database(path, exceptions)?;
    }
    if is("parquet") && !exceptions.rows {
        search_parquet(path)?;
    }
    Ok(())
}

const SQLITE: &[u8] = b"SQLite format 3\0";

fn is_database(path: &Path) -> bool {
    fs::read(path).is_ok_and(|bytes| bytes.starts_with(SQLITE))
}

/// Long texts lie on several pages, so that the file alone does not show them.
fn search_database(path: &Path, exceptions: &Exceptions) -> Result<(), String> {
    let database = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let tables = "select name from sqlite_master where type = 'table'";
    let mut tables = database.prepare(tables).unwrap();
    let names = tables.query_map([], |row| row.get(0)).unwrap();
    for name in names {
        let name: String = name.unwrap();
        if !(exceptions.rows && is_rows(&name)) {
            search_table(&database, &name).map_err(|leak| format!("table {name}: {leak}"))?;
        }
    }
    Ok(())
}

/// Whether a table holds what the source has sent.
fn is_rows(table: &str) -> bool {
    let ours = table.starts_with("_tapline_") && !table.starts_with("_tapline_gen_");
    !ours || table == "_tapline_rejects"
}

fn search_table(database: &Connection, name: &str) -> Result<(), String> {
    let sql = format!("select * from \"{}\"", name.replace('"', "\"\""));
    let mut select = database.prepare(&sql).unwrap();
    let columns = select.column_count();
    let mut rows = select.query([]).unwrap();
    while let Some(row) = rows.next().unwrap() {
        for column in 0..columns {
            if let ValueRef::Text(cell) | ValueRef::Blob(cell) = row.get_ref(column).unwrap() {
                search(cell)?;
            }
        }
    }
    Ok(())
}

fn search_parquet(path: &Path) -> Result<(), String> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap());
    for batch in reader.unwrap().build().unwrap() {
        let batch = batch.unwrap();
        // Times are no texts, and their zones are not known here.
        let columns = batch.columns().iter();
        for column in columns.filter(|column| !column.data_type().is_temporal()) {
            let options = FormatOptions::default();
            let texts = ArrayFormatter::try_new(column.as_ref(), &options).unwrap();
            for row in 0..batch.num_rows() {
                search(texts.value(row).to_string().as_bytes())?;
            }
        }
    }
    Ok(())
}
