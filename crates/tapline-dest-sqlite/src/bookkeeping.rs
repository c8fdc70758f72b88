//! What is stored beside the rows, in the same transaction: the fence, the position of each
//! slice, the log of requests and the rejects.

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use tapline_core::{
    Commit, CommitKey, KeptReject, LastCommit, LoadedPage, Position, RejectForm, RejectKey,
    SliceProgress,
};
use uuid::Uuid;

use crate::failure::{Failure, Result};

/// The log of requests is kept whatever becomes of the run: it is how one finds out why.
const TABLES: &str = "
CREATE TABLE IF NOT EXISTS _tapline_fences (
    pipeline TEXT PRIMARY KEY, fence INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS _tapline_generations (
    hidden TEXT PRIMARY KEY, pipeline TEXT NOT NULL, table_name TEXT NOT NULL,
    generation INTEGER NOT NULL, child TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS _tapline_stages (
    table_name TEXT PRIMARY KEY, staged TEXT NOT NULL, settings TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS _tapline_commits (
    pipeline TEXT NOT NULL, table_name TEXT NOT NULL, run_id TEXT NOT NULL, slice TEXT NOT NULL,
    generation INTEGER NOT NULL, seq INTEGER NOT NULL, position TEXT, fence INTEGER NOT NULL,
    published INTEGER NOT NULL DEFAULT 0, progress TEXT NOT NULL DEFAULT '{}',
    PRIMARY KEY (pipeline, table_name, run_id, slice)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS _tapline_requests (
    run_id TEXT NOT NULL, pipeline TEXT NOT NULL, table_name TEXT NOT NULL, slice TEXT NOT NULL,
    seq INTEGER NOT NULL, request_id TEXT NOT NULL, method TEXT NOT NULL, url TEXT NOT NULL,
    status INTEGER NOT NULL, bytes INTEGER NOT NULL, attempts INTEGER NOT NULL,
    waited_ms INTEGER NOT NULL, duration_ms INTEGER NOT NULL, received_at TIMESTAMP NOT NULL
);
CREATE INDEX IF NOT EXISTS _tapline_requests_by_id ON _tapline_requests (request_id);
CREATE TABLE IF NOT EXISTS _tapline_rejects (
    run_id TEXT NOT NULL, pipeline TEXT NOT NULL, table_name TEXT NOT NULL, slice TEXT NOT NULL,
    seq INTEGER NOT NULL, request_id TEXT NOT NULL, record INTEGER NOT NULL,
    reason TEXT NOT NULL, raw TEXT NOT NULL, form TEXT NOT NULL DEFAULT 'record'
);
";

const PROGRESS: &str =
    "ALTER TABLE _tapline_commits ADD COLUMN progress TEXT NOT NULL DEFAULT '{}'";
const FORM: &str = "ALTER TABLE _tapline_rejects ADD COLUMN form TEXT NOT NULL DEFAULT 'record'";
const CHILD: &str = "ALTER TABLE _tapline_generations ADD COLUMN child TEXT NOT NULL DEFAULT ''";

/// Whose commits are meant.
#[derive(Clone, Debug)]
pub(crate) struct Owner {
    pub(crate) key: CommitKey,
    /// The table as the pipeline names it, not the hidden one.
    pub(crate) table: String,
    /// The schema of the table and its child tables, as the pipeline names it.
    pub(crate) schema: String,
    /// Whether a resumed generation is one with the run that began it.
    pub(crate) replace: bool,
}

pub(crate) fn create_tables(connection: &Connection) -> Result<()> {
    connection.execute_batch(TABLES)?;
    let mut added = ADDED.iter();
    added.try_for_each(|(table, column, add)| add_column(connection, table, column, add))
}

/// Columns that files of earlier versions lack: of which table, and how they are added.
const ADDED: [(&str, &str, &str); 3] = [
    ("_tapline_commits", "progress", PROGRESS),
    ("_tapline_rejects", "form", FORM),
    ("_tapline_generations", "child", CHILD),
];

/// Adds a column that files of earlier versions lack.
fn add_column(connection: &Connection, table: &str, column: &str, add: &str) -> Result<()> {
    let lacks = "SELECT NOT EXISTS (SELECT 1 FROM pragma_table_info(?1) WHERE name = ?2)";
    if !connection.query_row(lacks, [table, column], |row| row.get(0))? {
        return Ok(());
    }
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    // Another process may have been quicker.
    if transaction.query_row(lacks, [table, column], |row| row.get(0))? {
        transaction.execute_batch(add)?;
    }
    Ok(transaction.commit()?)
}

/// The highest fence that was seen for `pipeline`.
pub(crate) fn fence(connection: &Connection, pipeline: &str) -> Result<Option<u64>> {
    let sql = "SELECT fence FROM _tapline_fences WHERE pipeline = ?1";
    let mut statement = connection.prepare_cached(sql)?;
    let seen = statement.query_row([pipeline], |row| unsigned(row, 0));
    Ok(seen.optional()?)
}

/// Refuses a fence lower than the highest seen for the pipeline, and remembers a higher one.
pub(crate) fn check_fence(connection: &Connection, key: &CommitKey) -> Result<()> {
    match fence(connection, &key.pipeline)? {
        Some(seen) if seen > key.fence => Err(Failure::Fenced {
            seen,
            ours: key.fence,
        }),
        Some(seen) if seen == key.fence => Ok(()),
        _ => {
            connection.execute(
                "INSERT INTO _tapline_fences VALUES (?1, ?2)
                 ON CONFLICT (pipeline) DO UPDATE SET fence = excluded.fence",
                params![key.pipeline, signed(key.fence)],
            )?;
            Ok(())
        }
    }
}

/// Whether any run has published `table`.
pub(crate) fn has_published(connection: &Connection, table: &str) -> Result<bool> {
    let sql =
        "SELECT EXISTS (SELECT 1 FROM _tapline_commits WHERE table_name = ?1 AND published = 1)";
    Ok(connection.query_row(sql, [table], |row| row.get(0))?)
}

/// Number of the last page of `slice` that is stored.
///
/// Appended rows are told apart by run. A hidden generation may be filled by several runs, each
/// resuming the one before, so there the generation decides, as long as it is hidden: a state
/// store that was lost counts its generations anew, over those that were published.
pub(crate) fn last_seq(connection: &Connection, owner: &Owner, slice: &str) -> Result<Option<u64>> {
    let sql = "SELECT max(seq) FROM _tapline_commits
               WHERE pipeline = ?1 AND table_name = ?2 AND slice = ?3 AND generation = ?4
               AND CASE WHEN ?5 THEN published = 0 ELSE run_id = ?6 END";
    let key = &owner.key;
    let parameters = params![
        key.pipeline,
        owner.table,
        slice,
        signed(key.generation),
        owner.replace,
        key.run.to_string()
    ];
    let last: Option<i64> = connection
        .prepare_cached(sql)?
        .query_row(parameters, |row| row.get(0))?;
    Ok(last.map(i64::cast_unsigned))
}

/// Stores the position, the request and the rejects of `commit`.
pub(crate) fn record(connection: &Connection, owner: &Owner, commit: &Commit) -> Result<()> {
    record_position(connection, owner, commit)?;
    record_request(connection, owner, commit)?;
    record_rejects(connection, owner, commit)?;
    settle(connection, owner, commit)
}

fn record_position(connection: &Connection, owner: &Owner, commit: &Commit) -> Result<()> {
    let position = commit.position.as_ref().map(serde_json::to_string);
    let position = position.transpose().map_err(not_json("position"))?;
    let progress = serde_json::to_string(&commit.progress).map_err(not_json("progress"))?;
    let mut statement = connection.prepare_cached(
        "INSERT INTO _tapline_commits VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0, ?9)
         ON CONFLICT (pipeline, table_name, run_id, slice) DO UPDATE SET
             generation = excluded.generation, seq = excluded.seq, position = excluded.position,
             fence = excluded.fence, published = 0, progress = excluded.progress",
    )?;
    statement.execute(params![
        owner.key.pipeline,
        owner.table,
        owner.key.run.to_string(),
        commit.slice,
        signed(owner.key.generation),
        signed(commit.seq),
        position,
        signed(owner.key.fence),
        progress,
    ])?;
    Ok(())
}

pub(crate) fn not_json(what: &'static str) -> impl FnOnce(serde_json::Error) -> Failure {
    move |error| Failure::Corrupt {
        what,
        text: error.to_string(),
    }
}

fn record_request(connection: &Connection, owner: &Owner, commit: &Commit) -> Result<()> {
    let request = &commit.request;
    let mut statement = connection.prepare_cached(
        "INSERT INTO _tapline_requests
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
    )?;
    statement.execute(params![
        owner.key.run.to_string(),
        owner.key.pipeline,
        owner.table,
        commit.slice,
        signed(commit.seq),
        request.request_id.to_string(),
        request.method,
        request.url,
        request.status,
        signed(request.bytes),
        request.attempts,
        signed(request.waited_ms),
        signed(request.duration_ms),
        format!("{:.6}", request.received_at),
    ])?;
    Ok(())
}

fn record_rejects(connection: &Connection, owner: &Owner, commit: &Commit) -> Result<()> {
    if commit.rejects.is_empty() {
        return Ok(());
    }
    let mut statement = connection.prepare_cached(
        "INSERT INTO _tapline_rejects VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?;
    for reject in &commit.rejects {
        statement.execute(params![
            owner.key.run.to_string(),
            owner.key.pipeline,
            owner.table,
            commit.slice,
            signed(commit.seq),
            commit.request.request_id.to_string(),
            signed(reject.index),
            reject.reason,
            reject.raw,
            reject.form.name(),
        ])?;
    }
    Ok(())
}

/// Forgets the rejects that `commit` has made rows of.
fn settle(connection: &Connection, owner: &Owner, commit: &Commit) -> Result<()> {
    let mut statement = connection.prepare_cached(
        "DELETE FROM _tapline_rejects WHERE pipeline = ?1 AND table_name = ?2 AND run_id = ?3
         AND slice = ?4 AND seq = ?5 AND record = ?6 AND form = ?7",
    )?;
    for key in &commit.settles {
        statement.execute(params![
            owner.key.pipeline,
            owner.table,
            key.run.to_string(),
            key.slice,
            signed(key.seq),
            signed(key.index),
            key.form.name(),
        ])?;
    }
    Ok(())
}

/// Rejects of a pipeline and a table, by their keys, after that of `after`.
pub(crate) fn rejects(
    connection: &Connection,
    (pipeline, table): (&str, &str),
    after: Option<&RejectKey>,
    limit: usize,
) -> Result<Vec<KeptReject>> {
    let mut statement = connection.prepare(
        "SELECT run_id, slice, seq, record, form, request_id, reason, raw FROM _tapline_rejects
         WHERE pipeline = ?1 AND table_name = ?2
         AND (?3 IS NULL OR (run_id, slice, seq, record, form) > (?3, ?4, ?5, ?6, ?7))
         ORDER BY run_id, slice, seq, record, form LIMIT ?8",
    )?;
    let found = statement.query_map(
        params![
            pipeline,
            table,
            after.map(|key| key.run.to_string()),
            after.map(|key| key.slice.as_str()),
            after.map(|key| signed(key.seq)),
            after.map(|key| signed(key.index)),
            after.map(|key| key.form.name()),
            signed(limit as u64),
        ],
        |row| {
            let ids: (String, String) = (row.get(0)?, row.get(5)?);
            let (slice, form): (String, String) = (row.get(1)?, row.get(4)?);
            let numbers: (i64, i64) = (row.get(2)?, row.get(3)?);
            let texts: (String, String) = (row.get(6)?, row.get(7)?);
            Ok((ids, slice, form, numbers, texts))
        },
    )?;
    let found = found.map(|row| {
        let ((run, request), slice, form, (seq, index), (reason, raw)) = row?;
        Ok(KeptReject {
            key: RejectKey {
                run: id("run id", &run)?,
                slice,
                seq: seq.cast_unsigned(),
                index: index.cast_unsigned(),
                form: RejectForm::parse(&form),
            },
            request_id: id("request id", &request)?,
            reason,
            raw,
        })
    });
    found.collect()
}

/// The pages that a pipeline has loaded into a table, in their order. What tapline itself has logged
/// there was no answer of a source, and has no status.
pub(crate) fn pages(
    connection: &Connection,
    pipeline: &str,
    table: &str,
) -> Result<Vec<LoadedPage>> {
    let mut statement = connection.prepare(
        "SELECT run_id, request_id FROM _tapline_requests
         WHERE pipeline = ?1 AND table_name = ?2 AND status <> 0 ORDER BY rowid",
    )?;
    let found = statement.query_map([pipeline, table], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let found = found.map(|row| {
        let (run, request): (String, String) = row?;
        Ok(LoadedPage {
            run: id("run id", &run)?,
            request: id("request id", &request)?,
        })
    });
    found.collect()
}

pub(crate) fn id(what: &'static str, text: &str) -> Result<Uuid> {
    Uuid::parse_str(text).map_err(|_| corrupt(what, text))
}

/// Marks what is stored of this run as published, so that nobody resumes it; of a table that was
/// replaced, what is stored of any. What was published earlier is forgotten; only the last run can
/// still be asked to repeat a commit.
pub(crate) fn mark_published(connection: &Connection, owner: &Owner) -> Result<()> {
    let run = owner.key.run.to_string();
    connection.execute(
        "DELETE FROM _tapline_commits
         WHERE pipeline = ?1 AND table_name = ?2 AND published = 1 AND run_id <> ?3",
        params![owner.key.pipeline, owner.table, run],
    )?;
    connection.execute(
        "UPDATE _tapline_commits SET published = 1
         WHERE pipeline = ?1 AND table_name = ?2 AND (?3 OR run_id = ?4)",
        params![owner.key.pipeline, owner.table, owner.replace, run],
    )?;
    Ok(())
}

/// Forgets how far this run has got, whose rows were appended.
pub(crate) fn forget(connection: &Connection, owner: &Owner) -> Result<()> {
    connection.execute(
        "DELETE FROM _tapline_commits
         WHERE pipeline = ?1 AND table_name = ?2 AND run_id = ?3 AND published = 0",
        params![owner.key.pipeline, owner.table, owner.key.run.to_string()],
    )?;
    Ok(())
}

/// Forgets how far a generation has got that is not published, and what it rejected.
pub(crate) fn forget_generation(
    connection: &Connection,
    owner: &Owner,
    generation: i64,
) -> Result<()> {
    let ours = params![owner.key.pipeline, owner.table, generation];
    connection.execute(
        "DELETE FROM _tapline_rejects WHERE pipeline = ?1 AND table_name = ?2 AND run_id IN (
            SELECT run_id FROM _tapline_commits WHERE pipeline = ?1 AND table_name = ?2
            AND generation = ?3 AND published = 0)",
        ours,
    )?;
    forget_positions(connection, owner, generation)
}

/// Forgets how far a generation has got that is not published.
pub(crate) fn forget_positions(
    connection: &Connection,
    owner: &Owner,
    generation: i64,
) -> Result<()> {
    connection.execute(
        "DELETE FROM _tapline_commits WHERE pipeline = ?1 AND table_name = ?2 AND generation = ?3
         AND published = 0",
        params![owner.key.pipeline, owner.table, generation],
    )?;
    Ok(())
}

/// Forgets what other runs have rejected, whose rows were replaced.
pub(crate) fn forget_rejects_of_others(connection: &Connection, owner: &Owner) -> Result<()> {
    connection.execute(
        "DELETE FROM _tapline_rejects WHERE pipeline = ?1 AND table_name = ?2 AND run_id <> ?3",
        params![owner.key.pipeline, owner.table, owner.key.run.to_string()],
    )?;
    Ok(())
}

/// The last commit of each slice of each generation that is not published.
///
/// If several runs filled a generation the one with the highest fence knows best. If several
/// tables did, the one that got least far decides: the others ignore what is repeated.
pub(crate) fn recover(connection: &Connection, pipeline: &str) -> Result<Vec<LastCommit>> {
    let mut statement = connection.prepare(
        "SELECT table_name, generation, slice, run_id, fence, seq, position, progress
         FROM _tapline_commits WHERE pipeline = ?1 AND published = 0
         ORDER BY generation, slice, table_name, fence DESC, seq DESC",
    )?;
    let mut rows = statement.query([pipeline])?;
    let mut found: Vec<LastCommit> = Vec::new();
    let mut last_table = None;
    while let Some(row) = rows.next()? {
        let commit = last_commit(row, pipeline)?;
        let table: String = row.get(0)?;
        let place = (commit.key.generation, commit.slice.clone(), table);
        if last_table.as_ref() == Some(&place) {
            continue;
        }
        last_table = Some(place);
        let same = |other: &&mut LastCommit| {
            other.key.generation == commit.key.generation && other.slice == commit.slice
        };
        match found.last_mut().filter(same) {
            Some(other) if other.seq <= commit.seq => {}
            Some(other) => *other = commit,
            None => found.push(commit),
        }
    }
    Ok(found)
}

fn last_commit(row: &rusqlite::Row<'_>, pipeline: &str) -> Result<LastCommit> {
    let run: String = row.get(3)?;
    let position: Option<String> = row.get(6)?;
    let position: Option<Position> = position
        .map(|text| serde_json::from_str(&text).map_err(|_| corrupt("position", &text)))
        .transpose()?;
    let progress: String = row.get(7)?;
    let progress: SliceProgress =
        serde_json::from_str(&progress).map_err(|_| corrupt("progress", &progress))?;
    Ok(LastCommit {
        key: CommitKey {
            pipeline: pipeline.to_owned(),
            run: id("run id", &run)?,
            generation: unsigned(row, 1)?,
            fence: unsigned(row, 4)?,
        },
        slice: row.get(2)?,
        seq: unsigned(row, 5)?,
        position,
        progress,
    })
}

fn corrupt(what: &'static str, text: &str) -> Failure {
    Failure::Corrupt {
        what,
        text: text.to_owned(),
    }
}

/// SQLite's integers are signed. Counters do not get that far; a size that did would be shown
/// as the largest there is.
pub(crate) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn unsigned(row: &rusqlite::Row<'_>, index: usize) -> rusqlite::Result<u64> {
    row.get(index).map(i64::cast_unsigned)
}
