//! The power fails at every step of a full load, and nobody ever sees half of it.

use std::path::Path;
use std::sync::Arc;

use ::parquet::file::metadata::RowGroupMetaData;
use ::parquet::file::reader::{FileReader, SerializedFileReader};
use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use tapline_core::{
    Batch, Commit, CommitKey, Destination, Disposition, Inline, Position, RequestRecord, Result,
    SliceProgress, Still, TableRef,
};
use uuid::Uuid;

use crate::disk::{self, power};
use crate::manifest::Manifest;
use crate::table::Table;
use crate::{CommitEvery, FilesConfig, FilesDestination, Format};

fn config(path: &Path, format: Format, commit: CommitEvery) -> FilesConfig {
    FilesConfig {
        path: path.to_owned(),
        format,
        commit,
        clock: Arc::new(Still(jiff::Timestamp::UNIX_EPOCH)),
        compute: Arc::new(Inline),
    }
}

fn destination(path: &Path, commit: CommitEvery) -> FilesDestination {
    FilesDestination::open(config(path, Format::Jsonl, commit)).unwrap()
}

fn key(number: u64) -> CommitKey {
    CommitKey {
        pipeline: "p".into(),
        run: Uuid::from_u128(number.into()),
        generation: number,
        fence: number,
    }
}

fn page(seq: u64) -> Commit {
    Commit {
        slice: String::new(),
        seq,
        position: Some(Position::Offset(seq)),
        progress: SliceProgress::default(),
        request: RequestRecord {
            request_id: Uuid::nil(),
            method: "GET".into(),
            url: "http://h/".into(),
            status: 200,
            bytes: 2,
            attempts: 1,
            waited_ms: 0,
            duration_ms: 0,
            received_at: jiff::Timestamp::UNIX_EPOCH,
        },
        rejects: Vec::new(),
        settles: Vec::new(),
        raw: None,
    }
}

fn rows(ids: &[i64]) -> RecordBatch {
    let ids: ArrayRef = Arc::new(Int64Array::from(ids.to_vec()));
    RecordBatch::try_from_iter([("id", ids)]).unwrap()
}

/// Loads `pages` as run `number`; returns how many of them had a durable receipt.
async fn load(
    path: &Path,
    how: (CommitEvery, Disposition),
    number: u64,
    pages: &[&[i64]],
) -> (u64, Result<()>) {
    let (commit, disposition) = how;
    let destination = destination(path, commit);
    let mut durable = 0;
    let result = async {
        let schema = rows(&[]).schema();
        let table = TableRef::public("t");
        let key = key(number);
        let mut writer = destination.begin(&table, schema, disposition, key).await?;
        for (seq, ids) in (1..).zip(pages) {
            let batches = vec![Batch::insert(rows(ids))];
            if writer.write(batches, page(seq)).await?.durable {
                durable = seq;
            }
        }
        writer.publish().await.map(|_| ())
    };
    let result = result.await;
    (durable, result)
}

fn visible(path: &Path) -> Option<Vec<String>> {
    let table = Table::of(path, &TableRef::public("t"));
    let manifest = Manifest::highest(&table).unwrap()?;
    let read = |path: &String| std::fs::read_to_string(table.path(path)).unwrap();
    let texts: Vec<String> = manifest.files.iter().map(|file| read(&file.path)).collect();
    let lines: Vec<String> = texts.iter().flat_map(|text| text.lines()).map(id).collect();
    assert_eq!(manifest.rows, lines.len() as u64);
    Some(lines)
}

fn id(line: &str) -> String {
    line.replace("{\"id\":", "").replace('}', "")
}

/// Everything below the table's folder that holds rows, or may.
fn leftovers(path: &Path) -> Vec<String> {
    let table = Table::of(path, &TableRef::public("t"));
    let mut found = disk::names(&table.path("")).unwrap();
    found.retain(|name| !name.starts_with('_'));
    found.extend(disk::names(&table.path("_manifest")).unwrap());
    found
}

