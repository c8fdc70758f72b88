//! A folder with tables, read back as any reader would: by the highest manifest.

use std::collections::HashMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::{DataType, Schema, TimeUnit};
use async_trait::async_trait;
use jiff::Timestamp;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;
use tapline_conformance::destination::{Subject, TextRows};
use tapline_core::{Clock, Destination, Inline, Result, TableRef};
use tapline_dest_files::{CommitEvery, FilesConfig, FilesDestination, Format};
use tempfile::TempDir;

/// A clock that a test sets.
#[derive(Clone, Default)]
pub(crate) struct Hand(Arc<AtomicU64>);

impl Hand {
    pub(crate) fn advance(&self, time: Duration) {
        let millis = u64::try_from(time.as_millis()).unwrap();
        self.0.fetch_add(millis, Ordering::Relaxed);
    }
}

#[async_trait]
impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    fn elapsed(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::Relaxed))
    }

    async fn sleep(&self, duration: Duration) {
        self.advance(duration);
    }
}

pub(crate) struct Place {
    pub(crate) dir: TempDir,
    pub(crate) clock: Hand,
    format: Format,
    commit: CommitEvery,
}

/// A row by column name; null is left out.
type Row = HashMap<String, String>;

impl Place {
    pub(crate) fn new(format: Format, commit: CommitEvery) -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
            clock: Hand::default(),
            format,
            commit,
        }
    }

    /// The folder of `table`, found by what its manifest says.
    pub(crate) fn folder(&self, table: &TableRef) -> Option<PathBuf> {
        let schemas = children(self.dir.path()).into_iter();
        let mut tables = schemas.flat_map(|schema| children(&schema));
        tables.find(|folder| {
            let wanted = serde_json::to_value(table).unwrap();
            newest(folder).is_some_and(|manifest| manifest["table"] == wanted)
        })
    }

    pub(crate) fn manifest(&self, table: &TableRef) -> Option<Value> {
        newest(&self.folder(table)?)
    }

    pub(crate) fn files(&self, table: &TableRef) -> Vec<PathBuf> {
        let Some(manifest) = self.manifest(table) else {
            return Vec::new();
        };
        let folder = self.folder(table).unwrap();
        let files = manifest["files"].as_array().unwrap().iter();
        files
            .map(|file| folder.join(file["path"].as_str().unwrap()))
            .collect()
    }

    fn read(&self, file: &PathBuf, rows: &mut Vec<Row>) {
        match self.format {
            Format::Parquet => {
                for batch in parquet(file) {
                    rows.extend((0..batch.num_rows()).map(|row| parquet_row(&batch, row)));
                }
            }
            Format::Jsonl => {
                let text = fs::read_to_string(file).unwrap();
                rows.extend(text.lines().map(json_row));
            }
            Format::Csv => rows.extend(csv(&fs::read_to_string(file).unwrap())),
            Format::Raw => panic!("bodies have no rows"),
        }
    }
}

/// What is in `folder`, by name.
pub(crate) fn children(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found
}

fn newest(table: &Path) -> Option<Value> {
    let newest = children(&table.join("_manifest")).pop()?;
    Some(serde_json::from_slice(&fs::read(newest).unwrap()).unwrap())
}

pub(crate) fn parquet(file: &PathBuf) -> Vec<RecordBatch> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(file).unwrap()).unwrap();
    builder.build().unwrap().map(|b| b.unwrap()).collect()
}

fn parquet_row(batch: &RecordBatch, row: usize) -> Row {
    let mut cells = Row::new();
    for (field, array) in batch.schema().fields().iter().zip(batch.columns()) {
        if array.is_valid(row) && *array.data_type() != DataType::Null {
            cells.insert(field.name().clone(), text(array, row));
        }
    }
    cells
}

fn text(array: &ArrayRef, row: usize) -> String {
    if let DataType::Timestamp(TimeUnit::Microsecond, Some(_)) = array.data_type() {
        let micros = array.as_primitive::<TimestampMicrosecondType>().value(row);
        return Timestamp::from_microsecond(micros).unwrap().to_string();
    }
    let options = FormatOptions::new();
    let formatter = ArrayFormatter::try_new(array, &options).unwrap();
    formatter.value(row).to_string()
}

fn json_row(line: &str) -> Row {
    let Value::Object(members) = serde_json::from_str(line).unwrap() else {
        panic!("{line}");
    };
    let cell = |(key, value)| match value {
        Value::Null => None,
        Value::String(text) => Some((key, text)),
        other => Some((key, other.to_string())),
    };
    members.into_iter().filter_map(cell).collect()
}

/// Rows of CSV in which a field that is empty and not quoted is null.
fn csv(text: &str) -> Vec<Row> {
    let mut lines: Vec<Vec<Option<String>>> = vec![vec![]];
    let mut letters = text.chars().peekable();
    while letters.peek().is_some() {
        let mut field = String::new();
        let is_quoted = letters.next_if_eq(&'"').is_some();
        if is_quoted {
            while let Some(letter) = letters.next() {
                if letter == '"' && letters.next_if_eq(&'"').is_none() {
                    break;
                }
                field.push(letter);
            }
        }
        while let Some(letter) = letters.next_if(|c| !matches!(c, ',' | '\n')) {
            assert!(!is_quoted, "{letter} after a quote");
            field.push(letter);
        }
        let value = (is_quoted || !field.is_empty()).then_some(field);
        lines.last_mut().unwrap().push(value);
        if letters.next() == Some('\n') {
            lines.push(vec![]);
        }
    }
    assert_eq!(lines.pop(), Some(vec![]), "the last line ends");
    let mut lines = lines.into_iter();
    let names: Vec<String> = lines.next().unwrap().into_iter().flatten().collect();
    let row = |line: Vec<Option<String>>| {
        assert_eq!(line.len(), names.len());
        let cells = names.iter().cloned().zip(line);
        cells
            .filter_map(|(name, cell)| Some((name, cell?)))
            .collect()
    };
    lines.map(row).collect()
}

#[async_trait]
impl Subject for Place {
    fn open(&self) -> Result<Arc<dyn Destination>> {
        let destination = FilesDestination::open(FilesConfig {
            path: self.dir.path().to_owned(),
            format: self.format,
            commit: self.commit,
            clock: Arc::new(self.clock.clone()),
            compute: Arc::new(Inline),
        })?;
        Ok(Arc::new(destination))
    }

    async fn rows(&self, table: &TableRef, schema: &Schema) -> Result<Option<TextRows>> {
        if self.manifest(table).is_none() {
            return Ok(None);
        }
        let mut rows = Vec::new();
        for file in self.files(table) {
            self.read(&file, &mut rows);
        }
        let names: Vec<&String> = schema.fields().iter().map(|field| field.name()).collect();
        let row = |row: Row| names.iter().map(|name| row.get(*name).cloned()).collect();
        Ok(Some(rows.into_iter().map(row).collect()))
    }
}