async fn cut_everywhere(commit: CommitEvery) -> usize {
    let how = || (commit, Disposition::Replace);
    for steps in 0.. {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        load(path, how(), 1, &[&[1, 2], &[3]]).await.1.unwrap();
        power(steps);
        let (durable, cut) = load(path, how(), 2, &[&[4], &[5], &[6]]).await;
        power(usize::MAX);

        let old = Some(vec!["1".into(), "2".into(), "3".into()]);
        let new = Some(vec!["4".into(), "5".into(), "6".into()]);
        let seen = visible(path);
        let recovered = destination(path, commit).recover("p").await.unwrap();
        let kept = recovered.first().map_or(0, |last| last.seq);
        assert!(seen == old || seen == new, "step {steps}: {seen:?}");
        assert!(seen == new || cut.is_err(), "step {steps}: {cut:?}");
        assert!(
            seen == new || kept >= durable,
            "step {steps}: {kept} of {durable}"
        );

        load(path, how(), 3, &[&[7]]).await.1.unwrap();
        assert_eq!(visible(path), Some(vec!["7".into()]), "step {steps}");
        assert_eq!(
            leftovers(path).len(),
            2,
            "step {steps}: {:?}",
            leftovers(path)
        );
        if cut.is_ok() {
            return steps;
        }
    }
    unreachable!("a load has an end")
}

#[tokio::test]
async fn a_cut_load_is_seen_whole_or_not_at_all_and_the_next_run_cleans_up() {
    let by_page = cut_everywhere(CommitEvery::Page).await;
    let by_group = cut_everywhere(CommitEvery::Group).await;
    assert!(
        by_group < by_page && by_group > 10,
        "{by_group} of {by_page}"
    );
}

/// Also a cut while the cut is mended: crashes come in pairs.
#[tokio::test]
async fn a_resumed_load_is_complete_wherever_both_runs_are_cut() {
    let how = || (CommitEvery::Page, Disposition::Replace);
    let pages: [&[i64]; 3] = [&[4], &[5], &[6]];
    // Every first step, and second ones all over the range.
    for (first, second) in (0..40).map(|first| (first, first * 7 % 41)) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        for steps in [first, second, usize::MAX] {
            power(steps);
            let run = load(path, how(), 2, &pages).await.1;
            power(usize::MAX);
            if run.is_ok() || visible(path).is_some() {
                break;
            }
        }
        let want = Some(vec!["4".to_owned(), "5".to_owned(), "6".to_owned()]);
        assert_eq!(visible(path), want, "cut at {first} and {second}");
    }
}

#[tokio::test]
async fn appended_rows_are_added_once_wherever_the_run_is_cut() {
    let how = || (CommitEvery::Page, Disposition::Append);
    for steps in 0.. {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        load(path, how(), 1, &[&[1]]).await.1.unwrap();
        power(steps);
        let (durable, cut) = load(path, how(), 2, &[&[2], &[3]]).await;
        power(usize::MAX);
        let seen = visible(path).unwrap();
        assert!(seen.len() as u64 > durable, "step {steps}: {seen:?}");
        assert!(["1", "2", "3"].iter().zip(&seen).all(|(a, b)| a == b));

        load(path, how(), 2, &[&[2], &[3]]).await.1.unwrap();
        let seen = visible(path).unwrap();
        assert_eq!(seen, ["1", "2", "3"], "step {steps}");
        if cut.is_ok() {
            break;
        }
    }
}

/// Rows of each row group of the only file of the table at `path`.
fn row_groups(path: &Path) -> Vec<i64> {
    let table = Table::of(path, &TableRef::public("t"));
    let manifest = Manifest::highest(&table).unwrap().unwrap();
    let [file] = &manifest.files[..] else {
        panic!("{} files", manifest.files.len());
    };
    let file = std::fs::File::open(table.path(&file.path)).unwrap();
    let reader = SerializedFileReader::new(file).unwrap();
    let groups = reader.metadata().row_groups().iter();
    groups.map(RowGroupMetaData::num_rows).collect()
}

#[tokio::test]
async fn a_large_page_ends_its_row_group_and_small_ones_share_it() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path(), Format::Parquet, CommitEvery::Group);
    let destination = FilesDestination::open(config).unwrap();
    let table = TableRef::public("t");
    let mut writer = destination
        .begin(&table, rows(&[]).schema(), Disposition::Replace, key(1))
        .await
        .unwrap();
    // As many as a row group takes, and 8 MB.
    let large: Vec<i64> = (0..1 << 20).collect();
    for (seq, ids) in (1..).zip([&large[..10], &large[..20], &large, &large[..30]]) {
        let batches = vec![Batch::insert(rows(ids))];
        let receipt = writer.write(batches, page(seq)).await.unwrap();
        assert_eq!((receipt.seq, receipt.durable), (seq, false));
    }
    writer.publish().await.unwrap();
    assert_eq!(row_groups(dir.path()), [1 << 20, 30, 30]);
}
